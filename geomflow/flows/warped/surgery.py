r"""Ricci flow with surgery on rotationally symmetric spheres: cut a thin neck, cap both ends, go on with both pieces.

At the middle s_0 of a neck of radius r the sphere is cut, and with d = |s - s_0| each side becomes

    ψ̃(d) = r tanh(d/r) [1 + (ψ/r - 1) tanh(d/r)^8]:

the standard cap r tanh(d/r), of positive curvature and smooth at its tip, within one radius of the cut, and what was
there before, up to exponentially small terms, beyond a few.

Reference: R. Hamilton, Comm. Anal. Geom. 5 (1997) 1, section 4; G. Perelman, arXiv:math/0303109, sections 2 and 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from geomflow.core.card import Card
from geomflow.core.errors import FlowError, MetricError
from geomflow.flows.singularity import BlowUp, blow_up
from geomflow.flows.solve import integrate
from geomflow.flows.warped.grading import as_function, find_necks, from_profile, regraded
from geomflow.flows.warped.pinch import NO_NECK, Approach, Leg, approach
from geomflow.flows.warped.rotational import Profile, RotationalFlow

#: Surgery is refused at a neck that is no δ-neck for this δ: the cap takes three radii.
DELTA = 0.3
#: The fractions of its largest radius at which a piece is half way to extinction, and near it; its grid in between.
HALF, EXTINCT, EVEN_POINTS = 0.5, 1e-2, 151
VANISHES = "the piece is about to vanish"


@dataclass(frozen=True)
class Cut:
    r"""One surgery.

    Attributes:
        radius, place: of the neck, ψ and s.
        delta: the least δ for which it is a δ-neck.
        sides: flow and state of either piece, the pole that was there at x = 0, the cap at x = π.
        volumes: before, and of either piece.
    """

    radius: float
    place: float
    delta: float
    sides: tuple[tuple[RotationalFlow, Profile], tuple[RotationalFlow, Profile]]
    volumes: tuple[float, float, float]

    @property
    def drop(self) -> float:
        r"""The volume that surgery took away."""
        return self.volumes[0] - self.volumes[1] - self.volumes[2]


@dataclass(frozen=True)
class Piece:
    r"""A piece of the manifold, from its birth to its end: surgery, which leaves two pieces, or extinction.

    Attributes:
        born, died: times; extinction is extrapolated.
        volume_born, volume_died: volumes at birth and just before the end.
        approach, cut, pieces: how it ran into a neck, was cut, and what was left; where it ended in surgery.
        legs, end: how it became extinct, on two grids; where it did.
        roundness: R_max/R_min - 1 at the end of the last leg.
    """

    born: float
    died: float
    volume_born: float
    volume_died: float
    approach: Approach | None = None
    cut: Cut | None = None
    pieces: tuple[Piece, ...] = ()
    legs: tuple[Leg, ...] = ()
    end: BlowUp | None = None
    roundness: float = float("nan")

    def everything(self) -> Iterator[Piece]:
        r"""Yield this piece and all that came of it."""
        yield self
        for piece in self.pieces:
            yield from piece.everything()

    def __str__(self) -> str:
        card = Card("Ricci flow with surgery")
        for piece in self.everything():
            card.row("t", f"{piece.born:.8g} to {piece.died:.8g}", piece.story())
        return str(card)

    def story(self) -> str:
        r"""Return what became of it, in words."""
        if self.cut is None:
            return f"volume {self.volume_born:.4g}, extinct, R_max/R_min - 1 = {self.roundness:.1e}"
        return f"volume {self.volume_born:.4g}, cut at ψ = {self.cut.radius:.3g}, which takes {self.cut.drop:.2e}"


def flow_with_surgery(
    flow: RotationalFlow,
    state: Profile,
    radius: float,
    *,
    delta: float = DELTA,
    points: int = 301,
    rtol: float = 1e-9,
    start: float = 0.0,
) -> Piece:
    r"""Run to extinction, with surgery at every neck that becomes as narrow as `radius`.

    Args:
        flow, state: where to start.
        radius: ψ of the necks that are cut.
        delta: surgery is refused at necks that are no δ-necks.
        points, rtol: of the grids and the integration.
        start: the initial time.

    Returns:
        The first piece; `piece.pieces` are those that came of it, and so on.

    Raises:
        ArgumentError: a neck is narrower than `radius` from the start.
        MetricError: no δ-neck at a neck of this radius. Numbers: `delta`.
        FlowError: a run got stuck. Numbers: `time`.

    Good values: a radius of 1e-2 or less of that of the bumps; δ falls only like (-ln radius)^{-1/2}.
    Limits: no piece is thrown away for being of positive curvature, all are followed to the end.
    """
    volume = float(flow.volume(state))
    if np.isfinite(float(flow.neck(state))):
        try:
            run = approach(flow, state, radius, points=points, rtol=rtol, start=start)
        except FlowError as error:
            if error.numbers.get("reason") != NO_NECK:
                raise
        else:
            cut = surgery(run.flow, run.state, delta=delta, points=points)
            pieces = tuple(
                flow_with_surgery(*side, radius, delta=delta, points=points, rtol=rtol, start=run.time)
                for side in cut.sides
            )
            return Piece(start, run.time, volume, cut.volumes[0], approach=run, cut=cut, pieces=pieces)
    return _to_extinction(flow, state, volume, rtol, start)


def surgery(flow: RotationalFlow, state: Profile, *, delta: float = DELTA, points: int = 301) -> Cut:
    r"""Cut the narrowest neck and cap both ends.

    Raises:
        MetricError: no neck, or none that is a δ-neck. Numbers: `delta`.
    """
    necks = find_necks(*flow.profile(state))
    if not necks:
        raise MetricError("There is nothing to cut: ψ has no local minimum between the poles.")
    place, radius = min(necks, key=lambda neck: neck[1])
    psi, length = as_function(flow, state)
    found = neck_delta(psi, place, radius, min(place, length - place))
    if found > delta:
        raise MetricError(
            f"The neck of radius {radius:.4g} is a δ-neck for δ = {found:.3g} only, and surgery asks for {delta:.3g}. "
            "Run on to a smaller radius.",
            delta=found,
        )
    left = _capped(psi, place, radius)
    right = _capped(lambda s: psi(length - s), length - place, radius)
    sides = tuple(
        from_profile(side, end, dim=flow.dim, points=points, finest=radius / 4, necks=[end])
        for side, end in ((left, place), (right, length - place))
    )
    volumes = tuple(float(f.volume(y)) for f, y in ((flow, state), *sides))
    return Cut(radius, place, found, sides, volumes)  # pyright: ignore[reportArgumentType]


def neck_delta(psi: Callable[[np.ndarray], np.ndarray], place: float, radius: float, reach: float) -> float:
    r"""Return the least δ such that |ψ/r - 1|, |ψ_s| and r|ψ_ss| are at most δ within r/δ of the middle of a neck."""
    step = radius / 20
    k = np.arange(1, int(reach / step))
    worst = np.zeros(len(k))
    for sign in (1, -1):
        before, here, after = (np.asarray(psi(place + sign * step * (k + j))) for j in (-1, 0, 1))
        slope, bend = (after - before) / (2 * step), radius * (after - 2 * here + before) / step**2
        worst = np.maximum(worst, np.max(np.abs([here / radius - 1, slope, bend]), axis=0))
    worst = np.maximum.accumulate(worst)
    # within r/δ for δ = 20/k: the farthest k for which the worst there is below that δ
    holds = np.flatnonzero(worst <= radius / (k * step))
    return float(radius / (k[holds[-1]] * step)) if len(holds) else float("inf")


def _capped(psi: Callable[[np.ndarray], np.ndarray], place: float, radius: float) -> Callable[[np.ndarray], np.ndarray]:
    def profile(s: np.ndarray) -> np.ndarray:
        cap = np.tanh((place - np.asarray(s)) / radius)
        return radius * cap * (1 + (psi(s) / radius - 1) * cap**8)

    return profile


def _to_extinction(flow: RotationalFlow, state: Profile, volume: float, rtol: float, start: float) -> Piece:
    # half way the tips of horns have drawn in, and a grid that is fine there would drown them in rounding
    first = _leg(flow, state, HALF, rtol, start)
    even = regraded(flow, first.solution.last, points=EVEN_POINTS)
    second = _leg(*even, EXTINCT / HALF, rtol, first.start + first.solution.last_time)
    history = second.solution.history
    assert history is not None  # `_leg` watches
    end = blow_up(history.times, history.values["curvature"])
    last = {name: float(values[-1]) for name, values in history.values.items()}
    return Piece(
        start,
        second.start + end.time,
        volume,
        last["volume"],
        legs=(first, second),
        end=end,
        roundness=last["R_max"] / last["R_min"] - 1,
    )


def _leg(flow: RotationalFlow, state: Profile, fraction: float, rtol: float, start: float) -> Leg:
    # until the largest ψ has fallen to a fraction of what it is
    largest = float(jnp.max(state.psi))
    # it falls at least as fast as on a cylinder, and where dim = 2 no slower than that of a hemisphere
    longest = largest**2 / (2 * max(flow.dim - 2, 0.5))
    solution = integrate(
        flow,
        state,
        np.array([0.0, longest]),
        rtol=rtol,
        atol=1e-2 * rtol * fraction * largest,
        method=flow.method(state),
        stops={VANISHES: Vanishes(jnp.asarray(fraction * largest))},
        watch=flow.observables,
    )
    if solution.stopped_by != VANISHES:
        time = start + solution.last_time
        raise FlowError(f"A piece was to become extinct, but at t = {time:.6g} {solution.reason}.", time=time)
    return Leg(flow, solution, start)


class Vanishes(eqx.Module):
    r"""Positive until the largest ψ falls to a bound."""

    bound: Array

    def __call__(self, state: Profile) -> Float[Array, ""]:
        r"""Return max ψ/bound - 1."""
        return jnp.max(state.psi) / self.bound - 1
