r"""Truths on Ricci flow: solitons, the equations a family must satisfy, exact solutions and what they conserve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import sympy as sp

from geomflow.core.errors import ArgumentError
from geomflow.metrics.spaces.truths.base import TRUTHS, Residual, truth
from geomflow.metrics.spaces.truths.reading import Relations, components, listed, vector
from geomflow.symbolic.charts.metric import Metric
from geomflow.symbolic.charts.tensor import Tensor

if TYPE_CHECKING:
    from geomflow.metrics.spaces.base import Space


@truth("soliton", lambda value: f"Ric + Hess f = ({value[1]}) g for f = {value[0]}")
def soliton(metric: Metric, value: Any, _: object) -> Residual:
    r"""A gradient Ricci soliton \(\mathrm{Ric} + \nabla^2 f = \lambda g\), as (f, λ)."""
    potential, constant = value
    return metric.gradient_soliton(potential, constant)


@truth("soliton_field", lambda value: f"Ric + (1/2) L_X g = ({value[1]}) g along X = {value[0]}")
def soliton_field(metric: Metric, value: Any, _: object) -> Residual:
    r"""A Ricci soliton \(\mathrm{Ric} + \tfrac12\mathcal L_X g = \lambda g\), as (X, λ)."""
    field, constant = value
    return metric.soliton(vector(metric, field), constant)


@truth(
    "soliton_equations",
    lambda value: (
        f"Ric + Hess({value[0]}) - ({value[1]}) g has components "
        + ", ".join(f"({k}) {v}" for k, v in value[2].items())
        + " and no others"
    ),
)
def soliton_equations(metric: Metric, value: Any, _: object) -> Residual:
    r"""The reduced equations of a gradient soliton, as (f, λ, components)."""
    potential, constant, known = value
    return metric.gradient_soliton(potential, constant) - components(metric, known, 2)


@truth(
    "first_integral", lambda value: f"R + |grad f|^2 - 2 ({value[1]}) f = {value[2] or 'constant'} for f = {value[0]}"
)
def first_integral(metric: Metric, value: Any, _: object) -> Residual:
    r"""Hamilton's first integral \(R + |\nabla f|^2 - 2\lambda f = C\), as (f, λ, C); C empty: any constant."""
    potential, constant, known = value
    f = metric.function(potential)
    integral = metric.scalar() + f.nabla().norm_squared() - f * constant * 2
    return integral - metric.function(known) if known else integral.nabla()


@truth("on_shell", lambda value: "; ".join(_shell_words(*entry) for entry in value))
def on_shell(metric: Metric, value: Any, space: Space) -> Residual:
    r"""Truths that hold once relations are imposed, as (relations, name of the truth, its value)."""
    found = []
    for rules, name, inner in value:
        residual = TRUTHS[name].residual(metric, inner, space)
        if isinstance(residual, str):
            raise ArgumentError(f"The truth `{name}` is no equation; it cannot be asked for after relations.")
        relations = Relations(metric, rules)
        found += [relations.imposed(t) for t in ([residual] if isinstance(residual, Tensor) else residual)]
    return found


def _shell_words(rules: Mapping[str, str], name: str, inner: Any) -> str:
    return f"{TRUTHS[name].says(inner)} once " + ", ".join(f"{k} = {v}" for k, v in rules.items())


def moved(metric: Metric, expression: sp.Expr, velocity: Mapping[str, str]) -> sp.Expr:
    r"""Return the time derivative of an expression whose constants and functions move with given velocities."""
    chart, total = metric.chart, cast("sp.Expr", sp.S.Zero)
    for name, speed in velocity.items():
        known = {c.name: c for c in chart.constants} | chart.functions
        if name not in known:
            raise ArgumentError(
                f"`{name}` is to move, but the chart has the constants and functions {', '.join(known)}."
            )
        total = total + sp.diff(expression, known[name]) * chart.parse(speed)
    return total


@truth("flow", lambda value: "dg/dt = -2 Ric while " + ", ".join(f"d{k}/dt = {v}" for k, v in value.items()))
def flow(metric: Metric, value: Mapping[str, str], _: object) -> Residual:
    r"""An exact family: \(\partial_t g = -2\,\mathrm{Ric}\) where constants and functions move as given."""
    rate = [[moved(metric, metric.g()[i, j], value) for j in range(metric.dim)] for i in range(metric.dim)]
    return metric.tensor(rate) + metric.ricci() * 2


@truth("conserved", lambda value: f"{', '.join(listed(value))} does not change under the flow")
def conserved(metric: Metric, value: Any, space: Space) -> Residual:
    r"""Expressions in the constants that the flow of the truth `flow` leaves as they are."""
    velocity = space.truths["flow"]
    return [metric.function(moved(metric, metric.chart.parse(q), velocity)) for q in listed(value)]
