r"""A functional of a metric and fields: a density is written down, everything else is derived from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import sympy as sp

from geomflow.core.errors import ArgumentError
from geomflow.symbolic.abstract.declare import FIELDS
from geomflow.symbolic.abstract.expression import DIMENSION, ONE, Expression, as_expression
from geomflow.symbolic.abstract.notation import bracketed
from geomflow.symbolic.abstract.parse import parse_density
from geomflow.symbolic.abstract.variation import Variation, fields_of, first_variation, relative_measure
from geomflow.symbolic.certificates.certificate import Certificate, certify


@dataclass(frozen=True)
class Functional:
    r"""\(\mathcal F = \int L\,w\,dV\).

    Args:
        name: catalogue name, lower case with hyphens.
        symbol: LaTeX symbol, such as `\mathcal{F}`.
        density: L, a scalar abstract expression.
        weight: w, a constant times weights \(e^{kf}\); 1 by default.
        reference: where it comes from.

    Good values: `Functional.typed("my-functional", r"\mathcal{E}", "R + 2*|grad f|^2", weight=exponential("f"))`.
    """

    name: str
    symbol: str
    density: Expression
    weight: Expression = ONE
    reference: str = ""

    @classmethod
    def typed(
        cls,
        name: str,
        symbol: str,
        density: str,
        *,
        weight: Expression | int = 1,
        fields: tuple[str, ...] = FIELDS,
        constants: tuple[str, ...] = ("alpha", "tau"),
        reference: str = "",
    ) -> Functional:
        r"""Return a functional whose density is typed, with `fields` declared, as `parse_density` reads them."""
        return cls(name, symbol, parse_density(density, fields, constants), as_expression(weight), reference)

    @property
    def summary(self) -> str:
        r"""One line of plain text: what is integrated, against what."""
        weight = "" if not fields_of(self.weight) else f" {self.weight}"
        return f"∫ ({self.density}){weight} dV" + (f"; {self.reference}" if self.reference else "")

    @property
    def fields(self) -> tuple[str, ...]:
        r"""The names of what it depends on, the metric first."""
        return ("g", *(head.name for head in fields_of(self.density * self.weight)))

    @property
    def constants(self) -> tuple[sp.Symbol, ...]:
        r"""The constants it contains, without the dimension."""
        coefficients = [c for c, _ in self.density.terms + self.weight.terms]
        symbols = {s for c in coefficients for s in c.free_symbols if isinstance(s, sp.Symbol)}
        return tuple(sorted(symbols - {DIMENSION}, key=str))

    def defined_in(self, dim: int) -> bool:
        r"""Return whether no coefficient has a pole in this dimension, as those of Weyl have for n = 2."""
        values = (sp.sympify(c).subs(DIMENSION, dim) for c, _ in self.density.terms + self.weight.terms)
        return not any(value.has(sp.zoo, sp.nan) for value in values)

    def latex(self) -> str:
        r"""Return the definition in LaTeX."""
        arguments = ", ".join(self.fields)
        return rf"{self.symbol}({arguments}) = \int {bracketed(self.density)}\, {relative_measure(self.weight)}"

    def variation(self) -> Variation:
        r"""Return the first variation, derived once."""
        return _derived(self.density, self.weight, self.symbol)

    def certify(self, dim: int, seed: int = 0, contracted: bool = False) -> Certificate:
        r"""Certify the gradients in dimension `dim`, exactly, at random rational jets.

        Args:
            dim: the dimension.
            seed: seed of the jets.
            contracted: compare one random contraction for each field instead of every component.

        Raises:
            CertificateError: a gradient is not the Euler operator of the density.
            ArgumentError: a coefficient has a pole in this dimension.
        """
        if not self.defined_in(dim):
            raise ArgumentError(
                f"`{self.name}` has a pole in dimension {dim}, and no certificate there. Take a higher `dim`.", dim=dim
            )
        return certify(self, self.variation(), dim, seed, contracted)


@cache
def _derived(density: Expression, weight: Expression, symbol: str) -> Variation:
    return first_variation(density, weight, symbol)
