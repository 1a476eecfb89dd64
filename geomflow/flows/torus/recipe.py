r"""What is generated for a flow that a user wrote down with abstract indices: one program for all its velocities."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import sympy as sp
from jaxtyping import Array

from geomflow.codegen.jet_functions import jet_program, scalar_arguments
from geomflow.codegen.program import Argument, Program
from geomflow.core.errors import ArgumentError
from geomflow.flows.torus.generate import background_arguments, define_gauge
from geomflow.symbolic.abstract.components import evaluate
from geomflow.symbolic.abstract.expression import DIMENSION, ONE, Expression, Head
from geomflow.symbolic.jets import JetFrame, pairs


class CurvatureJets(JetFrame):
    r"""A jet frame in which the Ricci tensor is a field of its own, with jets to order two.

    Velocities with up to two derivatives of curvature (four of the metric) are functions of such jets; on a grid the
    Ricci tensor is computed first, and then differentiated.
    """

    def ricci(self, i: int, j: int) -> sp.Expr:
        r"""Return the jet variable of Ric_ij."""
        i, j = min(i, j), max(i, j)
        return self.jet(f"Ric{i}{j}", ())


@dataclass(frozen=True)
class Recipe:
    r"""The right-hand side of a flow of a metric and fields, as it goes to the generator.

    Args:
        name: of the flow.
        metric: ∂_t g_ij.
        fields: (head, velocity) of each field that evolves.
        given: scalar fields that the metric determines by itself (f of a fixed measure), by name.
        gauge: whether the covector W of `define_gauge` stands in the velocities.
        background: whether W has a background connection.
        density: L of the functional that is watched along the flow; 1, the volume, by default.

    Raises:
        ArgumentError: a constant that is not a number.
    """

    name: str
    metric: Expression
    fields: tuple[tuple[Head, Expression], ...] = ()
    given: tuple[str, ...] = ()
    gauge: bool = False
    background: bool = False
    density: Expression = ONE

    def __post_init__(self) -> None:
        coefficients = [sp.sympify(c) for e in (*self.velocities, self.density) for c, _ in e.terms]
        missing = sorted({str(symbol) for c in coefficients for symbol in c.free_symbols - {DIMENSION}})
        if missing:
            raise ArgumentError(
                f"The {self.name} contains {', '.join(missing)}, which must be numbers here. Give them: "
                f"constants={{{', '.join(repr(name) + ': ...' for name in missing)}}}."
            )

    @property
    def velocities(self) -> tuple[Expression, ...]:
        r"""The velocity of the metric, then those of the fields."""
        return (self.metric, *(velocity for _, velocity in self.fields))

    @property
    def differentiates_curvature(self) -> bool:
        r"""Whether derivatives of curvature occur, so that four derivatives of the metric are needed."""
        factors = (f for e in self.velocities for _, fs in e.terms for f in fs)
        return any(f.derivatives and f.head.kind == "curvature" for f in factors)

    def program(self, dim: int) -> Program:
        r"""Return the program of every velocity: jets of g, [of Ric], of the fields, [the background]; packed."""
        frame, extra = self._frame(dim)
        outputs: list[sp.Expr] = []
        lines = []
        for name, components, velocity in self._parts(dim):
            values: Any = evaluate(velocity, frame) if velocity.terms else None
            outputs += [sp.S.Zero if values is None else values[index] for index in components]
            lines.append(f"    ${velocity.latex()}$ for {name}")
        doc = f"{self.name} in dimension {dim}, packed; the velocities are\n\n" + "\n\n".join(lines)
        return jet_program("velocity", frame, outputs, extra, doc)

    def density_program(self, dim: int) -> Program:
        r"""Return the program of the density of the functional, of the same arguments."""
        frame, extra = self._frame(dim)
        density: Any = evaluate(self.density, frame)[()]
        doc = f"The density ${self.density.latex()}$ in dimension {dim}."
        return jet_program("density", frame, [density], extra, doc)

    def _frame(self, dim: int) -> tuple[JetFrame, list[Argument]]:
        frame = CurvatureJets(dim) if self.differentiates_curvature else JetFrame(dim)
        extra: list[Argument] = []
        if self.differentiates_curvature:
            extra += jet_arguments(frame, "Ricci", [f"Ric{i}{j}" for i, j in pairs(dim)])
        for head, _ in self.fields:
            extra += field_arguments(frame, head)
        for name in self.given:
            extra += scalar_arguments(frame, name, 2)
        if self.gauge:
            define_gauge(frame, self.background)
            extra += background_arguments(frame) if self.background else []
        return frame, extra

    def _parts(self, dim: int) -> list[tuple[str, list[tuple[int, ...]], Expression]]:
        fields = [(head.name, independent(head, dim), velocity) for head, velocity in self.fields]
        return [("g", list(pairs(dim)), self.metric), *fields]


@cache
def compiled(recipe: Recipe, dim: int) -> tuple[Callable[..., Array], Callable[..., Array]]:
    r"""Return the generated functions of velocity and density, under `jax.jit`; equal recipes share them."""
    return jax.jit(recipe.program(dim).compile()), jax.jit(recipe.density_program(dim).compile())


def independent(head: Head, dim: int) -> list[tuple[int, ...]]:
    r"""Return the components of a field that its state holds: i <= j if symmetric, i < j < ... if antisymmetric."""
    every = range(dim)
    if head.symmetry == "antisymmetric":
        return list(itertools.combinations(every, head.rank))
    if head.symmetry == "symmetric":
        return list(itertools.combinations_with_replacement(every, head.rank))
    return list(itertools.product(every, repeat=head.rank))


def field_arguments(frame: JetFrame, head: Head) -> list[Argument]:
    r"""Return the arguments of a field and its derivatives, and define its components on the frame."""
    if head.rank == 0:
        return scalar_arguments(frame, head.name, 2)
    known = independent(head, frame.dim)
    names = {index: head.name + "".join(map(str, index)) for index in known}
    components: dict[tuple[int, ...], Any] = dict.fromkeys(
        itertools.product(range(frame.dim), repeat=head.rank), sp.S.Zero
    )
    for index in components:
        ordered = tuple(sorted(index)) if head.symmetry in ("symmetric", "antisymmetric") else index
        if ordered not in names:
            continue  # two equal indices of a form
        sign = sp.LeviCivita(*(sorted(index).index(i) for i in index)) if head.symmetry == "antisymmetric" else 1
        components[index] = sign * frame.jet(names[ordered], ())
    frame.define_field(head.name, components)
    return jet_arguments(frame, head.name, list(names.values()))


def jet_arguments(frame: JetFrame, argument: str, names: Sequence[str]) -> list[Argument]:
    r"""Return the arguments `T (C, *batch)`, `dT (C, n, *batch)`, `ddT (C, P, *batch)` of a field of C components."""
    each = [scalar_arguments(frame, name, 2) for name in names]
    return [Argument("d" * order + argument, tuple(e[order].symbols for e in each)) for order in range(3)]
