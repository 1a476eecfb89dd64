r"""Functions that are not smooth, such as |y|: curvature is a derivative, so a chart refuses them with a sentence.

At y = 0 the curvature of \(e^{-2|y|}\eta + dy^2\) has a part concentrated on the wall, which no function of the field
carries. On one side, y > 0, |y| is y and everything is exact.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Any

import sympy as sp

from geomflow.core.errors import DerivationError

#: In SymPy.
NOT_SMOOTH: tuple[type, ...] = (
    *(sp.Abs, sp.sign, sp.Heaviside, sp.DiracDelta, sp.Max, sp.Min, sp.floor, sp.ceiling, sp.frac, sp.Piecewise),
)

#: In text.
_WORDS = {"abs", "sgn", "max", "min", "ceil", *(f.__name__ for f in NOT_SMOOTH)}


def words(text: str, known: Collection[str] = ()) -> list[str]:
    r"""Return the functions in a text that are not smooth, unless the chart gave their name to something."""
    found = re.findall(r"(?<![\w.])([^\W\d]\w*)\s*\(", text)
    return [name for name in found if name in _WORDS and name not in known]


def check_smooth(expression: Any, coordinates: Iterable[Any], functions: Iterable[Any], refused: Any) -> None:
    r"""Check that an expression depends smoothly on the coordinates and functions; `refused` is what may not occur.

    Raises:
        DerivationError: |y|, sign(y), a maximum, a case distinction, ... of something that is not constant.
    """
    moving = {*coordinates, *functions}
    for part in sorted(expression.atoms(*refused), key=sp.default_sort_key):
        if part.has(*moving):
            raise not_smooth(str(part))


def not_smooth(what: str) -> DerivationError:
    r"""Return the error for a function that is not smooth."""
    return DerivationError(
        f"`{what}` is not smooth, and curvature is made of derivatives. Work on one side, such as y > 0, where |y| is "
        'y: write y and declare positive="y" (√(y²) in SymPy is |y| unless y is positive).'
    )
