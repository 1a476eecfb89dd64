import json
from types import SimpleNamespace

import pytest

from geomflow.core.errors import ArgumentError, CertificateError
from geomflow.symbolic.abstract import bianchi, monoterm
from geomflow.symbolic.abstract import variation as rules
from geomflow.symbolic.abstract.expression import (
    as_expression,
    exponential,
    nabla,
    norm_squared,
    tensor_field,
)
from geomflow.symbolic.abstract.parse import parse_density
from geomflow.symbolic.abstract.variation import first_variation
from geomflow.symbolic.certificates.certificate import certify


def integrand(density, weight=1):
    density = parse_density(density) if isinstance(density, str) else density
    return SimpleNamespace(name="test", density=density, weight=as_expression(weight))


def certified(density, weight=1, dim=2, seed=0):
    functional = integrand(density, weight)
    return certify(functional, first_variation(functional.density, functional.weight), dim, seed)


PERELMAN = ("R + |∇f|²", exponential("f"))


def test_certificate_prints_and_saves():
    certificate = certified(*PERELMAN)
    assert certificate.residual == "0"
    assert certificate.components_checked == 3 + 1 + 3
    assert "verified" in str(certificate)
    assert json.loads(json.dumps(certificate.to_dict()))["jets"]["f"]
    assert certificate.jets == certified(*PERELMAN).jets
    assert certificate.jets != certified(*PERELMAN, seed=1).jets


A, B = tensor_field("A", "j"), tensor_field("B", "j", "k", symmetry="antisymmetric")


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize(
    ("density", "weight"),
    [
        PERELMAN,
        ("R", exponential("f", -2)),
        ("(Δf)^2 + R*Δf", 1),
        ("R_ijkl R^ijkl", 1),
        ("R_ij ∇^i f ∇^j u", 1),
        ("f^2*R", exponential("u")),
        ("1", exponential("f")),
        (norm_squared(nabla("i", A)), 1),
        (norm_squared(nabla("i", B)), 1),
        ("R - |H|^2/12 + |∇f|²", exponential("f")),
        ("R_ijkl F^ij F^kl + |A|^2 R", 1),
        ("∇_i F_jk ∇^j F^ik + |∇H|^2", 1),
        ("R_ijkl R^ikjl", 1),
        ("|div S - A|^2 + (tr S)^2*R", 1),
    ],
    ids=str,
)
def test_typed_functionals_are_certified(density, weight, dim):
    assert certified(density, weight, dim, seed=dim).residual == "0"


def test_derivatives_of_curvature_are_certified():
    assert certified("∇_i R ∇^i R + ∇_k R_ij ∇^k R^ij", dim=2).residual == "0"


@pytest.mark.parametrize("density", ["|Ric|^2 + R^2", norm_squared(nabla("i", B))], ids=str)
def test_contracted_certificate_in_dimension_four(density):
    functional = integrand(density, exponential("f"))
    result = first_variation(functional.density, functional.weight)
    certificate = certify(functional, result, 4, contracted=True)
    assert certificate.residual == "0"
    assert certificate.components_checked == len(result.gradients) + 1


def test_every_component_in_dimension_four():
    assert certified(*PERELMAN, dim=4).components_checked == 10 + 1 + 10


def test_a_wrong_sign_in_the_variation_of_ricci_is_caught(monkeypatch):
    right = rules.variation_of_ricci
    monkeypatch.setattr(rules, "variation_of_ricci", lambda b, d: -right(b, d))
    with pytest.raises(CertificateError, match="differs from the Euler operator") as caught:
        certified(*PERELMAN)
    assert caught.value.dim == 2
    assert caught.value.component in ("g^11", "g^12", "g^22", "f")
    assert caught.value.residual != "0"


def test_a_dropped_derivative_of_the_weight_is_caught(monkeypatch):
    right = rules.derivative_of_factors
    monkeypatch.setattr(
        rules, "derivative_of_factors", lambda index, factors: [t for t in right(index, factors) if t[0] == 1]
    )
    with pytest.raises(CertificateError):
        certified(*PERELMAN)


def test_a_wrong_volume_is_caught(monkeypatch):
    right = rules.variation_of_volume
    monkeypatch.setattr(rules, "variation_of_volume", lambda: 2 * right())
    with pytest.raises(CertificateError):
        certified("R", dim=3)
    functional = integrand("R")
    with pytest.raises(CertificateError):
        certify(functional, first_variation(functional.density), 3, contracted=True)


@pytest.fixture
def without_memory(monkeypatch):
    """No normal form is remembered from right rules, and none from broken ones."""
    bianchi.forget()
    yield monkeypatch
    bianchi.forget()


def flipped(identity):
    """The identity with the sign of its last term turned."""
    return lambda *arguments: [*(terms := identity(*arguments))[:-1], (-terms[-1][0], terms[-1][1])]


def opposite(rule):
    """The rule with all its signs turned."""
    return lambda *arguments: [(-c, factors) for c, factors in rule(*arguments)]


BREAKS = [
    ("a curvature rule", rules, "variation_of_mixed_riemann", lambda rule: lambda *slots: -rule(*slots), "|Riem|^2"),
    ("a form rule", rules, "variation_of_form", lambda rule: lambda *slots: -rule(*slots), "R - |H|^2/12"),
    ("integration by parts", rules, "derivative_of_factors", opposite, "R - |F|^2/4"),
    ("commutator", monoterm, "commutator", opposite, "|Riem|^2"),
    ("cyclic identity", bianchi, "cyclic_identity", flipped, "R_ijkl R^ikjl"),
    ("second Bianchi identity", bianchi, "second_bianchi_identity", flipped, "∇_i R_jklm ∇^j R^iklm"),
    ("dF = 0", bianchi, "closedness", flipped, "|∇F|^2"),
]


@pytest.mark.parametrize(("module", "name", "break_", "density"), [b[1:] for b in BREAKS], ids=[b[0] for b in BREAKS])
def test_a_broken_rule_fails_its_certificate(without_memory, module, name, break_, density):
    assert certified(density, dim=3).residual == "0"
    bianchi.forget()
    without_memory.setattr(module, name, break_(getattr(module, name)))
    with pytest.raises(CertificateError, match="differs from the Euler operator"):
        certified(density, dim=3)


def test_a_gradient_of_another_functional_is_caught():
    with pytest.raises(CertificateError):
        certify(integrand("R^2"), first_variation(parse_density("|Ric|^2")), 3)


def test_a_fixed_measure_gradient_is_checked_on_its_own(monkeypatch):
    right = rules.fixed_measure_gradient
    functional = integrand(*PERELMAN)
    result = first_variation(functional.density, functional.weight)
    monkeypatch.setattr(rules, "fixed_measure_gradient", lambda *arguments: 2 * right(*arguments))
    with pytest.raises(CertificateError, match="fixed measure"):
        certify(functional, result, 2)


def test_dimension_must_be_positive():
    functional = integrand("R")
    with pytest.raises(ArgumentError, match="at least 1"):
        certify(functional, first_variation(functional.density), 0)
