r"""Reading the values of truths: components, vectors and one-forms typed as text, relations imposed on a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import sympy as sp

from geomflow.core.errors import ArgumentError
from geomflow.symbolic.charts.differentials import linear
from geomflow.symbolic.charts.metric import Metric
from geomflow.symbolic.charts.tensor import Tensor


def listed(value: Any) -> list[Any]:
    r"""Return a value that may be one thing or several as a list."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def components(metric: Metric, given: Mapping[str, Any], rank: int, up: Sequence[bool] | None = None) -> Tensor:
    r"""Return a tensor from its non-vanishing components, `{"r r": "1/f", "theta theta": "r^2"}`.

    A tensor of rank 2 with both slots on one level is symmetric: one of `r phi` and `phi r` is enough.
    """
    values = np.full((metric.dim,) * rank, sp.S.Zero, dtype=object)
    symmetric = rank == 2 and len(set(up or (False, False))) == 1
    for names, expression in given.items():
        index = tuple(_index(metric, name) for name in names.split())
        if len(index) != rank:
            raise ArgumentError(f"A component of this tensor has {rank} indices, but `{names}` has {len(index)}.")
        values[index] = metric.chart.parse(expression)
        if symmetric:
            values[index[::-1]] = values[index]
    return metric.tensor(values.tolist(), up)


def _index(metric: Metric, name: str) -> int:
    if name not in metric.labels:
        raise ArgumentError(f"`{name}` is no index of the metric; it has {', '.join(metric.labels)}.")
    return metric.labels.index(name)


def vector(metric: Metric, text: str) -> Tensor:
    r"""Return a vector field typed as `x*d_y - y*d_x`."""
    return metric.vector(text)


def one_form(metric: Metric, text: str) -> Tensor:
    r"""Return a one-form typed as `x*dy - y*dx`."""
    return metric.tensor(linear(metric.chart, metric.labels, text, "d"))


def exterior(form: Tensor) -> Tensor:
    r"""Return \((dA)_{ij} = \nabla_i A_j - \nabla_j A_i\)."""
    slope = form.nabla()
    return slope.transposed(1, 0) - slope


class Relations:
    r"""Relations imposed on a result: constants given by others, and highest derivatives given by lower ones.

    Args:
        metric: whose chart knows the names.
        rules: `{"f''": "2*w''/w", "p1": "-u/(1+u+u^2)"}`; higher derivatives follow by differentiation.

    Raises:
        ArgumentError: a left side that is neither a constant nor a derivative of a function of one coordinate.
    """

    def __init__(self, metric: Metric, rules: Mapping[str, str]):
        self.metric, self.symbols = metric, {}
        self.derivatives: dict[sp.Basic, tuple[sp.Symbol, int, sp.Expr]] = {}
        for left, right in rules.items():
            lhs, rhs = metric.chart.parse(left), metric.chart.parse(right)
            if isinstance(lhs, sp.Derivative) and len(lhs.expr.args) == 1:
                ((x, order),) = cast("Any", lhs.variable_count)
                self.derivatives[lhs.expr] = (x, int(order), rhs)
            elif lhs in metric.chart.constants:
                self.symbols[lhs] = rhs
            else:
                raise ArgumentError(
                    f"A relation must give a constant or a derivative such as f'' of a function of one coordinate, but "
                    f"`{left}` is neither."
                )

    def reduced(self, expression: sp.Expr) -> sp.Expr:
        r"""Return an expression with the relations put in."""
        expression = expression.subs(self.symbols, simultaneous=True) if self.symbols else expression
        while True:
            found = {d: self._replacement(d) for d in expression.atoms(sp.Derivative) if self._matches(d)}
            if not found:
                return expression
            expression = expression.xreplace(found).doit()

    def imposed(self, tensor: Tensor) -> Tensor:
        r"""Return a tensor with the relations put in, exact again."""
        values = np.empty_like(tensor.components)
        for index in np.ndindex(*values.shape):
            values[index] = self.metric.chart.element(self.reduced(self.metric.chart.sympy(tensor.components[index])))
        return Tensor(self.metric, values, tensor.up)

    def _matches(self, derivative: sp.Derivative) -> bool:
        rule = self.derivatives.get(derivative.expr)
        return rule is not None and _order(derivative) >= rule[1]

    def _replacement(self, derivative: sp.Derivative) -> sp.Expr:
        x, order, rhs = self.derivatives[derivative.expr]
        return cast("sp.Expr", sp.diff(rhs, x, _order(derivative) - order))


def _order(derivative: sp.Derivative) -> int:
    return sum(int(n) for _, n in cast("Any", derivative.variable_count))
