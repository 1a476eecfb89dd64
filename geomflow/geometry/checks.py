r"""Early checks of a metric field: finite, symmetric, not singular; the error says where and which number."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from geomflow.core.errors import MetricError

# Below this ratio of smallest to largest eigenvalue, float64 curvature has no correct digit left.
SMALLEST_RATIO = 1e-12
LARGEST_ASYMMETRY = 1e-12


def check_metric(full: np.ndarray, points: np.ndarray, name: str = "metric") -> None:
    r"""Check a sampled metric.

    Args:
        full: g_ij at the points, shape (*grid, n, n).
        points: coordinates, shape (n, *grid).
        name: what to call it in the error.

    Raises:
        MetricError: not finite, not symmetric, indefinite or singular. Numbers: `point`, `eigenvalue`, `asymmetry`.
    """
    full = np.asarray(full)

    def where(index: tuple[int, ...]) -> tuple[str, tuple[float, ...]]:
        point = tuple(float(p[index]) for p in np.asarray(points))
        return "(" + ", ".join(f"{x:.4f}" for x in point) + ")", point

    bad = ~np.all(np.isfinite(full), axis=(-2, -1))
    if bad.any():
        text, point = where(tuple(np.argwhere(bad)[0]))
        raise MetricError(f"The {name} is not finite at x = {text}. Check its formula there.", point=point)
    skew = np.max(np.abs(full - np.swapaxes(full, -1, -2)), axis=(-2, -1))
    worst = np.unravel_index(int(np.argmax(skew)), skew.shape)
    if skew[worst] > 1e-12 * np.max(np.abs(full)):
        text, point = where(tuple(int(i) for i in worst))
        raise MetricError(
            f"The {name} must be symmetric, but |g_ij - g_ji| = {skew[worst]:.3g} at x = {text}. "
            "Give g_ij = g_ji, or symmetrise it first.",
            point=point,
            asymmetry=float(skew[worst]),
        )
    eigenvalues = np.linalg.eigvalsh(full)
    smallest, largest = eigenvalues[..., 0], eigenvalues[..., -1]
    ratio = smallest / np.maximum(np.abs(largest), 1e-300)
    worst = tuple(int(i) for i in np.unravel_index(int(np.argmin(ratio)), ratio.shape))
    if ratio[worst] <= SMALLEST_RATIO:
        text, point = where(worst)
        kind = "singular" if abs(ratio[worst]) <= SMALLEST_RATIO else "indefinite"
        kind = "negative definite" if largest[worst] < 0 else kind
        raise MetricError(
            f"The {name} must be positive definite, but is {kind} at x = {text}: "
            f"its smallest eigenvalue there is {smallest[worst]:.4g}. Reduce the amplitudes of its periodic part.",
            point=point,
            eigenvalue=float(smallest[worst]),
        )


def unit_scales(g: Float[Array, "n n"]) -> Float[Array, " n"]:
    r"""Return s with |g_ij| / (s_i s_j) <= 1, largest entry of each row about 1: the units of the coordinates.

    In the coordinates y^i = s_i x^i the metric has entries of order one, whether x^i is a radius or an angle, and with
    null coordinates as well.
    """
    scales = jnp.ones(g.shape[-1], dtype=g.dtype)
    for _ in range(3):  # converges quadratically
        rows = jnp.max(jnp.abs(g) / (scales[:, None] * scales), axis=-1)
        scales = scales * jnp.sqrt(jnp.where(rows > 0, rows, 1.0))
    return scales


def degeneracy(g: Float[Array, "n n"]) -> Float[Array, "3"]:
    r"""Return what `check_nondegenerate` judges a metric of any signature by.

    Returns:
        largest |g_ij|; largest |g_ij - g_ji|; and 1 / (‖h‖ ‖h⁻¹‖) in the maximum norm, h being g in the units of
        `unit_scales`: the inverse condition number, whatever the units of the coordinates.
    """
    scales = unit_scales(g)
    h = g / (scales[:, None] * scales)
    condition = _norm(h) * _norm(jnp.linalg.inv(h))
    return jnp.stack([jnp.max(jnp.abs(g)), jnp.max(jnp.abs(g - g.T)), 1 / condition])


def _norm(matrix: Array) -> Array:
    return jnp.max(jnp.sum(jnp.abs(matrix), axis=-1))


def check_nondegenerate(
    numbers: Float[np.ndarray, "*batch 3"], points: Float[np.ndarray, "*batch n"], name: str = "metric"
) -> None:
    r"""Refuse a metric of any signature that is not finite, not symmetric or singular at some point.

    Args:
        numbers: `degeneracy` of g at the points.
        points: their coordinates.
        name: what to call the metric in the error.

    Raises:
        MetricError: with `point` and `asymmetry` or `condition`, of the worst point.
    """
    if not numbers.size:
        return
    numbers, points = numbers.reshape(-1, 3), points.reshape(numbers.size // 3, -1)
    largest, skew, inverse_condition = numbers.T

    def where(index: int) -> tuple[str, tuple[float, ...]]:
        point = tuple(float(x) for x in points[index])
        return "(" + ", ".join(f"{x:.6g}" for x in point) + ")", point

    finite = np.isfinite(largest) & np.isfinite(skew)
    if not finite.all():
        text, point = where(int(np.argmin(finite)))
        raise MetricError(f"The {name} is not finite at x = {text}. Check its formula there.", point=point)
    asymmetry = skew / np.where(largest > 0, largest, 1.0)
    worst = int(np.argmax(asymmetry))
    if asymmetry[worst] > LARGEST_ASYMMETRY:
        text, point = where(worst)
        raise MetricError(
            f"The {name} must be symmetric, but |g_ij - g_ji| = {skew[worst]:.3g} at x = {text}. "
            "Give g_ij = g_ji, or symmetrise it first.",
            point=point,
            asymmetry=float(skew[worst]),
        )
    inverse_condition = np.nan_to_num(inverse_condition, nan=0.0)  # no inverse at all
    worst = int(np.argmin(inverse_condition))
    if inverse_condition[worst] <= SMALLEST_RATIO:
        text, point = where(worst)
        raise MetricError(
            f"The {name} is singular at x = {text}: its condition number there is "
            f"{1 / max(inverse_condition[worst], 1e-300):.3g}. Keep away from that point, or change the coordinates.",
            point=point,
            condition=float(1 / max(inverse_condition[worst], 1e-300)),
        )
