"""Ricci-DeTurck flow: any background, constant volume, the parabolic form, differentiation matrices, stepping."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp

from geomflow.compare.time_order import time_order
from geomflow.core.errors import DerivationError
from geomflow.flows import DeTurckFlow, RicciFlow
from geomflow.flows.exact.torus import FAMILY, StraightenedTorus
from geomflow.flows.solve import Explicit
from geomflow.flows.torus.background import BackgroundDeTurckFlow, background_connection
from geomflow.flows.torus.derivatives import differentiation_matrix, spectral_jets
from geomflow.flows.torus.generate import _tensor_program, deturck_frame, generated, programs
from geomflow.flows.torus.normalised import VolumeNormalised
from geomflow.flows.torus.parabolic import in_parabolic_form
from geomflow.geometry import autodiff
from geomflow.geometry.packed import pack, unpack
from geomflow.geometry.torus import Torus
from geomflow.metrics import METRICS, poisson
from geomflow.symbolic.flows.deturck import in_gauge
from geomflow.symbolic.flows.flow import ricci_flow
from geomflow.symbolic.jets import JetFrame, pairs

TORUS = Torus(2, 32)
GENERIC = METRICS["generic-t2"]
G = GENERIC.sample(TORUS)[0]
SHIFT = (sp.Rational(1, 5), sp.Rational(-1, 9))
STRAIGHT = StraightenedTorus((1, 1), SHIFT)
EXACT = {solution.name: solution for solution in FAMILY}


def close(value, truth, tolerance):
    np.testing.assert_allclose(value, truth, atol=tolerance * float(jnp.max(jnp.abs(truth))), rtol=0)


# -- derivatives and the parabolic form --------------------------------------------------------------------------------


@pytest.mark.parametrize(("dim", "size"), [(1, 16), (2, 24), (3, 12)])
def test_matrices_differentiate_as_transforms_do(dim, size):
    torus = Torus(dim, size)
    noise = jnp.asarray(np.random.default_rng(0).normal(size=(2, *torus.shape)))
    field = torus.dealias(noise)
    for by_matrix, by_transform in zip(spectral_jets(torus, field), torus.jets(field)):
        close(by_matrix, by_transform, 1e-13)
    matrix = differentiation_matrix(size)
    np.testing.assert_array_equal(matrix @ np.cos(np.pi * np.arange(size)) < 1e-12, True)  # the Nyquist mode
    np.testing.assert_allclose(matrix, -matrix.T, atol=1e-13)


@pytest.mark.parametrize("dim", [2, 3])
def test_the_parabolic_form_is_the_flow(dim):
    """At random jets, against the form with every second derivative; and it needs fewer operations."""
    frame = deturck_frame(dim)
    full = _tensor_program("full", frame, in_gauge(ricci_flow()).metric)
    short = programs(dim)["deturck_velocity"]
    rng = np.random.default_rng(1)
    count = len(pairs(dim))
    root = rng.normal(size=(5, dim, dim))
    g = pack(jnp.asarray(root @ np.swapaxes(root, 1, 2) + np.eye(dim)))
    jets = [jnp.asarray(rng.normal(size=(count, k, 5))) for k in (dim, count)]
    close(generated("deturck_velocity", dim)(g, *jets), full.compile()(g, *jets), 1e-11)
    assert short.operations < 0.95 * full.operations


def test_a_flow_without_gauge_has_no_parabolic_form():
    with pytest.raises(DerivationError, match="DeTurck's gauge"):
        in_parabolic_form(programs(2)["ricci_velocity"], JetFrame(2))


# -- backgrounds -------------------------------------------------------------------------------------------------------


def test_backgrounds():
    """A flat one is DeTurck's; with the metric itself as background the gauge does nothing."""
    flat = pack(jnp.broadcast_to(jnp.eye(2), (*TORUS.shape, 2, 2)))
    close(
        BackgroundDeTurckFlow(TORUS, background=background_connection(TORUS, flat)).velocity(G),
        DeTurckFlow(TORUS).velocity(G),
        1e-12,
    )
    ricci = RicciFlow(TORUS).velocity(G)
    close(BackgroundDeTurckFlow(TORUS, background=background_connection(TORUS, G)).velocity(G), ricci, 1e-10)


def test_any_background_against_autodiff():
    """(L_W g)_ij = W^k ∂_k g_ij + g_kj ∂_i W^k + g_ik ∂_j W^k with W^k = g^ab (Γ^k_ab - Γ̄^k_ab), by JAX."""
    other = poisson((1, 1), 2.0)
    flow = BackgroundDeTurckFlow(
        Torus(2, 48), background=background_connection(Torus(2, 48), other.sample(Torus(2, 48))[0])
    )

    def w(x):
        difference = autodiff.christoffel(GENERIC.at, x) - autodiff.christoffel(other.at, x)
        return jnp.einsum("ab,kab->k", jnp.linalg.inv(GENERIC.at(x)), difference)

    def lie(x):
        moved = jnp.einsum("kj,ki->ij", GENERIC.at(x), jax.jacfwd(w)(x))
        return jnp.einsum("k,ijk->ij", w(x), jax.jacfwd(GENERIC.at)(x)) + moved + moved.T

    g = GENERIC.sample(flow.torus)[0]
    index = (slice(None), np.array([1, 17, 30]), np.array([5, 40, 11]))
    points = flow.torus.points[index].T
    difference = (flow.velocity(g) - RicciFlow(flow.torus).velocity(g))[index]
    close(difference, pack(jax.jit(jax.vmap(lie))(points)), 1e-8)


@pytest.mark.slow
def test_backgrounds_agree_in_every_invariant():
    other = background_connection(TORUS, poisson((1, 1), 2.0).sample(TORUS)[0])
    flows = [RicciFlow(TORUS), DeTurckFlow(TORUS), BackgroundDeTurckFlow(TORUS, background=other)]
    lasts = [flow.run(G, 0.02, rtol=1e-9, atol=1e-11).require_completed("flow").last for flow in flows]
    numbers = [flow.observables(last) for flow, last in zip(flows, lasts)]
    for key in ("volume", "mean R^2"):
        values = [float(n[key]) for n in numbers]
        np.testing.assert_allclose(values, values[0], rtol=1e-7)
    assert float(jnp.max(jnp.abs(lasts[2] - lasts[1]))) > 1e-4
    assert float(jnp.max(jnp.abs(lasts[2] - lasts[0]))) > 1e-4


# -- constant volume ---------------------------------------------------------------------------------------------------


def test_constant_volume():
    """dg/dt = -2 Ric + (2/n) <R> g, and the volume is conserved to rounding by the semi-discrete equations."""
    torus = Torus(3, 12)
    g = 1.3 * METRICS["generic-t3"].sample(torus)[0]
    flow, plain = VolumeNormalised(RicciFlow(torus)), RicciFlow(torus)
    root = plain.volume_density(g)
    curvature = generated("scalar_curvature", 3)(g, *torus.jets(g))[0]
    mean = torus.integrate(root * curvature) / torus.integrate(root)
    close(flow.velocity(g) - plain.velocity(g), 2 / 3 * mean * g, 1e-10)
    for gauge in (flow, VolumeNormalised(DeTurckFlow(torus))):
        rate = jax.jit(gauge)(0.0, g)
        growth = jnp.sum(root * generated("trace", 3)(g, rate)[0])
        assert abs(float(growth)) < 1e-10 * float(jnp.sum(root * jnp.abs(generated("trace", 3)(g, rate)[0])))
    run = VolumeNormalised(DeTurckFlow(torus)).run(g, 0.02, watch=flow.observables, rtol=1e-8, atol=1e-10)
    volume = run.require_completed("flow").history.values["volume"]
    np.testing.assert_allclose(volume, volume[0], rtol=1e-8)
    assert abs(float(plain.observables(plain.run(g, 0.02, rtol=1e-8).last)["volume"]) / volume[0] - 1) > 1e-6


# -- what a flow knows of its states -----------------------------------------------------------------------------------


def test_curvature_and_observables_of_the_poisson_solution():
    """m = (1, 0): the largest |R| is 1/sinh(t0), |Rm| = |R| on a surface, ∫ R² dV = 2π²/sinh²(t0), volume 4π²."""
    torus, t0 = Torus(2, 64), 1.5
    flow, g = RicciFlow(torus), poisson((1, 0), 1.5).sample(torus)[0]
    found = flow.observables(g)
    assert float(flow.curvature(g)) == pytest.approx(1 / np.sinh(t0), rel=1e-6)
    assert float(found["R_max"]) == pytest.approx(1 / np.sinh(t0), rel=1e-6)
    assert float(found["R_min"]) == pytest.approx(-1 / np.sinh(t0), rel=1e-6)
    assert float(found["volume"]) == pytest.approx(4 * np.pi**2, rel=1e-9)
    assert float(found["mean R^2"] * found["volume"]) == pytest.approx(2 * np.pi**2 / np.sinh(t0) ** 2, rel=1e-6)


def test_a_run_ends_at_the_curvature_asked_for():
    """The Poisson solution, a little backward from s = 2: |Rm| = 1/sinh(s) reaches 0.3 at s = asinh(1/0.3)."""
    torus = Torus(2, 32)
    g = poisson((1, 0), 2.0).sample(torus)[0]
    run = RicciFlow(torus).run(g, np.array([0.0, -0.2]), most_curvature=0.3, rtol=1e-9, atol=1e-11)
    assert "curvature" in run.reason
    assert run.last_time == pytest.approx(np.arcsinh(1 / 0.3) - 2, abs=1e-5)


# -- exact solutions, orders -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["poisson-tensor", "straightened-torus", "gowdy-torus"])
def test_exact_solutions_are_proved(name):
    assert EXACT[name].proof() == ""


def test_a_wrong_solution_is_refuted():
    solution = StraightenedTorus((1, 1), SHIFT)
    assert solution.proof() == ""
    solution.square += 1
    assert "∂_t g - V(g) is" in solution.proof()


def test_pulled_back_flat_metrics_become_straight():
    """DeTurck's flow of φ^* δ tends to δ: the distance falls like e^{-2t}."""
    torus = Torus(2, 24)
    last = DeTurckFlow(torus).run(STRAIGHT.state(torus, 0.0), 3.0, rtol=1e-7, atol=1e-10).require_completed("flow").last
    distance = float(jnp.max(jnp.abs(last - STRAIGHT.state(torus, np.inf))))
    assert 0.5 < distance / (np.exp(-6.0) * 0.4) < 1.5
    assert float(DeTurckFlow(torus).curvature(last)) < 1e-6


@pytest.mark.slow
def test_order_in_space():
    """The error of the grid falls faster than any power, and the solution is exact."""
    errors = []
    for size in (12, 18, 24, 36):
        torus = Torus(2, size)
        run = DeTurckFlow(torus).run(STRAIGHT.state(torus, 0.0), 0.1, rtol=1e-9, atol=1e-12)
        errors.append(float(np.max(np.abs(run.last - STRAIGHT.state(torus, 0.1)))))
    assert errors[0] > 10 * errors[1] > 100 * errors[2] > 1000 * errors[3]
    assert errors[3] < 1e-8


def test_order_in_time():
    torus = Torus(2, 12)
    g = torus.dealias(GENERIC.sample(torus)[0])
    flow = DeTurckFlow(torus)
    found = time_order(flow, g, 0.5, flow.method(g), (4, 8, 16))
    assert 3.6 < found.order < 4.5, str(found)


def test_the_split_does_not_change_the_flow():
    """The exponential method and the explicit one agree, smeared or not; the modes are those of dg/dt."""
    torus = Torus(2, 16)
    g = torus.dealias(GENERIC.sample(torus)[0])
    for flow in (DeTurckFlow(torus), DeTurckFlow(torus).smeared(0.5), VolumeNormalised(DeTurckFlow(torus))):
        close(torus.inverse(flow.modes(0.0, g)), flow(0.0, g), 1e-12)
        runs = [flow.run(g, 0.1, method=method, rtol=1e-9, atol=1e-12).last for method in (None, Explicit())]
        close(*runs, 1e-8)
        symbol = flow.method(g).symbol
        assert float(jnp.max(symbol)) <= 0
        assert float(jnp.min(symbol)) < (-1 if getattr(flow, "kernel", None) is not None else -10)
    inverse = np.linalg.eigvalsh(np.linalg.inv(np.asarray(unpack(g))))
    ratio = float(-DeTurckFlow(torus).method(g).symbol[0, 1])
    assert max(inverse.mean(), inverse.max() / 1.6) * 0.99 < ratio < inverse.max()


def test_a_method_can_be_chosen_under_jit():
    torus = Torus(2, 8)
    g = GENERIC.sample(torus)[0]
    symbol = eqx.filter_jit(lambda state: DeTurckFlow(torus).method(state).symbol)(g)
    np.testing.assert_allclose(symbol, DeTurckFlow(torus).method(g).symbol, rtol=1e-12)
