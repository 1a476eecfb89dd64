"""The driver: equal steps, the first step, conditions at the start, and what is said where no step succeeds."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.core.errors import ArgumentError, FlowError
from geomflow.flows.solve import Banded, integrate, integrate_many


def square(t, y):
    """Blows up at 1/y(0)."""
    return y**2


def small(y):
    return 10 - y[0]


def smaller(y):
    return 5 - y[0]


def test_equal_steps():
    run = integrate(square, jnp.ones(1), np.array([0.0, 0.5]), fixed_steps=7, watch=lambda y: y[0])
    assert (run.steps, run.completed) == (7, True)
    np.testing.assert_allclose(np.diff(run.history.times), 0.5 / 7, rtol=1e-12)
    assert 1e-9 < abs(float(run.last[0]) - 2) < 1e-5


def test_equal_steps_that_leave_the_finite_numbers_say_so():
    run = integrate(square, jnp.ones(1), np.array([0.0, 0.25, 8.0]), fixed_steps=32)
    assert not run.completed
    assert "ceased to be finite" in run.reason
    np.testing.assert_array_equal(run.times, [0.0, 0.25])
    assert bool(jnp.all(jnp.isfinite(run.states)))


@pytest.mark.parametrize("steps", [0, -3])
def test_no_equal_steps(steps):
    with pytest.raises(ArgumentError, match="fixed_steps"):
        integrate(square, jnp.ones(1), np.array([0.0, 0.5]), fixed_steps=steps)
    with pytest.raises(ArgumentError, match="no `fixed_steps`"):
        integrate(square, jnp.ones(1), np.array([0.0, 0.5]), fixed_steps=3, method=Banded(1, 1))


@pytest.mark.parametrize("span", [1e-6, 3.0, 1e6])
def test_the_first_step_knows_the_state_and_not_only_the_span(span):
    """A run that ends in a singularity at t = 1 finds it however far the final time is."""
    run = integrate(square, jnp.ones(1), np.array([0.0, span]), stops={"it is large": small}, watch=lambda y: y[0])
    if span < 1:
        assert run.completed
        assert run.steps <= 3 + 100  # at most a hundredth of the span at first
        np.testing.assert_allclose(run.last, 1 / (1 - span), rtol=1e-9)
    else:
        assert run.stopped_by == run.reason == "it is large"
        assert run.last_time == pytest.approx(0.9, rel=1e-7)
        assert 0 < run.history.times[1] < 0.1


def test_the_condition_that_is_met_is_named_whatever_the_order():
    for stops in ({"a: ten": small, "b: five": smaller}, {"b: ten": small, "a: five": smaller}):
        run = integrate(square, jnp.ones(1), np.array([0.0, 2.0]), stops=stops)
        assert run.stopped_by is not None
        assert run.stopped_by.endswith("five")
        assert run.last_time == pytest.approx(0.8, rel=1e-7)


def test_a_start_that_violates_a_condition_is_refused():
    stops = {"z: it exceeds ten": small, "a: it exceeds five": smaller}
    with pytest.raises(FlowError, match="would end where it starts, at t = 1: a: it exceeds five") as refusal:
        integrate(square, 7 * jnp.ones(1), np.array([1.0, 2.0]), stops=stops)
    assert (refusal.value.time, refusal.value.condition, refusal.value.value) == (1.0, "a: it exceeds five", -2.0)
    with pytest.raises(FlowError, match="nan"):
        integrate(square, jnp.ones(1), np.array([1.0, 2.0]), stops={"a": lambda y: y[0] * jnp.nan})
    with pytest.raises(FlowError, match="it exceeds five"):
        integrate_many(square, jnp.asarray([[1.0], [6.0]]), np.array([0.0, 0.1]), stops=stops)


def test_where_it_stuck():
    """The entry whose rate is largest in proportion, the time and the step are named; what there is is kept."""

    def rate(t, y):
        return {"calm": -y["calm"], "wild": y["wild"] ** 2}

    start = {"calm": jnp.ones(2), "wild": jnp.asarray([[0.5, 1.0], [0.1, 0.3]])}
    run = integrate(rate, start, np.array([0.0, 0.5, 3.0]))
    assert not run.completed
    assert run.stuck is not None
    assert (run.stuck.leaf, run.stuck.index) == ("['wild']", (0, 1))
    assert run.stuck.time == run.last_time == pytest.approx(1.0, abs=1e-8)
    assert 0 < run.stuck.step < 1e-12
    assert run.stuck.value == pytest.approx(float(run.last["wild"][0, 1]))
    assert run.stuck.rate == pytest.approx(run.stuck.value**2)
    for word in ("grows without bound", "entry (0, 1)", "wild"):
        assert word in run.reason
    np.testing.assert_array_equal(run.times, [0.0, 0.5])
    np.testing.assert_allclose(run.states["wild"][1, 0, 1], 2.0, rtol=1e-8)


def test_the_initial_state_is_kept_where_no_step_succeeds():
    run = integrate(lambda t, y: jnp.full_like(y, jnp.nan), jnp.ones(2), np.array([0.0, 1.0]))
    assert not run.completed
    np.testing.assert_array_equal(run.times, [0.0])
    np.testing.assert_array_equal(run.states, [[1.0, 1.0]])
    assert run.last_time == 0.0


def test_what_is_watched_is_recorded_once_a_step():
    run = integrate(square, jnp.ones(1), np.array([0.0, 0.5]), stops={"it is large": small}, watch=lambda y: y[0])
    assert run.history.times[0] == 0.0
    assert run.history.times[-1] == 0.5
    assert np.all(np.diff(run.history.times) > 0)
    np.testing.assert_allclose(run.history.values, 1 / (1 - run.history.times), rtol=1e-8)


def test_members_end_by_themselves():
    starts = jnp.asarray([[1.0], [3.0]])
    one, other = integrate_many(square, starts, np.array([0.0, 0.1, 0.3]), stops={"it is large": small})
    assert one.completed
    assert other.stopped_by == "it is large"
    np.testing.assert_array_equal(other.times, [0.0, 0.1])
    np.testing.assert_allclose(one.states[:, 0], 1 / (1 - np.array([0.0, 0.1, 0.3])), rtol=1e-8)
