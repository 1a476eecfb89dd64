r"""Functions that JAX lacks and generated code calls. The file needs JAX alone: it is copied into modules that do."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import jax.scipy.special as jsp
import numpy as np


def softplus(x):
    r"""Return log(1 + e^x), which neither overflows nor loses its tail."""
    return jnp.logaddexp(x, 0.0)


@jax.custom_jvp
def erfi(x):
    r"""Return $\mathrm{erfi}\,x = \frac2{\sqrt\pi}\int_0^x e^{t^2}dt$ to 5e-15.

    The Dawson integral by Gaussians at odd multiples of h = 3/16 around x, with an error of $e^{-(\pi/2h)^2}$ = 1e-30.

    Reference: Rybicki, Computers in Physics 3 (1989) 85.
    """
    step = 3 / 16
    small = jnp.abs(x) < step
    far = jnp.clip(jnp.where(small, 1.0, x), -30.0, 30.0)
    even = 2 * jnp.round(far / (2 * step))
    offset = far - even * step
    up, down, total = jnp.exp(2 * step * offset), jnp.exp(-2 * step * offset), 0.0
    for n in range(1, 35, 2):
        total = total + np.exp(-((n * step) ** 2)) * (up**n / (even + n) + down**n / (even - n))
    series = sum(x ** (2 * k + 1) / (math.factorial(k) * (2 * k + 1)) for k in range(9))
    return jnp.where(small, 2 / np.sqrt(np.pi) * series, 2 / np.pi * jnp.exp((far - offset) * (far + offset)) * total)


@erfi.defjvp
def _erfi_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    return erfi(x), 2 / np.sqrt(np.pi) * jnp.exp(x * x) * dx


@jax.custom_jvp
def bivariate_normal_cdf(h, k, rho):
    r"""Return P(X < h, Y < k) of standard normal X, Y with correlation ρ, to 1e-15 absolute.

    Gauss-Legendre in arcsin ρ; for |ρ| > 0.925 from ρ = ±1 on, where the integrand's singular part is integrated
    exactly.

    Reference: Genz, Statistics and Computing 14 (2004) 251, after Drezner and Wesolowsky (1990).
    """
    h, k, rho = jnp.broadcast_arrays(*(jnp.asarray(x, jnp.result_type(float, x)) for x in (h, k, rho)))
    # beyond 40 widths there is nothing, and infinities would meet zeros
    h, k, rho = jnp.clip(h, -40.0, 40.0), jnp.clip(k, -40.0, 40.0), jnp.clip(rho, -1.0, 1.0)
    high = jnp.abs(rho) > 0.925
    middle, far = jnp.where(high, 0.0, rho), jnp.where(high, rho, 1.0)
    return jnp.clip(jnp.where(high, _bivariate_far(h, k, far), _bivariate_middle(h, k, middle)), 0.0, 1.0)


@bivariate_normal_cdf.defjvp
def _bivariate_normal_jvp(primals, tangents):
    h, k, rho = primals
    root = jnp.sqrt(jnp.maximum((1 - rho) * (1 + rho), 1e-30))
    to_h, to_k = (h - rho * k) / root, (k - rho * h) / root
    density_h, density_k = (jnp.exp(-x * x / 2) / np.sqrt(2 * np.pi) for x in (h, k))
    by_rho = density_h * jnp.exp(-to_k * to_k / 2) / (np.sqrt(2 * np.pi) * root)
    change = density_h * jsp.ndtr(to_k) * tangents[0] + density_k * jsp.ndtr(to_h) * tangents[1] + by_rho * tangents[2]
    return bivariate_normal_cdf(h, k, rho), change


def _bivariate_middle(h, k, rho):
    # Φ(h)Φ(k) + ∫_0^ρ density, with ρ = sin t
    t, hk, squares = jnp.arcsin(rho) / 2, h * k, (h * h + k * k) / 2

    def add(total, node):
        sine = jnp.sin(t * (1 + node[0]))
        return total + node[1] * jnp.exp((sine * hk - squares) / (1 - sine * sine)), None

    total, _ = jax.lax.scan(add, jnp.zeros_like(h), _bivariate_nodes())
    return jsp.ndtr(h) * jsp.ndtr(k) + t * total / (2 * np.pi)


def _bivariate_far(h, k, rho):
    # P(X > -h, Y > -k) from that at ρ = ±1; the difference is integrated in √(1 - r²), a short series taken out
    h, k = -h, -jnp.where(rho < 0, -k, k)
    hk, gap, square = h * k, jnp.abs(h - k), (1 - rho) * (1 + rho)
    width = jnp.sqrt(jnp.maximum(square, 1e-300))
    c, d, gaps = (4 - hk) / 8, (12 - hk) / 80, gap * gap
    series = width * jnp.exp(-(gaps / (width * width) + hk) / 2)
    series = series * (1 - c * (gaps - square) * (1 - d * gaps) / 3 + c * d * square * square)
    tail = jnp.exp(-hk / 2) * np.sqrt(2 * np.pi) * jsp.ndtr(-gap / width) * gap * (1 - c * gaps * (1 - d * gaps) / 3)

    def add(total, node):
        x = jnp.square(width * (1 + node[0]) / 2)
        root = jnp.sqrt(1 - x)
        rest = 1 + c * x * (1 + 5 * d * x) - jnp.exp(-(hk / 2) * x / jnp.square(1 + root)) / root
        return total + node[1] * jnp.exp(-(gaps / x + hk) / 2) * rest, None

    total, _ = jax.lax.scan(add, jnp.zeros_like(h), _bivariate_nodes())
    found = (width / 2 * total - series + tail) / (2 * np.pi)
    between = jnp.where(h < 0, jsp.ndtr(k) - jsp.ndtr(h), jsp.ndtr(-h) - jsp.ndtr(-k))
    opposite = jnp.where(h >= k, -found, between - found)
    return jnp.where(rho > 0, found + jsp.ndtr(-jnp.maximum(h, k)), opposite)


def _bivariate_nodes():
    return jnp.asarray(np.stack(np.polynomial.legendre.leggauss(20), axis=1))
