"""The Kähler-Ricci reduction: each claim is proved, and a broken rule is found by the claim it belongs to."""

import pytest
import sympy as sp

from geomflow.core.errors import ArgumentError, CertificateError
from geomflow.symbolic.certificates.proof import prove
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.charts.metric import Metric
from geomflow.symbolic.kaehler import reduction
from geomflow.symbolic.kaehler.calabi import soliton_equation
from geomflow.symbolic.kaehler.hermitian import Hermitian
from geomflow.symbolic.kaehler.holomorphic import pull_back
from geomflow.symbolic.kaehler.metric import Kaehler
from geomflow.symbolic.kaehler.reduction import SHRINKER, calabi_flow, potential_flow


def test_the_scalar_equation_of_a_general_potential():
    found = potential_flow((1, 2, 3))
    assert {proof.residual for proof in found.proofs} == {"0"}
    scalar = [p for p in found.proofs if p.claim.startswith("∂_t g_ij̄")]
    assert [(p.dim, p.components_checked, p.holds_for) for p in scalar] == [
        (n, n * n, "every K(z, z̄, t) and λ") for n in (1, 2, 3)
    ]
    lines = [step.line() for step in found.derivation.steps]
    assert "R_zz̄ = (K_zz̄z̄ K_zzz̄ - K_zz̄ K_zzz̄z̄)/K_zz̄²" in lines  # printed from the engine
    assert lines[-1] == "∂_t K = log det ∂∂̄K + λ K"


def test_calabis_reduction():
    found = calabi_flow((1, 2, 3, 4))
    assert {proof.residual for proof in found.proofs} == {"0"}
    assert {proof.dim for proof in found.proofs} == {1, 2, 3, 4, None}
    lines = [step.line() for step in found.derivation.steps]
    assert "∂_t F|_x = F F'' - F'² + n F' - (n - 1) F² / x²" in lines
    assert "n = 1, 2, 3, 4" in found.derivation.text()


def test_the_printed_shrinker_is_that_of_feldman_ilmanen_and_knopf():
    """F' + F/x - F/√2 = 2 - x/2 with F(2) = 0, solved without the library: F(2) = 0 fixes the constant."""
    x = sp.Symbol("x", positive=True)
    profile = sp.parse_expr(SHRINKER, local_dict={"x": x})
    assert sp.expand(sp.diff(profile, x) + profile / x - profile / sp.sqrt(2) - 2 + x / 2) == 0
    assert sp.expand(profile.subs(x, 2)) == 0


def _negated(cls, name):
    whole = getattr(cls, name)
    return cls, name, lambda self, *index: -whole(self, *index)


def _squared(cls, name):
    whole = getattr(cls, name)
    return cls, name, lambda self: whole(self) ** 2


@pytest.mark.parametrize(
    ("derive", "broken", "claim"),
    [
        (potential_flow, _negated(Hermitian, "_ricci"), "the contraction of the curvature tensor is R_ij̄"),
        (potential_flow, _negated(Kaehler, "_riemann"), "the contraction of the curvature tensor is R_ij̄"),
        (potential_flow, _negated(Metric, "ricci"), "Ric(∂_i, ∂_j̄) = R_ij̄"),
        (potential_flow, _negated(Metric, "scalar"), "R = 2 g^ij̄ R_ij̄"),
        (potential_flow, _squared(Hermitian, "determinant"), "∂_t g_ij̄ + R_ij̄ - λ g_ij̄ ="),
        (calabi_flow, _squared(Hermitian, "determinant"), "det g = (u')^(n-1) u''"),
        (calabi_flow, _negated(Kaehler, "_riemann"), "∂_t g_ij̄ + R_ij̄ = "),
        (calabi_flow, (reduction, "pull_back", lambda *given, factor: pull_back(*given, factor=2)), "Re g_ij̄ dz^i"),
        (calabi_flow, (reduction, "soliton_equation", lambda n: -soliton_equation(n)), "Ric + ∇²f = λ g"),
        (calabi_flow, (reduction, "SHRINKER", f"{SHRINKER} + x - 2"), "the profile of Feldman, Ilmanen and Knopf"),
    ],
)
def test_a_broken_rule_is_found(monkeypatch, derive, broken, claim):
    monkeypatch.setattr(*broken)
    with pytest.raises(CertificateError) as caught:
        derive((1, 2))
    assert str(caught.value).startswith(f"It is not true that {claim}")
    assert str(caught.value).endswith(".")
    assert caught.value.residual != "0"


def test_a_wrong_profile_flow_is_found(monkeypatch):
    """The two steps from u to F are typed as strings; one sign of either is enough."""
    whole = Chart.element

    def element(self, value):
        return whole(self, value.replace("n*F' -", "n*F' +") if isinstance(value, str) else value)

    monkeypatch.setattr(Chart, "element", element)
    with pytest.raises(CertificateError, match="for n a symbol, component 1, the two sides differ by") as caught:
        calabi_flow((1,))
    assert caught.value.dim is None
    assert len(str(caught.value)) < 300


def test_the_record_of_a_proof():
    proof = prove("0 = 0", "every F(x)", None, [sp.S.Zero, sp.S.Zero], 0.0)
    assert proof.components_checked == 2
    assert proof.to_dict()["holds_for"] == "every F(x)"
    assert "every n" in str(proof)
    with pytest.raises(CertificateError, match="n = 2, component 2, the two sides differ by an expression with"):
        prove("it", "every x", 2, [sp.S.Zero, sp.expand((1 + sp.Symbol("x")) ** 40)], 0.0)


@pytest.mark.parametrize("dims", [(), (0, 1)])
@pytest.mark.parametrize("derive", [potential_flow, calabi_flow])
def test_dimensions_that_are_none(derive, dims):
    with pytest.raises(ArgumentError, match="from 1 on"):
        derive(dims)
