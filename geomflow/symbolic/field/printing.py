r"""From field elements back to SymPy, LaTeX and text.

Half-angle tangents are taken back to sines and cosines first: with u = sin A/(1 + cos A) an element becomes
\(a(\cos A) + b(\cos A)\sin A\), a canonical form again, in which \((1-\cos A)(1+\cos A)\) is read as \(\sin^2 A\).
Numerator and denominator are printed factored.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cmp_to_key
from itertools import groupby
from typing import TYPE_CHECKING, Any

import sympy as sp
from flint import fmpq_mpoly
from sympy.core.function import AppliedUndef
from sympy.printing.latex import LatexPrinter
from sympy.printing.str import StrPrinter

from geomflow.symbolic.field.field import Element, Field, Generator

if TYPE_CHECKING:
    from geomflow.symbolic.charts.tensor import Tensor
    from geomflow.symbolic.field.tower import Tower

_MOST_TERMS_FACTORED = 400
_FEW_TERMS = 30


class Printer:
    r"""Translates the elements of one tower to SymPy; `printer(element)` is an exact SymPy expression."""

    def __init__(self, tower: Tower):
        self.tower = tower
        self._size = -1
        self._factors: dict[int, Element] = {}

    def __call__(self, element: Element) -> sp.Expr:
        r"""Return the element as a SymPy expression."""
        field = self.tower.field
        element = field.lifted(element)
        if element.is_constant():
            content = element.num.leading_coefficient() if not element.is_zero() else 0
            return sp.Rational(int(content.p), int(content.q)) if content else sp.S.Zero
        self._refresh()
        shown = self._translated(element.num)
        for i, e in element.den.items():
            if i not in self._factors:
                self._factors[i] = self._translated(field.factor(i)).inverse()
            shown = shown * self._factors[i] ** e
        return self._fraction(shown)

    # --- the field that is printed: cosines in place of half tangents, sines as radicals over them ---------------

    def _refresh(self) -> None:
        generators = self.tower.field.generators
        if self._size == len(generators):
            return
        self._size, self._factors = len(generators), {}
        self.shown, self.symbols, self._sines = Field(0), [], {}
        zero = self.shown.zero
        self.shown.adjoin(*(Generator(g.meaning, lambda k: zero) for g in generators))
        for i, generator in enumerate(generators):
            kind = _kind(generator)
            self.symbols.append(self._symbol(generator, kind))
            if kind in ("circular", "hyperbolic"):
                c = self.shown.generator(i)
                square = 1 - c * c if kind == "circular" else c * c - 1
                self._sines[i] = len(self.shown.generators)
                self.shown.adjoin(Generator(generator.meaning, lambda k: zero, 2, square))
        for i in self._sines:
            kind, argument = generators[i].meaning
            self.symbols.append(sp.sin(argument) if kind == "circular" else sp.sinh(argument))
        for i, generator in enumerate(generators):
            if generator.meaning is None and generator.radicand is not None:
                radicand = self.tower.field.lifted(generator.radicand)
                self.symbols[i] = sp.root(self._fraction(self._translated(radicand.num)), generator.degree)

    def _symbol(self, generator: Generator, kind: str) -> sp.Expr:
        meaning = generator.meaning
        if kind == "circular":
            return sp.cos(meaning[1])
        if kind == "hyperbolic":
            return sp.cosh(meaning[1])
        if isinstance(meaning, tuple):
            function, order = meaning
            by = [(x, n) for x, n in zip(self.tower.coordinates, order) if n]
            return sp.Derivative(function, *by) if by else function
        return meaning

    def _translated(self, num: fmpq_mpoly, done: int = 0) -> Element:
        # Horner in sin/(1 + cos), one angle after the other.
        field = self.tower.field
        degrees = num.degrees()
        for i in sorted(self._sines)[done:]:
            done += 1
            if degrees[i] > 0:
                s, c = self.shown.generator(self._sines[i]), self.shown.generator(i)
                tangent = s * (1 + c).inverse()
                parts = field.split(num, i)
                total = self.shown.zero
                for k in range(max(parts), -1, -1):
                    total = total * tangent
                    if k in parts:
                        total = total + self._translated(parts[k], done)
                return total
        width = self.shown.context.nvars()
        padded = {(*e, *(0,) * (width - len(e))): q for e, q in num.to_dict().items()}
        return Element(self.shown, self.shown.context.from_dict(padded), {})

    # --- to SymPy ------------------------------------------------------------------------------------------------

    def _fraction(self, element: Element) -> sp.Expr:
        powers: list[tuple[fmpq_mpoly, int]] = []
        constant = sp.S.One
        if len(element.num) <= _MOST_TERMS_FACTORED:
            content, factors = element.num.factor()
            constant = sp.Rational(int(content.p), int(content.q))
            powers += [(f, int(e)) for f, e in factors]
        else:
            powers.append((element.num, 1))
        powers += [(self.shown.factor(i), -e) for i, e in element.den.items()]
        constant, powers, squares = self._pythagoras(constant, powers)
        above = [squares, *(self.polynomial(f) ** e for f, e in powers if e > 0)]
        below = [self.polynomial(f) ** (-e) for f, e in powers if e < 0]
        return sp.Mul(constant, *above) / sp.Mul(*below)

    def _pythagoras(self, constant: sp.Expr, powers: list[tuple[fmpq_mpoly, int]]) -> tuple:
        # (cos A - 1)(cos A + 1) = -sin² A, above and below alike; (cosh A - 1)(cosh A + 1) = sinh² A.
        squares = sp.S.One
        for i, s in self._sines.items():
            c = self.shown.context.gen(i)
            exponents = [next((e for f, e in powers if f == g), 0) for g in (c - 1, c + 1)]
            if exponents[0] * exponents[1] > 0:
                shared = min(exponents, key=abs)
                powers = [(f, e - shared if f in (c - 1, c + 1) else e) for f, e in powers]
                squares *= self.symbols[s] ** (2 * shared)
                if isinstance(self.symbols[i], sp.cos):
                    constant = -constant if shared % 2 else constant
        return constant, [(f, e) for f, e in powers if e], squares

    def polynomial(self, num: fmpq_mpoly) -> sp.Expr:
        r"""Return a polynomial of the printed field in SymPy."""
        used = [i for i, degree in enumerate(num.degrees()) if degree] if not num.is_zero() else []
        special = [self.symbols[i] for i in used if not isinstance(self.symbols[i], _SIMPLE)]
        simple = not special or (len(special) == 1 and isinstance(special[0], sp.exp))
        build = _sum if simple else _evaluated_sum
        powers = {}
        terms = []
        for exponents, q in num.to_dict().items():
            factors = []
            for i in used:
                e = int(exponents[i])
                if e:
                    if (i, e) not in powers:
                        powers[i, e] = self.symbols[i] ** e
                    factors.append(powers[i, e])
            terms.append((sp.Rational(int(q.p), int(q.q)), factors))
        return build(terms)


#: What SymPy has nothing to combine in.
_SIMPLE = (sp.Symbol, AppliedUndef, sp.Derivative, sp.sin, sp.cos, sp.sinh, sp.cosh, sp.log)


def _evaluated_sum(terms: list[tuple[Any, list]]) -> sp.Expr:
    return sp.Add(*(sp.Mul(q, *factors) for q, factors in terms))


def _sum(terms: list[tuple[Any, list]]) -> Any:
    # The same sum, put into SymPy's order here: SymPy compares every two terms from scratch.
    if len(terms) < _FEW_TERMS:
        return _evaluated_sum(terms)
    atoms = {f for q, factors in terms for f in (q, *factors)}
    rank = {f: k for k, f in enumerate(sorted(atoms, key=cmp_to_key(sp.Basic.compare)))}
    constant, single, products = [], [], []
    for q, factors in terms:
        factors.sort(key=rank.__getitem__)
        parts = factors if q == 1 else [q, *factors]
        if not factors:
            constant.append(q)
        elif len(parts) == 1:
            single.append(parts[0])
        else:
            key = (len(parts), *(rank[f] for f in parts))
            products.append((key, sp.Mul(*parts, evaluate=False)))
    products.sort(key=lambda pair: pair[0])
    single.sort(key=rank.__getitem__)
    ordered = [term for _, term in products]
    # SymPy compares classes first: all products stand together among the single powers.
    before = [f for f in single if ordered and f.compare(ordered[0]) < 0]
    return sp.Add(*constant, *before, *ordered, *single[len(before) :], evaluate=False)


def _kind(generator: Generator) -> str:
    # "circular", "hyperbolic", or nothing: the first of a pair may also be an unknown function.
    first = generator.meaning[0] if isinstance(generator.meaning, tuple) else None
    return first if isinstance(first, str) else ""


class _ChartLatex(LatexPrinter):
    r"""LaTeX as in papers: f for f(r), f' for one coordinate, \partial_x\partial_y f for several."""

    def _print_AppliedUndef(self, expr: Any, exp: Any = None) -> str:
        name = sp.latex(sp.Symbol(expr.func.__name__))
        return name if exp is None else f"{name}^{{{exp}}}"

    def _print_Derivative(self, expr: Any) -> str:
        name = sp.latex(sp.Symbol(expr.expr.func.__name__))
        order = sum(int(n) for _, n in expr.variable_count)
        if len(expr.expr.args) == 1 and order <= 3:
            return name + "'" * order
        marks = "".join(
            rf"\partial_{{{sp.latex(x)}}}" + (f"^{{{n}}}" if n > 1 else "") + " " for x, n in expr.variable_count
        )
        return marks + name


class _ChartText(StrPrinter):
    r"""Text that a chart reads back: f for f(r), f'' for one coordinate, diff(u, x, 2, y) for several."""

    def _print_AppliedUndef(self, expr: Any) -> str:
        return expr.func.__name__

    def _print_Derivative(self, expr: Any) -> str:
        if not isinstance(expr.expr, AppliedUndef):
            return super()._print_Derivative(expr)
        name, order = expr.expr.func.__name__, sum(int(n) for _, n in expr.variable_count)
        if len(expr.expr.args) == 1:
            return name + "'" * order
        return f"diff({name}, " + ", ".join(f"{x}, {n}" if n > 1 else str(x) for x, n in expr.variable_count) + ")"


def latex(expression: sp.Expr) -> str:
    r"""Return LaTeX of an expression on a chart."""
    return _ChartLatex({"order": "none"}).doprint(expression)


def text(expression: sp.Expr) -> str:
    r"""Return an expression on a chart as text that the chart reads back."""
    return _ChartText({"order": "none"}).doprint(expression).replace("**", "^")


def indices_latex(names: Sequence[str], up: Sequence[bool]) -> str:
    r"""Return indices in LaTeX: neighbours on one level joined, levels staggered: \(R^{r}{}_{\theta r\theta}\)."""
    out = ""
    for level, group in groupby(zip(names, up), key=lambda pair: pair[1]):
        joined = ""
        for name, _ in group:
            space = " " if re.search(r"\\[A-Za-z]+$", joined) and name[:1].isalpha() else ""
            joined += space + name
        out += ("{}" if out else "") + ("^" if level else "_") + "{" + joined + "}"
    return out


def components_latex(tensor: Tensor, symbol: str) -> str:
    r"""Return the non-vanishing components as an aligned display, indices being the names of the coordinates."""
    names = tensor.metric.labels_latex
    rows = []
    for index, element in tensor.nonzero():
        marks = indices_latex([names[i] for i in index], tensor.up)
        rows.append(f"{symbol}{marks} &= {latex(tensor.metric.chart.sympy(element))}")
    body = " \\\\\n".join(rows) or f"{symbol} &= 0"
    return "\\begin{aligned}\n" + body + "\n\\end{aligned}"


def components_text(tensor: Tensor, most: int = 40, terms: int = 500) -> str:
    r"""Return the non-vanishing components as lines of text.

    Args:
        tensor: the tensor.
        most: how many lines at most.
        terms: a component with more terms than that is counted, not written.
    """
    names = tensor.metric.labels
    lines = []
    for index, element in tensor.nonzero():
        if len(lines) == most:
            lines.append("...")
            break
        marks = "".join(("^" if up else "_") + names[i] for up, i in zip(tensor.up, index))
        count = len(element.num)
        value = f"... {count} terms" if count > terms else text(tensor.metric.chart.sympy(element))
        lines.append(f"{marks} = {value}" if marks else str(value))
    return "\n".join(lines) or "0"
