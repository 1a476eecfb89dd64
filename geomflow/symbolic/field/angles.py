r"""Sines, hyperbolic sines and exponentials as generators of a field.

    u = tan(A/2):   cos A = (1-u²)/(1+u²),  sin A = 2u/(1+u²),  ∂u = (1+u²)/2 ∂A
    v = tanh(A/2):  cosh A = (1+v²)/(1-v²), sinh A = 2v/(1-v²), ∂v = (1-v²)/2 ∂A
    w = exp A:      ∂w = w ∂A

Arguments are split into sums of rational multiples of monomials m; the *unit* of m is the part of which all its
multiples are whole multiples, and gets the generator.
"""

from __future__ import annotations

from collections.abc import Callable
from math import gcd
from typing import TYPE_CHECKING, Any

import sympy as sp

from geomflow.core.errors import DerivationError
from geomflow.symbolic.field.field import Element, Generator

if TYPE_CHECKING:
    from geomflow.symbolic.field.tower import Tower

CIRCULAR = (sp.sin, sp.cos, sp.tan, sp.cot, sp.sec, sp.csc)
HYPERBOLIC = (sp.sinh, sp.cosh, sp.tanh, sp.coth, sp.sech, sp.csch)


def terms(argument: Any) -> list[tuple[Any, Any]]:
    r"""Return an argument as a sum of rational multiples of monomials: pairs (multiple, monomial)."""
    if argument.is_Symbol:
        return [(sp.S.One, argument)]
    parts = [term.as_coeff_Mul() for term in sp.Add.make_args(sp.expand(argument))]
    return [(c, m) if c.is_Rational else (sp.S.One, c * m) for c, m in parts if c != 0]


class Angles:
    r"""The circular, hyperbolic and exponential generators of a tower."""

    def __init__(self, tower: Tower):
        self.tower = tower
        self._units: dict[tuple[Any, Any], Any] = {}
        self._generators: dict[tuple[Any, Any], Element] = {}
        self._pairs: dict[tuple[Any, Any], tuple[Element, Element]] = {}

    # --- units ---------------------------------------------------------------------------------------------------

    def survey(self, node: Any) -> None:
        r"""Take note of the arguments of a function, so that units are the finest of all that is converted together."""
        if isinstance(node, CIRCULAR):
            self.measure("circular", node.args[0])
        elif isinstance(node, HYPERBOLIC):
            self.measure("hyperbolic", node.args[0])
        elif isinstance(node, sp.exp):
            for c, m in terms(node.args[0]):
                kind = self._kind(m)
                if kind != "power":
                    self.measure(kind, c * m / sp.I if kind == "circular" else c * m)

    def _kind(self, m: Any) -> str:
        # What exp(c m) is made of.
        if m.has(sp.I):
            return "circular"
        if _logarithm_in(m) is not None:
            return "power"
        return "hyperbolic" if ("hyperbolic", m) in self._units and ("exp", m) not in self._generators else "exp"

    def measure(self, kind: Any, argument: Any) -> None:
        r"""Refine the units of the monomials of an argument.

        Raises:
            DerivationError: the unit is in use already and too coarse.
        """
        for c, m in terms(argument):
            if m is sp.pi or _logarithm_in(m) is not None:
                continue
            if kind == "hyperbolic" and ("exp", m) in self._generators:
                kind = "exp"
            old = self._units.get((kind, m))
            unit: Any = abs(c) if old is None else sp.Rational(gcd(c.p * old.q, old.p * c.q), c.q * old.q)
            if old is not None and unit != old and (kind, m) in self._generators:
                raise DerivationError(
                    f"The chart has worked with {sp.sstr(old * m)} in sin, exp or a power already, of which "
                    f"{sp.sstr(c * m)} is not a whole multiple. Name the finest one first: make a new chart and call "
                    f'chart.element("..({sp.sstr(unit * m)})") with that function before the metric is given.'
                )
            self._units[kind, m] = unit

    # --- sine and cosine -----------------------------------------------------------------------------------------

    def trigonometric(self, e: Any) -> Element:
        r"""Return sin, cos, tan, cot, sec, csc of an argument, or their hyperbolic companions."""
        hyperbolic = isinstance(e, HYPERBOLIC)
        c, s = self.cosine_and_sine("hyperbolic" if hyperbolic else "circular", e.args[0])
        position = (HYPERBOLIC if hyperbolic else CIRCULAR).index(type(e))
        pick: tuple[Callable[[], Element], ...] = (
            lambda: s,
            lambda: c,
            lambda: s / c,
            lambda: c / s,
            lambda: c.inverse(),
            lambda: s.inverse(),
        )
        return pick[position]()

    def cosine_and_sine(self, kind: str, argument: Any) -> tuple[Element, Element]:
        r"""Return both, by the addition theorem over the terms of the argument and over multiples of their units."""
        sign = 1 if kind == "hyperbolic" else -1
        total: tuple[Element, Element] | None = None
        for coefficient, m in terms(argument):
            pair = self._of_term(kind, coefficient, m)
            if total is None:
                total = pair
            else:
                total = _added(total, pair, sign)
        return total or (self.tower.field.one, self.tower.field.zero)

    def _of_term(self, kind: str, coefficient: Any, m: Any) -> tuple[Element, Element]:
        if kind == "hyperbolic" and (("exp", m) in self._generators or _logarithm_in(m) is not None):
            w = self.exponential(coefficient * m)
            return (w + w.inverse()) / 2, (w - w.inverse()) / 2
        if kind == "circular" and m is sp.pi:
            return self._of_number(sp.cos(coefficient * m)), self._of_number(sp.sin(coefficient * m))
        multiple = coefficient / self._units[kind, m]
        c, s = self._half_tangent(kind, m)
        s = s if multiple > 0 else -s
        pair = (c, s)
        for _ in range(abs(int(multiple)) - 1):
            pair = _added(pair, (c, s), 1 if kind == "hyperbolic" else -1)
        return pair

    def _of_number(self, value: Any) -> Element:
        if value.has(sp.cos, sp.sin):
            raise DerivationError(
                f"`{value}` is an algebraic number without a simple form in roots. Make it a constant of the chart."
            )
        return self.tower.element(value)

    def _half_tangent(self, kind: str, m: Any) -> tuple[Element, Element]:
        sign = 1 if kind == "hyperbolic" else -1
        if (kind, m) not in self._generators:
            argument = self._units[kind, m] * m
            place = len(self.tower.field.generators)

            def derive(k: int) -> Element:
                u = self.tower.field.generator(place)
                return (1 - u * u * sign) * self.tower.slope(argument, k) / 2

            self._generators[kind, m] = self.tower.field.adjoin(Generator((kind, argument), derive))[0]
            u = self._generators[kind, m]
            below = (1 - u * u * sign).inverse()
            self._pairs[kind, m] = (1 + u * u * sign) * below, 2 * u * below
        return self._pairs[kind, m]

    # --- exponentials --------------------------------------------------------------------------------------------

    def exponential(self, argument: Any) -> Element:
        r"""Return exp of an argument; exp(a log b) is a power, exp(i A) is cos A + i sin A."""
        total = self.tower.field.one
        for c, m in terms(argument):
            kind = self._kind(m)
            if kind == "circular":
                cosine, sine = self.cosine_and_sine("circular", c * m / sp.I)
                total = total * (cosine + self.tower.convert(sp.I) * sine)
            elif kind == "power":
                logarithm: Any = _logarithm_in(m)
                total = total * self.tower.powers.power(logarithm.args[0], c * m / logarithm)
            elif kind == "hyperbolic":
                cosine, sine = self.cosine_and_sine("hyperbolic", c * m)
                total = total * (cosine + sine)
            else:
                total = total * self.power_of(kind, c, m, sp.E, lambda exponent, k: self.tower.slope(exponent, k))
        return total

    def power_of(self, kind: Any, c: Any, m: Any, base: Any, slope: Callable[[Any, int], Element]) -> Element:
        r"""Return \(b^{cm}\), a power of the generator \(w = b^{um}\), u the unit, with \(\partial w = w\,\)slope."""
        unit = self._units.setdefault((kind, m), abs(c))
        if (kind, m) not in self._generators:
            place = len(self.tower.field.generators)

            def derive(k: int) -> Element:
                return self.tower.field.generator(place) * slope(unit * m, k)

            self._generators[kind, m] = self.tower.field.adjoin(Generator(base ** (unit * m), derive))[0]
        return self._generators[kind, m] ** int(c / unit)


def _added(a: tuple[Element, Element], b: tuple[Element, Element], sign: int) -> tuple[Element, Element]:
    return a[0] * b[0] + a[1] * b[1] * sign, a[1] * b[0] + a[0] * b[1]


def _logarithm_in(m: Any) -> Any:
    factors = [f for f in sp.Mul.make_args(m) if isinstance(f, sp.log)]
    return factors[0] if len(factors) == 1 and not m.has(sp.I) else None
