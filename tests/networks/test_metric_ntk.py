"""The metric-NTK: empirical against automatic differentiation of the whole, infinite width, and the four properties."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.core.errors import ArgumentError
from geomflow.kernels.fully_connected import FullyConnected
from geomflow.networks.cos_net import PeriodicCosNet
from geomflow.networks.empirical_ntk import empirical_ntk
from geomflow.networks.metric_network import MetricNetwork
from geomflow.networks.metric_ntk import (
    covariance_defect,
    infinite_metric_ntk,
    local_form,
    metric_ntk,
    metric_ntk_diagonal,
)
from geomflow.networks.mixing import (
    component_mixing,
    correlation_length,
    drift,
    output_mixing,
    properties,
    spread,
    training_step,
)
from geomflow.networks.mlp import MLP, Separate
from geomflow.networks.ntk_operator import ntk_operator
from geomflow.networks.parametrisations import PARAMETRISATIONS

X = jax.random.normal(jax.random.key(1), (4, 2))
Y = jax.random.normal(jax.random.key(2), (3, 2))


def g0(x):
    return jnp.array([[1.5 + 0.3 * jnp.sin(x[0]), 0.2], [0.2, 1.0 + 0.3 * jnp.cos(x[1])]])


def metric_network(name, seed=0, width=6):
    """A metric whose network has moved away from its start."""
    count = PARAMETRISATIONS[name].count(2)
    start, now = (MLP(jax.random.key(s), (2, width, width, count), jnp.tanh, 1.2, 0.3) for s in (seed, seed + 100))
    moved = eqx.tree_at(lambda m: m.network, MetricNetwork(start, g0, name), now)
    weaker = jax.tree.map(lambda a, b: a + 0.1 * (b - a) if eqx.is_array(a) else a, start, now)
    return eqx.tree_at(lambda m: m.network, moved, weaker)


def assert_close(value, expected):
    np.testing.assert_allclose(value, expected, rtol=0, atol=1e-12 * float(jnp.max(jnp.abs(expected))))


@pytest.mark.parametrize(
    "name", ["cholesky", *[pytest.param(n, marks=pytest.mark.slow) for n in ("independent", "exp-framed")]]
)
def test_metric_ntk_is_the_contraction_of_the_whole_jacobian(name):
    metric = metric_network(name)
    expected = empirical_ntk(metric, X, Y, method="jacobian")
    assert expected.shape == (4, 3, 2, 2, 2, 2)
    assert_close(metric_ntk(metric, X, Y), expected)
    assert_close(empirical_ntk(metric, X, Y), expected)  # the layers are found inside the metric
    if name == "cholesky":
        last = empirical_ntk(metric, X, Y, "last-layer", method="jacobian")
        assert_close(metric_ntk(metric, X, Y, "last-layer"), last)
    full = metric_ntk(metric, X)
    assert_close(metric_ntk_diagonal(metric, X), jnp.stack([full[i, i] for i in range(4)]))
    v = jax.random.normal(jax.random.key(3), (4, 2, 2))
    assert_close(ntk_operator(metric, X).apply(v), jnp.einsum("nmijkl,mkl->nij", full, v))


class Potential(eqx.Module):
    """A metric by second derivatives of a network: no parametrisation at one point."""

    network: MLP

    def __call__(self, x):
        return jnp.eye(2) + jax.hessian(lambda p: self.network(p)[0])(x)


def test_metrics_of_another_make_are_differentiated_as_a_whole():
    metric = Potential(MLP(jax.random.key(0), (2, 6, 1), jnp.tanh, 1.2, 0.3))
    expected = empirical_ntk(metric, X, method="jacobian")
    assert float(jnp.max(jnp.abs(expected))) > 0.1
    assert_close(metric_ntk(metric, X), expected)
    assert_close(metric_ntk_diagonal(metric, X), jnp.stack([expected[i, i] for i in range(4)]))


def test_infinite_width_is_the_kernel_times_the_local_form():
    start = MLP(jax.random.key(0), (2, 512, 3), "erf", 1.3, 0.2)
    metric, kernel = MetricNetwork(start, g0, "exp-framed"), FullyConnected(["erf"], sigma_w=1.3, sigma_b=0.2)
    limit = infinite_metric_ntk(metric, kernel, X, Y)
    forms = [jax.vmap(lambda p: PARAMETRISATIONS["exp-framed"].jacobian(g0(p)))(points) for points in (X, Y)]
    expected = jnp.einsum("nm,nija,mkla->nmijkl", kernel.matrix(X, Y), *forms)
    assert_close(limit, expected)
    finite = metric_ntk(metric, X, Y)
    assert float(jnp.linalg.norm(finite - limit) / jnp.linalg.norm(limit)) < 0.15
    # The framed exponential is covariant where it starts, and at infinite width alone.
    at_x = jax.vmap(g0)(X)
    assert float(jnp.max(jax.vmap(covariance_defect)(jax.vmap(local_form)(forms[0]), at_x))) < 1e-12
    defects = jax.vmap(covariance_defect)(metric_ntk_diagonal(metric, X), at_x)
    assert 1e-3 < float(jnp.max(defects)) < 0.3


def test_outputs_that_share_layers_mix_like_one_over_root_n_and_separate_ones_do_not():
    widths, keys = (16, 64, 256), jax.random.split(jax.random.key(4), 8)
    sizes = [
        np.sqrt(np.mean([output_mixing(MLP(k, (2, n, n, 3), "erf", 1.3, 0.2), X) ** 2 for k in keys])) for n in widths
    ]
    slope = np.polyfit(np.log(widths), np.log(sizes), 1)[0]
    assert abs(slope + 0.5) < 0.12
    assert sizes[0] * 4 < 1.3  # about 1/√N, and no factor of it
    assert output_mixing(Separate.mlps(keys[0], (2, 16, 3), "erf", 1.3, 0.2), X) == 0
    # Nothing but the amplitudes trains: outputs share their features, and do not mix.
    assert output_mixing(MLP(keys[0], (2, 16, 3), "erf"), X, "last-layer") < 1e-15
    assert output_mixing(MLP(keys[0], (2, 16, 1), "erf"), X) == 0


def test_components_mix_by_the_parametrisation():
    def mixing(name):
        networks = Separate.mlps(jax.random.key(5), (2, 8, PARAMETRISATIONS[name].count(2)), "erf", 1.3, 0.2)
        return component_mixing(MetricNetwork(networks, g0, name), X)

    assert (mixing("packed-orthonormal"), mixing("packed")) == (0, 0)
    assert mixing("cholesky") > 0.05


def test_last_layer_training_is_frozen_and_stochastic():
    keys = jax.random.split(jax.random.key(6), 4)
    networks = [PeriodicCosNet.sample(k, 50, 2, 0.8) for k in keys]
    values = jnp.cos(X[:, 0])
    moved = training_step(networks[0], X, values, 0.5, "last-layer")
    assert drift(networks[0], moved, X, "last-layer") == 0
    assert float(jnp.max(jnp.abs(moved.amplitudes - networks[0].amplitudes))) > 1e-3
    np.testing.assert_array_equal(moved.phases, networks[0].phases)
    assert drift(networks[0], training_step(networks[0], X, values, 0.5), X) > 1e-3
    assert 0.02 < spread([empirical_ntk(net, X, trained="last-layer") for net in networks]) < 0.5


def test_training_step_descends_at_the_rate_of_the_kernel():
    network, values, rate = MLP(jax.random.key(7), (2, 16, 1), "erf", 1.3, 0.2), jnp.ones((4, 1)), 1e-5
    residual = jax.vmap(network)(X) - values
    theta = empirical_ntk(network, X)[..., 0, 0]
    change = jax.vmap(training_step(network, X, values, rate))(X) - jax.vmap(network)(X)
    np.testing.assert_allclose(change / rate, -theta @ residual / 4, rtol=1e-3)


@pytest.mark.parametrize("shape", [(4,), (4, 1), (3, 2)])
def test_values_of_another_shape_are_not_broadcast(shape):
    with pytest.raises(ArgumentError, match=r"must be of the network's shape, \(4, 2\)"):
        training_step(MLP(jax.random.key(7), (2, 4, 2)), X, jnp.ones(shape), 0.1)


def test_spread_of_one_draw_is_refused():
    with pytest.raises(ArgumentError, match="at least 2 draws"):
        spread([np.eye(2)])


def test_spread_is_the_standard_deviation_relative_to_the_mean():
    draws = 2 + 0.3 * np.random.default_rng(0).standard_normal((400, 5, 5))
    assert abs(spread(draws) / 0.15 - 1) < 0.02


def test_correlation_length_of_a_gaussian_is_its_width():
    side = np.linspace(-np.pi, np.pi, 32, endpoint=False)
    grid = jnp.asarray(np.stack(np.meshgrid(side, side), -1).reshape(-1, 2))
    centred = jnp.roll(grid, -(16 * 32 + 16), axis=0)
    np.testing.assert_allclose(centred[0], 0, atol=1e-12)
    kernel = jnp.exp(-jnp.sum(centred**2, axis=1) / (2 * 0.6**2))
    np.testing.assert_allclose(correlation_length(kernel, centred), 0.6, rtol=1e-6)
    # The same kernel about a corner of the grid, through the period.
    away = (grid - grid[0] + np.pi) % (2 * np.pi) - np.pi
    corner = jnp.exp(-jnp.sum(away**2, axis=1) / (2 * 0.6**2))
    np.testing.assert_allclose(correlation_length(corner, grid, 2 * np.pi), 0.6, rtol=1e-6)
    assert correlation_length(corner, grid) > 0.7


def test_properties_of_a_metric_network_as_a_record_and_a_card():
    def draw(key):
        return MetricNetwork(MLP(key, (2, 8, 3), "erf", 1.3, 0.2), g0, "cholesky")

    found = properties(draw, jax.random.key(8), X, lambda x: jnp.eye(2), draws=3, rate=0.1)
    assert set(found.to_dict()) == {"spread", "drift", "length", "longest", "mixing", "component_mixing"}
    first = draw(jax.random.split(jax.random.key(8), 3)[0])
    assert (found.mixing, found.component_mixing) == (output_mixing(first.network, X), component_mixing(first, X))
    assert min(found.drift, found.spread, found.length) > 0
    text = str(found.card())
    assert "mixing of components" in text
    assert "frozen, exactly" not in text
    with pytest.raises(ArgumentError, match="at least 2"):
        properties(draw, jax.random.key(8), X, lambda x: jnp.eye(2), draws=1)
