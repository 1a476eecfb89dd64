r"""What typed text means on a chart, as a SymPy expression or at once as a field element.

Names declared by the user come first: a coordinate called `E`, `I` or `gamma` hides SymPy's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sympy as sp
from flint import fmpq

from geomflow.core.errors import DerivationError
from geomflow.symbolic.field.angles import CIRCULAR, HYPERBOLIC
from geomflow.symbolic.field.field import Element
from geomflow.symbolic.field.reader import Tree, evaluate, leaves, rational, read

if TYPE_CHECKING:
    from geomflow.symbolic.charts.chart import Chart

_SMOOTH = (*CIRCULAR, *HYPERBOLIC, sp.exp, sp.log)
_OTHERS = (sp.asin, sp.acos, sp.atan, sp.asinh, sp.acosh, sp.atanh, sp.erf, sp.gamma, sp.Abs)
_BESSEL = (sp.besselj, sp.bessely, sp.besseli, sp.besselk)
#: Functions that may stand in a typed expression.
FUNCTIONS: dict[str, Any] = {f.__name__: f for f in (*_SMOOTH, *_OTHERS, *_BESSEL)} | {
    "ln": sp.log,
    "abs": sp.Abs,
    "sqrt": sp.sqrt,
    "diff": sp.diff,
}
#: Numbers with a name.
NUMBERS: dict[str, Any] = {"pi": sp.pi, "E": sp.E, "I": sp.I}


class Typed:
    r"""One text on one chart.

    Raises:
        DerivationError: the text is no expression.
    """

    def __init__(self, chart: Chart, text: str):
        self.chart, self.text, self.tree = chart, text, read(text)
        self._own = chart.names()
        self._said: dict[int, Any] = {}

    def _wrong(self, why: str) -> DerivationError:
        return DerivationError(f"Cannot read `{self.text}`: {why}")

    # --- to SymPy ------------------------------------------------------------------------------------------------

    def sympy(self, tree: Tree | None = None) -> Any:
        r"""Return the text, or a part of it, as a SymPy expression in the symbols of the chart.

        Raises:
            DerivationError: an unknown name, or a function with the wrong arguments.
        """
        tree = self.tree if tree is None else tree
        if id(tree) not in self._said:
            value = evaluate(tree, self._leaf, lambda base, exponent: self.sympy(base) ** self.sympy(exponent))
            if value.has(sp.zoo, sp.nan):
                raise self._wrong("it divides by zero.")
            self._said[id(tree)] = value
        return self._said[id(tree)]

    def _leaf(self, tree: Tree) -> Any:
        if tree.kind == "number":
            return sp.Rational(tree.value.numerator, tree.value.denominator)
        if tree.kind == "prime":
            function = self._primed(tree)
            return sp.diff(function, function.args[0], tree.value)
        if tree.kind == "name":
            return self._named(tree.value)
        name, arguments = tree.value, tree.parts
        if name in self._own:
            return self._applied(name, tuple(self.sympy(a) for a in arguments))
        function = FUNCTIONS.get(name)
        if function is None:
            raise self._unknown(name, name in NUMBERS)
        if name == "diff":
            return sp.diff(self.sympy(arguments[0]), *self._variables(arguments[1:]))
        if len(arguments) != (2 if function in _BESSEL else 1):
            raise self._wrong(f"`{name}` does not take {len(arguments)} arguments.")
        values = [self.sympy(a) for a in arguments]
        if function in _SMOOTH and values[0].is_Symbol:
            # Nothing to simplify; SymPy's rules for special values cost more than a curvature tensor.
            return function(values[0], evaluate=False)
        return function(*values)

    def _named(self, name: str) -> Any:
        if name in self._own:
            return self._own[name]
        if name in NUMBERS:
            return NUMBERS[name]
        if name in FUNCTIONS:
            raise self._wrong(
                f"`{name}` is a function and needs an argument, as in {name}({self.chart.coordinates[0]})."
            )
        raise self._unknown(name)

    def _unknown(self, name: str, number: bool = False) -> DerivationError:
        if number:
            return self._wrong(f"`{name}` is a number, not a function. Write products with *.")
        return self.chart.unknown(name, self.text)

    def _applied(self, name: str, arguments: tuple[Any, ...]) -> Any:
        function = self._own[name]
        if function.is_Symbol:
            raise self._wrong(f"`{name}` is no function of the chart. Write products with *.")
        if arguments != function.args:
            written = ", ".join(map(str, arguments))
            raise self._wrong(
                f"`{name}({written})` is not the declared function {function}. Declare another function, or change "
                "coordinates."
            )
        return function

    def _primed(self, tree: Tree) -> Any:
        (inner,) = tree.parts
        function = self._own.get(inner.value)
        if function is None or function.is_Symbol or len(function.args) != 1:
            raise self._wrong(f"a prime needs `{inner.value}` to be a declared function of one coordinate.")
        if inner.kind == "call":
            self._applied(inner.value, tuple(self.sympy(a) for a in inner.parts))
        return function

    def _variables(self, trees: tuple[Tree, ...]) -> list[tuple[Any, int]]:
        # diff(f, x, 2, y): by x twice and by y.
        found: list[tuple[Any, int]] = []
        for tree in trees:
            count = rational(tree)
            if count is not None and found and count.denominator == 1 and count > 0:
                found[-1] = (found[-1][0], int(count))
                continue
            x = self._own.get(tree.value) if tree.kind == "name" else None
            if x not in self.chart.coordinates:
                raise self._wrong("diff(f, x, 2, y) takes coordinates, each perhaps with a number after it.")
            found.append((x, 1))
        if not found:
            raise self._wrong("diff needs a coordinate, as in diff(f, x).")
        return found

    # --- to the field --------------------------------------------------------------------------------------------

    def expressions(self) -> list[Any]:
        r"""Return what has to be surveyed before `element`: the functions and symbolic powers of the text in SymPy."""
        found: list[Any] = []
        self._collect(self.tree, found)
        return found

    def _collect(self, tree: Tree, found: list[Any]) -> None:
        for leaf in leaves(tree):
            if leaf.kind == "call" and leaf.value in ("sqrt", "diff") and leaf.value not in self._own:
                self._collect(leaf.parts[0], found)
            elif leaf.kind == "call" or (leaf.kind == "^" and rational(leaf.parts[1]) is None):
                found.append(self.sympy(leaf))
            elif leaf.kind in ("name", "prime"):
                function = self._primed(leaf) if leaf.kind == "prime" else self._named(leaf.value)
                if not function.is_Symbol:
                    found.append(function)

    def roots(self) -> list[tuple[Tree, int]]:
        r"""Return the roots of the text, as radicand and degree, inner ones first."""
        found: list[tuple[Tree, int]] = []
        stack = [self.tree]
        while stack:
            for leaf in leaves(stack.pop()):
                exponent = rational(leaf.parts[1]) if leaf.kind == "^" else None
                if exponent is not None and exponent.denominator > 1:
                    found.append((leaf.parts[0], exponent.denominator))
                elif leaf.kind == "call" and leaf.value in ("sqrt", "diff") and leaf.value not in self._own:
                    stack.append(leaf.parts[0])
                    if leaf.value == "sqrt":
                        found.append((leaf.parts[0], 2))
        return found[::-1]

    def element(self, tree: Tree | None = None) -> Element:
        r"""Return the text, or a part of it, as a field element; `expressions` must have been surveyed."""
        return evaluate(self.tree if tree is None else tree, self._leaf_element, self._power_element)

    def _leaf_element(self, tree: Tree) -> Element:
        tower = self.chart.tower
        if tree.kind == "number":
            return tower.field.constant(fmpq(tree.value.numerator, tree.value.denominator))
        if tree.kind == "call" and tree.value not in self._own and tree.value in ("sqrt", "diff"):
            if tree.value == "sqrt":
                if len(tree.parts) != 1:
                    raise self._wrong("`sqrt` takes one argument.")
                return tower.root(self.element(tree.parts[0]), 2)
            value = self.element(tree.parts[0])
            for x, count in self._variables(tree.parts[1:]):
                for _ in range(count):
                    value = value.derivative(self.chart.index(x))
            return value
        return tower.convert(self.sympy(tree))

    def _power_element(self, base: Tree, exponent: Tree) -> Element:
        tower, q = self.chart.tower, rational(exponent)
        if q is None:
            return tower.convert(self.sympy(base) ** self.sympy(exponent))
        value = self.element(base)
        return (value if q.denominator == 1 else tower.root(value, q.denominator)) ** q.numerator


def elements(chart: Chart, texts: list[str]) -> list[Element]:
    r"""Return typed expressions as field elements, units of angles and degrees of roots being those of all together."""
    typed = [Typed(chart, text) for text in texts]
    found: list[Any] = []
    for t in typed:
        found += t.expressions()
    chart.tower.survey(found)
    for t in typed:
        for radicand, degree in t.roots():
            chart.tower.powers.announce(t.element(radicand), degree)
    return [t.element() for t in typed]
