r"""The cos-net kernel: derived in `geomflow.symbolic.kernels.random_features.cos_net`, evaluated here on the torus.

On $T^d = (\mathbb R/2\pi)^d$ the frequencies are integers drawn from $P(b)\propto e^{-\sigma^2|b|^2/2}$, and the
last-layer tangent kernel is the periodic heat kernel at time σ²/2, normalised to 1 at coincident points.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from geomflow.core.errors import ArgumentError
from geomflow.core.precision import require_x64
from geomflow.kernels.base import Kernel, points_pair
from geomflow.kernels.operator import symbol_function
from geomflow.symbolic.kernels.random_features.cos_net import CosNetKernel, derive_cos_net

__all__ = ["CosNetKernel", "PeriodicKernel", "derive_cos_net", "discrete_normal", "periodic_kernel"]

_SMALLEST = 1e-18  # weights below this do not change a float64 sum of weights


@lru_cache(maxsize=64)
def discrete_normal(sigma: float) -> tuple[np.ndarray, np.ndarray]:
    r"""Return the integers b and the weights $p_b = e^{-\sigma^2b^2/2}/\sum_n e^{-\sigma^2n^2/2}$, cut at 1e-18.

    Args:
        sigma: the kernel width σ > 0, in radians of the torus of period 2π (the frequencies have width 1/σ).

    Returns:
        Integers of shape (B,), symmetric about 0, and their probabilities of shape (B,), which sum to one.

    Raises:
        ArgumentError: σ is not positive.

    Good values: σ from 0.05 to 1, for which B runs from about 360 to 19.
    """
    if not sigma > 0:
        raise ArgumentError(f"Argument `sigma` must be positive, but {sigma} was given.", sigma=sigma)
    # The partition sum is at least 1, hence e^{-σ²b²/2} < 1e-18 is enough for p_b < 1e-18.
    reach = math.floor(math.sqrt(-2 * math.log(_SMALLEST)) / sigma)
    values = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (sigma * values) ** 2)
    probabilities = weights / math.fsum(weights)
    keep = probabilities >= _SMALLEST
    found = values[keep], probabilities[keep]
    for array in found:  # they are shared by every caller
        array.flags.writeable = False
    return found


def periodic_kernel(displacement: Float[Array, " d"], sigma: float) -> Float[Array, ""]:
    r"""Return the last-layer tangent kernel of the infinitely wide periodic cos-net.

    $$\kappa(z) = \prod_j \sum_{b\in\mathbb Z} p_b\cos(b z_j)$$

    Args:
        displacement: z = x - x', shape (d,), radians.
        sigma: the kernel width, a Python float.

    Returns:
        κ(z), dimensionless, κ(0) = 1; close to $e^{-|z|^2/2\sigma^2}$ when σ and |z| are far below π.

    Raises:
        ArgumentError: σ is not positive.
        PrecisionError: JAX runs in float32.

    Good values: σ from 0.05 to 1.
    """
    require_x64()
    values, probabilities = discrete_normal(sigma)
    return jnp.prod(jnp.cos(jnp.outer(jnp.asarray(displacement), jnp.asarray(values))) @ probabilities)


class PeriodicKernel(Kernel):
    r"""The last-layer tangent kernel of the periodic cos-net: the heat kernel of the torus at time σ²/2, 1 at x = y.

    $$\kappa(x,y) = \prod_j\sum_{b\in\mathbb Z}p_b\cos b(x_j-y_j),\qquad
      \int_{T^d}\kappa(x,y)\,e^{ik\cdot y}\,dy = \lambda_k\,e^{ik\cdot x},\qquad
      \lambda_k = (2\pi p_0)^d\,e^{-\sigma^2|k|^2/2}$$

    Args:
        sigma: the kernel width σ, radians.

    Raises:
        ArgumentError: σ is not positive.

    Good values: σ from 0.05 to 1.
    """

    sigma: float = eqx.field(static=True)
    derivatives: ClassVar[float] = math.inf  # smooth

    def __check_init__(self) -> None:
        discrete_normal(self.sigma)

    def __call__(self, x: Float[Array, " d"], y: Float[Array, " d"]) -> Float[Array, ""]:
        r"""Return κ(x, y)."""
        return periodic_kernel(x - y, self.sigma)

    def matrix(self, x: Float[Array, "n d"], y: Float[Array, "m d"] | None = None) -> Float[Array, "n m"]:
        r"""Return κ(x_i, y_j) as products over the axes of $\sum_b p_b(\cos bx\cos by + \sin bx\sin by)$.

        A matrix product per axis, where each pair by itself would take a cosine for every b.

        Raises:
            ArgumentError: the points are not of shape (n, d), or their dimensions differ.
            PrecisionError: JAX runs in float32.
        """
        x, y = points_pair(x, y)
        return _product_of_axes(x, y, *map(jnp.asarray, discrete_normal(self.sigma)))

    def eigenvalues(self, wave_numbers: Float[Array, "d *batch"]) -> Float[Array, "*batch"]:
        r"""Return $\lambda_k = (2\pi)^d\prod_jp_{k_j}$ of integer wave vectors: the derived spectrum under dy.

        The multiplicity of an eigenvalue is the number of integer vectors of the same length. Their sum is the trace,
        $(2\pi)^d$.
        """
        require_x64()
        waves = jnp.asarray(wave_numbers, dtype=float)
        _, probabilities = discrete_normal(self.sigma)
        constant = (2 * math.pi * float(probabilities.max())) ** waves.shape[0]  # k = 0 has the largest weight
        return constant * symbol_function(waves.shape[0])(waves, jnp.asarray(float(self.sigma)))[0]


@jax.jit
def _product_of_axes(x: Array, y: Array, values: Array, probabilities: Array) -> Array:
    amplitudes = jnp.sqrt(probabilities)

    def waves(points: Array) -> Array:
        angles = points[:, None] * values
        return jnp.concatenate([amplitudes * jnp.cos(angles), amplitudes * jnp.sin(angles)], axis=1)

    matrix = jnp.ones((x.shape[0], y.shape[0]))
    for axis in range(x.shape[1]):
        matrix = matrix * (waves(x[:, axis]) @ waves(y[:, axis]).T)
    return matrix
