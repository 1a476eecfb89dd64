import numpy as np
import pytest
from scipy.linalg import expm

from geomflow.core.errors import ArgumentError, KernelError
from geomflow.kernels.regression import kernel_descent, posterior_weights


@pytest.fixture
def gram():
    factor = np.random.default_rng(0).standard_normal((6, 6))
    return factor @ factor.T + 0.1 * np.eye(6)


@pytest.fixture
def residual():
    return np.random.default_rng(1).standard_normal((6, 2))


def test_the_closed_solution_is_that_of_the_linear_flow(gram, residual):
    descent = kernel_descent(gram, residual)
    for time in (0.0, 0.3, 2.0):
        decayed = expm(-gram * time) @ residual
        np.testing.assert_allclose(descent.train_residual(time), decayed, rtol=1e-11, atol=1e-12)
        # y - u_t at the training points, from the weights
        np.testing.assert_allclose(residual - gram @ descent.weights(time), decayed, rtol=1e-11, atol=1e-12)


def test_rates_are_the_eigenvalues_largest_first(gram, residual):
    np.testing.assert_allclose(kernel_descent(gram, residual).rates, np.linalg.eigvalsh(gram)[::-1], rtol=1e-12)


def test_the_interpolant_is_the_limit_of_large_times(gram, residual):
    descent = kernel_descent(gram, residual)
    np.testing.assert_allclose(gram @ descent.weights(np.inf), residual, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(descent.weights(1e4), descent.weights(np.inf), rtol=1e-10, atol=1e-12)


def test_a_mode_without_rate_moves_linearly_and_is_never_memorised():
    descent = kernel_descent(np.diag([2.0, 0.0]), np.ones((2, 1)))
    weights = descent.weights(3.0)
    np.testing.assert_allclose(weights[:, 0], [(1 - np.exp(-6)) / 2, 3.0], rtol=1e-14)
    assert descent.train_residual(1e6)[1, 0] == 1.0
    with pytest.raises(KernelError, match="cannot be inverted") as caught:
        descent.weights(np.inf)
    assert caught.value.eigenvalue == 0


def test_rounding_below_zero_does_not_grow():
    gram = np.diag([1.0, -1e-16])
    assert np.max(np.abs(kernel_descent(gram, np.ones((2, 1))).train_residual(1e18))) <= 1


def test_the_posterior_solves_its_equation(gram, residual):
    weights = posterior_weights(gram, residual, 0.5)
    np.testing.assert_allclose((gram + 0.25 * np.eye(6)) @ weights, residual, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(
        posterior_weights(gram, residual, 0.0), kernel_descent(gram, residual).weights(np.inf), rtol=1e-12
    )


def test_what_is_no_kernel_is_refused(residual):
    with pytest.raises(KernelError, match="positive semi-definite"):
        kernel_descent(np.diag([1.0, 1, 1, 1, 1, -0.1]), residual)
    with pytest.raises(KernelError, match="symmetric"):
        kernel_descent(np.triu(np.ones((6, 6))), residual)


def test_a_singular_posterior_is_refused_and_nothing_is_added():
    with pytest.raises(KernelError, match="cannot be inverted"):
        posterior_weights(np.ones((3, 3)), np.ones((3, 1)), 0.0)
    assert np.all(np.isfinite(posterior_weights(np.ones((3, 3)), np.ones((3, 1)), 1e-3)))


@pytest.mark.parametrize("residual", [np.ones(6), np.ones((5, 1))])
def test_shapes_that_do_not_match_are_refused(gram, residual):
    with pytest.raises(ArgumentError, match="residual"):
        kernel_descent(gram, residual)


def test_negative_noise_is_refused(gram, residual):
    with pytest.raises(ArgumentError, match="noise"):
        posterior_weights(gram, residual, -1.0)
