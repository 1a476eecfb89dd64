r"""Duals that a derivation closes: generated from its expressions."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import sympy as sp
from jaxtyping import Array, Float

from geomflow.codegen.program import Argument, Program
from geomflow.kernels.activation_dual import ActivationDual, determinant, valued
from geomflow.symbolic.kernels.duals.dual import C, Dual, P, Q
from geomflow.symbolic.kernels.duals.pieces import smoothness

#: √(pq - c²), given by itself.
_S = sp.Symbol("s", nonnegative=True)
#: 1 - ρ² below which derivatives are taken at this value.
_AWAY = 1e-8
#: D/(p + q) below which the gap of a kink is integrated: above, the difference is better.
_NEAR = 1e-10
#: Nodes and weights on [0, 1] for that; K' is a polynomial of the angle there.
_ARC = ((0.5 - 0.15**0.5, 0.5, 0.5 + 0.15**0.5), (5 / 18, 8 / 18, 5 / 18))
#: The least variance.
_TINY = 1e-30


class ClosedForm(ActivationDual):
    r"""The dual as derived: K and K' are generated from expressions in p, q, c.

    Where φ has a kink or a jump, $\det = pq - c^2$ enters as an argument of its own and every arcsin by

    $$\arcsin X = \operatorname{atan2}(X, \sqrt{1 - X^2}),\qquad 1 - X^2 = (pq - c^2)\,r(p, q, c).$$

    Args:
        dual: the derived expectations, free of other symbols.

    Good values: values to rounding, at coincident points and zero inputs too. Not so for bivariate normal probabilities
    (ELU, SELU, hard tanh) at an angle θ near 0 or π: K has an error of 1e-16/θ, at most 1e-8. For a kink that is not
    homogeneous derivatives at coincidence have an error of 1e-4; the gap of a jump that is not homogeneous is a
    difference, with an absolute error of 1e-16.
    """

    kernel: sp.Expr = eqx.field(static=True)
    derivative: sp.Expr = eqx.field(static=True)
    on_diagonal: tuple[sp.Expr, sp.Expr] = eqx.field(static=True)
    needs_gap: bool = eqx.field(static=True, default=False)
    derivatives: float = eqx.field(static=True, default=float("inf"))

    def __init__(self, dual: Dual):
        self.kernel, self.derivative = dual.kernel, dual.derivative
        self.on_diagonal = (dual.diagonal, dual.slope)
        self.derivatives = smoothness(dual.activation)
        self.needs_gap = self.derivatives < 2

    def __call__(
        self, p: Float[Array, "*#n"], q: Float[Array, "*#n"], c: Float[Array, "*#n"]
    ) -> tuple[Float[Array, "*n"], Float[Array, "*n"]]:
        r"""Return K(p, q, c) and K'(p, q, c)."""
        return self._values(p, q, c, determinant(p, q, c, p - q, (p - c) + (q - c)))

    def separated(
        self, p: Float[Array, "*#n"], q: Float[Array, "*#n"], e: Float[Array, "*#n"], D: Float[Array, "*#n"]
    ) -> tuple[Float[Array, "*n"], Float[Array, "*n"]]:
        r"""Return K and K' from the differences e = p - q and D = E(u - v)²."""
        c = (p + q - D) / 2
        return self._values(p, q, c, determinant(p, q, c, e, D))

    def diagonal(self, p: Float[Array, "*n"]) -> tuple[Float[Array, "*n"], Float[Array, "*n"]]:
        r"""Return K(p, p, p) and K'(p, p, p)."""
        value, slope = self.on_diagonal
        if slope == sp.oo:
            return elementwise((P,), (value,))(p)[0], jnp.full_like(p, jnp.inf)
        return elementwise((P,), (value, slope))(p)

    def gap(
        self, p: Float[Array, "*#n"], q: Float[Array, "*#n"], e: Float[Array, "*#n"], D: Float[Array, "*#n"]
    ) -> Float[Array, "*n"]:
        r"""Return E(φ(u) - φ(v))².

        Where D is small and φ has a kink, along the arc c = √(pq) cos t and then along the ray, to leading order in e,

        $$\mathbb E(\varphi(u)-\varphi(v))^2 = 2\sqrt{pq}\int_0^\theta K'\sin t\,dt
          + (\sqrt p-\sqrt q)^2\,\mathbb E\,z^2\varphi'(\sqrt pz)^2,\qquad
          \mathbb E\,z^2\varphi'(\sqrt pz)^2 = (1 + 2p\,\partial_p)K'(p,p,p)$$
        """
        if not self.needs_gap:
            return super().gap(p, q, e, D)
        plain = self.diagonal(p)[0] + self.diagonal(q)[0] - 2 * self.separated(p, q, e, D)[0]
        plain = jnp.where(D <= 0, 0.0, jnp.maximum(plain, 0.0))
        if self.derivatives == 0:
            return plain
        close = _NEAR * (p + q) > D
        near = jnp.where(close, self._arc_and_ray(p, q, e, D), plain)
        return valued(plain, jax.lax.stop_gradient(near))

    def _arc_and_ray(self, p: Array, q: Array, e: Array, D: Array) -> Array:
        middle = jnp.sqrt(p * q)
        sine = jnp.sqrt(jnp.maximum((2 * (p + q) * D - e * e - D * D) / 4, 0.0)) / jnp.where(middle == 0, 1.0, middle)
        arc = 0.0
        for t, weight in zip(*_ARC, strict=True):
            s = t * sine  # the angle is its own sine at this size
            slope = self._values(p, q, middle * jnp.sqrt(jnp.maximum(1 - s * s, 0.0)), p * q * s * s)[1]
            arc = arc + weight * slope * s
        slope = self.on_diagonal[1]
        ray = elementwise((P,), (slope + 2 * P * sp.diff(slope, P),))(jnp.maximum(middle, _TINY))[0]
        roots = e / jnp.maximum(jnp.sqrt(p) + jnp.sqrt(q), _TINY)
        return 2 * middle * sine * arc + roots**2 * ray

    def _values(self, p: Array, q: Array, c: Array, square: Array) -> tuple[Array, Array]:
        if self.derivatives == float("inf"):
            return elementwise((P, Q, C), (self.kernel, self.derivative))(p, q, c)
        # divisions by √p: a zero input gets a part in common with the other one that is too small to matter
        common = jnp.where(jnp.minimum(p, q) < _TINY, _TINY, 0.0)
        return _rooted(
            (self.kernel, self.derivative),
            p + common,
            q + common,
            c + common,
            jnp.where(common > 0, (p + common) * (q + common) - (c + common) ** 2, square),
        )


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _rooted(pair: tuple[sp.Expr, sp.Expr], p: Array, q: Array, c: Array, square: Array) -> tuple[Array, Array]:
    root = jnp.sqrt(jnp.maximum(square, 1e-30 * p * q))
    return elementwise((P, Q, C, _S), _by_root(*pair))(p, q, c, root)


@_rooted.defjvp
def _rooted_jvp(pair, primals, tangents):
    p, q, c, square = primals
    dp, dq, dc, _ = tangents
    k, slope = _rooted(pair, *primals)

    def values(p: Array, q: Array, c: Array) -> tuple[Array, Array]:
        return elementwise((P, Q, C, _S), _by_root(*pair))(p, q, c, jnp.sqrt(p * q - c * c))

    # at coincidence the terms have no derivatives, only their sum: a little away from it they cancel to eight digits
    edge = jnp.sign(c) * jnp.sqrt((1 - _AWAY) * p * q)
    inside = c + jax.lax.stop_gradient(jnp.where(square < _AWAY * p * q, edge - c, 0.0))
    by_p = jax.jvp(lambda p, q: values(p, q, inside)[0], (p, q), (dp, dq))[1]
    return (k, slope), (by_p + slope * dc, jax.jvp(values, (p, q, inside), (dp, dq, dc))[1][1])


@functools.cache
def _by_root(*expressions: Any) -> tuple[Any, ...]:
    r"""Return expressions with √(pq - c²) as `_S`, also where it hides in an arcsin."""

    def arc(x: Any) -> Any:
        rest = _rest(1 - x**2)
        return sp.asin(x) if rest is None else sp.atan2(x, _S * sp.sqrt(rest))

    def power(e: Any) -> Any:
        rest = _rest(e.base)
        return e if rest is None else _S ** (2 * e.exp) * rest**e.exp

    return tuple(
        e.replace(sp.asin, arc).replace(lambda x: x.is_Pow and x.exp.is_Rational and x.base.has(C), power)
        for e in expressions
    )


@functools.cache
def _rest(expression: sp.Expr) -> sp.Expr | None:
    r"""Return r where the expression is $(pq - c^2)\,r$, None where it is not."""
    numerator, denominator = sp.fraction(sp.together(expression))
    if not numerator.is_polynomial(C):
        return None
    quotient, remainder = sp.div(sp.expand(numerator), P * Q - C**2, C)
    return None if remainder != 0 or quotient == 0 else sp.factor(quotient) / denominator


def elementwise(symbols: Sequence[sp.Symbol], expressions: Sequence[sp.Expr]) -> Callable[..., Any]:
    r"""Return the generated function of arrays, broadcast against each other: one array for each expression.

    XLA fuses it with what stands around it: of a matrix of values nothing is stored on the way.
    """
    return _elementwise(tuple(symbols), tuple(expressions))


@functools.cache
def _elementwise(symbols: tuple[sp.Symbol, ...], expressions: tuple[sp.Expr, ...]) -> Callable[..., Any]:
    program = Program("dual", [Argument(symbol.name, symbol) for symbol in symbols], expressions, derivatives=False)
    body = inspect.unwrap(program.compile())

    def function(*values: Array) -> tuple[Array, ...]:
        like = jnp.zeros(jnp.broadcast_shapes(*(jnp.shape(v) for v in values)))
        # of the precision of the values: a scan in a special function admits no other
        values = tuple(jnp.asarray(v, jnp.promote_types(like.dtype, jnp.result_type(v))) for v in values)
        (found,) = body(*values, keep=lambda *kept: kept)
        return tuple(like + f for f in found)

    return function
