r"""`geomflow derive`: print a derivation step by step, certify it, and write it as LaTeX."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from geomflow.core.card import Card
from geomflow.core.catalogue import Catalogue
from geomflow.core.errors import ArgumentError
from geomflow.core.store import atomic_write, ensure_writable
from geomflow.functionals import FUNCTIONALS, Functional
from geomflow.kernels import KERNELS
from geomflow.symbolic.abstract.expression import exponential
from geomflow.symbolic.abstract.variation import fields_of
from geomflow.symbolic.derivation import Derivation, document


@dataclass(frozen=True)
class Derived:
    r"""A derivation and the card that sums it up."""

    derivation: Derivation
    card: Card


@dataclass(frozen=True)
class Derive:
    r"""Derive the variation of a functional (and certify it), or the kernel of a network."""

    what: Annotated[str, tyro.conf.Positional] = ""
    """A name from `geomflow list functionals` or `geomflow list kernels`, such as perelman-f or cos-net."""
    density: str = ""
    """A functional of your own, typed: "R + |grad f|^2", "|Ric|^2", "R - alpha*|grad u|^2" (fields f, u; constants
    alpha, tau, n)."""
    weight: str = ""
    """The field f of a weight e^(-f) in front of dV, for --density."""
    dim: int = 2
    """Dimension of the certificate, or of the network's inputs."""
    seed: int = 0
    """Seed of the random rational jets of the certificate."""
    out: Path | None = None
    """Folder for the LaTeX document."""

    def derive(self) -> Derived:
        r"""Return the derivation and its card.

        Raises:
            ArgumentError: neither or both of a name and a density, or a name no catalogue has.
            DerivationError: a density that cannot be read.
            CertificateError: the derived variation is wrong.
        """
        if bool(self.what) == bool(self.density):
            raise ArgumentError(
                f"Name one thing to derive ({', '.join([*FUNCTIONALS.names(), *KERNELS.names()])}), "
                'or type a density, as in `geomflow derive --density "R + |grad f|^2" --weight f`.'
            )
        if self.density:
            weight = exponential(self.weight) if self.weight else 1
            return self._functional(Functional.typed("typed", r"\mathcal{E}", self.density, weight=weight))
        known: Catalogue[object] = Catalogue("derivation")
        for name, entry in [*FUNCTIONALS.items(), *KERNELS.items()]:
            known.add(name, entry)
        entry = known[self.what]
        return self._functional(entry) if isinstance(entry, Functional) else self._kernel()

    def run(self) -> Derived:
        r"""Derive, print the steps and the card, and write the LaTeX document if a folder is given."""
        derived = self.derive()
        if self.out is not None:
            path = ensure_writable(self.out) / f"{self.what or 'typed'}.tex"
            atomic_write(path, document(derived.derivation).encode())
            derived.card.text(f"LaTeX: {path}")
        print(derived.derivation.text())
        derived.card.show()
        return derived

    def _functional(self, functional: Functional) -> Derived:
        variation = functional.variation()
        certificate = functional.certify(self.dim, self.seed)
        card = Card(f"derive {functional.name}")
        for field in functional.fields:
            card.row(f"gradient in {field}", str(variation.gradient(field)))
        if fields_of(functional.weight):
            card.row("gradient in g, dm held fixed", str(variation.fixed_measure()))
        card.text("Coefficients of δg_ij and of the other fields' variations, relative to the weighted volume.")
        checked = f"{certificate.components_checked} components at a random rational jet, n = {certificate.dim}"
        card.row("certificate", f"residual {certificate.residual}", f"{checked}, exact, {certificate.seconds:.2f} s")
        card.verdict("verified", "the gradients equal the Euler operator of the density.")
        return Derived(variation.derivation, card)

    def _kernel(self) -> Derived:
        kernel = KERNELS[self.what](self.dim)
        card = Card(f"derive {self.what}, input dimension {self.dim}")
        for name in ("nngp", "last_layer_ntk", "full_ntk", "finite_width_variance", "coincident_four_point", "symbol"):
            if hasattr(kernel, name):
                card.row(name.replace("_", " "), str(getattr(kernel, name)))
        if hasattr(kernel, "expansion"):
            card.row("operator on the torus", str(kernel.expansion.operator()))
        return Derived(kernel.derivation, card)
