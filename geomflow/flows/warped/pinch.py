r"""Running into a neckpinch: legs between which the grid is graded anew at the neck as it is now."""

from __future__ import annotations

from dataclasses import dataclass

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from geomflow.core.errors import ArgumentError, FlowError
from geomflow.flows.solve import Solution, integrate
from geomflow.flows.warped.grading import regraded
from geomflow.flows.warped.rotational import Profile, RotationalFlow

#: In one leg the neck shrinks by this factor. The grid is even up to this fraction of the neck at the end of the leg; a
#: finer one drowns second differences in rounding.
SHRINK, EVEN = 5.0, 0.5

NARROW = "the neck is as narrow as was asked for"
NO_NECK = "there is no neck any more"


@dataclass(frozen=True)
class Leg:
    r"""One leg: its flow (on its own grid), its run, and when it began."""

    flow: RotationalFlow
    solution: Solution
    start: float


@dataclass(frozen=True)
class Approach:
    r"""A neck followed until it is narrow.

    Attributes:
        legs: the runs, on one grid each; the time within a leg starts at 0.
        before: time from each step to the last one, positive and accurate however small, shape (S,).
        neck, bend: ψ and ψψ_ss at the neck, shape (S,).
        curvature: max |Rm|, shape (S,).
    """

    legs: tuple[Leg, ...]
    before: np.ndarray
    neck: np.ndarray
    bend: np.ndarray
    curvature: np.ndarray

    @property
    def time(self) -> float:
        r"""The time reached."""
        return self.legs[-1].start + self.legs[-1].solution.last_time

    @property
    def flow(self) -> RotationalFlow:
        r"""The flow on the last grid."""
        return self.legs[-1].flow

    @property
    def state(self) -> Profile:
        r"""The metric reached, on the last grid."""
        return self.legs[-1].solution.last


def approach(
    flow: RotationalFlow, state: Profile, radius: float, *, points: int = 301, rtol: float = 1e-10, start: float = 0.0
) -> Approach:
    r"""Run until the narrowest neck has a given radius, in legs in which it shrinks fivefold.

    Args:
        flow, state: where to start, on any grid that resolves the metric.
        radius: ψ at the neck where the run ends; near the singular time T it is (2(n-1)(T - t))^½.
        points: of the grids. Good values: 201 for 1e-5, 301 for 1e-8.
        rtol: of the integration.
        start: the initial time.

    Raises:
        ArgumentError: the metric has no neck, or it is narrower already.
        FlowError: the neck opens again, or the run got stuck. Numbers: `time`, `reason`.
    """
    now = float(flow.neck(state))
    if not now > radius > 0:
        raise ArgumentError(
            f"Argument `radius` must be positive and below that of the narrowest neck, {now:.6g}, but is {radius:.6g}."
            if np.isfinite(now)
            else "The metric has no neck: ψ has no local minimum between the poles. Give a dumbbell."
        )
    legs: list[Leg] = []
    time = start
    while not legs or now > radius * (1 + 1e-9):
        goal = max(now / SHRINK, radius)
        flow, state = regraded(flow, state, points=points, finest=EVEN * goal)
        leg = Leg(flow, _leg(flow, state, now, goal, rtol), time)
        time = leg.start + leg.solution.last_time
        if leg.solution.stopped_by != NARROW:
            reason = leg.solution.reason
            raise FlowError(f"The neck does not pinch: at t = {time:.6g} {reason}.", time=time, reason=reason)
        legs.append(leg)
        state, now = leg.solution.last, goal
    return _joined(legs)


def _leg(flow: RotationalFlow, state: Profile, now: float, goal: float, rtol: float) -> Solution:
    # a cylinder of this radius lives for ψ²/(2(n-1)); the neck of a dumbbell at most a few times as long
    longest = 4 * now**2 / (flow.dim - 2)
    return integrate(
        flow,
        state,
        np.array([0.0, longest]),
        rtol=rtol,
        atol=1e-2 * rtol * goal,
        method=flow.method(state),
        stops={NARROW: Narrow(flow, jnp.asarray(goal)), NO_NECK: HasNeck(flow)},
        watch=Watched(flow),
    )


def _joined(legs: list[Leg]) -> Approach:
    before, later = [], 0.0
    for leg in reversed(legs):
        history = leg.solution.history
        assert history is not None  # `_leg` watches
        before.append(later + leg.solution.last_time - history.times)
        later += leg.solution.last_time
    values = [leg.solution.history.values for leg in legs]  # pyright: ignore[reportOptionalMemberAccess]
    neck, bend, curvature = (np.concatenate([v[k] for v in values]) for k in range(3))
    # the first sample of a leg is the last of the one before it, on another grid
    joined = np.concatenate(before[::-1])
    keep = np.append(True, np.diff(joined) < 0)
    return Approach(tuple(legs), joined[keep], neck[keep], bend[keep], curvature[keep])


class Narrow(eqx.Module):
    r"""Positive until the neck is as narrow as a bound; also where there is none."""

    flow: RotationalFlow
    bound: Array

    def __call__(self, state: Profile) -> Float[Array, ""]:
        r"""Return neck/bound - 1."""
        return jnp.nan_to_num(self.flow.neck(state) / self.bound, nan=2.0) - 1


class HasNeck(eqx.Module):
    r"""Positive while the metric has a neck."""

    flow: RotationalFlow

    def __call__(self, state: Profile) -> Float[Array, ""]:
        r"""Return 1 or -1."""
        return jnp.where(jnp.isnan(self.flow.neck(state)), -1.0, 1.0)


class Watched(eqx.Module):
    r"""What is recorded on the way to a pinch."""

    flow: RotationalFlow

    def __call__(self, state: Profile) -> tuple[Array, Array, Array]:
        r"""Return ψ and ψψ_ss at the neck, and max |Rm|."""
        return *self.flow.neck_shape(state), self.flow.curvature(state)
