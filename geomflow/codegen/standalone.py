r"""A module of generated functions that runs without geomflow and SymPy, with a demonstration that checks it.

It holds the runtime, the functions with their derivative rules, the layout of tensors, and one point with exact values.
"""

from __future__ import annotations

import hashlib
import inspect
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from geomflow.codegen import layouts
from geomflow.codegen.modules import merged, module_source
from geomflow.codegen.program import Argument, Program

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
    body = merged([module_source([p.source for p in programs]), inspect.getsource(layouts)])
    body += f"\n# --- demonstration {'-' * 92}\n\n\n{_demonstration(programs, at, exact)}"
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
