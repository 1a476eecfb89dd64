r"""The profile equation of U(n)-invariant Kähler-Ricci flow, derived from Calabi's ansatz and generated.

On \(ds^2 = \mathrm{Re}\,g_{i\bar j}dz^id\bar z^j\), \(g_{i\bar j} = \partial_i\partial_{\bar j}u(s, t)\), s = log |z|²,
\(\partial_tg = -2\,\mathrm{Ric}\) reads \(\partial_tu = 4\log\det g\): a 2 is that of Ricci flow, the other is there
because the metric has the components ½ g_ij̄ and Ricci does not feel the ½. The momentum x = u' of a point moves, and
at fixed x the profile F(x) = u'' changes by

    ∂_t x|_s = 4 (F' + (n-1) F/x - n),   ∂_t F|_x = F ∂_x(∂_t x|_s) - F' ∂_t x|_s

that is, by Ricci flow up to the diffeomorphism that keeps x the momentum. The ends of the interval of x move as the
points s = ±∞ do: this is the Ricci form's class. With y on a fixed interval and the remainder h(y) of the profile after
its values and slopes at the ends are taken out (`Ansatz`), the equation for h has no singular term left: polynomials in
y and the jet of h over powers of x and L.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jax
import numpy as np
import sympy as sp
from numpy.polynomial import chebyshev

from geomflow.codegen.program import Argument, Program
from geomflow.symbolic.field.field import Element
from geomflow.symbolic.kaehler.calabi import calabi_ansatz, in_momentum

#: ∂_t u = 4 log det g, where ds² = Re g_ij̄ dz^i dz̄^j.
FACTOR = 4

_X = sp.Symbol("x", positive=True)
_F = sp.Function("F")(_X)
_Y = sp.Symbol("y", positive=True)
_REST = sp.Function("h")(_Y)
_JET = sp.symbols("h dh ddh")


@dataclass(frozen=True, eq=False)
class Ansatz:
    r"""Momentum and profile in y and h(y), the boundary conditions built in: F = unit · d (k + d h).

    Args:
        ends: the numbers that move with the class of the metric: the ends of the interval of x.
        closing: the y at which each of `ends` is found.
        x: the momentum, in y and `ends`.
        unit: what the profile is measured in, in y and `ends`.
        degree: the slope k of the profile where it vanishes.
        divisor: d, a polynomial in y that vanishes where the profile does.
        short: names for differences of `ends`, which are taken once, and first.
    """

    ends: tuple[sp.Symbol, ...]
    closing: tuple[int, ...]
    x: sp.Expr
    unit: sp.Expr
    degree: int
    divisor: sp.Expr
    short: Mapping[sp.Symbol, sp.Expr] = field(default_factory=dict)

    @property
    def profile(self) -> sp.Expr:
        r"""F in y, h(y) and `ends`."""
        return self.unit * self.divisor * (self.degree + self.divisor * _REST)

    def reduced(self, expression: sp.Expr) -> sp.Expr:
        r"""Return an expression in x and F(x) as one in y, `ends` and the jet of h, without common factors."""
        return sp.cancel(_in_jet(self._placed(expression)))

    def end_rates(self, n: int) -> tuple[int, ...]:
        r"""Return d/dt of `ends`, the speed of x where the profile closes: integers."""
        speed = self.reduced(momentum_speed(n))
        return tuple(int(sp.cancel(speed.subs(_Y, y))) for y in self.closing)

    def rate(self, n: int) -> sp.Expr:
        r"""Return ∂_t h at fixed y."""
        rates = self.end_rates(n)
        at_fixed_x = self._placed(profile_speed(n))
        slope = sp.diff(self.profile, _Y) / sp.diff(self.x, _Y)
        at_fixed_y = at_fixed_x + slope * self._along(self.x, rates) - self._along(self.profile, rates)
        return sp.cancel(_in_jet(at_fixed_y / (self.unit * self.divisor**2)))

    def remainder(self, profile: sp.Expr) -> tuple[sp.Symbol, sp.Expr]:
        r"""Return y, and h as an expression in it, of a profile F(x): 0/0 where F vanishes, to be taken as a limit."""
        value = profile.xreplace({_X: self.x}) / (self.unit * self.divisor)
        return _Y, sp.simplify((value - self.degree) / self.divisor)

    def placed(self, y: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        r"""Return the momentum and the unit of the profile at y; both are infinite at infinity."""
        values = sp.lambdify([_Y, self.ends], [self.x, self.unit], "numpy")
        with np.errstate(divide="ignore"):
            x, unit = values(np.asarray(y, dtype=float), ends)
        return x, np.broadcast_to(unit, np.shape(x))

    @property
    def divisor_series(self) -> np.ndarray:
        r"""d as Σ c_m T_m(2y - 1)."""
        node = sp.Symbol("node")
        powers = sp.Poly(self.divisor.subs(_Y, (node + 1) / 2), node).all_coeffs()[::-1]
        return chebyshev.poly2cheb([float(c) for c in powers])

    @property
    def roots(self) -> list[int]:
        r"""Where the profile vanishes."""
        return sorted(int(y) for y in sp.Poly(self.divisor, _Y).ground_roots())

    def shortened(self, expression: Any) -> Any:
        r"""Return an expression with `short` in place of the last of `ends`, factored."""
        last = self.ends[-1]
        for name, value in self.short.items():
            expression = expression.subs(last, sp.solve(value - name, last)[0])
        return sp.factor(sp.cancel(expression))

    def _placed(self, expression: Any) -> Any:
        values: dict[Any, Any] = {_X: self.x}
        value = self.profile
        for order in range(4):
            values[sp.diff(_F, _X, order) if order else _F] = value
            value = sp.diff(value, _Y) / sp.diff(self.x, _Y)
        return expression.doit().xreplace(values)

    def _along(self, expression: sp.Expr, rates: tuple[int, ...]) -> sp.Expr:
        return sum((sp.diff(expression, end) * rate for end, rate in zip(self.ends, rates, strict=True)), sp.S.Zero)


def _in_jet(expression: Any) -> Any:
    jets = {sp.diff(_REST, _Y, k) if k else _REST: symbol for k, symbol in enumerate(_JET)}
    return expression.doit().xreplace(jets)


# --- from the curvature of the ansatz ---------------------------------------------------------------------------------


@cache
def momentum_speed(n: int) -> sp.Expr:
    r"""Return \(\partial_tx|_s = \partial_s(4\log\det g)\) in x and F(x), for complex dimension n."""
    metric = calabi_ansatz(n)
    chart = metric.chart
    determinant = chart.element(metric.determinant())
    # z^i ∂_i h(s) = h'(s)
    slope = chart.field.dot(
        (chart.element(z), determinant.derivative(i) / determinant) for i, z in enumerate(chart.holomorphic)
    )
    return FACTOR * in_momentum(chart, slope)


def profile_speed(n: int) -> sp.Expr:
    r"""Return ∂_t F|_x in x and F(x), for complex dimension n: what F must satisfy to be a solution."""
    speed = momentum_speed(n)
    return _F * sp.diff(speed, _X) - sp.diff(_F, _X) * speed


def profile_residual(
    ansatz: Ansatz, n: int, profile: sp.Expr, ends: tuple[sp.Expr, ...], time: sp.Symbol
) -> dict[str, sp.Expr]:
    r"""Return by how much F(x, t) fails the flow's equation and the boundary conditions: exact zeros for a solution.

    Args:
        ansatz: the geometry.
        n: complex dimension.
        profile: F in the positive symbol x and in the time.
        ends: the ends of the interval as functions of the time, as the ansatz has them.
        time: the symbol of the time.
    """
    speed = profile_speed(n).xreplace({_F: profile}).doit()
    found = {"equation": sp.diff(profile, time) - speed}
    place = dict(zip(ansatz.ends, ends, strict=True))
    for y in ansatz.roots:
        x = ansatz.x.subs(_Y, y).xreplace(place)
        # inward is towards larger x at y = 0 on a finite interval, and at y = 1 on an infinite one
        inward = 1 if x == ansatz.x.subs(_Y, min(ansatz.roots)).xreplace(place) else -1
        found[f"value at y = {y}"] = sp.limit(profile, _X, x)
        found[f"slope at y = {y}"] = sp.limit(sp.diff(profile, _X), _X, x) - inward * ansatz.degree
    return {name: _vanishing(value) for name, value in found.items()}


def _vanishing(value: sp.Expr) -> sp.Expr:
    return sp.simplify(sp.expand(sp.simplify(value.rewrite(sp.exp))))


@dataclass(frozen=True)
class Curvatures:
    r"""The curvature of ds², in x and F(x).

    Args:
        parts: \(R_{i\bar ij\bar j}\) in a unitary frame whose first vector is radial, for the pairs 11, 12, 22, 23.
        weights: |Rm|² is the sum of the squares of `parts` with these weights.
        scalar: R.
    """

    parts: tuple[sp.Expr, ...]
    weights: tuple[int, ...]
    scalar: sp.Expr


@cache
def curvatures(n: int) -> Curvatures:
    r"""Return the curvature for complex dimension n.

    The isotropy U(n-1) and the circle leave \(R_{i\bar jk\bar l}\) no components but those with {i, k} = {j, l}, of
    four sizes; \(|\mathrm{Rm}|^2 = 4\sum|R_{i\bar jk\bar l}|^2\) counts them. The sizes are those of n = 3 already:
    \(\mathbb C^3\subset\mathbb C^n\) is fixed by isometries, hence totally geodesic.
    """
    metric = calabi_ansatz(min(n, 3))
    chart = metric.chart
    # on the axis z = (z1, 0, ...), where g is diagonal; by symmetry that is every point
    axis: dict[Any, Any] = dict.fromkeys((*chart.holomorphic[1:], *chart.antiholomorphic[1:]), 0)

    def value(element: Element) -> sp.Expr:
        return in_momentum(chart, element).subs(axis)

    counted = {(0, 0): 1, (0, 1): 4 * (n - 1), (1, 1): n - 1, (1, 2): 2 * (n - 1) * (n - 2)}
    pairs = [pair for pair, count in counted.items() if count]
    size, riemann = [value(metric.matrix[i, i]) for i in range(metric.n)], metric.riemann().components
    # the ds² of the engine is twice ours, its curvature half of ours
    parts = [sp.cancel(2 * value(riemann[i, i, j, j]) / (size[i] * size[j])) for i, j in pairs]
    weights = [4 * counted[pair] for pair in pairs]
    whole = calabi_ansatz(n)
    return Curvatures(tuple(parts), tuple(weights), 2 * in_momentum(whole.chart, whole.scalar().components[()]))


# --- the geometries ---------------------------------------------------------------------------------------------------


@cache
def projective() -> Ansatz:
    r"""Return the ansatz of CP^n: x = L y in [0, L], unit L, d = y (1 - y)."""
    length = sp.Symbol("L", positive=True)
    return Ansatz((length,), (1,), length * _Y, length, 1, _Y * (1 - _Y))


@cache
def closed_bundle(degree: int) -> Ansatz:
    r"""Return the ansatz of a bundle of CP¹ over CP^(n-1): x = a + L y in [a, b], L = b - a, unit L, d = y (1 - y)."""
    a, b, length = sp.symbols("a b L", positive=True)
    return Ansatz((a, b), (0, 1), a + (b - a) * _Y, b - a, degree, _Y * (1 - _Y), {length: b - a})


@cache
def open_bundle(degree: int) -> Ansatz:
    r"""Return the ansatz of a line bundle over CP^(n-1): x = a/y in [a, ∞), unit x, d = 1 - y."""
    a = sp.Symbol("a", positive=True)
    return Ansatz((a,), (1,), a / _Y, a / _Y, degree, 1 - _Y)


# --- generated --------------------------------------------------------------------------------------------------------


@cache
def programs(ansatz: Ansatz, n: int) -> dict[str, Program]:
    r"""Return the programs of one geometry and complex dimension.

    `rate` is ∂_t h, `curvatures` |Rm|² and R, `profile` x and F. Each takes the jet (h, h', h'') of shape (3, *batch),
    y of shape (*batch) and the ends of shape (E, *batch).
    """
    arguments = [Argument("jet", _JET), Argument("y", _Y), Argument("ends", ansatz.ends)]
    curvature = curvatures(n)
    parts = sp.symbols(f"riemann:{len(curvature.parts)}")
    stages = {name: ansatz.shortened(ansatz.reduced(part)) for name, part in zip(parts, curvature.parts)}
    squared = sum(weight * part**2 for weight, part in zip(curvature.weights, parts))
    scalar = ansatz.shortened(ansatz.reduced(curvature.scalar))
    listed = [
        Program("rate", arguments, [ansatz.shortened(ansatz.rate(n))], ansatz.short, "∂_t h at fixed y."),
        Program("curvatures", arguments, [squared, scalar], {**ansatz.short, **stages}, "|Rm|² and R."),
        Program("profile", arguments, [ansatz.x, _in_jet(ansatz.profile)], {}, "The momentum x and the profile F."),
    ]
    return {p.name: p for p in listed}


@cache
def generated(name: str, ansatz: Ansatz, n: int) -> Callable[..., jax.Array]:
    r"""Return one compiled program of `programs`, under `jax.jit`."""
    return jax.jit(programs(ansatz, n)[name].compile())
