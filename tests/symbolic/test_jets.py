"""The staged curvature of the jet frame against the definition, exactly, on rational polynomial metrics.

`RiemannByDefinition` differentiates Γ with SymPy and knows nothing of stages, minors or symmetries.
"""

import itertools
import random

import pytest
import sympy as sp

from geomflow.core.errors import DerivationError
from geomflow.symbolic.jets import JetFrame, pairs

DIMENSIONS = [2, 3, pytest.param(4, marks=pytest.mark.slow)]


def polynomial_metric(n, seed):
    """A random symmetric matrix of quadratic polynomials in x: every jet to order two is generic."""
    rng = random.Random(seed)
    x = sp.symbols(f"x0:{n}")

    def entry(i, j):
        monomials = [1, *x, *(a * b for a, b in itertools.combinations_with_replacement(x, 2))]
        return sum(sp.Rational(rng.randint(-9, 9), rng.randint(2, 9)) * m for m in monomials) + (5 if i == j else 0)

    upper = {(i, j): entry(i, j) for i, j in pairs(n)}
    return x, sp.Matrix(n, n, lambda i, j: upper[min(i, j), max(i, j)])


class RiemannByDefinition:
    """R^a_bcd = ∂_c Γ^a_db - ∂_d Γ^a_cb + Γ^a_ce Γ^e_db - Γ^a_de Γ^e_cb at the origin (DESIGN.md, section 3)."""

    def __init__(self, x, g):
        n = len(x)
        self.every = every = range(n)
        self.g = g.subs(dict.fromkeys(x, 0))
        self.inverse = self.g.inv()
        origin = dict.fromkeys(x, 0)
        lower = [
            [[(g[l, i].diff(x[j]) + g[l, j].diff(x[i]) - g[i, j].diff(x[l])) / 2 for j in every] for i in every]
            for l in every
        ]
        dinverse = [-self.inverse * g.diff(x[m]).subs(origin) * self.inverse for m in every]
        self.gamma = sp.MutableDenseNDimArray.zeros(n, n, n)
        self.dgamma = sp.MutableDenseNDimArray.zeros(n, n, n, n)
        for k, i, j in itertools.product(every, repeat=3):
            self.gamma[k, i, j] = sum(self.inverse[k, l] * lower[l][i][j].subs(origin) for l in every)
            for m in every:
                self.dgamma[k, i, j, m] = sum(
                    dinverse[m][k, l] * lower[l][i][j].subs(origin)
                    + self.inverse[k, l] * lower[l][i][j].diff(x[m]).subs(origin)
                    for l in every
                )

    def up(self, a, b, c, d):
        G, every = self.gamma, self.every
        value = self.dgamma[a, d, b, c] - self.dgamma[a, c, b, d]
        return value + sum(G[a, c, e] * G[e, d, b] - G[a, d, e] * G[e, c, b] for e in every)

    def down(self, a, b, c, d):
        return sum(self.g[a, e] * self.up(e, b, c, d) for e in self.every)

    def ricci(self, b, d):
        return sum(self.up(a, b, a, d) for a in self.every)

    def scalar(self):
        return sum(self.inverse[b, d] * self.ricci(b, d) for b in self.every for d in self.every)


class AtJets:
    """Evaluate frame expressions exactly: jets from the metric (and fields) at the origin, stages one by one."""

    def __init__(self, frame, x, g, **fields):
        self.frame = frame
        origin = dict.fromkeys(x, 0)
        self.values = {}
        named = {f"g_{i}{j}": g[i, j] for i, j in pairs(len(x))} | fields
        for name, f in named.items():
            for order in [(), *((k,) for k in range(len(x))), *pairs(len(x))]:
                derivative = sp.diff(f, *(x[k] for k in order)) if order else f
                self.values[frame.jet(name, order)] = sp.sympify(derivative).subs(origin)

    def __call__(self, expr):
        expr = sp.sympify(expr)
        for symbol in expr.free_symbols:
            if symbol not in self.values:
                self.values[symbol] = self(self.frame.assignments[symbol])
        return expr.subs(self.values)


@pytest.mark.parametrize("n", DIMENSIONS)
@pytest.mark.parametrize("seed", [0, 1])
def test_curvature_is_the_definition(n, seed):
    x, g = polynomial_metric(n, seed)
    truth, frame = RiemannByDefinition(x, g), JetFrame(n)
    at = AtJets(frame, x, g)
    assert at(frame.determinant()) == truth.g.det()
    for i, j in itertools.product(range(n), repeat=2):
        assert at(frame.inverse(i, j)) == truth.inverse[i, j]
        assert at(frame.ricci(i, j)) == truth.ricci(i, j)
    for k, i, j in itertools.product(range(n), repeat=3):
        assert at(frame.christoffel(k, i, j)) == truth.gamma[k, i, j]
    for index in itertools.product(range(n), repeat=4):
        assert at(frame.riemann(*index)) == truth.down(*index)
    assert at(frame.scalar()) == truth.scalar()


@pytest.mark.parametrize("n", [1, 2, 3])
def test_derivative_is_the_chain_rule_through_stages(n):
    x, g = polynomial_metric(n, 3)
    frame = JetFrame(n)
    f = 1 + sum((k + 2) * c + (k + 1) * c**2 / 3 for k, c in enumerate(x)) + x[0] * x[-1] / 5
    at = AtJets(frame, x, g, f=f)
    inverse, origin = g.inv(), dict.fromkeys(x, 0)
    for k in range(n):
        assert at(frame.derivative(frame.determinant(), k)) == g.det().diff(x[k]).subs(origin)
        for i, j in {(0, 0), (0, n - 1)}:
            assert at(frame.derivative(frame.inverse(i, j), k)) == inverse[i, j].diff(x[k]).subs(origin)
        # a product of a stage, a jet and a function of a jet
        value = frame.inverse(0, n - 1) * frame.jet("f", (0,)) ** 2 * frame.weight("f")
        truth = (inverse[0, n - 1] * f.diff(x[0]) ** 2 * sp.exp(-f)).diff(x[k]).subs(origin)
        assert sp.simplify(at(frame.derivative(value, k)) - truth) == 0


def test_second_derivative_of_a_determinant():
    x, g = polynomial_metric(2, 4)
    frame = JetFrame(2)
    at = AtJets(frame, x, g)
    mixed = frame.derivative(frame.derivative(frame.determinant(), 0), 1)
    assert at(mixed) == g.det().diff(x[0], x[1]).subs(dict.fromkeys(x, 0))


def test_a_declared_constant_has_no_derivative():
    frame = JetFrame(2)
    tau = sp.Symbol("tau")
    assert frame.derivative(tau, 0) == 0
    assert frame.derivative(tau * frame.jet("f", ()), 1) == tau * frame.jet("f", (1,))


def test_third_derivatives_are_refused():
    frame = JetFrame(2)
    with pytest.raises(DerivationError, match="end at order two"):
        frame.jet("f", (0, 0, 1))
    with pytest.raises(DerivationError, match="end at order two"):
        frame.derivative(frame.ricci(0, 0), 0)


def test_fields_with_indices_must_be_defined():
    frame = JetFrame(2)
    assert frame.field("u") == frame.jet("u", ())
    with pytest.raises(DerivationError, match="define_field"):
        frame.field("W", 0)
    frame.define_field("W", {(0,): frame.inverse(0, 1)})
    assert frame.field("W", 0) == frame.inverse(0, 1)


def test_conformal_to_flat():
    """g = w δ on the plane: Ric = -½ Δ log w δ and R = -Δ log w / w."""
    frame = JetFrame(2, conformal_to_flat=True)
    w = frame.jet("w", ())
    laplacian = sum(frame.jet("w", (k, k)) / w - (frame.jet("w", (k,)) / w) ** 2 for k in range(2))

    def expand(expr):
        while live := expr.free_symbols & frame.assignments.keys():
            expr = expr.subs({s: frame.assignments[s] for s in live})
        return expr

    assert sp.expand(expand(frame.scalar()) + laplacian / w) == 0
    for i, j in itertools.product(range(2), repeat=2):
        assert sp.expand(expand(sp.sympify(frame.ricci(i, j))) + (laplacian / 2 if i == j else 0)) == 0


def test_conformal_agrees_with_the_general_frame_in_three_dimensions():
    x = sp.symbols("x0:3")
    w = 2 + x[0] / 3 - x[1] / 5 + x[0] * x[2] / 7 + x[1] ** 2 / 2 - x[2] ** 2 / 3
    general, conformal = JetFrame(3), JetFrame(3, conformal_to_flat=True)
    truth = AtJets(general, x, w * sp.eye(3))
    at = AtJets(conformal, x, w * sp.eye(3), w=w)
    for i, j in pairs(3):
        assert at(conformal.ricci(i, j)) == truth(general.ricci(i, j))
    assert at(conformal.scalar()) == truth(general.scalar())


def test_curvature_needs_one_division():
    """Only `over_det` divides: no intermediate of the general frame loses digits in a second quotient."""
    frame = JetFrame(3)
    frame.scalar()
    divisions = [s for s, e in frame.assignments.items() if any(p.exp.is_negative for p in e.atoms(sp.Pow))]
    assert [s.name for s in divisions] == ["over_det"]
