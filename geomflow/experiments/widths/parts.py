r"""The parts of a widths run: each measures one statement over draws and returns (arrays, numbers), to be resumed.

Every measured number comes with its standard error; every prediction is a derived formula, evaluated.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from geomflow.compare.scaling import power_law, root_mean_square
from geomflow.experiments.widths.settings import RADIUS, SIGMA, SIGMA_A, SIGMA_C, Ensembles
from geomflow.kernels.base import Kernel
from geomflow.kernels.cos_net import discrete_normal
from geomflow.kernels.fully_connected import FullyConnected
from geomflow.kernels.gaussian import CosNetFullKernel, GaussianKernel, width_variance
from geomflow.networks.cos_net import CosNet, PeriodicCosNet
from geomflow.networks.gauss_net import GaussNet
from geomflow.networks.mlp import MLP, Dense
from geomflow.networks.required_width import operator_noise

Part = tuple[dict[str, Any], dict[str, Any]]
Trained = Literal["last-layer", "all"]

#: Points in the plane at which kernels are compared, drawn once in the disc of radius 0.8 σ.
POINTS = 12
#: Draws that are held in memory together, in numbers of random features.
_AT_ONCE = 2**22


def cos_net(key: Array, width: int) -> CosNet:
    r"""Draw a cos-net on the plane."""
    return CosNet.sample(key, width, 2, SIGMA, SIGMA_A)


def gauss_net(key: Array, width: int, dim: int = 2) -> GaussNet:
    r"""Draw a gauss-net on the plane; looked at near the origin, its scatter is reported and not refused."""
    return GaussNet.sample(key, width, dim, SIGMA, SIGMA_A, SIGMA_C, radius=0.0)


def erf_network(key: Array, width: int) -> MLP:
    r"""Draw a network of one hidden layer, erf."""
    return MLP(key, (2, width, 1), "erf")


def neurons(network: Any, start: int, stop: int) -> Any:
    r"""Return the network of some of the neurons of a wider one: as good as a draw of its own."""
    if not isinstance(network, MLP):
        return jax.tree.map(lambda leaf: leaf[start:stop], network)
    first, last = network.layers
    layers = (
        Dense(first.weight[start:stop], first.bias[start:stop], first.sigma_w, first.sigma_b),
        Dense(last.weight[:, start:stop], last.bias, last.sigma_w, last.sigma_b),
    )
    return eqx.tree_at(lambda net: net.layers, network, layers)


def points() -> np.ndarray:
    r"""Return the points of the convergence, shape (POINTS, 2)."""
    rng = np.random.default_rng(0)
    angle, radius = rng.uniform(0, 2 * np.pi, POINTS), RADIUS * SIGMA * np.sqrt(rng.uniform(size=POINTS))
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def tangent_kernel(network: Any, x: Array, y: Array, trained: Trained) -> Float[Array, "n m"]:
    r"""Return $\Theta_N(x_i, y_j)$ of a scalar network by its definition, the product of its gradients."""
    if trained == "last-layer":
        return jax.vmap(network.features)(x) @ jax.vmap(network.features)(y).T

    def gradients(points: Array) -> Any:
        return jax.vmap(lambda p: jax.grad(lambda net: jnp.sum(net(p)))(network))(points)

    products = jax.tree.map(lambda u, v: u.reshape(len(x), -1) @ v.reshape(len(y), -1).T, gradients(x), gradients(y))
    return sum(jax.tree.leaves(products), start=jnp.zeros((len(x), len(y))))


@partial(jax.jit, static_argnames=("which", "widths"))
def _drawn(which: str, widths: tuple[int, ...], keys: Array, x: Array, y: Array) -> list[Array]:
    r"""Return the tangent kernels of one network of each width for each key: a list of arrays (draws, n, m)."""
    network, trained, _ = _NETWORKS[which]
    ends = np.cumsum(widths)

    def one(key: Array) -> list[Array]:
        wide = network(key, int(ends[-1]))  # drawn together: one compilation for all widths
        return [
            tangent_kernel(neurons(wide, int(end - width), int(end)), x, y, trained) for width, end in zip(widths, ends)
        ]

    at_once = max(1, _AT_ONCE // (int(ends[-1]) * (len(x) + len(y))))
    return jax.lax.map(one, keys, batch_size=min(len(keys), at_once))


def convergence(chosen: Ensembles, which: str) -> Part:
    r"""Distance of Θ_N to Θ, root mean square over pairs of points, for every width and draw."""
    x = jnp.asarray(points())
    truth = _NETWORKS[which][2]().matrix(x)
    key = jax.random.fold_in(jax.random.key(chosen.seed), NETWORKS.index(which))
    kernels = _drawn(which, chosen.widths, jax.random.split(key, chosen.draws), x, x)
    errors = np.array([np.sqrt(np.mean(np.asarray(theta - truth) ** 2, axis=(1, 2))) for theta in kernels])
    mean, error = root_mean_square(errors)
    law = power_law(np.array(chosen.widths), mean, float(np.sqrt(np.mean((error / mean) ** 2))))
    found: dict[str, Any] = {"widths": list(chosen.widths), "mean": mean, "error": error, "law": asdict(law)}
    if which in _VARIANCE:
        x_pairs, y_pairs = jnp.repeat(x, POINTS, axis=0), jnp.tile(x, (POINTS, 1))
        found["predicted"] = float(jnp.sqrt(jnp.mean(_variance(which, x_pairs, y_pairs, 1))))
        # every N has the same N E|Θ_N - Θ|²: all draws together measure it
        scaled = errors * np.sqrt(np.array(chosen.widths))[:, None] / found["predicted"]
        size, size_error = root_mean_square(scaled.ravel())
        found |= {"size": float(size), "size_error": float(size_error)}
    return {"errors": errors}, found


def variance(chosen: Ensembles, which: str) -> Part:
    r"""Variance of Θ_N(x, y) over draws, against the distance of the points."""
    distances = np.linspace(0, 2.0, 11)
    x = jnp.array([[0.5, 0.0]]) * SIGMA
    y = x + jnp.stack([-jnp.asarray(distances), 0 * distances], axis=1) * SIGMA
    key = jax.random.fold_in(jax.random.key(chosen.seed), 100 + NETWORKS.index(which))
    (theta,) = _drawn(which, (chosen.variance_width,), jax.random.split(key, chosen.variance_draws), x, y)
    measured, error = sample_variance(np.asarray(theta[:, 0, :]))
    predicted = np.asarray(_variance(which, x, y, chosen.variance_width))
    return {}, {"width": chosen.variance_width, "distances": distances, **_compared(measured, error, predicted)}


def noise(chosen: Ensembles, dim: int) -> Part:
    r"""Variance over draws of (K_N 1)(x) on the torus, for every σ and width, against the derived law."""
    key = jax.random.fold_in(jax.random.key(chosen.seed), 200 + dim)
    rows: dict[str, list[Any]] = {name: [] for name in ("sigma", "width", "cells", "measured", "error", "predicted")}
    for row, sigma in enumerate(chosen.noise_sigmas[str(dim)]):
        keys = jax.random.split(jax.random.fold_in(key, row), chosen.noise_draws)
        for width, draws in zip(chosen.noise_widths, _on_constants(keys, chosen.noise_widths, dim, sigma), strict=True):
            measured, error = sample_variance(np.asarray(draws))
            found = {"measured": float(measured), "error": float(error)}
            found |= {"sigma": sigma, "width": width, "predicted": operator_noise(sigma, 2 * math.pi, dim, width)}
            found["cells"] = (2 * math.pi / (math.sqrt(2 * math.pi) * sigma)) ** dim
            for name, value in found.items():
                rows[name].append(value)
    cells, widths, measured = (np.array(rows[name]) for name in ("cells", "width", "measured"))
    relative = float(np.sqrt(np.mean((np.array(rows["error"]) / measured) ** 2)))
    law = power_law(cells, measured * widths + 1, relative)
    return {}, {"dim": dim, **rows, **_deviation(rows), "law": asdict(law)}


@partial(jax.jit, static_argnames=("widths", "dim", "sigma"))
def _on_constants(keys: Array, widths: tuple[int, ...], dim: int, sigma: float) -> list[Float[Array, " draws"]]:
    r"""Return (K_N 1)(x) at one point, for each width and key: the mean over a grid, exact for every frequency."""
    values, probabilities = discrete_normal(sigma)
    reach = int(values[-1])
    grid = 2 * np.pi * np.arange(reach + 1) / (reach + 1)
    # Σ over the grid of e^{ib·x'} is a product over the axes: one table of the sums of an axis serves all neurons.
    table = jnp.asarray(np.exp(1j * np.outer(values, grid)).mean(axis=1))
    normaliser = float(probabilities[reach]) ** dim  # E K_N 1 = 1
    x, ends = jnp.full((dim,), 0.3), np.cumsum(widths)

    def on_constants(net: PeriodicCosNet) -> Array:
        factors = table[jnp.asarray(net.frequencies, dtype=int) + reach]
        means = math.sqrt(2 / net.width) * jnp.real(jnp.exp(1j * net.phases) * jnp.prod(factors, axis=-1))
        return net.features(x) @ means / normaliser

    def one(key: Array) -> list[Array]:
        wide = PeriodicCosNet.sample(key, int(ends[-1]), dim, sigma)
        return [on_constants(neurons(wide, int(end - width), int(end))) for width, end in zip(widths, ends)]

    return jax.lax.map(one, keys, batch_size=max(1, min(len(keys), _AT_ONCE // int(ends[-1]))))


def sample_variance(draws: Float[np.ndarray, "draws *cells"]) -> tuple[np.ndarray, np.ndarray]:
    r"""Return the variance over the first axis and its standard error $\sqrt{(m_4 - m_2^2)/n}$."""
    count = draws.shape[0]
    squares = (draws - draws.mean(axis=0)) ** 2
    return squares.sum(axis=0) / (count - 1), squares.std(axis=0) / math.sqrt(count)


def _compared(measured: np.ndarray, error: np.ndarray, predicted: np.ndarray) -> dict[str, Any]:
    rows = {"measured": measured, "error": error, "predicted": predicted}
    return {**rows, **_deviation(rows)}


def _deviation(rows: dict[str, Any]) -> dict[str, Any]:
    r"""Return the largest deviation in standard errors, and the share by which measured and predicted differ."""
    measured, error, predicted = (np.asarray(rows[name]) for name in ("measured", "error", "predicted"))
    return {
        "deviation": float(np.max(np.abs(measured - predicted) / error)),
        "ratio": float(np.mean(measured / predicted)),
        "count": int(measured.size),
    }


def _variance(which: str, x: Array, y: Array, width: int) -> Array:
    network, trained = _VARIANCE[which]
    return width_variance(network, x, y, width, SIGMA, SIGMA_A, SIGMA_C, trained=trained)


def _gaussian() -> Kernel:
    return GaussianKernel(SIGMA)


#: Each network of the convergence: how one is drawn, what trains, and the limit of its tangent kernel.
_NETWORKS: dict[str, tuple[Callable[..., Any], Trained, Callable[[], Kernel]]] = {
    "cos-net": (cos_net, "last-layer", _gaussian),
    "gauss-net": (gauss_net, "last-layer", _gaussian),
    "cos-net, all trained": (cos_net, "all", lambda: CosNetFullKernel(SIGMA, SIGMA_A)),
    "erf network, all trained": (erf_network, "all", lambda: FullyConnected("erf", hidden=1)),
}
#: Those whose variance has a derived formula.
_VARIANCE: dict[str, tuple[Literal["cos-net", "gauss-net"], Trained]] = {
    "cos-net": ("cos-net", "last-layer"),
    "gauss-net": ("gauss-net", "last-layer"),
    "cos-net, all trained": ("cos-net", "all"),
}
NETWORKS, WITH_VARIANCE = tuple(_NETWORKS), tuple(_VARIANCE)
