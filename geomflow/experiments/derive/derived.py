r"""What a derivation leaves behind: its steps, its card and its certificates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from geomflow.core.card import Card
from geomflow.symbolic.certificates.certificate import Certificate
from geomflow.symbolic.certificates.check import ExactCheck
from geomflow.symbolic.derivation import Derivation


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
    certificates: tuple[Certificate | ExactCheck, ...] = ()

    def text(self) -> str:
        r"""Return the steps in plain text."""
        return "\n\n".join(f"{d.plain_title}\n{d.text()}" for d in self.derivations)


def add_certificates(card: Card, certificates: Sequence[Certificate | ExactCheck]) -> None:
    r"""Add one row that sums up exact checks."""
    components = sum(c.components_checked for c in certificates)
    dims = ", ".join(str(dim) for dim in sorted({c.dim for c in certificates}))
    seconds = sum(c.seconds for c in certificates)
    residual = "0" if all(c.residual == "0" for c in certificates) else "not 0"
    note = f"{components} components at random rational jets, n = {dims}, exact, {seconds:.2f} s"
    card.row("certificate", f"residual {residual}", note)
