import random
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from geomflow.core.errors import DerivationError
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.field.field import Field, Generator

CHART = Chart("x y", constants="a", functions={"f": "x"})
SYMBOLS = ["x", "y", "a", "f", "sin(x)", "cos(x)", "exp(y)", "sqrt(x^2 + y^2)", "sqrt(2)"]
# With radicals numbers grow quickly; expressions are kept small.
LEAVES = st.sampled_from(SYMBOLS) | st.integers(-3, 3).map(lambda n: f"({n})")
TEXTS = st.recursive(
    LEAVES,
    lambda inner: st.tuples(inner, st.sampled_from(["+", "-", "*"]), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
    max_leaves=4,
)
POINT = {"x": 0.37, "y": 0.81, "a": 1.9, "f": 0.53}


def same(left, right):
    """Equal values have the very same canonical form."""
    return left.field.lifted(left).num == right.field.lifted(right).num and left.den == right.den


def value(text):
    x = CHART.coordinates[0]
    e = CHART.parse(text).subs({CHART.functions["f"]: POINT["f"]})
    return float(e.subs({s: POINT[s.name] for s in e.free_symbols | {x}}).evalf())


def number(element):
    """The value of an element by its own generators, independent of the printer."""
    values = []
    for g in CHART.field.generators:
        if g.radicand is not None:
            values.append(polynomial(CHART.field.lifted(g.radicand), values) ** (1 / g.degree))
        elif isinstance(g.meaning, tuple) and g.meaning[0] == "circular":
            values.append(float(sp.tan(g.meaning[1] / 2).subs({s: POINT[s.name] for s in g.meaning[1].free_symbols})))
        elif isinstance(g.meaning, tuple):
            values.append(POINT["f"])
        else:
            values.append(float(g.meaning.subs({s: POINT[s.name] for s in g.meaning.free_symbols})))
    element = CHART.field.lifted(element)
    below = 1.0
    for i, e in element.den.items():
        below *= evaluated(CHART.field.factor(i), values) ** e
    return evaluated(element.num, values) / below


def evaluated(num, values):
    return sum(
        float(c) * np.prod([v ** int(e) for v, e in zip(values, es)]) for es, c in num.to_dict().items()
    )  # fmt: skip


def polynomial(element, values):
    return evaluated(element.num, values)


@settings(max_examples=60)
@given(TEXTS, TEXTS, TEXTS)
def test_ring_axioms_hold_as_identities_of_canonical_forms(a, b, c):
    p, q, r = CHART.elements([a, b, c])
    assert same(p + q, q + p)
    assert same((p + q) + r, p + (q + r))
    assert same((p * q) * r, p * (q * r))
    assert same(p * (q + r), p * q + p * r)
    assert same(p - p, CHART.field.zero)
    assert same(CHART.field.dot([(p, q), (q, r), (r, p)]), p * q + q * r + r * p)


@settings(max_examples=60)
@given(TEXTS, TEXTS)
def test_fractions(a, b):
    p, q = CHART.elements([a, b])
    if q.is_zero():
        with pytest.raises(DerivationError, match="zero"):
            p / q
        return
    assert same(q * q.inverse(), CHART.field.one)
    assert same((p / q) * q, p)
    assert same((p + q) / q, p / q + 1)
    if not p.is_zero():
        assert same((p / q).inverse(), q / p)


@settings(max_examples=60)
@given(TEXTS, TEXTS, st.integers(0, 1))
def test_derivations(a, b, k):
    p, q = CHART.elements([a, b])
    assert same((p * q).derivative(k), p.derivative(k) * q + p * q.derivative(k))
    assert same((p + q).derivative(k), p.derivative(k) + q.derivative(k))
    assert same(p.derivative(0).derivative(1), p.derivative(1).derivative(0))
    if not q.is_zero():
        assert same((p / q).derivative(k), (p.derivative(k) * q - p * q.derivative(k)) / (q * q))


@settings(max_examples=40)
@given(TEXTS, TEXTS)
def test_values_are_those_of_sympy(a, b):
    p, q = CHART.elements([a, b])
    quotient = q * q + 3
    assert number(p) == pytest.approx(value(a), abs=1e-8)
    assert number(p / quotient) == pytest.approx(value(a) / (value(b) ** 2 + 3), abs=1e-8)


def test_against_sympy_cancel():
    x, y, a = sp.symbols("x y a", real=True)
    random.seed(5)
    for _ in range(6):
        parts = [
            sum(random.randint(-3, 3) * x**i * y**j * a ** (i + j) for i in range(3) for j in range(2)) + 1
            for _ in range(4)
        ]
        expression = parts[0] / parts[1] + parts[2] / (parts[1] * parts[3])
        ours = CHART.element(expression)
        assert sp.cancel(sp.together(CHART.sympy(ours) - expression)) == 0
        # Numerator and denominator are coprime: as small as SymPy makes them.
        above, below = sp.fraction(sp.cancel(sp.together(expression)))
        assert len(ours.num) == len(sp.Poly(above, x, y, a).terms())
        assert sum(
            e * CHART.field.factor(i).total_degree() for i, e in ours.den.items()
        ) == sp.Poly(below, x, y, a).total_degree()  # fmt: skip


def test_powers_and_numbers():
    x = CHART.element("x")
    assert x**0 == 1
    assert x**-2 * x**3 == x
    assert 1 / x - x ** (-1) == 0
    assert x * fmpq(1, 2) == x / 2
    assert x * Fraction(1, 2) == x * sp.Rational(1, 2)
    assert x * np.int64(3) == 3 * x
    assert 2 - x == -(x - 2)
    assert (x - x).is_constant()
    with pytest.raises(DerivationError, match="type float"):
        x * 0.5
    assert x != "x"
    assert x != [1]
    with pytest.raises(TypeError):
        hash(x)


def test_elements_of_two_charts_do_not_mix():
    with pytest.raises(DerivationError, match="Two charts"):
        CHART.element("x") + Chart("x").element("x")


def test_elements_made_before_the_field_grows_stay_valid():
    chart = Chart("x", functions={"f": "x"})
    early = chart.element("1/(1 + x)")
    later = chart.element("sin(x)*f + exp(x)") * early
    assert same(later * (1 + chart.element("x")), chart.element("sin(x)*f + exp(x)"))
    assert same(early, chart.element("1/(x + 1)"))
    derived = early.derivative(0)
    assert same(derived, chart.element("-1/(1+x)^2"))


def test_radicals_are_reduced_and_leave_denominators():
    chart = Chart("x y", positive="x")
    r = chart.element("sqrt(x + 1)")
    assert same(r**2, chart.element("x + 1"))
    assert same(r**3, chart.element("(x + 1)*sqrt(x + 1)"))
    assert same(1 / r, r / chart.element("x + 1"))
    assert same(1 / (r + 1), (r - 1) / chart.element("x"))
    both = chart.element("sqrt(2) + sqrt(3) + y")
    assert same(both * both.inverse(), chart.field.one)
    assert same(chart.element("sqrt(6)"), chart.element("sqrt(2)*sqrt(3)"))
    assert same(r.derivative(0), 1 / (2 * r))


@pytest.mark.parametrize("text", ["x^(1/3) + 1", "x^(2/3) + y*x^(1/3) - 2", "2^(1/5) + x*2^(3/5)", "x^(1/4) + x^(1/2)"])
def test_sums_with_roots_of_higher_degree_are_inverted(text):
    chart = Chart("x y", positive="x y")
    e = chart.element(text)
    assert same(e * e.inverse(), chart.field.one)
    assert not any(
        chart.field.factor(i).degrees()[k] for i in e.inverse().den for k in chart.field.radicals
    )  # fmt: skip


def test_a_radical_of_zero_divisors_cannot_arise():
    # √(x - 1) and √(1 - x) are dependent over ℚ(i).
    chart = Chart("x")
    assert chart.element("sqrt(x - 1)^2 + sqrt(1 - x)^2").is_zero()
    assert (chart.element("sqrt(1 - x)") ** 2 - chart.element("I*sqrt(x - 1)") ** 2).is_zero()
    # At the sample point √(x - 1) is i √(1 - x).
    assert (chart.element("sqrt(1 - x)") + chart.element("I*sqrt(x - 1)")).is_zero()


def test_a_field_can_be_used_by_itself():
    field = Field(1)
    zero, one = field.zero, field.one
    (x,) = field.adjoin(Generator("x", lambda k: one))
    (c,) = field.adjoin(Generator("c", lambda k: zero))
    assert (x * x * c).derivative(0) == 2 * x * c
    assert repr(x / (x + 1)).startswith("Element(v0, {")


@pytest.mark.parametrize("first", ["x", "sqrt(1 - x)", "sqrt(x - 1)"])
def test_the_sign_of_a_root_does_not_depend_on_which_root_came_first(first):
    c = Chart("x")
    c.element(first)
    # At the sample point, 0 < x < 1, √(x - 1) = i √(1 - x).
    assert c.element("sqrt(x - 1)*sqrt(1 - x) - I*(1 - x)").is_zero()
    assert c.element("sqrt(x - 1)^2 - x + 1").is_zero()


def test_a_power_with_too_many_terms_is_refused_at_once():
    c = Chart("x y")
    with pytest.raises(DerivationError, match="too many terms"):
        c.element("(1 + x)^1000000")
    with pytest.raises(DerivationError, match="too many terms"):
        c.element("(1 + x + y)^1000")
    assert c.element("(1 + x)^100 - (1 + x)^60*(1 + x)^40").is_zero()
    assert not c.element("x^1000000").is_zero()
    # Many terms in one variable have a short power: 6 terms, but only 301 of the 60th power.
    assert len(c.element("(1 + x + x^2 + x^3 + x^4 + x^5)^60").num) == 301
