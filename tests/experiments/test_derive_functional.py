"""What is derived from functionals at the edge: couplings, divergences, no derivatives, high order."""

import pytest

from geomflow.core.errors import CertificateError
from geomflow.experiments.derive.functional import derive_functional
from geomflow.functionals import Functional
from geomflow.symbolic.certificates.symbol import certify_symbol
from geomflow.symbolic.flows.linearise import damped_gradient_flow, principal_symbol


def typed(density, **kwargs):
    return Functional.typed("typed", r"\mathcal{E}", density, **kwargs)


@pytest.mark.parametrize("density", ["f R + |∇f|^2", "u R + u |∇u|^2", "f^2 R"])
def test_a_scalar_in_front_of_the_curvature(density):
    derived = derive_functional(typed(density), dim=2)
    assert [word for word, _ in derived.card.verdicts] == ["verified"]
    assert {c.residual for c in derived.certificates} == {"0"}


def test_the_speed_of_a_gradient_flow_holds_no_field_and_its_symbol_the_field_at_rest():
    variation = typed("f R + |∇f|^2").variation()
    flow, response = damped_gradient_flow(variation)
    assert not {str(s) for c, _ in flow.metric.terms for s in c.free_symbols} & {"f"}
    symbol = principal_symbol(flow, response)
    assert str(symbol.transverse_traceless) == "-f"
    assert certify_symbol(symbol, flow, 3, 0, response).residual == "0"
    other, _ = damped_gradient_flow(typed("2*f R + |∇f|^2").variation())
    with pytest.raises(CertificateError):
        certify_symbol(symbol, other, 3, 0, response)


@pytest.mark.parametrize("density", ["Δ R", "Δ u", "0"])
def test_a_divergence_has_no_gradient_and_the_card_says_so(density):
    derived = derive_functional(typed(density), dim=2)
    assert "a divergence: every gradient vanishes" in " ".join(str(derived.card).split())
    assert len(derived.derivations) == len(derived.certificates) == 1


def test_a_flow_without_derivatives_is_an_ordinary_differential_equation():
    card = " ".join(str(derive_functional(typed("tau"), dim=2).card).split())
    assert "an ordinary differential equation at each point" in card
    assert "parabolic" not in card


def test_a_flow_of_order_six_is_not_brought_to_squares():
    card = " ".join(str(derive_functional(typed("|∇R|^2"), dim=2).card).split())
    assert "rate of change not attempted a flow of order 6" in card


def test_only_the_variation():
    derived = derive_functional(typed("R + |∇f|^2"), dim=2, only_variation=True)
    assert len(derived.derivations) == len(derived.certificates) == 1
    assert "∂_t" not in str(derived.card)
