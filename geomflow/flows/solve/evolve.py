r"""A flow as a function of its initial state, for `jax.grad`, `jax.vmap` and `jax.jit`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp

from geomflow.core.errors import ArgumentError
from geomflow.core.precision import require_x64
from geomflow.flows.solve.banded import Banded
from geomflow.flows.solve.methods import Explicit, Method
from geomflow.flows.solve.steps import adaptive, first_step


def evolve(
    flow: Callable[[Any, Any], Any],
    state: Any,
    t0: Any,
    t1: Any,
    *,
    method: Method | None = None,
    rtol: float = 1e-9,
    atol: float = 1e-11,
    adjoint: diffrax.AbstractAdjoint | None = None,
    max_steps: int = 16**3,
) -> Any:
    r"""Return the state at t1 of dy/dt = flow(t, y), y(t0) = state: pure JAX.

    The derivative is that of the discrete steps, their lengths held fixed. Going backward, the steps are recomputed
    from a few checkpoints, and the stages of an implicit method are differentiated as the implicit functions they are.

    The lengths are chosen for the state, not for its derivative. An explicit method on a parabolic flow works at its
    limit of stability, beyond which it goes for a while where the state is smooth: the rough modes of a gradient are
    then wrong by orders of magnitude. Take `Implicit` or `Exponential` there, which damp what they do not resolve.

    Args:
        flow: a flow, or a function (t, y) -> dy/dt; an `eqx.Module` can itself be differentiated (kernels, measures).
        state: initial state, float64: an array or a pytree of them.
        t0, t1: times, numbers or arrays; t1 < t0 goes backward.
        method: how to step; the flow's own choice by default, `Explicit()` for a function.
        rtol, atol: local error per step.
        adjoint: how to differentiate, as diffrax has it; `RecursiveCheckpointAdjoint()` by default.
            `ForwardMode()` is for `jax.jvp` and `jax.jacfwd`.
        max_steps: cap on the number of steps; the memory of a gradient grows like its square root at most.

    Raises:
        PrecisionError: float32.
        ArgumentError: a method that is not written in JAX.
        equinox.EquinoxRuntimeError: t1 is not reached: beyond a singularity, or beyond `max_steps`. `integrate` says
            where and why, and keeps what there is.

    Good values: the tolerances of `integrate`; a gradient costs about four times the run.
    """
    require_x64(*jax.tree.leaves(state))
    default: Any = getattr(flow, "method", lambda state: Explicit())
    how: Method = default(state) if method is None else method
    if isinstance(how, Banded):
        raise ArgumentError("The method `Banded` is not written in JAX, so it has no derivative. Try `Implicit()`.")
    how = how.within(rtol, atol)
    times = jnp.stack([jnp.asarray(t, dtype=float) for t in (t0, t1)])
    solution = diffrax.diffeqsolve(
        how.terms(lambda t, y, args: args(t, y)),
        how.solver(),
        t0=times[0],
        t1=times[1],
        dt0=first_step(flow, times[0], state, times[1] - times[0]),
        y0=state,
        args=flow,
        stepsize_controller=adaptive(rtol, atol, jax.lax.stop_gradient(times), False),
        adjoint=diffrax.RecursiveCheckpointAdjoint() if adjoint is None else adjoint,
        max_steps=max_steps,
        throw=False,
    )
    assert solution.ys is not None  # the last state is what diffrax saves by default
    reached = solution.result == diffrax.RESULTS.successful
    return eqx.error_if(
        jax.tree.map(lambda leaf: leaf[0], solution.ys),
        ~reached,
        "The flow did not reach its final time: it runs into a singularity, or needs more than `max_steps`. "
        "`integrate` says where and why.",
    )
