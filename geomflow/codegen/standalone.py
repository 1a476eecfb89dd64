r"""A module of generated functions that runs without geomflow and SymPy, with a demonstration that checks it.

It holds the runtime, the functions with their derivative rules, the layout of tensors, and one point with exact values.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from geomflow.codegen import layouts
from geomflow.codegen.program import Argument, Program, module_source

#: Relative to the largest component; what is lost to rounding at a point far from singularities is less.
TOLERANCE = 1e-9
_WIDTH = 116


def standalone(
    about: str, programs: Sequence[Program], at: Mapping[str, Any], exact: Sequence[Sequence[float]]
) -> tuple[str, str]:
    r"""Return the text of a module, and the sha256 of what follows its docstring.

    Args:
        about: its docstring, with `{digest}` in place of the hash.
        programs: its functions.
        at: one value for every argument of a program, see `sample`.
        exact: the values of each program there.
    """
    body = _merged([module_source(programs), inspect.getsource(layouts)])
    body += f"\n\n# --- demonstration {'-' * 92}\n\n\n{_demonstration(programs, at, exact)}"
    digest = hashlib.sha256(body.encode()).hexdigest()
    doc = about.replace("{digest}", digest).replace('"""', "'''")
    return f'r"""{doc}\n"""\n\n{body}', digest


def call(program: Program, at: Mapping[str, Any]) -> list[str]:
    r"""Return the source of the arguments of a program: `at["f"]`, cut to the derivatives that it takes."""
    return [_cut(f'at["{a.name}"]', a, at[a.name]) for a in program.arguments]


def _cut(source: str, argument: Argument, value: Any) -> str:
    return f"{source}[:{argument.shape[0]}]" if argument.shape and argument.shape[0] < len(value) else source


def _demonstration(programs: Sequence[Program], at: Mapping[str, Any], exact: Sequence[Sequence[float]]) -> str:
    values = [f'    at["{name}"] = {_literal(value)}' for name, value in at.items()]
    checks = []
    for program, numbers in zip(programs, exact, strict=True):
        made = f"{program.name}({', '.join(call(program, at))})"
        numerals = textwrap.fill(f"[{', '.join(map(repr, numbers))}]", _WIDTH - 8)
        checks.append(f'    _check("{program.name}", {made},\n{textwrap.indent(numerals, " " * 8)})')
    return "\n".join(
        [
            "def _check(name, found, exact):",
            "    error = float(jnp.max(jnp.abs(found - jnp.array(exact))))",
            '    print(f"{name} = {found}\\n    differs from the exact values by {error:.1e}")',
            f"    if not error <= {TOLERANCE} * max(1.0, *map(abs, exact)):",
            '        raise SystemExit(f"{name} is wrong at this point. Was the file edited?")',
            "",
            "",
            'if __name__ == "__main__":',
            '    jax.config.update("jax_enable_x64", True)',
            "    # one point, and the values found there in 40 digits when this file was made",
            "    at = {}",
            *values,
            *checks,
            "",
        ]
    )


def _literal(value: Any) -> str:
    if not isinstance(value, list):
        return repr(value)
    text = repr(value)
    if len(text) > 60:
        text = "\n" + textwrap.indent(textwrap.fill(text, _WIDTH - 8), " " * 8) + "\n    "
    return f"jnp.array({text})"


def _merged(sources: Sequence[str]) -> str:
    # One text, its imports on top, each once, without the docstrings of the modules.
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
    return "\n\n".join([future, *heads]) + "\n\n" + "\n\n\n".join(rest)


def emitted_operations(source: str) -> dict[str, int]:
    r"""Return the arithmetic operations and calls that each function of a generated source is written with.

    A whole power counts as its multiplications.
    """
    found = {}
    for function in ast.parse(source).body:
        if isinstance(function, ast.FunctionDef):
            found[function.name] = sum(_cost(node) for line in function.body for node in ast.walk(line))
    return found


def _cost(node: ast.AST) -> int:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        power = node.right
        if isinstance(power, ast.Constant) and isinstance(power.value, int):
            return power.value.bit_length() - 1 + power.value.bit_count() - 1
        return 1
    if isinstance(node, ast.Call):
        return int(not (isinstance(node.func, ast.Name) and node.func.id == "keep"))
    return int(isinstance(node, (ast.BinOp, ast.Compare, ast.BoolOp)))
