"""Gradients derived by rule, on exact solutions of the equations they set to zero."""

import pytest

from geomflow.core.errors import ArgumentError, DerivationError
from geomflow.functionals import FUNCTIONALS
from geomflow.symbolic.abstract.expression import (
    laplacian,
    norm_squared,
    ricci,
    riemann,
    scalar_curvature,
    tensor_field,
)
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.charts.evaluation import evaluate_on
from geomflow.symbolic.charts.metric import Metric


def schwarzschild_like(f, **kwargs):
    chart = Chart("t r theta phi", **kwargs)
    return Metric(chart, [[f"-({f})", 0, 0, 0], [0, f"1/({f})", 0, 0], [0, 0, "r^2", 0], [0, 0, 0, "r^2*sin(theta)^2"]])


@pytest.fixture(scope="module")
def kerr():
    s = "(r^2 + a^2*cos(theta)^2)"
    cross = f"-2*M*a*r*sin(theta)^2/{s}"
    rows = [
        [f"-(1 - 2*M*r/{s})", 0, 0, cross],
        [0, f"{s}/(r^2 - 2*M*r + a^2)", 0, 0],
        [0, 0, s, 0],
        [cross, 0, 0, f"sin(theta)^2*(r^2 + a^2 + 2*M*a^2*r*sin(theta)^2/{s})"],
    ]
    return Metric(Chart("t r theta phi", constants="M a"), rows)


def gradient(name, field="g"):
    return FUNCTIONALS[name].variation().gradient(field)


@pytest.mark.parametrize(
    "name", ["hilbert", "calabi", "ricci-squared", "riemann-squared", "weyl-squared", "gauss-bonnet"]
)
def test_kerr_is_critical_for_every_quadratic_functional(kerr, name):
    assert evaluate_on(kerr, gradient(name)).is_zero()


def test_a_metric_that_is_not_critical_is_found_out():
    bent = schwarzschild_like("1 - 2*M/r + q/r^2", constants="M q")
    assert not evaluate_on(bent, gradient("hilbert")).is_zero()
    assert not evaluate_on(bent, gradient("riemann-squared")).is_zero()
    # Gauss-Bonnet is topological in dimension four: every metric is critical.
    assert evaluate_on(bent, gradient("gauss-bonnet")).is_zero()


def test_reissner_nordstrom_solves_the_einstein_maxwell_equations():
    charged = schwarzschild_like("1 - 2*M/r + Q^2/r^2", constants="M Q")
    potential = ["2*Q/r", 0, 0, 0]  # R - |F|²/4 with F_ij F^ij = -2 (2Q/r²)²
    assert evaluate_on(charged, gradient("einstein-maxwell"), A=potential).is_zero()
    assert evaluate_on(charged, gradient("einstein-maxwell", "A"), A=potential).is_zero()
    assert not evaluate_on(charged, gradient("einstein-maxwell"), A=["Q/r", 0, 0, 0]).is_zero()
    assert not evaluate_on(charged, gradient("einstein-maxwell", "A"), A=["2*Q/r^2", 0, 0, 0]).is_zero()


def test_the_three_sphere_with_h_flux_is_a_fixed_point_of_generalised_ricci_flow():
    # Ric = ¼ H²: on the unit S³, H = 2 dvol, B = (ψ - sin ψ cos ψ) sin θ dθ∧dφ up to a closed form.
    chart = Chart("psi theta phi")
    sphere = Metric(chart, [[1, 0, 0], [0, "sin(psi)^2", 0], [0, 0, "sin(psi)^2*sin(theta)^2"]])
    b = "(psi - sin(psi)*cos(psi))*sin(theta)"
    flux = [[0, 0, 0], [0, 0, b], [0, f"-{b}", 0]]
    functional = FUNCTIONALS["generalised-ricci"].variation()
    assert evaluate_on(sphere, functional.fixed_measure(), f="0", B=flux).is_zero()
    assert evaluate_on(sphere, functional.gradient("B"), f="0", B=flux).is_zero()
    assert not evaluate_on(sphere, functional.fixed_measure(), f="0", B=[[0] * 3] * 3).is_zero()


def test_the_cigar_is_a_steady_soliton_and_the_weight_enters():
    chart = Chart("x y")
    cigar = Metric(chart, [["1/(1+x^2+y^2)", 0], [0, "1/(1+x^2+y^2)"]])
    flow = FUNCTIONALS["perelman-f"].variation().fixed_measure()
    assert evaluate_on(cigar, flow, f="-log(1+x^2+y^2)").is_zero()
    assert not evaluate_on(cigar, flow, f="log(1+x^2+y^2)").is_zero()


def test_positions_of_free_indices_and_agreement_with_the_metric(kerr):
    assert evaluate_on(kerr, riemann("i", "j", "k", "l")) == kerr.riemann()
    assert evaluate_on(kerr, norm_squared(riemann("i", "j", "k", "l"))) == kerr.kretschmann()
    chart = Chart("x y z", functions={"w": "x y z"})
    g = Metric(chart, [["1+y^2", "x", 0], ["x", "2+z^2", 0], [0, 0, "3+x^2"]])
    raised = evaluate_on(g, ricci("^i", "j"))
    assert raised.up == (True, False)
    assert raised == g.ricci().raised(0)
    assert evaluate_on(g, laplacian(scalar_curvature())) == g.laplacian(g.scalar())


def test_tensor_fields_come_as_lists_or_tensors():
    chart = Chart("x y")
    g = Metric(chart, [["1+y^2", 0], [0, 1]])
    one_form = g.tensor(["x*y", "y^2"])
    expression = laplacian(tensor_field("A", "i"))
    assert evaluate_on(g, expression, A=["x*y", "y^2"]) == evaluate_on(g, expression, A=one_form.raised())
    assert evaluate_on(g, expression, A=one_form) == one_form.laplacian()


def test_missing_or_misshapen_fields_are_sentences(kerr):
    with pytest.raises(ArgumentError, match="field `f`, which has no value"):
        evaluate_on(kerr, gradient("perelman-f"))
    with pytest.raises(ArgumentError, match="`A` has 1 indices"):
        evaluate_on(kerr, gradient("einstein-maxwell"), A="r")
    flat = Metric(Chart("x y"), [[1, 0], [0, 1]])
    with pytest.raises(DerivationError, match="tau"):
        evaluate_on(flat, gradient("perelman-w"), f="x^2")
