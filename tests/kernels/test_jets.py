"""Derivatives of kernels by both points: generated code against JAX and against differences at 60 digits."""

import itertools
import math
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from geomflow.core.errors import ArgumentError, PrecisionError
from geomflow.kernels.base import Kernel
from geomflow.kernels.fully_connected import FullyConnected
from geomflow.kernels.gaussian import CosNetFullKernel, GaussianKernel
from geomflow.kernels.jets import kernel_jet, profile_orders

X = jnp.array([[0.5, -0.2], [1.1, 0.4], [0.0, 0.0]])
Y = jnp.array([[0.5, -0.2], [-0.3, 0.8]])


def erf_reference(x, y, sigma_w, sigma_b):
    """The NTK of erf with one hidden layer, at any number of digits."""
    w, b = mpmath.mpf(sigma_w) ** 2, mpmath.mpf(sigma_b) ** 2
    p, q, c = (w * mpmath.fdot(u, v) / len(x) + b for u, v in ((x, x), (y, y), (x, y)))
    square = (1 + 2 * p) * (1 + 2 * q)
    value = 2 / mpmath.pi * mpmath.asin(2 * c / mpmath.sqrt(square))
    return w * c * 4 / mpmath.pi / mpmath.sqrt(square - 4 * c**2) + w * value + b


def difference(function, x, y, indices):
    """Central differences of step 1e-12 at 60 digits: `indices` are (side, axis)."""
    step = mpmath.mpf(10) ** -12
    total = mpmath.mpf(0)
    for signs in itertools.product((1, -1), repeat=len(indices)):
        points = [[mpmath.mpf(float(v)) for v in x], [mpmath.mpf(float(v)) for v in y]]
        for sign, (side, axis) in zip(signs, indices):
            points[side][axis] += sign * step
        total += mpmath.fprod(signs) * function(*points)
    return total / (2 * step) ** len(indices)


def test_generated_derivatives_against_differences():
    kernel = FullyConnected("erf", 1, 1.3, 0.4)
    jet = kernel_jet(kernel, X, Y)
    with mpmath.workdps(80):
        for a, b in itertools.product(range(3), repeat=2):
            assert jet[a][b].shape == (3, 2, *(2,) * (a + b))
            for axes in itertools.product(range(2), repeat=a + b):
                indices = [(int(i >= a), axis) for i, axis in enumerate(axes)]
                for n, m in ((0, 0), (1, 1), (2, 1)):
                    exact = difference(lambda x, y: erf_reference(x, y, 1.3, 0.4), X[n], Y[m], indices)
                    assert abs(float(jet[a][b][(n, m, *axes)]) - exact) < 1e-13 * (1 + abs(exact))


@eqx.filter_jit
def nested(kernel, x, y, orders=(2, 1)):
    """The derivatives of orders (2, 0), and (2, 1) if wanted, by JAX, pair by pair."""
    by_x = jax.jacfwd(jax.jacfwd(kernel, 0), 0)
    wanted = (by_x, jax.jacfwd(by_x, 1))[: orders[1] + 1]
    return [jax.vmap(jax.vmap(f, (None, 0)), (0, None))(x, y) for f in wanted]


def test_deep_kernel_against_jax():
    kernel = FullyConnected(["erf", "cos"], None, (1.2, 0.9, 1.1), (0.1, 0.5, 0.2))
    assert kernel.has_profile
    jet = kernel_jet(kernel, X, Y, (2, 0))
    assert np.allclose(jet[2][0], nested(kernel, X, Y, (2, 0))[0], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("kernel", [GaussianKernel(0.7, 1.3), CosNetFullKernel(0.7, 1.3)])
def test_gaussian_kernels_against_jax(kernel):
    assert kernel.has_profile
    jet = kernel_jet(kernel, X, Y)
    for found, exact in zip((jet[2][0], jet[2][1]), nested(kernel, X, Y)):
        assert np.allclose(found, exact, rtol=1e-12, atol=1e-12)
    assert np.allclose(jet[0][0], kernel.matrix(X, Y), rtol=1e-13)
    mirrored = kernel_jet(kernel, Y, X)[2][2]
    assert np.allclose(jet[2][2], np.transpose(mirrored, (1, 0, 4, 5, 2, 3)), rtol=1e-12, atol=1e-12)


def test_other_kernels_are_differentiated_by_jax():
    kernel = FullyConnected("rectified-power-2", 1, 1.3, 0.4, of="nngp")
    assert not kernel.has_profile
    jet = kernel_jet(kernel, X, Y, (1, 1))
    x, y, step = X[1], Y[1], 1e-4
    axes = np.eye(2)
    value = eqx.filter_jit(kernel)
    for i, j in itertools.product(range(2), repeat=2):
        total = 0.0
        for s, t in itertools.product((1, -1), repeat=2):
            total += s * t * value(x + s * step * axes[i], y + t * step * axes[j])
        assert abs(jet[1][1][1, 1, i, j] - total / (2 * step) ** 2) < 1e-6
        assert np.isfinite(jet[1][1]).all()


def test_jets_of_a_kernel_and_of_its_mirror():
    jet = kernel_jet(FullyConnected("erf", 1, 1.3, 0.4), X, None, (2, 2))
    assert np.allclose(jet[2][1], np.transpose(jet[1][2], (1, 0, 3, 4, 2)), rtol=1e-12, atol=1e-14)


class Lopsided(Kernel):
    """No kernel of a network, but it tells the axes of its derivatives apart."""

    derivatives: ClassVar[float] = math.inf

    def __call__(self, x, y):
        return x[0] ** 2 * y[1]


def test_indices_of_x_come_first():
    jet = kernel_jet(Lopsided(), X, Y, (2, 1))
    exact = np.zeros((3, 2, 2, 2))
    exact[:, :, 0, 1] = 2 * X[:, :1]
    assert np.allclose(jet[1][1], exact)
    assert np.allclose(jet[2][1][:, :, 0, 0, 1], 2.0)
    assert np.count_nonzero(jet[2][1]) == 6


def test_what_is_not_finite_is_refused():
    kernel = FullyConnected("rectified-power-2", 1, 1.3, 0.4)
    with pytest.raises(ArgumentError, match="not finite") as caught:
        kernel_jet(kernel, X, Y, (1, 1))
    assert caught.value.points == (0, 0)
    assert np.isfinite(kernel_jet(kernel, X + 0.05, Y, (1, 1))[1][1]).all()  # of one shape: compiled once


def test_orders_of_the_profile():
    assert len(profile_orders((2, 2))) == 27
    assert profile_orders((1, 0)) == [(0, 0, 0), (0, 0, 1), (1, 0, 0)]


@pytest.mark.parametrize(("name", "order"), [("relu", 1), ("sign", 1), ("rectified-power-2", 2), ("abs", 2)])
def test_kinks_are_refused(name, order):
    with pytest.raises(ArgumentError, match="kink or a jump") as caught:
        kernel_jet(FullyConnected(name, 2), X, Y, (order, 0))
    assert caught.value.order == order > caught.value.derivatives


def test_bad_input():
    kernel = FullyConnected("erf", 1)
    with pytest.raises(ArgumentError, match="0, 1 and 2"):
        kernel_jet(kernel, X, Y, (3, 0))
    with pytest.raises(PrecisionError):
        kernel_jet(kernel, X.astype("float32"))
