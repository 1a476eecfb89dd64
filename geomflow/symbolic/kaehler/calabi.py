r"""U(n)-invariant Kähler metrics, K = u(s) with s = log |z|² (Calabi's ansatz), and their momentum coordinate.

    g_{i j̄} = u' ∂_i∂_j̄ s + u'' ∂_i s ∂_j̄ s,   det g = u'^{n-1} u'' e^{-ns}

With x = u'(s) as a coordinate and F(x) = u''(s) the unknown becomes one function of one variable, F = dx/ds, and in
complex dimension 2 the metric Re g_{i j̄} dz^i dz̄^j (the factor is 1 here, as in the literature) is

    dx²/(4F) + F σ3² + x (σ1² + σ2²),   dσ1 = 2 σ2∧σ3 and cyclic.

Every U(n)-invariant ∂∂̄h is known from h'(s), so that tensor equations become ordinary differential equations; they
are derived here from the curvature of the ansatz, not typed in.

Reference: Calabi, Ann. Sci. ENS 12 (1979) 269; Feldman, Ilmanen, Knopf, J. Differential Geom. 65 (2003) 169.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp

from geomflow.core.errors import ArgumentError, DerivationError
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.charts.composed import jet
from geomflow.symbolic.charts.metric import Metric
from geomflow.symbolic.field.field import Element
from geomflow.symbolic.kaehler.complex_chart import ComplexChart
from geomflow.symbolic.kaehler.metric import Kaehler
from geomflow.symbolic.kaehler.mixed import MixedTensor


def coordinates(n: int) -> str:
    r"""Return the names of n holomorphic coordinates: `z`, or `z1 z2 ...`."""
    if n < 1:
        raise ArgumentError(f"A complex chart needs dimension 1 or more, but {n} was asked for.")
    return "z" if n == 1 else " ".join(f"z{i + 1}" for i in range(n))


def calabi_ansatz(n: int, constants: str = "", parameters: str = "") -> Kaehler:
    r"""Return the metric with the potential u(log |z|²), u unknown (and a function of the parameters too)."""
    names = coordinates(n)
    arguments = [f"log(abs2({', '.join(names.split())}))", *parameters.split()]
    chart = ComplexChart(names, constants=constants, functions={"u": ", ".join(arguments)}, parameters=parameters)
    return Kaehler(chart, "u")


def invariant(chart: ComplexChart, slope: Any) -> Kaehler:
    r"""Return the U(n)-invariant metric with \(u'(s)\) given as an expression of |z|².

    \(g_{i\bar j} = \partial_i(u' z^j/|z|^2)\); the potential, an integral of u', is not needed.

    Good values: `invariant(chart, "abs2(z1, z2)")` is flat.
    """
    first = chart.element(slope)
    radial = first / chart.element(chart.norm2)
    rows = [[(radial * chart.element(z)).derivative(i) for z in chart.holomorphic] for i in range(chart.n)]
    return Kaehler(chart, matrix=np.array(rows, dtype=object))


def radial_slope(tensor: MixedTensor) -> Element:
    r"""Return \(h'(s)\) of a tensor \(T_{i\bar j} = \partial_i\partial_{\bar j}h(s)\) in complex dimension 2 or more.

    On v = (-z̄², z̄¹, 0, ...), which is orthogonal to z, \(T(v, \bar v) = h'(s)\,|v|^2/|z|^2\).

    Raises:
        DerivationError: the tensor is not of this form.
    """
    chart = tensor.chart
    if chart.n < 2:
        raise ArgumentError("In one complex dimension ∂∂̄h knows only h''. Read off the component instead.")
    z, zb = ([chart.element(x) for x in xs] for xs in (chart.holomorphic, chart.antiholomorphic))
    v, bar = {0: -zb[1], 1: zb[0]}, {0: -z[1], 1: z[0]}
    above = chart.field.dot((tensor.components[i, j], v[i] * bar[j]) for i in v for j in bar)
    first = above * chart.element(chart.norm2) / chart.field.dot((v[i], bar[i]) for i in v)
    # ∂_i∂_j̄ h = ∂_i (h' ∂_j̄ s), and ∂_j̄ s = z^j/|z|².
    radial = first / chart.element(chart.norm2)
    if tensor != MixedTensor.fill(chart, (False, True), lambda i, j: (radial * z[j]).derivative(i)):
        raise DerivationError("The tensor is not ∂∂̄ of a function of |z|²: it is not U(n)-invariant, or not closed.")
    return first


def soliton_equation(n: int) -> sp.Expr:
    r"""Return the equation of a gradient soliton with \(f = c\,x\), derived from the curvature.

    \(R_{i\bar j} + \partial_i\partial_{\bar j}f - \lambda g_{i\bar j} = \partial_i\partial_{\bar j}h(s)\).

    Returns:
        \(h'(s)\) in terms of x, F(x), c and `lam`: zero on a soliton. For n = 1 its derivative \(h''(s)\), which is all
        that the tensor knows.
    """
    metric = calabi_ansatz(n, constants="c lam")
    residual = metric.soliton("c*u'", "lam")
    if not residual.pure.is_zero():
        raise DerivationError("∇_i∇_j f does not vanish for f = c u': the ansatz has changed.")
    chart = metric.chart
    if n == 1:
        first = residual.mixed.components[0, 0] * chart.element(chart.norm2)
    else:
        first = radial_slope(residual.mixed)
    return in_momentum(chart, first)


def in_momentum(chart: ComplexChart, element: Element) -> sp.Expr:
    r"""Return an expression in u', u'', ... in terms of x = u' and F(x) = u'', with d/ds = F d/dx."""
    x = sp.Symbol("x", positive=True)
    profile = sp.Function("F")(x)
    argument = chart.functions["u"].args
    values, value = {}, x
    for order in range(1, 7):
        values[jet("u", (order,))(*argument)] = value
        value = sp.expand(profile * sp.diff(value, x))
    return sp.expand(sp.cancel(chart.sympy(element).xreplace(values)))


def momentum_metric(chart: Chart, profile: Any) -> Metric:
    r"""Return the metric of a profile F, in two or in four real dimensions.

        dx²/(4F) + F dϑ²   and   dx²/(4F) + F σ3² + x (σ1² + σ2²),
        σ3 = ½ (dψ + cos θ dφ),  σ1² + σ2² = ¼ (dθ² + sin²θ dφ²)

    The factor is 1: this is \(\mathrm{Re}\,g_{i\bar j}dz^id\bar z^j\), and a soliton with \(\lambda g_{i\bar j}\) has
    \(\mathrm{Ric}+\nabla^2f = 2\lambda\,ds^2\).

    Args:
        chart: a real chart with the coordinates x, ψ, θ, φ or x, ϑ, in this order.
        profile: F, an expression in x.
    """
    big, x = chart.parse(profile), chart.coordinates[0]
    if chart.dim == 2:
        return Metric(chart, [[1 / (4 * big), 0], [0, big]])
    if chart.dim != 4:
        raise ArgumentError(f"A momentum metric has the coordinates x, psi, theta, phi or x, theta, not {chart.dim}.")
    theta = chart.coordinates[2]
    sigma = [0, sp.Rational(1, 2), 0, sp.cos(theta) / 2]
    round_part = sp.diag(0, 0, x / 4, x * sp.sin(theta) ** 2 / 4)
    matrix = sp.diag(1 / (4 * big), 0, 0, 0) + round_part
    for a in range(4):
        for b in range(4):
            matrix[a, b] += big * sigma[a] * sigma[b]
    return Metric(chart, matrix)
