r"""The periodic cos-net of finite width: a random-feature network on the torus $(\mathbb R/2\pi)^d$.

$$f(x) = \sqrt{\tfrac2N}\sum_{n=1}^N a_n\cos(b_n\cdot x + c_n),\qquad
  b_n\in\mathbb Z^d,\quad P(b)\propto e^{-\sigma^2|b|^2/2}$$
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from geomflow.core.errors import ArgumentError
from geomflow.core.precision import require_x64
from geomflow.kernels.cos_net import discrete_normal


class PeriodicCosNet(eqx.Module):
    r"""One draw of the periodic cos-net.

    Its last-layer tangent kernel depends on frequencies and phases alone: it is constant during training of the
    amplitudes at every width (frozen), but random from draw to draw until N -> ∞ (not deterministic).

    Args:
        amplitudes: $a_n$, shape (N,), the trained last layer.
        frequencies: $b_n$, integers stored as floats, shape (N, d).
        phases: $c_n$ in [-π, π], shape (N,).

    Good values: the kernel is known to $1/\sqrt N$ pointwise; as an operator it needs N far above $(2\pi/\sigma)^d$.
    Reference: arXiv 2112.04527; arXiv 2310.19870.
    """

    amplitudes: Float[Array, " N"]
    frequencies: Float[Array, "N d"]
    phases: Float[Array, " N"]

    @classmethod
    def sample(cls, key: PRNGKeyArray, width: int, dim: int, sigma: float, sigma_a: float = 1.0) -> PeriodicCosNet:
        r"""Draw a network: $a\sim N(0,\sigma_a^2)$, b from the discrete normal, $c\sim U[-\pi,\pi]$.

        Args:
            key: a JAX random key.
            width: the number of neurons N.
            dim: the input dimension d.
            sigma: the kernel width, radians; a Python float.
            sigma_a: standard deviation of the amplitudes.

        Raises:
            ArgumentError: width or dim below 1, σ not positive.
            PrecisionError: JAX runs in float32.
        """
        require_x64()
        if width < 1 or dim < 1:
            raise ArgumentError(f"Arguments `width` and `dim` must be at least 1, but ({width}, {dim}) were given.")
        values, probabilities = discrete_normal(sigma)
        for_amplitudes, for_frequencies, for_phases = jax.random.split(key, 3)
        frequencies = jax.random.choice(
            for_frequencies, jnp.asarray(values, dtype=float), (width, dim), p=jnp.asarray(probabilities)
        )
        phases = jax.random.uniform(for_phases, (width,), minval=-jnp.pi, maxval=jnp.pi)
        return cls(sigma_a * jax.random.normal(for_amplitudes, (width,)), frequencies, phases)

    def features(self, x: Float[Array, " d"]) -> Float[Array, " N"]:
        r"""Return the last-layer features $\partial f/\partial a_n = \sqrt{2/N}\cos(b_n\cdot x + c_n)$."""
        return jnp.sqrt(2 / self.phases.shape[0]) * jnp.cos(self.frequencies @ x + self.phases)

    def __call__(self, x: Float[Array, " d"]) -> Float[Array, ""]:
        r"""Return f(x) at one point."""
        return self.features(x) @ self.amplitudes

    def last_layer_ntk(self, x: Float[Array, " d"], y: Float[Array, " d"]) -> Float[Array, ""]:
        r"""Return the empirical tangent kernel $\sum_n\varphi_n(x)\varphi_n(y)$ of the last layer."""
        return self.features(x) @ self.features(y)
