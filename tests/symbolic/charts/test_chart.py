from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from geomflow.core.errors import ArgumentError, DerivationError
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.field.reader import read


def chart():
    return Chart("t r theta phi", constants="M a", functions={"f": "r", "u": "t r"}, positive="r M")


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("2*r^2", "2*r**2"),
        ("-r^2", "-(r**2)"),
        ("r^-2", "r**(-2)"),
        ("2^r^2", "2**(r**2)"),
        ("-2^2 + 3", "-1"),
        ("1 - 2*M/r", "1 - 2*M/r"),
        ("1/2/r", "1/(2*r)"),
        ("r**2/2 - a - 1", "r**2/2 - a - 1"),
        ("0.1*r", "r/10"),
        ("1.5e-3 + .5", "1003/2000"),
        ("2.", "2"),
        ("+ +r - -a", "r + a"),
        ("sqrt(r)*ln(r)", "sqrt(r)*log(r)"),
        (" sin( theta ) ^ 2 ", "sin(theta)**2"),
        ("(r)", "r"),
        ("E + pi*I", "E + I*pi"),
    ],
)
def test_text_means_what_it_says(text, meaning):
    c = chart()
    names = {s.name: s for s in (*c.coordinates, *c.constants)}
    expected = sp.sympify(meaning, locals=names)
    assert sp.expand(c.parse(text) - expected) == 0
    assert c.element(text) == c.element(expected)


def test_functions_and_primes():
    c = chart()
    r, f, u = c.coordinates[1], c.functions["f"], c.functions["u"]
    assert c.parse("f") == c.parse("f(r)") == f
    assert c.parse("f'") == c.parse("f'(r)") == c.parse("diff(f, r)") == sp.diff(f, r)
    assert c.parse("f'''*f''") == sp.diff(f, r, 3) * sp.diff(f, r, 2)
    assert c.parse("diff(u, t, 2, r)") == sp.diff(u, c.coordinates[0], 2, r)
    assert c.parse("diff(sin(r)*f, r)") == sp.diff(sp.sin(r) * f, r)
    for text in ["f'", "f''(r)", "diff(u, t, 2, r)", "diff(sin(r)*f, r, 2)", "sqrt(f')", "f^a"]:
        assert c.element(text) == c.element(c.parse(text)), text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("q*r", "`q` .* is unknown"),
        ("thet*2", "Did you mean `theta`"),
        ("f(t)", r"`f\(t\)` is not the declared function f\(r\)"),
        ("f(2*r)", "Declare another function"),
        ("u'", "function of one coordinate"),
        ("r'", "function of one coordinate"),
        ("2 r", "missing before `r`"),
        ("r(2)", "Write products with"),
        ("2(r)", r"missing before `\(`"),
        ("pi(r)", "is a number"),
        ("sin", "needs an argument"),
        ("sin*2", "needs an argument"),
        ("sin(r, t)", "does not take 2 arguments"),
        ("sqrt(r, t)", "one argument|2 arguments"),
        ("(r", r"`\)` is missing at the end"),
        ("r)", r"before `\)`"),
        ("r +", "missing at the end"),
        ("", "it is empty"),
        ("   ", "it is empty"),
        ("r = 2", "`=` has no meaning"),
        ("r; t", "`;` has no meaning"),
        ("diff(f)", "needs a coordinate"),
        ("diff(f, M)", "takes coordinates"),
        ("1/0", "zero"),
        ("1/(r - r)", "zero"),
        ("__import__('os')", "Cannot read|unknown"),
        ("r.__class__", "has no meaning"),
        ("().__class__", "missing|meaning"),
        ("[r for r in t]", "has no meaning"),
        ("lambda: r", "has no meaning"),
        ("exec", "unknown"),
        ('"r"', "has no meaning"),
        pytest.param("(" * 5000 + "r" + ")" * 5000, "nested too deeply", id="deep"),
    ],
)
@pytest.mark.parametrize("method", ["parse", "element"])
def test_bad_text_is_a_sentence(text, sentence, method):
    with pytest.raises(DerivationError, match=sentence):
        getattr(chart(), method)(text)


@pytest.mark.parametrize(
    "name", ["E", "I", "gamma", "beta", "lambda", "S", "N", "Q", "pi", "sin", "zeta", "is", "diff"]
)
def test_names_of_the_user_come_first(name):
    as_coordinate = Chart(f"{name} x")
    assert as_coordinate.parse(f"{name}^2 + x") == as_coordinate.coordinates[0] ** 2 + as_coordinate.coordinates[1]
    assert as_coordinate.element(f"{name}^2").derivative(0) == as_coordinate.element(f"2*{name}")
    as_constant = Chart("x", constants=name)
    assert as_constant.element(f"{name}*x").derivative(0) == as_constant.element(name)
    as_function = Chart("x", functions={name: "x"})
    assert as_function.element(f"{name}(x)*{name}").derivative(0) == as_function.element(f"2*{name}*{name}'")
    assert as_function.sympy(as_function.element(name)) == as_function.functions[name]
    # Symbols of SymPy with the same name are taken for the user's.
    assert as_coordinate.element(sp.Symbol(name) * 2) == as_coordinate.element(f"2*{name}")


def test_long_sums_need_no_deep_recursion():
    c = Chart("x")
    text = " + ".join(["x"] * 3000)
    assert c.element(text) == c.element("3000*x")
    assert c.element("-" * 100 + "x") == c.element("x")


def test_symbols_with_other_assumptions_and_functions_are_matched_by_name():
    c = chart()
    r = sp.Symbol("r")
    assert c.element(r**2 + sp.Symbol("M")) == c.element("r^2 + M")
    assert c.element(sp.Function("f")(r)) == c.element("f")
    assert c.element(sp.Function("f", real=True)(c.coordinates[1])) == c.element("f")
    assert c.element(sp.diff(sp.Function("f")(r), r)) == c.element("f'")
    # An undeclared function is declared by being used.
    assert c.element(sp.Function("h")(r)).derivative(1) == c.element("h'")
    own = Chart(sp.symbols("x y"), sp.symbols("k,"), {"v": "x"})
    assert own.element("k*v'").derivative(1).is_zero()
    assert Chart(["x", "y"]).element("x*y") is not None


def test_numbers_of_every_kind():
    c = Chart("x")
    half = c.element("1/2")
    for value in [Fraction(1, 2), sp.Rational(1, 2), "0.5", half]:
        assert c.element(value) == half
    assert c.element(np.int64(3)) == c.element(3) == 3
    assert c.elements(np.array([[1, 2], [3, 4]])).shape == (2, 2)
    assert c.elements("x").shape == ()
    assert c.elements([]).shape == (0,)
    assert c.elements(sp.Matrix([["x", 1]]))[0, 0] == c.element("x")
    assert c.elements(sp.Array([[[1, 2]]])).shape == (1, 1, 2)
    with pytest.raises(DerivationError, match="floating-point"):
        c.element(np.float64(0.5))


def test_elements_of_another_chart_are_refused():
    with pytest.raises(DerivationError, match="Two charts"):
        Chart("x").elements([Chart("x").element("x"), "x"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("x x",), "`x` stands twice"),
        (("x", "x"), "`x` stands twice"),
        (("",), "at least one coordinate"),
        (("x", "", {"f": "y"}), "must depend on coordinates"),
        (("x", "", {"f": ""}), "must depend on coordinates"),
        (("x", "", {}, "y"), "is to be positive"),
        (("x y'",), "cannot be a name"),
        (("2x",), "cannot be a name"),
        (("x", "", {"f g": "x"}), "cannot be a name"),
    ],
)
def test_bad_charts_are_sentences(arguments, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        Chart(*arguments)


def test_index_and_repr():
    c = chart()
    assert [c.index("r"), c.index(c.coordinates[1]), c.index(1), c.index(-3)] == [1, 1, 1, 1]
    functions = '{"f": "r", "u": "t r"}'
    assert repr(c) == f'Chart("t r theta phi", constants="M a", functions={functions}, positive="r M")'
    with pytest.raises(ArgumentError, match="no coordinate"):
        c.index("M")
    with pytest.raises(ArgumentError, match="no coordinate"):
        c.index(4)


def test_trees_are_small():
    assert read("x + 2*y").kind == "+"
    assert read("f''(r)").kind == "prime"
    assert read("f''(r)").value == 2
