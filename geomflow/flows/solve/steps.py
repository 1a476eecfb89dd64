r"""How long a step is: constant, or chosen by the error estimate and remembered from leg to leg."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

# The smallest step, in units of the times of the run: below it t + h is hardly more than t.
SMALLEST = 1e-13
# The first step is this part of the time in which y changes by itself at its initial rate ...
_OF_RATE = 1e-2
# ... and at most this part of the run; where y is zero, this is what is left to go by.
_OF_SPAN = 1e-2


class Remembered(diffrax.AbstractAdaptiveStepSizeController):
    r"""Adaptive steps whose next length is part of the controller's state, so that another leg can go on with it.

    Args:
        rtol, atol, norm: those of `inner` (an implicit stepper of diffrax takes them from here).
        inner: the controller.
        goals: times on which steps end, increasing in the direction of the run; None where there are none. The step
            after such a time is as long as if there had been none.
    """

    rtol: Any
    atol: Any
    norm: Callable
    inner: diffrax.PIDController
    goals: Array | None

    def wrap(self, direction: Any) -> Remembered:
        r"""Return the controller for steps in one direction of time."""
        goals = None if self.goals is None else direction * self.goals
        return Remembered(self.rtol, self.atol, self.norm, self.inner.wrap(direction), goals)

    def init(self, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        r"""Return the end of the first step, and the state: that of `inner`, and the length of the next step."""
        end, state = self.inner.init(*args, **kwargs)
        start = args[1]
        return self._up_to_goal(start, end), (state, end - start)

    def adapt_step_size(self, *args: Any, **kwargs: Any) -> Any:
        r"""Accept or refuse a step, and choose the next one."""
        begun, ended, *others, (state, wanted) = args
        found: Any = self.inner.adapt_step_size(begun, ended, *others, state, **kwargs)  # pyright: ignore[reportCallIssue]
        keep, start, end, jump, state, result = found
        length = end - start
        if self.goals is not None:
            shortened = keep & (ended - begun < wanted)
            length = jnp.where(shortened, jnp.maximum(length, wanted), length)
        return keep, start, self._up_to_goal(start, start + length), jump, (state, length), result

    def _up_to_goal(self, start: Any, end: Any) -> Any:
        if self.goals is None:
            return end
        return jnp.minimum(end, jnp.min(jnp.where(self.goals > start, self.goals, jnp.inf)))


def adaptive(rtol: Any, atol: Any, times: Float[Array, " T"], exact: bool) -> Remembered:
    r"""Return adaptive steps. A state that is not finite only shrinks the step: below the smallest one the run ends.

    Args:
        rtol, atol: tolerances of the local error.
        times: output times.
        exact: whether steps end on them.
    """
    smallest = SMALLEST * jnp.maximum(jnp.abs(times[-1] - times[0]), jnp.max(jnp.abs(times)))
    inner = diffrax.PIDController(rtol=rtol, atol=atol, dtmin=smallest, force_dtmin=False)
    return Remembered(rtol, atol, inner.norm, inner, times if exact else None)


def first_step(rhs: Callable[[Any, Any], Any], t: Any, y: Any, span: Any) -> Float[Array, ""]:
    r"""Return a first step, of the sign of `span`: 1e-2 max|y|/max|dy/dt|, at most a part of the span.

    A run up to a blow-up in the far future needs it: a fixed part of the span would step across. It costs one
    evaluation, which the explicit method needs there anyway.
    """
    size, rate = (_largest(tree) for tree in (y, rhs(t, y)))
    by_rate = _OF_RATE * size / rate
    known = (size > 0) & (rate > 0) & jnp.isfinite(by_rate)
    longest = _OF_SPAN * jnp.abs(span)
    return jax.lax.stop_gradient(jnp.sign(span) * jnp.where(known, jnp.minimum(by_rate, longest), 0.1 * longest))


def _largest(tree: Any) -> Float[Array, ""]:
    return jnp.max(jnp.stack([jnp.max(jnp.abs(leaf)) for leaf in jax.tree.leaves(tree)]))
