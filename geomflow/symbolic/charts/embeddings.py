r"""Submanifolds: the pull-back of a metric, and the second fundamental form of a hypersurface.

    g_ij = G_AB ∂_i X^A ∂_j X^B,    II_ij = N_A (∂_i∂_j X^A + Γ^A_BC ∂_i X^B ∂_j X^C),    H = g^{ij} II_ij

N is the unit normal with (N, ∂_1 X, ..., ∂_n X) positively oriented, ε = <N, N> = ±1; a round sphere with its outward
normal has II = -g/ρ. Gauss: R_ijkl = (pull-back of R̄)_ijkl + ε (II_ik II_jl - II_il II_jk).

Reference: O'Neill, Semi-Riemannian Geometry (1983), chapter 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy as sp

from geomflow.core.errors import ArgumentError, MetricError
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.charts.constructions import flat
from geomflow.symbolic.charts.metric import Metric
from geomflow.symbolic.charts.tensor import Tensor
from geomflow.symbolic.charts.transformations import Map
from geomflow.symbolic.field.field import Element
from geomflow.symbolic.field.matrices import Minors


class Embedding:
    r"""An immersion \(X: y \mapsto X^A(y)\) of a chart into a space with a metric.

    Args:
        chart: the chart of y.
        position: X^A(y), as text or SymPy expressions.
        ambient: the metric G: None for Euclidean space, a list of signs for \(\sum\epsilon_A (dX^A)^2\), or a `Metric`
            in coordinates whose constants the chart has too.

    Raises:
        ArgumentError: a wrong number of expressions.
        MetricError: the induced metric is singular.

    Good values: `Embedding(Chart("theta phi"), ["sin(theta)*cos(phi)", "sin(theta)*sin(phi)", "cos(theta)"])`.
    """

    def __init__(self, chart: Chart, position: Sequence[Any], ambient: Metric | Sequence[int] | None = None):
        position = list(position)
        if not isinstance(ambient, Metric):
            ambient = flat(" ".join(f"X{a + 1}" for a in range(len(position))), ambient)
        names = [x.name for x in ambient.chart.coordinates]
        if len(names) != len(position):
            raise ArgumentError(
                f"Give one expression for each of the {len(names)} coordinates of the space around "
                f"({', '.join(names)}), but found {len(position)}."
            )
        self.chart, self.ambient = chart, ambient
        self.map = Map(ambient.chart, chart, dict(zip(names, position)))
        try:
            self.metric = Metric(chart, self.map.metric(ambient))
        except MetricError as error:
            few = f", for {chart.dim} coordinates do not fit into dimension {len(names)}" * (chart.dim > len(names))
            raise MetricError(
                f"The induced metric is singular: the map is no immersion{few}, or its image is light-like. Check that "
                f"the {len(position)} expressions depend independently on {', '.join(map(str, chart.coordinates))}."
            ) from error

    @property
    def codimension(self) -> int:
        r"""Number of normal directions."""
        return self.ambient.dim - self.chart.dim

    def normal(self) -> np.ndarray:
        r"""Return the unit normal covector \(N_A\) of a hypersurface as field elements.

        Raises:
            ArgumentError: the codimension is not 1.
        """
        if self.codimension != 1:
            raise ArgumentError(f"A unit normal needs a hypersurface, but the codimension is {self.codimension}.")
        field, rows = self.chart.field, tuple(range(self.ambient.dim))
        minors = Minors(field, self.map.jacobian)
        columns = tuple(range(self.chart.dim))
        normal = np.empty(self.ambient.dim, dtype=object)
        scale = self.chart.tower.root(self._ratio() * self.sign(), 2).inverse()
        for a in rows:
            minor = minors.minor(rows[:a] + rows[a + 1 :], columns) * scale
            normal[a] = minor if a % 2 == 0 else -minor
        return normal

    def _ratio(self) -> Element:
        # |m|² of the covector m_A of the minors is det g / det G.
        (around,) = self.map.elements(np.array([self.ambient.curvature.determinant()], dtype=object))
        return self.metric.curvature.determinant() * around.inverse()

    def sign(self) -> int:
        r"""Return \(\varepsilon = \langle N, N\rangle\), read off where the generators of the field are small."""
        return 1 if self.chart.tower.sample(self._ratio()) > 0 else -1

    def second_fundamental_form(self) -> Tensor:
        r"""Return \(II_{ij} = \langle N, \bar\nabla_i\partial_j X\rangle\) of a hypersurface.

        Raises:
            ArgumentError: the codimension is not 1.
        """
        normal, j, dim = self.normal(), self.map.jacobian, self.ambient.dim
        field, curvature = self.chart.field, self.ambient.curvature
        indices = [(a, b, c) for a in range(dim) for b in range(dim) for c in range(b, dim)]
        indices = [index for index in indices if not curvature.christoffel(*index).is_zero()]
        around = np.array([curvature.christoffel(*index) for index in indices], dtype=object)
        pulled = self.map.elements(around) if indices else around
        n = self.chart.dim
        out = np.empty((n, n), dtype=object)
        for i in range(n):
            for k in range(i, n):
                pairs = [(normal[a], j[a, i].derivative(k)) for a in range(dim)]
                for (a, b, c), gamma in zip(indices, pulled):
                    product = j[b, i] * j[c, k] if b == c else j[b, i] * j[c, k] + j[c, i] * j[b, k]
                    pairs.append((normal[a] * gamma, product))
                out[i, k] = out[k, i] = field.dot(pairs)
        return Tensor(self.metric, out)

    def mean_curvature(self) -> Tensor:
        r"""Return \(H = g^{ij}II_{ij}\), the trace (not the average)."""
        return self.second_fundamental_form().trace()

    def position_vector(self) -> list[sp.Expr]:
        r"""Return \(X^A(y)\) in SymPy."""
        return list(self.map.images)


def from_embedding(chart: Chart, position: Sequence[Any], ambient: Metric | Sequence[int] | None = None) -> Metric:
    r"""Return the metric induced by an immersion, \(g_{ij} = G_{AB}\,\partial_iX^A\,\partial_jX^B\).

    Args:
        chart: the chart of the submanifold.
        position: X^A, one expression for each coordinate around.
        ambient: None for Euclidean space, a list of signs, or a `Metric`.

    Raises:
        ArgumentError: a wrong number of expressions.
        MetricError: the induced metric is singular.

    Good values: the hyperboloid `from_embedding(Chart("r phi"), ["cosh(r)", "sinh(r)*cos(phi)", "sinh(r)*sin(phi)"],
    [-1, 1, 1])`; a graph `from_embedding(Chart("x y", functions={"u": "x y"}), ["x", "y", "u"])`.
    """
    return Embedding(chart, position, ambient).metric
