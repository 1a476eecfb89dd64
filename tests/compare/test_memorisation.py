"""Rates of integrated memorisation flows against the eigenvalues of their metric-NTK."""

import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.compare.memorisation import (
    contrast_study,
    fitted_rates,
    modes_of,
    rate_study,
    settling_study,
    speeds,
    wave_vectors,
)
from geomflow.flows.training.memorisation import MemorisationFlow
from geomflow.geometry.torus import Torus
from geomflow.metrics import METRICS

SMALL = Torus(2, 16)


def test_rates_of_exponentials_are_found():
    times, rates = np.linspace(0, 2, 5), np.array([0.0, 0.5, 3.0])
    np.testing.assert_allclose(fitted_rates(times, 2.0 * np.exp(-times[:, None] * rates)), rates, atol=1e-14)


def test_one_wave_vector_of_each_pair():
    waves = wave_vectors(2, 2)
    assert len(waves) == 13
    assert tuple(waves[0]) == (0, 0)
    seen = {tuple(k) for k in waves}
    assert not any(tuple(-k) in seen for k in waves[1:])


def test_modes_are_fourier_coefficients():
    x, y = np.asarray(SMALL.points)
    field = np.stack([3 + 2 * np.cos(x - 2 * y), np.sin(y)])
    found = modes_of(SMALL, field, np.array([[0, 0], [1, -2], [0, 1]]))
    np.testing.assert_allclose(found, [[3, 1, 0], [0, 0, -0.5j]], atol=1e-14)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("independent", [1, 1, 1]),
        ("packed", [1, 2, 1]),
        ("packed-orthonormal", [1, 1, 1]),
        ("cholesky", [4, 2, 4]),
        ("gram", [4, 4, 4]),
        ("exp", [1, 1, 1]),
        ("vielbein", [1, 1, 1]),
    ],
)
def test_speeds_at_the_flat_metric(name, expected):
    np.testing.assert_allclose(speeds(name, np.eye(2), np.eye(2)), expected, rtol=1e-12)


def test_speeds_move_with_the_metric_unless_affine():
    g = np.diag([3.0, 1.0])
    assert speeds("cholesky", g, np.eye(2))[0] == pytest.approx(12)
    assert speeds("exp", g, np.eye(2))[0] == pytest.approx(9)
    assert speeds("exp", g, np.eye(2))[1] == pytest.approx((2 / np.log(3)) ** 2)  # the logarithmic mean squared
    assert speeds("packed", g, np.eye(2))[0] == pytest.approx(1)


def test_every_mode_decays_at_its_eigenvalue():
    sigma = 0.6
    target, _ = METRICS["generic-t2"].sample(SMALL)
    study = rate_study(SMALL, sigma, "packed", target, 4, np.linspace(0, 3, 7))
    assert study.worst < 1e-8
    k = np.sum(study.wave_vectors**2, axis=1)
    np.testing.assert_allclose(study.predicted, np.array([1, 2, 1])[:, None] * np.exp(-(sigma**2) * k / 2), rtol=1e-12)
    np.testing.assert_allclose(study.amplitudes[:, 0], np.exp(-study.times), rtol=1e-8)


def test_rates_of_a_parametrisation_that_is_not_affine_change_on_the_way():
    study = settling_study(SMALL, 0.6, "cholesky")
    assert not study.affine
    assert study.start == pytest.approx(4, rel=1e-3)
    assert study.late == pytest.approx(12, rel=1e-4)
    assert study.wave == pytest.approx(6 * np.exp(-0.36 * 4 / 2), rel=1e-4)
    assert study.worst < 1e-4
    assert np.all(np.diff(study.rates[1:]) > -1e-3)


def test_the_target_is_the_fixed_point():
    target, _ = METRICS["generic-t2"].sample(SMALL)
    flow = MemorisationFlow(SMALL, target=target, reference=target, parametrisation="exp-framed").smeared(0.6)
    assert float(jnp.max(jnp.abs(flow(0.0, target)))) < 1e-13


@pytest.mark.slow
def test_mse_forgets_its_start_and_a_curvature_flow_does_not():
    torus = Torus(2, 16)
    target, _ = METRICS["generic-t2"].sample(torus)
    study = contrast_study(torus, 0.6, target, np.linspace(0, 24, 7))
    assert study.mse[0] == study.curvature[0] == 1
    assert study.mse[-1] < 1e-3
    assert study.curvature[-1] > 1e-2
    assert study.bend[-1] < 1e-4
