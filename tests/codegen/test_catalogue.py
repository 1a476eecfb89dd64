"""Every space of the catalogue: jit is eager, vmap is a loop, eight devices are one, also near the edges of charts."""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geomflow.codegen.generated import generate
from geomflow.metrics import SPACES

FAST = ("sphere-3", "kerr-newman", "rotational-3", "general-2", "fik-soliton")
SLOW = [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in SPACES]

#: Coordinates from well inside a chart to 1e-9 from where many of them end: 0, and π for angles.
NEAR = st.one_of(
    st.floats(0.2, 2.9),
    st.floats(-9, -1).map(lambda e: 10.0**e),
    st.floats(-9, -1).map(lambda e: float(np.pi) - 10.0**e),
)


def values_of(shapes):
    """Constants and jets of functions, all different: equal ones would make a general metric singular."""
    rng = np.random.default_rng(1)
    return [rng.uniform(0.5, 2.0, shape) for shape in shapes]


def same(found, truth):
    """Equal to rounding; what is not finite is so in both."""
    found, truth = np.asarray(found), np.asarray(truth)
    assert found.shape == truth.shape
    finite = np.isfinite(truth)
    np.testing.assert_array_equal(np.isfinite(found), finite)
    size = np.max(np.abs(truth[finite]), initial=0.0)
    # a component can be a difference of large ones; each is compared with the largest at its own point
    largest = np.max(np.where(finite, np.abs(truth), 0.0), axis=0, keepdims=True)
    gap = np.where(finite, np.abs(np.where(finite, found, 0.0) - np.where(finite, truth, 0.0)), 0.0)
    assert np.all(gap <= 1e-9 * largest + 1e-290), float(np.max(gap) / (size or 1.0))


@pytest.mark.parametrize("name", SLOW)
def test_jit_is_eager_and_vmap_is_a_loop(name):
    space = SPACES[name]
    n = space.metric.dim
    generated = generate(space.metric, "christoffel", derivatives=False)
    ricci = generated.components
    shapes = ricci.arguments[1:]
    values = [jnp.asarray(v) for v in values_of(shapes)]
    compiled = jax.jit(lambda x: ricci(x, *values))
    mapped = jax.jit(jax.vmap(lambda x: ricci(x, *values), out_axes=-1))

    @settings(max_examples=5, derandomize=True, database=None)
    @given(st.lists(st.tuples(*(NEAR,) * n), min_size=3, max_size=3))
    def check(points):
        x = jnp.asarray(points)
        eager = ricci(x.T, *values)
        same(compiled(x.T), eager)
        same(mapped(x), eager)
        same(jnp.stack([ricci(p, *values) for p in x], axis=-1), eager)

    check()


EIGHT_DEVICES = """
import jax, numpy as np, jax.numpy as jnp
jax.config.update("jax_enable_x64", True)
from geomflow.batch import evaluate
from geomflow.codegen.generated import generate
from geomflow.metrics import SPACES
assert len(jax.devices()) == 8
x = np.random.default_rng(0).uniform(0.3, 1.2, size=(12, 3001))
for name in SPACES:
    metric = SPACES[name].metric
    f = generate(metric, "christoffel", derivatives=False).components
    rng = np.random.default_rng(1)
    values = [rng.uniform(0.5, 2.0, shape) for shape in f.arguments[1:]]
    g = lambda p: f(p, *values)
    one, eight = (np.asarray(evaluate(g, x[: metric.dim], devices=d)) for d in (1, 8))
    np.testing.assert_allclose(eight, one, rtol=1e-12, atol=1e-12 * np.nanmax(np.abs(one), initial=0.0), err_msg=name)
print("done")
"""


@pytest.mark.slow
def test_eight_devices_are_one():
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
    run = subprocess.run([sys.executable, "-c", EIGHT_DEVICES], env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-3000:]
    assert run.stdout.strip() == "done"
