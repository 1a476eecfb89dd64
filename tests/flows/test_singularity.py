"""Extrapolated singularities: synthetic ones of type I with corrections, of other rates, and too little data."""

import numpy as np
import pytest

from geomflow.core.errors import ArgumentError
from geomflow.flows.singularity import blow_up

T = 0.37


def samples(deep, count=300):
    return T - T * np.geomspace(1, deep, count)


def found(curvature, deep):
    t = samples(deep)
    return blow_up(t, curvature(T - t))


@pytest.mark.parametrize("deep", [1e-2, 1e-5, 1e-8])
def test_an_exact_rate_is_recovered_to_rounding(deep):
    end = found(lambda left: 0.7 / left, deep)
    assert end.type_one
    assert abs(end.time - T) < 1e-15
    assert end.rate == pytest.approx(1, abs=1e-6)
    assert end.constant == pytest.approx(0.7, rel=5e-6)


@pytest.mark.parametrize(
    ("curvature", "constant", "sharp"),
    [
        (lambda left: 2 / left * (1 + 3 * left), 2, 1e-14),
        (lambda left: 2 / left * (1 + left + left**2), 2, 1e-14),
        (lambda left: 2 / left * (1 + 3 * left**0.5), 2, 1e-9),
        (lambda left: 1 / left / (1 - 0.5 / (1 - np.log(left))), 1, 3e-9),
        (lambda left: 3 / left * (1 + 0.5 / (2 - np.log(left) + np.log(3 - np.log(left)))), 3, 3e-9),
    ],
)
@pytest.mark.parametrize("deep", [1e-4, 1e-6])
def test_the_error_bars_hold_for_powers_and_for_logarithms(curvature, constant, sharp, deep):
    end = found(curvature, deep)
    assert end.type_one
    assert abs(end.time - T) <= end.error
    assert abs(end.constant - constant) <= 2 * end.constant_error
    if deep == 1e-6:
        assert end.error < sharp
        assert abs(end.constant / constant - 1) < 5e-3


@pytest.mark.parametrize("power", [0.5, 4 / 3, 2.0])
def test_other_rates_are_no_type_one_and_still_have_a_time(power):
    end = found(lambda left: left**-power, 1e-5)
    assert not end.type_one
    assert end.rate == pytest.approx(power, rel=1e-4)
    assert abs(end.time - T) <= end.error < 1e-8
    assert np.isnan(end.constant)
    assert "not supported" in str(end)


def test_a_rate_that_still_drifts_supports_nothing():
    # p = .953 over the last halving alone, which would pass
    end = found(lambda left: 2 / left * (1 + 3 * left), 1e-2)
    assert not end.type_one
    assert end.rate_error > 0.1
    assert abs(end.time - T) <= end.error


def test_what_came_before_the_blow_up_does_not_matter():
    t = samples(1e-5)
    curvature = 1 / (T - t)
    calm = np.where(t < 0.2, 30 - 20 * t, curvature)
    assert blow_up(t, calm).time == pytest.approx(T, abs=1e-14)


def test_noise_of_the_samples_shows_in_the_error_bar():
    t = samples(1e-5)
    noisy = 1 / (T - t) * (1 + 1e-5 * np.sin(1e3 * np.arange(len(t))))
    end = blow_up(t, noisy)
    assert end.type_one
    assert end.error > 1e-12
    assert abs(end.time - T) <= 3 * end.error


def test_a_leap_at_the_end_is_left_out():
    t = samples(1e-4)
    found = blow_up(np.append(t, T - 1e-7), 1 / (T - np.append(t, T - 1e-7)))
    assert found.type_one
    assert abs(found.time - T) < 1e-10
    assert found.constant == pytest.approx(1.0, abs=1e-6)


def test_refusals():
    t = samples(1e-3)
    with pytest.raises(ArgumentError, match="grown 8-fold") as caught:
        blow_up(t[:60], 1 / (T - t[:60]))
    assert caught.value.growth < 8
    with pytest.raises(ArgumentError, match="grown 8-fold"):
        blow_up(t[::40], 1 / (T - t[::40]))
    with pytest.raises(ArgumentError, match="one curvature for each time"):
        blow_up(t, 1 / t[1:])
    with pytest.raises(ArgumentError, match="finite"):
        blow_up(t, np.full_like(t, np.nan))
    with pytest.raises(ArgumentError, match="increasing"):
        blow_up(t[::-1], 1 / (T - t))
