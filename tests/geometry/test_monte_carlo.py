"""Monte Carlo: exact moments, error bars that cover, measured orders, and points that depend on the key alone."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.core.errors import ArgumentError
from geomflow.geometry import monte_carlo
from geomflow.geometry.monte_carlo import (
    POINTS_AT_ONCE,
    Estimate,
    estimate,
    expectation,
    fubini_study,
    gaussian,
    sample,
    uniform_box,
    uniform_sphere,
)

KEY = jax.random.key(0)
METHODS = ["plain", "stratified", "sobol"]


def moments(x):
    """Not symmetric under the coordinates of R^3."""
    return jnp.stack([jnp.ones(()), x[0] ** 2, x[0] ** 2 * x[1] ** 2, x[2] ** 4, x[1] * x[2] ** 2])


MOMENTS = 4 * math.pi * np.array([1, 1 / 3, 1 / 15, 1 / 5, 0])  # over S²


def within(result, truth, errors=4.0):
    """4 standard errors of 16 replicates: 1 in 900 by chance; the keys are fixed."""
    assert np.all(np.abs(result.value - truth) <= errors * result.error + 1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_moments_of_the_sphere(method):
    result = estimate(moments, uniform_sphere(2), 2**15, KEY, method)
    within(result, MOMENTS)
    assert np.max(result.error) < {"plain": 0.06, "stratified": 0.03, "sobol": 0.004}[method]
    assert result.error[0] == pytest.approx(0, abs=1e-14)
    assert np.all(result.error[1:] > 0)


def test_volume_of_spheres():
    points = sample(uniform_sphere(3), 50, KEY)
    assert points.points.shape == (50, 4)
    np.testing.assert_allclose(jnp.linalg.norm(points.points, axis=1), 1, rtol=1e-14)
    assert float(points.total) == pytest.approx(2 * math.pi**2)
    for n, volume in {1: 2 * math.pi, 2: 4 * math.pi, 5: math.pi**3}.items():
        assert float(uniform_sphere(n).weight(jnp.zeros(n + 1))) == pytest.approx(volume)


def test_fubini_study():
    """E |z_i|² = 1/(n+1), E |z_i z_j|² = (1 + δ_ij)/((n+1)(n+2)), and no preferred phase."""
    result = estimate(_projective, fubini_study(2), 2**15, KEY, "sobol")
    within(result, np.array([1, 1 / 3, 2 / 12, 1 / 12, 0, 0]))
    assert np.max(result.error) < 1e-3
    assert sample(fubini_study(2), 4, KEY).points.shape == (4, 3)


def _projective(z):
    a = jnp.abs(z) ** 2
    phase = (z[0] * jnp.conj(z[2])).real
    return jnp.stack([jnp.sum(a), a[0], a[1] ** 2, a[0] * a[2], phase, z[1].imag])


def test_box_and_gaussian_measures():
    box = uniform_box([0, -1], [2, 3])
    result = estimate(lambda x: x[0] + 10 * x[1] ** 2, box, 2**13, KEY, "sobol")
    within(result, 8 * (1 + 10 * 28 / 12))
    assert float(sample(box, 100, KEY).total) == pytest.approx(8)
    result = estimate(lambda x: jnp.exp(-jnp.sum((x - 0.3) ** 2)), gaussian(3, 0.9), 2**14, KEY, "sobol")
    within(result, math.pi**1.5)
    assert result.error < 0.01


@pytest.mark.parametrize("method", METHODS)
def test_error_bars_cover(method):
    """Over 60 keys, as often as Student's t with 15 degrees of freedom says: 67 % within one error, 94 % within two."""
    results = [estimate(_kinked, uniform_box([0, 0], [1, 1]), 1024, jax.random.key(i), method) for i in range(60)]
    deviation = np.array([abs(r.value - 5 / 12) / r.error for r in results])
    # three standard deviations of a binomial of 60; half or twice the error bar would give 37 % and 94 %
    assert 0.49 < np.mean(deviation < 1) < 0.85
    assert np.mean(deviation < 2) > 0.84


def _kinked(x):
    return jnp.abs(x[0] - x[1]) ** 2 + jnp.maximum(x[0] - 0.5, 0) * 2


@pytest.mark.parametrize(
    ("method", "dim", "order"), [("plain", 2, 0.5), ("stratified", 1, 1.5), ("stratified", 2, 1.0), ("sobol", 2, 1.5)]
)
def test_orders(method, dim, order):
    """For a smooth f: N^-1/2, N^-1/2-1/d and N^-3/2 up to a logarithm."""
    counts = 2 ** np.array([10, 16])
    errors = [estimate(_smooth, uniform_box([0] * dim, [1] * dim), int(n), KEY, method).error for n in counts]
    measured = -math.log(errors[1] / errors[0]) / math.log(64)
    assert measured == pytest.approx(order, abs=0.16)


def _smooth(x):
    return jnp.exp(jnp.sum(x * jnp.arange(1, x.size + 1)))


@pytest.mark.parametrize("method", METHODS)
def test_the_key_decides(method):
    law = uniform_box([0, 0], [1, 1])
    one, same, other = (sample(law, 64, jax.random.key(i), method).points for i in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert float(jnp.min(jnp.abs(one - other))) > 0
    old_style = sample(law, 64, jax.random.PRNGKey(1), method).points
    np.testing.assert_array_equal(one, old_style)
    a, b = (estimate(_smooth, law, 1024, jax.random.key(5), method) for _ in range(2))
    np.testing.assert_array_equal(a.value, b.value)


def test_sobol_points_are_a_net():
    """One point in each of the 2^7 dyadic boxes of every shape."""
    u = np.asarray(sample(uniform_box([0, 0], [1, 1]), 200, KEY, "sobol").points)
    assert u.shape == (128, 2)
    for k in range(8):
        cell = np.floor(u * [2**k, 2 ** (7 - k)]).astype(int)
        assert len({tuple(c) for c in cell}) == 128


def test_strata_have_a_point_each():
    u = np.asarray(sample(uniform_box([0, 0, 0], [1, 1, 1]), 200, KEY, "stratified").points)
    assert u.shape == (125, 3)
    assert len({tuple(c) for c in np.floor(5 * u).astype(int)}) == 125
    assert np.std(5 * u % 1) == pytest.approx(1 / math.sqrt(12), rel=0.1)  # jittered, not in the middle


@pytest.mark.parametrize("method", METHODS)
def test_streams_in_blocks(method, monkeypatch):
    """Every point is counted once, and padding not at all."""
    monkeypatch.setattr(monte_carlo, "POINTS_AT_ONCE", 64)
    law = uniform_box([0, 0], [1, 1])
    points = sample(law, 500, KEY, method)
    size = {"plain": 500, "stratified": 484, "sobol": 256}[method]
    assert points.size == size
    assert len(np.unique(np.asarray(points.points), axis=0)) == size
    if method == "stratified":
        assert len({tuple(c) for c in np.floor(22 * np.asarray(points.points)).astype(int)}) == 484
    result = estimate(lambda x: jnp.stack([jnp.ones(()), x[0]]), law, 500 * 16, KEY, method)
    assert result.samples == size * 16
    assert result.value[0] == pytest.approx(1, abs=1e-14)
    within(result, [1, 0.5])


def test_more_than_a_block():
    count = 2 * POINTS_AT_ONCE + 5
    result = estimate(lambda x: x[0] ** 2, uniform_box([0], [3]), 2 * count, KEY, replicates=2)
    assert result.samples == 2 * count
    assert float(result.value) == pytest.approx(9, rel=0.02)


@pytest.mark.parametrize("method", ["plain", "sobol"])
def test_expectation(method):
    """A Gaussian of variance 1/2 by points of variance 1: effective size √3/2 of all, exactly in the limit."""
    result = expectation(lambda x: jnp.stack([x, x**2]), lambda x: 7 * jnp.exp(-x @ x), gaussian(1), 2**14, KEY, method)
    assert result.value.shape == (2, 1)
    within(result, np.array([[0], [0.5]]))
    assert np.max(result.error) < 0.01
    assert result.effective / result.samples == pytest.approx(math.sqrt(3) / 2, rel=0.01)


def test_expectation_covers():
    law = uniform_box([-3], [3])
    results = [expectation(_square, _bell, law, 1024, jax.random.key(i)) for i in range(60)]
    truth = 0.5 - 3 * math.exp(-9) / (math.sqrt(math.pi) * math.erf(3))
    deviation = np.array([abs(r.value - truth) / r.error for r in results])
    assert 0.48 < np.mean(deviation < 1) < 0.85
    assert np.mean(deviation < 2) > 0.84


def _square(x):
    return x[0] ** 2


def _bell(x):
    return jnp.exp(-x @ x)


def test_effective_size_warns():
    """One point in a hundred carries the answer."""
    result = estimate(lambda x: jnp.where(x[0] < 0.01, 1.0, 0.0), uniform_box([0], [1]), 2**14, KEY)
    assert result.effective == pytest.approx(164, rel=0.3)
    assert estimate(lambda x: jnp.zeros(()), uniform_box([0], [1]), 64, KEY).effective == 0


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.83774, 0.00091, "0.83774 ± 0.00091, 100 samples (50.0 effective)"),
        (1234.5, 12.3, "1234 ± 12, "),
        (-2.0, 0.5, "-2.00 ± 0.50, "),
        (3.0, 0.0, "3.000000000 ± 0, "),
        (1e-9, 2e-15, "1e-09 ± 2e-15, "),
        ([1.0, 2.0], [0.1, 0.02], "1.00 ± 0.10, 2.000 ± 0.020, "),
    ],
)
def test_str(value, error, text):
    assert str(Estimate(np.asarray(value), np.asarray(error), 100, 50.0)).startswith(text)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda law: estimate(moments, law, 100, KEY, "lattice"), "plain, stratified, sobol"),
        (lambda law: estimate(moments, law, 100, KEY, replicates=1), "at least 2 replicates"),
        (lambda law: estimate(moments, law, 8, KEY), "at least one point for each replicate"),
        (lambda law: estimate(moments, law, 16 * 7, KEY, "stratified"), "at least 8 points"),
        (lambda law: sample(law, 0, KEY), "at least one point"),
        (lambda law: uniform_box([0, 1], [1, 1]), "larger upper ends"),
        (lambda law: gaussian(2, -1.0), "positive"),
        (lambda law: expectation(moments, lambda x: 0 * x[0], law, 64, KEY), "positive somewhere"),
        (lambda law: expectation(moments, lambda x: x[0] + 0.5, law, 64, KEY), "not be negative"),
    ],
)
def test_refuses(call, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        call(uniform_sphere(2))


def test_names_the_point_of_a_singularity():
    with pytest.raises(ArgumentError, match="is nan at x") as error:
        estimate(lambda x: jnp.sqrt(x[0]), uniform_box([-0.1], [1]), 1024, KEY)
    assert -0.1 < error.value.point[0] < 0
    with pytest.raises(ArgumentError, match="square of the integrand adds up"):
        estimate(lambda x: 1e160 + 0 * x[0], uniform_box([0], [100]), 2**10, KEY)


def test_a_complex_integrand_is_refused_and_counts_may_be_floats():
    law, key = monte_carlo.uniform_sphere(2), jax.random.key(0)
    with pytest.raises(ArgumentError, match="must be real"):
        monte_carlo.estimate(lambda x: 1j * x[0] ** 2, law, 1000, key)
    assert monte_carlo.estimate(lambda x: x[0], law, 1e3, key).samples == 992
