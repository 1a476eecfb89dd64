r"""Linearised networks: the first-order Taylor polynomial in the parameters, about where training starts.

$$f_{\rm lin}(x;\theta) = f(x;\theta_0) + \frac{\partial f}{\partial\theta}(x;\theta_0)\cdot(\theta - \theta_0)$$
"""

from __future__ import annotations

from typing import Any, ClassVar

import equinox as eqx
import jax
from jaxtyping import Array, Float


class Linearised(eqx.Module):
    r"""A network that is linear in its parameters and has the tangent kernel of another one, for all times.

    One Jacobian-vector product for each evaluation; no Jacobian is stored. Training changes `network` and leaves
    `origin` alone, as `geomflow.networks.trainable.trainable` has it.

    Args:
        network: any pytree of arrays that takes one point; its parameters are θ₀.

    Good values: whatever the full network is given, with which it agrees to O(1/N) at width N.
    Reference: arXiv 1902.06720.
    """

    trains_network_alone: ClassVar[bool] = True

    network: Any
    origin: Any

    def __init__(self, network: Any):
        self.network = self.origin = network

    def __call__(self, x: Float[Array, " d"]) -> Float[Array, "*out"]:
        r"""Return the linearised outputs at one point, of the network's own shape."""
        at, fixed = eqx.partition(self.origin, eqx.is_inexact_array)
        old, structure = jax.tree.flatten(at)
        new = jax.tree.leaves(eqx.filter(self.network, eqx.is_inexact_array))
        change = [a - b for a, b in zip(new, old, strict=True)]

        def output(leaves: list[Array]) -> Array:
            return eqx.combine(jax.tree.unflatten(structure, leaves), fixed)(x)

        value, tangent = jax.jvp(output, (old,), (change,))
        return value + tangent
