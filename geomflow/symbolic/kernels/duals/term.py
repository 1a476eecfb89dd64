r"""The normal form of an activation: a sum of terms polynomial × exp(quadratic) × {1, erf(ku), sign u, δ(u)}.

$$\varphi(u) = \sum_i \gamma_i\,u^{n_i}\,e^{A_iu^2 + B_iu + \kappa_i}\,\varepsilon_i(u),\qquad
  \varepsilon\in\{1,\ \mathrm{erf}(ku),\ \mathrm{sign}\,u,\ \delta(u)\}$$

The sign is the error function of infinite steepness, k = ∞, so that one set of rules serves smooth and sharp edges.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

import sympy as sp

from geomflow.core.errors import DerivationError
from geomflow.symbolic.kernels.duals.dual import U
from geomflow.symbolic.kernels.duals.tidy import real_and_imaginary

Kind = Literal["smooth", "edge", "dirac"]


@dataclass(frozen=True)
class Term:
    r"""One term $\gamma\,u^n e^{Au^2 + Bu + \kappa}\,\varepsilon(u)$.

    Args:
        coefficient: γ, free of u; complex for the halves of sines and cosines.
        power: n.
        square: A, real; zero without a Gaussian.
        slope: B, complex.
        shift: κ, complex: the phases of sines and cosines.
        kind: what ε is: 1 ("smooth"), erf(ku) or sign u ("edge"), or δ(u) ("dirac").
        steepness: k > 0 of an edge; `oo` for the sign.
    """

    coefficient: Any
    power: int = 0
    square: Any = sp.S.Zero
    slope: Any = sp.S.Zero
    shift: Any = sp.S.Zero
    kind: Kind = "smooth"
    steepness: Any = sp.S.Zero

    @property
    def sharp(self) -> bool:
        r"""Is this a term with sign u?"""
        return self.kind == "edge" and self.steepness == sp.oo

    @property
    def centred(self) -> bool:
        r"""Is the exponent free of a linear part, so that the tilted Gaussian stays centred?"""
        return self.slope == 0

    def expression(self, edge: sp.Expr | None = None) -> sp.Expr:
        r"""Return the term in `U`; `edge` replaces sign u where it is given."""
        factor: Any = sp.S.One
        if self.kind == "dirac":
            factor = sp.DiracDelta(U)
        elif self.sharp:
            factor = sp.sign(U) if edge is None else edge
        elif self.kind == "edge":
            factor = sp.erf(self.steepness * U)
        return self.coefficient * U**self.power * sp.exp(self.square * U**2 + self.slope * U + self.shift) * factor

    def derivative(self) -> list[Term]:
        r"""Return the terms of d/du, with $\mathrm{erf}(ku)' = \frac{2k}{\sqrt\pi}e^{-k^2u^2}$ and sign' = 2δ.

        Raises:
            DerivationError: the term is a Dirac delta already, whose correlations with its derivative diverge.
        """
        if self.kind == "dirac":
            raise DerivationError("An activation is differentiated once beyond its jumps at most, but δ(u) was given.")
        terms = []
        if self.power:
            terms.append(replace(self, coefficient=self.coefficient * self.power, power=self.power - 1))
        if self.slope != 0:
            terms.append(replace(self, coefficient=self.coefficient * self.slope))
        if self.square != 0:
            terms.append(replace(self, coefficient=2 * self.square * self.coefficient, power=self.power + 1))
        if self.sharp and self.power == 0:
            terms.append(Term(2 * self.coefficient * sp.exp(self.shift), kind="dirac"))
        elif self.kind == "edge" and not self.sharp:
            k = self.steepness
            density = replace(self, square=self.square - k**2, kind="smooth", steepness=sp.S.Zero)
            terms.append(replace(density, coefficient=2 * k / sp.sqrt(sp.pi) * self.coefficient))
        return terms


def collected(terms: Iterable[Term]) -> tuple[Term, ...]:
    r"""Add the coefficients of terms that agree otherwise, and drop those that vanish."""
    found: dict[Term, Any] = {}
    for term in terms:
        key = replace(term, coefficient=sp.S.One)
        found[key] = found.get(key, sp.S.Zero) + term.coefficient
    sums = ((key, sp.expand(coefficient)) for key, coefficient in found.items())
    return tuple(replace(key, coefficient=coefficient) for key, coefficient in sums if coefficient != 0)


def differentiated(terms: Iterable[Term]) -> tuple[Term, ...]:
    r"""Return the normal form of φ'."""
    return collected(new for term in terms for new in term.derivative())


def displayed(terms: Iterable[Term]) -> sp.Expr:
    r"""Return the sum as one real expression; sharp edges come as $f_+(u)\theta(u) + f_-(u)\theta(-u)$."""
    terms = tuple(terms)
    comb = _real(sp.Add(*(t.expression() for t in terms if t.kind == "dirac")))
    rest = [t for t in terms if t.kind != "dirac"]
    if not any(t.sharp for t in rest):
        return comb + _real(sp.Add(*(t.expression() for t in rest)))
    right, left = (_real(sp.Add(*(t.expression(edge) for t in rest))) for edge in (sp.S.One, sp.S.NegativeOne))
    return comb + right * sp.Heaviside(U) + left * sp.Heaviside(-U)


def _real(expression: sp.Expr) -> sp.Expr:
    r"""Write conjugate exponentials as sines and cosines, and keep the rest as it is."""
    if not expression.has(sp.I):
        return sp.factor_terms(sp.expand(expression, power_exp=False))

    def trigonometric(exponent: Any) -> sp.Expr:
        real, imaginary = real_and_imaginary(exponent)
        return sp.exp(real) * (sp.cos(imaginary) + sp.I * sp.sin(imaginary))

    return sp.factor_terms(sp.expand(expression.replace(sp.exp, trigonometric), power_exp=False))
