r"""Duals that need the bivariate normal distribution: kinks away from 0, exponentials on a half-line (ELU, SELU)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import mpmath
import sympy as sp

from geomflow.core.errors import DerivationError, DivergentExpectationError
from geomflow.symbolic.derivation import Derivation
from geomflow.symbolic.kernels.duals.dual import C, Dual, P, Q, U
from geomflow.symbolic.kernels.duals.pieces import pieces, smoothness

#: Sources of u and v: E e^{su + tv} generates the moments.
_S, _T = sp.symbols("s t", real=True)


class BivariateNormalCDF(sp.Function):
    r"""$\Phi_2(h, k; \rho) = P(X < h, Y < k)$ of standard normal X, Y with correlation ρ.

    $$\partial_h\Phi_2 = n(h)\,\Phi\Big(\frac{k-\rho h}{\sqrt{1-\rho^2}}\Big),\qquad
      \partial_\rho\Phi_2 = \frac{n(h)}{\sqrt{1-\rho^2}}\,n\Big(\frac{k-\rho h}{\sqrt{1-\rho^2}}\Big)$$
    """

    nargs = 3

    @classmethod
    def eval(cls, h: Any, k: Any, rho: Any) -> Any:
        r"""Return what is simpler at special arguments, None elsewhere."""
        if h == -sp.oo or k == -sp.oo:
            return sp.S.Zero
        if h == sp.oo:
            return normal_cdf(k)
        if k == sp.oo:
            return normal_cdf(h)
        if rho.is_zero:
            return normal_cdf(h) * normal_cdf(k)
        if h.is_zero and k.is_zero:
            return sp.Rational(1, 4) + sp.asin(rho) / (2 * sp.pi)
        return None

    def fdiff(self, argindex: int = 1) -> Any:
        r"""Return the derivative by the first, second or third argument."""
        h, k, rho = cast(Any, self.args)
        if argindex == 2:
            h, k = k, h
        root = sp.sqrt(1 - rho**2)
        beyond = (k - rho * h) / root
        if argindex == 3:
            return normal_density(h) * normal_density(beyond) / root
        return normal_density(h) * normal_cdf(beyond)

    def _eval_evalf(self, prec: int) -> Any:
        if not all(a.is_number for a in self.args):
            return None
        with mpmath.workprec(prec + 20):
            h, k, rho = (mpmath.mpf(sp.Float(a, precision=prec + 20)._mpf_) for a in (sp.N(a, prec) for a in self.args))
            arc = mpmath.asin(rho)

            def density(x: Any) -> Any:
                return mpmath.exp(-(h * h - 2 * h * k * mpmath.sin(x) + k * k) / (2 * mpmath.cos(x) ** 2))

            # towards |ρ| = 1 the integrand turns ever faster
            steps = 20 if abs(rho) == 1 else int(-mpmath.log(1 - rho**2) / mpmath.log(16)) + 1
            parts = [arc * (1 - mpmath.mpf(4) ** -i) for i in range(steps)] + [arc]
            value = mpmath.ncdf(h) * mpmath.ncdf(k) + mpmath.quad(density, parts) / (2 * mpmath.pi)
        return sp.Float(value, precision=prec)

    def _latex(self, printer: Any) -> str:
        h, k, rho = (printer._print(a) for a in self.args)
        return rf"\Phi_2\left({h}, {k}; {rho}\right)"


def normal_cdf(x: Any) -> Any:
    r"""Return Φ(x)."""
    if x in (sp.oo, -sp.oo):
        return sp.S.One if x == sp.oo else sp.S.Zero
    return (1 + sp.erf(x / sp.sqrt(2))) / 2


def normal_density(x: Any) -> Any:
    r"""Return n(x) = Φ'(x)."""
    return sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi)


@dataclass(frozen=True)
class Cut:
    r"""The term $a\,u^m e^{\alpha u^2+\beta u}$ where $\pm(u - t) > 0$; side 0 for the whole line."""

    coefficient: sp.Expr
    power: int
    square: sp.Expr
    slope: sp.Expr
    side: int
    threshold: sp.Expr


def derive_bivariate(activation: sp.Expr) -> Dual:
    r"""Derive the dual of a piecewise sum of polynomial × exp(quadratic), with kinks and jumps at any numbers.

    With the source terms $e^{su+tv}$ completed to a square, mean $\mu = \Sigma\,(s, t)$,

    $$\mathbb E\,e^{su+tv}\,1_{u>a}1_{v>b} = e^{\frac12(s,t)\Sigma(s,t)}\,
      \Phi_2\Big(\frac{\mu_u-a}{\sqrt p}, \frac{\mu_v-b}{\sqrt q}; \rho\Big),$$

    and polynomials by derivatives with respect to s and t.

    Args:
        activation: φ in `U`: ELU, SELU, shifted or clipped ReLU, hard tanh, Piecewise with rational branch points.

    Raises:
        DerivationError: a piece is not of that form.
        DivergentExpectationError: E φ² does not exist. Numbers: `moment`, `condition`.
    """
    terms = _terms(activation, 0)
    kernel = _second_moment(terms)
    jumps = smoothness(activation) == 0
    slopes = _terms(activation, 1)
    derivative = sp.diff(kernel, C) if jumps else _second_moment(slopes)
    steps = Derivation(f"The dual of ${sp.latex(activation)}$")
    for low, high, expr in pieces(activation):
        steps.add(sp.latex(expr), f"for ${sp.latex(low)} < u < {sp.latex(high)}$", lhs=r"\varphi(u)")
    generated = (
        r"e^{\frac12(s,t)\Sigma(s,t)}\,\Phi_2\left(\tfrac{\mu_u-a}{\sqrt p},\tfrac{\mu_v-b}{\sqrt q};\rho\right)"
    )
    steps.add(generated, "complete the square; powers by derivatives", lhs=r"\mathbb E\,e^{su+tv}1_{u>a}1_{v>b}")
    steps.add(sp.latex(kernel), "sum over the pieces", lhs="K(p,q,c)")
    steps.add(sp.latex(derivative), "derivative in $c$" if jumps else "the same for $\\varphi'$", lhs="K'(p,q,c)")
    return Dual(
        activation=activation,
        kernel=kernel,
        derivative=derivative,
        diagonal=_square(activation, 0),
        slope=sp.oo if jumps else _square(activation, 1),
        method="bivariate-normal",
        angular=None,
        derivation=steps,
    )


def _terms(activation: sp.Expr, order: int) -> list[Cut]:
    found = []
    for low, high, expr in pieces(activation):
        for coefficient, power, square, slope in monomials(sp.diff(expr, U, order)):
            _convergent(square, low, high, order)
            # one Heaviside function that faces the finite end; two for a piece between two
            if low == -sp.oo:
                ends = [(1, -1, high)] if high != sp.oo else [(1, 0, sp.S.Zero)]
            else:
                ends = [(1, 1, low)] + ([(-1, 1, high)] if high != sp.oo else [])
            found += [Cut(sign * coefficient, power, square, slope, side, end) for sign, side, end in ends]
    return found


def monomials(expr: sp.Expr) -> list[tuple[Any, int, Any, Any]]:
    r"""Return (a, m, α, β) of the terms $a\,u^m e^{\alpha u^2+\beta u}$ that add up to an expression.

    Raises:
        DerivationError: a term is not of that form.
    """
    found = []
    for term in sp.Add.make_args(sp.expand(expr, power_exp=False)):
        exponents: list[Any] = [f.exp for f in sp.Mul.make_args(term) if isinstance(f, sp.exp)]
        rest = sp.Mul(*(cast(Any, f) for f in sp.Mul.make_args(term) if not isinstance(f, sp.exp)))
        exponent: Any = sp.expand(sp.Add(*exponents))
        if not (rest.is_polynomial(U) and exponent.is_polynomial(U) and sp.Poly(exponent, U).degree() <= 2):
            raise DerivationError(
                f"Each piece must be a sum of polynomial × exp(quadratic), but one holds the term {term}."
            )
        constant = exponent.coeff(U, 0)
        for (power,), coefficient in sp.Poly(rest, U).terms():
            scaled = coefficient * sp.exp(constant)
            if scaled != 0:
                found.append((scaled, power, exponent.coeff(U, 2), exponent.coeff(U, 1)))
    return found


def _convergent(square: Any, low: Any, high: Any, order: int) -> None:
    if (low == -sp.oo or high == sp.oo) and square.is_positive:
        name = "φ" + "'" * order
        raise DivergentExpectationError(
            f"E {name}² is infinite for p >= {1 / (4 * square)}: {name} grows as exp({square} u²).",
            moment=f"E {name}²",
            condition=f"p < {1 / (4 * square)}",
        )


def _second_moment(terms: list[Cut]) -> Any:
    total = sp.S.Zero
    for left in terms:
        for right in terms:
            p, q, c, factor = _tilted(left.square, right.square)
            generating = _generating((p, q, c), left.side, left.threshold, right.side, right.threshold)
            value = sp.diff(generating, _S, left.power, _T, right.power).subs({_S: left.slope, _T: right.slope})
            total += left.coefficient * right.coefficient * factor * value
    return total


def _tilted(a: Any, b: Any) -> tuple[Any, Any, Any, Any]:
    # the covariance under the weight e^{au² + bv²}, and the weight's own expectation
    if a == 0 and b == 0:
        return P, Q, C, sp.S.One
    determinant = P * Q - C**2
    share = sp.expand(1 - 2 * a * P - 2 * b * Q + 4 * a * b * determinant)
    return (P - 2 * b * determinant) / share, (Q - 2 * a * determinant) / share, C / share, 1 / sp.sqrt(share)


def _generating(covariance: tuple[Any, Any, Any], i: int, a: Any, j: int, b: Any) -> Any:
    p, q, c = covariance
    mean = p * _S + c * _T, c * _S + q * _T
    h = i * (mean[0] - a) / sp.sqrt(p) if i else sp.oo
    k = j * (mean[1] - b) / sp.sqrt(q) if j else sp.oo
    growth = sp.exp((p * _S**2 + 2 * c * _S * _T + q * _T**2) / 2)
    if i and j:
        return growth * BivariateNormalCDF(h, k, i * j * c / (sp.sqrt(p) * sp.sqrt(q)))
    return growth * normal_cdf(h if i else k)


def _square(activation: sp.Expr, order: int) -> Any:
    r"""Return $\mathbb E\,\varphi^{(order)}(u)^2$, piece by piece, at variance `P`."""
    total = sp.S.Zero
    for low, high, expr in pieces(activation):
        for coefficient, power, square, slope in monomials(sp.diff(expr, U, order) ** 2):
            p = P / (1 - 2 * square * P)
            ends = [
                normal_cdf((end - p * _S) / sp.sqrt(p)) if end.is_finite else normal_cdf(end) for end in (low, high)
            ]
            generating = sp.exp(p * _S**2 / 2) * (ends[1] - ends[0])
            value = sp.diff(generating, _S, power).subs(_S, slope)
            total += coefficient / sp.sqrt(1 - 2 * square * P) * value
    return total
