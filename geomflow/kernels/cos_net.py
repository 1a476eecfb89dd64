r"""The cos-net kernel: derived in `geomflow.symbolic.kernels.cos_net`, evaluated here on the torus.

On $T^d = (\mathbb R/2\pi)^d$ the frequencies are integers drawn from $P(b)\propto e^{-\sigma^2|b|^2/2}$, and the
last-layer tangent kernel is the periodic heat kernel at time σ²/2, normalised to 1 at coincident points.
"""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from geomflow.core.errors import ArgumentError
from geomflow.core.precision import require_x64
from geomflow.symbolic.kernels.cos_net import CosNetKernel, derive_cos_net

__all__ = ["CosNetKernel", "derive_cos_net", "discrete_normal", "periodic_kernel"]

_SMALLEST = 1e-18  # weights below this do not change a float64 sum of weights


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
    return values[keep], probabilities[keep]


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
