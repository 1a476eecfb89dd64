"""Growth about flat space: the nonlinear flows against the table of linear rates, signs included."""

import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.compare.growth import flat_metric, linear_rates, longitudinal_growth
from geomflow.core.errors import ResolutionError
from geomflow.flows import FLOWS, FixedMeasureFlow
from geomflow.geometry.torus import Torus

# transverse, mixed, longitudinal, in units of k² (mathematics sheet, section 6)
RATES = {"ricci": (-1, 0, 0), "deturck": (-1, -1, -1), "perelman": (-1, 0, 1), "lambda": (-1, 0, 0)}


def make(name, torus):
    if name == "perelman":
        return FixedMeasureFlow(torus, measure=jnp.ones(torus.shape))
    return FLOWS[name](torus)


def test_flat_metric():
    assert flat_metric(Torus(3, 8)).shape == (6, 8, 8, 8)
    np.testing.assert_array_equal(flat_metric(Torus(3, 8))[:, 0, 0, 0], [1, 0, 0, 1, 0, 1])


@pytest.fixture(scope="module")
def study():
    return longitudinal_growth(Torus(2, 18), 0.4, range(1, 6))


def test_longitudinal_modes_grow_as_predicted(study):
    assert study.modes == list(range(1, 6))
    k = np.array(study.modes)
    np.testing.assert_allclose(study.predicted, k**2 * np.exp(-(0.4**2) * k**2 / 2), rtol=1e-13)
    np.testing.assert_allclose(study.measured, study.predicted, rtol=1e-5)
    assert study.worst < 1e-5


def test_growth_is_bounded_by_the_kernel(study):
    """2/(e σ²) at k = √2/σ, and no growth rate above it: a kernel tames the ill-posed k²."""
    bound = 2 / (np.e * 0.4**2)
    assert 0.9 * bound < max(study.measured) < bound * (1 + 1e-5)
    assert study.measured[-1] < study.measured[2]


def test_the_measured_rate_does_not_depend_on_the_time(study):
    shorter = longitudinal_growth(Torus(2, 18), 0.4, range(1, 6), time=0.1)
    np.testing.assert_allclose(shorter.measured, study.measured, rtol=1e-5)


def test_growth_refuses_a_narrow_kernel():
    with pytest.raises(ResolutionError):
        longitudinal_growth(Torus(2, 18), 0.1, [1])


def check(name, torus, k):
    rates = linear_rates(torus, make(name, torus), k)
    assert list(rates) == ["transverse", "mixed", "longitudinal"]
    np.testing.assert_allclose(list(rates.values()), RATES[name], atol=1e-5)


@pytest.mark.parametrize("name", RATES)
def test_linear_rates_on_t2(name):
    check(name, Torus(2, 16), 2)


@pytest.mark.parametrize("name", ["ricci", "deturck", "perelman"])
def test_linear_rates_on_t3(name):
    check(name, Torus(3, 16), 3)


def test_a_kernel_slows_every_rate():
    """Rates are those of the local flow times e^{-σ²k²/2}."""
    torus, sigma, k = Torus(2, 16), 0.5, 2
    rates = linear_rates(torus, make("perelman", torus).smeared(sigma), k)
    slower = np.exp(-(sigma**2) * k**2 / 2)
    np.testing.assert_allclose(list(rates.values()), [-slower, 0, slower], atol=1e-5)
