r"""The first variation of a functional, by rule: from a density to its gradients, with every step recorded.

With \(\delta g_{ij} = v_{ij}\) and covariant indices held below:

    δg^{ij} = -v^{ij},   δ dV = ½ tr v dV,   δΓ^k_ij = ½ g^{kl} (∇_i v_jl + ∇_j v_il - ∇_l v_ij),
    δR^a_{bcd} = ∇_c δΓ^a_db - ∇_d δΓ^a_cb,   δ(∇T) = ∇δT - δΓ·T,   δ e^{kf} = k h e^{kf},   δ dB = d δB.

Derivatives are then moved off the variations by integration by parts, on a closed manifold.

Reference: Perelman, arXiv:math/0211159, section 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from geomflow.core.errors import DerivationError
from geomflow.symbolic.abstract import notation
from geomflow.symbolic.abstract.canonical import canonical, slot_images
from geomflow.symbolic.abstract.expression import (
    METRIC,
    RICCI,
    RIEMANN,
    SCALAR,
    Expression,
    Factor,
    Head,
    Monomial,
    Term,
    as_expression,
    derivative_of_factors,
    metric,
    nabla,
    riemann,
    tensor,
    term,
    variation,
    variation_head,
    weight_head,
)
from geomflow.symbolic.abstract.forms import exterior_derivative
from geomflow.symbolic.derivation import Derivation

_SLOTS = "abcdefghijklmnopqrstuvwxy"
_FREE = "ijklpq"
_OF_FIELDS = ("field", "form", "weight")


# --- the rules --------------------------------------------------------------------------------------------------


def variation_of_christoffel(k: str, i: str, j: str) -> Expression:
    r"""Return \(g_{kl}\,\delta\Gamma^l_{ij} = \tfrac12(\nabla_i v_{jk} + \nabla_j v_{ik} - \nabla_k v_{ij})\)."""
    v = lambda a, b: variation("g", a, b)  # noqa: E731
    return (nabla(i, v(j, k)) + nabla(j, v(i, k)) - nabla(k, v(i, j))) / 2


def variation_of_mixed_riemann(a: str, b: str, c: str, d: str) -> Expression:
    r"""Return \(g_{ae}\,\delta R^e{}_{bcd} = \nabla_c \delta\Gamma_{adb} - \nabla_d \delta\Gamma_{acb}\)."""
    return nabla(c, variation_of_christoffel(a, d, b)) - nabla(d, variation_of_christoffel(a, c, b))


def variation_of_riemann(a: str, b: str, c: str, d: str) -> Expression:
    r"""Return \(\delta R_{abcd} = v_{ae} R^e{}_{bcd} + g_{ae}\,\delta R^e{}_{bcd}\)."""
    return variation("g", a, "z") * riemann("^z", b, c, d) + variation_of_mixed_riemann(a, b, c, d)


def variation_of_ricci(b: str, d: str) -> Expression:
    r"""Return \(\delta R_{bd} = \nabla_a \delta\Gamma^a_{db} - \nabla_d \delta\Gamma^a_{ab}\)."""
    return variation_of_mixed_riemann("^z", b, "z", d)


def variation_of_scalar_curvature() -> Expression:
    r"""Return \(\delta R = -v^{bd}R_{bd} + g^{bd}\,\delta R_{bd}\)."""
    return -variation("g", "^b", "^d") * tensor(RICCI, "b", "d") + variation_of_ricci("b", "d").rename(d="b")


def variation_of_volume() -> Expression:
    r"""Return \(\delta\,dV / dV = \tfrac12 \operatorname{tr} v\)."""
    return variation("g", "z", "^z") / 2


def variation_of_inverse_metric(i: str, j: str) -> Expression:
    r"""Return \(\delta g^{ij} = -v^{ij}\), indices lowered."""
    return -variation("g", i, j)


def variation_of_form(head: Head, *slots: str) -> Expression:
    r"""Return \(\delta H = d\,\delta B\) for H = dB."""
    assert head.field is not None
    return exterior_derivative(variation_head(head.field), *slots)


def _variation_of_head(head: Head, slots: tuple[str, ...]) -> Expression:
    if head == METRIC:
        return variation("g", *slots)
    if head == RIEMANN:
        return variation_of_riemann(*slots)
    if head == RICCI:
        return variation_of_ricci(*slots)
    if head == SCALAR:
        return variation_of_scalar_curvature()
    if head.kind == "weight" and head.field is not None:
        return tensor(variation_head(head.field)) * tensor(head) * head.exponent
    if head.kind == "form":
        return variation_of_form(head, *slots)
    if head.kind == "variation":
        raise DerivationError(f"Only first variations are implemented, but `{head.name}` is a variation already.")
    return tensor(variation_head(head), *slots)


def _variation_of_factor(factor: Factor) -> Expression:
    # The slots carry different letters here; δ(∇_d X) = ∇_d δX - Σ_s δΓ^z_{ds} X with z in the slot s.
    if not factor.derivatives:
        return _variation_of_head(factor.head, factor.indices)
    outer, inner = factor.derivatives[0], Factor(factor.head, factor.indices, factor.derivatives[1:])
    varied = nabla(outer, _variation_of_factor(inner))
    for position, slot in enumerate(inner.slots):
        slots = [*inner.slots]
        slots[position] = "z"
        shifted = Expression(((sp.S.One, (inner.with_slots(slots),)),), frozenset(slots))
        varied = varied - variation_of_christoffel("z", outer, slot) * shifted
    return varied


def vary(expression: Expression) -> Expression:
    r"""Return \(\delta\) of an expression, by Leibniz over factors, contractions and raised free indices.

    Raises:
        DerivationError: if the expression holds a variation already.
    """
    terms: list[Term] = []
    for coefficient, factors in expression.terms:
        for position, factor in enumerate(factors):
            for c, product in _vary_slots(factor):
                terms.append((coefficient * c, (*factors[:position], *product, *factors[position + 1 :])))
        for c, product in _vary_contractions(factors, expression.up):
            terms.append((coefficient * c, product))
    return canonical(Expression(tuple(term(c, fs) for c, fs in terms), expression.free, expression.up))


def _vary_slots(factor: Factor) -> list[Term]:
    letters = _SLOTS[: len(factor.slots)]
    varied = _variation_of_factor(factor.with_slots(letters))
    names = dict(zip(letters, factor.slots))
    # Summation names of the rule end in a prime, so that they never meet those of the term it goes into.
    private = {s: s + "'" for _, fs in varied.terms for f in fs for s in f.slots if s.startswith("_")}
    return [(c, tuple(f.rename(private | names) for f in fs)) for c, fs in varied.terms]


def _vary_contractions(factors: Monomial, up: frozenset[str]) -> list[Term]:
    # Each summed pair hides an inverse metric, and so does each free index that stands above.
    terms = []
    slots = [(p, q, name) for p, f in enumerate(factors) for q, name in enumerate(f.slots)]
    last = {name: (p, q) for p, q, name in slots if name.startswith("_") or name in up}
    for name, (p, q) in last.items():
        names = list(factors[p].slots)
        names[q] = "_z'"
        opened = (*factors[:p], factors[p].with_slots(names), *factors[p + 1 :])
        rule = variation_of_inverse_metric("a", "b")
        for c, product in rule.terms:
            terms.append((c, (*opened, *(f.rename({"a": name, "b": "_z'"}) for f in product))))
    return terms


def integrate_by_parts(expression: Expression) -> Expression:
    r"""Move the outermost derivative off the variation in each term: \(\int (\nabla_a X) Y = -\int X \nabla_a Y\)."""
    terms: list[Term] = []
    for coefficient, factors in expression.terms:
        varied = next((p for p, f in enumerate(factors) if f.head.kind == "variation" and f.derivatives), None)
        if varied is None:
            terms.append((coefficient, factors))
            continue
        factor = factors[varied]
        bare = Factor(factor.head, factor.indices, factor.derivatives[1:])
        rest = factors[:varied] + factors[varied + 1 :]
        for c, product in derivative_of_factors(factor.derivatives[0], rest):
            terms.append((-coefficient * c, (bare, *product)))
    return canonical(Expression(tuple(term(c, fs) for c, fs in terms), expression.free, expression.up))


# --- the result -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Variation:
    r"""The first variation \(\delta\mathcal F = \int (E^{ij} v_{ij} + \sum_\phi E_\phi\,\delta\phi)\, w\, dV\).

    Args:
        density: what stands under the integral, without the weight.
        weight: w, a constant times weights \(e^{kf}\).
        gradients: field name -> its coefficient relative to w dV; "g" has \(E^{ij}\), symmetric.
        derivation: the steps that led here.
    """

    density: Expression
    weight: Expression
    gradients: dict[str, Expression]
    derivation: Derivation

    def gradient(self, field: str) -> Expression:
        r"""Return the coefficient of the variation of `field`, relative to w dV, with free indices i, j, ... above."""
        if field not in self.gradients:
            raise DerivationError(
                f"There is no gradient in `{field}`: the functional depends on {', '.join(self.gradients)}."
            )
        return self.gradients[field]

    def fixed_measure(self) -> Expression:
        r"""Return the coefficient of \(v_{ij}\) with the measure \(e^{kf} dV\) fixed: \(h = -\operatorname{tr} v/2k\).

        Raises:
            DerivationError: if the weight is not of the form \(e^{kf}\) for one field f.
        """
        return fixed_measure_gradient(self.weight, self.gradients)


def fixed_measure_gradient(weight: Expression, gradients: dict[str, Expression]) -> Expression:
    r"""Return \(E^{ij} - \tfrac{1}{2k} g^{ij} E_f\) for the weight \(e^{kf}\)."""
    scalar, exponent = weight_exponent(weight)
    if scalar is None:
        raise DerivationError("A measure can be held fixed only if the weight is e^(kf) for one field f.")
    if scalar.name not in gradients:
        return gradients["g"]
    return canonical(gradients["g"] - metric("^i", "^j") * gradients[scalar.name] / (2 * exponent))


def weight_exponent(weight: Expression) -> tuple[Head | None, sp.Expr]:
    r"""Return (f, k) if the weight is a constant times \(e^{kf}\) of one field, and (None, 0) otherwise."""
    heads = [f.head for _, factors in weight.terms for f in factors if f.head.kind == "weight"]
    return (heads[0].field, heads[0].exponent) if len(heads) == 1 else (None, sp.S.Zero)


def without_constant(weight: Expression) -> Expression:
    r"""Return a weight without its constant in front, which divides out of every relative gradient.

    Raises:
        DerivationError: if the weight is not a constant times exponentials \(e^{kf}\).
    """
    if len(weight.terms) != 1 or any(f.head.kind != "weight" for f in weight.terms[0][1]):
        raise DerivationError(f"A weight must be a constant times exponentials e^(kf), but found `{weight}`.")
    ((_, factors),) = weight.terms
    return Expression(((sp.S.One, factors),))


def _inverse(exponentials: Expression) -> Expression:
    ((_, factors),) = exponentials.terms
    opposite = tuple(Factor(weight_head(f.head.field, -f.head.exponent)) for f in factors if f.head.field is not None)
    return Expression(((sp.S.One, opposite),))


def gradient_of(expression: Expression, head: Head) -> Expression:
    r"""Return the coefficient of the variation of `head` in an expression without derivatives on it."""
    letters = _FREE[: head.rank]
    images = slot_images(head.symmetry, head.rank, 0)
    varied = variation_head(head)
    terms: list[Term] = []
    for coefficient, factors in expression.terms:
        position = next((p for p, f in enumerate(factors) if f.head == varied), None)
        if position is None:
            continue
        rest = factors[:position] + factors[position + 1 :]
        for image, sign in images:
            # v_{xy} is replaced by the projector on its symmetry type, built from metrics.
            projector = tuple(Factor(METRIC, (x, letters[p])) for x, p in zip(factors[position].indices, image))
            terms.append((coefficient * sp.Rational(sign, len(images)), (*projector, *rest)))
    free = frozenset(letters)
    return canonical(Expression(tuple(term(c, fs) for c, fs in terms), free, free))


def first_variation(density: Expression, weight: Expression | int = 1, name: str = r"\mathcal{F}") -> Variation:
    r"""Derive the first variation of \(\int L\,w\,dV\).

    Args:
        density: L, a scalar expression.
        weight: w, a constant times weights \(e^{kf}\).
        name: LaTeX name of the functional, for the derivation.

    Returns:
        The gradients and the derivation.

    Raises:
        DerivationError: if the density has free indices or the weight is not of that form.
    """
    weight = as_expression(weight)
    if density.free:
        raise DerivationError(f"A density must be a scalar, but `{density}` has free indices {density.signature()}.")
    exponentials = without_constant(weight)
    unweight = _inverse(exponentials)
    relative = lambda e: canonical(e * unweight)  # noqa: E731
    measure = relative_measure(weight)
    heads = [METRIC, *fields_of(density * weight)]
    derivation = Derivation(title=f"First variation of ${name}$")
    arguments = ", ".join(notation.symbol(head) for head in heads)
    integral = lambda e: rf"\int {notation.bracketed(e)}\, {measure}"  # noqa: E731
    derivation.add(integral(density), "definition", lhs=f"{name}({arguments})")

    change = relative(vary(exponentials)) + variation_of_volume()
    derivation.add(
        rf"\int \left[\delta\left({density.latex()}\right) + {_apart(canonical(change), density)}\right] {measure}",
        r"Leibniz, $\delta\,dV = \tfrac12 \operatorname{tr} v\,dV$",
        lhs=rf"\delta {name}",
    )
    _record_rules(derivation, density)

    varied = canonical((vary(density) + change * density) * exponentials)
    derivation.add(integral(relative(varied)), "substituted", lhs=rf"\delta {name}")
    while any(f.head.kind == "variation" and f.derivatives for _, fs in varied.terms for f in fs):
        varied = integrate_by_parts(varied)
        derivation.add(integral(relative(varied)), "one integration by parts in each term")

    collected = relative(varied)
    gradients = {head.name: gradient_of(collected, head) for head in heads}
    parts = [(_variation_latex(head), gradients[head.name]) for head in heads if gradients[head.name].terms]
    body = " + ".join(rf"{symbol} \left({gradient.latex()}\right)" for symbol, gradient in parts)
    derivation.add(rf"\int \left[{body or '0'}\right] {measure}", "collected")
    scalar, exponent = weight_exponent(weight)
    if scalar is not None:
        fixed = fixed_measure_gradient(weight, gradients)
        trace = variation("g", "i", "^i") * (-1 / (2 * exponent))
        derivation.add(
            rf"\int v_{{ij}} {notation.bracketed(fixed)}\, {measure}",
            rf"${measure}$ held fixed: ${tensor(variation_head(scalar)).latex()} = {trace.latex()}$",
            lhs=rf"\delta {name}",
        )
    return Variation(density, weight, gradients, derivation)


def relative_measure(weight: Expression) -> str:
    r"""Return the LaTeX of w dV."""
    return "dV" if weight == as_expression(1) else rf"{weight.latex()}\, dV"


def fields_of(expression: Expression) -> list[Head]:
    r"""Return the heads of the fields in an expression, also of those in an exponent or under a d, by name."""
    heads = {f.head.field or f.head for _, fs in expression.terms for f in fs if f.head.kind in _OF_FIELDS}
    return sorted(heads, key=lambda head: head.name)


def _apart(left: Expression, right: Expression) -> str:
    # (½ tr v) R: without brackets around either, one would read the trace of v R.
    first = notation.bracketed(left) if len(right.terms) > 1 else rf"\left({left.latex()}\right)"
    return rf"{first}\, {notation.bracketed(right)}"


def _variation_latex(head: Head) -> str:
    letters = _FREE[: head.rank]
    return tensor(variation_head(head), *letters).latex()


def _record_rules(derivation: Derivation, density: Expression) -> None:
    factors = [f for _, fs in density.terms for f in fs]
    if any(f.head.kind == "curvature" or (f.derivatives and len(f.slots) > 1) for f in factors):
        rule = canonical(variation_of_christoffel("k", "i", "j").raised("k"))
        derivation.add(rule.latex(), "from the Koszul formula", lhs=r"\delta \Gamma^{k}_{ij}")
    for head in sorted({f.head for f in factors if f.head.kind == "form"}, key=lambda head: head.name):
        form = tensor(head, *_FREE[: head.rank])
        reason = rf"${notation.symbol(head)} = d{notation.symbol(head.field or head)}$"
        derivation.add(vary(form).latex(), reason, lhs=rf"\delta\, {form.latex()}")
    for _, factors in density.terms:
        part = Expression(((sp.S.One, factors),))
        if factors:
            derivation.add(vary(part).latex(), "Leibniz and the rules above", lhs=rf"\delta\, {part.latex()}")
