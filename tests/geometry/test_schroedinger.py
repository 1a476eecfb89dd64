"""The lowest eigenpair against a dense eigenvalue problem on the same band-limited functions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.core.errors import ArgumentError
from geomflow.geometry.packed import pack, unpack
from geomflow.geometry.schroedinger import lowest_eigenpair
from geomflow.geometry.torus import Torus

TORUS = Torus(2, 12)


def coefficients(torus=TORUS, depth=0.5):
    """Generic smooth positive a^ij and w, and a potential that changes sign."""
    x, y = torus.points[:2]
    full = jnp.stack(
        [
            jnp.stack([1.2 + 0.3 * jnp.cos(x), 0.2 * jnp.sin(x + y)], -1),
            jnp.stack([0.2 * jnp.sin(x + y), 0.8 + 0.2 * jnp.sin(y)], -1),
        ],
        -2,
    )
    return pack(full), depth * (jnp.cos(x) + jnp.sin(2 * y) - 0.2), 1 + 0.4 * jnp.cos(x - y)


def dense(torus, conductivity, potential, weight):
    """Stiffness and mass as matrices on an orthonormal basis of the 2/3-rule modes; all eigenvalues."""
    count = int(np.prod(torus.shape))
    project = np.asarray(jax.vmap(torus.dealias)(jnp.eye(count).reshape(count, *torus.shape))).reshape(count, count)
    values, vectors = np.linalg.eigh(0.5 * (project + project.T))
    basis = jnp.asarray(vectors[:, values > 0.5].T).reshape(-1, *torus.shape)
    flux = jnp.einsum("...ij,bj...->bi...", unpack(conductivity), torus.gradient(basis))
    applied = potential * basis - 4 * torus.divergence(flux)
    flat = np.asarray(basis).reshape(basis.shape[0], -1)
    stiffness = flat @ np.asarray(applied).reshape(flat.shape).T
    mass = flat @ np.asarray(weight * basis).reshape(flat.shape).T
    half = np.linalg.inv(np.linalg.cholesky(mass))
    values, vectors = np.linalg.eigh(half @ stiffness @ half.T)
    return values, ((half.T @ vectors[:, 0]) @ flat).reshape(torus.shape)


@pytest.mark.parametrize("depth", [0.0, 0.5, 3.0, 5.0, 20.0])
def test_against_dense_matrices(depth):
    data = coefficients(depth=depth)
    values, vector = dense(TORUS, *data)
    pair = lowest_eigenpair(TORUS, *data)
    assert float(pair.value) == pytest.approx(values[0], rel=1e-11, abs=1e-12)
    np.testing.assert_allclose(pair.function, vector * np.sign(vector.sum()), atol=1e-10)


def test_normalised_positive_and_converged():
    conductivity, potential, weight = coefficients()
    pair = lowest_eigenpair(TORUS, conductivity, potential, weight)
    assert float(jnp.sum(weight * pair.function**2)) == pytest.approx(1, rel=1e-12)
    assert float(jnp.min(pair.function)) > 0
    assert float(pair.residual) < 1e-11


def test_constant_potential_shifts_the_eigenvalue():
    conductivity, potential, weight = coefficients()
    zero, shifted = (
        lowest_eigenpair(TORUS, conductivity, potential, weight),
        lowest_eigenpair(TORUS, conductivity, potential + weight, weight),
    )
    assert float(shifted.value - zero.value) == pytest.approx(1, rel=1e-10)


def test_without_potential_it_is_constant():
    conductivity, _, weight = coefficients()
    pair = lowest_eigenpair(TORUS, conductivity, jnp.zeros(TORUS.shape), weight)
    assert float(pair.value) == pytest.approx(0, abs=1e-13)
    np.testing.assert_allclose(pair.function, jnp.sum(weight) ** -0.5, rtol=1e-12)


@pytest.mark.parametrize("factor", [0.25, 4.0])
def test_scale_of_the_weight(factor):
    """λ(w) and u(w) scale like 1/w and 1/√w."""
    conductivity, potential, weight = coefficients()
    one = lowest_eigenpair(TORUS, conductivity, potential, weight)
    other = lowest_eigenpair(TORUS, conductivity, potential, factor * weight)
    assert float(other.value) == pytest.approx(float(one.value) / factor, rel=1e-10)
    np.testing.assert_allclose(other.function, one.function / np.sqrt(factor), rtol=1e-9)


def test_three_dimensions():
    torus = Torus(3, 8)
    x, y, z = torus.points
    one = jnp.ones(torus.shape)
    conductivity = jnp.stack([one, 0.2 * jnp.sin(z), 0 * one, 1.3 * one, 0.1 * jnp.cos(x), 0.9 + 0.2 * jnp.cos(y)])
    data = conductivity, jnp.cos(x) * jnp.sin(y), 1 + 0.2 * jnp.sin(z)
    pair = lowest_eigenpair(torus, *data)
    assert float(pair.value) == pytest.approx(dense(torus, *data)[0][0], rel=1e-11)


def test_a_derivative_is_refused_and_not_wrong():
    conductivity, potential, weight = coefficients()
    with pytest.raises(ArgumentError, match="finite differences"):
        jax.jvp(lambda v: lowest_eigenpair(TORUS, conductivity, v, weight).value, (potential,), (weight,))
