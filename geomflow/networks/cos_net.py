r"""Cos-nets of finite width: random-feature networks on $\mathbb R^d$ and on the torus $(\mathbb R/2\pi)^d$.

$$f(x) = \sqrt{\tfrac2N}\sum_{n=1}^N a_n\cos(b_n\cdot x + c_n),\qquad
  a_n\sim N(0,\sigma_a^2),\quad c_n\sim U[-\pi,\pi]$$

On $\mathbb R^d$ the frequencies are $b_n = \hat b_n/\sigma$ with $\hat b_n\sim N(0,1)$ the parameter; on the torus they
are integers, $P(b)\propto e^{-\sigma^2|b|^2/2}$.
"""

from __future__ import annotations

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from geomflow.core.precision import require_x64
from geomflow.kernels.cos_net import discrete_normal
from geomflow.kernels.gaussian import check_scales
from geomflow.networks.random_features import RandomFeatureNet, shapes
from geomflow.networks.required_width import check_network_width


class CosNet(RandomFeatureNet):
    r"""One draw of the cos-net on $\mathbb R^d$; its parameters are a, $\hat b = \sigma b$ and c.

    At infinite width its tangent kernel is `GaussianKernel(sigma)` when the amplitudes alone train, and
    `CosNetFullKernel(sigma, sigma_a)` when all parameters do.

    Args:
        amplitudes: $a_n$, shape (N,), or (A, N) for A outputs.
        scaled_frequencies: $\hat b_n$, shape (N, d), or (A, N, d) where each output has features of its own.
        phases: $c_n$, shape (N,) or (A, N).
        sigma: the kernel width σ, in the units of the points.

    Good values: the kernel is known to $1/\sqrt N$ pointwise; as an operator on a box of side L it needs N far above
    $(L/\sigma)^d$ (`required_width`).
    Reference: arXiv 2112.04527; arXiv 2310.19870.
    """

    amplitudes: Float[Array, "*outputs N"]
    scaled_frequencies: Float[Array, "*own N d"]
    phases: Float[Array, "*own N"]
    sigma: float = eqx.field(static=True)

    @classmethod
    def sample(
        cls,
        key: PRNGKeyArray,
        width: int,
        dim: int,
        sigma: float,
        sigma_a: float = 1.0,
        *,
        outputs: int | None = None,
        shared: bool = True,
        length: float | None = None,
        tolerance: float = 0.1,
    ) -> CosNet:
        r"""Draw a network.

        Args:
            key: a JAX random key.
            width: the number of neurons N, of each output where they share nothing.
            dim: the input dimension d.
            sigma: the kernel width σ; a Python float.
            sigma_a: standard deviation of the amplitudes.
            outputs: the number A of scalar networks; None for a network with a scalar value.
            shared: whether the outputs share their features (independent amplitudes), or nothing.
            length, tolerance: with a side L of the box where the network acts, widths whose operator noise exceeds the
                tolerance are refused.

        Raises:
            ArgumentError: width, dim or outputs below 1, a scale that is not positive; a width that cannot meet σ.
            PrecisionError: JAX runs in float32.
        """
        require_x64()
        check_scales(sigma=sigma, sigma_a=sigma_a)
        of_amplitudes, of_phases = shapes(width, dim, outputs, shared)
        if length is not None:
            check_network_width(width, sigma, length, dim, tolerance)
        for_amplitudes, for_frequencies, for_phases = jax.random.split(key, 3)
        return cls(
            sigma_a * jax.random.normal(for_amplitudes, of_amplitudes),
            jax.random.normal(for_frequencies, (*of_phases, dim)),
            jax.random.uniform(for_phases, of_phases, minval=-jnp.pi, maxval=jnp.pi),
            float(sigma),
        )

    def features(self, x: Float[Array, " d"]) -> Float[Array, "*own N"]:
        r"""Return the last-layer features $\partial f/\partial a_n = \sqrt{2/N}\cos(\hat b_n\cdot x/\sigma + c_n)$."""
        angles = self.scaled_frequencies @ (x / self.sigma) + self.phases
        return math.sqrt(2 / self.width) * jnp.cos(angles)


class PeriodicCosNet(RandomFeatureNet):
    r"""One draw of the periodic cos-net; its parameters are a and c, and its integer frequencies never train.

    Its last-layer tangent kernel depends on frequencies and phases alone: it is constant during training of the
    amplitudes at every width (frozen), but random from draw to draw until N -> ∞ (not deterministic).

    Args:
        amplitudes: $a_n$, shape (N,), or (A, N) for A outputs.
        frequencies: $b_n$, integers stored as floats, shape (N, d) or (A, N, d); their gradient is zero.
        phases: $c_n$ in [-π, π], shape (N,) or (A, N).

    Good values: the kernel is known to $1/\sqrt N$ pointwise; as an operator it needs N far above $(2\pi/\sigma)^d$.
    Reference: arXiv 2112.04527; arXiv 2310.19870.
    """

    amplitudes: Float[Array, "*outputs N"]
    frequencies: Float[Array, "*own N d"]
    phases: Float[Array, "*own N"]

    @classmethod
    def sample(
        cls,
        key: PRNGKeyArray,
        width: int,
        dim: int,
        sigma: float,
        sigma_a: float = 1.0,
        *,
        outputs: int | None = None,
        shared: bool = True,
        tolerance: float | None = None,
    ) -> PeriodicCosNet:
        r"""Draw a network: $a\sim N(0,\sigma_a^2)$, b from the discrete normal, $c\sim U[-\pi,\pi]$.

        Args:
            key: a JAX random key.
            width: the number of neurons N.
            dim: the input dimension d.
            sigma: the kernel width, radians; a Python float.
            sigma_a: standard deviation of the amplitudes.
            outputs, shared: as for `CosNet`.
            tolerance: with a number, widths whose operator noise on the torus exceeds it are refused.

        Raises:
            ArgumentError: width, dim or outputs below 1, σ not positive; a width that cannot meet σ.
            PrecisionError: JAX runs in float32.
        """
        require_x64()
        of_amplitudes, of_phases = shapes(width, dim, outputs, shared)
        values, probabilities = discrete_normal(sigma)
        if tolerance is not None:
            check_network_width(width, sigma, 2 * math.pi, dim, tolerance)
        for_amplitudes, for_frequencies, for_phases = jax.random.split(key, 3)
        frequencies = jax.random.choice(
            for_frequencies, jnp.asarray(values, dtype=float), (*of_phases, dim), p=jnp.asarray(probabilities)
        )
        phases = jax.random.uniform(for_phases, of_phases, minval=-jnp.pi, maxval=jnp.pi)
        return cls(sigma_a * jax.random.normal(for_amplitudes, of_amplitudes), frequencies, phases)

    def features(self, x: Float[Array, " d"]) -> Float[Array, "*own N"]:
        r"""Return the last-layer features $\partial f/\partial a_n = \sqrt{2/N}\cos(b_n\cdot x + c_n)$."""
        # a frequency that moved off the integers would break the period
        frequencies = jax.lax.stop_gradient(self.frequencies)
        return math.sqrt(2 / self.width) * jnp.cos(frequencies @ x + self.phases)
