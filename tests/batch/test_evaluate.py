"""`evaluate` on one device: any number of points, in blocks, with one compilation; refusals are sentences."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.batch import device_mesh, distribute, evaluate
from geomflow.core.errors import ArgumentError
from geomflow.flows.torus.generate import generated

RNG = np.random.default_rng(0)


def kinds(x, mass=1.0):
    return {"a": jnp.stack([jnp.exp(jnp.sin(mass * x[0])) / x[1], x[0] ** 2.5]), "b": jnp.log(x[1]) * jnp.tanh(x[0])}


def points(count):
    return RNG.uniform(0.1, 3.0, (2, count))


def same(first, second):
    jax.tree.map(np.testing.assert_array_equal, first, second)


@pytest.mark.parametrize("count", [1, 2, 13, 1000])
@pytest.mark.parametrize("block", [None, 1, 5, 1000, 10**6])
def test_blocks_change_no_bit(count, block):
    x = points(count)
    same(evaluate(kinds, x, block=block), jax.jit(kinds)(x))


def test_a_generated_tensor_in_blocks():
    g, dg, ddg = (RNG.normal(size=shape) * 0.05 for shape in [(3, 777), (3, 2, 777), (3, 3, 777)])
    g[[0, 2]] += 1
    ricci = generated("ricci_velocity", 2)
    same(evaluate(ricci, g, dg, ddg, block=100), jax.jit(ricci)(g, dg, ddg))


def test_points_first_and_pytrees_of_arguments():
    def inner(point, field):
        return point["x"] @ field, jnp.sum(point["y"] ** 2)

    point = {"x": RNG.normal(size=(101, 3)), "y": RNG.normal(size=(101, 4))}
    field = RNG.normal(size=(101, 3))
    function = jax.vmap(inner)
    same(evaluate(function, point, field, axis=0, block=8), jax.jit(function)(point, field))


def test_no_points():
    result = evaluate(kinds, np.zeros((2, 0)), block=10)
    assert result["a"].shape == (2, 0)
    assert result["b"].shape == (0,)
    assert result["a"].dtype == np.float64


def test_parameters_and_modules_do_not_compile_anew():
    traces = []

    class Scaled(eqx.Module):
        factor: jax.Array

        def __call__(self, x, mass):
            traces.append(1)
            return self.factor * mass * x

    x = points(50)
    counts = []
    for factor, mass in [(2.0, 3.0), (5.0, 0.5), (1.0, 7)]:
        result = evaluate(Scaled(jnp.asarray(factor)), x, block=8, parameters={"mass": float(mass)})
        np.testing.assert_allclose(result, factor * mass * x, rtol=1e-15)
        counts.append(len(traces))
    assert 0 < counts[0] == counts[-1] <= 2  # once for the shapes of the results, once for the program
    evaluate(Scaled(jnp.asarray(2.0)), points(51), block=8, parameters={"mass": 1.0})
    assert len(traces) > counts[-1]  # another shape is another program: the counter counts


def test_derivatives_go_through():
    x, mass = jnp.asarray(points(30)), 1.3

    def blocked(x, mass):
        return jnp.sum(evaluate(kinds, x, block=7, parameters={"mass": mass})["a"] ** 2)

    def whole(x, mass):
        return jnp.sum(kinds(x, mass)["a"] ** 2)

    for got, expected in zip(jax.grad(blocked, (0, 1))(x, mass), jax.grad(whole, (0, 1))(x, mass), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-13)
    np.testing.assert_allclose(jax.jit(blocked)(x, mass), whole(x, mass), rtol=1e-14)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: evaluate(kinds), "at least one array"),
        (lambda: evaluate(kinds, np.zeros((2, 3)), np.zeros((2, 4))), "one number of points along axis -1"),
        (lambda: evaluate(kinds, np.zeros((2, 3)), 1.0), r"goes into `parameters`"),
        (lambda: evaluate(kinds, np.zeros((2, 3)), block=0), "`block` must be at least 1, but it was 0"),
        (lambda: evaluate(jnp.sum, np.zeros((2, 3))), r"for 3 points it returned the shape \(\)"),
        (lambda: evaluate(jnp.sum, np.zeros((2, 0))), r"for 1 points it returned the shape \(\)"),
        (lambda: evaluate(lambda x: x.T, np.zeros((2, 3))), r"returned the shape \(3, 2\)"),
        (lambda: device_mesh(jax.local_device_count() + 1), "the devices of this process"),
        (lambda: device_mesh(0), "must be between 1 and"),
        (lambda: device_mesh([]), "at least one device"),
        (lambda: device_mesh([jax.devices()[0]] * 2), "each only once"),
    ],
)
def test_refusals(call, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        call()


def test_a_mesh_is_taken_apart_and_put_together():
    mesh = device_mesh(1)
    assert device_mesh(mesh) == mesh == device_mesh([jax.devices()[0]])
    same(distribute({"x": np.arange(6.0)}, mesh), {"x": np.arange(6.0)})
