"""Forms with a potential: F = dA, H = dB, and how they are declared."""

import pytest

from geomflow.core.errors import DerivationError
from geomflow.symbolic.abstract.canonical import canonical, equal
from geomflow.symbolic.abstract.components import evaluate
from geomflow.symbolic.abstract.declare import FIELDS, declared
from geomflow.symbolic.abstract.expression import Head, exponential, nabla, norm_squared, tensor, variation
from geomflow.symbolic.abstract.forms import exterior_derivative, form_head
from geomflow.symbolic.abstract.parse import parse_density
from geomflow.symbolic.abstract.variation import fields_of, first_variation, vary
from geomflow.symbolic.certificates.series_frame import random_jets

A, B, C = Head("A", 1), Head("B", 2, "antisymmetric"), Head("C", 3, "antisymmetric")
F, H = form_head(A, "F"), form_head(B, "H")


@pytest.mark.parametrize("potential", [A, B, C], ids=str)
def test_components_without_a_connection_are_those_with_covariant_derivatives(potential):
    form = form_head(potential)
    letters = "ijkl"[: form.rank]
    frame = random_jets(3, 2, (potential,), (), seed=1).frame(2)
    left = evaluate(tensor(form, *letters), frame)
    right = evaluate(exterior_derivative(potential, *letters), frame)
    assert all(a.constant_term() == b.constant_term() for a, b in zip(left.flat, right.flat))
    assert any(a.constant_term() != 0 for a in left.flat) == (form.rank <= 3)


def test_a_closed_form_has_no_exterior_derivative():
    assert not canonical(exterior_derivative(F, "i", "j", "k")).terms
    assert not canonical(exterior_derivative(H, "i", "j", "k", "l")).terms


def test_a_form_varies_with_its_potential():
    assert equal(vary(tensor(F, "i", "j")), nabla("i", variation("A", "j")) - nabla("j", variation("A", "i")))
    assert fields_of(tensor(F, "i", "j") * tensor(H, "k", "l", "m")) == [A, B]


def test_a_form_and_its_potential_in_one_density():
    # Proca: the equation of A collects both terms.
    result = first_variation(parse_density("|F|^2/4 + |A|^2/2"))
    assert equal(result.gradient("A"), nabla("j", tensor(F, "^j", "^i")) * -1 + tensor(A, "^i"))
    assert set(result.gradients) == {"g", "A"}


def test_gradients_print_in_the_form():
    result = first_variation(parse_density("R - |H|^2/12 + |∇f|²"), exponential("f"))
    assert str(result.fixed_measure()) == "-Ric^ij - ∇^i ∇^j f + (1/4) H^ikl H^j_kl"
    assert result.gradient("B").latex() == (
        r"\tfrac{1}{2} \nabla^{k} H^{ij}{}_{k} - \tfrac{1}{2} \nabla^{k} f H^{ij}{}_{k}"
    )
    assert any(step.lhs == r"\delta\, H_{ijk}" for step in result.derivation.steps)


def test_declarations():
    heads = declared(("φ", "A_i", "S_(ij)", "B_[ij]", "C_[abc]", "T_ijkl", "F = dA", "G=dC"))
    assert list(heads) == ["phi", "A", "S", "B", "C", "T", "F", "G"]
    assert heads["S"] == Head("S", 2, "symmetric")
    assert heads["C"] == C
    assert heads["T"].rank == 4
    assert heads["F"] == F
    assert heads["G"] == form_head(C, "G")
    assert declared(FIELDS)["H"] == H


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (("B_[ij)",), "Cannot read the declaration"),
        (("",), "Cannot read the declaration"),
        (("H = dB",), "potential .* unknown"),
        (("f", "F = df"), "Only a form"),
        (("S_(ij)", "Q = dS"), "Only a form"),
        (("T_ij", "Q = dT"), "Only a form"),
        (("R",), "is taken"),
        (("A_i", "A"), "declared twice"),
    ],
)
def test_bad_declarations_are_sentences(fields, sentence):
    with pytest.raises(DerivationError, match=sentence):
        declared(fields)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("|A|^2", norm_squared(tensor(A, "i"))),
        ("|∇A|^2", norm_squared(nabla("j", tensor(A, "i")))),
        ("A_i A^i", norm_squared(tensor(A, "i"))),
        ("|dA|²", norm_squared(tensor(F, "i", "j"))),
        ("|F|²", norm_squared(tensor(F, "i", "j"))),
        ("|H|^2", norm_squared(tensor(H, "i", "j", "k"))),
        ("H_ijk H^ijk", norm_squared(tensor(H, "i", "j", "k"))),
        ("(div A)^2", norm_squared(nabla("^i", tensor(A, "i")))),
        ("|div B|^2", norm_squared(nabla("^i", tensor(B, "i", "j")))),
        ("|div B - A|^2", norm_squared(nabla("^i", tensor(B, "i", "j")) - tensor(A, "j"))),
        ("|∇A - F|^2", norm_squared(nabla("i", tensor(A, "j")) - tensor(F, "i", "j"))),
        ("tr Ric", parse_density("R")),
        ("(tr S)^2", norm_squared(tensor(Head("S", 2, "symmetric"), "i", "^i"))),
    ],
)
def test_tensors_in_a_density(text, expected):
    assert equal(parse_density(text), expected)


def test_an_undeclared_derivative_has_a_name_of_its_own():
    density = parse_density("|dω|^2", fields=("ω_i",))
    assert str(density) == "|domega|²"
    assert "omega" in density.latex()
    assert fields_of(density) == [Head("omega", 1)]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("A", "leaves a free index"),
        ("H_ij H^ij", "`H` has 3 indices, but 2 are given"),
        ("A_ij", "`A` has 1 index, but 2 are given"),
        ("Ric_ijk", "`Ric` has 2 indices, but 3 are given"),
        ("F_ij A^i", "free indices"),
        ("F_ij F^ij F^i_j", "at most twice|free indices"),
        ("C_ijk C^ijk", "`C` .* unknown.*C_\\[ij\\]"),
        ("|dC|^2", "`dC` .* unknown"),
        ("|df|^2", "Only a form"),
        ("|dS|^2", "Only a form"),
        ("div f", "needs a tensor"),
        ("tr A", "needs a tensor"),
        ("div S", "leaves a free index"),
        ("|A + B|^2", "same free indices"),
        ("alpha_i", "`alpha` has no indices"),
        ("n_i n^i", "`n` has no indices"),
    ],
)
def test_mistakes_with_tensors_are_sentences(text, sentence):
    with pytest.raises(DerivationError, match=sentence):
        parse_density(text)


def test_a_name_is_a_field_or_a_constant():
    with pytest.raises(DerivationError, match="both a field and a constant"):
        parse_density("A*R", constants=("A",))
    assert str(parse_density("A*R", fields=("f",), constants=("A",))) == "A R"
