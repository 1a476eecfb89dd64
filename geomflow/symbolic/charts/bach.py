r"""The Bach tensor \(B_{ij} = \nabla^kC_{ikj} + P^{kl}W_{kilj}\), arranged so that large terms are multiplied once.

    ∇^k C_ikj = g^{kl} ∂_l C_ikj - Γ^m C_imj - E_i^{km} C_mkj - E_j^{km} C_ikm,
    Γ^m = g^{kl} Γ^m_{lk},    E_i^{km} = g^{kl} Γ^m_{li}

Cotton's tensor has by far the most terms; it is differentiated once for k < j and multiplied with small factors only.
Only i <= j is computed, since B is symmetric.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from geomflow.symbolic.field.field import Element

if TYPE_CHECKING:
    from geomflow.symbolic.charts.metric import Metric


def bach_components(metric: Metric) -> np.ndarray:
    r"""Return \(B_{ij}\) as field elements, shape (n, n).

    Args:
        metric: in coordinates or in a frame, n >= 4.
    """
    n, field, curvature = metric.dim, metric.chart.field, metric.curvature
    cotton, weyl = metric.cotton().components, metric.weyl().components
    schouten = metric.schouten().raised().components
    every = range(n)
    inverse = {(k, l): g for k in every for l in every if not (g := curvature.inverse(k, l)).is_zero()}
    gamma = curvature.christoffel
    trace = [field.dot((g, gamma(m, l, k)) for (k, l), g in inverse.items()) for m in every]
    turned = np.empty((n, n, n), dtype=object)
    for i, k, m in np.ndindex(n, n, n):
        turned[i, k, m] = field.dot((inverse[k, l], gamma(m, l, i)) for l in every if (k, l) in inverse)
    derived: dict[tuple[int, ...], Element] = {}

    def derivative(i: int, k: int, j: int, l: int) -> Element:
        if k > j:
            return -derivative(i, j, k, l)
        if (i, k, j, l) not in derived:
            derived[i, k, j, l] = curvature.derivative(cotton[i, k, j], l)
        return derived[i, k, j, l]

    def pairs(i: int, j: int) -> Iterator[tuple[Element, Element]]:
        for (k, l), g in inverse.items():
            if k != j:
                yield g, derivative(i, k, j, l)
        for m in every:
            yield -trace[m], cotton[i, m, j]
            for k in every:
                yield -turned[i, k, m], cotton[m, k, j]
                yield -turned[j, k, m], cotton[i, k, m]
                yield schouten[k, m], weyl[k, i, m, j]

    out = np.empty((n, n), dtype=object)
    for i in every:
        for j in range(i, n):
            out[i, j] = out[j, i] = field.dot(pairs(i, j))
    return out
