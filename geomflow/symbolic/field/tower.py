r"""The tower of functions over a chart: SymPy expressions become elements of one differential field.

Generators are chosen so that there are as few relations as can be:

    sin, cos, tan, sinh, ..., exp  ->  tan(A/2), tanh(A/2), exp A   (`geomflow.symbolic.field.angles`)
    P^(1/q), b^p, log b            ->  for each irreducible factor  (`geomflow.symbolic.field.powers`)
    f(x, y), ∂f                    ->  jets, ∂_k f_α = f_{α+k}

They are algebraically independent as long as the arguments are polynomials (the functions sin x, e^x, log x, x^p of
independent arguments are): what is not zero is then not zero. A function outside this list enters as a generator with
SymPy's derivative; it is named in `Tower.opaque`, since a relation it satisfies is not known. What is found to be zero
is zero in any case.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations_with_replacement
from typing import Any

import sympy as sp
from flint import fmpq
from sympy.core.function import AppliedUndef

from geomflow.core.errors import DerivationError
from geomflow.symbolic.field.angles import CIRCULAR, HYPERBOLIC, Angles
from geomflow.symbolic.field.field import Element, Field, Generator
from geomflow.symbolic.field.powers import Powers

_REFUSED = (sp.Piecewise, sp.Derivative, sp.Integral, sp.Sum, sp.Product, sp.Subs, sp.Limit, sp.Abs, sp.sign)


class ExactnessWarning(UserWarning):
    r"""An expression holds a function whose relations are not known; zero is still proved, non-zero is not."""


class Tower:
    r"""The field of a chart together with the translation from SymPy.

    Args:
        coordinates: the coordinates x^i.
        constants: symbols whose derivatives vanish.
    """

    def __init__(self, coordinates: Sequence[sp.Symbol], constants: Sequence[sp.Symbol] = ()):
        self.coordinates = tuple(coordinates)
        self.field = Field(len(self.coordinates))
        self.opaque: list[sp.Expr] = []
        self.angles, self.powers = Angles(self), Powers(self)
        self._known: dict[Any, Element] = {}
        self._surveyed: set[Any] = set()
        self._jets: dict[tuple[AppliedUndef, tuple[int, ...]], int] = {}
        self._functions: list[AppliedUndef] = []
        zero, one = self.field.zero, self.field.one
        symbols = (*self.coordinates, *constants)
        derivations = [lambda j, k=k: one if j == k else zero for k in range(len(symbols))]
        generators = (Generator(x, derive) for x, derive in zip(symbols, derivations))
        self._known |= zip(symbols, self.field.adjoin(*generators))

    # --- entry points --------------------------------------------------------------------------------------------

    def elements(self, expressions: Sequence[Any]) -> list[Element]:
        r"""Return expressions as elements of the field.

        Raises:
            DerivationError: an undeclared symbol, a floating-point number, or a function that does not fit.
        """
        exact = [sp.sympify(e) for e in expressions]
        self.survey(exact)
        return [self.convert(e) for e in exact]

    def element(self, expression: Any) -> Element:
        r"""Return one expression as an element."""
        return self.elements([expression])[0]

    def root(self, element: Element, q: int) -> Element:
        r"""Return \(a^{1/q}\), taken factor by factor: √(ab) = √a √b, √(a²) = ±a."""
        return self.powers.root(element, q)

    def sample(self, element: Element) -> float:
        r"""Return an element at a sample point, as a floating-point number."""
        return self.powers.sample(element)

    def slope(self, argument: Any, k: int) -> Element:
        r"""Return \(\partial_k\) of a surveyed expression."""
        return self.convert(argument).derivative(k)

    def survey(self, expressions: Sequence[Any]) -> None:
        r"""Look through expressions before they are converted: the units of arguments, the degrees of roots."""
        later, stack = [], list(expressions)
        while stack:
            node = stack.pop()
            if node in self._surveyed:
                continue
            self._surveyed.add(node)
            if node.is_Symbol or node.is_Rational:
                continue
            if node.is_Float:
                raise DerivationError(
                    f"The number {float(node):g} is a floating-point number, which is not exact. Write it as a "
                    f"fraction: {sp.nsimplify(node)}."
                )
            stack.extend(node.args)
            if isinstance(node, AppliedUndef):
                if node not in self._functions:
                    self._functions.append(node)
            elif node.is_Pow and not node.exp.is_Integer and node.base is not sp.E:
                later.append(node)
            elif node.is_Function:
                self.angles.survey(node)
        for node in reversed(later):
            if node.exp.is_Rational:
                self.powers.announce(self.convert(node.base), int(node.exp.q))
            else:
                self.powers.survey(node.base, node.exp)

    # --- translation ---------------------------------------------------------------------------------------------

    def convert(self, expression: Any) -> Element:
        r"""Return a surveyed expression as an element."""
        known = self._known.get(expression)
        if known is None:
            known = self._known[expression] = self._convert(expression)
        return known

    def _convert(self, e: Any) -> Element:
        if e.is_Rational:
            return self.field.constant(fmpq(int(e.p), int(e.q)))
        if e.is_Add or e.is_Mul:
            total = self.convert(e.args[0])
            for part in e.args[1:]:
                total = total + self.convert(part) if e.is_Add else total * self.convert(part)
            return total
        if isinstance(e, sp.exp) or e is sp.E:
            return self.angles.exponential(e.args[0] if e.args else sp.S.One)
        if e.is_Pow:
            return self.powers.power(e.base, e.exp)
        if e is sp.I:
            return self.powers.radical("-1", self.field.constant(-1), 2)
        if e.is_NumberSymbol:
            return self._adjoin(e, lambda k: self.field.zero)
        if isinstance(e, CIRCULAR + HYPERBOLIC):
            return self.angles.trigonometric(e)
        if isinstance(e, sp.log):
            return self.powers.logarithm(self.convert(e.args[0]), e)
        if isinstance(e, AppliedUndef):
            return self.jet(e, (0,) * self.field.dim)
        if isinstance(e, sp.Derivative) and isinstance(e.expr, AppliedUndef):
            order = [0] * self.field.dim
            variables: Any = e.variable_count
            for x, count in variables:
                if x not in self.coordinates:
                    raise DerivationError(f"`{e}` is differentiated by `{x}`, which is not a coordinate of the chart.")
                order[self.coordinates.index(x)] += int(count)
            return self.jet(e.expr, tuple(order))
        if e.is_Symbol:
            raise DerivationError(
                f"The symbol `{e}` is neither a coordinate of the chart ({', '.join(map(str, self.coordinates))}) nor "
                f'a declared constant. Declare it: Chart(..., constants="{e}").'
            )
        if isinstance(e, _REFUSED) or not e.args or not isinstance(e, sp.Function):
            raise DerivationError(
                f"`{type(e).__name__}` does not fit into the field of a chart, in `{e}`. Use functions with a "
                "derivative, declare symbols positive so that roots of squares are not absolute values, or declare an "
                "unknown function with functions={...}."
            )
        self.note_opaque(e)
        return self._adjoin(e, lambda k: self.element(sp.diff(e, self.coordinates[k])))

    def _adjoin(self, meaning: Any, derive: Callable[[int], Element]) -> Element:
        return self.field.adjoin(Generator(meaning, derive))[0]

    def note_opaque(self, e: Any) -> None:
        r"""Take note, and warn, that an expression enters as an independent function."""
        self.opaque.append(e)
        warnings.warn(
            f"`{e.func}` enters as an independent function: what comes out zero is zero, but something printed as "
            "non-zero may vanish by a relation that is not known.",
            ExactnessWarning,
            stacklevel=2,
        )

    # --- jets of unknown functions -------------------------------------------------------------------------------

    def jet(self, function: AppliedUndef, order: tuple[int, ...]) -> Element:
        r"""Return the derivative \(f_\alpha\) of an unknown function as an element.

        Raises:
            DerivationError: the function is not one of different coordinates.
        """
        if (function, order) not in self._jets:
            if not set(function.args) <= set(self.coordinates) or len(set(function.args)) < len(function.args):
                raise DerivationError(
                    f"`{function}` is not a function of different coordinates of the chart. Declare one that is, such "
                    f'as functions={{"{function.func.__name__}": "{self.coordinates[0]}"}}, or change coordinates.'
                )
            # All jets of this order at once: the field grows in few steps.
            functions = self._functions if function in self._functions else [function]
            functions = [f for f in functions if set(f.args) <= set(self.coordinates)]
            jets = [(f, o) for f in functions for o in self._orders(f, sum(order)) if (f, o) not in self._jets]
            if (function, order) not in jets:
                return self.field.zero
            first = len(self.field.generators)
            self._jets |= {jet: first + i for i, jet in enumerate(jets)}
            self.field.adjoin(*(Generator(jet, self._shifted(*jet)) for jet in jets))
        return self.field.generator(self._jets[function, order])

    def _shifted(self, function: AppliedUndef, order: tuple[int, ...]) -> Callable[[int], Element]:
        return lambda k: self.jet(function, tuple(o + (j == k) for j, o in enumerate(order)))

    def _orders(self, function: AppliedUndef, total: int) -> Iterator[tuple[int, ...]]:
        # A derivative by a coordinate the function does not depend on is zero and no jet.
        arguments = [k for k, x in enumerate(self.coordinates) if x in function.args]
        for chosen in combinations_with_replacement(arguments, total):
            yield tuple(chosen.count(k) for k in range(self.field.dim))
