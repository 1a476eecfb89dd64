r"""Elements of the field of a chart: fractions in canonical form, and their arithmetic."""

from __future__ import annotations

from math import comb, prod
from numbers import Rational
from typing import TYPE_CHECKING, Any

import sympy as sp
from flint import fmpq, fmpq_mpoly

from geomflow.core.errors import DerivationError

if TYPE_CHECKING:
    from geomflow.symbolic.field.field import Field

#: A power that would have more terms than this is refused.
_MOST_TERMS = 200_000

#: Exponents of irreducible factors, by their number in the field; never changed once made.
Denominator = dict[int, int]
POLYNOMIAL: Denominator = {}


class Element:
    r"""An element \(p/\prod_i f_i^{e_i}\) of a field; supports `+ - * / **` with elements and rational numbers."""

    __slots__ = ("den", "field", "num")

    def __init__(self, field: Field, num: fmpq_mpoly, den: Denominator):
        self.field, self.num, self.den = field, num, den

    def is_zero(self) -> bool:
        r"""Return whether the element is zero: a proof, since the form is unique."""
        return self.num.is_zero()

    def is_constant(self) -> bool:
        r"""Return whether the element is a rational number."""
        return not self.den and self.num.is_constant()

    def __add__(self, other: Any) -> Element:
        other = self.field.coerce(other)
        a, b = self.field.lifted(self), self.field.lifted(other)
        if not a.den and not b.den:
            return Element(self.field, a.num + b.num, POLYNOMIAL)
        if a.num.is_zero():
            return b
        if b.num.is_zero():
            return a
        if a.den == b.den:
            return self.field.reduced(a.num + b.num, a.den, a.den)
        left, right, den, shared = a.num, b.num, dict(a.den), []
        for i, e in b.den.items():
            mine = den.get(i, 0)
            if e == mine:
                shared.append(i)
            elif e > mine:
                left = left * self.field.power(i, e - mine)
                den[i] = e
            else:
                right = right * self.field.power(i, mine - e)
        for i, e in a.den.items():
            if i not in b.den:
                right = right * self.field.power(i, e)
        return self.field.reduced(left + right, den, shared)

    def __neg__(self) -> Element:
        return Element(self.field, -self.num, self.den)

    def __sub__(self, other: Any) -> Element:
        return self + (-self.field.coerce(other))

    def __mul__(self, other: Any) -> Element:
        other = self.field.coerce(other)
        a, b = self.field.lifted(self), self.field.lifted(other)
        if not a.den and not b.den:
            return self.field.product(a.num, b.num, POLYNOMIAL)
        if a.num.is_zero() or b.num.is_zero():
            return self.field.zero
        left, lower = self.field.cancelled(a.num, b.den)
        right, upper = self.field.cancelled(b.num, a.den)
        if not lower or not upper:
            return self.field.product(left, right, upper or lower)
        den = dict(upper)
        for i, e in lower.items():
            den[i] = den.get(i, 0) + e
        return self.field.product(left, right, den)

    def __truediv__(self, other: Any) -> Element:
        return self * self.field.coerce(other).inverse()

    def __pow__(self, exponent: int) -> Element:
        if exponent < 0:
            return self.inverse() ** (-exponent)
        terms = len(self.num)
        if terms > 1 and exponent > 50 and self._terms_of_power(exponent) > _MOST_TERMS:
            raise DerivationError(
                f"The power {exponent} of an expression with {terms} terms has too many terms to be multiplied out. "
                "Give the expression a name: a coordinate, or an unknown function."
            )
        power, square = self.field.one, self
        while exponent:
            if exponent & 1:
                power = power * square
            exponent >>= 1
            if exponent:
                square = square * square
        return power

    def _terms_of_power(self, exponent: int) -> int:
        # By the multinomial theorem, and by the degrees in each generator.
        terms = len(self.num)
        by_degrees = prod(int(d) * exponent + 1 for d in self.num.degrees())
        return min(comb(exponent + terms - 1, min(terms - 1, 12)), by_degrees)

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Any) -> Element:
        return self.field.coerce(other) - self

    def __rtruediv__(self, other: Any) -> Element:
        return self.field.coerce(other) * self.inverse()

    def __eq__(self, other: object) -> bool:
        if type(other) is not Element and not isinstance(other, (Rational, fmpq, sp.Rational)):
            return NotImplemented
        return (self - other).is_zero()

    __hash__ = None  # type: ignore[assignment]

    def inverse(self) -> Element:
        r"""Return the reciprocal.

        Raises:
            DerivationError: the element is zero.
        """
        return self.field.inverse(self)

    def derivative(self, k: int) -> Element:
        r"""Return \(\partial_k\), the derivative by the k-th coordinate."""
        return self.field.derivative(self, k)

    def __repr__(self) -> str:
        return f"Element({self.num}, {self.den})"
