r"""Reading an activation: Max, Abs, sign, Heaviside, Piecewise, sines and error functions into one normal form.

On each side of the origin an activation with its kinks at 0 is smooth: $\varphi = f_+$ for u > 0 and $f_-$ for u < 0,
$$\varphi = \tfrac12(f_+ + f_-) + \tfrac12(f_+ - f_-)\,\mathrm{sign}\,u.$$
SymPy evaluates Max, Abs and the like by itself once it is told the sign of u, so that no case needs a rule of its own.
"""

from __future__ import annotations

import re
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from geomflow.core.errors import DerivationError, DivergentExpectationError
from geomflow.symbolic.kernels.duals.dual import U
from geomflow.symbolic.kernels.duals.term import Term, collected
from geomflow.symbolic.kernels.duals.tidy import real_and_imaginary

#: What has a kink; none of these may be left on a half-line.
KINKED = (sp.Abs, sp.sign, sp.Heaviside, sp.Max, sp.Min, sp.Piecewise)
_TRIGONOMETRIC = (sp.cos, sp.sin, sp.cosh, sp.sinh)
#: The first of these names is the argument, where an expression has several symbols.
_ARGUMENTS = ("u", "x", "z", "t")
_ADVICE = "use the Mehler series: geomflow.kernels.duals.dual(...)"


def as_activation(activation: sp.Expr | str) -> sp.Expr:
    r"""Return an activation as an expression in `U` and real parameters.

    Args:
        activation: an expression in one real symbol, whatever its name, or a text in u, x, z or t; where there are
            parameters as well, the argument is the one of these names. Parameters in a text are real.

    Raises:
        DerivationError: no argument can be made out, a parameter is not real, or the text is no expression.
    """
    read: Any = sp.sympify
    if isinstance(activation, str):
        names = set(re.findall(r"\b[A-Za-z_]\w*\b(?!\s*\()", activation)) - {"pi", "E", "I", "oo", "True", "False"}
        try:
            expression = read(activation, locals={name: sp.Symbol(name, real=True) for name in names})
        except (sp.SympifyError, TypeError, AttributeError) as error:
            raise DerivationError(
                f"The activation must be an expression in u, but {activation!r} is not one."
            ) from error
    else:
        expression = read(activation)
    if not isinstance(expression, sp.Expr):
        raise DerivationError(f"The activation must be an expression in u, but is {activation!r}.")
    unknown = sorted({e.func.__name__ for e in expression.atoms(AppliedUndef)})
    if unknown:
        raise DerivationError(
            f"The activation {activation} calls {', '.join(unknown)}, which SymPy does not know. Write it out, as in "
            "Max(0, u) or Piecewise((u, u > 0), (exp(u) - 1, True))."
        )
    free: Any = expression.free_symbols
    symbols = {s.name: s for s in free}
    named = [symbols[name] for name in _ARGUMENTS if name in symbols]
    if isinstance(activation, str) and symbols and not named:
        # a misspelt name ("rellu") must not pass for the identity
        raise DerivationError(f"An activation as text is an expression in u, such as erf(u), but is {activation!r}.")
    if len(symbols) > 1 and not named:
        raise DerivationError(
            f"An activation must be a function of one symbol, but {expression} contains {sorted(symbols)}. "
            "Call the argument u; the other symbols are then parameters."
        )
    argument = named[0] if named else next(iter(symbols.values()), U)
    complex_ones = sorted(s.name for s in free - {argument} if not s.is_extended_real)
    if complex_ones:
        raise DerivationError(
            f"Parameters of an activation must be real, but {complex_ones} are not declared so. "
            "Write sp.Symbol(name, real=True), or positive=True."
        )
    exact: Any = sp.nsimplify(expression, rational=True)
    if exact.has(sp.I):
        somewhere = {s: sp.Rational(k + 2, 7) for k, s in enumerate(sorted(exact.free_symbols, key=str))}
        if abs(sp.im(sp.N(exact.subs(somewhere)))) > 1e-9:
            raise DerivationError(f"An activation must be real, but {activation} is complex.")
    return exact.xreplace({argument: U})


def normal_form(activation: sp.Expr) -> tuple[Term, ...]:
    r"""Return the terms of an activation, an expression in `U`.

    Raises:
        DivergentExpectationError: E φ² does not exist (Numbers: `moment`, `condition`).
        DerivationError: a kink away from 0, or a function that no finite number of Price steps brings to an end.
    """
    right, left = half_lines(activation)
    for side in (right, left):
        _check_origin(side)
    terms = _terms(sp.expand((right + left) / 2, power_exp=False), None)
    terms += _terms(sp.expand((right - left) / 2, power_exp=False), sp.oo)
    return collected(terms)


def half_lines(activation: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    r"""Return $f_+$ and $f_-$, the smooth expressions in `U` that φ equals for u > 0 and for u < 0."""
    magnitude = sp.Dummy("u", positive=True)
    sides: list[sp.Expr] = []
    for sign in (1, -1):
        side: Any = activation.xreplace({U: sign * magnitude})
        if side.has(*KINKED):
            side = side.replace(lambda e: isinstance(e, KINKED), lambda e: e.func(*(_factored(x) for x in e.args)))
        for kink in (e for e in side.atoms(*KINKED) if e.has(magnitude)):
            raise DerivationError(
                f"Kinks must stand at u = 0, but {kink.xreplace({magnitude: sign * U})} is undecided "
                f"for u {'>' if sign > 0 else '<'} 0. Declare the signs of parameters, or write a Piecewise."
            )
        sides.append(_exponentials(side.xreplace({magnitude: sign * U})))
    return sides[0], sides[1]


def _factored(argument: Any) -> Any:
    return sp.factor(argument) if isinstance(argument, sp.Expr) else argument


def _exponentials(expression: sp.Expr) -> sp.Expr:
    r"""Write sines, cosines and their hyperbolic kin of u as exponentials, erfc as 1 - erf, and expand."""
    found: Any = expression.replace(
        lambda e: isinstance(e, _TRIGONOMETRIC) and e.has(U), lambda e: e.rewrite(sp.exp)
    ).replace(sp.erfc, lambda x: 1 - sp.erf(x))
    return sp.expand(found, power_exp=False)


def _terms(expression: sp.Expr, edge: Any) -> list[Term]:
    r"""Return the terms of an expanded sum, times sign u if `edge` is infinite."""
    return [_term(summand, edge) for summand in sp.Add.make_args(expression) if summand != 0]


def _term(summand: sp.Expr, edge: Any) -> Term:
    coefficient, power, steepness = sp.S.One, 0, edge
    exponent: Any = sp.S.Zero
    for factor in sp.Mul.make_args(summand):
        base, degree = factor.as_base_exp()
        if isinstance(factor, sp.exp):
            exponent += factor.exp
        elif not factor.has(U):
            coefficient *= factor
        elif base == U:
            power += _power_of_u(degree, summand)
        elif isinstance(base, sp.erf) and degree.is_Integer and degree > 0:
            k = _steepness(base.args[0])
            if steepness is not None or degree > 1:
                raise DerivationError(
                    f"A product of two edges, {summand}, needs the Gaussian measure of a cone in four dimensions, "
                    f"which has no closed form; {_ADVICE}."
                )
            steepness, coefficient = (k, coefficient) if k.is_positive else (-k, -coefficient)
        else:
            name = base.func.__name__ if isinstance(base, sp.Function) else factor
            raise DerivationError(f"no finite number of Price steps: {name}; {_ADVICE}.")
    square, slope, shift = _quadratic(exponent)
    kind = "smooth" if steepness is None else "edge"
    return Term(coefficient, power, square, slope, shift, kind, sp.S.Zero if steepness is None else steepness)


def _power_of_u(degree: Any, summand: sp.Expr) -> int:
    if degree.is_Integer and degree > 0:
        return int(degree)
    if degree.is_number and degree <= -sp.Rational(1, 2):
        raise _divergent(f"{summand} is not square integrable at u = 0", "every p")
    raise DerivationError(f"no finite number of Price steps: {U**degree}; {_ADVICE}.")


def _check_origin(side: sp.Expr) -> None:
    r"""Refuse a pole at u = 0, on which E φ² diverges, and a removable one, which no rule covers."""
    order = max([-int(e.exp) for e in side.atoms(sp.Pow) if e.base == U and e.exp.is_Integer and e.exp < 0], default=0)
    regular = sp.expand(side * U**order)
    for k in range(order):
        value = regular.diff(U, k).subs(U, 0)
        if value.is_finite and value != 0:
            raise _divergent(f"the pole of {side} at u = 0 is not square integrable", "every p")
    if order:
        raise DerivationError(f"no finite number of Price steps: {U ** (-order)}; {_ADVICE}.")


def _steepness(argument: Any) -> Any:
    k = sp.cancel(argument / U)
    if k.has(U) or k.has(sp.I):
        raise DerivationError(
            f"Error functions must have the argument k*u, but {argument} was found: an edge away from 0; {_ADVICE}."
        )
    if k.is_positive or k.is_negative:
        return k
    raise DerivationError(f"The sign of {k} in erf({argument}) must be known. Declare its symbols positive=True.")


def _quadratic(exponent: sp.Expr) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
    r"""Return A, B, κ of the exponent Au² + Bu + κ, and refuse what is not integrable."""
    exponent = sp.expand(exponent)
    if not exponent.is_polynomial(U):
        raise DerivationError(f"no finite number of Price steps: exp({exponent}); {_ADVICE}.")
    polynomial = sp.Poly(exponent, U)
    degree, leading = polynomial.degree(), polynomial.LC()
    square = polynomial.coeff_monomial(U**2)
    if degree > 2:
        growth = real_and_imaginary(leading)[0]
        if growth != 0 and (degree % 2 or not growth.is_negative):
            raise _divergent(f"exp({exponent}) grows too fast", "every p")
        raise DerivationError(f"Exponents must be quadratic in u, but found exp({exponent}); {_ADVICE}.")
    if square.has(sp.I):
        raise DerivationError(f"Quadratic phases are not covered, but found exp({exponent}); {_ADVICE}.")
    nonzero = {s: sp.Dummy(s.name, real=True, nonzero=True) for s in square.free_symbols if s.is_nonzero is None}
    if not square.xreplace(nonzero).is_nonpositive:
        # E φ² carries exp(2Au²), integrable against exp(-u²/2p) only for 4Ap < 1.
        bound = f"p >= {1 / (4 * square)}"
        raise _divergent(f"exp({exponent}) grows too fast", bound if square.is_positive else f"{bound} if {square} > 0")
    return square, polynomial.coeff_monomial(U), polynomial.coeff_monomial(1)


def _divergent(fact: str, condition: str) -> DivergentExpectationError:
    return DivergentExpectationError(
        f"The moment E φ(u)² diverges for {condition}: {fact}. Choose an activation that is square integrable.",
        moment="E φ(u)²",
        condition=condition,
    )
