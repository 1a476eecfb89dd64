r"""Principal symbols checked against components: the velocity of a polynomial mode on a flat metric, exactly.

On a random constant metric \(g_0\) the mode \(v = V\,(k\cdot x)^m/m!\), with random rational V and k, has
\(\partial^m v = V\,k\cdots k\) at the origin and no lower derivative there. The tangent of the velocity at
\(g_0 + \varepsilon v\), from the definition of the curvature, is then the symbol at k applied to V (derivatives
counted without i): no rule of variation and no dropping of terms is involved.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from math import factorial

import numpy as np
import sympy as sp
from flint import fmpq

from geomflow.symbolic.abstract.components import evaluate
from geomflow.symbolic.abstract.expression import DIMENSION, METRIC, Expression, as_expression
from geomflow.symbolic.abstract.variation import variation_head
from geomflow.symbolic.certificates.certificate import differential_order
from geomflow.symbolic.certificates.check import ExactCheck, compared, square_jets, tangents
from geomflow.symbolic.certificates.series import Exponents, Series, SeriesRing, multi_indices, rational
from geomflow.symbolic.certificates.series_frame import Component, SeriesFrame
from geomflow.symbolic.flows.flow import Flow
from geomflow.symbolic.flows.symbol import Symbol
from geomflow.symbolic.plain import plain

Polynomial = dict[Exponents, fmpq]


def certify_symbol(
    symbol: Symbol,
    flow: Flow,
    dim: int,
    seed: int = 0,
    response: Mapping[str, Expression] | None = None,
    constraint: Mapping[str, Expression] | None = None,
) -> ExactCheck:
    r"""Compare a principal symbol with the components of the velocity on one random mode, exactly.

    Args:
        symbol: the derived symbol.
        flow: the flow it was derived from.
        dim: dimension n >= 2.
        seed: seed of metric, wave vector and polarisation.
        response: as for `principal_symbol`.
        constraint: as for `principal_symbol`; equations of the same order in the metric and in the field.

    Raises:
        CertificateError: a component differs.

    Good values: n = 2, 3, 4 (below a second for second order).
    """
    start = time.perf_counter()
    response = {name: as_expression(e) for name, e in (response or {}).items()}
    constraint = dict(constraint or {})
    mode = _Mode(symbol.order, flow, dim, seed, response, constraint)
    scalars = {name: mode.amplitude() for name in symbol.scalars}
    slaved = {name: mode.slaved(name, equation, scalars) for name, equation in constraint.items()}
    frame = mode.frame(mode.polarisation, scalars | slaved)
    claim = f"the principal symbol of {plain(symbol.name)} is {symbol}"
    derived = [_applied(symbol, mode, scalars)]
    computed = [tangents(evaluate(flow.metric, frame), dim).ravel()]
    for name, row in symbol.scalars.items():
        derived.append(np.array([mode.scalar(row, "", scalars)], dtype=object))
        computed.append(tangents(evaluate(flow.fields[name], frame), dim).ravel())
    return compared(claim, np.concatenate(derived), np.concatenate(computed), mode.jets, seed, start)


class _Mode:
    r"""A random flat metric with one polynomial mode on it."""

    def __init__(self, order: int, flow: Flow, dim: int, seed: int, response: dict, constraint: dict):
        self.order, self.dim, self.response, self.constraint = order, dim, response, constraint
        expressions = [flow.metric, *flow.fields.values(), *constraint.values()]
        self.depth = max(order, *map(differential_order, expressions), *map(differential_order, response.values()), 0)
        self.depth += max(map(differential_order, response.values()), default=0)
        self.jets = square_jets(dim, 0, expressions, (), seed)
        self.generator = random.Random(seed)
        self.wave = [self.amplitude() for _ in range(dim)]
        self.polarisation = {(i, j): self.amplitude() for i in range(dim) for j in range(i, dim)}
        base = self.jets.frame(0)
        every = range(dim)
        self.inverse = [[base.inverse(i, j).constant_term() for j in every] for i in every]
        self.metric = [[base.metric(i, j).constant_term() for j in every] for i in every]
        # A scalar field in a coefficient of the symbol is its value at rest.
        scalars = [head for head in self.jets.heads if head.rank == 0]
        self.at_rest = {sp.Symbol(h.name): _rational(base.field(h.name).constant_term()) for h in scalars}

    def amplitude(self) -> fmpq:
        return fmpq(self.generator.choice([-3, -2, -1, 1, 2, 3]), self.generator.choice([1, 2]))

    def v(self, i: int, j: int) -> fmpq:
        return self.polarisation[min(i, j), max(i, j)]

    def raised(self, i: int) -> fmpq:
        return sum((self.inverse[i][j] * self.wave[j] for j in range(self.dim)), fmpq(0))

    def profile(self, amplitude: fmpq) -> Polynomial:
        r"""Return \(A\,(k\cdot x)^m/m!\), the coefficient of \(x^\alpha\) being \(A k^\alpha/\alpha!\)."""
        polynomial: Polynomial = {}
        for alpha in multi_indices(self.dim, self.order):
            if sum(alpha) == self.order:
                c = amplitude
                for k, a in zip(self.wave, alpha):
                    c = c * k**a / factorial(a)
                polynomial[alpha] = c
        return polynomial

    def frame(self, polarisation: dict[tuple[int, int], fmpq], scalars: Mapping[str, fmpq]) -> SeriesFrame:
        r"""Return the chart with the mode as tangent, the fields that respond included."""
        ring = SeriesRing(self.dim, self.depth)
        moved: dict[Component, Polynomial] = {
            ("g", (i, j)): self.profile(polarisation.get((min(i, j), max(i, j)), fmpq(0)))
            for i, j in np.ndindex(self.dim, self.dim)
        } | {(name, ()): self.profile(amplitude) for name, amplitude in scalars.items()}
        rest = self.jets.frame(0)
        components: dict[Component, Series] = {}
        origin: Exponents = (0,) * self.dim
        for head in self.jets.heads:
            for index in np.ndindex(*(self.dim,) * head.rank):
                flat = head == METRIC or head.rank == 0
                background: Polynomial = {origin: rest.field(head.name, *index).constant_term()} if flat else {}
                components[head.name, index] = ring.element(background, moved.get((head.name, index)))
        v = variation_head(METRIC)
        own = {(v.name, index): ring.element(moved["g", index]) for index in np.ndindex(self.dim, self.dim)}
        plain = {key: Series(ring, s.value, ring.constant(0).value, s.order) for key, s in components.items()}
        at_rest = SeriesFrame(ring, plain | own, self.jets.constants)
        for name, answer in self.response.items():
            # An answer of zero leaves the field where it is.
            for index, tangent in np.ndenumerate(evaluate(answer, at_rest)) if answer.terms else ():
                value = components[name, index]
                truncated = value.value.truncate(ring.length(tangent.order))
                components[name, index] = Series(ring, truncated, tangent.value, tangent.order)
        return SeriesFrame(ring, components, self.jets.constants)

    def slaved(self, name: str, equation: Expression, scalars: Mapping[str, fmpq]) -> fmpq:
        r"""Return the amplitude of the field for which the equation stays constant to first order."""
        # Where two derivatives fall, the equation varies like (k·x)^(m-q): its coefficient along one axis is compared.
        axis = next(a for a, k in enumerate(self.wave) if k != 0)
        alpha = tuple((self.order - differential_order(equation)) * (a == axis) for a in range(self.dim))
        alone = evaluate(equation, self.frame(self.polarisation, dict(scalars))).item().tangent_coefficient(alpha)
        unit = evaluate(equation, self.frame({}, {name: fmpq(1)})).item().tangent_coefficient(alpha)
        return -alone / unit

    def scalar(self, row: Mapping[tuple[str, str], sp.Expr], outer: str, scalars: Mapping[str, fmpq]) -> fmpq:
        r"""Return the sum of the structures `outer` of a row, powers of \(|k|^2\) included."""
        square = sum((self.raised(i) * self.wave[i] for i in range(self.dim)), fmpq(0))
        every = range(self.dim)
        inner = {
            "tr": sum((self.inverse[i][j] * self.v(i, j) for i in every for j in every), fmpq(0)),
            "ξξ": sum((self.raised(i) * self.raised(j) * self.v(i, j) for i in every for j in every), fmpq(0)) / square,
            **scalars,
        }
        power = square ** (self.order // 2 - (outer == "ξξ"))
        return sum((self.number(c) * inner[name] * power for (o, name), c in row.items() if o == outer), fmpq(0))

    def number(self, c: sp.Expr) -> fmpq:
        return rational(sp.sympify(c).subs({DIMENSION: self.dim, **self.jets.constants, **self.at_rest}))


def _rational(q: fmpq) -> sp.Expr:
    return sp.Rational(int(q.p), int(q.q))


def _applied(symbol: Symbol, mode: _Mode, scalars: Mapping[str, fmpq]) -> np.ndarray:
    # The structures of the symbol at k, applied to V.
    every = range(mode.dim)
    square = sum((mode.raised(i) * mode.wave[i] for i in every), fmpq(0))
    contracted = [sum((mode.raised(a) * mode.v(a, i) for a in every), fmpq(0)) for i in every]
    own, half = (mode.number(symbol.metric.get((outer, ""), sp.S.Zero)) for outer in ("v", "ξv"))
    on_metric, on_wave = (mode.scalar(symbol.metric, outer, scalars) for outer in ("g", "ξξ"))
    power = square ** (symbol.order // 2 - 1)
    values = [
        own * power * square * mode.v(i, j)
        + half * power * (mode.wave[i] * contracted[j] + mode.wave[j] * contracted[i]) / 2
        + on_metric * mode.metric[i][j]
        + on_wave * mode.wave[i] * mode.wave[j]
        for i in every
        for j in every
    ]
    return np.array(values, dtype=object)
