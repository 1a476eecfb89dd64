r"""Numbers as LaTeX macros: a paper includes the file, and no number in it is ever typed by hand."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from geomflow.core.errors import ArgumentError
from geomflow.core.store import atomic_write


def _latex(text: str) -> str:
    power = re.fullmatch(r"(-?[\d.]+)e([+-]\d+)", text)
    if power:
        return rf"\ensuremath{{{power[1]} \times 10^{{{int(power[2])}}}}}"
    return rf"\ensuremath{{{text}}}" if text.startswith("-") else text


def write_macros(path: str | os.PathLike[str], numbers: Mapping[str, tuple[Any, str]], prefix: str = "GF") -> None:
    r"""Write one `\newcommand` per number.

    `{"LzeroOrder": (2.0013, ".3f")}` becomes `\newcommand{\GFLzeroOrder}{2.001}`; `1.2e-11` becomes
    `\ensuremath{1.2 \times 10^{-11}}`.

    Args:
        path: the `.tex` file, written atomically.
        numbers: name -> (value, format specification); strings go with the specification "".
        prefix: put before every name.

    Raises:
        ArgumentError: a name holds anything but the letters a-z and A-Z, or a value does not fit its format.
        OutputError: the file cannot be written.
    """
    lines = ["% Written by geomflow from saved results; do not edit."]
    for name, (value, spec) in numbers.items():
        if not re.fullmatch("[A-Za-z]+", name):
            raise ArgumentError(
                f"A LaTeX macro's name must consist of letters only, but it was {name!r}. Spell the digits out.",
                name=name,
            )
        try:
            text = format(value, spec)
        except (TypeError, ValueError) as error:
            raise ArgumentError(f"The macro `{name}` cannot be formatted with {spec!r}: {error}.", name=name) from error
        lines.append(rf"\newcommand{{\{prefix}{name}}}{{{_latex(text)}}}")
    atomic_write(path, ("\n".join(lines) + "\n").encode())
