r"""Differentials in text: reading \(r^2 d\theta^2 + (d\psi + \cos\theta\, d\varphi)^2\), and printing it.

An expression with differentials is a polynomial in them, graded by degree: degree 1 is a one-form, degree 2 a
quadratic form. Products are symmetric: `dx*dy` means \(\tfrac12(dx\otimes dy + dy\otimes dx)\).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import sympy as sp
from sympy.printing.str import StrPrinter

from geomflow.core.errors import ArgumentError, DerivationError
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.field import printing
from geomflow.symbolic.field.field import Element

#: Sorted positions of the differentials of a term -> its coefficient.
_Graded = dict[tuple[int, ...], sp.Expr]

_DEGREES = [
    "without a differential",
    "linear in differentials",
    "quadratic in differentials",
    "of degree three or more",
]


def one_form(chart: Chart, text: str | sp.Expr) -> np.ndarray:
    r"""Read a one-form \(\theta = \theta_i dx^i\).

    Args:
        chart: the chart.
        text: such as `"dpsi + cos(theta)*dphi"`; differentials are called d<coordinate>.

    Returns:
        The components θ_i as field elements, shape (n,).

    Raises:
        DerivationError: an unknown differential, or a term that is not linear in differentials.

    Good values: `one_form(Chart("x y"), "x*dy")`.
    """
    terms = _homogeneous(chart, text, 1)
    return chart.elements([terms.get((i,), sp.S.Zero) for i in range(chart.dim)])


def linear(chart: Chart, labels: Sequence[str], text: str, prefix: str) -> list[sp.Expr]:
    r"""Read the coefficients of a linear expression in the names prefix + label, such as d_x.

    Args:
        chart: the chart.
        labels: of the coordinates or of a frame.
        text: such as `"x*d_y - y*d_x"`, with the prefix `"d_"`.
        prefix: what stands before a label.

    Raises:
        ArgumentError: the expression is not linear.
        DerivationError: text that cannot be read.

    Good values: `linear(Chart("x y"), ["x", "y"], "x*d_y", "d_")`.
    """
    marks = [sp.Symbol(prefix + label, real=True) for label in labels]
    reader = Chart(chart.coordinates, (*chart.constants, *marks))
    reader.functions = chart.functions
    read = reader.parse(text)
    coefficients = [cast("sp.Expr", sp.diff(read, m)) for m in marks]
    if any(c.has(*marks) for c in coefficients) or read.subs(dict.fromkeys(marks, 0)) != 0:
        raise ArgumentError(f"`{text}` must be linear in {', '.join(m.name for m in marks)}.")
    return coefficients


def quadratic_form(chart: Chart, text: str | sp.Expr) -> np.ndarray:
    r"""Read a quadratic form \(q = q_{ij}\,dx^i dx^j\), symmetric.

    Args:
        chart: the chart.
        text: such as `"-f*dt^2 + dr^2/f + 2*a*dt*dphi"`.

    Returns:
        The matrix q_ij as field elements, shape (n, n).

    Raises:
        DerivationError: an unknown differential, or a term that is not quadratic in differentials.

    Good values: `quadratic_form(Chart("x y"), "(dx + dy)^2")`.
    """
    terms = _homogeneous(chart, text, 2)
    rows: list[list[sp.Expr]] = [[sp.S.Zero] * chart.dim for _ in range(chart.dim)]
    for (i, j), coefficient in terms.items():
        rows[i][j] = rows[j][i] = coefficient if i == j else coefficient / 2
    return chart.elements(rows)


def _homogeneous(chart: Chart, text: str | sp.Expr, degree: int) -> _Graded:
    differentials = [sp.Symbol(f"d{x.name}", commutative=True) for x in chart.coordinates]
    expression = _read(chart, text, differentials)
    terms = _graded(expression, {d: i for i, d in enumerate(differentials)})
    for key, coefficient in terms.items():
        if len(key) != degree and not chart.element(coefficient).is_zero():
            found = _DEGREES[min(len(key), 3)]
            product = "*".join([str(coefficient), *(differentials[i].name for i in key)])
            example = "dr or f*dt" if degree == 1 else "dr^2 or dt*dphi"
            raise DerivationError(
                f"Every term must be {_DEGREES[degree]}, such as {example}, but `{product}` in `{text}` is {found}."
            )
    return {key: coefficient for key, coefficient in terms.items() if len(key) == degree}


def _read(chart: Chart, text: str | sp.Expr, differentials: Sequence[sp.Symbol]) -> sp.Expr:
    names = {d.name for d in differentials}
    taken = sorted(names & ({s.name for s in (*chart.coordinates, *chart.constants)} | set(chart.functions)))
    if taken:
        raise DerivationError(f"`{taken[0]}` is a differential and the name of a symbol. Rename the symbol.")
    if isinstance(text, str):
        known = {s.name for s in (*chart.coordinates, *chart.constants)} | set(chart.functions)
        for word in re.findall(r"(?<![\w.])d[^\W\d]\w*", text):
            if word not in names and word not in known and word != "diff":
                raise DerivationError(
                    f"`{word}` in `{text}` is no differential of the chart; it has "
                    f"{', '.join(d.name for d in differentials)}."
                )
    reader = Chart(chart.coordinates, (*chart.constants, *differentials))
    reader.functions = chart.functions
    return reader.parse(text)


def _graded(e: Any, place: dict[sp.Symbol, int]) -> _Graded:
    # Polynomial in the differentials; coefficients stay as they were written.
    if not e.free_symbols & place.keys():
        return {(): e}
    if e in place:
        return {(place[e],): sp.S.One}
    if isinstance(e, sp.Add):
        total: _Graded = {}
        for part in e.args:
            for key, c in _graded(part, place).items():
                total[key] = total.get(key, sp.S.Zero) + c
        return total
    if isinstance(e, sp.Mul):
        factors = list(e.args)
    elif isinstance(e, sp.Pow) and isinstance(e.exp, sp.Integer) and e.exp > 0:
        factors = [e.base] * int(e.exp)
    else:
        raise DerivationError(
            f"`{e}` is no polynomial in differentials. They may be added, multiplied and squared, not divided by or "
            "put into functions."
        )
    product: _Graded = {(): sp.S.One}
    for factor in factors:
        right = _graded(factor, place)
        left, product = product, {}
        for a, p in left.items():
            for b, q in right.items():
                key = tuple(sorted(a + b))
                product[key] = product.get(key, sp.S.Zero) + p * q
    return product


# --- printing --------------------------------------------------------------------------------------------------------


class _TypedPrinter(StrPrinter):
    r"""Text that a chart reads back: f for f(r), f'' for a function of one coordinate, else diff(f, x, 2, y)."""

    def _print_AppliedUndef(self, expr: Any) -> str:
        return expr.func.__name__

    def _print_Derivative(self, expr: Any) -> str:
        name = self._print(expr.expr)
        if len(expr.expr.args) == 1:
            return name + "'" * sum(int(n) for _, n in expr.variable_count)
        by = "".join(f", {x}" + (f", {n}" if n > 1 else "") for x, n in expr.variable_count)
        return f"diff({name}{by})"


def quadratic_text(chart: Chart, matrix: np.ndarray, names: Sequence[str]) -> str:
    r"""Return a quadratic form as text that `quadratic_form` reads back.

    Args:
        chart: prints the coefficients.
        matrix: q_ij, shape (n, n).
        names: names of the one-forms, such as `["dt", "dr"]`.
    """
    parts = []
    for i, j, coefficient in _terms(chart, matrix):
        product = f"{names[i]}^2" if i == j else f"{names[i]}*{names[j]}"
        minus, written = _signed(_TypedPrinter().doprint(coefficient).replace("**", "^"), coefficient.is_Add)
        parts.append((minus, product if written == "1" else f"{written}*{product}"))
    return _joined(parts)


def quadratic_latex(chart: Chart, matrix: np.ndarray, names: Sequence[str]) -> str:
    r"""Return a quadratic form as LaTeX.

    Args:
        chart: prints the coefficients.
        matrix: q_ij, shape (n, n).
        names: the one-forms in LaTeX, such as `["dt", "dr"]`.
    """
    parts = []
    for i, j, coefficient in _terms(chart, matrix):
        bare = names[i] if re.fullmatch(r"d?(\\?[A-Za-z]+|[A-Za-z])\s*", names[i]) else rf"({names[i]})"
        product = f"{bare}^{{2}}" if i == j else rf"{names[i]}\, {names[j]}"
        minus = coefficient.could_extract_minus_sign() and not isinstance(coefficient, sp.Add)
        coefficient = -coefficient if minus else coefficient
        written = printing.latex(coefficient)
        written = rf"\left({written}\right)" if isinstance(coefficient, sp.Add) else written
        parts.append((minus, product if coefficient == 1 else rf"{written}\, {product}"))
    return _joined(parts)


def _terms(chart: Chart, matrix: np.ndarray) -> list[tuple[int, int, sp.Expr]]:
    def entry(i: int, j: int) -> Element:
        return matrix[i, j] if i == j else matrix[i, j] * 2

    n = len(matrix)
    pairs = [(i, j) for i in range(n) for j in range(i, n) if not matrix[i, j].is_zero()]
    return [(i, j, chart.sympy(entry(i, j))) for i, j in pairs]


def _signed(written: str, is_sum: bool) -> tuple[bool, str]:
    if is_sum:
        return False, f"({written})"
    return (True, written[1:]) if written.startswith("-") else (False, written)


def _joined(parts: Sequence[tuple[bool, str]]) -> str:
    text = "".join((" - " if minus else " + ") + part for minus, part in parts)
    return text.removeprefix(" + ").replace(" - ", "-", 1) if text.startswith(" - ") else text.removeprefix(" + ")
