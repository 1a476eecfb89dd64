"""The certificate of a dual passes what is right and refuses what is not; activations cut into smooth pieces."""

import dataclasses

import numpy as np
import pytest
import sympy as sp

from geomflow.core.errors import CertificateError, DerivationError, DivergentExpectationError
from geomflow.symbolic.kernels.duals import derive_dual
from geomflow.symbolic.kernels.duals.bivariate_normal import BivariateNormalCDF, derive_bivariate, normal_cdf
from geomflow.symbolic.kernels.duals.certify import certify
from geomflow.symbolic.kernels.duals.dual import THETA, C, P, U
from geomflow.symbolic.kernels.duals.pieces import breakpoints, pieces, smoothness

RELU, SIGN = sp.Max(0, U), sp.sign(U)
FEW = (("1", "1", "1/2"), ("7/10", "13/10", "-2/5"), ("9/10", "9/10", "89/100"))


@pytest.mark.parametrize("activation", [RELU, SIGN, sp.erf(U), sp.exp(U) * sp.cos(U), sp.Abs(U) * U])
def test_what_is_right_passes(activation):
    found = certify(derive_dual(activation))
    assert found.worst < 1e-11
    assert found.points == 6


@pytest.mark.parametrize(
    ("activation", "field", "change"),
    [
        (RELU, "kernel", lambda e: e + sp.Rational(1, 10**9)),
        (RELU, "kernel", lambda e: e.subs(C, -C)),
        (RELU, "derivative", lambda e: e * (1 + sp.Rational(1, 10**9))),
        (RELU, "diagonal", lambda e: 2 * e),
        (RELU, "slope", lambda e: e + sp.Rational(1, 10**9)),
        (SIGN, "slope", lambda e: P),
        (SIGN, "derivative", lambda e: e / 2),
        (sp.erf(U), "slope", lambda e: sp.oo),
    ],
)
def test_what_is_wrong_is_refused(activation, field, change):
    right = derive_dual(activation)
    wrong = dataclasses.replace(right, **{field: change(getattr(right, field))})
    with pytest.raises(CertificateError) as refusal:
        certify(wrong)
    assert refusal.value.residual > 1e-10


@pytest.mark.parametrize("field", ["kernel", "derivative"])
def test_a_wrong_form_in_the_angle_is_refused(field):
    right = derive_dual(RELU)
    angular = dataclasses.replace(right.angular, **{field: getattr(right.angular, field).subs(THETA, 2 * THETA)})
    with pytest.raises(CertificateError, match="angular"):
        certify(dataclasses.replace(right, angular=angular))


def test_a_kernel_and_a_derivative_that_disagree_are_refused():
    # both wrong by the same small amount at c = 0 only: the slope shows it
    right = derive_dual(sp.erf(U))
    wrong = dataclasses.replace(right, kernel=right.kernel + sp.Rational(1, 10**12) * sp.sin(10**6 * C))
    with pytest.raises(CertificateError, match="slope"):
        certify(wrong)


@pytest.mark.parametrize(
    ("activation", "ends", "order"),
    [
        (RELU, [0], 1),
        (SIGN, [0], 0),
        (sp.Max(0, U) ** 3, [0], 3),
        (sp.Max(-1, sp.Min(1, U)), [-1, 1], 1),
        (sp.Min(sp.Max(U + 3, 0), 6) / 6, [-3, 3], 1),
        (sp.Piecewise((U, U > 0), (sp.exp(U) - 1, True)), [0], 2),
        (sp.Max(0, 1 - sp.Abs(U)), [-1, 0, 1], 1),
        (sp.Abs(U**2 - 2), [-sp.sqrt(2), sp.sqrt(2)], 1),
        (sp.Max(0, sp.exp(U) - 2), [sp.log(2)], 1),
        (sp.erf(U), [], float("inf")),
    ],
)
def test_pieces_and_how_smooth_they_join(activation, ends, order):
    assert list(breakpoints(activation)) == ends
    assert smoothness(activation) == order
    for low, high, expr in pieces(activation):
        at = 0 if low == -sp.oo and high == sp.oo else (low + 1 if high == sp.oo else high - sp.Rational(1, 3))
        assert abs(sp.N(expr.subs(U, at) - activation.subs(U, at))) < 1e-14


def test_a_symbolic_slope_is_one_piece_and_a_symbolic_threshold_none():
    a = sp.Symbol("a", positive=True)
    assert [expr for _, _, expr in pieces(RELU + a * sp.Max(0, -U))] == [-a * U, U]
    with pytest.raises(DerivationError, match="must be numbers"):
        pieces(sp.Max(0, U**2 - a))


@pytest.mark.parametrize(
    "activation",
    [sp.Piecewise((U, U > 0), (sp.exp(U) - 1, True)), sp.Max(0, U - 1), U * sp.Heaviside(U - 1)],
)
def test_the_bivariate_normal_rule(activation):
    assert certify(derive_bivariate(activation), FEW).worst < 1e-11


def test_the_bivariate_normal_rule_gives_what_price_gives():
    found, known = derive_bivariate(RELU), derive_dual(RELU)
    at = {P: sp.Rational(7, 5), sp.Symbol("q", positive=True): sp.Rational(2, 3), C: sp.Rational(-1, 3)}
    for field in ("kernel", "derivative", "diagonal", "slope"):
        assert abs(sp.N((getattr(found, field) - getattr(known, field)).subs(at), 30)) < 1e-25


def test_a_weight_that_grows_too_fast_on_a_half_line_is_refused():
    with pytest.raises(DivergentExpectationError, match="p >= 1/4") as refusal:
        derive_bivariate(sp.Max(0, U - 1) * sp.exp(U**2))
    assert refusal.value.moment == "E φ²"
    # where it decays it is welcome
    assert certify(derive_bivariate(sp.Heaviside(U - 1) * sp.exp(-(U**2))), FEW[:2]).worst < 1e-10
    with pytest.raises(DerivationError, match="polynomial × exp"):
        derive_bivariate(sp.Max(0, U - 1) * sp.tanh(U))


def test_special_values_of_the_distribution():
    h, rho = sp.symbols("h rho", real=True)
    assert BivariateNormalCDF(h, sp.oo, rho) == normal_cdf(h)
    assert BivariateNormalCDF(-sp.oo, h, rho) == 0
    assert BivariateNormalCDF(h, 1, 0) == normal_cdf(h) * normal_cdf(1)
    assert BivariateNormalCDF(0, 0, sp.Rational(1, 2)) == sp.Rational(1, 3)
    numeric = BivariateNormalCDF(1, 2, sp.Rational(-1, 2)).evalf(20)
    swapped = BivariateNormalCDF(2, 1, sp.Rational(-1, 2)).evalf(20)
    assert abs(numeric - swapped) < 1e-19
    assert np.isclose(float(numeric), 0.818741473876387998)
