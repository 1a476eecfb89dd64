r"""Observed orders, Richardson extrapolation and relative errors of tensor fields along a ladder of kernel widths."""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from geomflow.geometry.packed import dimension, multiplicities


def tensor_norm(packed: Float[Array, "P *grid"]) -> float:
    r"""Return the root mean square over the grid of the Frobenius norm (off-diagonal components count twice)."""
    n = dimension(packed)
    weights = multiplicities(n).reshape(-1, *[1] * (packed.ndim - 1))
    return float(jnp.sqrt(jnp.mean(jnp.sum(weights * packed**2, axis=0))))


def relative_error(
    value: Float[Array, "P *grid"], truth: Float[Array, "P *grid"], scale: Float[Array, "P *grid"] | None = None
) -> float:
    r"""Return ‖value - truth‖ / ‖scale‖, scale being the truth by default."""
    return tensor_norm(value - truth) / tensor_norm(truth if scale is None else scale)


def fluctuation(packed: Float[Array, "P *grid"]) -> Float[Array, "P *grid"]:
    r"""Return a field less its mean over the grid: the part of a metric that a flow on a torus can change."""
    return packed - jnp.mean(packed, axis=tuple(range(1, packed.ndim)), keepdims=True)


def observed_orders(widths: Sequence[float], errors: Sequence[float]) -> list[float]:
    r"""Return log(E_j / E_{j+1}) / log(σ_j / σ_{j+1}) for each neighbouring pair of a decreasing ladder."""
    return [
        float(np.log(a / b) / np.log(s / r)) for s, r, a, b in zip(widths, widths[1:], errors, errors[1:], strict=False)
    ]


def richardson(widths: Sequence[float], values: Sequence[Array]) -> list[Array]:
    r"""Eliminate the σ² term between neighbours: (r² g_{σ/r} - g_σ) / (r² - 1), the (4 g_{σ/2} - g_σ)/3 of r = 2."""
    extrapolated = []
    for s, t, coarse, fine in zip(widths, widths[1:], values, values[1:], strict=False):
        ratio = (s / t) ** 2
        extrapolated.append((ratio * fine - coarse) / (ratio - 1))
    return extrapolated


def leading_constant(widths: Sequence[float], errors: Sequence[float]) -> float:
    r"""Return the limit of E(σ)/σ² as σ -> 0, from the two smallest widths (its own σ² term eliminated)."""
    constants = [jnp.asarray(e / s**2) for s, e in zip(widths, errors, strict=True)]
    return float(richardson(widths[-2:], constants[-2:])[0])
