"""Piecewise functions: the value and a finite gradient on every branch, also where another branch is not finite."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp

from geomflow.codegen.program import Argument, Program
from geomflow.core.errors import GenerationError

X, Y = sp.symbols("x y")
CASES = {
    "log": sp.Piecewise((sp.log(X), X > 1), (X - 1, True)),
    "root": sp.Piecewise((sp.sqrt(X), X > 0), (-X * Y, True)),
    "reciprocal": sp.Piecewise((1 / X, sp.Ne(X, 0)), (Y, True)),
    "power": sp.Piecewise((X**X, sp.And(X > 0, X < 99)), (sp.Integer(1), True)),
    "overflow": sp.Piecewise((sp.exp(X), X < 5), (Y, True)),
    "shifted": sp.Piecewise((sp.sqrt(X - Y) * sp.log(X - Y), X > Y), (Y**2, True)),
    "three": sp.Piecewise((sp.acosh(X), X > 2), (sp.asin(X / 2), X > -2), (sp.log(-X), True)),
    "nested": sp.Piecewise((sp.Piecewise((sp.log(Y), Y > 0.5), (1 / (Y - 2), True)) * X, X > 0), (sp.exp(X), True)),
    "abs": sp.Piecewise((sp.Abs(X) / X, X**2 > 0), (0, True)),
    "both": sp.Piecewise((1 / (X * Y), sp.And(X > 0, Y > 0)), (sp.sqrt(-X), X < 0), (X - Y, True)),
    "either": sp.Piecewise((sp.log(3 - X), sp.Or(X < 0, sp.Not(Y > 0))), (X * Y, True)),
    "gamma": sp.Piecewise((sp.loggamma(X), X > 0), (sp.besseli(0, X - 1), True)),
    "outer": sp.sqrt(sp.Piecewise((sp.log(X), X > 1), (1 - X, True))) * Y,
}
POINTS = [
    (0.0, 0.3),
    (0.0, 2.5),
    (-0.7, 0.4),
    (1.7, 0.9),
    (1.7, -0.6),
    (2.5, 2.2),
    (-3.0, -1.0),
    (4.0, 0.7),
    (800.0, 0.2),
]
DERIVATIVES = {jax.jacfwd: "forward", jax.jacrev: "backward"}


@pytest.fixture(scope="module")
def programs():
    arguments = [Argument("x", X), Argument("y", Y)]
    return [Program("f", arguments, list(CASES.values()), derivatives=d) for d in (True, False)]


def exact(expression, point):
    at = {X: sp.Float(point[0], 30), Y: sp.Float(point[1], 30)}
    return float(sp.N(expression.subs(at), 30))


def test_values(programs):
    found = np.asarray(programs[0].compile()(*jnp.asarray(POINTS).T))
    for row, (name, expression) in zip(found, CASES.items()):
        for value, point in zip(row, POINTS):
            assert value == pytest.approx(exact(expression, point), rel=1e-14, abs=1e-14), (name, point)


@pytest.mark.parametrize("derivative", DERIVATIVES, ids=DERIVATIVES.values())
@pytest.mark.parametrize("rules", [True, False])
def test_gradients_are_finite_and_right(programs, rules, derivative):
    f = programs[not rules].compile()
    x, y = jnp.asarray(POINTS).T
    found = jnp.stack(jax.vmap(derivative(f, (0, 1)))(x, y), -1)  # (point, case, argument)
    for k, (name, expression) in enumerate(CASES.items()):
        slopes = [sp.diff(expression.subs({X: U, Y: V}), s) for s in (U, V)]
        for i, (a, b) in enumerate(POINTS):
            if a == 0 and name in ("three", "reciprocal", "abs", "power"):
                continue  # on the edge of a branch
            at = {U: sp.Float(a, 30), V: sp.Float(b, 30)}
            true = [float(sp.N(s.subs(at).doit(), 30)) for s in slopes]
            assert found[i, k] == pytest.approx(true, rel=1e-13, abs=1e-14), (name, (a, b))


U, V = sp.symbols("u v", real=True)


def test_at_the_edge_the_gradient_is_that_of_the_branch_taken():
    f = Program("f", [Argument("x", X)], [CASES["reciprocal"].subs(Y, 7), CASES["power"], CASES["abs"]]).compile()
    for derivative in DERIVATIVES:
        np.testing.assert_array_equal(derivative(f)(jnp.asarray(0.0)), [0, 0, 0])


def test_no_branch_for_a_point_is_nan():
    f = Program("f", [Argument("x", X)], [sp.Piecewise((X, X > 1), (X**2, X < 0)) * 2]).compile()
    np.testing.assert_array_equal(f(jnp.asarray([2.0, -3.0, 0.5])), [[4.0, 18.0, np.nan]])
    np.testing.assert_array_equal(jax.vmap(jax.jacrev(f))(jnp.asarray([2.0, -3.0]))[:, 0], [2, -12])


def test_a_branch_that_is_finite_nowhere_is_refused():
    nowhere = sp.Piecewise((sp.sqrt(-1 - X**2), X > 0), (0, True))
    with pytest.raises(GenerationError, match="No point was found") as error:
        Program("f", [Argument("x", X)], [nowhere]).compile()
    assert error.value.unknown == "Piecewise"


def test_a_complex_branch_is_read():
    f = Program("f", [Argument("x", X)], [sp.Piecewise((sp.exp(sp.I * X) / X, X > 0), (sp.I, True))]).compile()
    np.testing.assert_allclose(f(jnp.asarray([2.0, -1.0]))[0], [np.exp(2j) / 2, 1j], rtol=1e-15)
    np.testing.assert_allclose(jax.jacfwd(f)(jnp.asarray(0.0))[0], 0)
