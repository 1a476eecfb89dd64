r"""Any flow of metrics on the torus at constant volume."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from geomflow.flows.torus.base import TorusFlow, metric_of
from geomflow.flows.torus.generate import generated
from geomflow.geometry.torus import Torus
from geomflow.kernels.random_operator import RandomFeatureOperator


class VolumeNormalised(TorusFlow):
    r"""dg/dt = V(g) - (r/n) g, where r = ∫ g^ij V_ij dV / ∫ dV: the volume stays what it is.

    For V = -2 Ric this is Hamilton's normalised flow, dg/dt = -2 Ric + (2/n) ⟨R⟩ g with the mean ⟨R⟩, and it differs
    from the flow V by scaling space and time. On the grid the volume is conserved to the accuracy of the stepping, not
    of the grid: r is taken from the dealiased velocity.

    Args:
        flow: the flow that is normalised: `RicciFlow`, `DeTurckFlow`, one with another background, ...

    Reference: R. Hamilton, J. Differential Geom. 17 (1982) 255, section 3.
    """

    torus: Torus
    kernel: Array | RandomFeatureOperator | None
    flow: TorusFlow

    def __init__(self, flow: TorusFlow):
        self.torus, self.kernel, self.flow = flow.torus, flow.kernel, flow

    def velocity(self, state: Any) -> Any:
        r"""Return V(g) - (r/n) g before it is dealiased."""
        return self._normalised(state, self.flow.velocity(state))

    def modes(self, t: Any, state: Any) -> Any:
        r"""Return the modes of dg/dt; r is taken from the velocity as it is after dealiasing."""
        velocity = jax.tree.map(lambda v: self.torus.multiply(v, self.kept), self.flow.velocity(state))
        return jax.tree.map(self.torus.transform, self._normalised(state, velocity))

    def rate(self, g: Float[Array, "P *grid"], velocity: Float[Array, "P *grid"]) -> Float[Array, ""]:
        r"""Return r, twice the relative rate at which the volume grows along a velocity."""
        density = self.volume_density(g)
        trace = self.torus.pointwise(generated("trace", self.torus.dim), g, velocity)[0]
        return jnp.sum(density * trace) / jnp.sum(density)

    def _normalised(self, state: Any, velocity: Any) -> Any:
        g, v = metric_of(state), metric_of(velocity)
        return eqx.tree_at(metric_of, velocity, v - self.rate(g, v) / self.torus.dim * g)

    @property
    def diffusivity(self) -> float | None:
        r"""That of the flow that is normalised."""
        return self.flow.diffusivity
