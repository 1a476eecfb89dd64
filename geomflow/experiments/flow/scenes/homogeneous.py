r"""Left-invariant metrics: the unimodular groups of dimension three by name, and any frame that is typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import jax.numpy as jnp
from jaxtyping import Array

from geomflow.core.errors import ArgumentError
from geomflow.experiments.flow.scene import Claim, Performance, Request, Scene, perform
from geomflow.experiments.flow.scenes.typed import numbers
from geomflow.flows.homogeneous import DiagonalFlow, HomogeneousFlow, InvariantFlow
from geomflow.flows.singularity import BlowUp
from geomflow.flows.solve import Solution
from geomflow.symbolic.charts.lie_groups import LieAlgebra

#: Marks: conserved quantities and extinction times are reproduced to these relative errors.
_CONSERVED, _EXTINCTION = 1e-8, 1e-9

Invariants = dict[str, Callable[[Array], Array]]

#: What Ricci flow conserves: group -> name -> function of (A, B, C).
_KEPT: dict[str, Invariants] = {
    "nil": {"AB": lambda y: y[0] * y[1], "AC": lambda y: y[0] * y[2]},
    "sol": {"AC": lambda y: y[0] * y[2], "B(A - C)": lambda y: y[1] * (y[0] - y[2])},
    "e2": {"AB": lambda y: y[0] * y[1], "C(A + B)": lambda y: y[2] * (y[0] + y[1])},
}


def kept(solution: Solution, invariants: Invariants) -> list[Claim]:
    r"""Return a claim for each number that the flow is known to keep."""
    claims = []
    for name, value in invariants.items():
        first, last = float(value(solution.states[0])), float(value(solution.last))
        claims.append(Claim(f"{name} is conserved", abs(last / first - 1), _CONSERVED))
    return claims


def collapse(
    flow: HomogeneousFlow, state: Array, invariants: Invariants
) -> Callable[[Solution, BlowUp | None], Sequence[Claim]]:
    r"""Return what a run is held to: conserved numbers, and the extinction time where a formula gives it."""

    def claims(solution: Solution, singular: BlowUp | None) -> list[Claim]:
        found = kept(solution, invariants)
        known = flow.extinction(state)
        if known is not None and singular is not None:
            off = abs(singular.time / known - 1)
            found.append(Claim(f"T = {known:.10g}, by formula", off, _EXTINCTION, singular.error / known))
        return found

    return claims


def _named(group: str, start: str, end: float | None, request: Request) -> Performance:
    flow, state = DiagonalFlow(group), numbers(request.initial or start, 3)
    equations = ", ".join(f"{name}' = {rate}" for name, rate in flow.equations().items())
    about = f"Ricci flow of A ω1² + B ω2² + C ω3² on {group}: {equations}."
    return perform(
        flow, state, request, about, end, claims=collapse(flow, state, _KEPT.get(group, {})), rtol=1e-11, atol=1e-15
    )


def _typed(request: Request) -> Performance:
    if request.coframe is None:
        raise ArgumentError('The scene `lie-group` needs --coframe, such as "2*w2*w3; 2*w3*w1; 2*w1*w2".')
    algebra = LieAlgebra.from_coframe([text.strip() for text in request.coframe.split(";")])
    n = algebra.dim
    start = numbers(request.initial or " ".join(str(1 + a / 2) for a in range(n)), n)
    flow = InvariantFlow(algebra)
    state = flow.pack(jnp.diag(start))
    about = f"Ricci flow of left-invariant metrics, {algebra}, from diag({', '.join(f'{float(a):g}' for a in start)})."
    return perform(flow, state, request, about, 1.0, claims=collapse(flow, state, {}), rtol=1e-11, atol=1e-15)


def _scene(name: str, group: str, start: str, end: float | None, summary: str) -> Scene:
    return Scene(name, summary, partial(_named, group, start, end), ("initial",), f"A, B and C, such as {start}")


SCENES: tuple[Scene, ...] = (
    _scene("berger", "su2", "0.5 1 1", None, "A Berger sphere becomes round as it shrinks to a point."),
    _scene("su2", "su2", "1 1.5 2.5", None, "A triaxial metric on SU(2) = S³ becomes round as it shrinks."),
    _scene("e2", "e2", "1 1.5 2.5", 4.0, "On the motions of the plane every metric becomes flat."),
    _scene("nil", "nil", "1 1.5 2.5", 100.0, "On Nil the fibre collapses like t^(-1/3)."),
    _scene("sol", "sol", "1 1.5 2.5", 100.0, "On Sol two directions settle and one grows like t."),
    _scene("sl2r", "sl2r", "1 1.5 2.5", 100.0, "On SL(2, R) the circle settles over a growing hyperbolic plane."),
    Scene(
        "lie-group",
        "Any left-invariant frame, typed by dω1, dω2, ...",
        _typed,
        ("initial", "coframe"),
        "g_11, g_22, ...",
    ),
)
