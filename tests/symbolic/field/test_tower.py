import cmath
import random
import warnings

import pytest
import sympy as sp

from geomflow.core.errors import DerivationError
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.field.tower import ExactnessWarning

x, y = sp.symbols("x y", positive=True)
a, p = sp.symbols("a p", positive=True)
f = sp.Function("f")(x)
u = sp.Function("u")(x, y)
EXPRESSIONS = [
    sp.sin(x) * sp.cos(3 * x) + sp.tan(x / 2),
    sp.sin(2 * x + 3 * y) / sp.cos(x - y),
    sp.cot(x) + sp.sec(x) * sp.csc(x / 3),
    sp.sin(sp.Rational(3, 2) * x - 5) + sp.cos(-x),
    sp.sin(a * x) * sp.cos(2 * a * x + y),
    sp.sinh(x) + sp.cosh(2 * x) + sp.exp(3 * x),
    sp.tanh(x) + sp.coth(x) * sp.sech(y) - sp.csch(2 * y),
    sp.exp(x**2 / 2 - y) + sp.exp(-(x**2)),
    sp.exp(sp.I * x) + sp.exp(2 * sp.I * y - x),
    sp.log(x * y) + sp.log(x) ** 2 + sp.log(sp.sin(x)),
    sp.exp(2 * a * sp.log(x)) + sp.exp(sp.log(x) / 3),
    sp.cosh(sp.log(x)),
    x**p * x ** (2 * p) + (2 * x) ** (p + 1) + 6**x + 3 ** (2 * x),
    (x + y) ** (a / 2) * (1 + sp.sin(x)) ** a,
    sp.sqrt(x**2 + y**2) / sp.sqrt(1 - x**2),
    sp.sqrt(1 - 2 * a / x) + sp.sqrt(2) * sp.sqrt(6) + 12 ** sp.Rational(1, 3),
    x ** sp.Rational(2, 3) + sp.sqrt(x) + x ** sp.Rational(-5, 6),
    sp.sqrt(sp.sin(x)) * sp.sqrt(sp.cos(y) + 2),
    sp.pi * x + sp.E**2 + sp.sin(sp.pi / 3 + x) + sp.cos(a) + sp.I * sp.GoldenRatio,
    f * u + sp.diff(f, x, 2) / (1 + sp.diff(u, x, y)) + sp.exp(f * x),
    sp.sin(u) + sp.log(f) + sp.sqrt(u),
]


def chart():
    return Chart([x, y], [a, p], {"f": "x", "u": "x y"})


def number(expression):
    """The value at a point, unknown functions being some functions."""
    # Real values of roots, so that branches play no part.
    expression = expression.subs({f: sp.sin(x) + 2, u: x**2 * y + 2}).doit()
    values = {x: sp.Rational(37, 100), y: sp.Rational(61, 100), a: sp.Rational(17, 100), p: sp.Rational(13, 10)}
    return complex(expression.subs(values).evalf(20))


def close(left, right):
    return cmath.isclose(left, right, rel_tol=1e-9, abs_tol=1e-9)


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=str)
def test_there_and_back(expression):
    c = chart()
    element = c.element(expression)
    shown = c.sympy(element)
    # √(1 - 2a/x) is real here up to a factor i that the branches share.
    assert close(number(shown), number(expression))
    assert c.element(shown) == element


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=str)
@pytest.mark.parametrize("k", [0, 1])
def test_derivatives_are_those_of_sympy(expression, k):
    c = chart()
    element = c.element(expression)
    derived = sp.diff(expression, [x, y][k])
    assert close(number(c.sympy(element.derivative(k))), number(derived))
    assert c.element(derived) == element.derivative(k)


@pytest.mark.parametrize(
    "identity",
    [
        "sin(x)^2 + cos(x)^2 - 1",
        "sin(2*x) - 2*sin(x)*cos(x)",
        "cos(3*x) - 4*cos(x)^3 + 3*cos(x)",
        "sin(x + y) - sin(x)*cos(y) - cos(x)*sin(y)",
        "tan(x/2)*(1 + cos(x)) - sin(x)",
        "1 + tan(x)^2 - sec(x)^2",
        "cosh(x)^2 - sinh(x)^2 - 1",
        "cosh(x) + sinh(x) - exp(x)",
        "exp(x)*exp(y) - exp(x + y)",
        "exp(I*x) - cos(x) - I*sin(x)",
        "exp(I*pi) + 1",
        "sin(x + pi/4) - (sin(x) + cos(x))/sqrt(2)",
        "sin(pi/3)^2 - 3/4",
        "log(x^2*y) - 2*log(x) - log(y)",
        "log(6) - log(2) - log(3)",
        "log(sin(x)/cos(x)) - log(tan(x))",
        "log(sqrt(x)) - log(x)/2",
        "exp(3*log(x)) - x^3",
        "exp(a*log(x)) - x^a",
        "x^p*x^(p + 1) - x^(2*p + 1)",
        "(2*x)^p - 2^p*x^p",
        "4^x - (2^x)^2",
        "6^x - 2^x*3^x",
        "2^x - exp(x*log(2))",
        "sqrt(6) - sqrt(2)*sqrt(3)",
        "sqrt(x^2) - x",
        "sqrt(8*x) - 2*sqrt(2)*sqrt(x)",
        "sqrt(1 - sin(x)^2) - cos(x)",
        "sqrt(1 - x^2)^2 - 1 + x^2",
        "sqrt(-3)*sqrt(3) - 3*I",
        "x^(1/3)*x^(1/6) - sqrt(x)",
        "sqrt(x)*sqrt(x + 1) - sqrt(x^2 + x)",
        "cosh(log(x)) - (x + 1/x)/2",
        "I^2 + 1",
    ],
)
def test_identities_vanish(identity):
    c = chart()
    assert c.element(identity).is_zero()
    # And not because everything does.
    assert not c.element(identity + " + x/1000").is_zero()


@pytest.mark.parametrize("first", ["exp(x)", "exp(3*x)", "sinh(x)"])
def test_exponentials_and_hyperbolic_functions_met_one_after_the_other(first):
    c = Chart("x")
    c.element(first)
    if first == "exp(3*x)":
        with pytest.raises(DerivationError, match="finest one first"):
            c.element("sinh(x)")
    else:
        assert (c.element("cosh(x) + sinh(x)") - c.element("exp(x)")).is_zero()


def test_a_finer_angle_later_is_a_sentence_that_helps():
    c = Chart("x")
    c.element("sin(x)")
    with pytest.raises(DerivationError, match="finest one first") as failure:
        c.element("cos(x/2)")
    assert 'chart.element("..(x/2)")' in str(failure.value)
    c = Chart("x")
    c.element("cos(x/2)")
    assert (c.element("sin(x)") - 2 * c.element("sin(x/2)") * c.element("cos(x/2)")).is_zero()
    # In one call, in any order.
    assert Chart("x").elements(["sin(x)", "cos(x/3)", "tan(x/2)"]).size == 3
    c = Chart("x")
    c.element("exp(2*x)")
    with pytest.raises(DerivationError, match="exp"):
        c.element("exp(x)")


def test_a_finer_root_later_is_a_sentence():
    c = Chart("x", positive="x")
    c.element("sqrt(x)")
    with pytest.raises(DerivationError, match="degree 6 first"):
        c.element("x^(1/3)")
    assert (Chart("x").element("sqrt(x) - x^(1/3)*x^(1/6)")).is_zero()


def test_unknown_functions_have_independent_jets():
    c = chart()
    e = c.element("diff(u, x, 2, y)")
    assert e == c.element("u").derivative(0).derivative(1).derivative(0)
    assert c.sympy(e) == sp.Derivative(c.functions["u"], (c.coordinates[0], 2), c.coordinates[1])
    assert c.element("f").derivative(1).is_zero()
    assert c.element("f''") == c.element("diff(f(x), x, 2)")
    assert not c.element("f*f'' - f'^2").is_zero()


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        (sp.Float(0.5) * x, "Write it as a fraction: 1/2"),
        (0.25, "fraction: 1/4"),
        (sp.Abs(sp.Symbol("q", real=True)), "unknown"),
        (sp.Abs(f), "is not smooth"),
        (sp.sqrt(1 + sp.sqrt(x)), "root inside a root"),
        ((-2) ** sp.Rational(1, 3) * x, "degree 3 of a negative number"),
        (sp.Symbol("q"), "`q`.* is unknown"),
        (sp.Function("h")(2 * x), "take coordinates of the chart"),
        (sp.Function("f")(y), "one name means one function, here f"),
        (sp.Derivative(f, a, evaluate=False), "not a coordinate"),
        (sp.Piecewise((x, x > 1), (1, True)), "is not smooth"),
        (sp.Integral(sp.sin(x) / x, x), "`Integral` does not fit"),
        (sp.log(x - x * 1), None),
        (sp.sin(sp.pi / 7) * x, "algebraic number"),
        ("1/(sin(x)^2 + cos(x)^2 - 1)", "Division by zero"),
        ("log(sin(x)^2 + cos(x)^2 - 1)", "logarithm of zero"),
        (sp.Function("h")(x, x), "different coordinates"),
        (type("Sneaky", (), {"__str__": lambda self: "x"})(), "no expression"),
        ({1: 2}, "no expression"),
        (None, "no expression"),
    ],
)
def test_refusals_are_sentences(expression, sentence):
    with pytest.raises(DerivationError, match=sentence):
        chart().element(expression)


def test_opaque_functions_warn_and_have_sympys_derivative():
    c = chart()
    with pytest.warns(ExactnessWarning, match="erf"):
        e = c.element(sp.erf(x * y))
    assert c.tower.opaque == [sp.erf(x * y)]
    assert (e.derivative(0) - c.element(2 * y * sp.exp(-(x**2) * y**2) / sp.sqrt(sp.pi))).is_zero()
    with pytest.warns(ExactnessWarning, match="besselj"):
        assert not c.element("besselj(0, x)").derivative(0).is_zero()
    with pytest.warns(ExactnessWarning, match="log"):
        c.element("log(x + sqrt(x^2 + 1))")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for e in EXPRESSIONS:
            chart().element(e)


def test_logarithms_of_both_signs():
    c = Chart("x")
    assert (c.element("log(1 - x)").derivative(0) - c.element("1/(x - 1)")).is_zero()
    assert c.element("log(-x)").derivative(0) == c.element("1/x")
    with pytest.raises(DerivationError, match="negative number is not real"):
        c.element("log(-x^2)")


def test_roots_take_the_sign_into_a_factor():
    c = Chart("x y", constants="M")
    assert str(c.sympy(c.element("sqrt(1 - x^2 - y^2)"))) == "sqrt(-x**2 - y**2 + 1)"
    assert str(c.sympy(c.element("sqrt(-M)"))) == "I*sqrt(M)"
    assert c.element("sqrt(x^2*y)") == c.element("x*sqrt(y)")
    # Positive for small angles and far from a small mass.
    assert c.element("sqrt((cos(y) - 1)^2)") == c.element("1 - cos(y)")
    assert c.element("sqrt((2*M - x)^2)") == c.element("x - 2*M")


def test_random_trigonometric_polynomials():
    random.seed(11)
    c = Chart("x y")
    s, t = c.coordinates
    c.elements(["sin(x/2)", "sin(y)"])
    for _ in range(5):
        terms = [
            random.randint(-3, 3)
            * random.choice([sp.sin, sp.cos])(sp.Rational(random.randint(1, 4), 2) * s)
            * random.choice([sp.sin, sp.cos])(random.randint(1, 2) * t + s / 2)
            for _ in range(3)
        ]
        e = sp.Add(*terms)
        point = {s: sp.Rational(7, 10), t: sp.Rational(-13, 10)}
        shown = c.sympy(c.element(e))
        assert float((shown - e).subs(point).evalf(30, maxn=200, chop=1e-20)) == pytest.approx(0, abs=1e-12)
        expanded = sp.expand(sp.expand_trig(e))
        assert (c.element(expanded) - c.element(e)).is_zero()
