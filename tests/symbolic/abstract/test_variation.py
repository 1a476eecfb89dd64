import numpy as np
import pytest
import sympy as sp
from flint import fmpq

from geomflow.core.errors import DerivationError
from geomflow.symbolic.abstract.canonical import equal
from geomflow.symbolic.abstract.components import evaluate
from geomflow.symbolic.abstract.expression import (
    METRIC,
    Head,
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
    tensor,
    variation,
    variation_head,
)
from geomflow.symbolic.abstract.forms import form_head
from geomflow.symbolic.abstract.parse import parse_density
from geomflow.symbolic.abstract.variation import first_variation, fixed_measure_gradient, vary
from geomflow.symbolic.certificates.series import Series
from geomflow.symbolic.certificates.series_frame import SeriesFrame, random_jets
from geomflow.symbolic.derivation import document

H = form_head(Head("B", 2, "antisymmetric"), "H")
f, u, R = scalar_field("f"), scalar_field("u"), scalar_curvature()


def moving_frame(dim, order, seed):
    """A chart with g + ε v, f + ε h and B + ε δB, and with v, h and δB as fields of their own."""
    fields = [Head("f"), Head("B", 2, "antisymmetric")]
    moving = [(head, variation_head(head)) for head in (METRIC, *fields)]
    jets = random_jets(dim, order, [*fields, *(varied for _, varied in moving)], (), seed)
    frame = jets.frame(order)
    components = {(h.name, i): frame.field(h.name, *i) for h in jets.heads for i in np.ndindex(*(dim,) * h.rank)}
    for head, varied in moving:
        for index in np.ndindex(*(dim,) * head.rank):
            base, direction = components[head.name, index], components[varied.name, index]
            components[head.name, index] = Series(frame.ring, base.value, direction.value, order)
    return SeriesFrame(frame.ring, components, {})


@pytest.mark.parametrize(
    "expression",
    [
        R,
        ricci("i", "j"),
        riemann("i", "j", "k", "l"),
        metric("i", "j"),
        laplacian(f),
        nabla("i", nabla("j", f)),
        nabla("k", ricci("i", "j")),
        norm_squared(gradient(f)) * exponential("f"),
        laplacian(R),
        tensor(H, "i", "j", "k"),
        nabla("^i", tensor(H, "i", "j", "k")),
        norm_squared(tensor(H, "i", "j", "k")),
    ],
    ids=str,
)
@pytest.mark.parametrize("dim", [2, 3])
def test_delta_is_the_derivative_of_the_components(expression, dim):
    order = 4
    frame = moving_frame(dim, order, seed=dim)
    origin = (0,) * dim
    moved, varied = evaluate(expression, frame), evaluate(vary(expression), frame)
    for index in np.ndindex(*moved.shape):
        assert moved[index].tangent_coefficient(origin) == varied[index].coefficient(origin)


def test_raised_indices_vary_with_the_inverse_metric():
    assert equal(vary(metric("^i", "^j")), -variation("g", "^i", "^j"))
    assert not vary(metric("^i", "j")).terms


def test_perelman_f():
    result = first_variation(parse_density("R + |∇f|²"), exponential("f"))
    soliton = ricci("^i", "^j") + nabla("^i", nabla("^j", f))
    scalar = 2 * laplacian(f) - norm_squared(gradient(f)) + R
    assert equal(result.gradient("g"), -soliton + metric("^i", "^j") * scalar / 2)
    assert equal(result.gradient("f"), -scalar)
    assert equal(result.fixed_measure(), -soliton)
    assert result.fixed_measure().latex() == r"-R^{ij} - \nabla^{i} \nabla^{j} f"


def test_hilbert_gives_the_einstein_tensor():
    einstein = ricci("^i", "^j") - metric("^i", "^j") * R / 2
    assert equal(first_variation(R).gradient("g"), -einstein)


def test_list_flow_gradients():
    result = first_variation(parse_density("R - alpha*|grad u|^2"))
    alpha = sp.Symbol("alpha")
    assert equal(result.gradient("u"), 2 * alpha * laplacian(u))


def test_derivation_records_the_steps():
    derivation = first_variation(parse_density("R + |∇f|²"), exponential("f")).derivation
    reasons = [step.reason for step in derivation.steps]
    assert reasons[0] == "definition"
    assert reasons.count("one integration by parts in each term") == 2
    assert "collected" in reasons
    assert derivation.steps[-1].rhs == r"\int v_{ij} \left(-R^{ij} - \nabla^{i} \nabla^{j} f\right)\, e^{- f}\, dV"
    assert r"\begin{align*}" in document(derivation)


def test_refusals_are_sentences():
    with pytest.raises(DerivationError, match="must be a scalar"):
        first_variation(ricci("i", "j"))
    with pytest.raises(DerivationError, match="constant times exponentials"):
        first_variation(R, R)
    with pytest.raises(DerivationError, match="no gradient in `u`"):
        first_variation(R).gradient("u")
    with pytest.raises(DerivationError, match="held fixed only if"):
        first_variation(R).fixed_measure()
    with pytest.raises(DerivationError, match="first variations"):
        vary(variation("f") * R)


def test_measure_of_a_field_that_the_density_lacks():
    # Bakry-Émery weighted Hilbert: f stands in the weight only.
    result = first_variation(as_expression(1), exponential("f"))
    assert not fixed_measure_gradient(exponential("f"), result.gradients).terms


def test_ricci_of_the_round_sphere_is_positive():
    # Stereographic coordinates: g = 4 δ / (1 + |x|²)² = 4 δ (1 - 2|x|² + ...), Ric = (n - 1) g, R = n (n - 1).
    for dim in (2, 3):
        jets = random_jets(dim, 2, (), (), seed=0)
        for (_, (i, j)), polynomial in jets.polynomials.items():
            for alpha in polynomial:
                square = max(alpha) == 2
                polynomial[alpha] = fmpq((4 if sum(alpha) == 0 else -8 if square else 0) if i == j else 0)
        frame = jets.frame(2)
        values = evaluate(riemann("^a", "i", "a", "j"), frame)
        for i, j in np.ndindex(dim, dim):
            expected = 4 * (dim - 1) if i == j else 0
            assert values[i, j].constant_term() == expected
            assert frame.ricci(i, j).constant_term() == expected
        assert evaluate(R, frame).item().constant_term() == dim * (dim - 1)
