"""Independent components: their number is the textbook's, and the full tensor has every symmetry."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.codegen.layouts import components, full


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_numbers_of_components(n):
    assert len(components("scalar", n)) == 1
    assert len(components("symmetric", n)) == n * (n + 1) // 2
    assert len(components("connection", n)) == n * n * (n + 1) // 2
    assert len(components("riemann", n)) == n * n * (n * n - 1) // 12


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_riemann_has_its_symmetries(n):
    values = np.random.default_rng(n).normal(size=(len(components("riemann", n)), 3))
    r = np.asarray(full(values, "riemann", n))
    assert r.shape == (3, n, n, n, n)
    np.testing.assert_array_equal(r, -np.swapaxes(r, 1, 2))
    np.testing.assert_array_equal(r, -np.swapaxes(r, 3, 4))
    np.testing.assert_allclose(r, np.einsum("zabcd->zcdab", r), atol=1e-15)
    cyclic = r + np.einsum("zabcd->zacdb", r) + np.einsum("zabcd->zadbc", r)
    np.testing.assert_allclose(cyclic, 0, atol=1e-15)
    for place, index in enumerate(components("riemann", n)):
        np.testing.assert_array_equal(r[(slice(None), *index)], values[place])


def test_symmetric_and_connection():
    g = np.asarray(full(np.arange(6.0), "symmetric", 3))
    np.testing.assert_array_equal(g, [[0, 1, 2], [1, 3, 4], [2, 4, 5]])
    gamma = np.asarray(full(np.arange(6.0), "connection", 2))
    np.testing.assert_array_equal(gamma, [[[0, 1], [1, 2]], [[3, 4], [4, 5]]])


def test_what_has_no_symmetry():
    values = np.arange(24.0).reshape(3, 4, 2)
    np.testing.assert_array_equal(full(values[:1], "scalar", 3), values[0])
    np.testing.assert_array_equal(full(values, "vector", 3), np.moveaxis(values, 0, -1))


def test_jit_equals_eager():
    values = jnp.asarray(np.random.default_rng(0).normal(size=(20, 5)))
    eager = full(values, "riemann", 4)
    np.testing.assert_array_equal(jax.jit(lambda v: full(v, "riemann", 4))(values), eager)
