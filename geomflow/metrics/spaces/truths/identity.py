r"""What holds for every metric: symmetries, Bianchi, Weyl and Bach identities, and the signature at a point."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp

from geomflow.metrics.spaces.truths.base import Residual, truth
from geomflow.symbolic.charts.metric import Metric
from geomflow.symbolic.charts.tensor import Tensor

if TYPE_CHECKING:
    from geomflow.metrics.spaces.base import Space


def _always(n: int) -> bool:
    return n >= 1


def _said(sentence: str):
    return lambda _: sentence


@truth("signature", _said("the signature is the one stated"), _always)
def signature(metric: Metric, _: object, space: Space) -> Residual:
    r"""The signs of the eigenvalues of g at a point, where the space states them."""
    found = signs(metric, space.at) if space.signature else ""
    return "" if sorted(found) == sorted(space.signature) else f"it is {found}, not {space.signature}"


@truth("compatibility", _said("nabla g = 0"), _always)
def compatibility(metric: Metric, _: object, __: object) -> Residual:
    r"""\(\nabla g = 0\)."""
    return metric.g().nabla()


@truth("definition", _said("Rm is d_c Gamma_db - d_d Gamma_cb + Gamma Gamma - Gamma Gamma"), _always)
def definition(metric: Metric, _: object, __: object) -> Residual:
    r"""Riemann by its definition, from derivatives of Γ, a route the engine does not take."""
    n, gamma, field = metric.dim, metric.curvature.christoffel, metric.chart.field
    slope, frame = metric.curvature.derivative, metric.frame
    values = np.empty((n,) * 4, dtype=object)
    for a, b, c, d in np.ndindex(*values.shape):
        if c >= d:
            values[a, b, c, d] = field.zero if c == d else -values[a, b, d, c]
            continue
        pairs = [(gamma(a, c, e), gamma(e, d, b)) for e in range(n)]
        pairs += [(-gamma(a, d, e), gamma(e, c, b)) for e in range(n)]
        if frame is not None:
            pairs += [(-frame.structure(e, c, d), gamma(a, e, b)) for e in range(n)]
        values[a, b, c, d] = slope(gamma(a, d, b), c) - slope(gamma(a, c, b), d) + field.dot(pairs)
    return Tensor(metric, values, (True, False, False, False)) - metric.riemann().raised(0)


@truth("first_bianchi", _said("R_abcd + R_acdb + R_adbc = 0"), _always)
def first_bianchi(metric: Metric, _: object, __: object) -> Residual:
    r"""The first Bianchi identity, and the symmetry of pairs."""
    rm = metric.riemann()
    return [rm + rm.transposed(0, 3, 1, 2) + rm.transposed(0, 2, 3, 1), rm - rm.transposed(2, 3, 0, 1)]


@truth("contracted_bianchi", _said("nabla^i R_ij = d_j R / 2"), _always)
def contracted_bianchi(metric: Metric, _: object, __: object) -> Residual:
    r"""The contracted second Bianchi identity."""
    return metric.ricci().divergence() - metric.scalar().nabla() / 2


@truth("surface", _said("Ric = R g / 2"), lambda n: n == 2)
def surface(metric: Metric, _: object, __: object) -> Residual:
    r"""On a surface Ric is R/2 times g."""
    return metric.einstein()


@truth("weyl", _said("W is free of traces, and zero for n = 3"), lambda n: n >= 3)
def weyl(metric: Metric, _: object, __: object) -> Residual:
    r"""The Weyl tensor has no trace, and vanishes in dimension 3."""
    return metric.weyl() if metric.dim == 3 else metric.weyl().trace(0, 2)


@truth("cotton", _said("nabla^a W_aijk = (n - 3) C_ijk"), lambda n: n >= 4)
def cotton(metric: Metric, _: object, __: object) -> Residual:
    r"""The divergence of Weyl is n - 3 times the Cotton tensor."""
    return metric.weyl().divergence() - metric.cotton() * (metric.dim - 3)


@truth("bach", _said("the Bach tensor is symmetric and free of trace"), lambda n: n == 4)
def bach(metric: Metric, _: object, __: object) -> Residual:
    r"""In dimension 4 the Bach tensor is symmetric and trace-free."""
    return [metric.bach() - metric.bach().transposed(1, 0), metric.bach().trace()]


def matrix_at(metric: Metric, at: Mapping[str, Any]) -> np.ndarray:
    r"""Return g at a point as numbers; `at` gives coordinates, constants and functions of coordinates.

    Coordinates and constants that are not named are 1.
    """
    chart = metric.chart
    functions = {f: chart.parse(at[name]) for name, f in chart.functions.items() if name in at}
    symbols = {s: sp.sympify(str(at.get(s.name, 1))) for s in (*chart.coordinates, *chart.constants)}
    shown = metric.g().sympy().subs(functions).doit().subs(symbols)
    return np.array(shown.evalf(), dtype=float)


def signs(metric: Metric, at: Mapping[str, Any]) -> str:
    r"""Return the signs of the eigenvalues of g at a point, such as "-+++"."""
    return "".join("-" if v < 0 else "+" for v in np.linalg.eigvalsh(matrix_at(metric, at)))
