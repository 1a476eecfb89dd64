"""L1: smeared trajectories against the local one, the exact one, and runs that leave the space of metrics."""

import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from geomflow.compare.invariants import invariant_study
from geomflow.compare.trajectories import trajectory_study
from geomflow.core.errors import FlowError, ResolutionError
from geomflow.flows import DeTurckFlow, RicciFlow
from geomflow.geometry.torus import Torus
from geomflow.metrics import METRICS, poisson

TORUS = Torus(2, 32)
WIDTHS = (0.8, 0.4, 0.2)
TIMES = np.array([0.0, 0.1, 0.2])


class Failing(DeTurckFlow):
    """DeTurck flow that drives every entry of the metric to zero at the widths in `fails`."""

    fails = ()
    failed: Array = False  # traced, so that one compilation serves every test

    def smeared(self, sigma):
        return Failing(self.torus, super().smeared(sigma).kernel, jnp.asarray(sigma in self.fails))

    def velocity(self, g):
        return jnp.where(self.failed, -20.0, super().velocity(g))


def failing(monkeypatch, *widths):
    monkeypatch.setattr(Failing, "fails", widths)
    return Failing(TORUS)


@pytest.fixture(scope="module")
def generic():
    return METRICS["generic-t2"].sample(TORUS)[0]


@pytest.fixture(scope="module")
def study(generic):
    return trajectory_study(generic, "DeTurck", DeTurckFlow(TORUS), WIDTHS, TIMES)


def test_orders_rise_to_two_and_richardson_to_four(study):
    assert study.widths == list(WIDTHS)
    assert 1.7 < study.orders[0] < study.orders[1]
    assert study.orders[1] == pytest.approx(1.95, abs=0.03)
    assert 3.5 < study.extrapolated_orders[0] < 4.1
    assert study.stopped == []


def test_the_error_is_what_its_docstring_says(study):
    """Once more in numpy: ‖g_σ(T) - g_0(T)‖ / ‖g_0(T) - mean‖ and (4 g_{σ/2} - g_σ)/3."""
    local = study.states[-1]
    twice = np.array([1, 2, 1]).reshape(3, 1, 1)

    def norm(h):
        return np.sqrt(np.sum(twice * h**2))

    scale = norm(local - local.mean(axis=(1, 2), keepdims=True))
    np.testing.assert_allclose(study.errors, [norm(g - local) / scale for g in study.smeared], rtol=1e-12)
    better = [(4 * b - a) / 3 for a, b in zip(study.smeared, study.smeared[1:], strict=False)]
    np.testing.assert_allclose(study.extrapolated, [norm(g - local) / scale for g in better], rtol=1e-12)


def test_states_start_at_the_metric(study, generic):
    np.testing.assert_array_equal(study.times, TIMES)
    assert study.states.shape == (3, *generic.shape)
    np.testing.assert_allclose(study.states[0], generic, atol=1e-14)


def test_invariants_of_the_trajectories(study, generic):
    """DeTurck flow is Ricci flow: the area stays, ∫R dV = 0, λ < 0; the smeared flow tends to that at order 2."""
    found = invariant_study(TORUS, jnp.asarray(study.states[-1]), study.widths, list(jnp.asarray(study.smeared)))
    area = float(TORUS.integrate(jnp.sqrt(generic[0] * generic[2] - generic[1] ** 2)))
    assert found.values["volume"] == pytest.approx(area, rel=1e-9)
    assert found.values["int R"] == pytest.approx(0, abs=1e-9)
    assert found.values["lambda"] < 0
    assert set(found.orders) == {"int R^2", "lambda"}
    for orders in found.orders.values():
        assert 1.8 < orders[0] < orders[1] < 2


def test_a_width_that_stops_is_named_and_left_out(generic, study, monkeypatch):
    other = trajectory_study(generic, "DeTurck", failing(monkeypatch, 0.4), WIDTHS, TIMES)
    assert other.widths == [0.8, 0.2]
    np.testing.assert_allclose(other.errors, [study.errors[0], study.errors[2]], rtol=1e-6)
    assert len(other.orders) == len(other.extrapolated) == 1
    assert other.orders[0] == pytest.approx(np.mean(study.orders), rel=1e-6)  # over a factor four in σ
    assert other.extrapolated_orders == []
    assert other.smeared.shape == (2, *generic.shape)
    (sentence,) = other.stopped
    assert "sigma = 0.4 stopped at t = 0.0" in sentence
    assert "positive definite" in sentence


def test_all_widths_may_stop(generic, monkeypatch):
    study = trajectory_study(generic, "DeTurck", failing(monkeypatch, *WIDTHS), WIDTHS, TIMES)
    assert study.widths == study.errors == study.orders == study.extrapolated == []
    assert study.smeared.shape == (0, *generic.shape)
    assert [s.split(" stopped")[0] for s in study.stopped] == [f"sigma = {s}" for s in WIDTHS]


def test_a_local_flow_that_stops_is_an_error(generic, monkeypatch):
    with pytest.raises(FlowError, match=r"DeTurck flow stopped at t = 0\.0") as caught:
        trajectory_study(generic, "DeTurck", failing(monkeypatch, 0.0), WIDTHS, TIMES)
    assert 0 < caught.value.time < 0.1


def test_a_width_the_grid_does_not_carry_is_refused(generic):
    with pytest.raises(ResolutionError) as caught:
        trajectory_study(generic, "DeTurck", DeTurckFlow(TORUS), (0.8, 0.4, 0.1), TIMES)
    assert caught.value.sigma_min == pytest.approx(0.75 * TORUS.spacing)


def test_against_a_truth_that_is_given(generic, study):
    same = trajectory_study(generic, "DeTurck", DeTurckFlow(TORUS), WIDTHS, TIMES, truth=jnp.asarray(study.states[-1]))
    np.testing.assert_allclose(same.errors, study.errors, rtol=1e-9)
    wrong = trajectory_study(generic, "DeTurck", DeTurckFlow(TORUS), WIDTHS, TIMES, truth=generic)
    assert wrong.errors[-1] > 10 * study.errors[-1]
    assert max(wrong.orders) < 1


def test_the_poisson_solution():
    g, exact = (poisson((1, 0), 1.5, t).sample(TORUS)[0] for t in (0.0, 0.2))
    study = trajectory_study(g, "conformal", RicciFlow(TORUS), WIDTHS, TIMES, truth=exact)
    assert study.orders[-1] == pytest.approx(1.94, abs=0.03)
    assert study.extrapolated_orders[-1] > 3.5
    assert np.max(np.abs(study.states[-1] - exact)) < 1e-6  # the grid's share of the error
