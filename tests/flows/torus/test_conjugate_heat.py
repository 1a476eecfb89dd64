"""The reference solution of the fixed-measure flow: mass, pull-back, and the flow equation itself."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.compare.invariants import gauge_invariants
from geomflow.flows import FixedMeasureFlow
from geomflow.flows.solve import integrate
from geomflow.flows.torus.conjugate_heat import ConjugateHeat, perelman_reference, pull_back
from geomflow.flows.torus.ricci import RicciFlow
from geomflow.geometry.packed import pack
from geomflow.geometry.torus import Torus
from geomflow.metrics import METRICS, torus_metric

TORUS = Torus(2, 32)
SMALL = torus_metric(
    "small", [["1.1 + 0.05*cos(x) + 0.03*sin(y)", "0.04*cos(x + y)"], ["0.04*cos(x + y)", "0.9 - 0.04*sin(x - y)"]]
)
# five equidistant times: what the centred fourth-order difference needs
TIMES = np.linspace(0, 0.04, 5)


@pytest.fixture(scope="module")
def reference():
    g, _ = SMALL.sample(TORUS)
    x, y = TORUS.points
    final = 1 + 0.1 * jnp.cos(x) + 0.05 * jnp.sin(x - y)
    return perelman_reference(TORUS, g, final, TIMES, rtol=1e-11, atol=1e-13), final


def test_starts_at_the_given_metric(reference):
    solution, _ = reference
    np.testing.assert_allclose(solution.metrics[0], SMALL.sample(TORUS)[0], atol=1e-13)
    np.testing.assert_array_equal(solution.times, TIMES)
    assert solution.metrics.shape == solution.ricci.shape == (5, 3, 32, 32)


def test_solves_the_fixed_measure_flow(reference):
    """dg/dt by a fourth-order difference of the pulled-back metrics against -2 (Ric + Hess log(dV/dm))."""
    solution, _ = reference
    middle, step = 2, TIMES[1] - TIMES[0]
    m = solution.metrics
    slope = (8 * (m[middle + 1] - m[middle - 1]) - (m[middle + 2] - m[middle - 2])) / (12 * step)
    velocity = eqx.filter_jit(FixedMeasureFlow(TORUS, measure=solution.measure).velocity)(m[middle])
    size = float(jnp.max(jnp.abs(velocity)))
    assert size > 0.05
    np.testing.assert_allclose(slope, velocity, atol=2e-6 * size)
    # the diffeomorphism has moved the metric: it is not the Ricci flow it is isometric to
    assert float(jnp.max(jnp.abs(m[middle] - solution.ricci[middle]))) > 1e-3


def test_is_isometric_to_the_ricci_flow(reference):
    solution, _ = reference
    ricci, pulled = (gauge_invariants(TORUS, g[-1]) for g in (solution.ricci, solution.metrics))
    for key, value in ricci.items():
        assert pulled[key] == pytest.approx(value, rel=1e-8, abs=1e-9), key


def test_mass_is_conserved(reference):
    solution, final = reference
    assert float(TORUS.integrate(solution.measure)) == pytest.approx(float(TORUS.integrate(final)), rel=1e-13)
    # backward in time it is a heat equation: the measure is flatter than what it becomes
    assert float(jnp.std(solution.measure)) < float(jnp.std(final))


def test_on_a_flat_torus_it_is_the_heat_equation_backward_in_time():
    times = np.array([0.0, 0.1])
    flat = jnp.broadcast_to(jnp.asarray([1.0, 0.0, 1.0])[:, None, None], (3, *TORUS.shape))
    ricci = integrate(RicciFlow(TORUS), flat, times, dense=True, max_steps=64)
    heat = integrate(ConjugateHeat(TORUS, ricci.interpolant()), 1 + 0.3 * jnp.cos(TORUS.points[0]), times[::-1])
    np.testing.assert_allclose(heat.last, 1 + 0.3 * np.exp(-0.1) * jnp.cos(TORUS.points[0]), atol=1e-9)


def test_pull_back_by_a_known_diffeomorphism():
    """(φ^* g)_ij(x) = ∂_i φ^a ∂_j φ^b g_ab(φ(x)), by autodiff of φ and of the metric's formula."""
    metric, torus = METRICS["generic-t2"], Torus(2, 48)

    def phi(x):
        return x + 0.1 * jnp.stack([jnp.sin(x[0] + x[1]), jnp.cos(x[0]) - 0.5 * jnp.sin(2 * x[1])])

    def exact(x):
        jacobian = jax.jacfwd(phi)(x)
        return jacobian.T @ metric.at(phi(x)) @ jacobian

    points = torus.points.reshape(2, -1).T
    displacement = (jax.vmap(phi)(points) - points).T.reshape(2, *torus.shape)
    truth = pack(jax.jit(jax.vmap(exact))(points)).reshape(3, *torus.shape)
    np.testing.assert_allclose(pull_back(torus, metric.sample(torus)[0], displacement), truth, atol=1e-11)


def test_pull_back_by_a_translation_is_a_translation():
    g, _ = SMALL.sample(TORUS)
    shift = jnp.broadcast_to(jnp.asarray([2, -3])[:, None, None] * TORUS.spacing, (2, *TORUS.shape))
    np.testing.assert_allclose(pull_back(TORUS, g, shift), jnp.roll(g, (-2, 3), (1, 2)), atol=1e-13)
