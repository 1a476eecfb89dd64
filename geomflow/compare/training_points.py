r"""What an infinitely wide network learns of a metric from n scattered points: everything there, little elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from geomflow.compare.convergence import tensor_norm
from geomflow.compare.memorisation import TIGHT, fitted_rates
from geomflow.flows.solve import integrate
from geomflow.flows.training.memorisation import PointMemorisation
from geomflow.geometry.packed import pack
from geomflow.geometry.torus import Torus
from geomflow.kernels.base import Kernel
from geomflow.kernels.regression import kernel_descent
from geomflow.metrics import TorusMetric
from geomflow.networks.parametrisations import PARAMETRISATIONS, symmetric_basis

# Rates below this fraction of the largest move too little in the integrated time to be fitted.
SLOWEST = 1e-3


@dataclass(frozen=True)
class PointRates:
    r"""Rates of the flow on a point set against the eigenvalues of its metric-NTK, both shape (modes,).

    Attributes:
        parametrisation: its name.
        measured, predicted: fitted rates and eigenvalues, largest first.
    """

    parametrisation: str
    measured: np.ndarray
    predicted: np.ndarray

    @property
    def worst(self) -> float:
        r"""Largest deviation of a rate, in units of the largest."""
        return float(np.max(np.abs(self.measured - self.predicted)) / self.predicted[0])


def random_points(dim: int, count: int, seed: int, draw: int = 0) -> np.ndarray:
    r"""Return independent uniform points on T^dim, shape (count, dim)."""
    return np.random.default_rng([seed, draw, count]).uniform(0, 2 * np.pi, (count, dim))


def metric_gram(
    gram: Float[Array, "n n"], g: Float[Array, "n d d"], frame: Float[Array, "n d d"], parametrisation: str
) -> np.ndarray:
    r"""Return the metric-NTK on a point set, in a Frobenius-orthonormal basis of symmetric tensors.

    Args:
        gram: κ(x_p, x_q).
        g, frame: the metric and the frame's metric at the points.
        parametrisation: a name from `PARAMETRISATIONS`.

    Returns:
        $\kappa(x_p,x_q)\sum_a \langle E_A, J_a(x_p)\rangle\langle E_B, J_a(x_q)\rangle$, shape (nP, nP), point first.
    """
    jacobian = jax.jit(jax.vmap(lambda at, e: PARAMETRISATIONS[parametrisation].jacobian(at, 1.0, e)))(g, frame)
    moved = np.einsum("Aij,pija->pAa", symmetric_basis(g.shape[-1]), np.asarray(jacobian))
    whole = np.einsum("pq,pAa,qBa->pAqB", np.asarray(gram), moved, moved)
    return whole.reshape(whole.shape[0] * whole.shape[1], -1)


def point_rates(kernel: Kernel, metric: TorusMetric, points: np.ndarray, parametrisation: str) -> PointRates:
    r"""Integrate MSE on scattered points with an affine parametrisation and fit the rate of every eigenvector.

    The metric starts flat; frames are those of the target, so that the vielbein's Jacobian varies from point to point.

    Args:
        kernel: κ.
        metric: g*.
        points: shape (n, d).
        parametrisation: the name of an affine one.

    Raises:
        MetricError: κ is not positive semi-definite on the points.
        FlowError: the flow stopped.
    """
    x = jnp.asarray(points)
    target = jax.jit(jax.vmap(metric.at))(x)
    flat = jnp.broadcast_to(jnp.eye(metric.dim), target.shape)
    gram = metric_gram(kernel.matrix(x), target, target, parametrisation)
    basis = symmetric_basis(metric.dim)
    start, end = (np.einsum("Aij,pij->pA", basis, np.asarray(g)).ravel() for g in (flat, target))
    descent = kernel_descent(gram, (end - start)[:, None])
    times = np.linspace(0, 6 / descent.rates[0], 9)
    flow = PointMemorisation(jnp.asarray(gram), jnp.asarray(end))
    solution = integrate(flow, jnp.asarray(start), times, **TIGHT).require_completed("memorisation flow on points")
    sizes = np.abs((end - np.asarray(solution.states)) @ descent.modes)
    chosen = descent.rates > SLOWEST * descent.rates[0]
    return PointRates(parametrisation, fitted_rates(solution.times, sizes[:, chosen]), descent.rates[chosen])


@dataclass(frozen=True)
class GeneralisationStudy:
    r"""Training on n points: errors there and elsewhere against time, over draws of the points.

    Attributes:
        times: shape (T,).
        train, test: ‖g - g*‖/‖1 - g*‖ at the n points and on a grid, shape (draws, T).
        noisy_train, noisy_test: the same when the values at the points carry noise; the training error is against the
            noisy values, the test error against the true metric.
        interpolant: test error at t = ∞, shape (draws,).
        rates: eigenvalues of the Gram matrices, shape (draws, n).
    """

    times: np.ndarray
    train: np.ndarray
    test: np.ndarray
    noisy_train: np.ndarray
    noisy_test: np.ndarray
    interpolant: np.ndarray
    rates: np.ndarray


def generalisation_study(
    kernel: Kernel,
    metric: TorusMetric,
    torus: Torus,
    count: int,
    noise: float,
    times: np.ndarray,
    draws: int,
    seed: int = 0,
) -> GeneralisationStudy:
    r"""Train on `draws` sets of points, from the flat metric, by the closed solution of the flow.

    Args:
        kernel: κ; the parametrisation is orthonormal, so that every component is regressed by itself.
        metric: g*.
        torus: the grid of the test error.
        count: number of points n.
        noise: standard deviation of the noise of each component in an orthonormal basis.
        times: shape (T,), positive.
        draws: number of sets of points; `seed`: of all of them.

    Raises:
        MetricError: a Gram matrix that is not positive definite in float64.
    """
    grid = jnp.asarray(np.asarray(torus.points).reshape(torus.dim, -1).T)
    at = jax.jit(jax.vmap(metric.at))
    truth = np.asarray(pack(at(grid)))
    flat = np.asarray(pack(jnp.eye(torus.dim)))[:, None]
    scale = tensor_norm(truth - flat)
    found = []
    for number in range(draws):
        points = random_points(torus.dim, count, seed, number)
        values = np.asarray(pack(at(jnp.asarray(points))))
        gram, cross = (np.asarray(kernel.matrix(a, jnp.asarray(points))) for a in (jnp.asarray(points), grid))
        draw = np.random.default_rng([seed, number, count, 1]).standard_normal(values.shape)
        off_diagonal = np.array([1 if i == j else np.sqrt(0.5) for i, j in zip(*np.triu_indices(torus.dim))])
        record = []
        for seen in (values, values + noise * off_diagonal[:, None] * draw):
            descent = kernel_descent(gram, (seen - flat).T)
            train = [tensor_norm(descent.train_residual(t).T) / scale for t in times]
            test = [tensor_norm(flat + (cross @ descent.weights(t)).T - truth) / scale for t in (*times, np.inf)]
            record.append((train, test, descent.rates))
        found.append(record)
    (train, test, rates), (noisy_train, noisy_test, _) = (
        tuple(np.array([draw[which][part] for draw in found]) for part in range(3)) for which in (0, 1)
    )
    return GeneralisationStudy(times, train, test[:, :-1], noisy_train, noisy_test[:, :-1], test[:, -1], rates)
