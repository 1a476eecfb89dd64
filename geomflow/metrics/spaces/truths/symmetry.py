r"""Truths on symmetries and parallel structures: Killing fields, Kähler forms, Maxwell fields, eigenfunctions."""

from __future__ import annotations

from typing import Any

from geomflow.metrics.spaces.truths.base import Residual, truth
from geomflow.metrics.spaces.truths.reading import exterior, listed, one_form, vector
from geomflow.symbolic.charts.embeddings import from_embedding
from geomflow.symbolic.charts.metric import Metric
from geomflow.symbolic.charts.tensor import Tensor
from geomflow.symbolic.kaehler.complex_chart import ComplexChart
from geomflow.symbolic.kaehler.metric import Kaehler


def _names(value: Any) -> str:
    return ", ".join(str(v) for v in listed(value))


@truth("killing", lambda value: f"L_X g = 0 along {_names(value)}")
def killing(metric: Metric, value: Any, _: object) -> Residual:
    r"""Killing fields: \(\mathcal L_X g = 0\)."""
    return [metric.lie_derivative(vector(metric, x)) for x in listed(value)]


@truth("not_killing", lambda value: f"L_X g != 0 along {_names(value)}")
def not_killing(metric: Metric, value: Any, _: object) -> Residual:
    r"""Vector fields that are not Killing."""
    return next((f"{x} is a Killing field" for x in listed(value) if metric.is_killing(vector(metric, x))), "")


@truth("homothetic", lambda value: f"L_X g = 2 ({value[1]}) g along X = {value[0]}")
def homothetic(metric: Metric, value: Any, _: object) -> Residual:
    r"""A homothety: \(\mathcal L_X g = 2c\,g\), as (X, c)."""
    field, factor = value
    return metric.lie_derivative(vector(metric, field)) - metric.g() * factor * 2


@truth("parallel", lambda value: f"nabla X = 0 for X = {_names(value)}")
def parallel(metric: Metric, value: Any, _: object) -> Residual:
    r"""Parallel vector fields: \(\nabla X = 0\)."""
    return [vector(metric, x).nabla() for x in listed(value)]


@truth("kaehler", lambda value: f"omega = dA is a Kaehler form for A = {_names(value)}")
def kaehler(metric: Metric, value: Any, _: object) -> Residual:
    r"""Kähler forms \(\omega = dA\): \(\nabla\omega = 0\) and \(\omega_{ik}\omega_{jl}g^{kl} = g_{ij}\)."""
    forms = [exterior(one_form(metric, a)) for a in listed(value)]
    return [r for w in forms for r in (w.nabla(), w.contract(w, (1, 1)) - metric.g())]


@truth("potential", lambda value: f"g_ij = d_i d_jbar K for K = {value[1]}")
def potential(metric: Metric, value: Any, _: object) -> Residual:
    r"""A Kähler potential, \(ds^2 = \mathrm{Re}\,K_{i\bar j}dz^id\bar z^j\), as (complex coordinates, K, constants)."""
    coordinates, text, constants = value
    known = Kaehler(ComplexChart(coordinates, constants=constants), text)
    matrix = known.real_metric(" ".join(metric.labels), factor=1)
    entries = [[matrix.g()[i, j] for j in range(metric.dim)] for i in range(metric.dim)]
    return metric.g() - metric.tensor(entries)


@truth("embedding", lambda value: f"g is induced on ({', '.join(value[0])}) from flat space of signs {value[1]}")
def embedding(metric: Metric, value: Any, _: object) -> Residual:
    r"""An isometric embedding in flat space, as (position, signs of the flat metric)."""
    position, signs = value
    ambient = [1 if sign == "+" else -1 for sign in signs]
    induced = from_embedding(metric.chart, list(position), ambient)
    return metric.g() - Tensor(metric, induced.g().components)


@truth("maxwell", "F = dA with A = {} is source-free and G_ij = 2 (F_ik F_j^k - F^2 g_ij / 4)")
def maxwell(metric: Metric, value: str, _: object) -> Residual:
    r"""A Maxwell field \(F = dA\) that is the source of the metric, in geometric units."""
    f = exterior(one_form(metric, value))
    stress = f.contract(f, (1, 1)) * 2 - metric.g() * f.norm_squared() / 2
    return [f.divergence(1), metric.einstein() - stress]


@truth("eigenfunction", lambda value: "; ".join(f"Delta f = -({e}) f for f = {f}" for f, e in value))
def eigenfunction(metric: Metric, value: Any, _: object) -> Residual:
    r"""Eigenfunctions of the Laplacian: \(\Delta f = -\mu f\), as (f, μ)."""
    return [metric.laplacian(f) + metric.function(f) * metric.function(e) for f, e in value]


@truth("concircular", lambda value: "; ".join(f"Hess f = ({h}) g for f = {f}" for f, h in value))
def concircular(metric: Metric, value: Any, _: object) -> Residual:
    r"""Functions with \(\nabla^2 f = h\,g\) (Obata, Tashiro), as (f, h)."""
    return [metric.hessian(f) - metric.g() * metric.function(h) for f, h in value]
