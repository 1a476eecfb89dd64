"""Finite networks as metrics: where they start, where they are positive, and their linearisation."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.core.errors import ArgumentError, CatalogueError, MetricError
from geomflow.geometry.packed import unpack
from geomflow.geometry.torus import Torus
from geomflow.metrics import METRICS
from geomflow.networks import PARAMETRISATIONS
from geomflow.networks.empirical_ntk import empirical_ntk
from geomflow.networks.linearised import Linearised
from geomflow.networks.metric_network import GridMetric, MetricNetwork
from geomflow.networks.mlp import MLP
from geomflow.networks.trainable import trainable

GENERIC = METRICS["generic-t2"]
POINTS = jnp.asarray(np.random.default_rng(0).uniform(0, 2 * np.pi, (5, 2)))
MLP_NET = MLP(jax.random.key(1), (2, 16, 16, 3), jnp.tanh)


START = jax.vmap(GENERIC.at)(POINTS)
everywhere = eqx.filter_jit(lambda network: jax.vmap(network)(POINTS))


def measure(x):
    return 1 + 0.3 * jnp.cos(x[0])


@eqx.filter_jit
def at_points(metric):
    """The metric at the points, evaluated there and with what does not train computed beforehand."""
    return jax.vmap(metric)(POINTS), eqx.tree_at(lambda s: s.network, metric.sampled(POINTS), metric.network)()


def shifted(network, size=0.1, seed=0):
    """The network with all its parameters moved at random."""
    leaves, structure = jax.tree.flatten(eqx.filter(network, eqx.is_inexact_array))
    keys = jax.random.split(jax.random.key(seed), len(leaves))
    moved = [leaf + size * jax.random.normal(key, leaf.shape) for leaf, key in zip(leaves, keys)]
    return eqx.combine(jax.tree.unflatten(structure, moved), network)


@pytest.mark.parametrize("name", list(PARAMETRISATIONS))
def test_the_flow_starts_at_the_given_metric_and_leaves_it_as_the_parametrisation_says(name):
    parametrisation = PARAMETRISATIONS[name]
    network = MLP(jax.random.key(1), (2, 8, parametrisation.count(2)), jnp.tanh)
    metric = MetricNetwork(network, GENERIC.at, name, measure)
    np.testing.assert_allclose(at_points(metric)[0], START, atol=2e-14)
    np.testing.assert_allclose(at_points(metric)[1], START, atol=2e-14)
    trained = shifted(network)
    moved = eqx.tree_at(lambda m: m.network, metric, trained)
    x = POINTS[2]
    g0, m = GENERIC.at(x), measure(x)
    values = parametrisation.networks_at(g0, m, g0) + trained(x) - network(x)
    expected = parametrisation.metric(values, g0, m)
    expected = 0.5 * (expected + expected.T)
    assert float(jnp.max(jnp.abs(expected - g0))) > 1e-2
    for found in at_points(moved):
        np.testing.assert_allclose(found[2], expected, atol=1e-13)


def test_a_metric_on_a_grid_is_interpolated():
    torus = Torus(2, 8)
    grid = GridMetric(torus, GENERIC.sample(torus)[0])
    np.testing.assert_allclose(everywhere(grid), START, atol=1e-13)
    first = torus.points.reshape(2, -1).T
    on_grid = MetricNetwork(MLP_NET, grid).sampled(first)()
    np.testing.assert_allclose(on_grid, unpack(grid.packed).reshape(-1, 2, 2), atol=1e-13)


def test_a_network_that_is_no_metric_is_refused_with_point_and_eigenvalue():
    metric = MetricNetwork(MLP_NET, GENERIC.at)
    metric.check(POINTS)
    bias = metric.network.layers[-1].weight
    moved = eqx.tree_at(lambda m: m.network.layers[-1].weight, metric, bias + 8.0)
    with pytest.raises(MetricError) as caught:
        moved.check(POINTS)
    values = np.linalg.eigvalsh(np.asarray(everywhere(moved)))
    at = int(np.argmin(np.abs(np.asarray(POINTS) - np.array(caught.value.point)).sum(axis=1)))
    assert caught.value.eigenvalue == pytest.approx(values[at, 0])
    assert caught.value.eigenvalue < 0


def test_bad_arguments_are_refused():
    with pytest.raises(CatalogueError):
        MetricNetwork(MLP_NET, GENERIC.at, "choleski")
    for given in ((jnp.eye(2),), (GENERIC.at, "vielbein", 1.0)):
        with pytest.raises(ArgumentError, match="must be functions of a point"):
            MetricNetwork(MLP_NET, *given)
    with pytest.raises(ArgumentError, match="4 outputs"):
        MetricNetwork(MLP_NET, GENERIC.at, "gram")(POINTS[0])


def test_the_metric_ntk_is_the_jacobian_around_the_scalar_kernel():
    metric = MetricNetwork(MLP_NET, GENERIC.at, "cholesky")
    scalar = empirical_ntk(MLP_NET, POINTS)
    jacobian = jax.jit(jax.vmap(PARAMETRISATIONS["cholesky"].jacobian))(START)
    expected = jnp.einsum("nija,nmab,mklb->nmijkl", jacobian, scalar, jacobian)
    np.testing.assert_allclose(empirical_ntk(metric, POINTS), expected, atol=1e-11)


@pytest.mark.parametrize(
    "network",
    [MLP_NET, eqx.nn.MLP(2, 3, 16, 2, jnp.tanh, key=jax.random.key(2)), MetricNetwork(MLP_NET, GENERIC.at, "exp")],
    ids=["mlp", "equinox", "metric"],
)
def test_the_linearised_network_is_the_taylor_polynomial(network):
    linear = Linearised(network)
    np.testing.assert_allclose(everywhere(linear), everywhere(network), atol=1e-14)

    def moved(size):
        train = network.network if isinstance(network, MetricNetwork) else network
        new = shifted(train, size)
        new = eqx.tree_at(lambda m: m.network, network, new) if isinstance(network, MetricNetwork) else new
        return everywhere(new), everywhere(eqx.tree_at(lambda tree: tree.network, linear, new))

    start = everywhere(network)
    (full, first), (fuller, second) = moved(1e-3), moved(2e-3)
    np.testing.assert_allclose(second - start, 2 * (first - start), rtol=1e-9, atol=1e-13)  # linear
    ratio = float(jnp.linalg.norm(fuller - second) / jnp.linalg.norm(full - first))
    assert ratio == pytest.approx(4, rel=0.05)  # of first order


def test_a_linearised_network_trains_like_the_network_it_is_made_of():
    linear = Linearised(MLP_NET)
    for trained in ("all", "last-layer"):
        np.testing.assert_allclose(
            empirical_ntk(linear, POINTS, trained=trained),
            empirical_ntk(MLP_NET, POINTS, trained=trained),
            atol=1e-12,
        )
    chosen = trainable(MetricNetwork(linear, GENERIC.at), "all")
    assert all(jax.tree.leaves(chosen.network.network))
    assert not any(jax.tree.leaves((chosen.network.origin, chosen.start)))
