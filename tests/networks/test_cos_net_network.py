"""Ensembles of finite-width cos-nets against the derived kernel and its derived finite-width variance."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.core.errors import ArgumentError
from geomflow.kernels.cos_net import periodic_kernel
from geomflow.networks.cos_net import PeriodicCosNet
from geomflow.symbolic.kernels.random_features.cos_net import derive_cos_net

SIGMA, WIDTH, DRAWS = 0.6, 20, 20_000
X, Y = jnp.array([0.4, -2.0]), jnp.array([0.9, -1.7])


@pytest.fixture(scope="module")
def ensemble():
    keys = jax.random.split(jax.random.key(3), DRAWS)
    return jax.vmap(lambda key: PeriodicCosNet.sample(key, WIDTH, 2, SIGMA, sigma_a=1.5))(keys)


def test_ensemble_mean_is_the_derived_kernel(ensemble):
    draws = np.asarray(jax.vmap(lambda net: net.last_layer_ntk(X, Y))(ensemble))
    error_bar = draws.std() / np.sqrt(DRAWS)
    assert abs(draws.mean() - periodic_kernel(X - Y, SIGMA)) < 3.5 * error_bar
    # At σ = 0.6 and a distance far below π the torus is invisible, and the derived Gaussian holds as it stands.
    kernel = derive_cos_net(2)
    values = {kernel.sigma: SIGMA} | dict(zip(kernel.x, X.tolist())) | dict(zip(kernel.y, Y.tolist()))
    assert abs(draws.mean() - float(kernel.last_layer_ntk.subs(values))) < 3.5 * error_bar
    assert error_bar < 2e-3


@pytest.mark.parametrize("points", [(X, Y), (X, X), (X, X + 2.0)])
def test_ensemble_variance_is_the_derived_variance(ensemble, points):
    x, y = points
    draws = np.asarray(jax.vmap(lambda net: net.last_layer_ntk(x, y))(ensemble))
    # The derived (1 + k⁴/2 - k²)/N, where k⁴ is k at twice the distance: on the torus κ(2z) takes its place.
    kernel, z = derive_cos_net(2), x - y
    values = (
        {kernel.width: WIDTH, kernel.sigma: SIGMA} | dict(zip(kernel.x, x.tolist())) | dict(zip(kernel.y, y.tolist()))
    )
    periodic = (1 + periodic_kernel(2 * z, SIGMA) / 2 - periodic_kernel(z, SIGMA) ** 2) / WIDTH
    centred = draws - draws.mean()
    error_bar = np.sqrt((np.mean(centred**4) - np.mean(centred**2) ** 2) / DRAWS)
    assert abs(draws.var() - periodic) < 3.5 * error_bar
    if float(jnp.max(jnp.abs(z))) < 1:
        assert float(kernel.finite_width_variance.subs(values)) == pytest.approx(float(periodic), rel=1e-2)


def test_output_variance_and_four_point_function(ensemble):
    outputs = np.asarray(jax.vmap(lambda net: net(X))(ensemble))
    second, fourth = np.mean(outputs**2), np.mean(outputs**4)
    assert second == pytest.approx(1.5**2, rel=3.5 * np.sqrt(2 / DRAWS))
    kernel = derive_cos_net(1)
    predicted = float(kernel.coincident_four_point.subs(kernel.width, WIDTH))
    assert fourth / second**2 == pytest.approx(predicted, abs=3.5 * np.sqrt(24 / DRAWS) * 1.3)


def test_four_point_function_of_a_single_neuron_is_far_from_gaussian():
    keys = jax.random.split(jax.random.key(5), DRAWS)
    outputs = np.asarray(jax.vmap(lambda key: PeriodicCosNet.sample(key, 1, 1, SIGMA)(X[:1]))(keys))
    # 3 + 1.5/N = 4.5 at N = 1, five standard errors above the Gaussian 3.
    ratios = [np.mean(part**4) / np.mean(part**2) ** 2 for part in np.split(outputs, 20)]
    assert abs(np.mean(outputs**4) / np.mean(outputs**2) ** 2 - 4.5) < 3.5 * np.std(ratios) / np.sqrt(20)


def test_features_are_the_last_layer_gradient():
    net = PeriodicCosNet.sample(jax.random.key(0), 9, 2, SIGMA)
    gradient = jax.grad(lambda net: net(X))(net).amplitudes
    np.testing.assert_allclose(net.features(X), gradient, rtol=1e-13)
    np.testing.assert_allclose(net.last_layer_ntk(X, Y), net.features(X) @ net.features(Y), rtol=1e-13)


def test_network_is_periodic_and_jit_agrees():
    net = PeriodicCosNet.sample(jax.random.key(1), 64, 2, SIGMA)
    np.testing.assert_allclose(net(X + 2 * jnp.pi), net(X), atol=1e-12)
    assert np.array_equal(net.frequencies, np.round(net.frequencies))
    np.testing.assert_allclose(jax.jit(lambda net, x: net(x))(net, X), net(X), rtol=1e-12)
    np.testing.assert_allclose(
        jax.jit(lambda n, x, y: n.last_layer_ntk(x, y))(net, X, Y), net.last_layer_ntk(X, Y), rtol=1e-12
    )


def test_bad_arguments_are_refused():
    with pytest.raises(ArgumentError, match="width"):
        PeriodicCosNet.sample(jax.random.key(0), 0, 2, SIGMA)
    with pytest.raises(ArgumentError, match="sigma"):
        PeriodicCosNet.sample(jax.random.key(0), 4, 2, -1.0)
