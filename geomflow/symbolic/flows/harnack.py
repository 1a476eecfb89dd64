r"""Perelman's pointwise form of the entropy formula.

Let u solve the conjugate heat equation along Ricci flow, with \(\dot\tau = -1\). The entropy is \(W = \int P\,u\,dV\)
for more than one P; the one that the variation in f gives obeys

    □* (P u) = -2τ |Ric + Hess f - g/2τ|² u,   □* = -∂_t - Δ + R.

P and the right-hand side are derived: P is \(-\delta W/\delta f\) relative to u dV, shifted by the constant that makes
its integral W.

Reference: Perelman, arXiv:math/0211159, Proposition 9.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from geomflow.core.errors import DerivationError
from geomflow.symbolic.abstract.canonical import canonical, equal
from geomflow.symbolic.abstract.expression import ONE, Expression, laplacian, norm_squared
from geomflow.symbolic.abstract.variation import Variation, weight_exponent
from geomflow.symbolic.derivation import Derivation
from geomflow.symbolic.flows.divergence import potential
from geomflow.symbolic.flows.evolution import conjugate_heat, inverse_weight
from geomflow.symbolic.flows.flow import Flow, coupled_to_measure, ricci_flow, trace
from geomflow.symbolic.flows.monotonicity import normalised, square_latex, square_text


@dataclass(frozen=True)
class PointwiseEntropy:
    r"""\(\Box^*(P u) = c\,|A|^2 u\).

    Args:
        flow: Ricci flow with conjugate heat.
        entropy: P.
        weight: u.
        coefficient: c.
        tensor: A, with leading coefficient 1.
        derivation: the steps.
    """

    flow: Flow
    entropy: Expression
    weight: Expression
    coefficient: sp.Expr
    tensor: Expression
    derivation: Derivation

    def claimed(self) -> Expression:
        r"""Return what the formula says \(\partial_t(P u)\) is, unsimplified."""
        v = self.entropy * self.weight
        return (
            -laplacian(v) - trace(self.flow.metric) / 2 * v - self.coefficient * norm_squared(self.tensor) * self.weight
        )

    def __str__(self) -> str:
        return square_text(self.coefficient, self.tensor)


def pointwise_entropy(variation: Variation, constants: dict[str, sp.Expr | int]) -> PointwiseEntropy:
    r"""Derive the pointwise formula for a functional with a weight, along Ricci flow with conjugate heat.

    Args:
        variation: of the functional.
        constants: the velocities of its constants.

    Raises:
        DerivationError: there is no such formula.

    Good values: Perelman's W with `{"tau": -1}`; F with `{}`.
    """
    weight = variation.weight
    scalar, _ = weight_exponent(weight)
    if scalar is None:
        raise DerivationError("A pointwise entropy formula needs a weight e^(kf) in front of dV.")
    flow = coupled_to_measure(Flow("Ricci flow", ricci_flow().metric, constants=constants), weight, diffusion=True)
    gradient = canonical(-variation.gradient(scalar.name))
    shift = potential(gradient - variation.density, weight, [ONE])
    if shift is None:
        raise DerivationError(f"-{gradient} is not the density up to a constant and a divergence.")
    entropy = canonical(gradient - shift.coefficients[0])
    box = canonical(conjugate_heat(entropy * weight, flow) * inverse_weight(weight))
    tensor = normalised(variation.fixed_measure())
    square = canonical(norm_squared(tensor))
    # The squares have their monomials in common with the result, or there is no formula.
    known = {monomial: c for c, monomial in square.terms}
    ratio = next((sp.cancel(c / known[monomial]) for c, monomial in box.terms if monomial in known), sp.S.Zero)
    if not equal(box, ratio * square):
        raise DerivationError(f"`{box}` is not a multiple of the square of `{tensor}`.")
    derivation = Derivation(r"The entropy formula at every point")
    add = derivation.add
    add(entropy.latex(), r"$-\delta/\delta f$, shifted to the right integral", lhs="P")
    name = scalar.name
    add(flow.fields[name].latex(), "conjugate heat equation", lhs=rf"\partial_t {name}")
    left = r"\Box^*(P u) / u"
    add(box.latex(), r"$\Box^* = -\partial_t - \Delta + R$, normal form", lhs=left, text=f"□*(P u) / u = {box}")
    text = f"□*(P u) / u = {square_text(ratio, tensor)}"
    add(square_latex(ratio, tensor), "a square, exactly", lhs=left, text=text)
    return PointwiseEntropy(flow, entropy, weight, ratio, tensor, derivation)
