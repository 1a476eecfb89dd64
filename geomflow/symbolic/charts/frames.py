r"""Frames of vector fields, and curvature computed in them.

A frame e_a with coframe θ^a and structure functions c has

    [e_a, e_b] = c^k_ab e_k,    dθ^k = -½ c^k_ab θ^a∧θ^b,    ∇_{e_a} e_b = Γ^k_ab e_k

With g_ab = g(e_a, e_b), constant or not, and e_a(f) for the derivative along e_a, Koszul's formula and Riemann are

    Γ_{m,ab} = ½ (e_a g_bm + e_b g_am - e_m g_ab + c_{m,ab} - c_{b,am} - c_{a,bm})
    R_abcd = e_c Γ_{a,db} - e_d Γ_{a,cb} + Γ^m_cb Γ_{m,da} - Γ^m_db Γ_{m,ca} - c^m_cd Γ_{a,mb}

The first index below Γ is the direction of the derivative; Γ is not symmetric in a frame.

Reference: Milnor, Curvatures of left invariant metrics on Lie groups, Adv. Math. 21 (1976), section 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from geomflow.core.errors import ArgumentError, DerivationError
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.charts.curvature import Curvature
from geomflow.symbolic.charts.differentials import one_form
from geomflow.symbolic.field.field import Element
from geomflow.symbolic.field.matrices import inverse


class Frame:
    r"""A frame of vector fields on a chart. Use `Frame.from_coframe`, `Frame.from_vectors` or `invariant_frame`.

    Args:
        chart: the chart, of dimension n.
        vectors: e_a^i as field elements, shape (n, n); a row may be zero if the field is known by its brackets alone.
        structure: c^k_ab as field elements, shape (n, n, n).
        coframe: θ^a_i, shape (n, n); None if only the brackets are known.
        labels: what the indices are called; 1, 2, ... by default.
    """

    def __init__(
        self,
        chart: Chart,
        vectors: np.ndarray,
        structure: np.ndarray,
        coframe: np.ndarray | None = None,
        labels: Sequence[str] = (),
    ):
        self.chart, self.dim = chart, chart.dim
        self.vectors, self._structure, self.coframe = vectors, structure, coframe
        self.labels = tuple(labels) or tuple(str(a + 1) for a in range(self.dim))
        if len(self.labels) != self.dim:
            raise ArgumentError(f"The frame has {self.dim} vectors, but {len(self.labels)} labels were given.")

    @classmethod
    def from_coframe(cls, chart: Chart, forms: Sequence[Any], labels: Sequence[str] = ()) -> Frame:
        r"""Return the frame dual to a coframe θ^a.

        Args:
            chart: the chart, of dimension n.
            forms: n one-forms, each text such as `"f*dt"` or a list of components θ_i.
            labels: what the indices are called.

        Raises:
            ArgumentError: not n forms.
            MetricError: the forms are dependent.
        """
        rows = _rows(chart, forms, "one-forms")
        coframe = np.array([one_form(chart, f) if isinstance(f, str) else chart.elements(f) for f in rows])
        return cls._holonomic(chart, inverse(chart.field, coframe, "The coframe").T, coframe, labels)

    @classmethod
    def from_vectors(cls, chart: Chart, vectors: Sequence[Any], labels: Sequence[str] = ()) -> Frame:
        r"""Return the frame of n vector fields, each a list of components e_a^i.

        Raises:
            ArgumentError: not n fields.
            MetricError: the fields are dependent.
        """
        rows = np.array([chart.elements(v) for v in _rows(chart, vectors, "vector fields")])
        return cls._holonomic(chart, rows, inverse(chart.field, rows, "The frame").T, labels)

    @classmethod
    def _holonomic(cls, chart: Chart, vectors: np.ndarray, coframe: np.ndarray, labels: Sequence[str]) -> Frame:
        # c^k_ab = -dθ^k(e_a, e_b)
        n, field = chart.dim, chart.field
        structure = np.full((n, n, n), field.zero, dtype=object)
        for k in range(n):
            curl = [[coframe[k, l].derivative(m) - coframe[k, m].derivative(l) for m in range(n)] for l in range(n)]
            pairs = [(l, m) for l in range(n) for m in range(n) if not curl[l][m].is_zero()]
            for a in range(n):
                for b in range(a):
                    value = field.dot((curl[l][m], vectors[a, l] * vectors[b, m]) for l, m in pairs)
                    structure[k, a, b], structure[k, b, a] = value, -value
        return cls(chart, vectors, structure, coframe, labels)

    def structure(self, k: int, a: int, b: int) -> Element:
        r"""Return \(c^k{}_{ab}\)."""
        return self._structure[k, a, b]

    def derivative(self, value: Element, a: int) -> Element:
        r"""Return \(e_a(f) = e_a^i\partial_i f\).

        Raises:
            DerivationError: the function is not invariant and the frame is known by its brackets alone.
        """
        slopes = [(i, value.derivative(i)) for i in range(self.dim)]
        slopes = [(i, s) for i, s in slopes if not s.is_zero()]
        if self.coframe is None:
            hidden = [i for i, _ in slopes if all(row[i].is_zero() for row in self.vectors)]
            if hidden:
                raise DerivationError(
                    f"A function of {self.chart.coordinates[hidden[0]]} is not invariant under the group, and this "
                    "frame is known by its brackets alone. Use a coframe in coordinates: Frame.from_coframe."
                )
        return self.chart.field.dot((self.vectors[a, i], s) for i, s in slopes)

    def __repr__(self) -> str:
        return f"Frame({', '.join(self.labels)}) on {self.chart!r}"


def _rows(chart: Chart, given: Sequence[Any], what: str) -> list[Any]:
    rows = list(given)
    if len(rows) != chart.dim:
        raise ArgumentError(f"A frame in dimension {chart.dim} needs {chart.dim} {what}, but {len(rows)} were given.")
    return rows


class FrameCurvature(Curvature):
    r"""The curvature components of a metric in a frame, lazily.

    Args:
        frame: the frame.
        matrix: g_ab as field elements, shape (n, n), symmetric.
    """

    def __init__(self, frame: Frame, matrix: np.ndarray):
        super().__init__(frame.chart, matrix)
        self.frame = frame

    def derivative(self, value: Element, k: int) -> Element:
        r"""Return \(e_k(f)\)."""
        return self.frame.derivative(value, k)

    def d_metric(self, i: int, j: int, k: int) -> Element:
        r"""Return \(e_k(g_{ij})\)."""
        i, j = min(i, j), max(i, j)
        return self._once(("dg", i, j, k), lambda: self.derivative(self.matrix[i, j], k))

    def dd_metric(self, i: int, j: int, k: int, l: int) -> Element:
        r"""Return \(e_l(e_k(g_{ij}))\); not symmetric in k and l."""
        return self._once(("ddg", min(i, j), max(i, j), k, l), lambda: self.derivative(self.d_metric(i, j, k), l))

    def structure_first(self, m: int, a: int, b: int) -> Element:
        r"""Return \(c_{m,ab} = g_{mk}c^k{}_{ab}\)."""
        return self._once(
            ("c_", m, a, b),
            lambda: self._dot((self.matrix[m, k], self.frame.structure(k, a, b)) for k in range(self.dim)),
        )

    def christoffel_first(self, k: int, i: int, j: int) -> Element:
        r"""Return \(\Gamma_{k,ij} = g(\nabla_{e_i}e_j, e_k)\)."""
        d, c = self.d_metric, self.structure_first

        def compute() -> Element:
            slopes = d(j, k, i) + d(i, k, j) - d(i, j, k)
            return (slopes + c(k, i, j) - c(j, i, k) - c(i, j, k)) * self._half

        return self._once(("Γ_", k, i, j), compute)

    def christoffel(self, k: int, i: int, j: int) -> Element:
        r"""Return \(\Gamma^k_{ij}\), the component of \(\nabla_{e_i}e_j\) along \(e_k\)."""
        return self._once(
            ("Γ", k, i, j),
            lambda: self._dot((self.inverse(k, l), self.christoffel_first(l, i, j)) for l in range(self.dim)),
        )

    def _riemann(self, a: int, b: int, c: int, d: int) -> Element:
        up, down, every = self.christoffel, self.christoffel_first, range(self.dim)

        def compute() -> Element:
            pairs = [(up(m, c, b), down(m, d, a)) for m in every]
            pairs += [(-up(m, d, b), down(m, c, a)) for m in every]
            pairs += [(-self.frame.structure(m, c, d), down(a, m, b)) for m in every]
            slopes = self.derivative(down(a, d, b), c) - self.derivative(down(a, c, b), d)
            return slopes + self._dot(pairs)

        return self._once(("Riem", a, b, c, d), compute)
