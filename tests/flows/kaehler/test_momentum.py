"""Kähler-Ricci flow with U(n) symmetry, against exact solutions, classes and models of singularities."""

import math
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.polynomial import chebyshev
from scipy.integrate import quad
from scipy.optimize import brentq

from geomflow.compare.time_order import time_order
from geomflow.core.errors import ArgumentError, FlowError, GridError, MetricError
from geomflow.flows.conformal import ConformalSphereFlow
from geomflow.flows.exact.kaehler import FIK, SAUSAGE, exact_state
from geomflow.flows.kaehler import HirzebruchFlow, LineBundleFlow, Profile, ProjectiveFlow
from geomflow.flows.kaehler.interval import Interval
from geomflow.flows.solve import Explicit
from geomflow.geometry.sphere import SphereGrid

ROOT = math.sqrt(2)


def sausage(size):
    flow = ProjectiveFlow(1, size)
    profile = "2*(cosh(2*t) - cosh(x/2 + 2*t))/sinh(-2*t)"
    return flow, exact_state(lambda: flow, profile, ("-8*t",))


def test_interval_differentiates_and_integrates():
    grid = Interval(20)
    y = grid.points
    jet = grid.jet(jnp.exp(2 * y))
    np.testing.assert_allclose(jet, [np.exp(2 * y), 2 * np.exp(2 * y), 4 * np.exp(2 * y)], rtol=1e-10)
    assert float(grid.integrate(jnp.exp(2 * y))) == pytest.approx((math.exp(2) - 1) / 2, rel=1e-14)
    assert float(grid.tail(jnp.exp(2 * y))) < 1e-14
    assert float(grid.tail(jnp.abs(jnp.asarray(y) - 0.5))) > 1e-3
    # a polynomial of degree size - 1 is differentiated exactly, one of higher degree is not
    small = Interval(4)
    np.testing.assert_allclose(small.jet(jnp.asarray(small.points**3))[2], 6 * small.points, atol=1e-12)
    with pytest.raises(GridError, match="at least 4"):
        Interval(3)


def test_spectral_in_space_on_the_sausage():
    """∂_t h of the exact state, by differences in time of order 4, against the flow: the error falls geometrically."""
    errors = []
    for size in (6, 8, 10):
        flow, state = sausage(size)
        step = 1e-3
        before = [np.asarray(state(-1.0 + k * step).rest) for k in (-2, -1, 1, 2)]
        slope = (before[0] - 8 * before[1] + 8 * before[2] - before[3]) / (12 * step)
        rate = flow(0.0, state(-1.0))
        assert float(rate.ends[0]) == -8.0
        errors.append(np.max(np.abs(np.asarray(rate.rest) - slope)) / np.max(np.abs(slope)))
    assert errors[-1] < 1e-4, errors
    assert all(finer < coarser / 10 for coarser, finer in pairwise(errors)), errors


def test_order_in_time():
    flow, state = sausage(10)
    observed = time_order(flow, state(-1.0), 0.5, Explicit(), (20, 40, 80))
    # the order of Tsit5, reached from above
    assert 4.7 < observed.order < 5.8, str(observed)
    assert observed.orders[1] < observed.orders[0]


def test_the_state_of_a_profile_is_that_of_its_expression():
    flow, state = sausage(20)
    exact = state(-0.5)
    made = flow.state(lambda x: 2 * (np.cosh(1) - np.cosh(x / 2 - 1)) / np.sinh(1), 4.0)
    np.testing.assert_allclose(made.rest, exact.rest, atol=1e-8 * np.max(np.abs(exact.rest)))
    x, profile = flow.profile(exact)
    np.testing.assert_allclose(profile, 2 * (np.cosh(1) - np.cosh(np.asarray(x) / 2 - 1)) / np.sinh(1), atol=1e-14)
    # R at the tips, where both poles have the curvature 2 cosh(2t)/sinh(-2t)
    assert float(flow.observables(exact)["R_max"]) == pytest.approx(2 / math.tanh(1), rel=1e-10)


@pytest.mark.parametrize(
    ("flow", "state"),
    [
        (ProjectiveFlow(1, 16), (2.0,)),
        (ProjectiveFlow(3, 16), (2.0,)),
        (HirzebruchFlow(1, 2, 16), (1.0, 3.0)),
        (HirzebruchFlow(3, 3, 20), (1.0, 2.0)),
    ],
)
def test_total_scalar_curvature_is_minus_the_change_of_volume(flow, state):
    """d Vol/dt = -∫ R dV is topological, hence the same for every profile; for n = 1, Gauss-Bonnet: 8π."""
    y = flow.interval.points
    for rest in (0 * y, 0.3 * np.cos(2 * y) - 0.4 * y):
        profile = Profile(jnp.asarray(state), jnp.asarray(rest))
        flow.check(profile)
        x, _ = flow.profile(profile)
        k, length = getattr(flow, "k", 1), x[-1] - x[0]
        density = math.pi**flow.n / (k * math.factorial(flow.n - 1)) * x ** (flow.n - 1)
        total = float(length * flow.interval.integrate(flow.curvatures(profile)[1] * density))
        change = jax.jvp(lambda ends: flow.class_numbers(ends)["volume"], (profile.ends,), (flow(0.0, profile).ends,))
        volume = float(length * flow.interval.integrate(density))
        assert volume == pytest.approx(float(flow.class_numbers(profile.ends)["volume"]), rel=1e-13)
        assert total == pytest.approx(-float(change[1]), rel=1e-9)
        if flow.n == 1:
            assert total == pytest.approx(8 * math.pi, rel=1e-12)


def test_projective_plane_becomes_round_as_it_shrinks():
    """CP²: h ~ (T-t)^{(n+3)/(n+1)}, R (T-t) → n; T from the last curvature to 1e-9."""
    flow = ProjectiveFlow(2, 16)
    start = flow.state(lambda x: x * (1 - x) * (1 + x * (1 - x) * (0.8 - 0.5 * x)), 1.0)
    end = flow.extinction(start)
    assert end == pytest.approx(1 / 12, rel=1e-15)
    left = np.array([1e-3, 1e-4, 1e-5])
    solution = flow.run(start, np.concatenate([[0.0], end * (1 - left)]), watch=flow.observables).require_completed("")
    sizes = np.max(np.abs(np.asarray(solution.states.rest)[1:]), axis=1)
    np.testing.assert_allclose(np.diff(np.log(sizes)) / np.diff(np.log(left)), 5 / 3, rtol=0.01)
    highest = float(flow.observables(solution.last)["R_max"])
    assert solution.last_time + flow.n / highest == pytest.approx(end, rel=1e-9)
    np.testing.assert_allclose(
        solution.history.values["volume"], math.pi**2 / 2 * (1 - 12 * solution.history.times) ** 2, rtol=1e-9
    )
    assert np.all(np.diff(solution.history.values["R_min"]) > 0)  # the maximum principle


@pytest.mark.slow
def test_the_sausage_loses_area_at_8_pi_and_blows_up_by_name():
    flow, state = sausage(12)
    solution = flow.run(state(-1.0), 0.999, watch=flow.observables, most_curvature=50.0)
    assert solution.stopped_by == "the curvature blows up"
    area = solution.history.values["volume"]
    np.testing.assert_allclose(area, 8 * math.pi * (1 - solution.history.times), rtol=1e-12)
    assert float(flow.curvature(solution.last)) == pytest.approx(50.0, rel=1e-6)


@pytest.mark.slow
def test_projective_line_is_the_conformal_flow_on_the_sphere():
    """F over x and w over the round sphere: ds = dx/F, cos θ = tanh(s/2), w = F cosh²(s/2); the equator stays."""
    flow, grid = ProjectiveFlow(1, 24), SphereGrid(21)
    start = flow.state(lambda x: x * (1 - x) * (1 + 2 * x * (1 - x)), 1.0)

    def on_sphere(state):
        series = flow.interval.series(np.asarray(state.rest))
        length = float(state.ends[0])

        def h(y):
            return chebyshev.chebval(2 * y - 1, series)

        def point(height):
            # s = log(y/(1-y)) - ∫_½ h/(1 + d h) dy, from 1/F
            def miss(y):
                smooth, _ = quad(lambda z: h(z) / (1 + z * (1 - z) * h(z)), 0.5, y, epsabs=1e-13)
                return math.log(y / (1 - y)) - smooth - 2 * math.atanh(height)

            y = brentq(miss, 1e-9, 1 - 1e-9, xtol=1e-15)
            return length * y * (1 - y) * (1 + y * (1 - y) * h(y)) / (1 - height**2)

        w = np.array([point(height) for height in grid.heights])
        return jnp.asarray(np.repeat(w[:, None], grid.shape[1], axis=1))

    end = 0.5 * flow.extinction(start)
    mine = on_sphere(flow.run(start, end, rtol=1e-10).require_completed("").last)
    sphere = ConformalSphereFlow(grid)
    assert sphere.extinction(on_sphere(start)) == pytest.approx(2 * end, rel=1e-9)
    theirs = sphere.run(on_sphere(start), end, rtol=1e-10).require_completed("").last
    np.testing.assert_allclose(mine, theirs, rtol=1e-7)


# --- bundles -----------------------------------------------------------------------------------------------------


def test_the_shrinker_is_a_fixed_point_and_others_are_not():
    flow = FIK.flow()
    state = FIK.state(0.0)
    np.testing.assert_allclose(state.rest, 1 / ROOT - 1, rtol=1e-15)
    rate = flow(0.0, state)
    np.testing.assert_allclose(rate.rest, 0, atol=1e-10)
    assert float(rate.ends[0]) == -4.0
    other = flow(0.0, flow.standard(2.0, 0.8)).rest
    assert float(jnp.max(jnp.abs(other))) > 0.1
    # the slope of the cone at infinity never changes
    assert float(other[0]) == 0.0


def test_blow_up_of_the_plane_contracts_its_exceptional_curve():
    """On F_1 the zero section is contracted at a/4; rescaled, the flow there becomes the shrinker."""
    flow = HirzebruchFlow(1, 2, 48)
    start = flow.standard(1.0, 4.0)
    time, event = flow.ending(start)
    assert (time, event) == (0.25, "the zero section is contracted")
    left = np.array([0.1, 0.03, 0.01])
    solution = flow.run(start, np.concatenate([[0.0], time * (1 - left)])).require_completed("")
    model = float(FIK.flow().curvature(FIK.state(0.0))) * 0.5
    misses, speeds = [], []
    for k, t in enumerate(solution.times[1:], 1):
        state = Profile(solution.states.ends[k], solution.states.rest[k])
        assert float(state.ends[0]) == pytest.approx(1 - 4 * t, abs=1e-13)
        speeds.append((time - t) * float(flow.curvature(state)))
        x, profile = (2 * np.asarray(q) / float(state.ends[0]) for q in flow.profile(state))
        near = x < 8
        shrinker = x / ROOT + 2 * (1 - ROOT) + 2 * ROOT * (1 - ROOT) / x
        misses.append(np.max(np.abs(profile - shrinker)[near]))
    assert misses[0] > 2 * misses[1] > 4 * misses[2]
    assert speeds[-1] == pytest.approx(model, rel=2e-3)
    assert float(flow.observables(solution.last)["tail"]) < 1e-2
    # the same program: fibres that collapse, where the flow becomes a shrinking S² times the plane, |Rm| (T-t) → 1
    thin = flow.standard(1.0, 2.0)
    time, event = flow.ending(thin)
    assert (time, event) == (0.125, "the fibres collapse")
    last = flow.run(thin, np.array([0.0, 0.5, 0.9, 0.999]) * time).require_completed("").last
    assert 1e-3 * time * float(flow.curvature(last)) == pytest.approx(1.0, rel=1e-3)


def test_which_classes_end_and_how():
    assert HirzebruchFlow(2).ending(HirzebruchFlow(2).standard(1.0, 2.0)) == (1 / 16, "the fibres collapse")
    assert HirzebruchFlow(2, 3).ending(HirzebruchFlow(2, 3).standard(1.0, 9.0)) == (
        0.25,
        "the zero section is contracted",
    )
    assert LineBundleFlow(2).ending(LineBundleFlow(2).standard(1.0, 1.0)) is None  # c_1 = 0
    assert LineBundleFlow(3).extinction(LineBundleFlow(3).standard(1.0, 1.0)) is None  # expands


# --- bad input -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "ends", "error", "says"),
    [
        (lambda x: 1.1 * x * (1 - x), (1.0,), MetricError, r"slope 1 going inward at x = 0, .* by 1.000e-01"),
        (lambda x: x * (1 - x) + 0.1, (1.0,), MetricError, r"vanish at x = 0, .* by 1.000e-01"),
        (lambda x: x * (1 - x) * (1 + x * x), (1.0,), MetricError, r"slope 1 going inward at x = 1, .* by 1.000e\+00"),
        (lambda x: x * (1 - x) * (1 - 9 * x * (1 - x)), (1.0,), MetricError, "positive between its ends"),
        (lambda x: x * (1 - x), (-1.0,), MetricError, "is -1: at 0 the space shrinks to a point"),
        (lambda x: x * (1 - x), (1.0, 2.0), MetricError, "given by 1 numbers, not 2"),
        (lambda x: x * (1 - x) * (1 + x * (1 - x) * np.cos(90 * x)), (1.0,), GridError, "24 points do not resolve"),
    ],
)
def test_profiles_that_are_no_metrics_are_refused(profile, ends, error, says):
    with pytest.raises(error, match=says):
        ProjectiveFlow(2).state(profile, *ends)


def test_refusals():
    flow = ProjectiveFlow(2, 8)
    with pytest.raises(FlowError, match=r"extinct at t = 0.08333333333") as refused:
        flow.run(flow.fubini_study(), 0.1)
    assert refused.value.time == pytest.approx(1 / 12, rel=1e-15)
    with pytest.raises(MetricError, match="8 values of h"):
        flow.check(Profile(jnp.ones(1), jnp.zeros(9)))
    with pytest.raises(MetricError, match="finite"):
        flow.check(Profile(jnp.ones(1), jnp.full(8, jnp.nan)))
    with pytest.raises(MetricError, match="at 0 the fibres collapse"):
        HirzebruchFlow().standard(2.0, 1.0)
    with pytest.raises(MetricError, match="at x = inf"):
        LineBundleFlow().standard(2.0, -0.1)
    for make in (lambda: ProjectiveFlow(0), lambda: HirzebruchFlow(0), lambda: LineBundleFlow(1, 1)):
        with pytest.raises(ArgumentError, match="or more, but is"):
            make()


def test_the_catalogues_sausage_is_the_space_of_that_name():
    """Two coordinates on one surface: w(s) on the cylinder is the profile, and dx = 2w dξ."""
    state = SAUSAGE.state(-0.7)
    x, profile = (np.asarray(q) for q in SAUSAGE.flow().profile(state))
    middle = x[1:-1] - x[-1] / 2
    # x = 2 log(cosh(ξ + T)/cosh(ξ - T)) solved for ξ
    e, c, s = np.exp(middle / 2), math.cosh(0.7), math.sinh(0.7)
    xi = np.arctanh((e - 1) * c / ((e + 1) * s))
    w = 2 * math.sinh(1.4) / (np.cosh(2 * xi) + math.cosh(1.4))
    np.testing.assert_allclose(profile[1:-1], w, rtol=1e-9)


def test_a_profile_that_is_no_longer_resolved_ends_the_run():
    """Near the contraction of the exceptional curve the profile is too steep for 16 points, and the run says so."""
    flow = HirzebruchFlow(size=16)
    run = flow.run(flow.standard(1.0, 4.0), 0.2499)
    assert not run.completed
    assert "more points" in run.reason
    assert 0.2 < run.last_time < 0.2499
