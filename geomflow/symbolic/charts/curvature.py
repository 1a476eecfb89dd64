r"""Curvature of a metric on a chart, component by component, each independent one computed once.

    Γ_{k,ij} = ½ (∂_j g_ki + ∂_i g_kj - ∂_k g_ij),   Γ^k_ij = g^{kl} Γ_{l,ij}
    R_abcd = ½ (∂_b∂_c g_ad + ∂_a∂_d g_bc - ∂_a∂_c g_bd - ∂_b∂_d g_ac) + Γ^e_bc Γ_{e,ad} - Γ^e_bd Γ_{e,ac}
    R_ij = g^{ac} R_aicj,   R = g^{ij} R_ij

The second form of Riemann follows from the definition in `geomflow.core.types` (tested); no Γ is differentiated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.field.field import Element


class Curvature:
    r"""The curvature components of a metric, lazily. A `Frame` in the sense of `geomflow.symbolic.abstract.components`.

    Args:
        chart: the chart.
        matrix: g_ij as field elements, shape (n, n), symmetric.
    """

    def __init__(self, chart: Chart, matrix: np.ndarray):
        self.chart, self.matrix, self.dim = chart, matrix, chart.dim
        self._memo: dict[tuple, Element] = {}

    @property
    def zero(self) -> Element:
        r"""The zero of the field."""
        return self.chart.field.zero

    def _once(self, key: tuple, compute: Callable[[], Element]) -> Element:
        if key not in self._memo:
            self._memo[key] = compute()
        return self._memo[key]

    def _dot(self, pairs: Iterable[tuple[Element, Element]]) -> Element:
        return self.chart.field.dot(pairs)

    # --- the metric ----------------------------------------------------------------------------------------------

    def metric(self, i: int, j: int) -> Element:
        r"""Return \(g_{ij}\)."""
        return self.matrix[i, j]

    def _minor(self, rows: tuple[int, ...], columns: tuple[int, ...]) -> Element:
        if not rows:
            return self.chart.field.one
        if len(rows) == 1:
            return self.matrix[rows[0], columns[0]]

        def expand() -> Element:
            pairs = []
            for position, column in enumerate(columns):
                entry = self.matrix[rows[0], column]
                if not entry.is_zero():
                    minor = self._minor(rows[1:], columns[:position] + columns[position + 1 :])
                    pairs.append((entry, -minor if position % 2 else minor))
            return self._dot(pairs)

        return self._once(("minor", rows, columns), expand)

    def determinant(self) -> Element:
        r"""Return det g."""
        every = tuple(range(self.dim))
        return self._minor(every, every)

    def inverse(self, i: int, j: int) -> Element:
        r"""Return \(g^{ij}\), the adjugate over the determinant."""
        i, j = min(i, j), max(i, j)

        def compute() -> Element:
            every = range(self.dim)
            minor = self._minor(tuple(k for k in every if k != i), tuple(k for k in every if k != j))
            if minor.is_zero():
                return minor
            reciprocal = self._once(("1/det",), lambda: self.determinant().inverse())
            return minor * reciprocal if (i + j) % 2 == 0 else -(minor * reciprocal)

        return self._once(("inverse", i, j), compute)

    # --- connection ----------------------------------------------------------------------------------------------

    def d_metric(self, i: int, j: int, k: int) -> Element:
        r"""Return \(\partial_k g_{ij}\)."""
        i, j = min(i, j), max(i, j)
        return self._once(("dg", i, j, k), lambda: self.matrix[i, j].derivative(k))

    def dd_metric(self, i: int, j: int, k: int, l: int) -> Element:
        r"""Return \(\partial_l\partial_k g_{ij}\)."""
        k, l = min(k, l), max(k, l)
        i, j = min(i, j), max(i, j)
        return self._once(("ddg", i, j, k, l), lambda: self.d_metric(i, j, k).derivative(l))

    def christoffel_first(self, k: int, i: int, j: int) -> Element:
        r"""Return \(\Gamma_{k,ij}\)."""
        i, j = min(i, j), max(i, j)
        d, half = self.d_metric, self._half
        pairs = lambda: ((half, d(k, i, j)), (half, d(k, j, i)), (-half, d(i, j, k)))  # noqa: E731
        return self._once(("Γ_", k, i, j), lambda: self._dot(pairs()))

    @property
    def _half(self) -> Element:
        return self._once(("½",), lambda: self.chart.field.constant(2).inverse())

    def christoffel(self, k: int, i: int, j: int) -> Element:
        r"""Return \(\Gamma^k_{ij}\)."""
        i, j = min(i, j), max(i, j)
        return self._once(
            ("Γ", k, i, j),
            lambda: self._dot((self.inverse(k, l), self.christoffel_first(l, i, j)) for l in range(self.dim)),
        )

    # --- curvature -----------------------------------------------------------------------------------------------

    def riemann(self, a: int, b: int, c: int, d: int) -> Element:
        r"""Return \(R_{abcd}\), from the pairs a < b, c < d, (ab) <= (cd)."""
        if a == b or c == d:
            return self.zero
        sign = (a < b) == (c < d)
        first, second = (min(a, b), max(a, b)), (min(c, d), max(c, d))
        value = self._riemann(*min(first, second), *max(first, second))
        return value if sign else -value

    def _riemann(self, a: int, b: int, c: int, d: int) -> Element:
        def compute() -> Element:
            second, half = self.dd_metric, self._half
            pairs = [(half, second(a, d, b, c)), (half, second(b, c, a, d))]
            pairs += [(-half, second(b, d, a, c)), (-half, second(a, c, b, d))]
            up, down = self.christoffel, self.christoffel_first
            pairs += [(up(e, b, c), down(e, a, d)) for e in range(self.dim)]
            pairs += [(-up(e, b, d), down(e, a, c)) for e in range(self.dim)]
            return self._dot(pairs)

        return self._once(("Riem", a, b, c, d), compute)

    def ricci(self, i: int, j: int) -> Element:
        r"""Return \(R_{ij} = g^{ac}R_{aicj}\)."""
        i, j = min(i, j), max(i, j)

        def compute() -> Element:
            every = range(self.dim)
            return self._dot((self.inverse(a, c), self.riemann(a, i, c, j)) for a in every for c in every)

        return self._once(("Ric", i, j), compute)

    def scalar(self) -> Element:
        r"""Return \(R = g^{ij}R_{ij}\)."""
        every = range(self.dim)
        return self._once(
            ("R",), lambda: self._dot((self.inverse(i, j), self.ricci(i, j)) for i in every for j in every)
        )

    # --- what remains of a frame ---------------------------------------------------------------------------------

    def constant(self, q: Any) -> Element:
        r"""Return a number or an expression in the constants of the chart."""
        return self.chart.element(q)

    def derivative(self, value: Element, k: int) -> Element:
        r"""Return \(\partial_k\) of a function."""
        return value.derivative(k)

    def stage(self, label: str, value: Element) -> Element:
        r"""Return the value itself: elements need no names."""
        return value
