import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.compare.training_points import generalisation_study, metric_gram, point_rates, random_points
from geomflow.geometry.torus import Torus
from geomflow.kernels.cos_net import PeriodicKernel
from geomflow.metrics import METRICS
from geomflow.networks.parametrisations import PARAMETRISATIONS

METRIC, KERNEL = METRICS["generic-t2"], PeriodicKernel(0.7)


def test_the_metric_ntk_is_the_contraction_of_jacobians():
    points = jnp.asarray(random_points(2, 3, 0))
    g = jax.vmap(METRIC.at)(points)
    found = metric_gram(KERNEL.matrix(points), g, g, "vielbein").reshape(3, 3, 3, 3)
    jacobian = [np.asarray(PARAMETRISATIONS["vielbein"].jacobian(at, 1.0, at)) for at in g]
    theta = np.einsum("ija,kla->ijkl", jacobian[0], jacobian[2]) * float(KERNEL(points[0], points[2]))
    assert found[0, 0, 2, 0] == pytest.approx(theta[0, 0, 0, 0], rel=1e-12)
    # the second element of the basis is (E_01 + E_10)/√2
    assert found[0, 1, 2, 1] == pytest.approx(np.sum(theta[[0, 1], [1, 0]][:, [0, 1], [1, 0]]) / 2, rel=1e-12)


@pytest.mark.parametrize("name", ["packed", "vielbein"])
def test_every_eigenvector_decays_at_its_eigenvalue(name):
    study = point_rates(KERNEL, METRIC, random_points(2, 8, 0), name)
    assert study.worst < 1e-8
    assert len(study.predicted) > 12


def test_points_are_memorised_and_the_metric_is_not():
    times = np.array([1e-9, 1.0, 1e9])
    study = generalisation_study(KERNEL, METRIC, Torus(2, 12), 12, 0.05, times, 2)
    assert study.train.shape == study.test.shape == (2, 3)
    np.testing.assert_allclose(study.test[:, 0], 1, rtol=1e-6)
    assert np.all(study.train[:, 2] < 1e-6)
    assert np.all(study.noisy_train[:, 2] < 1e-6)
    assert np.all(study.interpolant > 0.05)
    np.testing.assert_allclose(study.test[:, 2], study.interpolant, rtol=1e-4)
    assert np.all(study.noisy_test[:, 2] != study.test[:, 2])
    assert study.rates.shape == (2, 12)
    assert not np.allclose(study.train[0, 1], study.train[1, 1])


def test_draws_of_points_differ_and_repeat():
    assert not np.allclose(random_points(2, 4, 0, 0), random_points(2, 4, 0, 1))
    assert not np.allclose(random_points(2, 4, 0), random_points(2, 4, 1))
    np.testing.assert_array_equal(random_points(2, 4, 3, 2), random_points(2, 4, 3, 2))
