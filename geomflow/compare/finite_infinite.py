r"""Finite against infinite networks on one task: learn a metric on T^2 from its values at n scattered points.

Every learner starts at the flat metric, sees the angles through their cosines and sines, and answers with the
coordinates of g - 1 in an orthonormal basis of symmetric matrices; each is judged by its errors at the training points,
elsewhere, and in the scalar curvature, which takes two derivatives of what was learnt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from geomflow.compare.training_points import random_points
from geomflow.core.errors import FlowError, MetricError
from geomflow.flows.training.gradient_flow import GradientFlow, train
from geomflow.flows.training.losses import SquaredError
from geomflow.geometry import autodiff, curvature
from geomflow.geometry.point_sets import PointSet
from geomflow.geometry.torus import Torus
from geomflow.kernels.base import Kernel
from geomflow.kernels.embedded import Embedded, embed_angles
from geomflow.kernels.fully_connected import FullyConnected
from geomflow.kernels.jets import kernel_jet
from geomflow.kernels.regression import kernel_descent, posterior_weights
from geomflow.metrics import TorusMetric
from geomflow.networks.embedded import EmbeddedNetwork
from geomflow.networks.empirical_ntk import empirical_ntk
from geomflow.networks.linearised import Linearised
from geomflow.networks.metric_network import MetricNetwork
from geomflow.networks.mlp import MLP
from geomflow.networks.parametrisations import symmetric_basis

# x·x/d = 1 for points of T^d on circles of this radius in R^(2d).
RADIUS = float(np.sqrt(2))

# g, its first and its second derivatives at the test points
Jets = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Architecture:
    r"""A fully connected network on the embedded torus, finite or infinite.

    Args:
        activation: a name from `ACTIVATIONS`; it needs two derivatives.
        hidden: number of hidden layers.
        sigma_w, sigma_b: standard deviations of weights and biases.
    """

    activation: str = "erf"
    hidden: int = 2
    sigma_w: float = 1.5
    sigma_b: float = 0.3

    def kernel(self, of: str) -> Kernel:
        r"""Return the kernel of the infinite network, "ntk" or "nngp", as a function of angles."""
        return Embedded(
            FullyConnected(self.activation, self.hidden, self.sigma_w, self.sigma_b, of=of),  # pyright: ignore[reportArgumentType]
            RADIUS,
        )

    def draw(self, key: PRNGKeyArray, width: int, dim: int) -> EmbeddedNetwork:
        r"""Draw a network of this width with one output for each independent component of the metric."""
        sizes = (2 * dim, *[width] * self.hidden, dim * (dim + 1) // 2)
        return EmbeddedNetwork(MLP(key, sizes, self.activation, self.sigma_w, self.sigma_b), RADIUS)


@dataclass(frozen=True)
class Task:
    r"""A metric known at n points.

    Attributes:
        points: angles z, shape (n, d).
        values: observed coordinates of g* - 1 in the orthonormal basis, shape (n, P).
        where: test points, shape (T, d).
        truth: g* and its derivatives there.
    """

    points: np.ndarray
    values: np.ndarray
    where: np.ndarray
    truth: Jets

    def first(self, count: int) -> Task:
        r"""Return the task of the first n points alone."""
        return Task(self.points[:count], self.values[:count], self.where, self.truth)


def draw_task(metric: TorusMetric, count: int, noise: float, torus: Torus, seed: int, draw: int) -> Task:
    r"""Draw training points, and noise on every coordinate of the metric there.

    Args:
        metric: g*.
        count: n.
        noise: its standard deviation.
        torus: the grid of test points.
        seed, draw: of the points and of the noise.
    """
    points = random_points(metric.dim, count, seed, draw)
    values = np.asarray(jax.vmap(metric.at)(jnp.asarray(points))) - np.eye(metric.dim)
    coordinates = np.einsum("Aij,pij->pA", symmetric_basis(metric.dim), values)
    generator = np.random.default_rng([seed, draw, count, 1])
    where = np.asarray(torus.points).reshape(torus.dim, -1).T
    truth = jax.jit(jax.vmap(lambda x: autodiff.jets(metric.at, x)))(jnp.asarray(where))
    noisy = coordinates + noise * generator.standard_normal(coordinates.shape)
    return Task(points, noisy, where, tuple(np.asarray(part) for part in truth))  # pyright: ignore[reportArgumentType]


@dataclass(frozen=True)
class Score:
    r"""How well a metric was learnt.

    Attributes:
        train: root mean square of the deviation from the observed values, relative to that of g* - 1.
        test: the same for the true metric at the test points.
        curvature: root mean square of R - R*, relative to that of R*; NaN where what was learnt is no metric.
        learnt: g at the test points, shape (T, d, d).
    """

    train: float
    test: float
    curvature: float
    learnt: np.ndarray


def score(task: Task, at_points: np.ndarray, learnt: Jets) -> Score:
    r"""Judge a learner by its coordinates at the training points, and by its metric at the test points."""
    identity = np.eye(task.where.shape[1])

    def size(tensors: np.ndarray) -> float:
        return float(np.sqrt(np.mean(np.sum(tensors**2, axis=(-2, -1)))))

    scale = size(task.truth[0] - identity)
    lowest = float(np.min(np.linalg.eigvalsh(learnt[0])))
    truth, found = (
        np.asarray(_scalar_curvatures(*(jnp.asarray(part) for part in jets))) for jets in (task.truth, learnt)
    )
    wrong = np.sqrt(np.mean((found - truth) ** 2) / np.mean(truth**2)) if lowest > 0 else np.nan
    train = float(np.sqrt(np.mean(np.sum((at_points - task.values) ** 2, axis=1))))
    return Score(train / scale, size(learnt[0] - task.truth[0]) / scale, float(wrong), learnt[0])


def distance(one: Score, other: Score, task: Task) -> float:
    r"""Return the root mean square at the test points of the difference of two learners, relative to that of g* - 1."""
    scale = np.sqrt(np.mean(np.sum((task.truth[0] - np.eye(task.where.shape[1])) ** 2, axis=(1, 2))))
    return float(np.sqrt(np.mean(np.sum((one.learnt - other.learnt) ** 2, axis=(1, 2)))) / scale)


@jax.jit
@jax.vmap
def _scalar_curvatures(g: Array, dg: Array, ddg: Array) -> Array:
    return curvature.scalar(g, curvature.ricci(g, curvature.riemann_lowered(g, dg, ddg)))


# -- infinite width ----------------------------------------------------------------------------------------------------


def infinite_scores(
    architecture: Architecture, tasks: tuple[Task, ...], counts: tuple[int, ...], time: float, noises: tuple[float, ...]
) -> list[dict[str, list[Score | None]]]:
    r"""Return the scores of the infinite network, for the first n points of the task.

    Args:
        architecture: of the networks.
        tasks: the same points with different values, as many as the largest n.
        counts: numbers of points n.
        time: t of the gradient flow of the *mean* squared error ½ Σ_p |g - g*|²/n.
        noises: η of the Gaussian process's observations, one for each task.

    Returns:
        For each task name -> list of `Score`, one for each n: "ntk" at t, "ntk-forever" at t = ∞, "nngp" for the
        posterior mean. A score is None where the Gram matrix cannot be inverted in float64: nothing is added to it.

    Raises:
        ArgumentError: the activation has no two derivatives.
    """
    task = tasks[0]
    found: list[dict[str, list[Score | None]]] = [{"ntk": [], "ntk-forever": [], "nngp": []} for _ in tasks]
    for of in ("ntk", "nngp"):
        kernel = architecture.kernel(of)
        gram = np.asarray(kernel.matrix(jnp.asarray(task.points)))
        jets = [
            np.asarray(jet) for (jet,) in kernel_jet(kernel, jnp.asarray(task.where), jnp.asarray(task.points), (2, 0))
        ]
        for (whole, noise, scores), n in product(zip(tasks, noises, found, strict=True), counts):
            some, block = whole.first(n), gram[:n, :n]

            def judged(
                weigh: Callable[[], np.ndarray],
                some: Task = some,
                block: np.ndarray = block,
                jets: list[np.ndarray] = jets,
            ) -> Score | None:
                try:
                    weights = weigh()
                except MetricError:
                    return None
                return score(some, block @ weights, _kernel_jets(jets, weights))

            if of == "nngp":
                scores["nngp"].append(judged(partial(posterior_weights, block, some.values, noise)))
            else:
                # the mean over n points: time runs n times slower
                weigh = kernel_descent(block, some.values).weights
                scores["ntk"].append(judged(partial(weigh, time / n)))
                scores["ntk-forever"].append(judged(partial(weigh, np.inf)))
    return found


def _kernel_jets(jets: list[np.ndarray], weights: np.ndarray) -> Jets:
    r"""Return g and its derivatives for Σ_p κ(x, x_p) w_p; `jets` are κ's by x at all points, the first ones count."""
    basis, n = symmetric_basis(_dim(weights.shape[1])), len(weights)
    value, first, second = (
        np.einsum("Tp...,pA,Aij->Tij...", jet[:, :n], weights, basis, optimize=True) for jet in jets
    )
    return value + np.eye(basis.shape[1]), first, second


def _dim(components: int) -> int:
    return int((np.sqrt(8 * components + 1) - 1) / 2)


# -- finite width ------------------------------------------------------------------------------------------------------


def flat(z: Float[Array, " d"]) -> Float[Array, "d d"]:
    r"""Return the metric every learner starts from."""
    return jnp.eye(z.size)


def finite_scores(
    architecture: Architecture, task: Task, counts: tuple[int, ...], width: int, time: float, key: PRNGKeyArray
) -> dict[str, list[Score]]:
    r"""Train one drawn network, and its linearisation, on the first n points of the task.

    Args:
        architecture: of the network.
        task: with as many points as the largest n.
        counts: numbers of points n.
        width: of every hidden layer.
        time: t of the gradient flow of the mean squared error ½ Σ_p |g - g*|²/n.
        key: of the draw.

    Returns:
        "finite" and "linearised" -> scores, one for each n. The linearised flow is solved in closed form.

    Raises:
        FlowError: the training stopped.
    """
    network = architecture.draw(key, width, task.where.shape[1])
    start = MetricNetwork(network, flat)
    # the inner network is the fully connected one, whose structure makes its kernel cheap
    inputs = embed_angles(jnp.asarray(task.points), RADIUS)
    theta = np.asarray(empirical_ntk(network.network, inputs))
    outputs = theta.shape[2]
    found: dict[str, list[Score]] = {"finite": [], "linearised": []}
    for n in counts:
        some = task.first(n)
        found["finite"].append(_judge(some, task, _trained(start, task, n, time)))
        gram = np.moveaxis(theta[:n, :n], 2, 1).reshape(n * outputs, n * outputs)
        cotangents = np.zeros((len(task.points), outputs))
        cotangents[:n] = kernel_descent(gram, some.values.reshape(-1, 1)).weights(time / n).reshape(n, outputs)
        moved = _moved(network, jnp.asarray(task.points), jnp.asarray(cotangents))
        linear = eqx.tree_at(lambda l: l.network, Linearised(network), moved)
        # Linearised counts from f(θ0) as the metric does: its start is the untrained one
        metric = eqx.tree_at(lambda m: m.network, MetricNetwork(Linearised(network), flat), linear)
        found["linearised"].append(_judge(some, task, metric))
    return found


def _trained(start: MetricNetwork, task: Task, n: int, time: float) -> MetricNetwork:
    r"""Integrate the gradient flow on the first n points; the others keep their place with weight 0."""
    share = (np.arange(len(task.points)) < n) / n
    target = np.eye(task.where.shape[1]) + np.einsum("pA,Aij->pij", task.values, symmetric_basis(task.where.shape[1]))
    loss = SquaredError(PointSet(task.points, share), jnp.asarray(target))
    solution = train(GradientFlow(start, loss), np.array([0.0, time]))
    if not solution.completed:
        raise FlowError(f"The training on {n} points stopped at t = {solution.times[-1]:.4g}: {solution.reason}.")
    return solution.metric()


@eqx.filter_jit
def _moved(network: EmbeddedNetwork, points: Array, cotangents: Array) -> EmbeddedNetwork:
    r"""Return the network at θ0 + Σ_p J(x_p)ᵀ w_p."""
    weights, rest = eqx.partition(network, eqx.is_inexact_array)
    _, pull = jax.vjp(lambda w: jax.vmap(eqx.combine(w, rest))(points), weights)
    return eqx.combine(jax.tree.map(jnp.add, weights, pull(cotangents)[0]), rest)


def _judge(some: Task, whole: Task, metric: MetricNetwork) -> Score:
    # at all points of the whole task, so that nothing is compiled again
    coordinates, jets = _evaluated(metric, jnp.asarray(whole.points), jnp.asarray(whole.where))
    learnt = tuple(np.asarray(part) for part in jets)
    return score(some, np.asarray(coordinates)[: len(some.points)], learnt)  # pyright: ignore[reportArgumentType]


@eqx.filter_jit
def _evaluated(metric: MetricNetwork, points: Array, where: Array) -> Any:
    values = jax.vmap(metric)(points) - jnp.eye(points.shape[1])
    coordinates = jnp.einsum("Aij,pij->pA", symmetric_basis(points.shape[1]), values)
    return coordinates, jax.vmap(lambda x: autodiff.jets(metric, x))(where)
