r"""`geomflow derive`: print a derivation step by step, certify it, and write it as LaTeX."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from geomflow.core.card import Card
from geomflow.core.catalogue import Catalogue
from geomflow.core.errors import ArgumentError
from geomflow.experiments.derive.book import write_book
from geomflow.experiments.derive.derived import Derived
from geomflow.experiments.derive.functional import derive_functional
from geomflow.experiments.derive.named import NAMED
from geomflow.functionals import FUNCTIONALS, Functional
from geomflow.kernels import KERNELS
from geomflow.symbolic.abstract.declare import FIELDS
from geomflow.symbolic.abstract.expression import Expression, exponential
from geomflow.symbolic.abstract.parse import parse_density

_CONSTANTS = ("alpha", "tau")
#: Dimension of the certificates: three is the least in which Riem is more than R.
_DIM = 3
#: Dimension of a network's inputs.
_INPUTS = 2


@dataclass(frozen=True)
class Derive:
    r"""Derive a functional's variation, flow and symbol, an evolution equation, or the kernel of a network."""

    what: Annotated[str, tyro.conf.Positional] = ""
    """A functional or kernel (`geomflow list`), such as perelman-f or cos-net, or one of: conventions,
    variation-of-curvature, ricci-flow, perelman-monotonicity, deturck, stability, kaehler-ricci,
    neckpinch."""
    all: bool = False
    """Everything, written into one document."""
    density: str = ""
    """A functional of your own, typed: "R + |grad f|^2", "|Ric|^2", "R - alpha*|grad u|^2" (fields f, u, A_i, S_(ij),
    B_[ij], F = dA, H = dB; constants alpha, tau, n)."""
    weight: str = ""
    """The weight in front of dV, for --density: "f" for e^(-f), or "exp(-2*f)"."""
    fields: tuple[str, ...] = ()
    """More fields for --density, declared as w, V_i, T_(ij), C_[ij] or G = dC."""
    constants: tuple[str, ...] = ()
    """More constants for --density."""
    dim: int | None = None
    """Dimension of the certificates (3 by default), or of the network's inputs (2 by default)."""
    seed: int = 0
    """Seed of the random rational jets of the certificates."""
    only_variation: bool = False
    """Of a functional, only the first variation and its certificate: no flow, no rate of change, no symbol."""
    out: Path | None = None
    """Folder for the LaTeX document and its certificates; geomflow-out/derive for --all."""

    def derive(self) -> Derived:
        r"""Return one derivation and its card.

        Raises:
            ArgumentError: neither or both of a name and a density, or a name no catalogue has.
            DerivationError: a density that cannot be read.
            CertificateError: a derived result is wrong.
        """
        if bool(self.what) == bool(self.density) or self.all:  # --all alone does not come here
            raise ArgumentError(
                f"Name one thing to derive ({', '.join(_catalogue().names())}), "
                'type a density, as in `geomflow derive --density "R + |grad f|^2" --weight f`, or say --all.'
            )
        if self.dim is not None and self.dim < 1:
            raise ArgumentError(f"Argument `dim` must be at least 1, but it was {self.dim}.", dim=self.dim)
        if self.density:
            return self._functional(self.typed())
        return self._named(self.what)

    def typed(self) -> Functional:
        r"""Return the functional that the options spell."""
        fields, constants = (*FIELDS, *self.fields), (*_CONSTANTS, *self.constants)
        weight = _weight(self.weight, fields, constants) if self.weight else 1
        return Functional.typed(
            "typed", r"\mathcal{E}", self.density, weight=weight, fields=fields, constants=constants
        )

    def run(self) -> tuple[Derived, ...]:
        r"""Derive, print the steps and the card, and write the document if a folder is given or --all is said."""
        if self.all and not (self.what or self.density):
            parts = tuple(self._named(name) for name in everything())
            for part in parts:
                part.card.show()
            card = Card("derive --all")
            checks = [c for part in parts for c in part.certificates]
            card.row("derivations", sum(len(part.derivations) for part in parts))
            card.row("exact checks", len(checks), f"every residual {checks[0].residual}")
            write_book(parts, self.out or Path("geomflow-out/derive"), "derivations", card, "Derivations")
            card.show()
            return parts
        derived = self.derive()
        if self.out is not None:
            write_book([derived], self.out, derived.name, derived.card)
        print(derived.text())
        derived.card.show()
        return (derived,)

    def _functional(self, functional: Functional) -> Derived:
        return derive_functional(functional, self.dim or _DIM, self.seed, only_variation=self.only_variation)

    def _named(self, name: str) -> Derived:
        entry = _catalogue()[name]
        if isinstance(entry, Functional):
            return self._functional(entry)
        if self.only_variation:
            raise ArgumentError(
                f"`{name}` has no first variation. Use --only-variation with --density or a functional "
                f"({', '.join(FUNCTIONALS.names())})."
            )
        if name in KERNELS.names():
            return _kernel(name, self.dim or _INPUTS)
        return NAMED[name](self.dim or _DIM, self.seed)


def everything() -> list[str]:
    r"""Return the names of all derivations in the order of the document."""
    return _catalogue().names()


def _catalogue() -> Catalogue[object]:
    known: Catalogue[object] = Catalogue("derivation")
    for name, entry in [*NAMED.items(), *FUNCTIONALS.items(), *KERNELS.items()]:
        known.add(name, entry)
    return known


def _weight(text: str, fields: tuple[str, ...], constants: tuple[str, ...]) -> Expression:
    # "f" is e^(-f); "e^(-2f)" and "exp(-2*f)" say the exponent.
    match = re.fullmatch(r"\s*(?:e\^|exp)\s*(?:\((.*)\)|(.*))\s*", text)
    if match:
        exponent = parse_density(match[1] or match[2], fields, constants, "exponent of the weight")
    else:
        exponent = -parse_density(text, fields, constants, "weight")
    factors = [factor for _, product in exponent.terms for factor in product]
    if len(exponent.terms) != 1 or len(factors) != 1 or factors[0].slots or factors[0].head.kind != "field":
        raise ArgumentError(
            f"A weight is e^(kf) for one scalar field f, but `{text}` is not. Try `--weight f` or `--weight exp(-2*f)`."
        )
    name, k = factors[0].head.name, exponent.terms[0][0]
    if not (k.is_Integer and k.is_negative):
        raise ArgumentError(
            f"A weight is e^(k {name}) with k = -1, -2, ..., but `{text}` has k = {k}. Rescale {name}, in the density "
            f"as well, and write `--weight {name}` for e^(-{name})."
        )
    return exponential(name, k)


def _kernel(name: str, dim: int) -> Derived:
    kernel = KERNELS[name](dim)
    card = Card(f"derive {name}, input dimension {dim}")
    for row in ("nngp", "last_layer_ntk", "full_ntk", "finite_width_variance", "coincident_four_point", "symbol"):
        if hasattr(kernel, row):
            card.row(row.replace("_", " "), str(getattr(kernel, row)))
    if hasattr(kernel, "expansion"):
        card.row("operator on the torus", str(kernel.expansion.operator()))
    return Derived(name, (kernel.derivation,), card)
