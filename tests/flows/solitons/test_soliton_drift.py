r"""Solitons under the true flow: they move only by their own diffeomorphisms and homotheties."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.core.errors import ArgumentError
from geomflow.flows.solitons import SolitonFlow, bryant, cigar, cylinder, drift, fik, gaussian, motion, shoot, sphere
from geomflow.flows.warped.rotational import Profile

SOLITONS = {
    "cigar": lambda: cigar(length=10.0),
    "bryant-5": lambda: bryant(5, length=20.0),
    "expander": lambda: shoot(3, -0.5, 0.4),
}


@pytest.mark.parametrize("name", SOLITONS)
def test_a_soliton_does_not_drift_and_the_rest_is_of_sixth_order(name):
    soliton = SOLITONS[name]()
    coarse, fine = (drift(soliton, points=points, length=4.0, span=0.5) for points in (19, 39))
    assert fine.distance < 5e-6
    assert 5 < np.log2(coarse.distance / fine.distance) < 7.5
    assert fine.velocity < 2e-4


def test_flat_space_does_not_drift_at_all():
    assert drift(gaussian(3, -0.5)).distance < 1e-11


@pytest.mark.parametrize("make", [cigar, lambda: shoot(3, -0.5, 0.4)])
def test_what_is_no_soliton_drifts(make):
    soliton = make()
    soliton.radii["w"] *= 1 + 1e-2 * soliton.s**2 * np.exp(-(soliton.s**2))
    assert drift(soliton, span=0.3, points=40).distance > 1e-4


def test_another_constant_is_no_soliton_motion():
    soliton = bryant(3)
    flow, state = SolitonFlow.about(soliton, 8.0, 40)
    wrong = SolitonFlow(flow.dim, flow.spacing, 0.1, flow.field, flow.beyond)
    right, other = flow(0.0, state), wrong(0.0, state)
    assert float(jnp.max(jnp.abs(right.phi))) < 1e-4
    # 2λg adds λφ and λψ to the rates
    np.testing.assert_allclose(other.phi - right.phi, 0.1, atol=1e-12)
    np.testing.assert_allclose(other.psi - right.psi, 0.1 * state.psi, atol=1e-12)


def test_a_perturbed_expander_returns():
    soliton = shoot(3, -0.5, 0.4)
    flow, state = SolitonFlow.about(soliton, 6.0, 40)
    x = flow.spacing * np.arange(1, 41)
    bump = 0.02 * x**2 * np.exp(-(x**2))
    start = Profile(state.phi, state.psi * (1 + bump))
    found = flow.run(start, np.array([0.0, 2.0, 6.0]), rtol=1e-8, atol=1e-10)
    far = [float(jnp.max(jnp.abs(psi / state.psi - 1))) for psi in found.states.psi]
    assert far[1] < 0.3 * far[0]
    assert far[2] < 0.1 * far[1]


@pytest.mark.parametrize("t", [0.1, -0.2, 1.0])
def test_motion_of_the_cigar_is_the_exact_flow(t):
    r = np.linspace(0.1, 3, 20)
    found = motion(cigar(), t, np.arcsinh(r))
    # (dx² + dy²)/(e^{4t} + x² + y²); ds² = dr²/(1 + r²) at t = 0
    np.testing.assert_allclose(found.psi, r / np.sqrt(np.exp(4 * t) + r**2), atol=1e-11)
    np.testing.assert_allclose(found.phi, np.sqrt(1 + r**2) / np.sqrt(np.exp(4 * t) + r**2), rtol=1e-8)


@pytest.mark.parametrize(
    ("make", "t"), [(lambda: bryant(4), 0.3), (lambda: shoot(3, -0.5, 0.4), 0.5), (lambda: gaussian(3, 0.5), 0.1)]
)
def test_motion_solves_ricci_flow(make, t):
    soliton = make()
    s, h = np.linspace(0.5, 4.0, 15), 1e-3
    early, now, late = (motion(soliton, time, s) for time in (t - h, t, t + h))
    rates = [(np.log(b) - np.log(a)) / (2 * h) for a, b in zip(early, late, strict=True)]
    # d log φ/dt = -Ric_ss/φ² and d log ψ/dt = -Ric_θθ/ψ², from the generated Ricci = defect - Hess f + λ at the place
    # where the point is now, scaled
    scale = 1 - 2 * soliton.constant * t
    ricci = soliton.defect - soliton.hessian + soliton.constant
    w = soliton.w
    place = np.interp(np.asarray(now.psi) / np.sqrt(scale), w, soliton.s)
    for rate, row in zip(rates, ricci, strict=True):
        np.testing.assert_allclose(rate, -np.interp(place, soliton.s, row) / scale, atol=2e-3)


def test_refusals():
    with pytest.raises(ArgumentError, match="rotational symmetry"):
        drift(sphere(3))
    with pytest.raises(ArgumentError, match="rotational symmetry"):
        drift(cylinder(3))
    with pytest.raises(ArgumentError, match="rotational symmetry"):
        drift(fik(length=3.0))
    with pytest.raises(ArgumentError, match="at least 6"):
        drift(bryant(3, length=20), points=4)
    with pytest.raises(ArgumentError, match="must lie in"):
        drift(bryant(3, length=20), length=25)
    with pytest.raises(ArgumentError, match="must be positive"):
        motion(gaussian(3, 0.5), 1.5, np.ones(2))
