"""Finite differences: exact weights, measured orders, discrete identities; products by the 3/2 rule."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp

from geomflow.core.errors import ArgumentError, GridError
from geomflow.flows.torus.deturck import DeTurckFlow
from geomflow.geometry.dealiasing import product
from geomflow.geometry.differences import ORDERS, DifferenceTorus, centred_weights
from geomflow.geometry.torus import Torus
from geomflow.metrics import METRICS
from geomflow.symbolic.jets import pairs


def rational(*texts):
    return tuple(sp.Rational(t) for t in texts)


def test_weights_that_everybody_knows():
    assert centred_weights(1, 2) == rational("-1/2", "0", "1/2")
    assert centred_weights(2, 2) == rational("1", "-2", "1")
    assert centred_weights(1, 4) == rational("1/12", "-2/3", "0", "2/3", "-1/12")
    assert centred_weights(2, 4) == rational("-1/12", "4/3", "-5/2", "4/3", "-1/12")
    assert centred_weights(2, 8)[4] == sp.Rational(-205, 72)
    assert centred_weights(3, 2) == rational("-1/2", "1", "0", "-1", "1/2")


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("derivative", [1, 2, 3, 4])
def test_weights_are_exact_on_polynomials_and_no_further(derivative, order):
    weights = centred_weights(derivative, order)
    width = len(weights) // 2

    def applied(power):
        return sum(c * sp.Integer(j) ** power for c, j in zip(weights, range(-width, width + 1)))

    for power in range(derivative + order):
        assert applied(power) == (sp.factorial(derivative) if power == derivative else 0)
    assert applied(derivative + order) != 0


def waves(points):
    """u(x) u(y) with u = exp(sin): its values, ∂ and ∂∂ (packed), in closed form."""
    u = [jnp.exp(jnp.sin(x)) for x in points]
    du = [jnp.cos(x) * v for x, v in zip(points, u)]
    ddu = [(jnp.cos(x) ** 2 - jnp.sin(x)) * v for x, v in zip(points, u)]
    orders = (u, du, ddu)

    def derivative(*along):
        return jnp.prod(jnp.stack([orders[along.count(i)][i] for i in range(len(points))]), axis=0)

    dim = len(points)
    first = jnp.stack([derivative(i) for i in range(dim)])
    return derivative(), first, jnp.stack([derivative(i, j) for i, j in pairs(dim)])


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("dim", [1, 2])
def test_measured_orders(dim, order):
    """Doubling the grid divides the error of every first and second derivative by 2^order."""
    errors = []
    for size in (32, 64):
        torus = DifferenceTorus(dim, size, order)
        value, *exact = waves(torus.points)
        errors.append([float(torus.norm(a - b)) for f, e in zip(torus.jets(value), exact) for a, b in zip(f, e)])
    np.testing.assert_allclose(np.log2(np.array(errors[0]) / np.array(errors[1])), order, atol=0.4)


def test_the_mixed_derivative_in_three_dimensions_is_where_pairs_says():
    torus = DifferenceTorus(3, 16, 8)
    x, y, z = torus.points
    first, second = torus.jets(jnp.stack([jnp.sin(x) * jnp.cos(y), jnp.sin(y) * jnp.sin(z)]))
    assert first.shape == (2, 3, *torus.shape)
    assert second.shape == (2, 6, *torus.shape)
    index = {pair: p for p, pair in enumerate(pairs(3))}
    # a difference multiplies a mode of wave number one by a constant near 1
    np.testing.assert_allclose(second[0, index[0, 1]], -jnp.cos(x) * jnp.sin(y), atol=1e-4)
    np.testing.assert_allclose(second[1, index[1, 2]], jnp.cos(y) * jnp.cos(z), atol=1e-4)
    np.testing.assert_allclose(second[0, index[1, 1]], -jnp.sin(x) * jnp.cos(y), atol=1e-4)
    np.testing.assert_allclose(second[0, index[1, 2]], 0, atol=1e-13)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_discrete_identities(dim):
    """The divergence is minus the adjoint of the gradient, the Laplacian the trace of the jets; roughest fields."""
    torus = DifferenceTorus(dim, 10, 6)
    rng = np.random.default_rng(dim)
    f, v = jnp.asarray(rng.normal(size=torus.shape)), jnp.asarray(rng.normal(size=(dim, *torus.shape)))
    assert float(jnp.sum(f * torus.divergence(v))) == pytest.approx(-float(jnp.sum(torus.gradient(f) * v)), rel=1e-11)
    first, second = torus.jets(f)
    np.testing.assert_allclose(torus.gradient(f), first, atol=1e-12)
    diagonal = jnp.asarray([i == j for i, j in pairs(dim)], float)
    np.testing.assert_allclose(torus.flat_laplacian(f), jnp.tensordot(diagonal, second, 1), atol=1e-10)
    jitted = jax.jit(torus.jets)(f)
    for a, b in zip(jitted, (first, second)):
        np.testing.assert_allclose(a, b, atol=1e-11)


@pytest.mark.parametrize("order", [2, 6])
def test_a_flow_takes_it_in_place_of_the_spectral_torus(order):
    """The velocity of Ricci-DeTurck flow converges to the spectral one at the order of the differences."""
    errors = []
    for size in (16, 32):
        spectral, local = Torus(2, size), DifferenceTorus(2, size, order)
        g, _ = METRICS["generic-t2"].sample(spectral)
        expected = DeTurckFlow(spectral)(0.0, g)
        errors.append(float(spectral.norm(DeTurckFlow(local)(0.0, g) - expected)))
    assert errors[0] > 1e-6
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.4)


def test_a_flow_runs_on_differences():
    torus = DifferenceTorus(2, 16, 6)
    g, _ = METRICS["generic-t2"].sample(torus)
    here = DeTurckFlow(torus).run(g, 0.05)
    there = DeTurckFlow(Torus(2, 16)).run(g, 0.05)
    assert here.completed
    change = float(torus.norm(there.last - g))
    assert 0 < float(torus.norm(here.last - there.last)) < 0.05 * change


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ((2, 16, 3), ArgumentError, "one of"),
        ((2, 16, 10), ArgumentError, "one of"),
        ((2, 8, 8), GridError, "Try size 10"),
        ((2, 9, 2), GridError, "even"),
    ],
)
def test_bad_grids(arguments, error, sentence):
    with pytest.raises(error, match=sentence):
        DifferenceTorus(*arguments)


@pytest.mark.parametrize(("derivative", "order"), [(0, 2), (1, 3), (1, 0)])
def test_bad_stencils(derivative, order):
    with pytest.raises(ArgumentError, match="Try order 4"):
        centred_weights(derivative, order)


# -- the 3/2 rule -----------------------------------------------------------------------------------------------------


def full_spectrum(torus, rng, highest):
    """A random real field with every mode |k_i| <= highest."""
    field = jnp.asarray(rng.normal(size=torus.shape))
    return torus.multiply(field, np.all(np.abs(torus.wave_numbers) <= highest, axis=0))


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_product_is_the_projection_of_the_exact_product(dim):
    """On a grid of twice the size the product has no aliasing at all; its low modes are the truth."""
    size = 12 if dim == 3 else 16
    torus, double = Torus(dim, size), Torus(dim, 2 * size)
    rng = np.random.default_rng(dim)
    a, b = (full_spectrum(torus, rng, size // 2 - 1) for _ in range(2))
    fine_a, fine_b = (torus.evaluate(f, double.points) for f in (a, b))
    low = np.all(np.abs(double.wave_numbers) < size // 2, axis=0)
    expected = double.multiply(fine_a * fine_b, low)[(slice(None, None, 2),) * dim]
    np.testing.assert_allclose(product(torus, a, b), expected, atol=1e-12)
    naive = torus.multiply(a * b, 1)
    assert float(torus.norm(naive - expected)) > 1e-2 * float(torus.norm(expected))  # without padding it is wrong


def test_product_of_batches_and_under_jit():
    torus = Torus(2, 16)
    rng = np.random.default_rng(0)
    a, b = jnp.asarray(rng.normal(size=(3, *torus.shape))), jnp.asarray(rng.normal(size=torus.shape))
    found = product(torus, a, b)
    assert found.shape == (3, *torus.shape)
    np.testing.assert_allclose(found[1], product(torus, a[1], b), atol=1e-13)
    np.testing.assert_allclose(jax.jit(lambda u, v: product(torus, u, v))(a, b), found, atol=1e-12)
    np.testing.assert_allclose(product(torus, jnp.ones(torus.shape), b), torus.multiply(b, 1), atol=1e-13)


def test_product_refuses_a_grid_it_cannot_enlarge():
    with pytest.raises(ArgumentError, match="Try 16"):
        product(Torus(1, 14), jnp.ones(14), jnp.ones(14))


def test_a_field_of_another_grid_is_refused():
    grid = DifferenceTorus(2, 16)
    for wrong in (np.ones((8, 8)), np.ones(16), np.ones((16, 8))):
        with pytest.raises(GridError, match=r"grid \(16, 16\)"):
            grid.difference(wrong, 0)
    with pytest.raises(GridError):
        grid.gradient(np.ones((3, 8, 8)))
