r"""From named stages and outputs to a readable JAX function, with its derivatives in both directions."""

from __future__ import annotations

import hashlib
import itertools
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import sympy as sp

from geomflow.codegen.derivatives import backward, forward
from geomflow.codegen.emit import Line, emit
from geomflow.codegen.graph import Graph, Node
from geomflow.codegen.modules import load, module_source
from geomflow.codegen.reading import Reader
from geomflow.codegen.sharing import reduced
from geomflow.codegen.stages import staged
from geomflow.core.errors import GenerationError


@dataclass(frozen=True)
class Argument:
    r"""One argument of a generated function: a nested tuple of symbols, unpacked along leading axes.

    `Argument("dg", ((dg_00_0, dg_00_1), ...))` reads `dg[p][k]` of an array of shape `(P, n, *batch)`: every component
    is its own contiguous array and the batch comes last (several times faster on CPU than the batch first).
    """

    name: str
    symbols: Any

    def __post_init__(self) -> None:
        if any(symbol.name == self.name != path for symbol, path in self.leaves()):
            raise GenerationError(
                f"The argument `{self.name}` holds a symbol of the same name, which would overwrite it. Rename one.",
                unknown=self.name,
            )

    def leaves(self) -> list[tuple[sp.Symbol, str]]:
        r"""Return every symbol with the source that reads it."""

        def walk(tree: Any, path: str) -> list[tuple[sp.Symbol, str]]:
            if isinstance(tree, sp.Symbol):
                return [(tree, path)]
            return [leaf for i, branch in enumerate(tree) for leaf in walk(branch, f"{path}[{i}]")]

        return walk(self.symbols, self.name)

    @property
    def shape(self) -> tuple[int, ...]:
        r"""The component axes."""
        shape, tree = [], self.symbols
        while not isinstance(tree, sp.Symbol):
            shape.append(len(tree))
            tree = tree[0]
        return tuple(shape)

    def renamed(self, suffix: str) -> Argument:
        r"""Return the argument with a suffix to its name and to each of its symbols."""

        def walk(tree: Any) -> Any:
            return sp.Symbol(tree.name + suffix) if isinstance(tree, sp.Symbol) else tuple(walk(b) for b in tree)

        return Argument(self.name + suffix, walk(self.symbols))


@dataclass(frozen=True)
class Body:
    r"""The straight line of one function: what it reads, and the outputs that it returns in groups of some sizes."""

    arguments: Sequence[Argument]
    graph: Graph
    outputs: Sequence[Node]
    sizes: Sequence[int]

    @property
    def operations(self) -> int:
        r"""Number of arithmetic operations and function calls per point."""
        return self.graph.operations(self.outputs)

    @cached_property
    def lines(self) -> tuple[list[Line], list[str]]:
        r"""The assignments in order, and the source of each output."""
        names = {name for a in self.arguments for name in (a.name, *(s.name for s, _ in a.leaves()))}
        return emit(self.graph, self.outputs, {*names, "keep"})

    @cached_property
    def text(self) -> str:
        r"""The source, from reading the arguments to the return."""
        used = self.graph.symbols(self.outputs)
        leaves = [(s.name, path) for a in self.arguments for s, path in a.leaves()]
        lines, results = self.lines
        body = [f"{name} = {path}" for name, path in leaves if name in used and name != path]
        body += staged(lines, results)
        rest = iter(results)
        groups = [f"[{', '.join(itertools.islice(rest, size))}]" for size in self.sizes]
        return "\n".join([*body, f"return [{', '.join(groups)}]"])

    def function(self, name: str, doc: str = "") -> str:
        r"""Return the source of a function with this body."""
        head = f"def {name}({', '.join(a.name for a in self.arguments)}, keep):\n"
        doc = f'r"""{doc}"""\n' if doc else ""
        return head + textwrap.indent(doc + self.text, "    ") + "\n"


@dataclass(frozen=True)
class Program:
    r"""A straight-line program: arguments, named stages, outputs; prints itself as a JAX function.

    Args:
        name: the function's name.
        arguments: what it takes, in order.
        outputs: one expression per component; the function returns them stacked along a new leading axis.
        stages: named intermediates the outputs may refer to.
        doc: what it computes, as text (LaTeX welcome).
        derivatives: whether it comes with rules for `jvp` and `grad`, generated as well.
        graph: a graph that holds the outputs as nodes, in place of SymPy expressions and stages.

    Raises:
        GenerationError: an output depends on a symbol that is neither an argument nor a stage, or cannot be printed; or
            two of the symbols and arguments have one name.
    """

    name: str
    arguments: Sequence[Argument]
    outputs: Sequence[Any]
    stages: Mapping[sp.Symbol, sp.Expr] = field(default_factory=dict)
    doc: str = ""
    derivatives: bool = True
    graph: Graph | None = None

    @cached_property
    def _traced(self) -> tuple[Graph, list[Node], list[Node]]:
        # The graph before anything is shared, its outputs, and the nodes of the arguments.
        names = self._names()
        if self.graph is not None:
            unknown = self.graph.symbols(self.outputs) - names
            if unknown:
                raise self._unknown(min(unknown))
            return self.graph, list(self.outputs), [self.graph.symbol(s.name) for s in self._symbols()]
        graph = Graph()
        variables = {symbol: graph.symbol(symbol.name) for symbol in self._symbols()}
        reader = Reader(graph, variables)
        live: dict[sp.Symbol, None] = {}

        def visit(expr: sp.Expr, above: tuple[sp.Symbol, ...] = ()) -> None:
            for symbol in sorted((s for s in expr.free_symbols if isinstance(s, sp.Symbol)), key=str):
                if symbol in reader.known:
                    continue
                if symbol not in self.stages:
                    raise self._unknown(str(symbol))
                if symbol in above:
                    raise GenerationError(
                        f"The stage `{symbol}` of `{self.name}` depends on itself.", unknown=str(symbol)
                    )
                visit(self.stages[symbol], (*above, symbol))
                live[symbol] = None
                reader.known[symbol] = reader(self.stages[symbol])
                graph.labels.setdefault(reader.known[symbol], symbol.name)

        try:
            for output in self.outputs:
                visit(sp.sympify(output))
        except RecursionError as error:  # SymPy's own, on what is nested a thousand deep
            raise GenerationError(
                f"An expression of `{self.name}` is nested too deeply for SymPy. Name intermediate results: stages."
            ) from error
        for stage in live:
            if stage.name in names:
                raise _clash(self.name, stage.name)
        return graph, [reader(output) for output in self.outputs], list(variables.values())

    def _symbols(self) -> list[sp.Symbol]:
        return [symbol for a in self.arguments for symbol, _ in a.leaves()]

    def _unknown(self, name: str) -> GenerationError:
        return GenerationError(
            f"`{self.name}` depends on `{name}`, which is neither an argument nor a stage. "
            f"Its arguments are: {', '.join(a.name for a in self.arguments)}.",
            unknown=name,
        )

    def _names(self) -> set[str]:
        r"""Return every name of the arguments; two owners of one name (symbols of unlike assumptions, say) clash."""
        claims: list[str] = [a.name for a in self.arguments]
        claims += [symbol.name for a in self.arguments for symbol, path in a.leaves() if symbol.name != path]
        for name in claims:
            if claims.count(name) > 1:
                raise _clash(self.name, name)
        return {*claims, "keep"}

    @cached_property
    def reduced(self) -> tuple[Graph, list[Node]]:
        r"""The graph of the outputs, and the outputs in it, after all sharing."""
        graph, outputs, _ = self._traced
        return reduced(graph, outputs)

    @cached_property
    def body(self) -> Body:
        r"""What the function does, on arguments and outputs alone."""
        return Body(self.arguments, *self.reduced, [len(self.outputs)])

    @property
    def operations(self) -> int:
        r"""Number of arithmetic operations and function calls per point."""
        return self.body.operations

    @property
    def rules(self) -> dict[str, Body]:
        r"""What the derivatives do: "forward" for `jvp`, "backward" for `grad`; empty where they are left to JAX."""
        return self._derived[0]

    @cached_property
    def _derived(self) -> tuple[dict[str, Body], str]:
        # the rules, or why there are none
        _ = self.reduced  # before the graph grows, and so that its errors are not taken for those of derivatives
        if not self.derivatives:
            return {}, ""
        try:
            return {"forward": self._forward(), "backward": self._backward()}, ""
        except GenerationError as error:  # JAX may know the derivative, or nobody asks for it
            return {}, f"\nDerivatives are left to JAX: {error}"

    def _forward(self) -> Body:
        graph, outputs, variables = self._traced
        names, suffix = self._names(), "_dot"
        while any(name + suffix in names for name in names):
            suffix += "_"
        moving = [a.renamed(suffix) for a in self.arguments]
        dots = {x: graph.symbol(s.name) for x, s in zip(variables, (s for a in moving for s, _ in a.leaves()))}
        found = reduced(graph, forward(graph, outputs, dots))
        return Body([*self.arguments, *moving], *found, [len(outputs)])

    def _backward(self) -> Body:
        graph, outputs, variables = self._traced
        names, name = self._names(), "bar"
        while any(taken.startswith(name) for taken in names):
            name += "_"
        cotangent = Argument(name, tuple(sp.Symbol(f"{name}_{k}") for k in range(len(outputs))))
        bars = [graph.symbol(s.name) for s in cotangent.symbols]
        found = reduced(graph, backward(graph, outputs, bars, variables))
        return Body([*self.arguments, cotangent], *found, [len(a.leaves()) for a in self.arguments])

    @cached_property
    def source(self) -> str:
        r"""The source of the function and of its derivatives (the module header is in `module`)."""
        rules, note = self._derived
        functions = [body.function(f"_{self.name}_{way}") for way, body in rules.items()]
        digest = hashlib.sha256("\n".join([*functions, self.body.text]).encode()).hexdigest()[:16]
        doc = f"{self.doc}\n\nOperations per point: {self.operations}. Program hash: {digest}.{note}\n"
        shapes = "".join(f"{a.shape}, " for a in self.arguments).rstrip()
        options = "".join(f", {way}=_{self.name}_{way}" for way in rules)
        decorator = f"@pointwise(arguments=({shapes}), components={len(self.outputs)}{options})\n"
        return "\n\n".join([*functions, decorator + self.body.function(self.name, doc)])

    @property
    def module(self) -> str:
        r"""The source of a module that holds this function and needs nothing but JAX."""
        return module_source([self.source])

    def compile(self) -> Callable[..., Any]:
        r"""Return the generated function; its source shows in tracebacks and in `inspect.getsource`."""
        return load(self.source, self.name)


def _clash(program: str, name: str) -> GenerationError:
    return GenerationError(
        f"Two arguments, symbols or stages of `{program}` are called `{name}`. Rename one.", unknown=name
    )
