r"""Evolution equations checked against components: the time derivative along the flow, exactly.

At a random rational jet the velocities S, \(\dot f\), ... are Taylor polynomials. The metric \(g + \varepsilon S\) and
the fields \(f + \varepsilon\dot f\) go through the definitions of \(\Gamma\) and of the curvature; the coefficient of
\(\varepsilon\) is \(\partial_t\), with no rule of variation and no normal form involved.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Literal

import numpy as np
import sympy as sp
from flint import fmpq_poly

from geomflow.core.errors import CertificateError
from geomflow.symbolic.abstract.components import evaluate
from geomflow.symbolic.abstract.expression import DIMENSION, ONE, Expression
from geomflow.symbolic.abstract.variation import Variation, fields_of
from geomflow.symbolic.certificates.certificate import Certificate, certify, differential_order
from geomflow.symbolic.certificates.check import ExactCheck, at_origin, compared, square_jets, tangents
from geomflow.symbolic.certificates.series import Series, SeriesRing, rational
from geomflow.symbolic.certificates.series_frame import Component, Jets, SeriesFrame
from geomflow.symbolic.derivation import Derivation
from geomflow.symbolic.flows.flow import Flow
from geomflow.symbolic.plain import plain

#: π is transcendental: what holds identically in it holds for any number in its place.
_PI = {sp.pi: sp.Rational(9, 4)}


class _FlowFrame(SeriesFrame):
    r"""A chart whose constants move too: their rates are the tangents."""

    def __init__(
        self,
        ring: SeriesRing,
        components: Mapping[Component, Series],
        constants: Mapping[sp.Symbol, sp.Expr],
        rates: Mapping[str, sp.Expr | int],
    ):
        super().__init__(ring, components, constants)
        self.rates = {sp.Symbol(name): sp.sympify(rate) for name, rate in rates.items()}

    def constant(self, q: sp.Expr) -> Series:
        r"""Return an expression in constants, its time derivative the tangent."""
        at_values = sp.sympify(q).subs(DIMENSION, self.dim)
        rate = sp.Add(*(sp.diff(at_values, symbol) * rate for symbol, rate in self.rates.items()))
        numbers = {**self.constants, **_PI}
        value, tangent = (fmpq_poly([rational(sp.cancel(e.xreplace(numbers)))]) for e in (at_values, rate))
        return Series(self.ring, value, tangent, self.ring.order)


def moving_frame(jets: Jets, rest: SeriesFrame, flow: Flow) -> SeriesFrame:
    r"""Return the chart `rest` of the jets, with the velocities of a flow as tangents.

    Raises:
        DerivationError: the flow does not move a field of the jets.
    """
    moving: dict[Component, Series] = {}
    for head in jets.heads:
        velocity = flow.velocity(head)
        tangents_of = evaluate(velocity, rest) if velocity.terms else np.full((rest.dim,) * head.rank, rest.zero)
        for index, tangent in np.ndenumerate(tangents_of):
            value = rest.field(head.name, *index).value.truncate(rest.ring.length(tangent.order))
            moving[head.name, index] = Series(rest.ring, value, tangent.value, tangent.order)
    return _FlowFrame(rest.ring, moving, jets.constants, flow.constants)


def certify_evolution(
    quantity: Expression | Literal["dV", "Γ"], evolved: Expression, flow: Flow, dim: int, seed: int = 0
) -> ExactCheck:
    r"""Compare a derived \(\partial_t Q\) with the derivative of the components of Q along the flow, exactly.

    Args:
        quantity: Q, or "dV" (relative to dV) or "Γ" (\(\Gamma^k_{ij}\)).
        evolved: the derived \(\partial_t Q\), its free indices below (k of \(\Gamma\) above).
        flow: the velocities.
        dim: dimension n >= 1.
        seed: seed of the jets.

    Raises:
        CertificateError: a component differs. Numbers: `component`, `residual`, `dim`, `seed`.
        DerivationError: the flow does not move a field that occurs.

    Good values: n = 2, 3 (a second), n = 4 for R and Ric.
    """
    start = time.perf_counter()
    given = ONE if isinstance(quantity, str) else quantity.lowered()
    velocities = [flow.metric, *flow.fields.values()]
    needed = {"dV": 0, "Γ": 1}[quantity] if isinstance(quantity, str) else differential_order(quantity)
    depth = max(needed + max(map(differential_order, velocities)), differential_order(evolved))
    expressions = [given, evolved, *velocities]
    jets = square_jets(dim, depth, expressions, tuple(flow.constants), seed)
    base = jets.frame(depth)
    components = {(h.name, i): base.field(h.name, *i) for h in jets.heads for i in np.ndindex(*(dim,) * h.rank)}
    rest = _FlowFrame(base.ring, components, jets.constants, {})
    frame = moving_frame(jets, rest, flow)
    if quantity == "dV":
        computed = np.array(frame.volume(), dtype=object)
    elif quantity == "Γ":
        computed = np.empty((dim,) * 3, dtype=object)
        for i, j, k in np.ndindex(dim, dim, dim):
            computed[i, j, k] = frame.christoffel(k, i, j)
    else:
        computed = evaluate(given, frame)
    derived = at_origin(evaluate(evolved, rest))
    if quantity == "Γ":
        inverse = np.array([[rest.inverse(k, l).constant_term() for l in range(dim)] for k in range(dim)], dtype=object)
        derived = np.tensordot(derived, inverse, axes=(2, 0))
    claim = f"∂_t {quantity} = {evolved} along the {plain(flow.name)}"
    return compared(claim, derived, tangents(computed, dim), jets, seed, start)


def certify_divergence(
    expression: Expression, weight: Expression, dim: int, seed: int = 0, contracted: bool = True
) -> Certificate:
    r"""Certify that D w dV is a divergence: its Euler operator in the metric and in every field vanishes, exactly.

    Args:
        expression: D, a scalar, relative to w dV.
        weight: w, a constant times \(e^{kf}\) of at most one field.
        dim: dimension n >= 1.
        seed: seed of the jets.
        contracted: test one random contraction for each field instead of every component.

    Raises:
        CertificateError: D is not a divergence.

    Good values: n = 2 for four derivatives (seconds).
    """
    heads = fields_of(expression * weight)
    gradients = {"g": _zero("ij")} | {head.name: _zero("ijklpq"[: head.rank]) for head in heads}
    claim = _Integrand(f"the divergence {expression}", expression, weight)
    zero = Variation(expression, weight, gradients, Derivation(""))
    try:
        return certify(claim, zero, dim, seed, contracted)
    except CertificateError as error:
        raise CertificateError(
            f"`{expression}` is no divergence relative to `{weight}` dV: in dimension {dim} its Euler operator does "
            "not vanish.",
            **error.numbers,
        ) from error


def _zero(letters: str) -> Expression:
    return Expression((), frozenset(letters), frozenset(letters))


class _Integrand:
    def __init__(self, name: str, density: Expression, weight: Expression):
        self.name, self.density, self.weight = name, density, weight
