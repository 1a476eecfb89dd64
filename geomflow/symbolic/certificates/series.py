r"""Truncated multivariate power series over the rationals, exact, with one nilpotent direction \(\varepsilon\).

An element is \(a(x) + \varepsilon\,b(x)\), \(\varepsilon^2 = 0\), known up to a total degree in
\(x = (x_1, \ldots, x_n)\). A series is packed into one univariate polynomial of python-flint: the total degree is the
most significant digit of the exponent, so truncation by degree is truncation of the polynomial, and the arithmetic
runs in C.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, cached_property

import sympy as sp
from flint import fmpq, fmpq_poly

from geomflow.core.errors import ArgumentError

Exponents = tuple[int, ...]

_ZERO = fmpq_poly([])


class SeriesRing:
    r"""Power series in `dim` variables, truncated after total degree `order`."""

    def __init__(self, dim: int, order: int):
        self.dim = dim
        self.order = order
        # Digits of an exponent: x_1 ... x_{n-1}, then the total degree; none exceeds `order`.
        self._base = order + 1
        self._degree_unit = self._base ** (dim - 1)

    def length(self, order: int) -> int:
        r"""Return how many packed coefficients belong to the total degrees up to `order`."""
        return (order + 1) * self._degree_unit

    def position(self, alpha: Exponents) -> int:
        r"""Return where the coefficient of \(x^\alpha\) is packed."""
        return sum(alpha) * self._degree_unit + sum(a * self._base**k for k, a in enumerate(alpha[:-1]))

    @cached_property
    def _derivative_tables(self) -> list[list[tuple[int, int, int]]]:
        tables: list[list[tuple[int, int, int]]] = [[] for _ in range(self.dim)]
        for alpha in multi_indices(self.dim, self.order):
            for k, a in enumerate(alpha):
                if a:
                    lower = (*alpha[:k], a - 1, *alpha[k + 1 :])
                    tables[k].append((self.position(alpha), self.position(lower), a))
        return [sorted(table) for table in tables]

    def element(self, value: Mapping[Exponents, fmpq], tangent: Mapping[Exponents, fmpq] | None = None) -> Series:
        r"""Return the series with the given Taylor coefficients; those beyond the order are dropped."""
        return Series(self, self._pack(value), self._pack(tangent or {}), self.order)

    def constant(self, q: fmpq | int) -> Series:
        r"""Return a constant series."""
        return Series(self, fmpq_poly([fmpq(q)]), _ZERO, self.order)

    def _pack(self, coefficients: Mapping[Exponents, fmpq]) -> fmpq_poly:
        packed = [fmpq(0)] * self.length(self.order)
        for alpha, c in coefficients.items():
            if sum(alpha) <= self.order:
                packed[self.position(alpha)] = c
        return fmpq_poly(packed)

    def _derive(self, packed: fmpq_poly, k: int, order: int) -> fmpq_poly:
        coefficients = packed.coeffs()
        derived = [fmpq(0)] * min(len(coefficients), self.length(order))
        for source, target, factor in self._derivative_tables[k]:
            if source >= len(coefficients):
                break
            derived[target] = coefficients[source] * factor
        return fmpq_poly(derived)


class Series:
    r"""\(a(x) + \varepsilon\,b(x)\), known up to total degree `order`. Supports +, -, * with series and rationals."""

    __slots__ = ("order", "ring", "tangent", "value")

    def __init__(self, ring: SeriesRing, value: fmpq_poly, tangent: fmpq_poly, order: int):
        self.ring, self.value, self.tangent, self.order = ring, value, tangent, order

    def _lift(self, other: Series | fmpq | int) -> Series:
        return other if isinstance(other, Series) else self.ring.constant(other)

    def __add__(self, other: Series | fmpq | int) -> Series:
        other = self._lift(other)
        order = min(self.order, other.order)
        value, tangent = self.value + other.value, self.tangent + other.tangent
        if self.order != other.order:
            length = self.ring.length(order)
            value, tangent = value.truncate(length), tangent.truncate(length)
        return Series(self.ring, value, tangent, order)

    def __neg__(self) -> Series:
        return Series(self.ring, -self.value, -self.tangent, self.order)

    def __sub__(self, other: Series | fmpq | int) -> Series:
        return self + (-self._lift(other))

    def __mul__(self, other: Series | fmpq | int) -> Series:
        if not isinstance(other, Series):
            return Series(self.ring, self.value * other, self.tangent * other, self.order)
        order = min(self.order, other.order)
        length = self.ring.length(order)
        value = self.value.mul_low(other.value, length)
        tangent = _ZERO
        if self.tangent:
            tangent = self.tangent.mul_low(other.value, length)
        if other.tangent:
            tangent = tangent + self.value.mul_low(other.tangent, length)
        return Series(self.ring, value, tangent, order)

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Series | fmpq | int) -> Series:
        return -self + other

    def constant_term(self) -> fmpq:
        r"""Return a(0)."""
        return self.value[0]

    def coefficient(self, alpha: Exponents) -> fmpq:
        r"""Return the coefficient of \(x^\alpha\) in a."""
        return self._read(self.value, alpha)

    def tangent_coefficient(self, alpha: Exponents) -> fmpq:
        r"""Return the coefficient of \(\varepsilon x^\alpha\)."""
        return self._read(self.tangent, alpha)

    def _read(self, packed: fmpq_poly, alpha: Exponents) -> fmpq:
        if sum(alpha) > self.order:
            raise ArgumentError(
                f"The series is known up to degree {self.order}, but the coefficient of degree {sum(alpha)} was "
                "asked for. Start from a higher order."
            )
        return packed[self.ring.position(alpha)]

    def derivative(self, k: int) -> Series:
        r"""Return \(\partial_k\), known to one degree less."""
        if self.order == 0:
            raise ArgumentError("A series known to degree 0 has no known derivative. Start from a higher order.")
        order = self.order - 1
        value = self.ring._derive(self.value, k, order)
        tangent = self.ring._derive(self.tangent, k, order) if self.tangent else _ZERO
        return Series(self.ring, value, tangent, order)

    def _newton_steps(self) -> range:
        # (x, ε) is nilpotent of index order + 2, and each step doubles what is right.
        return range((self.order + 1).bit_length())

    def inverse(self) -> Series:
        r"""Return 1/a for a unit, by Newton's iteration \(y \leftarrow y(2 - ay)\)."""
        if self.constant_term() == 0:
            raise ArgumentError("Only a series with a(0) != 0 has an inverse, but a(0) = 0.")
        y = self.ring.constant(1 / self.constant_term())
        for _ in self._newton_steps():
            y = y * (2 - self * y)
        return y

    def sqrt(self) -> Series:
        r"""Return \(\sqrt a\) for a(0) = 1, as a times the limit of \(y \leftarrow y(3 - ay^2)/2\)."""
        if self.constant_term() != 1:
            raise ArgumentError(f"A square root is taken of 1 + ..., but a(0) = {self.constant_term()}.")
        y = self.ring.constant(1)
        for _ in self._newton_steps():
            y = y * (3 - self * y * y) * fmpq(1, 2)
        return self * y

    def exp(self) -> Series:
        r"""Return \(e^a\) for a(0) = 0; the sum is finite."""
        if self.constant_term() != 0:
            raise ArgumentError(f"An exponential is taken of a with a(0) = 0, but a(0) = {self.constant_term()}.")
        total = self.ring.constant(1)
        for k in range(self.order + 1, 0, -1):
            total = total * self * fmpq(1, k) + 1
        return total


@cache
def multi_indices(dim: int, order: int) -> tuple[Exponents, ...]:
    r"""Return all \(\alpha\) with \(|\alpha| \le\) order, by degree."""
    if dim == 0:
        return ((),)
    return tuple(
        sorted(
            ((first, *rest) for first in range(order + 1) for rest in multi_indices(dim - 1, order - first)),
            key=lambda alpha: (sum(alpha), alpha),
        )
    )


def rational(q: sp.Expr) -> fmpq:
    r"""Return a SymPy rational as an exact flint number."""
    if not q.is_Rational:
        raise ArgumentError(f"An exact rational number is needed, but found `{q}`. Give its constants a value.")
    return fmpq(int(sp.numer(q)), int(sp.denom(q)))
