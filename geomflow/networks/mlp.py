r"""Fully connected networks in NTK parametrisation, with shared hidden layers or as separate scalar networks.

$$z^1 = \frac{\sigma_w}{\sqrt d}\,W^1x + \sigma_b\,b^1,\qquad
  z^{l+1} = \frac{\sigma_w}{\sqrt{N_l}}\,W^{l+1}\varphi(z^l) + \sigma_b\,b^{l+1},\qquad W, b\sim N(0,1)$$

The same conventions as `geomflow.kernels.fully_connected.FullyConnected`, the limit N -> ∞ of their kernels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from geomflow.core.errors import ArgumentError
from geomflow.core.precision import require_x64
from geomflow.kernels.activations import activation_function

Activation = Callable[[Array], Array] | str
Numbers = float | Sequence[float]


class Dense(eqx.Module):
    r"""One affine layer in NTK parametrisation: $z = \sigma_w W h/\sqrt{N_{\rm in}} + \sigma_b b$.

    Args:
        weight: W ~ N(0, 1), shape (out, in).
        bias: b ~ N(0, 1), shape (out,).
        sigma_w, sigma_b: standard deviations of weights and biases as the layer uses them.
    """

    weight: Float[Array, "out in"]
    bias: Float[Array, " out"]
    sigma_w: float = eqx.field(static=True)
    sigma_b: float = eqx.field(static=True)

    @classmethod
    def sample(cls, key: PRNGKeyArray, inputs: int, outputs: int, sigma_w: float, sigma_b: float) -> Dense:
        r"""Draw a layer."""
        for_weight, for_bias = jax.random.split(key)
        weight = jax.random.normal(for_weight, (outputs, inputs))
        return cls(weight, jax.random.normal(for_bias, (outputs,)), sigma_w, sigma_b)

    @property
    def scales(self) -> tuple[float, float]:
        r"""The factors $\sigma_w/\sqrt{N_{\rm in}}$ and $\sigma_b$ in front of W h and b."""
        return self.sigma_w / math.sqrt(self.weight.shape[-1]), self.sigma_b

    def __call__(self, h: Float[Array, " in"]) -> Float[Array, " out"]:
        r"""Return the pre-activations z."""
        of_weight, of_bias = self.scales
        return of_weight * (self.weight @ h) + of_bias * self.bias


class MLP(eqx.Module):
    r"""A multilayer perceptron in NTK parametrisation; its outputs share all hidden layers.

    Args:
        key: a JAX random key.
        sizes: (d, N_1, ..., N_L, A): input dimension, widths of the hidden layers, number of outputs.
        activation: a name of `geomflow.kernels.activations.ACTIVATIONS`, an expression, or a JAX function, one for all
            hidden layers or one for each of the L.
        sigma_w, sigma_b: standard deviations, one number for all layers or one for each of the L + 1.

    Raises:
        ArgumentError: a size below 1, fewer than two sizes, or another number of activations or deviations.
        DerivationError: text that is neither a name nor an expression.
        PrecisionError: JAX runs in float32.

    Good values: `sizes=(2, 512, 512, 3)`, `activation="erf"`; σ_w = √2, σ_b = 0 for ReLU; an activation with at least
    two derivatives where the curvature of the network is asked for.
    Reference: arXiv 1806.07572, section 2.
    """

    layers: tuple[Dense, ...]
    activations: tuple[Callable[[Array], Array], ...] = eqx.field(static=True)

    def __init__(
        self,
        key: PRNGKeyArray,
        sizes: Sequence[int],
        activation: Activation | Sequence[Activation] = "erf",
        sigma_w: Numbers = 1.0,
        sigma_b: Numbers = 0.0,
    ):
        require_x64()
        if len(sizes) < 2 or any(size < 1 for size in sizes):
            raise ArgumentError(
                f"Argument `sizes` must be (inputs, widths of hidden layers, outputs), all at least 1, but is "
                f"{tuple(sizes)}. Try (2, 512, 512, 3)."
            )
        depth = len(sizes) - 1
        deviations = zip(each(sigma_w, depth, "sigma_w"), each(sigma_b, depth, "sigma_b"), strict=True)
        keys = jax.random.split(key, depth)
        self.layers = tuple(
            Dense.sample(k, m, n, float(w), float(b))
            for k, m, n, (w, b) in zip(keys, sizes[:-1], sizes[1:], deviations, strict=True)
        )
        self.activations = tuple(activation_function(phi) for phi in each(activation, depth - 1, "activation"))

    def __call__(self, x: Float[Array, " d"]) -> Float[Array, " A"]:
        r"""Return the outputs at one point."""
        h = x
        for layer, activation in zip(self.layers[:-1], self.activations, strict=True):
            h = activation(layer(h))
        return self.layers[-1](h)


class Separate(eqx.Module):
    r"""Scalar networks side by side, sharing nothing: $x\mapsto(f_1(x), \dots, f_A(x))$.

    Their tangent kernel is diagonal in the outputs at every width, where an `MLP` of A outputs has off-diagonal parts
    of relative size $N^{-1/2}$.

    Args:
        networks: the networks; their outputs are put one after the other.
    """

    networks: tuple[Callable[[Array], Array], ...]

    @classmethod
    def mlps(cls, key: PRNGKeyArray, sizes: Sequence[int], *arguments: Any, **options: Any) -> Separate:
        r"""Draw A independent scalar `MLP`s of the widths in `sizes`, (d, N_1, ..., N_L, A); the rest as for `MLP`."""
        keys = jax.random.split(key, sizes[-1])
        return cls(tuple(MLP(k, (*sizes[:-1], 1), *arguments, **options) for k in keys))

    def __call__(self, x: Float[Array, " d"]) -> Float[Array, " A"]:
        r"""Return all outputs at one point."""
        return jnp.concatenate([jnp.ravel(network(x)) for network in self.networks])


def each(given: Any, count: int, name: str) -> tuple[Any, ...]:
    r"""Return one value for each of `count` layers: the one that is given, or as many as are given.

    Raises:
        ArgumentError: a sequence of another length.
    """
    if isinstance(given, str) or not isinstance(given, Sequence | np.ndarray) or np.ndim(given) == 0:
        return (given,) * count
    if len(given) != count:
        raise ArgumentError(
            f"Argument `{name}` must be one value or {count}, one for each layer, but it had {len(given)}."
        )
    return tuple(given)
