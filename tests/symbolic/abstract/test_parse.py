import pytest
import sympy as sp

from geomflow.core.errors import DerivationError
from geomflow.symbolic.abstract.canonical import equal
from geomflow.symbolic.abstract.expression import (
    DIMENSION,
    as_expression,
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
from geomflow.symbolic.abstract.parse import parse_density

f, u, R = scalar_field("f"), scalar_field("u"), scalar_curvature()
tau, alpha = sp.symbols("tau alpha")
grad_f = norm_squared(gradient(f))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("R + |∇f|²", R + grad_f),
        ("R + |grad f|^2", R + grad_f),
        ("R + |nabla f|**2", R + grad_f),
        ("tau*(R + |grad f|^2) + f - n", tau * (R + grad_f) + f - as_expression(DIMENSION)),
        ("τ(R + |∇f|²) + f - n", tau * (R + grad_f) + f - as_expression(DIMENSION)),
        ("R^2", R * R),
        ("|Ric|^2", norm_squared(ricci("i", "j"))),
        ("R_ij R^ij", norm_squared(ricci("i", "j"))),
        ("R_{ijkl} R^{ijkl}", norm_squared(riemann("i", "j", "k", "l"))),
        ("|Riem|²", norm_squared(riemann("i", "j", "k", "l"))),
        ("R - alpha*|grad u|^2", R - alpha * norm_squared(gradient(u))),
        ("R - α|∇u|²", R - alpha * norm_squared(gradient(u))),
        ("∇_i f ∇^i f", grad_f),
        ("|∇f|^4", grad_f * grad_f),
        ("(Δf)^2/2", laplacian(f) * laplacian(f) / 2),
        ("laplacian f", laplacian(f)),
        ("|Ric - R g/n|^2", norm_squared(ricci("i", "j") - R * metric("i", "j") / DIMENSION)),
        ("|∇∇f|^2", norm_squared(nabla("i", nabla("j", f)))),
        ("|∇^2 f|^2", norm_squared(nabla("i", nabla("j", f)))),
        ("|∇² f|²", norm_squared(nabla("i", nabla("j", f)))),
        ("|grad^2 f - f Ric|^2", norm_squared(nabla("i", nabla("j", f)) - f * ricci("i", "j"))),
        ("tr ∇²f", laplacian(f)),
        ("α² R", alpha**2 * R),
        ("-2R + 0.5", as_expression(sp.Rational(1, 2)) - 2 * R),
    ],
)
def test_what_is_typed_is_what_is_meant(text, expected):
    assert equal(parse_density(text), expected)


def test_declared_names():
    assert equal(parse_density("beta*φ", fields=("phi",), constants=("β",)), scalar_field("phi") * sp.Symbol("beta"))


@pytest.mark.parametrize(
    ("letter", "name"), [("Λ", "Lambda"), ("λ", "lambda"), ("Ω1", "Omega1"), ("σ", "sigma"), ("ϕ", "phi")]
)
def test_greek_letters_match_their_names(letter, name):
    for text, declaration in ((letter, name), (name, letter)):
        assert equal(parse_density(f"{text} R", constants=(declaration,)), R * sp.Symbol(name))


@pytest.mark.parametrize(
    "text", ["|∇^2 f|^2", "|∇³u|²", "|∇²Ric|^2", "|∇^2 A|^2", "8 alpha^2 |Ric|^2 - R^12/(2 tau^2)"]
)
def test_what_is_printed_reads_back(text):
    density = parse_density(text)
    assert "^" not in str(density)
    assert equal(parse_density(str(density)), density)


@pytest.mark.parametrize(
    ("constant", "sentence"),
    [
        ("h", "`h` stands for the variation of f in the derivation. Choose another name"),
        ("v", "`v` stands for the variation of g"),
        ("Ric", "`Ric` is taken"),
        ("a b", "Cannot read the constant `a b`"),
    ],
)
def test_a_constant_whose_name_means_something_else(constant, sentence):
    with pytest.raises(DerivationError, match=sentence):
        parse_density("R", constants=(constant,))
    assert equal(parse_density("h R", fields=("h",)), scalar_field("h") * R)  # its variation is δh


FUNCTION = 'functions of fields cannot be typed.*--weight "exp'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        *((text, FUNCTION) for text in ("exp(f) R", "sqrt(R)", "cos(u)", "log u", "e^(-f) R", "e^f R", "V(u)")),
        *((text, "no ε tensor") for text in ("eps^ijkl F_ij F_kl", "ε^ij F_ij", "epsilon", "A ∧ F", "⋆F", "|*F|^2")),
        ("m^2 R", r'fields=\("m",\) or constants=\("m",\) in Python, --fields m or --constants m on the command line'),
        ("∇^2 f", r"stands only between bars.*Laplacian is Δ"),
        ("R ∇²f", r"stands only between bars.*Laplacian is Δ"),
    ],
)
def test_advice_on_what_cannot_be_typed(text, sentence):
    with pytest.raises(DerivationError, match=sentence):
        parse_density(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("R + beta", "symbol `beta` .* unknown"),
        ("R_ij", "free indices {i, j}"),
        ("Ric + R", "leaves a free index"),
        ("∇f", "leaves a free index"),
        ("|Ric|", "even power"),
        ("|∇f|^3", "even power"),
        ("R +", "at the end"),
        ("(R", r"Expected `\)`"),
        ("R)", r"Unexpected `\)`"),
        ("R ? 2", "Cannot read"),
        ("R/f", "division by a constant"),
        ("R_ijk", "0, 2 or 4 indices"),
        ("f_i", "has no indices"),
        ("|Ric + |∇f|^2|", "do not nest"),
        ("R^ij + R_ij", "same free indices"),
        ("|∇f ∇f|^2", "ambiguous"),
        ("(R)^f", "whole number|at the end|Unexpected"),
    ],
)
def test_mistakes_are_sentences(text, sentence):
    with pytest.raises(DerivationError, match=sentence):
        parse_density(text)
