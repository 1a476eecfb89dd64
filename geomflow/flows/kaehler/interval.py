r"""Chebyshev points on [0, 1], ends included: derivatives, integrals and interpolation of smooth functions."""

from __future__ import annotations

from functools import cache

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.polynomial import chebyshev

from geomflow.core.errors import GridError

SMALLEST = 4


class Interval(eqx.Module):
    r"""The points y_j = (1 - cos(π j/(size - 1)))/2 of [0, 1].

    Args:
        size: number of points, 4 or more. Good values: 16 for what is analytic in a wide neighbourhood, 24 to 64
            otherwise. Rounding limits second derivatives to some 1e-16 size⁴, explicit steps to 1/size².

    Raises:
        GridError: fewer points.
    """

    size: int = eqx.field(static=True)

    def __init__(self, size: int):
        if size < SMALLEST:
            raise GridError(
                f"Argument `size` must be at least {SMALLEST} points, but is {size}. Try 24.",
                size=size,
            )
        self.size = size

    @property
    def points(self) -> np.ndarray:
        r"""y, increasing, shape (size,)."""
        return (1 - np.cos(np.pi * np.arange(self.size) / (self.size - 1))) / 2

    def jet(self, values: Float[Array, "size"]) -> Float[Array, "3 size"]:
        r"""Return a function and its first two derivatives at the points."""
        return jnp.concatenate([values[None], jnp.asarray(_derivatives(self.size)) @ values])

    def integrate(self, values: Float[Array, "*batch size"]) -> Float[Array, "*batch"]:
        r"""Return ∫_0^1 of a function: the rule of Clenshaw and Curtis."""
        return values @ jnp.asarray(_weights(self.size))

    def tail(self, values: Float[Array, "size"]) -> Float[Array, ""]:
        r"""Return the share of the two highest Chebyshev coefficients: large where the points are too few."""
        series = jnp.abs(jnp.asarray(_series(self.size)) @ values)
        return jnp.max(series[-2:]) / jnp.max(series)

    def from_series(self, coefficients: np.ndarray) -> np.ndarray:
        r"""Return the values at the points of Σ c_m T_m(2y - 1)."""
        return chebyshev.chebval(2 * self.points - 1, coefficients)

    def series(self, values: np.ndarray) -> np.ndarray:
        r"""Return the c_m of the polynomial through values at the points."""
        return _series(self.size) @ values


@cache
def _derivatives(size: int) -> np.ndarray:
    # the matrices of d/dy and d²/dy², shape (2, size, size); a diagonal that sums each row to zero keeps the digits
    y = Interval(size).points
    weight = np.where(np.arange(size) % 2, -1.0, 1.0)
    weight[[0, -1]] /= 2
    gaps = y[:, None] - y + np.eye(size)
    first = weight / weight[:, None] / gaps
    np.fill_diagonal(first, 0)
    np.fill_diagonal(first, -first.sum(1))
    second = 2 * first * (np.diag(first)[:, None] - 1 / gaps)
    np.fill_diagonal(second, 0)
    np.fill_diagonal(second, -second.sum(1))
    return np.stack([first, second])


@cache
def _series(size: int) -> np.ndarray:
    # values at the points -> coefficients
    return np.linalg.inv(chebyshev.chebvander(2 * Interval(size).points - 1, size - 1))


@cache
def _weights(size: int) -> np.ndarray:
    # ∫_0^1 T_m(2y - 1) dy = 1/(1 - m²) for even m
    orders = np.arange(size)
    moments = np.where(orders % 2, 0.0, 1 / (1 - orders.astype(float) ** 2 + (orders == 1)))
    return moments @ _series(size)
