r"""A kind of truth: a statement in words, and the residual that must vanish if it is true."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geomflow.core.catalogue import Catalogue
from geomflow.symbolic.charts.tensor import Tensor
from geomflow.symbolic.plain import plain

if TYPE_CHECKING:
    from geomflow.metrics.spaces.base import Space

#: What a check returns: tensors that must vanish, or a sentence's end that says what is wrong ("" if nothing is).
Residual = Tensor | Sequence[Tensor] | str


@dataclass(frozen=True)
class Truth:
    r"""One kind of statement about a metric, and how it is checked.

    Args:
        name: the key under which spaces enter it.
        says: (value) -> the statement in words.
        residual: (metric, value, space) -> what must vanish if the statement is true.
        always: the dimensions n in which the statement is an identity, checked for every space.
    """

    name: str
    says: Callable[[Any], str]
    residual: Callable[..., Residual]
    always: Callable[[int], bool] | None = None

    @property
    def summary(self) -> str:
        r"""One line on the kind of statement, in plain text."""
        line = (self.residual.__doc__ or "").partition("\n")[0]
        return re.sub(r"\\\((.*?)\\\)", lambda m: plain(m.group(1)), line)

    def difference(self, space: Space, value: Any) -> str:
        r"""Return "" if the statement is true of the space, else the end of a sentence that says what is wrong."""
        return described(self.residual(space.metric, value, space))


TRUTHS: Catalogue[Truth] = Catalogue("truth")


def truth(
    name: str, says: str | Callable[[Any], str], always: Callable[[int], bool] | None = None
) -> Callable[[Callable[..., Residual]], Callable[..., Residual]]:
    r"""Enter a check into `TRUTHS`; `says` is a format string for the value, or a function of it."""
    words: Callable[[Any], str] = says if callable(says) else lambda value: says.format(value)

    def register(residual: Callable[..., Residual]) -> Callable[..., Residual]:
        TRUTHS.add(name, Truth(name, words, residual, always))
        return residual

    return register


def described(residual: Residual, most: int = 240) -> str:
    r"""Return "" if everything vanishes, else which component does not, as the end of a sentence."""
    if isinstance(residual, str):
        return residual
    for tensor in [residual] if isinstance(residual, Tensor) else residual:
        first = next(tensor.nonzero(), None)
        if first is not None:
            index, element = first
            chart = tensor.metric.chart
            shown = str(chart.sympy(element))
            shown = shown if len(shown) <= most else f"{shown[:most]}..."
            where = ", ".join(tensor.metric.labels[i] for i in index)
            return f"the difference{f' in component ({where})' if where else ''} is {shown}"
    return ""
