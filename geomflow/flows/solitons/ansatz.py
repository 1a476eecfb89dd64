r"""Metrics of one variable and what the symbolic half says of them as gradient solitons.

    rotational   g = ds² + w² g_{S^{n-1}}
    unitary      g = ds² + a² σ3² + b² (σ1² + σ2²),   σ3 = dψ + cos θ dφ,  σ1² + σ2² = dθ² + sin²θ dφ²

Of each, \(\mathrm{Ric} + \nabla^2 f - \lambda g\) and the curvatures are derived, as functions of the radii, f and
their derivatives by the arclength s, and generated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import jax
import sympy as sp

from geomflow.codegen.program import Argument, Program
from geomflow.core.errors import ArgumentError
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.charts.constructions import round_sphere, warped_product
from geomflow.symbolic.charts.line_element import line_element
from geomflow.symbolic.charts.metric import Metric

LAM = sp.Symbol("lam")


@dataclass(frozen=True)
class Ansatz:
    r"""A metric whose radii, and a potential f, are functions of the arclength s.

    Args:
        metric: on a chart with the functions `radii` and f of s, and the constant lam.
        radii: names of the radii.
        directions: indices of coordinates, s first, one for each eigenspace of the curvature.
    """

    metric: Metric
    radii: tuple[str, ...]
    directions: tuple[int, ...]

    @property
    def dim(self) -> int:
        r"""Dimension n."""
        return self.metric.dim

    @cached_property
    def jets(self) -> dict[str, tuple[sp.Symbol, ...]]:
        r"""Symbols of value, first and second derivative by s, for every radius and for f."""
        return {name: sp.symbols(f"{name}_0:3") for name in (*self.radii, "f")}

    def named(self, expression: sp.Expr) -> sp.Expr:
        r"""Return an expression of the chart with the symbols of `jets` in place of functions and derivatives."""
        (s,) = self.metric.chart.functions["f"].args
        names = {
            sp.Derivative(self.metric.chart.functions[name], (s, k)) if k else self.metric.chart.functions[name]: symbol
            for name, symbols in self.jets.items()
            for k, symbol in enumerate(symbols)
        }
        replaced: Any = expression.xreplace({**names, self.metric.chart.constants[0]: LAM})
        return replaced

    @cached_property
    def defect(self) -> tuple[sp.Expr, ...]:
        r"""The eigenvalues of Ric + ∇²f - λg, one for each direction, in the symbols of `jets`."""
        tensor = self.metric.gradient_soliton("f", "lam").raised(0)
        return tuple(self.named(tensor[i, i]) for i in self.directions)

    @cached_property
    def measured(self) -> Callable[..., jax.Array]:
        r"""The generated function (jets of the radii, jet of f, λ) -> defect, Hess f, R, |∇f|², |Rm|².

        Components come first; defect and Hess f have one for each direction.
        """
        metric = self.metric
        hessian = metric.hessian("f").raised(0)
        slope = metric.function("f").nabla().norm_squared()
        scalars = [metric.scalar().sympy(), slope.sympy(), metric.kretschmann().sympy()]
        outputs = [*self.defect, *(self.named(hessian[i, i]) for i in self.directions), *map(self.named, scalars)]
        arguments = [
            Argument("radii", tuple(self.jets[name] for name in self.radii)),
            Argument("potential", self.jets["f"]),
            Argument("constant", (LAM,)),
        ]
        doc = f"Ric + Hess f - lam g, Hess f, R, |grad f|^2, |Rm|^2 of {metric.line_element}"
        return jax.jit(Program("measured", arguments, outputs, doc=doc).compile())


@cache
def rotational(dim: int) -> Ansatz:
    r"""Return the rotationally symmetric metrics of a dimension >= 2."""
    if not isinstance(dim, int) or dim < 2:
        raise ArgumentError(f"Argument `dim` must be a whole number, at least 2, but is {dim!r}.")
    line = Chart("s", "lam", {"w": "s", "f": "s"})
    metric = warped_product(line_element(line, "ds^2"), round_sphere(dim - 1), "w")
    return Ansatz(metric, ("w",), (0, 1))


@cache
def unitary() -> Ansatz:
    r"""Return the metrics of dimension 4 with U(2) symmetry: σ3² and σ1² + σ2² with radii a and b."""
    chart = Chart("s theta phi psi", "lam", {"a": "s", "b": "s", "f": "s"})
    sigma = "(dpsi + cos(theta)*dphi)"
    return Ansatz(
        line_element(chart, f"ds^2 + a^2*{sigma}^2 + b^2*(dtheta^2 + sin(theta)^2*dphi^2)"), ("a", "b"), (0, 3, 1)
    )


@cache
def acceleration(dim: int) -> Callable[..., list[float]]:
    r"""Return w, w', f, f', λ -> (w', w'', f', f'') on a rotationally symmetric soliton, solved from the derivation.

    w'' = ((n-2)(1 - w'²) + w w' f' - λw²)/w,   f'' = λ + (n-1) w''/w
    """
    ansatz = rotational(dim)
    (w, w_1, w_2), (f, f_1, f_2) = ansatz.jets["w"], ansatz.jets["f"]
    (found,) = sp.solve(ansatz.defect, [w_2, f_2], dict=True)
    return scalar_function([w, w_1, f, f_1, LAM], [w_1, found[w_2], f_1, found[f_2]])


def scalar_function(symbols: Sequence[sp.Symbol], outputs: Any) -> Callable[..., Any]:
    r"""Return derived expressions as a function of floats.

    A step-by-step integrator asks for one point at a time, where entering a compiled function costs 50 times the sum.
    """
    return sp.lambdify(symbols, outputs, "math", cse=True)


#: Terms of the series at the origin.
TERMS = 6


@cache
def origin(dim: int) -> Callable[..., jax.Array]:
    r"""Return s, K, λ -> (w, w', f, f') near the origin, where the equation is singular but its solutions are not.

    K is the sectional curvature at the origin. The series in s is derived order by order:

        w = s - K s³/6 + ...,   f = (λ - (n-1)K) s²/2 + ...
    """
    ansatz = rotational(dim)
    ring, s, a, b, curvature, lam = sp.ring("s a b K lam", sp.QQ)
    # times w and w² the equations are polynomials
    cleared = [sp.cancel(e * ansatz.jets["w"][0] ** m) for m, e in enumerate(ansatz.defect, start=1)]
    jets = [*ansatz.jets["w"], *ansatz.jets["f"], LAM]
    equations = scalar_function(jets, cleared)
    radius, potential = s, ring.zero
    for k in range(1, TERMS + 1):
        trial = [radius + a * s ** (2 * k + 1), potential + b * s ** (2 * k)]
        values = [d for f in trial for d in (f, f.diff(s), f.diff(s).diff(s))]
        lowest = [_coefficient(e, 2 * k - 1 + m) for m, e in enumerate(equations(*values, lam))]
        # the first order leaves the curvature free: the equation is resonant there
        wanted = [(a + curvature / 6).as_expr(), lowest[0]] if k == 1 else lowest
        (found,) = sp.solve(wanted, [a.as_expr(), b.as_expr()], dict=True)
        values = {g: ring.from_expr(sp.expand(v)) for g, v in zip((a, b), (found[x.as_expr()] for x in (a, b)))}
        radius, potential = radius + values[a] * s ** (2 * k + 1), potential + values[b] * s ** (2 * k)
    s, curvature, radius, potential = (e.as_expr() for e in (s, curvature, radius, potential))
    outputs = [sp.horner(e, s) for e in (radius, sp.diff(radius, s), potential, sp.diff(potential, s))]
    arguments = [Argument(name, (symbol,)) for name, symbol in (("at", s), ("curvature", curvature), ("constant", LAM))]
    return jax.jit(Program("origin", arguments, outputs, doc=f"Series of a soliton of dimension {dim}.").compile())


def _coefficient(polynomial: Any, power: int) -> sp.Expr:
    # of s, the first generator of the ring
    kept = {(0, *rest): c for (first, *rest), c in polynomial.terms() if first == power}
    return polynomial.ring.from_dict(kept).as_expr()
