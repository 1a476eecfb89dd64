"""The formal adjoint: Euler operators of densities in coordinates, against SymPy's."""

import pytest
import sympy as sp
from flint import fmpq
from sympy.calculus.euler import euler_equations

from geomflow.symbolic.certificates.adjoint import Traced, euler_derivatives
from geomflow.symbolic.certificates.series import SeriesRing, multi_indices, rational

x, y = sp.symbols("x y")
u, v = sp.Function("u")(x, y), sp.Function("v")(x, y)
POLYNOMIALS = {
    u: 2 + 3 * x - y + 2 * x**2 + x * y / 2 + 5 * x**2 * y - y**3 + x**4,
    v: 1 - x + 3 * y + 2 * y**2 + x**3 - 3 * x**2 * y**2,
}


def densities(u, v, d, exp, sqrt):
    """The same densities of SymPy functions and of series; exponentials and roots of what is 0 and 1 at the origin."""
    ux, vy, uxy = d(u, 0), d(v, 1), d(d(u, 0), 1)
    return {
        "order zero": u * u * v - 3 * u,
        "first order": ux * ux * v + ux * vy * u,
        "second order": uxy * uxy * v + d(d(v, 0), 0) * uxy * u,
        "divergence": d(u * u * v, 0) + d(v * vy, 1),
        "quotient": ux * ux * (1 / v if isinstance(v, sp.Expr) else v.inverse()),
        "exponential": exp(v - 1) * ux * ux + exp(ux - 3) * v,
        "root": sqrt(v) * vy * ux,
    }


def series(expression, order):
    polynomial = sp.Poly(expression, x, y)
    coefficients = {alpha: rational(polynomial.coeff_monomial(x ** alpha[0] * y ** alpha[1])) for alpha in ALPHAS}
    return Traced(SeriesRing(2, order).element(coefficients))


ALPHAS = multi_indices(2, 4)
TYPED = densities(u, v, lambda e, k: sp.diff(e, (x, y)[k]), sp.exp, sp.sqrt)


@pytest.mark.parametrize("name", TYPED)
def test_against_sympy(name):
    fields = [series(POLYNOMIALS[u], 4), series(POLYNOMIALS[v], 4)]
    density = densities(*fields, lambda e, k: e.derivative(k), Traced.exp, Traced.sqrt)[name]
    found = euler_derivatives(density, fields)
    for value, equation in zip(found, euler_equations(TYPED[name], [u, v], [x, y])):
        expected = equation.lhs.subs(POLYNOMIALS).doit().subs({x: 0, y: 0}) if equation not in (True, False) else 0
        assert value == rational(sp.nsimplify(expected))


def test_tracing_changes_no_value():
    a, b = series(POLYNOMIALS[u], 3), series(POLYNOMIALS[v], 3)
    traced = a * b - 2 * a + (3 - b) * fmpq(1, 2) + a.derivative(0) * b.inverse()
    p, q = a.plain, b.plain
    plain = p * q - 2 * p + (3 - q) * fmpq(1, 2) + p.derivative(0) * q.inverse()
    assert traced.value == plain.value
    assert traced.order == plain.order


def test_a_field_that_does_not_enter_has_no_derivative():
    a, b = series(POLYNOMIALS[u], 2), series(POLYNOMIALS[v], 2)
    assert euler_derivatives(a * a, [a, b]) == [2 * a.constant_term(), 0]
    assert euler_derivatives(a.ring.constant(1), [a]) == [0]
