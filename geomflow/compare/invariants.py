r"""Gauge invariants of a metric on the torus: the same for any two metrics that differ by a diffeomorphism."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from geomflow.flows.generate import generated
from geomflow.flows.lambda_flow import perelman_lambda
from geomflow.geometry.torus import Torus


def gauge_invariants(torus: Torus, g: Float[Array, "P *grid"]) -> dict[str, float]:
    r"""Return volume, ∫R dV, ∫R² dV and λ(g), the lowest eigenvalue of -4Δ + R.

    On T² the volume is constant along Ricci flow and ∫R dV = 0 (Gauss-Bonnet).
    """
    return {name: float(value) for name, value in _invariants(torus, g).items()}


@eqx.filter_jit
def _invariants(torus: Torus, g: Array) -> dict[str, Array]:
    root = jnp.sqrt(generated("leading_minors", torus.dim)(g)[-1])
    curvature = generated("scalar_curvature", torus.dim)(g, *torus.jets(g))[0]
    return {
        "volume": torus.integrate(root),
        "int R": torus.integrate(root * curvature),
        "int R^2": torus.integrate(root * curvature**2),
        "lambda": perelman_lambda(torus, g).value,
    }
