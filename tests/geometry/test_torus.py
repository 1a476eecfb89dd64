"""The spectral torus on trigonometric polynomials, where every operation has a closed form."""

import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp

from geomflow.core.errors import ArgumentError, GridError
from geomflow.geometry.torus import Torus
from geomflow.symbolic.jets import pairs

DIMENSIONS = [1, 2, 3]
SIZE = 12  # carries |k| < 6


def trigonometric(dim, seed=0, highest=5):
    """A random real trigonometric polynomial, as a SymPy expression and its coordinates."""
    rng = np.random.default_rng(seed)
    x = sp.symbols(f"x0:{dim}")
    expr = sp.Float(rng.normal())
    for _ in range(6):
        k = rng.integers(-highest, highest + 1, dim)
        phase = sum(int(a) * b for a, b in zip(k, x))
        expr += rng.normal() * sp.cos(phase) + rng.normal() * sp.sin(phase)
    return x, expr


def sampled(x, expr, points):
    return np.broadcast_to(sp.lambdify(x, expr, "numpy")(*np.asarray(points)), points.shape[1:])


def random_field(torus, *batch, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=(*batch, *torus.shape)))


@pytest.mark.parametrize("dim", DIMENSIONS)
def test_jets_gradient_and_laplacian_are_exact(dim):
    torus = Torus(dim, SIZE)
    x, f = trigonometric(dim)
    _, g = trigonometric(dim, seed=1)
    fields = jnp.stack([jnp.asarray(sampled(x, e, torus.points)) for e in (f, g)])
    first, second = torus.jets(fields)
    assert first.shape == (2, dim, *torus.shape)
    assert second.shape == (2, len(pairs(dim)), *torus.shape)
    for c, e in enumerate((f, g)):
        for k in range(dim):
            np.testing.assert_allclose(first[c, k], sampled(x, sp.diff(e, x[k]), torus.points), atol=1e-12)
        for p, (k, l) in enumerate(pairs(dim)):
            np.testing.assert_allclose(second[c, p], sampled(x, sp.diff(e, x[k], x[l]), torus.points), atol=1e-11)
    np.testing.assert_allclose(torus.gradient(fields), first, atol=1e-13)
    laplacian = sum(sp.diff(f, y, 2) for y in x)
    np.testing.assert_allclose(torus.flat_laplacian(fields)[0], sampled(x, laplacian, torus.points), atol=1e-11)


@pytest.mark.parametrize("dim", DIMENSIONS)
def test_divergence(dim):
    torus = Torus(dim, SIZE)
    exprs = [trigonometric(dim, seed=s) for s in range(dim)]
    x = exprs[0][0]
    vector = jnp.stack([jnp.asarray(sampled(x, e, torus.points)) for _, e in exprs])
    truth = sampled(x, sum(sp.diff(e, y) for (_, e), y in zip(exprs, x)), torus.points)
    np.testing.assert_allclose(torus.divergence(vector), truth, atol=1e-12)


@pytest.mark.parametrize("dim", DIMENSIONS)
def test_divergence_is_minus_the_adjoint_of_the_gradient(dim):
    """On rough fields as well, Nyquist modes included: the discrete Laplacian is symmetric to rounding."""
    torus = Torus(dim, SIZE)
    f, v = random_field(torus, 2), random_field(torus, 2, dim, seed=1)
    left = jnp.sum(f * torus.divergence(v), axis=torus.axes)
    right = jnp.sum(v * torus.gradient(f), axis=(1, *torus.axes))
    np.testing.assert_allclose(left, -right, rtol=1e-12)
    np.testing.assert_allclose(torus.divergence(torus.gradient(f)), torus.flat_laplacian(f), atol=1e-10)


@pytest.mark.parametrize("dim", DIMENSIONS)
def test_nyquist_is_projected_out(dim):
    torus = Torus(dim, SIZE)
    nyquist, smooth = jnp.cos(SIZE // 2 * torus.points), jnp.cos(torus.points[0])  # one in each direction
    ones = np.ones(torus.wave_numbers.shape[1:])
    np.testing.assert_allclose(torus.multiply(nyquist + smooth, ones), jnp.stack([smooth] * dim), atol=1e-13)
    for zero in (torus.gradient(nyquist), *torus.jets(nyquist), torus.flat_laplacian(nyquist)):
        np.testing.assert_allclose(zero, 0, atol=1e-12)
    np.testing.assert_allclose(torus.evaluate(nyquist, torus.points), 0, atol=1e-12)
    # mixed: Nyquist in one direction only is gone too, and nothing else
    assert torus.resolved.sum() == (SIZE - 1) ** (dim - 1) * (SIZE // 2)


@pytest.mark.parametrize("dim", DIMENSIONS)
def test_dealias_keeps_what_the_two_thirds_rule_keeps(dim):
    torus = Torus(dim, SIZE)  # keeps |k| < 4
    for k in range(SIZE // 2):
        waves = jnp.sin(k * torus.points + 0.4)
        kept = waves if k < SIZE / 3 else jnp.zeros_like(waves)
        np.testing.assert_allclose(torus.dealias(waves), kept, atol=1e-13)
    f = random_field(torus, 2)
    np.testing.assert_allclose(torus.dealias(torus.dealias(f)), torus.dealias(f), atol=1e-14)


@pytest.mark.parametrize("dim", DIMENSIONS)
def test_product_of_dealiased_fields_has_no_aliasing_error(dim):
    torus, finer = Torus(dim, SIZE), Torus(dim, 2 * SIZE)
    x, f = trigonometric(dim, highest=3)
    here, there = (jnp.asarray(sampled(x, f, t.points)) for t in (torus, finer))
    np.testing.assert_allclose(
        torus.dealias(here**2),
        finer.multiply(there**2, np.all(np.abs(finer.wave_numbers) < SIZE / 3, axis=0))[(slice(None, None, 2),) * dim],
        atol=1e-12,
    )


@pytest.mark.parametrize("dim", DIMENSIONS)
def test_integral_and_norm(dim):
    torus = Torus(dim, SIZE)
    x = torus.points
    f = 0.7 + jnp.prod(jnp.sin(x) ** 2, axis=0)
    fields = jnp.stack([f, 2 * f])
    volume = (2 * np.pi) ** dim
    truth = 0.7 * volume + np.pi**dim
    np.testing.assert_allclose(torus.integrate(fields), [truth, 2 * truth], rtol=1e-12)
    assert float(torus.norm(jnp.cos(x[0]))) == pytest.approx(np.sqrt(0.5), rel=1e-14)


@pytest.mark.parametrize("dim", DIMENSIONS)
def test_evaluate_between_grid_points(dim):
    torus = Torus(dim, SIZE)
    (x, f), (_, g) = trigonometric(dim), trigonometric(dim, seed=1)
    points = jnp.asarray(np.random.default_rng(3).uniform(-10, 10, (dim, 4, 2)))
    field = jnp.stack([jnp.asarray(sampled(x, e, torus.points)) for e in (f, g)])[:, None]
    values = torus.evaluate(field, points)
    assert values.shape == (2, 1, 4, 2)
    np.testing.assert_allclose(values[0, 0], sampled(x, f, points), atol=1e-12)
    np.testing.assert_allclose(values[1, 0], sampled(x, g, points), atol=1e-12)
    np.testing.assert_allclose(torus.evaluate(field[0, 0], torus.points), field[0, 0], atol=1e-12)


def test_multiplier_of_a_symbol():
    torus = Torus(2, SIZE)
    wave = jnp.cos(2 * torus.points[0] - 3 * torus.points[1])
    symbol = torus.multiplier(lambda a, b: a**2 + 10 * b**2)
    np.testing.assert_allclose(torus.multiply(wave, symbol), 94 * wave, atol=1e-11)


def test_points_and_axes_are_in_order():
    torus = Torus(3, 8)
    assert torus.points.shape == (3, 8, 8, 8)
    assert float(torus.points[1, 0, 3, 0]) == pytest.approx(3 * torus.spacing)
    assert float(torus.points[1, 3, 0, 3]) == 0
    assert torus.axes == (-3, -2, -1)


@pytest.mark.parametrize(("size", "suggestion"), [(7, 8), (33, 34), (6, 8), (2, 8), (0, 8)])
def test_odd_and_tiny_grids_are_refused(size, suggestion):
    with pytest.raises(GridError, match=f"Try {suggestion}") as error:
        Torus(2, size)
    assert error.value.size == size


def test_dimension_zero_is_refused():
    with pytest.raises(ArgumentError, match="dim"):
        Torus(0, 16)
