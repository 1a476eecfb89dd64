r"""Sources of points: functions from the numbers of points to the points, so that no list of them is ever held."""

from __future__ import annotations

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from geomflow.core.errors import ArgumentError


class _Box(eqx.Module):
    # NumPy arrays: a source can be made before several processes have joined, when no device may be touched yet
    lower: np.ndarray
    edges: np.ndarray

    def __init__(self, lower: Sequence[float], upper: Sequence[float]):
        low, high = np.asarray(lower, float), np.asarray(upper, float)
        if low.ndim != 1 or low.shape != high.shape or not np.all(np.isfinite(low) & np.isfinite(high) & (low < high)):
            raise ArgumentError(
                "A box needs its lower and its upper corner, finite and of one length, but they were "
                f"{low.tolist()} and {high.tolist()}."
            )
        self.lower, self.edges = low, high - low

    def __call__(self, unit: Float[Array, "n B"]) -> Float[Array, "n B"]:
        return jnp.asarray(self.lower, unit.dtype)[:, None] + jnp.asarray(self.edges, unit.dtype)[:, None] * unit


class Lattice(eqx.Module):
    r"""The centres of the cells of a box cut into `sizes` equal pieces: the midpoint rule, clear of the chart's edges.

    $x^i = \mathrm{lower}^i + (k_i + 1/2)\,(\mathrm{upper}^i - \mathrm{lower}^i) / \mathrm{sizes}_i$, the last index
    running fastest.

    Args:
        lower, upper: corners of the box, n numbers each.
        sizes: how many pieces in each direction; the lattice has `count` points.
        axis: -1 returns the components first, shape (n, B); 0 returns the points first, shape (B, n).

    Raises:
        ArgumentError: an empty box or lattice.
    """

    box: _Box
    sizes: tuple[int, ...] = eqx.field(static=True)
    axis: int = eqx.field(static=True)

    def __init__(self, lower: Sequence[float], upper: Sequence[float], sizes: Sequence[int], axis: int = -1):
        self.box, self.sizes, self.axis = _Box(lower, upper), tuple(int(size) for size in sizes), _checked(axis)
        if len(self.sizes) != len(self.box.lower) or min(self.sizes) < 1:
            raise ArgumentError(f"A lattice needs one positive size for each direction, but they were {self.sizes}.")

    @property
    def count(self) -> int:
        r"""The number of points."""
        return int(np.prod(self.sizes, dtype=object))

    def __call__(self, index: Int[Array, " B"]) -> Array:
        r"""Return the points with these numbers."""
        cells = []
        for size in reversed(self.sizes):
            cells.append((index % size + 0.5) / size)
            index = index // size
        return _laid(self.box(jnp.stack(cells[::-1])), self.axis)


class Uniform(eqx.Module):
    r"""Points drawn uniformly from a box; point number i depends on the seed and i alone, not on blocks or devices.

    Args:
        lower, upper: corners of the box, n numbers each.
        seed: another seed gives independent points.
        axis: as for `Lattice`.

    Raises:
        ArgumentError: an empty box.
    """

    box: _Box
    seed: np.ndarray
    axis: int = eqx.field(static=True)

    def __init__(self, lower: Sequence[float], upper: Sequence[float], seed: int = 0, axis: int = -1):
        self.box, self.seed, self.axis = _Box(lower, upper), np.asarray(seed), _checked(axis)

    def __call__(self, index: Int[Array, " B"]) -> Array:
        r"""Return the points with these numbers."""

        seeded = jax.random.key(self.seed)

        def draw(i: Array) -> Array:
            # `fold_in` takes 32 bits, and from point 2^32 on would repeat the first ones
            key = jax.random.fold_in(seeded, i >> 32) if i.dtype.itemsize == 8 else seeded
            return jax.random.uniform(jax.random.fold_in(key, i), self.box.lower.shape, float)

        return _laid(self.box(jax.vmap(draw, out_axes=1)(index)), self.axis)


def _checked(axis: int) -> int:
    if axis not in (0, -1):
        raise ArgumentError(f"Argument `axis` must be 0 (points first) or -1 (points last), but it was {axis}.")
    return axis


def _laid(points: Array, axis: int) -> Array:
    return points if axis == -1 else points.T
