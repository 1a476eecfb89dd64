r"""From named stages and outputs to a readable JAX function: joint CSE, one line per intermediate."""

from __future__ import annotations

import hashlib
import linecache
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import Any

import sympy as sp

from geomflow.codegen.printer import print_jax
from geomflow.core.errors import GenerationError

Line = tuple[sp.Symbol, sp.Expr]


@dataclass(frozen=True)
class Argument:
    r"""One argument of a generated function: a nested tuple of symbols, unpacked along leading axes.

    `Argument("dg", ((dg_00_0, dg_00_1), ...))` reads `dg[p, k]` of an array of shape `(P, n, *batch)`: every component
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


@dataclass(frozen=True)
class Program:
    r"""A straight-line program: arguments, named stages, outputs; prints itself as a JAX function.

    Args:
        name: the function's name.
        arguments: what it takes, in order.
        outputs: one expression per component; the function returns them stacked along a new leading axis.
        stages: named intermediates the outputs may refer to.
        doc: what it computes, as text (LaTeX welcome).

    Raises:
        GenerationError: an output depends on a symbol that is neither an argument nor a stage, or cannot be printed; or
            two of the symbols and arguments have one name.
    """

    name: str
    arguments: Sequence[Argument]
    outputs: Sequence[sp.Expr]
    stages: Mapping[sp.Symbol, sp.Expr] = field(default_factory=dict)
    doc: str = ""

    @cached_property
    def reduced(self) -> tuple[list[Line], list[sp.Expr]]:
        r"""The lines (after joint CSE over all live stages and outputs) and the outputs in terms of them."""
        inputs = {symbol for a in self.arguments for symbol, _ in a.leaves()}
        live: dict[sp.Symbol, sp.Expr] = {}

        def visit(expr: sp.Expr) -> None:
            for symbol in _symbols(expr):
                if symbol in inputs or symbol in live:
                    continue
                if symbol not in self.stages:
                    raise GenerationError(
                        f"`{self.name}` depends on `{symbol}`, which is neither an argument nor a stage. "
                        f"Its arguments are: {', '.join(a.name for a in self.arguments)}.",
                        unknown=str(symbol),
                    )
                visit(self.stages[symbol])
                live[symbol] = self.stages[symbol]

        for output in self.outputs:
            visit(output)
        taken = self._names(live)
        # order="none" keeps CSE linear; a canonical order walks every expression as a tree
        fresh = (sp.Symbol(name) for i in count() if (name := f"t{i}") not in taken)
        reduced: Any = sp.cse([*live.values(), *self.outputs], symbols=fresh, order="none", list=False)
        shared, values = reduced
        stages = dict(zip(live, values))
        pending = {**dict(shared), **stages}
        lines: dict[sp.Symbol, sp.Expr] = {}

        def emit(symbol: sp.Symbol) -> None:
            if symbol in lines or symbol not in pending:
                return
            for dependency in _symbols(pending[symbol]):
                emit(dependency)
            lines[symbol] = pending[symbol]

        for symbol in pending:
            emit(symbol)
        return list(lines.items()), list(values[len(live) :])

    def _names(self, live: Iterable[sp.Symbol]) -> set[str]:
        r"""Return every name the function uses; two owners of one name (symbols of unlike assumptions, say) clash."""
        claims: list[tuple[str, object]] = [(a.name, position) for position, a in enumerate(self.arguments)]
        claims += [(s.name, (a.name, s)) for a in self.arguments for s, path in a.leaves() if s.name != path]
        claims += [(stage.name, stage) for stage in live]
        owners: dict[str, object] = {}
        for name, owner in claims:
            if owners.setdefault(name, owner) != owner:
                raise GenerationError(
                    f"Two arguments, symbols or stages of `{self.name}` are called `{name}`. Rename one.", unknown=name
                )
        return set(owners)

    @cached_property
    def source(self) -> str:
        r"""The source of the function (the module header is in `module`)."""
        lines, outputs = self.reduced
        used = set().union(*(e.free_symbols for _, e in lines), *(e.free_symbols for e in outputs))
        leaves = [leaf for a in self.arguments for leaf in a.leaves()]
        body = [f"{symbol} = {path}" for symbol, path in leaves if symbol in used and symbol.name != path]
        body += [f"{symbol} = {print_jax(expr)}" for symbol, expr in lines]
        # constants (a flat direction of a metric, say) take the batch shape of the first argument read
        like = next((symbol for symbol, _ in leaves if symbol in used), leaves[0][0])
        results = [print_jax(e) if e.free_symbols else f"jnp.full_like({like}, {print_jax(e)}, float)" for e in outputs]
        if not any(symbol in used for symbol, _ in leaves) and like.name != leaves[0][1]:
            body.insert(0, f"{like} = {leaves[0][1]}")
        body.append("return jnp.stack([" + ", ".join(results) + "])")
        digest = hashlib.sha256("\n".join(body).encode()).hexdigest()[:16]
        doc = f'r"""{self.doc}\n\nOperations per point: {self.operations}. Program hash: {digest}.\n"""'
        text = textwrap.indent("\n".join([doc, *body]), "    ")
        return f"def {self.name}({', '.join(a.name for a in self.arguments)}):\n{text}\n"

    @property
    def module(self) -> str:
        r"""The source of a module that holds this function and needs nothing but JAX."""
        return module_source([self])

    @property
    def operations(self) -> int:
        r"""Number of arithmetic operations per point (after CSE)."""
        lines, outputs = self.reduced
        return int(sum(sp.count_ops(e) for _, e in lines) + sum(sp.count_ops(e) for e in outputs))

    def compile(self) -> Callable[..., Any]:
        r"""Return the generated function; its source shows in tracebacks and in `inspect.getsource`."""
        filename = f"<geomflow generated {self.name} {hashlib.sha256(self.module.encode()).hexdigest()[:12]}>"
        linecache.cache[filename] = (len(self.module), None, self.module.splitlines(keepends=True), filename)
        namespace: dict[str, Any] = {}
        exec(compile(self.module, filename, "exec"), namespace)
        return namespace[self.name]


def _symbols(expr: sp.Expr) -> list[sp.Symbol]:
    return sorted((s for s in expr.free_symbols if isinstance(s, sp.Symbol)), key=str)


def module_source(programs: Sequence[Program]) -> str:
    r"""Return the source of a module that holds the functions of several programs and needs nothing but JAX."""
    functions = "\n\n".join(p.source for p in programs)
    special = "import jax.scipy.special as jsp\n" if "jsp." in functions else ""
    return f"import jax.numpy as jnp\n{special}\n\n{functions}"
