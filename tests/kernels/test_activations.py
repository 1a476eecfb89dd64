"""Every activation of the catalogue: certified, differentiated, positive, finite; a new entry needs no new test."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp

from geomflow.core.errors import CatalogueError
from geomflow.kernels.activations import ACTIVATIONS, hermite
from geomflow.kernels.duals import Mehler
from geomflow.symbolic.kernels.duals import derive_dual
from geomflow.symbolic.kernels.duals.certify import POINTS, _cut, certify, expectation, square
from geomflow.symbolic.kernels.duals.dual import U
from geomflow.symbolic.kernels.duals.pieces import breakpoints

NAMES = ACTIVATIONS.names()
#: Bivariate normal probabilities in numbers: half a minute of compilation. Shifted ReLU tries the same functions.
DEAR = {"elu", "selu", "hard-tanh"}
MARKED = [pytest.param(name, marks=pytest.mark.slow) if name in DEAR else name for name in NAMES]
SERIES = [name for name in NAMES if isinstance(ACTIVATIONS[name].dual(), Mehler)]


def test_what_the_catalogue_holds():
    wanted = {"erf", "relu", "leaky-relu", "abrelu", "abs", "sign", "step", "rectified-power-2", "rectified-power-3"}
    wanted |= {"monomial-2", "monomial-3", "hermite-3", "exp", "cos", "sin", "gaussian", "gabor", "ricker", "gelu"}
    wanted |= {"x-erf", "smooth-relu", "elu", "selu", "tanh", "sigmoid", "softplus", "silu", "identity"}
    assert wanted <= set(NAMES)
    assert set(SERIES) == {"tanh", "sigmoid", "softplus", "silu", "mish"}
    with pytest.raises(CatalogueError, match="sigmoid"):
        ACTIVATIONS["sigmoit"]


@pytest.mark.parametrize("name", [n for n in NAMES if n not in SERIES])
def test_the_derivation_is_certified(name):
    derived = derive_dual(ACTIVATIONS[name].expression)
    # thirty digits of the bivariate normal take their time
    points = POINTS if derived.method != "bivariate-normal" else (("1", "1", "1/2"), ("7/10", "13/10", "-2/5"))
    assert certify(derived, points).worst < 1e-11


PAIRS = np.array([(1, 1, 0.5), (0.7, 1.3, -0.4), (0.9, 0.9, 0.85), (0.3, 2.0, 0.0)])
ARGUMENTS = np.array([-3.1, -0.4, 0.2, 0.9, 2.7])
FAR = np.array([-1000.0, -50.0, 0.0, 50.0, 1000.0])


@functools.cache
def numbers(name):
    """Everything that is computed of an entry, in one compilation."""
    activation = ACTIVATIONS[name]
    rule = activation.dual()
    # points on a sphere, one of them twice, one with its opposite
    x = np.random.default_rng(1).normal(size=(12, 4))
    x = np.concatenate([x, x[:1], -x[1:2]])
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    D = np.sum((x[:, None] - x[None]) ** 2, axis=-1)

    @jax.jit
    def everything(pairs, D, u):
        p = jnp.ones(len(D))
        return {
            "pairs": rule(*pairs.T),
            "diagonal": rule.diagonal(jnp.array([0.8])),
            "gram": rule.separated(p[:, None], p[None], p[:, None] - p[None], D),
            "function": activation.function(u),
            "slope": jax.vmap(jax.grad(activation.function))(u),
        }

    return jax.tree.map(np.asarray, everything(PAIRS, D, np.concatenate([ARGUMENTS, FAR])))


@pytest.mark.parametrize("name", MARKED)
def test_the_numbers_are_those_of_the_quadrature(name):
    expression, found = ACTIVATIONS[name].expression, numbers(name)
    for order in (0, 1):
        cut = _cut(expression, order)
        exact = [expectation(cut, *point) for point in PAIRS]
        np.testing.assert_allclose(found["pairs"][order], exact, rtol=1e-11, atol=1e-11)
        np.testing.assert_allclose(found["diagonal"][order], [square(cut, 0.8)], rtol=1e-12)


@pytest.mark.parametrize("name", MARKED)
def test_gram_matrices_are_positive_and_finite(name):
    for matrix in numbers(name)["gram"][: 1 if ACTIVATIONS[name].dual().derivatives == 0 else 2]:
        assert np.all(np.isfinite(matrix))
        scale = np.max(np.abs(matrix))
        np.testing.assert_allclose(matrix, matrix.T, atol=1e-13 * scale)
        assert np.linalg.eigvalsh(matrix)[0] > -1e-12 * scale


@pytest.mark.parametrize("name", MARKED)
def test_the_function_is_the_expression(name):
    expression, found = ACTIVATIONS[name].expression, numbers(name)
    assert not set(map(float, breakpoints(expression))) & set(ARGUMENTS)
    for key, expr in (("function", expression), ("slope", sp.diff(expression, U))):
        exact = [float(sp.N(expr.subs(U, sp.Rational(str(x))).doit(), 20)) for x in ARGUMENTS]
        np.testing.assert_allclose(found[key][: len(exact)], exact, rtol=1e-13, atol=1e-15)
        if name != "exp":  # far away as well nothing overflows
            assert np.all(np.isfinite(found[key]))


def test_hermite_polynomials_are_orthonormal():
    # K of He_n/√n! at p = q = 1 is ρⁿ: nothing else needs to be known of them
    for n in (1, 4, 5):
        k = hermite(n).expression
        derived = derive_dual(k)
        assert sp.simplify(derived.kernel.subs({s: 1 for s in derived.kernel.free_symbols if s.name in "pq"})
                           - sp.Symbol("c", real=True) ** n) == 0  # fmt: skip


def test_the_mean_over_random_weights_is_the_dual():
    # a hidden layer of finite width, drawn at random: its mean is K within four standard errors
    rng = np.random.default_rng(3)
    x, y = np.array([0.6, -1.0]), np.array([1.1, 0.3])
    w = rng.normal(size=(200_000, 2))
    for name in ("relu", "tanh", "gelu", "elu"):
        activation = ACTIVATIONS[name]
        sample = np.asarray(activation.function(w @ x) * activation.function(w @ y))
        k, _ = activation.dual()(*(jnp.asarray(v) for v in (x @ x, y @ y, x @ y)))
        assert abs(sample.mean() - k) < 4 * sample.std() / np.sqrt(len(sample))
