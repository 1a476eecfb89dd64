"""Flows on the torus: velocities against autodiff, exact solutions, invariants, linear rates, and how a run ends."""

from __future__ import annotations

import dataclasses
from functools import cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.compare.invariants import gauge_invariants
from geomflow.core.errors import ArgumentError, FlowError, HorizonError, PrecisionError
from geomflow.flows import (
    FLOWS,
    DeTurckFlow,
    FixedMeasureFlow,
    RicciFlow,
    TorusFlow,
    perelman_lambda,
    stability_horizon,
)
from geomflow.flows.solve import integrate
from geomflow.geometry import autodiff
from geomflow.geometry.packed import multiplicities, pack, unpack
from geomflow.geometry.torus import Torus
from geomflow.kernels.operator import cos_net_multiplier
from geomflow.metrics import METRICS, poisson

#: The flows that a network's kernel can drive.
SMEARED = ("ricci", "deturck", "perelman", "lambda", "network")


def make(name, torus, measure=None, kernel=None):
    """Build one of them, with what it wants beside a grid."""
    given = {"measure": jnp.ones(torus.shape) if measure is None else measure, "parametrisation": "independent"}
    wanted = {field.name for field in dataclasses.fields(FLOWS[name])}
    return FLOWS[name](torus, kernel=kernel, **{k: v for k, v in given.items() if k in wanted})


@cache
def sampled(name, size):
    metric = METRICS[name]
    torus = Torus(metric.dim, size)
    return metric, torus, *metric.sample(torus)


# -- velocities against autodiff --------------------------------------------------------------------------------------

# f = log(√det g / m) is not band-limited: the grid resolves it to this accuracy
GRIDS = [("generic-t2", 48, 1e-11), ("generic-t3", 24, 1e-6)]


@cache
def by_autodiff(name, size):
    """-2 Ric, Hess f and L_W g of a metric at four scattered grid points: packed, of shape (P, 4) each; and the index.

    W^k = g^ab Γ^k_ab and (L_W g)_ij = W^k ∂_k g_ij + g_kj ∂_i W^k + g_ik ∂_j W^k.
    """
    metric, torus, _, _ = sampled(name, size)
    density = metric.program().compile()

    def f(x):
        return 0.5 * jnp.log(jnp.linalg.det(metric.at(x))) - jnp.log(density(x)[-1])

    def w(x):
        return jnp.einsum("ab,kab->k", jnp.linalg.inv(metric.at(x)), autodiff.christoffel(metric.at, x))

    def tensors(x):
        moved = jnp.einsum("kj,ki->ij", metric.at(x), jax.jacfwd(w)(x))
        lie = jnp.einsum("k,ijk->ij", w(x), jax.jacfwd(metric.at)(x)) + moved + moved.T
        return -2 * autodiff.ricci(metric.at, x), autodiff.hessian(metric.at, f, x), lie

    index = tuple(np.random.default_rng(5).integers(0, torus.size, (torus.dim, 4)))
    points = torus.points[(slice(None), *index)].T
    return *(pack(tensor) for tensor in jax.jit(jax.vmap(tensors))(points)), (slice(None), *index)


def assert_close(value, truth, tolerance):
    np.testing.assert_allclose(value, truth, atol=tolerance * float(jnp.max(jnp.abs(truth))))


@pytest.mark.parametrize(("name", "size", "tolerance"), GRIDS)
def test_velocities_are_what_autodiff_says(name, size, tolerance):
    _, torus, g, measure = sampled(name, size)
    ricci, hessian, lie, index = by_autodiff(name, size)
    assert_close(RicciFlow(torus).velocity(g)[index], ricci, 1e-11)
    assert_close(DeTurckFlow(torus).velocity(g)[index], ricci + lie, 1e-11)
    assert_close(FixedMeasureFlow(torus, measure=measure).velocity(g)[index], ricci - 2 * hessian, tolerance)
    # the three differ, so that none passes for another
    assert float(jnp.max(jnp.abs(lie))) > 1e-2 < float(jnp.max(jnp.abs(hessian)))


@pytest.mark.parametrize("dim", [pytest.param(2, marks=pytest.mark.slow), 3])
@pytest.mark.parametrize("name", SMEARED)
def test_flat_is_a_fixed_point(name, dim):
    """Any constant metric, with Lebesgue measure."""
    torus = Torus(dim, 8)
    constant = jnp.eye(dim) + 0.2 * jnp.ones((dim, dim))
    g = pack(jnp.broadcast_to(constant, (*torus.shape, dim, dim)))
    np.testing.assert_allclose(eqx.filter_jit(make(name, torus))(0.0, g), 0, atol=1e-13)


def test_velocity_is_dealiased_then_smeared():
    _, torus, g, _ = sampled("generic-t2", 48)
    kernel = cos_net_multiplier(torus, 0.3)
    local, smeared = RicciFlow(torus)(0.0, g), RicciFlow(torus, kernel=kernel)(0.0, g)
    np.testing.assert_allclose(local, torus.dealias(RicciFlow(torus).velocity(g)), atol=1e-13)
    np.testing.assert_allclose(smeared, torus.multiply(local, kernel), atol=1e-13)


# -- exact solutions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "t0"), [pytest.param((1, 0), 1.0, marks=pytest.mark.slow), ((1, 1), 1.5)])
def test_raw_ricci_flow_follows_the_poisson_solution(mode, t0):
    torus, t = Torus(2, 64), 0.1
    g, _ = poisson(mode, t0).sample(torus)
    last = RicciFlow(torus).run(g, np.array([0.0, t])).require_completed("flow").last
    error = [float(jnp.max(jnp.abs(last - poisson(mode, t0, time).sample(torus)[0]))) for time in (t, 2 * t, t / 2)]
    assert error[0] < 2e-8
    assert min(error[1:]) > 1e-2  # a factor 2 in the flow would be seen


def test_poisson_curvature_integral():
    """∫ R² dV = 2π² / sinh²(t + t0) for m = (1, 0)."""
    torus = Torus(2, 64)
    value = gauge_invariants(torus, poisson((1, 0), 1.0).sample(torus)[0])["int R^2"]
    assert value == pytest.approx(2 * np.pi**2 / np.sinh(1.0) ** 2, rel=1e-8)


# -- linear theory about flat ------------------------------------------------------------------------------------------

SIGMA = 0.5
# rates in units of k², for transverse, mixed and longitudinal modes (MATH.md, section 6)
RATES = {"ricci": (-1, 0, 0), "deturck": (-1, -1, -1), "perelman": (-1, 0, 1), "lambda": (-1, 0, 0)}
RATES["network"] = RATES["perelman"]  # at g = δ and m = 1 the talk's kernel is the covariant one


def polarised_modes(torus, k):
    """cos(k·x + 1) times each polarisation: a list of (kind, packed field)."""
    wave = jnp.cos(jnp.einsum("i,i...->...", jnp.asarray(k, float), torus.points) + 1)
    n, *transverse = np.linalg.qr(np.column_stack([k, np.eye(torus.dim)[:, 1:]]))[0].T
    tensors = [(2, np.outer(n, n)), *((1, np.outer(n, t) + np.outer(t, n)) for t in transverse)]
    tensors += [(0, np.outer(a, b) + np.outer(b, a)) for a in transverse for b in transverse]
    return [(kind, pack(wave[..., None, None] * jnp.asarray(tensor))) for kind, tensor in tensors]


@pytest.mark.parametrize("k", [pytest.param((1, 2), marks=pytest.mark.slow), (2, 1, -1)], ids=str)
@pytest.mark.parametrize("name", SMEARED)
def test_linear_rates(name, k):
    torus = Torus(len(k), 12)
    flat = pack(jnp.broadcast_to(jnp.eye(torus.dim), (*torus.shape, torus.dim, torus.dim)))
    flow = eqx.filter_jit(make(name, torus, kernel=cos_net_multiplier(torus, SIGMA)))
    square, step = sum(a * a for a in k), 1e-4
    for kind, h in polarised_modes(torus, k):
        rate = RATES[name][kind] * square * np.exp(-(SIGMA**2) * square / 2)
        slope = (flow(0.0, flat + step * h) - flow(0.0, flat - step * h)) / (2 * step)
        if name == "ricci" and kind == 0:
            # without a gauge, the trace of a transverse mode drives the longitudinal (pure gauge) one
            trace = jnp.einsum("...ii->...", unpack(h))
            h = h + pack(trace[..., None, None] * jnp.asarray(np.outer(k, k) / square))
        np.testing.assert_allclose(slope, rate * h, atol=2e-6)


def test_fixed_measure_growth_to_machine_precision():
    """The same by jax.jvp: longitudinal +k² e^{-σ²k²/2}, mixed 0, transverse -k² e^{-σ²k²/2}."""
    torus, k = Torus(2, 12), (1, 2)
    flat = pack(jnp.broadcast_to(jnp.eye(2), (*torus.shape, 2, 2)))
    flow = make("perelman", torus, kernel=cos_net_multiplier(torus, SIGMA))
    derivative = jax.jit(lambda h: jax.jvp(lambda g: flow(0.0, g), (flat,), (h,))[1])
    for kind, h in polarised_modes(torus, k):
        rate = RATES["perelman"][kind] * 5 * np.exp(-(SIGMA**2) * 5 / 2)
        np.testing.assert_allclose(derivative(h), rate * h, atol=1e-12)


def test_deturck_modes_decay_in_time():
    """Small modes about flat decay like e^{-k² t}."""
    torus, k, t, size = Torus(2, 12), (1, 2), 0.2, 1e-6
    flat = pack(jnp.broadcast_to(jnp.eye(2), (*torus.shape, 2, 2)))
    h = sum(field for _, field in polarised_modes(torus, k))
    last = DeTurckFlow(torus).run(flat + size * h, np.array([0.0, t]), rtol=1e-12, atol=1e-15).last
    np.testing.assert_allclose((last - flat) / size, np.exp(-5 * t) * h, atol=1e-5)


# -- invariants and monotonicity ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gauges():
    """Ricci flow of generic-t2 in three gauges."""
    _, torus, g, _ = sampled("generic-t2", 48)
    times = np.linspace(0, 0.01, 3)
    return torus, {name: make(name, torus).run(g, times) for name in ("ricci", "deturck", "lambda")}


def test_gauges_agree_in_every_invariant(gauges):
    torus, runs = gauges
    truth = gauge_invariants(torus, runs["ricci"].last)
    start = gauge_invariants(torus, runs["ricci"].states[0])
    assert abs(truth["int R^2"] / start["int R^2"] - 1) > 5e-3  # something has happened
    for run in runs.values():
        assert run.completed
        for key, value in gauge_invariants(torus, run.last).items():
            assert value == pytest.approx(truth[key], rel=1e-8, abs=1e-9), key
    # and they are three different metrics
    assert float(jnp.max(jnp.abs(runs["ricci"].last - runs["deturck"].last))) > 1e-4
    assert float(jnp.max(jnp.abs(runs["ricci"].last - runs["lambda"].last))) > 1e-4


def test_area_and_gauss_bonnet(gauges):
    torus, runs = gauges
    for run in runs.values():
        values = [gauge_invariants(torus, g) for g in run.states]
        for v in values:
            assert v["volume"] == pytest.approx(values[0]["volume"], rel=1e-9)
            assert v["int R"] == pytest.approx(0, abs=1e-9)


def test_lambda_increases(gauges):
    torus, runs = gauges
    values = [float(perelman_lambda(torus, g).value) for g in runs["lambda"].states]
    assert values[0] < values[1] < values[2] < 0  # λ <= 0 on the torus, with equality for flat metrics


def test_the_functional_decreases_backward_and_increases_forward():
    """dF/dt = 2 ∫ |Ric + Hess f|² dm >= 0 along the fixed-measure flow, and its value is right."""
    _, torus, g, measure = sampled("generic-t2", 48)
    flow = FixedMeasureFlow(torus, measure=measure)
    v = eqx.filter_jit(flow.velocity)(g)
    change = jax.jit(lambda g, v: jax.jvp(flow.functional, (g,), (v,))[1])(g, v)
    inverse = jnp.linalg.inv(unpack(g))
    square = jnp.einsum("...ia,...jb,...ij,...ab->...", inverse, inverse, unpack(v), unpack(v))
    assert float(change) == pytest.approx(float(torus.integrate(0.5 * square * measure)), rel=1e-10)
    assert float(change) > 0


@pytest.mark.parametrize(("name", "size"), [("generic-t2", 48), pytest.param("generic-t3", 24, marks=pytest.mark.slow)])
def test_gradient_identity(name, size):
    """δF/δg_ij = -m (R^ij + ∇^i ∇^j f) at fixed measure: the generated velocity is the gradient of the generated F."""
    _, torus, g, measure = sampled(name, size)
    flow = FixedMeasureFlow(torus, measure=measure)
    gradient = jax.jit(jax.grad(flow.functional))(g)
    inverse = jnp.linalg.inv(unpack(g))
    raised = inverse @ unpack(0.5 * eqx.filter_jit(flow.velocity)(g)) @ inverse
    # packed: an off-diagonal variable moves two entries; a grid value weighs one cell
    weights = multiplicities(torus.dim).reshape(-1, *[1] * torus.dim) * torus.spacing**torus.dim
    difference = gradient / weights - measure * pack(raised)
    assert float(jnp.max(jnp.abs(difference))) < (1e-11 if torus.dim == 2 else 1e-7)


# -- how a run ends ----------------------------------------------------------------------------------------------------


def test_horizon():
    _, torus, g, measure = sampled("generic-t2", 48)
    sigma = 0.3
    flow = FixedMeasureFlow(torus, measure=measure, kernel=cos_net_multiplier(torus, sigma))
    smallest = np.linalg.eigvalsh(np.asarray(unpack(g))).min()
    horizon = stability_horizon(g, sigma, 1e-6)
    assert horizon == pytest.approx(np.e * sigma**2 / 2 * smallest * np.log(1e-6 / np.finfo(float).eps), rel=1e-12)
    with pytest.raises(HorizonError, match="shorter time") as error:
        flow.run_within_horizon(g, np.array([0.0, 1.01 * horizon]), sigma)
    assert error.value.horizon == horizon
    assert error.value.time == pytest.approx(1.01 * horizon)
    assert flow.run_within_horizon(g, np.array([0.0, 0.01]), sigma).completed


class Shrinking(TorusFlow):
    """dg/dt = -20 g: det g of T² falls to 1e-6 of its value at t = ln(1e6) / 40."""

    torus: Torus
    kernel: None = None

    def velocity(self, g):
        return -20 * g


def test_a_flow_that_leaves_the_space_of_metrics_stops_and_says_so():
    torus = Torus(2, 16)
    x, y = torus.points
    g = pack((1 + 0.1 * jnp.cos(2 * x - y))[..., None, None] * jnp.eye(2))
    times = np.linspace(0, 1, 11)
    solution = Shrinking(torus).run(g, times)
    assert not solution.completed
    assert "positive definite" in solution.reason
    assert "k = (-2, 1)" in solution.reason  # the half spectrum holds one of ±k
    assert solution.last_time == pytest.approx(np.log(1e6) / 40, abs=0.02)
    np.testing.assert_array_equal(solution.times, times[:4])
    np.testing.assert_allclose(solution.states, np.exp(-20 * times[:4])[:, None, None, None] * g, rtol=1e-6, atol=1e-10)
    assert bool(jnp.all(jnp.isfinite(solution.last)))
    with pytest.raises(FlowError, match=r"The demo stopped at t = 0\.3") as error:
        solution.require_completed("demo")
    assert error.value.time == solution.last_time


def test_the_ill_posed_flow_on_rough_data_stops():
    """Unsmeared, the longitudinal modes grow like e^{k² t}; the wave vector named is a short wave."""
    torus = Torus(2, 24)
    noise = 1e-3 * torus.dealias(jnp.asarray(np.random.default_rng(0).normal(size=(3, *torus.shape))))
    flat = pack(jnp.broadcast_to(jnp.eye(2), (*torus.shape, 2, 2)))
    solution = make("perelman", torus).run(flat + noise, np.linspace(0, 1, 21), rtol=1e-6, max_steps=2000)
    assert not solution.completed
    assert 0 < solution.last_time < 0.5
    assert 0 < solution.times.size < 21
    assert bool(jnp.all(jnp.isfinite(solution.states)))
    wave = eval(solution.reason.split("k = ")[1].rstrip(")") + ")")
    assert max(map(abs, wave)) >= 5


# -- the integrator ----------------------------------------------------------------------------------------------------


def rhs(t, y):
    return y * jnp.cos(t) * jnp.asarray([1.0, -2.0])


def truth(t):
    return np.exp(np.sin(t) * np.array([1.0, -2.0]))


START = jnp.ones(2)


def test_order_in_time():
    """Error against number of steps along a ladder of tolerances: a method of order five."""
    runs = [integrate(rhs, START, np.array([0.0, 5.0]), rtol=r, atol=r) for r in (1e-6, 1e-8, 1e-10)]
    errors = [np.linalg.norm(run.last - truth(5.0)) for run in runs]
    steps = [run.steps for run in runs]
    order = np.log(errors[0] / errors[2]) / np.log(steps[2] / steps[0])
    assert 4.5 < order < 5.8, (errors, steps)
    assert errors[2] < 1e-8


def test_output_times_and_dense_output():
    times = np.array([0.0, 0.3, 1.0, 2.0])
    run = integrate(rhs, START, times, dense=True, max_steps=512)
    assert run.completed
    assert run.reason == "reached the final time"
    assert run.last_time == 2.0
    np.testing.assert_array_equal(run.times, times)
    np.testing.assert_allclose(run.states, np.stack([truth(t) for t in times]), atol=1e-8)
    np.testing.assert_allclose(run.interpolate(1.234), truth(1.234), atol=1e-7)
    assert integrate(rhs, START, times).interpolate is None


def test_backward_integration():
    run = integrate(rhs, jnp.asarray(truth(2.0)), np.array([2.0, 1.0, 0.0]))
    np.testing.assert_allclose(run.states, np.stack([truth(t) for t in (2.0, 1.0, 0.0)]), atol=1e-8)


@pytest.mark.parametrize("times", [[0.0], [], [0.0, 0.0], [0.0, 1.0, 0.5], [0.0, np.nan]], ids=str)
def test_bad_times(times):
    with pytest.raises(ArgumentError, match="monotone"):
        integrate(rhs, START, np.array(times))


def test_single_precision_is_refused():
    with pytest.raises(PrecisionError, match="float64"):
        integrate(rhs, START.astype("float32"), np.array([0.0, 1.0]))


def test_the_number_of_steps_is_capped():
    run = integrate(rhs, START, np.array([0.0, 0.01, 50.0]), max_steps=20)
    assert not run.completed
    assert "max_steps" in run.reason
    assert run.steps == 20
    np.testing.assert_array_equal(run.times, [0.0, 0.01])


@pytest.mark.parametrize(
    "singular", [lambda t, y: y**2, lambda t, y: jnp.where(t < 0.7, y, jnp.nan)], ids=["pole", "nan"]
)
def test_a_blow_up_ends_the_run_with_a_finite_state(singular):
    run = integrate(singular, jnp.ones(1), np.array([0.0, 0.5, 2.0]), max_steps=4000)
    assert not run.completed
    assert "grows without bound" in run.reason
    np.testing.assert_array_equal(run.times, [0.0, 0.5])
    assert bool(jnp.all(jnp.isfinite(run.last)))
    assert run.last_time <= 1 + 1e-8
