"""Runs in legs: the same bits however they are interrupted, and damaged or foreign legs are refused."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.core.checkpoint import Checkpoint
from geomflow.core.errors import ArgumentError, ResultFileError
from geomflow.flows.solve import integrate

TRACES = []


class Pendulum(eqx.Module):
    """A pytree of a state: angle and velocity of a pendulum of some length, pushed in time."""

    length: jax.Array

    def __call__(self, t, y):
        TRACES.append(t)
        return {"angle": y["velocity"], "velocity": -jnp.sin(y["angle"]) / self.length + 0.1 * jnp.cos(t)}


TIMES = np.linspace(0.0, 20.0, 31)
START = {"angle": jnp.asarray([1.0, 2.0]), "velocity": jnp.asarray([0.0, 0.3])}


def fast(y):
    return 10 - jnp.max(jnp.abs(y["velocity"]))


def energy(y):
    return {"kinetic": jnp.sum(y["velocity"] ** 2), "highest": jnp.max(y["angle"])}


def run(folder=None, length=1.0, times=TIMES, **options):
    options = {"leg_steps": 20} | options
    return integrate(Pendulum(jnp.asarray(length)), START, times, checkpoint=folder, **options)


def same(one, other):
    def keep(s):
        watched = () if s.history is None else (s.history.times, s.history.values)
        return s.times, s.states, s.last, s.last_time, s.reason, s.steps, watched

    for a, b in zip(jax.tree.leaves(keep(one)), jax.tree.leaves(keep(other)), strict=True):
        np.testing.assert_array_equal(a, b)


def parts(folder):
    return sorted(path.name for path in Path(folder).glob("leg-*.part.npz"))


def test_legs_agree_with_one_run(tmp_path):
    """Every output time, every step and the end; all legs share one compiled program."""
    watched = {"stops": {"it is fast": fast}, "watch": energy}
    traces = []
    for folder, steps in ((None, None), (tmp_path, 20)):
        TRACES.clear()
        legs = run(folder, leg_steps=steps, **watched)
        traces.append(len(TRACES))
    assert traces[0] == traces[1] > 0
    whole = run(leg_steps=None, **watched)
    assert legs.completed
    assert legs.reason == "reached the final time"
    assert len(parts(tmp_path)) > 5
    np.testing.assert_array_equal(legs.times, TIMES)
    np.testing.assert_allclose(legs.states["angle"], whole.states["angle"], atol=1e-8)
    np.testing.assert_allclose(legs.history.times, whole.history.times, rtol=1e-10)
    np.testing.assert_allclose(legs.history.values["kinetic"], whole.history.values["kinetic"], atol=1e-8)
    assert legs.steps == whole.steps
    same(legs, run(leg_steps=20, **watched))  # in memory, on disk, and read back
    same(legs, run(tmp_path, **watched))


CHILD = """
import os, signal, sys
sys.path[:0] = sys.argv[3:]
import geomflow
geomflow.enable_x64()
from geomflow.core import checkpoint, store
import test_legs

point, count = sys.argv[2], 0
atomic_write = checkpoint.atomic_write

def killed(path, data):
    global count
    if ".part.npz" in str(path):
        count += 1
    if count == 4 and point == "within":
        store.Path(path).with_name(".half.tmp").write_bytes(data[: len(data) // 2])
        os.kill(os.getpid(), signal.SIGKILL)
    atomic_write(path, data)
    if count == 4:
        os.kill(os.getpid(), signal.SIGKILL)

store.atomic_write = killed
test_legs.run(sys.argv[1])
"""


def test_killed_runs_go_on_to_the_same_bits(tmp_path):
    """SIGKILL within and after the writing of the fourth leg: at most that one is lost."""
    whole = run(tmp_path / "whole")
    kept = {"within": 3, "after": 4}
    here = [str(Path(__file__).parent), *filter(None, sys.path)]
    children = {
        point: subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path / point), point, *here]) for point in kept
    }
    for point, child in children.items():
        assert child.wait(300) == -signal.SIGKILL
        assert len(parts(tmp_path / point)) == kept[point] < len(parts(tmp_path / "whole"))
    for point in kept:
        same(whole, run(tmp_path / point))
        assert parts(tmp_path / point) == parts(tmp_path / "whole")


def test_a_truncated_leg_is_refused(tmp_path):
    whole = run(tmp_path)
    path = tmp_path / "leg-2.part.npz"
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(ResultFileError, match=r"leg-2.*damaged.*delete it to recompute"):
        run(tmp_path)
    path.unlink()
    same(whole, run(tmp_path))


@pytest.mark.parametrize(
    "other",
    [
        {"length": 1.1},
        {"times": TIMES[:-1]},
        {"rtol": 1e-8},
        {"leg_steps": 21},
        {"stops": {"it is fast": fast}},
        {"fixed_steps": 300},
    ],
    ids=lambda other: next(iter(other)),
)
def test_settings_of_another_run_are_refused(tmp_path, other):
    run(tmp_path, times=TIMES[:4])
    with pytest.raises(ResultFileError, match="other settings"):
        run(tmp_path, **({"times": TIMES[:4]} | other))


def test_two_runs_in_one_checkpoint_of_the_users_own(tmp_path):
    own = Checkpoint(tmp_path, {"study": "pendulum"})
    run(own, times=TIMES[:4])
    with pytest.raises(ResultFileError, match="another run"):
        run(own, times=TIMES[:4], length=2.0)


def test_ctrl_c_says_what_is_kept(tmp_path, monkeypatch):
    put = Checkpoint.put

    def stopped(self, name, *rest):
        put(self, name, *rest)
        if name == "leg-2":
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoint, "put", stopped)
    with pytest.raises(KeyboardInterrupt) as stop:
        run(tmp_path)
    assert "goes on where it stopped" in stop.value.__notes__[0]
    assert str(tmp_path) in stop.value.__notes__[0]
    monkeypatch.undo()
    assert len(parts(tmp_path)) == 3
    same(run(leg_steps=20), run(tmp_path))


def test_a_condition_ends_the_leg_it_is_met_in(tmp_path):
    stops = {"it has swung back": lambda y: y["angle"][0]}
    for _ in range(2):
        found = run(tmp_path, stops=stops, leg_steps=5)
        assert found.stopped_by == "it has swung back"
        assert abs(found.last["angle"][0]) < 1e-8
        assert len(parts(tmp_path)) > 2
    before = run(leg_steps=20)
    count = np.argmax(before.states["angle"][:, 0] < 0)
    assert TIMES[count - 1] < found.last_time < TIMES[count]
    assert found.times.size == count
    np.testing.assert_allclose(found.states["angle"], before.states["angle"][:count], atol=1e-8)


def test_a_run_that_used_its_steps_goes_on_with_more(tmp_path):
    first = run(tmp_path, max_steps=60)
    assert not first.completed
    assert first.steps == 60
    assert "max_steps" in first.reason
    same(run(tmp_path), run(leg_steps=20))


def test_equal_steps_in_legs():
    legs = run(fixed_steps=300, leg_steps=100, watch=energy)
    assert (legs.steps, legs.completed) == (300, True)
    np.testing.assert_allclose(np.diff(legs.history.times), 20 / 300, rtol=1e-10)
    np.testing.assert_allclose(legs.last["angle"], run().last["angle"], rtol=1e-4)


def test_backward_in_legs(tmp_path):
    there = run()
    back = integrate(Pendulum(jnp.asarray(1.0)), there.last, TIMES[::-1], checkpoint=tmp_path, leg_steps=20)
    np.testing.assert_allclose(back.states["angle"], there.states["angle"][::-1], atol=1e-5)
    assert len(parts(tmp_path)) > 3


def test_dense_output_in_legs_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match="leg to leg"):
        run(tmp_path, dense=True)
    with pytest.raises(ArgumentError, match="leg_steps"):
        run(tmp_path, leg_steps=0)
