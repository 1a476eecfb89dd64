r"""Maps between the fields of two charts: complex conjugation, and holomorphic coordinates written in real ones.

A map is fixed by where the generators go. The jets of an unknown function follow from the function itself, since the
map carries each derivation ∂_k of the source to a derivation D_k of the target: ∂_k f ↦ D_k(image of f).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sympy as sp
from flint import fmpq_mpoly

from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.field.field import Element


class Morphism:
    r"""A homomorphism of fields over ℚ that commutes with the derivations.

    Args:
        source: the chart whose elements are mapped.
        target: the chart they go to; it may be the same.
        rule: where an expression without derivatives goes, in SymPy.
        derivations: D_k for each coordinate k of the source.
    """

    def __init__(
        self,
        source: Chart,
        target: Chart,
        rule: Callable[[sp.Expr], sp.Expr],
        derivations: Sequence[Callable[[Element], Element]],
    ):
        self.source, self.target, self.rule, self.derivations = source, target, rule, tuple(derivations)
        self._images: dict[int, Element] = {}
        self._jets: dict[tuple, Element] = {}

    def __call__(self, element: Element) -> Element:
        r"""Return the image of an element."""
        element = self.source.field.lifted(element)
        result = self._polynomial(element.num)
        for i, e in element.den.items():
            result = result * self._polynomial(self.source.field.factor(i)).inverse() ** e
        return result

    def _polynomial(self, num: fmpq_mpoly) -> Element:
        field = self.target.field
        if num.is_zero():
            return field.zero
        used = [i for i, degree in enumerate(num.degrees()) if degree]
        images = {i: self.image(i) for i in used}
        images = {i: field.lifted(e) for i, e in images.items()}
        if not any(e.den for e in images.values()):
            zero = field.zero.num
            places = [images[i].num if i in images else zero for i in range(num.context().nvars())]
            # The product with 1 replaces powers of radicals by their relations.
            return field.product(num.compose(*places, ctx=field.context), field.one.num, {})
        total = field.zero
        for exponents, q in num.to_dict().items():
            term = field.constant(q)
            for i in used:
                term = term * images[i] ** int(exponents[i])
            total = total + term
        return total

    def image(self, i: int) -> Element:
        r"""Return where the i-th generator goes."""
        if i not in self._images:
            self._images[i] = self._image(i)
        return self._images[i]

    def _image(self, i: int) -> Element:
        generator = self.source.field.generators[i]
        meaning = generator.meaning
        if generator.radicand is not None and meaning is not sp.I:
            return self.target.tower.root(self(generator.radicand), generator.degree)
        if isinstance(meaning, tuple) and isinstance(meaning[0], str):
            # The generator is the tangent of half the argument.
            kind, argument = meaning[0], self.rule(meaning[1])
            sine, cosine = (sp.sin, sp.cos) if kind == "circular" else (sp.sinh, sp.cosh)
            return self.target.element(sine(argument) / (1 + cosine(argument)))
        if isinstance(meaning, tuple):
            return self._jet(*meaning)
        return self.target.element(self.rule(meaning))

    def _jet(self, function: sp.Expr, order: tuple[int, ...]) -> Element:
        if (function, order) not in self._jets:
            k = next((k for k, n in enumerate(order) if n), None)
            if k is None:
                value = self.target.element(self.rule(function))
            else:
                value = self.derivations[k](self._jet(function, tuple(n - (j == k) for j, n in enumerate(order))))
            self._jets[function, order] = value
        return self._jets[function, order]
