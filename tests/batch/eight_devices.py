"""What must hold on eight devices; test_eight_devices.py runs it: prints a JSON of name -> "" or what failed."""

import json
import math
import re
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomflow
from geomflow.batch import (
    Lattice,
    Uniform,
    blocks,
    device_mesh,
    distribute,
    evaluate,
    irfftn_sharded,
    largest,
    mean,
    monoid,
    rfftn_sharded,
    shard_grid,
    stream,
    total,
)
from geomflow.core.errors import ArgumentError, GridError
from geomflow.flows import DeTurckFlow
from geomflow.flows.torus.generate import generated
from geomflow.geometry.torus import Torus

geomflow.enable_x64()
RNG = np.random.default_rng(0)
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def refuses(error, sentence, call):
    with pytest.raises(error, match=sentence):
        call()


def close(first, second, rtol):
    def one(a, b):
        a, b = np.asarray(a), np.asarray(b)
        assert a.shape == b.shape, (a.shape, b.shape)
        error = np.max(np.abs(a - b)) / np.max(np.abs(b))
        assert error <= rtol, error

    jax.tree.map(one, first, second)


def kinds(x, mass=1.0):
    return {"a": jnp.stack([jnp.exp(jnp.sin(mass * x[0])) / x[1], x[0] ** 2.5]), "b": jnp.log(x[1]) * jnp.tanh(x[0])}


def exchanges_of(lowered):
    """Return what the devices of a compiled program say to each other."""
    kinds = "all-to-all|all-gather|all-reduce|reduce-scatter|collective-permute|collective-broadcast"
    return re.findall(rf"\b({kinds})(?:-start)?\(", lowered.compile().as_text())


@check
def evaluate_changes_no_bit():
    for count in (1, 5, 8, 100, 1001):
        x = RNG.uniform(0.1, 3.0, (2, count))
        whole = jax.jit(kinds)(x)
        for devices, block in [(8, None), (8, 7), (3, 7), (1, 64)]:
            found = evaluate(kinds, x, block=block, devices=devices)
            jax.tree.map(np.testing.assert_array_equal, found, whole)
            spread = {leaf.sharding.num_devices for leaf in jax.tree.leaves(found)}
            assert spread == {devices if count % devices == 0 else 1}, (count, devices, spread)
    assert evaluate(kinds, np.zeros((2, 0)))["a"].shape == (2, 0)


@check
def generated_and_vmapped_functions_change_no_bit():
    g, dg, ddg = (RNG.normal(size=shape) * 0.05 for shape in [(3, 1003), (3, 2, 1003), (3, 3, 1003)])
    g[[0, 2]] += 1
    ricci = generated("ricci_velocity", 2)
    found = evaluate(ricci, g, dg, ddg, block=50)
    np.testing.assert_array_equal(found, jax.jit(ricci)(g, dg, ddg))
    first = jax.vmap(lambda point: jnp.sin(point[0]) * point)
    np.testing.assert_array_equal(evaluate(first, g.T, axis=0, block=9), jax.jit(first)(g.T))


@check
def derivatives_go_through_evaluate():
    x = jnp.asarray(RNG.uniform(0.1, 3.0, (2, 101)))

    def blocked(x, mass):
        return jnp.sum(evaluate(kinds, x, block=7, parameters={"mass": mass})["a"] ** 2)

    def whole(x, mass):
        return jnp.sum(kinds(x, mass)["a"] ** 2)

    close(jax.grad(blocked, (0, 1))(x, 1.3), jax.grad(whole, (0, 1))(x, 1.3), 1e-13)


@check
def one_trace_for_all_devices():
    traces = []

    def counted(x, mass):
        traces.append(1)
        return mass * x

    for mass in (1.0, 2.0):
        evaluate(counted, np.ones((2, 64)), block=4, parameters={"mass": mass})
        stream(counted, Uniform([0.0], [1.0]), 1000 + int(mass), reduce=total, block=16, parameters={"mass": mass})
    assert len(traces) == 4, traces  # two for each of the two programs, none for the second mass


@check
def streams_do_not_depend_on_devices():
    source, count = Uniform([0.1, 0.1], [3.0, 3.0], seed=5), 20_011
    values = jax.tree.map(np.asarray, jax.jit(lambda i: kinds(source(i)))(np.arange(count)))
    exact = {key: np.squeeze([math.fsum(row) for row in np.atleast_2d(v)]) for key, v in values.items()}
    own = monoid({"a": 0.0, "b": -np.inf}, lambda x, y: {"a": x["a"] + y["a"], "b": jnp.maximum(x["b"], y["b"])})
    reduce = {"sum": total, "mean": mean, "top": largest, "own": own}
    for devices, block in [(3, 512), (8, 10**6)]:
        found = stream(kinds, source, count, reduce=reduce, devices=devices, block=block)
        close(found["sum"], exact, 3e-16)
        for key, value in values.items():
            np.testing.assert_array_equal(found["top"][key].index, value.argmax(-1))
            np.testing.assert_allclose(found["mean"][key].mean, exact[key] / count, rtol=3e-16)
            np.testing.assert_allclose(found["mean"][key].error, value.std(-1, ddof=1) / count**0.5, rtol=1e-13)
        assert found["own"]["b"] == values["b"].max()


@check
def exact_sums_on_eight_devices():
    def swallowed(x):
        return jnp.where(x == 0, 1e16, jnp.where(x == 99_999, -1e16, 1.0))

    assert stream(swallowed, lambda i: i, 100_000, reduce=total, block=1000) == 99_998.0
    lattice = Lattice([0.0, 0.0], [1.0, 2.0], (300, 200))
    found = stream(lambda x: jnp.sum(x, axis=0), lattice, reduce=mean, block=777)
    assert abs(found.mean - 1.5) < 1e-15


@check
def files_and_checkpoints_go_on_with_other_devices():
    x = RNG.normal(size=(2, 5003))
    with tempfile.TemporaryDirectory() as folder:
        read = blocks.Blocks._read

        def stopping(self, array, start):
            if start > 2500:
                raise KeyboardInterrupt
            return read(self, array, start)

        def double(x):
            return 2 * x

        for options in ({"out": f"{folder}/x.npy"}, {"reduce": total, "checkpoint": f"{folder}/x.npz"}):
            blocks.Blocks._read = stopping
            try:
                with pytest.raises(KeyboardInterrupt) as stop:
                    stream(double, x, block=50, devices=8, **options)
            finally:
                blocks.Blocks._read = read
            assert "of 5003 points are done" in stop.value.__notes__[0]
            found = stream(double, x, block=64, devices=3, **options)
            if "out" in options:
                np.testing.assert_array_equal(found, 2 * x)
                assert not Path(f"{folder}/x.npy.part").exists()
            else:
                close(found, [math.fsum(row) for row in 2 * x], 3e-16)


@check
def transforms_equal_those_of_one_device():
    for batch, grid, devices in [((3,), (24, 10), 8), ((2, 3), (16, 16, 16), 8), ((), (6, 8, 10), 2)]:
        dim = len(grid)
        field = jnp.asarray(RNG.normal(size=(*batch, *grid)))
        expected = jax.jit(lambda f, dim=dim: jnp.fft.rfftn(f, axes=range(-dim, 0)))(field)
        spectrum = rfftn_sharded(field, dim, devices)
        close(spectrum, expected, 1e-14)
        close(irfftn_sharded(spectrum, grid, devices), field, 1e-14)
    close(
        jax.vmap(lambda f: rfftn_sharded(f, 2))(jnp.ones((2, 8, 8))), jnp.fft.rfftn(jnp.ones((2, 8, 8)), axes=(1, 2)), 0
    )


@check
def transforms_gather_nothing():
    for grid, exchanges in [((16, 16), 4), ((16, 16, 16), 2)]:
        field = shard_grid(np.ones(grid), len(grid))
        there_and_back = jax.jit(lambda f, grid=grid: irfftn_sharded(rfftn_sharded(f, len(grid)), grid))
        assert exchanges_of(there_and_back.lower(field)) == ["all-to-all"] * exchanges
        assert there_and_back(field).sharding.spec == field.sharding.spec


@check
def transforms_are_differentiable():
    def loss(field, devices):
        dim, grid = field.ndim, field.shape
        spectrum = rfftn_sharded(field, dim, devices) if devices else jnp.fft.rfftn(field)
        spectrum = spectrum * (1 + 1j * jnp.arange(grid[-1] // 2 + 1))
        return jnp.sum((irfftn_sharded(spectrum, grid, devices) if devices else jnp.fft.irfftn(spectrum, s=grid)) ** 3)

    for grid in [(16, 16), (8, 8, 8)]:
        field = jnp.asarray(RNG.normal(size=grid))
        for derivative in (jax.grad(loss), lambda f, n: jax.jvp(lambda g: loss(g, n), (f,), (f,))[1]):
            close(
                jax.jit(derivative, static_argnums=1)(field, 8), jax.jit(derivative, static_argnums=1)(field, 0), 1e-13
            )


@check
def flows_equal_those_of_one_device():
    mesh = device_mesh()
    for dim, size in [(2, 64), (3, 16)]:
        one, many = Torus(dim, size), Torus(dim, size, mesh)
        x = np.asarray(one.points)
        diagonal = {0, dim, 5} if dim == 3 else {0, 2}
        g = jnp.stack(
            [
                2.0 * (p in diagonal) + 0.2 * np.sin((p + 1) * x[0] + p) * np.cos(2 * x[-1] - p)
                for p in range(dim * (dim + 1) // 2)
            ]
        )
        expected = jax.jit(DeTurckFlow(one).velocity)(g)
        if dim == 3:
            close(jax.jit(DeTurckFlow(many).velocity)(shard_grid(g, dim)), expected, 1e-13)
            continue
        velocity = jax.jit(lambda g, many=many: many.pointwise(generated("deturck_velocity", 2), g, *many.jets(g)))
        found = velocity(shard_grid(g, dim))
        # by transforms on both sides: one device alone would differentiate by matrices
        close(found, jax.jit(lambda g, one=one: generated("deturck_velocity", 2)(g, *one.jets(g)))(g), 1e-13)
        close(found, expected, 1e-11)
        assert found.sharding.num_devices == 8
        assert not found.sharding.is_fully_replicated
        assert set(exchanges_of(velocity.lower(shard_grid(g, dim)))) == {"all-to-all"}
        # the whole flow, with its dealiasing, steps and stop
        close(DeTurckFlow(many).run(shard_grid(g, dim), 0.01).last, DeTurckFlow(one).run(g, 0.01).last, 1e-12)


@check
def refusals():
    refuses(ArgumentError, "between 1 and 8", lambda: device_mesh(9))
    refuses(ArgumentError, "The 8 devices must divide", lambda: distribute(np.ones(9)))
    refuses(GridError, "must divide the size of the grid", lambda: Torus(2, 12, device_mesh()))
    refuses(GridError, "must divide the size of the grid", lambda: Torus(3, 12, device_mesh(8)))
    refuses(GridError, "must divide the size of the grid", lambda: rfftn_sharded(np.ones((8, 12, 8)), 3))
    refuses(GridError, "in 2 or 3 dimensions, but it has 1", lambda: Torus(1, 16, device_mesh()))
    refuses(GridError, "in 2 or 3 dimensions, but it has 4", lambda: rfftn_sharded(np.ones((8,) * 4), 4))
    assert len(device_mesh(jax.devices()[2:5]).devices) == 3


def main():
    warnings.simplefilter("error", DeprecationWarning)
    found = {}
    for function in CHECKS:
        try:
            function()
            found[function.__name__] = ""
        except Exception:
            found[function.__name__] = traceback.format_exc()
    print(json.dumps(found))


if __name__ == "__main__":
    assert jax.device_count() == 8, jax.devices()
    sys.exit(main())
