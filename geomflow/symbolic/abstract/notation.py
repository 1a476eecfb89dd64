r"""How abstract-index expressions are printed: LaTeX and plain text, with indices up and down.

Summed indices get letters in reading order, the first occurrence above and the second below; complete
contractions are folded to \(|T|^2\), traces to \(\operatorname{tr} v\) and \(\nabla^i\nabla_i\) to \(\Delta\).
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sympy as sp

if TYPE_CHECKING:
    from geomflow.symbolic.abstract.expression import Expression, Factor, Head, Monomial

_LETTERS = "ijklmpqrstabcd"


@dataclass(frozen=True)
class _Style:
    r"""The few symbols in which LaTeX and plain text differ."""

    latex: bool
    nabla: str
    laplace: str
    trace: str
    bar: str

    def symbol(self, factor: Factor) -> str:
        return symbol(factor.head) if self.latex else factor.head.name

    def norm_symbol(self, factor: Factor) -> str:
        name = factor.head.name
        if factor.head.kind == "curvature":
            return rf"\mathrm{{{name}}}" if self.latex else name
        return self.symbol(factor)

    def power(self, base: str, exponent: int) -> str:
        if exponent == 1:
            return base
        if self.latex:
            return f"{base}^{{{exponent}}}"
        return base + _superscript(str(exponent))

    def indices(self, marks: list[tuple[str, bool]]) -> str:
        runs: list[tuple[str, bool]] = []
        for letter, up in marks:
            if runs and runs[-1][1] == up:
                runs[-1] = (runs[-1][0] + letter, up)
            else:
                runs.append((letter, up))
        if self.latex:
            return "{}".join(("^" if up else "_") + "{" + letters + "}" for letters, up in runs)
        return "".join(("^" if up else "_") + letters for letters, up in runs)

    def weight(self, factor: Factor) -> str:
        field, exponent = factor.head.field, factor.head.exponent
        assert field is not None
        body = exponent * sp.Symbol(symbol(field) if self.latex else field.name)
        return f"e^{{{sp.latex(body)}}}" if self.latex else f"e^({body})" if exponent != -1 else f"e^-{field.name}"

    def coefficient(self, value: sp.Expr) -> str:
        if value == 1:
            return ""
        if value.is_Number and self.latex and not value.is_Integer:
            return rf"\tfrac{{{sp.numer(value)}}}{{{sp.denom(value)}}}"
        body = sp.latex(value) if self.latex else plain(value)
        if value.is_Add or (not self.latex and "/" in body):
            return rf"\left({body}\right)" if self.latex else f"({body})"
        return body


_LATEX = _Style(True, r"\nabla", r"\Delta ", r"\operatorname{tr} ", "|")
_TEXT = _Style(False, "∇", "Δ ", "tr ", "|")


def plain(value: sp.Expr) -> str:
    r"""Return plain text for a constant, with the superscripts of the rest: `8 alpha²`."""
    powers = re.sub(r"\*\*(\d+)", lambda match: _superscript(match[1]), str(value))
    return powers.replace("**", "^").replace("*", " ")


def _superscript(digits: str) -> str:
    return "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] for digit in digits)


def symbol(head: Head) -> str:
    r"""Return the LaTeX symbol of a head: its own, a Greek letter by its name, or the name."""
    return head.latex or (head.name if len(head.name) == 1 else sp.latex(sp.Symbol(head.name)))


def latex(expression: Expression) -> str:
    r"""Return LaTeX for the expression, without dollar signs."""
    return _sum(expression, _LATEX)


def bracketed(expression: Expression) -> str:
    r"""Return LaTeX for the expression, in brackets if it is a sum."""
    return latex(expression) if len(expression.terms) == 1 else rf"\left({latex(expression)}\right)"


def text(expression: Expression) -> str:
    r"""Return one line of plain text for the expression."""
    return _sum(expression, _TEXT)


def _sum(expression: Expression, style: _Style) -> str:
    pieces = []
    for coefficient, factors in expression.terms:
        negative = coefficient.could_extract_minus_sign()
        magnitude = style.coefficient(-coefficient if negative else coefficient)
        body = _product(factors, expression.free, expression.up, style)
        pieces.append((negative, " ".join(part for part in (magnitude, body) if part) or "1"))
    if not pieces:
        return "0"
    first = ("-" if pieces[0][0] else "") + pieces[0][1]
    return first + "".join((" - " if negative else " + ") + piece for negative, piece in pieces[1:])


def _product(factors: Monomial, free: frozenset[str], up: frozenset[str], style: _Style) -> str:
    letters = {name: name for name in free}
    pool = iter(letter for letter in _LETTERS if letter not in free)
    seen: set[str] = set()

    def mark(slot: str) -> tuple[str, bool]:
        # A summed index stands above where it is read first and below where it is read again.
        if slot in free:
            return slot, slot in up
        letters.setdefault(slot, next(pool) if slot not in letters else "")
        above = slot not in seen
        seen.add(slot)
        return letters[slot], above

    scalars: Counter[str] = Counter()
    pieces: list[str] = []
    weights: list[str] = []
    rest = list(factors)
    while rest:
        factor = rest.pop(0)
        twin = _twin(factor, rest)
        if factor.head.kind == "weight":
            weights.append(style.weight(factor))
        elif twin is not None:
            rest.remove(twin)
            scalars[_norm(factor, style)] += 2
        elif not factor.slots:
            scalars[style.symbol(factor)] += 1
        else:
            pieces.append(_factor(factor, style, mark))
    powers = [style.power(base, exponent) for base, exponent in scalars.items()]
    return " ".join(powers + pieces + weights)


def _twin(factor: Factor, rest: list[Factor]) -> Factor | None:
    # |T|^2: the same head contracted slot by slot. `rest` has every later factor.
    if not factor.slots or len(set(factor.slots)) < len(factor.slots) or factor.head.kind == "metric":
        return None
    return next((other for other in rest if other == factor), None)


def _norm(factor: Factor, style: _Style) -> str:
    order = len(factor.derivatives)
    operator = (style.power(style.nabla, order) + (" " if style.latex else "")) if order else ""
    return style.bar + operator + style.norm_symbol(factor) + style.bar


def _factor(factor: Factor, style: _Style, mark) -> str:
    operators = []
    slots = list(factor.derivatives)
    while slots:
        if len(slots) > 1 and slots[0] == slots[1]:
            operators.append(style.laplace)
            slots = slots[2:]
        else:
            operators.append(style.nabla + style.indices([mark(slots.pop(0))]) + " ")
    body = style.symbol(factor)
    if factor.head.rank == 2 and factor.indices[0] == factor.indices[1]:
        body = style.trace + body
    elif factor.indices:
        body += style.indices([mark(slot) for slot in factor.indices])
    return "".join(operators) + body
