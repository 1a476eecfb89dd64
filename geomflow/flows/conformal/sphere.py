r"""Ricci flow in the conformal class of the round sphere: g = w g_{S²}, any metric on S² up to diffeomorphism."""

from __future__ import annotations

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from geomflow.flows.conformal.base import ConformalFlow
from geomflow.flows.conformal.derive import Rate, conformal_rate
from geomflow.geometry.sphere import SphereGrid


class ConformalSphereFlow(ConformalFlow):
    r"""Ricci flow \(\partial_t w = \Delta\log w - 2\) of g = w g_{S²}, no symmetry assumed.

    w is an array of the shape of `grid`. The area falls at the rate 8π, and the flow becomes extinct at t = A/8π; the
    normalised one exists for all time and converges to a metric of constant curvature: round, though w need not become
    constant, as conformal maps of the sphere remain.

    Args:
        grid: latitudes and longitudes.
        normalised: keep the area.

    Good values: degree 42; time to within 1e-9 of the extinction time.
    Reference: R. Hamilton, Contemp. Math. 71 (1988) 237; B. Chow, J. Differential Geom. 33 (1991) 325.
    """

    grid: SphereGrid
    normalised: bool = eqx.field(static=True, default=False, kw_only=True)

    @property
    def basis(self) -> SphereGrid:
        r"""Spherical harmonics."""
        return self.grid

    @property
    def rate(self) -> Rate:
        r"""a = 1, b = -2."""
        return conformal_rate("theta phi", "dtheta^2 + sin(theta)^2*dphi^2")

    @property
    def shape(self) -> tuple[int, ...]:
        r"""Shape of w."""
        return self.grid.shape

    @property
    def volume(self) -> float:
        r"""4π."""
        return 4 * np.pi

    @property
    def eigenvalues(self) -> np.ndarray:
        r"""-l(l + 1)."""
        return self.grid.eigenvalues

    def integrate(self, density: Float[Array, "J K"]) -> Float[Array, ""]:
        r"""Return ∫ density over the unit sphere."""
        return self.grid.integrate(density)
