r"""Gauge invariants of a metric on the torus: the same for any two metrics that differ by a diffeomorphism."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from geomflow.compare.convergence import observed_orders
from geomflow.flows.torus.generate import generated
from geomflow.flows.torus.lambda_flow import perelman_lambda
from geomflow.geometry.torus import Torus


def gauge_invariants(torus: Torus, g: Float[Array, "P *grid"]) -> dict[str, float]:
    r"""Return volume, ∫R dV, ∫R² dV and λ(g), the lowest eigenvalue of -4Δ + R.

    On T² the volume is constant along Ricci flow and ∫R dV = 0 (Gauss-Bonnet).
    """
    return {name: float(value) for name, value in _invariants(torus, g).items()}


@eqx.filter_jit
def _invariants(torus: Torus, g: Array) -> dict[str, Array]:
    root = jnp.sqrt(torus.pointwise(generated("leading_minors", torus.dim), g)[-1])
    curvature = torus.pointwise(generated("scalar_curvature", torus.dim), g, *torus.jets(g))[0]
    return {
        "volume": torus.integrate(root),
        "int R": torus.integrate(root * curvature),
        "int R^2": torus.integrate(root * curvature**2),
        "lambda": perelman_lambda(torus, g).value,
    }


# On T² the volume is constant and ∫R dV vanishes: relative errors of these two mean nothing there.
MEANINGFUL = {2: ("int R^2", "lambda"), 3: ("volume", "int R", "int R^2", "lambda")}


@dataclass(frozen=True)
class InvariantStudy:
    r"""Gauge invariants along a ladder of kernel widths, against those of a reference.

    Attributes:
        values: invariants of the reference, by name.
        errors: |I_σ / I - 1| per width, for the invariants that mean something in this dimension.
        orders: observed orders of the errors.
    """

    values: dict[str, float]
    errors: dict[str, list[float]]
    orders: dict[str, list[float]]


def invariant_study(
    torus: Torus, reference: Float[Array, "P *grid"], widths: Sequence[float], metrics: Sequence[Array]
) -> InvariantStudy:
    r"""Compare the invariants of one metric per width with those of a reference, which may be in another gauge."""
    values = gauge_invariants(torus, reference)
    others = [gauge_invariants(torus, g) for g in metrics]
    errors = {name: [abs(o[name] / values[name] - 1) for o in others] for name in MEANINGFUL[torus.dim]}
    return InvariantStudy(values, errors, {name: observed_orders(widths, e) for name, e in errors.items()})
