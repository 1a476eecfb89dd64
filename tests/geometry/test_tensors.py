"""Generated curvature of black-box metrics against automatic differentiation, which shares no formula with it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.core.errors import CatalogueError
from geomflow.geometry import autodiff
from geomflow.geometry.autodiff import batched
from geomflow.geometry.tensors import tensor


def ricci_squared(metric, x):
    raised = jnp.linalg.solve(metric(x), autodiff.ricci(metric, x))
    return jnp.sum(raised * raised.T)


WEIGHTS = [np.random.default_rng(k).normal(size=s) / 2 for k, s in enumerate([(8, 3), (8, 8), (6, 8)])]


def network(x):
    """A small tanh network that returns a symmetric matrix near diag(2, -2, 2): any signature will do."""
    y = jnp.asarray(x)
    for w in WEIGHTS[:-1]:
        y = jnp.tanh(w @ y)
    y = WEIGHTS[-1] @ y
    a = jnp.zeros((3, 3)).at[np.triu_indices(3)].set(y)
    return jnp.diag(jnp.asarray([2.0, -2.0, 2.0])) + (a + a.T) / 4


POINTS = np.random.default_rng(5).normal(size=(4, 3))
SAME = {
    "metric": lambda metric, x: metric(x),
    "inverse": lambda metric, x: jnp.linalg.inv(metric(x)),
    "ricci": autodiff.ricci,
    "ricci-squared": ricci_squared,
    "riemann": autodiff.riemann_lowered,
    "christoffel": autodiff.christoffel,
    "scalar": autodiff.scalar_curvature,
    "einstein": autodiff.einstein,
    "kretschmann": autodiff.kretschmann,
    "volume": autodiff.volume_density,
}


@pytest.mark.parametrize("quantity", SAME)
def test_generated_is_differentiated(quantity):
    found = batched(tensor(quantity), network)(POINTS)
    truth = jax.jit(jax.vmap(lambda x: SAME[quantity](network, x)))(POINTS)
    np.testing.assert_allclose(found, truth, rtol=1e-11, atol=1e-12 * float(np.max(np.abs(truth))))


def test_in_dimension_four_there_is_a_weyl_tensor():
    """And components with four different indices, of which the cyclic identity gives every third."""

    def metric(x):
        return jnp.diag(jnp.asarray([2.0, -2.0, 2.0, 3.0])) + jnp.sin(jnp.outer(x, x) + x[:, None] + x[None, :]) / 2

    points = np.random.default_rng(6).normal(size=(3, 4))
    found = batched(tensor("weyl"), metric)(points)
    truth = jax.jit(jax.vmap(lambda x: autodiff.weyl(metric, x)))(points)
    np.testing.assert_allclose(found, truth, rtol=0, atol=1e-12 * float(np.max(np.abs(truth))))


def test_one_function_for_one_quantity():
    assert tensor("ricci") is tensor("ricci")
    assert tensor("ricci-squared").__name__ == "ricci_squared"
    with pytest.raises(CatalogueError):
        tensor("rici")


def test_gradient_through_a_networks_curvature():
    """What a loss that penalises curvature needs: the derivative of R by the weights."""

    def loss(scale):
        return tensor("scalar")(lambda x: network(x) * (1 + scale * x[0] ** 2), jnp.asarray(POINTS[0]))

    step = 1e-5
    difference = (loss(0.3 + step) - loss(0.3 - step)) / (2 * step)
    assert jax.grad(loss)(0.3) == pytest.approx(float(difference), rel=1e-7)


def test_a_point_may_be_a_list_and_a_line_is_flat():
    sphere = lambda x: jnp.diag(jnp.stack([1.0, jnp.sin(x[0]) ** 2]))  # noqa: E731
    assert float(tensor("scalar")(sphere, [1.0, 0.0])) == pytest.approx(2)
    line = tensor("riemann")(lambda x: jnp.eye(1) * (1 + x[0] ** 2), [1.0])
    assert line.shape == (1, 1, 1, 1)
    assert not line.any()
