import pytest
import sympy as sp

from geomflow.core.errors import ArgumentError, CatalogueError
from geomflow.functionals import FUNCTIONALS, Functional
from geomflow.symbolic.abstract.canonical import canonical, equal
from geomflow.symbolic.abstract.expression import (
    DIMENSION,
    Expression,
    Head,
    exponential,
    metric,
    nabla,
    norm_squared,
    ricci,
    scalar_curvature,
    scalar_field,
    tensor,
)
from geomflow.symbolic.abstract.forms import form_head
from geomflow.symbolic.abstract.variation import fields_of, without_constant
from geomflow.symbolic.certificates.certificate import raised_components
from geomflow.symbolic.certificates.series_frame import random_jets

CASES = [(name, dim) for name in FUNCTIONALS.names() for dim in (2, 3, 4) if FUNCTIONALS[name].defined_in(dim)]


@pytest.mark.parametrize(("name", "dim"), CASES)
def test_every_functional_is_certified(name, dim):
    certificate = FUNCTIONALS[name].certify(dim, seed=dim)
    assert certificate.residual == "0"
    assert certificate.name == name


@pytest.mark.parametrize("name", FUNCTIONALS.names())
def test_every_functional_is_invariant_under_diffeomorphisms(name):
    # Along δg = L_X g, δφ = Xφ, δB = i_X dB nothing changes: 2∇_i(w E^ij) = w (E_φ ∇^jφ + E_A^k F^j_k + E_B^kl H^j_kl).
    functional = FUNCTIONALS[name]
    variation, weight = functional.variation(), without_constant(functional.weight)
    identity = -2 * nabla("i", variation.gradient("g") * weight)
    forms = {f.head.field: f.head for _, fs in functional.density.terms for f in fs if f.head.kind == "form"}
    for head in fields_of(functional.density * functional.weight):
        slots = "klm"[: head.rank]
        gradient = variation.gradient(head.name).rename(**dict(zip("ijp", slots)))
        moved = tensor(forms[head], "^j", *slots) if head.rank else nabla("^j", tensor(head))
        identity = identity + gradient * moved * weight
    assert not canonical(identity).terms


@pytest.mark.parametrize("name", FUNCTIONALS.names())
def test_every_functional_has_latex_a_reference_and_a_cached_variation(name):
    functional = FUNCTIONALS[name]
    assert functional.latex().startswith(functional.symbol)
    assert functional.reference
    assert functional.variation() is functional.variation()
    assert set(functional.variation().gradients) == set(functional.fields)


def test_perelman_w_at_fixed_measure():
    # The shrinking-soliton equation: -τ (Ric + ∇∇f - g/2τ).
    tau, f = sp.Symbol("tau"), scalar_field("f")
    soliton = ricci("^i", "^j") + nabla("^i", nabla("^j", f)) - metric("^i", "^j") / (2 * tau)
    assert equal(FUNCTIONALS["perelman-w"].variation().fixed_measure(), -tau * soliton)
    assert FUNCTIONALS["perelman-w"].constants == (tau,)


def test_generalised_ricci_flow():
    # Oliynyk, Suneeta, Woolgar: at fixed measure -(Ric - H²/4 + ∇∇f), and ½ e^f ∇^k(e^-f H_kij) for B.
    f = scalar_field("f")
    H = lambda *slots: tensor(form_head(Head("B", 2, "antisymmetric"), "H"), *slots)  # noqa: E731
    variation = FUNCTIONALS["generalised-ricci"].variation()
    squared = H("^i", "k", "l") * H("^j", "^k", "^l")
    soliton = ricci("^i", "^j") - squared / 4 + nabla("^i", nabla("^j", f))
    assert equal(variation.fixed_measure(), -soliton)
    divergence = exponential("f", 1) * nabla("k", exponential("f") * H("^k", "^i", "^j"))
    assert equal(variation.gradient("B"), divergence / 2)


def test_einstein_maxwell_has_the_stress_tensor_of_maxwell():
    F = lambda *slots: tensor(form_head(Head("A", 1), "F"), *slots)  # noqa: E731
    variation = FUNCTIONALS["einstein-maxwell"].variation()
    squared = norm_squared(F("i", "j"))
    stress = F("^i", "k") * F("^j", "^k") - metric("^i", "^j") * squared / 4
    einstein = ricci("^i", "^j") - metric("^i", "^j") * scalar_curvature() / 2
    assert equal(variation.gradient("g"), stress / 2 - einstein)
    assert equal(variation.gradient("A"), nabla("j", F("^j", "^i")))
    assert in_dimension(metric("i", "j") * stress, 4) == 0


def test_list_entropy_at_fixed_measure():
    u, f, alpha = scalar_field("u"), scalar_field("f"), sp.Symbol("alpha")
    extended = ricci("^i", "^j") - alpha * nabla("^i", u) * nabla("^j", u) + nabla("^i", nabla("^j", f))
    assert equal(FUNCTIONALS["list-entropy"].variation().fixed_measure(), -extended)


def in_dimension(expression, dim):
    """The normal form with n put in, or 0."""
    terms = tuple((sp.sympify(c).subs(DIMENSION, dim), factors) for c, factors in canonical(expression).terms)
    return canonical(Expression(terms, expression.free, expression.up)) if any(c != 0 for c, _ in terms) else 0


def test_gauss_bonnet_is_topological_in_four_dimensions_only():
    gradient = FUNCTIONALS["gauss-bonnet"].variation().gradient("g")
    assert not any(factor.derivatives for _, factors in gradient.terms for factor in factors)
    for dim, topological in ((2, True), (3, True), (4, True), (5, False)):
        values = raised_components(gradient, random_jets(dim, 2, (), (), seed=dim).frame(2))
        assert (not any(value != 0 for value in values.flat)) == topological


def test_weyl_squared_is_conformal_in_four_dimensions():
    gradient = FUNCTIONALS["weyl-squared"].variation().gradient("g")
    trace = metric("i", "j") * gradient
    assert canonical(trace).terms
    assert in_dimension(trace, 4) == 0
    assert "(4 (n - 3)/(n - 2)) Δ Ric^ij" in str(gradient)
    # In three dimensions W = 0, and so is its gradient: not by rule, but at every jet.
    values = raised_components(gradient, random_jets(3, 4, (), (), seed=3).frame(4))
    assert not any(value != 0 for value in values.flat)


def test_a_pole_of_a_coefficient_is_a_sentence():
    assert not FUNCTIONALS["weyl-squared"].defined_in(2)
    with pytest.raises(ArgumentError, match="pole in dimension 2"):
        FUNCTIONALS["weyl-squared"].certify(2)


def test_a_typed_functional_needs_nothing_else():
    functional = Functional.typed(
        "mine", r"\mathcal{E}", "R*φ + beta*|∇φ|²", weight=exponential("phi"), fields=("phi",), constants=("beta",)
    )
    assert functional.fields == ("g", "phi")
    assert functional.certify(2).residual == "0"


def test_a_typed_functional_of_tensors():
    functional = Functional.typed("mine", r"\mathcal{E}", "|dC|^2 + |div h|^2 + R tr h", fields=("C_[ijk]", "h_(ij)"))
    assert functional.fields == ("g", "C", "h")
    assert functional.certify(3).residual == "0"


def test_an_unknown_name_is_answered_with_the_closest():
    with pytest.raises(CatalogueError, match="perelman-f"):
        FUNCTIONALS["perelman-g"]
