"""Point sets: what they integrate, what survives jit and grad, and what they refuse."""

import dataclasses
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.core.errors import ArgumentError
from geomflow.geometry.point_sets import POINTS_AT_ONCE, PointSet, concatenate

RNG = np.random.default_rng(0)


def grid(n=30):
    """The midpoint rule on [0, 1] x [0, 2]."""
    x = (np.arange(n) + 0.5) / n
    return PointSet(np.stack(np.meshgrid(x, 2 * x, indexing="ij"), axis=-1).reshape(-1, 2), np.full(n * n, 2 / n**2))


def linear(x):
    return 3 * x[0] + x[1]


def diagonal(x):
    """√det g = x0 exactly, and not symmetric in the two coordinates."""
    return jnp.diag(jnp.stack([x[0] ** 2, jnp.ones(())]))


def test_integral_mean_and_total():
    p = grid()
    assert (p.size, p.dim) == (900, 2)
    assert float(p.total) == pytest.approx(2)
    assert float(p.integrate(linear)) == pytest.approx(2 * (1.5 + 1))  # the midpoint rule is exact
    assert float(p.mean(linear)) == pytest.approx(2.5)
    np.testing.assert_allclose(p.integrate(p.points @ jnp.asarray([3.0, 1.0])), p.integrate(linear), rtol=1e-14)
    np.testing.assert_allclose(p.mean(lambda x: jnp.outer(x, jnp.ones(3))), [[0.5] * 3, [1.0] * 3])


def test_measure_of_a_metric():
    p = grid()
    assert float(p.volume(diagonal)) == pytest.approx(2 * 0.5)
    np.testing.assert_allclose(p.under(diagonal).weights, p.weights * p.points[:, 0], rtol=1e-14)
    np.testing.assert_allclose(p.weighted_by(lambda x: x[0]).weights, p.under(diagonal).weights, rtol=1e-14)
    assert float(p.under(diagonal).mean(lambda x: x[0])) == pytest.approx(2 / 3, rel=1e-3)
    assert float(p.volume(lambda x: -diagonal(x))) == pytest.approx(1)  # |det g|: Lorentzian volumes as well


@pytest.mark.parametrize("size", [1, 7, POINTS_AT_ONCE, 2 * POINTS_AT_ONCE + 3])
def test_blocks_make_no_difference(size):
    p = PointSet(RNG.normal(size=(size, 3)), RNG.uniform(size=size))
    expected = np.sum(np.asarray(p.weights) * np.sum(np.asarray(p.points) ** 3, axis=1))
    assert float(p.integrate(lambda x: jnp.sum(x**3))) == pytest.approx(expected, rel=1e-12)


def test_subset_and_union():
    p = grid()
    left = p.points[:, 0] < 0.4
    parts = p.subset(left), p.subset(~left)
    assert float(parts[0].total) == pytest.approx(0.8)
    assert float(concatenate(*parts).integrate(linear)) == pytest.approx(5)
    assert concatenate(*parts).size == 900
    chosen = p.subset(jnp.asarray([5, -1, 5]))
    np.testing.assert_array_equal(chosen.points, np.asarray(p.points)[[5, 899, 5]])
    assert float(chosen.total) == pytest.approx(3 * 2 / 900)


def test_passes_through_jax():
    p = grid(5)

    def volume(p, a):
        return p.volume(lambda x: a * diagonal(x)) + p.weighted_by(linear).subset(jnp.arange(4)).mean(linear)

    assert float(jax.jit(volume)(p, 2.0)) == pytest.approx(float(volume(p, 2.0)), rel=1e-14)
    # d vol / d a = n/2 vol at a = 1
    assert float(jax.grad(volume, argnums=1)(p, 1.0)) == pytest.approx(1, rel=1e-12)
    both = jax.tree.map(lambda x: jnp.stack([x, 2 * x]), p)
    np.testing.assert_allclose(jax.vmap(lambda p: p.total)(both), [2, 4])
    # the integral is linear in the weights, with the values as its gradient
    gradient = eqx.filter_grad(lambda p: p.integrate(linear))(p)
    np.testing.assert_allclose(gradient.weights, jax.vmap(linear)(p.points))
    with pytest.raises(dataclasses.FrozenInstanceError):
        p.weights = p.weights


def test_effective_size():
    assert float(PointSet(np.zeros((8, 1)), np.ones(8)).effective_size) == pytest.approx(8)
    assert float(PointSet(np.zeros((3, 1)), [1.0, 1.0, 2.0]).effective_size) == pytest.approx(16 / 6)


def test_complex_points():
    z = np.exp(2j * math.pi * np.arange(5) / 5)[:, None] * np.array([1, 2j])
    p = PointSet(z, np.full(5, 0.2))
    assert float(p.integrate(lambda z: jnp.sum(jnp.abs(z) ** 2))) == pytest.approx(5)
    assert abs(complex(p.integrate(lambda z: z[0] * jnp.conj(z[1]))) - (-2j)) < 1e-14
    assert concatenate(p, p).points.dtype == complex
    with pytest.raises(ArgumentError, match="weighted_by"):
        p.volume(lambda z: jnp.eye(2))


def test_a_few_negative_weights_are_allowed():
    assert float(PointSet([[0.0], [1.0]], [2, -1]).integrate(lambda x: x[0] + 1)) == pytest.approx(0)


@pytest.mark.parametrize(
    ("points", "weights", "sentence"),
    [
        (np.zeros(3), np.ones(3), r"shape \(N, n\).*has shape \(3,\)"),
        (np.zeros((0, 2)), np.zeros(0), "at least one point"),
        (np.zeros((3, 2)), np.ones(2), r"each of the 3 points.*shape \(2,\)"),
        (np.zeros((3, 2)), np.ones((3, 1)), r"shape \(3, 1\)"),
        (np.zeros((3, 2)), [1, -1, -1], "positive sum.*-1"),
        (np.zeros((3, 2)), np.zeros(3), "positive sum"),
        ([[0.0], [np.nan], [1.0]], np.ones(3), r"number 1 of 3.*nan"),
        (np.zeros((3, 2)), [1, 1, np.inf], "number 2 of 3.*inf"),
        (np.zeros((3, 2)), [1, 1, 1j], "real"),
    ],
)
def test_refuses(points, weights, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        PointSet(points, weights)


def test_refuses_what_does_not_fit():
    p = grid(3)
    with pytest.raises(ArgumentError, match=r"each of the 9 points.*\(8,\)"):
        p.integrate(jnp.ones(8))
    with pytest.raises(ArgumentError, match="one number for each"):
        p.weighted_by(lambda x: x)
    with pytest.raises(ArgumentError, match="mask"):
        p.subset(jnp.ones(8, dtype=bool))
    with pytest.raises(ArgumentError, match="at least one point"):
        p.subset(jnp.zeros(9, dtype=bool))
    with pytest.raises(ArgumentError, match="run from 0 to 9"):
        p.subset(jnp.asarray([0, 9]))
    with pytest.raises(ArgumentError, match="dtype float"):
        p.subset(jnp.asarray([0.0]))
    with pytest.raises(ArgumentError, match=r"one dimension, but there are \[1, 2\]"):
        concatenate(p, PointSet([[0.0]], [1.0]))
    with pytest.raises(ArgumentError, match="no sets"):
        concatenate()


def test_a_singular_integrand_is_named():
    p = PointSet([[0.5], [0.25], [0.0], [-1.0]], np.ones(4))
    with pytest.raises(ArgumentError, match=r"is inf at x = \(0.0,\)") as error:
        p.integrate(lambda x: 1 / x[0])
    assert error.value.point == (0.0,)
    with pytest.raises(ArgumentError, match="more than float64"):
        p.integrate(lambda x: 1e308 + 0 * x[0])
    with pytest.raises(ArgumentError, match=r"number 2 of 4.*weight inf"):
        p.under(lambda x: jnp.log(x[:, None]))


def test_a_metric_of_another_dimension_is_refused():
    points = PointSet(np.ones((4, 2)), np.ones(4))
    for wrong in (jnp.eye(3), jnp.ones(2)):
        with pytest.raises(ArgumentError, match=r"shape \(2, 2\)"):
            points.under(lambda x, g=wrong: g)
