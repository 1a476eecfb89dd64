"""Evolution equations: the known ones come out, components agree exactly, and a broken rule does not pass."""

from dataclasses import replace

import pytest
import sympy as sp

from geomflow.core.errors import CertificateError, DerivationError
from geomflow.functionals import FUNCTIONALS
from geomflow.symbolic.abstract import variation
from geomflow.symbolic.abstract.canonical import equal
from geomflow.symbolic.abstract.expression import (
    Expression,
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
    tensor_field,
)
from geomflow.symbolic.certificates.evolution import certify_evolution
from geomflow.symbolic.derivation import document
from geomflow.symbolic.flows import evolution
from geomflow.symbolic.flows.evolution import (
    conjugate_heat,
    evolution_derivation,
    evolve,
    evolve_christoffel,
    evolve_integrand,
    evolve_volume,
    inverse_weight,
    reaction,
)
from geomflow.symbolic.flows.flow import Flow, coupled_to_measure, gradient_flow, ricci_flow, same, substitute

f, R, Rm = scalar_field("f"), scalar_curvature(), riemann("i", "j", "k", "l")
Ric = ricci("i", "j")
F, W = FUNCTIONALS["perelman-f"], FUNCTIONALS["perelman-w"]
RICCI = ricci_flow()
HEAT = coupled_to_measure(RICCI, F.weight, diffusion=True)
SHRINKING = coupled_to_measure(Flow("Ricci flow", RICCI.metric, constants={"tau": -1}), W.weight, diffusion=True)


def test_hamiltons_equations():
    assert equal(evolve_volume(RICCI), -R)
    assert equal(evolve(R, RICCI), laplacian(R) + 2 * norm_squared(Ric))
    lichnerowicz = (
        laplacian(Ric) + 2 * riemann("i", "a", "j", "b") * ricci("^a", "^b") - 2 * ricci("i", "^a") * ricci("a", "j")
    )
    assert equal(evolve(Ric, RICCI), lichnerowicz)
    koszul = -nabla("i", ricci("j", "k")) - nabla("j", ricci("i", "k")) + nabla("k", ricci("i", "j"))
    assert equal(evolve_christoffel(RICCI).lowered(), koszul)


def test_hamiltons_equation_for_riem():
    # B_ijkl = R_piqj R_pkql; the sphere has R_ijij > 0 here.
    b = lambda i, j, k, l: riemann("p", i, "q", j) * riemann("p", k, "q", l)  # noqa: E731
    quadratic = b(*"ijkl") - b(*"ijlk") - b(*"iljk") + b(*"ikjl")
    ric = lambda i, rest: ricci(i, "p") * riemann(*rest)  # noqa: E731
    linear = ric("i", "pjkl") + ric("j", "ipkl") + ric("k", "ijpl") + ric("l", "ijkp")
    assert equal(reaction(Rm, RICCI), 2 * quadratic - linear)
    rest = reaction(norm_squared(Rm), RICCI) + 2 * norm_squared(nabla("m", Rm))
    assert all(not factor.derivatives for _, factors in rest.terms for factor in factors if factor.head.name != "Riem")


def test_along_conjugate_heat():
    # ∂_t |∇f|² = 2 Ric(∇f, ∇f) + 2 <∇f, ∇ ∂_t f>, the indices of ∇f raised with the moving metric.
    df = lambda i: nabla(i, f)  # noqa: E731
    expected = 2 * Ric * df("^i") * df("^j") + 2 * df("i") * nabla("^i", HEAT.fields["f"])
    assert equal(evolve(norm_squared(gradient(f)), HEAT), expected)
    assert not conjugate_heat(exponential("f"), HEAT).terms
    assert not conjugate_heat(W.weight, SHRINKING).terms


def test_the_flows_are_derived():
    steepest = gradient_flow(F.variation(), 2)
    assert equal(steepest.metric, -2 * (Ric + nabla("i", nabla("j", f))))
    assert equal(steepest.fields["f"], -R - laplacian(f))
    assert equal(HEAT.fields["f"], -laplacian(f) + norm_squared(gradient(f)) - R)
    n, tau = sp.Symbol("n", integer=True, positive=True), sp.Symbol("tau")
    assert equal(SHRINKING.fields["f"], HEAT.fields["f"] + n / (2 * tau))
    # Perelman: the gradient flow is Ricci flow with conjugate heat, seen through the diffeomorphisms of ∇f.
    assert same(steepest.pulled_back(nabla("i", f)), HEAT)
    assert not same(steepest, HEAT)
    # With the measure fixed nothing but the density changes.
    assert not evolve_integrand(exponential("f") * inverse_weight(F.weight), F.weight, steepest).terms


def test_a_fixed_function_has_velocity_zero():
    fixed = Flow("Ricci flow", RICCI.metric, {"f": 0})
    assert equal(evolve(norm_squared(gradient(f)), fixed), 2 * Ric * nabla("^i", f) * nabla("^j", f))
    assert certify_evolution(f * R, evolve(f * R, fixed), fixed, 2).residual == "0"


def test_constants_move():
    tau = sp.Symbol("tau")
    flow = Flow("Ricci flow", RICCI.metric, constants={"tau": -1})
    assert equal(evolve(tau**2 * R, flow), tau**2 * evolve(R, RICCI) - 2 * tau * R)


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize(
    ("quantity", "flow"),
    [
        (R, RICCI),
        (Ric, RICCI),
        (Rm, RICCI),
        (norm_squared(Rm), RICCI),
        (metric("i", "j"), HEAT),
        (laplacian(f), HEAT),
        (norm_squared(gradient(f)) * exponential("f"), HEAT),
        (W.density * W.weight, SHRINKING),
        (R, Flow("flow", 2 * R * metric("i", "j") / 3)),
    ],
    ids=lambda case: str(case)[:20] if isinstance(case, Expression) else case.name,
)
def test_components_agree(quantity, flow, dim):
    check = certify_evolution(quantity, evolve(quantity, flow), flow, dim, seed=dim)
    assert check.residual == "0"
    assert check.components_checked == dim ** len(quantity.free)
    assert "verified" in str(check)
    assert set(check.to_dict()) == {"claim", "dim", "seed", "jets", "residual", "components_checked", "seconds"}


@pytest.mark.parametrize("dim", [2, 3, 4])
def test_volume_and_connection_agree(dim):
    steepest = gradient_flow(F.variation(), 2)
    for flow in (RICCI, steepest):
        assert certify_evolution("dV", evolve_volume(flow), flow, dim).components_checked == 1
        assert certify_evolution("Γ", evolve_christoffel(flow), flow, dim).components_checked == dim**3


def test_ricci_in_four_dimensions():
    assert certify_evolution(Ric, evolve(Ric, RICCI), RICCI, 4).residual == "0"


def test_every_term_matters():
    evolved = evolve(Ric, RICCI)
    assert len(evolved.terms) == 3
    for position, (c, factors) in enumerate(evolved.terms):
        for wrong in (-c, 2 * c):
            terms = (*evolved.terms[:position], (wrong, factors), *evolved.terms[position + 1 :])
            with pytest.raises(CertificateError, match="differ by") as caught:
                certify_evolution(Ric, replace(evolved, terms=terms), RICCI, 3)
            assert caught.value.residual != "0"
    for quantity, wrong in (("dV", R), ("Γ", -1 * evolve_christoffel(RICCI))):
        with pytest.raises(CertificateError):
            certify_evolution(quantity, wrong, RICCI, 2)


def broken_christoffel(k, i, j):
    v = lambda a, b: variation.variation("g", a, b)  # noqa: E731
    return (nabla(i, v(j, k)) + nabla(j, v(i, k)) + nabla(k, v(i, j))) / 2


@pytest.mark.parametrize(
    ("where", "name", "rule"),
    [
        (variation, "variation_of_inverse_metric", lambda i, j: variation.variation("g", i, j)),
        (variation, "variation_of_christoffel", broken_christoffel),
        (evolution, "substitute", lambda e, value: substitute(e, lambda head: 2 * value(head))),
    ],
)
def test_a_broken_rule_fails_its_certificate(monkeypatch, where, name, rule):
    monkeypatch.setattr(where, name, rule)
    quantity = norm_squared(Ric)
    with pytest.raises(CertificateError):
        certify_evolution(quantity, evolve(quantity, RICCI), RICCI, 2)


def test_a_forgotten_constant_fails(monkeypatch):
    monkeypatch.setattr(Flow, "of_constants", lambda self, e: Expression())
    quantity = W.density * W.weight
    with pytest.raises(CertificateError):
        certify_evolution(quantity, evolve(quantity, SHRINKING), SHRINKING, 2)


def test_the_derivation_shows_the_steps():
    derivation = evolution_derivation(RICCI, [R, Rm])
    text = derivation.text(columns=400)
    assert "∂_t R = Δ R + 2 |Ric|²" in text
    assert "∂_t dV = -R dV" in text
    assert "∂_t Riem_ijkl = Δ Riem_ijkl + Ric_i^m" in text
    assert r"\partial_t\, R &= \Delta R + 2 |\mathrm{Ric}|^{2}" in document(derivation)


def test_refusals_are_sentences():
    with pytest.raises(DerivationError, match="does not say how `f` evolves"):
        evolve(f * R, RICCI)
    with pytest.raises(DerivationError, match="free indices i and j"):
        Flow("wrong", R)
    with pytest.raises(DerivationError, match="must be symmetric"):
        Flow("wrong", tensor_field("T", "i", "j"))
    with pytest.raises(DerivationError, match="measure"):
        coupled_to_measure(RICCI, FUNCTIONALS["hilbert"].weight)
    with pytest.raises(DerivationError, match="pulled back"):
        gradient_flow(FUNCTIONALS["einstein-maxwell"].variation()).pulled_back(nabla("i", f))
