r"""Integration in time: the only file that calls diffrax."""

from __future__ import annotations

import time as clock
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import diffrax
import equinox as eqx
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
        states: the states there, shape (T, *state).
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
    states: Array
    last: Array
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


def integrate(
    rhs: Callable[[Array, Array], Array],
    y0: Array,
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
        y0: initial state, float64, any shape.
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
    require_x64(y0)
    times = np.asarray(times, dtype=float)
    steps = np.diff(times)
    if times.size < 2 or not (np.all(steps > 0) or np.all(steps < 0)):
        raise ArgumentError("Argument `times` must hold two or more strictly monotone times, the initial one first.")
    start = clock.perf_counter()
    raw = _solve(rhs, y0, jnp.asarray(times), jnp.asarray(rtol), jnp.asarray(atol), stop, max_steps, dense)
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
    states, last = raw.ys[0], raw.ys[1][0]
    reached = int(jnp.sum(jnp.all(jnp.isfinite(states.reshape(times.size, -1)), axis=1)))
    return Solution(
        times=times[:reached],
        states=states[:reached],
        last=last,
        last_time=float(raw.ts[1][0]),
        completed=completed,
        reason=reason,
        steps=stepped,
        seconds=clock.perf_counter() - start,
        interpolate=raw.evaluate if dense else None,
    )
