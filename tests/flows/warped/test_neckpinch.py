"""Neckpinches: the dumbbell's numbers, the asymptotics of Angenent and Knopf, necks off the equator, refusals."""

from functools import cache

import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp

from geomflow.compare.neckpinch import asymptotics, cylinder
from geomflow.core.errors import ArgumentError, FlowError
from geomflow.flows.singularity import blow_up
from geomflow.flows.warped.grading import from_profile
from geomflow.flows.warped.pinch import NO_NECK, approach
from geomflow.flows.warped.rotational import Profile
from geomflow.symbolic.flows.neckpinch import SIGMA, TAU, derive_neckpinch

POINTS = 201


def dumbbell(s):
    return np.sin(s) * (1 - 0.8 * np.sin(s) ** 2)


@cache
def pinched(dim):
    flow, state = from_profile(dumbbell, np.pi, dim=dim, points=POINTS, finest=0.02)
    return approach(flow, state, 2e-5, points=POINTS)


def test_the_neck_of_the_dumbbell_and_the_time_of_its_pinch():
    # reference values of an independent computation, to the digits it has
    flow, state = from_profile(dumbbell, np.pi, dim=3, points=POINTS, finest=0.02)
    run = flow.run(state, np.array([0, 0.02, 0.03]), most_curvature=1e4, watch=flow.curvature, rtol=1e-10, atol=1e-12)
    early = Profile(*(leaf[1] for leaf in run.states))
    assert float(flow.neck(early)) == pytest.approx(0.0945440345, rel=2e-8)
    assert run.stopped_by == "the curvature blows up"
    end = blow_up(run.history.times, run.history.values)
    assert abs(end.time - 0.0251428546) < 2e-9 + end.error
    assert end.type_one


@pytest.mark.parametrize(
    "dim", [3, 4, pytest.param(5, marks=pytest.mark.slow), pytest.param(6, marks=pytest.mark.slow)]
)
def test_the_asymptotics_are_those_of_the_theorem(dim):
    found = asymptotics(pinched(dim))
    assert found.radius == pytest.approx(1, abs=0.005)
    assert found.radius_linear == pytest.approx(1, abs=0.01)
    assert found.bend == pytest.approx(1, abs=0.02)
    assert found.profile < 0.1
    assert found.blow_up.type_one
    assert found.blow_up.constant == pytest.approx(cylinder(dim), rel=0.01)
    assert found.error < 1e-12
    assert f"S^{dim}" in str(found)


def test_the_pinch_of_the_dumbbell_agrees_in_legs_and_on_one_grid():
    assert asymptotics(pinched(3)).time == pytest.approx(0.0251428550, abs=5e-10)


def test_what_is_compared_is_what_is_derived():
    theory = derive_neckpinch()
    assert sp.expand(theory.neck - (1 - 1 / (2 * TAU))) == 0
    amplitude = theory.profile.diff(SIGMA, 2) / 2
    # ψψ_ss = 2(n-1) u u_σσ = 4(n-1)a, so that (n-1)/(2ψψ_ss) = 1/(8a)
    assert sp.simplify(1 / (8 * amplitude) - TAU) == 0


def test_legs_join_without_a_gap():
    run = pinched(3)
    assert len(run.legs) > 4
    assert np.all(np.diff(run.before) < 0)
    assert run.before[-1] == 0
    assert run.before[0] == pytest.approx(run.time, rel=1e-12)
    assert np.all(np.abs(np.diff(np.log(run.neck))) < 0.15)
    assert run.neck[-1] == pytest.approx(2e-5, rel=1e-9)
    # dψ/dt = ψ_ss - (n-1)/ψ at the neck, through all legs
    rate = 2 * run.bend - 2
    change = np.concatenate([[0], np.cumsum(-np.diff(run.before) * (rate[1:] + rate[:-1]) / 2)])
    assert np.allclose(run.neck**2, run.neck[0] ** 2 + change, atol=2e-6)


def test_a_neck_off_the_equator_is_followed_where_it_moves():
    def tilted(s):
        return np.sin(s) * (1 - 0.8 * np.sin(s) ** 2) * (1 + 0.15 * np.cos(s) * np.sin(s) ** 2)

    flow, state = from_profile(tilted, np.pi, dim=3, points=POINTS, finest=0.02)
    run = approach(flow, state, 1e-3, points=POINTS)
    s, psi = run.flow.profile(run.state)
    place = s[10 + np.argmin(psi[10:-10])] / s[-1]
    assert abs(place - 0.5) > 1e-3
    spacing = np.diff(s)
    assert abs(s[np.argmin(spacing)] / s[-1] - place) < 2e-3
    end = blow_up(-run.before, run.curvature)
    mirrored, other = from_profile(lambda s: tilted(np.pi - s), np.pi, dim=3, points=POINTS, finest=0.02)
    again = approach(mirrored, other, 1e-3, points=POINTS)
    assert again.time == pytest.approx(run.time, rel=1e-8)
    assert end.type_one


def test_refusals():
    flow, state = from_profile(np.sin, np.pi, dim=3, points=51)
    with pytest.raises(ArgumentError, match="has no neck"):
        approach(flow, state, 1e-2)
    flow, state = from_profile(dumbbell, np.pi, dim=3, points=POINTS, finest=0.02)
    with pytest.raises(ArgumentError, match=r"below that of the narrowest neck, 0\.2"):
        approach(flow, state, 0.5)
    with pytest.raises(ArgumentError, match="smaller radius"):
        asymptotics(approach(flow, state, 0.05, points=POINTS))


def test_a_wide_neck_opens_and_this_is_said():
    flow, state = from_profile(lambda s: np.sin(s) * (1 - 0.45 * np.sin(s) ** 2), np.pi, dim=3, points=POINTS)
    assert jnp.isfinite(flow.neck(state))
    with pytest.raises(FlowError, match="does not pinch") as caught:
        approach(flow, state, 1e-3, points=POINTS)
    assert caught.value.reason == NO_NECK
