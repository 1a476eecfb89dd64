r"""One layer of an infinitely wide network, without loss of digits at points that are close, or on one line.

Two Gaussian pre-activations u, v with variances p, q and covariance c are carried as p, q and the two defects

$$\delta_- = \sqrt{pq} - c\ge0,\qquad\delta_+ = \sqrt{pq} + c\ge0,\qquad pq - c^2 = \delta_-\delta_+,\qquad
  \mathbb E(u-v)^2 = (\sqrt p-\sqrt q)^2 + 2\delta_-,$$

which vanish where the points coincide, or lie opposite, up to a factor. With $g = \sqrt{K_{pp}K_{qq}}$ and
$\Delta_\pm = g\pm K$ of the activation, the next layer has, in sums of terms of one sign,

$$p'q' - c'^2 = \sigma_w^4\,\Delta_-\Delta_+
  + \sigma_w^2\sigma_b^2\big[(\sqrt{K_{pp}}-\sqrt{K_{qq}})^2 + 2\Delta_-\big].$$
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from geomflow.codegen.arcs import arcsin_excess
from geomflow.kernels.activation_dual import ActivationDual, valued
from geomflow.kernels.angular import SMALL, Angular, gap_series, level_value

#: Coordinates whose differences are summed in one pass over a tile.
_COORDINATES = 32


class Pair(NamedTuple):
    r"""The joint law of u and v at n and m points: variances of shapes (n, 1) and (1, m), defects of shape (n, m)."""

    p: Array
    q: Array
    minus: Array
    plus: Array


def covariance(pair: Pair) -> Float[Array, "n m"]:
    r"""Return c = E uv."""
    return (pair.plus - pair.minus) / 2


def first_pair(x: Float[Array, "n d"], y: Float[Array, "m d"], sigma_w: Array, sigma_b: Array) -> Pair:
    r"""Return the law of the first pre-activations, from differences of unit vectors: nothing cancels.

    $$\delta_\mp = \tfrac12\sqrt{pq}\,\big|\hat X\mp\hat Y\big|^2,\qquad X = (\sigma_wx/\sqrt d,\ \sigma_b),\quad
      p = |X|^2$$
    """
    extended = [_extended(points, sigma_w, sigma_b) for points in (x, y)]
    p, q = (jnp.sum(points * points, axis=1) for points in extended)
    first, second = (points / _root(size)[:, None] for points, size in zip(extended, (p, q)))
    minus, plus = _square_distances(first, second)
    p, q = p[:, None], q[None, :]
    half = jnp.where(p * q == 0, 0.0, _root(p) * _root(q) / 2)
    return Pair(p, q, half * minus, half * plus)


def next_pair(rule: ActivationDual, pair: Pair, sigma_w: Array, sigma_b: Array) -> tuple[Pair, Array, Array]:
    r"""Return the law after an activation and a layer of weights, and the activation's K and K'."""
    kp, kq = rule.diagonal(pair.p)[0], rule.diagonal(pair.q)[0]
    g, roots = _sqrt(kp) * _sqrt(kq), _sqrt(kp) - _sqrt(kq)
    k, slope, defect = _homogeneous(rule, pair, g) if isinstance(rule, Angular) else _general(rule, pair, roots)
    w, b = sigma_w**2, sigma_b**2
    determinant = w * w * defect * (g + k) + w * b * (roots**2 + 2 * defect)
    p, q, c = w * kp + b, w * kq + b, w * k + b
    far = _sqrt(p) * _sqrt(q) + jnp.abs(c)
    near = jnp.where(far == 0, 0.0, determinant / jnp.where(far == 0, 1.0, far))
    return Pair(p, q, jnp.where(c >= 0, near, far), jnp.where(c >= 0, far, near)), k, slope


def _homogeneous(rule: Angular, pair: Pair, g: Array) -> tuple[Array, Array, Array]:
    r"""Return K, K' and $g - K = (pq)^{n/2}(J(0) - J(\theta))$ from the angle."""
    p, q, minus, plus = pair
    scale = 1 / (2 * _root(p)) * (1 / _root(q))
    theta = jax.lax.stop_gradient(_angle(minus * scale, plus * scale))
    # a vanishing u is independent of v
    theta = jnp.where((p * q == 0) & (p + q > 0), np.pi / 2, theta)
    sine = jax.lax.stop_gradient(jnp.sqrt(minus * plus))
    levels, c = (rule.degree, rule.profile), covariance(pair)
    k, slope = (level_value(levels, j, p, q, c, sine, theta) for j in (0, 1))
    lowest, series = gap_series(rule.profile)
    small = jnp.minimum(theta, SMALL)
    drop = functools.reduce(lambda total, a: total * small + a, series[::-1]) * small**lowest
    size = _sqrt(p) ** rule.degree * _sqrt(q) ** rule.degree
    return k, slope, valued(g - k, jnp.where(theta < SMALL, size * drop, g - k))


def _angle(sine: Array, cosine: Array) -> Array:
    r"""Return θ in [0, π] from sin²(θ/2) and cos²(θ/2), to two units in the last place at both ends."""
    # both are given: near θ = π the second has digits that 1 - sin² lacks
    obtuse = sine > cosine
    z = jnp.where(obtuse, cosine, sine)
    theta = 2 * jnp.sqrt(z) * (1 + arcsin_excess(z))  # the root once: XLA would compute it, and z, for each use
    return jnp.where(obtuse, np.pi - theta, theta)


def _general(rule: ActivationDual, pair: Pair, roots: Array) -> tuple[Array, Array, Array]:
    r"""Return K, K' and g - K from the gap, which is $(\sqrt{K_{pp}}-\sqrt{K_{qq}})^2 + 2(g-K)$."""
    p, q, minus, _ = pair
    e, distance = p - q, (_sqrt(p) - _sqrt(q)) ** 2 + 2 * minus
    k, slope = rule.separated(p, q, e, distance)
    return k, slope, jnp.maximum((rule.gap(p, q, e, distance) - roots**2) / 2, 0.0)


def _extended(points: Array, sigma_w: Array, sigma_b: Array) -> Array:
    bias = jnp.broadcast_to(sigma_b, (points.shape[0], 1))
    return jnp.concatenate([points * (sigma_w / points.shape[1] ** 0.5), bias], axis=1)


def _square_distances(x: Array, y: Array) -> tuple[Array, Array]:
    r"""Return |x - y|² and |x + y|² of all pairs, without an array of all differences."""

    def of(x: Array, y: Array) -> tuple[Array, Array]:
        # written out, so that one loop over the pairs does it all
        pairs = [(x[:, k, None], y[None, :, k]) for k in range(x.shape[1])]
        return sum((a - b) ** 2 for a, b in pairs), sum((a + b) ** 2 for a, b in pairs)  # pyright: ignore

    count = x.shape[1]
    if count <= _COORDINATES:
        return of(x, y)
    padding = ((0, 0), (0, -count % _COORDINATES))
    x, y = jnp.pad(x, padding), jnp.pad(y, padding)

    def add(total: tuple[Array, Array], k: Array) -> tuple[tuple[Array, Array], None]:
        parts = [jax.lax.dynamic_slice_in_dim(z, k * _COORDINATES, _COORDINATES, axis=1) for z in (x, y)]
        return tuple(a + b for a, b in zip(total, of(*parts))), None  # pyright: ignore[reportReturnType]

    zero = jnp.zeros((x.shape[0], y.shape[0]))
    return jax.lax.scan(add, (zero, zero), jnp.arange(x.shape[1] // _COORDINATES))[0]


def _sqrt(values: Array) -> Array:
    # its derivative at 0 is taken to be 0
    return jnp.where(values == 0, 0.0, _root(values))


def _root(values: Array) -> Array:
    return jnp.sqrt(jnp.where(values == 0, 1.0, values))
