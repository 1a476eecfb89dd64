r"""A metric on a chart and every tensor derived from it, exact.

Signs: the round sphere has positive curvature; \(\Delta\) is div grad. Dimensionless.

Reference: Besse, Einstein Manifolds (1987), chapter 1; for Bach, section 4.H.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
import sympy as sp

from geomflow.core.errors import ArgumentError, MetricError
from geomflow.symbolic.charts.bach import bach_components
from geomflow.symbolic.charts.chart import Chart, whole
from geomflow.symbolic.charts.curvature import Curvature
from geomflow.symbolic.charts.differentials import linear, quadratic_latex, quadratic_text
from geomflow.symbolic.charts.frames import Frame, FrameCurvature
from geomflow.symbolic.charts.tensor import Tensor
from geomflow.symbolic.field.field import Element

#: Letters of a line element, and terms in it, up to which `print(metric)` shows it.
_MOST_LETTERS, _MOST_TERMS = 1000, 250


class Metric:
    r"""A (pseudo-)Riemannian metric in a chart.

    Args:
        chart: coordinates, constants and functions.
        matrix: g_ij as nested lists of strings, SymPy expressions or field elements; or a SymPy matrix.
        frame: a frame the components refer to, of the metric and of every tensor; that of the coordinates by default.

    Raises:
        MetricError: the matrix is not square of the chart's size, not symmetric, or singular.
        DerivationError: an entry the chart cannot hold.
    """

    def __init__(self, chart: Chart, matrix: Any, frame: Frame | None = None):
        if not isinstance(chart, Chart):
            raise ArgumentError(f'A metric lives on a chart, as in Metric(Chart("x y"), ...), but found `{chart}`.')
        self.chart, self.dim, self.frame = chart, chart.dim, frame
        rows = _rows(matrix)
        if len(rows) != self.dim or any(len(row) != self.dim for row in rows):
            shape = f"{len(rows)} rows of lengths {sorted({len(row) for row in rows})}"
            raise MetricError(
                f"The metric must be a {self.dim} x {self.dim} matrix for the coordinates "
                f"{', '.join(x.name for x in chart.coordinates)}, but has {shape}."
            )
        elements = chart.elements(rows)
        for i in range(self.dim):
            for j in range(i):
                if elements[i, j] != elements[j, i]:
                    raise MetricError(
                        f"A metric must be symmetric, but g_{j}{i} = {chart.sympy(elements[j, i])} and "
                        f"g_{i}{j} = {chart.sympy(elements[i, j])}."
                    )
        self.curvature = FrameCurvature(frame, elements) if frame is not None else Curvature(chart, elements)
        if self.curvature.determinant().is_zero():
            raise MetricError(
                "The metric is singular: its determinant vanishes identically. Is a coordinate missing, or too many?"
            )
        self._memo: dict[str, Any] = {}

    def __repr__(self) -> str:
        r"""Return the line element; if it is long, what it is about."""
        terms = sum(len(e.num) for e in self.curvature.matrix.ravel())
        if terms > _MOST_TERMS:
            return f"a metric with {terms} terms on {self.chart!r}"
        text = self.line_element()
        return text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]}... ({len(text)} letters)"

    @property
    def labels(self) -> tuple[str, ...]:
        r"""Names of the indices: coordinates, or the labels of the frame."""
        return self.frame.labels if self.frame is not None else tuple(x.name for x in self.chart.coordinates)

    @property
    def labels_latex(self) -> list[str]:
        r"""Names of the indices in LaTeX."""
        if self.frame is not None:
            return [sp.latex(sp.Symbol(label)) for label in self.labels]
        return [sp.latex(x) for x in self.chart.coordinates]

    def line_element(self) -> str:
        r"""Return \(g_{ij}dx^idx^j\) as text that `line_element` reads; in a frame its coframe is called w1, w2, ..."""
        return quadratic_text(
            self.chart, self.curvature.matrix, [("w" if self.frame else "d") + label for label in self.labels]
        )

    def latex(self) -> str:
        r"""Return \(g_{ij}dx^idx^j\) as LaTeX."""
        names = [rf"\theta^{{{n}}}" if self.frame else f"d{n}" for n in self.labels_latex]
        return quadratic_latex(self.chart, self.curvature.matrix, names)

    # --- making tensors ------------------------------------------------------------------------------------------

    def tensor(self, components: Any, up: Sequence[bool] | None = None) -> Tensor:
        r"""Return a tensor from nested lists of expressions; `up` says which slots are contravariant."""
        return Tensor(self, np.asarray(self.chart.elements(components), dtype=object), up)

    def vector(self, components: Tensor | Sequence[Any] | str) -> Tensor:
        r"""Return the vector \(X^i\), given by its components or as text, `"x*d_y - y*d_x"`."""
        if isinstance(components, Tensor):
            return components
        if isinstance(components, str):
            components = linear(self.chart, self.labels, components, "d_")
        return self.tensor(list(components), [True])

    def function(self, expression: Any) -> Tensor:
        r"""Return a scalar function as a tensor of rank 0."""
        if isinstance(expression, Tensor):
            return expression
        values = np.empty((), dtype=object)
        values[()] = self.chart.element(expression)
        return Tensor(self, values)

    def _fill(self, rank: int, entry: Callable[..., Element], up: Sequence[bool] | None = None) -> Tensor:
        values = np.empty((self.dim,) * rank, dtype=object)
        for index in np.ndindex(*values.shape):
            values[index] = entry(*index)
        return Tensor(self, values, up)

    def _once(self, name: str, compute: Callable[[], Any]) -> Any:
        if name not in self._memo:
            self._memo[name] = compute()
        return self._memo[name]

    # --- the metric and its connection ---------------------------------------------------------------------------

    def g(self) -> Tensor:
        r"""Return \(g_{ij}\)."""
        return self._once("g", lambda: self._fill(2, self.curvature.metric))

    def inverse(self) -> Tensor:
        r"""Return \(g^{ij}\)."""
        return self._once("inverse", lambda: self._fill(2, self.curvature.inverse, (True, True)))

    def determinant(self) -> sp.Expr:
        r"""Return det g."""
        return self.chart.sympy(self.curvature.determinant())

    def determinant_sign(self) -> int:
        r"""Return the sign of det g, read off where the generators of the field take small positive values."""
        return self._once("sign", lambda: 1 if self.chart.tower.sample(self.curvature.determinant()) > 0 else -1)

    def volume_element(self) -> Element:
        r"""Return \(\sqrt{|\det g|}\) as a field element, roots taken factor by factor."""
        return self._once(
            "volume", lambda: self.chart.tower.root(self.curvature.determinant() * self.determinant_sign(), 2)
        )

    def volume_density(self) -> sp.Expr:
        r"""Return \(\sqrt{|\det g|}\), the coefficient of \(dx^1\wedge\cdots\wedge dx^n\) in the volume form."""
        return self.chart.sympy(self.volume_element())

    def christoffel(self) -> Tensor:
        r"""Return \(\Gamma^k_{ij}\) as components [k, i, j] (not the components of a tensor)."""
        return self._once("christoffel", lambda: self._fill(3, self.curvature.christoffel, (True, False, False)))

    # --- curvature -----------------------------------------------------------------------------------------------

    def riemann(self) -> Tensor:
        r"""Return \(R_{abcd}\), with \(R^a{}_{bad} = R_{bd}\)."""
        return self._once("riemann", lambda: self._fill(4, self.curvature.riemann))

    def ricci(self) -> Tensor:
        r"""Return \(R_{ij}\)."""
        return self._once("ricci", lambda: self._fill(2, self.curvature.ricci))

    def scalar(self) -> Tensor:
        r"""Return the scalar curvature R."""
        return self._once("scalar", lambda: self.function(self.curvature.scalar()))

    def einstein(self) -> Tensor:
        r"""Return \(G_{ij} = R_{ij} - \tfrac12 R g_{ij}\)."""
        return self.ricci() - self.g() * self.scalar() / 2

    def kretschmann(self) -> Tensor:
        r"""Return \(|\mathrm{Rm}|^2 = R_{abcd}R^{abcd}\)."""
        return self._once("kretschmann", lambda: self.riemann().norm_squared())

    def sectional(self, u: Tensor | Sequence[Any] | str, v: Tensor | Sequence[Any] | str) -> Tensor:
        r"""Return the sectional curvature \(R(u,v,u,v)/(|u|^2|v|^2 - \langle u,v\rangle^2)\) of a plane of vectors."""
        u, v = self.vector(u), self.vector(v)
        above = self.riemann().contract(u, (0, 0)).contract(v, (0, 0)).contract(u, (0, 0)).contract(v, (0, 0))
        area = u.norm_squared() * v.norm_squared() - u.contract(v, (0, 0)) * u.contract(v, (0, 0))
        if area.is_zero():
            raise ArgumentError(
                "Two vectors span a plane with a sectional curvature if they are independent and the metric on the "
                "plane is not degenerate, but |u|²|v|² - <u,v>² is zero."
            )
        return above / area

    # --- conformal tensors ---------------------------------------------------------------------------------------

    def schouten(self) -> Tensor:
        r"""Return \(P_{ij} = \frac{1}{n-2}\left(R_{ij} - \frac{R}{2(n-1)} g_{ij}\right)\), n >= 3."""
        self._at_least(3, "The Schouten tensor")
        n = self.dim
        return self._once("schouten", lambda: (self.ricci() - self.g() * self.scalar() / (2 * n - 2)) / (n - 2))

    def weyl(self) -> Tensor:
        r"""Return \(W_{abcd} = R_{abcd} - g_{ac}P_{bd} + g_{ad}P_{bc} - g_{bd}P_{ac} + g_{bc}P_{ad}\), n >= 3."""
        self._at_least(3, "The Weyl tensor")
        g, p = self.curvature.metric, self.schouten().components
        known: dict[tuple, Element] = {}

        def entry(a: int, b: int, c: int, d: int) -> Element:
            if a == b or c == d:
                return self.chart.field.zero
            if a > b:
                return -entry(b, a, c, d)
            if c > d:
                return -entry(a, b, d, c)
            if (a, b) > (c, d):
                return entry(c, d, a, b)
            if (a, b, c, d) not in known:
                pairs = [(-g(a, c), p[b, d]), (g(a, d), p[b, c]), (-g(b, d), p[a, c]), (g(b, c), p[a, d])]
                known[a, b, c, d] = self.curvature.riemann(a, b, c, d) + self.chart.field.dot(pairs)
            return known[a, b, c, d]

        return self._once("weyl", lambda: self._fill(4, entry))

    def cotton(self) -> Tensor:
        r"""Return \(C_{ijk} = \nabla_j P_{ik} - \nabla_k P_{ij}\), so that \(\nabla^a W_{aijk} = (n-3)\,C_{ijk}\)."""
        self._at_least(3, "The Cotton tensor")

        def compute() -> Tensor:
            derived = self.schouten().nabla()
            return derived.transposed(0, 2, 1) - derived

        return self._once("cotton", compute)

    def bach(self) -> Tensor:
        r"""Return \(B_{ij} = \nabla^k C_{ikj} + P^{kl}W_{kilj}\), up to a factor the gradient of \(\int|W|^2\)."""
        self._at_least(4, "The Bach tensor")
        return self._once("bach", lambda: Tensor(self, bach_components(self)))

    def _at_least(self, least: int, what: str) -> None:
        if self.dim < least:
            raise ArgumentError(f"{what} needs dimension {least} or more, but this chart has dimension {self.dim}.")

    # --- operators -----------------------------------------------------------------------------------------------

    def gradient(self, f: Any) -> Tensor:
        r"""Return the vector \(\nabla^i f\)."""
        return self.function(f).nabla().raised()

    def hessian(self, f: Any) -> Tensor:
        r"""Return \(\nabla_i\nabla_j f\)."""
        return self.function(f).nabla().nabla()

    def laplacian(self, f: Any) -> Tensor:
        r"""Return \(\Delta f = g^{ij}\nabla_i\nabla_j f\); of a tensor the rough Laplacian."""
        return self.function(f).laplacian()

    def lichnerowicz(self, h: Tensor) -> Tensor:
        r"""Return \(\Delta_L h_{ij} = \Delta h_{ij} + 2R_{iajb}h^{ab} - R_{ia}h^a{}_j - R_{ja}h^a{}_i\)."""
        h = h.lowered()
        ricci = self.ricci().contract(h, (1, 0))
        return h.laplacian() + self.riemann().contract(h, (1, 0), (3, 1)) * 2 - ricci - ricci.transposed(1, 0)

    def lie_derivative(self, vector: Tensor | Sequence[Any] | str) -> Tensor:
        r"""Return \(\mathcal L_X g_{ij} = \nabla_i X_j + \nabla_j X_i\)."""
        return self.g().lie(self.vector(vector))

    def is_killing(self, vector: Tensor | Sequence[Any] | str) -> bool:
        r"""Return whether \(\mathcal L_X g = 0\), identically; X is a vector, its components, or `"x*d_y - y*d_x"`."""
        return self.lie_derivative(vector).is_zero()

    def geodesic_equations(self, parameter: str = "s") -> list[sp.Expr]:
        r"""Return \(\ddot x^k + \Gamma^k_{ij}\dot x^i\dot x^j\), zero along geodesics \(x^k(s)\), s the `parameter`."""
        if self.frame is not None:
            raise ArgumentError(
                "Geodesics are curves in coordinates. Use the metric in its chart: to_coordinates(metric)."
            )
        if parameter in self.chart.names():
            raise ArgumentError(
                f"`{parameter}` is a name of the chart and cannot be the parameter of a geodesic too. Give another "
                'name, as in geodesic_equations("tau").'
            )
        s = sp.Symbol(parameter, real=True)
        curve = {x: sp.Function(x.name)(s) for x in self.chart.coordinates}
        velocity = [sp.diff(c, s) for c in curve.values()]
        gamma = self.christoffel()
        equations = []
        for k, c in enumerate(curve.values()):
            terms = [gamma[k, i, j] * velocity[i] * velocity[j] for i in range(self.dim) for j in range(self.dim)]
            equations.append(sp.diff(c, s, 2) + cast("Any", sp.Add(*terms)).subs(curve))
        return equations

    # --- solitons ------------------------------------------------------------------------------------------------

    def gradient_soliton(self, potential: Any, constant: Any) -> Tensor:
        r"""Return \(\mathrm{Ric} + \nabla^2 f - \lambda g\), zero for a gradient Ricci soliton (λ > 0 shrinks)."""
        return self.ricci() + self.hessian(potential) - self.g() * constant

    def soliton(self, vector: Tensor | Sequence[Any] | str, constant: Any) -> Tensor:
        r"""Return \(\mathrm{Ric} + \tfrac12\mathcal L_X g - \lambda g\), zero for a Ricci soliton."""
        return self.ricci() + self.lie_derivative(vector) / 2 - self.g() * constant


def _rows(matrix: Any) -> list[list[Any]]:
    if isinstance(matrix, np.ndarray):
        matrix = whole(matrix)
    try:
        return matrix.tolist() if isinstance(matrix, sp.MatrixBase) else [_row(row) for row in matrix]
    except TypeError as error:
        raise ArgumentError(
            f"The metric must be a matrix, as in Metric(chart, [[1, 0], [0, 'x^2']]), but found `{matrix}`. A line "
            "element is read by line_element(chart, text)."
        ) from error


def _row(row: Any) -> list[Any]:
    if isinstance(row, str):
        raise TypeError
    return list(row)
