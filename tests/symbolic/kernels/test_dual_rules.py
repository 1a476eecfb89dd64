"""The rules under the duals: Isserlis, Stein with one edge, Price with two, each against plain quadrature."""

import itertools

import numpy as np
import pytest
import sympy as sp
from scipy.special import erf

from geomflow.symbolic.kernels.duals.dual import C, P, Q
from geomflow.symbolic.kernels.duals.isserlis import edge_moment, moment, pinned, power_moment
from geomflow.symbolic.kernels.duals.pair import expectation
from geomflow.symbolic.kernels.duals.price import COVARIANCE, SQUARE, A, B, E, H, edge_correlation
from geomflow.symbolic.kernels.duals.term import Term

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(150)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
COVARIANCES = [(1.3, 0.7, 0.5), (0.6, 1.1, -0.4)]


def average(function, p, q, c):
    """E f(u, v) by a tensor rule, exact to rounding for the smooth edges used here."""
    u = np.sqrt(p) * NODES[:, None] + 0 * NODES[None, :]
    v = c / np.sqrt(p) * NODES[:, None] + np.sqrt(q - c**2 / p) * NODES[None, :]
    return WEIGHTS @ function(u, v) @ WEIGHTS


def smooth_edge(u, noise):
    return erf(u / np.sqrt(2 * noise))


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_moments_of_a_moved_pair(covariance):
    for m, n in itertools.product(range(6), repeat=2):
        found = moment(m, n, *covariance, 0.3, -0.8)
        exact = average(lambda u, v, m=m, n=n: (u + 0.3) ** m * (v - 0.8) ** n, *covariance)
        assert found == pytest.approx(exact, rel=1e-11, abs=1e-11)
    assert power_moment(5, sp.Symbol("p")) == 0


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_pinning_is_a_gaussian_weight(covariance):
    p, noise = covariance[0], 0.9
    found = pinned(*covariance, noise)

    def weighted(f):
        return average(lambda u, v: f(u, v) * np.exp(-(u**2) / (2 * noise)) * np.sqrt(1 + p / noise), *covariance)

    assert weighted(lambda u, v: 1 + 0 * u) == pytest.approx(1, rel=1e-12)
    exact = [weighted(f) for f in (lambda u, v: u * u, lambda u, v: v * v, lambda u, v: u * v)]
    assert list(found) == pytest.approx(exact, rel=1e-11)


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_one_edge_by_stein(covariance):
    p, noise, mean_u, mean_v = covariance[0], 0.8, 0.45, -0.7
    spread = p + noise
    for m, n in itertools.product(range(5), repeat=2):
        alpha, beta = edge_moment(m, n, *covariance, noise, mean_u, mean_v)
        density = np.exp(-(mean_u**2) / (2 * spread)) / np.sqrt(2 * np.pi * spread)
        found = alpha * erf(mean_u / np.sqrt(2 * spread)) + 2 * beta * density

        def integrand(u, v, m=m, n=n):
            return (u + mean_u) ** m * smooth_edge(u + mean_u, noise) * (v + mean_v) ** n

        assert found == pytest.approx(average(integrand, *covariance), rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_two_edges_by_price(covariance):
    p, q, c = covariance
    noises = 0.8, 1.2
    at = dict(zip((A, B, E, H, COVARIANCE), (p + noises[0], q + noises[1], *noises, c), strict=True))
    letters = [g.as_expr() for g in at]
    root = np.sqrt(at[A] * at[B] - c**2)
    angle = np.arcsin(c / np.sqrt(at[A] * at[B]))
    for m, n in itertools.product(range(4), repeat=2):
        price = edge_correlation(m, n, False, False)
        values = [
            float(x.as_expr().subs(dict(zip(letters, at.values(), strict=True)))) for x in (price.root, price.angle)
        ]
        found = 2 / np.pi * (values[0] / root + values[1] * angle)

        def integrand(u, v, m=m, n=n):
            return u**m * smooth_edge(u, noises[0]) * v**n * smooth_edge(v, noises[1])

        assert found == pytest.approx(average(integrand, p, q, c), rel=1e-10, abs=1e-10)


@pytest.mark.parametrize(("m", "n"), [(1, 1), (2, 2), (1, 3), (3, 3), (4, 2)])
def test_sharp_edges_are_the_limit_of_smooth_ones(m, n):
    sharp, half, smooth = (edge_correlation(m, n, *kinds) for kinds in ((True, True), (True, False), (False, False)))
    for one, other in itertools.pairwise([smooth, half, sharp]):
        noise = E if one is smooth else H
        assert one.root.subs(noise, 0) == other.root
        assert one.angle.subs(noise, 0) == other.angle


@pytest.mark.parametrize(("m", "n"), [(0, 0), (1, 1), (2, 2), (0, 2), (3, 1), (3, 3)])
def test_the_sharp_derivative_lowers_both_powers(m, n):
    # ∂_c E u^m sign(u) v^n sign(v) = mn E u^{m-1} sign(u) v^{n-1} sign(v) for m, n > 0; exactly, in the ring.
    found = edge_correlation(m, n, True, True).derivative()
    if m and n:
        lower = edge_correlation(m - 1, n - 1, True, True)
        assert found.root == m * n * lower.root
        assert found.angle == m * n * lower.angle
    elif m == n == 0:
        assert (found.root, found.angle) == (1, 0)
    else:
        # 2δ(u) and (v²)' sign v: E 2δ(u) 2|v| = (2/π) 2w/a, since v given u = 0 has variance w²/a.
        assert (found.root, found.angle) == (2 * SQUARE / A, 0)


TERMS = [
    Term(sp.Integer(3), kind="dirac"),
    Term(sp.Integer(2), 2, slope=sp.Rational(1, 3)),
    Term(sp.Integer(1), 1, square=-sp.Rational(1, 2)),
    Term(sp.Integer(1), 3, square=-sp.Rational(1, 4), slope=-sp.Rational(2, 3)),
    Term(sp.Integer(1), 2, kind="edge", steepness=sp.oo),
    Term(sp.Integer(1), 1, square=-sp.Integer(1), kind="edge", steepness=sp.oo),
    Term(sp.Integer(1), 2, square=-sp.Rational(1, 3), kind="edge", steepness=sp.Rational(1, 2)),
]


@pytest.mark.parametrize(("f", "g"), [*itertools.combinations(TERMS, 2)])
def test_an_expectation_does_not_depend_on_the_order(f, g):
    """E f(u) g(v) with (p, q, c) is E g(u) f(v) with (q, p, c), though the rules treat the two factors differently."""
    values = []
    for one, other, p, q in ((f, g, "7/5", "3/5"), (g, f, "3/5", "7/5")):
        at = {P: sp.Rational(p), Q: sp.Rational(q), C: -sp.Rational(1, 2)}
        values.append(sum((x * key).subs(at) for x, key in expectation(one, other)))
    assert abs(sp.N(values[0] - values[1], 30)) < 1e-25
