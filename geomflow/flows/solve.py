r"""Integration in time: the only file that calls diffrax."""

from __future__ import annotations

import time as clock
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from geomflow.core.errors import ArgumentError, FlowError
from geomflow.core.precision import require_x64


@dataclass(frozen=True)
class Solution:
    r"""What an integration returned: everything up to the time it reached, and why it ended there.

    Attributes:
        times: the output times reached, shape (T,).
        states: the states there, shape (T, *state); for a state that is a pytree, a pytree of these.
        last: the last state reached (later than `times[-1]` when the run stopped between two output times).
        last_time: its time.
        completed: whether the final time was reached.
        reason: one sentence; "reached the final time" when completed.
        steps: accepted and rejected steps together.
        seconds: wall time, compilation included.
        interpolate: t -> state, when dense output was asked for.
        wave_vector: of the Fourier mode that changed most, when a flow on a torus stopped early.
    """

    times: np.ndarray
    states: Any
    last: Any
    last_time: float
    completed: bool
    reason: str
    steps: int
    seconds: float
    interpolate: Callable[[Any], Array] | None = None
    wave_vector: tuple[int, ...] | None = None

    def interpolant(self) -> Callable[[Any], Array]:
        r"""Return t -> state (a pytree, so it can enter another right-hand side).

        Raises:
            ArgumentError: the integration was not asked for dense output.
        """
        if self.interpolate is None:
            raise ArgumentError("This solution has no interpolant. Integrate with `dense=True`.")
        return self.interpolate

    def require_completed(self, what: str) -> Solution:
        r"""Return self, or raise.

        Raises:
            FlowError: the run ended early; carries `time`, `wave_vector`.
        """
        if not self.completed:
            raise FlowError(
                f"The {what} stopped at t = {self.last_time:.6g}: {self.reason}.",
                time=self.last_time,
                wave_vector=self.wave_vector,
            )
        return self


@eqx.filter_jit
def _solve(rhs, y0, times, rtol, atol, stop, max_steps, dense):
    # every number that varies from run to run is an array, so that a ladder of runs compiles once
    event = None if stop is None else diffrax.Event(lambda t, y, args, **kwargs: args[1](y))
    span = times[-1] - times[0]
    return diffrax.diffeqsolve(
        diffrax.ODETerm(lambda t, y, args: args[0](t, y)),
        diffrax.Tsit5(),
        t0=times[0],
        t1=times[-1],
        # a first step from the span alone: the automatic one costs two evaluations and guesses no better
        dt0=1e-3 * span,
        y0=y0,
        args=(rhs, stop),
        # a state that is not finite only shrinks the step: below dtmin the run ends with what it has
        stepsize_controller=diffrax.PIDController(rtol=rtol, atol=atol, dtmin=1e-9 * jnp.abs(span), force_dtmin=False),
        saveat=diffrax.SaveAt(subs=[diffrax.SubSaveAt(ts=times), diffrax.SubSaveAt(t1=True)], dense=dense),
        event=event,
        max_steps=max_steps,
        throw=False,
    )


# one member for each entry of the first axis of every array in rhs, y0 and stop
_MEMBERS = eqx.if_array(0)
_solve_many = eqx.filter_vmap(_solve, in_axes=(_MEMBERS, _MEMBERS, None, None, None, _MEMBERS, None, None))


def integrate(
    rhs: Callable[[Array, Any], Any],
    y0: Any,
    times: np.ndarray,
    *,
    rtol: float = 1e-9,
    atol: float = 1e-11,
    stop: Callable[[Array], Array] | None = None,
    stop_reason: str = "the metric stopped being positive definite",
    max_steps: int = 16**4,
    dense: bool = False,
) -> Solution:
    r"""Integrate dy/dt = rhs(t, y) with Tsitouras' 5(4) pair and adaptive steps.

    Args:
        rhs: an `eqx.Module` (its arrays are traced, so that a ladder of kernel widths compiles once) or a function.
        y0: initial state, float64: an array of any shape, or a pytree of them.
        times: output times, monotone, the first being the initial time; decreasing times integrate backward.
        rtol, atol: local error per step. Good values: 1e-9 and 1e-11.
        stop: y -> bool, checked after every step.
        stop_reason: the sentence for `Solution.reason` when `stop` fires.
        max_steps: cap on the number of steps.
        dense: keep the interpolant of every step.

    Raises:
        PrecisionError: float32.
        ArgumentError: fewer than two output times, or times that are not strictly monotone.
    """
    times = _checked(y0, times)
    start = clock.perf_counter()
    raw = _solve(rhs, y0, jnp.asarray(times), jnp.asarray(rtol), jnp.asarray(atol), stop, max_steps, dense)
    return _solution(raw, times, stop_reason, max_steps, start, dense)


def integrate_many(
    rhs: Callable[[Array, Any], Any],
    y0: Any,
    times: np.ndarray,
    *,
    rtol: float = 1e-9,
    atol: float = 1e-11,
    stop: Callable[[Any], Array] | None = None,
    stop_reason: str = "the metric stopped being positive definite",
    max_steps: int = 16**4,
) -> list[Solution]:
    r"""Integrate an ensemble in one compiled program, each member with its own steps.

    Args:
        rhs, y0, stop: as for `integrate`, every array in them with the members as its first axis.
        times, rtol, atol, stop_reason, max_steps: as for `integrate`, the same for all.

    Returns:
        One solution for each member; `seconds` is the time of all together.

    Raises:
        PrecisionError, ArgumentError: as for `integrate`.
    """
    times = _checked(y0, times)
    start = clock.perf_counter()
    raw = _solve_many(rhs, y0, jnp.asarray(times), jnp.asarray(rtol), jnp.asarray(atol), stop, max_steps, False)
    members, fixed = eqx.partition(raw, eqx.is_array)
    members = jax.tree.map(np.asarray, members)
    count = len(jax.tree.leaves(y0)[0])
    each = [eqx.combine(jax.tree.map(lambda leaf: leaf[i], members), fixed) for i in range(count)]  # noqa: B023
    return [_solution(one, times, stop_reason, max_steps, start, False) for one in each]


def _checked(y0: Any, times: np.ndarray) -> np.ndarray:
    require_x64(*jax.tree.leaves(y0))
    times = np.asarray(times, dtype=float)
    steps = np.diff(times)
    if times.size < 2 or not (np.all(steps > 0) or np.all(steps < 0)):
        raise ArgumentError("Argument `times` must hold two or more strictly monotone times, the initial one first.")
    return times


def _solution(
    raw: diffrax.Solution, times: np.ndarray, stop_reason: str, max_steps: int, start: float, dense: bool
) -> Solution:
    result = raw.result
    stepped = int(raw.stats["num_steps"])
    if result == diffrax.RESULTS.successful:
        completed, reason = True, "reached the final time"
    elif result == diffrax.RESULTS.event_occurred:
        completed, reason = False, stop_reason
    elif result == diffrax.RESULTS.max_steps_reached:
        completed, reason = False, f"it used all {max_steps} steps; raise `max_steps` or loosen `rtol`"
    else:
        completed, reason = (
            False,
            "the step size fell below its minimum: the state grows without bound",
        )
    assert raw.ys is not None  # both are asked for by SaveAt
    assert raw.ts is not None
    states, last = raw.ys[0], jax.tree.map(lambda leaf: leaf[0], raw.ys[1])
    finite = [np.all(np.isfinite(np.reshape(leaf, (times.size, -1))), axis=1) for leaf in jax.tree.leaves(states)]
    reached = int(np.sum(np.all(finite, axis=0)))
    return Solution(
        times=times[:reached],
        states=jax.tree.map(lambda leaf: leaf[:reached], states),
        last=last,
        last_time=float(raw.ts[1][0]),
        completed=completed,
        reason=reason,
        steps=stepped,
        seconds=clock.perf_counter() - start,
        interpolate=raw.evaluate if dense else None,
    )
