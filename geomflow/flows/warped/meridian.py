r"""The line from pole to pole: a uniform grid, with differences of sixth order for functions of known parity."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.fft import dct, dst

from geomflow.core.errors import GridError
from geomflow.geometry.differences import centred_weights

ORDER = 6
#: How far the differences reach to each side.
REACH = ORDER // 2
FEWEST = 8


class Meridian(eqx.Module):
    r"""Interior points x_j = jπ/(M + 1), j = 1 ... M, of [0, π], the poles at its ends.

    What is smooth on the sphere is even or odd about both poles, so that differences are centred everywhere. A grid
    that is finer here and there is a matter of the metric: the lapse φ = ds/dx is small where points lie close.

    Args:
        points: M, at least 8; odd puts a point on the equator.
    """

    points: int = eqx.field(static=True)

    def __check_init__(self):
        if self.points < FEWEST:
            raise GridError(
                f"Argument `points` must be at least {FEWEST}, the reach of the differences, but is {self.points}.",
                size=self.points,
            )

    @property
    def spacing(self) -> float:
        r"""π/(M + 1)."""
        return np.pi / (self.points + 1)

    @property
    def x(self) -> np.ndarray:
        r"""The interior points."""
        return self.spacing * np.arange(1, self.points + 1)

    def jet(self, values: Float[Array, " M"], parity: int, poles: Array | None = None) -> Float[Array, "3 M"]:
        r"""Return f, f_x, f_xx at the interior points.

        Args:
            values: f there.
            parity: 1 for a function even about the poles, -1 for an odd one.
            poles: the two values at the poles; an odd function vanishes there.
        """
        poles = jnp.zeros(2) if poles is None else poles
        left, right = parity * values[REACH - 1 :: -1], parity * values[: -REACH - 1 : -1]
        line = jnp.concatenate([left, poles[:1], values, poles[1:], right])
        # index 0 of `line` is the point -REACH; the interior starts at 1
        shifted = [line[1 + k : 1 + k + self.points] for k in range(2 * REACH + 1)]
        first, second = (
            sum(float(c) * f for c, f in zip(centred_weights(m, ORDER), shifted, strict=True) if c) / self.spacing**m
            for m in (1, 2)
        )
        return jnp.stack([values, jnp.asarray(first), jnp.asarray(second)])

    def slopes(self, odd: Float[Array, " M"]) -> Float[Array, "2"]:
        r"""Return |f_x| at the two poles for an odd function."""
        weights = jnp.asarray([2 * float(c) for c in centred_weights(1, ORDER)[REACH + 1 :]]) / self.spacing
        return jnp.stack([weights @ odd[:REACH], weights @ odd[: -REACH - 1 : -1]])

    def at_poles(self, even: Float[Array, "*batch M"]) -> Float[Array, "*batch 2"]:
        r"""Return an even function at the poles, extrapolated in x² from three points on each side."""
        weights = jnp.asarray([1.5, -0.6, 0.1])
        return jnp.stack([even[..., :REACH] @ weights, even[..., : -REACH - 1 : -1] @ weights], axis=-1)

    def weights(self, parity: int) -> np.ndarray:
        r"""Return the weights of ∫_0^π f dx for a function of a parity that vanishes at the poles.

        They are exact for all cosines (even) or sines (odd) that the grid carries.
        """
        if parity == 1:
            return np.full(self.points, self.spacing)
        k = np.arange(1, self.points + 1, 2)
        return 2 / (self.points + 1) * (np.sin(np.outer(self.x, k)) @ (2 / k))

    def antiderivative(self, even: np.ndarray) -> np.ndarray:
        r"""Return ∫_0^x f dx for an even function given at all points, the poles included, by its cosine series."""
        series = np.asarray(dct(even, type=1)) / (self.points + 1)
        x = np.concatenate([[0.0], self.x, [np.pi]])
        k = np.arange(1, self.points + 1)
        return series[0] / 2 * x + np.concatenate([[0.0], np.asarray(dst(series[1:-1] / k, type=1)) / 2, [0.0]])
