r"""Integration in time."""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Mapping
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optimistix
from jaxtyping import Array

from geomflow.core.errors import ArgumentError
from geomflow.core.precision import require_x64
from geomflow.flows.solve.methods import Explicit, Method
from geomflow.flows.solve.solution import FINISHED, History, Solution

#: The sentence for a run -> the condition that ends it: y -> number, positive as long as all is well.
Stops = Mapping[str, Callable[[Any], Array]]


def _margins(stops: Stops, y: Any) -> dict[str, Array]:
    return {name: condition(y) for name, condition in stops.items()}


def _margin(t: Any, y: Any, args: Any, **kwargs: Any) -> Array:
    # one number for all conditions: diffrax locates the change of sign of a single one only
    return jnp.min(jnp.stack(list(_margins(args[1], y).values())))


@eqx.filter_jit
def _solve(rhs, y0, times, rtol, atol, stops, watch, method, max_steps, dense, located):
    # every number that varies from run to run is an array, so that a ladder of runs compiles once
    root_finder = optimistix.Bisection(rtol=1e-12, atol=1e-14) if located else None
    event = diffrax.Event(_margin, root_finder) if stops else None
    span = times[-1] - times[0]
    subs = [diffrax.SubSaveAt(ts=times), diffrax.SubSaveAt(t1=True)]
    if watch is not None:
        subs.append(diffrax.SubSaveAt(t0=True, steps=True, fn=lambda t, y, args: args[2](y)))
    return diffrax.diffeqsolve(
        method.terms(lambda t, y, args: args[0](t, y)),
        method.solver(),
        t0=times[0],
        t1=times[-1],
        # a first step from the span alone: the automatic one costs two evaluations and guesses no better
        dt0=1e-3 * span,
        y0=y0,
        args=(rhs, stops, watch),
        # a state that is not finite only shrinks the step: below dtmin the run ends with what it has
        stepsize_controller=diffrax.PIDController(rtol=rtol, atol=atol, dtmin=1e-9 * jnp.abs(span), force_dtmin=False),
        saveat=diffrax.SaveAt(subs=subs, dense=dense),
        event=event,
        max_steps=max_steps,
        throw=False,
    )


# one member for each entry of the first axis of every array in rhs, y0, stops and watch
_MEMBERS = eqx.if_array(0)
_solve_many = eqx.filter_vmap(
    _solve, in_axes=(_MEMBERS, _MEMBERS, None, None, None, _MEMBERS, _MEMBERS, None, None, None, None)
)


def integrate(
    rhs: Callable[[Array, Any], Any],
    y0: Any,
    times: np.ndarray,
    *,
    rtol: float = 1e-9,
    atol: float = 1e-11,
    method: Method | None = None,
    stops: Stops | None = None,
    watch: Callable[[Any], Any] | None = None,
    max_steps: int = 16**4,
    dense: bool = False,
) -> Solution:
    r"""Integrate dy/dt = rhs(t, y) with adaptive steps.

    Args:
        rhs: an `eqx.Module` (its arrays are traced, so that a ladder of kernel widths compiles once) or a function.
        y0: initial state, float64: an array of any shape, or a pytree of them.
        times: output times, monotone, the first being the initial time; decreasing times integrate backward.
        rtol, atol: local error per step. Good values: 1e-9 and 1e-11.
        method: how to step; `Explicit()` by default.
        stops: conditions, by the sentence that becomes `Solution.reason`, checked after every step: the run ends where
            one of them changes from positive to negative; the time is located on the interpolant of the step.
        watch: y -> pytree of numbers, recorded after every step in `Solution.history`.
        max_steps: cap on the number of steps.
        dense: keep the interpolant of every step.

    Raises:
        PrecisionError: float32.
        ArgumentError: fewer than two output times, or times that are not strictly monotone.
    """
    times = _checked(y0, times)
    start = clock.perf_counter()
    tolerances, method = (jnp.asarray(rtol), jnp.asarray(atol)), method or Explicit()
    raw = _solve(rhs, y0, jnp.asarray(times), *tolerances, dict(stops or {}), watch, method, max_steps, dense, True)
    return _solution(raw, stops or {}, times, max_steps, start, dense)


def integrate_many(
    rhs: Callable[[Array, Any], Any],
    y0: Any,
    times: np.ndarray,
    *,
    rtol: float = 1e-9,
    atol: float = 1e-11,
    method: Method | None = None,
    stops: Stops | None = None,
    watch: Callable[[Any], Any] | None = None,
    max_steps: int = 16**4,
) -> list[Solution]:
    r"""Integrate an ensemble in one compiled program, each member with its own steps.

    Args:
        rhs, y0, stops, watch: as for `integrate`, every array in them with the members as its first axis.
        times, rtol, atol, method, max_steps: as for `integrate`, the same for all.

    Returns:
        One solution for each member; `seconds` is the time of all together. A member that meets a condition of `stops`
        ends with the step in which it does.

    Raises:
        PrecisionError, ArgumentError: as for `integrate`.
    """
    times = _checked(y0, times)
    start = clock.perf_counter()
    tolerances, method = (jnp.asarray(rtol), jnp.asarray(atol)), method or Explicit()
    # no event is located: the root finder refuses a member that met none
    options = (dict(stops or {}), watch, method, max_steps, False, False)
    raw = _solve_many(rhs, y0, jnp.asarray(times), *tolerances, *options)
    members, fixed = eqx.partition(raw, eqx.is_array)
    members = jax.tree.map(np.asarray, members)
    count = len(jax.tree.leaves(y0)[0])
    each = [eqx.combine(jax.tree.map(lambda leaf: leaf[i], members), fixed) for i in range(count)]  # noqa: B023
    return [_solution(one, _member(stops or {}, i), times, max_steps, start, False) for i, one in enumerate(each)]


def _checked(y0: Any, times: np.ndarray) -> np.ndarray:
    require_x64(*jax.tree.leaves(y0))
    times = np.asarray(times, dtype=float)
    steps = np.diff(times)
    if times.size < 2 or not (np.all(steps > 0) or np.all(steps < 0)):
        raise ArgumentError("Argument `times` must hold two or more strictly monotone times, the initial one first.")
    return times


def _member(tree: Any, index: int) -> Any:
    return jax.tree.map(lambda leaf: leaf[index] if eqx.is_array(leaf) else leaf, tree)


def _solution(
    raw: diffrax.Solution, stops: Stops, times: np.ndarray, max_steps: int, start: float, dense: bool
) -> Solution:
    assert raw.ys is not None  # both are asked for by SaveAt
    assert raw.ts is not None
    states, last = raw.ys[0], jax.tree.map(lambda leaf: leaf[0], raw.ys[1])
    stopped_by = None
    if raw.result == diffrax.RESULTS.successful:
        reason = FINISHED
    elif raw.result == diffrax.RESULTS.event_occurred:
        margins = {name: float(value) for name, value in _margins(stops, last).items()}
        stopped_by = reason = min(margins, key=lambda name: margins[name])
    elif raw.result == diffrax.RESULTS.max_steps_reached:
        reason = f"it used all {max_steps} steps; raise `max_steps` or loosen `rtol`"
    else:
        reason = "the step size fell below its minimum: the state grows without bound"
    finite = [np.all(np.isfinite(np.reshape(leaf, (times.size, -1))), axis=1) for leaf in jax.tree.leaves(states)]
    reached = int(np.sum(np.all(finite, axis=0)))
    return Solution(
        times=times[:reached],
        states=jax.tree.map(lambda leaf: leaf[:reached], states),
        last=last,
        last_time=float(raw.ts[1][0]),
        completed=reason == FINISHED,
        reason=reason,
        steps=int(raw.stats["num_steps"]),
        seconds=clock.perf_counter() - start,
        stopped_by=stopped_by,
        history=_history(raw) if len(raw.ts) > 2 else None,
        interpolate=raw.evaluate if dense else None,
    )


def _history(raw: diffrax.Solution) -> History:
    times, values = np.asarray(raw.ts[2]), raw.ys[2]  # pyright: ignore[reportOptionalSubscript]
    taken = np.isfinite(times)
    return History(times[taken], jax.tree.map(lambda leaf: np.asarray(leaf)[taken], values))
