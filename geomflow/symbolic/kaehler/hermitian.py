r"""Hermitian metrics on a complex chart and their Chern connection, exact.

    Γ^i_jk = g^{i l̄} ∂_j g_{k l̄}
    R_{i j̄ k l̄} = -∂_k ∂_l̄ g_{i j̄} + g^{p q̄} ∂_k g_{i q̄} ∂_l̄ g_{p j̄}
    R_{k l̄} = g^{i j̄} R_{i j̄ k l̄} = -∂_k ∂_l̄ log det g

Conventions, so that everything agrees with `Metric` in real coordinates: the Riemannian metric is
\(ds^2 = 2\,\mathrm{Re}\, g_{i\bar j}\,dz^i d\bar z^j\), whose complex-bilinear extension has
\(\langle\partial_i, \partial_{\bar j}\rangle = g_{i\bar j}\); the form is
\(\omega = \mathrm i\, g_{i\bar j}\,dz^i\wedge d\bar z^j\); the volume
\(\omega^n/n! = 2^n \det g\; dx^1 dy^1\cdots dx^n dy^n\) carries the factor 2^n. Dimensionless.

Reference: Moroianu, Lectures on Kähler Geometry (2007), chapters 10-12; Besse, Einstein Manifolds (1987), chapter 2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import sympy as sp

from geomflow.core.errors import ArgumentError, MetricError
from geomflow.symbolic.charts.metric import Metric
from geomflow.symbolic.field.field import Element
from geomflow.symbolic.field.matrices import Minors
from geomflow.symbolic.kaehler.complex_chart import ComplexChart
from geomflow.symbolic.kaehler.mixed import MixedTensor


class Hermitian:
    r"""A Hermitian metric \(g_{i\bar j}\) on a complex chart.

    Args:
        chart: the complex chart.
        matrix: \(g_{i\bar j}\), row i and column j, as nested lists of strings, SymPy expressions or field elements.

    Raises:
        MetricError: the matrix is not square of the chart's size, not Hermitian, or singular.

    Good values: `Hermitian(ComplexChart("z"), [["1/(1 + abs2(z))"]])`, the cigar.
    """

    def __init__(self, chart: ComplexChart, matrix: Any):
        if not isinstance(chart, ComplexChart):
            raise ArgumentError("A Hermitian metric needs a complex chart, as in ComplexChart('z1 z2').")
        self.chart, self.n = chart, chart.n
        rows = matrix.tolist() if isinstance(matrix, (sp.MatrixBase, np.ndarray)) else [list(row) for row in matrix]
        if len(rows) != self.n or any(len(row) != self.n for row in rows):
            raise MetricError(
                f"The metric must be a {self.n} x {self.n} matrix for the coordinates "
                f"{', '.join(z.name for z in chart.holomorphic)}, but has {len(rows)} rows of lengths "
                f"{sorted({len(row) for row in rows})}."
            )
        self.matrix: Any = chart.elements(rows)
        self._minors = Minors(chart.field, self.matrix)
        self._memo: dict[tuple, Any] = {}
        self._check_hermitian()
        if self._determinant().is_zero():
            raise MetricError(
                "The Hermitian metric is singular: det g vanishes identically. Does the potential depend on every "
                "coordinate?"
            )

    def _check_hermitian(self) -> None:
        for i in range(self.n):
            for j in range(i, self.n):
                mirrored = self.chart.conjugate(self.matrix[j, i])
                if self.matrix[i, j] != mirrored:
                    z, zb = self.chart.holomorphic, self.chart.antiholomorphic
                    raise MetricError(
                        f"The metric is not Hermitian: g_{z[i]},{zb[j]} = {self.chart.sympy(self.matrix[i, j])}, but "
                        f"the conjugate of g_{z[j]},{zb[i]} is {self.chart.sympy(mirrored)}. A potential must be real: "
                        "add its conjugate, or use abs2(z)."
                    )

    # --- helpers -------------------------------------------------------------------------------------------------

    def _once(self, key: tuple, compute: Callable[[], Any]) -> Any:
        if key not in self._memo:
            self._memo[key] = compute()
        return self._memo[key]

    def _dot(self, pairs: Iterable[tuple[Element, Element]]) -> Element:
        return self.chart.field.dot(pairs)

    def _scalar(self, element: Element) -> MixedTensor:
        return MixedTensor.fill(self.chart, (), lambda: element)

    def _d(self, element: Element, i: int, bar: bool = False) -> Element:
        return element.derivative(i + self.n if bar else i)

    # --- the metric ----------------------------------------------------------------------------------------------

    def _determinant(self) -> Element:
        return self._minors.determinant()

    def _reciprocal(self) -> Element:
        return self._once(("1/det",), lambda: self._determinant().inverse())

    def _inverse(self, i: int, j: int) -> Element:
        # g^{i j̄} with g^{i j̄} g_{k j̄} = δ^i_k: the cofactor of g_{i j̄} over the determinant.
        def compute() -> Element:
            rows, columns = (tuple(k for k in range(self.n) if k != m) for m in (i, j))
            entry = self._minors.minor(rows, columns) * self._reciprocal()
            return -entry if (i + j) % 2 else entry

        return self._once(("inverse", i, j), compute)

    def _dg(self, i: int, j: int, k: int, bar: bool = False) -> Element:
        return self._once(("dg", i, j, k, bar), lambda: self._d(self.matrix[i, j], k, bar))

    def g(self) -> MixedTensor:
        r"""Return \(g_{i\bar j}\)."""
        return MixedTensor(self.chart, self.matrix, (False, True))

    def inverse(self) -> MixedTensor:
        r"""Return \(g^{i\bar j}\), with \(g^{i\bar j}g_{k\bar j} = \delta^i_k\)."""
        return MixedTensor.fill(self.chart, (False, True), self._inverse, (True, True))

    def determinant(self) -> sp.Expr:
        r"""Return \(\det g_{i\bar j}\), the left-hand side of the complex Monge-Ampère equation."""
        return self.chart.sympy(self._determinant())

    def volume_density(self) -> sp.Expr:
        r"""Return \(2^n\det g\), the coefficient of \(dx^1 dy^1\cdots dx^n dy^n\) in \(\omega^n/n!\)."""
        return self.chart.sympy(self._determinant() * 2**self.n)

    def trace(self, tensor: MixedTensor) -> MixedTensor:
        r"""Return \(g^{i\bar j}T_{i\bar j}\) of a tensor; its trace over the real metric is twice this."""
        if (tensor.bars, tensor.up) != ((False, True), (False, False)):
            raise ArgumentError("The trace is of a tensor with slots z and zb, both down.")
        every = range(self.n)
        return self._scalar(self._dot((self._inverse(i, j), tensor.components[i, j]) for i in every for j in every))

    # --- connection and curvature --------------------------------------------------------------------------------

    def _christoffel(self, i: int, j: int, k: int) -> Element:
        return self._once(
            ("Γ", i, j, k), lambda: self._dot((self._inverse(i, l), self._dg(k, l, j)) for l in range(self.n))
        )

    def christoffel(self) -> MixedTensor:
        r"""Return \(\Gamma^i_{jk} = g^{i\bar l}\partial_j g_{k\bar l}\) of the Chern connection as [i, j, k]."""
        return MixedTensor.fill(self.chart, (False,) * 3, self._christoffel, (True, False, False))

    def torsion(self) -> MixedTensor:
        r"""Return \(T^i_{jk} = \Gamma^i_{jk} - \Gamma^i_{kj}\), zero if and only if the metric is Kähler."""
        return MixedTensor.fill(
            self.chart,
            (False,) * 3,
            lambda i, j, k: self._christoffel(i, j, k) - self._christoffel(i, k, j),
            (True, False, False),
        )

    def kaehler_defect(self) -> MixedTensor:
        r"""Return \(\partial_k g_{i\bar j} - \partial_i g_{k\bar j}\) as [i, j, k]: that is, \(\partial\omega\)."""
        return MixedTensor.fill(self.chart, (False, True, False), lambda i, j, k: self._dg(i, j, k) - self._dg(k, j, i))

    def is_kaehler(self) -> bool:
        r"""Return whether \(d\omega = 0\), identically."""
        return self.kaehler_defect().is_zero()

    def _riemann(self, i: int, j: int, k: int, l: int) -> Element:
        def compute() -> Element:
            second = self._d(self._dg(i, j, k), l, bar=True)
            return self._dot(self._quadratic(i, j, k, l)) - second

        return self._once(("Riem", i, j, k, l), compute)

    def _quadratic(self, i: int, j: int, k: int, l: int) -> list[tuple[Element, Element]]:
        # g^{p q̄} ∂_k g_{i q̄} ∂_l̄ g_{p j̄} = Γ^p_ki ∂_l̄ g_{p j̄}
        return [(self._christoffel(p, k, i), self._dg(p, j, l, bar=True)) for p in range(self.n)]

    def riemann(self) -> MixedTensor:
        r"""Return \(R_{i\bar jk\bar l}\) of the Chern connection, positive on \(\mathbb{CP}^n\).

        For a Kähler metric it is the curvature of the real metric, but `Metric` has the last two slots the other way
        round: its \(R_{abcd}\) with the types \(i\bar j\bar lk\) is this \(R_{i\bar jk\bar l}\).
        """
        return MixedTensor.fill(self.chart, (False, True) * 2, self._riemann)

    def _ricci(self, i: int, j: int) -> Element:
        # -∂_i (∂_j̄ det / det): no logarithm is adjoined.
        def slope() -> Element:
            return self._d(self._determinant(), j, bar=True) * self._reciprocal()

        return self._once(("Ric", i, j), lambda: -self._d(self._once(("dlogdet", j), slope), i))

    def ricci(self) -> MixedTensor:
        r"""Return \(R_{i\bar j} = -\partial_i\partial_{\bar j}\log\det g\), the first Chern-Ricci curvature."""
        return MixedTensor.fill(self.chart, (False, True), self._ricci)

    def ricci_by_contraction(self) -> MixedTensor:
        r"""Return \(g^{k\bar l}R_{k\bar li\bar j}\): `ricci` by another route, no determinant is differentiated."""
        every = range(self.n)

        def entry(i: int, j: int) -> Element:
            return self._dot((self._inverse(k, l), self._riemann(k, l, i, j)) for k in every for l in every)

        return MixedTensor.fill(self.chart, (False, True), entry)

    def chern_form(self) -> MixedTensor:
        r"""Return \(\frac{\mathrm i}{2\pi}R_{i\bar j}\): \(c_1\) by its coefficients of \(dz^i\wedge d\bar z^j\)."""
        return self.ricci() * (sp.I / (2 * sp.pi))

    def scalar(self) -> MixedTensor:
        r"""Return \(R = 2 g^{i\bar j}R_{i\bar j}\); for a Kähler metric the scalar curvature of the real metric."""
        return self._once(("R",), lambda: self.trace(self.ricci()) * 2)

    # --- the same metric for the general engine ------------------------------------------------------------------

    def complexified(self) -> Metric:
        r"""Return the complex-bilinear `Metric` in the 2n coordinates z, z̄, whose entries are \(g_{i\bar j}\).

        Raises:
            ArgumentError: the chart has parameters.
        """
        if self.chart.parameters:
            raise ArgumentError(
                f"A metric in the coordinates z and zb cannot have the parameter `{self.chart.parameters[0]}` among "
                "its coordinates. Declare it as a constant."
            )
        zero = np.full((self.n, self.n), self.chart.field.zero, dtype=object)
        blocks = np.block([[zero, self.matrix], [self.matrix.T, zero]])
        return self._once(("bilinear",), lambda: Metric(self.chart, blocks))

    def real_metric(self, names: str = "", factor: Any = 2) -> Metric:
        r"""Return the Riemannian metric \(ds^2 = c\,\mathrm{Re}\,g_{i\bar j}\,dz^i d\bar z^j\) in x1, y1, x2, y2, ...

        Args:
            names: the names of x1, y1, x2, y2, ...
            factor: c. Only with c = 2, the default, do scalars (R, Δf, |Rm|²) agree with those of this class.

        Raises:
            ArgumentError: the chart has parameters or holomorphic functions.
        """
        return self._once(("real", names, str(factor)), lambda: self._real_metric(names, factor))

    def _real_metric(self, names: str, factor: Any) -> Metric:
        chart, morphism = self.chart.real(names)
        scale, unit = chart.element(factor) / 2, chart.element(sp.I)
        matrix = np.empty((2 * self.n, 2 * self.n), dtype=object)
        images = {index: morphism(element) for index, element in np.ndenumerate(self.matrix)}
        for i in range(self.n):
            for j in range(self.n):
                a, b = images[i, j] * scale, images[j, i] * scale
                # ∂_x = ∂_z + ∂_z̄ and ∂_y = i (∂_z - ∂_z̄)
                matrix[2 * i, 2 * j] = matrix[2 * i + 1, 2 * j + 1] = a + b
                matrix[2 * i, 2 * j + 1] = (b - a) * unit
                matrix[2 * i + 1, 2 * j] = (a - b) * unit
        return Metric(chart, matrix)
