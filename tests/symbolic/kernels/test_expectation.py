"""The expectation rules against quadrature, direct sums and Stein's identity, none of which uses the rules."""

import mpmath as mp
import pytest
import sympy as sp

from geomflow.core.errors import DerivationError
from geomflow.symbolic.kernels.expectation import (
    discrete_gaussian,
    discrete_weight,
    fourier_coefficient,
    gaussian,
    uniform_phase,
)

b, b1, b2, c, t, x = sp.symbols("b b1 b2 c t x", real=True)
s = sp.Symbol("s", positive=True)
VALUES = {s: sp.Rational(7, 10), t: sp.Rational(13, 10), x: sp.Rational(-2, 5), c: sp.Rational(3, 5)}


def gaussian_by_quadrature(expr, symbol, deviation):
    density = mp.mpf(1) / (deviation * mp.sqrt(2 * mp.pi))
    integrand = sp.lambdify(symbol, expr.subs(VALUES), "mpmath")
    nodes = [-12 * deviation, -4 * deviation, 0, 4 * deviation, 12 * deviation]
    return mp.quad(lambda v: density * mp.exp(-(v**2) / (2 * deviation**2)) * integrand(v), nodes)


@pytest.mark.parametrize(
    "expr",
    [
        b**2,
        b**6 - 3 * b**3 + 1,
        sp.exp(t * b),
        b**3 * sp.exp(t * b),
        sp.cos(t * b),
        b * sp.sin(t * b),
        b**4 * sp.cos(t * b + c),
        sp.sin(b + c) ** 3 * sp.cos(2 * b),
        b**2 * sp.cosh(b) * sp.sin(t * b + c),
        (b + x) ** 2 * sp.exp(x * b) * sp.cos(b),
    ],
)
def test_gaussian_agrees_with_quadrature(expr):
    derived = gaussian(expr, b, s**2)
    assert not derived.has(b)
    assert not derived.has(sp.I)
    exact = gaussian_by_quadrature(expr, b, mp.mpf(7) / 10)
    assert abs(mp.mpf(sp.N(derived.subs(VALUES), 20)) - exact) < 1e-12 * (1 + abs(exact))


def test_moments_are_double_factorials():
    assert [gaussian(b**n, b, s**2) for n in (0, 1, 2, 4, 6)] == [1, 0, s**2, 3 * s**4, 15 * s**6]


def test_stein_identity():
    function = b**2 * sp.cos(t * b + c) * sp.exp(x * b)
    assert sp.expand(gaussian(b * function, b, s**2) - s**2 * gaussian(sp.diff(function, b), b, s**2)) == 0


def test_independent_components_with_their_own_variances():
    expr = b1**2 * sp.cos(b1 * t + b2 * x) * b2
    by_steps = gaussian(gaussian(expr, b1, s**2), b2, sp.Integer(2))
    assert sp.expand(gaussian(expr, [b1, b2], [s**2, sp.Integer(2)]) - by_steps) == 0
    inner = gaussian_by_quadrature(gaussian(expr, b2, sp.Integer(2)), b1, mp.mpf(7) / 10)
    assert abs(mp.mpf(sp.N(by_steps.subs(VALUES), 20)) - inner) < 1e-12


@pytest.mark.parametrize(
    "expr",
    [sp.cos(c + t) ** 2, sp.cos(c + t) * sp.cos(c + x), sp.sin(c + t) * sp.cos(2 * c + x) * sp.cos(c), sp.cos(c) ** 4],
)
def test_phase_average_agrees_with_quadrature(expr):
    values = {t: sp.Rational(13, 10), x: sp.Rational(-2, 5)}
    integrand = sp.lambdify(c, expr.subs(values), "mpmath")
    exact = mp.quad(integrand, [-mp.pi, 0, mp.pi]) / (2 * mp.pi)
    assert abs(mp.mpf(sp.N(uniform_phase(expr, c).subs(values), 20)) - exact) < 1e-13


def test_phase_average_of_waves():
    n = sp.Symbol("n", integer=True, nonzero=True)
    assert uniform_phase(sp.exp(sp.I * n * c), c) == 0
    assert uniform_phase(sp.Integer(5), c) == 5


def test_discrete_gaussian_agrees_with_direct_sum():
    weight, k = sp.IndexedBase("p"), sp.Symbol("k1", integer=True)
    integer = sp.Symbol("b1", integer=True)
    series = discrete_gaussian(sp.cos(integer * x), integer, weight)
    sigma = 0.7
    total = sum(mp.exp(-(sigma**2) * n**2 / 2) for n in range(-40, 41))
    direct = sum(mp.exp(-(sigma**2) * n**2 / 2) * mp.cos(n * 0.4) for n in range(-40, 41)) / total
    explicit = series.replace(lambda e: isinstance(e, sp.Indexed), lambda e: discrete_weight(e.indices[0], s))
    summed = explicit.replace(sp.Sum, lambda f, limits: sp.Add(*(f.subs(limits[0], n) for n in range(-40, 41)))).doit()
    assert abs(complex(summed.subs({s: sigma, x: 0.4}).evalf()) - complex(direct)) < 1e-12
    assert fourier_coefficient(series, [x], [k], weight) == weight[k]
    assert discrete_gaussian(sp.Integer(1), integer, weight) == 1


def test_fourier_coefficient_separates_axes():
    weight = sp.IndexedBase("p")
    i, j = sp.symbols("i j", integer=True)
    k1, k2 = sp.symbols("k1 k2", integer=True)
    series = discrete_gaussian(3 * sp.cos(i * x + j * t) + sp.cos(i * x), [i, j], weight)
    expected = 3 * weight[k1] * weight[k2] + weight[k1] * sp.KroneckerDelta(k2, 0)
    assert sp.expand(fourier_coefficient(series, [x, t], [k1, k2], weight) - expected) == 0


@pytest.mark.parametrize(
    "expr", [1 / b, sp.exp(b**2), sp.tanh(b), sp.Abs(b), sp.exp(t * b * b), b ** sp.Rational(1, 2)]
)
def test_gaussian_refuses_what_no_rule_covers(expr):
    with pytest.raises(DerivationError, match=r"rules cover|linear"):
        gaussian(expr, b, s**2)


@pytest.mark.parametrize("expr", [c * sp.cos(c), sp.cos(c / 2), sp.cos(t * c), sp.exp(c), 1 / (2 + sp.cos(c))])
def test_phase_average_refuses_what_no_rule_covers(expr):
    with pytest.raises(DerivationError):
        uniform_phase(expr, c)


def test_phase_average_refuses_an_undecided_frequency():
    with pytest.raises(DerivationError, match="vanishes"):
        uniform_phase(sp.exp(sp.I * sp.Symbol("n", integer=True) * c), c)


def test_discrete_refusals():
    weight, k = sp.IndexedBase("p"), sp.Symbol("k1", integer=True)
    integer = sp.Symbol("b1", integer=True)
    with pytest.raises(DerivationError, match="theta"):
        discrete_gaussian(integer**2, integer, weight)
    doubled = discrete_gaussian(sp.cos(2 * integer * x), integer, weight)
    with pytest.raises(DerivationError, match="Orthogonality"):
        fourier_coefficient(doubled, [x], [k], weight)
    series = discrete_gaussian(sp.cos(integer * x), integer, weight)
    with pytest.raises(DerivationError, match="depends on an angle"):
        fourier_coefficient(x * series, [x], [k], weight)


def test_one_variance_per_symbol():
    with pytest.raises(DerivationError, match="variance"):
        gaussian(b1 * b2, [b1, b2], [s**2])
