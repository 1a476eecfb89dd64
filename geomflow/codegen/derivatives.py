r"""Derivatives of a shared graph: forwards along tangents and backwards from cotangents, as nodes of the same graph.

Both reuse the nodes of the value: \(\partial x^{-1} = -(x^{-1})^2\partial x\). Derivatives of functions are SymPy's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import sympy as sp

from geomflow.codegen.functions import FUNCTIONS, REAL_LINEAR
from geomflow.codegen.graph import Graph, Node, topological
from geomflow.core.errors import GenerationError


def forward(graph: Graph, outputs: Sequence[Node], tangents: Mapping[Node, Node]) -> list[Node]:
    r"""Return \(\sum_x \partial_x f\,\dot x\) for every output f.

    Args:
        graph: the graph, which grows.
        outputs: nodes.
        tangents: x -> \(\dot x\), for variables or other nodes; those that are absent do not move.

    Raises:
        GenerationError: a function is met whose derivative is not known.

    Good values: at most three times the operations of the outputs.
    """
    change = Tangents(graph, tangents)
    return [change(node) for node in outputs]


class Tangents:
    r"""The derivative along one direction, node by node, each computed once."""

    def __init__(self, graph: Graph, tangents: Mapping[Node, Node]):
        self.graph = graph
        self._known: dict[Node, Node] = dict(tangents)

    def __call__(self, output: Node) -> Node:
        r"""Return the derivative of a node."""
        known = self._known
        stack = [output]
        while stack:
            node = stack[-1]
            if node in known:
                stack.pop()
                continue
            missing = [part for part in self.graph.parts(node) if part not in known]
            if missing:
                stack.extend(missing)
            else:
                known[node] = self._derived(node)
                stack.pop()
        return known[output]

    def _derived(self, node: Node) -> Node:
        graph, known = self.graph, self._known
        kind, *rest = graph.nodes[node]
        if kind == "select":
            condition, yes, no = rest
            return graph.select(condition, known[yes], known[no])
        moving = [x for x in graph.parts(node) if known[x] != graph.zero] if kind in ("sum", "product", "call") else []
        if not moving:
            return graph.zero
        if kind == "sum":
            return graph.linear((known[x], a) for x, a in rest[1])
        if kind == "call" and rest[0] in REAL_LINEAR:
            part, factor = REAL_LINEAR[rest[0]]
            return graph.call(part, graph.multiply(factor(graph, rest[1][0]), known[rest[1][0]]))
        return graph.add(*(graph.multiply(partial, known[x]) for x, partial in partials(graph, node, set(moving))))


def backward(
    graph: Graph, outputs: Sequence[Node], cotangents: Sequence[Node], variables: Sequence[Node]
) -> list[Node]:
    r"""Return \(\sum_f \bar f\,\partial_x f\) for every variable x: reverse mode on the graph.

    Args:
        graph: the graph, which grows.
        outputs: the nodes f.
        cotangents: \(\bar f\), one for each output.
        variables: the nodes x.

    Raises:
        GenerationError: a function is met whose derivative is not known.

    Good values: about four times the operations of the outputs, however many variables.
    """
    wanted = _depending(graph, outputs, variables)
    arriving: dict[Node, list[tuple[Node, Any]]] = {}
    for output, cotangent in zip(outputs, cotangents, strict=True):
        arriving.setdefault(output, []).append((cotangent, 1))
    order = [node for node, _ in topological(graph, outputs)]
    adjoint: dict[Node, Node] = {}
    for node in reversed(order):
        if node not in wanted:
            continue
        bar = adjoint[node] = graph.linear(arriving.get(node, ()))
        kind, *rest = graph.nodes[node]
        if bar == graph.zero:
            continue
        if kind == "sum":
            for x, a in rest[1]:
                if x in wanted:
                    arriving.setdefault(x, []).append((bar, a))
        elif kind == "select":
            condition, yes, no = rest
            for x, share in ((yes, (bar, graph.zero)), (no, (graph.zero, bar))):
                if x in wanted:
                    arriving.setdefault(x, []).append((graph.select(condition, *share), 1))
        elif kind in ("product", "call"):
            if kind == "call" and rest[0] in REAL_LINEAR:
                part, factor = REAL_LINEAR[rest[0]]
                share = graph.multiply(_pulled(graph, part, bar), factor(graph, rest[1][0]))
                arriving.setdefault(rest[1][0], []).append((share, 1))
                continue
            for x, partial in partials(graph, node, wanted):
                arriving.setdefault(x, []).append((graph.multiply(bar, partial), 1))
    return [adjoint.get(x, graph.zero) for x in variables]


def _pulled(graph: Graph, part: str, bar: Node) -> Node:
    # the transpose with respect to the pairing Re(a b), JAX's
    if part == "conjugate":
        return graph.call("conjugate", bar)
    real = graph.call("re", bar)
    return real if part == "re" else graph.times(-1j, real)


def _depending(graph: Graph, outputs: Sequence[Node], variables: Sequence[Node]) -> set[Node]:
    moving = set(variables)
    for node, _ in topological(graph, outputs):
        if any(part in moving for part in graph.parts(node)):
            moving.add(node)
    return moving


def partials(graph: Graph, node: Node, wanted: set[Node]) -> list[tuple[Node, Node]]:
    r"""Return (x, ∂f/∂x) for those parts x of a product or a function value f that are wanted."""
    kind, *rest = graph.nodes[node]
    if kind == "product":
        return _of_product(graph, node, rest[0], wanted)
    function, arguments = rest
    found = _of_function(graph, node, function, arguments)
    pairs = []
    for x, partial in zip(arguments, found):
        if x in wanted:
            if partial is None:
                raise GenerationError(
                    f"The derivative of `{function}` by one of its arguments is not known. Generate the function "
                    "without derivatives, or keep that argument fixed.",
                    unknown=function,
                )
            pairs.append((x, partial))
    return pairs


def _of_product(graph: Graph, node: Node, factors: tuple, wanted: set[Node]) -> list[tuple[Node, Node]]:
    count = len(factors)
    powers = [graph.power(x, e) for x, e in factors]
    # products of the powers before and after each, so that k factors need 3k products and not k²
    before, after = [graph.one] * count, [graph.one] * count
    for i in range(1, count):
        before[i] = graph.multiply(before[i - 1], powers[i - 1])
        after[count - 1 - i] = graph.multiply(after[count - i], powers[count - i])
    pairs = []
    for i, (x, e) in enumerate(factors):
        if x not in wanted:
            continue
        # a whole power loses one; any other is divided by x, which is there already
        lowered = graph.power(x, e - 1) if e == int(e) and e > 0 else graph.multiply(powers[i], graph.power(x, -1))
        pairs.append((x, graph.times(e, graph.multiply(before[i], lowered, after[i]))))
    return pairs


def _of_function(graph: Graph, node: Node, function: str, arguments: tuple[Node, ...]) -> Sequence[Node | None]:
    known = FUNCTIONS[function].partials
    if known is not None:
        return known(graph, *arguments)
    from geomflow.codegen.reading import Reader

    dummies, value, found = _sympy_partials(function, len(arguments))
    read = Reader(graph, {**dict(zip(dummies, arguments)), value: node})
    return [None if partial is None else read(partial) for partial in found]


@cache
def _sympy_partials(function: str, count: int) -> tuple[list[Any], Any, list[Any]]:
    # The partial derivatives in terms of the arguments, and of the value where it stands in them (exp, tan, tanh).
    dummies = sp.symbols(f"_a:{count}", real=True)
    applied = getattr(sp, function)(*dummies)
    value = sp.Symbol("_value", real=True)
    return list(dummies), value, [applied.fdiff(i + 1).subs(applied, value) for i in range(count)]
