r"""Unknown functions of an expression, such as u(log |z|²), with their derivatives as generators.

The chain rule is built into the field: the jets \(u_\alpha\) of a function \(u(s^1, s^2, \ldots)\) are generators with

    ∂_k u_α = Σ_a u_{α + e_a} ∂_k s^a,

so a whole class of metrics (every U(n)-invariant Kähler metric, say) is one metric with unknown jets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import sympy as sp

from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.field.field import Element, Generator
from geomflow.symbolic.field.printing import Printer
from geomflow.symbolic.field.tower import Tower

_MOST_PRIMES = 3


class Jet(sp.Function):
    r"""A derivative \(u_\alpha\) of an unknown function at its arguments; SymPy applies the chain rule to it."""

    symbol = ""
    order: tuple[int, ...] = (0,)

    def fdiff(self, argindex: int = 1) -> Any:
        r"""Return the derivative by one argument: the next jet."""
        return jet(self.symbol, _raised(self.order, argindex - 1))(*self.args)

    def letters(self) -> list[str]:
        r"""Return what the arguments are called in u_{st}: their names, and s, r, q, p for expressions."""
        free = iter("srqp")
        return [str(a) if isinstance(a, sp.Symbol) else next(free, "a") for a in self.args]

    def _sympystr(self, printer: Any) -> str:
        if len(self.args) == 1:
            return self.symbol + "'" * self.order[0]
        below = "".join(name * n for name, n in zip(self.letters(), self.order))
        return self.symbol + (f"_{below}" if below else "")

    def _latex(self, printer: Any, exp: Any = None) -> str:
        above, below, n = "", "", self.order[0]
        if len(self.args) == 1:
            above = "'" * n if n <= _MOST_PRIMES else f"^{{({n})}}"
        else:
            below = "".join(name * n for name, n in zip(self.letters(), self.order))
        text = sp.latex(sp.Symbol(self.symbol)) + (f"_{{{below}}}" if below else "") + above
        return text if exp is None else rf"\left({text}\right)^{{{exp}}}" if above else f"{text}^{{{exp}}}"


@cache
def jet(symbol: str, order: tuple[int, ...]) -> type[Jet]:
    r"""Return the SymPy function \(u_\alpha\) for the multi-index α = `order`."""
    name = symbol + "_" + "_".join(map(str, order))
    return type(name, (Jet,), {"symbol": symbol, "order": order, "nargs": len(order)})


def _raised(order: tuple[int, ...], place: int) -> tuple[int, ...]:
    return tuple(n + (k == place) for k, n in enumerate(order))


class ComposedTower(Tower):
    r"""A tower that also holds functions of expressions."""

    def __init__(self, coordinates: Sequence[sp.Symbol], constants: Sequence[sp.Symbol] = ()):
        self._composed: dict[sp.Expr, Element] = {}
        super().__init__(coordinates, constants)

    def convert(self, expression: sp.Expr) -> Element:
        r"""Return a surveyed expression as an element; a jet becomes a generator."""
        if not isinstance(expression, Jet):
            return super().convert(expression)
        if expression not in self._composed:
            arguments = self.elements(expression.args)

            def derive(k: int) -> Element:
                pairs = [(self.convert(expression.fdiff(a + 1)), s.derivative(k)) for a, s in enumerate(arguments)]
                return self.field.dot(pairs)

            self._composed[expression] = self.field.adjoin(Generator(expression, derive))[0]
        return self._composed[expression]


def compose(chart: Chart, functions: Mapping[str, Sequence[sp.Expr]]) -> None:
    r"""Give a chart that holds no element yet unknown functions of expressions: `{"u": [log(x**2 + y**2)]}`."""
    chart.tower = ComposedTower(chart.coordinates, chart.constants)
    chart.sympy = Printer(chart.tower)
    for name, arguments in functions.items():
        chart.functions[name] = jet(name, (0,) * len(arguments))(*arguments)


def derivatives_named(chart: Chart, text: str) -> str:
    r"""Return text in which `u''` of a composed function reads `u_2`, and declare such names (and `v_st`)."""
    for name, function in [(n, f) for n, f in chart.functions.items() if isinstance(f, Jet) and not any(f.order)]:
        if len(function.args) == 1:
            text = re.sub(rf"\b{name}('+)", lambda m, name=name: f"{name}_{len(m.group(1))}", text)
            for n in {int(n) for n in re.findall(rf"\b{name}_(\d+)\b", text)}:
                chart.functions[f"{name}_{n}"] = jet(name, (n,))(*function.args)
        else:
            for marks in {m for m in re.findall(rf"\b{name}_(\w+)\b", text) if set(m) <= set(function.letters())}:
                order = tuple(marks.count(letter) for letter in function.letters())
                chart.functions[f"{name}_{marks}"] = jet(name, order)(*function.args)
    return text
