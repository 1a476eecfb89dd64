"""Expressions as source: what they evaluate to, half-integer powers, digits, names."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp

from geomflow.codegen import arcs, special
from geomflow.codegen.functions import FUNCTIONS, SPECIAL
from geomflow.codegen.program import Argument, Program
from geomflow.core.errors import GenerationError

X, Y = sp.symbols("x y")


def program(expr, **options):
    return Program("f", [Argument("x", X), Argument("y", Y)], [expr], **options)


def compiled(expr):
    """The generated function of x and y, one number."""
    f = program(expr).compile()
    return lambda x, y: f(x, y)[0]


def value(expr, x, y):
    """What SymPy makes of it, to 30 digits."""
    return float(sp.N(sp.sympify(expr).subs({X: sp.Float(x, 30), Y: sp.Float(y, 30)}), 30))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_source_of_every_function_exists(name):
    module, _, attribute = FUNCTIONS[name].source.rpartition(".")
    own = {"arcs": arcs, "special": special}.get(SPECIAL.get(attribute, ""))
    assert callable(getattr({"jnp": jnp, "jsp": jax.scipy.special, "": own}[module], attribute))


@pytest.mark.parametrize(
    "expr",
    [
        sp.sin(X) / sp.erf(Y),
        X / (3 * Y) - Y / X,
        -(X**2) + (-X) ** 2 - X,
        X - (Y - (X - 2 * Y) * -3),
        (X + Y) ** 5 / (X * Y) ** 2,
        X**Y + (1 / X) ** Y,
        Y / (X * sp.sqrt(X + Y)),
        -X / -(Y**-3),
        sp.Mul(Y, sp.Pow(sp.Pow(X, -1, evaluate=False), -1, evaluate=False), evaluate=False),
        sp.Mul(-1, sp.Add(X, -Y), evaluate=False),
        sp.pi ** sp.Rational(-1, 2) * X,
        sp.pi ** sp.Rational(-1, 3) * X - sp.Rational(2, 3) ** X,
        sp.Rational(1, 3) * X - sp.Rational(7, 5) * Y + sp.Rational(1, 6),
        10**20 * X + sp.Rational(1, 10**25),
    ],
    ids=str,
)
def test_arithmetic(expr):
    assert compiled(expr)(jnp.asarray(1.7), jnp.asarray(0.6)) == pytest.approx(value(expr, 1.7, 0.6), rel=2e-15, abs=0)


@pytest.mark.parametrize("doubled", [-7, -5, -3, -1, 1, 3, 5, 7])
def test_half_integer_powers(doubled):
    expr = (X + Y) ** sp.Rational(doubled, 2)
    source = program(expr, derivatives=False).source
    assert "jnp.sqrt" in source
    assert "power" not in source
    f = compiled(expr)
    if doubled > 0:
        assert f(4.0, 5.0) == 3.0**doubled  # 9^(k/2), exact to the last bit
    assert f(4.0, 5.0) == pytest.approx(3.0**doubled, rel=1e-15, abs=0)  # a power of 1/3 is not
    assert f(1.1, 0.6) == pytest.approx(value(expr, 1.1, 0.6), rel=1e-15)
    assert jax.grad(f)(4.0, 5.0) == pytest.approx(doubled / 2 * 3.0 ** (doubled - 2), rel=1e-15)
    # as a factor and as a denominator
    assert compiled(Y * expr)(4.0, 5.0) == pytest.approx(5 * 3.0**doubled, rel=1e-15)
    assert compiled(Y / expr)(4.0, 5.0) == pytest.approx(5 / 3.0**doubled, rel=1e-15)


def test_floats_keep_all_their_digits():
    for number in (0.1 + 0.2, 1e300 / 7, 2.3e-308):
        assert compiled(sp.Float(number))(1.0, 1.0) == number
    assert f"[[{5e-324!r}]]" in program(sp.Float(5e-324), derivatives=False).source  # XLA has no such numbers


def test_complex_numbers():
    assert compiled(sp.I * X)(2.0, 0.0) == 2j
    assert compiled((1 - sp.I) * X - 3 * sp.I)(2.0, 0.0) == 2 - 5j
    assert compiled(sp.sqrt(-sp.I) * X)(2.0, 0.0) == pytest.approx(2 * (-1j) ** 0.5)


def test_conditions():
    expr = sp.Piecewise((X, sp.And(X > 0, sp.Or(Y > 0, X > 3))), (Y, sp.Not(sp.Eq(X, Y))), (7, True))
    f = compiled(expr)
    found = [float(f(x, y)) for x, y in [(1.0, 1.0), (1.0, -1.0), (4.0, -1.0), (-2.0, -2.0)]]
    assert found == [1, -1, 4, 7]


def test_a_function_with_no_counterpart_is_refused():
    with pytest.raises(GenerationError, match="besselj") as error:
        compiled(sp.sin(2 * sp.besselj(0, X)))
    assert error.value.unknown == "besselj"


@pytest.mark.parametrize("name", ["x{1}", "x y", "1x", "lambda", "class", "jnp", "jsp", "softplus"])
def test_symbols_that_are_no_variables_are_refused(name):
    with pytest.raises(GenerationError, match="cannot be a Python variable"):
        Program("f", [Argument("z", (sp.Symbol(name),))], [sp.Symbol(name) + 1]).compile()


def test_batches():
    f = compiled(sp.sin(X) / sp.sqrt(Y))
    x, y = np.linspace(0, 1, 6).reshape(2, 3), np.linspace(1, 2, 6).reshape(2, 3)
    np.testing.assert_allclose(f(x, y), np.sin(x) / np.sqrt(y), rtol=1e-15)
