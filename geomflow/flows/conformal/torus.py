r"""Ricci flow in a conformal class of the torus: g = w (dx² + dy²)."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from geomflow.core.errors import ArgumentError
from geomflow.flows.conformal.base import ConformalFlow
from geomflow.flows.conformal.derive import Rate, conformal_rate
from geomflow.geometry.torus import Torus


class TorusModes(eqx.Module):
    r"""The Fourier modes |k_i| < size/3 of a torus: what the 2/3 rule keeps, and nothing else is stored.

    Args:
        torus: the grid.
    """

    torus: Torus

    @property
    def most(self) -> int:
        r"""The largest |k_i|."""
        return (self.torus.size - 1) // 3

    @property
    def squares(self) -> np.ndarray:
        r"""|k|² of the modes, shape (2 most + 1, most + 1)."""
        return self._cut(np.sum(self.torus.wave_numbers**2, axis=0), np)

    def transform(self, field: Float[Array, "N N"]) -> Array:
        r"""Return the modes of a function."""
        return self._cut(self.torus.transform(field), jnp)

    def inverse(self, modes: Array) -> Float[Array, "N N"]:
        r"""Return the function of some modes."""
        most, size = self.most, self.torus.size
        right = (0, size // 2 - most)
        positive = jnp.pad(modes[: most + 1], ((0, size - 2 * most - 1), right))
        negative = jnp.pad(modes[most + 1 :], ((0, 0), right))
        return self.torus.inverse(jnp.concatenate([positive, negative]))

    def _cut(self, spectrum, library):
        most = self.most
        return library.concatenate([spectrum[: most + 1, : most + 1], spectrum[-most:, : most + 1]])


class ConformalTorusFlow(ConformalFlow):
    r"""Ricci flow \(\partial_t w = \Delta\log w\) of \(g = w(dx^2 + dy^2)\) on T² = (R/2πZ)².

    w is an array (size, size) on the grid of `torus`. The mean of R is zero, so that the area is kept, and the
    normalised flow is this flow. It exists for all time and converges to the flat metric of the same area.

    Args:
        torus: the grid; d = 2.

    Raises:
        ArgumentError: another dimension.

    Good values: 64 points per direction; where w varies by a factor of four they give 1e-9.
    Reference: R. Hamilton, Contemp. Math. 71 (1988) 237.
    """

    torus: Torus
    normalised: bool = eqx.field(static=True, default=False, kw_only=True)

    def __check_init__(self):
        if self.torus.dim != 2:
            raise ArgumentError(f"Argument `torus` must be of dimension 2, but is of dimension {self.torus.dim}.")

    @property
    def basis(self) -> TorusModes:
        r"""Fourier modes."""
        return TorusModes(self.torus)

    @property
    def rate(self) -> Rate:
        r"""a = 1, b = 0."""
        return conformal_rate("x y", "dx^2 + dy^2")

    @property
    def shape(self) -> tuple[int, ...]:
        r"""Shape of w."""
        return self.torus.shape

    @property
    def volume(self) -> float:
        r"""(2π)²."""
        return 4 * np.pi**2

    @property
    def eigenvalues(self) -> np.ndarray:
        r"""-|k|²."""
        return -self.basis.squares

    def integrate(self, density: Float[Array, "N N"]) -> Float[Array, ""]:
        r"""Return ∫ density dx dy."""
        return self.torus.integrate(density)
