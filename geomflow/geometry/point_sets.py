r"""Points of a chart with quadrature weights: they integrate over a manifold, wherever the points came from.

    ∫ u d^n x  ≈  Σ_i w_i u(x_i),        under a metric   ∫ u dV  ≈  Σ_i w_i √|det g(x_i)| u(x_i)

The points stand as rows, (N, n): a metric, a kernel or a network acts on one point and is mapped over the leading axis,
a subset is a choice of rows, and a block of points is contiguous. Packed code that wants components first takes `.T`.
"""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, Bool, Float, Inexact, Int

from geomflow.core.errors import ArgumentError
from geomflow.core.precision import require_x64

# Functions are evaluated so many points at a time: the memory of a curvature tensor times this, whatever N is.
POINTS_AT_ONCE = 4096

Function = Callable[[Array], Array]


class PointSet(eqx.Module):
    r"""Points with weights of the coordinate measure: Σ_i w_i u(x_i) ≈ ∫ u d^n x.

    A frozen pytree: it passes through `jax.jit`, `jax.grad` and `jax.vmap`. A single weight may be negative (some
    cubature formulas have such), their sum may not.

    Args:
        points: coordinates, shape (N, n); complex for homogeneous coordinates.
        weights: w_i, shape (N,).

    Raises:
        ArgumentError: shapes that do not match, no points, entries that are not finite, a sum of weights that is not
            positive. Values are checked only where they are known, outside `jax.jit`.
    """

    points: Inexact[Array, "N n"]
    weights: Float[Array, " N"]

    def __init__(self, points: ArrayLike, weights: ArrayLike):
        require_x64()
        if jnp.iscomplexobj(weights):
            raise ArgumentError("Argument `weights` must be real, but is complex. Take its real part if that is meant.")
        points = jnp.asarray(points, dtype=complex if jnp.iscomplexobj(points) else float)
        weights = jnp.asarray(weights, dtype=float)
        if points.ndim != 2 or 0 in points.shape:
            raise ArgumentError(
                f"Argument `points` must have shape (N, n) with at least one point, but has shape {points.shape}. "
                "The points are the rows."
            )
        if weights.shape != points.shape[:1]:
            raise ArgumentError(
                f"Argument `weights` must have one entry for each of the {points.shape[0]} points, "
                f"but has shape {weights.shape}."
            )
        self.points, self.weights = points, weights
        if not _known(points, weights):
            return
        bad = ~(np.all(np.isfinite(points), axis=1) & np.isfinite(weights))
        if bad.any():
            i = int(np.argmax(bad))
            raise ArgumentError(
                f"Points and weights must be finite, but number {i} of {self.size} is the point "
                f"{np.asarray(points[i])} with weight {float(weights[i])}.",
                index=i,
            )
        total = float(np.sum(weights))
        if total <= 0:
            raise ArgumentError(
                f"The weights must have a positive sum (the measure of the domain), but their sum is {total:.6g}. "
                "Check the orientation of the chart.",
                total=total,
            )

    @property
    def size(self) -> int:
        r"""Number of points N."""
        return self.points.shape[0]

    @property
    def dim(self) -> int:
        r"""Number of coordinates n."""
        return self.points.shape[1]

    @property
    def total(self) -> Float[Array, ""]:
        r"""The measure of the domain, Σ w_i."""
        return jnp.sum(self.weights)

    @property
    def effective_size(self) -> Float[Array, ""]:
        r"""Kish's effective number of points, (Σ w)² / Σ w²: N for equal weights, 1 if one point carries everything."""
        return self.total**2 / jnp.sum(self.weights**2)

    def values(self, function: Function) -> Array:
        r"""Return the values of a function of one point at all points, shape (N, ...); memory is that of a block."""
        return _values(function, self.points)

    def integrate(self, density: Function | Float[Array, "N *value"]) -> Array:
        r"""Return ∫ u d^n x ≈ Σ_i w_i u(x_i).

        Args:
            density: u, a function of one point (with values of any shape), or its values at the points.

        Returns:
            The integral, of the shape of one value.

        Raises:
            ArgumentError: not one value for each point, or values that are not finite (the first such point is named).
        """
        values = self._sampled(density)
        result = jnp.tensordot(self.weights, values, 1)
        if _known(result) and not np.all(np.isfinite(result)):
            finite = np.all(np.isfinite(np.asarray(values)).reshape(self.size, -1), axis=1)
            if finite.all():
                raise ArgumentError("The integrand adds up to more than float64 can hold. Rescale it.")
            i = int(np.argmin(finite))
            point = tuple(np.asarray(self.points[i]).tolist())
            raise ArgumentError(
                f"The integrand must be finite, but is {np.asarray(values[i])} at x = {point}. "
                "Remove that point with `subset`, or use a rule that keeps away from it.",
                point=point,
            )
        return result

    def mean(self, density: Function | Float[Array, "N *value"]) -> Array:
        r"""Return the average Σ w_i u(x_i) / Σ w_i."""
        return self.integrate(density) / self.total

    def weighted_by(self, density: Function | Float[Array, " N"]) -> PointSet:
        r"""Return the same points under another measure: w_i ρ(x_i)."""
        values = self._sampled(density)
        if values.ndim != 1:
            raise ArgumentError(f"A density must be one number for each point, but has values of shape {values.shape}.")
        return PointSet(self.points, self.weights * values)

    def under(self, metric: Function) -> PointSet:
        r"""Return the same points under the measure of a metric, dV = √|det g| d^n x.

        Args:
            metric: x -> g_ij(x), shape (n, n).
        """
        if jnp.iscomplexobj(self.points):
            raise ArgumentError(
                "The measure of a metric is taken in real coordinates, but the points are complex. "
                "Multiply the weights by the density with `weighted_by` instead."
            )
        return PointSet(self.points, self.weights * _volume_density(metric, self.points))

    def volume(self, metric: Function) -> Float[Array, ""]:
        r"""Return the volume ∫ √|det g| d^n x."""
        return self.under(metric).total

    def subset(self, which: Bool[Array, " N"] | Int[Array, " M"] | np.ndarray) -> PointSet:
        r"""Return some of the points with their weights as they are: the integral over a part of the domain.

        Args:
            which: a mask of shape (N,), or indices.
        """
        which = jnp.asarray(which)
        if which.dtype == bool and which.shape != (self.size,):
            raise ArgumentError(
                f"A mask must have one entry for each of the {self.size} points, but has shape {which.shape}."
            )
        if which.dtype != bool and not jnp.issubdtype(which.dtype, jnp.integer):
            raise ArgumentError(f"Argument `which` must be a mask or indices, but has dtype {which.dtype}.")
        # jax clamps an index that is out of range in silence
        if which.dtype != bool and _known(which) and np.any((which < -self.size) | (which >= self.size)):
            raise ArgumentError(
                f"Indices must lie between 0 and {self.size - 1}, but they run from {int(np.min(which))} to "
                f"{int(np.max(which))}."
            )
        return PointSet(self.points[which], self.weights[which])

    def _sampled(self, density: Function | Array) -> Array:
        values = self.values(density) if callable(density) else jnp.asarray(density)
        if values.shape[:1] != (self.size,):
            raise ArgumentError(
                f"A density must have one value for each of the {self.size} points along its first axis, "
                f"but has shape {values.shape}."
            )
        return values


def concatenate(*sets: PointSet) -> PointSet:
    r"""Return the union of point sets over disjoint domains of one chart: weights are kept, integrals add up.

    Raises:
        ArgumentError: no sets, or sets of different dimensions.
    """
    dims = sorted({s.dim for s in sets})
    if len(dims) != 1:
        raise ArgumentError(f"Point sets to be joined must have one dimension, but there are {dims or 'no sets'}.")
    return PointSet(jnp.concatenate([s.points for s in sets]), jnp.concatenate([s.weights for s in sets]))


def _known(*arrays: Array) -> bool:
    return not any(isinstance(a, Tracer) for a in arrays)


# Compiled once per function and shape: an eager `lax.map` would trace its body anew at every call.
@eqx.filter_jit
def _values(function: Function, points: Array) -> Array:
    return jax.lax.map(function, points, batch_size=POINTS_AT_ONCE)


@eqx.filter_jit
def _volume_density(metric: Function, points: Array) -> Array:
    def density(x: Array) -> Array:
        g = metric(x)
        if jnp.shape(g) != (x.size, x.size):
            raise ArgumentError(
                f"At a point of shape {x.shape} the metric must return an array of shape {(x.size, x.size)}, "
                f"but it returned {jnp.shape(g)}."
            )
        return jnp.sqrt(jnp.abs(jnp.linalg.det(g)))

    return jax.lax.map(density, points, batch_size=POINTS_AT_ONCE)
