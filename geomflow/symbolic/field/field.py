r"""The field of a chart: rational functions of generators with a table of derivatives, in canonical form.

An element is \(p / \prod_i f_i^{e_i}\): a polynomial over ℚ (python-flint) above known irreducible factors, none of
which divides p. That form is unique, so an element is zero if and only if it prints as 0: nothing is ever
"simplified". Factors are found when something is divided by, once; sums and products only try whether the factors
they meet divide.

A *radical* is a generator r with \(r^q = P\), P irreducible; powers of r from q on are replaced, and denominators
are made free of r.

Good values: some dozens of generators; the cost is that of multivariate polynomials with as many terms as the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from numbers import Rational
from typing import Any, cast

import sympy as sp
from flint import Ordering, fmpq, fmpq_mpoly, fmpq_mpoly_ctx
from flint.utils.flint_exceptions import DomainError

from geomflow.core.errors import DerivationError
from geomflow.symbolic.field.element import POLYNOMIAL, Denominator, Element


@dataclass
class Generator:
    r"""A generator of the field.

    Args:
        meaning: what it stands for, for printing.
        derive: k -> its derivative by the k-th coordinate.
        degree: q of a radical \(r^q = P\); 0 for a generator without relation.
        radicand: P of a radical.
    """

    meaning: Any
    derive: Callable[[int], Element]
    degree: int = 0
    radicand: Element | None = None


class Field:
    r"""A field of rational functions that grows: generators are added as expressions need them.

    Args:
        dim: the number of coordinates, that is of derivations.
    """

    def __init__(self, dim: int):
        self.dim = dim
        self.generators: list[Generator] = []
        self.radicals: list[int] = []
        self.context = fmpq_mpoly_ctx.get([], Ordering.degrevlex)
        self._factors: list[fmpq_mpoly] = []
        self._powers: dict[tuple[int, int], fmpq_mpoly] = {}
        self._derived: dict[tuple[int, int], Element] = {}
        self._logarithmic: dict[tuple[int, int], Element] = {}
        self.zero, self.one = self.constant(0), self.constant(1)

    # --- generators ----------------------------------------------------------------------------------------------

    def adjoin(self, *generators: Generator) -> list[Element]:
        r"""Add generators and return them as elements. Elements made before stay valid."""
        first = len(self.generators)
        self.generators += generators
        self.radicals += [first + i for i, g in enumerate(generators) if g.degree]
        names = [f"v{i}" for i in range(len(self.generators))]
        self.context = fmpq_mpoly_ctx.get(names, Ordering.degrevlex)
        self._factors = [self._lift(f) for f in self._factors]
        self._powers.clear()
        self.zero, self.one = self.constant(0), self.constant(1)
        return [Element(self, self.context.gen(first + i), POLYNOMIAL) for i in range(len(generators))]

    def generator(self, i: int) -> Element:
        r"""Return the i-th generator as an element."""
        return Element(self, self.context.gen(i), POLYNOMIAL)

    def _lift(self, polynomial: fmpq_mpoly) -> fmpq_mpoly:
        old = polynomial.context()
        return polynomial.project_to_context(self.context, {i: i for i in range(old.nvars())})

    def lifted(self, element: Element) -> Element:
        r"""Return the element over all generators the field has by now (the element itself is brought up to date)."""
        if element.num.context() is not self.context:
            element.num = self._lift(element.num)
        return element

    def constant(self, value: fmpq | int) -> Element:
        r"""Return a rational number as an element."""
        return Element(self, self.context.constant(value), POLYNOMIAL)

    def coerce(self, value: Any) -> Element:
        r"""Return an element, an integer or a rational as an element of this field."""
        if type(value) is Element:
            if value.field is not self:
                raise DerivationError("Two charts meet in one expression. Change coordinates first: they do not mix.")
            return value
        if isinstance(value, (int, fmpq)):
            return self.constant(value)
        if isinstance(value, Rational):
            return self.constant(fmpq(int(value.numerator), int(value.denominator)))
        if isinstance(value, sp.Rational):
            return self.constant(fmpq(int(value.p), int(value.q)))
        raise DerivationError(
            f"A field element can be added to and multiplied by elements and rational numbers, but found `{value}` of "
            f"type {type(value).__name__}. Use chart.element(...) first."
        )

    # --- canonical form ------------------------------------------------------------------------------------------

    def factor(self, i: int) -> fmpq_mpoly:
        r"""Return the i-th irreducible factor."""
        return self._factors[i]

    def power(self, i: int, e: int) -> fmpq_mpoly:
        r"""Return \(f_i^e\)."""
        if e == 1:
            return self._factors[i]
        if (i, e) not in self._powers:
            self._powers[i, e] = self._factors[i] ** e
        return self._powers[i, e]

    def reduced(self, num: fmpq_mpoly, den: Denominator, suspects: Any) -> Element:
        r"""Return num/den after dividing out those of the factors `suspects` that divide the numerator."""
        if num.is_zero():
            return self.zero
        left = None
        for i in suspects:
            e = den[i]
            while e:
                try:
                    num = num / self._factors[i]
                except DomainError:
                    break
                e -= 1
            if e != den[i]:
                left = dict(den) if left is None else left
                left[i] = e
        return Element(self, num, den if left is None else {i: e for i, e in left.items() if e})

    def cancelled(self, num: fmpq_mpoly, den: Denominator) -> tuple[fmpq_mpoly, Denominator]:
        r"""Return numerator and denominator without their common factors."""
        if not den or num.is_constant():
            return num, den
        element = self.reduced(num, den, den)
        return element.num, element.den

    def product(self, left: fmpq_mpoly, right: fmpq_mpoly, den: Denominator) -> Element:
        r"""Return left·right/den, where no factor of den divides either; radicals are replaced by their relations."""
        num = left * right
        if not self.radicals:
            return Element(self, num, den)
        return self._without_high_powers(num, den)

    def dot(self, pairs: Iterable[tuple[Element, Element]]) -> Element:
        r"""Return \(\sum_i a_i b_i\): everything is added above one denominator before a division is tried."""
        groups: dict[tuple, list[fmpq_mpoly]] = {}
        # All pairs first: computing one may adjoin generators.
        for a, b in list(pairs):
            a, b = self.lifted(a), self.lifted(b)
            if a.num.is_zero() or b.num.is_zero():
                continue
            den = a.den or b.den
            if a.den and b.den:
                den = dict(a.den)
                for i, e in b.den.items():
                    den[i] = den.get(i, 0) + e
            _push(groups.setdefault(tuple(sorted(den.items())), []), a.num * b.num)
        total: tuple[fmpq_mpoly, Denominator] | None = None
        # Small denominators first: what they lack is multiplied on step by step, as in Horner's scheme.
        for key in sorted(groups, key=lambda key: sum(e for _, e in key)):
            stack = groups.pop(key)
            num = stack.pop()
            while stack:
                num = num + stack.pop()
            total = (num, dict(key)) if total is None else self._added(*total, num, dict(key))
        if total is None:
            return self.zero
        num, den = total
        part = self.reduced(num, den, den)
        return self._without_high_powers(part.num, part.den) if self.radicals else part

    def _added(self, left: fmpq_mpoly, first: Denominator, right: fmpq_mpoly, second: Denominator) -> tuple:
        # Both above the least common denominator, not reduced.
        den = dict(first)
        for i in {**first, **second}:
            e = second.get(i, 0) - first.get(i, 0)
            if e > 0:
                left, den[i] = left * self.power(i, e), second[i]
            elif e < 0:
                right = right * self.power(i, -e)
        return left + right, den

    def _without_high_powers(self, num: fmpq_mpoly, den: Denominator) -> Element:
        degrees = num.degrees() if not num.is_zero() else ()
        for i in self.radicals if degrees else ():
            generator = self.generators[i]
            if degrees[i] >= generator.degree:
                radicand = cast("Element", generator.radicand)
                total = self.zero
                for k, part in self.split(num, i).items():
                    high, low = divmod(k, generator.degree)
                    r = self.context.gen(i) ** low
                    total = total + Element(self, part * r, POLYNOMIAL) * radicand**high
                return self.reduced(total.num, den, den)
        return Element(self, num, den)

    def split(self, num: fmpq_mpoly, i: int) -> dict[int, fmpq_mpoly]:
        r"""Return the coefficients of a polynomial by powers of the i-th generator."""
        parts: dict[int, dict] = {}
        for exponents, coefficient in num.to_dict().items():
            bare = (*exponents[:i], 0, *exponents[i + 1 :])
            parts.setdefault(int(exponents[i]), {})[bare] = coefficient
        return {k: self.context.from_dict(part) for k, part in parts.items()}

    def inverse(self, element: Element) -> Element:
        r"""Return the reciprocal of an element; its numerator is factored."""
        element = self.lifted(element)
        num = element.num
        if num.is_zero():
            raise DerivationError("Division by zero: a denominator vanishes identically.")
        degrees = num.degrees()
        for i in self.radicals:
            if degrees[i]:
                return self._inverse_radical(element, i)
        content, factors = num.factor()
        above = self.context.constant(1 / content)
        for i, e in element.den.items():
            above = above * self.power(i, e)
        return Element(self, above, {self._number(f): int(e) for f, e in factors})

    def _inverse_radical(self, element: Element, i: int) -> Element:
        # 1/Σ p_k r^k = Σ y_k r^k: a linear system for the y_k over the field without r.
        q, radicand = self.generators[i].degree, cast("Element", self.generators[i].radicand)
        parts = {k: Element(self, p, POLYNOMIAL) for k, p in self.split(element.num, i).items()}
        below = Element(self, self.context.constant(1), element.den)
        r = self.generator(i)
        if q == 2:
            p0, p1 = parts.get(0, self.zero), parts[1]
            return (p0 - p1 * r) * (p0 * p0 - p1 * p1 * radicand).inverse() * below.inverse()
        # Row m of the matrix is Σ_k p_k r^{k+j} by powers of r, one column for each j.
        matrix = [[parts.get((m - j) % q, self.zero) * (radicand if j > m else 1) for j in range(q)] for m in range(q)]
        total = self.zero
        for k, y in enumerate(self._solved(matrix)):
            total = total + y * r**k
        return total * below.inverse()

    def _solved(self, matrix: list[list[Element]]) -> list[Element]:
        # Gauss-Jordan for the right-hand side (1, 0, ..., 0).
        rows = [[*row, self.one if m == 0 else self.zero] for m, row in enumerate(matrix)]
        for column in range(len(rows)):
            pivot = next((m for m in range(column, len(rows)) if not rows[m][column].is_zero()), None)
            if pivot is None:
                raise DerivationError("Division by zero: a denominator vanishes identically.")
            rows[column], rows[pivot] = rows[pivot], rows[column]
            reciprocal = rows[column][column].inverse()
            rows[column] = [entry * reciprocal for entry in rows[column]]
            for m, row in enumerate(rows):
                factor = row[column]
                if m != column and not factor.is_zero():
                    rows[m] = [a - factor * b for a, b in zip(row, rows[column])]
        return [row[-1] for row in rows]

    def _number(self, factor: fmpq_mpoly) -> int:
        for i, known in enumerate(self._factors):
            if known == factor:
                return i
        self._factors.append(factor)
        return len(self._factors) - 1

    # --- derivations ---------------------------------------------------------------------------------------------

    def derivative(self, element: Element, k: int) -> Element:
        r"""Return \(\partial_k(p/q) = \partial_k p/q - (p/q)\sum_i e_i\partial_k f_i/f_i\), \(q = \prod f_i^{e_i}\)."""
        total = self._polynomial_derivative(self.lifted(element).num, k)
        if not element.den:
            return total
        changes = {i: self._logarithmic_derivative(i, k) for i in element.den}
        num, den = self.lifted(element).num, dict(element.den)
        simple = not total.den and not self.radicals
        if not simple or any(c.den and c.den != {i: 1} for i, c in changes.items()):
            total = self.lifted(total) * Element(self, self.one.num, den)
            for i, e in den.items():
                total = total - element * changes[i] * e
            return total
        # Above q times the factors that change by more than a multiple of themselves; those cannot cancel.
        moving = [i for i, c in changes.items() if c.den]
        top = self.lifted(total).num
        for i in moving:
            top = top * self._factors[i]
        for i, e in element.den.items():
            share = self.lifted(changes[i]).num
            if not share.is_zero():
                for j in moving:
                    share = share if j == i else share * self._factors[j]
                top = top - num * share * e
        for i in moving:
            den[i] += 1
        return self.reduced(top, den, [i for i in den if i not in moving])

    def _polynomial_derivative(self, num: fmpq_mpoly, k: int) -> Element:
        if num.is_constant():
            return self.zero
        plain, total = self.zero.num, self.zero
        for i, degree in enumerate(num.degrees()):
            if degree:
                change = self._generator_derivative(i, k)
                if change.num.is_zero():
                    continue
                num = num if num.context() is self.context else self._lift(num)
                plain = plain if plain.context() is self.context else self._lift(plain)
                if change.den or self.radicals:
                    total = total + Element(self, num.derivative(i), POLYNOMIAL) * change
                else:
                    plain = plain + num.derivative(i) * self.lifted(change).num
        return Element(self, plain, POLYNOMIAL) + total

    def _generator_derivative(self, i: int, k: int) -> Element:
        if (i, k) not in self._derived:
            self._derived[i, k] = self.generators[i].derive(k)
        return self._derived[i, k]

    def _logarithmic_derivative(self, i: int, k: int) -> Element:
        if (i, k) not in self._logarithmic:
            derived = self._polynomial_derivative(self._factors[i], k)
            self._logarithmic[i, k] = derived * Element(self, self.one.num, {i: 1})
        return self._logarithmic[i, k]


def _push(stack: list[fmpq_mpoly], num: fmpq_mpoly) -> None:
    # Sums of like size are added first: a long sum is copied few times.
    while stack and len(stack[-1]) <= 2 * len(num):
        num = stack.pop() + num
    stack.append(num)
