r"""Finite width against Ricci flow: bias of the kernel's width σ, noise of the number N of neurons, and its prediction.

The last layer of a periodic cos-net of width N moves the metric by $\dot g = K_{N,\sigma}V(g)$. Its distance to the
local flow has two parts,

$$E(N,\sigma)^2 \approx \underbrace{B(\sigma)^2}_{N=\infty,\;\sim\sigma^4}
  + \underbrace{A(\sigma)^2/N}_{\sim\,\sigma^{-d}/N}$$

and A follows from the statistics of $K_{N,\sigma}$ (see `geomflow.kernels.random_operator`) and the linear response of
the final metric to each of its entries.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from geomflow.compare.convergence import tensor_norm
from geomflow.core.progress import track
from geomflow.flows.solve import Solution
from geomflow.flows.torus.base import TorusFlow
from geomflow.geometry.torus import Torus
from geomflow.kernels.cos_net import discrete_normal
from geomflow.kernels.operator import check_width
from geomflow.kernels.random_operator import RandomFeatureOperator, random_feature_operator
from geomflow.networks import PeriodicCosNet

#: Tolerances of every run here: the time error stays a thousand times below the smallest distance looked at.
TOLERANCES = {"rtol": 1e-7, "atol": 1e-9}
#: Perturbation of one entry of the operator, and the share of the largest mode below which a mode is left out.
_STEP, _NEGLIGIBLE = 1e-3, 1e-3


def constant_weight(sigma: float, dim: int) -> float:
    r"""Return $p_0$, the probability of b = 0: $(\sigma/\sqrt{2\pi})^d$ for small σ.

    $1/p_0 = (L/(\sqrt{2\pi}\sigma))^d$, L = 2π, is the width at which a network has one neuron for each mode of the
    kernel: the frontier below which there is no local limit.
    """
    values, probabilities = discrete_normal(sigma)
    return float(probabilities[values == 0][0]) ** dim


def draw_operator(key: PRNGKeyArray, torus: Torus, sigma: float, width: int) -> RandomFeatureOperator:
    r"""Draw a periodic cos-net of width N and return the operator of its last-layer kernel.

    Raises:
        ResolutionError: σ below what the grid carries.
        ArgumentError: a width below 1.
    """
    check_width(torus, sigma)
    network = PeriodicCosNet.sample(key, width, torus.dim, sigma)
    frequencies, phases = np.asarray(network.frequencies), np.asarray(network.phases)
    return random_feature_operator(torus, frequencies, phases, constant_weight(sigma, torus.dim))


@dataclass(frozen=True)
class Distances:
    r"""Distances of final metrics at one σ, relative to the fluctuation of the local one.

    Attributes:
        sigma: kernel width.
        bias: ‖g_{∞,σ} - g_{∞,0}‖.
        total, noise: ‖g_{N,σ} - g_{∞,0}‖ and ‖g_{N,σ} - g_{∞,σ}‖, shape (widths, draws); NaN where a flow left the
            space of metrics.
    """

    sigma: float
    bias: float
    total: Float[np.ndarray, "widths draws"]
    noise: Float[np.ndarray, "widths draws"]


def run_distances(
    flow: TorusFlow,
    g: Float[Array, "P *grid"],
    time: float,
    local: Float[np.ndarray, "P *grid"],
    scale: float,
    sigma: float,
    widths: tuple[int, ...],
    draws: int,
    seed: int,
) -> Distances:
    r"""Run the flow through the kernels of many drawn networks of one σ, and measure how far the metrics end.

    Args:
        flow: the local flow.
        g: initial metric, packed.
        time: final time.
        local: the local flow's final metric, packed.
        scale: norm that distances are divided by.
        sigma: kernel width.
        widths: numbers of neurons N.
        draws: networks per width; the same seed draws the same networks.
        seed: of the draws.

    Raises:
        ResolutionError: σ below what the grid carries.
        FlowError: the flow at infinite width stopped.
    """
    infinite = flow.smeared(sigma).run(g, time, **TOLERANCES).require_completed(f"flow of sigma = {sigma:g}").last
    total, noise = np.full((2, len(widths), draws), np.nan)
    keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), round(1e6 * sigma)), len(widths) * draws)
    cells = list(product(range(len(widths)), range(draws)))
    for (row, column), key in zip(track(cells, f"sigma = {sigma:g}"), keys, strict=True):
        kernel = draw_operator(key, flow.torus, sigma, widths[row])
        solution = flow.driven_by(kernel).run(g, time, **TOLERANCES)
        if solution.completed:
            total[row, column] = tensor_norm(solution.last - local) / scale
            noise[row, column] = tensor_norm(solution.last - infinite) / scale
    return Distances(sigma, tensor_norm(infinite - local) / scale, total, noise)


@dataclass(frozen=True)
class LinearResponse:
    r"""Change of the final metric by a unit change of each entry of the operator, about the local flow.

    Attributes:
        waves: one wave vector of each pair ±k that matters, shape (M, d).
        direct: response to α_k (and α_-k), shape (M, P, *grid).
        conjugate: response to the real and the imaginary part of β_k, shape (M, 2, P, *grid).
    """

    waves: np.ndarray
    direct: np.ndarray
    conjugate: np.ndarray


def linear_response(flow: TorusFlow, g: Float[Array, "P *grid"], time: float) -> LinearResponse:
    r"""Return the response of the flow's final metric, by differences, mode by mode of its velocity.

    Modes in which the velocity is below a thousandth of its largest one are left out.
    """
    torus = flow.torus
    spectrum = np.abs(np.asarray(torus.transform(flow.velocity(g)))) * torus.dealiased
    size = np.sqrt(np.sum(spectrum**2, axis=0))
    waves = [
        wave
        for wave in torus.wave_numbers[:, size > _NEGLIGIBLE * size.max()].T.astype(int)
        if tuple(wave[::-1]) >= (0,) * torus.dim  # of a pair ±k the half spectrum may hold both
    ]
    ones, zeros = np.ones(size.shape), np.zeros((2, *size.shape))

    def final(direct: np.ndarray, conjugate: np.ndarray) -> np.ndarray:
        operator = RandomFeatureOperator(jnp.asarray(direct), jnp.asarray(conjugate))
        run: Solution = flow.driven_by(operator).run(g, time, **TOLERANCES)
        return np.asarray(run.require_completed("perturbed flow").last)

    unperturbed = final(ones, zeros)
    responses = []
    for wave in track(waves, "linear response"):
        kicks = [_kick(torus, wave, entry) for entry in range(3)]
        responses.append([(final(ones + a, zeros + b) - unperturbed) / _STEP for a, b in kicks])
    stacked = np.array(responses)
    return LinearResponse(np.array(waves), stacked[:, 0], stacked[:, 1:])


def _kick(torus: Torus, wave: np.ndarray, entry: int) -> tuple[np.ndarray, np.ndarray]:
    r"""Return a small change of α_±k (entry 0), Re β_±k (1) or Im β_k = -Im β_-k (2) on the half spectrum."""
    half = torus.size // 2 + 1
    direct = np.zeros((*torus.shape[:-1], half))
    conjugate = np.zeros((2, *direct.shape))
    for sign in (1, -1):
        place = tuple(sign * wave % torus.size)
        if place[-1] < half:
            if entry == 0:
                direct[place] = _STEP
            elif entry == 1:
                conjugate[(0, *place)] = _STEP
            elif np.any(wave):  # β_0 is real
                conjugate[(1, *place)] = sign * _STEP
    return direct, conjugate


def predicted_noise(response: LinearResponse, sigma: float) -> float:
    r"""Return A(σ) = lim √N · rms noise, in the units of the metric, from the statistics of the drawn operator.

    With $P = 2p_k$ the probability of ±k ($p_0$ for k = 0), the entries of K_N have, for one neuron, the covariances

    $$\mathrm{Cov}(\alpha_k,\alpha_l) = \frac{c_kc_l(P_k\delta_{kl} - P_kP_l)}{4p_0^2},\qquad
      \mathrm{Var}\,\mathrm{Re}\,\beta_k = \mathrm{Var}\,\mathrm{Im}\,\beta_k = \frac{c_k^2P_k}{8p_0^2}$$

    ($c_0 = 2$, otherwise 1): numbers of neurons are multinomial, and phases uniform.
    """
    values, probabilities = discrete_normal(sigma)
    weight = dict(zip(values.tolist(), probabilities.tolist(), strict=True))
    chance = np.array([np.prod([weight.get(int(k), 0.0) for k in wave]) for wave in response.waves])
    still = ~np.any(response.waves, axis=1)
    total, factor = np.where(still, chance, 2 * chance), np.where(still, 2.0, 1.0)
    squares = np.array([tensor_norm(field) ** 2 for field in response.direct])
    turned = np.array([sum(tensor_norm(field) ** 2 for field in pair) for pair in response.conjugate])
    mean = np.einsum("m,m...->...", factor * total, response.direct)
    variance = np.sum(factor**2 * total * (squares + turned / 2)) - tensor_norm(mean) ** 2
    return float(np.sqrt(variance)) / (2 * weight[0] ** response.waves.shape[1])
