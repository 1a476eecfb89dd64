r"""What cos-net, periodic cos-net and gauss-net share: random features under a layer of amplitudes.

$$f_a(x) = \sum_{n=1}^N A_{an}\,\varphi_n(x)\ \hbox{(shared features)},\qquad
  f_a(x) = \sum_{n=1}^N A_{an}\,\varphi_{an}(x)\ \hbox{(independent networks)}$$
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from geomflow.core.errors import ArgumentError


class RandomFeatureNet(eqx.Module):
    r"""A network that is linear in its amplitudes; a subclass says what its features are.

    Attributes:
        amplitudes: the trained last layer, shape (N,) for a scalar network and (A, N) for A outputs.
    """

    amplitudes: eqx.AbstractVar[Float[Array, "*outputs N"]]

    def features(self, x: Float[Array, " d"]) -> Float[Array, "*own N"]:
        r"""Return $\varphi_n(x)$, of shape (N,), or (A, N) where every output has features of its own."""
        raise NotImplementedError

    @property
    def width(self) -> int:
        r"""The number of neurons N of each output."""
        return self.amplitudes.shape[-1]

    def __call__(self, x: Float[Array, " d"]) -> Float[Array, "*outputs"]:
        r"""Return f(x) at one point: a scalar, or the A outputs."""
        return jnp.sum(self.amplitudes * self.features(x), axis=-1)

    def last_layer_ntk(self, x: Float[Array, " d"], y: Float[Array, " d"]) -> Float[Array, "*outputs_outputs"]:
        r"""Return the empirical tangent kernel $\sum_n\varphi_n(x)\varphi_n(y)$ of the amplitudes.

        A scalar; with A outputs $\Theta_{ab}$ of shape (A, A), diagonal because no amplitude serves two outputs.
        """
        overlap = jnp.sum(self.features(x) * self.features(y), axis=-1)
        return overlap if self.amplitudes.ndim == 1 else jnp.eye(self.amplitudes.shape[0]) * overlap


def shapes(width: int, dim: int, outputs: int | None, shared: bool) -> tuple[tuple[int, ...], tuple[int, ...]]:
    r"""Return the shape of the amplitudes and that of the phases.

    Raises:
        ArgumentError: a width, a dimension or a number of outputs below 1.
    """
    if width < 1 or dim < 1:
        raise ArgumentError(f"Arguments `width` and `dim` must be at least 1, but ({width}, {dim}) were given.")
    if outputs is None:
        return (width,), (width,)
    if outputs < 1:
        raise ArgumentError(f"Argument `outputs` must be None (a scalar network) or at least 1, but is {outputs}.")
    return (outputs, width), (width,) if shared else (outputs, width)
