r"""The rate of Ricci flow in a conformal class, derived by the symbolic half."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import sympy as sp

from geomflow.core.errors import DerivationError
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.charts.line_element import line_element


class Rate(NamedTuple):
    r"""The rate ∂_t w = a Δ_h log w + b of g = w h."""

    laplacian: float
    constant: float


@cache
def conformal_rate(coordinates: str, background: str) -> Rate:
    r"""Derive \(\partial_t w = a\,\Delta_h\log w + b\) from \(\partial_t g = -2\,\mathrm{Ric}\), g = w h.

    Args:
        coordinates: of the chart, such as "theta phi".
        background: line element of h.

    Raises:
        DerivationError: -2 Ric is no such multiple of h.
    """
    chart = Chart(coordinates, functions={"v": coordinates})
    h = line_element(chart, background)
    motion = line_element(chart, f"exp(v)*({background})").ricci() * -2
    v = chart.functions["v"]
    rate: Any = motion[0, 0] / h.g()[0, 0]
    constant: Any = sp.simplify(rate.subs(v, sp.S.Zero).doit())
    laplacian: Any = sp.simplify((rate - constant) / h.laplacian("v")[()])
    rest = [motion[i, j] - h.g()[i, j] * rate for i in range(2) for j in range(2)]
    if any(sp.simplify(entry) != 0 for entry in rest) or not (laplacian.is_number and constant.is_number):
        raise DerivationError(f"Ricci flow of w ({background}) is not of the form ∂_t w = a Δ log w + b.")
    return Rate(float(laplacian), float(constant))
