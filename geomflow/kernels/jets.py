r"""Derivatives of kernels by their points, $\partial_x^a\partial_{x'}^b\kappa$ a, b <= 2, for curvature losses.

Where κ = F(s, t, r) with s = x·x, t = y·y, r = x·y, the derivatives are sums over the ways to share the indices out,

$$\partial_{i_1}\cdots\partial'_{j_b}\kappa
  = \sum_{\text{partitions}}\ \prod_{\text{blocks}}(\partial_{\text{block}}\,s,\,t\text{ or }r)\;
    \partial_s\cdots\partial_t\cdots\partial_r\cdots F,$$

with blocks of one or two indices, for s, t and r are quadratic: $\partial_is = 2x_i$,
$\partial_i\partial_js = 2\delta_{ij}$, $\partial_ir = y_i$, $\partial_i\partial'_jr = \delta_{ij}$. At most 27
derivatives of F at each pair of points carry it all.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from geomflow.core.errors import ArgumentError
from geomflow.kernels.base import Kernel, points_pair

#: (i, j, k): how often F is differentiated by s, t and r.
Order = tuple[int, int, int]


def kernel_jet(
    kernel: Kernel,
    x: Float[Array, "n d"],
    y: Float[Array, "m d"] | None = None,
    orders: tuple[int, int] = (2, 2),
) -> tuple[tuple[Array, ...], ...]:
    r"""Return $\partial_x^a\partial_y^b\kappa(x_i, y_j)$ for all a, b up to given orders.

    Args:
        kernel: κ.
        x: points, shape (n, d).
        y: points, shape (m, d); None means y = x.
        orders: the highest a and the highest b, each 0, 1 or 2.

    Returns:
        `jet[a][b]` of shape (n, m, d, .., d), a + b of these axes: the indices of x first, then those of y.

    Raises:
        ArgumentError: orders beyond 2, points of unlike dimensions, or more derivatives than the kernel has; numbers:
            `derivatives`, `order`. Or derivatives that are not finite, which happens at coincident points with
            rectified powers n below a + b (NNGP) or a + b + 1 (NTK); under `jit` these are NaN.
        PrecisionError: JAX runs in float32.

    Good values: blocks of points such that n m d⁴ numbers fit into memory. Kernels of x·x, y·y and x·y whose code is
    generated (erf, Gaussian, .. at any depth) are the fast ones; others are differentiated by JAX, pair by pair.
    """
    x, y = points_pair(x, y)
    if not all(order in (0, 1, 2) for order in orders):
        raise ArgumentError(f"Argument `orders` must be two numbers of 0, 1 and 2, but is {orders}.")
    check_derivatives(kernel, max(orders))
    jet = _jet(kernel, x, y, tuple(orders))  # pyright: ignore[reportArgumentType]
    for values in (value for row in jet for value in row if not isinstance(value, Tracer)):
        bad = ~np.isfinite(np.asarray(values)).reshape(*values.shape[:2], -1).all(axis=2)
        if bad.any():
            i, j = (int(n) for n in np.argwhere(bad)[0])
            raise ArgumentError(
                f"The derivatives at the points number {i} of x and {j} of y are not finite: where they coincide, the "
                "chain rule meets infinite derivatives of an activation with a kink (times zero). Keep the points "
                "apart, or try a rectified power of a higher order.",
                points=(i, j),
            )
    return jet


def check_derivatives(kernel: Kernel, order: int) -> None:
    r"""Refuse to differentiate a kernel more often than it can be.

    Raises:
        ArgumentError: its `derivatives` are fewer; numbers: `derivatives`, `order`.
    """
    if kernel.derivatives < order:
        raise ArgumentError(
            f"Derivatives of order {order} by each point are asked for, but at coincident points this kernel has "
            f"{max(kernel.derivatives, 0):g}: one of its activations has a kink or a jump. "
            "Try a smooth activation (erf, gelu, tanh, sin), or a rectified power of a higher order.",
            derivatives=kernel.derivatives,
            order=order,
        )


def profile_orders(orders: tuple[int, int]) -> list[Order]:
    r"""Return the (i, j, k) for which ∂_s^i ∂_t^j ∂_r^k F takes part in derivatives of orders up to (a, b)."""
    a, b = orders
    return [(i, j, k) for i in range(a + 1) for j in range(b + 1) for k in range(a + b - i - j + 1)]


@eqx.filter_jit
def _jet(kernel: Kernel, x: Array, y: Array, orders: tuple[int, int]) -> tuple[tuple[Array, ...], ...]:
    if not kernel.has_profile:
        return _by_jax(kernel, x, y, orders)
    invariants = jnp.sum(x * x, 1)[:, None], jnp.sum(y * y, 1)[None, :], x @ y.T
    listed = profile_orders(orders)
    found = dict(zip(listed, kernel.profile_derivatives(listed, *invariants, x.shape[1]), strict=True))
    parts = {
        (1, 0): [((1, 0, 0), 2 * x[:, None, :]), ((0, 0, 1), y[None, :, :])],
        (0, 1): [((0, 1, 0), 2 * y[None, :, :]), ((0, 0, 1), x[:, None, :])],
        (2, 0): [((1, 0, 0), 2 * jnp.eye(x.shape[1])[None, None])],
        (0, 2): [((0, 1, 0), 2 * jnp.eye(x.shape[1])[None, None])],
        (1, 1): [((0, 0, 1), jnp.eye(x.shape[1])[None, None])],
    }
    return tuple(tuple(_combined(found, parts, a, b) for b in range(orders[1] + 1)) for a in range(orders[0] + 1))


def _combined(found: dict[Order, Array], parts: dict[tuple[int, int], list[Any]], a: int, b: int) -> Array:
    r"""Return ∂_x^a ∂_y^b κ: the sum over partitions of its a + b indices, and over s, t, r in every block."""
    total = jnp.zeros(())
    for blocks in _partitions(list(range(a + b))):
        terms: list[tuple[Order, list[Array]]] = [((0, 0, 0), [])]
        for block in blocks:
            sides = parts[sum(i < a for i in block), sum(i >= a for i in block)]
            terms = [
                (tuple(u + v for u, v in zip(order, own)), [*factors, factor])  # pyright: ignore[reportAssignmentType]
                for order, factors in terms
                for own, factor in sides
            ]
        letters = [chr(ord("a") + i) for i in range(a + b)]
        names = ["nm" + "".join(letters[i] for i in block) for block in blocks]
        for order, factors in terms:
            total = total + _outer(found[order], factors, names, "nm" + "".join(letters))
    shape = jnp.broadcast_shapes(*(f.shape for f in found.values()))
    dim = parts[2, 0][0][1].shape[-1]
    return jnp.broadcast_to(total, (*shape, *(dim,) * (a + b)))


def _outer(value: Array, factors: Sequence[Array], names: Sequence[str], result: str) -> Array:
    # a product, spread over the axes: nothing is summed, and axes of length 1 are broadcast
    spread = value.reshape(*value.shape, *(1,) * (len(result) - 2))
    for factor, name in zip(factors, names, strict=True):
        axes = {letter: axis for axis, letter in enumerate(name)}
        spread = spread * factor.reshape([factor.shape[axes[letter]] if letter in axes else 1 for letter in result])
    return spread


def _partitions(indices: list[int]) -> Iterator[list[tuple[int, ...]]]:
    r"""Yield the partitions of a list into blocks of one or two."""
    if not indices:
        yield []
        return
    first, rest = indices[0], indices[1:]
    for others in _partitions(rest):
        yield [(first,), *others]
    for k, second in enumerate(rest):
        for others in _partitions(rest[:k] + rest[k + 1 :]):
            yield [(first, second), *others]


def _by_jax(kernel: Kernel, x: Array, y: Array, orders: tuple[int, int]) -> tuple[tuple[Array, ...], ...]:
    def of(a: int, b: int) -> Array:
        by_y = functools.reduce(lambda f, _: jax.jacfwd(f, 1), range(b), kernel)
        both = functools.reduce(lambda f, _: jax.jacfwd(f, 0), range(a), by_y)
        # the indices of x were made last: they go first
        found = jax.vmap(jax.vmap(both, (None, 0)), (0, None))(x, y)
        return jnp.transpose(found, [0, 1, *range(b + 2, a + b + 2), *range(2, b + 2)])

    return tuple(tuple(of(a, b) for b in range(orders[1] + 1)) for a in range(orders[0] + 1))
