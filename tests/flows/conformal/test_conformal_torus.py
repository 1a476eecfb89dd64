r"""Conformal flow on T²: the derivation, the Poisson solution, orders in time and space, and what the theory says."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.core.errors import ArgumentError, DerivationError, GridError, MetricError
from geomflow.flows.conformal import ConformalTorusFlow
from geomflow.flows.conformal.derive import conformal_rate
from geomflow.flows.conformal.torus import TorusModes
from geomflow.flows.exact.conformal import poisson_state
from geomflow.flows.solve import Explicit, integrate
from geomflow.flows.torus.ricci import RicciFlow
from geomflow.geometry.torus import Torus

FLOW = ConformalTorusFlow(Torus(2, 32))
POISSON = partial(poisson_state, (1, 1), 32, 2.0)


def uneven():
    x, y = FLOW.torus.points
    return jnp.exp(0.4 * jnp.cos(x) * jnp.sin(y) + 0.3 * jnp.sin(2 * x + y))


def test_the_rate_is_derived_and_another_metric_is_refused():
    assert conformal_rate("x y", "dx^2 + dy^2") == (1, 0)
    assert conformal_rate("x y", "4*dx^2 + 4*dy^2") == (1, 0)
    assert conformal_rate("x y", "(dx^2 + dy^2)/y^2") == (1, 2)  # hyperbolic plane: R = -2
    with pytest.raises(DerivationError, match="log w"):
        conformal_rate("x y", "dx^2 + exp(x^2)*dy^2")


def test_the_rate_agrees_with_the_tensor_flow_on_the_torus():
    w = uneven()
    packed = jnp.stack([w, jnp.zeros_like(w), w])
    tensor = RicciFlow(FLOW.torus).velocity(packed)
    fine = FLOW.velocity(w)
    np.testing.assert_allclose(tensor[1], 0, atol=1e-5)
    np.testing.assert_allclose(fine, tensor[0], atol=2e-5 * float(jnp.max(jnp.abs(fine))))


def test_the_rate_in_modes_is_the_rate():
    w = uneven()
    np.testing.assert_allclose(FLOW.basis.inverse(FLOW.modes_of_rate(0.0, w)), FLOW(0.0, w), atol=1e-13)


def test_modes_hold_what_the_two_thirds_rule_keeps():
    field = jax.random.normal(jax.random.key(0), (32, 32))
    basis = TorusModes(FLOW.torus)
    np.testing.assert_allclose(basis.inverse(basis.transform(field)), FLOW.torus.dealias(field), atol=1e-14)
    assert basis.transform(field).shape == (21, 11)
    assert np.max(basis.squares) == 200


def test_the_poisson_solution_and_its_curvature():
    solution = FLOW.run(POISSON(0.0), np.array([0.0, 0.1, 0.5]), rtol=1e-10, atol=1e-12)
    for t, state in zip(solution.times, solution.states, strict=True):
        np.testing.assert_allclose(state, POISSON(t), rtol=3e-8)
        scalar = FLOW.scalar_curvature(POISSON(t))
        s = 2.0 + 2 * t
        # |m|² times that of wave vector (1, 0)
        np.testing.assert_allclose(jnp.max(jnp.abs(scalar)), 2 / np.sinh(s), rtol=2e-6)
        np.testing.assert_allclose(FLOW.curvature(POISSON(t)), 2 / np.sinh(s), rtol=2e-6)
        np.testing.assert_allclose(
            FLOW.integrate(scalar**2 * POISSON(t)), 4 * 2 * np.pi**2 / np.sinh(s) ** 2, rtol=1e-6
        )


def test_the_order_in_time_is_four_and_in_space_spectral():
    coarse = [FLOW.run(POISSON(0.0), 0.5, fixed_steps=n).last for n in (10, 20, 40)]
    fine = FLOW.run(POISSON(0.0), 0.5, fixed_steps=320).last
    errors = np.array([float(jnp.max(jnp.abs(last - fine))) for last in coarse])
    orders = np.log2(errors[:-1] / errors[1:])
    assert np.all(orders > 3.7), orders
    space = []
    for size in (16, 24):
        start, end = (poisson_state((1, 1), size, 1.0, t) for t in (0.0, 0.5))
        last = ConformalTorusFlow(Torus(2, size)).run(start, 0.5, rtol=1e-10, atol=1e-12).last
        space.append(float(jnp.max(jnp.abs(last - end))))
    # the order that would give, were it a power of the spacing
    assert np.log(space[0] / space[1]) / np.log(24 / 16) > 6, space


def test_it_flattens_keeps_the_area_and_every_monotone_number_is_monotone():
    w = uneven()
    solution = FLOW.run(w, 6.0, watch=FLOW.observables)
    assert solution.history is not None
    seen = solution.history.values
    np.testing.assert_allclose(seen["area"], seen["area"][0], rtol=1e-12)
    assert np.min(np.diff(seen["R_min"])) > -1e-7
    assert np.max(np.diff(seen["energy"])) < 1e-9
    assert seen["energy"][0] > 0.1
    mean = float(seen["area"][0]) / (4 * np.pi**2)
    np.testing.assert_allclose(solution.last, mean, rtol=0.02)
    assert FLOW.extinction(w) is None


def test_the_energy_falls_at_the_rate_of_the_theorem():
    w = uneven()
    _, slope = jax.jvp(FLOW.energy, (w,), (FLOW.velocity(w),))
    gauss = FLOW.scalar_curvature(w) / 2
    np.testing.assert_allclose(slope, -2 * FLOW.integrate(gauss**2 * w), rtol=1e-4)
    assert float(FLOW.energy(3 * w)) == pytest.approx(float(FLOW.energy(w)), rel=1e-12)


def test_the_mean_of_the_curvature_is_zero_so_that_the_normalised_flow_is_the_flow():
    w = uneven()
    normalised = ConformalTorusFlow(FLOW.torus, normalised=True)
    np.testing.assert_array_equal(normalised(0.0, w), FLOW(0.0, w))


@pytest.mark.slow
def test_stiffness_does_not_cost_steps():
    steps = []
    for size in (32, 96):
        torus = Torus(2, size)
        steps.append(ConformalTorusFlow(torus).run(poisson_state((1, 1), size, 2.0, 0.0), 0.5, rtol=1e-6).steps)
    assert steps[1] <= 1.1 * steps[0]
    explicit = integrate(FLOW, POISSON(0.0), np.array([0.0, 0.5]), method=Explicit(), rtol=1e-6)
    assert explicit.steps > 2 * steps[0]


def test_metrics_that_are_none_are_refused():
    w = uneven()
    with pytest.raises(MetricError, match=r"positive, but is -1 at grid point \(3, 4\)"):
        FLOW.run(w.at[3, 4].set(-1.0), 0.1)
    with pytest.raises(MetricError, match="finite"):
        FLOW.run(w.at[3, 4].set(jnp.nan), 0.1)
    with pytest.raises(ArgumentError, match=r"\(32, 32\)"):
        FLOW.run(w[:16], 0.1)
    with pytest.raises(ArgumentError, match="dimension 2"):
        ConformalTorusFlow(Torus(3, 8))
    with pytest.raises(GridError):
        ConformalTorusFlow(Torus(2, 31))


@pytest.mark.slow
def test_backward_in_time_it_leaves_the_metrics_and_says_so():
    solution = FLOW.run(POISSON(0.0), np.array([0.0, -2.0]), max_steps=2000)
    assert not solution.completed
    assert solution.last_time > -1.001  # s = 0, where the solution begins
