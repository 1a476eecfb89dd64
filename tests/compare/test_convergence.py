"""Orders, extrapolation and norms on synthetic data whose answer is known."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.compare.convergence import (
    fluctuation,
    leading_constant,
    observed_orders,
    relative_error,
    richardson,
    tensor_norm,
)
from geomflow.geometry.packed import unpack

LADDERS = [[0.8, 0.4, 0.2, 0.1], [0.9, 0.6, 0.5, 0.2]]


@pytest.mark.parametrize("widths", LADDERS)
@pytest.mark.parametrize("order", [1.0, 2.0, 3.5])
def test_orders_of_a_power_law(widths, order):
    np.testing.assert_allclose(observed_orders(widths, [7 * s**order for s in widths]), [order] * 3, rtol=1e-12)


def test_orders_of_two_terms_tend_to_the_lower():
    widths = [0.8 * 2.0**-j for j in range(6)]
    orders = observed_orders(widths, [s**2 + s**4 for s in widths])
    assert all(2 < b < a for a, b in itertools.pairwise(orders))
    assert orders[-1] == pytest.approx(2, abs=0.01)


@pytest.mark.parametrize("widths", LADDERS)
def test_richardson_removes_the_second_order(widths):
    limit, second, fourth = np.random.default_rng(0).normal(size=(3, 3, 8, 8))
    exact = richardson(widths, [jnp.asarray(limit + s**2 * second) for s in widths])
    assert len(exact) == len(widths) - 1
    for value in exact:
        np.testing.assert_allclose(value, limit, atol=1e-13)
    improved = richardson(widths, [jnp.asarray(limit + s**2 * second + s**4 * fourth) for s in widths])
    for value, s, t in zip(improved, widths, widths[1:]):
        np.testing.assert_allclose(value - limit, -(s**2) * t**2 * fourth, atol=1e-13)


def test_richardson_of_halves_is_the_textbook_formula():
    (value,) = richardson([0.4, 0.2], [jnp.asarray(5.0), jnp.asarray(3.0)])
    assert float(value) == pytest.approx((4 * 3 - 5) / 3)


@pytest.mark.parametrize("widths", LADDERS)
def test_leading_constant(widths):
    assert leading_constant(widths, [3.8 * s**2 - 0.7 * s**4 for s in widths]) == pytest.approx(3.8, rel=1e-12)


def test_tensor_norm_is_frobenius():
    packed = jnp.asarray(np.random.default_rng(1).normal(size=(6, 4, 4, 4)))
    full = np.asarray(unpack(packed))
    assert tensor_norm(packed) == pytest.approx(np.sqrt(np.mean(np.sum(full**2, axis=(-2, -1)))), rel=1e-14)
    assert tensor_norm(jnp.asarray([0.0, 1.0, 0.0])[:, None, None]) == pytest.approx(np.sqrt(2))  # g_01 stands twice


def test_relative_error_and_scale():
    truth = jnp.ones((3, 4, 4))
    assert relative_error(1.1 * truth, truth) == pytest.approx(0.1)
    assert relative_error(1.1 * truth, truth, 2 * truth) == pytest.approx(0.05)


def test_fluctuation_has_no_mean_and_keeps_differences():
    field = jnp.asarray(np.random.default_rng(2).normal(size=(3, 6, 6)))
    result = fluctuation(field + jnp.arange(3.0)[:, None, None])
    np.testing.assert_allclose(result.mean(axis=(1, 2)), 0, atol=1e-15)
    np.testing.assert_allclose(result, fluctuation(field), atol=1e-14)
    np.testing.assert_allclose(result[:, 0, 0] - result[:, 1, 2], field[:, 0, 0] - field[:, 1, 2], atol=1e-14)
