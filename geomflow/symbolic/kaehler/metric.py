r"""Kähler metrics \(g_{i\bar j} = \partial_i\partial_{\bar j}K\) and what is special about them.

The conventions are those of `hermitian.py`: with \(ds^2 = 2\,\mathrm{Re}\,g_{i\bar j}dz^id\bar z^j\) the components of
Ricci, Riemann and Hessian with indices of types z and z̄ are those of the Riemannian metric, R = 2 g^{i j̄} R_{i j̄} is
its scalar curvature and Δf = 2 g^{i j̄} ∂_i∂_j̄ f its Laplacian. Ricci flow ∂_t g = -2 Ric is ∂_t g_{i j̄} = -2 R_{i j̄};
the Kähler-Ricci flow of the literature, ∂_t g_{i j̄} = -R_{i j̄}, is the same flow in twice the time.

Reference: Besse, Einstein Manifolds (1987), chapter 2; Feldman, Ilmanen, Knopf, J. Differential Geom. 65 (2003) 169.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import sympy as sp

from geomflow.core.errors import ArgumentError, MetricError
from geomflow.symbolic.field.field import Element
from geomflow.symbolic.kaehler.complex_chart import ComplexChart
from geomflow.symbolic.kaehler.hermitian import Hermitian
from geomflow.symbolic.kaehler.mixed import MixedTensor


class SolitonResidual(NamedTuple):
    r"""The two blocks of \(\mathrm{Ric} + \nabla^2 f - \lambda g\)."""

    mixed: MixedTensor  # R_{i j̄} + ∂_i ∂_j̄ f - λ g_{i j̄}
    pure: MixedTensor  # ∇_i ∇_j f

    def is_zero(self) -> bool:
        r"""Return whether the metric is a gradient soliton, identically."""
        return self.mixed.is_zero() and self.pure.is_zero()


class Kaehler(Hermitian):
    r"""A Kähler metric, from a potential or from a matrix with \(\partial_k g_{i\bar j} = \partial_i g_{k\bar j}\).

    Args:
        chart: the complex chart.
        potential: K, real up to \(h(z) + \bar h(\bar z)\).
        matrix: \(g_{i\bar j}\) instead of a potential.

    Raises:
        MetricError: the metric is not Hermitian, singular, or not Kähler.

    Good values: `Kaehler(ComplexChart("z1 z2"), "log(1 + abs2(z1, z2))")`, the Fubini-Study metric with Ric = 3 g.
    """

    def __init__(self, chart: ComplexChart, potential: Any = None, matrix: Any = None):
        if (potential is None) == (matrix is None):
            raise ArgumentError("A Kähler metric is given by a potential or by a matrix: give exactly one of them.")
        self.potential: Element | None = None
        if potential is not None:
            if not isinstance(chart, ComplexChart):
                raise ArgumentError("A Kähler metric needs a complex chart, as in ComplexChart('z1 z2').")
            self.potential = chart.element(potential)
            matrix = [
                [self.potential.derivative(i).derivative(chart.n + j) for j in range(chart.n)] for i in range(chart.n)
            ]
        super().__init__(chart, matrix)
        if potential is None:
            for (i, j, k), element in self.kaehler_defect().nonzero():
                z, zb = chart.holomorphic, chart.antiholomorphic
                raise MetricError(
                    f"The metric is Hermitian but not Kähler: the derivative of g_{z[i]},{zb[j]} by {z[k]} and that of "
                    f"g_{z[k]},{zb[j]} by {z[i]} differ by {chart.sympy(element)}. Use Hermitian(chart, matrix) for it."
                )

    # --- curvature -----------------------------------------------------------------------------------------------

    def _riemann(self, i: int, j: int, k: int, l: int) -> Element:
        # Symmetric in i, k and in j̄, l̄.
        return super()._riemann(min(i, k), min(j, l), max(i, k), max(j, l))

    def _pairs(self, first: np.ndarray, second: np.ndarray, i: int, j: int, k: int, l: int) -> Element:
        # a_{i j̄} b_{k l̄} + a_{i l̄} b_{k j̄}
        return self._dot([(first[i, j], second[k, l]), (first[i, l], second[k, j])])

    def bochner(self) -> MixedTensor:
        r"""Return the Bochner tensor, the part of the curvature that is trace-free.

        With \((ab)_{i\bar jk\bar l} = a_{i\bar j}b_{k\bar l} + a_{i\bar l}b_{k\bar j}\) and \(S = R/2\),
        \(B = R - \frac{1}{n+2}(g\,\mathrm{Ric} + \mathrm{Ric}\,g) + \frac{S}{(n+1)(n+2)}\,g\,g\).
        """
        n, g, ricci = self.n, self.matrix, self.ricci().components
        weight = self.trace(self.ricci()).components[()] / ((n + 1) * (n + 2))

        def entry(i: int, j: int, k: int, l: int) -> Element:
            linear = self._pairs(g, ricci, i, j, k, l) + self._pairs(ricci, g, i, j, k, l)
            return self._riemann(i, j, k, l) - linear / (n + 2) + self._pairs(g, g, i, j, k, l) * weight

        return MixedTensor.fill(self.chart, (False, True) * 2, entry)

    def holomorphic_sectional(self, vector: Sequence[Any]) -> MixedTensor:
        r"""Return \(H(v) = R_{i\bar jk\bar l}v^i\bar v^jv^k\bar v^l/|v|^4\), the curvature of the plane v, Jv.

        Args:
            vector: the components \(v^i\), expressions on the chart.
        """
        v = self.chart.elements(list(vector))
        if v.shape != (self.n,):
            raise ArgumentError(f"A direction has {self.n} components \\(v^i\\), but {v.size} were given.")
        bar = [self.chart.conjugate(e) for e in v]
        every = range(self.n)
        length = self._dot((self.matrix[i, j], v[i] * bar[j]) for i in every for j in every)
        above = self._dot(
            (self._riemann(i, j, k, l), v[i] * bar[j] * v[k] * bar[l]) for i, j, k, l in np.ndindex(*(self.n,) * 4)
        )
        return self._scalar(above / length**2)

    def constant_holomorphic_curvature(self) -> sp.Expr | None:
        r"""Return the holomorphic sectional curvature H if it is constant, else None.

        \(R_{i\bar jk\bar l} = \tfrac H2(g_{i\bar j}g_{k\bar l} + g_{i\bar l}g_{k\bar j})\) with a constant H.
        """
        h = self.scalar().components[()] / (self.n * (self.n + 1))
        model = MixedTensor.fill(
            self.chart, (False, True) * 2, lambda i, j, k, l: self._pairs(self.matrix, self.matrix, i, j, k, l) * h / 2
        )
        return self.chart.sympy(h) if self._constant(h) and self.riemann() == model else None

    def einstein_constant(self) -> sp.Expr | None:
        r"""Return λ if \(R_{i\bar j} = \lambda g_{i\bar j}\) with a constant λ, else None."""
        factor = self.trace(self.ricci()).components[()] / self.n
        einstein = self._constant(factor) and self.ricci() == self.g() * self._scalar(factor)
        return self.chart.sympy(factor) if einstein else None

    def _constant(self, element: Element) -> bool:
        return all(element.derivative(k).is_zero() for k in range(2 * self.n))

    def norm_squared(self, tensor: MixedTensor) -> MixedTensor:
        r"""Return \(|T|^2 = 2 g^{i\bar l}g^{k\bar j}T_{i\bar j}T_{k\bar l}\) of a symmetric tensor such as Ric."""
        if (tensor.bars, tensor.up) != ((False, True), (False, False)):
            raise ArgumentError("The norm is of a tensor with slots z and zb, both down.")
        every = range(self.n)
        raised = {  # T_k^i = g^{i l̄} T_{k l̄}
            (k, i): self._dot((self._inverse(i, l), tensor.components[k, l]) for l in every)
            for k in every
            for i in every
        }
        return self._scalar(self._dot((raised[k, i], raised[i, k]) for k in every for i in every) * 2)

    # --- functions -----------------------------------------------------------------------------------------------

    def hessian(self, f: Any) -> tuple[MixedTensor, MixedTensor]:
        r"""Return \(\partial_i\partial_{\bar j}f\) and \(\partial_i\partial_jf - \Gamma^k_{ij}\partial_kf\)."""
        value = self._element(f)
        slopes = [self._d(value, i) for i in range(self.n)]
        mixed = MixedTensor.fill(self.chart, (False, True), lambda i, j: self._d(slopes[i], j, bar=True))

        def pure(i: int, j: int) -> Element:
            return self._d(slopes[i], j) - self._dot((self._christoffel(k, i, j), slopes[k]) for k in range(self.n))

        return mixed, MixedTensor.fill(self.chart, (False, False), pure)

    def _element(self, f: Any) -> Element:
        return f.components[()] if isinstance(f, MixedTensor) else self.chart.element(f)

    def laplacian(self, f: Any) -> MixedTensor:
        r"""Return \(\Delta f = 2 g^{i\bar j}\partial_i\partial_{\bar j}f\), the Laplacian of the real metric."""
        return self.trace(self.hessian(f)[0]) * 2

    def soliton(self, potential: Any, constant: Any) -> SolitonResidual:
        r"""Return \(\mathrm{Ric} + \nabla^2f - \lambda g\) in its two blocks, both zero for a gradient soliton."""
        mixed, pure = self.hessian(potential)
        return SolitonResidual(self.ricci() + mixed - self.g() * constant, pure)

    def ricci_flow(self, time: str = "t") -> MixedTensor:
        r"""Return \(\partial_tg_{i\bar j} + 2R_{i\bar j}\), zero for a solution of \(\partial_tg = -2\,\mathrm{Ric}\).

        Args:
            time: the parameter of the chart that is the time.
        """
        place = self.chart.index(time)
        if place < 2 * self.n:
            raise ArgumentError(f"The time must be a parameter of the chart: ComplexChart(..., parameters='{time}').")
        change = MixedTensor.fill(self.chart, (False, True), lambda i, j: self._d(self.matrix[i, j], place))
        return change + self.ricci() * 2
