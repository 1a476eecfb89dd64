r"""Reductions of a stream of points: sums, means with their errors, extrema, histograms and any commutative monoid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from geomflow.core.errors import ArgumentError

LANES = 512  # so many partial results are kept side by side, for the vector units

State = Any


@dataclass(frozen=True)
class Reduction:
    r"""What keeps of a stream of points only a state of fixed size: a commutative monoid with a way in and a way out.

    Blocks arrive with their points along the last axis. Those beyond the end of the stream are repetitions that
    `valid` marks as not to be counted.

    Attributes:
        identity: `(shape) -> state`: the state of no points, given the shape and dtype of one block.
        block: `(values, index, valid) -> state` of one block, with the points' numbers `index`.
        combine: `(state, state) -> state`, associative and commutative to rounding.
        finish: `state -> result`, on the host.
        leafwise: whether it treats each array of the function's results by itself, or all of them at once.
    """

    identity: Callable[[Any], State]
    block: Callable[[Any, Array, Array], State]
    combine: Callable[[State, State], State]
    finish: Callable[[State], Any]
    leafwise: bool = True


def fold(combine: Callable[[State, State], State], elements: State) -> State:
    r"""Combine all n elements of a pytree along its last axis: n / LANES after another, then pair by pair."""
    size = jax.tree.leaves(elements)[0].shape[-1]
    lanes = 2 ** (min(LANES, size).bit_length() - 1)
    rows = size // lanes

    def part(start: int, stop: int, tree: State) -> State:
        return jax.tree.map(lambda leaf: leaf[..., start:stop], tree)

    def row(i: Any, so_far: State) -> State:
        new = jax.tree.map(lambda leaf: jax.lax.dynamic_slice_in_dim(leaf, i * lanes, lanes, -1), elements)
        return combine(so_far, new)

    def halved(i: Any, state: State) -> State:
        # lane k joins lane k + lanes / 2, lanes / 4, ..., 1: after that lane 0 holds each element once
        shift = jnp.right_shift(lanes, i + 1)
        return combine(state, jax.tree.map(lambda leaf: jnp.roll(leaf, -shift, axis=-1), state))

    folded = jax.lax.fori_loop(1, rows, row, part(0, lanes, elements))
    if rest := size - rows * lanes:
        first = combine(part(0, rest, folded), part(rows * lanes, size, elements))
        folded = jax.tree.map(lambda a, b: jnp.concatenate([a, b], axis=-1), first, part(rest, lanes, folded))
    folded = jax.lax.fori_loop(0, lanes.bit_length() - 1, halved, folded)
    return jax.tree.map(lambda leaf: leaf[..., 0], folded)


def _numeric(values: Array) -> Array:
    # truth values and integers are counted exactly, up to 2^53
    return values if jnp.issubdtype(values.dtype, jnp.inexact) else values.astype(float)


def _no_sum(shape: Any) -> State:
    zero = _numeric(jnp.zeros(shape.shape[:-1], shape.dtype))
    return zero, zero


def _sum_block(values: Array, index: Array, valid: Array) -> State:
    terms = jnp.where(valid, _numeric(values), 0)
    return fold(_add, (terms, jnp.zeros_like(terms)))


def _add(first: State, second: State) -> State:
    # Knuth's exact sum of two numbers: what the rounding of `high` lost is carried in `low`.
    (a, low_a), (b, low_b) = first, second
    high = a + b
    part = high - a
    return high, low_a + low_b + ((a - (high - part)) + (b - part))


def _sum(state: State) -> Any:
    high, low = (np.asarray(part) for part in state)
    return np.where(np.isfinite(high), high + np.where(np.isfinite(low), low, 0), high)[()]


total = Reduction(_no_sum, _sum_block, _add, _sum)
"""The sum over all points, with twice the digits of its terms: cancellation and 10⁸ small terms lose nothing."""


class Mean(NamedTuple):
    r"""A mean over points drawn at random, and its standard error sqrt(Σ|v - mean|² / (n (n - 1)))."""

    mean: Any
    error: Any
    count: int


def _no_mean(shape: Any) -> State:
    total_state = _no_sum(shape)
    return jnp.zeros((), int), total_state, jnp.abs(total_state[0])


def _mean_block(values: Array, index: Array, valid: Array) -> State:
    values = _numeric(values)
    sums = _sum_block(values, index, valid)
    count = jnp.sum(valid)
    mean = (sums[0] + sums[1]) / jnp.maximum(count, 1)
    square = jnp.abs(values - mean[..., None]) ** 2
    return count, sums, jnp.sum(jnp.where(valid, square, 0), axis=-1)


def _merge_means(first: State, second: State) -> State:
    # Chan, Golub & LeVeque: squares about each part's own mean, and the square of the difference of the means
    (n, sums_n, square_n), (m, sums_m, square_m) = first, second
    mean_n, mean_m = ((sums[0] + sums[1]) / jnp.maximum(k, 1) for k, sums in ((n, sums_n), (m, sums_m)))
    weight = n / jnp.maximum(n + m, 1) * m
    return n + m, _add(sums_n, sums_m), square_n + square_m + weight * jnp.abs(mean_m - mean_n) ** 2


def _mean(state: State) -> Mean:
    count, sums, square = state
    count = int(count)
    error = np.sqrt(np.asarray(square) / (count - 1) / count) if count > 1 else np.full(np.shape(square), np.inf)
    return Mean((_sum(sums) / count if count else np.full(np.shape(square), np.nan))[()], error[()], count)


mean = Reduction(_no_mean, _mean_block, _merge_means, _mean)
"""The mean over all points and its standard error, a `Mean`."""


class Extremum(NamedTuple):
    r"""An extremal value and the number of the first point that has it; a NaN counts as extremal.

    `source(np.array([index]))` is the point.
    """

    value: Any
    index: Any


def _extremum(beats: Callable[[Array, Array], Array], sign: int) -> Reduction:
    def worst(dtype: Any) -> Any:
        if jnp.issubdtype(dtype, jnp.floating):
            return np.array(sign * np.inf, dtype)
        if jnp.issubdtype(dtype, jnp.integer):
            return np.array(jnp.iinfo(dtype).max if sign > 0 else jnp.iinfo(dtype).min, dtype)
        raise ArgumentError(f"Extrema are taken of real numbers, but the function returned {dtype}.", dtype=str(dtype))

    def last() -> int:
        return int(jnp.iinfo(int).max)  # loses every tie

    def identity(shape: Any) -> State:
        return jnp.full(shape.shape[:-1], worst(shape.dtype)), jnp.full(shape.shape[:-1], last(), dtype=int)

    def block(values: Array, index: Array, valid: Array) -> State:
        numbered = jnp.where(valid, index, last())
        return fold(combine, (jnp.where(valid, values, worst(values.dtype)), jnp.broadcast_to(numbered, values.shape)))

    def combine(first: State, second: State) -> State:
        (a, i), (b, j) = first, second
        a_nan, b_nan = a != a, b != b
        tie = (a == b) | (a_nan & b_nan)
        keep = (a_nan & ~b_nan) | (beats(a, b) & ~b_nan) | (tie & (i <= j))
        return jnp.where(keep, a, b), jnp.where(keep, i, j)

    def finish(state: State) -> Extremum:
        value, index = (np.asarray(part)[()] for part in state)
        return Extremum(value, index)

    return Reduction(identity, block, combine, finish)


smallest = _extremum(jnp.less, 1)
"""The minimum over all points with its argument, an `Extremum`."""

largest = _extremum(jnp.greater, -1)
"""The maximum over all points with its argument, an `Extremum`."""


class Histogram(NamedTuple):
    r"""Counts of the bins `edges[k] <= v < edges[k + 1]` (the last one closed), and of what fell outside them."""

    counts: Any
    edges: np.ndarray
    below: Any
    above: Any
    nan: Any


@cache
def histogram(lower: float, upper: float, bins: int) -> Reduction:
    r"""Return the reduction to a histogram with `bins` equal bins from `lower` to `upper`, as `numpy.histogram` counts.

    Raises:
        ArgumentError: no bins, or an empty or infinite range.
    """
    if bins < 1 or not -np.inf < lower < upper < np.inf:
        raise ArgumentError(
            f"A histogram needs at least one bin and a finite range, but it was {bins} bins from {lower} to {upper}.",
            bins=bins,
        )
    edges = np.linspace(lower, upper, bins + 1)
    slots = bins + 3  # below, above, nan

    def identity(shape: Any) -> State:
        return jnp.zeros((*shape.shape[:-1], slots), int)

    def block(values: Array, index: Array, valid: Array) -> State:
        values = _numeric(values)
        guess = jnp.clip(jnp.nan_to_num((values - lower) * (bins / (upper - lower))).astype(int), 0, bins - 1)
        # rounding may put a value next to an edge into the neighbouring bin
        table = jnp.asarray(edges, values.dtype)
        bin = guess - (values < table[guess]) + ((values >= table[guess + 1]) & (guess < bins - 1))
        bin = jnp.where(values < lower, bins, jnp.where(values > upper, bins + 1, bin))
        bin = jnp.where(values != values, bins + 2, bin).reshape(-1, values.shape[-1])
        bin = jnp.where(valid, bin + slots * jnp.arange(len(bin))[:, None], slots * len(bin))
        counts = jnp.zeros(slots * len(bin), int).at[bin.ravel()].add(1, mode="drop")
        return counts.reshape(*values.shape[:-1], slots)

    def finish(state: State) -> Histogram:
        counts = np.asarray(state)
        return Histogram(counts[..., :bins], edges, *(counts[..., bins + k] for k in range(3)))

    return Reduction(identity, block, jnp.add, finish)


def monoid(identity: Any, combine: Callable[[Any, Any], Any], finish: Callable[[Any], Any] | None = None) -> Reduction:
    r"""Return a reduction of your own.

    Args:
        identity: the element e with `combine(e, a) = a`: a pytree like the function's results for one point.
        combine: associative and commutative, `(a, b) -> c` on pytrees of arrays with the points last, entry by entry.
        finish: what becomes of the final element, on the host; None returns it as it is.

    Good values: define it once and use it often, since a new one compiles anew.
    """

    def filled(shape: Any, element: Any) -> Array:
        return jnp.broadcast_to(jnp.asarray(element, shape.dtype)[..., None], shape.shape)

    def nothing(shapes: Any) -> State:
        return jax.tree.map(lambda shape, element: filled(shape, element)[..., 0], shapes, identity)

    def block(values: Any, index: Array, valid: Array) -> State:
        masked = jax.tree.map(lambda value, element: jnp.where(valid, value, filled(value, element)), values, identity)
        return fold(combine, masked)

    return Reduction(nothing, block, combine, finish or (lambda state: jax.tree.map(np.asarray, state)), leafwise=False)
