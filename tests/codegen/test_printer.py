"""Every function the printer knows, against SymPy's own value, its jit and its derivative; and what it must refuse."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp

from geomflow.codegen import printer
from geomflow.codegen.printer import print_jax
from geomflow.core.errors import GenerationError

X, Y = sp.symbols("x y")
DEFAULT, ABOVE_ONE = (0.37, -0.62), (1.3, 2.7)
# arguments at which the function is real and smooth, where the default ones are not
POINTS = {"log": ABOVE_ONE, "acosh": ABOVE_ONE, "gamma": ABOVE_ONE, "loggamma": ABOVE_ONE}


def compiled(expr):
    """The printed source as a function of x and y."""
    namespace = {"jnp": jnp, "jsp": jax.scipy.special}
    return eval(f"lambda x, y: {print_jax(expr)}", namespace)


def value(expr, x, y):
    """What SymPy makes of it, to 30 digits."""
    return float(sp.N(sp.sympify(expr).subs({X: sp.Float(x, 30), Y: sp.Float(y, 30)}), 30))


@pytest.mark.parametrize("name", printer._FUNCTIONS)
def test_every_function_has_sympys_value_and_derivative(name):
    function = getattr(sp, name)
    expr = function(X, Y) if name == "atan2" else function(X)
    f = compiled(expr)
    for x in POINTS.get(name, DEFAULT):
        y = 0.8
        # the derivative by a central difference of SymPy's values: it exists for sign and Abs too
        step = sp.Rational(1, 10**8)
        x30 = sp.Float(x, 30)
        slope = (sp.N(expr.subs({X: x30 + step, Y: y}), 30) - sp.N(expr.subs({X: x30 - step, Y: y}), 30)) / (2 * step)
        assert f(x, y) == pytest.approx(value(expr, x, y), rel=1e-14, abs=1e-15)
        assert jax.jit(f)(x, y) == pytest.approx(value(expr, x, y), rel=1e-14, abs=1e-15)
        assert jax.jit(jax.grad(f))(x, y) == pytest.approx(float(slope), rel=1e-12, abs=1e-13)


@pytest.mark.parametrize(
    "expr",
    [
        sp.Rational(1, 3) * X,
        sp.Rational(-1, 3) / Y,
        sp.Float(1) / 3 + X,
        X / (3 * Y) - Y / X,
        X**-3,
        -(X**2) + (-X) ** 2,
        (X + Y) ** 5,
        1 / (X + Y) ** 2,
        X**Y,
        2**X,
        X ** sp.Rational(1, 3),
        sp.Rational(1, 3) ** X,
        (1 / X) ** Y,
        Y / (X * sp.sqrt(X + Y)),
        sp.pi * X + sp.E * Y,
        sp.EulerGamma * X + sp.GoldenRatio,
        10**20 * X,
        sp.Rational(3, 10**20) * X,
        sp.Mul(Y, sp.Pow(sp.Pow(X, -1, evaluate=False), -1, evaluate=False), evaluate=False),
        sp.Mul(-1, sp.Add(X, -Y), evaluate=False),
    ],
    ids=str,
)
def test_arithmetic(expr):
    assert compiled(expr)(jnp.asarray(1.7), jnp.asarray(0.6)) == pytest.approx(value(expr, 1.7, 0.6), rel=1e-15, abs=0)


@pytest.mark.parametrize("doubled", [-7, -5, -3, -1, 1, 3, 5, 7])
def test_half_integer_powers(doubled):
    expr = (X + Y) ** sp.Rational(doubled, 2)
    assert "jnp.sqrt" in print_jax(expr)
    assert "power" not in print_jax(expr)
    f = compiled(expr)
    assert f(4.0, 5.0) == 3.0**doubled  # 9^(k/2), exact to the last bit
    assert f(1.1, 0.6) == pytest.approx(value(expr, 1.1, 0.6), rel=1e-15)
    assert jax.grad(f)(4.0, 5.0) == pytest.approx(doubled / 2 * 3.0 ** (doubled - 2), rel=1e-15)
    # as a factor and as a denominator
    assert compiled(Y * expr)(4.0, 5.0) == pytest.approx(5 * 3.0**doubled, rel=1e-15)
    assert compiled(Y / expr)(4.0, 5.0) == pytest.approx(5 / 3.0**doubled, rel=1e-15)


def test_floats_keep_all_their_digits():
    number = 0.1 + 0.2
    assert eval(print_jax(sp.Float(number))) == number


def test_i_is_the_imaginary_unit():
    assert compiled(sp.I * X)(2.0, 0.0) == 2j


UNDEFINED = sp.Function("h")


@pytest.mark.parametrize(
    "expr",
    [
        UNDEFINED(X),
        sp.Function("sin")(X),  # an unknown function that only looks like one we know
        sp.besselj(0, X),
        sp.Heaviside(X),
        sp.Piecewise((X, X > 0), (Y, True)),
        sp.Derivative(UNDEFINED(X), X),
        sp.Integral(sp.sin(X**3), X),
        sp.Integral(UNDEFINED(X), (X, 0, 1)),
        sp.Sum(X**2, (X, 1, 3)),
        sp.Max(X, Y),
        sp.Indexed("p", X),
        sp.MatrixSymbol("M", 2, 2)[0, 0],
        X < Y,
        sp.oo,
        sp.zoo,
        sp.nan,
    ],
    ids=str,
)
@pytest.mark.parametrize("wrap", [lambda e: e, lambda e: sp.sin(2 * e + X)], ids=["bare", "inside"])
def test_what_has_no_jax_counterpart_is_refused_at_generation(expr, wrap):
    try:
        wrapped = wrap(expr)
    except TypeError:
        pytest.skip("SymPy does no arithmetic with it")
    if wrapped in (sp.nan, sp.AccumBounds(-1, 1)):
        wrapped = expr  # sin(∞) has evaluated already
    with pytest.raises(GenerationError) as error:
        print_jax(wrapped)
    assert error.value.unknown


@pytest.mark.parametrize("name", ["x{1}", "x y", "1x", "lambda", "class", "jnp", "jsp"])
def test_symbols_that_are_no_variables_are_refused(name):
    with pytest.raises(GenerationError, match="cannot be a Python variable"):
        print_jax(sp.Symbol(name) + 1)


def test_batches():
    f = compiled(sp.sin(X) / sp.sqrt(Y))
    x, y = np.linspace(0, 1, 6).reshape(2, 3), np.linspace(1, 2, 6).reshape(2, 3)
    np.testing.assert_allclose(f(x, y), np.sin(x) / np.sqrt(y), rtol=1e-15)
