r"""What an integration returns: everything up to the time it reached, and why it ended there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Array

from geomflow.core.errors import ArgumentError, FlowError

FINISHED = "reached the final time"


@dataclass(frozen=True)
class History:
    r"""What was watched, at the initial time and after every step that was taken.

    Attributes:
        times: shape (S,).
        values: whatever `watch` returns, a pytree whose leaves have S as their first axis.
    """

    times: np.ndarray
    values: Any


@dataclass(frozen=True)
class Stuck:
    r"""Where no step, however small, met the tolerance.

    Attributes:
        time: the last time reached.
        step: the length of the last step that was refused.
        leaf: the part of the state ("" where the state is one array).
        index: the entry of it that changes fastest in proportion, or whose rate is not finite.
        value, rate: that entry and its rate of change.
    """

    time: float
    step: float
    leaf: str
    index: tuple[int, ...]
    value: float
    rate: float

    def __str__(self) -> str:
        part = f" of `{self.leaf}`" if self.leaf else ""
        entry = f"entry {self.index}{part}" if self.index else f"the state{part}"
        return f"fastest is {entry}, {self.value:.6g} with the rate {self.rate:.3g}"


@dataclass(frozen=True)
class Solution:
    r"""What an integration returned.

    Attributes:
        times: the output times reached, shape (T,).
        states: the states there, shape (T, *state); for a state that is a pytree, a pytree of these.
        last: the last state reached (later than `times[-1]` when the run stopped between two output times).
        last_time: its time.
        completed: whether the final time was reached.
        reason: one sentence; "reached the final time" when completed.
        steps: accepted and rejected steps together.
        seconds: wall time, compilation included; that of the legs themselves when a run was resumed.
        stopped_by: the name of the event that ended the run, if one did.
        history: what was watched, when something was.
        interpolate: t -> state, when dense output was asked for.
        stuck: where it stuck, when no step met the tolerance.
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
    stopped_by: str | None = None
    history: History | None = None
    interpolate: Callable[[Any], Array] | None = None
    stuck: Stuck | None = None
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
