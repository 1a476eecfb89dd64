r"""Perelman's flow done properly: Ricci flow forward, conjugate heat equation backward, diffeomorphism pulled back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from geomflow.flows.solve import integrate
from geomflow.flows.torus.generate import generated
from geomflow.flows.torus.ricci import RicciFlow
from geomflow.geometry.packed import pack, unpack
from geomflow.geometry.torus import Torus

# The interpolants of every step are kept in memory, each about eight states: at most this many bytes of them.
_DENSE_BYTES = 3e8


Interpolant = Callable[[Any], Array]


class ConjugateHeat(eqx.Module):
    r"""The conjugate heat equation along a Ricci flow for the density ρ = e^{-f} √det g.

    ∂_t u = -Δu + R u for u = e^{-f} reads ∂_t ρ = -∂_i(√g g^ij ∂_j(ρ/√g)): mass is conserved, time runs backward.

    Args:
        torus: the grid.
        ricci: t -> g~(t), the interpolant of a Ricci flow.
    """

    torus: Torus
    ricci: Interpolant

    def __call__(self, t: Any, density: Float[Array, "*grid"]) -> Float[Array, "*grid"]:
        r"""Return ∂ρ/∂t (well-posed only for decreasing time)."""
        g = self.ricci(t)
        root = jnp.sqrt(self.torus.pointwise(generated("leading_minors", self.torus.dim), g)[-1])
        inverse = unpack(self.torus.pointwise(generated("inverse_metric", self.torus.dim), g))
        gradient = self.torus.gradient(density / root)
        return -self.torus.dealias(self.torus.divergence(root * jnp.einsum("...ij,j...->i...", inverse, gradient)))


class GradientDiffeomorphism(eqx.Module):
    r"""The diffeomorphism φ_t with ∂_t φ = -(∇f)(t, φ), φ_0 = id, stored as the displacement φ(x) - x.

    Args:
        torus: the grid.
        ricci: t -> g~(t), the interpolant of a Ricci flow.
        heat: t -> ρ(t), the interpolant of `ConjugateHeat` along it.
    """

    torus: Torus
    ricci: Interpolant
    heat: Interpolant

    def __call__(self, t: Any, displacement: Float[Array, "d *grid"]) -> Float[Array, "d *grid"]:
        r"""Return ∂_t φ at the grid points."""
        g = self.ricci(t)
        root = jnp.sqrt(self.torus.pointwise(generated("leading_minors", self.torus.dim), g)[-1])
        f = -jnp.log(self.heat(t) / root)
        inverse = unpack(self.torus.pointwise(generated("inverse_metric", self.torus.dim), g))
        field = -jnp.einsum("...ij,j...->i...", inverse, self.torus.gradient(f))
        return self.torus.evaluate(field, self.torus.points + displacement)


class PerelmanReference(NamedTuple):
    r"""Reference solution of the fixed-measure flow.

    Attributes:
        times: output times, the initial one first.
        ricci: the Ricci flow g~(t) it is isometric to, shape (T, P, *grid).
        metrics: the fixed-measure flow g(t) = φ_t^* g~(t), shape (T, P, *grid).
        measure: the fixed density m = dm/dx.
    """

    times: np.ndarray
    ricci: Array
    metrics: Array
    measure: Array


def perelman_reference(
    torus: Torus, g: Float[Array, "P *grid"], final_density: Float[Array, "*grid"], times: np.ndarray, **options: Any
) -> PerelmanReference:
    r"""Solve the fixed-measure flow by its triangular structure, which is well-posed.

    Ricci flow g~ from `g` forward; the conjugate heat equation from `final_density` at the final time backward; then
    the diffeomorphism of -∇f. The measure is what the density has become at the initial time: these are *prepared
    data*, for which the ill-posed flow has a solution.

    Args:
        torus: the grid.
        g: initial metric, packed.
        final_density: ρ = e^{-f} √det g~ at the final time, positive.
        times: increasing output times.
        **options: rtol, atol as `integrate`.

    Raises:
        FlowError: one of the three integrations stopped early.
    """
    ricci = integrate(RicciFlow(torus), g, times, **_dense(g), **options).require_completed(
        "Ricci flow of the reference"
    )
    there = ricci.interpolant()
    heat = integrate(ConjugateHeat(torus, there), final_density, times[::-1], **_dense(final_density), **options)
    density = heat.require_completed("conjugate heat flow").interpolant()
    start = jnp.zeros((torus.dim, *torus.shape))
    maps = integrate(GradientDiffeomorphism(torus, there, density), start, times, **options)
    maps.require_completed("diffeomorphism")
    metrics = jnp.stack([eqx.filter_jit(pull_back)(torus, *pair) for pair in zip(ricci.states, maps.states)])
    return PerelmanReference(np.asarray(times), ricci.states, metrics, heat.states[-1])


def _dense(state: Array) -> dict[str, Any]:
    r"""Return the options of a dense integration whose interpolants fit into memory."""
    return {"dense": True, "max_steps": int(min(512, _DENSE_BYTES / (8 * state.nbytes)))}


def pull_back(torus: Torus, g: Float[Array, "P *grid"], displacement: Float[Array, "d *grid"]) -> Array:
    r"""Return φ^* g for φ(x) = x + displacement(x), packed: ∂_i φ^a ∂_j φ^b g_ab(φ(x))."""
    there = unpack(torus.evaluate(g, torus.points + displacement))
    jacobian = jnp.moveaxis(torus.gradient(displacement), (0, 1), (-2, -1)) + jnp.eye(torus.dim)
    return pack(jnp.einsum("...ai,...ab,...bj->...ij", jacobian, there, jacobian))
