r"""Charts: coordinates, constants, unknown functions, and the field their expressions live in."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp
from sympy.core.function import AppliedUndef

from geomflow.core.errors import ArgumentError, DerivationError
from geomflow.symbolic.charts.smooth import NOT_SMOOTH, check_smooth, not_smooth, words
from geomflow.symbolic.field.field import Element, Field
from geomflow.symbolic.field.printing import Printer
from geomflow.symbolic.field.tower import Tower
from geomflow.symbolic.field.typed import FUNCTIONS, NUMBERS, Typed
from geomflow.symbolic.field.typed import elements as typed_elements


class Chart:
    r"""A coordinate chart of any dimension.

    Args:
        coordinates: names in one string, or SymPy symbols.
        constants: names of parameters.
        functions: unknown functions, each with the coordinates it depends on: `{"f": "r", "u": "x y"}`.
        positive: names of coordinates and constants that are positive (so that √(r²) is r).

    The symbols are real, or positive; a SymPy symbol of your own is matched by name, but results have those of the
    chart: `x, y = chart.coordinates`.

    Raises:
        ArgumentError: a name given twice, or a function of something that is not a coordinate.

    Good values: `Chart("t r theta phi", constants="M a")`, `Chart("x y z", functions={"a": "x y z"})`.
    """

    #: Functions that are refused, as they are not smooth.
    refused: tuple[type, ...] = NOT_SMOOTH

    def __init__(
        self,
        coordinates: str | Sequence[sp.Symbol],
        constants: str | Sequence[sp.Symbol] = "",
        functions: Mapping[str, str] | None = None,
        positive: str = "",
    ):
        if functions is not None and not isinstance(functions, Mapping):
            raise ArgumentError(
                f'Functions are given with the coordinates they depend on, as in functions={{"f": "r"}}, but found '
                f"`{functions}`."
            )
        above = set(_names(positive))
        self.coordinates = _symbols(coordinates, above)
        self.constants = _symbols(constants, above)
        named = [s.name for s in (*self.coordinates, *self.constants)] + list(functions or {})
        doubled = sorted({name for name in named if named.count(name) > 1})
        if doubled or not self.coordinates:
            raise ArgumentError(
                f"The name `{doubled[0]}` stands twice in the chart. Give every coordinate, constant and function a "
                "name of its own."
                if doubled
                else "A chart needs at least one coordinate, as in Chart('x y')."
            )
        unknown = sorted(above - {s.name for s in (*self.coordinates, *self.constants)})
        if unknown:
            raise ArgumentError(f"`{unknown[0]}` is to be positive, but is no coordinate or constant of the chart.")
        self.functions: dict[str, Any] = {}
        known = {x.name: x for x in self.coordinates}
        for name, arguments in (functions or {}).items():
            missing = [a for a in _names(arguments) if a not in known]
            if missing or not _names(arguments):
                raise ArgumentError(
                    f"The function `{name}` must depend on coordinates of the chart ({', '.join(known)}), but found "
                    f"`{arguments}`."
                )
            _checked(name)
            self.functions[name] = sp.Function(name)(*(known[a] for a in _names(arguments)))
        self.tower = Tower(self.coordinates, self.constants)
        self.sympy = Printer(self.tower)

    @property
    def dim(self) -> int:
        r"""Dimension n."""
        return len(self.coordinates)

    @property
    def field(self) -> Field:
        r"""The field of functions on the chart."""
        return self.tower.field

    def index(self, coordinate: str | sp.Symbol | int) -> int:
        r"""Return the position of a coordinate given by name, symbol or position."""
        if isinstance(coordinate, int) and -self.dim <= coordinate < self.dim:
            return coordinate % self.dim
        names = [x.name for x in self.coordinates]
        if str(coordinate) not in names:
            raise ArgumentError(f"`{coordinate}` is no coordinate of the chart; it has {', '.join(names)}.")
        return names.index(str(coordinate))

    def names(self) -> dict[str, Any]:
        r"""Return what the names of the chart stand for: symbols, and unknown functions with their arguments."""
        return {s.name: s for s in (*self.coordinates, *self.constants)} | self.functions

    def parse(self, expression: Any) -> sp.Expr:
        r"""Return a typed or SymPy expression in the symbols of this chart.

        In text, `f` and `f(r)` both mean the declared function, `f'` and `diff(f, r)` its derivatives, `^` a power;
        decimals are exact. SymPy symbols and functions are matched by name.

        Raises:
            DerivationError: text that cannot be read, or a symbol the chart does not know.
        """
        if isinstance(expression, str):
            return self._read(expression)
        expression = _sympified(expression)
        own = {s.name: s for s in (*self.coordinates, *self.constants)}
        symbols = {s: own[s.name] for s in expression.free_symbols if s.name in own and s != own[s.name]}
        expression = expression.xreplace(symbols) if symbols else expression
        for f in expression.atoms(AppliedUndef):
            expression = self._matched(expression, f)
        unknown = sorted(str(s) for s in expression.free_symbols if s not in own.values())
        if unknown:
            raise self.unknown(unknown[0], str(expression))
        check_smooth(expression, self.coordinates, self.functions.values(), self.refused)
        return expression

    def _read(self, text: str) -> sp.Expr:
        found = words(text, self.names())
        foreign = [name for name in found if name not in FUNCTIONS]
        if foreign:
            raise not_smooth(foreign[0])
        expression = Typed(self, text).sympy()
        if found:
            check_smooth(expression, self.coordinates, self.functions.values(), self.refused)
        return expression

    def _matched(self, expression: Any, f: Any) -> Any:
        # A function made with sp.Function is declared by being used, or is the one of that name.
        name = f.func.__name__
        known = self.functions.get(name)
        if f == known:
            return expression
        if known is None and name not in self.names() and set(f.args) <= set(self.coordinates):
            self.functions[name] = f
            return expression
        if isinstance(known, AppliedUndef) and known.args == f.args:
            return expression.xreplace({f: known})
        raise DerivationError(
            f"`{f}` is not a function the chart can hold: unknown functions take coordinates of the chart "
            f"({', '.join(x.name for x in self.coordinates)}), and one name means one function"
            + (f", here {known}." if known is not None else ".")
        )

    def unknown(self, name: str, where: str) -> DerivationError:
        r"""Return the error for a name the chart does not know."""
        known = [s.name for s in (*self.coordinates, *self.constants)] + list(self.functions)
        closest = difflib.get_close_matches(name, [*known, *FUNCTIONS, *NUMBERS], n=1, cutoff=0.6)
        hint = f" Did you mean `{closest[0]}`?" if closest else ""
        return DerivationError(
            f"The symbol `{name}` in `{where}` is unknown; the chart knows {', '.join(known)}.{hint} Declare it with "
            f'constants="{name}" or functions={{"{name}": "{self.coordinates[0]}"}}.'
        )

    def elements(self, expressions: Any) -> np.ndarray:
        r"""Return a nested list or array of expressions as an object array of field elements.

        Args:
            expressions: text, numbers, SymPy expressions or field elements, in any shape.

        Raises:
            DerivationError: something that is no exact expression in the symbols of the chart.
        """
        nested = expressions.tolist() if isinstance(expressions, (sp.MatrixBase, sp.NDimArray)) else expressions
        values = whole(np.array(nested, dtype=object)) if isinstance(nested, np.ndarray) else np.array(nested, object)
        out = np.empty(values.size, dtype=object)
        for group in self._converted(list(values.ravel())):
            for i, element in group.items():
                out[i] = element
        return out.reshape(values.shape)

    def _converted(self, flat: list[Any]) -> list[dict[int, Element]]:
        # Text goes to the field directly, unless a kind of chart reads text in its own way.
        direct = type(self).parse is Chart.parse
        text = [i for i, v in enumerate(flat) if isinstance(v, str) and direct and not words(v)]
        ready = {i: v for i, v in enumerate(flat) if isinstance(v, Element)}
        rest = [i for i in range(len(flat)) if i not in ready and i not in set(text)]
        parsed = [self.parse(flat[i]) for i in rest]
        self.tower.survey(parsed)
        return [
            {i: self.field.coerce(v) for i, v in ready.items()},
            dict(zip(text, typed_elements(self, [flat[i] for i in text]))),
            dict(zip(rest, self.tower.elements(parsed))),
        ]

    def element(self, expression: Any) -> Element:
        r"""Return one expression as a field element."""
        return self.elements([expression])[0]

    def __repr__(self) -> str:
        arguments = [f'"{" ".join(x.name for x in self.coordinates)}"']
        if self.constants:
            arguments.append(f'constants="{" ".join(c.name for c in self.constants)}"')
        if self.functions:
            rows = (f'"{name}": "{" ".join(map(str, f.args))}"' for name, f in self.functions.items())
            arguments.append(f"functions={{{', '.join(rows)}}}")
        above = [s.name for s in (*self.coordinates, *self.constants) if s.is_positive]
        if above:
            arguments.append(f'positive="{" ".join(above)}"')
        return f"{type(self).__name__}({', '.join(arguments)})"


def whole(values: np.ndarray) -> np.ndarray:
    r"""Return an array with floating-point numbers that are whole as integers: `np.eye(2)` is meant exactly."""
    out = np.array(values, dtype=object)
    for index in np.ndindex(*out.shape):
        value: Any = out[index]
        if isinstance(value, float) and value.is_integer():
            out[index] = int(value)
    return out


def _names(text: Any) -> list[str]:
    if not isinstance(text, str):
        raise ArgumentError(f'Names are given in one string, such as "x y", but found `{text}`.')
    return text.replace(",", " ").split()


def _symbols(given: str | Iterable[sp.Symbol | str], positive: set[str]) -> tuple[sp.Symbol, ...]:
    names = list(given) if isinstance(given, (Sequence, set)) and not isinstance(given, str) else _names(given)
    symbols = []
    for name in names:
        if not isinstance(name, (str, sp.Symbol)):
            raise ArgumentError(f"`{name}` cannot be a name on a chart. Use text, as in Chart('x y'), or symbols.")
        if not isinstance(name, str):
            symbols.append(name)
        else:
            _checked(name)
            symbols.append(sp.Symbol(name, positive=True) if name in positive else sp.Symbol(name, real=True))
    return tuple(symbols)


def _checked(name: str) -> None:
    if not re.fullmatch(r"[^\W\d]\w*", name):
        raise ArgumentError(f"`{name}` cannot be a name on a chart. Use letters, digits and _, as in theta or x1.")


def _sympified(value: Any) -> Any:
    try:
        expression = sp.sympify(value, strict=True)
    except (sp.SympifyError, TypeError, AttributeError) as error:
        raise DerivationError(
            f"`{value}` of type {type(value).__name__} is no expression. Use text or SymPy."
        ) from error
    if not isinstance(expression, sp.Expr):
        raise DerivationError(f"`{value}` of type {type(value).__name__} is no expression. Use text or SymPy.")
    return expression
