r"""Truths on curvature: values of tensors and scalars, and the classes a metric belongs to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import permutations
from typing import Any

import numpy as np

from geomflow.metrics.spaces.truths.base import Residual, truth
from geomflow.metrics.spaces.truths.reading import components, vector
from geomflow.symbolic.charts.metric import Metric
from geomflow.symbolic.charts.tensor import Tensor


def entries(symbol: str) -> Callable[[Mapping[str, str]], str]:
    r"""Return what says a table of components in words."""
    return lambda value: f"{symbol} has components {', '.join(f'({k}) {v}' for k, v in value.items())} and no others"


@truth("scalar", "R = {}")
def scalar(metric: Metric, value: Any, _: object) -> Residual:
    r"""Scalar curvature R."""
    return metric.scalar() - metric.function(value)


@truth("kretschmann", "|Rm|^2 = {}")
def kretschmann(metric: Metric, value: Any, _: object) -> Residual:
    r"""Kretschmann scalar \(R_{abcd}R^{abcd}\)."""
    return metric.kretschmann() - metric.function(value)


@truth("ricci_squared", "|Ric|^2 = {}")
def ricci_squared(metric: Metric, value: Any, _: object) -> Residual:
    r"""\(R_{ij}R^{ij}\)."""
    return metric.ricci().norm_squared() - metric.function(value)


@truth("volume_density", "|det g| = ({})^2")
def volume_density(metric: Metric, value: Any, _: object) -> Residual:
    r"""\(\sqrt{|\det g|}\)."""
    expected = metric.function(value)
    return expected * expected - metric.function(metric.curvature.determinant()) * metric.determinant_sign()


@truth("ricci", entries("Ric"))
def ricci(metric: Metric, value: Any, _: object) -> Residual:
    r"""The components of Ric that do not vanish."""
    return metric.ricci() - components(metric, value, 2)


@truth("ricci_mixed", entries("Ric^i_j"))
def ricci_mixed(metric: Metric, value: Any, _: object) -> Residual:
    r"""The components \(R^i{}_j\) that do not vanish."""
    return metric.ricci().raised(0) - components(metric, value, 2, (True, False))


@truth("einstein_mixed", entries("G^i_j"))
def einstein_mixed(metric: Metric, value: Any, _: object) -> Residual:
    r"""The components \(G^i{}_j\) of the Einstein tensor that do not vanish: the matter of a spacetime."""
    return metric.einstein().raised(0) - components(metric, value, 2, (True, False))


@truth("sectional", lambda value: "sectional curvatures are " + ", ".join(f"K({u}, {v}) = {k}" for u, v, k in value))
def sectional(metric: Metric, value: Any, _: object) -> Residual:
    r"""Sectional curvatures of planes, as (vector, vector, value)."""
    return [metric.sectional(vector(metric, u), vector(metric, v)) - metric.function(k) for u, v, k in value]


@truth("einstein", "Ric = ({}) g")
def einstein(metric: Metric, value: Any, _: object) -> Residual:
    r"""Einstein: \(\mathrm{Ric} = \lambda g\)."""
    return metric.ricci() - metric.g() * metric.function(value)


@truth("ricci_flat", lambda value: "Ric = 0" if value else "Ric does not vanish")
def ricci_flat(metric: Metric, value: bool, _: object) -> Residual:
    r"""\(\mathrm{Ric} = 0\)."""
    return _either(metric.ricci(), value)


@truth("flat", lambda value: "Rm = 0" if value else "Rm does not vanish")
def flat(metric: Metric, value: bool, _: object) -> Residual:
    r"""\(\mathrm{Rm} = 0\)."""
    return _either(metric.riemann(), value)


@truth("constant_curvature", "R_abcd = ({}) (g_ac g_bd - g_ad g_bc)")
def constant_curvature(metric: Metric, value: Any, _: object) -> Residual:
    r"""Constant sectional curvature K."""
    g = metric.g()
    pairs = (g * g).transposed(0, 2, 1, 3) - (g * g).transposed(0, 2, 3, 1)
    return metric.riemann() - pairs * metric.function(value)


@truth("conformally_flat", lambda value: f"the metric is {'' if value else 'not '}conformally flat")
def conformally_flat(metric: Metric, value: bool, _: object) -> Residual:
    r"""Weyl (n >= 4) or Cotton (n = 3) vanishes; every surface is conformally flat."""
    if metric.dim == 2:
        return "" if value else "every surface is conformally flat"
    return _either(metric.weyl() if metric.dim > 3 else metric.cotton(), value)


@truth("bach_flat", lambda value: "the Bach tensor vanishes" if value else "the Bach tensor does not vanish")
def bach_flat(metric: Metric, value: bool, _: object) -> Residual:
    r"""The Bach tensor vanishes (n = 4)."""
    return _either(metric.bach(), value)


@truth("locally_symmetric", lambda value: f"nabla Rm {'=' if value else '!='} 0")
def locally_symmetric(metric: Metric, value: bool, _: object) -> Residual:
    r"""\(\nabla\mathrm{Rm} = 0\)."""
    return _either(metric.riemann().nabla(), value)


@truth("parallel_ricci", lambda value: f"nabla Ric {'=' if value else '!='} 0")
def parallel_ricci(metric: Metric, value: bool, _: object) -> Residual:
    r"""\(\nabla\mathrm{Ric} = 0\)."""
    return _either(metric.ricci().nabla(), value)


@truth("half_flat", "W = *W or W = -*W")
def half_flat(metric: Metric, _: object, __: object) -> Residual:
    r"""One half of the Weyl tensor vanishes, in one orientation or the other (n = 4, definite)."""
    dual = levi_civita(metric).contract(metric.weyl(), (2, 0), (3, 1)) / 2
    anti = metric.weyl() + dual
    return anti if anti.is_zero() else metric.weyl() - dual


def levi_civita(metric: Metric) -> Tensor:
    r"""Return the volume form \(\epsilon_{a\ldots d} = \sqrt{|\det g|}\,[a\ldots d]\)."""
    n, zero, volume = metric.dim, metric.chart.field.zero, metric.volume_element()
    values = np.full((n,) * n, zero, dtype=object)
    for order in permutations(range(n)):
        odd = sum(a > b for k, a in enumerate(order) for b in order[k + 1 :]) % 2
        values[order] = -volume if odd else volume
    return Tensor(metric, values)


def _either(tensor: Tensor, vanishes: bool) -> Residual:
    if vanishes:
        return tensor
    return "it vanishes identically" if tensor.is_zero() else ""
