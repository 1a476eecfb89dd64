r"""Evolution equations, by rule: \(\partial_t\) of any expression along a flow.

The variation \(\delta Q[v, h]\) is linear in \(v = \delta g\) and \(h = \delta f\); along a flow they are the
velocities, and the constants contribute their own derivative:

    ∂_t Q = δQ[∂_t g, ∂_t f] + Σ_τ ∂Q/∂τ dτ/dt.

Reference: Hamilton, J. Differential Geom. 17 (1982) 255, section 7; Perelman, arXiv:math/0211159.
"""

from __future__ import annotations

from collections.abc import Sequence

from geomflow.core.errors import DerivationError
from geomflow.symbolic.abstract.canonical import canonical
from geomflow.symbolic.abstract.expression import ONE, Expression, as_expression, exponential, laplacian, tensor
from geomflow.symbolic.abstract.notation import bracketed
from geomflow.symbolic.abstract.variation import (
    fields_of,
    variation_of_christoffel,
    variation_of_volume,
    vary,
    weight_exponent,
)
from geomflow.symbolic.derivation import Derivation
from geomflow.symbolic.flows.flow import Flow, substitute, trace


def evolve(expression: Expression, flow: Flow) -> Expression:
    r"""Return \(\partial_t Q\) along a flow, in normal form.

    Args:
        expression: Q, with any free indices; those that stand above are raised with the moving metric.
        flow: the velocities.

    Raises:
        DerivationError: Q contains a field that the flow does not move.

    Good values: `evolve(scalar_curvature(), ricci_flow())` is \(\Delta R + 2|\mathrm{Ric}|^2\).
    """
    return canonical(substitute(vary(expression), flow.velocity) + flow.of_constants(expression))


def reaction(expression: Expression, flow: Flow) -> Expression:
    r"""Return \(\partial_t Q - \Delta Q\), in normal form.

    Good values: `reaction(riemann("i", "j", "k", "l"), ricci_flow())`, quadratic in the curvature: Hamilton's equation.
    """
    return canonical(evolve(expression, flow) - laplacian(expression))


def evolve_volume(flow: Flow) -> Expression:
    r"""Return \(\partial_t dV / dV = \tfrac12 \operatorname{tr} S\)."""
    return substitute(variation_of_volume(), flow.velocity)


def evolve_christoffel(flow: Flow) -> Expression:
    r"""Return \(\partial_t\Gamma^k_{ij}\), a tensor, with the free indices i, j and k, k above."""
    return substitute(variation_of_christoffel("k", "i", "j"), flow.velocity).raised("k")


def evolve_integrand(density: Expression, weight: Expression, flow: Flow) -> Expression:
    r"""Return \(\partial_t (L\,w\,dV) / (w\,dV)\), nothing integrated by parts.

    Args:
        density: L, a scalar.
        weight: w, a constant times \(e^{kf}\) of at most one field.
        flow: the velocities.
    """
    rate = evolve(weight, flow) * inverse_weight(weight) + evolve_volume(flow)
    return canonical(evolve(density, flow) + canonical(rate) * density)


def conjugate_heat(expression: Expression, flow: Flow) -> Expression:
    r"""Return the adjoint of \(\partial_t - \Delta\): \(-\partial_t u - \Delta u - \tfrac12\operatorname{tr}S\,u\)."""
    return canonical(-evolve(expression, flow) - canonical(laplacian(expression)) - trace(flow.metric) / 2 * expression)


def inverse_weight(weight: Expression) -> Expression:
    r"""Return 1/w for a constant times \(e^{kf}\) of at most one field.

    Raises:
        DerivationError: the weight is of another form.
    """
    scalar, k = weight_exponent(weight)
    if len(weight.terms) != 1 or len(weight.terms[0][1]) != (scalar is not None):
        raise DerivationError(f"A weight must be a constant times e^(kf) of one field, but found `{weight}`.")
    return (ONE if scalar is None else exponential(scalar.name, -k)) / weight.terms[0][0]


def evolution_derivation(flow: Flow, quantities: Sequence[Expression] = ()) -> Derivation:
    r"""Return the evolution of dV, \(\Gamma\) and of each quantity as a derivation: variation, then velocities."""
    derivation = Derivation(title=f"Evolution equations: {flow.name}")
    add = derivation.add
    add(flow.metric.latex(), "the flow", lhs=r"\partial_t g_{ij}", text=f"∂_t g_ij = {flow.metric}")
    for name, velocity in flow.fields.items():
        head = next((h for q in quantities for h in fields_of(q) if h.name == name), None)
        field = tensor(head, *"ijklpq"[: head.rank]) if head else None
        lhs, text = (field.latex(), str(field)) if field else (name, name)
        if as_expression(velocity).terms:
            add(velocity.latex(), "the flow", lhs=rf"\partial_t {lhs}", text=f"∂_t {text} = {velocity}")
    volume = evolve_volume(flow)
    half = variation_of_volume()
    add(rf"{half.latex()}\, dV", "the determinant, varied", lhs=r"\delta\, dV", text=f"δ dV = {half} dV")
    add(rf"{bracketed(volume)}\, dV", r"$v$ is the velocity", lhs=r"\partial_t\, dV")
    gamma, rule = evolve_christoffel(flow), canonical(variation_of_christoffel("k", "i", "j").raised("k"))
    add(rule.latex(), "Koszul formula, varied", lhs=r"\delta \Gamma^{k}_{ij}", text=f"δΓ^k_ij = {rule}")
    add(gamma.latex(), r"$v$ is the velocity", lhs=r"\partial_t \Gamma^{k}_{ij}", text=f"∂_t Γ^k_ij = {gamma}")
    for quantity in quantities:
        varied, evolved = vary(quantity), evolve(quantity, flow)
        latex = quantity.latex()
        add(varied.latex(), "Leibniz and the rules above", lhs=rf"\delta\, {latex}", text=f"δ {quantity} = {varied}")
        reason = "velocities inserted, normal form"
        add(evolved.latex(), reason, lhs=rf"\partial_t\, {latex}", text=f"∂_t {quantity} = {evolved}")
        rest = reaction(quantity, flow)
        if _order(rest) < _order(evolved) and f"Δ {quantity}" not in str(evolved):
            body = rf"\Delta {latex} + {rest.latex()}".replace("+ -", "- ")
            text = f"∂_t {quantity} = Δ {quantity} + {rest}".replace("+ -", "- ")
            add(body, "diffusion and reaction, by the Bianchi identities", text=text)
    return derivation


def _order(expression: Expression) -> int:
    return max((len(f.derivatives) for _, fs in expression.terms for f in fs), default=0)
