r"""What a derivation leaves behind: its steps, its card and its certificates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from geomflow.core.card import Card
from geomflow.symbolic.certificates.certificate import Certificate
from geomflow.symbolic.certificates.check import ExactCheck
from geomflow.symbolic.certificates.proof import Proof
from geomflow.symbolic.derivation import Derivation

#: What is kept of a check: at random rational jets, or as an identity in unknown functions.
Record = Certificate | ExactCheck | Proof


@dataclass(frozen=True)
class Derived:
    r"""Derivations, the card that sums them up, and the exact checks they passed.

    Args:
        name: catalogue name.
        derivations: in the order in which they are read.
        card: the results.
        certificates: one record for each check.
    """

    name: str
    derivations: tuple[Derivation, ...]
    card: Card
    certificates: tuple[Record, ...] = ()

    def text(self) -> str:
        r"""Return the steps in plain text."""
        return "\n\n".join(f"{d.plain_title}\n{d.text()}" for d in self.derivations)


def add_certificates(card: Card, certificates: Sequence[Record]) -> None:
    r"""Add one row that sums up exact checks."""
    components = sum(c.components_checked for c in certificates)
    known = sorted({c.dim for c in certificates if c.dim is not None})
    dims = ", ".join([*map(str, known), *(["a symbol"] if any(c.dim is None for c in certificates) else [])])
    seconds = sum(c.seconds for c in certificates)
    residual = "0" if all(c.residual == "0" for c in certificates) else "not 0"
    proved = all(isinstance(c, Proof) for c in certificates)
    how = "identically in the unknown functions" if proved else "at random rational jets"
    note = f"{components} components {how}, n = {dims}, exact, {seconds:.2f} s"
    card.row("certificate", f"residual {residual}", note)
