r"""The contract of a kernel: κ(x, y) of two points, and what every kernel can do because of it."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from geomflow.core.errors import ArgumentError
from geomflow.core.precision import require_x64

#: Numbers held at a time while a matrix is filled row block by row block, beside the matrix itself.
_BLOCK = 2**20


class Kernel(eqx.Module):
    r"""A positive semi-definite kernel κ(x, y) = κ(y, x) on points of shape (d,).

    A subclass stores its numbers as fields and defines `__call__`; it overrides `matrix` and `diagonal` where it knows
    a faster or a more accurate way. κ is dimensionless. Derivatives by x and y come from JAX
    (`geomflow.kernels.jets`), as far as `derivatives` allows.

    Attributes:
        derivatives: how often κ may be differentiated by x *and* as often by y at coincident points; `math.inf` for a
            smooth kernel. 0 (ReLU's NTK, say) is refused where curvature is asked for, which needs 2.
    """

    derivatives: eqx.AbstractVar[float]

    def __call__(self, x: Float[Array, " d"], y: Float[Array, " d"]) -> Float[Array, ""]:
        r"""Return κ(x, y) at one pair of points."""
        raise NotImplementedError

    def diagonal(self, x: Float[Array, "n d"]) -> Float[Array, " n"]:
        r"""Return κ(x_i, x_i)."""
        return jax.vmap(self)(x, x)

    def matrix(self, x: Float[Array, "n d"], y: Float[Array, "m d"] | None = None) -> Float[Array, "n m"]:
        r"""Return κ(x_i, y_j); `y=None` means y = x.

        Raises:
            ArgumentError: the points are not of shape (n, d), or their dimensions differ.
            PrecisionError: JAX runs in float32.
        """
        x, y = points_pair(x, y)
        return _filled(self, x, y)


def points_pair(x: Any, y: Any = None) -> tuple[Array, Array]:
    r"""Return both sets of points as float64 arrays of shapes (n, d) and (m, d); `y=None` means y = x.

    Raises:
        ArgumentError: other shapes, or different d.
        PrecisionError: JAX runs in float32.
    """
    require_x64()
    x = jnp.asarray(x, dtype=float)
    y = x if y is None else jnp.asarray(y, dtype=float)
    for name, points in (("x", x), ("y", y)):
        if points.ndim != 2:
            raise ArgumentError(f"Argument `{name}` must hold points as rows, shape (n, d), but has {points.shape}.")
    if x.shape[1] != y.shape[1]:
        raise ArgumentError(f"The points have {x.shape[1]} and {y.shape[1]} coordinates. Give both the same.")
    return x, y


@eqx.filter_jit
def _filled(kernel: Kernel, x: Array, y: Array) -> Array:
    rows = max(1, min(x.shape[0], _BLOCK // max(1, y.shape[0])))
    row = jax.vmap(kernel, in_axes=(None, 0))
    return jax.lax.map(lambda point: row(point, y), x, batch_size=rows)
