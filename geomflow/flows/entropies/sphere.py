r"""Metrics g = w g_{S²} in the conformal class of the round sphere as manifolds: functions in spherical harmonics."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from geomflow.flows.entropies.base import Manifold, Solve, Spectrum
from geomflow.flows.entropies.spectra import GUARD, iterative_spectrum
from geomflow.geometry.sphere import SphereGrid


@eqx.filter_jit
def _multiplied(grid: SphereGrid, field: Array, symbol: Array) -> Array:
    return grid.inverse(symbol * grid.transform(field))


class SphereManifold(Manifold):
    r"""A metric g = w g_{S²}, no symmetry assumed. The Dirichlet energy is that of the round sphere.

    Args:
        grid: latitudes and longitudes.
        factor: w > 0 there.
        scalar: R of g there.
    """

    dim = 2

    def __init__(self, grid: SphereGrid, factor: Float[Array, "J K"], scalar: Float[Array, "J K"]):
        self.grid, self.factor, self.scalar = grid, np.asarray(factor), np.asarray(scalar)
        latitudes, longitudes = grid.shape
        _, weights = np.polynomial.legendre.leggauss(latitudes)
        # Gauss-Legendre weights are symmetric about the equator
        self._area = np.repeat(weights[:, None], longitudes, axis=1) * (2 * np.pi / longitudes)
        self.weights = self._area * self.factor
        # as coarse as a torus with the 2/3 rule that has the same largest wave number
        self.spacing = 2 * np.pi / (3 * grid.degree) * np.sqrt(self.factor)

    def _multiply(self, u: np.ndarray, symbol: np.ndarray) -> np.ndarray:
        return np.asarray(_multiplied(self.grid, jnp.asarray(u), jnp.asarray(symbol)))

    def smooth(self, u: np.ndarray) -> np.ndarray:
        r"""Return the harmonics of degree up to that of the grid."""
        return self._multiply(u, np.ones(self.grid.degree + 1))

    def resolved(self, dual: np.ndarray) -> np.ndarray:
        r"""Return what these harmonics see of a dual vector."""
        return self._area * self.smooth(dual / self._area)

    def dirichlet(self, u: np.ndarray) -> np.ndarray:
        r"""Return -Δ of the round sphere times its area element."""
        return -self._area * self._multiply(u, self.grid.eigenvalues)

    def inverse(self, diffusion: float, shift: float) -> Solve:
        r"""Return the inverse of the operator with the mean of w, diagonal in spherical harmonics."""
        symbol = 1 / (shift * np.average(self.factor, weights=self._area) - diffusion * self.grid.eigenvalues)
        return lambda dual: self._multiply(dual / self._area, symbol)

    def spectrum(self, potential: np.ndarray, count: int, diffusion: float = 1.0) -> Spectrum:
        r"""Return the lowest eigenpairs of -diffusion Δ + potential among the harmonics of the grid."""
        return iterative_spectrum(self, potential, self._low_harmonics(count + GUARD), count, diffusion)

    def _low_harmonics(self, count: int) -> np.ndarray:
        r"""Return spherical harmonics of the lowest degrees, shape (N, count)."""
        size = self.grid.degree + 1
        found = []
        for l in range(size):
            for m in range(l + 1):
                for unit in (1.0,) if m == 0 else (1.0, 1j):
                    modes = np.zeros((size, size), dtype=complex)
                    modes[m, l] = unit
                    found.append(np.asarray(self.grid.inverse(jnp.asarray(modes))).ravel())
            if len(found) >= count:
                break
        return np.stack(found[:count], axis=1)

    def distance_squared(self, node: int) -> np.ndarray:
        r"""Return the squared distance on the round sphere, scaled by w at the node."""
        points = self.grid.points.reshape(3, -1)
        angle = np.arccos(np.clip(points[:, node] @ points, -1.0, 1.0))
        return (angle**2 * self.factor.ravel()[node]).reshape(self.factor.shape)

    def diameter(self) -> float:
        r"""Return nan: it is not known here."""
        return float("nan")
