r"""What can be generated from a metric: each quantity with its symmetry, its formula, and where it comes from."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import sympy as sp

from geomflow.codegen.layouts import components
from geomflow.core.catalogue import Catalogue
from geomflow.core.errors import ArgumentError
from geomflow.symbolic.abstract.components import evaluate
from geomflow.symbolic.abstract.expression import (
    Expression,
    metric,
    norm_squared,
    ricci,
    scalar_curvature,
    weyl,
)
from geomflow.symbolic.charts.metric import Metric
from geomflow.symbolic.jets import JetFrame


@dataclass(frozen=True)
class Quantity:
    r"""A tensor of a metric.

    Args:
        summary: what it is, in one line of plain text.
        latex: its symbol and definition.
        label: how its components are called in a module: `Ric` for `Ric_01`.
        symmetry: which components are computed, see `layouts`.
        exact: its components from the exact metric: index -> field element. Without one only the staged form exists.
        staged: its components from the jet frame: index -> SymPy expression in jets and stages.
        least: the smallest dimension in which it is defined.
        order: the derivatives of the metric it needs.
    """

    summary: str
    latex: str
    label: str
    symmetry: str
    exact: Callable[[Metric], Callable[..., Any]]
    staged: Callable[[JetFrame], Callable[..., Any]]
    least: int = 1
    order: int = 2


def _tensor(name: str) -> Callable[[Metric], Callable[..., Any]]:
    return lambda g: lambda *index: getattr(g, name)().components[index]


def _abstract(expression: Expression) -> Callable[[JetFrame], Callable[..., Any]]:
    def staged(frame: JetFrame) -> Callable[..., Any]:
        values = evaluate(expression, frame)
        return lambda *index: values[index]

    return staged


def _volume(frame: JetFrame) -> Callable[..., Any]:
    return lambda: sp.sqrt(sp.Abs(frame.determinant()))


def _kretschmann(frame: JetFrame) -> Callable[..., Any]:
    r"""Return \(R_{abcd}R^{abcd} = 4\,\mathrm{tr}(M^2)\), M the curvature operator on planes a < b."""
    planes = list(itertools.combinations(range(frame.dim), 2))

    def raised(p: tuple[int, int], q: tuple[int, int]) -> sp.Expr:
        (a, b), (c, d) = sorted((p, q))
        value = frame.inverse(a, c) * frame.inverse(b, d) - frame.inverse(a, d) * frame.inverse(b, c)
        return frame.stage(f"Ginv_{a}{b}{c}{d}", value)

    up = {frozenset((p, q)): raised(p, q) for p, q in itertools.combinations_with_replacement(planes, 2)}
    operator = {
        (p, q): frame.stage(
            "M_" + "".join(map(str, p + q)), sp.Add(*(frame.riemann(*p, *r) * up[frozenset((r, q))] for r in planes))
        )
        for p in planes
        for q in planes
    }
    total = 4 * sp.Add(*(operator[p, q] * operator[q, p] for p in planes for q in planes))
    return lambda: total


@cache
def staged(quantity: str, dim: int) -> tuple[JetFrame, list[Any]]:
    r"""Return the jet frame of a general metric and the independent components of a quantity on it."""
    asked, frame = QUANTITIES[quantity], JetFrame(dim)
    if dim < asked.least:
        raise ArgumentError(f"`{quantity}` needs dimension {asked.least} or more, but is asked for in dimension {dim}.")
    entry = asked.staged(frame)
    return frame, [sp.sympify(entry(*index)) for index in components(asked.symmetry, dim)]


QUANTITIES: Catalogue[Quantity] = Catalogue("quantity")
_EINSTEIN = ricci("i", "j") - metric("i", "j") * scalar_curvature() / 2
for _name, _quantity in {
    "metric": Quantity(
        "The metric g_ij.", "g_{ij}", "g", "symmetric", _tensor("g"), lambda frame: frame.metric, order=0
    ),
    "inverse": Quantity(
        "The inverse metric g^ij.",
        "g^{ij}",
        "ginv",
        "symmetric",
        _tensor("inverse"),
        lambda frame: frame.inverse,
        order=0,
    ),
    "volume": Quantity(
        "The volume density √|det g|.",
        r"\sqrt{|\det g|}",
        "dV",
        "scalar",
        lambda g: lambda: g.volume_element(),
        _volume,
        order=0,
    ),
    "christoffel": Quantity(
        "The Levi-Civita connection Γ^k_ij.",
        r"\Gamma^k{}_{ij} = \tfrac12 g^{kl}(\partial_i g_{jl} + \partial_j g_{il} - \partial_l g_{ij})",
        "Gamma",
        "connection",
        _tensor("christoffel"),
        lambda frame: frame.christoffel,
        order=1,
    ),
    "riemann": Quantity(
        "The Riemann tensor R_abcd.", "R_{abcd}", "Riem", "riemann", _tensor("riemann"), lambda frame: frame.riemann
    ),
    "ricci": Quantity(
        "The Ricci tensor R_ij.",
        r"R_{ij} = R^a{}_{iaj}",
        "Ric",
        "symmetric",
        _tensor("ricci"),
        lambda frame: frame.ricci,
    ),
    "scalar": Quantity(
        "The scalar curvature R.", "R = g^{ij}R_{ij}", "R", "scalar", _tensor("scalar"), lambda frame: frame.scalar
    ),
    "einstein": Quantity(
        "The Einstein tensor R_ij - R g_ij/2.",
        r"G_{ij} = R_{ij} - \tfrac12 R\,g_{ij}",
        "G",
        "symmetric",
        _tensor("einstein"),
        _abstract(_EINSTEIN),
    ),
    "kretschmann": Quantity(
        "The Kretschmann scalar |Rm|².", "R_{abcd}R^{abcd}", "Rm2", "scalar", _tensor("kretschmann"), _kretschmann
    ),
    "ricci-squared": Quantity(
        "The square |Ric|² of the Ricci tensor.",
        "R_{ij}R^{ij}",
        "Ric2",
        "scalar",
        lambda g: lambda: g.ricci().norm_squared().components[()],
        _abstract(norm_squared(ricci("a", "b"))),
    ),
    "weyl": Quantity(
        "The Weyl tensor W_abcd, in dimension 3 or more.",
        r"W_{abcd} = R_{abcd} - g_{ac}P_{bd} + g_{ad}P_{bc} - g_{bd}P_{ac} + g_{bc}P_{ad}",
        "Weyl",
        "riemann",
        _tensor("weyl"),
        _abstract(weyl("a", "b", "c", "d")),
        3,
    ),
}.items():
    QUANTITIES.add(_name, _quantity)
