import numpy as np
import pytest

from geomflow.compare.scaling import combined, power_law, root_mean_square
from geomflow.core.errors import ArgumentError


def test_an_exact_power_law_is_found():
    x = np.array([2.0, 4.0, 16.0])
    law = power_law(x, 3 * x**-0.5)
    assert law.exponent == pytest.approx(-0.5)
    assert law.prefactor == pytest.approx(3)
    assert law.error == pytest.approx(0, abs=1e-12)


def test_error_bars_cover_the_truth():
    rng = np.random.default_rng(0)
    x = 2.0 ** np.arange(8)
    laws = [power_law(x, x**0.7 * np.exp(0.1 * rng.normal(size=8)), relative=0.1) for _ in range(400)]
    pulls = np.array([(law.exponent - 0.7) / law.error for law in laws])
    assert abs(pulls.mean()) < 0.15
    assert 0.7 < pulls.std() < 1.1


def test_root_mean_square_and_its_error():
    values = np.random.default_rng(1).normal(size=(300, 50))
    mean, error = root_mean_square(values)
    assert mean.mean() == pytest.approx(1, abs=0.02)
    assert np.std(mean) == pytest.approx(error.mean(), rel=0.15)
    assert np.isnan(root_mean_square(np.array([[1.0, np.nan], [1.0, 1.0]]))[0]).tolist() == [True, False]


def test_means_are_combined_by_their_errors():
    value, error = combined([(1.0, 0.1), (2.0, 0.2)])
    assert value == pytest.approx(1.2)
    assert error == pytest.approx(1 / np.sqrt(125))


def test_what_has_no_answer_is_refused():
    with pytest.raises(ArgumentError, match="two"):
        root_mean_square(np.ones((3, 1)))
    with pytest.raises(ArgumentError, match="positive"):
        power_law(np.array([1.0, 2.0]), np.array([1.0, -1.0]))
    with pytest.raises(ArgumentError, match="two or more"):
        power_law(np.array([1.0]), np.array([1.0]))
