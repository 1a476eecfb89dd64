import numpy as np
import pytest

from geomflow.compare.convergence import fluctuation, tensor_norm
from geomflow.compare.finite_width import (
    TOLERANCES,
    constant_weight,
    linear_response,
    predicted_noise,
    run_distances,
)
from geomflow.compare.scaling import root_mean_square
from geomflow.flows import DeTurckFlow
from geomflow.geometry.torus import Torus
from geomflow.kernels.operator import cos_net_multiplier
from geomflow.kernels.random_operator import RandomFeatureOperator
from geomflow.metrics import METRICS

TIME, SIGMA = 0.2, 0.55


@pytest.fixture(scope="module")
def start():
    torus = Torus(2, 16)
    flow, g = DeTurckFlow(torus), METRICS["generic-t2"].sample(torus)[0]
    final = flow.smeared(0.0).run(g, TIME, **TOLERANCES).last
    return flow, g, final, tensor_norm(fluctuation(final))


@pytest.fixture(scope="module")
def response(start):
    flow, g, _, _ = start
    return linear_response(flow, g, TIME)


def test_the_weight_of_the_constant_mode_is_the_frontier():
    for dim in (1, 2, 3):
        assert constant_weight(0.3, dim) == pytest.approx((0.3 / np.sqrt(2 * np.pi)) ** dim, rel=1e-12)


def test_the_noise_of_drawn_networks_is_the_predicted_one(start, response):
    flow, g, final, scale = start
    widths, draws = (4096, 16384), 40
    found = run_distances(flow, g, TIME, final, scale, SIGMA, widths, draws, seed=1)
    noise, error = root_mean_square(found.noise * np.sqrt(widths)[:, None])
    predicted = predicted_noise(response, SIGMA) / scale
    assert np.all(np.abs(noise - predicted) < 3.5 * error)
    assert np.max(error / noise) < 0.1
    # bias and noise are independent, and add in squares
    total = np.mean(found.total**2, axis=1)
    assert total == pytest.approx(found.bias**2 + np.mean(found.noise**2, axis=1), rel=0.15)


def test_each_response_is_the_derivative_along_its_entry(start, response):
    flow, g, final, _ = start
    torus = flow.torus
    rng = np.random.default_rng(0)
    size, half = torus.size, torus.size // 2 + 1
    direct, conjugate = np.ones((size, half)), np.zeros((2, size, half))
    expected = np.zeros_like(response.direct[0])
    for wave, along, (real, imaginary) in zip(response.waves, response.direct, response.conjugate, strict=True):
        a, b, c = 1e-4 * rng.normal(size=3)
        expected += a * along + b * real + c * imaginary
        for sign in (1, -1):
            place = tuple(sign * wave % size)
            if place[-1] < half:
                direct[place] += a if np.any(wave) or sign == 1 else 0
                conjugate[(0, *place)] += b if np.any(wave) or sign == 1 else 0
                conjugate[(1, *place)] += sign * c
    moved = flow.driven_by(RandomFeatureOperator(direct, conjugate)).run(g, TIME, **TOLERANCES).last
    change = np.asarray(moved - final)
    assert tensor_norm(change - expected) < 0.02 * tensor_norm(expected)


def test_a_deterministic_operator_is_the_smeared_flow(start):
    flow, g, _, _ = start
    symbol = np.asarray(cos_net_multiplier(flow.torus, SIGMA))
    operator = RandomFeatureOperator(symbol, np.zeros((2, *symbol.shape)))
    by_operator = flow.driven_by(operator).run(g, TIME, **TOLERANCES).last
    np.testing.assert_allclose(by_operator, flow.smeared(SIGMA).run(g, TIME, **TOLERANCES).last, atol=1e-12)


def test_the_same_seed_draws_the_same_networks(start):
    flow, g, final, scale = start
    one, two, other = (
        run_distances(flow, g, TIME, final, scale, SIGMA, (256,), 2, seed=seed).total for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, two)
    assert not np.allclose(one, other)
