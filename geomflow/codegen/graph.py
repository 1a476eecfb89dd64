r"""The shared graph: expressions as numbered nodes, each made once, in the order in which they can be computed.

Equal subexpressions are one node (that is the common subexpression elimination), numbers are folded as nodes are made,
and the rational numbers stay exact until they are printed. Nothing is ever expanded or simplified: the graph is the
fast representation of an expression, the field of `geomflow.symbolic` the exact one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any, TypeAlias

#: The number of a node in its graph.
Node: TypeAlias = int
#: An exact or floating constant.
Number: TypeAlias = Any


def _exact(value: Number) -> Number:
    return value.numerator if isinstance(value, Fraction) and value.denominator == 1 else value


def _root(value: Number, exponent: Fraction) -> Number:
    # value^exponent, exact where it is rational; what no float holds is infinite
    try:
        return _power(value, exponent)
    except OverflowError:
        return math.inf


def _power(value: Number, exponent: Fraction) -> Number:
    base = Fraction(value) if isinstance(value, (int, Fraction)) else None
    if exponent.denominator == 1:
        return _exact(base ** int(exponent)) if base is not None else value ** int(exponent)
    if base is not None and base >= 0 and exponent.denominator == 2:
        p, q = math.isqrt(base.numerator), math.isqrt(base.denominator)
        if p * p == base.numerator and q * q == base.denominator:
            return _exact(Fraction(p, q) ** exponent.numerator)
    return complex(value) ** float(exponent) if _negative(value) else float(value) ** float(exponent)


def _negative(value: Number) -> bool:
    return isinstance(value, complex) or value < 0


class Graph:
    r"""A growing list of nodes. A node is a tuple that begins with its kind; its parts are nodes made before it.

    - `("number", value)`, `("constant", source)`, `("symbol", name)`;
    - `("sum", c, ((x, a), ...))`: \(c + \sum a\,x\), `("product", ((x, e), ...))`: \(\prod x^e\), e rational;
    - `("call", function, (x, ...))`; `("select", condition, x, y)`; `("compare", sign, x, y)` and
      `("logic", word, (x, ...))` for conditions.

    Good values: up to 10⁶ nodes (some 2 µs and 300 bytes each).
    """

    def __init__(self) -> None:
        self.nodes: list[tuple] = []
        self.labels: dict[Node, str] = {}
        self._index: dict[tuple, Node] = {}
        self.zero, self.one = self.number(0), self.number(1)

    def _node(self, *node: Any) -> Node:
        # 1, 1.0 and True are one dictionary key, so the type of a number is part of the key
        key = (*node, type(node[1])) if node[0] in ("number", "sum") else node
        if key not in self._index:
            self._index[key] = len(self.nodes)
            self.nodes.append(node)
        return self._index[key]

    # --- making nodes ----------------------------------------------------------------------------------------------

    def number(self, value: Number) -> Node:
        r"""Return a constant."""
        return self._node("number", _exact(value))

    def constant(self, source: str) -> Node:
        r"""Return a constant known by its source, `jnp.pi`."""
        return self._node("constant", source)

    def symbol(self, name: str) -> Node:
        r"""Return a variable."""
        return self._node("symbol", name)

    def call(self, function: str, *arguments: Node) -> Node:
        r"""Return the value of a function of the table `geomflow.codegen.functions`."""
        return self._node("call", function, arguments)

    def compare(self, sign: str, left: Node, right: Node) -> Node:
        r"""Return the condition `left sign right`."""
        return self._node("compare", sign, left, right)

    def logic(self, word: str, *conditions: Node) -> Node:
        r"""Return `and`, `or` or `not` of conditions."""
        return self._node("logic", word, conditions)

    def select(self, condition: Node, yes: Node, no: Node) -> Node:
        r"""Return `yes` where the condition holds and `no` elsewhere; both are computed everywhere."""
        return yes if yes == no else self._node("select", condition, yes, no)

    def value(self, node: Node) -> Number | None:
        r"""Return the number a node is, or None."""
        return self.nodes[node][1] if self.nodes[node][0] == "number" else None

    def scaled(self, node: Node) -> tuple[Number, Node]:
        r"""Return a and x of a node \(a\,x\); a number is itself times one."""
        kind, *parts = self.nodes[node]
        if kind == "number":
            return parts[0], self.one
        if kind == "sum" and parts[0] == 0 and len(parts[1]) == 1:
            ((x, a),) = parts[1]
            return a, x
        return 1, node

    def linear(self, terms: Iterable[tuple[Node, Number]], constant: Number = 0) -> Node:
        r"""Return \(c + \sum a\,x\); equal x are collected, numbers folded."""
        collected: dict[Node, Number] = {}
        for node, factor in terms:
            a, x = self.scaled(node)
            if x == self.one:
                constant += a * factor
            else:
                collected[x] = collected.get(x, 0) + a * factor
        kept = tuple((x, _exact(a)) for x, a in sorted(collected.items()) if a != 0)
        constant = _exact(constant)
        if not kept:
            return self.number(constant)
        if constant == 0 and len(kept) == 1 and kept[0][1] == 1:
            return kept[0][0]
        return self._node("sum", constant, kept)

    def add(self, *nodes: Node) -> Node:
        r"""Return the sum of nodes."""
        return self.linear((node, 1) for node in nodes)

    def times(self, number: Number, node: Node) -> Node:
        r"""Return a multiple of a node."""
        return self.linear([(node, number)])

    def product(self, factors: Iterable[tuple[Node, Fraction | int]]) -> Node:
        r"""Return \(\prod x^e\); numbers are taken out, equal bases collected."""
        number: Number = 1
        exponents: dict[Node, Fraction | int] = {}
        for node, exponent in factors:
            exponent = Fraction(exponent)
            a, x = self.scaled(node)
            whole = exponent.denominator == 1
            if x == self.one:
                number *= _root(a, exponent) if a != 0 or exponent > 0 else math.inf
                continue
            if whole and a != 0:
                number *= _root(a, exponent)
            else:
                x = node
            kind, *parts = self.nodes[x]
            if kind == "product" and whole and len(parts[0]) == 1:  # (x^e)^k
                ((x, e),) = parts[0]
                exponent *= e
            exponents[x] = exponents.get(x, 0) + exponent
        if number == 0:
            return self.zero
        kept = tuple((x, _exact(e)) for x, e in sorted(exponents.items()) if e != 0)
        if not kept:
            return self.number(number)
        node = kept[0][0] if len(kept) == 1 and kept[0][1] == 1 else self._node("product", kept)
        return self.times(number, node)

    def multiply(self, *nodes: Node) -> Node:
        r"""Return the product of nodes."""
        return self.product((node, 1) for node in nodes)

    def power(self, node: Node, exponent: Fraction | int) -> Node:
        r"""Return \(x^e\), e rational."""
        return self.product([(node, exponent)])

    # --- looking at nodes ------------------------------------------------------------------------------------------

    def parts(self, node: Node) -> tuple[Node, ...]:
        r"""Return the nodes a node is made of."""
        return parts(self.nodes[node])

    def label_of_power(self, node: Node, exponent: Fraction | int) -> str | None:
        r"""Return the name of \(x^e\), if it was made and has one."""
        made = self._index.get(("product", ((node, _exact(Fraction(exponent))),)))
        return self.labels.get(made) if made is not None else None

    def reachable(self, outputs: Iterable[Node]) -> list[Node]:
        r"""Return every node the outputs depend on, in the order in which they can be computed."""
        seen: set[Node] = set()
        stack = list(outputs)
        while stack:
            node = stack.pop()
            if node not in seen:
                seen.add(node)
                stack.extend(self.parts(node))
        return sorted(seen)

    def symbols(self, outputs: Iterable[Node]) -> set[str]:
        r"""Return the names of the variables the outputs depend on."""
        return {self.nodes[i][1] for i in self.reachable(outputs) if self.nodes[i][0] == "symbol"}

    def uses(self, outputs: Iterable[Node]) -> dict[Node, int]:
        r"""Return how often each node is referred to by those the outputs need, and by the outputs."""
        outputs = list(outputs)
        count = dict.fromkeys(self.reachable(outputs), 0)
        for node in (*outputs, *(part for i in count for part in self.parts(i))):
            count[node] += 1
        return count

    def operations(self, outputs: Iterable[Node]) -> int:
        r"""Return the number of arithmetic operations and function calls of a joint evaluation."""
        return sum(operations(self.nodes[i]) for i in self.reachable(outputs))

    def remade(self, node: Node, other: Graph, image: Mapping[Node, Node]) -> Node:
        r"""Make a node once more in another graph, its parts replaced by their images."""
        kind, *rest = self.nodes[node]
        match kind:
            case "sum":
                return other.linear(((image[x], a) for x, a in rest[1]), rest[0])
            case "product":
                return other.product((image[x], e) for x, e in rest[0])
            case "call":
                return other.call(rest[0], *(image[x] for x in rest[1]))
            case "select":
                return other.select(*(image[x] for x in rest))
            case "compare":
                return other.compare(rest[0], image[rest[1]], image[rest[2]])
            case "logic":
                return other.logic(rest[0], *(image[x] for x in rest[1]))
        return other._node(kind, *rest)


def parts(node: tuple) -> tuple[Node, ...]:
    r"""Return the nodes a node refers to."""
    kind, *rest = node
    if kind == "sum":
        return tuple(x for x, _ in rest[1])
    if kind == "product":
        return tuple(x for x, _ in rest[0])
    if kind in ("call", "logic"):
        return rest[1]
    if kind == "select":
        return tuple(rest)
    return tuple(rest[1:]) if kind == "compare" else ()


def operations(node: tuple) -> int:
    r"""Return the arithmetic operations of one node; a call of a function is one."""
    kind, *rest = node
    if kind == "sum":
        sizes = [abs(a) for _, a in rest[1]]
        scalings = len({size for size in sizes if size != 1})
        return len(sizes) - 1 + (rest[0] != 0) + scalings
    if kind == "product":
        return len(rest[0]) - 1 + sum(_power_cost(e) for _, e in rest[0])
    return int(kind in ("call", "select", "compare", "logic"))


def _power_cost(exponent: Fraction | int) -> int:
    whole, half = divmod(abs(Fraction(exponent)), 1)
    squarings = max(int(whole).bit_length() - 1, 0) + max(int(whole).bit_count() - 1, 0)
    return squarings + (half != 0) + (whole != 0 and half != 0) + (exponent < 0)


def topological(graph: Graph, outputs: Iterable[Node]) -> Iterator[tuple[Node, tuple]]:
    r"""Yield the nodes the outputs need, each after its parts."""
    for node in graph.reachable(outputs):
        yield node, graph.nodes[node]
