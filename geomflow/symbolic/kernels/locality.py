r"""The local limit of a smoothing operator: its symbol m(k), expanded in σ, read as a series of Laplacians.

A translation-invariant operator multiplies the plane wave $e^{ik\cdot x}$ by its symbol m(k). Since
$-\Delta e^{ik\cdot x} = |k|^2 e^{ik\cdot x}$, an isotropic symbol is a function of $-\Delta$.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from geomflow.core.errors import DerivationError

#: The Laplacian as a commuting symbol, Δ = Σ_j ∂_j² (negative spectrum).
LAPLACIAN = sp.Symbol("Delta", commutative=True)


_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class OperatorExpansion:
    r"""The operator $\sum_n \sigma^n C_n(\Delta)$ up to and including $\sigma^{\rm order}$; dimensionless.

    Args:
        sigma: the kernel width.
        order: the highest power of σ kept.
        coefficients: power of σ -> polynomial in `LAPLACIAN`; vanishing powers are left out.
    """

    sigma: sp.Symbol
    order: int
    coefficients: dict[int, sp.Expr]

    def operator(self) -> sp.Expr:
        r"""Return the truncated series as an expression in σ and `LAPLACIAN`."""
        return sp.Add(*(c * self.sigma**n for n, c in self.coefficients.items()))

    def apply(self, u: sp.Expr, coordinates: Sequence[sp.Symbol]) -> sp.Expr:
        r"""Return the truncated operator acting on `u`, a function of Cartesian `coordinates`."""
        powers, result = [u], sp.Integer(0)
        for n, coefficient in self.coefficients.items():
            for (j,), factor in sp.Poly(coefficient, LAPLACIAN).terms():
                while len(powers) <= j:
                    powers.append(sp.Add(*(sp.diff(powers[-1], z, 2) for z in coordinates)))
                result += factor * self.sigma**n * powers[j]
        return result

    def text(self) -> str:
        r"""Return the series in plain text, e.g. `1 + (1/2) σ²Δ + (1/8) σ⁴Δ²`."""

        def power(letter: str, n: int) -> str:
            return "" if n == 0 else letter + ("" if n == 1 else str(n).translate(_SUPERSCRIPTS))

        words = []
        for n, coefficient in sorted(self.coefficients.items()):
            for (j,), factor in reversed(sp.Poly(coefficient, LAPLACIAN).terms()):
                letters = power("σ", n) + power("Δ", j)
                words.append(f"{factor}" if not letters else letters if factor == 1 else f"({factor}) {letters}")
        return " + ".join(words)

    def latex(self, field: str = "u") -> str:
        r"""Return the series acting on a field, e.g. `u + \frac{\sigma^{2}}{2} \Delta u + O(\sigma^{4})`."""
        words = []
        for n, coefficient in sorted(self.coefficients.items()):
            for (j,), factor in reversed(sp.Poly(coefficient, LAPLACIAN).terms()):
                factor = factor * self.sigma**n
                sign = "-" if factor.could_extract_minus_sign() else "+"
                head = "" if abs(factor) == 1 else sp.latex(-factor if sign == "-" else factor) + " "
                laplacian = {0: "", 1: r"\Delta "}.get(j, rf"\Delta^{{{j}}} ")
                words += [sign, f"{head}{laplacian}{field}"]
        if words and words[0] == "+":
            words = words[1:]
        # The kept order may vanish; the remainder is one order higher, or two where the symbol is even in σ.
        step = 2 if all(n % 2 == 0 for n in self.coefficients) else 1
        remainder = step * (self.order // step) + step
        return " ".join([*words, "+", rf"O({sp.latex(self.sigma)}^{{{remainder}}})"])


def expand_symbol(
    symbol: sp.Expr, sigma: sp.Symbol, order: int = 4, wave_numbers: Sequence[sp.Symbol] | None = None
) -> OperatorExpansion:
    r"""Expand the symbol of a smoothing operator in σ and read $|k|^2 \to -\Delta$.

    $$e^{-\sigma^2|k|^2/2} \;\to\; 1 + \tfrac{\sigma^2}{2}\Delta + \tfrac{\sigma^4}{8}\Delta^2 + O(\sigma^6)$$

    Args:
        symbol: m(k), smooth in σ at σ = 0.
        sigma: the width in which to expand.
        order: the highest power of σ to keep.
        wave_numbers: $k_1, \dots, k_d$; by default every free symbol of m except σ.

    Returns:
        The expansion; `.coefficients` maps each power of σ to a polynomial in `LAPLACIAN`.

    Raises:
        DerivationError: m is singular at σ = 0, or a coefficient is not a polynomial in |k|².

    Good values: `order=4` shows the quadratic error and what Richardson extrapolation leaves.
    """
    waves: list[Any] = sorted(symbol.free_symbols - {sigma}, key=str) if wave_numbers is None else list(wave_numbers)
    kappa = sp.Dummy("kappa", real=True)
    square = sp.Add(*(k**2 for k in waves))
    coefficients: dict[int, sp.Expr] = {}
    derivative = symbol
    for n in range(order + 1):
        coefficient = sp.expand(derivative.subs(sigma, 0) / sp.factorial(n))
        if not coefficient.is_finite and coefficient.has(sp.oo, sp.zoo, sp.nan):
            raise DerivationError(f"The symbol must be smooth at {sigma} = 0, but its order-{n} coefficient diverges.")
        operator = _in_laplacians(coefficient, waves, kappa, square)
        if operator != 0:
            coefficients[n] = operator
        derivative = sp.diff(derivative, sigma)
    return OperatorExpansion(sigma, order, coefficients)


def _in_laplacians(coefficient: sp.Expr, waves: Sequence[sp.Symbol], kappa: sp.Symbol, square: sp.Expr) -> sp.Expr:
    r"""Return the polynomial in Δ whose symbol is `coefficient`, a polynomial in |k|²."""
    if not waves or not coefficient.has(*waves):
        return coefficient
    # On the first axis |k|² = κ²; isotropy is then checked on all axes at once.
    radial = coefficient.subs(dict.fromkeys(waves[1:], 0)).subs(waves[0], kappa)
    if not radial.is_polynomial(kappa):
        raise DerivationError(f"The coefficient {coefficient} is not a polynomial in the wave numbers.")
    result, back = sp.Integer(0), sp.Integer(0)
    for (power,), factor in sp.Poly(radial, kappa).terms():
        half = sp.Rational(power, 2)
        result += factor * (-LAPLACIAN) ** half
        back += factor * square**half
    if not result.is_polynomial(LAPLACIAN) or sp.expand(back - coefficient) != 0:
        raise DerivationError(f"The coefficient {coefficient} is not a polynomial in |k|²: no power of the Laplacian.")
    return sp.expand(result)
