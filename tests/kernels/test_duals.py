"""Numerical duals: accuracy at coincident points, derivatives, and which way is chosen for an activation."""

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest
import sympy as sp

from geomflow.core.errors import ArgumentError, CatalogueError, ConvergenceError, DerivationError
from geomflow.kernels.duals import Angular, ClosedForm, Mehler, dual
from geomflow.symbolic.kernels.duals import derive_dual
from geomflow.symbolic.kernels.duals.dual import C, P, Q

DIGITS = 60


def relu_pair(p, q, c):
    theta = mp.acos(c / mp.sqrt(p * q))
    return (mp.sqrt(p * q - c * c) + (mp.pi - theta) * c) / (2 * mp.pi), (mp.pi - theta) / (2 * mp.pi)


def square_pair(p, q, c):
    theta = mp.acos(c / mp.sqrt(p * q))
    s = mp.sqrt(p * q - c * c)
    k = (3 * s * c + (mp.pi - theta) * (p * q + 2 * c * c)) / (2 * mp.pi)
    return k, 2 * (s + (mp.pi - theta) * c) / mp.pi


def erf_pair(p, q, c):
    rest = (1 + 2 * p) * (1 + 2 * q)
    return 2 / mp.pi * mp.asin(2 * c / mp.sqrt(rest)), 4 / (mp.pi * mp.sqrt(rest - 4 * c * c))


TRUTHS = {
    "relu": (relu_pair, lambda p: (p / 2, mp.mpf(1) / 2)),
    "rectified-power-2": (square_pair, lambda p: (3 * p * p / 2, 2 * p)),
    "erf": (erf_pair, lambda p: erf_pair(p, p, p)),
}


@pytest.mark.parametrize("name", TRUTHS)
def test_values_from_differences_have_all_digits(name):
    pair, diagonal = TRUTHS[name]
    distance = np.array([1e-12, 1e-7, 1e-3, 0.3, 1.0])
    p, e, D = np.full(5, 1.3), 0.2 * distance, distance**2
    rule = dual(name)
    found = jax.jit(lambda *at: jnp.stack([*rule.separated(*at), rule.gap(*at)]))(p, p - e, e, D)
    with mp.workdps(DIGITS):
        for values, *given in zip(found.T, p, e, D):
            p, e, D = (mp.mpf(float(x)) for x in given)
            q = p - e  # the rounded one is not the truth
            k, slope = pair(p, q, (p + q - D) / 2)
            gap = diagonal(p)[0] + diagonal(q)[0] - 2 * k
            for value, truth, digits in zip(values, (k, slope, gap), (4e-15, 4e-15, 2e-14)):
                assert abs(float(value) / truth - 1) < digits


def test_the_deep_relu_tangent_kernel_of_points_that_nearly_coincide():
    rule = dual("relu")
    x = np.array([0.5, -0.25, 1.0])
    for direction in (np.array([0.3, 0.9, -0.2]), x):  # across the ray through x, and along it
        y = x + 1e-12 * direction
        found = float(deep(rule, jnp.asarray(x), jnp.asarray(y)))
        with mp.workdps(DIGITS):
            exact = deep_exactly([mp.mpf(t) for t in x], [mp.mpf(t) for t in y])
            assert abs(found / exact - 1) < 1e-14


def deep(rule, x, y):
    d, w, b = len(x), 2.0, 0.01
    p, q = w * x @ x / d + b, w * y @ y / d + b
    e, D = w * (x - y) @ (x + y) / d, w * (x - y) @ (x - y) / d
    theta = (p + q - D) / 2
    for _ in range(3):
        k, slope = rule.separated(p, q, e, D)
        e, D = w * (rule.diagonal(p)[0] - rule.diagonal(q)[0]), w * rule.gap(p, q, e, D)
        p, q = w * rule.diagonal(p)[0] + b, w * rule.diagonal(q)[0] + b
        theta = w * theta * slope + w * k + b
    return theta


def deep_exactly(x, y):
    w, b = mp.mpf(2), mp.mpf(0.01)
    p, q, c = (w * mp.fdot(s, t) / len(x) + b for s, t in ((x, x), (y, y), (x, y)))
    theta = c
    for _ in range(3):
        k, slope = relu_pair(p, q, c)
        theta = w * theta * slope + w * k + b
        p, q, c = w * p / 2 + b, w * q / 2 + b, w * k + b
    return theta


@pytest.mark.parametrize("name", ["relu", "leaky-relu", "rectified-power-2", "rectified-power-3", "erf"])
def test_derivatives_are_those_of_the_function(name):
    rule = dual(name)

    @jax.jit
    def values(p, q, c):
        return jnp.stack(rule(p, q, c))

    at, step = jnp.array([1.1, 0.7, -0.3]), 1e-5
    found = jax.jit(jax.jacrev(values, (0, 1, 2)))(*at)
    for i in range(3):
        ahead, behind = (values(*at.at[i].add(sign * step)) for sign in (1, -1))
        np.testing.assert_allclose(found[i], (ahead - behind) / (2 * step), atol=2e-9)
    np.testing.assert_allclose(found[2][0], values(*at)[1], rtol=1e-14)


@pytest.mark.parametrize(("name", "orders"), [("relu", 1), ("rectified-power-2", 2), ("rectified-power-3", 3)])
def test_derivatives_at_coincident_points_and_at_zero_are_finite(name, orders):
    rule = dual(name)
    assert rule.derivatives == orders
    p = jnp.asarray(1.7)
    k = lambda p, q, c: rule(p, q, c)[0]  # noqa: E731
    value, by_p, by_q, by_c = k(p, p, p), *jax.jit(jax.grad(k, (0, 1, 2)))(p, p, p)
    # along the diagonal, K(p, p, p) = a p^n
    np.testing.assert_allclose(by_p + by_q + by_c, orders * value / p, rtol=1e-14)
    np.testing.assert_allclose(by_c, rule.diagonal(p)[1], rtol=1e-14)
    np.testing.assert_allclose(jax.jvp(lambda c: k(p, p, c), (p,), (1.0,))[1], by_c, rtol=1e-14)
    if orders > 1:
        twice = jax.jit(jax.grad(jax.grad(k, 2), 2))(p, p, p)
        assert np.isfinite(twice)
        np.testing.assert_allclose(twice, dual("2*Max(0, u)").diagonal(p)[1] if orders == 2 else twice, rtol=1e-14)
    zero = jnp.asarray(0.0)
    for at in ((zero, p, zero), (zero, zero, zero)):
        assert float(k(*at)) == 0.0
        assert np.isfinite(rule(*at)[1])
        assert all(np.isfinite(g) for g in jax.grad(k, (0, 1, 2))(*at))
        assert float(rule.gap(at[0], at[1], at[0] - at[1], at[0] + at[1])) == pytest.approx(
            float(rule.diagonal(at[1])[0])
        )


def test_steps_at_zero_and_at_coincidence():
    rule, one, zero = dual("sign"), jnp.asarray(1.0), jnp.asarray(0.0)
    assert [float(v) for v in rule(one, one, one)] == [1.0, np.inf]
    assert [float(v) for v in rule.diagonal(one)] == [1.0, np.inf]
    assert float(rule(zero, one, zero)[0]) == 0.0  # not correlated with anything
    # a step's gap is an angle: 1e-9 apart, of order 1e-9 and not zero
    np.testing.assert_allclose(rule.gap(one, one, zero, one * 1e-18), 4e-9 / np.pi, rtol=1e-12)


@pytest.mark.parametrize("text", ["Max(0, u) + u**2", "Abs(u)*exp(-u**2)", "Max(0, u) + erf(u)"])
def test_a_kink_that_is_not_homogeneous(text):
    rule, p = dual(text), jnp.asarray(1.3)
    assert isinstance(rule, ClosedForm)
    assert rule.needs_gap
    assert rule.derivatives == 1
    together = [float(v) for v in rule.diagonal(p)]
    np.testing.assert_allclose([float(v) for v in rule(p, p, p)], together, rtol=1e-13)
    np.testing.assert_allclose([float(v) for v in rule.separated(p, p, 0 * p, 0 * p)], together, rtol=1e-13)
    assert float(rule.gap(p, p, 0 * p, 0 * p)) == 0.0
    # K' changes by an angle: a distance of 1e-9 shows
    slopes = [float(rule.separated(p, p, 0 * p, D * p)[1]) for D in (1e-12, 1e-14)]
    assert slopes[0] < slopes[1] < together[1]
    k = lambda p, q, c: rule(p, q, c)[0]  # noqa: E731
    step = 1e-5
    along = (rule.diagonal(p + step)[0] - rule.diagonal(p - step)[0]) / (2 * step)
    np.testing.assert_allclose(sum(jax.jit(jax.grad(k, (0, 1, 2)))(p, p, p)), along, atol=1e-3)
    # apart, every derivative is right
    at = (p, 0.6 * p, 0.4 * p)
    grad = jax.jit(jax.grad(k, (0, 1, 2)))(*at)
    for i in range(3):
        moved = [[x + s * step * (i == j) for j, x in enumerate(at)] for s in (1, -1)]
        np.testing.assert_allclose(grad[i], (k(*moved[0]) - k(*moved[1])) / (2 * step), atol=1e-8)


@pytest.mark.parametrize("text", ["Max(0, u) + u**2", "Max(0, u) + cos(u)"])
def test_the_gap_of_a_kink_that_is_not_homogeneous(text):
    # its digits decide over the angle behind the next layer
    rule, derived, p = dual(text), derive_dual(text), 1.3
    for radial, distance in ((0.2, 1e-12), (1.0, 1e-9), (0.9, 2e-6)):
        e, D = radial * distance, distance**2
        found = float(rule.gap(p, p - e, e, D))
        at = {P: sp.Rational(p), Q: sp.Rational(p) - sp.Rational(e)}
        at[C] = (at[P] + at[Q] - sp.Rational(D)) / 2
        exact = derived.diagonal.subs(P, at[P]) + derived.diagonal.subs(P, at[Q]) - 2 * derived.kernel.subs(at)
        assert abs(found / float(exact.evalf(60)) - 1) < 1e-11
    assert np.isnan(rule.gap(p, p, 0.0, np.nan))
    # the derivatives are those of the difference
    assert np.isfinite(jax.grad(lambda D: rule.gap(p, p, 0.0, D))(0.0))


@pytest.mark.parametrize("text", ["selu", "Max(0, u) + cos(u)"])
def test_a_zero_input_and_other_precisions(text):
    rule = dual(text)
    at_zero = 0.0 if text == "selu" else 1.0  # φ(0)
    mean = 0.0 if text == "selu" else np.exp(-0.4) + np.sqrt(0.4 / np.pi)  # φ(0) E φ(v)
    found = np.array([rule(p, q, 0.0)[0] for p, q in ((0.0, 0.8), (0.8, 0.0), (0.0, 0.0))])
    np.testing.assert_allclose(found, [mean, mean, at_zero], atol=2e-8)
    np.testing.assert_allclose(rule.gap(0.0, 0.8, -0.8, 0.8), at_zero + rule.diagonal(0.8)[0] - 2 * mean, atol=1e-8)
    single = [np.float32(x) for x in (0.5, 2, 0.25)]
    np.testing.assert_allclose(rule(*single), rule(0.5, 2.0, 0.25), rtol=1e-6)
    np.testing.assert_allclose(rule(1, 2, 1), rule(1.0, 2.0, 1.0), rtol=1e-14)
    # a small variance beside a large one
    assert abs(rule(1e-20, 0.8, 0.0)[0] - mean) < 1e-10


def test_arrays_are_broadcast():
    p, q = jnp.array([[1.0], [2.0]]), jnp.array([[0.5, 1.0, 3.0]])
    for name in ("relu", "erf"):
        rule = dual(name)
        k, slope = rule(p, q, jnp.zeros((2, 3)))
        assert k.shape == slope.shape == (2, 3)
        assert jax.eval_shape(rule.gap, p, q, p - q, p + q).shape == (2, 3)
        assert jax.eval_shape(jax.grad(lambda p: jnp.sum(rule(p, q, q)[0])), p).shape == (2, 1)  # noqa: B023


def test_the_way_is_chosen_by_the_activation():
    assert isinstance(dual("relu"), Angular)
    assert isinstance(dual("2*Max(0, x) - Max(0, -x)/3"), Angular)
    assert isinstance(dual(sp.erf(sp.Symbol("t", real=True)) + 1), ClosedForm)
    assert isinstance(dual("sin(u) + u**3"), ClosedForm)
    assert isinstance(dual("tanh(2*u)"), Mehler)
    assert dual("relu") is dual("Max(0, u)")


def test_refusals():
    with pytest.raises(ArgumentError, match="depends on a"):
        dual("Max(0, u) + a*u")
    with pytest.raises((CatalogueError, DerivationError)):
        dual("reluu(")
    with pytest.raises(DerivationError, match="diverges for every p"):
        dual("1/u")
    with pytest.raises(ArgumentError, match="jumps"):
        dual("sign(u)*tanh(u) + sign(u)")
    with pytest.raises(ConvergenceError, match="kink") as refusal:
        dual("Max(0, tanh(u))")
    assert refusal.value.error > 1e-10
