r"""From a shared graph to Python source: a line for every node that is named or used twice, the others inline."""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from typing import Any

from geomflow.codegen.functions import FUNCTIONS, SPECIAL
from geomflow.codegen.graph import Graph, Node, operations
from geomflow.core.errors import GenerationError

#: Names a variable of a generated module may not have.
RESERVED = frozenset({"jax", "jnp", "jsp", *SPECIAL, *keyword.kwlist})

# How tightly a text binds: a sum, a product, a power, a name or a call.
_SUM, _PRODUCT, _POWER, _ATOM = range(4)
#: Whole numbers beyond 32 bits are written as floats: JAX refuses them where it runs in float32.
_EXACT = 2**31 - 1
#: An inline text longer than this becomes a line of its own.
_LONG = 72

Text = tuple[str, int]


@dataclass(frozen=True)
class Line:
    r"""One assignment: the name, its source, the names in it, and its cost per point in additions."""

    name: str
    source: str
    parts: tuple[str, ...]
    cost: int


def names_in(source: str) -> list[str]:
    r"""Return the names of variables in a piece of source, attributes and functions left out."""
    return re.findall(r"(?<![\w.])[A-Za-z_]\w*(?![\w(.])", source)


def emit(graph: Graph, outputs: Sequence[Node], taken: Collection[str] = ()) -> tuple[list[Line], list[str]]:
    r"""Return the lines of a straight-line program, and the source of each output.

    Args:
        graph: the graph; its labels become names.
        outputs: the nodes wanted.
        taken: names that are in use.

    Raises:
        GenerationError: a symbol that cannot be a Python variable.
    """
    return _Emitter(graph, outputs, taken).run()


#: What the call of a function costs, in additions (a sine measured).
_CALL = 100


def _weight(node: tuple) -> int:
    return _CALL if node[0] == "call" and node[1] in FUNCTIONS else operations(node)


class _Emitter:
    def __init__(self, graph: Graph, outputs: Sequence[Node], taken: Collection[str]):
        self.graph, self.outputs = graph, outputs
        self.uses = graph.uses(outputs)
        self.names = {*taken, *graph.symbols(outputs), *RESERVED}
        self.fresh = (name for i in count() if (name := f"t{i}") not in self.names)
        self.lines: list[Line] = []
        self.costs: dict[Node, int] = {}
        self.texts: dict[Node, Text] = {}

    def run(self) -> tuple[list[Line], list[str]]:
        results = set(self.outputs)
        for node in self.uses:
            kind = self.graph.nodes[node][0]
            text = self.text(node)
            cost = _weight(self.graph.nodes[node]) + sum(self.costs[x] for x in self.graph.parts(node))
            simple = kind in ("number", "constant", "symbol")
            label = self.graph.labels.get(node)
            long = len(text[0]) > _LONG and node not in results
            if not simple and (label is not None or self.uses[node] > 1 or long):
                name = self.name(label)
                self.lines.append(Line(name, text[0], tuple(names_in(text[0])), cost))
                text, cost = (name, _ATOM), 0
            self.texts[node], self.costs[node] = text, cost
        return self.lines, [self.texts[o][0] for o in self.outputs]

    def name(self, label: str | None) -> str:
        if label is None:
            return next(self.fresh)
        candidates = (label if k == 1 else f"{label}_{k}" for k in count(1))
        name = next(c for c in candidates if c not in self.names)
        self.names.add(name)
        return name

    def text(self, node: Node) -> Text:
        kind, *rest = self.graph.nodes[node]
        match kind:
            case "number":
                return number(rest[0])
            case "constant":
                return rest[0], _ATOM
            case "symbol":
                return variable(rest[0]), _ATOM
            case "sum":
                return self.sum(rest[0], rest[1])
            case "product":
                return self.product(rest[0])
            case "call":
                return self.call(rest[0], [self.texts[x] for x in rest[1]])
            case "select":
                return f"jnp.where({', '.join(self.texts[x][0] for x in rest)})", _ATOM
            case "compare":
                return f"({self.texts[rest[1]][0]} {rest[0]} {self.texts[rest[2]][0]})", _ATOM
            case _:
                return self.logic(rest[0], [self.texts[x][0] for x in rest[1]]), _ATOM

    def sum(self, constant: Any, terms: tuple[tuple[Node, Any], ...]) -> Text:
        sizes: dict[Any, list[tuple[Node, bool]]] = {}
        for x, a in terms:
            negative = not isinstance(a, complex) and a < 0
            sizes.setdefault(-a if negative else a, []).append((x, negative))
        parts: list[tuple[bool, str]] = []
        for size, members in sizes.items():
            if size == 1:
                parts += [(negative, bracketed(self.texts[x], _PRODUCT)) for x, negative in members]
            elif len(members) == 1:
                x, negative = members[0]
                parts.append((negative, f"{factor(size)}*{bracketed(self.texts[x], _PRODUCT)}"))
            else:  # c·(x + y - z): one multiplication
                minus = all(negative for _, negative in members)
                inner = [(negative != minus, bracketed(self.texts[x], _PRODUCT)) for x, negative in members]
                parts.append((minus, f"{factor(size)}*({signed(inner)})"))
        if constant != 0:
            negative = not isinstance(constant, complex) and constant < 0
            parts.append((negative, bracketed(number(-constant if negative else constant), _PRODUCT)))
        text = signed(parts)
        single = len(parts) == 1 and not parts[0][0]
        return text, _PRODUCT if single else _SUM

    def product(self, factors: tuple[tuple[Node, Any], ...]) -> Text:
        above = [self.power(x, e) for x, e in factors if e > 0]
        below = [self.power(x, -e) for x, e in factors if e < 0]
        if len(above) == 1 and not below:
            return above[0]
        text = "*".join(bracketed(f, _POWER if i else _PRODUCT) for i, f in enumerate(above)) or "1"
        if len(below) == 1:
            text += "/" + bracketed(below[0], _POWER)
        elif below:
            text += "/(" + "*".join(bracketed(f, _POWER) for f in below) + ")"
        return text, _PRODUCT

    def power(self, x: Node, exponent: Any) -> Text:
        base = bracketed(self.texts[x], _ATOM)
        if exponent == 1:
            return self.texts[x]
        if self.graph.nodes[x][0] in ("constant", "number"):  # Python's own power: no operation of JAX
            return f"{base}**{factor(exponent)}", _POWER
        if exponent == int(exponent):
            return f"{base}**{exponent}", _POWER
        whole, half = divmod(Fraction(exponent), 1)
        if half == Fraction(1, 2):
            root = f"jnp.sqrt({self.texts[x][0]})"
            rest = [] if whole == 0 else [base if whole == 1 else f"{base}**{whole}"]
            return "*".join([*rest, root]), _PRODUCT if rest else _ATOM
        return f"jnp.power({self.texts[x][0]}, {number(exponent)[0]})", _ATOM

    def call(self, function: str, arguments: list[Text]) -> Text:
        if function == "reciprocal":
            return f"1/{bracketed(arguments[0], _POWER)}", _PRODUCT
        if function == "reciprocal_root":
            return f"1/jnp.sqrt({arguments[0][0]})", _PRODUCT
        return f"{FUNCTIONS[function].source}({', '.join(text for text, _ in arguments)})", _ATOM

    def logic(self, word: str, conditions: list[str]) -> str:
        if word == "not":
            return f"jnp.logical_not({conditions[0]})"
        text = conditions[0]
        for other in conditions[1:]:
            text = f"jnp.logical_{word}({text}, {other})"
        return text


def bracketed(text: Text, least: int) -> str:
    r"""Return a text in brackets if it binds less tightly than it must."""
    return text[0] if text[1] >= least else f"({text[0]})"


def signed(parts: Sequence[tuple[bool, str]]) -> str:
    r"""Return the sum of (is negative, text), positive summands first."""
    ordered = [p for p in parts if not p[0]] + [p for p in parts if p[0]]
    text = ("-" if ordered[0][0] else "") + ordered[0][1]
    return text + "".join(f" {'-' if negative else '+'} {t}" for negative, t in ordered[1:])


def number(value: Any) -> Text:
    r"""Return the source of a constant."""
    if isinstance(value, bool):
        return str(value), _ATOM
    if isinstance(value, complex):
        if not (math.isfinite(value.real) and math.isfinite(value.imag)):
            return "jnp.nan", _ATOM
        return repr(value), _ATOM if repr(value)[0] != "-" else _SUM
    if isinstance(value, Fraction):
        p, q = value.numerator, value.denominator
        if q & (q - 1) and max(abs(p), q) <= _EXACT:
            return f"{p}/{q}", _PRODUCT if p > 0 else _SUM
    text = str(value) if isinstance(value, int) and abs(value) <= _EXACT else _float(value)
    return text, _ATOM if text[0] != "-" else _SUM


def _float(value: Any) -> str:
    try:
        value = float(value)
    except OverflowError:
        value = math.inf if value > 0 else -math.inf
    if math.isfinite(value):
        return repr(value)
    return "jnp.nan" if math.isnan(value) else "jnp.inf" if value > 0 else "-jnp.inf"


def factor(value: Any) -> str:
    r"""Return the source of a constant as a factor."""
    return bracketed(number(value), _ATOM)


def variable(name: str) -> str:
    r"""Return a name if it can be a variable of a module."""
    if not name.isidentifier() or name in RESERVED:
        raise GenerationError(
            f"The symbol `{name}` cannot be a Python variable. Rename it before generating code.", unknown=name
        )
    return name
