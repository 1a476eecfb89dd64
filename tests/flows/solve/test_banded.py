"""Banded integration: exact solutions of heat and decay, events, what is kept when it gets stuck."""

import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.core.errors import ArgumentError, FlowError
from geomflow.flows.solve import integrate
from geomflow.flows.solve.banded import Banded, Interleaved

SIZE = 60
RATE = 2 * (np.cos(np.pi / (SIZE + 1)) - 1) * (SIZE + 1) ** 2
X = np.arange(1, SIZE + 1) / (SIZE + 1)
START = jnp.sin(np.pi * X)


def heat(t, y):
    """The second difference with zero ends: the sine decays at RATE exactly."""
    left, right = jnp.concatenate([jnp.zeros(1), y[:-1]]), jnp.concatenate([y[1:], jnp.zeros(1)])
    return (left - 2 * y + right) * (SIZE + 1) ** 2


def coupled(t, state):
    """Two rows of heat and a leaf that follows the first: components first, the grid last."""
    rows = jnp.stack([heat(t, state["a"][0]), heat(t, state["a"][1]) + state["a"][0]])
    return {"a": rows, "b": 2 * heat(t, state["b"])}


def highest(y):
    return jnp.max(y)


def above_half(y):
    return jnp.max(y) - 0.5


def above_low(y):
    return jnp.max(y) - 0.1


@pytest.fixture(scope="module")
def run():
    stops = {"z below a half": above_half, "a below a tenth": above_low}
    options = {"method": Banded(1, 1), "rtol": 1e-10, "atol": 1e-12}
    return integrate(heat, START, np.array([0, 0.02, 0.04, 0.3]), stops=stops, watch=highest, dense=True, **options)


def test_decay_is_exact_and_the_event_is_where_it_should_be(run):
    exact = np.log(0.5 / np.max(START)) / RATE
    assert run.stopped_by == "z below a half"
    assert run.last_time == pytest.approx(exact, rel=1e-8)
    assert np.max(run.last) == pytest.approx(0.5, rel=1e-12)
    assert np.array_equal(run.times, [0, 0.02, 0.04])
    for t, y in zip(run.times, run.states, strict=True):
        assert np.allclose(y, np.exp(RATE * t) * START, atol=2e-9)


def test_the_history_holds_every_step_and_the_last_state(run):
    t, values = run.history.times, run.history.values
    assert len(t) == run.steps + 1
    assert t[0] == 0
    assert t[-1] == run.last_time
    assert np.allclose(values, np.exp(RATE * t) * np.max(START), atol=2e-9)


def test_dense_output_is_as_accurate_as_the_steps(run):
    path = run.interpolant()
    for t in (0.0, 1e-4, 0.0137, 0.05):
        assert np.allclose(path(t), np.exp(RATE * t) * START, atol=2e-9)


def test_components_are_interleaved_so_that_the_band_is_narrow():
    state = {"a": jnp.stack([START, 0 * START]), "b": 3 * START}
    layout = Interleaved.of(state)
    packed = layout.pack(state)
    assert np.array_equal(packed[:6], [START[0], 0, 3 * START[0], START[1], 0, 3 * START[1]])
    back = layout.unpack(jnp.stack([packed, 2 * packed]))
    assert np.array_equal(back["a"], jnp.stack([state["a"], 2 * state["a"]]))
    assert np.array_equal(back["b"], jnp.stack([state["b"], 2 * state["b"]]))
    wide = integrate(coupled, state, np.array([0, 0.03]), method=Banded(5, 5), rtol=1e-10, atol=1e-12)
    decayed = np.exp(RATE * 0.03) * START
    assert np.allclose(wide.last["a"], [decayed, 0.03 * decayed], atol=2e-9)
    assert np.allclose(wide.last["b"], 3 * np.exp(2 * RATE * 0.03) * START, atol=2e-9)


def test_smaller_tolerances_give_smaller_errors():
    times = np.array([0, 0.05])
    found = [
        np.max(np.abs(integrate(heat, START, times, method=Banded(1, 1), rtol=r, atol=r / 100).last - y))
        for r, y in ((1e-5, np.exp(RATE * 0.05) * START), (1e-8, np.exp(RATE * 0.05) * START))
    ]
    assert found[1] < 1e-2 * found[0]


def blowing_up(t, state):
    return {"y": state["y"] ** 2}


def extinguished(t, y):
    return -1 / jnp.sqrt(y)


def test_a_state_that_grows_without_bound_ends_where_float64_does_and_says_where_it_stuck():
    run = integrate(blowing_up, {"y": jnp.ones(3).at[1].set(2.0)}, np.array([0, 0.25, 2.0]), method=Banded(0, 0))
    assert not run.completed
    assert run.last_time == pytest.approx(0.5, rel=1e-6)
    assert np.array_equal(run.times, [0, 0.25])
    assert run.stuck.leaf == "['y']"
    assert run.stuck.index == (1,)
    assert run.stuck.rate == pytest.approx(run.stuck.value**2)
    assert "grows without bound" in run.reason


def test_a_right_hand_side_that_becomes_nan_keeps_what_there_is():
    run = integrate(extinguished, jnp.ones(1), np.array([0, 0.5, 2.0]), method=Banded(0, 0))
    assert not run.completed
    assert run.last_time == pytest.approx(2 / 3, rel=1e-6)
    assert np.all(np.isfinite(run.last))
    assert len(run.times) == 2
    assert "did not meet its tolerance" in run.reason


def test_the_cap_on_steps_is_kept():
    run = integrate(heat, START, np.array([0, 1.0]), method=Banded(1, 1), max_steps=7)
    assert (run.steps, run.completed) == (7, False)
    assert "all 7 steps" in run.reason


def test_integration_backward_in_time():
    run = integrate(blowing_up, {"y": jnp.ones(2)}, np.array([0, -1.0, -3.0]), method=Banded(0, 0), dense=True)
    assert np.allclose(run.states["y"][:, 0], [1, 0.5, 0.25], rtol=1e-7)
    assert run.interpolant()(-2.0)["y"][0] == pytest.approx(1 / 3, rel=1e-7)


def test_refusals():
    with pytest.raises(ArgumentError, match="grid as their last axis"):
        integrate(heat, {"a": START, "b": START[1:]}, np.array([0, 1.0]), method=Banded(1, 1))
    with pytest.raises(ArgumentError, match="strictly monotone"):
        integrate(heat, START, np.array([0, 1.0, 0.5]), method=Banded(1, 1))
    with pytest.raises(ArgumentError, match="cannot step inside JAX"):
        Banded(1, 1).solver()
    with pytest.raises(FlowError, match="where it starts"):
        integrate(heat, 0.01 * START, np.array([0, 1.0]), method=Banded(1, 1), stops={"low": above_low})
