import jax.numpy as jnp
import numpy as np

from geomflow.core import types


def test_aliases_accept_the_shapes_they_name_and_no_others():
    g = jnp.eye(3)
    assert isinstance(g, types.Metric)
    assert isinstance(jnp.ones((5, 4, 3, 3)), types.Metric)
    assert not isinstance(jnp.ones((2, 3)), types.Metric)
    assert not isinstance(jnp.eye(3, dtype=int), types.Metric)
    assert isinstance(jnp.ones((3, 3, 3)), types.MetricJet1)
    assert not isinstance(jnp.ones((3, 3, 2)), types.MetricJet1)
    assert isinstance(jnp.ones((7, 2, 2, 2, 2)), types.MetricJet2)
    assert isinstance(jnp.float64(1.0), types.ScalarField)
    assert isinstance(jnp.eye(2, dtype=complex), types.HermitianMetric)


def test_derivative_indices_come_last_as_jacfwd_gives_them():
    import jax

    def g(x):
        return jnp.array([[1.0 + x[0] ** 2, x[0] * x[1]], [x[0] * x[1], 2.0]])

    x = jnp.array([0.3, 0.7])
    dg, ddg = jax.jacfwd(g)(x), jax.jacfwd(jax.jacfwd(g))(x)
    np.testing.assert_allclose(dg[0, 1], [0.7, 0.3])  # the gradient of x y
    np.testing.assert_allclose(ddg[0, 0], [[2.0, 0.0], [0.0, 0.0]])
