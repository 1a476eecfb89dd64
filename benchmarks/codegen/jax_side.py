"""What the peers on JAX share: float64, device arrays, waiting for results, gradients by `jax.vjp`."""

from collections.abc import Callable
from functools import partial
from importlib.metadata import version

import jax
import jax.numpy as jnp
import numpy as np
from cases import BLOCK, Case, data
from protocol import Peer

jax.config.update("jax_enable_x64", True)


def first_block(answer):
    """The first points of every array, as numpy (the rest stays where it is)."""
    return jax.tree.map(lambda a: np.asarray(a[:16]), answer)


def peer(call: Callable, layout: str, system: str) -> Peer:
    """A peer from a jitted function of device arrays in a layout of `cases.data`."""
    axis = 0 if layout in ("rows", "full") else -1

    @partial(jax.jit, static_argnums=1)
    def repeated(array, points: int):
        """The block over and over, made on the device."""
        first = jnp.moveaxis(array, axis, 0)
        whole = jnp.broadcast_to(first, (-(-points // len(first)), *first.shape)).reshape(-1, *first.shape[1:])
        return jnp.moveaxis(whole[:points], 0, axis)

    def prepare(case: Case, points: int) -> tuple:
        return jax.block_until_ready(tuple(repeated(a, points) for a in data(case, layout, min(points, BLOCK))))

    return Peer(
        lambda *arguments: jax.block_until_ready(call(*arguments)),
        prepare,
        f"{system}, jax {version('jax')} on {jax.devices()[0].platform}",
        sample=first_block,
    )


def columns_gradient(case: Case, function: Callable) -> Callable:
    """Gradient of sum_p w_p Ric_p by every column; the weights are the last columns."""

    def gradient(*columns):
        jets, weights = columns[: case.jets], columns[case.jets :]
        _, pullback = jax.vjp(lambda *c: tuple(function(*c)), *jets)
        return pullback(tuple(weights))

    return gradient


def spread(function: Callable, like: int = 0) -> Callable:
    """A function of columns whose constant components take the shape of the columns."""

    def call(*columns):
        return tuple(jnp.broadcast_to(jnp.asarray(y, float), columns[like].shape) for y in function(*columns))

    return call
