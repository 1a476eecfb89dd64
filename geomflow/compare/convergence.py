r"""Observed orders, Richardson extrapolation and relative errors of tensor fields along a ladder of kernel widths."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Array, Float

from geomflow.geometry.packed import dimension, multiplicities

# A packed tensor field, shape (P, *grid).
Field = Float[Array, "P *grid"] | np.ndarray


def tensor_norm(packed: Field) -> float:
    r"""Return the root mean square over the grid of the Frobenius norm (off-diagonal components count twice)."""
    values = np.asarray(packed)  # NumPy here and below: a handful of operations is not worth compiling
    weights = multiplicities(dimension(values)).reshape(-1, *[1] * (values.ndim - 1))
    return float(np.sqrt(np.mean(np.sum(weights * values**2, axis=0))))


def relative_error(value: Field, truth: Field, scale: Field | None = None) -> float:
    r"""Return ‖value - truth‖ / ‖scale‖, scale being the truth by default."""
    return tensor_norm(np.asarray(value) - np.asarray(truth)) / tensor_norm(truth if scale is None else scale)


def fluctuation(packed: Field) -> np.ndarray:
    r"""Return a field less its mean over the grid: the part of a metric that a flow on a torus can change."""
    values = np.asarray(packed)
    return values - np.mean(values, axis=tuple(range(1, values.ndim)), keepdims=True)


def observed_orders(widths: Sequence[float], errors: Sequence[float]) -> list[float]:
    r"""Return log(E_j / E_{j+1}) / log(σ_j / σ_{j+1}) for each pair of a decreasing ladder; NaN where an error is 0."""
    neighbours = zip(widths, widths[1:], errors, errors[1:], strict=False)
    return [float(np.log(a / b) / np.log(s / r)) if a > 0 and b > 0 else float("nan") for s, r, a, b in neighbours]


def richardson(widths: Sequence[float], values: Sequence[Array | np.ndarray]) -> list[np.ndarray]:
    r"""Eliminate the σ² term between neighbours: (r² g_{σ/r} - g_σ) / (r² - 1), the (4 g_{σ/2} - g_σ)/3 of r = 2."""
    extrapolated = []
    for s, t, coarse, fine in zip(widths, widths[1:], values, values[1:], strict=False):
        ratio = (s / t) ** 2
        extrapolated.append((ratio * np.asarray(fine) - np.asarray(coarse)) / (ratio - 1))
    return extrapolated


def leading_constant(widths: Sequence[float], errors: Sequence[float]) -> float:
    r"""Return the limit of E(σ)/σ² as σ -> 0, from the two smallest widths (its own σ² term eliminated)."""
    constants = [np.asarray(e / s**2) for s, e in zip(widths, errors, strict=True)]
    return float(richardson(widths[-2:], constants[-2:])[0])
