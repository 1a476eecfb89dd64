r"""What one leg has found, as plain arrays; and a whole run put together from its pieces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from geomflow.flows.solve.conditions import Stops, violated
from geomflow.flows.solve.leg import Place, Reached
from geomflow.flows.solve.solution import FINISHED, History, Solution, Stuck

# How a leg ended.
DONE, STOPPED, PAUSED, STUCK, LOST = "done", "stopped", "paused", "stuck", "lost"


class Piece(NamedTuple):
    r"""What one leg has found.

    Attributes:
        times, states: the output times reached in it, and the states there.
        watched_times, watched: times after its steps, and what was watched.
        last_time, last: where it ended.
        next_step: the length of the step to be tried next.
        steps: accepted and rejected ones.
        outcome: one of the words above.
        seconds: wall time.
    """

    times: np.ndarray
    states: Any
    watched_times: np.ndarray
    watched: Any
    last_time: float
    last: Any
    next_step: float
    steps: int
    outcome: str
    seconds: float


def piece(reached: Reached, place: Place, first: bool, times: np.ndarray, seconds: float) -> Piece:
    r"""Return what a leg found, without what belongs to the leg before it.

    Args:
        reached: what the compiled program returned, for one run.
        place: where the leg began.
        first: whether it is the first one.
        times: the output times of the whole run.
        seconds: what it took.
    """
    raw = reached.raw
    assert raw.ts is not None  # all are asked for by SaveAt
    assert raw.ys is not None
    last = jax.tree.map(lambda leaf: np.asarray(leaf)[0], raw.ys[1])
    last_time = float(raw.ts[1][0])
    there, ahead = np.isfinite(raw.ts[0]), np.sign(times[-1] - times[0]) * (times - float(place.time)) > 0
    new = there & ahead & _finite(raw.ys[0], times.size)
    states = jax.tree.map(lambda leaf: np.asarray(leaf)[new], raw.ys[0])
    found = times[new]
    if first:  # the initial state is there even where not a single step was taken
        found = np.concatenate([times[:1], found])
        states = jax.tree.map(lambda y, rest: np.concatenate([np.asarray(y)[None], rest]), place.state, states)
    watched_times, watched = np.zeros(0), None
    if len(raw.ts) > 2:
        at = np.asarray(raw.ts[2])
        # diffrax records the end twice where it was ready to locate a condition
        taken = np.isfinite(at) & np.concatenate([[first], at[1:] != at[:-1]])
        watched_times = at[taken]
        watched = jax.tree.map(lambda leaf: np.asarray(leaf)[taken], raw.ys[2])
    outcome = _outcome(raw) if all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(last)) else LOST
    next_step, steps = float(reached.next_step), int(raw.stats["num_steps"])
    return Piece(found, states, watched_times, watched, last_time, last, next_step, steps, outcome, seconds)


def _finite(states: Any, count: int) -> np.ndarray:
    each = [np.all(np.isfinite(np.reshape(leaf, (count, -1))), axis=1) for leaf in jax.tree.leaves(states)]
    return np.all(each, axis=0)


def _outcome(raw: diffrax.Solution) -> str:
    if raw.result == diffrax.RESULTS.successful:
        return DONE
    # by the mask and not by the result: near a blow-up rounding keeps the root finder from its tolerance
    if raw.event_mask is not None and bool(raw.event_mask):
        return STOPPED
    return PAUSED if raw.result == diffrax.RESULTS.max_steps_reached else STUCK


def joined(
    pieces: list[Piece], rhs: Callable[[Any, Any], Any], stops: Stops, interpolate: Callable[[Any], Any] | None = None
) -> Solution:
    r"""Put the pieces of a run together, and say why it ended."""
    end = pieces[-1]
    last = jax.tree.map(jnp.asarray, end.last)
    steps = sum(piece.steps for piece in pieces)
    stopped_by, stuck = None, None
    if end.outcome == DONE:
        reason = FINISHED
    elif end.outcome == STOPPED:
        stopped_by = reason = violated(stops, last)
    elif end.outcome == PAUSED:
        reason = f"it used all {steps} steps; raise `max_steps` or loosen `rtol`"
    elif end.outcome == STUCK:
        stuck = _stuck(rhs, end, last)
        reason = (
            f"the step size fell below its minimum, to {abs(end.next_step):.2g}: the state grows without bound, or its "
            f"rate of change is not defined further on ({stuck})"
        )
    else:
        reason = "the state ceased to be finite; take smaller steps"
    history = None
    if end.watched is not None:
        values = jax.tree.map(lambda *leaves: np.concatenate(leaves), *[piece.watched for piece in pieces])
        history = History(np.concatenate([piece.watched_times for piece in pieces]), values)
    return Solution(
        times=np.concatenate([piece.times for piece in pieces]),
        states=jax.tree.map(lambda *leaves: jnp.asarray(np.concatenate(leaves)), *[piece.states for piece in pieces]),
        last=last,
        last_time=end.last_time,
        completed=reason == FINISHED,
        reason=reason,
        steps=steps,
        seconds=sum(piece.seconds for piece in pieces),
        stopped_by=stopped_by,
        history=history,
        interpolate=interpolate,
        stuck=stuck,
    )


_rate = eqx.filter_jit(lambda rhs, t, y: rhs(t, y))


def _stuck(rhs: Callable[[Any, Any], Any], end: Piece, last: Any) -> Stuck:
    named, _ = jax.tree.flatten_with_path(last)
    rates = jax.tree.leaves(_rate(rhs, jnp.asarray(end.last_time), last))
    found = []
    for (path, leaf), rate in zip(named, map(np.asarray, rates), strict=True):
        value = np.asarray(leaf)
        with np.errstate(divide="ignore", invalid="ignore"):
            speed = np.where(np.isfinite(rate), np.abs(rate) / np.abs(value), np.inf)
        speed = np.nan_to_num(speed, nan=0.0, posinf=np.inf)  # 0/0: an entry that stays zero
        where = np.unravel_index(int(np.argmax(speed)), speed.shape)
        index = tuple(int(i) for i in where)
        name = jax.tree_util.keystr(path).lstrip(".")
        found.append((speed[where], Stuck(end.last_time, abs(end.next_step), name, index, value[where], rate[where])))
    return max(found, key=lambda pair: pair[0])[1]
