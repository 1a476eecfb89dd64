r"""New metrics from old ones: products, warped products, conformal changes, rotational symmetry, round spheres.

    product      g = g_1 + g_2 + ...
    warped       g = g_B + f² g_F,  f a function on B
    conformal    g̃ = e^{2u} g,  or g̃ = w g
    rotational   g = χ² dr² + ψ(r)² g_{S^{n-1}}

Reference: O'Neill, Semi-Riemannian Geometry (1983), chapter 7; Besse, Einstein Manifolds (1987), 9.J and 1.J.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp

from geomflow.core.errors import ArgumentError, MetricError
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.charts.line_element import line_element
from geomflow.symbolic.charts.metric import Metric


def product(*metrics: Metric) -> Metric:
    r"""Return the product metric \(g_1 + g_2 + \cdots\) on the product of the charts.

    Args:
        *metrics: metrics in coordinates; no two of them may share the name of a coordinate or function.

    Raises:
        ArgumentError: a name stands in two charts, or a metric is in a frame.

    Good values: `product(round_sphere(2), renamed(round_sphere(2), {"theta": "alpha", "phi": "beta"}))`.
    """
    if not metrics:
        raise ArgumentError("A product needs at least one metric.")
    chart = product_chart(*(m.chart for m in metrics))
    return Metric(chart, _blocks([_entries(m, chart) for m in metrics]))


def warped_product(base: Metric, fibre: Metric, warping: Any) -> Metric:
    r"""Return the warped product \(g_B + f^2 g_F\).

    Args:
        base: metric of the base B.
        fibre: metric of the fibre F.
        warping: f, an expression in the chart of the base.

    Raises:
        ArgumentError: a name stands in both charts, or a metric is in a frame.
        DerivationError: f is no function on the base.
        MetricError: f vanishes identically.

    Good values: `warped_product(line_element(Chart("r"), "dr^2"), round_sphere(2), "sinh(r)")`.
    """
    chart = product_chart(base.chart, fibre.chart)
    warp = base.chart.element(warping)
    if warp.is_zero():
        raise MetricError("A warping function must not vanish, but f is identically zero. Give another function.")
    square = base.chart.sympy(warp) ** 2
    lower = [[square * e for e in row] for row in _entries(fibre, chart)]
    return Metric(chart, _blocks([_entries(base, chart), lower]))


def conformal(metric: Metric, *, exponent: Any = None, factor: Any = None) -> Metric:
    r"""Return \(e^{2u}g\) for `exponent=u`, or \(w\,g\) for `factor=w`, on the same chart (and frame).

    Args:
        metric: g.
        exponent: u.
        factor: w, not zero.

    Raises:
        ArgumentError: both or none were given.
        MetricError: w vanishes identically.

    Good values: `conformal(flat("x y"), factor="4/(1 + x^2 + y^2)^2")` (the round sphere).
    """
    if (exponent is None) == (factor is None):
        raise ArgumentError(
            "Give one of the two: conformal(g, exponent=u) for e^(2u) g, or conformal(g, factor=w) for w g."
        )
    chart = metric.chart
    value = chart.element(sp.exp(2 * chart.parse(exponent)) if factor is None else factor)
    if value.is_zero():
        raise MetricError("A conformal factor must not vanish, but w is identically zero. Give another factor.")
    return Metric(chart, np.asarray(metric.curvature.matrix * value, dtype=object), metric.frame)


def flat(coordinates: str | Chart, signs: Sequence[int] | None = None) -> Metric:
    r"""Return \(\sum_i \epsilon_i (dx^i)^2\), Euclidean by default.

    Args:
        coordinates: names, or a chart.
        signs: ±1 for each coordinate.

    Good values: `flat("x y z")`, `flat("t x y z", [-1, 1, 1, 1])`.
    """
    chart = coordinates if isinstance(coordinates, Chart) else Chart(coordinates)
    signs = [1] * chart.dim if signs is None else list(signs)
    if len(signs) != chart.dim:
        raise ArgumentError(f"Give one sign for each of the {chart.dim} coordinates, but found {len(signs)}.")
    if any(sign not in (1, -1) for sign in signs):
        raise ArgumentError(f"A sign is 1 or -1, but found {signs}. For other numbers use Metric(chart, matrix).")
    return Metric(chart, [[signs[i] if i == j else 0 for j in range(chart.dim)] for i in range(chart.dim)])


def round_sphere(n: int, coordinates: str = "", radius: Any = 1, constants: str = "") -> Metric:
    r"""Return the round sphere \(\rho^2(d\theta_1^2 + \sin^2\theta_1(d\theta_2^2 + \sin^2\theta_2(\cdots)))\).

    Args:
        n: dimension, at least 1.
        coordinates: n names; by default phi, theta phi, or theta1 ... theta{n-1} phi.
        radius: ρ, a constant.
        constants: names of constants in ρ.

    Raises:
        ArgumentError: n < 1, or not n names.

    Good values: `round_sphere(3)`: Ric = 2 g.
    """
    _whole("The dimension of a sphere", n)
    names = coordinates.split() or _angles(n)
    if n < 1 or len(names) != n:
        raise ArgumentError(f"The sphere of dimension {n} needs {n} coordinates, at least one, but found {len(names)}.")
    chart = Chart(" ".join(names), constants)
    return line_element(chart, f"({radius})^2*({_sphere(names)})")


def rotationally_symmetric(n: int, psi: str = "psi", chi: str = "1", radial: str = "r", constants: str = "") -> Metric:
    r"""Return \(\chi(r)^2dr^2 + \psi(r)^2 g_{S^{n-1}}\).

    Args:
        n: dimension, at least 2.
        psi: the radius of the spheres: the name of a function of r, or an expression in r and constants.
        chi: the lapse, likewise.
        radial: name of the radial coordinate.
        constants: names of constants in ψ and χ.

    Raises:
        ArgumentError: n < 2.

    Good values: `rotationally_symmetric(3, "psi")`, `rotationally_symmetric(4, "sinh(r)")`.
    """
    _whole("The dimension", n)
    if n < 2:
        raise ArgumentError(f"Rotational symmetry needs dimension 2 or more, but n = {n}.")
    known = {radial, *constants.replace(",", " ").split()}
    functions = {name: radial for name in (psi, chi) if re.fullmatch(r"[^\W\d]\w*", name) and name not in known}
    names = _angles(n - 1)
    chart = Chart(" ".join([radial, *names]), constants, functions, positive=radial)
    return line_element(chart, f"({chi})^2*d{radial}^2 + ({psi})^2*({_sphere(names)})")


def renamed(metric: Metric, names: Mapping[str, str]) -> Metric:
    r"""Return the metric with other names of coordinates, constants or functions.

    Args:
        metric: in coordinates.
        names: old name -> new name; the others stay.

    Raises:
        ArgumentError: a name the chart does not have, or a name that stands twice afterwards.

    Good values: `renamed(round_sphere(2), {"theta": "alpha", "phi": "beta"})`.
    """
    chart = metric.chart
    known = [s.name for s in (*chart.coordinates, *chart.constants)] + list(chart.functions)
    missing = [name for name in names if name not in known]
    if missing:
        raise ArgumentError(f"`{missing[0]}` is no name of the chart; it has {', '.join(known)}.")
    symbols: dict[Any, Any] = {
        s: sp.Symbol(names.get(s.name, s.name), **s.assumptions0) for s in (*chart.coordinates, *chart.constants)
    }
    new = Chart(
        [symbols[x] for x in chart.coordinates],
        [symbols[c] for c in chart.constants],
        {names.get(name, name): " ".join(symbols[a].name for a in f.args) for name, f in chart.functions.items()},
    )
    heads = [(sp.Function(name), sp.Function(names[name])) for name in chart.functions if name in names]

    def translated(e: Any) -> Any:
        for old, head in heads:
            e = e.replace(old, head)
        return e.xreplace(symbols)

    return Metric(new, [[translated(e) for e in row] for row in _entries(metric, chart)])


def product_chart(*charts: Chart) -> Chart:
    r"""Return the chart of a product; constants of one name are one constant.

    Raises:
        ArgumentError: a coordinate or function has a name that stands in another chart.
    """
    owner: dict[str, int] = {}
    for place, chart in enumerate(charts):
        for name in [x.name for x in chart.coordinates] + list(chart.functions):
            others = {c.name for other in charts if other is not chart for c in other.constants}
            if owner.setdefault(name, place) != place or name in others:
                raise ArgumentError(
                    f'The name `{name}` stands in two factors. Rename it in one: renamed(metric, {{"{name}": "..."}}).'
                )
    constants = {c.name: c for chart in charts for c in chart.constants}
    functions = {name: " ".join(map(str, f.args)) for chart in charts for name, f in chart.functions.items()}
    return Chart([x for chart in charts for x in chart.coordinates], list(constants.values()), functions)


def _entries(metric: Metric, chart: Chart) -> list[list[sp.Expr]]:
    if metric.frame is not None:
        raise ArgumentError(
            "A product is made in coordinates, but a factor is in a frame. Use to_coordinates(metric), or for a group "
            'left_invariant(..., along="r").'
        )
    symbols: dict[str, Any] = {s.name: s for s in (*chart.coordinates, *chart.constants)}
    entries = []
    for row in metric.curvature.matrix:
        written = [metric.chart.sympy(e) for e in row]
        entries.append([e.xreplace({s: symbols[str(s)] for s in e.free_symbols}) for e in written])
    return entries


def _blocks(blocks: Sequence[list[list[Any]]]) -> list[list[Any]]:
    n = sum(len(b) for b in blocks)
    out, start = [[sp.S.Zero] * n for _ in range(n)], 0
    for block in blocks:
        for i, row in enumerate(block):
            out[start + i][start : start + len(block)] = row
        start += len(block)
    return out


def _whole(what: str, n: Any) -> None:
    if not isinstance(n, (int, np.integer)):
        raise ArgumentError(f"{what} is a whole number, such as 3, but found {n!r}.")


def _angles(n: int) -> list[str]:
    return [*(["theta"] if n == 2 else [f"theta{k + 1}" for k in range(n - 1)]), "phi"]


def _sphere(names: Sequence[str]) -> str:
    first, *rest = names
    return f"d{first}^2" + (f" + sin({first})^2*({_sphere(rest)})" if rest else "")
