"""Principal symbols: the table of flows around Ricci flow, checked in components and against explicit matrices."""

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp
from flint import fmpq

from geomflow.core.errors import CertificateError, DerivationError
from geomflow.functionals import FUNCTIONALS
from geomflow.symbolic.abstract import variation
from geomflow.symbolic.abstract.canonical import equal
from geomflow.symbolic.abstract.components import evaluate
from geomflow.symbolic.abstract.expression import (
    DIMENSION,
    Expression,
    exponential,
    laplacian,
    metric,
    nabla,
    ricci,
    scalar_curvature,
    scalar_field,
    tensor_field,
)
from geomflow.symbolic.abstract.expression import variation as varied
from geomflow.symbolic.abstract.parse import parse_density
from geomflow.symbolic.abstract.variation import first_variation
from geomflow.symbolic.certificates.series import SeriesRing
from geomflow.symbolic.certificates.series_frame import SeriesFrame
from geomflow.symbolic.certificates.symbol import certify_symbol
from geomflow.symbolic.derivation import Derivation
from geomflow.symbolic.flows import deturck
from geomflow.symbolic.flows.deturck import christoffel_trace, derive_deturck, in_gauge
from geomflow.symbolic.flows.flow import Flow, coupled_to_measure, gradient_flow, ricci_flow
from geomflow.symbolic.flows.linearise import damped_gradient_flow, fixed_measure, linearised, principal_symbol
from geomflow.symbolic.flows.symbol import Symbol

n, f = DIMENSION, scalar_field("f")
F = FUNCTIONALS["perelman-f"]
RICCI = ricci_flow()
STEEPEST = gradient_flow(F.variation(), 2)
MEASURE = fixed_measure(F.weight)
LAMBDA = Flow("λ-flow", STEEPEST.metric)
SLAVED = {"f": F.variation().gradient("f")}

#: name -> flow, response, constraint, rates of (TT, nT, transverse trace, nn), verdict
TABLE = {
    "raw": (RICCI, {}, {}, (-1, 0, -1, 0), "weakly parabolic: degenerate exactly in the directions of diff"),
    "DeTurck": (in_gauge(RICCI), {"W": christoffel_trace()}, {}, (-1, -1, -1, -1), "strictly parabolic"),
    "measure fixed": (STEEPEST, MEASURE, {}, (-1, 0, -1, 1), "ill-posed forward in time: growth +k^2 in the longitud"),
    "plus": (Flow("+", -2 * ricci("i", "j") + 2 * nabla("i", nabla("j", f))), MEASURE, {}, (-1, 0, -1, -1), "degener"),
    "λ": (LAMBDA, {}, SLAVED, (-1, 0, -1, 0), "weakly parabolic: degenerate exactly in the directions of diff"),
    "f a function": (
        Flow("free", 2 * F.variation().gradient("g").lowered()),
        {"f": Expression()},
        {},
        (-1, 0, n - 2, 0),
        "ill-posed forward in time: growth +(n - 2) k^2 in the transverse trace for n >= 3",
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_the_table(name):
    flow, response, constraint, rates, verdict = TABLE[name]
    symbol = principal_symbol(flow, response, constraint)
    assert symbol.order == 2
    assert all(sp.expand(rate.value - value) == 0 for rate, value in zip(symbol.rates(), rates, strict=True))
    assert symbol.verdict().startswith(verdict)
    assert symbol.annihilates_diffeomorphisms is (name in ("raw", "λ", "f a function"))
    for dim in (2, 3, 4):
        check = certify_symbol(symbol, flow, dim, seed=dim, response=response, constraint=constraint)
        assert check.components_checked == dim**2


@pytest.mark.parametrize("name", TABLE)
def test_a_wrong_coefficient_fails(name):
    flow, response, constraint, _, _ = TABLE[name]
    symbol = principal_symbol(flow, response, constraint)
    for key, c in symbol.metric.items():
        for wrong in (-c, 2 * c):
            with pytest.raises(CertificateError, match="principal symbol"):
                certify_symbol(replace(symbol, metric={**symbol.metric, key: wrong}), flow, 3, 1, response, constraint)


def test_a_broken_rule_fails(monkeypatch):
    good = variation.variation_of_ricci
    monkeypatch.setattr(variation, "variation_of_ricci", lambda b, d: 2 * good(b, d))
    with pytest.raises(CertificateError):
        certify_symbol(principal_symbol(RICCI), RICCI, 2)


def explicit(flow, order, dim, moves_f):
    """The matrix of the flow on Sym² at k = e_1, from components: columns are basis tensors times x_1^m / m!."""
    pairs = [(i, j) for i in range(dim) for j in range(i, dim)]
    ring = SeriesRing(dim, order)
    alpha, origin = (order, *(0,) * (dim - 1)), (0,) * dim
    profile = fmpq(1, int(sp.factorial(order)))
    matrix = sp.zeros(len(pairs))
    for column, pair in enumerate(pairs):
        components = {}
        for i, j in np.ndindex(dim, dim):
            moved = {alpha: profile} if (min(i, j), max(i, j)) == pair else {}
            components["g", (i, j)] = ring.element({origin: fmpq(int(i == j))}, moved)
        trace = {alpha: profile / 2} if pair[0] == pair[1] else {}
        components["f", ()] = ring.element({origin: fmpq(1)}, trace if moves_f else {})
        values = evaluate(flow.metric, SeriesFrame(ring, components, {}))
        for row, ij in enumerate(pairs):
            q = values[ij].tangent_coefficient(origin)
            matrix[row, column] = sp.Rational(int(q.p), int(q.q)) * (-1) ** (order // 2)
    return matrix


@pytest.mark.parametrize("dim", [2, 3, 4, 5])
@pytest.mark.parametrize("name", ["raw", "measure fixed", "f a function", "ricci-squared", "calabi"])
def test_eigenvalues_of_the_explicit_matrix(name, dim):
    if name in TABLE:
        flow, response, *_ = TABLE[name]
    else:
        flow, response = gradient_flow(FUNCTIONALS[name].variation()), {}
    symbol = principal_symbol(flow, response)
    x = sp.Symbol("x")
    matrix = explicit(flow, symbol.order, dim, moves_f=name == "measure fixed")
    predicted = sp.prod([(x - r.value.subs(n, dim)) ** r.multiplicity.subs(n, dim) for r in symbol.rates()])
    assert sp.expand(matrix.charpoly(x).as_expr() - predicted) == 0


def test_deturck_is_found():
    found = derive_deturck()
    assert found.coefficients == (1, -sp.Rational(1, 2))
    assert found.is_christoffel_trace
    assert found.symbol.verdict() == "strictly parabolic"
    trace = varied("g", "j", "^j")
    assert equal(found.vector, nabla("^j", varied("g", "i", "j")) - nabla("i", trace) / 2)
    assert "a = 1, b = -1/2" in found.derivation.text()


def test_deturck_of_the_covector_itself():
    """δW from the rule is the tangent of W_i = g^jk Γ_i,jk in components, the background connection flat."""
    dim, order = 3, 2
    ring = SeriesRing(dim, order)
    origin = (0,) * dim
    generator = np.random.default_rng(0)
    draw = lambda: {a: fmpq(int(generator.integers(-5, 6))) for a in ((1, 0, 0), (0, 1, 0), (0, 0, 1))}  # noqa: E731
    moved = {(i, j): draw() for i in range(dim) for j in range(i, dim)}
    flat = lambda i, j: {origin: fmpq(int(i == j))}  # noqa: E731
    pairs = list(np.ndindex(dim, dim))
    frame = SeriesFrame(
        ring, {("g", (i, j)): ring.element(flat(i, j), moved[min(i, j), max(i, j)]) for i, j in pairs}, {}
    )
    rest = {("g", (i, j)): ring.element(flat(i, j)) for i, j in pairs}
    rest |= {("v", (i, j)): ring.element(moved[min(i, j), max(i, j)]) for i, j in pairs}
    by_rule = evaluate(christoffel_trace(), SeriesFrame(ring, rest, {}))
    for i in range(dim):
        w = sum((frame.christoffel(i, j, j) for j in range(dim)), frame.zero)  # g = δ at the origin
        assert w.tangent_coefficient(origin) == by_rule[i].constant_term()


def test_no_gauge_helps_a_backward_flow(monkeypatch):
    monkeypatch.setattr(deturck, "in_gauge", lambda flow: flow)
    with pytest.raises(DerivationError, match="No vector"):
        derive_deturck()


@pytest.mark.parametrize(
    ("name", "rates", "words"),
    [
        ("hilbert", (-1, 0, n - 2, 0), "ill-posed"),
        ("list-flow", (-1, 0, n - 2, 0, -4 * sp.Symbol("alpha")), "ill-posed"),
        ("calabi", (0, 0, 2 - 2 * n, 0), "no damping of transverse traceless modes"),
        ("ricci-squared", (-1, 0, -n, 0), "weakly parabolic"),
        ("weyl-squared", (-2 * (n - 3) / (n - 2), 0, 0, 0), "for n >= 4"),
        ("gauss-bonnet", (0, 0, 0, 0), "nothing can be said"),
    ],
)
def test_gradient_flows(name, rates, words):
    flow, response = damped_gradient_flow(FUNCTIONALS[name].variation())
    symbol = principal_symbol(flow, response)
    assert all(sp.cancel(rate.value - value) == 0 for rate, value in zip(symbol.rates(), rates, strict=True))
    assert words in symbol.verdict()
    assert certify_symbol(symbol, flow, 4, 0, response).residual == "0"


def test_weyl_squared_does_not_see_conformal_changes():
    flow, response = damped_gradient_flow(FUNCTIONALS["weyl-squared"].variation())
    assert principal_symbol(flow, response).annihilates_conformal_changes
    assert not principal_symbol(RICCI).annihilates_conformal_changes
    # For n = 2 Ricci flow is conformal: the transverse trace is a conformal change up to a diffeomorphism.
    assert principal_symbol(Flow("Yamabe", -1 * scalar_curvature() * metric("i", "j"))).block == sp.Matrix(
        [[1 - n, 0], [1 - n, 0]]
    )


def test_every_direction_of_a_diffeomorphism_counts():
    half = Symbol("made up", 2, {("v", ""): sp.S.One, ("ξv", ""): sp.S.NegativeOne}, {}, Derivation(""))
    assert [rate.value for rate in half.rates()] == [-1, -sp.Rational(1, 2), -1, 0]
    assert not half.annihilates_diffeomorphisms
    assert half.verdict() == "degenerate: no growth, but no damping of the longitudinal mode"


def test_scalars_may_evolve():
    symbol = principal_symbol(coupled_to_measure(RICCI, F.weight, diffusion=True))
    assert symbol.block == sp.Matrix([[-1, 0, 0], [1 - n, 0, 0], [1 - n, 0, 1]])
    assert "the field f" in symbol.verdict()
    # A block that is not triangular: the eigenvalues are those of its characteristic polynomial.
    mixed = principal_symbol(STEEPEST)
    assert sorted(rate.value for rate in mixed.rates()[2:]) == [-1, 0, 1]
    assert certify_symbol(mixed, STEEPEST, 3).components_checked == 10
    for key, c in mixed.scalars["f"].items():
        wrong = {"f": {**mixed.scalars["f"], key: 2 * c}}
        with pytest.raises(CertificateError):
            certify_symbol(replace(mixed, scalars=wrong), STEEPEST, 3)


def test_a_positive_rate_without_a_short_formula():
    variation = first_variation(parse_density("R - alpha*|grad f|^2"), exponential("f", -2))
    flow, response = damped_gradient_flow(variation)
    symbol = principal_symbol(flow, response)
    assert not symbol.block.is_lower
    assert not symbol.block.is_upper
    words = "ill-posed forward in time: a positive rate in the mixture of transverse trace, nn"
    assert symbol.verdict() == words
    number = symbol.block.subs({n: 3, sp.Symbol("alpha"): 1})
    assert max(sp.N(value) for value in number.eigenvals()) > 0


def test_background_curvature_and_derivatives_drop_out():
    expression = linearised(scalar_curvature() * f + laplacian(f), {"f": Expression()})
    assert equal(expression, f * (nabla("i", nabla("j", varied("g", "^i", "^j"))) - laplacian(varied("g", "i", "^i"))))


def test_the_derivation_states_the_verdict():
    symbol = principal_symbol(STEEPEST, MEASURE)
    assert symbol.derivation.steps[-1].reason.startswith("ill-posed forward in time: growth $+k^2$")
    assert "δf = (1/2) tr v" in symbol.derivation.text()


def test_refusals_are_sentences():
    with pytest.raises(DerivationError, match="What the field `f` does"):
        principal_symbol(Flow("f not said", STEEPEST.metric))
    with pytest.raises(DerivationError, match="does not contain `f`"):
        principal_symbol(LAMBDA, constraint={"f": scalar_curvature()})
    with pytest.raises(DerivationError, match="Only scalar fields can evolve"):
        principal_symbol(Flow("W moves", RICCI.metric, {"W": tensor_field("W", "i")}))
    with pytest.raises(DerivationError, match="measure"):
        fixed_measure(exponential("f") * exponential("u"))
