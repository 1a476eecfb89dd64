"""Kähler-Ricci flow of a potential on complex tori, against the tensor flow and exact solutions."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.compare.time_order import time_order
from geomflow.core.errors import ArgumentError, MetricError
from geomflow.flows.exact.kaehler import POTENTIAL
from geomflow.flows.kaehler import PotentialFlow
from geomflow.flows.torus.ricci import RicciFlow
from geomflow.geometry import curvature
from geomflow.geometry.packed import unpack
from geomflow.symbolic.jets import pairs

BACKGROUND = [[0.7, 0.1 + 0.2j], [0.1 - 0.2j, 0.5]]
SURFACE = PotentialFlow(2, 12, BACKGROUND)
POINTS = [(0, 0, 0, 0), (3, 1, 7, 10)]


@functools.cache
def generic():
    x = SURFACE.torus.points
    return 0.05 * (jnp.cos(x[0] + x[3]) + jnp.sin(x[1] - x[2]) + jnp.cos(x[2]) + jnp.sin(x[0] - x[1] + x[2]))


def at_point(packed, index):
    """Metric and curvature R_abcd at one grid point, from spectral derivatives of the real metric."""
    place = (..., *index)
    first, second = (jnp.asarray(q[place]) for q in SURFACE.torus.jets(packed))
    g = unpack(packed[place])
    dg = jnp.stack([unpack(first[:, k]) for k in range(4)], axis=-1)
    seconds = np.zeros((4, 4, 4, 4))
    for p, (k, l) in enumerate(pairs(4)):
        seconds[..., k, l] = seconds[..., l, k] = np.asarray(unpack(second[:, p]))
    return g, curvature.riemann_lowered(g, dg, jnp.asarray(seconds))


def test_one_dimension_is_the_tensor_flow():
    """With ds² = 2 Re g_zz̄ dz dz̄: the factor 2 in ∂_t φ is that of ∂_t g = -2 Ric."""
    flow = PotentialFlow(1, 48, [[0.8]])
    x, y = flow.torus.points
    phi = 0.4 * jnp.cos(x) * jnp.sin(y) + 0.2 * jnp.cos(x + y)
    g, rate = jax.jvp(flow.metric, (phi,), (flow(0.0, phi),))
    np.testing.assert_allclose(g[0], 1.6 + 0.5 * flow.torus.flat_laplacian(phi), rtol=1e-12)
    velocity = RicciFlow(flow.torus).velocity(g)
    np.testing.assert_allclose(rate, velocity, atol=1e-7 * float(jnp.max(jnp.abs(velocity))))
    # on a surface |Rm| = |R|
    np.testing.assert_allclose(flow.riemann_squared(phi), flow.scalar(phi) ** 2, atol=1e-9)


def test_two_dimensions_are_ricci_flow_of_the_real_metric():
    phi = generic()
    # before the 2/3 rule, so that the grid's own error is all there is
    packed, rate = jax.jvp(SURFACE.metric, (phi,), (2 * SURFACE._log_volume(phi),))
    scalar = SURFACE.scalar(phi)
    for index in POINTS:
        g, low = at_point(packed, index)
        ricci = curvature.ricci(g, low)
        scale = float(jnp.max(jnp.abs(ricci)))
        assert scale > 5e-3
        np.testing.assert_allclose(unpack(rate[(..., *index)]), -2 * ricci, atol=1e-5 * scale)
        np.testing.assert_allclose(scalar[index], curvature.scalar(g, ricci), atol=1e-6)


@pytest.mark.slow
def test_curvature_in_two_dimensions():
    phi = generic()
    packed, squared = SURFACE.metric(phi), SURFACE.riemann_squared(phi)
    for index in POINTS:
        np.testing.assert_allclose(squared[index], curvature.kretschmann(*at_point(packed, index)), rtol=1e-5)
    assert float(SURFACE.curvature(phi)) == pytest.approx(float(jnp.sqrt(jnp.max(squared))), rel=1e-12)


def test_linear_part_is_the_symbol():
    """About the flat metric the flow is the heat flow of the background, oblique as it is."""
    x = SURFACE.torus.points
    for k in ((1, 0, 0, 0), (0, 1, 1, 0), (1, -1, 0, 2)):
        wave = jnp.cos(sum(m * xi for m, xi in zip(k, x, strict=True)))
        _, rate = jax.jvp(lambda phi: SURFACE(0.0, phi), (jnp.zeros_like(wave),), (wave,))
        place = tuple(int(m) for m in k)
        np.testing.assert_allclose(rate, SURFACE.symbol[place] * wave, atol=1e-12)
        # -k_a k_b G^ab of the real metric
        flat = np.asarray(unpack(SURFACE.metric(jnp.zeros_like(wave))[..., 0, 0, 0, 0]))
        assert SURFACE.symbol[place] == pytest.approx(-np.array(k) @ np.linalg.solve(flat, np.array(k)), rel=1e-13)


@pytest.mark.slow
def test_converges_to_the_flat_metric_of_its_class():
    """Volume stays, the entropy falls, R_min grows; φ decays like its slowest mode, e^{-t}."""
    flow = PotentialFlow(1, 32)
    x, y = flow.torus.points
    start = 0.5 * jnp.cos(x) * jnp.cos(y) + 0.2 * jnp.sin(x) + 0.15 * jnp.cos(2 * y)
    solution = flow.run(start, np.array([0.0, 4.0, 6.0]), watch=flow.observables).require_completed("")
    seen = solution.history.values
    np.testing.assert_allclose(seen["volume"], 4 * np.pi**2, rtol=1e-12)
    assert seen["entropy"][0] > 0.1
    assert np.all(np.diff(seen["entropy"]) < 0)
    assert np.all(np.diff(seen["R_min"]) > -1e-12)
    assert np.ptp(solution.states[1]) / np.ptp(solution.states[2]) == pytest.approx(np.exp(2), rel=0.01)
    assert abs(float(jnp.mean(solution.last))) < 1e-14


def test_orders_in_space():
    """∂_t φ of the Poisson solution against differences in time of order 4."""
    exact, step = POTENTIAL.state, 1e-3
    slope = (8 * (exact(1 + step) - exact(1 - step)) - (exact(1 + 2 * step) - exact(1 - 2 * step))) / (12 * step)
    errors = []
    for size in (16, 32, 64):
        flow, stride = PotentialFlow(1, size), 64 // size
        rate = flow(0.0, exact(1.0)[::stride, ::stride])
        errors.append(float(jnp.max(jnp.abs(rate - slope[::stride, ::stride]))))
    assert errors[0] < 0.05
    assert errors[1] < 0.03 * errors[0]
    assert errors[2] < 3e-3 * errors[1]


@pytest.mark.slow
def test_order_in_time():
    flow, start = PotentialFlow(1, 32), POTENTIAL.state(1.5)[::2, ::2]
    observed = time_order(flow, start, 1.0, flow.method(start), (10, 20, 40))
    assert observed.order == pytest.approx(4.0, abs=0.4), str(observed)


def test_potential_of_a_metric():
    phi = generic()
    np.testing.assert_allclose(SURFACE.potential(SURFACE.hermitian(phi)), phi - jnp.mean(phi), atol=1e-13)
    with pytest.raises(MetricError, match="not g⁰"):
        SURFACE.potential(1.01 * SURFACE.hermitian(phi))
    bent = SURFACE.hermitian(phi).at[0].add(0.01 * jnp.cos(SURFACE.torus.points[2]))
    with pytest.raises(MetricError, match="must be Kähler"):
        SURFACE.potential(bent)


def test_bad_input():
    flow = PotentialFlow(1, 16)
    x, _ = flow.torus.points
    with pytest.raises(MetricError, match=r"eigenvalue -0.25 .* at x = \(0,") as refused:
        flow.run(2.5 * jnp.cos(x), 1.0)
    assert refused.value.eigenvalue == pytest.approx(-0.25)
    with pytest.raises(MetricError, match="must be positive"):
        SURFACE.check(20 * generic())
    with pytest.raises(MetricError, match="shape"):
        flow.check(jnp.zeros((8, 8)))
    with pytest.raises(MetricError, match="Hermitian"):
        PotentialFlow(2, 8, [[1, 0.1j], [0.1j, 1]])
    with pytest.raises(MetricError, match="smallest eigenvalue is -1"):
        PotentialFlow(2, 8, [[1, 2], [2, 1]])
    with pytest.raises(ArgumentError, match="1 or 2"):
        PotentialFlow(3, 8)
