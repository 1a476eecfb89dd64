"""Finite cos-nets and gauss-nets: several outputs, all parameters trained, ensembles against derived formulas."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.core.errors import ArgumentError
from geomflow.kernels.gaussian import CosNetFullKernel, GaussianKernel, width_variance
from geomflow.networks.cos_net import CosNet, PeriodicCosNet
from geomflow.networks.gauss_net import GaussNet
from geomflow.networks.required_width import (
    check_gauss_net_width,
    check_network_width,
    gauss_net_moment,
    operator_noise,
    required_width,
)

SIGMA, SIGMA_A, SIGMA_C, WIDTH, DRAWS = 0.9, 1.2, 0.15, 24, 10_000
X, Y = jnp.array([0.3, -0.2]), jnp.array([-0.15, 0.35])
ERRORS = 4.0  # standard errors; seeds are fixed


def cos_net(key, **kind):
    return CosNet.sample(key, WIDTH, 2, SIGMA, SIGMA_A, **kind)


def periodic(key, **kind):
    return PeriodicCosNet.sample(key, WIDTH, 2, SIGMA, SIGMA_A, **kind)


def gauss_net(key, **kind):
    return GaussNet.sample(key, WIDTH, 2, SIGMA, SIGMA_A, SIGMA_C, radius=0.4, **kind)


NETWORKS = [cos_net, periodic, gauss_net]


def all_parameters(net, x, y):
    """Θ of every parameter of a scalar network, by differentiation."""
    gradients = [jax.grad(lambda n, p=p: n(p))(net) for p in (x, y)]
    return sum(jnp.vdot(u, v) for u, v in zip(*map(jax.tree.leaves, gradients), strict=True))


def mean_and_variance(draws):
    draws = np.asarray(draws)
    centred = (draws - draws.mean(axis=0)) ** 2
    root = np.sqrt(len(draws))
    return draws.mean(axis=0), draws.std(axis=0) / root, centred.mean(axis=0), centred.std(axis=0) / root


@pytest.mark.parametrize(("sample", "name"), [(cos_net, "cos-net"), (gauss_net, "gauss-net")])
def test_ensembles_have_the_derived_kernels_and_variances(sample, name):
    keys = jax.random.split(jax.random.key(11), DRAWS)

    @jax.jit
    @jax.vmap
    def drawn(key):
        net = sample(key)
        values = [[net.last_layer_ntk(p, q), all_parameters(net, p, q)] for p, q in ((X, Y), (X, X))]
        return jnp.array(values), net(X) * net(Y)

    thetas, products = drawn(keys)
    mean, mean_error, variance, variance_error = mean_and_variance(thetas)
    second = jnp.stack([Y, X])
    first = jnp.stack([X, X])
    last, full = GaussianKernel(SIGMA), CosNetFullKernel(SIGMA, SIGMA_A)
    expected = np.array([[last(X, q), full(X, q)] for q in second])
    assert np.all(np.abs(mean - expected) < ERRORS * mean_error)
    predicted = [
        width_variance(name, first, second, WIDTH, SIGMA, SIGMA_A, SIGMA_C, trained=t) for t in ("last-layer", "all")
    ]
    assert np.all(np.abs(variance - np.stack(predicted, axis=1)) < ERRORS * variance_error)
    assert np.all(variance_error < 0.09 * variance)  # the check has teeth
    mean, error, _, _ = mean_and_variance(products)
    assert abs(mean - GaussianKernel(SIGMA, SIGMA_A)(X, Y)) < ERRORS * error


@pytest.mark.parametrize("sample", NETWORKS)
def test_features_are_the_gradient_by_the_amplitudes(sample):
    net = sample(jax.random.key(2))
    np.testing.assert_allclose(net.features(X), jax.grad(lambda n: n(X))(net).amplitudes, rtol=1e-13)
    assert net(X).shape == ()
    assert net.width == WIDTH


@pytest.mark.parametrize("sample", NETWORKS)
@pytest.mark.parametrize("shared", [True, False])
def test_several_outputs(sample, shared):
    net = sample(jax.random.key(3), outputs=3, shared=shared)
    assert net(X).shape == (3,)
    assert net.features(X).shape == ((WIDTH,) if shared else (3, WIDTH))
    jacobians = [jax.jacrev(lambda n, p=p: n(p))(net).amplitudes.reshape(3, -1) for p in (X, Y)]
    theta = net.last_layer_ntk(X, Y)
    np.testing.assert_allclose(theta, jacobians[0] @ jacobians[1].T, atol=1e-13)
    same = np.ptp(np.diag(theta)) < 1e-14
    assert same == shared  # shared features give every output the same kernel, separate ones do not


def test_several_outputs_are_uncorrelated_but_dependent_when_shared():
    keys = jax.random.split(jax.random.key(4), DRAWS)
    narrow = 3  # 1/N effects are large
    for shared, excess in ((True, 0.5 / narrow), (False, 0.0)):
        f = np.asarray(
            jax.vmap(lambda key, s=shared: CosNet.sample(key, narrow, 2, SIGMA, outputs=2, shared=s)(X))(keys)
        )
        assert abs(np.mean(f[:, 0] * f[:, 1])) < ERRORS / np.sqrt(DRAWS)
        # E f_1² f_2² - 1 = E φ⁴ part: (3/2 - 1)/N for features that are shared, none for those that are not
        squares = f[:, 0] ** 2 * f[:, 1] ** 2
        assert abs(squares.mean() - 1 - excess) < ERRORS * squares.std() / np.sqrt(DRAWS)


def test_integer_frequencies_never_train():
    net = periodic(jax.random.key(5))
    gradient = jax.grad(lambda n: n(X))(net)
    assert not np.any(gradient.frequencies)
    assert np.any(gradient.phases)


def test_required_width():
    noise = operator_noise(0.2, 2 * np.pi, 2, 1000)
    assert noise == pytest.approx((1.5 * (2 * np.pi / (np.sqrt(2 * np.pi) * 0.2)) ** 2 - 1) / 1000, rel=1e-12)
    needed = required_width(0.2, 2 * np.pi, 2, 0.1)
    assert operator_noise(0.2, 2 * np.pi, 2, needed) <= 0.1**2 < operator_noise(0.2, 2 * np.pi, 2, needed - 1)
    check_network_width(needed, 0.2, 2 * np.pi, 2, 0.1)
    with pytest.raises(ArgumentError, match=str(needed)) as caught:
        check_network_width(needed - 1, 0.2, 2 * np.pi, 2, 0.1)
    assert caught.value.required == needed
    for bad in ((0, 1, 1, 0.1), (1, 0, 1, 0.1), (1, 1, 1, 0.0)):
        with pytest.raises(ArgumentError, match="positive"):
            required_width(*bad)


def test_the_suggested_sigma_of_a_refusal_is_accepted():
    with pytest.raises(ArgumentError) as caught:
        check_network_width(5000, 0.05, 3.0, 2, 0.2)
    suggested = float(str(caught.value).split("σ = ")[-1].rstrip("."))
    assert required_width(suggested, 3.0, 2, 0.2) <= 5000 < required_width(0.9 * suggested, 3.0, 2, 0.2)


@pytest.mark.parametrize("sample", [CosNet.sample, PeriodicCosNet.sample])
def test_a_network_that_cannot_meet_sigma_is_refused(sample):
    options = {"length": 2 * np.pi} if sample == CosNet.sample else {}
    with pytest.raises(ArgumentError, match="at least"):
        sample(jax.random.key(0), 100, 2, 0.2, tolerance=0.1, **options)
    assert sample(jax.random.key(0), 30_000, 2, 0.2, tolerance=0.1, **options).width == 30_000


def test_gauss_net_at_small_sigma_is_refused_with_its_moment():
    moment = gauss_net_moment(1.0, 0.5, 0.1)
    assert float(moment) == pytest.approx(np.exp(4 * 0.01 + 16), rel=1e-12)
    with pytest.raises(ArgumentError, match="second moment") as caught:
        GaussNet.sample(jax.random.key(0), 64, 2, 0.02, radius=1.0)
    assert caught.value.moment > 10**4000  # beyond float64
    check_gauss_net_width(10**8, 0.5, 0.1, 1.0)
    with pytest.raises(ArgumentError):
        check_gauss_net_width(10**6, 0.5, 0.1, 1.0)


@pytest.mark.parametrize("sample", NETWORKS)
def test_bad_arguments(sample):
    with pytest.raises(ArgumentError, match="outputs"):
        sample(jax.random.key(0), outputs=0)
    with pytest.raises(ArgumentError, match="width"):
        CosNet.sample(jax.random.key(0), 0, 2, 1.0)
    with pytest.raises(ArgumentError, match="sigma"):
        CosNet.sample(jax.random.key(0), 4, 2, -1.0)
    with pytest.raises(ArgumentError, match="negative"):
        GaussNet.sample(jax.random.key(0), 4, 2, 1.0, radius=-1.0)
