r"""Doubly warped products: rates against the space of the catalogue, exact solutions, orders, spectra, refusals."""

from __future__ import annotations

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp
from jax.flatten_util import ravel_pytree

from geomflow.core.errors import ArgumentError, GridError, MetricError
from geomflow.flows.warped.doubly import DoubleProfile, DoublyWarpedFlow
from geomflow.flows.warped.doubly_generate import doubly_generated
from geomflow.flows.warped.meridian import Meridian
from geomflow.flows.warped.rotational import Profile, RotationalFlow


def sphere(points, p, q, radius=1.0, bump=0.0):
    # S^{p+q+1} as a join; a bump in ψ vanishes to second order at both poles
    x = Meridian(points).x
    psi, chi = np.sin(x / 2) * (1 + bump * np.sin(x) ** 2), np.cos(x / 2)
    state = DoubleProfile(jnp.full(points, radius / 2), *(jnp.asarray(radius * r) for r in (psi, chi)))
    return DoublyWarpedFlow.about(state, p, q, "join"), state


def product(points, p, q, radius=1.0, other=2.0, bump=0.0):
    x = Meridian(points).x
    psi, chi = radius * np.sin(x), other * (1 + bump * np.cos(x))
    state = DoubleProfile(jnp.full(points, radius), jnp.asarray(psi), jnp.asarray(chi))
    return DoublyWarpedFlow.about(state, p, q, "product"), state


@eqx.filter_jit
def _rate(flow, state):
    return flow(0.0, state)


@eqx.filter_jit
def _change_of_volume(flow, state):
    rate = jax.jvp(flow.volume, (state,), (flow(0.0, state),))[1]
    scalar = flow.curvatures(state)[0, 1:-1]
    return rate, flow.volume(state._replace(phi=state.phi * scalar))


def unit(n):
    return 2 * math.pi ** ((n + 1) / 2) / math.gamma((n + 1) / 2)


def test_rates_are_the_ricci_tensor_of_the_space():
    # `doubly-warped` knows Ric of dr² + f² g_{S²} + h² dα² from Petersen
    r = sp.Symbol("r")
    f, h = sp.sin(r) + r**2 / 7, 2 + sp.cos(r) / 3
    point = sp.Rational(4, 5)
    values = [float(sp.diff(g, r, k).subs(r, point)) for g in (f, h) for k in range(3)]
    (f0, f1, f2), (h0, h1, h2) = values[:3], values[3:]
    ricci = [
        -2 * f2 / f0 - h2 / h0,
        -f2 / f0 + (1 - f1**2) / f0**2 - f1 * h1 / (f0 * h0),
        -h2 / h0 - 2 * f1 * h1 / (f0 * h0),
    ]
    jets = [jnp.asarray(jet)[:, None] for jet in ([1.0, 0, 0], values[:3], values[3:], [0.0, 0])]
    rates = np.asarray(doubly_generated("rates", 2, 1)(*jets))[:, 0]
    np.testing.assert_allclose(rates, [-ricci[0], -ricci[1] * f0, -ricci[2] * h0], rtol=1e-13)
    scalar = np.asarray(doubly_generated("curvatures", 2, 1)(*jets[:3]))[0, 0]
    assert scalar == pytest.approx(ricci[0] + 2 * ricci[1] + ricci[2], rel=1e-13)


@pytest.mark.parametrize(("p", "q"), [(2, 1), (2, 3)])
def test_round_sphere_shrinks_as_it_must(p, q):
    flow, state = sphere(41, p, q)
    n = flow.dim
    t = 0.4 / (n - 1)  # r² = 1 - 2(n-1)t = 1/5
    last = flow.run(state, t, rtol=1e-11, atol=1e-13).require_completed("flow").last
    for found, start in zip(last, state, strict=True):
        np.testing.assert_allclose(found, math.sqrt(0.2) * start, rtol=1e-8)
    seen = flow.observables(state)
    assert float(seen["volume"]) == pytest.approx(unit(n), rel=1e-13)
    np.testing.assert_allclose([seen["R_min"], seen["R_max"]], n * (n - 1), rtol=1e-6)
    assert float(flow.curvature(state)) == pytest.approx(math.sqrt(2 * n * (n - 1)), rel=1e-6)


@pytest.mark.parametrize(("p", "q"), [(2, 1), (1, 2)])
def test_product_of_spheres_shrinks_factorwise(p, q):
    flow, state = product(41, p, q)
    t = 0.4 / p
    last = flow.run(state, t, rtol=1e-11, atol=1e-13).require_completed("flow").last
    r, other = math.sqrt(1 - 2 * p * t), math.sqrt(4 - 2 * (q - 1) * t)
    np.testing.assert_allclose(last.phi, r, rtol=1e-8)
    np.testing.assert_allclose(last.psi, r * state.psi, rtol=1e-8)
    np.testing.assert_allclose(last.chi, other, rtol=1e-8)
    assert float(flow.volume(state)) == pytest.approx(unit(p + 1) * unit(q) * 2.0**q, rel=1e-12)


def test_rates_converge_with_the_sixth_order():
    # next to the poles, where rates hold 1/ψ², two orders are lost; solutions do not lose them
    def rate(points):
        flow, state = sphere(points, 2, 1, bump=0.3)
        # grids of 2k + 1 points share every second point
        return jnp.stack(_rate(flow, state))

    coarse, middle, fine = (rate(points) for points in (23, 47, 95))
    errors = [float(jnp.max(jnp.abs(a - b[:, 1::2])[:, 6:-6])) for a, b in ((coarse, middle), (middle, fine))]
    assert 5.5 < math.log2(errors[0] / errors[1]) < 7.5


@pytest.mark.slow
def test_solutions_converge_with_the_grid():
    def area(points):
        flow, state = product(points, 2, 1, bump=0.2)
        last = flow.run(state, 0.1, rtol=1e-11, atol=1e-13).require_completed("flow").last
        return np.array([float(flow.volume(last)), float(jnp.sqrt(flow.curvature(last)))])

    coarse, middle, fine = (area(points)[0] for points in (11, 23, 47))
    assert abs(middle - fine) < abs(coarse - middle) / 20
    assert abs(middle - fine) < 1e-7 * fine


@pytest.mark.parametrize("make", [sphere, product])
def test_no_mode_grows_with_the_grid(make):
    def fastest(points):
        flow, state = make(points, 2, 1, bump=0.2)
        vector, back = ravel_pytree(state)
        jacobian = jax.jit(jax.jacfwd(lambda y: ravel_pytree(flow(0.0, back(y)))[0]))(vector)
        return np.sort(np.linalg.eigvals(np.asarray(jacobian)).real)[::-1][:4]

    np.testing.assert_allclose(fastest(15), fastest(31), rtol=0.03, atol=0.03)


def test_volume_changes_by_the_scalar_curvature():
    # d vol/dt = -∫ R dvol, whatever the gauge
    for make, p, q in ((sphere, 1, 2), (sphere, 2, 1), (product, 2, 1), (product, 1, 1)):
        rate, lost = _change_of_volume(*make(63, p, q, bump=0.2))
        assert float(rate) == pytest.approx(-float(lost), rel=1e-6), (make, p, q)


def test_a_join_of_circle_and_sphere_is_the_rotational_flow():
    # S³ as the join of two circles, round: the same radius as the rotationally symmetric S³
    flow, state = sphere(41, 1, 1)
    x = Meridian(41).x
    other = Profile(jnp.ones(41), jnp.asarray(np.sin(x)))
    one = RotationalFlow.about(other, 3)
    last, last_one = flow.run(state, 0.2).last, one.run(other, 0.2).last
    assert float(last.phi[20]) * 2 == pytest.approx(float(last_one.phi[20]), rel=1e-7)


def test_profile_from_pole_to_pole():
    flow, state = sphere(21, 2, 1)
    s, psi = flow.profile(state)
    np.testing.assert_allclose(psi, np.sin(s), atol=1e-6)
    assert s[0] == psi[0] == 0
    assert s[-1] == pytest.approx(math.pi / 2)
    assert psi[-1] == pytest.approx(1, abs=1e-6)
    flow, state = product(21, 2, 1)
    s, psi = flow.profile(state)
    np.testing.assert_allclose(psi, np.sin(s), atol=1e-8)


def test_extinction_of_the_small_factor_is_noticed():
    flow, state = product(15, 2, 1)
    found = flow.run(state, 0.3, most_curvature=1e4)  # S³ is gone at t = 1/4
    assert not found.completed
    assert "blows up" in found.reason
    # max |Rm| = √12/r², r² = 1 - 4t
    assert found.last_time == pytest.approx(0.25 * (1 - math.sqrt(12) / 1e4), rel=1e-6)


def test_refusals():
    flow, state = sphere(21, 2, 1)
    join, (phi, psi, chi) = flow, state
    refused = [
        (join, state._replace(psi=1.1 * psi), "x = 0: |ψ_s| must be 1", 0.1),
        (join, state._replace(chi=0.9 * chi), "x = π: |χ_s| must be 1", -0.1),
        (join, state._replace(psi=psi + 0.1 * jnp.sin(Meridian(21).x) ** 2), "x = 0: ψ must be odd", None),
        (join, state._replace(chi=chi * (1 + 0.2 * jnp.sin(Meridian(21).x))), "x = 0: χ must be even", None),
        (join, state._replace(phi=phi * (1 + 0.2 * jnp.sin(Meridian(21).x))), "x = 0: φ must be even", None),
        (join, state._replace(chi=-chi), "χ must be positive", None),
        (join, state._replace(phi=phi * jnp.nan), "must be finite", None),
        (DoublyWarpedFlow.about(state, 2, 1, "product"), state, "x = π: |ψ_s| must be 1", None),
    ]
    for family, bad, words, defect in refused:
        with pytest.raises(MetricError) as error:
            family.check(bad)
        assert words in str(error.value)
        if defect is not None:
            assert error.value.defect == pytest.approx(defect, abs=1e-3)
    with pytest.raises(GridError, match="21 interior points"):
        flow.check(sphere(23, 2, 1)[1])
    with pytest.raises(ArgumentError, match="p, q >= 1"):
        DoublyWarpedFlow.about(state, 0, 2, "join")
    with pytest.raises(ArgumentError, match="join or a product"):
        DoublyWarpedFlow.about(state, 1, 2, "sum")  # pyright: ignore[reportArgumentType]
