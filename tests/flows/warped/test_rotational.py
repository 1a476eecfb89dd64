"""Rotationally symmetric flow: derivation, exact spheres, orders in space and time, poles, refusals."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp

from geomflow.compare.time_order import time_order
from geomflow.core.errors import ArgumentError, GridError, MetricError
from geomflow.flows.exact.warped import radius, round_proof
from geomflow.flows.singularity import blow_up
from geomflow.flows.solve import Explicit
from geomflow.flows.warped.generate import LAPSE, RADIUS, ansatz, programs
from geomflow.flows.warped.grading import from_profile, regraded
from geomflow.flows.warped.meridian import Meridian
from geomflow.flows.warped.rotational import Profile


def egg(s):
    return np.sin(s) * (1 + 0.3 * np.sin(s) ** 2 + 0.1 * np.cos(s) * np.sin(s) ** 2)


def dumbbell(s):
    return np.sin(s) * (1 - 0.8 * np.sin(s) ** 2)


@cache
def ready(points, dim=4):
    return from_profile(egg, np.pi, dim=dim, points=points)


# --- derivation -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dim", [2, 3, 4, 5, 6])
def test_the_rates_are_those_of_the_papers(dim):
    n = dim - 1
    (chi, chi_x, chi_xx), (psi, psi_x, psi_xx) = LAPSE, RADIUS
    b, b_x = sp.symbols("b b_x")
    psi_ss, psi_s = (psi_xx - psi_x * chi_x / chi) / chi**2, psi_x / chi
    v = n * (chi_x / chi - b) / chi**2
    # (χV)_x with χ_xx and b_x as they stand
    moved = n * ((chi_xx / chi - chi_x**2 / chi**2 - b_x) / chi - (chi_x / chi - b) * chi_x / chi**2)
    rates = programs(dim)["rates"].outputs
    assert sp.simplify(rates[0] - (n * chi * psi_ss / psi + moved)) == 0
    assert sp.simplify(rates[1] - (psi_ss - (n - 1) * (1 - psi_s**2) / psi + v * psi_x)) == 0


@pytest.mark.parametrize("dim", [2, 3, 5])
def test_the_curvatures_are_those_of_the_metric(dim):
    metric = ansatz(dim)
    chi, psi = metric.chart.functions["chi"], metric.chart.functions["psi"]
    (x,) = chi.args
    names = {f.diff(x, k) if k else f: s for f, row in ((chi, LAPSE), (psi, RADIUS)) for k, s in enumerate(row)}
    scalar, squared = programs(dim)["curvatures"].outputs
    assert sp.simplify(metric.scalar()[()].xreplace(names) - scalar) == 0
    assert sp.simplify(metric.kretschmann()[()].xreplace(names) - squared) == 0


def test_round_spheres_are_proved_in_dimensions_not_in_the_catalogue():
    assert round_proof(5) == ""
    assert radius(5).subs("t", 0) == 1


# --- the line from pole to pole ---------------------------------------------------------------------------------------


def test_differences_and_integrals_of_known_parity():
    line = Meridian(63)
    even, odd = np.cos(2 * line.x) + np.cos(3 * line.x), np.sin(2 * line.x) + np.sin(3 * line.x)
    _, first, second = line.jet(jnp.asarray(even), 1, jnp.asarray([2.0, 0.0]))
    assert np.allclose(first, -2 * np.sin(2 * line.x) - 3 * np.sin(3 * line.x), atol=1e-6)
    assert np.allclose(second, -4 * np.cos(2 * line.x) - 9 * np.cos(3 * line.x), atol=1e-5)
    _, first, second = line.jet(jnp.asarray(odd), -1)
    assert np.allclose(first, 2 * np.cos(2 * line.x) + 3 * np.cos(3 * line.x), atol=1e-6)
    assert np.allclose(second, -4 * np.sin(2 * line.x) - 9 * np.sin(3 * line.x), atol=1e-5)
    assert np.allclose(line.slopes(jnp.asarray(odd)), [5, 1], atol=1e-5)
    assert np.allclose(line.at_poles(jnp.asarray(even)), [2, 0], atol=1e-5)
    assert line.weights(-1) @ np.sin(line.x) ** 3 == pytest.approx(4 / 3, rel=1e-14)
    assert line.weights(1) @ np.sin(line.x) ** 4 == pytest.approx(3 * np.pi / 8, rel=1e-14)
    x = np.linspace(0, np.pi, 65)
    assert np.allclose(line.antiderivative(2 + np.cos(x) + np.cos(5 * x)), 2 * x + np.sin(x) + np.sin(5 * x) / 5)


@pytest.mark.parametrize("dim", [2, 3, 4, 7])
def test_on_the_round_sphere_the_only_growing_mode_is_its_size(dim):
    flow, state = from_profile(np.sin, np.pi, dim=dim, points=25)

    def rate(vector):
        return jnp.concatenate(flow(0.0, Profile(vector[:25], vector[25:])))

    modes = np.linalg.eigvals(jax.jit(jax.jacfwd(rate))(jnp.concatenate(state)))
    largest = np.sort(modes.real)[::-1]
    assert largest[0] == pytest.approx(dim - 1, abs=1e-3)
    assert largest[1] < -1


# --- exact spheres, orders --------------------------------------------------------------------------------------------


def test_observables_of_a_round_sphere():
    flow, state = from_profile(lambda s: 1.3 * np.sin(s / 1.3), 1.3 * np.pi, dim=4, points=51)
    seen = flow.observables(state)
    assert seen["volume"] == pytest.approx(8 * np.pi**2 / 3 * 1.3**4, rel=1e-12)
    assert seen["length"] == pytest.approx(1.3 * np.pi, rel=1e-9)
    assert seen["R_min"] == pytest.approx(12 / 1.69, rel=1e-6)
    assert seen["R_max"] == pytest.approx(12 / 1.69, rel=1e-6)
    assert seen["curvature"] == pytest.approx(np.sqrt(24) / 1.69, rel=1e-6)
    assert seen["radius"] == pytest.approx(1.3, rel=1e-12)
    assert np.isnan(seen["neck"])
    s, psi = flow.profile(state)
    assert np.allclose(psi, 1.3 * np.sin(s / 1.3), atol=1e-9)


def test_extinction_of_the_round_sphere_is_extrapolated_to_one_in_a_billion():
    flow, state = from_profile(np.sin, np.pi, dim=3, points=51)
    run = flow.run(state, 1.0, watch=flow.curvature, most_curvature=1e4, rtol=1e-12, atol=1e-14)
    assert run.stopped_by == "the curvature blows up"
    end = blow_up(run.history.times, run.history.values)
    assert end.time == pytest.approx(0.25, abs=2.5e-10)
    assert end.constant == pytest.approx(np.sqrt(12) / 4, rel=1e-7)
    assert end.type_one


def test_the_order_in_space_is_six():
    runs = {m: ready(m)[0].run(ready(m)[1], 0.04, rtol=1e-12, atol=1e-14).last for m in (31, 63, 127)}
    errors = []
    for m in (31, 63):
        every = 128 // (m + 1)
        errors.append(max(float(jnp.max(jnp.abs(a - b[every - 1 :: every][:m]))) for a, b in zip(runs[m], runs[127])))
    assert np.log2(errors[0] / errors[1]) > 5.5
    assert errors[1] < 5e-8


def test_the_order_in_time_of_the_explicit_method_is_five():
    flow, state = ready(15)
    assert time_order(flow, state, 0.06, Explicit(), (16, 24, 36)).order == pytest.approx(5, abs=0.7)


def test_the_banded_method_agrees_with_the_explicit_one_and_meets_its_tolerance():
    flow, state = ready(31)
    exact = flow.run(state, 0.03, method=Explicit(), rtol=1e-11, atol=1e-13).last
    errors = [
        max(float(jnp.max(jnp.abs(a - b))) for a, b in zip(flow.run(state, 0.03, rtol=r, atol=r / 100).last, exact))
        for r in (1e-6, 1e-10)
    ]
    assert errors[0] < 1e-5
    assert errors[1] < 2e-9


def test_the_gauge_moves_points_and_nothing_else():
    # one metric on an even grid and on a graded one
    flow, state = from_profile(egg, np.pi, dim=3, points=127)
    other, graded = from_profile(egg, np.pi, dim=3, points=127, finest=0.5, necks=[1.0])
    assert float(jnp.max(graded.phi) / jnp.min(graded.phi)) > 1.5
    first, second = (f.run(y, 0.05, rtol=1e-11, atol=1e-13).last for f, y in ((flow, state), (other, graded)))
    one, two = flow.observables(first), other.observables(second)
    for name, close in (("volume", 1e-8), ("length", 1e-8), ("radius", 1e-5), ("R_max", 1e-5), ("R_min", 1e-5)):
        assert float(one[name]) == pytest.approx(float(two[name]), rel=close), name
    assert flow.volume(first) < 0.9 * flow.volume(state)


# --- grids ------------------------------------------------------------------------------------------------------------


def test_a_graded_grid_is_fine_at_the_neck_and_holds_the_same_metric():
    flow, state = from_profile(dumbbell, np.pi, dim=3, points=201, finest=1e-2)
    even, plain = from_profile(dumbbell, np.pi, dim=3, points=201)
    step = flow.meridian.spacing * state.phi
    assert float(jnp.min(step)) < 2e-3
    assert int(jnp.argmin(step)) == 100
    assert float(flow.volume(state)) == pytest.approx(float(even.volume(plain)), rel=1e-9)
    assert float(flow.length(state)) == pytest.approx(np.pi, rel=1e-9)
    assert float(flow.neck(state)) == pytest.approx(0.2, rel=1e-12)
    radius_of_neck, bend = flow.neck_shape(state)
    assert bend == pytest.approx(0.2 * (-0.2 + 1.6), rel=1e-6)
    assert radius_of_neck == flow.neck(state)
    s, psi = flow.profile(state)
    assert np.allclose(psi, dumbbell(s), atol=1e-9)


def test_a_neck_between_grid_points_is_found_between_them():
    flow, state = from_profile(lambda s: dumbbell(s) * (1 + 0.1 * np.cos(s)) / (1 + 0.1 * np.cos(s) ** 2 * np.cos(s)),
                               np.pi, dim=3, points=150)  # fmt: skip
    fine = np.linspace(1.2, 1.9, 200001)
    least = np.min(dumbbell(fine) * (1 + 0.1 * np.cos(fine)) / (1 + 0.1 * np.cos(fine) ** 3))
    assert float(flow.neck(state)) == pytest.approx(least, rel=1e-6)


def test_regrading_changes_the_grid_and_not_the_metric():
    flow, state = from_profile(dumbbell, np.pi, dim=3, points=201, finest=0.05)
    other, again = regraded(flow, state, points=151, finest=0.02)
    seen = other.observables(again)
    for name, value in flow.observables(state).items():
        close = 1e-8 if name in ("volume", "length") else 5e-5
        assert float(seen[name]) == pytest.approx(float(value), rel=close), name


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_metrics_that_are_none_are_refused_with_their_defect():
    with pytest.raises(MetricError, match=r"ψ_s must be 1 there.*a cone") as caught:
        from_profile(lambda s: 0.8 * np.sin(s), np.pi)
    assert caught.value.defect == pytest.approx(-0.2, abs=1e-6)
    with pytest.raises(MetricError, match=r"x = π.*a cone"):
        from_profile(lambda s: np.sin(s) * (1 + 0.1 * np.sin(s / 2) ** 4), np.pi)
    with pytest.raises(MetricError, match="ψ is not odd"):
        from_profile(lambda s: np.sin(s) * (1 + 0.3 * np.sin(s)), np.pi)
    with pytest.raises(MetricError, match="must be positive between the poles"):
        from_profile(lambda s: np.sin(s) * (1 - 1.2 * np.sin(s) ** 2), np.pi)


def test_states_that_are_none_are_refused():
    flow, state = ready(31)
    with pytest.raises(MetricError, match=r"lapse φ must be positive, but it is -1 at x = 0\.49"):
        flow.check(state._replace(phi=state.phi.at[4].set(-1.0)))
    with pytest.raises(MetricError, match="NaN"):
        flow.check(state._replace(psi=state.psi.at[4].set(jnp.nan)))
    with pytest.raises(MetricError, match="φ is not even"):
        flow.check(Profile(state.phi * (1 + 0.1 * flow.meridian.x), state.psi * (1 + 0.0 * flow.meridian.x)))
    with pytest.raises(GridError, match="31 interior points"):
        flow.check(ready(15)[1])
    with pytest.raises(GridError, match="at least 8"):
        from_profile(np.sin, np.pi, points=7)
    with pytest.raises(ArgumentError, match="`length`"):
        from_profile(np.sin, -1.0)
    with pytest.raises(ArgumentError, match="`finest`"):
        from_profile(np.sin, np.pi, finest=4.0)
    with pytest.raises(ArgumentError, match="necks must lie"):
        from_profile(np.sin, np.pi, finest=0.1, necks=[4.0])
