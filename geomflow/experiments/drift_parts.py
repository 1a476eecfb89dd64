r"""What a drift run is asked to do, and its parts: infinite network, cos-nets of one width, MLPs of one width."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from geomflow.compare.convergence import tensor_norm
from geomflow.compare.finite_width import constant_weight
from geomflow.compare.training_drift import distances, kernel_drift, train_ensemble
from geomflow.core.errors import ArgumentError, HorizonError
from geomflow.experiments.study import check_numbers
from geomflow.flows import NetworkFlow
from geomflow.flows.torus.perelman import stability_horizon
from geomflow.flows.training.losses import GridFunctional, Loss, SquaredError
from geomflow.flows.training.memorisation import MemorisationFlow
from geomflow.geometry.torus import Torus
from geomflow.kernels.cos_net import periodic_kernel
from geomflow.kernels.operator import check_width
from geomflow.metrics import METRICS
from geomflow.networks.cos_net import PeriodicCosNet
from geomflow.networks.metric_network import GridMetric
from geomflow.networks.mlp import MLP

Part = tuple[dict[str, Any], dict[str, Any]]

LOSSES = ("squared-error", "perelman-f")
#: Points at which Θ is compared.
PROBES = 16


class OnTorus(eqx.Module):
    r"""A network of the angles: it sees $(\cos x_i, \sin x_i)$, and is periodic."""

    network: Any

    def __call__(self, x: Float[Array, " d"]) -> Float[Array, " A"]:
        r"""Return the network at the embedded point."""
        return self.network(jnp.concatenate([jnp.cos(x), jnp.sin(x)]))


@dataclass(frozen=True)
class DriftSettings:
    r"""Torus, networks and training of one run (dimensionless; the torus is T² of period 2π).

    Args:
        loss: "squared-error" to the flat-ish target metric, or "perelman-f", climbed.
        size: grid points per direction; `sigma`: kernel width of the cos-nets.
        widths: numbers of neurons N of the cos-nets; `mlp_widths`: of both hidden layers of the MLPs (may be empty).
        seeds: networks drawn for each width.
        time: final time, in units in which the infinite network's kernel keeps constants.
        snapshots: output times after the initial one.
        seed: of the draws.
    """

    loss: str
    size: int
    sigma: float
    widths: tuple[int, ...]
    mlp_widths: tuple[int, ...]
    seeds: int
    time: float
    snapshots: int
    seed: int

    def check(self) -> None:
        r"""Refuse, before anything is computed, what cannot be run.

        Raises:
            ArgumentError: an unknown loss, widths that do not increase or are too few, too few seeds, a time or a
                number of snapshots that is not positive.
            ResolutionError: σ below what the grid carries; GridError: an odd or tiny grid.
            HorizonError: a time beyond the stability horizon of F's ascent.
        """
        check_numbers(self.seed, time=self.time)
        if self.loss not in LOSSES:
            raise ArgumentError(f"Argument `loss` must be one of {', '.join(LOSSES)}, but is {self.loss!r}.")
        for name, widths, least in (("widths", self.widths, 3), ("mlp_widths", self.mlp_widths, 0)):
            if len(widths) < least or any(b <= a for a, b in zip((0, *widths), widths)):
                raise ArgumentError(
                    f"Argument `{name}` must hold {least} or more increasing numbers of neurons, but is {widths}. "
                    "Try 32 128 512."
                )
        if self.seeds < 2 or not self.time > 0 or self.snapshots < 1:
            raise ArgumentError(
                f"`seeds` must be 2 or more (error bars need two), `time` and `snapshots` positive, but they are "
                f"{self.seeds}, {self.time} and {self.snapshots}."
            )
        torus = Torus(2, self.size)
        check_width(torus, self.sigma)
        if self.loss == "perelman-f":
            horizon = stability_horizon(_metrics(torus)[0], self.sigma)
            if self.time > horizon:
                raise HorizonError(
                    f"F can be climbed at fixed measure for t <= {horizon:.4g} with sigma = {self.sigma:.4g}, but "
                    f"`time` is {self.time:.4g}. Take a shorter time or a larger sigma.",
                    time=self.time,
                    horizon=horizon,
                )


def _metrics(torus: Torus) -> tuple[Array, Array, Array]:
    r"""Return the initial metric, the fixed measure and the target, on the grid."""
    g, measure = METRICS["generic-t2"].sample(torus)
    return g, measure, METRICS["nearly-flat-t2"].sample(torus)[0]


def _loss(chosen: DriftSettings) -> Loss:
    torus = Torus(2, chosen.size)
    _, measure, target = _metrics(torus)
    if chosen.loss == "squared-error":
        return SquaredError.on_torus(torus, target)
    return GridFunctional(torus, "perelman-f", -1.0, measure)


def _times(chosen: DriftSettings) -> np.ndarray:
    return np.linspace(0.0, chosen.time, chosen.snapshots + 1)


def _rate(chosen: DriftSettings, share: float) -> float:
    r"""Return η for which a tangent kernel `share`·k, k(0) = 1, keeps constants; twice that in Ricci flow's time."""
    factor = 1.0 if chosen.loss == "squared-error" else 2.0
    return factor / ((2 * np.pi) ** 2 * constant_weight(chosen.sigma, 2) * share)


def infinite_part(chosen: DriftSettings) -> Part:
    r"""Run the flow of the infinite network, whose kernel is frozen: output times (T,) and metrics (T, P, grid)."""
    torus = Torus(2, chosen.size)
    g, measure, target = _metrics(torus)
    if chosen.loss == "squared-error":
        flow = MemorisationFlow(torus, target=target, reference=g)
    else:
        flow = NetworkFlow(torus, measure=measure, parametrisation="packed-orthonormal")
    solution = flow.smeared(chosen.sigma).run(g, _times(chosen), rtol=1e-8, atol=1e-10)
    states = np.asarray(solution.require_completed("flow of the infinite network").states)
    return {"times": solution.times, "metrics": states.reshape(*states.shape[:2], -1)}, {}


def cos_net_part(chosen: DriftSettings, width: int, infinite: np.ndarray) -> Part:
    r"""Train the cos-nets of one width: all parameters, the same linearised, and the last layer alone."""
    torus, times, loss = Torus(2, chosen.size), _times(chosen), _loss(chosen)
    keys = jax.random.split(jax.random.fold_in(jax.random.key(chosen.seed), width), chosen.seeds)
    networks = eqx.filter_jit(
        eqx.filter_vmap(lambda key: PeriodicCosNet.sample(key, width, 2, chosen.sigma, outputs=3))
    )(keys)
    g0, probes = GridMetric(torus, _metrics(torus)[0]), _probes(chosen)
    # amplitudes give k to the infinite kernel, phases once more: σ_a = 1, and the frequencies do not train
    full = train_ensemble(networks, g0, loss, times, _rate(chosen, 2.0))
    linear = train_ensemble(networks, g0, loss, times, _rate(chosen, 2.0), linearised=True)
    last = train_ensemble(networks, g0, loss, times, _rate(chosen, 1.0), trained="last-layer")
    drift, kernels = kernel_drift(networks, full, probes)
    kappa = jax.vmap(jax.vmap(lambda x, y: periodic_kernel(x - y, chosen.sigma), (None, 0)), (0, None))(probes, probes)
    exact = 2 * np.asarray(kappa)[..., None, None] * np.eye(3)
    scale = tensor_norm(infinite[-1] - infinite[0])
    between = partial(distances, scale=scale, count=len(times))
    return {
        "drift": drift.sizes,
        "mean": drift.of_mean,
        "last_layer": kernel_drift(networks, last, probes, "last-layer")[0].sizes,
        "scatter": np.linalg.norm((kernels - exact).reshape(chosen.seeds, -1), axis=1) / np.linalg.norm(exact),
        "full_linearised": between(full, linear),
        "linearised_infinite": between(linear, infinite),
        "full_infinite": between(full, infinite),
    }, {}


def mlp_part(chosen: DriftSettings, width: int) -> Part:
    r"""Train all parameters of MLPs with two hidden layers of one width."""
    keys = jax.random.split(jax.random.fold_in(jax.random.key(chosen.seed + 1), width), chosen.seeds)
    sizes = (4, width, width, 3)
    networks = eqx.filter_jit(eqx.filter_vmap(lambda key: OnTorus(MLP(key, sizes, jnp.tanh, 1.5, 0.3))))(keys)
    torus = Torus(2, chosen.size)
    g0 = GridMetric(torus, _metrics(torus)[0])
    trained = train_ensemble(networks, g0, _loss(chosen), _times(chosen), _rate(chosen, 2.0))
    return {"drift": kernel_drift(networks, trained, _probes(chosen))[0].sizes}, {}


def _probes(chosen: DriftSettings) -> Array:
    return jnp.asarray(np.random.default_rng(chosen.seed).uniform(0, 2 * np.pi, (PROBES, 2)))
