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
        ("-2R + 0.5", as_expression(sp.Rational(1, 2)) - 2 * R),
    ],
)
def test_what_is_typed_is_what_is_meant(text, expected):
    assert equal(parse_density(text), expected)


def test_declared_names():
    assert equal(parse_density("beta*φ", fields=("phi",), constants=("β",)), sp.Symbol("beta") * scalar_field("phi"))


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
