r"""Rotationally symmetric spheres: the round one, dumbbells that pinch, and a pinch continued by surgery."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from geomflow.compare.neckpinch import asymptotics
from geomflow.core.errors import ArgumentError
from geomflow.experiments.flow.scene import Claim, Performance, Request, Scene, perform
from geomflow.experiments.flow.scenes.typed import function
from geomflow.figures.film import Frame, Revolution
from geomflow.flows.singularity import BlowUp
from geomflow.flows.solve import Solution
from geomflow.flows.warped.grading import from_profile
from geomflow.flows.warped.pinch import Leg, approach
from geomflow.flows.warped.rotational import Profile, RotationalFlow
from geomflow.flows.warped.surgery import Piece, flow_with_surgery

_DUMBBELL = "sin(s)*(1 - 0.8*sin(s)^2)"
_TYPED = f"the profile ψ(s) on [0, π], such as {_DUMBBELL}"
#: Neck at which a pinch is left: T - t of about 1e-10. Neck at which surgery is done.
_NARROW, _CUT = 2e-5, 2e-3
#: The coefficients of a neckpinch are 1 in theory; they are approached like 1/τ².
_COEFFICIENT = 0.02
#: A piece that vanishes has R_max/R_min - 1 below this at a hundredth of its radius.
_ROUND = 0.01


def _dimension(request: Request) -> int:
    dim = 3 if request.dim is None else request.dim
    if dim < 2:
        raise ArgumentError(f"A sphere with a meridian has dimension 2 or more, but --dim is {dim}.")
    return dim


def revolution(flow: RotationalFlow) -> Callable[[Profile], tuple[Revolution, ...]]:
    r"""Return the picture of a state: the surface of revolution, coloured by its scalar curvature."""

    def picture(state: Profile) -> tuple[Revolution, ...]:
        s, psi = flow.profile(state)
        return (Revolution(np.asarray(s), np.asarray(psi), np.asarray(flow.curvatures(state)[0])),)

    return picture


def state_at(legs: Sequence[Leg], time: float) -> tuple[RotationalFlow, Profile]:
    r"""Return flow and metric at a time that falls into one of the legs: the leg is run again up to there."""
    leg = max((leg for leg in legs if leg.start <= time), key=lambda leg: leg.start)
    state = Profile(*(values[0] for values in leg.solution.states))
    span = min(time, leg.start + leg.solution.last_time) - leg.start
    return leg.flow, leg.flow.run(state, span, rtol=1e-9).last if span > 0 else state


def _picture_at(legs: Sequence[Leg], time: float) -> tuple[Revolution, ...]:
    flow, state = state_at(legs, time)
    return revolution(flow)(state)


def _closer(start: float, end: float, count: int) -> np.ndarray:
    return end - (end - start) * (1 - np.linspace(0, 1, count)) ** 2


def _dumbbell(request: Request) -> Performance:
    dim, text = _dimension(request), request.initial or _DUMBBELL
    flow, state = from_profile(function(text, "s", _DUMBBELL), np.pi, dim=dim, points=request.grid or 201)
    run = approach(flow, state, _NARROW, points=request.grid or 301)
    found = asymptotics(run)
    claims = [
        Claim("ψ²/(2(n-1)(T - t)) at the neck tends to 1", abs(found.radius - 1), _COEFFICIENT),
        Claim("(n-1)/(2ψψ_ss) at the neck grows like τ, τ = -ln(T - t)", abs(found.bend - 1), _COEFFICIENT),
        Claim("the singularity is of type I", abs(found.blow_up.rate - 1), _COEFFICIENT, found.blow_up.rate_error),
    ]
    solutions = [leg.solution for leg in run.legs]
    return Performance(
        f"Ricci flow of ds² + ψ(s)² g on S^{dim}, ψ = {text}, in {len(run.legs)} legs, the grid graded anew in each.",
        run.time - run.before,
        {"Rm_max": run.curvature, "neck": run.neck, "neck_bend": run.bend},
        [Frame(float(t), _picture_at(run.legs, float(t))) for t in _closer(0.0, run.time, request.frames)],
        False,
        "the neck pinches",
        run.time,
        sum(solution.steps for solution in solutions),
        sum(solution.seconds for solution in solutions),
        BlowUp(**{**vars(found.blow_up), "time": found.time, "error": found.error}),
        claims,
        numbers={"profile, defect for |σ| <= 1": found.profile, "largest τ": found.tau},
    )


@dataclass(frozen=True)
class _Placed:
    r"""A piece, and whether it is drawn from right to left: a cut leaves two pieces with their caps last."""

    piece: Piece
    mirrored: bool

    @property
    def legs(self) -> tuple[Leg, ...]:
        return self.piece.legs if self.piece.approach is None else self.piece.approach.legs

    def lives(self, time: float) -> bool:
        return self.piece.born <= time < self.piece.died

    def everything(self) -> Iterator[_Placed]:
        yield self
        for piece, turned in zip(self.piece.pieces, (False, True)):
            yield from _Placed(piece, self.mirrored != turned).everything()


def _surgery(request: Request) -> Performance:
    text = request.initial or _DUMBBELL
    flow, state = from_profile(function(text, "s", _DUMBBELL), np.pi, dim=3, points=request.grid or 201)
    pieces = list(_Placed(flow_with_surgery(flow, state, _CUT), False).everything())
    end = max(placed.piece.died for placed in pieces)
    cuts = [placed.piece.died for placed in pieces if placed.piece.cut is not None]
    half = max(2, request.frames // 2)
    first = min([*cuts, end])
    after = first + (end - first) * np.linspace(0, 0.97, max(2, request.frames - half + 1))
    times = np.unique(np.concatenate([_closer(0.0, first, half + 1), after if cuts else []]))
    films, volumes = [], []
    for time in map(float, times):
        alive = [placed for placed in pieces if placed.lives(time)]
        there = [state_at(placed.legs, time) for placed in alive]
        volumes.append(sum(float(moved.volume(found)) for moved, found in there))
        shapes = [revolution(moved)(found)[0] for moved, found in there]
        films.append(Frame(time, tuple(s.mirrored() if p.mirrored else s for s, p in zip(shapes, alive))))
    ended = [placed.piece for placed in pieces if placed.piece.cut is None]
    legs = [leg.solution for placed in pieces for leg in placed.legs]
    return Performance(
        f"Ricci flow with surgery of ds² + ψ(s)² g on S³, ψ = {text}, necks cut at ψ = {_CUT:g}.",
        times,
        {"volume": np.array(volumes)},
        films,
        True,
        "every piece is extinct",
        end,
        sum(solution.steps for solution in legs),
        sum(solution.seconds for solution in legs),
        claims=[Claim(f"the piece that vanishes at t = {p.died:.8g} is round", p.roundness, _ROUND) for p in ended],
        numbers={
            "surgeries": len(cuts),
            "volume taken away by them": sum(p.piece.cut.drop for p in pieces if p.piece.cut is not None),
        },
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
    return perform(flow, state, request, about, 10.0, shapes=revolution(flow), claims=claims, rtol=1e-10)


SCENES: tuple[Scene, ...] = (
    Scene("round", "The round sphere shrinks to a point.", _round, ("dim", "grid")),
    Scene(
        "dumbbell", "A dumbbell on S³ (or S^dim) pinches off its neck.", _dumbbell, ("dim", "grid", "initial"), _TYPED
    ),
    Scene(
        "surgery",
        "A dumbbell on S³ pinches, is cut and capped, and both pieces vanish.",
        _surgery,
        ("grid", "initial"),
        _TYPED,
    ),
)
