r"""The rates and curvatures of rotationally symmetric metrics, derived for each dimension and generated once.

    g = χ² dx² + ψ² g_{S^n},   ∂_t g = -2 Ric + L_V g,   V = n χ^{-2} (χ_x/χ - b) ∂_x,   b = ∂_x log χ̄

V is n times the DeTurck field of the line alone, g^{xx}(Γ^x_xx - Γ̄^x_xx): it pulls χ towards a multiple of the
background χ̄. With the factor n the equation of χ at a pole is χ_xx - χ_x/x for every n. With less, nχ_x/x outgrows the
diffusion: with the factor 1 differences of sixth order have growing modes from n = 4 on, of fourth order from n = 3 on.

    χ_t = nχ ψ_ss/ψ + (χ V)_x,   ψ_t = ψ_ss - (n-1)(1 - ψ_s²)/ψ + V ψ_x,   ∂_s = ∂_x/χ

Reference: S. Angenent, D. Knopf, Math. Res. Lett. 11 (2004) 493, equations 10 and 11.
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

#: What the programs take: values and derivatives along x, in this order.
LAPSE = tuple(sp.symbols("chi chi_x chi_xx"))
RADIUS = tuple(sp.symbols("psi psi_x psi_xx"))
GAUGE = tuple(sp.symbols("b b_x"))


@cache
def ansatz(dim: int) -> Metric:
    r"""Return \(\chi(x)^2dx^2 + \psi(x)^2g_{S^n}\), n = dim - 1, on a chart that knows the gauge function b(x) too."""
    line = Chart("x", functions={"chi": "x", "psi": "x", "b": "x"})
    return warped_product(line_element(line, "chi^2*dx^2"), round_sphere(dim - 1), "psi")


@cache
def programs(dim: int) -> dict[str, Program]:
    r"""Return the generated programs of one dimension: "rates" (χ_t, ψ_t) and "curvatures" (R, |Rm|²)."""
    metric = ansatz(dim)
    chi, psi, b = (metric.chart.functions[name] for name in ("chi", "psi", "b"))
    gauge = [f"{dim - 1}*(chi'/chi - b)/chi^2", *["0"] * (dim - 1)]
    motion = metric.lie_derivative(gauge) - metric.ricci() * 2
    coordinates = [f"d_{x}" for x in metric.chart.coordinates]
    planes = [metric.sectional(u, v)[()] for u, v in combinations(coordinates, 2)]
    (x,) = chi.args
    names = {
        sp.Derivative(function, (x, k)) if k else function: symbol
        for function, symbols in ((chi, LAPSE), (psi, RADIUS), (b, GAUGE))
        for k, symbol in enumerate(symbols)
    }

    def program(name: str, arguments: list[Argument], outputs: list[sp.Expr], doc: str) -> Program:
        return Program(name, arguments, [e.xreplace(names) for e in outputs], doc=f"{doc}, dimension {dim}.")

    lapse, radius, gauge_jet = Argument("lapse", LAPSE), Argument("radius", RADIUS), Argument("gauge", GAUGE)
    listed = [
        # 2χ χ_t and 2ψ ψ_t are the first two diagonal components of ∂_t g
        program(
            "rates",
            [lapse, radius, gauge_jet],
            [motion[0, 0] / (2 * chi), motion[1, 1] / (2 * psi)],
            "Rates (χ_t, ψ_t) of rotationally symmetric Ricci flow in the DeTurck gauge of the line",
        ),
        # the coordinate planes diagonalise the curvature operator: R = 2 Σ K, |Rm|² = 4 Σ K²
        program(
            "curvatures",
            [lapse, radius],
            [2 * sp.Add(*planes), 4 * sp.Add(*(k**2 for k in planes))],
            "Curvatures (R, |Rm|²) of a rotationally symmetric metric",
        ),
    ]
    return {program.name: program for program in listed}


@cache
def generated(name: str, dim: int) -> Callable[..., Array]:
    r"""Return one compiled program of `programs(dim)`, under `jax.jit`."""
    return jax.jit(programs(dim)[name].compile())
