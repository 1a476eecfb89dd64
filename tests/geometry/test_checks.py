"""A bad metric is named at its worst point, with its eigenvalue there."""

import numpy as np
import pytest

from geomflow.core.errors import MetricError
from geomflow.geometry.checks import check_metric
from geomflow.geometry.torus import Torus

TORUS = Torus(2, 8)
POINTS = np.asarray(TORUS.points)
WORST = (5, 2)  # a grid index; its coordinates:
AT = tuple(float(p[WORST]) for p in POINTS)


def field():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(*TORUS.shape, 2, 2))
    return np.einsum("...ia,...ja->...ij", a, a) + 0.5 * np.eye(2)


def test_a_metric_passes():
    check_metric(field(), POINTS)
    check_metric(1e-200 * field(), POINTS)  # small is not singular


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_not_finite(bad):
    g = field()
    g[WORST][0, 1] = bad
    with pytest.raises(MetricError, match="not finite") as error:
        check_metric(g, POINTS)
    assert error.value.point == AT


def test_not_symmetric():
    g = field()
    g[1, 1, 0, 1] += 1e-6
    g[WORST][0, 1] += 1e-3
    with pytest.raises(MetricError, match="symmetric") as error:
        check_metric(g, POINTS)
    assert error.value.point == AT
    assert error.value.asymmetry == pytest.approx(1e-3)


def test_indefinite():
    g = field()
    g[1, 1] = [[1, 0], [0, -0.1]]
    g[WORST] = [[1, 2], [2, 1]]  # eigenvalues 3, -1
    with pytest.raises(MetricError, match="indefinite") as error:
        check_metric(g, POINTS)
    assert error.value.point == AT
    assert error.value.eigenvalue == pytest.approx(-1)
    assert f"({AT[0]:.4f}, {AT[1]:.4f})" in str(error.value)


def test_negative_definite():
    with pytest.raises(MetricError) as error:
        check_metric(-field(), POINTS)
    assert error.value.eigenvalue < 0


def test_singular():
    g = field()
    g[WORST] = [[4, 2], [2, 1]]
    with pytest.raises(MetricError, match="singular") as error:
        check_metric(g, POINTS, "metric `mine`")
    assert error.value.point == AT
    assert error.value.eigenvalue == pytest.approx(0, abs=1e-12)
    assert "metric `mine`" in str(error.value)


def test_zero_is_singular():
    with pytest.raises(MetricError, match="singular"):
        check_metric(np.zeros((*TORUS.shape, 2, 2)), POINTS)
