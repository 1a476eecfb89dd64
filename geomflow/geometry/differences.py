r"""Centred finite differences on the periodic grid: a `Torus` whose derivatives are local, of order 2, 4, 6 or 8."""

from __future__ import annotations

from functools import cache

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import sympy as sp
from jax.sharding import Mesh
from jaxtyping import Array, Float

from geomflow.core.errors import ArgumentError, GridError
from geomflow.geometry.torus import Torus
from geomflow.symbolic.jets import pairs

ORDERS = (2, 4, 6, 8)


@cache
def centred_weights(derivative: int, order: int) -> tuple[sp.Rational, ...]:
    r"""Return the exact weights c_j, j = -w ... w, of h^m f^(m)(x) = Σ_j c_j f(x + jh) + O(h^{m + order}).

    The moments Σ_j c_j j^k = m! δ_km, k = 0 ... 2w, are solved in rational numbers; w = ⌊(m + 1) / 2⌋ + order / 2 - 1
    is the least width of a centred stencil of that order.

    Args:
        derivative: m >= 1.
        order: even, at least 2.

    Raises:
        ArgumentError: another derivative or order.

    Reference: Fornberg, Math. Comp. 51 (1988) 699.
    """
    if derivative < 1 or order < 2 or order % 2:
        raise ArgumentError(
            "A centred stencil needs `derivative` >= 1 and an even `order` >= 2, "
            f"but they are {derivative} and {order}. Try order 4."
        )
    width = (derivative + 1) // 2 + order // 2 - 1
    offsets = range(-width, width + 1)
    powers = range(2 * width + 1)
    moments = sp.Matrix([[sp.Integer(j) ** k for j in offsets] for k in powers])
    wanted = sp.Matrix([sp.factorial(derivative) if k == derivative else 0 for k in powers])
    return tuple(moments.LUsolve(wanted))


class DifferenceTorus(Torus):
    r"""The uniform periodic grid of `Torus` with centred differences for derivatives; give it to a flow in its place.

    `jets`, `gradient`, `divergence` and `flat_laplacian` are differences: ∂_i² is the compact second difference and a
    mixed ∂_i ∂_j the product of two first ones. Transforms, filters and the interpolant stay those of the Fourier grid,
    and so does the dealiasing of a flow.

    Args:
        dim: dimension d.
        size: points per direction, even, at least 8 and larger than `order`.
        order: order of accuracy: 2, 4, 6 or 8.
        mesh: as for `Torus`.

    Raises:
        ArgumentError: another order.
        GridError: the grid is odd, tiny, or narrower than the stencil.

    Good values: spectral derivatives (`Torus`) for smooth fields; order 4-6 to measure what a spectral result owes to
    its grid, and on grids split over devices, where a difference needs its neighbours only.
    """

    order: int = eqx.field(static=True)

    def __init__(self, dim: int, size: int, order: int = 4, mesh: Mesh | None = None):
        if order not in ORDERS:
            raise ArgumentError(f"Argument `order` must be one of {ORDERS}, but is {order}. Try 4.", order=order)
        super().__init__(dim, size, mesh)
        if size <= order:
            raise GridError(
                f"Differences of order {order} need more than {order} points per direction, but there are {size}. "
                f"Try size {order + 2}.",
                size=size,
            )
        self.order = order

    def difference(self, field: Float[Array, "*batch_grid"], axis: int, derivative: int = 1) -> Array:
        r"""Return ∂_axis^m of a field by the centred stencil, m = `derivative`, axis 0 ... d - 1.

        Raises:
            GridError: the field is not on this grid.
        """
        if jnp.shape(field)[-self.dim :] != self.shape:
            raise GridError(
                f"A field must have the grid {self.shape} as its last axes, but has shape {jnp.shape(field)}."
            )
        weights = np.array(centred_weights(derivative, self.order), dtype=float) / self.spacing**derivative
        width, sign = len(weights) // 2, (-1) ** derivative
        along = axis - self.dim  # the grid axes come last
        # roll by -j brings f(x + jh) to x; both sides of the stencil carry one weight, up to sign
        total = weights[width] * field if derivative % 2 == 0 else jnp.zeros_like(field)
        for j in range(1, width + 1):
            total += weights[width + j] * (jnp.roll(field, -j, along) + sign * jnp.roll(field, j, along))
        return total

    def jets(self, field: Float[Array, "*batch_grid"]) -> tuple[Array, Array]:
        r"""Return first and second differences, packed as `Torus.jets` packs them.

        Args:
            field: shape (*batch, *grid).

        Returns:
            `(*batch, d, *grid)` and `(*batch, P, *grid)`.
        """
        first = [self.difference(field, i) for i in range(self.dim)]
        second = [self.difference(field, i, 2) if i == j else self.difference(first[i], j) for i, j in pairs(self.dim)]
        return jnp.stack(first, -self.dim - 1), jnp.stack(second, -self.dim - 1)

    def gradient(self, field: Array) -> Array:
        r"""Return the first differences, shape (*batch, d, *grid)."""
        return jnp.stack([self.difference(field, i) for i in range(self.dim)], -self.dim - 1)

    def divergence(self, vector: Array) -> Array:
        r"""Return ∂_i V^i of components (*batch, d, *grid): the exact negative adjoint of `gradient`."""
        parts = [self.difference(jnp.take(vector, i, -self.dim - 1), i) for i in range(self.dim)]
        return jnp.sum(jnp.stack(parts), axis=0)

    def flat_laplacian(self, field: Array) -> Array:
        r"""Return Σ_i ∂_i² of a field, componentwise, by compact second differences."""
        return jnp.sum(jnp.stack([self.difference(field, i, 2) for i in range(self.dim)]), axis=0)
