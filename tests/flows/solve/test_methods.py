"""Every method: nominal order, error estimate, many members, and derivatives, on one flow with a known solution."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.compare.time_order import time_order
from geomflow.core.errors import ArgumentError, PrecisionError
from geomflow.flows.solve import Banded, Explicit, Exponential, Implicit, evolve, integrate

SIZE, START, END = 24, 3.0, 4.0
K2 = jnp.asarray(np.fft.rfftfreq(SIZE, 1 / SIZE) ** 2)


class Conformal(eqx.Module):
    """∂_t w = c (log w)'' on the circle: for c = 1 solved by sinh t/(cosh t + cos x)."""

    speed: jax.Array

    def __call__(self, t, w):
        return self.speed * backward(-K2 * forward(jnp.log(w)))


def forward(w):
    return jnp.fft.rfft(w)


def backward(modes):
    return jnp.fft.irfft(modes, n=SIZE)


def exact(t):
    return jnp.asarray(np.sinh(t) / (np.cosh(t) + np.cos(2 * np.pi * np.arange(SIZE) / SIZE)))


FLOW = Conformal(jnp.asarray(1.0))
METHODS = {
    "explicit": Explicit(),
    "implicit": Implicit(-K2, forward, backward),
    "exponential": Exponential(-K2, forward, backward),
}
EACH = pytest.mark.parametrize("name", METHODS)

TIMES = np.linspace(START, END, 6)


def run(method, rtol=1e-9, **options):
    return integrate(FLOW, exact(START), TIMES, method=method, rtol=rtol, atol=rtol / 100, **options)


def swing(t, y):
    """Solved by exp(sin t) and its like; not stiff."""
    return y * jnp.cos(t) * jnp.asarray([1.0, -2.0])


SWUNG = jnp.exp(jnp.sin(5.0) * jnp.asarray([1.0, -2.0]))


@pytest.mark.parametrize(
    ("name", "order", "problem", "ladder"),
    [
        ("explicit", 5, (swing, jnp.ones(2), 5.0, SWUNG), (40, 80, 160)),
        ("implicit", 5, (FLOW, exact(START), (START, END), exact(END)), (4, 8, 16)),
        ("exponential", 4, (FLOW, exact(START), (START, END), exact(END)), (16, 32, 64)),
    ],
    ids=list(METHODS),
)
def test_nominal_order(name, order, problem, ladder):
    *given, end = problem
    found = time_order(*given, METHODS[name], ladder, exact=end, rtol=1e-13, atol=1e-14)
    assert found.steps == ladder
    assert found.errors[-1] < 1e-6
    assert order - 0.4 < found.order < order + 0.7, str(found)
    assert found.order == pytest.approx(np.log2(found.errors[1] / found.errors[2]))


def test_order_against_a_fine_run():
    """The same order without the exact state; and the exact state does not help against the grid's own error."""
    found = time_order(FLOW, exact(START), (START, END), METHODS["exponential"], (16, 32))
    known = time_order(FLOW, exact(START), (START, END), METHODS["exponential"], (16, 32), exact=exact(END))
    assert found.errors == pytest.approx(known.errors, rel=1e-3)
    assert str(found).splitlines()[2].split()[0] == "32"


@pytest.mark.parametrize("ladder", [(8,), (8, 8), (16, 8)], ids=str)
def test_a_ladder_increases(ladder):
    with pytest.raises(ArgumentError, match="increasing"):
        time_order(FLOW, exact(START), 1.0, Explicit(), ladder)


@EACH
def test_the_error_follows_the_tolerance(name):
    """Over some powers of ten the error is proportional to rtol within a factor, and never far above it."""
    # steps of the implicit method end on the outputs: a coarser tolerance would not be seen
    tolerances = np.array([1e-8, 1e-10, 1e-12] if name == "implicit" else [1e-4, 1e-7, 1e-10])
    runs = [run(METHODS[name], rtol=r) for r in tolerances]
    errors = np.array([float(jnp.max(jnp.abs(each.last - exact(END)))) for each in runs])
    assert np.all(errors < 10 * tolerances), errors
    slope = np.log(errors[0] / errors[2]) / np.log(tolerances[0] / tolerances[2])
    assert 0.7 < slope < 1.3, errors
    assert runs[0].steps < runs[2].steps
    for each, tolerance in zip(runs, tolerances, strict=True):
        assert each.completed
        np.testing.assert_allclose(each.states, np.stack([exact(t) for t in TIMES]), rtol=30 * tolerance)


@pytest.mark.slow
def test_dense_output_of_the_implicit_method_is_of_third_order():
    found = run(METHODS["implicit"], dense=True, max_steps=500)
    middle = 0.5 * (TIMES[2] + TIMES[3])
    np.testing.assert_allclose(found.interpolate(middle), exact(middle), rtol=1e-4)
    assert float(jnp.max(jnp.abs(found.interpolate(middle) - exact(middle)))) > 1e-9  # so outputs must not rely on it


@EACH
def test_gradient_by_the_initial_metric(name):
    """The derivative of ∫ w² at the end, by the initial metric and by a parameter, against finite differences."""
    random = np.random.default_rng(0).standard_normal((2, SIZE))
    smooth = backward(forward(jnp.asarray(random[0])) * (K2 < 5)) * exact(START) / 10
    rough = jnp.asarray(random[1]) * exact(START) / 10

    @jax.jit
    @jax.value_and_grad
    def final(at):
        start = exact(START) + at[0] * smooth + at[1] * rough
        end = evolve(Conformal(1 + at[2]), start, START, 3.1, method=METHODS[name], rtol=1e-10, atol=1e-12)
        return jnp.sum(end**2) + end[1]

    found, h = final(jnp.zeros(3))[1], 1e-3
    # steps are chosen for the state: what is rough is less accurate, and unstable in an explicit method
    allowed = {0: 1e-6, 2: 1e-6} if name == "explicit" else {0: 1e-6, 1: 1e-3, 2: 1e-6}
    for axis, tolerance in allowed.items():
        at = [float(final(s * h * jnp.eye(3)[axis])[0]) for s in (-2, -1, 1, 2)]
        expected = (at[0] - 8 * at[1] + 8 * at[2] - at[3]) / (12 * h)
        assert float(found[axis]) == pytest.approx(expected, rel=tolerance)
        assert abs(expected) > 1e-2


@pytest.mark.parametrize("name", ["explicit", "exponential", pytest.param("implicit", marks=pytest.mark.slow)])
def test_many_members_are_a_loop(name):
    def end(w):
        return evolve(FLOW, w, START, 3.1, method=METHODS[name])

    starts = jnp.stack([exact(START), 2 * exact(3.2), 1 / exact(2.9)])
    together = jax.jit(jax.vmap(end))(starts)
    one = jax.jit(end)
    np.testing.assert_allclose(together, jnp.stack([one(w) for w in starts]), rtol=1e-12)
    np.testing.assert_allclose(one(exact(START)), exact(3.1), rtol=1e-8)


def test_evolve_backward_in_time_is_the_inverse():
    there = evolve(FLOW, exact(START), START, 3.01)
    np.testing.assert_allclose(evolve(FLOW, there, 3.01, START), exact(START), rtol=1e-7)


def test_evolve_refuses():
    with pytest.raises(eqx.EquinoxRuntimeError, match="did not reach its final time"):
        evolve(lambda t, y: y**2, jnp.ones(1), 0.0, 2.0)
    with pytest.raises(ArgumentError, match="not written in JAX"):
        evolve(FLOW, exact(START), START, END, method=Banded(1, 1))
    with pytest.raises(PrecisionError, match="float64"):
        evolve(FLOW, jnp.ones(SIZE, "float32"), START, END)


# -- the implicit method on stiff equations ----------------------------------------------------------------------------


def stiff(t, y):
    """Prothero and Robinson's equation, with a pytree of a state: both parts tend to cos t, one of them nonlinearly."""
    return {
        "slow": -1e6 * (y["slow"] - jnp.cos(t)) - jnp.sin(t),
        "fast": -1e4 * (y["fast"] ** 3 - jnp.cos(t) ** 3) - jnp.sin(t) * jnp.ones(2),
    }


def test_implicit_steps_are_not_limited_by_stiffness():
    start = {"slow": jnp.ones(()), "fast": jnp.asarray([1.0, 1.0])}
    run = integrate(stiff, start, np.array([0.0, 1.0]), method=Implicit(), rtol=1e-7, atol=1e-9)
    assert run.completed
    assert run.steps < 200  # an explicit method needs 3e5
    for leaf in jax.tree.leaves(run.last):
        np.testing.assert_allclose(leaf, np.cos(1.0), rtol=1e-6)


def test_a_poor_preconditioner_changes_the_work_and_not_the_answer():
    ends = [run(Implicit(-factor * K2, forward, backward)).last for factor in (1.0, 0.3)]
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-8)


def test_where_newton_fails_the_step_shrinks_and_the_run_says_where():
    """√y is not defined beyond its zero: no step reaches it."""
    run = integrate(lambda t, y: -1 / jnp.sqrt(y), jnp.ones(3), np.array([0.0, 0.3, 1.0]), method=Implicit())
    assert not run.completed
    assert run.last_time == pytest.approx(2 / 3, abs=1e-6)
    np.testing.assert_array_equal(run.times, [0.0, 0.3])
