r"""Drift of the tangent kernel in training, and metrics of full, linearised and infinite networks along the flow.

For an ensemble of finite networks of one width N: how far $\Theta$ moves between the ends of training, how far it
scatters from draw to draw, and how far apart the three flows are in between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from geomflow.compare.convergence import tensor_norm
from geomflow.flows.training.gradient_flow import GradientFlow, Training, train_many
from geomflow.flows.training.losses import Loss
from geomflow.networks.empirical_ntk import empirical_ntk
from geomflow.networks.linearised import Linearised
from geomflow.networks.metric_network import MetricNetwork

Networks = Any  # one network, every array with the members as its first axis


@dataclass(frozen=True)
class Drift:
    r"""Change of Θ at probe points between the ends of training, relative to its size at the start.

    Attributes:
        products: $\langle\Delta\Theta_s, \Delta\Theta_{s'}\rangle/(\|\Theta_s\|\|\Theta_{s'}\|)$ of all pairs of
            members, shape (S, S).
    """

    products: Float[np.ndarray, "S S"]

    @property
    def sizes(self) -> np.ndarray:
        r"""$\|\Theta(T) - \Theta(0)\|/\|\Theta(0)\|$ of every member: what one network does."""
        return np.sqrt(np.diag(self.products))

    @property
    def of_mean(self) -> float:
        r"""The relative size of the mean of ΔΘ over draws, without the bias of few draws; 0 if that is all there is."""
        count = len(self.products)
        pairs = (np.sum(self.products) - np.trace(self.products)) / (count * (count - 1))
        return float(np.sqrt(max(pairs, 0.0)))


def train_ensemble(
    networks: Networks,
    g0: Callable[[Array], Array],
    loss: Loss,
    times: np.ndarray,
    rate: float,
    trained: str = "all",
    linearised: bool = False,
) -> list[Training]:
    r"""Train networks of one width from the same metric.

    Args:
        networks: the members along the first axis of every array.
        g0, loss, trained, rate: as for `MetricNetwork` and `GradientFlow`.
        times: output times.
        linearised: train the linearised networks instead.
    """

    @eqx.filter_jit
    @eqx.filter_vmap
    def start(network: Any) -> GradientFlow:
        return GradientFlow(MetricNetwork(Linearised(network) if linearised else network, g0), loss, trained, rate)

    return train_many(start(networks), times)


def kernel_drift(
    networks: Networks, trainings: list[Training], points: Float[Array, "n d"], trained: str = "all"
) -> tuple[Drift, Float[np.ndarray, "S n n A A"]]:
    r"""Return the drift of Θ in training, and Θ(0), of every member; NaN for one that did not complete it."""
    before = _kernels(networks, points, trained)
    last = [jax.tree.map(lambda leaf: leaf[-1], training.parameters) for training in trainings]
    ends = jax.tree.map(lambda *leaves: jnp.stack(leaves), *last)
    after = _kernels(_moved(networks, ends), points, trained)
    completed = np.array([training.completed for training in trainings])
    count = len(before)
    sizes = np.linalg.norm(before.reshape(count, -1), axis=1)
    change = np.where(completed[:, None], (after - before).reshape(count, -1) / sizes[:, None], np.nan)
    return Drift(change @ change.T), before


def _moved(networks: Networks, parameters: Any) -> Networks:
    # what did not train is None among the parameters, and is kept
    return jax.tree.map(
        lambda old, new: old if new is None else new, networks, parameters, is_leaf=lambda leaf: leaf is None
    )


def _kernels(networks: Networks, points: Array, trained: str) -> np.ndarray:
    of_all = eqx.filter_jit(eqx.filter_vmap(lambda network: empirical_ntk(network, points, trained=trained)))
    return np.asarray(of_all(networks))


def distances(
    trainings: list[Training], others: list[Training] | np.ndarray, scale: float, count: int
) -> Float[np.ndarray, "S T"]:
    r"""Return ‖g_s(t) - h_s(t)‖/scale of every member at every output time; NaN where one of them had ended.

    Args:
        trainings: on a torus grid.
        others: trainings of the same members, or metrics (T, P, N) they are all compared with.
        scale: norm that distances are divided by.
        count: number of output times T.
    """
    found = np.full((len(trainings), count), np.nan)
    for member, training in enumerate(trainings):
        other = others if isinstance(others, np.ndarray) else others[member].metrics
        for index in range(min(len(training.metrics), len(other))):
            found[member, index] = tensor_norm(training.metrics[index] - other[index]) / scale
    return found
