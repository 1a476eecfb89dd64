"""What a generated tensor is called with: lists, whole numbers, no points, wrong shapes, functions of wrong kinds."""

import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.codegen.generated import generate
from geomflow.core.errors import ArgumentError, MetricError, PrecisionError
from geomflow.metrics import SPACES
from geomflow.symbolic import Chart, line_element


def _conformal(text="exp(2*u)*(dx^2 + dy^2)"):
    return generate(line_element(Chart("x y", functions={"u": "x"}), text), "scalar")


def test_lists_whole_numbers_and_no_points_are_points():
    kretschmann = generate(SPACES["schwarzschild"].metric, "kretschmann")
    assert kretschmann([[0, 2, 1, 0], [0, 1, 1, 0]], M=[1, 2]).tolist() == [0.75, 192.0]
    assert kretschmann(np.ones((2, 0, 4)), M=1).shape == (2, 0)
    assert _conformal()(np.ones((0, 2)), u=jnp.sin).shape == (0,)
    assert generate(SPACES["schwarzschild"].metric, "riemann")(np.ones((0, 4)), M=1).shape == (0, 4, 4, 4, 4)
    assert kretschmann.single(np.ones((0, 4)), M=1)[1] == 0


def test_points_in_single_precision_and_points_that_are_none_are_refused():
    kretschmann = generate(SPACES["schwarzschild"].metric, "kretschmann")
    with pytest.raises(PrecisionError, match="float32"):
        kretschmann(np.ones((2, 4), np.float32), M=1.0)
    with pytest.raises(ArgumentError, match="array of numbers"):
        kretschmann(np.array([[0, 3, 1, None]]), M=1.0)
    flat = generate(line_element(Chart("x y"), "dx^2 + dy^2"), "ricci")
    with pytest.raises(MetricError, match="at 1 of 2 points"):
        flat([[0.0, 1.0], [np.nan, 0.0]])
    with pytest.raises(MetricError, match="not finite"):
        kretschmann.single(np.array([[0.0, np.nan, 1.0, 0.0], [0.0, 3.0, 1.0, 0.0]]), M=1.0)
    with pytest.raises(PrecisionError, match="relative error"):  # r^6 is too large for float32
        kretschmann.single(np.array([[0.0, 1e10, 1.0, 0.0]]), M=1.0)


def test_the_bad_point_is_named_where_constants_have_more_batch_axes():
    scalar = generate(SPACES["schwarzschild"].metric, "christoffel")
    points = np.array([[0.0, 2.0, 1.0, 0.0], [0.0, 6.0, 1.0, 0.0]])
    with pytest.raises(MetricError, match="at 1 of 4 points") as error:
        scalar(points, M=np.array([[0.5], [3.0]]))  # the horizons are at r = 1 and r = 6
    assert error.value.point == (0.0, 6.0, 1.0, 0.0)


def test_values_of_a_wrong_shape_are_named():
    kretschmann = generate(SPACES["schwarzschild"].metric, "kretschmann")
    points = np.array([[0.0, 2.0, 1.0, 0.0]] * 2)
    assert kretschmann(points, M=np.ones((3, 1))).shape == (3, 2)
    for wrong in (np.ones(3), "1", None):
        with pytest.raises(ArgumentError, match="`M` must be a number"):
            kretschmann(points, M=wrong)
    for wrong in (1.0, np.ones(2), np.ones((2, 3))):
        with pytest.raises(ArgumentError, match="`u` must be a callable or the 3 entries"):
            _conformal()(np.ones((2, 2)), u=wrong)
    with pytest.raises(ArgumentError, match=r"`\.metric`"):
        generate(SPACES["schwarzschild"], "ricci")


def test_unknown_functions_may_be_constant_and_must_be_of_jax():
    point = np.array([0.3, 0.2])
    assert _conformal()(point, u=lambda x: 1) == 0
    assert _conformal()(point, u=lambda x: jnp.array([x**2])) == pytest.approx(-4 * np.exp(-0.18), rel=1e-14)
    for wrong in (np.sin, lambda x: x if x > 0 else -x):
        with pytest.raises(ArgumentError, match=r"jax\.numpy"):
            _conformal()(point, u=wrong)
    with pytest.raises(ArgumentError, match="one number"):
        _conformal()(point, u=lambda x: jnp.array([x, x]))
