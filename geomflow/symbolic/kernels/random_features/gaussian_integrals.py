r"""Gaussian integrals over space by completing the square, with no call of `integrate`.

$$\int d^nz\;P(z)\,e^{-\frac12 z^{\sf T}Az + J\cdot z + r}
  = \sqrt{\frac{(2\pi)^n}{\det A}}\;e^{\frac12 J^{\sf T}A^{-1}J + r}\;\mathbb E\,P(A^{-1}J + \zeta),
  \qquad \zeta\sim N(0, A^{-1})$$
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp

from geomflow.core.errors import DerivationError


def integrate_gaussian(expr: Any, symbols: sp.Symbol | Sequence[sp.Symbol]) -> Any:
    r"""Integrate a finite sum of constant × exp(quadratic) over all of space, one variable after the other.

    $$\int_{-\infty}^\infty dz\;e^{-\frac{\alpha}{2}z^2 + Jz + r} = \sqrt{2\pi/\alpha}\;e^{J^2/2\alpha + r}$$

    Args:
        expr: the integrand; J may be imaginary (a Fourier transform), α must be positive.
        symbols: the variable, or several; they run over the real line.

    Returns:
        The integral, free of the variables.

    Raises:
        DerivationError: a term is not such an exponential, or the integral diverges (α not known to be positive).

    Good values: declare widths `positive=True`, so that α > 0 can be decided.
    """
    for symbol in [symbols] if isinstance(symbols, sp.Symbol) else symbols:
        expr = _over_one(expr, symbol)
    return expr


def _over_one(expr: Any, z: sp.Symbol) -> Any:
    result: Any = sp.Integer(0)
    for term in sp.Add.make_args(sp.expand(expr, power_exp=False)):
        factors: Any = sp.Mul.make_args(term)
        exponents: list[Any] = [f.exp for f in factors if isinstance(f, sp.exp)]
        factor: Any = sp.Mul(*(f for f in factors if not isinstance(f, sp.exp)))
        exponent: Any = sp.expand(sp.Add(*exponents))
        if factor.has(z) or not exponent.is_polynomial(z) or sp.Poly(exponent, z).degree() > 2:
            raise DerivationError(f"The rule covers constants times exp of a quadratic in {z}, but a term is {term}.")
        alpha, slope, rest = -2 * exponent.coeff(z, 2), exponent.coeff(z, 1), exponent.coeff(z, 0)
        if not alpha.is_positive:
            raise DerivationError(
                f"The integral over {z} diverges or cannot be decided: the exponent must fall like -α{z}²/2 with "
                f"α > 0, but α = {alpha}."
            )
        result += factor * sp.sqrt(2 * sp.pi / alpha) * sp.exp(sp.expand(slope**2 / (2 * alpha) + rest))
    return result
