r"""Profiles of solitons: their identity by a route that knows no equation, closed forms, asymptotics, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from geomflow.core.errors import ArgumentError, ConvergenceError
from geomflow.flows.solitons import (
    bryant,
    cigar,
    cone_slope,
    cylinder,
    expander,
    fik,
    gaussian,
    koiso_cao,
    shoot,
    sphere,
    surface,
)
from geomflow.flows.solitons.ansatz import TERMS, origin, rotational
from geomflow.flows.solitons.panels import Panels
from geomflow.metrics.spaces import SPACES

#: name -> (what makes it, dimension, sign of λ, residual that is met)
SOLITONS = {
    "cigar": (cigar, 2, 0, 2e-8),
    "bryant": (lambda: bryant(3), 3, 0, 2e-8),
    "bryant-6": (lambda: bryant(6), 6, 0, 2e-8),
    "expander": (lambda: shoot(4, -0.5, 0.3), 4, -1, 2e-8),
    "expander-negative": (lambda: shoot(3, -0.5, -0.2), 3, -1, 2e-8),
    "gaussian": (lambda: gaussian(3, 0.7), 3, 1, 2e-9),
    "gaussian-expanding": (lambda: gaussian(5, -0.7), 5, -1, 2e-9),
    "cylinder": (lambda: cylinder(4, 2.0), 4, 1, 2e-9),
    "sphere": (lambda: sphere(4), 4, 1, 2e-9),
    "teardrop": (lambda: surface(1, 2.0), 2, 1, 2e-6),
    "hyperbolic-plane": (lambda: surface(-1, -1.0), 2, -1, 2e-8),
    "fik": (fik, 4, 1, 2e-8),
    "koiso-cao": (koiso_cao, 4, 1, 2e-8),
}


@pytest.mark.parametrize("name", SOLITONS)
def test_identity_and_first_integral(name):
    make, dim, sign, bound = SOLITONS[name]
    soliton = make()
    assert soliton.dim == dim
    assert np.sign(soliton.constant) == sign
    assert soliton.residual < bound
    # R + |∇f|² - 2λf, which the identity makes constant
    size = np.max(np.abs(soliton.scalar)) + abs(soliton.constant) * (1 + np.ptp(soliton.potential))
    assert np.ptp(soliton.hamilton) < 10 * bound * size


def test_residual_sees_a_wrong_soliton():
    soliton = bryant(3, length=10)
    soliton.radii["w"] *= 1 + 1e-3 * np.exp(-(soliton.s**2))
    assert soliton.residual > 1e-4


def test_cigar_is_the_one_of_the_catalogue():
    found = cigar()
    np.testing.assert_allclose(found.w, np.tanh(found.s), rtol=0, atol=1e-12)
    # x² + y² = sinh² s: the truth of the space `cigar`
    x = np.sinh(found.s)
    assert SPACES["cigar"].truths["scalar"] == "4/(1 + x^2 + y^2)"
    np.testing.assert_allclose(found.scalar, 4 / (1 + x**2), rtol=0, atol=1e-7)
    assert SPACES["cigar"].truths["soliton"][0] == "-log(1 + x^2 + y^2)"
    np.testing.assert_allclose(found.potential, -np.log(1 + x**2), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("dim", [2, 3, 5])
def test_series_at_the_origin_solves_the_equation_to_its_order(dim):
    import jax.numpy as jnp

    # the defect of the truncated series falls like s^(2 TERMS): halving s divides it by 2^(2 TERMS)
    panels = Panels(np.array([0.0, 0.8, 1.6]), (True, False))
    s = panels.s
    w, slope, f, tilt = np.asarray(origin(dim)(s[None], np.full((1, s.size), 0.8), np.full((1, s.size), -0.3)))
    np.testing.assert_allclose(slope, panels.jet(w, (-1, 1))[1], atol=1e-9)
    np.testing.assert_allclose(tilt, panels.jet(f)[1], atol=1e-9)
    jets = jnp.asarray(panels.jet(w, (-1, 1)))[None], jnp.asarray(panels.jet(f)), jnp.full((1, s.size), -0.3)
    defect = np.max(np.abs(np.asarray(rotational(dim).measured(*jets))[:2]), axis=0)
    far, near = np.interp([1.5, 0.75], s, defect)
    assert 2 * TERMS - 2 < np.log2(far / near) < 2 * TERMS + 2


@pytest.mark.parametrize("dim", [3, 4, 5, 6])
def test_bryant_decays_as_it_must(dim):
    constant, length = 1.5, 2000.0
    soliton = bryant(dim, constant, length)
    np.testing.assert_allclose(soliton.hamilton, constant, rtol=1e-7)
    root, s = np.sqrt(constant), soliton.s[-1]
    # the first correction is of relative order log(s)/s
    assert abs(soliton.scalar[-1] * s / ((dim - 1) * root / 2) - 1) < 3e-3
    assert abs(soliton.w[-1] ** 2 / s / (2 * (dim - 2) / root) - 1) < 3e-3
    assert np.all(soliton.scalar > 0)
    assert np.all(np.diff(soliton.scalar) < 0)


def test_bryant_in_dimension_three_at_2000():
    soliton = bryant(3, length=2000.0)
    assert soliton.scalar[-1] * soliton.s[-1] == pytest.approx(0.9982, abs=1e-4)


@pytest.mark.parametrize("curvature", [3.0, 0.4, -0.4])
def test_surfaces_by_both_routes_and_their_cones(curvature):
    by_momentum, by_radius = surface(-1, curvature), shoot(2, -1, curvature)
    np.testing.assert_allclose(by_momentum.w, by_radius.w, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(by_momentum.potential, by_radius.potential, rtol=1e-10, atol=1e-11)
    # F → kx/(2c), dw/ds = F'
    assert cone_slope(by_radius) == pytest.approx(-1 / (-1 - curvature), rel=1e-8)


def test_teardrop_ends_in_the_cone_of_its_moment_map():
    k, curvature = 1.0, 2.0
    soliton = surface(k, curvature)
    c = (k - curvature) / 2
    x = soliton.potential / c
    # F'' - cF' = -k/2 with F(0) = 0, F'(0) = 1 in closed form
    bend = (c - k / 2) / c**2
    np.testing.assert_allclose(soliton.w**2, bend * np.expm1(c * x) + k * x / (2 * c), atol=1e-12)
    end = float(soliton.panels.at(x, soliton.panels.edges[-1:])[0])
    assert soliton.end_slope == pytest.approx(bend * c * np.exp(c * end) + k / (2 * c), abs=1e-8)
    assert -1 < soliton.end_slope < 0
    assert not soliton.complete
    assert surface(1, 1.0).complete


@pytest.mark.parametrize(("dim", "slope"), [(3, 0.5), (4, 1.7)])
def test_expander_meets_its_cone(dim, slope):
    # found on 30 lengths, looked at on 60 and more
    longer = expander(dim, slope, -0.5, 100.0)
    assert cone_slope(longer) == pytest.approx(slope, rel=1e-8)
    # far away ds² + w² g is the cone, whose curvature is (1 - α²)/w² on the spheres and 0 else
    k = (dim - 1) * (dim - 2) * (1 - slope**2) / longer.w[-1] ** 2
    assert longer.scalar[-1] == pytest.approx(k, rel=2e-2)


@pytest.mark.parametrize("constant", [1.0, 2.0])
def test_fik_is_the_closed_form(constant):
    soliton = fik(constant)
    x, profile = 4 * soliton.radii["b"] ** 2, 4 * soliton.radii["a"] ** 2
    c = soliton.potential / x
    np.testing.assert_allclose(c, constant / np.sqrt(2), rtol=1e-13)
    root, y = np.sqrt(2), constant * x
    closed = (y / root + 2 * (1 - root) + 2 * root * (1 - root) / y) / constant
    np.testing.assert_allclose(profile, closed, rtol=1e-10, atol=1e-11)


def test_koiso_cao_has_no_futaki_invariant():
    soliton = koiso_cao(1.0)
    x, profile = 4 * soliton.radii["b"] ** 2, 4 * soliton.radii["a"] ** 2
    c = float(np.mean(soliton.potential / x))
    # (xF e^{-cx})' = x(2 - x/2) e^{-cx}, whose integral over [2, 6] must vanish
    assert abs(quad(lambda y: y * (2 - y / 2) * np.exp(-c * y), 2, 6)[0]) < 1e-12
    assert soliton.complete
    assert profile[0] < 0.01
    assert 2 < x[0] < x[-1] < 6
    # where the two spheres are: areas 4π b² in the ratio of x
    np.testing.assert_allclose(soliton.panels.at(x, soliton.panels.edges[[0, -1]]), [2, 6], rtol=1e-11)
    for k, y in ((30, x[30]), (60, x[60])):
        above = quad(lambda z: z * (2 - z / 2) * np.exp(-c * z), 2, y)[0]
        assert profile[k] == pytest.approx(above * np.exp(c * y) / y, rel=1e-10), k


def test_panels_differentiate_with_parity():
    panels = Panels.graded(3.0, 0.5, (True, True))
    w, s = np.sin(np.pi * panels.s / 3), panels.s
    jet = panels.jet(w, (-1, -1))
    np.testing.assert_allclose(jet[1], np.pi / 3 * np.cos(np.pi * s / 3), atol=1e-11)
    np.testing.assert_allclose(jet[2], -((np.pi / 3) ** 2) * w, atol=1e-9)
    places = np.array([0.0, 1e-3, 1.234, 3.0])
    np.testing.assert_allclose(panels.at(w, places, (-1, -1)), np.sin(np.pi * places / 3), atol=1e-13)
    mixed = panels.jet(np.cos(np.pi * s / 6), (1, -1))  # even at 0, odd about 3
    np.testing.assert_allclose(mixed[1], -np.pi / 6 * np.sin(np.pi * s / 6), atol=1e-11)
    open_ended = Panels.graded(3.0, 0.5, (True, False))
    np.testing.assert_allclose(open_ended.jet(np.cosh(open_ended.s))[1], np.sinh(open_ended.s), atol=1e-11)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: bryant(1), "at least 2"),
        (lambda: bryant(3, -1.0), "`scalar` must be positive"),
        (lambda: expander(3, 0.0), "`slope` must be positive"),
        (lambda: expander(3, 0.5, 0.5), "`-constant` must be positive"),
        (lambda: gaussian(3, 1.0, 0.0), "`length` must be positive"),
        (lambda: surface(-1, -2.0), "-1 or more"),
        (lambda: surface(1, -0.5), "positive curvature"),
        (lambda: fik(-1.0), "`constant` must be positive"),
        (lambda: shoot(3, 0.0, np.nan), "must be finite"),
        (lambda: cigar(length=5.0).at(np.array([6.0])), "must lie in"),
    ],
)
def test_refusals(make, words):
    with pytest.raises(ArgumentError, match=words):
        make()


@pytest.mark.parametrize(("constant", "curvature"), [(0.0, -1.0), (1.0, 0.1), (-1.0, -2.0)])
def test_incomplete_solitons_say_where_they_end(constant, curvature):
    with pytest.raises(ConvergenceError, match="ends at s =") as error:
        shoot(3, constant, curvature, 40.0)
    assert 0 < error.value.value < 40


def test_profile_and_words():
    s, w = sphere(3, 2.0).profile()
    assert s[0] == w[0] == w[-1] == 0
    assert s[-1] == pytest.approx(np.pi)
    assert np.all(np.diff(s) > 0)
    s, w = koiso_cao().profile()
    assert s[0] == 0
    assert w[0] == pytest.approx(np.sqrt(2) / 2)
    assert w[-1] == pytest.approx(np.sqrt(6) / 2)
    assert "steady" in str(bryant(3, length=5))
    assert "shrinking" in str(sphere(3))
    assert "closed" in str(sphere(3))
