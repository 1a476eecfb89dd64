r"""Products without aliasing on the spectral torus: the 3/2 rule, for one product at a time.

The 2/3 rule (`Torus.dealias`) gives up a third of the modes and serves any formula in which products of two factors
dominate; the 3/2 rule keeps every resolved mode of one product, and pays with a grid larger by 3/2 in each direction.
"""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

from geomflow.core.errors import ArgumentError
from geomflow.geometry.torus import Torus


def _resized(spectrum: Array, old: Torus, new: Torus) -> Array:
    # The half spectrum of another grid: modes that are not there are zero, modes that do not fit are dropped. The
    # Nyquist modes of the coarser grid are zero already (padding) or are removed afterwards (cutting).
    half = min(old.size, new.size) // 2
    for axis in range(-old.dim, 0):
        length = spectrum.shape[axis]
        # k = 0 ... half - 1; and half as well in the last axis, which has no negative k
        low = jnp.take(spectrum, jnp.arange(half + (axis == -1)), axis)
        parts, missing = [low], (new.size // 2 + 1 if axis == -1 else new.size) - low.shape[axis]
        if axis != -1:
            parts.append(jnp.take(spectrum, jnp.arange(length - half, length), axis))  # k = -half ... -1
            missing -= half
        if missing:
            shape = list(spectrum.shape)
            shape[axis] = missing
            parts.insert(1, jnp.zeros(shape, spectrum.dtype))
        spectrum = jnp.concatenate(parts, axis)
    return spectrum * (new.size / old.size) ** old.dim


def product(torus: Torus, a: Float[Array, "*batch_grid"], b: Float[Array, "*batch_grid"]) -> Array:
    r"""Return a·b with every resolved mode exact: the product of the interpolants, projected on |k_i| < size / 2.

    Both factors lose their Nyquist modes, are interpolated on a grid of 3/2 the size, multiplied there, and cut back.
    A mode of the fine product, |k_i| <= size - 2, can alias only to modes that the cut removes.

    Args:
        torus: the grid, of a size that 4 divides, so that 3/2 of it is even.
        a: shape (*batch, *grid).
        b: the same, or broadcast against it.

    Returns:
        Shape (*batch, *grid).

    Raises:
        ArgumentError: 4 does not divide the size.

    Good values: one product. A product of three, `product(torus, product(torus, a, b), c)`, has lost the modes that
    the first projection removed.
    Reference: Orszag, J. Atmos. Sci. 28 (1971) 1074.
    """
    if torus.size % 4:
        raise ArgumentError(
            f"The 3/2 rule needs a grid whose size 4 divides, but the size is {torus.size}. "
            f"Try {torus.size + 2}, or `Torus.dealias`.",
            size=torus.size,
        )
    fine = Torus(torus.dim, 3 * torus.size // 2, torus.mesh)

    def refine(field: Array) -> Array:
        return fine.inverse(_resized(torus.transform(field) * torus.resolved, torus, fine))

    coarse = _resized(fine.transform(refine(a) * refine(b)), fine, torus)
    return torus.inverse(coarse * torus.resolved)
