r"""A strictly parabolic flow as it is cheapest to evaluate: g^ab ∂_a ∂_b g_ij and what depends on first derivatives."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import sympy as sp

from geomflow.codegen.program import Program
from geomflow.core.errors import DerivationError
from geomflow.symbolic.jets import JetFrame, pairs

# Two polynomials that agree at this many random rational points agree, but for a chance below (degree/10^6)^POINTS.
POINTS = 2


def in_parabolic_form(program: Program, frame: JetFrame) -> Program:
    r"""Return a velocity as g^ab ∂_a ∂_b g_ij + Q_ij(g, ∂g), all other second derivatives having cancelled.

    Q is the velocity at vanishing second derivatives. That the two forms are equal is checked in exact arithmetic at
    random rational jets.

    Args:
        program: the velocity (packed), of the arguments g, dg, ddg first.
        frame: the jet frame of its stages.

    Raises:
        DerivationError: the second derivatives do not cancel: the flow is not in DeTurck's gauge.
    """
    order_two = {symbol: sp.S.Zero for symbol, _ in program.arguments[2].leaves()}
    packed = pairs(frame.dim)
    inverse = {ab: (1 if ab[0] == ab[1] else 2) * frame.inverse(*ab) for ab in packed}
    outputs = [
        sp.Add(output.xreplace(order_two), *(inverse[ab] * frame.jet(f"g_{i}{j}", ab) for ab in packed))
        for (i, j), output in zip(packed, program.outputs, strict=True)
    ]
    stages: dict[Any, Any] = {symbol: value.xreplace(order_two) for symbol, value in frame.assignments.items()}
    chance = random.Random(0)
    for _ in range(POINTS):
        jets = {
            symbol: sp.Rational(chance.randint(-(10**6), 10**6), 10**6)
            for argument in program.arguments
            for symbol, _ in argument.leaves()
        }
        known, found = (values_at(p, s, jets) for p, s in ((program.outputs, program.stages), (outputs, stages)))
        if known != found:
            raise DerivationError(
                f"The second derivatives in `{program.name}` are not g^ab ∂_a ∂_b g_ij alone. Put the flow into "
                "DeTurck's gauge first."
            )
    return replace(program, outputs=outputs, stages=stages)


def values_at(outputs: Sequence[Any], stages: Mapping[sp.Symbol, Any], jets: Mapping[sp.Symbol, Any]) -> list[Any]:
    r"""Return the exact outputs of a program at numbers for its arguments.

    Args:
        outputs, stages: of the program, the stages in the order in which they were named: each needs earlier ones only.
        jets: every symbol of its arguments -> a rational number.
    """
    values: dict[Any, Any] = dict(jets)
    for symbol, stage in stages.items():
        values[symbol] = stage.xreplace(values)
    return [sp.sympify(output).xreplace(values) for output in outputs]
