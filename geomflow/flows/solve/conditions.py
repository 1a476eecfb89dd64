r"""What must hold where a run starts, and the conditions that end it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from geomflow.core.errors import ArgumentError, FlowError
from geomflow.core.precision import require_x64

#: The sentence for a run -> the condition that ends it: y -> number, positive as long as all is well.
Stops = Mapping[str, Callable[[Any], Array]]


def margins(stops: Stops, y: Any) -> Float[Array, " conditions"]:
    r"""Return the conditions at a state, sorted by name: the run goes on while all are positive."""
    # sorted, because a dict comes sorted out of a compiled function
    return jnp.stack([stops[name](y) for name in sorted(stops)])


_margins = eqx.filter_jit(margins)


def violated(stops: Stops, y: Any) -> str:
    r"""Return the sentence of the condition that a state violates most."""
    if len(stops) == 1:  # nothing to compile
        return next(iter(stops))
    return sorted(stops)[int(np.argmin(_margins(stops, y)))]


def refuse_violated(stops: Stops, start: np.ndarray, time: float) -> None:
    r"""Refuse a start that violates a condition.

    Args:
        stops: the conditions.
        start: what they are there, as `margins` returns them.
        time: the initial time.

    Raises:
        FlowError: one of them is not positive. Numbers: `time`, `condition`, `value`.
    """
    for name, value in zip(sorted(stops), start, strict=True):
        if not value > 0:  # NaN is refused as well
            raise FlowError(
                f"The run would end where it starts, at t = {time:.6g}: {name} (this condition must be positive there, "
                f"but was {value:.3g}). Start from another state, or loosen the condition.",
                time=float(time),
                condition=name,
                value=float(value),
            )


def checked_times(y0: Any, times: Any) -> np.ndarray:
    r"""Return the output times as an array, the initial one first.

    Raises:
        PrecisionError: float32.
        ArgumentError: fewer than two times, or times that are not strictly monotone.
    """
    require_x64(*jax.tree.leaves(y0))
    times = np.asarray(times, dtype=float)
    steps = np.diff(times)
    if times.size < 2 or not (np.all(steps > 0) or np.all(steps < 0)):
        raise ArgumentError("Argument `times` must hold two or more strictly monotone times, the initial one first.")
    return times
