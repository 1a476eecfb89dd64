r"""Roots, powers with symbolic exponents and logarithms, taken irreducible factor by irreducible factor.

    √(∏ f_i^{e_i}) = ∏ √f_i^{e_i},    (∏ f_i^{e_i})^p = ∏ (f_i^p)^{e_i},    log ∏ f_i^{e_i} = Σ e_i log f_i

so that √6 = √2 √3, (2x)^p = 2^p x^p and log x² = 2 log x hold. Whole numbers are split into primes. Signs are settled
at a sample point, where coordinates and half tangents are small and positive, constants smaller: √(a²) is the one of
±a that is positive there, and a sign in front goes into a factor of odd power, so that √(1 - x²) is real where it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import gcd, lcm, prod
from typing import TYPE_CHECKING, Any

import sympy as sp

from geomflow.core.errors import DerivationError
from geomflow.symbolic.field.angles import terms
from geomflow.symbolic.field.field import Element, Generator
from geomflow.symbolic.field.printing import Printer

if TYPE_CHECKING:
    from geomflow.symbolic.field.tower import Tower

#: Rational coefficients by key.
_Vector = dict[Any, Fraction]


class Powers:
    r"""The roots, symbolic powers and logarithms of a tower."""

    def __init__(self, tower: Tower):
        self.tower = tower
        self._places: dict[str, tuple[int, int]] = {}
        self._degrees: dict[str, int] = {}
        # Logarithms known so far, in echelon form: pivot, vector over factors, the same over generators.
        self._echelon: list[tuple[str, _Vector, _Vector]] = []

    # --- factors -------------------------------------------------------------------------------------------------

    def factors(self, element: Element, always_real: bool = False) -> list[tuple[str, Element, int]]:
        r"""Return (key, factor, exponent) of an element: irreducible polynomials, primes and perhaps -1.

        Args:
            element: not zero.
            always_real: whether a sign goes into some factor of odd power even if that looks positive.
        """
        field = self.tower.field
        element = field.lifted(element)
        content, found = element.num.factor()
        factors = [(Element(field, f, {}), int(e)) for f, e in found]
        factors += [(Element(field, field.factor(i), {}), -e) for i, e in element.den.items()]
        p, q = int(content.p), int(content.q)
        for i, (f, e) in enumerate(factors):
            if e % 2 == 0 and self.sample(f) < 0:
                factors[i] = (-f, e)
        if p < 0:
            odd = [i for i, (_, e) in enumerate(factors) if e % 2]
            negative = [i for i in odd if self.sample(factors[i][0]) < 0] or (odd if always_real else [])
            if negative:
                factors[negative[0]] = (-factors[negative[0]][0], factors[negative[0]][1])
            else:
                factors.append((field.constant(-1), 1))
        for part, sign in ((abs(p), 1), (q, -1)):
            if part != 1:
                factors += [(field.constant(int(f)), sign * e) for f, e in sp.factorint(part).items()]
        return [(str(f.num), f, e) for f, e in factors]

    def sample(self, element: Element) -> float:
        r"""Return an element at a sample point, as a floating-point number.

        Coordinates, half tangents and so on are between 0.15 and 0.5, constants a twentieth of that.
        """
        values: list[float] = []
        for i, g in enumerate(self.tower.field.generators):
            if g.radicand is None:
                constant = isinstance(g.meaning, sp.Symbol) and g.meaning not in self.tower.coordinates
                values.append((0.15 + 17 * (i + 1) % 31 / 97) / (20 if constant else 1))
            else:
                values.append(float(abs(self._float(g.radicand, values))) ** (1 / g.degree))
        return self._float(element, values)

    def _float(self, element: Element, values: Sequence[float]) -> float:
        field = self.tower.field

        def polynomial(num: Any) -> float:
            return sum(
                float(c) * prod(v ** int(e) for v, e in zip(values, exponents) if e)
                for exponents, c in num.to_dict().items()
            )

        element = field.lifted(element)
        return polynomial(element.num) / prod(polynomial(field.factor(i)) ** e for i, e in element.den.items())

    # --- roots ---------------------------------------------------------------------------------------------------

    def announce(self, element: Element, q: int) -> None:
        r"""Take note of a root to come, so that √x and x^{1/3} together become powers of x^{1/6}."""
        if element.is_zero():
            return
        for key, _, e in self.factors(element):
            degree = q // gcd(e, q)
            if degree > 1 and key != "-1":
                self._degrees[key] = lcm(self._degrees.get(key, 1), degree)

    def root(self, element: Element, q: int) -> Element:
        r"""Return \(a^{1/q}\): one radical for each irreducible factor that is not a q-th power."""
        if element.is_zero():
            return element
        total = self.tower.field.one
        for key, factor, e in self.factors(element):
            whole, rest = divmod(e, q)
            if whole:
                total = total * factor**whole
            if rest:
                shared = gcd(rest, q)
                total = total * self.radical(key, factor, q // shared) ** (rest // shared)
        return total

    def _is_opposite(self, opposite: str, radicand: Element) -> bool:
        return opposite in self._places or self.sample(radicand) < 0

    def radical(self, key: str, radicand: Element, q: int) -> Element:
        r"""Return \(P^{1/q}\) of an irreducible P.

        Raises:
            DerivationError: a root inside a root, roots of negative numbers other than the square root, or a root of
                another degree than the chart works with.
        """
        field = self.tower.field
        if key == "-1" and q != 2:
            raise DerivationError(
                f"The root of degree {q} of a negative number does not fit. Write it with cos and sin."
            )
        opposite = str(field.lifted(-radicand).num)
        if q == 2 and key != "-1" and key not in self._places and self._is_opposite(opposite, radicand):
            # √(-P) = i √P: both as generators would not be independent. P is positive at the sample point, whichever
            # of the two comes first.
            return self.tower.convert(sp.I) * self.radical(opposite, -radicand, 2)
        if key not in self._places:
            degree = lcm(q, self._degrees.get(key, 1))
            if any(field.lifted(radicand).num.degrees()[i] > 0 for i in field.radicals):
                raise DerivationError(
                    "A root inside a root does not fit into the field of a chart. Take one as a coordinate."
                )
            place = len(field.generators)

            def derive(k: int) -> Element:
                # r^q = P: ∂r = r ∂P / (q P)
                return field.generator(place) * radicand.derivative(k) / (radicand * degree)

            self._places[key] = (place, degree)
            field.adjoin(Generator(sp.I if key == "-1" else None, derive, degree, radicand))
        place, degree = self._places[key]
        if degree % q:
            raise DerivationError(
                f"The chart has worked with a root of degree {degree}, and now meets one of degree {q} of the same "
                f"expression. Name that of degree {lcm(degree, q)} first, in a new chart, or take it as a coordinate."
            )
        return field.generator(place) ** (degree // q)

    # --- symbolic powers -----------------------------------------------------------------------------------------

    def survey(self, base: Any, exponent: Any) -> None:
        r"""Take note of \(b^p\): the units of p for every factor of b."""
        for key, _, e in self.factors(self.tower.convert(base)):
            for c, m in terms(exponent):
                if m != 1:
                    self.tower.angles.measure(("power", key), c * e * m)

    def power(self, base: Any, exponent: Any) -> Element:
        r"""Return \(b^p\) for SymPy expressions b and p; p may be whole, rational or symbolic."""
        element = self.tower.convert(base)
        if exponent.is_Integer:
            return element ** int(exponent)
        if exponent.is_Rational:
            return self.root(element, int(exponent.q)) ** int(exponent.p)
        total = self.tower.field.one
        symbolic = []
        for c, m in terms(exponent):
            if m == 1:
                total = total * self.power(base, c)
            else:
                symbolic.append((c, m))
        for key, factor, e in self.factors(element):
            for c, m in symbolic:
                total = total * self._generated(key, factor, c * e, m)
        return total

    def _generated(self, key: str, factor: Element, c: Any, m: Any) -> Element:
        # b^p: ∂(b^p) = b^p (log b ∂p + p ∂b/b)
        tower, base = self.tower, Printer(self.tower)(factor)

        def slope(exponent: Any, k: int) -> Element:
            total = factor.derivative(k)
            if not total.is_zero():
                total = total * tower.convert(exponent) / factor
            change = tower.slope(exponent, k)
            return total if change.is_zero() else total + change * self.logarithm(factor, sp.log(base))

        tower.convert(m)
        return tower.angles.power_of(("power", key), c, m, base, slope)

    # --- logarithms ----------------------------------------------------------------------------------------------

    def logarithm(self, argument: Element, meaning: Any) -> Element:
        r"""Return the logarithm of an element; what follows from logarithms known before is made of them.

        Args:
            argument: a.
            meaning: log a in SymPy, for printing.
        """
        rest = self._exponents(argument)
        combination: _Vector = {}
        for pivot, row, recipe in self._echelon:
            if pivot in rest:
                factor = rest[pivot] / row[pivot]
                rest = _less(rest, row, factor)
                combination = _less(combination, recipe, -factor)
        field = self.tower.field
        if rest:
            place = len(field.generators)
            self._echelon.append((next(iter(rest)), rest, _less({place: Fraction(1)}, combination, Fraction(1))))
            argument = argument + 0
            field.adjoin(Generator(meaning, lambda k: argument.derivative(k) / argument))
            return field.generator(place)
        total = field.zero
        for place, c in combination.items():
            total = total + field.generator(place) * c
        return total

    def _exponents(self, argument: Element) -> _Vector:
        field = self.tower.field
        if argument.is_zero():
            raise DerivationError("The logarithm of zero: an argument vanishes identically.")
        total: _Vector = {}
        for key, factor, e in self.factors(argument, always_real=True):
            if key == "-1":
                raise DerivationError("The logarithm of a negative number is not real. Turn its sign.")
            degrees = factor.num.degrees()
            radicals = [i for i in field.radicals if degrees[i]]
            if radicals and key == f"v{radicals[0]}":
                generator = field.generators[radicals[0]]
                inner = self._exponents(generator.radicand) if generator.radicand is not None else {}
                total = _less(total, inner, Fraction(-e, generator.degree))
                continue
            if radicals:
                self.tower.note_opaque(sp.log(Printer(self.tower)(factor)))
            total = _less(total, {key: Fraction(1)}, Fraction(-e))
        return total


def _less(a: _Vector, b: _Vector, factor: Fraction) -> _Vector:
    # a - factor b
    total = {k: a.get(k, Fraction(0)) - factor * b.get(k, Fraction(0)) for k in {**a, **b}}
    return {k: v for k, v in total.items() if v}
