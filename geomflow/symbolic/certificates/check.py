r"""An identity checked exactly, component by component, at random rational jets."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import sympy as sp

from geomflow.core.card import Card
from geomflow.core.errors import CertificateError
from geomflow.symbolic.abstract.components import evaluate
from geomflow.symbolic.abstract.expression import DIMENSION, Expression
from geomflow.symbolic.abstract.variation import fields_of
from geomflow.symbolic.certificates.certificate import differential_order
from geomflow.symbolic.certificates.series_frame import Jets, random_jets


@dataclass(frozen=True)
class ExactCheck:
    r"""The record of one exact comparison.

    Args:
        claim: what was compared, in words.
        dim: the dimension.
        seed: the seed of the jets.
        jets: the polynomials and constants at which the check was made.
        residual: the largest difference of a component; "0", exactly.
        components_checked: how many components were compared.
        seconds: wall time.
    """

    claim: str
    dim: int
    seed: int
    jets: dict[str, str]
    residual: str
    components_checked: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        r"""Return the fields as plain data, for JSON."""
        return asdict(self)

    def card(self) -> Card:
        r"""Return the check as a card."""
        card = Card("Exact check")
        card.row("dimension", self.dim)
        card.row("seed of the jets", self.seed)
        card.row("components compared", self.components_checked)
        card.row("residual", self.residual, "exact rational arithmetic")
        card.row("wall time", f"{self.seconds:.2f} s")
        return card.verdict("verified", self.claim)

    def __str__(self) -> str:
        return str(self.card())


def compared(claim: str, derived: np.ndarray, computed: np.ndarray, jets: Jets, seed: int, start: float) -> ExactCheck:
    r"""Return the record of two arrays of rationals that agree exactly.

    Raises:
        CertificateError: a component differs. Numbers: `component`, `residual`, `dim`, `seed`.
    """
    for index in np.ndindex(*derived.shape):
        residual = derived[index] - computed[index]
        if residual != 0:
            component = "".join(str(i + 1) for i in index) or "scalar"
            raise CertificateError(
                f"It is not true that {claim}: in dimension {jets.dim}, component {component}, the two sides differ by "
                f"{residual}. A rule is wrong, or the two do not belong together.",
                component=component,
                residual=str(residual),
                dim=jets.dim,
                seed=seed,
            )
    seconds = time.perf_counter() - start
    return ExactCheck(claim, jets.dim, seed, jets.strings(), "0", int(derived.size), seconds)


def certify_equal(claim: str, left: Expression, right: Expression, dim: int, seed: int = 0) -> ExactCheck:
    r"""Compare two expressions component by component at one random rational jet.

    Args:
        claim: what is compared, in words.
        left, right: with the same free indices; weights only \(e^{-mf}\).
        dim: dimension n >= 1.
        seed: seed of the jets.

    Raises:
        CertificateError: a component differs.
    """
    start = time.perf_counter()
    depth = max(differential_order(left), differential_order(right))
    jets = square_jets(dim, depth, [left, right], (), seed)
    frame = jets.frame(depth)
    derived, computed = (at_origin(evaluate(side, frame)) for side in (right, left))
    return compared(claim, derived, computed, jets, seed, start)


def at_origin(components: np.ndarray) -> np.ndarray:
    r"""Return the values at the origin of an array of series."""
    return np.vectorize(lambda series: series.constant_term(), otypes=[object])(components)


def tangents(components: np.ndarray, dim: int) -> np.ndarray:
    r"""Return the derivatives along the nilpotent direction at the origin of an array of series."""
    return np.vectorize(lambda series: series.tangent_coefficient((0,) * dim), otypes=[object])(components)


def square_jets(dim: int, depth: int, expressions: list[Expression], constants: tuple[str, ...], seed: int) -> Jets:
    r"""Return random jets of everything in the expressions, the constants squares (\(\tau^{n/2}\) is rational)."""
    fields = {head for e in expressions for head in fields_of(e)}
    names = {str(s) for e in expressions for c, _ in e.terms for s in c.free_symbols - {DIMENSION}} | set(constants)
    heads = sorted(fields, key=lambda h: h.name)
    jets = random_jets(dim, depth, heads, map(sp.Symbol, sorted(names)), seed)
    return Jets(dim, jets.heads, jets.polynomials, {s: v**2 for s, v in jets.constants.items()})
