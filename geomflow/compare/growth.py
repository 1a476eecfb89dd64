r"""Growth rates about the flat metric: measured on the nonlinear flows, against the rates of the linear theory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from geomflow.flows import FixedMeasureFlow, TorusFlow
from geomflow.geometry.torus import Torus
from geomflow.kernels.operator import cos_net_multiplier
from geomflow.symbolic.jets import pairs

# Amplitude ε of the seeded modes. Runs with +ε and -ε are subtracted, so that the modes couple at order ε² only.
AMPLITUDE = 1e-6
# Step of the central difference of a velocity: its error is STEP² of the third derivative.
STEP = 1e-4


@dataclass(frozen=True)
class GrowthStudy:
    r"""Growth of longitudinal modes of the smeared fixed-measure flow.

    Attributes:
        sigma: kernel width.
        modes: wave numbers k.
        measured: ln(a_k(t)/a_k(0)) / t.
        predicted: k² e^{-σ²k²/2}, the linear rate +k² times the derived symbol of the kernel.
    """

    sigma: float
    modes: list[int]
    measured: list[float]
    predicted: list[float]

    @property
    def worst(self) -> float:
        r"""Largest relative deviation of a measured rate."""
        return max(abs(a / b - 1) for a, b in zip(self.measured, self.predicted, strict=True))


def flat_metric(torus: Torus) -> np.ndarray:
    r"""Return δ_ij on the grid, packed, shape (P, *grid)."""
    return np.stack([np.full(torus.shape, float(i == j)) for i, j in pairs(torus.dim)])


def longitudinal_growth(torus: Torus, sigma: float, modes: Sequence[int], time: float = 0.3) -> GrowthStudy:
    r"""Seed every mode δg_00 = ε cos(k x) at once, run the nonlinear flow at constant measure, read the amplitudes.

    Args:
        torus: the grid; the modes must survive its 2/3 rule.
        sigma: kernel width.
        modes: wave numbers k >= 1.
        time: how long to run. Good values: growth by a factor 10 at most, so that the modes stay linear.

    Raises:
        ResolutionError: the grid does not carry sigma.
    """
    x = np.asarray(torus.points[0])
    seed = np.zeros_like(flat_metric(torus))
    seed[0] = sum(AMPLITUDE * np.cos(k * x) for k in modes)
    multiplier = np.asarray(cos_net_multiplier(torus, sigma))
    flow = FixedMeasureFlow(torus, measure=jnp.ones(torus.shape)).smeared(sigma)

    def final(sign: float) -> np.ndarray:
        solution = flow.run(
            jnp.asarray(flat_metric(torus) + sign * seed), np.array([0.0, time]), rtol=1e-12, atol=1e-14
        )
        return np.asarray(solution.require_completed("fixed-measure flow of the growth study").last[0])

    change = (final(1.0) - final(-1.0)) / 2
    amplitudes = [float(2 * np.mean(change * np.cos(k * x))) for k in modes]
    measured = [float(np.log(a / AMPLITUDE) / time) for a in amplitudes]
    symbol = [float(multiplier[(0,) * (torus.dim - 1) + (k,)]) for k in modes]
    return GrowthStudy(sigma, list(modes), measured, [k**2 * s for k, s in zip(modes, symbol, strict=True)])


def linear_rates(torus: Torus, flow: TorusFlow, k: int = 2) -> dict[str, float]:
    r"""Return the linear rates of a local flow about flat, in units of k²: transverse, mixed, longitudinal.

    The wave vector lies along x; the tensors are e_y e_y for d = 2 or e_y e_z for d >= 3 (transverse), e_x e_y (mixed)
    and e_x e_x (longitudinal). Central differences of the nonlinear velocity, projected on the tensor itself.

    Args:
        torus: the grid; `flow`: a flow on it, at constant measure where it has one.
        k: wave number.
    """
    wave = np.cos(k * np.asarray(torus.points[0]))
    entries = {"transverse": (1, min(2, torus.dim - 1)), "mixed": (0, 1), "longitudinal": (0, 0)}
    velocity = eqx.filter_jit(flow)
    rates = {}
    for name, (i, j) in entries.items():
        direction = np.stack([wave * (entry == (i, j)) for entry in pairs(torus.dim)])
        forward, backward = (velocity(0.0, jnp.asarray(flat_metric(torus) + h * direction)) for h in (STEP, -STEP))
        change = (np.asarray(forward) - np.asarray(backward)) / (2 * STEP)
        rates[name] = float(np.sum(change * direction) / np.sum(direction**2)) / k**2
    return rates
