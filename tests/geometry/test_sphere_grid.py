r"""Spherical harmonics: orthonormal to the last places, exact Laplacian and quadrature, no aliasing of products."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import sph_harm_y

from geomflow.core.errors import GridError
from geomflow.geometry.sphere import SphereGrid

GRID = SphereGrid(16)


def random_modes(grid, degree, seed=0):
    generator = np.random.default_rng(seed)
    size = grid.degree + 1
    modes = generator.normal(size=(size, size)) + 1j * generator.normal(size=(size, size))
    modes[0] = modes[0].real
    order, l = np.meshgrid(range(size), range(size), indexing="ij")
    return jnp.asarray(np.where((order <= l) & (l <= degree), modes, 0))


def test_modes_are_the_coefficients_of_the_spherical_harmonics():
    theta, phi = GRID.angles
    for l, m in ((0, 0), (1, 0), (1, 1), (5, 2), (16, 0), (16, 15), (16, 16)):
        modes = np.zeros((17, 17), dtype=complex)
        modes[m, l] = 0.3 - (0.2j if m else 0)
        harmonic = modes[m, l] * sph_harm_y(l, m, theta, phi)
        wanted = harmonic.real * (2 if m else 1)
        np.testing.assert_allclose(GRID.inverse(jnp.asarray(modes)), wanted, atol=2e-14)


@pytest.mark.parametrize("degree", [2, 16, 63, 128])
def test_to_the_grid_and_back_is_the_identity(degree):
    grid = SphereGrid(degree)
    modes = random_modes(grid, degree)
    np.testing.assert_allclose(grid.transform(grid.inverse(modes)), modes, atol=3e-13)


def test_the_laplacian_has_the_eigenvalues_of_the_sphere():
    x, y, z = GRID.points
    for field, value in ((x, -2), (y, -2), (x * y, -6), (z**2 - 1 / 3, -6), (x**3 - 3 * x * y**2, -12)):
        np.testing.assert_allclose(GRID.laplacian(jnp.asarray(field)), value * field, atol=1e-11)


def test_the_quadrature_is_exact_up_to_three_times_the_degree_and_not_far_beyond():
    z = jnp.asarray(GRID.points[2])
    x = jnp.asarray(GRID.points[0])
    for power in (0, 2, 20, 48):
        np.testing.assert_allclose(GRID.integrate(z**power), 4 * np.pi / (power + 1), rtol=1e-13)
        np.testing.assert_allclose(GRID.integrate(x**power), 4 * np.pi / (power + 1), rtol=1e-13)
    assert abs(GRID.integrate(x**80) - 4 * np.pi / 81) > 1e-12
    assert float(GRID.integrate(x * z)) == pytest.approx(0, abs=1e-14)


def test_products_of_two_functions_are_not_aliased():
    fine = SphereGrid(33)
    modes = [random_modes(GRID, 16, seed) for seed in (1, 2)]
    wide = [jnp.zeros((34, 34), dtype=complex).at[:17, :17].set(m) for m in modes]
    coarse = GRID.transform(GRID.inverse(modes[0]) * GRID.inverse(modes[1]))
    exact = fine.transform(fine.inverse(wide[0]) * fine.inverse(wide[1]))[:17, :17]
    np.testing.assert_allclose(coarse, exact, atol=1e-11 * float(jnp.max(jnp.abs(exact))))


def test_parseval():
    modes = random_modes(GRID, 16)
    squares = jnp.abs(modes) ** 2
    norm = jnp.sum(squares[0]) + 2 * jnp.sum(squares[1:])
    np.testing.assert_allclose(GRID.integrate(GRID.inverse(modes) ** 2), norm, rtol=1e-12)


def test_the_area_is_that_of_the_unit_sphere():
    assert float(GRID.integrate(jnp.ones(GRID.shape))) == pytest.approx(4 * math.pi, rel=1e-14)


@pytest.mark.parametrize("degree", [1, 151])
def test_a_degree_it_cannot_do_is_refused(degree):
    with pytest.raises(GridError, match="degree") as refusal:
        SphereGrid(degree)
    assert refusal.value.size == degree
