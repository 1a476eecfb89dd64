r"""The flat coordinate torus T^d = (R / 2πZ)^d as a spectral grid: jets, integrals and Fourier multipliers."""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Float

from geomflow.batch.fft import check_grid, irfftn_sharded, on_slabs, rfftn_sharded
from geomflow.core.errors import ArgumentError, GridError
from geomflow.symbolic.jets import pairs

SMALLEST_GRID = 8
POINTS_AT_ONCE = 1024


class Torus(eqx.Module):
    r"""A uniform periodic grid with `size` points in each of `dim` directions, x^i = 2π j / size.

    Fields are arrays `(..., size, ..., size)`: the grid axes come last, components first. Derivatives are spectral; the
    Nyquist mode of the even grid has no sign and is projected out wherever a derivative or a filter is taken.

    Args:
        dim: dimension d (1, 2 or 3 are tested).
        size: points per direction, even and at least 8. Good values: 2^a 3^b 5^c; 64 for d = 2, 24-32 for d = 3.
        mesh: devices over which fields are split in slabs of the first grid axis (see `geomflow.batch.shard_grid`).

    Raises:
        GridError: the grid is odd or tiny, or the devices of the mesh do not divide it.
    """

    dim: int = eqx.field(static=True)
    size: int = eqx.field(static=True)
    mesh: Mesh | None = eqx.field(static=True)

    def __init__(self, dim: int, size: int, mesh: Mesh | None = None):
        if dim < 1:
            raise ArgumentError(f"Argument `dim` must be at least 1, but is {dim}.")
        if size % 2 or size < SMALLEST_GRID:
            raise GridError(
                f"Argument `size` must be even and at least {SMALLEST_GRID}, but is {size}. "
                f"Try {max(SMALLEST_GRID, size + size % 2)}.",
                size=size,
            )
        if mesh is not None:
            check_grid((size,) * dim, mesh)
        self.dim, self.size, self.mesh = dim, size, mesh

    @property
    def spacing(self) -> float:
        r"""Grid spacing h = 2π / size."""
        return 2 * np.pi / self.size

    @property
    def shape(self) -> tuple[int, ...]:
        r"""Shape of a scalar field."""
        return (self.size,) * self.dim

    @property
    def axes(self) -> tuple[int, ...]:
        r"""The grid axes of a field."""
        return tuple(range(-self.dim, 0))

    @property
    def points(self) -> Float[Array, "d *grid"]:
        r"""Coordinates of the grid points."""
        x = np.arange(self.size) * self.spacing
        return jnp.asarray(np.stack(np.meshgrid(*[x] * self.dim, indexing="ij")))

    @property
    def wave_numbers(self) -> np.ndarray:
        r"""Integer wave numbers k of the half spectrum of `rfftn`, shape (d, *half), Nyquist included."""
        full = np.fft.fftfreq(self.size, 1 / self.size)
        half = np.fft.rfftfreq(self.size, 1 / self.size)
        return np.stack(np.meshgrid(*[full] * (self.dim - 1), half, indexing="ij"))

    @property
    def resolved(self) -> np.ndarray:
        r"""Mask of the modes that are not Nyquist in any direction."""
        return np.all(np.abs(self.wave_numbers) < self.size // 2, axis=0)

    @property
    def dealiased(self) -> np.ndarray:
        r"""Mask of the modes the 2/3 rule keeps: |k_i| < size / 3."""
        return np.all(np.abs(self.wave_numbers) < self.size / 3, axis=0)

    def transform(self, field: Float[Array, "*batch_grid"]) -> Array:
        r"""Return the half spectrum of a real field."""
        if self.mesh is not None:
            return rfftn_sharded(field, self.dim, self.mesh)
        return jnp.fft.rfftn(field, axes=self.axes)

    def inverse(self, spectrum: Array) -> Array:
        r"""Return the real field of a half spectrum."""
        if self.mesh is not None:
            return irfftn_sharded(spectrum, self.shape, self.mesh)
        return jnp.fft.irfftn(spectrum, s=self.shape, axes=self.axes)

    def pointwise(self, function: Callable[..., Array], *fields: Array) -> Array:
        r"""Return a function of fields that acts on each grid point by itself: where there is a mesh, slab by slab."""
        return function(*fields) if self.mesh is None else on_slabs(function, fields, self.dim, self.mesh)

    def multiply(self, field: Array, multiplier: Array | np.ndarray) -> Array:
        r"""Apply a Fourier multiplier m(k), given on the half spectrum; the Nyquist modes are removed."""
        return self.inverse(self.transform(field) * (multiplier * self.resolved))

    def multiplier(self, symbol: Callable[..., Array]) -> Array:
        r"""Sample a symbol m(k_1, ..., k_d) on the half spectrum."""
        return jnp.asarray(symbol(*jnp.asarray(self.wave_numbers)))

    def dealias(self, field: Array) -> Array:
        r"""Remove the modes a quadratic nonlinearity would alias (2/3 rule)."""
        return self.multiply(field, self.dealiased)

    def jets(self, field: Float[Array, "*batch_grid"]) -> tuple[Array, Array]:
        r"""Return first and second spectral derivatives.

        Args:
            field: shape (*batch, *grid).

        Returns:
            `(*batch, d, *grid)` and `(*batch, P, *grid)`: derivative indices last among the components, second
            derivatives packed as `pairs` orders them.
        """
        k = self.wave_numbers * self.resolved
        spectrum = self.transform(field)
        spectrum = jnp.expand_dims(spectrum, -self.dim - 1)
        first = self.inverse(jnp.asarray(1j * k) * spectrum)
        second = self.inverse(jnp.asarray([-k[i] * k[j] for i, j in pairs(self.dim)]) * spectrum)
        return first, second

    def gradient(self, field: Array) -> Array:
        r"""Return the first spectral derivatives, shape (*batch, d, *grid)."""
        spectrum = jnp.expand_dims(self.transform(field), -self.dim - 1)
        return self.inverse(jnp.asarray(1j * self.wave_numbers * self.resolved) * spectrum)

    def divergence(self, vector: Array) -> Array:
        r"""Return ∂_i V^i of components (*batch, d, *grid): the exact negative adjoint of `gradient`."""
        spectrum = 1j * (self.wave_numbers * self.resolved) * self.transform(vector)
        return self.inverse(jnp.sum(spectrum, axis=-self.dim - 1))

    def flat_laplacian(self, field: Array) -> Array:
        r"""Return Σ_i ∂_i² of a field, componentwise."""
        return self.multiply(field, -np.sum(self.wave_numbers**2, axis=0))

    def evaluate(self, field: Float[Array, "*batch_grid"], points: Float[Array, "d *where"]) -> Array:
        r"""Evaluate the trigonometric interpolant of a field at any points (dense sums: O(points * modes)).

        Args:
            field: shape (*batch, *grid).
            points: coordinates, shape (d, *where).

        Returns:
            Shape (*batch, *where).
        """
        k = np.fft.fftfreq(self.size, 1 / self.size)
        coefficients = jnp.fft.fftn(field, axes=self.axes) / self.size**self.dim
        keep = np.abs(k) < self.size // 2
        batch = field.shape[: field.ndim - self.dim]

        def at(point: Array) -> Array:
            values = coefficients
            for x in point[::-1]:  # contract the last grid axis first
                values = values @ (jnp.exp(1j * x * k) * keep)
            return values.real

        # a block of points at a time: all at once would need size^(d-1) numbers for each
        values = jax.lax.map(at, points.reshape(self.dim, -1).T, batch_size=POINTS_AT_ONCE)
        return jnp.moveaxis(values, 0, -1).reshape(*batch, *points.shape[1:])

    def integrate(self, density: Array) -> Array:
        r"""Return ∫ density d^dx: the trapezoidal rule, spectrally accurate for periodic densities."""
        return jnp.mean(density, axis=self.axes) * (2 * np.pi) ** self.dim

    def norm(self, field: Array) -> Array:
        r"""Return the root mean square of all entries of a field: the norm in which the errors are quoted."""
        return jnp.sqrt(jnp.mean(field**2))
