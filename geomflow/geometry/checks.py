r"""Early checks of a metric field: finite, symmetric, positive definite; the error says where and which eigenvalue."""

from __future__ import annotations

import numpy as np

from geomflow.core.errors import MetricError

# Below this ratio of smallest to largest eigenvalue, float64 curvature has no correct digit left.
SMALLEST_RATIO = 1e-12


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
