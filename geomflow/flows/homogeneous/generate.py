r"""The tensors of left-invariant metrics: derived by the symbolic half, generated once.

Two forms. A *diagonal* metric on one group has short exact components in its own entries. Any other metric g = L Lᵀ is
seen from its orthonormal frame e'_a = (L^-T)_ba e_b, in which curvature is a quadratic polynomial in the structure
constants c' of that frame, one and the same for every group of a dimension:

    Ric'_ab = Q_ab(c'),    Ric = L Ric' Lᵀ

There is no division and no determinant in Q, so that nothing is lost for metrics close to collapse. The groups of
Milnor's frames, dω1 = l1 ω2∧ω3 and cyclic, share one program of diagonal metrics, in which l1, l2, l3 are arguments.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import numpy as np
import sympy as sp

from geomflow.codegen.layouts import components
from geomflow.codegen.program import Argument, Program
from geomflow.core.errors import ArgumentError
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.charts.frames import Frame
from geomflow.symbolic.charts.lie_groups import LieAlgebra, left_invariant, unimodular
from geomflow.symbolic.charts.metric import Metric

Generated = Callable[..., Any]

#: The unimodular algebra of dimension three with any constants l1, l2, l3.
MILNOR = unimodular("l1", "l2", "l3")


def milnor_constants(algebra: LieAlgebra) -> tuple[sp.Expr, ...] | None:
    r"""Return (l1, l2, l3) of an algebra with dω1 = l1 ω2∧ω3 and cyclic; None if it is not of this kind."""
    places = ((0, 1, 2), (1, 2, 0), (2, 0, 1))
    if algebra.dim != 3 or any(
        value != 0 and index not in places and (index[0], index[2], index[1]) not in places
        for index, value in np.ndenumerate(algebra.structure)
    ):
        return None
    return tuple(-algebra.structure[place] for place in places)


def names(dim: int) -> tuple[str, ...]:
    r"""Return what the entries of a diagonal metric are called: A, B, C up to three, g1, g2, ... above."""
    return tuple("ABC"[:dim]) if dim <= 3 else tuple(f"g{a + 1}" for a in range(dim))


def diagonal_metric(algebra: LieAlgebra) -> Metric:
    r"""Return the metric A ω1² + B ω2² + ... with positive entries.

    Raises:
        ArgumentError: its Ricci tensor is not diagonal, so that Ricci flow leaves the diagonal metrics. Numbers:
            `component` (indices from 1), `value` (the component of Ric).
    """
    metric = left_invariant(algebra, " ".join(names(algebra.dim)))
    for a, b in itertools.combinations(range(algebra.dim), 2):
        value = metric.ricci()[a, b]
        if value != 0:
            raise ArgumentError(
                "Ricci flow does not keep this metric diagonal: in the frame given, "
                f"Ric(e{a + 1}, e{b + 1}) = {sp.factor(value)} is not zero for diagonal metrics. Use another frame, or "
                "the full flow: InvariantFlow(algebra).",
                component=(a + 1, b + 1),
                value=value,
            )
    return metric


def diagonal_rates(algebra: LieAlgebra, *, normalised: bool = False) -> dict[str, sp.Expr]:
    r"""Return {"A": dA/dt, ...} of Ricci flow, factored; with the volume kept if `normalised`.

    Raises:
        ArgumentError: as `diagonal_metric`.
    """
    metric = diagonal_metric(algebra)
    ricci, every = metric.ricci(), range(algebra.dim)
    entries: list[Any] = [metric.g()[a, a] for a in every]
    scalar = sp.Add(*(ricci[a, a] / entries[a] for a in every))
    kept = 2 * scalar / algebra.dim if normalised else sp.S.Zero
    return {str(g): sp.factor(-2 * ricci[a, a] + kept * g) for a, g in enumerate(entries)}  # pyright: ignore[reportReturnType]


def diagonal_programs(algebra: LieAlgebra) -> dict[str, Program]:
    r"""Return `ricci` (its n diagonal components) and `kretschmann` (R_abcd R^abcd) of a diagonal metric, by name."""
    metric = diagonal_metric(algebra)
    arguments = [Argument("g", tuple(metric.g()[a, a] for a in range(algebra.dim)))]
    if algebra.constants:
        known = {c.name: c for c in metric.chart.constants}
        arguments.append(Argument("l", tuple(known[c.name] for c in algebra.constants)))
    ricci = [metric.ricci()[a, a] for a in range(algebra.dim)]
    kretschmann = [metric.chart.sympy(metric.kretschmann().components[()])]
    return {
        "ricci": Program("diagonal_ricci", arguments, ricci, doc=f"Ric(e_a, e_a) of {metric}, with {algebra}."),
        "kretschmann": Program("diagonal_kretschmann", arguments, kretschmann, doc=f"|Rm|² of {metric}."),
    }


def orthonormal_metric(dim: int) -> Metric:
    r"""Return δ_ab in a frame whose brackets are unknowns c^k_ab, a < b; they stand for any that satisfy Jacobi."""
    planes = list(itertools.combinations(range(dim), 2))
    unknowns = [_unknown(k, a, b) for k in range(dim) for a, b in planes]
    chart = Chart([sp.Symbol(f"e{a + 1}") for a in range(dim)], unknowns)
    structure = np.full((dim,) * 3, chart.field.zero, dtype=object)
    for k in range(dim):
        for a, b in planes:
            structure[k, a, b] = chart.element(_unknown(k, a, b))
            structure[k, b, a] = -structure[k, a, b]
    unmoved = np.full((dim, dim), chart.field.zero, dtype=object)
    return Metric(chart, chart.elements(np.eye(dim, dtype=int)), Frame(chart, unmoved, structure))


def _unknown(k: int, a: int, b: int) -> sp.Symbol:
    return sp.Symbol(f"c{k + 1}_{a + 1}{b + 1}", real=True)


def orthonormal_programs(dim: int) -> dict[str, Program]:
    r"""Return `ricci` (packed) and `riemann` (independent components) in an orthonormal frame, by name.

    Both take c of shape (n, n(n-1)/2, *batch): c^k_ab for every k and a < b.
    """
    metric = orthonormal_metric(dim)
    planes = list(itertools.combinations(range(dim), 2))
    argument = Argument("c", tuple(tuple(_unknown(k, a, b) for a, b in planes) for k in range(dim)))
    ricci, riemann = metric.ricci(), metric.riemann()
    outputs = {
        "ricci": [ricci[index] for index in components("symmetric", dim)],
        "riemann": [riemann[index] for index in components("riemann", dim)],
    }
    doc = "in an orthonormal left-invariant frame with [e_a, e_b] = c^k_ab e_k."
    # without rules for derivatives, which JAX finds as well: in dimension five they are most of the text
    return {
        name: Program(f"orthonormal_{name}", [argument], values, doc=doc, derivatives=False)
        for name, values in outputs.items()
    }


_KNOWN: dict[tuple[str, ...], dict[str, Generated]] = {}


def diagonal(algebra: LieAlgebra) -> dict[str, Generated]:
    r"""Return the compiled programs of `diagonal_programs`; algebras with equal constants share them."""
    key = tuple(str(value) for value in algebra.structure.ravel())
    if key not in _KNOWN:
        _KNOWN[key] = {name: jax.jit(program.compile()) for name, program in diagonal_programs(algebra).items()}
    return _KNOWN[key]


@cache
def orthonormal(dim: int) -> dict[str, Generated]:
    r"""Return the compiled programs of `orthonormal_programs`."""
    return {name: jax.jit(program.compile()) for name, program in orthonormal_programs(dim).items()}
