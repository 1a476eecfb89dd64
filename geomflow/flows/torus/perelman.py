r"""The gradient flow of Perelman's F at fixed measure, dg/dt = -2 (Ric + Hess f): ill-posed, with its horizon."""

from __future__ import annotations

import math
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from geomflow.core.errors import HorizonError
from geomflow.flows.solve import Solution
from geomflow.flows.torus.base import TorusFlow
from geomflow.flows.torus.generate import generated
from geomflow.geometry.packed import unpack
from geomflow.geometry.torus import Torus
from geomflow.kernels.random_operator import RandomFeatureOperator

ROUNDING = float(np.finfo(float).eps)


class FixedMeasureFlow(TorusFlow):
    r"""dg/dt = -2 (Ric + Hess f) with f = log(dV/dm) and dm = m dx held fixed.

    f solves a backward heat equation: longitudinal modes about flat *grow* like e^{+k² t}, and with a kernel of width σ
    like e^{k² exp(-σ²k²/2) t}. Use `run_within_horizon`.

    Args:
        torus: the grid.
        measure: m(x) > 0, shape (*grid,).
        kernel: Fourier symbol or operator of a network, or None.

    Reference: G. Perelman, arXiv math/0211159, section 1; arXiv 2310.19870, section 3.
    """

    torus: Torus
    measure: Float[Array, "*grid"] = eqx.field(kw_only=True)
    kernel: Array | RandomFeatureOperator | None = None

    def potential(self, g: Float[Array, "P *grid"]) -> Float[Array, "*grid"]:
        r"""Return f = log(√det g / m)."""
        determinant = self.torus.pointwise(generated("leading_minors", self.torus.dim), g)[-1]
        return 0.5 * jnp.log(determinant) - jnp.log(self.measure)

    def velocity(self, g: Float[Array, "P *grid"]) -> Float[Array, "P *grid"]:
        r"""Return -2 (Ric_ij + ∇_i ∇_j f)."""
        return self.torus.pointwise(
            generated("perelman_velocity", self.torus.dim), g, *self.torus.jets(g), *self.torus.jets(self.potential(g))
        )

    def functional(self, g: Float[Array, "P *grid"]) -> Float[Array, ""]:
        r"""Return F = ∫ (R + |∇f|²) dm."""
        density = self.torus.pointwise(
            generated("perelman_density", self.torus.dim),
            g,
            *self.torus.jets(g),
            self.torus.gradient(self.potential(g)),
        )[0]
        return self.torus.integrate(density * self.measure)

    def run_within_horizon(
        self, g: Float[Array, "P *grid"], times: np.ndarray, sigma: float, tolerance: float = 1e-6, **options: Any
    ) -> Solution:
        r"""Run the flow smeared with width `sigma`, but refuse a span beyond `stability_horizon(g, sigma, tolerance)`.

        Raises:
            HorizonError: carries `time`, `horizon`.
        """
        horizon = stability_horizon(g, sigma, tolerance)
        span = float(abs(times[-1] - times[0]))
        if span > horizon:
            raise HorizonError(
                f"The fixed-measure flow with sigma = {sigma:.4g} can be followed for t <= {horizon:.4g}, but "
                f"t = {span:.4g} is asked for: beyond it rounding errors grow past {tolerance:.0e}. "
                "Take a shorter time, a larger sigma, or a well-posed gauge (DeTurck, lambda).",
                time=span,
                horizon=horizon,
            )
        return self.smeared(sigma).run(g, times, **options)


def stability_horizon(
    g: Float[Array, "P *grid"], sigma: float, tolerance: float = 1e-6, noise: float = ROUNDING
) -> float:
    r"""Return how long the smeared fixed-measure flow can be followed: T = (e σ²/2) λ_min(g) ln(tolerance / noise).

    The fastest mode, k = √2/σ, grows at the rate 2/(e σ² λ_min(g)); T is when it has carried `noise` to `tolerance`.

    Args:
        g: the metric, packed (its smallest eigenvalue over the grid enters).
        sigma: kernel width.
        tolerance: relative error that may be reached.
        noise: relative error at the start; rounding by default.
    """
    smallest = float(np.min(np.linalg.eigvalsh(np.asarray(unpack(g)))))
    return math.e * sigma**2 / 2 * smallest * math.log(tolerance / noise)
