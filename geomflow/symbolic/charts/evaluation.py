r"""Abstract expressions on a given metric: what was derived with indices becomes exact components on a chart.

    evaluate_on(kerr, RIEMANN_SQUARED.variation().gradient("g")).is_zero()

The bridge between the two halves of the symbolic room: a gradient derived once by rule is evaluated on any metric of
the catalogue, in the field of its chart, so that "critical for this functional" is proved or disproved.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp

from geomflow.core.errors import ArgumentError
from geomflow.symbolic.abstract.components import evaluate
from geomflow.symbolic.abstract.expression import Expression
from geomflow.symbolic.charts.metric import Metric
from geomflow.symbolic.charts.tensor import Tensor
from geomflow.symbolic.field.field import Element


class _Fields:
    r"""A `Frame` of `geomflow.symbolic.abstract.components`: the curvature of a metric, and fields by name."""

    def __init__(self, metric: Metric, fields: dict[str, Tensor], weights: dict[str, sp.Expr]):
        self.chart, self.dim, self.fields, self.weights = metric.chart, metric.dim, fields, weights
        curvature = metric.curvature
        self.metric, self.inverse, self.christoffel = curvature.metric, curvature.inverse, curvature.christoffel
        self.riemann, self.ricci, self.scalar = curvature.riemann, curvature.ricci, curvature.scalar
        self.derivative, self.zero = curvature.derivative, curvature.zero

    def constant(self, q: sp.Expr) -> Element:
        return self.chart.element(q)

    def stage(self, label: str, value: Element) -> Element:
        return value

    def field(self, name: str, *indices: int) -> Element:
        return self._named(name).components[indices]

    def weight(self, name: str) -> Element:
        self._named(name)
        return self.chart.element(sp.exp(-self.weights[name]))

    def _named(self, name: str) -> Tensor:
        if name not in self.fields:
            raise ArgumentError(
                f"The expression contains the field `{name}`, which has no value on the chart. Give it: "
                f'evaluate_on(metric, expression, {name}="...").'
            )
        return self.fields[name]


def evaluate_on(metric: Metric, expression: Expression, **fields: Any) -> Tensor:
    r"""Return an abstract expression on a metric, with the positions of its free indices.

    Args:
        metric: the metric.
        expression: built with `geomflow.symbolic.abstract`, or a derived gradient.
        fields: the fields of the expression by name: a function (typed or SymPy), or the components, all below, as
            nested lists or a `Tensor`. Constants of the expression must be constants of the chart.

    Returns:
        A tensor whose slots are the free indices in alphabetical order.

    Raises:
        ArgumentError: a field without a value, or one of the wrong rank.
        DerivationError: a constant the chart does not know.

    Good values: `evaluate_on(g, PERELMAN_F.variation().fixed_measure(), f="r^2/4")`.
    """
    tensors, weights = {}, {}
    for name, value in fields.items():
        if isinstance(value, Tensor):
            tensors[name] = value.lowered()
        elif isinstance(value, (list, tuple, np.ndarray, sp.MatrixBase)):
            tensors[name] = metric.tensor(value)
        else:
            weights[name] = metric.chart.parse(value)
            tensors[name] = metric.function(value)
    for head in {f.head for _, factors in expression.terms for f in factors}:
        needed = head.field if head.kind in ("form", "weight") and head.field is not None else head
        if needed.name in tensors and tensors[needed.name].rank != needed.rank:
            raise ArgumentError(
                f"The field `{needed.name}` has {needed.rank} indices, but its value on the chart has rank "
                f"{tensors[needed.name].rank}."
            )
        if head.kind == "form" and metric.frame is not None:
            raise ArgumentError("Exterior derivatives are evaluated in coordinates. Use the metric's coordinate form.")
    values = evaluate(expression, _Fields(metric, tensors, weights))
    free = sorted(expression.free)
    tensor = Tensor(metric, values)
    above = [k for k, name in enumerate(free) if name in expression.up]
    return tensor.raised(*above) if above else tensor
