r"""The flow of a metric under mean squared error: an infinitely wide network memorises its target."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from geomflow.flows.torus.base import TorusFlow
from geomflow.geometry.packed import pack, unpack
from geomflow.geometry.torus import Torus
from geomflow.kernels.random_operator import RandomFeatureOperator
from geomflow.networks.metric_ntk import kernel_velocity
from geomflow.networks.parametrisations import PARAMETRISATIONS


class MemorisationFlow(TorusFlow):
    r"""dg_ij/dt(x) = -∫ Θ_ijkl(x,x') (g - g*)_kl(x') dx', Θ_ijkl = κ_σ(x-x') Σ_a J_ij,a(x) J_kl,a(x'), J = ∂g/∂N.

    Gradient flow of ½ ∫ |g - g*|² dx in chart components, time scaled so that κ_σ keeps constants: the constant of a
    parametrisation with Σ_a J J = 1 is memorised at rate 1, the wave k at rate $e^{-\sigma^2k^2/2}$. If the
    parametrisation is affine the flow is linear and these rates are the metric-NTK's eigenvalues for all times.

    Args:
        torus: the grid.
        target: g*, packed.
        reference: g0 of the parametrisations with a frame, packed; it stays fixed while g moves.
        parametrisation: a name from `PARAMETRISATIONS`.
        kernel: Fourier symbol of κ_σ, the operator of a finite network, or None for the local limit.

    Reference: arXiv 2310.19870, section 2 (metric-NTK of a supervised loss).
    """

    torus: Torus
    target: Float[Array, "P *grid"] = eqx.field(kw_only=True)
    reference: Float[Array, "P *grid"] = eqx.field(kw_only=True)
    parametrisation: str = eqx.field(static=True, kw_only=True, default="packed-orthonormal")
    kernel: Array | RandomFeatureOperator | None = None

    def jacobian(self, g: Float[Array, "P *grid"]) -> Float[Array, "*grid n n A"]:
        r"""Return J = ∂g/∂N at every grid point, in the fixed frame."""
        n = self.torus.dim
        at_points = jax.vmap(lambda at, frame: PARAMETRISATIONS[self.parametrisation].jacobian(at, 1.0, frame))
        flat = at_points(unpack(g).reshape(-1, n, n), unpack(self.reference).reshape(-1, n, n))
        return flat.reshape(*self.torus.shape, *flat.shape[1:])

    def velocity(self, g: Float[Array, "P *grid"]) -> Float[Array, "P *grid"]:
        r"""Return the velocity, the kernel acting between the two Jacobians."""

        def smooth(fields: Array) -> Array:
            first = jnp.moveaxis(fields, -1, 0)
            if isinstance(self.kernel, RandomFeatureOperator):
                first = self.kernel.apply(self.torus, first)
            elif self.kernel is not None:
                first = self.torus.multiply(first, self.kernel)
            return jnp.moveaxis(first, 0, -1)

        moved = kernel_velocity(self.jacobian(g), smooth, unpack(self.target - g))
        return pack(0.5 * (moved + jnp.swapaxes(moved, -1, -2)))

    def __call__(self, t: Any, g: Float[Array, "P *grid"]) -> Float[Array, "P *grid"]:
        r"""Return dg/dt, dealiased; the kernel has acted inside `velocity` already."""
        return self.torus.dealias(self.velocity(g))


class PointMemorisation(eqx.Module):
    r"""du/dt = K (y - u) on a point set: the same flow where the network sees n points only.

    Args:
        gram: K, the metric-NTK of an affine parametrisation on the points, shape (m, m).
        target: y, shape (m,).
    """

    gram: Float[Array, "m m"]
    target: Float[Array, " m"]

    def __call__(self, t: Any, u: Float[Array, " m"]) -> Float[Array, " m"]:
        r"""Return du/dt."""
        return self.gram @ (self.target - u)
