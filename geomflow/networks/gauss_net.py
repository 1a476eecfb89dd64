r"""The gauss-net of finite width: the cos-net's kernel at infinite width, another random function at every other.

$$f(x) = \frac1{\sqrt N}\sum_{n=1}^N a_n\,e^{b_n\cdot x + c_n - \sigma_c^2 - |x|^2/\sigma^2},\qquad
  a\sim N(0,\sigma_a^2),\quad b = \hat b/\sigma,\ \hat b\sim N(0,1),\quad c\sim N(0,\sigma_c^2)$$
"""

from __future__ import annotations

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from geomflow.core.errors import ArgumentError
from geomflow.core.precision import require_x64
from geomflow.kernels.gaussian import check_scales
from geomflow.networks.random_features import RandomFeatureNet, shapes
from geomflow.networks.required_width import check_gauss_net_width


class GaussNet(RandomFeatureNet):
    r"""One draw of the gauss-net; its parameters are a, $\hat b = \sigma b$ and c, the denominator is kept.

    Args:
        amplitudes: $a_n$, shape (N,), or (A, N) for A outputs.
        scaled_frequencies: $\hat b_n$, shape (N, d), or (A, N, d) where each output has features of its own.
        phases: $c_n$, shape (N,) or (A, N).
        sigma: the kernel width σ.
        sigma_c: the standard deviation of c that the denominator divides out.

    Good values: |x| below σ/2, for comparisons with the cos-net; the scatter grows like $e^{2|x|^2/\sigma^2}$.
    Reference: arXiv 2112.04527.
    """

    amplitudes: Float[Array, "*outputs N"]
    scaled_frequencies: Float[Array, "*own N d"]
    phases: Float[Array, "*own N"]
    sigma: float = eqx.field(static=True)
    sigma_c: float = eqx.field(static=True)

    @classmethod
    def sample(
        cls,
        key: PRNGKeyArray,
        width: int,
        dim: int,
        sigma: float,
        sigma_a: float = 1.0,
        sigma_c: float = 0.1,
        *,
        radius: float,
        outputs: int | None = None,
        shared: bool = True,
    ) -> GaussNet:
        r"""Draw a network.

        Args:
            key: a JAX random key.
            width, dim, sigma, sigma_a: N, d, σ and σ_a.
            sigma_c: standard deviation of c.
            radius: the largest |x| at which the network will be looked at.
            outputs, shared: as for `CosNet`.

        Raises:
            ArgumentError: width, dim or outputs below 1, a bad scale; a width at which the kernel at |x| = radius
                scatters by more than its own size.
            PrecisionError: JAX runs in float32.
        """
        require_x64()
        check_scales(sigma=sigma, sigma_a=sigma_a)
        of_amplitudes, of_phases = shapes(width, dim, outputs, shared)
        if not (sigma_c >= 0 and radius >= 0):
            raise ArgumentError(f"`sigma_c` and `radius` must not be negative, but are {sigma_c} and {radius}.")
        check_gauss_net_width(width, sigma, sigma_c, radius)
        for_amplitudes, for_frequencies, for_phases = jax.random.split(key, 3)
        return cls(
            sigma_a * jax.random.normal(for_amplitudes, of_amplitudes),
            jax.random.normal(for_frequencies, (*of_phases, dim)),
            sigma_c * jax.random.normal(for_phases, of_phases),
            float(sigma),
            float(sigma_c),
        )

    def features(self, x: Float[Array, " d"]) -> Float[Array, "*own N"]:
        r"""Return the last-layer features $\partial f/\partial a_n$."""
        scaled = x / self.sigma
        exponents = self.scaled_frequencies @ scaled + self.phases - self.sigma_c**2 - scaled @ scaled
        return jnp.exp(exponents) / math.sqrt(self.width)
