import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.geometry.packed import dimension, multiplicities, pack, unpack


def symmetric(n, *batch):
    a = np.random.default_rng(n).normal(size=(*batch, n, n))
    return jnp.asarray(a + np.swapaxes(a, -1, -2))


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("batch", [(), (5,), (3, 4)], ids=str)
def test_pack_and_unpack_are_inverse(n, batch):
    full = symmetric(n, *batch)
    packed = pack(full)
    assert packed.shape == (n * (n + 1) // 2, *batch)
    assert dimension(packed) == n
    np.testing.assert_array_equal(unpack(packed), full)
    np.testing.assert_array_equal(pack(unpack(packed)), packed)


def test_order_is_row_by_row():
    full = jnp.asarray([[11.0, 12, 13], [12, 22, 23], [13, 23, 33]])
    np.testing.assert_array_equal(pack(full), [11, 12, 13, 22, 23, 33])


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_multiplicities_give_the_frobenius_product(n):
    a, b = symmetric(n), symmetric(n, 2)[1]
    assert float(jnp.sum(multiplicities(n) * pack(a) * pack(b))) == pytest.approx(float(jnp.sum(a * b)), rel=1e-13)
    assert multiplicities(n).sum() == n * n
