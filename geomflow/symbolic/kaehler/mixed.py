r"""Tensors with slots of type z and z̄ on a complex chart: exact components of a (p, q)-tensor.

A tensor of the complexified tangent space has one block for each choice of z or z̄ in every slot; this is one block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp

from geomflow.core.errors import ArgumentError
from geomflow.symbolic.field.field import Element
from geomflow.symbolic.field.printing import indices_latex, latex, text

if TYPE_CHECKING:
    from geomflow.symbolic.kaehler.complex_chart import ComplexChart

#: The most components that are listed in text.
_MOST_LINES = 40


class MixedTensor:
    r"""One block of a tensor on a complex chart.

    Args:
        chart: the complex chart.
        components: field elements, shape `(n,) * rank`.
        bars: for each slot whether it is of type z̄.
        up: for each slot whether it is contravariant; all down by default.

    `t[i, j]` is one component as a SymPy expression; `t.components[i, j]` is the exact field element.
    """

    def __init__(
        self, chart: ComplexChart, components: np.ndarray, bars: Sequence[bool], up: Sequence[bool] | None = None
    ):
        self.chart, self.bars = chart, tuple(bars)
        self.components: Any = components
        self.up = tuple(up) if up is not None else (False,) * len(self.bars)
        if components.shape != (chart.n,) * len(self.bars):
            raise ArgumentError(
                f"A tensor with {len(self.bars)} slots in {chart.n} complex dimensions must have shape "
                f"{(chart.n,) * len(self.bars)}, but has {components.shape}."
            )

    @classmethod
    def fill(
        cls,
        chart: ComplexChart,
        bars: Sequence[bool],
        entry: Callable[..., Element],
        up: Sequence[bool] | None = None,
    ) -> MixedTensor:
        r"""Return the tensor with the components `entry(i, j, ...)`."""
        values = np.empty((chart.n,) * len(bars), dtype=object)
        for index in np.ndindex(*values.shape):
            values[index] = entry(*index)
        return cls(chart, values, bars, up)

    @property
    def rank(self) -> int:
        r"""Number of slots."""
        return len(self.bars)

    # --- reading -------------------------------------------------------------------------------------------------

    def __getitem__(self, index: int | tuple[int, ...]) -> sp.Expr:
        index = index if isinstance(index, tuple) else (index,)
        if len(index) != self.rank or not all(isinstance(i, int) for i in index):
            raise ArgumentError(f"A component of this tensor has {self.rank} indices, but {index} was asked for.")
        return self.chart.sympy(self.components[index])

    def sympy(self) -> Any:
        r"""Return the components in SymPy: an expression, a Matrix for rank 2, an Array otherwise."""
        flat = [self.chart.sympy(e) for e in self.components.ravel()]
        if self.rank == 0:
            return flat[0]
        return sp.Matrix(self.chart.n, self.chart.n, flat) if self.rank == 2 else sp.Array(flat, self.components.shape)

    def nonzero(self) -> Iterator[tuple[tuple[int, ...], Element]]:
        r"""Yield index and element of each component that does not vanish."""
        for index in np.ndindex(*self.components.shape):
            if not self.components[index].is_zero():
                yield index, self.components[index]

    def is_zero(self) -> bool:
        r"""Return whether every component vanishes identically."""
        return next(self.nonzero(), None) is None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MixedTensor):
            return NotImplemented
        return (self - other).is_zero()

    __hash__ = None  # type: ignore[assignment]

    def latex(self, symbol: str = "T") -> str:
        r"""Return the components that do not vanish as an aligned LaTeX display."""
        rows = []
        for index, element in self.nonzero():
            names = [sp.latex(self._coordinate(i, bar)) for i, bar in zip(index, self.bars)]
            marks = indices_latex(names, self.up)
            rows.append(f"{symbol}{marks} &= {latex(self.chart.sympy(element))}")
        return "\\begin{aligned}\n" + (" \\\\\n".join(rows) or f"{symbol} &= 0") + "\n\\end{aligned}"

    def _coordinate(self, i: int, bar: bool) -> sp.Symbol:
        return (self.chart.antiholomorphic if bar else self.chart.holomorphic)[i]

    def __repr__(self) -> str:
        lines = []
        for index, element in self.nonzero():
            if len(lines) == _MOST_LINES:
                lines.append("...")
                break
            places = zip(index, self.bars, self.up)
            marks = "".join(("^" if up else "_") + self._coordinate(i, bar).name for i, bar, up in places)
            lines.append((f"{marks} = " if marks else "") + text(self.chart.sympy(element)))
        return "\n".join(lines) or "0"

    # --- algebra -------------------------------------------------------------------------------------------------

    def _map(self, function: Callable[[Element], Element]) -> MixedTensor:
        return self.fill(self.chart, self.bars, lambda *index: function(self.components[index]), self.up)

    def __add__(self, other: MixedTensor) -> MixedTensor:
        if (self.bars, self.up, self.chart) != (other.bars, other.up, other.chart):
            raise ArgumentError("Tensors of a sum must have slots of the same types on one chart.")
        return self.fill(
            self.chart, self.bars, lambda *index: self.components[index] + other.components[index], self.up
        )

    def __neg__(self) -> MixedTensor:
        return self._map(lambda e: -e)

    def __sub__(self, other: MixedTensor) -> MixedTensor:
        return self + (-other)

    def _scalar(self, factor: Any) -> Element:
        if isinstance(factor, MixedTensor):
            if factor.rank:
                raise ArgumentError("A factor must be a scalar: a number, an expression or a tensor without slots.")
            return factor.components[()]
        return self.chart.element(factor)

    def __mul__(self, factor: Any) -> MixedTensor:
        r"""Multiply by a scalar: a number, an expression or a tensor without slots."""
        value = self._scalar(factor)
        return self._map(lambda e: e * value)

    def __rmul__(self, factor: Any) -> MixedTensor:
        return self * factor

    def __truediv__(self, factor: Any) -> MixedTensor:
        value = self._scalar(factor).inverse()
        return self._map(lambda e: e * value)

    def conjugate(self) -> MixedTensor:
        r"""Return the conjugate block: \(\overline{T_{i\bar j}}\) with slots \(\bar i\), j."""
        return MixedTensor(
            self.chart,
            self._map(self.chart.conjugate).components,
            [not bar for bar in self.bars],
            self.up,
        )
