r"""From named stages and outputs to a readable JAX function, with its derivatives in both directions."""

from __future__ import annotations

import hashlib
import inspect
import linecache
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import sympy as sp

from geomflow.codegen import runtime
from geomflow.codegen.derivatives import backward, forward
from geomflow.codegen.emit import Line, emit
from geomflow.codegen.graph import Graph, Node
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
    def lines(self) -> tuple[list[Line], list[str]]:
        r"""The assignments of the function in order, and the source of each output."""
        graph, outputs = self.reduced
        return emit(graph, outputs, self._names() | {a.name for a in self.arguments})

    @property
    def operations(self) -> int:
        r"""Number of arithmetic operations and function calls per point."""
        graph, outputs = self.reduced
        return graph.operations(outputs)

    @cached_property
    def source(self) -> str:
        r"""The source of the function and of its derivatives (the module header is in `module`)."""
        shapes = (
            f"arguments=({''.join(f'{a.shape}, ' for a in self.arguments).rstrip()}), components={len(self.outputs)}"
        )
        value = self.reduced  # before the graph grows, and so that its errors are not taken for those of derivatives
        functions, rules, note = [], "", ""
        if self.derivatives:
            try:
                functions = [self._forward(), self._backward()]
                rules = f", forward=_{self.name}_forward, backward=_{self.name}_backward"
            except GenerationError as error:  # JAX may know the derivative, or nobody asks for it
                note = f"\nDerivatives are left to JAX: {error}"
        body = self._body(*value, self.arguments, [len(self.outputs)])
        digest = hashlib.sha256("\n".join([*functions, body]).encode()).hexdigest()[:16]
        doc = f'r"""{self.doc}\n\nOperations per point: {self.operations}. Program hash: {digest}.{note}\n"""'
        function = f"@pointwise({shapes}{rules})\n" + _function(self.name, self.arguments, f"{doc}\n{body}")
        return "\n\n".join([*functions, function])

    def _forward(self) -> str:
        graph, outputs, variables = self._traced
        moving = [a.renamed("_dot") for a in self.arguments]
        dots = {x: graph.symbol(s.name) for x, s in zip(variables, (s for a in moving for s, _ in a.leaves()))}
        found = reduced(graph, forward(graph, outputs, dots))
        arguments = [*self.arguments, *moving]
        return _function(f"_{self.name}_forward", arguments, self._body(*found, arguments, [len(outputs)]))

    def _backward(self) -> str:
        graph, outputs, variables = self._traced
        cotangent = Argument("bar", tuple(sp.Symbol(f"bar_{k}") for k in range(len(outputs))))
        bars = [graph.symbol(s.name) for s in cotangent.symbols]
        found = reduced(graph, backward(graph, outputs, bars, variables))
        arguments = [*self.arguments, cotangent]
        sizes = [len(a.leaves()) for a in self.arguments]
        return _function(f"_{self.name}_backward", arguments, self._body(*found, arguments, sizes))

    def _body(self, graph: Graph, outputs: Sequence[Node], arguments: Sequence[Argument], sizes: Sequence[int]) -> str:
        used = graph.symbols(outputs)
        leaves = [(s.name, path) for a in arguments for s, path in a.leaves()]
        names = {a.name for a in arguments} | {name for name, _ in leaves}
        lines, results = emit(graph, outputs, {*names, "keep"})
        body = [f"{name} = {path}" for name, path in leaves if name in used and name != path]
        body += staged(lines, results)
        groups, rest = [], list(results)
        for size in sizes:
            groups.append("[" + ", ".join(rest[:size]) + "]")
            rest = rest[size:]
        return "\n".join([*body, f"return [{', '.join(groups)}]"])

    @property
    def module(self) -> str:
        r"""The source of a module that holds this function and needs nothing but JAX."""
        return module_source([self])

    def compile(self) -> Callable[..., Any]:
        r"""Return the generated function; its source shows in tracebacks and in `inspect.getsource`."""
        source = _header([self.source], "from geomflow.codegen.runtime import pointwise\n") + self.source
        filename = f"<geomflow generated {self.name} {hashlib.sha256(source.encode()).hexdigest()[:12]}>"
        linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
        namespace: dict[str, Any] = {}
        exec(compile(source, filename, "exec"), namespace)
        return namespace[self.name]


def _clash(program: str, name: str) -> GenerationError:
    return GenerationError(
        f"Two arguments, symbols or stages of `{program}` are called `{name}`. Rename one.", unknown=name
    )


def _function(name: str, arguments: Sequence[Argument], body: str) -> str:
    head = f"def {name}({', '.join(a.name for a in arguments)}, keep):\n"
    return head + textwrap.indent(body, "    ") + "\n"


def _header(sources: Iterable[str], runtime_source: str) -> str:
    text = "\n".join(sources)
    special = "import jax.scipy.special as jsp\n" if "jsp." in text else ""
    return f"import jax.numpy as jnp\n{special}\n{runtime_source}\n\n"


def runtime_source() -> str:
    r"""Return the source of the runtime without its docstring: what a module that stands alone begins with."""
    source = inspect.getsource(runtime)
    return source[source.index("from __future__") :]


def module_source(programs: Sequence[Program]) -> str:
    r"""Return the source of a module that holds the functions of several programs and needs nothing but JAX."""
    sources = [p.source for p in programs]
    special = "import jax.scipy.special as jsp\n" if any("jsp." in s for s in sources) else ""
    shared = runtime_source()
    head, rest = shared.split("import jax.numpy as jnp\n", 1)
    return (
        f"{head}import jax.numpy as jnp\n{special}{rest}\n\n# --- generated functions {'-' * 86}\n\n\n"
        + "\n\n".join(sources)
    )
