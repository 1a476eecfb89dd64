r"""Ricci flow of a surface within a conformal class: g = w h, h flat or round, state w = e^{2u}."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from geomflow.core.errors import ArgumentError, MetricError
from geomflow.flows.base import Flow
from geomflow.flows.conformal.derive import Rate
from geomflow.flows.solve import Method
from geomflow.flows.solve.exponential import Exponential

# L = c a Δ_h with c this part of max 1/w. ETDRK4 is stable on ∂_t w = a Δ_h log w as long as c > .597 max 1/w (its
# amplification factor, over all step sizes), and the fewer steps the smaller c is: 78, 59, 51 steps for 1, .75, .65.
SPLIT = 0.65


class ConformalFlow(Flow):
    r"""Ricci flow of g = w h on a closed surface, \(\partial_t w = a\,\Delta_h\log w + b\), a and b derived.

    The state is w > 0 on the grid. In this variable the rate is linear in log w: one transform there, one back, and the
    area is the mean. Modes are cut off (2/3 rule) in every evaluation, and so is the initial state.

    Attributes:
        normalised: whether \(\partial_t g = (r - R) g\), r the mean of R, which keeps the area.
    """

    normalised: eqx.AbstractVar[bool]

    @property
    @abstractmethod
    def rate(self) -> Rate:
        r"""The numbers a, b."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        r"""Shape of w."""

    @property
    @abstractmethod
    def volume(self) -> float:
        r"""Area of h."""

    @property
    @abstractmethod
    def eigenvalues(self) -> np.ndarray:
        r"""Eigenvalues of Δ_h, to multiply the modes with."""

    @property
    @abstractmethod
    def basis(self) -> Any:
        r"""What holds `transform` and `inverse`, the way to the modes and back: hashable, no arrays in it."""

    @abstractmethod
    def integrate(self, density: Float[Array, "*grid"]) -> Float[Array, ""]:
        r"""Return the integral of a function over h."""

    def laplacian(self, field: Float[Array, "*grid"]) -> Float[Array, "*grid"]:
        r"""Return Δ_h of a function."""
        return self.basis.inverse(self.eigenvalues * self.basis.transform(field))

    def velocity(self, state: Float[Array, "*grid"]) -> Float[Array, "*grid"]:
        r"""Return ∂_t w of the flow that is not normalised: -R w."""
        return self.rate.laplacian * self.laplacian(jnp.log(state)) + self.rate.constant

    def mean_curvature(self, state: Float[Array, "*grid"]) -> Float[Array, ""]:
        r"""Return r, the mean of R: by Gauss and Bonnet, ∫R dA is what it is for h."""
        return -self.rate.constant * self.volume / self.area(state)

    def area(self, state: Float[Array, "*grid"]) -> Float[Array, ""]:
        r"""Return the area of g."""
        return self.integrate(state)

    def scalar_curvature(self, state: Float[Array, "*grid"]) -> Float[Array, "*grid"]:
        r"""Return R of g."""
        return -self.velocity(state) / state

    def __call__(self, t: Any, state: Float[Array, "*grid"]) -> Float[Array, "*grid"]:
        r"""Return ∂_t w."""
        velocity = self.velocity(state)
        return velocity + self.mean_curvature(state) * state if self.normalised else velocity

    def modes_of_rate(self, t: Any, state: Float[Array, "*grid"]) -> Array:
        r"""Return the modes of ∂_t w: half the transforms of `__call__`."""
        lower = jnp.full(self.shape, self.rate.constant)
        if self.normalised:
            lower = lower + self.mean_curvature(state) * state
        modes = self.rate.laplacian * self.eigenvalues * self.basis.transform(jnp.log(state))
        # nothing to add, and nothing to transform, where h is flat
        return modes + self.basis.transform(lower) if self.rate.constant else modes

    def coefficient(self, state: Float[Array, "*grid"]) -> Float[Array, ""]:
        r"""Return c of the linear part c a Δ_h."""
        return SPLIT / jnp.min(state)

    def method(self, state: Float[Array, "*grid"]) -> Method:
        r"""Return the exponential method; its linear part follows the smallest w from step to step."""
        symbol = jnp.asarray(self.rate.laplacian * self.eigenvalues)
        basis = self.basis
        return Exponential(symbol, basis.transform, basis.inverse, self.coefficient, self.modes_of_rate)

    def check(self, state: Float[Array, "*grid"]) -> None:
        r"""Refuse a state of the wrong shape, or that is not finite and positive.

        Raises:
            ArgumentError: wrong shape.
            MetricError: not finite, or w <= 0 somewhere.
        """
        if np.shape(state) != self.shape:
            raise ArgumentError(f"The state w must be of shape {self.shape}, but is of shape {np.shape(state)}.")
        super().check(state)
        where = np.unravel_index(int(np.argmin(state)), self.shape)
        least = float(np.asarray(state)[where])
        if least <= 0:
            index = tuple(int(i) for i in where)
            raise MetricError(f"The conformal factor w must be positive, but is {least:.6g} at grid point {index}.")

    def leaves(self, state: Float[Array, "*grid"]) -> Positive:
        r"""Return the condition w > 0."""
        return Positive(jnp.max(state))

    def curvature(self, state: Float[Array, "*grid"]) -> Float[Array, ""]:
        r"""Return max |Rm|, which is max |R| on a surface."""
        return jnp.max(jnp.abs(self.scalar_curvature(state)))

    def energy(self, state: Float[Array, "*grid"]) -> Float[Array, ""]:
        r"""Return the Liouville energy \(\int(|\nabla u|^2 + 2K_h u) - K_h V \log(A/V)\), u = (log w)/2, V = ∫ dA_h.

        It does not change when g is scaled, is stationary where R is constant, and never increases:
        \(-2\int(K - \bar K)^2 dA\) is its rate in the normalised flow.

        Reference: B. Osgood, R. Phillips, P. Sarnak, J. Funct. Anal. 80 (1988) 148.
        """
        u, gauss = jnp.log(state) / 2, -self.rate.constant / 2
        spread = self.integrate(2 * gauss * u - u * self.laplacian(u))
        return spread - gauss * self.volume * jnp.log(self.area(state) / self.volume)

    def observables(self, state: Float[Array, "*grid"]) -> Mapping[str, Array]:
        r"""Return area, the extremes of R, and the Liouville energy. R_min never decreases unless normalised."""
        scalar = self.scalar_curvature(state)
        return {
            "area": self.area(state),
            "R_min": jnp.min(scalar),
            "R_max": jnp.max(scalar),
            "energy": self.energy(state),
        }

    def extinction(self, state: Float[Array, "*grid"]) -> float | None:
        r"""Return A/8π on the sphere: the area falls at the rate ∫R dA; None where it does not fall."""
        falls = -self.rate.constant * self.volume
        return None if self.normalised or falls <= 0 else float(self.area(state)) / falls


class Positive(eqx.Module):
    r"""Positive as long as w is."""

    scale: Array

    def __call__(self, state: Float[Array, "*grid"]) -> Float[Array, ""]:
        r"""Return the smallest w, in units of the largest at the beginning."""
        return jnp.min(state) / self.scale
