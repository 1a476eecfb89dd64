r"""Kernels on the torus, from kernels in Euclidean space: the network is given cosines and sines of the angles."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

from geomflow.kernels.base import Kernel


class Embedded(Kernel):
    r"""A kernel on the angles z of T^d: another one at the points r (cos z_1, sin z_1, ..) of $\mathbb R^{2d}$.

    Args:
        kernel: κ in $\mathbb R^{2d}$.
        radius: r of every circle.

    Good values: r = √2 for fully connected networks, whose inputs then have x·x/2d = 1; r = 1 for kernels with a width.
    """

    kernel: Kernel
    radius: float

    def __init__(self, kernel: Kernel, radius: float = 1.0):
        self.kernel, self.radius = kernel, float(radius)

    @property
    def derivatives(self) -> float:
        r"""Those of κ."""
        return self.kernel.derivatives

    def __call__(self, x: Float[Array, " d"], y: Float[Array, " d"]) -> Float[Array, ""]:
        r"""Return κ at the embedded points."""
        return self.kernel(embed_angles(x, self.radius), embed_angles(y, self.radius))

    def block(self, x: Float[Array, "n d"], y: Float[Array, "m d"]) -> Float[Array, "n m"]:
        r"""Return κ's values at the embedded points."""
        return self.kernel.block(embed_angles(x, self.radius), embed_angles(y, self.radius))


def embed_angles(z: Float[Array, "*batch d"], radius: float = 1.0) -> Float[Array, "*batch 2d"]:
    r"""Return the points r (cos z_1, sin z_1, cos z_2, ..): whatever is computed from them is periodic."""
    return radius * jnp.stack([jnp.cos(z), jnp.sin(z)], axis=-1).reshape(*z.shape[:-1], 2 * z.shape[-1])
