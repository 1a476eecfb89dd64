r"""Generated functions as Python: loaded into this process, or written as a module that needs nothing but JAX."""

from __future__ import annotations

import ast
import hashlib
import inspect
import linecache
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

from geomflow.codegen import arcs, runtime, special
from geomflow.codegen.functions import SPECIAL

_RULER = "# --- generated functions " + "-" * 86


def load(source: str, name: str) -> Callable[..., Any]:
    r"""Return a function of a generated source; the source shows in tracebacks and in `inspect.getsource`."""
    more = "".join(f"from geomflow.codegen.{SPECIAL[name]} import {name}\n" for name in _special(source))
    text = f"{_imports(source)}\nfrom geomflow.codegen.runtime import pointwise\n{more}\n\n{source}"
    filename = f"<geomflow generated {name} {hashlib.sha256(text.encode()).hexdigest()[:12]}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    namespace: dict[str, Any] = {}
    exec(compile(text, filename, "exec"), namespace)
    return namespace[name]


def module_source(sources: Sequence[str]) -> str:
    r"""Return the source of a module that holds generated functions and needs nothing but JAX.

    Args:
        sources: those of several programs, as `Program.source` gives them.
    """
    functions = "\n\n".join(sources)
    called = {SPECIAL[name] for name in _special(functions)}
    written = [module for name, module in (("arcs", arcs), ("special", special)) if name in called]
    return merged([*map(inspect.getsource, (runtime, *written)), f"{_imports(functions)}\n{_RULER}\n\n\n{functions}"])


def merged(sources: Sequence[str]) -> str:
    r"""Return one text for several modules: their imports on top, each once, and no docstrings of modules."""
    imports: dict[str, None] = {}
    rest = []
    for source in sources:
        tree, lines = ast.parse(source), source.splitlines()
        gone = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
        imports |= {ast.unparse(node): None for node in gone}
        if ast.get_docstring(tree) is not None:
            gone.append(tree.body[0])  # pyright: ignore[reportArgumentType]
        dropped = {i for node in gone for i in range(node.lineno - 1, node.end_lineno or node.lineno)}
        rest.append("\n".join(line for i, line in enumerate(lines) if i not in dropped).strip("\n"))
    future = "from __future__ import annotations"
    own = [line for line in imports if line.split()[1].split(".")[0] in sys.stdlib_module_names and line != future]
    other = [line for line in imports if line not in own and line != future]
    heads = ["\n".join(sorted(lines, key=lambda s: (s.startswith("from"), s))) for lines in (own, other)]
    return "\n\n".join([future, *heads]) + "\n\n" + "\n\n\n".join(rest) + "\n"


def _imports(source: str) -> str:
    # of what a generated source calls; the runtime is imported or written out beside it
    special = "import jax.scipy.special as jsp\n" if "jsp." in source else ""
    return f"import jax.numpy as jnp\n{special}"


def _special(source: str) -> list[str]:
    # the functions of `geomflow.codegen` that a generated source calls
    return [name for name in SPECIAL if re.search(rf"(?<![\w.]){name}\(", source)]
