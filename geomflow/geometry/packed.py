r"""Symmetric tensors in packed components: (n, n) <-> the n(n+1)/2 entries i <= j, ordered as `symbolic.jets.pairs`."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from geomflow.symbolic.jets import pairs


def _table(dim: int) -> np.ndarray:
    table = np.zeros((dim, dim), dtype=int)
    for p, (i, j) in enumerate(pairs(dim)):
        table[i, j] = table[j, i] = p
    return table


def dimension(packed: Array | np.ndarray) -> int:
    r"""Return n from an array whose leading axis has length n(n+1)/2."""
    return int((np.sqrt(8 * packed.shape[0] + 1) - 1) / 2)


def pack(full: Float[Array, "*batch n n"]) -> Float[Array, "P *batch"]:
    r"""Return the entries i <= j, component first (so that every component is contiguous)."""
    rows, cols = np.array(pairs(full.shape[-1])).T
    return jnp.moveaxis(full[..., rows, cols], -1, 0)


def unpack(packed: Float[Array, "P *batch"]) -> Float[Array, "*batch n n"]:
    r"""Return the symmetric matrices of a packed field."""
    return jnp.moveaxis(packed[_table(dimension(packed))], (0, 1), (-2, -1))


def multiplicities(dim: int) -> np.ndarray:
    r"""Return how often each packed entry occurs in the full matrix (1 on the diagonal, 2 off it), shape (P,)."""
    return np.array([1 if i == j else 2 for i, j in pairs(dim)])
