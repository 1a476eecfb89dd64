r"""Exact expectations by rule: Gaussian, uniform-phase and integer-Gaussian averages, with no call of `integrate`.

Every rule starts from the same normal form, a finite sum of `polynomial × exp(linear)` in the random symbols
(sines, cosines and hyperbolic functions are rewritten as exponentials). Then

* centred Gaussian: complete the square, `E[P(b) e^{tb}] = e^{t²s²/2} E[P(b + t s²)]`, and
  `E b^{2n} = (2n-1)!! s^{2n}` (Stein's lemma, Isserlis' theorem for independent components);
* uniform phase on `[-π, π]`: `E e^{inc} = δ_{n0}`;
* integer Gaussian, `P(b) ∝ e^{-σ²b²/2}`: the Fourier series `Σ_b p_b e^{ibz}`, whose coefficients are the weights.

A term outside these rules is refused with a `DerivationError`. `sympy.integrate` is not used: it is silently wrong
on some Gaussian integrals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sympy as sp

from geomflow.core.errors import DerivationError

_TRIG = (sp.cos, sp.sin, sp.cosh, sp.sinh)


def gaussian(expr: sp.Expr, symbols: sp.Symbol | Sequence[sp.Symbol], variance: sp.Expr | Sequence[sp.Expr]) -> sp.Expr:
    r"""Average over independent centred Gaussian symbols.

    $$\mathbb E[P(b)\,e^{t\cdot b}] = e^{\frac12\sum_j t_j^2 s_j^2}\;\mathbb E[P(b_j + t_j s_j^2)]$$

    Args:
        expr: a finite sum of (polynomial in the symbols) × sin, cos, sinh, cosh or exp of linear functions of them.
        symbols: one random symbol, or a vector of independent ones.
        variance: $s^2$, one for all symbols or one per symbol; free of the symbols.

    Returns:
        The expectation, free of the symbols.

    Raises:
        DerivationError: a term is not of that form.

    Good values: declare every symbol `real=True`, then imaginary exponentials come back as sines and cosines.
    """
    vector = _as_vector(symbols)
    variances = (
        [sp.sympify(v) for v in variance] if isinstance(variance, Sequence) else [sp.sympify(variance)] * len(vector)
    )
    if len(variances) != len(vector):
        raise DerivationError(
            f"Argument `variance` must be one expression or one per symbol, but {len(variances)} were given "
            f"for {len(vector)} symbols."
        )
    result = sp.Integer(0)
    for polynomial, slopes, rest in _exponential_terms(expr, vector):
        # Completing the square moves the mean of b_j to t_j s_j² and leaves the factor e^{t_j² s_j²/2}.
        exponent = rest + sum((t**2 * s2 / 2 for t, s2 in zip(slopes, variances)), start=sp.Integer(0))
        shift = {b: b + t * s2 for b, t, s2 in zip(vector, slopes, variances) if t != 0}
        result += _moments(polynomial.xreplace(shift), vector, variances) * sp.exp(sp.expand(exponent))
    return _real_form(result)


def uniform_phase(expr: sp.Expr, phase: sp.Symbol) -> sp.Expr:
    r"""Average over a phase uniform on `[-π, π]`, by orthogonality: $\mathbb E\,e^{inc} = \delta_{n0}$, n integer.

    Args:
        expr: a finite sum of products of sin, cos and exp(i·) whose arguments contain `phase` with integer coefficient.
        phase: the symbol c.

    Returns:
        The expectation, free of `phase`.

    Raises:
        DerivationError: c appears in a polynomial, with a coefficient that is not an integer, or in a real exponential.
    """
    result = sp.Integer(0)
    for polynomial, (slope,), rest in _exponential_terms(expr, [phase]):
        if polynomial.has(phase):
            raise DerivationError(
                f"The phase average covers exponentials of i{phase} only, but a term carries {polynomial}."
            )
        frequency = sp.simplify(slope / sp.I)
        if not frequency.is_integer:
            raise DerivationError(
                f"The phase average needs integer multiples of i{phase} in every exponent, but found {slope}*{phase}."
            )
        if frequency.is_zero:
            result += polynomial * sp.exp(rest)
        elif not frequency.is_nonzero:
            raise DerivationError(
                f"The phase average cannot tell whether the frequency {frequency} vanishes. Declare its sign."
            )
    return _real_form(result)


def discrete_gaussian(expr: sp.Expr, symbols: sp.Symbol | Sequence[sp.Symbol], weight: sp.IndexedBase) -> sp.Expr:
    r"""Average over independent integers b with even weights $p_b$, as Fourier series with symbolic weights.

    $$\mathbb E\,e^{i b\cdot z} = \prod_j \sum_{b_j\in\mathbb Z} p_{b_j}\,e^{i b_j z_j}, \qquad \sum_b p_b = 1$$

    Args:
        expr: a finite sum of products of sin, cos and exp of linear functions of the symbols.
        symbols: one random integer symbol, or a vector of independent ones.
        weight: the weights p; `discrete_weight` gives $p_b \propto e^{-\sigma^2 b^2/2}$.

    Returns:
        A sum of products of unevaluated `Sum(p[b]*exp(t*b), (b, -oo, oo))`; read it with `fourier_coefficient`.

    Raises:
        DerivationError: a polynomial in the symbols appears (its moments are theta functions, not elementary).
    """
    vector = _as_vector(symbols)
    result = sp.Integer(0)
    for polynomial, slopes, rest in _exponential_terms(expr, vector):
        if polynomial.has(*vector):
            raise DerivationError(
                "Moments of the integer Gaussian are theta functions and have no elementary form, but a term carries "
                f"the polynomial {polynomial}."
            )
        series = [_series(weight, b, t) for b, t in zip(vector, slopes) if t != 0]
        result += sp.Mul(polynomial, sp.exp(rest), *series)
    return result


def discrete_weight(b: sp.Expr, sigma: sp.Expr) -> sp.Expr:
    r"""Return $p_b = e^{-\sigma^2 b^2/2} / \sum_n e^{-\sigma^2 n^2/2}$, the sum left unevaluated."""
    n = sp.Dummy("n", integer=True)
    partition = sp.Sum(sp.exp(-(sigma**2) * n**2 / 2), (n, -sp.oo, sp.oo))
    return sp.exp(-(sigma**2) * b**2 / 2) / partition


def fourier_coefficient(
    kernel: sp.Expr, angles: Sequence[sp.Symbol], wave_numbers: Sequence[sp.Symbol], weight: sp.IndexedBase
) -> sp.Expr:
    r"""Return the Fourier coefficient of a result of `discrete_gaussian`, by orthogonality on the circle.

    $$\int\frac{d^dz}{(2\pi)^d}\,e^{-ik\cdot z}\prod_j\sum_{b}p_b\,e^{\pm i b z_j} = \prod_j p_{k_j}
      \qquad (p_{-b} = p_b)$$

    Args:
        kernel: a sum of products of the series `Sum(p[b]*exp(±i*b*z_j), (b, -oo, oo))`, at most one per angle.
        angles: $z_1, \dots, z_d$.
        wave_numbers: the integer symbols $k_1, \dots, k_d$.
        weight: the weights p of the series.

    Raises:
        DerivationError: the kernel contains anything else.
    """
    result = sp.Integer(0)
    for term in sp.Add.make_args(sp.expand(kernel)):
        coefficient, found = sp.Integer(1), {}
        for factor in sp.Mul.make_args(term):
            if not isinstance(factor, sp.Sum):
                coefficient *= factor
                continue
            angle = _angle_of(factor, angles, weight)
            if angle in found:
                raise DerivationError(f"Two series in the same angle {angle} are a convolution, which no rule covers.")
            found[angle] = True
        if coefficient.has(*angles):
            raise DerivationError(f"The factor {coefficient} depends on an angle but is not a Fourier series.")
        for z, k in zip(angles, wave_numbers):
            coefficient *= weight[k] if z in found else sp.KroneckerDelta(k, 0)
        result += coefficient
    return result


def _as_vector(symbols: sp.Symbol | Sequence[sp.Symbol]) -> list[sp.Symbol]:
    return [symbols] if isinstance(symbols, sp.Symbol) else list(symbols)


def _series(weight: sp.IndexedBase, b: sp.Symbol, slope: sp.Expr) -> Any:
    # The summation index is named after the random integer, so that equal series compare equal.
    index = sp.Symbol(b.name, integer=True)
    return sp.Sum(weight[index] * sp.exp(slope * index), (index, -sp.oo, sp.oo))


def _angle_of(series: Any, angles: Sequence[sp.Symbol], weight: sp.IndexedBase) -> sp.Symbol:
    r"""Return z such that `series` is Σ_b p_b e^{±ibz}."""
    index = series.variables[0]
    for z in angles:
        if any(sp.expand(series.function - weight[index] * sp.exp(s * sp.I * index * z)) == 0 for s in (1, -1)):
            return z
    raise DerivationError(f"Orthogonality needs series Σ p_b exp(±i b z) in one of {list(angles)}, but found {series}.")


def _exponential_terms(expr: Any, symbols: Sequence[sp.Symbol]) -> Iterator[tuple[Any, list[Any], Any]]:
    r"""Yield (polynomial, slopes t, rest) of the terms `polynomial × exp(rest + Σ t_j b_j)` that add up to `expr`."""
    expr = sp.sympify(expr)
    expr = expr.replace(lambda e: isinstance(e, _TRIG) and e.has(*symbols), lambda e: e.rewrite(sp.exp))
    for term in sp.Add.make_args(sp.expand(expr, power_exp=False)):
        polynomial: Any = sp.Integer(1)
        exponent: Any = sp.Integer(0)
        for factor in sp.Mul.make_args(term):
            if isinstance(factor, sp.exp) and factor.has(*symbols):
                exponent += factor.exp
            else:
                polynomial *= factor
        if not polynomial.is_polynomial(*symbols):
            raise DerivationError(
                f"The rules cover polynomial × sin, cos, exp of linear functions of {list(symbols)}, "
                f"but a term carries the factor {polynomial}."
            )
        exponent = sp.expand(exponent)
        slopes: list[Any] = [exponent.coeff(b, 1) for b in symbols]
        rest = sp.expand(exponent - sum((t * b for t, b in zip(slopes, symbols)), start=sp.Integer(0)))
        if rest.has(*symbols) or any(t.has(*symbols) for t in slopes):
            raise DerivationError(f"Exponents must be linear in {list(symbols)}, but one of them is {exponent}.")
        yield polynomial, slopes, rest


def _moments(polynomial: sp.Expr, symbols: Sequence[sp.Symbol], variances: Sequence[sp.Expr]) -> sp.Expr:
    r"""Average a polynomial: E Π b_j^{n_j} = Π (n_j - 1)!! s_j^{n_j}, zero if one n_j is odd."""
    if not polynomial.has(*symbols):
        return polynomial
    total = sp.Integer(0)
    for powers, coefficient in sp.Poly(polynomial, *symbols).terms():
        if all(n % 2 == 0 for n in powers):
            total += coefficient * sp.Mul(*(sp.factorial2(n - 1) * s2 ** (n // 2) for n, s2 in zip(powers, variances)))
    return sp.expand(total)


def _real_form(expr: sp.Expr) -> sp.Expr:
    r"""Write exp(r + iθ) as e^r (cos θ + i sin θ) wherever r and θ are known to be real."""
    expr = sp.expand(expr, power_exp=False)
    if not expr.has(sp.I):
        return expr

    def split(exponent: Any) -> Any:
        real, imaginary = exponent.as_real_imag()
        if real.has(sp.re, sp.im) or imaginary.has(sp.re, sp.im):
            return sp.exp(exponent)
        imaginary = sp.expand(imaginary)
        return sp.exp(sp.expand(real)) * (sp.cos(imaginary) + sp.I * sp.sin(imaginary))

    return sp.expand(expr.replace(sp.exp, split), power_exp=False)
