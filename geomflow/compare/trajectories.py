r"""L1, the trajectories: smeared against local flow from the same initial metric, along a ladder of kernel widths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from geomflow.compare.convergence import fluctuation, observed_orders, relative_error, richardson
from geomflow.core.progress import track
from geomflow.flows.torus.base import TorusFlow


@dataclass(frozen=True)
class TrajectoryStudy:
    r"""E(σ) = ‖g_σ(T) - g_0(T)‖ / ‖g_0(T) - mean‖ and its Richardson extrapolation.

    Attributes:
        name: formulation.
        widths: the ladder actually run.
        errors, orders: direct.
        extrapolated, extrapolated_orders: after eliminating σ² between neighbours.
        times: output times; `states`: local states there, shape (T, P, *grid).
        smeared: final smeared states, one per width.
        stopped: sentences about runs that left the space of metrics.
    """

    name: str
    widths: list[float]
    errors: list[float]
    orders: list[float]
    extrapolated: list[float]
    extrapolated_orders: list[float]
    times: np.ndarray
    states: np.ndarray
    smeared: np.ndarray
    stopped: list[str] = field(default_factory=list)


def trajectory_study(
    g: Float[Array, "P *grid"],
    name: str,
    flow: TorusFlow,
    widths: Sequence[float],
    times: np.ndarray,
    truth: Array | None = None,
    **options,
) -> TrajectoryStudy:
    r"""Run a flow locally and for each width, and compare the final metrics.

    Args:
        g: initial metric, packed.
        name: what to call the formulation.
        flow: the flow, with or without a kernel of its own (which is replaced).
        widths: decreasing ladder of σ, each carried by the grid.
        times: output times.
        truth: the exact local solution at the final time; by default the local flow is integrated.
        **options: rtol, atol as `integrate`.

    Raises:
        FlowError: the local flow itself stopped early.
        ResolutionError: a width the grid does not carry.
    """
    # σ = 0 is the identity multiplier, so that one compilation serves the whole ladder
    local = flow.smeared(0.0).run(g, times, **options).require_completed(f"{name} flow")
    reached, finals, stopped = [], [], []
    for sigma in track(widths, f"{name}, kernel widths"):
        solution = flow.smeared(sigma).run(g, times, **options)
        if solution.completed:
            reached.append(sigma)
            finals.append(solution.last)
        else:
            stopped.append(f"sigma = {sigma:.4g} stopped at t = {solution.last_time:.4g}: {solution.reason}")
    final = local.last if truth is None else truth
    scale = fluctuation(final)
    errors = [relative_error(v, final, scale) for v in finals]
    improved = [relative_error(v, final, scale) for v in richardson(reached, finals)]
    return TrajectoryStudy(
        name=name,
        widths=reached,
        errors=errors,
        orders=observed_orders(reached, errors),
        extrapolated=improved,
        extrapolated_orders=observed_orders(reached[1:], improved),
        times=local.times,
        states=np.asarray(local.states),
        smeared=np.asarray(jnp.stack(finals)) if finals else np.zeros((0, *g.shape)),
        stopped=stopped,
    )
