r"""Kähler-Ricci flows with U(n) symmetry: projective spaces, a blow-down, a collapse, a soliton."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.interpolate import BarycentricInterpolator

from geomflow.experiments.flow.scene import Claim, Performance, Request, Scene, perform
from geomflow.experiments.flow.scenes.typed import function, numbers
from geomflow.figures.film import Revolution
from geomflow.flows.kaehler import HirzebruchFlow, MomentumFlow, Profile, ProjectiveFlow
from geomflow.flows.singularity import BlowUp
from geomflow.flows.solve import Solution

_PROFILE = "x*(1 - x)*(1 - 1.5*x*(1 - x))"
_SAMPLES = 400


def fibre(flow: MomentumFlow) -> Callable[[Profile], tuple[Revolution, ...]]:
    r"""Return the picture of a state: dx²/(4F) + F dθ², a complex line (CP^n) or a fibre, as a surface."""

    def picture(state: Profile) -> tuple[Revolution, ...]:
        x, _ = flow.profile(state)
        length, y = float(x[-1] - x[0]), flow.interval.points
        # F = L d (k + d h), d = y(1-y), with y = sin²(θ/2): the arclength is ∫ √(L/(k + d h))/2 dθ
        angle = np.linspace(0, np.pi, _SAMPLES)
        at = np.sin(angle / 2) ** 2
        degree = flow.k if isinstance(flow, HirzebruchFlow) else 1
        smooth = degree + at * (1 - at) * BarycentricInterpolator(y, np.asarray(state.rest))(at)
        speed = np.sqrt(length / smooth) / 2
        s = np.concatenate([[0.0], np.cumsum((speed[1:] + speed[:-1]) / 2 * np.diff(angle))])
        radius = np.sqrt(length * smooth) * np.sin(angle) / 2
        return (Revolution(s, radius, BarycentricInterpolator(y, np.asarray(flow.curvatures(state)[1]))(at)),)

    return picture


def _class_claims(flow: MomentumFlow, state: Profile) -> Callable[[Solution, BlowUp | None], Sequence[Claim]]:
    def claims(solution: Solution, singular: BlowUp | None) -> list[Claim]:
        ending = flow.ending(state)
        if ending is None or singular is None:
            return []
        off = abs(singular.time / ending.time - 1)
        text = f"at T = {ending.time:.10g}, as the class of the metric says, {ending.event}"
        return [Claim(text, off, 1e-6, singular.error / ending.time)]

    return claims


def _projective(request: Request) -> Performance:
    n = (request.dim or 2) // 2
    flow = ProjectiveFlow(n, request.grid or 24)
    text = request.initial or _PROFILE
    state = flow.state(function(text, "x", _PROFILE), 1.0)
    about = f"Kähler-Ricci flow on CP^{n} with U({n}) symmetry, momentum profile F(x) = {text} on [0, 1]."
    return perform(flow, state, request, about, None, shapes=fibre(flow), claims=_class_claims(flow, state), rtol=1e-10)


def _hirzebruch(start: str) -> Callable[[Request], Performance]:
    def play(request: Request) -> Performance:
        flow = HirzebruchFlow(size=request.grid or 96)
        a, b = (float(end) for end in numbers(request.initial or start, 2))
        state = flow.standard(a, b)
        about = f"Kähler-Ricci flow on CP² blown up in a point, momenta {a:g} <= x <= {b:g}; the picture is a fibre."
        claims = _class_claims(flow, state)
        # the grid follows the line down to a few thousandths of its area
        return perform(
            flow, state, request, about, None, shapes=fibre(flow), claims=claims, most_curvature=3e3 / a, rtol=1e-9
        )

    return play


SCENES: tuple[Scene, ...] = (
    Scene(
        "projective",
        "A U(n)-symmetric metric on CP^n becomes Fubini-Study as it shrinks (--dim 2n).",
        _projective,
        ("initial", "dim", "grid"),
        f"the momentum profile F(x) on [0, 1], such as {_PROFILE}",
    ),
    Scene(
        "blow-down",
        "On CP² blown up in a point the exceptional line is contracted.",
        _hirzebruch("1 4"),
        ("initial", "grid"),
        "the ends a and b of the interval, such as 1 4",
    ),
    Scene(
        "fibres",
        "On CP² blown up in a point the fibres collapse to a line.",
        _hirzebruch("1 2"),
        ("initial", "grid"),
        "the ends a and b of the interval, such as 1 2",
    ),
)
