r"""Conformal flow on S²: extinction to 1e-9, the oblique sausage, convergence to round, and monotone numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.core.errors import ArgumentError, FlowError, MetricError
from geomflow.flows.conformal import ConformalSphereFlow
from geomflow.flows.conformal.derive import conformal_rate
from geomflow.flows.exact.conformal import sausage_factor, sausage_state
from geomflow.geometry.sphere import SphereGrid

GRID = SphereGrid(24)
FLOW = ConformalSphereFlow(GRID)
NORMALISED = ConformalSphereFlow(GRID, normalised=True)
X, Y, Z = (jnp.asarray(p) for p in GRID.points)
BUMPY = jnp.exp(0.3 * X * Y + 0.2 * Z + 0.1 * X**3)


def moved_round(speed):
    r"""The round metric pulled back by a conformal map along an oblique axis."""
    along = (X + 2 * Y + 2 * Z) / 3
    return (1 - speed**2) / (1 - speed * along) ** 2


def test_the_rate_is_derived():
    assert conformal_rate("theta phi", "dtheta^2 + sin(theta)^2*dphi^2") == (1, -2)


def test_round_metrics_have_curvature_two_wherever_a_conformal_map_takes_them():
    for w in (jnp.ones(GRID.shape), moved_round(0.2)):
        np.testing.assert_allclose(FLOW.scalar_curvature(w), 2, rtol=1e-9)
        assert float(FLOW.energy(w)) == pytest.approx(0, abs=1e-10)
        assert float(FLOW.area(w)) == pytest.approx(4 * np.pi, rel=1e-12)
    np.testing.assert_allclose(FLOW.curvature(2 * moved_round(0.2)), 1, rtol=1e-9)


@pytest.mark.slow
def test_a_moved_round_metric_shrinks_in_place():
    w = moved_round(0.2)
    last = FLOW.run(w, 0.4, rtol=1e-10, atol=1e-12).last
    np.testing.assert_allclose(last, (1 - 2 * 0.4) * w, rtol=1e-8)
    still = NORMALISED.run(w, 1.0).last
    np.testing.assert_allclose(still, w, rtol=1e-8)


def test_the_area_falls_at_8_pi_and_the_extinction_time_is_right_to_1e_9():
    extinction = FLOW.extinction(BUMPY)
    assert extinction == pytest.approx(float(GRID.integrate(BUMPY)) / (8 * np.pi), rel=1e-14)
    times = np.array([0.0, 0.3, extinction - 1e-6])
    solution = FLOW.run(BUMPY, times).require_completed("flow")
    areas = [float(FLOW.area(state)) for state in solution.states]
    np.testing.assert_allclose(areas, areas[0] - 8 * np.pi * times, rtol=1e-9, atol=1e-9)
    assert times[-1] + float(FLOW.area(solution.last)) / (8 * np.pi) == pytest.approx(extinction, abs=1e-9)
    # what is left is round, and lasts for half its squared radius: R = 1/(T - t)
    np.testing.assert_allclose(FLOW.scalar_curvature(solution.last), 1e6, rtol=1e-5)


def test_a_time_beyond_extinction_is_refused_with_the_extinction_time():
    extinction = FLOW.extinction(BUMPY)
    with pytest.raises(FlowError, match="extinct at t = ") as refusal:
        FLOW.run(BUMPY, np.array([2.0, 2.0 + extinction * (1 + 1e-9)]))
    assert refusal.value.time == pytest.approx(2.0 + extinction)
    assert NORMALISED.extinction(BUMPY) is None


def test_the_sausage_in_polar_coordinates_is_the_one_in_cylinder_coordinates():
    x = np.linspace(-3, 3, 7)
    for t in (-2.0, -0.1):
        cylinder = 2 * np.sinh(-2 * t) / (np.cosh(2 * x) + np.cosh(2 * t))
        np.testing.assert_allclose(sausage_factor()(t, np.tanh(x)), cylinder * np.cosh(x) ** 2, rtol=1e-12)
    assert np.all(np.isfinite(sausage_factor()(-1.0, np.array([-1.0, 1.0]))))


def test_the_sausage_about_an_oblique_axis_at_several_times():
    solution = FLOW.run(sausage_state(24, -0.6), np.array([-0.6, -0.4, -0.1]), rtol=1e-9)
    for t, state in zip(solution.times, solution.states, strict=True):
        exact = sausage_state(24, t)
        np.testing.assert_allclose(state, exact, atol=1e-7 * float(jnp.max(exact)))
    assert float(FLOW.area(solution.states[1])) == pytest.approx(8 * np.pi * 0.4, rel=1e-9)


def test_the_normalised_flow_converges_to_a_round_metric_and_monotone_numbers_are():
    solution = NORMALISED.run(BUMPY, 8.0, watch=NORMALISED.observables)
    assert solution.history is not None
    seen = solution.history.values
    np.testing.assert_allclose(seen["area"], seen["area"][0], rtol=1e-9)
    assert np.max(np.diff(seen["energy"])) < 1e-9
    assert seen["energy"][0] > 1e-2
    mean = 8 * np.pi / float(seen["area"][0])
    assert float(NORMALISED.mean_curvature(BUMPY)) == pytest.approx(mean, rel=1e-12)
    np.testing.assert_allclose([seen["R_min"][-1], seen["R_max"][-1]], mean, rtol=1e-4)
    assert abs(seen["R_max"][0] - mean) > 0.2


@pytest.mark.slow
def test_r_min_never_decreases_without_normalisation():
    solution = FLOW.run(BUMPY, 0.9 * FLOW.extinction(BUMPY), watch=FLOW.observables)
    assert solution.history is not None
    assert np.min(np.diff(solution.history.values["R_min"])) > 0
    assert np.max(np.diff(solution.history.values["energy"])) < 1e-9


def test_the_energy_falls_at_the_rate_of_the_theorem():
    _, slope = jax.jvp(NORMALISED.energy, (BUMPY,), (NORMALISED(0.0, BUMPY),))
    gauss = NORMALISED.scalar_curvature(BUMPY) / 2
    mean = NORMALISED.mean_curvature(BUMPY) / 2
    np.testing.assert_allclose(slope, -2 * GRID.integrate((gauss - mean) ** 2 * BUMPY), rtol=1e-6)


def test_the_rate_in_modes_is_the_rate():
    for flow in (FLOW, NORMALISED):
        expected = GRID.transform(flow(0.0, BUMPY))
        np.testing.assert_allclose(flow.modes_of_rate(0.0, BUMPY), expected, atol=1e-12)


def test_the_order_in_time_is_four():
    fine = FLOW.run(BUMPY, 0.3, fixed_steps=160).last
    errors = np.array([float(jnp.max(jnp.abs(FLOW.run(BUMPY, 0.3, fixed_steps=n).last - fine))) for n in (5, 10, 20)])
    orders = np.log2(errors[:-1] / errors[1:])
    assert np.all(orders > 3.6), orders


def test_metrics_that_are_none_are_refused():
    with pytest.raises(MetricError, match="positive, but is 0 at grid point"):
        FLOW.run(BUMPY.at[0, 0].set(0.0), 0.1)
    with pytest.raises(ArgumentError, match="shape"):
        FLOW.run(jnp.ones((4, 4)), 0.1)
