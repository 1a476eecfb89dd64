r"""The exponential method: φ functions, both orders, exactness on linear parts, interpolant, and what JAX wants."""

import warnings
from fractions import Fraction
from functools import partial
from math import factorial

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from geomflow.flows.solve import Explicit, integrate, integrate_many
from geomflow.flows.solve.exponential import ETDRK4, Exponential, Interpolant, doubled, phi

ALLEN_CAHN = -(jnp.arange(33.0) ** 2) * 0.02
NODES = np.arange(64) * 2 * np.pi / 64


def to_modes(state):
    return jnp.fft.rfft(state)


def to_state(modes):
    return jnp.fft.irfft(modes, n=64)


class Reaction(eqx.Module):
    r"""y' = .02 y'' + p (y - y³) on a circle of 64 points."""

    strength: jax.Array

    def __call__(self, t, y):
        return to_state(ALLEN_CAHN * to_modes(y)) + self.strength * (y - y**3) + 0.1 * jnp.cos(t)


REACTION = Reaction(jnp.asarray(1.0))
METHOD = Exponential(ALLEN_CAHN, to_modes, to_state)
START = jnp.asarray(0.4 * np.cos(NODES) + 0.3 * np.sin(2 * NODES))


def exact_phi(z, index):
    # φ_j(z) = Σ z^k/(k + j)!: forty digits, from the exact value of the float
    with mpmath.workdps(60):
        z = mpmath.mpf(z)
        if abs(z) < 1:
            return mpmath.nsum(lambda k: z ** int(k) / mpmath.factorial(int(k) + index), [0, 30])
        value = mpmath.exp(z)
        for j in range(index):
            value = (value - mpmath.mpf(1) / factorial(j)) / z
        return value


@pytest.mark.parametrize("functions", [phi, lambda z: doubled(phi(z / 2))], ids=["phi", "doubled"])
def test_phi_functions_are_accurate_to_the_last_places_from_zero_to_1e8(functions):
    z = -np.concatenate([[0.0], np.logspace(-12, 8, 121), np.linspace(0.5, 5, 61)])
    values = jax.jit(functions)(jnp.asarray(z))
    for index in range(4):
        for at, found in zip(z, np.asarray(values[index]), strict=True):
            exact = exact_phi(at, index)
            if exact > 1e-300:
                assert abs((mpmath.mpf(float(found)) - exact) / exact) < 1e-15, (index, at)


def test_phi_functions_at_zero_are_the_reciprocal_factorials():
    assert [float(value) for value in phi(jnp.asarray(0.0))] == [float(Fraction(1, factorial(j))) for j in range(4)]


def test_a_linear_equation_is_solved_exactly_by_one_step_and_between_its_ends():
    # e^{-k²t} over a step for which the explicit method would need 1e4 steps
    symbol = -1e3 * jnp.arange(33.0) ** 2
    method = Exponential(symbol, to_modes, to_state)
    times = np.array([0.0, 1e-3, 0.3, 2.0])
    start = jnp.asarray(1 + np.cos(NODES))
    solution = integrate(
        lambda t, y: to_state(symbol * to_modes(y)), start, times, method=method, fixed_steps=1, dense=True
    )
    assert solution.steps == 1
    for t, state in zip(times, solution.states, strict=True):
        np.testing.assert_allclose(state, 1 + np.exp(-1e3 * t) * np.cos(NODES), rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(solution.interpolant()(1e-4), 1 + np.exp(-0.1) * np.cos(NODES), rtol=1e-13, atol=1e-13)


@pytest.fixture(scope="module")
def reference():
    return integrate(REACTION, START, np.array([0.0, 1.0]), method=Explicit(), rtol=1e-13, atol=1e-14).last


def test_the_order_is_four(reference):
    counts = [4, 8, 16, 32]
    errors = [
        float(
            jnp.max(
                jnp.abs(integrate(REACTION, START, np.array([0, 1.0]), method=METHOD, fixed_steps=n).last - reference)
            )
        )
        for n in counts
    ]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all(orders > 3.8), orders
    assert np.all(orders < 4.3), orders
    assert errors[-1] < 1e-8


def one_step(h):
    solver, terms = METHOD.solver(), METHOD.terms(lambda t, y, args: REACTION(t, y))
    carried = solver.init(terms, 0.0, h, START, None)
    return solver.step(terms, 0.0, h, START, None, carried, False)


def test_the_error_estimate_is_of_order_three():
    sizes = 0.2 * 0.5 ** np.arange(4)
    estimates = [float(jnp.max(jnp.abs(one_step(h)[1]))) for h in sizes]
    orders = np.log2(np.array(estimates[:-1]) / estimates[1:])
    np.testing.assert_allclose(orders, 4.0, atol=0.25)  # the local error of order 3 is h⁴


def test_the_interpolant_meets_both_ends_and_is_of_order_three():
    errors = []
    for h in (0.2, 0.1, 0.05):
        y1, _, info, _, _ = one_step(h)
        between = METHOD.solver().interpolation_cls(t0=0.0, t1=h, **info)
        np.testing.assert_allclose(between.evaluate(0.0), START, atol=1e-15)
        np.testing.assert_allclose(between.evaluate(h), y1, atol=1e-14)
        np.testing.assert_allclose(between.evaluate(0.0, h), y1 - START, atol=1e-14)
        exact = integrate(REACTION, START, np.array([0.0, 0.4 * h]), method=Explicit(), rtol=1e-13, atol=1e-15).last
        errors.append(float(jnp.max(jnp.abs(between.evaluate(0.4 * h) - exact))))
    assert np.all(np.log2(np.array(errors[:-1]) / errors[1:]) > 3.7), errors


def test_the_number_of_steps_does_not_depend_on_the_grid(reference):
    steps = []
    for points in (64, 1024):
        symbol = -0.02 * jnp.arange(points // 2 + 1.0) ** 2
        x = np.arange(points) * 2 * np.pi / points
        method = Exponential(symbol, jnp.fft.rfft, partial(jnp.fft.irfft, n=points))

        def rhs(t, y, symbol=symbol, method=method):
            return method.backward(symbol * method.forward(y)) + y - y**3 + 0.1 * jnp.cos(t)

        start = jnp.asarray(0.4 * np.cos(x) + 0.3 * np.sin(2 * x))
        run = integrate(rhs, start, np.array([0, 1.0]), method=method, rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(run.last[:: points // 64], reference, atol=1e-7)
        steps.append(run.steps)
    assert abs(steps[1] - steps[0]) <= 1


def test_a_mode_that_is_relaxed_to_others_stays_accurate_however_stiff():
    for scale in (1e3, 1e7):
        symbol = -jnp.asarray([0.5, scale])

        def rhs(t, y, scale=scale):
            return jnp.stack([-0.5 * y[1] / y[0], scale * (y[0] ** 2 - y[1]) - y[1]])

        method = Exponential(symbol, _same, _same)
        last = integrate(rhs, jnp.asarray([1.0, 1.0]), np.array([0, 3.0]), method=method, rtol=1e-6, atol=1e-8).last
        np.testing.assert_allclose(last, [np.exp(-1.5), np.exp(-3.0)], rtol=2e-5)


def _same(state):
    return state


def test_the_coefficient_and_the_rate_in_modes_change_the_splitting_but_not_the_solution(reference):
    twice = Exponential(
        ALLEN_CAHN,
        to_modes,
        to_state,
        coefficient=lambda y: 1.0 + jnp.max(y**2),
        rate=lambda t, y: ALLEN_CAHN * to_modes(y) + to_modes(y - y**3 + 0.1 * jnp.cos(t)),
    )
    solution = integrate(REACTION, START, np.array([0, 1.0]), method=twice, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(solution.last, reference, atol=3e-9)
    plain = integrate(REACTION, START, np.array([0, 1.0]), method=METHOD, rtol=1e-9, atol=1e-11)
    assert solution.steps != plain.steps


def test_states_may_be_trees_with_a_symbol_for_each_leaf():
    symbols = {"a": -jnp.asarray([1.0, 50.0]), "b": -jnp.asarray(3.0)}
    method = Exponential(symbols, _same, _same)
    start = {"a": jnp.asarray([1.0, 2.0]), "b": jnp.asarray(0.5)}

    def rhs(t, y):
        return {"a": symbols["a"] * y["a"] + y["b"], "b": -3 * y["b"]}

    found = integrate(rhs, start, np.array([0, 1.0]), method=method, rtol=1e-11, atol=1e-13).last
    b = 0.5 * np.exp(-3.0)
    k = np.array([1.0, 50.0])
    a = np.array([1.0, 2.0]) * np.exp(-k) + 0.5 * (np.exp(-3.0) - np.exp(-k)) / (k - 3)
    np.testing.assert_allclose(found["b"], b, rtol=1e-12)
    np.testing.assert_allclose(found["a"], a, rtol=1e-9)


def test_the_gradient_through_the_flow_agrees_with_finite_differences():
    def final(amplitude):
        term = METHOD.terms(lambda t, y, args: REACTION(t, y))
        controller = diffrax.PIDController(rtol=1e-10, atol=1e-12)
        run = diffrax.diffeqsolve(
            term, METHOD.solver(), 0.0, 0.5, 1e-2, amplitude * START, stepsize_controller=controller
        )
        assert run.ys is not None
        return jnp.sum(run.ys[-1] ** 4)

    value = jax.jit(jax.grad(final))(1.0)
    expected = (final(1 + 1e-4) - final(1 - 1e-4)) / 2e-4
    np.testing.assert_allclose(value, expected, rtol=1e-7)


def test_an_ensemble_agrees_with_its_members():
    members = Reaction(jnp.asarray([1.0, 2.0]))
    starts = jnp.stack([START, 2 * START])
    many = integrate_many(members, starts, np.array([0, 0.5]), method=METHOD)
    for index, strength in enumerate((1.0, 2.0)):
        one = integrate(Reaction(jnp.asarray(strength)), starts[index], np.array([0, 0.5]), method=METHOD)
        np.testing.assert_allclose(many[index].last, one.last, atol=1e-12)


def test_no_warning_is_printed_and_the_interpolant_can_be_hashed():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        integrate(REACTION, START, np.array([0, 0.1, 0.2]), method=METHOD, dense=True, stops={"": lambda y: 1 + y[0]})
    assert isinstance(METHOD.solver(), ETDRK4)
    assert hash(Interpolant(to_state)) == hash(Interpolant(to_state))
    assert Interpolant(to_state) == Interpolant(to_state)
