r"""The rates and curvatures of doubly warped products, derived for each pair of dimensions and generated once.

g = φ² dx² + ψ² g_{S^p} + χ² g_{S^q},   ∂_t g = -2 Ric + L_V g,   V = (p+q) φ^{-2} (φ_x/φ - b) ∂_x,   b = ∂_x log φ̄

ψ_t = ψ_ss - (p-1)(1 - ψ_s²)/ψ + q ψ_s χ_s/χ + V ψ_x,   ∂_s = ∂_x/φ, likewise χ with p and q exchanged,
φ_t = φ (p ψ_ss/ψ + q χ_ss/χ) + (φ V)_x
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import combinations

import jax
import sympy as sp
from jaxtyping import Array

from geomflow.codegen.program import Argument, Program
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.charts.constructions import round_sphere, warped_product
from geomflow.symbolic.charts.line_element import line_element
from geomflow.symbolic.charts.metric import Metric

_NAMES = {"phi": 3, "psi": 3, "chi": 3, "b": 2}


@cache
def doubly_ansatz(p: int, q: int) -> Metric:
    r"""Return \(\varphi^2dx^2+\psi^2g_{S^p}+\chi^2g_{S^q}\), all functions of x, with the gauge function b(x)."""
    line = Chart("x", functions=dict.fromkeys(_NAMES, "x"))
    first = round_sphere(p, " ".join(f"u{k}" for k in range(1, p + 1)))
    second = round_sphere(q, " ".join(f"v{k}" for k in range(1, q + 1)))
    return warped_product(warped_product(line_element(line, "phi^2*dx^2"), first, "psi"), second, "chi")


@cache
def doubly_programs(p: int, q: int) -> dict[str, Program]:
    r"""Return the programs "rates" (φ_t, ψ_t, χ_t) and "curvatures" (R, |Rm|²), of the jets of φ, ψ, χ (and of b)."""
    metric = doubly_ansatz(p, q)
    functions = metric.chart.functions
    motion = metric.lie_derivative([f"{p + q}*(phi'/phi - b)/phi^2", *["0"] * (p + q)]) - metric.ricci() * 2
    (x,) = functions["phi"].args
    jets = {name: sp.symbols(f"{name}_0:{count}") for name, count in _NAMES.items()}
    names = {
        sp.Derivative(functions[name], (x, k)) if k else functions[name]: symbol
        for name, symbols in jets.items()
        for k, symbol in enumerate(symbols)
    }
    coordinates = [f"d_{y}" for y in metric.chart.coordinates]
    # the coordinate planes diagonalise the curvature operator: R = 2 Σ K, |Rm|² = 4 Σ K²
    planes = [metric.sectional(u, v)[()] for u, v in combinations(coordinates, 2)]
    # 2φφ_t, 2ψψ_t and 2χχ_t are diagonal components
    rates = [motion[i, i] / (2 * functions[name]) for i, name in ((0, "phi"), (1, "psi"), (p + 1, "chi"))]
    curvatures = [2 * sp.Add(*planes), 4 * sp.Add(*(k**2 for k in planes))]
    arguments = [Argument(f"{name}_jet", symbols) for name, symbols in jets.items()]
    return {
        name: Program(
            name, arguments[:count], [e.xreplace(names) for e in outputs],
            doc=f"{says} of doubly warped products, p = {p}, q = {q}.",
        )
        for name, count, outputs, says in (("rates", 4, rates, "Ricci flow"), ("curvatures", 3, curvatures, "R, |Rm|²"))
    }  # fmt: skip


@cache
def doubly_generated(name: str, p: int, q: int) -> Callable[..., Array]:
    r"""Return one compiled program of `doubly_programs(p, q)`, under `jax.jit`."""
    return jax.jit(doubly_programs(p, q)[name].compile())
