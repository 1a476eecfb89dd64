"""neural-tangents' side, in its own environment (jax 0.4.25): the same kernel, under jit."""

import sys

import jax

jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp  # noqa: E402
from neural_tangents import stax  # noqa: E402
from protocol import serve  # noqa: E402

if __name__ == "__main__":
    layer = {"relu": stax.Relu, "erf": stax.Erf}[sys.argv[2]]
    _, _, kernel = stax.serial(*[part for _ in range(3) for part in (stax.Dense(1), layer())], stax.Dense(1))
    function = jax.jit(lambda x: kernel(x, None, "ntk"))
    serve(lambda x: jax.block_until_ready(function(x)), jnp.asarray)
