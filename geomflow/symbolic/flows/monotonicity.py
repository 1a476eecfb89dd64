r"""How a functional changes along a flow, brought to squares: \(\dot{\mathcal F} = \int \sum_k c_k|A_k|^2\,w\,dV\).

The direct derivative \(\partial_t(L\,w\,dV)/(w\,dV)\) is compared with the squares of the functional's own gradients;
the constants c and a vector X with

    ∂_t (L w dV) / (w dV) = Σ_k c_k |A_k|² + w⁻¹ ∇_a (w X^a)

come out of one linear system, so the claim is an identity at every point and not only under the integral.

Reference: Perelman, arXiv:math/0211159, (1.4), (3.4) and Proposition 9.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp

from geomflow.core.errors import DerivationError
from geomflow.symbolic.abstract.canonical import canonical
from geomflow.symbolic.abstract.expression import RICCI, Expression, as_expression, nabla, norm_squared
from geomflow.symbolic.abstract.notation import bracketed
from geomflow.symbolic.abstract.variation import Variation, relative_measure, weight_exponent, without_constant
from geomflow.symbolic.derivation import Derivation
from geomflow.symbolic.flows.divergence import potential
from geomflow.symbolic.flows.evolution import evolve_integrand
from geomflow.symbolic.flows.flow import Flow, trace

_MOST_TERMS = 40


@dataclass(frozen=True)
class Monotonicity:
    r"""\(\dot{\mathcal F} = \int \sum_k c_k |A_k|^2\, w\,dV\), with everything that makes it so.

    Args:
        integrand: \(\partial_t(L\,w\,dV)/(w\,dV)\), nothing integrated by parts.
        squares: the pairs (c, A); A has leading coefficient 1.
        vector: X, whose weighted divergence is the rest.
        derivation: the steps.
    """

    integrand: Expression
    squares: tuple[tuple[sp.Expr, Expression], ...]
    vector: Expression
    derivation: Derivation

    @property
    def total(self) -> Expression:
        r"""Return \(\sum_k c_k|A_k|^2\), expanded."""
        return canonical(self._squares())

    def _squares(self) -> Expression:
        total = as_expression(0)
        for c, a in self.squares:
            total = total + norm_squared(a) * c
        return total

    @property
    def remainder(self) -> Expression:
        r"""Return the difference of the integrand and the squares: the divergence."""
        return canonical(self.integrand - self.total)

    def claimed(self, variation: Variation, flow: Flow) -> Expression:
        r"""Return what this says \(\partial_t(L w)\) is, unsimplified: for an independent check."""
        density, weight = variation.density, variation.weight
        ((constant, _),) = weight.terms
        divergence = nabla("a", self.vector * without_constant(weight)) * constant
        return (self._squares() - trace(flow.metric) / 2 * density) * weight + divergence

    def latex(self) -> str:
        r"""Return the integrand as squares, in LaTeX."""
        return " + ".join(square_latex(c, a) for c, a in self.squares).replace("+ -", "- ") or "0"

    def __str__(self) -> str:
        return " + ".join(square_text(c, a) for c, a in self.squares).replace("+ -", "- ") or "0"


def square_latex(c: sp.Expr, tensor: Expression) -> str:
    r"""Return \(c\,|A|^2\) in LaTeX."""
    return rf"{_factor(sp.latex(c), c)} \left| {tensor.latex()} \right|^{{2}}"


def square_text(c: sp.Expr, tensor: Expression) -> str:
    r"""Return \(c\,|A|^2\) in plain text."""
    return f"{_factor(str(c).replace('**', '^').replace('*', ' '), c)}|{tensor}|²"


def _factor(text: str, c: sp.Expr) -> str:
    if c in (1, -1):
        return "" if c == 1 else "-"
    return f"({text}) " if c.is_Add else f"{text} "


def monotonicity(
    variation: Variation,
    flow: Flow,
    name: str = r"\mathcal{F}",
    squares: Sequence[Expression] | None = None,
) -> Monotonicity:
    r"""Derive \(\dot{\mathcal F}\) along a flow as a sum of squares modulo a divergence.

    Args:
        variation: of the functional.
        flow: the velocities of the metric, of every field in the functional, and of constants.
        name: LaTeX name of the functional.
        squares: the tensors A whose squares are allowed; the functional's gradients by default (at fixed measure if
            there is one).

    Raises:
        DerivationError: no such identity was found; the derivative may still have a sign.

    Good values: the gradient flow of the functional, or the same seen through diffeomorphisms.
    """
    weight = variation.weight
    integrand = evolve_integrand(variation.density, weight, flow)
    tensors = [normalised(a) for a in (gradients_at_fixed_measure(variation) if squares is None else squares)]
    found = potential(integrand, weight, [norm_squared(a) for a in tensors])
    if found is None:
        raise DerivationError(
            f"Along `{flow.name}` the derivative of the functional is not a combination of the squares of "
            f"{', '.join(f'`{a}`' for a in tensors)} and a divergence. Give other `squares`."
        )
    pairs = tuple((sp.factor(c), a) for c, a in zip(found.coefficients, tensors) if c != 0)
    derivation = Derivation(rf"${name}$ along the {flow.name}")
    result = Monotonicity(integrand, pairs, found.vector, derivation)
    _record(result, variation, flow, name)
    return result


def gradients_at_fixed_measure(variation: Variation) -> list[Expression]:
    r"""Return the nonzero gradients: that of the metric (at fixed measure if there is a weight), and of each field."""
    scalar, _ = weight_exponent(variation.weight)
    metric = variation.gradient("g") if scalar is None else variation.fixed_measure()
    others = [e for name, e in variation.gradients.items() if name != "g" and (scalar is None or name != scalar.name)]
    return [e for e in (metric, *others) if e.terms]


def normalised(tensor: Expression) -> Expression:
    r"""Return the tensor, indices below, divided by the coefficient of its Ricci term, or of its first term."""
    terms = canonical(tensor).terms
    leading = next(
        (c for c, fs in terms if len(fs) == 1 and fs[0].head == RICCI and not fs[0].derivatives), terms[0][0]
    )
    return canonical(tensor.lowered() / leading)


def _record(result: Monotonicity, variation: Variation, flow: Flow, name: str) -> None:
    add, measure = result.derivation.add, relative_measure(variation.weight)
    integral = lambda body: rf"\int {body}\, {measure}"  # noqa: E731
    add(integral(bracketed(variation.density)), "definition", lhs=name)
    add(flow.metric.latex(), "the flow", lhs=r"\partial_t g_{ij}")
    for field, velocity in flow.fields.items():
        letters = "_{" + "ijklpq"[: len(velocity.free)] + "}" if velocity.free else ""
        add(velocity.latex(), "the flow", lhs=rf"\partial_t {field}{letters}")
    for constant, rate in flow.constants.items():
        add(sp.latex(sp.sympify(rate)), "the flow", lhs=rf"\partial_t {sp.latex(sp.Symbol(constant))}")
    add(integral(_shown(result.integrand)), "evolution of density and measure", lhs=rf"\frac{{d{name}}}{{dt}}")
    scalar, k = weight_exponent(variation.weight)
    divergence = r"\nabla_a X^a"
    if scalar is not None:
        kf = k * sp.Symbol(scalar.name)
        divergence = rf"e^{{{sp.latex(-kf)}}} \nabla_a \left(e^{{{sp.latex(kf)}}} X^a\right)"
    if result.vector.terms:
        add(rf"{result.latex()} + {divergence}", "solved for $X$ and the constants", lhs=r"\text{integrand}")
        add(_shown(result.vector), "found", lhs="X^{a}")
    add(integral(rf"\left({result.latex()}\right)"), "a divergence has no integral", lhs=rf"\frac{{d{name}}}{{dt}}")


def _shown(expression: Expression) -> str:
    # A page of terms helps no reader; the record holds them all.
    count = len(expression.terms)
    return bracketed(expression) if count <= _MOST_TERMS else rf"\left(\text{{{count} terms}}\right)"
