"""Gaussian kernels as numerical kernels: closed forms, any dimension, derivatives, the torus and its spectrum."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.core.errors import ArgumentError
from geomflow.kernels.cos_net import PeriodicKernel, periodic_kernel
from geomflow.kernels.gaussian import CosNetFullKernel, GaussianKernel, invariant_program, width_variance

SIGMA, SIGMA_A = 0.7, 1.3
RNG = np.random.default_rng(1)


def closed_forms(x, y):
    k = np.exp(-((x[:, None] - y) ** 2).sum(-1) / (2 * SIGMA**2))
    return SIGMA_A**2 * k, k * (1 + SIGMA_A**2 * (1 + x @ y.T / SIGMA**2))


@pytest.mark.parametrize("dim", [1, 2, 3, 10])
def test_kernels_in_any_dimension(dim):
    x, y = RNG.normal(size=(5, dim)), RNG.normal(size=(4, dim))
    for kernel, expected in zip(
        (GaussianKernel(SIGMA, SIGMA_A), CosNetFullKernel(SIGMA, SIGMA_A)), closed_forms(x, y), strict=True
    ):
        np.testing.assert_allclose(kernel.matrix(x, y), expected, rtol=1e-13, atol=1e-15)
        np.testing.assert_allclose(kernel.diagonal(jnp.asarray(x)), np.diag(kernel.matrix(x)), rtol=1e-14)
        assert kernel.derivatives == math.inf
        assert np.linalg.eigvalsh(kernel.matrix(x)).min() > -1e-12
    assert GaussianKernel(SIGMA)(x[0], x[0]) == 1


def test_derivatives_at_coincident_points():
    x = jnp.array([0.3, -0.4])
    kernel = GaussianKernel(SIGMA)
    mixed = jax.jit(jax.jacfwd(jax.jacrev(kernel, argnums=1), argnums=0))(x, x)  # ∂_j'∂_i k = δ/σ²
    np.testing.assert_allclose(mixed, np.eye(2) / SIGMA**2, atol=1e-13)
    fourth = jax.jit(jax.jacfwd(jax.jacfwd(jax.jacrev(jax.jacrev(kernel, 1), 1), 0), 0))(x, x)
    assert fourth[0, 0, 0, 0] == pytest.approx(3 / SIGMA**4, rel=1e-12)
    assert fourth[0, 0, 1, 1] == pytest.approx(1 / SIGMA**4, rel=1e-12)


@pytest.mark.parametrize(("network", "at_c"), [("cos-net", 0.0), ("gauss-net", 0.2)])
def test_width_variance(network, at_c):
    x, y = RNG.uniform(-0.4, 0.4, (2, 6, 3))
    k = np.exp(-((x - y) ** 2).sum(-1) / (2 * SIGMA**2))
    second = 1 + k**4 / 2 if network == "cos-net" else np.exp(4 * at_c**2 + 4 * (x * y).sum(-1) / SIGMA**2)
    expected = (second - k**2) / 16
    np.testing.assert_allclose(width_variance(network, x, y, 16, SIGMA, SIGMA_A, at_c), expected, rtol=1e-12)
    everything = width_variance(network, x, y, 16, SIGMA, 1e-6, at_c, trained="all")
    np.testing.assert_allclose(everything, expected, rtol=1e-9)  # amplitudes near zero: only the last layer moves


def test_generated_code_can_be_read():
    source = invariant_program("cos-net", "full_ntk").source
    assert "jnp.exp" in source
    assert source.count("jnp.exp(") == 3  # once in the value, once in each of its derivatives


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_periodic_matrix_is_the_kernel_pair_by_pair(dim):
    kernel = PeriodicKernel(0.4)
    x, y = RNG.uniform(-4, 8, (6, dim)), RNG.uniform(-4, 8, (5, dim))
    pairs = [[float(periodic_kernel(jnp.asarray(p - q), 0.4)) for q in y] for p in x]
    np.testing.assert_allclose(kernel.matrix(x, y), pairs, atol=1e-14)
    np.testing.assert_allclose(jax.vmap(kernel)(jnp.asarray(x), jnp.asarray(x)), 1, atol=1e-14)
    np.testing.assert_allclose(kernel.matrix(x), kernel.matrix(x, x), atol=0)


@pytest.mark.parametrize(("dim", "size"), [(1, 64), (2, 20)])
def test_periodic_spectrum_is_that_of_the_matrix_on_a_grid(dim, size):
    """The kernel on a uniform grid times the cell volume has the derived eigenvalues, with their multiplicities."""
    sigma = 0.8
    kernel = PeriodicKernel(sigma)
    axis = 2 * np.pi * np.arange(size) / size
    grid = np.stack(np.meshgrid(*[axis] * dim, indexing="ij"), axis=-1).reshape(-1, dim)
    found = np.linalg.eigvalsh(np.asarray(kernel.matrix(grid)) * (2 * np.pi / size) ** dim)[::-1]
    waves = np.stack(np.meshgrid(*[np.arange(-size // 2, size // 2)] * dim, indexing="ij")).reshape(dim, -1)
    derived = np.sort(np.asarray(kernel.eigenvalues(waves)))[::-1]
    np.testing.assert_allclose(found[:30], derived[:30], rtol=1e-9, atol=1e-13)
    assert float(jnp.sum(kernel.eigenvalues(waves))) == pytest.approx((2 * np.pi) ** dim, rel=1e-8)


def test_periodic_kernel_at_small_width_is_the_gaussian():
    x = RNG.uniform(0, 1, (4, 2))
    np.testing.assert_allclose(PeriodicKernel(0.3).matrix(x), GaussianKernel(0.3).matrix(x), atol=1e-12)


@pytest.mark.parametrize("kernel", [GaussianKernel, CosNetFullKernel])
def test_bad_scales_are_refused(kernel):
    for bad in ((0.0,), (-1.0,), (float("nan"),), (1.0, 0.0), (float("inf"),)):
        with pytest.raises(ArgumentError, match="positive"):
            kernel(*bad)
    with pytest.raises(ArgumentError, match="positive"):
        PeriodicKernel(0.0)
    with pytest.raises(ArgumentError, match=r"\(n, d\)"):
        PeriodicKernel(0.5).matrix(np.zeros(3))
    with pytest.raises(ArgumentError, match="cos-net or gauss-net"):
        width_variance("sin-net", np.zeros((1, 2)), np.zeros((1, 2)), 4, 1.0)
    with pytest.raises(ArgumentError, match="width"):
        width_variance("cos-net", np.zeros((1, 2)), np.zeros((1, 2)), 0, 1.0)
