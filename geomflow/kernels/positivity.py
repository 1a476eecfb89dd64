r"""Whether a kernel is positive, and whether a point set resolves it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from jaxtyping import Array, Float

from geomflow.core.errors import ArgumentError, KernelError, ResolutionError
from geomflow.core.precision import require_x64
from geomflow.geometry.point_sets import PointSet
from geomflow.kernels.base import Kernel, points_pair

#: Eigenvalues down to minus n times this share of the largest one are rounding.
ROUNDING = 4 * np.finfo(float).eps
#: Points at which the sum of a kernel is looked at.
PROBES = 256


def check_positive(kernel: Kernel | Float[Array, "n n"], points: Float[Array, "n d"] | None = None) -> np.ndarray:
    r"""Return the eigenvalues of a Gram matrix, ascending, or refuse it: it must be symmetric and not indefinite.

    Args:
        kernel: a kernel, or the matrix κ(x_i, x_j) itself.
        points: x_i, for a kernel.

    Raises:
        KernelError: it is not symmetric (number: `asymmetry`, relative to the largest entry), or has an eigenvalue that
            is negative beyond rounding (numbers: `eigenvalue`, the most negative one, and `jitter`, what must be added
            to the diagonal).
        ArgumentError: no points with a kernel; a matrix that is not square or not finite.

    Good values: up to 4000 points; the time grows like n³.
    """
    matrix = _matrix(kernel, points)
    largest = float(np.max(np.abs(matrix)))
    asymmetry = float(np.max(np.abs(matrix - matrix.T))) / (largest or 1.0)
    if asymmetry > 1e-10:
        raise KernelError(
            f"A kernel must be symmetric, but κ(x, y) and κ(y, x) differ by {asymmetry:.2e} of the largest entry. "
            "Try (κ(x, y) + κ(y, x))/2.",
            asymmetry=asymmetry,
        )
    values = np.linalg.eigvalsh((matrix + matrix.T) / 2)
    allowed = ROUNDING * len(values) * max(abs(values[0]), abs(values[-1]))
    if values[0] < -allowed:
        jitter = -float(values[0]) + allowed
        raise KernelError(
            f"The kernel must be positive semi-definite, but on these {len(values)} points its lowest eigenvalue is "
            f"{values[0]:.3e} (the highest is {values[-1]:.3e}). Add {jitter:.1e} to the diagonal if that is noise; "
            "otherwise it is no kernel of a network.",
            eigenvalue=float(values[0]),
            jitter=jitter,
        )
    return values


def _matrix(kernel: Any, points: Any) -> np.ndarray:
    if isinstance(kernel, Kernel):
        if points is None:
            raise ArgumentError("Argument `points` must be given with a kernel: the points x_i as rows, (n, d).")
        # all of it, not one half twice: it is the symmetry that is in question
        x, _ = points_pair(points)
        matrix = np.asarray(kernel.matrix(x, x))
    else:
        require_x64()
        matrix = np.asarray(kernel, dtype=float)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.size:
        raise ArgumentError(f"Argument `kernel` must be a kernel or a square matrix, but has shape {matrix.shape}.")
    if not np.isfinite(matrix).all():
        i, j = np.argwhere(~np.isfinite(matrix))[0]
        raise ArgumentError(f"The kernel must be finite, but is {matrix[i, j]} at the points number {i} and {j}.")
    return matrix


def constant_error(
    points: PointSet | Float[Array, "n d"], sigma: float, weights: Float[Array, " n"] | None = None
) -> float:
    r"""Return how far a Gaussian of width σ is from keeping constants on a point set.

    $$\operatorname{median}_i\Big|(2\pi\sigma^2)^{-d/2}\sum_j w_j\,e^{-|x_i-x_j|^2/2\sigma^2} - 1\Big|$$

    over points at least 4σ inside the smallest box around the set (`PROBES` of them); infinite if there are none.

    Args:
        points: x_i in a chart, shape (n, d), or a `PointSet`, which has its weights.
        sigma: the width σ, in units of the coordinates.
        weights: of the measure $d^dx$, shape (n,).

    Raises:
        ArgumentError: σ is not positive, or weights are missing or do not match.
    """
    if not 0 < sigma < math.inf:
        raise ArgumentError(f"Argument `sigma` must be positive, but is {sigma}.", sigma=sigma)
    return _constant_error(_point_set(points, weights), sigma)


def resolved_sigma(
    points: PointSet | Float[Array, "n d"], weights: Float[Array, " n"] | None = None, tolerance: float = 1e-2
) -> float:
    r"""Return the smallest width σ for which a Gaussian keeps constants on a point set to a tolerance.

    On a grid of spacing h the error is $2d\,e^{-2\pi^2(\sigma/h)^2}$, on N random points of density ρ about
    $(\rho\,(2\sqrt\pi\,\sigma)^d)^{-1/2}$. Below that width the kernel's sum changes the *speed* of a flow.

    Args:
        points: x_i in a chart, shape (n, d), or a `PointSet`, which has its weights.
        weights: of the measure $d^dx$, shape (n,).
        tolerance: for the relative error on constants.

    Raises:
        ResolutionError: no width reaches it between the distance of neighbours and an eighth of the set's diameter;
            numbers: `error`, the least one, and `sigma`, where that is.
        ArgumentError: weights are missing or do not match.

    Good values: `tolerance` 1e-4 on grids, 1e-1 to 1e-2 on random points.
    """
    chosen = _point_set(points, weights)
    coordinates = np.asarray(chosen.points)
    if len(coordinates) < 3:
        raise ArgumentError(
            f"There must be at least three points to resolve a width, but there are {len(coordinates)}."
        )
    distances = _square_distances(_probes(coordinates), coordinates)
    # of the probes' nearest neighbours; the nearest of all is the point itself
    nearest = math.sqrt(float(np.median(np.partition(distances, 1, axis=1)[:, 1])))
    widest = float(np.min(np.ptp(coordinates, axis=0))) / 8
    widths = np.geomspace(0.1 * nearest, max(widest, 0.2 * nearest), 64)
    errors = []
    for width in widths:
        errors.append(_constant_error(chosen, width))
        if errors[-1] <= tolerance:
            break
    else:
        best = int(np.argmin(errors))
        raise ResolutionError(
            f"No width keeps constants to {tolerance:.1e} on these {len(coordinates)} points: the least error is "
            f"{errors[best]:.1e}, at sigma = {widths[best]:.3g}. Try more points, or a larger `tolerance`.",
            sigma=float(widths[best]),
            error=float(errors[best]),
        )
    low, high = widths[max(len(errors) - 2, 0)], widths[len(errors) - 1]
    for _ in range(20):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if _constant_error(chosen, middle) <= tolerance else (middle, high)
    return float(high)


def check_resolved(
    points: PointSet | Float[Array, "n d"],
    sigma: float,
    weights: Float[Array, " n"] | None = None,
    tolerance: float = 1e-2,
) -> None:
    r"""Refuse a Gaussian width that a point set cannot carry.

    Raises:
        ResolutionError: constants are not kept to the tolerance; numbers: `sigma`, `sigma_min` (the smallest width that
            is resolved), `error`.
        ArgumentError: as `constant_error`.
    """
    error = constant_error(points, sigma, weights)
    if error <= tolerance:
        return
    smallest = resolved_sigma(points, weights, tolerance)
    what = "too small for" if sigma < smallest else "too wide for"
    raise ResolutionError(
        f"Argument `sigma` is {what} this point set: at {sigma:.4g} a Gaussian errs by {error:.1e} on constants, and "
        f"{tolerance:.1e} is asked for. The smallest width that is resolved is {smallest:.4g}.",
        sigma=sigma,
        sigma_min=smallest,
        error=error,
    )


def _point_set(points: Any, weights: Any) -> PointSet:
    if isinstance(points, PointSet):
        return points
    if weights is None:
        raise ArgumentError("Argument `weights` must be given: w_i of the measure d^dx, or give a `PointSet`.")
    return PointSet(points, weights)


def _constant_error(points: PointSet, sigma: float) -> float:
    coordinates, weights = np.asarray(points.points), np.asarray(points.weights)
    low, high = coordinates.min(axis=0) + 4 * sigma, coordinates.max(axis=0) - 4 * sigma
    probes = _probes(coordinates[np.all((coordinates >= low) & (coordinates <= high), axis=1)])
    if not len(probes):
        return math.inf
    sums = np.exp(-_square_distances(probes, coordinates) / (2 * sigma**2)) @ weights
    return float(np.median(np.abs(sums / (2 * math.pi * sigma**2) ** (points.dim / 2) - 1)))


def _probes(coordinates: np.ndarray) -> np.ndarray:
    r"""Return at most `PROBES` of the points, evenly along their list."""
    return (
        coordinates[np.unique(np.linspace(0, len(coordinates) - 1, PROBES).astype(int))]
        if len(coordinates)
        else coordinates
    )


def _square_distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    total = np.zeros((len(x), len(y)))
    for axis in range(x.shape[1]):
        total += (x[:, None, axis] - y[None, :, axis]) ** 2
    return total
