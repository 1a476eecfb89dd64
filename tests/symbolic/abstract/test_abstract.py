import pytest

from geomflow.core.errors import DerivationError
from geomflow.symbolic.abstract.canonical import canonical, equal
from geomflow.symbolic.abstract.components import evaluate
from geomflow.symbolic.abstract.expression import (
    DIMENSION,
    RICCI,
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
    tensor_field,
    variation,
)
from geomflow.symbolic.certificates.series_frame import random_jets

f = scalar_field("f")
V = tensor_field("V", "k")
F = tensor_field("F", "a", "b", symmetry="antisymmetric")
S = tensor_field("S", "a", "b", symmetry="symmetric")


def test_metric_raises_lowers_and_traces():
    assert equal(metric("^i", "^j") * ricci("j", "k"), ricci("^i", "k"))
    assert equal(metric("^i", "^j") * metric("i", "j"), as_expression(DIMENSION))
    assert not nabla("k", metric("i", "j")).terms


def test_symmetries_make_things_vanish():
    assert not canonical(riemann("a", "b", "c", "d") * ricci("^a", "^b")).terms
    assert not canonical(F * S.raised()).terms
    assert not canonical(nabla("^a", nabla("^b", F))).terms
    assert not canonical(nabla("i", nabla("j", f)) - nabla("j", nabla("i", f))).terms


def test_traces_and_contracted_bianchi():
    assert equal(riemann("^a", "b", "a", "d"), ricci("b", "d"))
    assert equal(riemann("b", "^a", "a", "d"), -ricci("b", "d"))
    assert equal(ricci("i", "^i"), scalar_curvature())
    assert equal(nabla("^i", ricci("i", "j")), nabla("j", scalar_curvature()) / 2)
    assert equal(nabla("^a", riemann("a", "b", "c", "d")), nabla("c", ricci("b", "d")) - nabla("d", ricci("b", "c")))


def test_ricci_identity_and_bochner():
    commutator = nabla("i", nabla("j", V)) - nabla("j", nabla("i", V))
    assert equal(commutator, -riemann("^a", "k", "i", "j") * V.rename(k="a"))
    grad = nabla("a", f)
    bochner = (
        norm_squared(nabla("b", grad))
        + grad.raised() * nabla("a", laplacian(f))
        + ricci("^a", "^b") * grad * grad.rename(a="b")
    )
    assert equal(laplacian(norm_squared(grad)) / 2, bochner)


def test_weight_differentiates_as_an_exponential_and_merges():
    weight = exponential("f")
    assert equal(nabla("a", weight), -nabla("a", f) * weight)
    assert equal(weight * exponential("f", 1), as_expression(1))
    assert equal(weight * weight, exponential("f", -2))


@pytest.mark.parametrize(
    "expression",
    [
        nabla("^a", nabla("^b", riemann("a", "i", "b", "j"))),
        nabla("^a", nabla("i", nabla("a", f))),
        nabla("^k", nabla("i", nabla("k", nabla("j", V.rename(k="l"))))),
        nabla("^a", nabla("i", ricci("a", "j"))),
        nabla("c", nabla("a", F)),
        nabla("i", nabla("^a", nabla("j", S))),
        nabla("^a", laplacian(nabla("a", f)) * exponential("f")),
        riemann("a", "b", "c", "i") * nabla("^c", nabla("^b", nabla("^a", f))),
    ],
    ids=str,
)
@pytest.mark.parametrize("dim", [2, 3])
def test_normal_form_has_the_same_components(expression, dim):
    # Every rewriting rule at once, exactly, at a random rational jet.
    heads = {factor.head for _, factors in expression.terms for factor in factors if factor.head.kind == "field"}
    heads |= {factor.head.field for _, fs in expression.terms for factor in fs if factor.head.kind == "weight"}
    jets = random_jets(dim, 5, sorted(heads, key=lambda head: head.name), (), seed=dim)
    frame = jets.frame(5)
    for left, right in zip(evaluate(expression, frame).flat, evaluate(canonical(expression), frame).flat):
        assert left.constant_term() == right.constant_term()


def test_printing():
    assert ricci("i", "j").latex() == "R_{ij}"
    assert ricci("^i", "j").latex() == "R^{i}{}_{j}"
    assert nabla("i", nabla("j", f)).latex() == r"\nabla_{i} \nabla_{j} f"
    assert variation("g", "^i", "^j").latex() == "v^{ij}"
    assert str(variation("g", "^i", "^j") * ricci("i", "j")) == "v^ij Ric_ij"
    assert str(norm_squared(gradient(f)) * exponential("f")) == "|∇f|² e^-f"
    assert (scalar_curvature() ** 2 / 2).latex() == r"\tfrac{1}{2} R^{2}"
    assert str(laplacian(variation("g", "i", "^i"))) == "Δ tr v"
    assert str(as_expression(0)) == "0"
    assert str(as_expression(1) - f) == "1 - f"


def test_index_mistakes_are_sentences():
    with pytest.raises(DerivationError, match="same free indices"):
        ricci("i", "j") + ricci("i", "k")
    with pytest.raises(DerivationError, match="same free indices"):
        ricci("i", "j") + ricci("^i", "j")
    with pytest.raises(DerivationError, match="at most twice"):
        riemann("i", "j", "i", "i")
    with pytest.raises(DerivationError, match="2 indices"):
        tensor(RICCI, "i")
    with pytest.raises(DerivationError, match="name of letters"):
        ricci("1", "j")
    with pytest.raises(DerivationError, match="power"):
        ricci("i", "j") ** 2
