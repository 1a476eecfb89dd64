r"""The contract of a kernel: κ(x, y) of two points, and what every kernel can do because of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from geomflow.core.errors import ArgumentError
from geomflow.core.precision import require_x64

#: Rows and columns of a tile: a matrix is filled tile by tile, so that what lies in between stays in the caches.
TILE = 512


class Kernel(eqx.Module):
    r"""A positive semi-definite kernel κ(x, y) = κ(y, x) on points of shape (d,).

    A subclass stores its numbers as fields and defines `__call__`; it overrides `block` and `diagonal` where it knows
    a faster or a more accurate way, and `profile_derivatives` where κ depends on x·x, y·y and x·y alone. κ is
    dimensionless. Derivatives by x and y are in `geomflow.kernels.jets`, as far as `derivatives` allows.

    Attributes:
        derivatives: how often κ may be differentiated by x *and* as often by y at coincident points; `math.inf` for a
            smooth kernel. 0 (ReLU's NTK, say) is refused where curvature is asked for, which needs 2. A negative number
            stands for a kernel that is infinite at coincident points.
    """

    derivatives: eqx.AbstractVar[float]

    def __call__(self, x: Float[Array, " d"], y: Float[Array, " d"]) -> Float[Array, ""]:
        r"""Return κ(x, y) at one pair of points."""
        raise NotImplementedError

    @property
    def has_profile(self) -> bool:
        r"""Whether κ(x, y) = F(x·x, y·y, x·y), and `profile_derivatives` knows the derivatives of F."""
        return False

    def profile_derivatives(
        self, orders: Sequence[tuple[int, int, int]], xx: Array, yy: Array, xy: Array, dim: int
    ) -> Sequence[Array]:
        r"""Return ∂_s^i ∂_t^j ∂_r^k F at s = x·x, t = y·y, r = x·y for each (i, j, k), where `has_profile`.

        Args:
            orders: the (i, j, k).
            xx, yy, xy: arrays that are broadcast against each other.
            dim: of the points.
        """
        raise NotImplementedError

    def diagonal(self, x: Float[Array, "n d"]) -> Float[Array, " n"]:
        r"""Return κ(x_i, x_i)."""
        return jax.vmap(self)(x, x)

    def block(self, x: Float[Array, "n d"], y: Float[Array, "m d"]) -> Float[Array, "n m"]:
        r"""Return κ(x_i, y_j) at once, for a tile of a matrix; use `matrix`, which checks and cuts into tiles."""
        return jax.vmap(lambda point: jax.vmap(lambda other: self(point, other))(y))(x)

    def matrix(self, x: Float[Array, "n d"], y: Float[Array, "m d"] | None = None) -> Float[Array, "n m"]:
        r"""Return κ(x_i, y_j); `y=None` means y = x: half of the work, and symmetric to the last bit.

        Nothing of the size of the matrix is held beside it.

        Raises:
            ArgumentError: the points are not of shape (n, d), or their dimensions differ; or the kernel is infinite at
                coincident points.
            PrecisionError: JAX runs in float32.
        """
        self.check_finite()
        return tiled(type(self).block, self, x, y)

    def check_finite(self) -> None:
        r"""Refuse a kernel that is infinite at coincident points.

        Raises:
            ArgumentError: `derivatives` is negative.
        """
        if self.derivatives < 0:
            raise ArgumentError(
                "This kernel is infinite at coincident points: an activation that jumps has no E φ'(u)² there, and "
                'layers below it are trained. Try trained="last-layer", of="nngp", or an activation without jumps.'
            )


def points_pair(x: Any, y: Any = None) -> tuple[Array, Array]:
    r"""Return both sets of points as float64 arrays of shapes (n, d) and (m, d); `y=None` means y = x.

    Raises:
        ArgumentError: other shapes, no points, complex or not finite coordinates, or different d.
        PrecisionError: JAX runs in float32, or the points do.
    """
    require_x64()
    checked = [_points("x", x)] * 2 if y is None else [_points("x", x), _points("y", y)]
    if checked[0].shape[1] != checked[1].shape[1]:
        raise ArgumentError(
            f"The points have {checked[0].shape[1]} and {checked[1].shape[1]} coordinates. Give both the same."
        )
    return checked[0], checked[1]


def _points(name: str, points: Any) -> Array:
    if jnp.iscomplexobj(points):
        raise ArgumentError(f"Argument `{name}` must be real, but is complex. Try its real and imaginary parts.")
    if hasattr(points, "dtype") and jnp.issubdtype(points.dtype, jnp.floating):
        require_x64(points)
    array = jnp.asarray(points, dtype=float)
    if array.ndim != 2 or 0 in array.shape:
        raise ArgumentError(
            f"Argument `{name}` must hold points as rows, shape (n, d), at least one, but has shape {array.shape}."
        )
    if not isinstance(array, Tracer):
        bad = ~np.isfinite(np.asarray(array)).all(axis=1)
        if bad.any():
            i = int(np.argmax(bad))
            raise ArgumentError(f"Argument `{name}` must be finite, but its point number {i} is {array[i]}.", index=i)
    return array


def tiled(block: Callable[..., Any], kernel: Kernel, x: Any, y: Any = None) -> Any:
    r"""Return `block(kernel, x, y)`, one matrix or a pytree of them, computed tile by tile.

    Args:
        block: a function of the kernel, n and m points, with values of shape (n, m); symmetric in its points.
        kernel: passed on to it.
        x: points, shape (n, d).
        y: other points; None means y = x, and only tiles on and above the diagonal are computed.

    Raises:
        ArgumentError, PrecisionError: as `points_pair`.
    """
    first, second = points_pair(x, y)
    return _filled(block, kernel, first, None if y is None else second)


@eqx.filter_jit
def _filled(block: Callable[..., Any], kernel: Kernel, x: Array, y: Array | None) -> Any:
    symmetric, y = y is None, x if y is None else y
    n, m = x.shape[0], y.shape[0]
    rows, columns = min(TILE, n), min(TILE, m)
    pairs = [(i, j) for i in range(0, n, rows) for j in range(0, m, columns) if not symmetric or j >= i]
    # the last tiles begin early enough to be full
    starts = np.array([(min(i, n - rows), min(j, m - columns)) for i, j in pairs])

    def tile(i: Any, j: Any) -> Any:
        return block(kernel, jax.lax.dynamic_slice_in_dim(x, i, rows), jax.lax.dynamic_slice_in_dim(y, j, columns))

    def mirrored(whole: Array, i: Any, j: Any) -> Array:
        # read back what was written: XLA would compute it a second time. On the diagonal the upper half counts; where
        # tiles overlap, the later one does.
        value = jax.lax.dynamic_slice(whole, (i, j), (rows, columns))
        lower = jnp.where(i == j, jnp.triu(value) + jnp.triu(value, 1).T, value.T)
        return jax.lax.dynamic_update_slice(whole, lower, (j, i))

    def step(k: Any, wholes: Any) -> Any:
        i, j = jnp.asarray(starts)[k]
        wholes = jax.tree.map(
            lambda whole, value: jax.lax.dynamic_update_slice(whole, value, (i, j)), wholes, tile(i, j)
        )
        return jax.tree.map(lambda whole: mirrored(whole, i, j), wholes) if symmetric else wholes

    shapes = jax.eval_shape(tile, 0, 0)
    wholes = jax.tree.map(lambda shape: jnp.zeros((n, m), shape.dtype), shapes)
    return jax.lax.fori_loop(0, len(pairs), step, wholes)
