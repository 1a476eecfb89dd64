"""geomflow's side and the hand-written one: the NTK of three hidden layers on n points; see `compare.py`."""

import sys

import jax
import jax.numpy as jnp
from protocol import serve

from geomflow.kernels.fully_connected import FullyConnected

jax.config.update("jax_enable_x64", True)


def hand_relu(x):
    """Covariance form, fused by XLA."""
    c = t = x @ x.T / x.shape[1]
    p = jnp.sum(x * x, axis=1) / x.shape[1]
    for _ in range(3):
        root = jnp.sqrt(p[:, None] * p[None, :])
        cosine = jnp.clip(c / root, -1, 1)
        turn = jnp.pi - jnp.arccos(cosine)
        c = root * (jnp.sqrt(1 - cosine**2) + turn * cosine) / (2 * jnp.pi)
        t = t * turn / (2 * jnp.pi) + c
        p = p / 2
    return t


def hand_erf(x):
    """Covariance form, fused by XLA."""
    c = t = x @ x.T / x.shape[1]
    p = jnp.sum(x * x, axis=1) / x.shape[1]
    for _ in range(3):
        square = (1 + 2 * p)[:, None] * (1 + 2 * p)[None, :]
        slope = 4 / jnp.pi / jnp.sqrt(square - 4 * c * c)
        c = 2 / jnp.pi * jnp.arcsin(2 * c / jnp.sqrt(square))
        t = t * slope + c
        p = 2 / jnp.pi * jnp.arcsin(2 * p / (1 + 2 * p))
    return t


if __name__ == "__main__":
    side, activation = sys.argv[1:3]
    if side == "hand-written":
        function = jax.jit({"relu": hand_relu, "erf": hand_erf}[activation])
    else:
        kernel = FullyConnected(activation, 3)
        # x against itself, or against a copy: without and with the use of symmetry
        function = kernel.matrix if side == "geomflow" else lambda x: kernel.matrix(x, jnp.copy(x))
    serve(lambda x: jax.block_until_ready(function(x)), jnp.asarray)
