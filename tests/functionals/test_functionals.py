import pytest
import sympy as sp

from geomflow.core.errors import CatalogueError
from geomflow.functionals import FUNCTIONALS, Functional
from geomflow.symbolic.abstract.canonical import equal
from geomflow.symbolic.abstract.expression import exponential, metric, nabla, ricci, scalar_field


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("name", FUNCTIONALS.names())
def test_every_functional_is_certified(name, dim):
    certificate = FUNCTIONALS[name].certify(dim, seed=dim)
    assert certificate.residual == "0"
    assert certificate.name == name


@pytest.mark.slow
@pytest.mark.parametrize("name", FUNCTIONALS.names())
def test_every_functional_is_certified_in_dimension_four(name):
    assert FUNCTIONALS[name].certify(4, contracted=True).residual == "0"


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


def test_a_typed_functional_needs_nothing_else():
    functional = Functional.typed(
        "mine", r"\mathcal{E}", "R*φ + beta*|∇φ|²", weight=exponential("phi"), fields=("phi",), constants=("beta",)
    )
    assert functional.fields == ("g", "phi")
    assert functional.certify(2).residual == "0"


def test_an_unknown_name_is_answered_with_the_closest():
    with pytest.raises(CatalogueError, match="perelman-f"):
        FUNCTIONALS["perelman-g"]
