r"""The rates of a finite cos-net scatter around those of the infinite one, and modes without a neuron are never learnt.

The last-layer kernel of N neurons acts on the pair $e^{\pm ik\cdot x}$ alone (`geomflow.kernels.random_operator`), by
$\hat u(k)\mapsto\alpha_k\hat u(k) + \beta_k\overline{\hat u(k)}$, hence with the two rates $\alpha_k\pm|\beta_k|$. The
number of neurons of frequency ±k is binomial with the probability 2p_k, their phases are uniform, so that

$$E\lambda = \frac{p_k}{p_0},\qquad \frac{\mathrm{Var}\,\lambda}{(E\lambda)^2} = \frac{1 - p_k}{N p_k},\qquad
  P(\lambda_\pm = 0) = (1 - 2p_k)^N$$

over draws and over both signs, at every width N.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import Array

from geomflow.compare.finite_width import draw_operator
from geomflow.compare.memorisation import TIGHT, fitted_rates, modes_of
from geomflow.flows.training.memorisation import MemorisationFlow
from geomflow.geometry.torus import Torus
from geomflow.kernels.cos_net import discrete_normal
from geomflow.kernels.random_operator import RandomFeatureOperator


@dataclass(frozen=True)
class FiniteRates:
    r"""Rates of finite periodic cos-nets on T^d at the waves (0, .., 0, k), both rates of each draw.

    Attributes:
        sigma: kernel width; `widths`: N; `waves`: k.
        rates: α ± |β|, shape (widths, draws, waves, 2).
        infinite: the rates at N = ∞, p_k/p_0, shape (waves,).
        scatter: predicted standard deviation, shape (widths, waves).
        silent: predicted probability that no neuron has the frequency, shape (widths, waves).
    """

    sigma: float
    widths: tuple[int, ...]
    waves: np.ndarray
    rates: np.ndarray
    infinite: np.ndarray
    scatter: np.ndarray
    silent: np.ndarray

    @property
    def means(self) -> np.ndarray:
        r"""The mean rates, shape (widths, waves)."""
        return np.mean(self.rates, axis=(1, 3))

    @property
    def errors(self) -> np.ndarray:
        r"""The standard errors of the means over the draws, shape (widths, waves)."""
        return np.std(np.mean(self.rates, axis=3), axis=1, ddof=1) / np.sqrt(self.rates.shape[1])

    @property
    def spread(self) -> np.ndarray:
        r"""The measured standard deviation about the infinite rates, shape (widths, waves)."""
        return np.sqrt(np.mean((self.rates - self.infinite[:, None]) ** 2, axis=(1, 3)))

    @property
    def never(self) -> np.ndarray:
        r"""The measured share of draws that have no neuron of the frequency, shape (widths, waves)."""
        return np.mean(np.all(self.rates == 0, axis=3), axis=1)


def finite_rates(
    torus: Torus, sigma: float, widths: tuple[int, ...], waves: np.ndarray, draws: int, seed: int = 0
) -> FiniteRates:
    r"""Draw networks and return the rates of their kernels, with what the theory says of them.

    Args:
        torus: the grid.
        sigma: kernel width.
        widths: numbers of neurons N.
        waves: positive integers k below a third of the grid's size.
        draws: networks per width; `seed`: of the draws.

    Raises:
        ResolutionError: the grid does not carry sigma.
    """
    keys = jax.random.split(jax.random.key(seed), (len(widths), draws))
    rates = [
        [_pair(draw_operator(key, torus, sigma, n), waves)[0] for key in row]
        for n, row in zip(widths, keys, strict=True)
    ]
    values, probabilities = discrete_normal(sigma)
    weights = dict(zip(values.tolist(), probabilities.tolist(), strict=True))
    p = np.array([weights.get(int(k), 0.0) for k in waves]) * weights[0] ** (torus.dim - 1)
    infinite, n = p / weights[0] ** torus.dim, np.array(widths, dtype=float)[:, None]
    return FiniteRates(
        sigma, widths, waves, np.array(rates), infinite, infinite * np.sqrt((1 - p) / (n * p)), (1 - 2 * p) ** n
    )


def integrated_rates(
    torus: Torus, sigma: float, width: int, seed: int, g: Array, target: Array, waves: np.ndarray, times: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    r"""Integrate the flow of one finite network and fit the rates of its own modes.

    The eigenvectors of the pair ±k are the real and the imaginary part of $\hat u(k)\,e^{-i\varphi/2}$,
    $\varphi = \arg\beta_k$.

    Returns:
        Measured and predicted rates, both of shape (waves, 2), of the metric's first component.

    Raises:
        FlowError: the flow stopped.
    """
    operator = draw_operator(jax.random.key(seed), torus, sigma, width)
    flow = MemorisationFlow(torus, target=target, reference=g).driven_by(operator)
    solution = flow.run(g, times, **TIGHT).require_completed("memorisation flow of a finite network")
    predicted, angle = _pair(operator, waves)
    listed = np.zeros((len(waves), torus.dim), dtype=int)
    listed[:, -1] = waves
    residual = modes_of(torus, np.asarray(solution.states)[:, 0] - np.asarray(target)[0], listed)
    turned = residual * np.exp(-0.5j * angle)
    parts = np.abs(np.stack([np.real(turned), np.imag(turned)], axis=-1))
    return fitted_rates(solution.times, parts), predicted


def _pair(operator: RandomFeatureOperator, waves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    r"""Return the rates α ± |β|, shape (waves, 2), and arg β, shape (waves,), at the waves (0, .., 0, k)."""
    axis = (0,) * (operator.direct.ndim - 1)
    direct = np.asarray(operator.direct)[(*axis, waves)]
    real, imaginary = np.asarray(operator.conjugate)[(slice(None), *axis, waves)]
    size = np.hypot(real, imaginary)
    # a single neuron has the rates (2α, 0)
    return np.stack([direct + size, np.maximum(direct - size, 0.0)], axis=-1), np.arctan2(imaginary, real)
