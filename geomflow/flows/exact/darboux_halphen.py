r"""The proof that `geomflow.flows.homogeneous.darboux_halphen` solves Ricci flow on SU(2), and keeps two constants.

All of it is rational in the metric, the complete integrals K(x), E(x), K(1-x), E(1-x) and two square roots once the
derivatives of the integrals are put in,

    dK/dx = (E - (1-x) K)/(2x(1-x)),    dE/dx = (E - K)/(2x)

so that a residual is zero or not, without simplification of elliptic functions. Reference: DLMF 19.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from geomflow.flows.homogeneous.generate import diagonal_rates
from geomflow.symbolic.charts.lie_groups import su2

A, B, C, U, V, X, P, FIRST, R = sp.symbols("A B C u v x p c r", positive=True)
K, E, K1, E1 = sp.symbols("K E K1 E1", positive=True)
#: Derivatives by x of K(x), E(x), K1 = K(1-x), E1 = E(1-x).
_SLOPES = {
    K: (E - (1 - X) * K) / (2 * X * (1 - X)),
    E: (E - K) / (2 * X),
    K1: -(E1 - X * K1) / (2 * X * (1 - X)),
    E1: -(E1 - K1) / (2 * (1 - X)),
}


def along(expression: sp.Expr, rates: Mapping[Any, Any]) -> Any:
    r"""Return the derivative of an expression whose symbols have the given rates; integrals follow x."""
    integrals = {symbol: slope * rates[X] for symbol, slope in _SLOPES.items()}
    return sp.Add(*(sp.diff(expression, s) * rate for s, rate in {**rates, **integrals}.items()))


def equations() -> dict[str, Any]:
    r"""Return the derived right-hand sides of Ricci flow on SU(2), in A, B, C of this module."""
    own = {"A": A, "B": B, "C": C}
    return {name: f.xreplace({s: own[str(s)] for s in f.free_symbols}) for name, f in diagonal_rates(su2()).items()}


def constants() -> tuple[sp.Expr, sp.Expr]:
    r"""Return the two conserved quantities (π/2) c and p, in A, B, C, u, the integrals at x."""
    return U * E1 + B * C / U * K1, A * B / U * K - U * E


def conserved_proof() -> str:
    r"""Return "" if both constants do not change along the flow, else which one does."""
    velocity = equations()
    rates = {A: velocity["A"], B: velocity["B"], C: velocity["C"]}
    square, x = B * (A - C), C * (A - B) / (B * (A - C))
    rates[U] = along(square, {**rates, X: sp.S.Zero}) / (2 * U)
    rates[X] = along(x, {**rates, X: sp.S.Zero})
    for name, quantity in zip("cp", constants(), strict=True):
        if not _vanishes(along(quantity, rates).subs(X, x), U, square):
            return f"the constant {name} changes along the flow"
    return ""


def solution() -> tuple[list[sp.Expr], sp.Expr]:
    r"""Return (A, B, C) as functions of v, x, p, the integrals and r = (w1 w2 w3)^½; and the product w1 w2 w3."""
    w = [P + V**2 * K * (E - factor * K) for factor in (sp.S.One, 1 - X, sp.S.Zero)]
    return [V * R / each for each in w], sp.Mul(*w)


def slope() -> sp.Expr:
    r"""Return dx/dv of K(1-x)/K(x) = π (c - v²)/(2p)."""
    return 4 * V * X * (1 - X) * K**2 / P


def modular_proof() -> str:
    r"""Return "" if `slope` follows from K(1-x)/K(x) = π (c - v²)/(2p), and that from the constants and v² = u/K.

    Legendre's relation E(x) K(1-x) + E(1-x) K(x) - K(x) K(1-x) = π/2 stands for π.
    """
    pi = 2 * (E * K1 + E1 * K - K * K1)
    if sp.expand(sp.together(along(K1 / K, {X: slope()}) + pi * V / P)) != 0:
        return "dx/dv does not follow from the relation between x and v"
    first, p = constants()
    relation = 2 / pi * first - U / K - 2 * p / pi * K1 / K
    return "" if _vanishes(relation, U, B * (A - C)) else "the relation between x and v does not hold at t = 0"


def flow_proof() -> str:
    r"""Return "" if A, B, C of v and dv/dt = -4p/r satisfy the derived equations, else which one does not."""
    metric, product = solution()
    by_v = {V: sp.S.One, X: slope()}
    by_v[R] = along(product, by_v) / (2 * R)
    values = dict(zip((A, B, C), metric, strict=True))
    for name, entry, velocity in zip("ABC", metric, equations().values(), strict=True):
        if not _vanishes(along(entry, by_v) * (-4 * P / R) - velocity.subs(values, simultaneous=True), R, product):
            return f"d{name}/dt + 2 Ric is not zero"
    return ""


def triaxial_proof() -> str:
    r"""Return "" if the solution by elliptic integrals satisfies the flow, and both constants stay."""
    return conserved_proof() or modular_proof() or flow_proof()


def _vanishes(expression: sp.Expr, root: sp.Symbol, square: sp.Expr) -> bool:
    # a rational expression in a square root and other symbols
    numerator = sp.expand(sp.fraction(sp.together(expression))[0])
    return sp.expand(sp.rem(sp.Poly(numerator, root), sp.Poly(root**2 - square, root)).as_expr()) == 0
