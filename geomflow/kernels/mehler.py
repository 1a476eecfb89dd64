r"""Duals without a closed form (tanh, sigmoid, softplus, SiLU): the Mehler-Hermite series with its proven bound."""

from __future__ import annotations

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import sympy as sp
from jax.core import Tracer
from jaxtyping import Array, Float

from geomflow.core.errors import ArgumentError, ConvergenceError
from geomflow.kernels.activation_dual import ActivationDual
from geomflow.kernels.closed_form import elementwise
from geomflow.symbolic.kernels.duals.dual import U
from geomflow.symbolic.kernels.duals.pieces import breakpoints, pieces, smoothness

#: Gauss-Legendre nodes on panels of half a width, from -14 to 14 widths; 0 is an end: a kink there does no harm.
_REACH, _PANELS, _PER_PANEL = 14.0, 56, 12
#: Terms are added until what is left is this share of E φ².
_ENOUGH = 1e-14
#: Terms at a time.
_STRIDE = 8


class Mehler(ActivationDual):
    r"""The dual as a series in the correlation, with the normalised Hermite polynomials $h_n$ and z ~ N(0, 1).

    $$K_M = \sum_{n=0}^M a_n(p)\,a_n(q)\,\rho^n,\quad a_n(p) = \mathbb E\,\varphi(\sqrt p\,z)h_n(z),\quad
      \rho = \frac c{\sqrt{pq}},\qquad |K - K_M| \le |\rho|^{M+1}\sqrt{T_M(p)\,T_M(q)},\quad
      T_M = \mathbb E\varphi^2 - \sum_{n\le M}a_n^2$$

    K' is the same series of φ'. Derivatives follow from $\partial_cE\,f(u)g(v) = E\,f'g'$ and
    $\partial_pE\,f(u)g(v) = \tfrac12E\,f''g$, so that they are finite at p = 0. For one M every such matrix is positive
    semi-definite.

    Args:
        activation: φ, continuous, in `U`; a kink may stand at 0 only.
        tolerance: the largest bound, as a share of $\sqrt{\mathbb E\varphi(u)^2\,\mathbb E\varphi(v)^2}$, that is let
            pass: beyond, a call raises, or returns NaN under `jit`.
        terms: the most terms, a multiple of 8.

    Raises:
        ArgumentError: φ jumps, has a kink elsewhere, or depends on a parameter.
        ConvergenceError: the bound is larger than the tolerance already at variance 0.01 (φ has a kink).

    Good values: tanh with 384 terms up to p = 4; four times the variance takes four times the terms. Give p and q as a
    column and a row: their coefficients are computed once for each entry.
    """

    activation: sp.Expr = eqx.field(static=True)
    tolerance: float = eqx.field(static=True, default=1e-10)
    terms: int = eqx.field(static=True, default=384)
    needs_gap: bool = eqx.field(static=True, default=False)
    derivatives: float = eqx.field(static=True, default=float("inf"))

    def __init__(self, activation: sp.Expr, tolerance: float = 1e-10, terms: int = 384):
        if activation.free_symbols - {U}:
            names = ", ".join(sorted(map(str, activation.free_symbols - {U})))
            raise ArgumentError(f"A series needs numbers, but the activation depends on {names}. Give them values.")
        if terms < 1 or terms % _STRIDE:
            raise ArgumentError(f"Argument `terms` must be a positive multiple of {_STRIDE}, but is {terms}.")
        if any(point != 0 for point in breakpoints(activation)) or smoothness(activation) == 0:
            raise ArgumentError(
                f"The Hermite series of {activation} does not converge to any use: it jumps, or has a kink away from 0."
                " Write it with Max, Abs or Heaviside of polynomials and exponentials, which close."
            )
        self.activation, self.tolerance, self.terms = activation, tolerance, terms
        self.needs_gap, self.derivatives = False, smoothness(activation)
        self.check(0.01)

    def __call__(
        self, p: Float[Array, "*#n"], q: Float[Array, "*#n"], c: Float[Array, "*#n"]
    ) -> tuple[Float[Array, "*n"], Float[Array, "*n"]]:
        r"""Return K(p, q, c) and K'(p, q, c)."""
        if not any(isinstance(x, Tracer) for x in (p, q)):
            self.check(p)
            self.check(q)
        key = (self.activation, self.terms, self.tolerance)
        p, q, c = (jnp.asarray(x, dtype=float) for x in (p, q, c))
        return _compiled(key, 0, 0, p, q, c), _compiled(key, 1, 1, p, q, c)

    def coefficients(self, p: Float[Array, "*n"], order: int = 0) -> tuple[Float[Array, "m *n"], Float[Array, "m *n"]]:
        r"""Return $a_n(p)$ of the derivative $\varphi^{(order)}$ and the remainders $T_n(p)$, n < terms."""
        return _coefficients((self.activation, self.terms, self.tolerance), order, jnp.asarray(p, dtype=float))

    def bound(
        self, p: Float[Array, "*#n"], q: Float[Array, "*#n"], c: Float[Array, "*#n"], order: int = 0
    ) -> Float[Array, "*n"]:
        r"""Return the bound on |K - K_M| for M = terms - 1; `order=1` that on K'."""
        (_, left), (_, right) = self.coefficients(p, order), self.coefficients(q, order)
        rho = jnp.abs(jnp.asarray(c)) / jnp.sqrt(jnp.asarray(p) * q)
        return rho**self.terms * jnp.sqrt(left[-1] * right[-1])

    def check(self, p: Float[Array, "*n"] | float) -> None:
        r"""Refuse variances at which the series does not reach its tolerance, of φ or φ'.

        Raises:
            ConvergenceError: the bound is larger. Numbers: `value` (the variance), `error`, `points` (the terms).
        """
        ends = np.unique(np.asarray(p, dtype=float))[[0, -1]]
        for order in (0, 1):
            shares = np.asarray(_last_share((self.activation, self.terms, self.tolerance), order, jnp.asarray(ends)))
            if not shares.max() <= self.tolerance:
                worst = int(np.argmax(shares))
                advice = "It has a kink: use its closed form" if self.derivatives < np.inf else "Give more `terms`"
                raise ConvergenceError(
                    f"After {self.terms} terms the Hermite series of {'φ'}{chr(39) * order}, φ = {self.activation}, is "
                    f"known to {shares[worst]:.2g} at variance {ends[worst]:.3g}, not to {self.tolerance:g}. "
                    f"{advice}, or a larger `tolerance`.",
                    value=float(ends[worst]),
                    error=float(shares[worst]),
                    points=self.terms,
                )


#: (φ, terms, tolerance)
_Key = tuple[sp.Expr, int, float]


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1, 2))
def _series(key: _Key, i: int, j: int, p: Array, q: Array, c: Array) -> Float[Array, "*n"]:
    r"""Return $\mathbb E\,\varphi^{(i)}(u)\,\varphi^{(j)}(v)$."""
    (a, left), (b, right) = _coefficients(key, i, p), _coefficients(key, j, q)
    scale = jnp.sqrt(p * q)
    rho = c / jnp.where(scale == 0, 1.0, scale)
    left, right = _shares(key, i, p, left), _shares(key, j, q, right)
    rest = jnp.sqrt(jnp.max(left.reshape(len(a), -1), 1) * jnp.max(right.reshape(len(b), -1), 1))
    strides = jnp.minimum(jnp.sum(rest > _ENOUGH) // _STRIDE, len(a) // _STRIDE - 1)

    def stride(k: Array, total: Array) -> Array:
        # several terms of Horner's rule in one pass over the matrix
        first = (strides - k) * _STRIDE
        rows = [jax.lax.dynamic_slice_in_dim(x, first, _STRIDE) for x in (a, b)]
        for n in reversed(range(_STRIDE)):
            total = total * rho + rows[0][n] * rows[1][n]
        return total

    total = jnp.zeros(jnp.broadcast_shapes(p.shape, q.shape, c.shape))
    total = jax.lax.fori_loop(0, strides + 1, stride, total)
    # what the bound does not vouch for is no number
    return jnp.where(left[-1] * right[-1] > key[2] ** 2, jnp.nan, total)


@_series.defjvp
def _series_jvp(key, i, j, primals, tangents):
    dp, dq, dc = tangents
    change = _series(key, i + 1, j + 1, *primals) * dc
    change += (_series(key, i + 2, j, *primals) * dp + _series(key, i, j + 2, *primals) * dq) / 2
    return _series(key, i, j, *primals), change


_compiled = jax.jit(_series, static_argnums=(0, 1, 2))


def _coefficients(key: _Key, order: int, p: Array) -> tuple[Array, Array]:
    activation, terms, _ = key
    z, weights = _nodes()
    z, weights = jnp.asarray(z), jnp.asarray(weights)

    def step(pair: tuple[Array, Array], n: Array) -> tuple[tuple[Array, Array], Array]:
        before, h = pair
        return (h, (z * h - jnp.sqrt(n) * before) / jnp.sqrt(n + 1)), h

    _, table = jax.lax.scan(step, (jnp.zeros_like(z), jnp.ones_like(z)), jnp.arange(terms, dtype=float))
    values = _values(activation, order, p)
    a = jnp.moveaxis(jnp.tensordot(values, table * weights, axes=(-1, -1)), -1, 0)
    remainder = jnp.maximum(jnp.sum(weights * values**2, axis=-1) - jnp.cumsum(a**2, axis=0), 0.0)
    return a, remainder


def _shares(key: _Key, order: int, p: Array, remainder: Array) -> Array:
    # T_n as a share of E φ²
    square = jnp.sum(jnp.asarray(_nodes()[1]) * _values(key[0], order, p) ** 2, axis=-1)
    return remainder / jnp.where(square == 0, 1.0, square)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _last_share(key: _Key, order: int, p: Array) -> Array:
    return _shares(key, order, p, _coefficients(key, order, p)[1])[-1]


def _values(activation: sp.Expr, order: int, p: Array) -> Array:
    # φ^(order) at √p z, one smooth piece on either side of 0
    u = jnp.sqrt(p)[..., None] * jnp.asarray(_nodes()[0])
    branches = [elementwise([U], [sp.diff(expr, U, order)])(u)[0] for _, _, expr in pieces(activation)]
    return branches[0] if len(branches) == 1 else jnp.where(u < 0, *branches)


@functools.cache
def _nodes() -> tuple[np.ndarray, np.ndarray]:
    # nodes z and weights with Σ w f(z) ≈ E f(z)
    t, w = np.polynomial.legendre.leggauss(_PER_PANEL)
    ends = np.linspace(-_REACH, _REACH, _PANELS + 1)
    half = (ends[1] - ends[0]) / 2
    z = ((ends[1:] + ends[:-1])[:, None] / 2 + half * t).ravel()
    return z, np.tile(half * w, _PANELS) * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
