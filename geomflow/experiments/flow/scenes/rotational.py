r"""Rotationally symmetric spheres: the round one, dumbbells that pinch, and a pinch continued by surgery."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from geomflow.core.errors import ArgumentError
from geomflow.experiments.flow.scene import Claim, Performance, Request, Scene, perform
from geomflow.experiments.flow.scenes.typed import function
from geomflow.figures.film import Revolution
from geomflow.flows.singularity import BlowUp
from geomflow.flows.solve import Solution
from geomflow.flows.warped.grading import from_profile
from geomflow.flows.warped.rotational import Profile, RotationalFlow

_DUMBBELL = "sin(s)*(1 - 0.8*sin(s)^2)"
#: max |Rm| at which a pinch is taken as singular: T - t of about 1e-7.
_MOST_CURVATURE = 1e7


def revolution(flow: RotationalFlow) -> Callable[[Profile], tuple[Revolution, ...]]:
    r"""Return the picture of a state: the surface of revolution, coloured by its scalar curvature."""

    def picture(state: Profile) -> tuple[Revolution, ...]:
        s, psi = flow.profile(state)
        return (Revolution(np.asarray(s), np.asarray(psi), np.asarray(flow.curvatures(state)[0])),)

    return picture


def _dimension(request: Request) -> int:
    dim = 3 if request.dim is None else request.dim
    if dim < 2:
        raise ArgumentError(f"A sphere with a meridian has dimension 2 or more, but --dim is {dim}.")
    return dim


def _dumbbell(request: Request) -> Performance:
    dim = _dimension(request)
    flow, state = from_profile(
        function(request.initial or _DUMBBELL, "s", _DUMBBELL), np.pi, dim=dim, points=request.grid or 401, finest=1e-3
    )
    about = f"Ricci flow of ds² + ψ(s)² g on S^{dim}, ψ = {request.initial or _DUMBBELL}, {len(state.phi)} points."
    return perform(
        flow, state, request, about, 10.0, shapes=revolution(flow), most_curvature=_MOST_CURVATURE, rtol=1e-10
    )


def _round(request: Request) -> Performance:
    dim = _dimension(request)
    flow, state = from_profile(np.sin, np.pi, dim=dim, points=request.grid or 101)
    extinction = 1 / (2 * (dim - 1))

    def claims(solution: Solution, singular: BlowUp | None) -> list[Claim]:
        assert solution.history is not None
        times, values = solution.history.times, solution.history.values
        off = np.max(np.abs(values["radius"] ** 2 / (1 - times / extinction) - 1))
        found = [Claim(f"r² = 1 - {2 * (dim - 1)} t", float(off), 1e-6)]
        if singular is not None:
            found.append(Claim(f"T = 1/{2 * (dim - 1)}", abs(singular.time - extinction), 1e-9, singular.error))
        return found

    about = f"Ricci flow of the unit sphere S^{dim}, {len(state.phi)} points."
    return perform(
        flow, state, request, about, 10.0, shapes=revolution(flow), most_curvature=1e6, claims=claims, rtol=1e-10
    )


SCENES: tuple[Scene, ...] = (
    Scene("round", "The round sphere shrinks to a point.", _round, ("dim", "grid")),
    Scene(
        "dumbbell",
        "A dumbbell on S³ (or S^dim) pinches off its neck.",
        _dumbbell,
        ("dim", "grid", "initial"),
        f"the profile ψ(s) on [0, π], such as {_DUMBBELL}",
    ),
)
