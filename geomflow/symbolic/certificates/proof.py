r"""An identity proved for every choice of the unknown functions: the two sides are one element of a field.

The unknown functions and their derivatives are independent generators of a fraction field, so that a residual that
is 0 there is 0 for all of them. Nothing is drawn at random, and there is no seed to record.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import sympy as sp

from geomflow.core.card import Card
from geomflow.core.errors import CertificateError

#: A residual is quoted in full up to this many operations.
_SHOWN = 60


@dataclass(frozen=True)
class Proof:
    r"""The record of one identity between field elements.

    Args:
        claim: what was proved.
        holds_for: what is unknown in it: "every K(z, z̄, t)".
        dim: the dimension n, or None where n is itself a symbol.
        residual: the difference of the two sides; "0", exactly.
        components_checked: how many components were compared.
        seconds: wall time.
    """

    claim: str
    holds_for: str
    dim: int | None
    residual: str
    components_checked: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        r"""Return the fields as plain data, for JSON."""
        return asdict(self)

    def card(self) -> Card:
        r"""Return the proof as a card."""
        card = Card("Exact identity")
        card.row("dimension", "every n" if self.dim is None else self.dim)
        card.row("holds for", self.holds_for)
        card.row("components compared", self.components_checked)
        card.row("residual", self.residual, "as an element of a field")
        card.row("wall time", f"{self.seconds:.2f} s")
        return card.verdict("verified", self.claim)

    def __str__(self) -> str:
        return str(self.card())


def prove(claim: str, holds_for: str, dim: int | None, residuals: Iterable[sp.Expr], start: float) -> Proof:
    r"""Return the record of an identity \(a - b = 0\) whose components all vanish.

    Args:
        claim: what is proved, in words or symbols.
        holds_for: what is unknown in it.
        dim: the dimension, or None where n is a symbol.
        residuals: the components of a - b, in canonical form: 0 if and only if they vanish.
        start: `time.perf_counter()` when the work began.

    Raises:
        CertificateError: a component does not vanish. Numbers: `component`, `residual`, `dim`.
    """
    count = 0
    for count, residual in enumerate(residuals, 1):
        if residual != 0:
            size = int(sp.count_ops(residual))
            found = str(residual) if size <= _SHOWN else f"an expression with {size} operations"
            where = "n a symbol" if dim is None else f"n = {dim}"
            raise CertificateError(
                f"It is not true that {claim}: for {where}, component {count}, the two sides differ by {found}. "
                "A rule is wrong, or the two do not belong together.",
                component=count,
                residual=str(residual),
                dim=dim,
            )
    return Proof(claim, holds_for, dim, "0", count, time.perf_counter() - start)
