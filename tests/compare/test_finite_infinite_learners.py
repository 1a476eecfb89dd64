"""The learners of a metric: closed forms against what they are the limit of."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.compare.finite_infinite import (
    Architecture,
    draw_task,
    finite_scores,
    infinite_scores,
    score,
)
from geomflow.geometry import autodiff
from geomflow.geometry.torus import Torus
from geomflow.kernels.regression import kernel_descent
from geomflow.metrics import METRICS
from geomflow.networks.parametrisations import symmetric_basis

METRIC, HOW, GRID = METRICS["generic-t2"], Architecture(hidden=1), Torus(2, 8)


@pytest.fixture(scope="module")
def task():
    return draw_task(METRIC, 10, 0.0, GRID, 0, 0)


def test_the_truth_has_no_error(task):
    judged = score(task, task.values, task.truth)
    assert judged.train == judged.test == judged.curvature == 0


def test_the_flat_metric_has_the_whole_error(task):
    flat = (np.broadcast_to(np.eye(2), task.truth[0].shape), *(np.zeros_like(part) for part in task.truth[1:]))
    judged = score(task, np.zeros_like(task.values), flat)
    assert judged.test == pytest.approx(1)
    assert judged.curvature == pytest.approx(1)
    assert judged.train == pytest.approx(1, rel=0.5)


def test_what_is_no_metric_has_no_curvature(task):
    indefinite = (task.truth[0] - 2 * np.eye(2), *task.truth[1:])
    assert np.isnan(score(task, task.values, indefinite).curvature)


def test_noise_is_added_to_the_values_alone():
    clean, noisy = (draw_task(METRIC, 400, noise, GRID, 0, 0) for noise in (0.0, 0.1))
    np.testing.assert_array_equal(clean.points, noisy.points)
    np.testing.assert_array_equal(clean.truth[0], noisy.truth[0])
    assert np.std(noisy.values - clean.values) == pytest.approx(0.1, rel=0.1)


def test_the_infinite_learner_is_its_kernel_regression_with_its_derivatives(task):
    """The jets come from derivatives of the kernel; here the prediction itself is differentiated by JAX."""
    (found,) = infinite_scores(HOW, (task,), (6, 10), 30.0, (1e-3,))
    kernel, points = HOW.kernel("ntk"), jnp.asarray(task.points[:6])
    weights = jnp.asarray(kernel_descent(np.asarray(kernel.matrix(points)), task.values[:6]).weights(30.0 / 6))
    basis = symmetric_basis(2)

    def predicted(z):
        row = jax.vmap(lambda p: kernel(z, p))(points)
        return jnp.eye(2) + jnp.einsum("p,pA,Aij->ij", row, weights, basis)

    curvature = jax.jit(jax.vmap(lambda z: autodiff.scalar_curvature(predicted, z)))(jnp.asarray(task.where))
    truth = jax.jit(jax.vmap(lambda z: autodiff.scalar_curvature(METRIC.at, z)))(jnp.asarray(task.where))
    wrong = np.sqrt(np.mean((curvature - truth) ** 2) / np.mean(truth**2))
    np.testing.assert_allclose(found["ntk"][0].learnt, jax.vmap(predicted)(jnp.asarray(task.where)), atol=1e-10)
    assert found["ntk"][0].curvature == pytest.approx(float(wrong), rel=1e-8)
    assert found["ntk-forever"][0].train < 1e-10
    assert found["ntk"][1].test < found["ntk"][0].test * 1.2


@pytest.fixture(scope="module")
def finite(task):
    return {width: finite_scores(HOW, task, (6, 10), width, 10.0, jax.random.key(3)) for width in (8, 1024)}


def test_a_wide_network_is_its_linearisation_and_nearly_the_infinite_one(task, finite):
    (infinite,) = infinite_scores(HOW, (task,), (6, 10), 10.0, (1e-3,))
    for n in (0, 1):
        wide = finite[1024]["finite"][n]
        gap = np.max(np.abs(wide.learnt - finite[1024]["linearised"][n].learnt))
        assert gap < 0.01
        assert gap < 0.2 * np.max(np.abs(finite[8]["finite"][n].learnt - finite[8]["linearised"][n].learnt))
        assert np.max(np.abs(wide.learnt - infinite["ntk"][n].learnt)) < 0.1
        assert wide.train == pytest.approx(infinite["ntk"][n].train, rel=0.3)


def test_points_that_do_not_count_do_not_train(task, finite):
    alone = finite_scores(HOW, task.first(6), (6,), 8, 10.0, jax.random.key(3))
    np.testing.assert_allclose(alone["finite"][0].learnt, finite[8]["finite"][0].learnt, atol=1e-5)
    np.testing.assert_allclose(alone["linearised"][0].learnt, finite[8]["linearised"][0].learnt, atol=1e-10)
