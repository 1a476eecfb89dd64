import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.compare.finite_width import constant_weight, draw_operator
from geomflow.core.errors import ArgumentError, ResolutionError
from geomflow.geometry.torus import Torus
from geomflow.kernels.operator import cos_net_multiplier
from geomflow.kernels.random_operator import random_feature_operator
from geomflow.networks import PeriodicCosNet


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_it_is_the_feature_matrix_of_the_network(dim):
    torus, sigma = Torus(dim, 12), 1.1
    network = PeriodicCosNet.sample(jax.random.key(3), 40, dim, sigma)
    frequencies = np.asarray(network.frequencies)
    weight = constant_weight(sigma, dim)
    operator = random_feature_operator(torus, frequencies, np.asarray(network.phases), weight)
    field = torus.dealias(jax.random.normal(jax.random.key(4), (2, *torus.shape)))
    kept = np.all(np.abs(frequencies) < 4, axis=1)
    assert kept.sum() > 0
    features = jax.vmap(network.features)(torus.points.reshape(dim, -1).T)[:, kept]
    measure = torus.spacing**dim / ((2 * np.pi) ** dim * weight)
    dense = (features @ (features.T @ field.reshape(2, -1).T)).T.reshape(field.shape) * measure
    np.testing.assert_allclose(operator.apply(torus, field), dense, atol=1e-13)


def test_modes_beyond_the_two_thirds_rule_are_removed():
    torus = Torus(1, 12)
    operator = random_feature_operator(torus, np.array([[5], [-5], [2]]), np.array([0.3, 0.1, 0.2]), 0.5)
    wave = jnp.cos(5 * torus.points[0])
    np.testing.assert_allclose(operator.apply(torus, wave), 0, atol=1e-14)


def test_its_mean_over_draws_is_the_kernel_of_infinite_width():
    torus, sigma, draws, width = Torus(2, 12), 0.9, 200, 50
    drawn = [draw_operator(key, torus, sigma, width) for key in jax.random.split(jax.random.key(0), draws)]
    mean = np.mean([operator.direct for operator in drawn], axis=0)
    turned = np.mean([operator.conjugate for operator in drawn], axis=0)
    symbol = np.asarray(cos_net_multiplier(torus, sigma))
    keep = torus.dealiased
    # five standard errors of a mean whose one-neuron variance is at most 1/p_0
    allowed = 5 / np.sqrt(draws * width * constant_weight(sigma, 2))
    assert np.max(np.abs(mean - symbol)[keep]) < allowed
    assert np.max(np.abs(turned[:, keep])) < allowed
    assert allowed < 0.2 * symbol.max()


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ResolutionError, match="Try"):
        draw_operator(jax.random.key(0), Torus(2, 16), 0.1, 100)
    with pytest.raises(ArgumentError, match="width"):
        draw_operator(jax.random.key(0), Torus(2, 16), 0.8, 0)
