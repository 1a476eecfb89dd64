"""Every function of the table and every rewriting against SymPy's own value at 30 digits; what must be refused is."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import sympy as sp

from geomflow.codegen.functions import FUNCTIONS
from geomflow.codegen.program import Argument, Program
from geomflow.codegen.reading import _REWRITTEN
from geomflow.core.errors import GenerationError

X, Y, P = sp.Symbol("x"), sp.Symbol("y"), sp.Symbol("p", positive=True)
HALF, THIRD = sp.Rational(1, 2), sp.Rational(1, 3)


def numbers(expressions, points):
    """The values of several expressions at points (x, y, p), in one compilation."""
    arguments = [Argument("x", X), Argument("y", Y), Argument("p", P)]
    f = Program("f", arguments, expressions, derivatives=False).compile()
    return np.asarray(f(*jnp.asarray(points).T))


def exact(expression, point):
    at = {s: sp.Float(float(v), 40) for s, v in zip((X, Y, P), point)}
    return complex(sp.N(sp.sympify(expression).subs(at), 30))


def agree(expressions, points, rel=1e-14):
    found = numbers(expressions, points)
    for row, expression in zip(found, expressions):
        for value, point in zip(row, points):
            assert complex(value) == pytest.approx(exact(expression, point), rel=rel, abs=1e-300), (expression, point)


INSIDE = [(0.37, 0.8, 0.21), (-0.62, 0.31, 0.9)]  # |x| < 1
ABOVE = [(1.3, 2.2, 1.7), (2.7, 0.4, 3.1)]  # x > 1
POSITIVE = [(0.37, 0.8, 0.3), (3.2, 1.6, 6.0)]


def test_elementary_functions():
    names = (
        "sin",
        "cos",
        "tan",
        "sinh",
        "cosh",
        "tanh",
        "exp",
        "asin",
        "acos",
        "atan",
        "asinh",
        "atanh",
        "Abs",
        "sign",
    )
    names = (*names, "floor", "ceiling", "erf", "erfc", "erfinv", "csc", "sec", "cot", "sech", "csch", "coth", "acot")
    names = (*names, "acsch")
    agree([getattr(sp, name)(X) for name in names], INSIDE)
    agree([sp.log(X), sp.acosh(X), sp.asec(X), sp.acsc(X), sp.acoth(X), sp.atan2(Y, X)], ABOVE)
    agree([sp.asech(X), sp.atan2(X, -Y)], [(0.37, 0.8, 1), (0.9, -0.8, 1)])


def test_special_functions():
    agree([sp.gamma(X), sp.factorial(X), sp.beta(X, Y), sp.besseli(0, X), sp.besseli(1, X)], POSITIVE)
    agree([sp.gamma(X), sp.besseli(0, X), sp.besseli(1, X), sp.besseli(1, X) * X], [(-0.62, 0, 1), (-3.3, 0, 1)])
    agree([sp.loggamma(X), sp.digamma(X), sp.Ei(X)], POSITIVE, 5e-14)
    agree([sp.polygamma(1, X), sp.polygamma(3, X), sp.trigamma(Y) * X], POSITIVE, 5e-14)
    agree([sp.binomial(X, Y)], [(5.5, 2.3, 1), (7, 3, 1)], 5e-14)
    agree([sp.lowergamma(X, Y), sp.uppergamma(X, Y), sp.uppergamma(HALF, X) * X], POSITIVE, 5e-14)


def test_incomplete_beta_functions():
    cases = [(1.3, 0.31, 2.1), (0.8, 0.72, 3.4)]
    both = [sp.betainc(X, P, 0, Y), sp.betainc(X, P, THIRD, Y), sp.betainc_regularized(X, P, 0, Y)]
    found = numbers([*both, sp.betainc_regularized(X, P, Y, 1)], cases)
    for column, (a, y, b) in zip(found.T, cases):
        true = [
            mpmath.betainc(a, b, lo, hi, r)
            for lo, hi, r in ((0, y, 0), (mpmath.mpf(1) / 3, y, 0), (0, y, 1), (y, 1, 1))
        ]
        np.testing.assert_allclose(column, [float(t) for t in true], rtol=1e-13)


def test_the_table_and_the_rewritings_are_covered():
    """A new function must come into the tests above."""
    direct = "sin cos tan sinh cosh tanh exp log asin acos atan asinh acosh atanh atan2 Abs sign floor ceiling erf erfc"
    direct += " erfinv gamma loggamma digamma polygamma beta betainc Ei maximum minimum power re im conjugate arg i0 i1"
    own = "i0e i1e gammainc gammaincc xlogy xlog1py softplus erfi normal_cdf BivariateNormalCDF"
    assert set(FUNCTIONS) == set((direct + " " + own).split())
    rewritten = "sec csc cot sech csch coth asec acsc acot asech acsch acoth factorial binomial"
    assert set(_REWRITTEN) == set(rewritten.split())


def test_small_arguments_lose_no_digits():
    agree([sp.csc(X), sp.cot(X), sp.csch(X), sp.coth(X), sp.acot(1 / X), sp.acsch(1 / X)], [(1e-8, 0, 1)])
    assert np.all(np.isfinite(numbers([sp.coth(X), sp.sech(X), sp.csch(X)], [(800.0, 0, 1)])))


def test_scaled_bessel_functions_do_not_overflow():
    decayed = [sp.exp(-X) * sp.besseli(n, X) for n in (0, 1)] + [P * sp.exp(-P - 1) * sp.besseli(1, P)]
    ratios = [sp.besseli(1, X) / sp.besseli(0, X), sp.exp(-2 * P) * sp.besseli(0, P) ** 2]
    agree([*decayed, *ratios], [(3.0, 0, 2.0), (0.2, 0, 0.3)])
    found = numbers([*decayed, *ratios], [(800.0, 0, 800.0), (1e5, 0, 1e5)])
    for row, expression in zip(found, [*decayed, *ratios]):
        for value, z in zip(row, (800, 10**5)):
            true = mpmath.mpmathify(sp.lambdify((X, P), expression, "mpmath")(mpmath.mpf(z), mpmath.mpf(z)))
            assert float(value) == pytest.approx(float(true), rel=1e-13), expression
    f = Program("f", [Argument("x", X)], [decayed[0], ratios[0]]).compile()
    slopes = jax.jacrev(f)(jnp.asarray(800.0))
    i0, i1 = mpmath.besseli(0, 800), mpmath.besseli(1, 800)
    np.testing.assert_allclose(slopes[0], float((i1 - i0) * mpmath.exp(-800)), rtol=1e-9)
    np.testing.assert_allclose(slopes[1], float(1 - i1 / i0 / 800 - (i1 / i0) ** 2), rtol=1e-9)
    np.testing.assert_allclose(
        f(jnp.asarray(-3.0)), [exact(e, (-3, 0, 0)).real for e in (decayed[0], ratios[0])], 1e-14
    )


def test_powers():
    expressions = [X**THIRD, X**-2, X ** sp.Rational(-3, 2), X ** sp.Rational(7, 2), 2**X, X**Y, THIRD**X, (1 / X) ** Y]
    expressions += [(X + Y) ** 5, sp.sqrt(2 * X), (4 * X) ** HALF, X**0.5, X**2.0, sp.pi**X, sp.sqrt(sp.pi) * X, X**X]
    agree(expressions, POSITIVE)
    negative = [(-1.7, 2.3, 1.0), (0.6, 0.4, 2.0)]
    agree(
        [(-X) ** 2, -(X**2), (-X) ** 3, sp.sqrt(X**2), (X**2) ** HALF, (X**4) ** THIRD, sp.sqrt((X - 3) ** 2)], negative
    )
    agree([sp.sqrt(-X), (-X) ** THIRD, X**-3, (X**2 * Y) ** HALF], negative[:1])
    agree([X ** (10**6), X ** (-(10**6))], [(1 + 1e-6, 0, 1), (1 - 1e-6, 0, 1)], 1e-10)


def test_numbers():
    expressions = [10**20 * X, sp.Rational(3, 10**20) * X, sp.Rational(-1, 3) / Y, sp.Float(1) / 3 + X, 2**40 + X]
    expressions += [sp.pi * X + sp.E * Y, sp.EulerGamma * X + sp.GoldenRatio, X + sp.Rational(10**30 + 1, 3 * 10**29)]
    expressions += [sp.Rational(10**400 + 1, 10**399) * X, sp.Catalan * X, X * sp.Rational(1, 3) ** 40]
    agree(expressions, ABOVE, 1e-15)
    assert numbers([sp.Float(0.1 + 0.2) + 0 * X], ABOVE)[0, 0] == 0.1 + 0.2
    assert numbers([X * 10**400], ABOVE)[0, 0] == np.inf


def test_max_min_and_steps():
    points = [(0.3, 0.5, 0.4), (-0.3, -0.5, 0.1), (0.0, 0.0, 0.2)]
    agree([sp.Max(X, Y, P), sp.Min(X, Y, P, 0.35), sp.Heaviside(X), sp.Heaviside(X, 0), sp.Max(X, 0) * Y], points)


def test_complex_arguments_and_complex_values_of_real_ones():
    f = Program("f", [Argument("x", X)], [sp.exp(X) * sp.sqrt(X), sp.Abs(X), sp.conjugate(X) + sp.I, sp.im(X**2)])
    z = jnp.asarray([1.0 + 2j, -0.3 - 0.1j])
    true = [jnp.exp(z) * jnp.sqrt(z), abs(z), z.conj() + 1j, (z**2).imag]
    np.testing.assert_allclose(f.compile()(z), true, rtol=1e-15)
    waves = Program("f", [Argument("x", X)], [sp.exp(sp.I * X), sp.I * X**2, X]).compile()
    assert waves(jnp.asarray(2.0)).dtype == complex
    np.testing.assert_allclose(waves(jnp.asarray(2.0)), [np.exp(2j), 4j, 2])
    parts = [sp.re(sp.exp(2 * sp.I * X)), sp.Abs(1 + sp.exp(sp.I * X)), sp.arg(1 + sp.I * X), sp.im(sp.exp(sp.I * X))]
    real = Program("f", [Argument("x", X)], [*parts, sp.re(sp.conjugate(sp.I * X) * sp.I)]).compile()
    x = jnp.asarray(0.4)
    assert real(x).dtype == float
    np.testing.assert_allclose(real(x), [np.cos(0.8), 2 * np.cos(0.2), np.arctan(0.4), np.sin(0.4), 0.4], rtol=1e-15)
    slopes = [-2 * np.sin(0.8), -np.sin(0.2), 1 / 1.16, np.cos(0.4), 1]
    for derivative in (jax.jacfwd, jax.jacrev):
        np.testing.assert_allclose(derivative(real)(x), slopes, rtol=1e-14)


UNDEFINED = sp.Function("h")
Impostor = type("cosh", (sp.Function,), {})  # somebody's own class with a name that we know
REFUSED = {
    UNDEFINED(X): "h",
    sp.Function("sin")(X): "sin",  # an unknown function that only looks like one we know
    Impostor(X): "cosh",
    sp.besselj(0, X): "besselj",
    sp.besseli(2, X): "besseli",
    sp.uppergamma(-THIRD, X): "uppergamma",
    sp.LambertW(X): "LambertW",
    sp.Derivative(UNDEFINED(X), X): "Derivative",
    sp.Integral(sp.sin(X**3), X): "Integral",
    sp.Sum(X**Y, (Y, 1, 3)): "Sum",
    sp.Indexed("q", X): "q",
    sp.MatrixSymbol("M", 2, 2)[0, 0]: "MatrixElement",
    sp.oo: "Infinity",
    sp.zoo: "ComplexInfinity",
    sp.nan: "NaN",
    sp.Symbol("other"): "other",
}
WRAPS = {
    "bare": lambda e: e,
    "inside": lambda e: sp.sin(2 * e + X, evaluate=False),
    "power": lambda e: sp.Pow(e, Y, evaluate=False),
    "branch": lambda e: sp.Piecewise((sp.log(X) * e, X > 0), (0, True), evaluate=False),
    "condition": lambda e: sp.Piecewise((X, sp.Gt(e, 0, evaluate=False)), (0, True), evaluate=False),
    "rewritten": lambda e: sp.Max(sp.cot(e, evaluate=False), Y, evaluate=False),
}


# infinities stand by themselves only: SymPy evaluates what they are put into
PLACES = [(e, w) for e in REFUSED for w in WRAPS if w == "bare" or e not in (sp.oo, sp.zoo, sp.nan)]


@pytest.mark.parametrize(("expression", "wrap"), PLACES, ids=str)
def test_the_unknown_is_named_wherever_it_stands(expression, wrap):
    with pytest.raises(GenerationError) as error:
        Program("f", [Argument("x", X), Argument("y", Y)], [WRAPS[wrap](expression)]).compile()
    assert error.value.unknown == REFUSED[expression]
