r"""Networks on the torus, from networks in Euclidean space: they are given cosines and sines of the angles."""

from __future__ import annotations

from typing import Any

import equinox as eqx
from jaxtyping import Array, Float

from geomflow.kernels.embedded import embed_angles


class EmbeddedNetwork(eqx.Module):
    r"""A network of the angles z of T^d: another one at the points r (cos z_1, sin z_1, ..) of $\mathbb R^{2d}$.

    Args:
        network: takes points of $\mathbb R^{2d}$.
        radius: r of every circle, as in `geomflow.kernels.embedded.Embedded`.
    """

    network: Any
    radius: float = eqx.field(static=True, default=1.0)

    def __call__(self, z: Float[Array, " d"]) -> Array:
        r"""Return the network's value at one point of the torus."""
        return self.network(embed_angles(z, self.radius))
