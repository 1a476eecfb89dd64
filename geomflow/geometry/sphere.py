r"""The round sphere S² as a spectral grid: Gauss-Legendre latitudes, equispaced longitudes, spherical harmonics."""

from __future__ import annotations

from functools import lru_cache

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.polynomial.legendre import leggauss

from geomflow.core.errors import GridError

SMALLEST_DEGREE = 2
# Beyond this degree the seeds (sin θ)^m of the recurrence underflow next to the poles.
LARGEST_DEGREE = 150


class SphereGrid(eqx.Module):
    r"""Functions on the unit sphere, of the spherical harmonics up to a degree L.

    Fields are arrays `(latitudes, longitudes)`, latitudes from north to south. The grid has 3/2 times as many points in
    each direction as L needs: products of two functions are transformed without aliasing (3/2 rule). Modes are complex
    arrays `(L + 1, L + 1)`, the order m >= 0 first, the degree l last, zero where l < m: the coefficients of
    \(\bar P_l^m(\cos\theta)\,e^{im\varphi}\), orthonormal on the sphere, of a real function.

    Args:
        degree: the largest degree L, 2 to 150. A transform costs L³.

    Raises:
        GridError: another degree.

    Good values: 31 to 85.
    Reference: N. Schaeffer, Geochem. Geophys. Geosyst. 14 (2013) 751, section 2.
    """

    degree: int = eqx.field(static=True)

    def __check_init__(self):
        if not SMALLEST_DEGREE <= self.degree <= LARGEST_DEGREE:
            raise GridError(
                f"Argument `degree` must be from {SMALLEST_DEGREE} to {LARGEST_DEGREE}, but is {self.degree}. Try 42.",
                size=self.degree,
            )

    @property
    def shape(self) -> tuple[int, int]:
        r"""Number of latitudes, (3L + 2)/2 at least, and of longitudes, 3L + 1 at least and even."""
        return (3 * self.degree + 3) // 2, 2 * ((3 * self.degree + 2) // 2)

    @property
    def heights(self) -> np.ndarray:
        r"""cos θ at each latitude."""
        return _rule(self.shape[0])[0]

    @property
    def angles(self) -> tuple[np.ndarray, np.ndarray]:
        r"""θ and φ at every grid point, each of the shape of a field."""
        theta, phi = np.meshgrid(
            np.arccos(self.heights), 2 * np.pi * np.arange(self.shape[1]) / self.shape[1], indexing="ij"
        )
        return theta, phi

    @property
    def points(self) -> np.ndarray:
        r"""The grid points in R³, shape (3, *grid)."""
        theta, phi = self.angles
        return np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)])

    @property
    def eigenvalues(self) -> np.ndarray:
        r"""Eigenvalues -l(l + 1) of the Laplacian, shape (L + 1,): to multiply modes with."""
        l = np.arange(self.degree + 1.0)
        return -l * (l + 1)

    def transform(self, field: Float[Array, "J K"]) -> Array:
        r"""Return the modes of a real function: the projection on degrees up to L."""
        harmonics, weights = _harmonics(self.degree, self.shape[0])
        count = self.shape[1]
        along = jnp.fft.rfft(field, axis=-1)[:, : self.degree + 1] * (2 * np.pi / count * weights[:, None])
        parts = jnp.stack([along.real, along.imag], axis=-1).transpose(1, 0, 2)  # order, latitude, part
        modes = jnp.matmul(harmonics, parts)
        return modes[..., 0] + 1j * modes[..., 1]

    def inverse(self, modes: Array) -> Float[Array, "J K"]:
        r"""Return the function of some modes."""
        harmonics, _ = _harmonics(self.degree, self.shape[0])
        parts = jnp.stack([modes.real, modes.imag], axis=-1)
        along = jnp.matmul(harmonics.transpose(0, 2, 1), parts)
        spectrum = (along[..., 0] + 1j * along[..., 1]).T
        return jnp.fft.irfft(spectrum, n=self.shape[1], axis=-1) * self.shape[1]

    def laplacian(self, field: Float[Array, "J K"]) -> Float[Array, "J K"]:
        r"""Return Δ of a function."""
        return self.inverse(jnp.asarray(self.eigenvalues) * self.transform(field))

    def integrate(self, density: Float[Array, "J K"]) -> Float[Array, ""]:
        r"""Return ∫ density dA over the unit sphere: exact for polynomials of degree up to 3L."""
        weights = _rule(self.shape[0])[1]
        return jnp.sum(weights @ density) * (2 * np.pi / self.shape[1])


@lru_cache(maxsize=8)
def _rule(count: int) -> tuple[np.ndarray, np.ndarray]:
    # nodes from north to south, and weights
    x, weights = leggauss(count)
    return x[::-1].copy(), weights[::-1].copy()


@lru_cache(maxsize=8)
def _harmonics(degree: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    # P̄_l^m at the latitudes, shape (m, l, latitude), and the weights. Upward in l: the stable direction.
    x, weights = _rule(count)
    table = np.zeros((degree + 1, degree + 1, count))
    sine = np.sqrt((1 - x) * (1 + x))
    seed = np.full(count, np.sqrt(1 / (4 * np.pi)))
    for m in range(degree + 1):
        if m:
            seed = -np.sqrt((2 * m + 1) / (2 * m)) * sine * seed
        table[m, m] = seed
        for l in range(m + 1, degree + 1):
            a = np.sqrt((4 * l**2 - 1) / (l**2 - m**2))
            b = np.sqrt(((l - 1) ** 2 - m**2) / (4 * (l - 1) ** 2 - 1))
            table[m, l] = a * (x * table[m, l - 1] - (b * table[m, l - 2] if l > m + 1 else 0.0))
    return table, weights
