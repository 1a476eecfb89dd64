r"""Duals of positively homogeneous activations (ReLU, step, rectified powers), accurate at coincident points."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import sympy as sp
from jaxtyping import Array, Float

from geomflow.codegen.arcs import arctan2
from geomflow.core.errors import DerivationError
from geomflow.kernels.activation_dual import ActivationDual, determinant
from geomflow.kernels.closed_form import elementwise
from geomflow.symbolic.kernels.duals.dual import THETA, AngularDual, C

#: Angles below which J(0) - J(θ) is summed as a series; above, the difference keeps all but one digit.
SMALL = 0.5

_S, _R = sp.symbols("s r", positive=True)  # √(pq - c²) and √(pq)
_SINE, _COSINE = sp.symbols("sine cosine", real=True)


class Angular(ActivationDual):
    r"""The dual of φ with φ(λu) = λⁿφ(u), λ > 0, and a kink or a jump at 0.

    $$K = (pq)^{n/2}J(\theta),\qquad K^{(j)} = \partial_c^jK = (pq)^{(n-j)/2}J_j(\theta),\qquad
      J_{j+1} = -J_j'/\sin\theta,\qquad \theta = \operatorname{atan2}(\sqrt{\det}, c)$$

    Derivatives of every order follow from $K^{(j+1)}$ and Euler's relation
    $2p\,\partial_pK^{(j)} = (n-j)K^{(j)} - c\,K^{(j+1)}$, so that none of them takes the root of zero.

    Args:
        dual: n, J and J_1.

    Good values: at a zero input (p = 0) K is 0 for n >= 1. Points on one line through the origin, c² = pq, cost half
    of the digits of θ, unless they coincide.
    """

    degree: int = eqx.field(static=True)
    profile: sp.Expr = eqx.field(static=True)
    first: sp.Expr = eqx.field(static=True)
    needs_gap: bool = eqx.field(static=True, default=True)
    derivatives: float = eqx.field(static=True, default=0.0)

    def __init__(self, dual: AngularDual):
        self.degree, self.profile, self.first = dual.degree, dual.kernel, dual.derivative
        self.needs_gap, self.derivatives = True, float(dual.degree)

    def __call__(
        self, p: Float[Array, "*#n"], q: Float[Array, "*#n"], c: Float[Array, "*#n"]
    ) -> tuple[Float[Array, "*n"], Float[Array, "*n"]]:
        r"""Return K(p, q, c) and K'(p, q, c)."""
        return self._pair(p, q, c, determinant(p, q, c, p - q, (p - c) + (q - c)))

    def separated(
        self, p: Float[Array, "*#n"], q: Float[Array, "*#n"], e: Float[Array, "*#n"], D: Float[Array, "*#n"]
    ) -> tuple[Float[Array, "*n"], Float[Array, "*n"]]:
        r"""Return K and K' from the differences e = p - q and D = E(u - v)²."""
        c = (p + q - D) / 2
        return self._pair(p, q, c, determinant(p, q, c, e, D))

    def diagonal(self, p: Float[Array, "*n"]) -> tuple[Float[Array, "*n"], Float[Array, "*n"]]:
        r"""Return K(p, p, p) and K'(p, p, p)."""
        value = _start(self.profile, 0) * p**self.degree
        slope = jnp.full_like(p, jnp.inf) if self.degree == 0 else _start(self.first, 0) * p ** (self.degree - 1)
        return value, slope

    def gap(
        self, p: Float[Array, "*#n"], q: Float[Array, "*#n"], e: Float[Array, "*#n"], D: Float[Array, "*#n"]
    ) -> Float[Array, "*n"]:
        r"""Return $J(0)(p^{n/2}-q^{n/2})^2 + 2(pq)^{n/2}(J(0)-J(\theta))$, the last bracket by its series."""
        return _gap((self.degree, self.profile), p, q, e, D)

    def _pair(self, p: Array, q: Array, c: Array, square: Array) -> tuple[Array, Array]:
        s, theta = _polar(p, q, c, square)
        levels = (self.degree, self.profile)
        return level_value(levels, 0, p, q, c, s, theta), level_value(levels, 1, p, q, c, s, theta)


def _polar(p: Array, q: Array, c: Array, square: Array) -> tuple[Array, Array]:
    # They are the place on the circle; how values change with it is told by `level_value`.
    p, q, c, square = (jax.lax.stop_gradient(x) for x in (p, q, c, square))
    s = jnp.sqrt(jnp.maximum(square, 0.0))
    theta = arctan2(s, c)
    # a vanishing u is independent of v
    return s, jnp.where((p * q == 0) & (p + q > 0), np.pi / 2, theta)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def level_value(
    levels: tuple[int, sp.Expr], j: int, p: Array, q: Array, c: Array, s: Array, theta: Array
) -> Float[Array, "*n"]:
    r"""Return $(pq)^{(n-j)/2}J_j(\theta)$, whose derivative by c is the next level; `levels` is (n, J)."""
    shape = jnp.broadcast_shapes(*(jnp.shape(x) for x in (p, q, c, s, theta)))
    return jnp.broadcast_to(_level(*levels, j)(p, q, c, s, theta), shape)


@level_value.defjvp
def _value_jvp(levels, j, primals, tangents):
    p, q, c, _, _ = primals
    dp, dq, dc, _, _ = tangents
    value, slope = level_value(levels, j, *primals), level_value(levels, j + 1, *primals)
    euler = (levels[0] - j) * value - jnp.where(c == 0, 0.0, c * slope)  # the slope of a step may be infinite
    # at a zero input K is no smooth function of p; as one of the input it is
    half = [jnp.where(x == 0, 0.0, euler / jnp.where(x == 0, 1.0, 2 * x)) for x in (p, q)]
    return value, half[0] * dp + half[1] * dq + slope * dc


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _gap(levels: tuple[int, sp.Expr], p: Array, q: Array, e: Array, D: Array) -> Float[Array, "*n"]:
    n, profile = levels
    start, (lowest, series) = _start(profile, 0), gap_series(profile)
    c = (p + q - D) / 2
    _, theta = _polar(p, q, c, determinant(p, q, c, e, D))
    a, b = jnp.sqrt(p), jnp.sqrt(q)
    small = jnp.minimum(theta, SMALL)
    bracket = functools.reduce(lambda total, a: total * small + a, series[::-1]) * small**lowest
    near = 2 * (a * b) ** n * bracket
    if n > 0:
        roots = e / jnp.where(a + b == 0, 1.0, a + b)
        near = near + start * (roots * sum(a**k * b ** (n - 1 - k) for k in range(n))) ** 2
    return jnp.where(theta < SMALL, near, _plain_gap(levels, p, q, e, D))


@_gap.defjvp
def _gap_jvp(levels, primals, tangents):
    return _gap(levels, *primals), jax.jvp(functools.partial(_plain_gap, levels), primals, tangents)[1]


def _plain_gap(levels: tuple[int, sp.Expr], p: Array, q: Array, e: Array, D: Array) -> Array:
    n, profile = levels
    c = (p + q - D) / 2
    s, theta = _polar(p, q, c, determinant(p, q, c, e, D))
    return _start(profile, 0) * (p**n + q**n) - 2 * level_value(levels, 0, p, q, c, s, theta)


@functools.cache
def _level(n: int, profile: sp.Expr, j: int) -> Callable[..., Any]:
    r"""Return $(pq)^{(n-j)/2}J_j$ as a function of p, q, c, s = √det, θ, free of needless divisions."""
    powers = {}
    for (i, k), coefficient in _profile(profile, j).items():
        powers[i, k] = coefficient * _S**i * C**k * _R ** (n - j - i - k)
    p, q = sp.symbols("p q", positive=True)
    total: Any = sum(powers.values(), start=sp.Integer(0)).subs(_R, sp.sqrt(p * q))
    names: list[Any] = [p, q, C, _S, THETA]
    function = elementwise(names, [total])
    return lambda *values: function(*values)[0]


@functools.cache
def _profile(profile: sp.Expr, j: int) -> dict[tuple[int, int], sp.Expr]:
    r"""Return J_j as {(i, k): a(θ)}, the sum of a sin^i cos^k."""
    expr = sp.expand(sp.expand_trig(profile)).subs({sp.sin(THETA): _SINE, sp.cos(THETA): _COSINE})
    for _ in range(j):
        moved = expr.diff(THETA) + expr.diff(_SINE) * _COSINE - expr.diff(_COSINE) * _SINE
        expr = sp.expand(_reduced(-moved) / _SINE)
    terms: dict[tuple[int, int], sp.Expr] = {}
    for term in sp.Add.make_args(sp.expand(expr)):
        powers = term.as_powers_dict()
        i, k = int(powers.get(_SINE, 0)), int(powers.get(_COSINE, 0))
        rest = term / (_SINE**i * _COSINE**k)
        if not rest.is_polynomial(THETA) or rest.free_symbols - {THETA}:
            raise DerivationError(f"The term {term} of a profile is no polynomial in θ, sin θ and cos θ.")
        terms[i, k] = terms.get((i, k), sp.Integer(0)) + rest
    return {key: value for key, value in terms.items() if value != 0}


def _reduced(expr: sp.Expr) -> sp.Expr:
    # cos² = 1 - sin², so that a factor sin θ shows itself
    lowest = min((t.as_powers_dict().get(_SINE, 0) for t in sp.Add.make_args(sp.expand(expr))), default=0)
    whole = sp.expand(expr * _SINE**-lowest)
    return sp.expand(sp.rem(whole, _COSINE**2 + _SINE**2 - 1, _COSINE) * _SINE**lowest)


@functools.cache
def _start(profile: sp.Expr, order: int) -> float:
    return float(sp.diff(profile, THETA, order).subs(THETA, 0)) / float(sp.factorial(order))


@functools.cache
def gap_series(profile: sp.Expr) -> tuple[int, list[float]]:
    r"""Return m and the Taylor coefficients of (J(0) - J(θ))/θ^m, as many as count at `SMALL`."""
    found, derivative, k = [], profile, 0
    while len(found) < 4 or max(abs(a) * SMALL**i for i, a in enumerate(found[-3:], len(found) - 3)) > 1e-17 * max(
        abs(a) * SMALL**i for i, a in enumerate(found)
    ):
        derivative, k = sp.diff(derivative, THETA), k + 1
        a = -float(derivative.subs(THETA, 0) / sp.factorial(k))
        if found or a != 0:
            found.append(a)
    return k - len(found) + 1, found
