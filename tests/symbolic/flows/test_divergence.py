"""Divergences are found explicitly, monotonicity comes out as squares, and both survive independent checks."""

from dataclasses import replace

import pytest
import sympy as sp

from geomflow.core.errors import CertificateError, DerivationError
from geomflow.functionals import FUNCTIONALS
from geomflow.symbolic.abstract.canonical import equal
from geomflow.symbolic.abstract.expression import (
    ONE,
    as_expression,
    exponential,
    gradient,
    laplacian,
    metric,
    nabla,
    norm_squared,
    ricci,
    riemann,
    scalar_curvature,
    scalar_field,
)
from geomflow.symbolic.certificates.evolution import certify_divergence, certify_evolution
from geomflow.symbolic.flows.divergence import potential, weighted_divergence
from geomflow.symbolic.flows.flow import Flow, coupled_to_measure, gradient_flow, ricci_flow
from geomflow.symbolic.flows.harnack import pointwise_entropy
from geomflow.symbolic.flows.monotonicity import gradients_at_fixed_measure, monotonicity

f, u, R = scalar_field("f"), scalar_field("u"), scalar_curvature()
Ric, hess = ricci("i", "j"), nabla("i", nabla("j", f))
F, W = FUNCTIONALS["perelman-f"], FUNCTIONALS["perelman-w"]
n, tau = sp.Symbol("n", integer=True, positive=True), sp.Symbol("tau")
#: ∇^a R_abcd, the curl of Ric.
DIV_RIEM = nabla("^a", riemann("a", "b", "c", "d"))
SHRINKING = Flow("Ricci flow", ricci_flow().metric, constants={"tau": -1})


@pytest.mark.parametrize(
    ("expression", "weight"),
    [
        (laplacian(R), ONE),
        (laplacian(f) - norm_squared(gradient(f)), exponential("f")),
        (norm_squared(hess) - laplacian(f) ** 2 + Ric * nabla("^i", f) * nabla("^j", f), ONE),  # Bochner
        (Ric * hess - R * laplacian(f) / 2, ONE),
        (R * nabla("i", R) * nabla("^i", u) + R**2 * laplacian(u) / 2, ONE),
        (riemann("a", "b", "c", "d") * nabla("^a", nabla("^c", ricci("^b", "^d"))) + norm_squared(DIV_RIEM) / 2, ONE),
        (laplacian(u) - 2 * nabla("i", f) * nabla("^i", u), exponential("f", -2)),
        (as_expression(0), ONE),
    ],
    ids=str,
)
def test_a_divergence_is_found(expression, weight):
    found = potential(expression, weight)
    assert found is not None
    assert equal(weighted_divergence(found.vector, weight), expression)
    if expression.terms:
        assert certify_divergence(expression, weight, 2).residual == "0"


@pytest.mark.parametrize("expression", [R, norm_squared(hess), R * laplacian(f), norm_squared(gradient(f))], ids=str)
def test_what_is_no_divergence_is_not_found(expression):
    assert potential(expression) is None
    with pytest.raises(CertificateError, match="no divergence") as caught:
        certify_divergence(expression, ONE, 3)
    assert caught.value.dim == 3


def test_squares_may_be_left_over():
    found = potential(3 * norm_squared(hess) + laplacian(R), ONE, [R**2, norm_squared(hess)])
    assert found is not None
    assert found.coefficients == (0, 3)


@pytest.mark.parametrize("flow", [gradient_flow(F.variation(), 2), coupled_to_measure(ricci_flow(), F.weight, True)])
def test_f_is_monotone(flow):
    change = monotonicity(F.variation(), flow)
    assert equal(change.total, 2 * norm_squared(Ric + hess))
    assert str(change) == "2 |Ric_ij + ∇_i ∇_j f|²"
    assert equal(change.remainder, weighted_divergence(change.vector, F.weight))
    assert change.remainder.terms  # an identity under the integral only
    assert certify_divergence(change.remainder, F.weight, 2).components_checked == 3
    for dim in (2, 3):
        claimed = change.claimed(F.variation(), flow)
        assert certify_evolution(F.density * F.weight, claimed, flow, dim).residual == "0"


def test_w_is_monotone():
    soliton = Ric + hess - metric("i", "j") / (2 * tau)
    steepest = Flow("gradient flow", gradient_flow(F.variation(), 2).metric, constants={"tau": -1})
    for flow in (coupled_to_measure(steepest, W.weight), coupled_to_measure(SHRINKING, W.weight, diffusion=True)):
        change = monotonicity(W.variation(), flow)
        assert equal(change.total, 2 * tau * norm_squared(soliton))
        claimed = change.claimed(W.variation(), flow)
        assert certify_evolution(W.density * W.weight, claimed, flow, 2).residual == "0"
        wrong = replace(change, squares=tuple((2 * c, a) for c, a in change.squares)).claimed(W.variation(), flow)
        with pytest.raises(CertificateError):
            certify_evolution(W.density * W.weight, wrong, flow, 2)


@pytest.mark.parametrize("name", ["hilbert", "list-flow", "calabi", "perelman-f"])
def test_descent_of_the_gradient_flow(name):
    variation = FUNCTIONALS[name].variation()
    change = monotonicity(variation, gradient_flow(variation, -1))
    squares = as_expression(0)
    for tensor in gradients_at_fixed_measure(variation):
        squares = squares - norm_squared(tensor)
    assert equal(change.total, squares)


def test_perelmans_pointwise_formula():
    found = pointwise_entropy(W.variation(), {"tau": -1})
    assert equal(found.entropy, tau * (2 * laplacian(f) - norm_squared(gradient(f)) + R) + f - n)
    assert found.coefficient == -2 * tau
    assert equal(found.tensor, Ric + hess - metric("i", "j") / (2 * tau))
    entropy = found.entropy * found.weight
    for dim in (2, 3):
        assert certify_evolution(entropy, found.claimed(), found.flow, dim).residual == "0"
    with pytest.raises(CertificateError):
        certify_evolution(entropy, replace(found, coefficient=2 * tau).claimed(), found.flow, 2)
    assert pointwise_entropy(F.variation(), {}).coefficient == -2
    with pytest.raises(DerivationError, match="not a multiple"):
        pointwise_entropy(W.variation(), {"tau": 1})
    with pytest.raises(DerivationError, match="needs a weight"):
        pointwise_entropy(FUNCTIONALS["hilbert"].variation(), {})


def test_refusals_are_sentences():
    with pytest.raises(DerivationError, match="Only a scalar"):
        potential(Ric)
    with pytest.raises(DerivationError, match="not a combination of the squares"):
        monotonicity(FUNCTIONALS["hilbert"].variation(), ricci_flow(), squares=[hess])
