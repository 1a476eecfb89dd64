import jax
import jax.numpy as jnp
import numpy as np

from geomflow.kernels.embedded import Embedded, embed_angles
from geomflow.kernels.gaussian import GaussianKernel
from geomflow.networks.embedded import EmbeddedNetwork


def test_points_lie_on_circles_in_the_order_cos_sin():
    z = jnp.array([[0.3, 1.1], [2.0, -0.7]])
    x = np.asarray(embed_angles(z, 1.5))
    expected = 1.5 * np.array([[np.cos(a), np.sin(a), np.cos(b), np.sin(b)] for a, b in np.asarray(z)])
    np.testing.assert_allclose(x, expected, rtol=1e-15)


def test_the_kernel_is_periodic_and_that_of_the_embedded_points():
    kernel, z = Embedded(GaussianKernel(0.7), 2.0), jnp.array([[0.3, 1.1], [2.0, -0.7], [0.0, 0.0]])
    matrix = np.asarray(kernel.matrix(z))
    x = np.asarray(embed_angles(z, 2.0))
    square = np.sum((x[:, None] - x[None]) ** 2, axis=-1)
    np.testing.assert_allclose(matrix, np.exp(-square / (2 * 0.49)), rtol=1e-13)
    np.testing.assert_allclose(np.asarray(kernel.matrix(z + 2 * jnp.pi, z)), matrix, rtol=1e-12)
    np.testing.assert_allclose(float(kernel(z[0], z[1])), matrix[0, 1], rtol=1e-14)
    assert kernel.derivatives == GaussianKernel(0.7).derivatives


def test_a_network_sees_the_same_points():
    network = EmbeddedNetwork(lambda x: x, 2.0)
    z = jnp.array([0.4, -2.0])
    np.testing.assert_array_equal(np.asarray(jax.jit(network)(z)), np.asarray(embed_angles(z, 2.0)))
