r"""The metric flow of an infinitely wide network: gradient descent on -F through its metric-NTK."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from geomflow.flows.torus.base import TorusFlow
from geomflow.flows.torus.generate import generated
from geomflow.flows.torus.perelman import FixedMeasureFlow
from geomflow.geometry.packed import pack, unpack
from geomflow.geometry.torus import Torus
from geomflow.networks import PARAMETRISATIONS
from geomflow.networks.metric_ntk import kernel_velocity


class NetworkFlow(TorusFlow):
    r"""dg_ij/dt(x) = 2 ∫ Θ_ijkl(x,x') δF/δg_kl(x') dx' with Θ_ijkl = κ_σ(x-x') Σ_a J_ij,a(x) J_kl,a(x'), J = ∂g/∂N.

    The scalar networks N_a are infinitely wide cos-nets, last layer trained, so κ_σ is frozen; J is taken at the
    current metric (constant if the parametrisation is affine and has no frame). The factor 2 of time is the one of
    Ricci flow. Without a kernel this is the network's local limit, -2 (Ric + Hess f) only if Σ_a J J = sym(g⊗g)/m.

    Args:
        torus: the grid.
        measure: m(x) > 0, fixed, shape (*grid,).
        parametrisation: a name from `PARAMETRISATIONS`; "independent" is the talk's.
        kernel: Fourier symbol of κ_σ, or None for the local limit.

    Reference: arXiv 2310.19870, sections 2 and 3.
    """

    torus: Torus
    measure: Float[Array, "*grid"] = eqx.field(kw_only=True)
    parametrisation: str = eqx.field(static=True, kw_only=True)
    kernel: Array | None = None

    def jacobian(self, g: Float[Array, "P *grid"]) -> Float[Array, "*grid n n A"]:
        r"""Return J = ∂g/∂N at every grid point."""
        n = self.torus.dim
        at_points = jax.vmap(PARAMETRISATIONS[self.parametrisation].jacobian)
        flat = at_points(unpack(g).reshape(-1, n, n), self.measure.ravel())
        return flat.reshape(*self.torus.shape, *flat.shape[1:])

    def velocity(self, g: Float[Array, "P *grid"]) -> Float[Array, "P *grid"]:
        r"""Return the velocity, the kernel acting between the two Jacobians."""
        return respond(self.torus, self.kernel, self.jacobian(g), descent_source(self.torus, self.measure, g))

    def __call__(self, t: Any, g: Float[Array, "P *grid"]) -> Float[Array, "P *grid"]:
        r"""Return dg/dt, dealiased; the kernel has acted inside `velocity` already."""
        return self.torus.dealias(self.velocity(g))


@eqx.filter_jit
def descent_source(
    torus: Torus, measure: Float[Array, "*grid"], g: Float[Array, "P *grid"]
) -> Float[Array, "*grid n n"]:
    r"""Return 2 δF/δg_kl = -2 m (R^kl + ∇^k∇^l f) at fixed measure, a contravariant density."""
    lowered = unpack(FixedMeasureFlow(torus, measure=measure).velocity(g))
    inverse = unpack(torus.pointwise(generated("inverse_metric", torus.dim), g))
    return measure[..., None, None] * (inverse @ lowered @ inverse)


@eqx.filter_jit
def respond(
    torus: Torus, kernel: Array | None, jacobian: Float[Array, "*grid n n A"], source: Float[Array, "*grid n n"]
) -> Float[Array, "P *grid"]:
    r"""Return ∫ Θ_ijkl s_kl dx', packed: how networks with Jacobian J and kernel κ answer a source s.

    Networks without symmetry move the metric by the symmetric part.
    """

    def smooth(fields: Array) -> Array:
        return fields if kernel is None else jnp.moveaxis(torus.multiply(jnp.moveaxis(fields, -1, 0), kernel), 0, -1)

    moved = kernel_velocity(jacobian, smooth, source)
    return pack(0.5 * (moved + jnp.swapaxes(moved, -1, -2)))
