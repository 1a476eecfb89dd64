r"""DeTurck's trick, found rather than remembered.

Add \(\mathcal L_W g\) to Ricci flow with a vector that is first order in the metric,

    δW_k = a ∇^j v_jk + b ∇_k tr v,

and ask that the principal symbol be \(-|\xi|^2\) times the identity: linear equations for a and b. Their solution is
the variation of \(W_k = g_{kl}\,g^{ij}(\Gamma - \bar\Gamma)^l_{ij}\), \(\bar\Gamma\) being a fixed connection.

Reference: DeTurck, J. Differential Geom. 18 (1983) 157.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from geomflow.core.errors import DerivationError
from geomflow.symbolic.abstract.canonical import canonical, equal
from geomflow.symbolic.abstract.expression import Expression, nabla, tensor_field, variation
from geomflow.symbolic.abstract.variation import variation_of_christoffel
from geomflow.symbolic.derivation import Derivation
from geomflow.symbolic.flows.divergence import solved
from geomflow.symbolic.flows.flow import Flow, ricci_flow
from geomflow.symbolic.flows.linearise import principal_symbol
from geomflow.symbolic.flows.symbol import Symbol


@dataclass(frozen=True)
class DeTurck:
    r"""The gauge that makes a flow strictly parabolic.

    Args:
        coefficients: a and b.
        vector: \(\delta W_i\), linear in v.
        is_christoffel_trace: whether it equals \(g^{jk}\,\delta\Gamma_{i,jk}\).
        symbol: of the flow in this gauge.
        derivation: the steps.
    """

    coefficients: tuple[sp.Expr, sp.Expr]
    vector: Expression
    is_christoffel_trace: bool
    symbol: Symbol
    derivation: Derivation


def christoffel_trace() -> Expression:
    r"""Return the variation of \(W_i = g_{ik}\,g^{jl}(\Gamma - \bar\Gamma)^k_{jl}\) where \(\Gamma = \bar\Gamma\)."""
    return canonical(variation_of_christoffel("i", "b", "c").rename(c="b"))


def in_gauge(flow: Flow) -> Flow:
    r"""Return the flow with \(\nabla_i W_j + \nabla_j W_i\) added for a covector field W."""
    lie = nabla("i", tensor_field("W", "j")) + nabla("j", tensor_field("W", "i"))
    return Flow(f"{flow.name} in DeTurck's gauge", canonical(flow.metric + lie), flow.fields, flow.constants)


def derive_deturck(flow: Flow | None = None) -> DeTurck:
    r"""Solve for the gauge in which the principal symbol of a second-order flow is a multiple of the identity.

    Args:
        flow: of a metric alone; Ricci flow by default.

    Raises:
        DerivationError: no vector of that form does it.
    """
    flow = flow or ricci_flow()
    gauged = in_gauge(flow)
    a, b = sp.symbols("a b")
    ansatz = a * nabla("j", variation("g", "^j", "i")) + b * nabla("i", variation("g", "j", "^j"))
    symbol = principal_symbol(gauged, response={"W": ansatz})
    # The identity on all modes: the mixed modes and the block behave like the TT modes.
    rate = symbol.transverse_traceless
    equations = [symbol.mixed - rate, *(symbol.block - rate * sp.eye(2))]
    solution = solved([sp.numer(sp.together(e)) for e in equations if e != 0], (a, b))
    if solution is None or any(value.free_symbols & {a, b} for value in solution):
        raise DerivationError(
            f"No vector a div v + b d tr v makes the symbol of {flow.name} a multiple of the identity."
        )
    vector = canonical(_with(ansatz, {a: solution[0], b: solution[1]}))
    fixed = principal_symbol(gauged, response={"W": vector})

    derivation = Derivation(f"DeTurck's trick for the {flow.name}")
    add = derivation.add
    add(gauged.metric.latex(), r"the flow with $\mathcal{L}_W g$ added", lhs=r"\partial_t g_{ij}")
    add(ansatz.latex(), "the most general first-order ansatz", lhs=r"\delta W_i")
    add(sp.latex(symbol.mixed), r"symbol on $\nu_i w_j + \nu_j w_i$, units of $|\xi|^2$", lhs=r"\sigma_{\nu T}")
    text = f"σ_0 = {symbol.block.tolist()}"
    add(sp.latex(symbol.block), r"symbol on $(P, \nu\nu)$", lhs=r"\sigma_{0}", text=text)
    add(rf"{sp.latex(solution[0])},\quad b = {sp.latex(solution[1])}", r"all equal to $\sigma_{TT}$: linear", lhs="a")
    add(vector.latex(), "inserted", lhs=r"\delta W_i")
    trace = christoffel_trace()
    agrees = equal(trace, vector)
    identified = r"the same" if agrees else "another vector"
    add(trace.latex(), f"Koszul formula, traced: {identified}", lhs=r"g_{ik}\, g^{jl}\, \delta \Gamma^{k}_{jl}")
    modes = r",\quad ".join(rf"{sp.latex(r.value)}\ \text{{({r.mode})}}" for r in fixed.rates())
    add(modes, fixed.verdict(), lhs=r"\text{rates}")
    return DeTurck((solution[0], solution[1]), vector, agrees, fixed, derivation)


def _with(expression: Expression, values: dict[sp.Symbol, sp.Expr]) -> Expression:
    return Expression(
        tuple((sp.cancel(c.xreplace(values)), fs) for c, fs in expression.terms), expression.free, expression.up
    )
