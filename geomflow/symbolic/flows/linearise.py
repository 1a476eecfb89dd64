r"""Linearisation of a flow about a flat metric, and its principal symbol.

About a flat metric, constant scalars and vanishing tensor fields every background curvature and derivative drops out
of the variation; covariant derivatives commute and become \(i\xi\). What is left of a velocity of order m is an
equivariant map of symmetric tensors, a combination of

    v_ij,   ½(ξ_i v_jξ + ξ_j v_iξ),   (g_ij, ξ_iξ_j) × (tr v, v_ξξ, δφ),

so that it splits, for the dimension n a symbol, into the transverse traceless modes, the mixed modes
\(\xi_i w_j + \xi_j w_i\) (w transverse), and one block on the transverse trace, the longitudinal mode and the scalars.

What is held fixed matters and must be said: a field may *respond* to the metric (`response`: at fixed measure
\(\delta f = -\operatorname{tr}v/2k\), as a function \(\delta f = 0\), a DeTurck vector), be *slaved* to it by an
equation (`constraint`), or evolve by the flow's own equation.

The order is always even, since there is no background vector to contract an odd derivative with.

Limits: scalar fields as unknowns (a tensor field may respond, but not evolve).
"""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from geomflow.core.errors import DerivationError
from geomflow.symbolic.abstract.canonical import canonical
from geomflow.symbolic.abstract.expression import (
    DIMENSION,
    METRIC,
    Expression,
    Factor,
    Head,
    Monomial,
    as_expression,
    tensor,
    variation,
    variation_head,
)
from geomflow.symbolic.abstract.variation import Variation, fields_of, vary, weight_exponent
from geomflow.symbolic.derivation import Derivation
from geomflow.symbolic.flows.flow import Flow, gradient_flow, substitute
from geomflow.symbolic.flows.symbol import Symbol

#: (outer structure, inner structure, number of derivatives) -> coefficient.
Parts = dict[tuple[str, str, int], sp.Expr]


def fixed_measure(weight: Expression) -> dict[str, Expression]:
    r"""Return the response of f to the metric when \(e^{kf}dV\) is held fixed: \(\delta f = -\operatorname{tr}v/2k\).

    Raises:
        DerivationError: the weight is not of that form for one field f.
    """
    scalar, k = weight_exponent(weight)
    if scalar is None:
        raise DerivationError(f"A measure e^(kf) dV of one field f is needed, but the weight is `{weight}`.")
    return {scalar.name: variation("g", "a", "^a") * (-1 / (2 * k))}


def linearised(
    expression: Expression, response: Mapping[str, Expression] | None = None, scalars: tuple[str, ...] = ()
) -> Expression:
    r"""Return the variation of an expression about a flat metric, constant scalars and vanishing tensors.

    Args:
        expression: any expression.
        response: field -> its variation, linear in v (0 for a field that is held fixed).
        scalars: fields whose variation is kept as an unknown.

    Raises:
        DerivationError: a field has neither a response nor is kept.
    """
    known = {name: as_expression(value) for name, value in (response or {}).items()}

    def value(head: Head) -> Expression | None:
        if head == METRIC or head.name in scalars:
            return None
        if head.name not in known:
            raise DerivationError(
                f"What the field `{head.name}` does when the metric varies is not said. Give it a `response` (0 if it "
                "is held fixed as a function), a `constraint`, or a velocity."
            )
        return known[head.name]

    flat = [(c, factors) for c, factors in vary(expression).terms if not _vanishes(factors)]
    varied = substitute(Expression(tuple(flat), expression.free, expression.up), value)
    # Commutators of derivatives leave curvature behind.
    return Expression(tuple(t for t in varied.terms if not _vanishes(t[1])), varied.free, varied.up)


def _vanishes(factors: Monomial) -> bool:
    return any(
        f.head.kind in ("curvature", "form") or (f.head.kind == "field" and (f.derivatives or f.head.rank))
        for f in factors
    )


def principal_symbol(
    flow: Flow,
    response: Mapping[str, Expression] | None = None,
    constraint: Mapping[str, Expression] | None = None,
) -> Symbol:
    r"""Return the principal symbol of a flow about a flat metric, for a symbolic dimension n.

    Args:
        flow: its velocities; those of fields that respond or are slaved are not used.
        response: field -> its variation, linear in v; `fixed_measure(weight)` for a fixed measure, 0 for a fixed
            function.
        constraint: scalar field -> the expression whose being constant determines it, linearly elliptic in it.

    Raises:
        DerivationError: a field is left undetermined, or a tensor field is to evolve.

    Good values: `principal_symbol(ricci_flow())`;
    `principal_symbol(flow, constraint={"f": variation.gradient("f")})` for the \(\lambda\)-flow.
    """
    response, constraint = dict(response or {}), dict(constraint or {})
    evolving = tuple(name for name in flow.fields if name not in response and name not in constraint)
    for name in evolving:
        if flow.fields[name].free:
            raise DerivationError(f"Only scalar fields can evolve here; give the tensor `{name}` a `response`.")
    scalars = (*evolving, *constraint)
    derivation = Derivation(rf"Principal symbol of the {flow.name}")
    derivation.add(flow.metric.latex(), "the flow", lhs=r"\partial_t g_{ij}")
    for name, value in response.items():
        _record(derivation, f"δ{name}", rf"\delta {name}", as_expression(value), "its response to the metric")
    row = linearised(flow.metric, response, scalars)
    _record(derivation, "∂_t v_ij", r"\partial_t v_{ij}", row, "varied about a flat metric")
    rows = {"": _parts(row)}
    for name in evolving:
        varied = linearised(flow.fields[name], response, scalars)
        unknown = tensor(variation_head(Head(name)))
        _record(derivation, f"∂_t {unknown}", rf"\partial_t {unknown.latex()}", varied, "varied about a flat metric")
        rows[name] = _parts(varied)
    for name, equation in constraint.items():
        varied = linearised(equation, response, scalars)
        _record(derivation, "0", "0", varied, rf"${name}$ slaved: its equation varied")
        solution = _solved(_parts(varied), name)
        rows = {key: _eliminated(parts, name, solution) for key, parts in rows.items()}
    order = max((k for parts in rows.values() for (_, _, k), c in parts.items() if c != 0), default=0)
    top = {
        key: {(outer, inner): c for (outer, inner, k), c in parts.items() if k == order and c != 0}
        for key, parts in rows.items()
    }
    symbol = Symbol(flow.name, order, top.pop(""), top, derivation)
    symbol.record()
    return symbol


def damped_gradient_flow(variation: Variation) -> tuple[Flow, dict[str, Expression]]:
    r"""Return the gradient flow of a functional, up or down, whichever damps TT modes, and what responds to the metric.

    The speed is such that TT modes of a flat metric decay at \(|\xi|^m\), where scalars in front of the curvature (as
    in \(u R\)) are 1; unit speed if their rate depends on the dimension, where it may vanish, and descent if they do
    not move.
    With a weight \(e^{kf}\) its measure is held fixed; tensor fields stay at zero, where they decouple.

    Good values: Perelman's F gives \(-2(R_{ij} + \nabla_i\nabla_j f)\), Hilbert's functional \(-2R_{ij} + Rg_{ij}\).
    """
    scalar, _ = weight_exponent(variation.weight)
    response = {} if scalar is None else fixed_measure(variation.weight)
    response |= {h.name: Expression() for h in fields_of(variation.density) if h.rank}
    rate = principal_symbol(gradient_flow(variation, 1), response).transverse_traceless
    # The speed is a number: a field in it would have to be differentiated.
    rate = rate.subs({sp.Symbol(h.name): 1 for h in fields_of(variation.density)})
    if rate.has(DIMENSION):
        rate = sp.sign(sp.limit(rate, DIMENSION, sp.oo))
    return gradient_flow(variation, sp.S.NegativeOne if rate == 0 else -1 / rate), response


def _record(derivation: Derivation, name: str, lhs: str, value: Expression, reason: str) -> None:
    derivation.add(value.latex(), reason, lhs=lhs, text=f"{name} = {value}")


# --- from linear terms to structures ----------------------------------------------------------------------------


def _parts(expression: Expression) -> Parts:
    parts: Parts = {}
    for coefficient, factors in canonical(expression).terms:
        for f in factors:
            # A scalar without derivatives is a constant of the background.
            if f.head.kind == "field":
                coefficient = coefficient * sp.Symbol(f.head.name)
            if f.head.kind == "weight" and f.head.field is not None:
                coefficient = coefficient * sp.exp(f.head.exponent * sp.Symbol(f.head.field.name))
        unknown = next(f for f in factors if f.head.kind == "variation")
        key = (*_structure(unknown, any(f.head == METRIC for f in factors)), len(unknown.derivatives))
        parts[key] = sp.cancel(parts.get(key, sp.S.Zero) + coefficient)
    return parts


def _structure(factor: Factor, beside_metric: bool) -> tuple[str, str]:
    # Where the free indices stand: on g, on two derivatives, on both, or on v; and what v is contracted with.
    free = [s for s in factor.slots if not s.startswith("_")]
    natural = [s for s in factor.indices if not s.startswith("_")]
    outer = "g" if beside_metric else "ξξ" if free else ""
    if factor.head.rank == 0:
        assert factor.head.field is not None
        return outer, factor.head.field.name
    if len(natural) == 2:
        return "v", ""
    if len(natural) == 1:
        return "ξv", ""
    return outer, "tr" if factor.indices[0] == factor.indices[1] else "ξξ"


# --- a field slaved by an equation --------------------------------------------------------------------------------


def _solved(equation: Parts, name: str) -> Parts:
    r"""Return \(\delta f\) as structures in v, with the order shifted by that of the elliptic operator on f."""
    own = {order: c for (_, inner, order), c in equation.items() if inner == name and c != 0}
    if not own:
        raise DerivationError(f"The constraint does not contain `{name}`, so it cannot determine it.")
    order = max(own)
    return {
        (outer, inner, k - order): sp.cancel(-c / own[order])
        for (outer, inner, k), c in equation.items()
        if inner != name
    }


def _eliminated(parts: Parts, name: str, solution: Parts) -> Parts:
    result: Parts = {}
    for (outer, inner, order), c in parts.items():
        images = solution.items() if inner == name else [(("", inner, 0), sp.S.One)]
        for (_, image, shift), factor in images:
            key = (outer, image, order + shift)
            result[key] = sp.cancel(result.get(key, sp.S.Zero) + c * factor)
    return result
