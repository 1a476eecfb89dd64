"""The Hermite series: its values, its bound, its derivatives, and what it refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp

from geomflow.core.errors import ArgumentError, ConvergenceError
from geomflow.kernels.duals import ClosedForm, dual
from geomflow.kernels.mehler import Mehler
from geomflow.symbolic.kernels.duals import derive_dual
from geomflow.symbolic.kernels.duals.certify import _cut, expectation, square
from geomflow.symbolic.kernels.duals.dual import U

TANH = sp.tanh(U)
POINTS = np.array([(1, 1, 0.5), (0.7, 1.3, -0.4), (1.5, 0.4, 0.6), (1, 1, 0.999), (3, 2, 1.5), (1e-6, 1, 5e-4)])


@pytest.fixture(scope="module")
def tanh():
    return Mehler(TANH)


def test_values_are_those_of_the_quadrature(tanh):
    found = jax.jit(tanh.__call__)(*jnp.array(POINTS).T)
    for order in (0, 1):
        exact = [expectation(_cut(TANH, order), *point) for point in POINTS]
        np.testing.assert_allclose(found[order], exact, rtol=1e-12)
    np.testing.assert_allclose(tanh.diagonal(jnp.asarray(1.3))[0], square(_cut(TANH, 0), 1.3), rtol=1e-13)
    np.testing.assert_allclose(tanh.diagonal(jnp.asarray(1.3))[1], square(_cut(TANH, 1), 1.3), rtol=1e-13)


def test_the_bound_holds_and_is_sharp_on_the_diagonal():
    # erf has a closed form; cut its series short and compare
    short, exact = Mehler(sp.erf(U), tolerance=1.0, terms=16), ClosedForm(derive_dual(sp.erf(U)))
    p, q, c = jnp.array([[1, 1, 1], [1, 1, -0.9], [2, 0.7, 1.1], [0.5, 1.5, 0.3], [2, 2, 1.99]]).T
    found = short(p, q, c)
    for order in (0, 1):
        bound = short.bound(p, q, c, order)
        error = jnp.abs(found[order] - exact(p, q, c)[order])
        assert jnp.all(error <= bound + 1e-15)
        np.testing.assert_allclose(error[0], bound[0], rtol=1e-8)
        assert jnp.all(bound[1:] > 1e-13) or order == 0


def test_sixty_one_terms_give_ten_digits_of_tanh(tanh):
    _, left = tanh.coefficients(jnp.asarray(1.0))
    assert 1e-11 < float(left[60]) < 2e-10
    assert jnp.all(jnp.diff(left) <= 0)


def test_a_series_is_positive_semi_definite(tanh):
    x = jax.random.normal(jax.random.PRNGKey(0), (40, 3))
    x = jnp.concatenate([x, x[:5] + 1e-7, -x[:5]])
    gram = x @ x.T / 3
    p = jnp.clip(jnp.diag(gram), 0, 3)
    scale = jnp.sqrt(p / jnp.diag(gram))
    k, slope = jax.jit(tanh.__call__)(p[:, None], p[None], gram * scale[:, None] * scale)
    for matrix in (k, slope):
        np.testing.assert_allclose(matrix, matrix.T, atol=1e-15)
        assert jnp.linalg.eigvalsh(matrix)[0] > -1e-13 * len(x)


@pytest.mark.slow
def test_derivatives_by_heat_and_price():
    # against a closed form; at a zero input, where the correlation means nothing, as well
    rules = Mehler(sp.erf(U), terms=128), ClosedForm(derive_dual(sp.erf(U)))
    p, q, c = jnp.array([[1.1, 0.7, -0.3], [0.0, 1.0, 0.0]]).T
    for take in (lambda f: jax.grad(f, (0, 1, 2)), lambda f: jax.grad(jax.grad(f, 2), 0)):
        found, truth = (jax.jit(jax.vmap(take(lambda *x, rule=rule: rule(*x)[0])))(p, q, c) for rule in rules)
        np.testing.assert_allclose(jnp.array(found), jnp.array(truth), atol=1e-12)


def test_what_the_bound_does_not_vouch_for_is_refused(tanh):
    with pytest.raises(ConvergenceError, match="Give more `terms`") as refusal:
        tanh(jnp.array([1.0, 30.0]), 1.0, 0.2)
    assert refusal.value.value == 30.0
    assert refusal.value.error > 1e-10
    assert refusal.value.points == 384
    # under jit nothing can be raised
    k, slope = jax.jit(tanh.__call__)(jnp.array([1.0, 30.0]), jnp.asarray(1.0), jnp.asarray(0.2))
    assert np.isfinite(k[0])
    assert np.isfinite(slope[0])
    assert np.isnan(jax.jit(tanh.__call__)(30.0, 30.0, 0.2)[0])


@pytest.mark.parametrize(
    ("activation", "error", "words"),
    [
        (sp.Max(0, TANH), ConvergenceError, "use its closed form"),
        (sp.sign(U) + TANH, ArgumentError, "jumps"),
        (sp.Max(0, TANH - sp.Rational(1, 2)), ArgumentError, "kink away from 0"),
        (sp.Symbol("a", positive=True) * TANH, ArgumentError, "depends on a"),
    ],
)
def test_refused_activations(activation, error, words):
    with pytest.raises(error, match=words):
        Mehler(activation)


def test_a_whole_number_of_strides():
    with pytest.raises(ArgumentError, match="multiple of 8"):
        Mehler(TANH, terms=100)


@pytest.mark.slow
def test_the_gap_of_a_smooth_activation_keeps_its_digits():
    D = jnp.array([1e-20, 1e-8, 1e-3])
    at = (jnp.ones(3), 1.0 - 0.5 * jnp.sqrt(D), 0.5 * jnp.sqrt(D), D)
    rules = Mehler(sp.erf(U), terms=128), dual("erf")
    np.testing.assert_allclose(*(jax.jit(rule.gap)(*at) for rule in rules), rtol=1e-10)
