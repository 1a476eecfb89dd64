r"""Rational expressions in one tidy form: exact arithmetic in a field, printed factored, in powers of c.

The coefficients of a dual are rational in p, q, c and parameters, above constants such as √π and i. They are reduced
in `geomflow.symbolic.field`, which decides what is zero; `simplify` is not called.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from geomflow.symbolic.field.printing import Printer
from geomflow.symbolic.field.tower import Tower
from geomflow.symbolic.kernels.duals.dual import C, P, Q

#: Functions of parameters without a derivative; they pass through the field as letters.
_LETTERS = (sp.Abs, sp.sign, sp.Heaviside, sp.Max, sp.Min, sp.Piecewise)


def factored(expression: Any) -> sp.Expr:
    r"""Return a rational expression as one factored fraction; zero comes out as 0."""
    expression = sp.sympify(expression)
    letters: dict[Any, Any] = {e: sp.Dummy(positive=e.is_positive) for e in expression.atoms(*_LETTERS)}
    expression = expression.xreplace(letters)
    tower = Tower((P, Q, C), sorted(expression.free_symbols - {P, Q, C}, key=str))
    shown: Any = Printer(tower)(tower.element(expression))
    return shown.xreplace({letter: e for e, letter in letters.items()})


def tidy(expression: Any) -> sp.Expr:
    r"""Return a rational expression factored, its factors in powers of c: $(1+p)(1+q) - c^2$, $2c^2 + pq$."""
    return sp.Mul(*(part for factor in sp.Mul.make_args(factored(expression)) for part in _in_powers_of_c(factor)))


def _in_powers_of_c(factor: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    r"""Return the rational content of a factor and the rest, a polynomial of c with factored coefficients."""
    base, power = factor.as_base_exp()
    if not (base.is_Add and power.is_Integer):
        return sp.S.One, factor
    content, base = without_content(base)
    if base.has(C) and base.is_polynomial(C):
        terms = ((without_content(factored(value)), C**k) for (k,), value in sp.Poly(base, C).terms())
        base = sp.Add(*(sp.Mul(*parts, power_of_c) for parts, power_of_c in terms))
    return content**power, base**power


def without_content(expression: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    r"""Return rational content and primitive rest; the content takes a sign that all terms share."""
    content, rest = expression.primitive()
    if rest.is_Add and all(term.could_extract_minus_sign() for term in rest.args):
        content, rest = -content, -rest
    return content, rest


def inverse_root(radicand: Any) -> sp.Expr:
    r"""Return radicand^{-1/2}, with the root of a numerator and of a denominator each."""
    numerator, denominator = sp.fraction(tidy(radicand))
    return sp.sqrt(denominator) / sp.sqrt(numerator)


def real_and_imaginary(expression: Any) -> tuple[Any, Any]:
    r"""Split a rational expression in real symbols and i; real ones are returned as they are."""
    if not expression.has(sp.I):
        return expression, sp.S.Zero
    conjugate = expression.xreplace({sp.I: -sp.I})
    return tidy((expression + conjugate) / 2), tidy((expression - conjugate) / (2 * sp.I))
