r"""Hermitian metrics in any real coordinates: \(c\,\mathrm{Re}\,g_{i\bar j}dz^id\bar z^j\) along z = z(y)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp
from sympy.core.function import AppliedUndef

from geomflow.core.errors import ArgumentError
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.charts.composed import Jet
from geomflow.symbolic.charts.metric import Metric
from geomflow.symbolic.charts.morphism import Morphism
from geomflow.symbolic.field.field import Element
from geomflow.symbolic.kaehler.hermitian import Hermitian


def pull_back(
    metric: Hermitian,
    chart: Chart,
    coordinates: Sequence[Any],
    arguments: Mapping[str, str] | None = None,
    factor: Any = 2,
) -> Metric:
    r"""Return \(c\,\mathrm{Re}\,g_{i\bar j}\,\partial_az^i\,\partial_b\bar z^j\) on a real chart.

    Args:
        metric: the Hermitian metric, without parameters.
        chart: the real chart, with the constants of the metric's chart.
        coordinates: \(z^i\) as expressions on the real chart; I is the imaginary unit.
        arguments: for each unknown function of an expression, u(s), the coordinate that s is: `{"u": "s"}`. The real
            chart must have the function u of that coordinate. That ds is right is checked; a constant in s is free.
        factor: c; with 2 the scalars are those of `Kaehler`.

    Raises:
        ArgumentError: a wrong number of coordinates, or an unknown function that has no counterpart on the real chart.

    Good values: `chart = Chart("s psi theta phi", functions={"u": "s"})` and
    z1 = exp(s/2 + I*(psi+phi)/2)*cos(theta/2), z2 = exp(s/2 + I*(psi-phi)/2)*sin(theta/2) for u(log |z|²).
    """
    source = metric.chart
    if len(coordinates) != source.n or source.parameters:
        raise ArgumentError(
            f"A pull-back needs {source.n} expressions, one for each of "
            f"{', '.join(z.name for z in source.holomorphic)}, and a chart without parameters."
        )
    unknown = [n for n, f in source.functions.items() if isinstance(f, AppliedUndef)]
    composed = {n: f for n, f in source.functions.items() if isinstance(f, Jet) and not any(f.order)}
    named = dict(arguments or {})
    unknown += [n for n, f in composed.items() if n not in named or n not in chart.functions or len(f.args) != 1]
    if unknown:
        raise ArgumentError(
            f"The unknown function `{unknown[0]}` cannot be pulled back. Declare it as a function of one expression "
            f"of z, and of one coordinate of the real chart, and say which: arguments={{'{unknown[0]}': 's'}}."
        )
    z = [chart.parse(e) for e in coordinates]
    real = {e: -e for e in (sp.I,)}
    values = dict(zip(source.holomorphic, z)) | {b: e.xreplace(real) for b, e in zip(source.antiholomorphic, z)}

    def rule(expression: Any) -> Any:
        if isinstance(expression, Jet):
            function = chart.functions[expression.symbol]
            return sp.diff(function, chart.coordinates[chart.index(named[expression.symbol])], expression.order[0])
        return expression.xreplace(values)

    # All at once, so that the finest angles are known before any of them becomes a generator.
    elements = chart.elements([values[x] for x in (*source.holomorphic, *source.antiholomorphic)])
    _check_arguments(chart, {named[n]: rule(f.args[0]) for n, f in composed.items()})
    morphism = Morphism(source, chart, rule, [])
    images = {index: morphism(element) for index, element in np.ndenumerate(metric.matrix)}
    m = chart.dim
    slopes = np.array([[e.derivative(a) for a in range(m)] for e in elements], dtype=object)
    half = chart.element(factor) / 2

    def entry(a: int, b: int) -> Element:
        pairs = []
        for (i, j), g in images.items():
            pairs.append((g, slopes[i, a] * slopes[source.n + j, b] + slopes[i, b] * slopes[source.n + j, a]))
        return chart.field.dot(pairs) * half

    rows = [[entry(min(a, b), max(a, b)) for b in range(m)] for a in range(m)]
    return Metric(chart, np.array(rows, dtype=object))


def _check_arguments(chart: Chart, arguments: Mapping[str, sp.Expr]) -> None:
    for name, argument in arguments.items():
        value, place = chart.element(argument), chart.index(name)
        for k in range(chart.dim):
            if value.derivative(k) != (1 if k == place else 0):
                raise ArgumentError(
                    f"`{name}` is not the argument of the unknown function: in these coordinates that is {argument}, "
                    f"whose derivative by {chart.coordinates[k]} is {chart.sympy(value.derivative(k))}."
                )
