r"""Tensors of a metric given in a chart, as programs in coordinates, constants and jets of unknown functions.

Two forms, of which the shorter is taken: *closed*, the exact components in canonical form; and *jets*, the metric and
its derivatives along the shared graph, put into the one staged program of the jet frame. The canonical form of a
general metric swells, that of Kerr's Ricci tensor is zero.
"""

from __future__ import annotations

import itertools
import keyword
from typing import Any, Literal

import sympy as sp

from geomflow.codegen.derivatives import Tangents
from geomflow.codegen.emit import RESERVED
from geomflow.codegen.graph import Graph, Node
from geomflow.codegen.layouts import components
from geomflow.codegen.program import Argument, Program
from geomflow.codegen.quantities import QUANTITIES, Quantity, staged
from geomflow.codegen.reading import Reader
from geomflow.codegen.sharing import reduced
from geomflow.core.errors import ArgumentError, DerivationError, GenerationError
from geomflow.symbolic.charts.metric import Metric
from geomflow.symbolic.jets import JetFrame, pairs

Form = Literal["auto", "closed", "jets"]
#: Terms in the components of a metric, and unknown functions in it, up to which its canonical form is tried.
_MOST_TERMS, _MOST_FUNCTIONS = 80, 4
#: Derivatives that curvature takes of the metric.
_ORDER = 2


def metric_program(
    metric: Metric, quantity: str, *, name: str | None = None, form: Form = "auto", derivatives: bool = True
) -> Program:
    r"""Return the program of one tensor of a metric, its independent components only.

    Its arguments are `point (n, *batch)`, one number or batch for each constant of the chart, and for each unknown
    function an array of its value and derivatives, ordered as `function_jet` says.

    Args:
        metric: a metric in a chart (or in a frame, for which only the closed form exists).
        quantity: a name of `QUANTITIES`.
        name: the function's name; that of the quantity by default.
        form: "closed", "jets", or the one with fewer operations.
        derivatives: generate the rules for `jvp` and `grad` as well.

    Raises:
        CatalogueError: there is no such quantity.
        ArgumentError: the dimension is too small for it, or "jets" is asked for in a frame.
    """
    asked = QUANTITIES[quantity]
    if metric.dim < asked.least:
        raise ArgumentError(f"`{quantity}` needs dimension {asked.least} or more, but this chart has {metric.dim}.")
    if form not in ("auto", "closed", "jets"):
        raise ArgumentError(f'Argument `form` must be "auto", "closed" or "jets", but is "{form}".')
    if form == "jets" and metric.frame is not None:
        raise ArgumentError("In a frame only the closed form can be generated. Use form='closed', or to_coordinates.")
    forms = [form] if form != "auto" else _forms(metric)
    if quantity == "volume" and metric.frame is None:
        forms = ["jets"]  # √|det g|: the canonical form takes the root in one region of the chart only
    candidates = []
    for each in forms:
        sheet = _Sheet(metric)
        try:
            candidates.append((sheet, sheet.closed(asked) if each == "closed" else sheet.jets(quantity)))
        except DerivationError:  # the field does not hold the canonical form
            if len(forms) == 1:
                raise
    sheet, outputs = min(candidates, key=lambda c: _operations(c[0].graph, c[1]) if len(candidates) > 1 else 0)
    doc = (
        f"${asked.latex}$ of $ds^2 = {metric.latex()}$.\n\nComponents {_listed(asked, metric)}.\n\n{sheet.described()}"
    )
    title = name or quantity.replace("-", "_")
    return Program(title, sheet.arguments(outputs), outputs, doc=doc, derivatives=derivatives, graph=sheet.graph)


def function_jet(arity: int, order: int) -> list[tuple[int, ...]]:
    r"""Return the derivatives of an unknown function in the order of its argument: value, first, second, ...

    Each is a sorted tuple of places among the coordinates the function depends on: `()`, `(0,)`, `(1,)`, `(0, 0)`, ...
    """
    return [c for k in range(order + 1) for c in itertools.combinations_with_replacement(range(arity), k)]


def _forms(metric: Metric) -> list[Form]:
    if metric.frame is not None:
        return ["closed"]
    terms = sum(len(e.num) for e in metric.curvature.matrix.ravel())
    short = terms <= _MOST_TERMS and len(metric.chart.functions) <= _MOST_FUNCTIONS
    return ["jets", "closed"] if short else ["jets"]


def _operations(graph: Graph, outputs: list[Node]) -> int:
    found, nodes = reduced(graph, outputs)
    return found.operations(nodes)


def _listed(quantity: Quantity, metric: Metric) -> str:
    indices = components(quantity.symmetry, metric.dim)
    names = metric.labels
    return ", ".join(" ".join(names[i] for i in index) for index in indices) if indices != ((),) else "one"


class _Sheet:
    r"""The names of a chart as variables of one graph."""

    def __init__(self, metric: Metric):
        self.metric, self.chart, self.graph = metric, metric.chart, Graph()
        self.names: dict[str, str] = {}
        taken = {"point", "keep"}
        for symbol in (*self.chart.coordinates, *self.chart.constants):
            self.names[symbol.name] = _variable(symbol.name, taken)
        self.functions = {name: _variable(name, taken) for name in self.chart.functions}
        known: dict[Any, Node] = {s: self.graph.symbol(self.names[s.name]) for s in self._symbols()}
        self.reader = Reader(self.graph, known)
        self.order = dict.fromkeys(self.functions, 0)

    def _symbols(self) -> tuple[sp.Symbol, ...]:
        return (*self.chart.coordinates, *self.chart.constants)

    def read(self, element: Any) -> Node:
        r"""Return a field element as a node."""
        expression: Any = self.chart.sympy(element)
        for name, function in self.chart.functions.items():
            derived = [d for d in expression.atoms(sp.Derivative) if d.expr == function]
            self.reader.known[function] = self.jet(name, ())
            for d in derived:
                by = [function.args.index(x) for x, n in d.variable_count for _ in range(int(n))]
                self.reader.known[d] = self.jet(name, tuple(sorted(by)))
        return self.reader(expression)

    def jet(self, name: str, by: tuple[int, ...]) -> Node:
        r"""Return the variable that holds a derivative of an unknown function."""
        self.order[name] = max(self.order[name], len(by))
        return self.graph.symbol(self._jet_name(name, by))

    def _jet_name(self, name: str, by: tuple[int, ...]) -> str:
        arguments = self.chart.functions[name].args
        suffix = "".join(
            self.names[arguments[i].name] if len(arguments[i].name) == 1 else f"_{self.names[arguments[i].name]}"
            for i in by
        )
        return self.functions[name] + (f"_{suffix.lstrip('_')}" if by else "_value")

    def closed(self, quantity: Quantity) -> list[Node]:
        r"""Return the components of a quantity in canonical form."""
        entry = quantity.exact(self.metric)
        outputs = [self.read(entry(*index)) for index in components(quantity.symmetry, self.metric.dim)]
        for index, node in zip(components(quantity.symmetry, self.metric.dim), outputs):
            self.label(node, "_".join([quantity.label, "".join(map(str, index))]).rstrip("_"))
        return outputs

    def label(self, node: Node, name: str) -> None:
        r"""Name a node, unless it is a number or a variable."""
        if self.graph.nodes[node][0] not in ("number", "symbol", "constant"):
            self.graph.labels.setdefault(node, name)

    def jets(self, quantity: str) -> list[Node]:
        r"""Return the components of a quantity by the staged program, at the jets of this metric."""
        n = self.metric.dim
        frame, expressions = staged(quantity, n)
        g = {(i, j): self.read(self.metric.curvature.metric(i, j)) for i, j in pairs(n)}
        along = [self._along(k) for k in range(n)]
        jets: dict[Any, Node] = {}
        for (i, j), node in g.items():
            component = frame.metric(i, j)
            self.label(node, str(component))
            jets[component] = node
            for k in range(n):
                first = jets[frame.derivative(component, k)] = along[k](node)
                self.label(first, f"d{component}_{k}")
                for l in range(k, n):
                    jets[frame.derivative(frame.derivative(component, k), l)] = along[l](first)
        reader = Reader(self.graph, jets)
        self._stages(frame, reader, expressions)
        return [reader(e) for e in expressions]

    def _stages(self, frame: JetFrame, reader: Reader, expressions: list[Any]) -> None:
        # in the order of their dependence; those that are nothing but numbers vanish of themselves
        stack = sorted({s for e in expressions for s in e.free_symbols}, key=str)
        while stack:
            symbol: Any = stack[-1]
            if symbol in reader.known:
                stack.pop()
                continue
            value = frame.assignments[symbol]
            missing = sorted((s for s in value.free_symbols if s not in reader.known), key=str)
            if missing:
                stack.extend(missing)
            else:
                reader.known[symbol] = reader(value)
                self.label(reader.known[symbol], str(symbol))
                stack.pop()

    def _along(self, k: int) -> Tangents:
        # ∂_k on every variable: coordinates, and the jets of functions up to the order that curvature needs
        seeds = {self.graph.symbol(self.names[self.chart.coordinates[k].name]): self.graph.one}
        for name, function in self.chart.functions.items():
            if self.chart.coordinates[k] in function.args:
                place = function.args.index(self.chart.coordinates[k])
                for by in function_jet(len(function.args), self.order[name] + _ORDER - 1):
                    variable = self.graph.symbol(self._jet_name(name, by))
                    seeds[variable] = self.graph.symbol(self._jet_name(name, tuple(sorted((*by, place)))))
        return Tangents(self.graph, seeds)

    def arguments(self, outputs: list[Node]) -> list[Argument]:
        r"""Return the arguments of the function: the point, the constants, the jets of functions that occur."""
        symbol = lambda s: sp.Symbol(self.names[s.name])  # noqa: E731
        found = [Argument("point", tuple(symbol(x) for x in self.chart.coordinates))]
        found += [Argument(self.names[c.name], symbol(c)) for c in self.chart.constants]
        used = self.graph.symbols(outputs)
        for name, function in self.chart.functions.items():
            arity = len(function.args)
            orders = [len(by) for by in function_jet(arity, 6) if self._jet_name(name, by) in used]
            jet = function_jet(arity, max([_ORDER, *orders]))
            found.append(Argument(self.functions[name], tuple(sp.Symbol(self._jet_name(name, by)) for by in jet)))
        return found

    def described(self) -> str:
        r"""Return what the arguments are, in words."""
        rows = [f"point: ({', '.join(x.name for x in self.chart.coordinates)}), shape ({self.metric.dim}, *batch)"]
        if self.chart.constants:
            rows.append(
                f"{', '.join(self.names[c.name] for c in self.chart.constants)}: numbers, or arrays of shape (*batch)"
            )
        for name, function in self.chart.functions.items():
            shown = ", ".join(self._jet_name(name, by) for by in function_jet(len(function.args), _ORDER))
            rows.append(f"{self.functions[name]}: the function and its derivatives ({shown}, ...), components first")
        return "Arguments (dimensionless):\n    " + "\n    ".join(rows)


def _variable(name: str, taken: set[str]) -> str:
    # Greek and other letters are fine in Python; words of the language are not.
    variable = name
    while variable in taken or variable in RESERVED or keyword.issoftkeyword(variable):
        variable += "_"
    if not variable.isidentifier():
        raise GenerationError(f"`{name}` cannot be a Python variable. Rename it in the chart.", unknown=name)
    taken.add(variable)
    return variable
