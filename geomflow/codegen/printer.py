r"""The source of one scalar expression, for what is printed by hand; programs go through `emit` as a whole."""

from __future__ import annotations

from typing import Any

import sympy as sp

from geomflow.codegen.emit import emit
from geomflow.codegen.graph import Graph
from geomflow.codegen.reading import Reader


def print_jax(expression: Any) -> str:
    r"""Return the JAX source of one scalar expression.

    Raises:
        GenerationError: a function or object has no JAX counterpart.
    """
    graph = Graph()
    expression = sp.sympify(expression)
    symbols = sorted((s for s in expression.free_symbols if isinstance(s, sp.Symbol)), key=str)
    reader = Reader(graph, {s: graph.symbol(s.name) for s in symbols})
    return emit(graph, [reader(expression)], inline=True)[1][0]
