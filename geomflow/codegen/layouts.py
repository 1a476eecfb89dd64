r"""Independent components of tensors, and all components from them.

This file is copied into the modules that `geomflow generate` writes.
"""

from __future__ import annotations

import functools
import itertools
from typing import Any

import jax.numpy as jnp
import numpy as np

#: Symmetry -> rank of the tensor.
RANKS = {"scalar": 0, "vector": 1, "symmetric": 2, "connection": 3, "riemann": 4}


@functools.cache
def components(symmetry: str, dim: int) -> tuple[tuple[int, ...], ...]:
    r"""Return the indices of the components that are computed, in order.

    "symmetric" \(T_{ij}=T_{ji}\): i <= j; "connection" \(\Gamma^k_{ij}=\Gamma^k_{ji}\): every k, i <= j; "riemann":
    a < b, c < d, (ab) <= (cd), less one in three of those with four different indices (the cyclic identity).
    """
    every = range(dim)
    pairs = list(itertools.combinations_with_replacement(every, 2))
    if symmetry == "symmetric":
        return tuple(pairs)
    if symmetry == "connection":
        return tuple((k, *pair) for k in every for pair in pairs)
    if symmetry == "riemann":
        planes = list(itertools.combinations(every, 2))
        blocks = (p + q for p, q in itertools.combinations_with_replacement(planes, 2))
        return tuple(index for index in blocks if not _cyclic(index))
    return tuple(itertools.product(every, repeat=RANKS[symmetry]))


def _cyclic(index: tuple[int, ...]) -> bool:
    # R_adbc = R_acbd - R_abcd for a < b < c < d
    a, d, b, c = index
    return a < b < c < d


@functools.cache
def _table(symmetry: str, dim: int) -> tuple[np.ndarray, np.ndarray]:
    # Each component of the full tensor as a sum of at most two of the computed ones: their places and signs.
    known = {index: place for place, index in enumerate(components(symmetry, dim))}
    shape = (dim,) * RANKS[symmetry]
    places, signs = np.zeros((2, *shape), dtype=int), np.zeros((2, *shape), dtype=int)
    for index in np.ndindex(*shape):
        for slot, (computed, sign) in enumerate(_computed(symmetry, index)):
            places[(slot, *index)], signs[(slot, *index)] = known[computed], sign
    return places, signs


def _computed(symmetry: str, index: tuple[int, ...]) -> list[tuple[tuple[int, ...], int]]:
    if symmetry in ("symmetric", "connection"):
        return [((*index[:-2], *sorted(index[-2:])), 1)]
    if symmetry != "riemann":
        return [(index, 1)]
    (a, b), (c, d) = index[:2], index[2:]
    if a == b or c == d:
        return []
    sign = (1 if a < b else -1) * (1 if c < d else -1)
    first, second = sorted([tuple(sorted((a, b))), tuple(sorted((c, d)))])
    if _cyclic((*first, *second)):
        a, d, b, c = (*first, *second)
        return [((a, c, b, d), sign), ((a, b, c, d), -sign)]
    return [((*first, *second), sign)]


def full(values: Any, symmetry: str, dim: int) -> Any:
    r"""Return every component of a tensor from the independent ones.

    Args:
        values: shape `(number of components, *batch)`, ordered as `components`.
        symmetry: "scalar", "vector", "symmetric", "connection" or "riemann".
        dim: dimension n.

    Returns:
        Shape `(*batch, n, ..., n)`.
    """
    (first, second), (plus, more) = _table(symmetry, dim)
    last = jnp.moveaxis(jnp.asarray(values), 0, -1)
    if not last.shape[-1]:  # a line has no curvature
        return jnp.zeros((*last.shape[:-1], *plus.shape), last.dtype)
    tensor = last[..., first] * plus
    return tensor + last[..., second] * more if more.any() else tensor
