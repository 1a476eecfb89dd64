r"""The certificate: a derived gradient against the Euler operator on component jets, exactly.

For \(L = \sqrt{\det g}\,w\,\mathcal L\) the Euler operator is
\(E = \sum_\alpha (-D)^\alpha\,\partial L/\partial(\partial_\alpha\phi)\), the formal adjoint of the linearisation of L
applied to 1. L is evaluated once over exact power series that remember how they were made, at a random rational jet;
running backwards (`geomflow.symbolic.certificates.adjoint`) gives E for every component of every field. The curvature
comes from its definition by partial derivatives, so no rule of variation enters. A false identity survives with small
probability only (Schwartz-Zippel), and none survives by rounding.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import sympy as sp
from flint import fmpq

from geomflow.core.card import Card
from geomflow.core.errors import ArgumentError, CertificateError
from geomflow.symbolic.abstract.components import evaluate
from geomflow.symbolic.abstract.expression import DIMENSION, Expression, metric
from geomflow.symbolic.abstract.variation import Variation, fields_of, weight_exponent, without_constant
from geomflow.symbolic.certificates.adjoint import Traced, euler_derivatives
from geomflow.symbolic.certificates.series import rational
from geomflow.symbolic.certificates.series_frame import Component, Direction, Jets, SeriesFrame, random_jets


class Integrand(Protocol):
    r"""What is certified: anything with a name, a density and a weight."""

    @property
    def name(self) -> str:
        r"""The name on the certificate."""
        ...

    @property
    def density(self) -> Expression:
        r"""The scalar under the integral, without the weight."""
        ...

    @property
    def weight(self) -> Expression:
        r"""A constant times weights \(e^{kf}\)."""
        ...


@dataclass(frozen=True)
class Certificate:
    r"""The record of one exact check.

    Args:
        name: the functional.
        dim: the dimension.
        seed: the seed of the jets.
        jets: the polynomials and constants at which the check was made.
        residual: the largest difference of a component; "0", exactly.
        components_checked: how many components were compared.
        seconds: wall time.
    """

    name: str
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
        r"""Return the certificate as a card."""
        card = Card(f"Certificate: {self.name}")
        card.row("dimension", self.dim)
        card.row("seed of the jets", self.seed)
        card.row("components compared", self.components_checked)
        card.row("residual", self.residual, "exact rational arithmetic")
        card.row("wall time", f"{self.seconds:.2f} s")
        return card.verdict("verified", "the gradients are the Euler operator of the density.")

    def __str__(self) -> str:
        return str(self.card())


def certify(
    functional: Integrand, variation: Variation, dim: int, seed: int = 0, contracted: bool = False
) -> Certificate:
    r"""Compare every gradient with the Euler operator, exactly, at one random rational jet.

    Args:
        functional: its name, density and weight.
        variation: the derived gradients, of the same functional.
        dim: dimension n >= 1.
        seed: seed of the jets.
        contracted: compare one random contraction \(S_{ij}E^{ij}\) for each field instead of every component.

    Returns:
        The certificate; its residual is exactly zero.

    Raises:
        CertificateError: a component differs. Numbers: `component`, `residual`, `dim`, `seed`.
        ArgumentError: `dim` is not positive.

    Good values: n = 2, 3 and 4, every component: below a second for two derivatives of the metric.
    """
    if dim < 1:
        raise ArgumentError(f"Argument `dim` must be at least 1, but it was {dim}.", dim=dim)
    start = time.perf_counter()
    # The jets reach as far as the Euler operator, and as far as the gradients do should they be wrong.
    orders = (differential_order(gradient) for gradient in variation.gradients.values())
    depth = max(2 * differential_order(functional.density), *orders)
    fields = fields_of(functional.density * functional.weight)
    jets = random_jets(dim, depth, fields, _constants(functional.density), seed)
    directions = _contractions(jets, seed) if contracted else _components(jets)

    every = euler_operator(functional, jets, depth)
    euler = {label: _sum(s * every[c] for c, s in direction.items()) for label, direction in directions.items()}
    frame = jets.frame(depth)
    gradients = {head.name: raised_components(variation.gradient(head.name), frame) for head in jets.heads}
    derived = {label: _pair(jets, direction, gradients) for label, direction in directions.items()}
    _compare(functional.name, derived, euler, dim, seed)
    checked = len(euler)

    scalar, exponent = weight_exponent(functional.weight)
    if scalar is not None:
        moving = {label: d for label, d in directions.items() if "g" in {name for name, _ in d}}
        fixed = {"g": raised_components(variation.fixed_measure(), frame)}
        inverse = {"g": raised_components(metric("i", "j"), frame)}
        # The measure is held fixed by δf = -tr v / 2k, so E_f enters by the chain rule.
        share = euler[scalar.name] / (-2 * rational(exponent))
        chain = {label: euler[label] + _pair(jets, d, inverse) * share for label, d in moving.items()}
        derived = {label: _pair(jets, d, fixed) for label, d in moving.items()}
        _compare(f"{functional.name}, fixed measure", derived, chain, dim, seed)
        checked += len(chain)
    seconds = time.perf_counter() - start
    return Certificate(functional.name, dim, seed, jets.strings(), "0", checked, seconds)


def euler_operator(functional: Integrand, jets: Jets, order: int) -> dict[Component, fmpq]:
    r"""Return E at the origin for each independent component, relative to \(\sqrt{\det g(0)}\,w(0)\).

    Args:
        functional: density and weight.
        jets: the metric and the fields.
        order: Taylor order, at least twice the differential order of the density.
    """
    fields = {component: Traced(series) for component, series in jets.independent(order).items()}
    frame = jets.frame(order, fields)
    weighted = frame.volume() * evaluate(without_constant(functional.weight), frame).item()
    integrand = weighted * evaluate(functional.density, frame).item()
    return dict(zip(fields, euler_derivatives(integrand, fields.values())))


def _components(jets: Jets) -> dict[str, Direction]:
    # Along 1/m, with m components moving together, the pairing is the component itself.
    directions: dict[str, Direction] = {}
    for name, index in jets.polynomials:
        label = name + ("^" + "".join(str(i + 1) for i in index) if index else "")
        directions[label] = {(name, index): fmpq(1, jets.multiplicity((name, index)))}
    return directions


def _contractions(jets: Jets, seed: int) -> dict[str, Direction]:
    generator = random.Random(seed)
    directions: dict[str, Direction] = {}
    for head in jets.heads:
        components = [component for component in jets.polynomials if component[0] == head.name]
        directions[head.name] = {c: fmpq(generator.randint(1, 99) if head.rank else 1) for c in components}
    return directions


def _pair(jets: Jets, direction: Direction, tensors: dict[str, np.ndarray]) -> fmpq:
    return _sum(s * jets.multiplicity((name, i)) * tensors[name][i] for (name, i), s in direction.items())


def _sum(terms: Iterable[fmpq]) -> fmpq:
    return sum(terms, fmpq(0))


def differential_order(expression: Expression) -> int:
    r"""Return the highest derivative of a field: two for a curvature, one for a form, one more for each \(\nabla\)."""
    own = {"curvature": 2, "form": 1}
    return max((len(f.derivatives) + own.get(f.head.kind, 0) for _, fs in expression.terms for f in fs), default=0)


def raised_components(gradient: Expression, frame: SeriesFrame) -> np.ndarray:
    r"""Return the components at the origin, every index raised."""
    lowered = evaluate(gradient, frame)
    values = np.vectorize(lambda series: series.constant_term(), otypes=[object])(lowered)
    inverse = np.empty((frame.dim, frame.dim), dtype=object)
    for i, j in np.ndindex(*inverse.shape):
        inverse[i, j] = frame.inverse(i, j).constant_term()
    for axis in range(values.ndim):
        values = np.moveaxis(np.tensordot(inverse, values, axes=(1, axis)), 0, axis)
    return values


def _constants(density: Expression) -> list[sp.Symbol]:
    symbols = {s for c, _ in density.terms for s in c.free_symbols if isinstance(s, sp.Symbol)}
    return sorted(symbols - {DIMENSION}, key=str)


def _compare(name: str, derived: dict[str, fmpq], euler: dict[str, fmpq], dim: int, seed: int) -> None:
    for label, value in euler.items():
        residual = derived[label] - value
        if residual != 0:
            raise CertificateError(
                f"The gradient of `{name}` fails its certificate: in dimension {dim}, component {label}, it differs "
                f"from the Euler operator by {residual}. A rule of variation is wrong, or the gradient is not of "
                "this functional.",
                component=label,
                residual=str(residual),
                dim=dim,
                seed=seed,
            )
