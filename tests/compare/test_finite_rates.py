import jax
import numpy as np
import pytest

from geomflow.compare.finite_rates import finite_rates, integrated_rates
from geomflow.compare.memorisation import random_start
from geomflow.geometry.torus import Torus
from geomflow.kernels.cos_net import discrete_normal
from geomflow.metrics import METRICS
from geomflow.networks.cos_net import PeriodicCosNet

TORUS, SIGMA, WAVES = Torus(2, 16), 0.6, np.array([1, 2, 3])


@pytest.fixture(scope="module")
def found():
    return finite_rates(TORUS, SIGMA, (16, 1024), WAVES, 48)


def test_the_infinite_rates_are_the_symbol(found):
    np.testing.assert_allclose(found.infinite, np.exp(-(SIGMA**2) * WAVES**2 / 2), rtol=1e-12)


def test_means_and_scatter_are_the_predicted_ones(found):
    assert np.all(np.abs(found.means - found.infinite)[1] < 4 * found.errors[1])
    np.testing.assert_allclose(found.spread[1] / found.scatter[1], 1, atol=0.25)
    values, weights = discrete_normal(SIGMA)
    p = weights[values == 1][0] * weights[values == 0][0]
    assert found.scatter[1, 0] / found.infinite[0] == pytest.approx(np.sqrt((1 - p) / (1024 * p)), rel=1e-12)


def test_modes_without_a_neuron_are_never_learnt(found):
    assert found.silent[0, 2] > 0.3
    np.testing.assert_allclose(found.never, found.silent, atol=0.2)


def test_rates_are_eigenvalues_of_the_operator_on_the_pair(found):
    """The last layer's kernel, projected on cos and sin of one wave by a sum over the grid."""
    net = PeriodicCosNet.sample(jax.random.split(jax.random.key(0), (2, 48))[0, 0], 16, 2, SIGMA)
    points = np.asarray(TORUS.points).reshape(2, -1).T
    features = np.asarray(jax.vmap(net.features)(points))
    for index, k in enumerate(WAVES):
        pair = np.stack([np.cos(k * points[:, 1]), np.sin(k * points[:, 1])], axis=1) * np.sqrt(2 / len(points))
        projected = (features.T @ pair).T @ (features.T @ pair) / len(points)
        values, weights = discrete_normal(SIGMA)
        rates = np.linalg.eigvalsh(projected) / weights[values == 0][0] ** 2
        np.testing.assert_allclose(np.sort(found.rates[0, 0, index]), rates, atol=1e-12)


def test_an_integrated_flow_has_the_rates_of_its_network():
    target, _ = METRICS["generic-t2"].sample(TORUS)
    start = random_start(TORUS, target, 0)
    measured, predicted = integrated_rates(TORUS, SIGMA, 256, 0, start, target, WAVES, np.linspace(0, 3, 7))
    assert np.ptp(predicted, axis=1).min() > 1e-3  # the two rates of a pair differ
    np.testing.assert_allclose(measured, predicted, atol=1e-8)
