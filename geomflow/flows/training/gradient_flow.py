r"""Training as gradient flow: $\dot\theta = -\eta\,\nabla_\theta L(g(\theta))$, for one network or an ensemble of them.

In function space it is the flow of the metric by its own tangent kernel at the current parameters,

$$\dot g_{ij}(x) = -\eta\int\Theta_{ijkl}(x,x')\,\frac{\delta L}{\delta g_{kl}(x')}\,dx',\qquad
  \dot L = -\eta\,|\nabla_\theta L|^2 = -\eta\iint\frac{\delta L}{\delta g}\,\Theta\,\frac{\delta L}{\delta g}$$
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from geomflow.core.checkpoint import Checkpoint
from geomflow.core.errors import ArgumentError, MetricError
from geomflow.core.progress import track
from geomflow.flows.base import LEFT
from geomflow.flows.solve import integrate_many
from geomflow.flows.torus.base import COLLAPSE
from geomflow.flows.torus.generate import generated
from geomflow.flows.training.losses import GridFunctional, Loss
from geomflow.geometry.packed import dimension, pack
from geomflow.networks.empirical_ntk import empirical_ntk
from geomflow.networks.metric_network import MetricNetwork
from geomflow.networks.trainable import Trained, trainable

#: Local errors per step: training needs no more digits than its random start has.
TOLERANCES: dict[str, Any] = {"rtol": 1e-7, "atol": 1e-9}


class GradientFlow(eqx.Module):
    r"""$\dot\theta = -\eta\,\nabla_\theta L$, the trained parameters θ as the state.

    Args:
        metric: the network, with its parameters at θ₀.
        loss: L.
        trained: what trains, as for `geomflow.networks.trainable.trainable`.
        rate: η. With $\eta = 2/((2\pi)^dp_0)$ the last layer of a periodic cos-net climbing F follows
            `geomflow.flows.NetworkFlow` at the limit N -> ∞, whose kernel keeps constants and whose time is Ricci
            flow's ($p_0$ is the probability of the frequency 0).

    Raises:
        ArgumentError: a filter that chooses nothing.

    Good values: L = -F or ∫|Ric|² only from networks with a kernel width σ that the grid resolves, see
    `GridFunctional`; `SquaredError` from any.
    """

    metric: MetricNetwork
    sampled: Any
    start: Any
    loss: Loss
    rate: Array

    def __init__(self, metric: MetricNetwork, loss: Loss, trained: Trained = "all", rate: float | Array = 1.0):
        self.start, fixed = eqx.partition(metric.network, trainable(metric, trained).network)
        self.metric = _with_network(metric, fixed)
        self.sampled = _with_network(loss.sample(metric), fixed)
        self.loss, self.rate = loss, jnp.asarray(rate, dtype=float)

    def at(self, parameters: Any) -> MetricNetwork:
        r"""Return the metric with these trained parameters."""
        return _with_network(self.metric, eqx.combine(parameters, self.metric.network))

    def value(self, parameters: Any) -> Float[Array, ""]:
        r"""Return L(θ)."""
        return self.loss(self._sampled(parameters))

    def values(self, parameters: Any) -> Float[Array, "P N"]:
        r"""Return the packed metric at the points of the loss."""
        return pack(self.loss.values(self._sampled(parameters)))

    def __call__(self, t: Any, parameters: Any) -> Any:
        r"""Return dθ/dt."""
        return jax.tree.map(lambda leaf: -self.rate * leaf, jax.grad(self.value)(parameters))

    def with_loss(self, loss: Loss) -> GradientFlow:
        r"""Return the same training under another loss (a batch that is re-drawn, say)."""
        whole = _with_network(self.metric, eqx.combine(self.start, self.metric.network))
        sampled = _with_network(loss.sample(whole), self.metric.network)
        return eqx.tree_at(lambda flow: (flow.loss, flow.sampled), self, (loss, sampled))

    def _sampled(self, parameters: Any) -> Any:
        return _with_network(self.sampled, eqx.combine(parameters, self.sampled.network))


class Collapses(eqx.Module):
    r"""Positive until a leading minor of g falls to its floor at some point of the loss."""

    flow: GradientFlow
    floor: Array

    def __init__(self, flow: GradientFlow):
        self.flow = flow
        self.floor = COLLAPSE * jnp.min(_minors(flow.values(flow.start)), axis=-1)

    def __call__(self, parameters: Any) -> Float[Array, ""]:
        r"""Return the smallest of minor / floor - 1."""
        return jnp.min(jnp.min(_minors(self.flow.values(parameters)), axis=-1) / self.floor) - 1


@dataclass(frozen=True)
class Training:
    r"""What training returned: everything up to the time it reached, and why it ended there.

    Attributes:
        flow: what was integrated.
        times: the output times reached, shape (T,).
        parameters: θ there, a pytree with the times as first axis.
        losses: L there, shape (T,); where the loss is re-drawn, of the batch that begins at that time.
        metrics: g at the points of the loss, packed, shape (T, P, N).
        completed, reason, steps, seconds: as for `geomflow.flows.solve.Solution`.
    """

    flow: GradientFlow
    times: np.ndarray
    parameters: Any
    losses: Float[np.ndarray, " T"]
    metrics: Float[np.ndarray, "T P N"]
    completed: bool
    reason: str
    steps: int
    seconds: float

    def metric(self, index: int = -1) -> MetricNetwork:
        r"""Return the metric at one of the output times, the last one by default."""
        return self.flow.at(jax.tree.map(lambda leaf: jnp.asarray(leaf[index]), self.parameters))

    def kernels(self, points: Float[Array, "n d"], trained: Trained = "all") -> Float[np.ndarray, "T n n A A"]:
        r"""Return the tangent kernel Θ(t) of the scalar networks at every output time."""
        at = (self.metric(i).network for i in range(len(self.times)))
        return np.stack([np.asarray(empirical_ntk(network, points, trained=trained)) for network in at])


def train(
    flow: GradientFlow,
    times: np.ndarray,
    *,
    redraw: Callable[[int], Loss] | None = None,
    checkpoint: Checkpoint | None = None,
    **options: Any,
) -> Training:
    r"""Train one network; a metric that degenerates at a point of the loss ends it, with what there is.

    Args:
        flow: the training.
        times: output times, increasing, the initial one first.
        redraw: number of an interval between output times -> the loss there, of the same shapes, in the place of
            `flow.loss`. Draw it from seeds of its own: `torus_batch(jax.random.fold_in(key, i), ..)`.
        checkpoint: a folder that keeps the parameters at each output time, so that training can be resumed.
        **options: tolerances and `max_steps` as for `geomflow.flows.solve.integrate`.

    Raises:
        ArgumentError, PrecisionError: as for `integrate`; a network that is not periodic under a `GridFunctional`.
        MetricError: it is no metric to start from, at a point of the loss.
        ResultFileError: a damaged or foreign part.

    Good values: the default tolerances.
    """
    one = jax.tree.map(lambda leaf: leaf[None] if eqx.is_array(leaf) else leaf, flow)
    return train_many(one, times, redraw=redraw, checkpoint=checkpoint, **options)[0]


def train_many(
    flows: GradientFlow,
    times: np.ndarray,
    *,
    redraw: Callable[[int], Loss] | None = None,
    checkpoint: Checkpoint | None = None,
    **options: Any,
) -> list[Training]:
    r"""Train an ensemble in one compiled program, each member with steps and end of its own.

    Args:
        flows: the members along the first axis of every array, as `eqx.filter_vmap(lambda network: GradientFlow(
            MetricNetwork(network, g0), loss))(networks)` returns them.
        times, redraw, checkpoint, **options: as for `train`; all members see the same batches.

    Raises:
        ArgumentError, MetricError, PrecisionError, ResultFileError: as for `train`.
    """
    times = np.asarray(times, dtype=float)
    if isinstance(flows.loss, GridFunctional):
        _check_periodic(flows)
    whole = redraw is None and checkpoint is None
    intervals = [times] if whole else [times[i : i + 2] for i in range(len(times) - 1)]
    at, structure = jax.tree.flatten(flows.start)
    pieces: list[tuple[dict[str, np.ndarray], dict[str, Any]]] = []
    for index, interval in enumerate(intervals if whole else track(intervals, "training")):
        loss = None if redraw is None else redraw(index)
        compute = partial(_piece, flows, loss, jax.tree.unflatten(structure, at), interval, options)
        piece = compute() if checkpoint is None else checkpoint.run(f"training-{index}", compute)
        pieces.append(piece)
        alive = np.all([info["completed"] for _, info in pieces], axis=0)
        if not alive.any():
            break
        # a member that has ended starts again from θ₀, and what becomes of it is not kept
        at = [
            _chosen(alive, piece[0][f"leaf-{k}"][:, -1], first) for k, first in enumerate(jax.tree.leaves(flows.start))
        ]
    return [_joined(flows, pieces, times, member, structure) for member in range(len(flows.rate))]


def _piece(
    flows: GradientFlow, loss: Loss | None, start: Any, times: np.ndarray, options: dict[str, Any]
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    r"""Integrate over some output times; states that were not reached are NaN."""
    if loss is not None:
        flows = _redrawn(flows, loss)
    stop = _collapses(flows)
    if not np.all(np.asarray(stop.floor) > 0):
        raise MetricError(
            "Training must start at a metric, but a leading minor of g(x; θ₀) is not positive at some point of the "
            "loss. `MetricNetwork.check(points)` says where."
        )
    solutions = integrate_many(flows, start, times, stops={LEFT: stop}, **(TOLERANCES | options))
    states = jax.tree.map(
        lambda *leaves: np.stack([_padded(leaf, len(times)) for leaf in leaves]),
        *[solution.states for solution in solutions],
    )
    losses, metrics = _observed(flows, states)
    arrays = {f"leaf-{k}": leaf for k, leaf in enumerate(jax.tree.leaves(states))}
    info = {
        "reached": [len(solution.times) for solution in solutions],
        "completed": [solution.completed for solution in solutions],
        "reasons": [solution.reason for solution in solutions],
        "steps": [solution.steps for solution in solutions],
        "seconds": solutions[0].seconds,
    }
    return {**arrays, "losses": np.asarray(losses), "metrics": np.asarray(metrics)}, info


def _joined(
    flows: GradientFlow,
    pieces: list[tuple[dict[str, np.ndarray], dict[str, Any]]],
    times: np.ndarray,
    member: int,
    structure: Any,
) -> Training:
    r"""Put the pieces of one member together, up to where it ended."""
    kept, steps, seconds = [], 0, 0.0
    completed, reason, count = True, "", 0
    for index, (arrays, info) in enumerate(pieces):
        first = 0 if index == 0 else 1  # a piece begins where the one before ended
        reached = info["reached"][member]
        kept.append({name: array[member, first:reached] for name, array in arrays.items()})
        count += reached - first
        steps, seconds = steps + info["steps"][member], seconds + info["seconds"]
        completed, reason = info["completed"][member], info["reasons"][member]
        if not completed:
            break
    joined = {name: np.concatenate([part[name] for part in kept]) for name in kept[0]}
    return Training(
        flow=jax.tree.map(lambda leaf: leaf[member] if eqx.is_array(leaf) else leaf, flows),
        times=times[:count],
        parameters=jax.tree.unflatten(structure, [joined[f"leaf-{k}"] for k in range(structure.num_leaves)]),
        losses=joined["losses"],
        metrics=joined["metrics"],
        completed=completed,
        reason=reason,
        steps=steps,
        seconds=seconds,
    )


def _padded(states: Array, length: int) -> np.ndarray:
    found = np.full((length, *states.shape[1:]), np.nan)
    found[: len(states)] = states
    return found


def _chosen(alive: np.ndarray, new: np.ndarray, first: Array) -> Array:
    return jnp.asarray(np.where(alive.reshape(-1, *[1] * (new.ndim - 1)), new, first))


def _with_network(metric: Any, network: Any) -> Any:
    return eqx.tree_at(lambda tree: tree.network, metric, network)


def _minors(g: Float[Array, "P N"]) -> Float[Array, "n N"]:
    return generated("leading_minors", dimension(g))(g)


def _check_periodic(flows: GradientFlow) -> None:
    r"""Refuse networks whose derivatives on a torus grid, which are spectral, would be those of a jump."""
    if (gap := float(np.max(_seam(flows)))) > 1e-8:
        raise ArgumentError(
            "A functional on a torus grid needs a network of period 2π, but on opposite sides its values differ by "
            f"{gap:.2g}. Try `PeriodicCosNet`, or `EmbeddedNetwork(network)` with two inputs for each angle.",
            gap=gap,
        )


@eqx.filter_jit
@eqx.filter_vmap
def _seam(flow: GradientFlow) -> Float[Array, ""]:
    dim = flow.sampled.points.shape[-1]
    points = 2 * jnp.pi * jnp.concatenate([jnp.zeros((1, dim)), jnp.eye(dim)]) + 0.5
    values = jax.vmap(flow.at(flow.start).network)(points)
    return jnp.max(jnp.abs(values - values[0])) / jnp.maximum(1.0, jnp.max(jnp.abs(values)))


_collapses = eqx.filter_jit(eqx.filter_vmap(Collapses))


@eqx.filter_jit
@partial(eqx.filter_vmap, in_axes=(eqx.if_array(0), None))
def _redrawn(flow: GradientFlow, loss: Loss) -> GradientFlow:
    return flow.with_loss(loss)


@eqx.filter_jit
@eqx.filter_vmap
def _observed(flow: GradientFlow, states: Any) -> tuple[Array, Array]:
    r"""Return losses (T,) and packed metrics (T, P, N) of every member."""
    return jax.lax.map(lambda parameters: (flow.value(parameters), flow.values(parameters)), states)
