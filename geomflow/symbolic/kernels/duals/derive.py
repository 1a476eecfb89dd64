r"""From an activation to its dual: K = E φ(u)φ(v) and K' = E φ'(u)φ'(v), by rule.

1. polynomial × exp(quadratic): complete the square, then Isserlis;
2. Dirac combs: $\mathbb E\,\delta(u)\delta(v) = 1/(2\pi\sqrt{pq - c^2})$;
3. Price: $\partial_cK = \mathbb E\,\varphi'(u)\varphi'(v)$, integrated in c from $K(c=0)$.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import sympy as sp

from geomflow.core.errors import DerivationError, DivergentExpectationError
from geomflow.symbolic.kernels.duals.bivariate_normal import derive_bivariate
from geomflow.symbolic.kernels.duals.closed_form import second_moment
from geomflow.symbolic.kernels.duals.dual import THETA, AngularDual, C, Dual, P, Q, U
from geomflow.symbolic.kernels.duals.ladder import ladder
from geomflow.symbolic.kernels.duals.normal_form import KINKED, as_activation, normal_form
from geomflow.symbolic.kernels.duals.term import Term, differentiated


def derive_dual(activation: sp.Expr | str) -> Dual:
    r"""Derive the Gaussian expectations of an activation.

    $$K(p,q,c) = \mathbb E\,\varphi(u)\varphi(v),\qquad K' = \partial_cK = \mathbb E\,\varphi'(u)\varphi'(v)$$

    Args:
        activation: φ, an expression or its text in one real symbol: sums and products of polynomials, exponentials of
            quadratics, sines and cosines, erf(k u), and Max, Abs, sign, Heaviside or Piecewise with their kinks at 0.
            Parameters are real symbols; of several symbols the one called u (or x, z, t) is the argument.

    Returns:
        The dual in the symbols `P`, `Q`, `C`; its `derivation` prints the steps.

    Raises:
        DivergentExpectationError: E φ² does not exist (Numbers: `moment`, `condition`).
        DerivationError: no rule closes, as for tanh; the Mehler series covers these.

    Good values: `derive_dual("Max(0, u)")`, `"u*(1 + erf(u/sqrt(2)))/2"`, `"erf(u) + u**2/3"`; 0.05-1 s,
    kept afterwards.
    Reference: Price, IRE Trans. Inf. Theory 4 (1958) 69; arXiv 1606.05340.
    """
    return _derive(as_activation(activation))


@cache  # a dual is frozen, and every kernel with the same activation asks for it
def _derive(activation: sp.Expr) -> Dual:
    try:
        return _by_rule(activation)
    except DivergentExpectationError:
        raise
    except DerivationError as refusal:
        # Kinks away from 0 and exponentials on a half-line, as in ELU, are bivariate normal probabilities.
        try:
            return derive_bivariate(activation)
        except DivergentExpectationError:
            raise
        except DerivationError:
            raise refusal from None


def _by_rule(activation: sp.Expr) -> Dual:
    # The dual is analytic in the steepness k of erf(ku), so that k > 0 may be assumed and dropped again.
    signed = {s for e in activation.atoms(*KINKED) for s in e.free_symbols}
    edges = {s for e in activation.atoms(sp.erf, sp.erfc) for s in e.free_symbols - {U} - signed}
    positive: dict[Any, Any] = {s: sp.Symbol(str(s), positive=True) for s in edges if s.is_positive is None}
    back = {value: key for key, value in positive.items()}

    def returned(expression: Any) -> Any:
        return expression.xreplace(back)

    given: Any = activation.xreplace(positive)
    terms = normal_form(given)
    slopes = differentiated(terms)
    kernel, derivative = second_moment(terms), second_moment(slopes)
    jump = any(term.kind == "dirac" for term in slopes)
    return Dual(
        activation=activation,
        kernel=returned(kernel),
        derivative=returned(derivative),
        diagonal=returned(on_diagonal(kernel)),
        slope=sp.oo if jump else returned(on_diagonal(derivative)),
        method="price" if any(term.kind == "edge" for term in terms) else "moments",
        angular=_angular(terms, kernel, derivative),
        derivation=ladder(activation, terms, [kernel, derivative]),
    )


def on_diagonal(expression: sp.Expr) -> sp.Expr:
    r"""Return the expression at p = q = c, where u = v; every radicand is factored, so that perfect squares show."""
    found: Any = expression.xreplace({Q: P, C: P})
    return found.replace(lambda e: e.is_Add and e.is_polynomial(), sp.factor)


def _angular(terms: Sequence[Term], kernel: sp.Expr, derivative: sp.Expr) -> AngularDual | None:
    r"""Return the form in the angle, where φ is a power of u on each half-line, with a kink at 0."""
    degrees = {term.power for term in terms}
    plain = all(term.square == 0 and term.slope == 0 and (term.sharp or term.kind == "smooth") for term in terms)
    if not plain or len(degrees) != 1 or not any(term.sharp for term in terms):
        return None
    return AngularDual(degrees.pop(), _in_the_angle(kernel), _in_the_angle(derivative))


def _in_the_angle(expression: sp.Expr) -> sp.Expr:
    r"""Return the expression at p = q = 1 and c = cos θ, with arcsin c = π/2 - θ and √(1 - c²) = sin θ."""
    determinant = P * Q - C**2
    found: Any = expression.replace(sp.asin, lambda _: sp.pi / 2 - THETA)
    found = found.replace(lambda e: e.is_Pow and e.base == determinant, lambda e: sp.sin(THETA) ** (2 * e.exp))
    found = sp.expand(found.xreplace({P: sp.S.One, Q: sp.S.One, C: sp.cos(THETA)}))
    # The reader looks for θ, which vanishes where v = u, or for π - θ, which vanishes where v = -u: the shorter form.
    turn = sp.Symbol("turn", positive=True)
    other = sp.expand(found.xreplace({THETA: sp.pi - turn}), trig=True)
    forms = []
    for form, angle in ((other, turn), (found, THETA)):
        collected = sp.collect(form, [angle, sp.sin(angle), sp.cos(angle)], func=sp.factor)
        forms.append(sp.factor_terms(collected.xreplace({angle: sp.pi - THETA}) if angle is turn else collected))
    return min(forms, key=sp.count_ops)
