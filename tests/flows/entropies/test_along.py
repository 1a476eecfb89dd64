"""Entropies along computed flows: monotone where the theorems say so, refuted where they do not hold."""

import dataclasses

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pytest

from geomflow.core.errors import ArgumentError, CatalogueError
from geomflow.figures.entropies import draw_entropies, plot_entropies
from geomflow.flows.base import Flow
from geomflow.flows.entropies import (
    QUANTITIES,
    HomogeneousManifold,
    along,
    entropy_f,
    entropy_mu,
    entropy_w,
    nu,
    torus_measure,
)
from geomflow.flows.entropies.quantities import maximum_principle, no_decrease, no_decrease_below_zero
from geomflow.flows.homogeneous import DiagonalFlow
from geomflow.flows.solve import Solution
from geomflow.flows.torus.deturck import DeTurckFlow
from geomflow.flows.torus.normalised import VolumeNormalised
from geomflow.flows.torus.ricci import RicciFlow
from geomflow.flows.warped.rotational import Meridian, Profile, RotationalFlow
from geomflow.geometry.torus import Torus
from geomflow.metrics import METRICS

TORUS = Torus(2, 32)
END = 0.7


@pytest.fixture(scope="module")
def ricci():
    """Ricci flow of generic-t2, a measure carried backward along it, and what follows them."""
    flow = RicciFlow(TORUS)
    g, _ = METRICS["generic-t2"].sample(TORUS)
    options = {"rtol": 1e-10, "atol": 1e-12}
    solution = flow.run(g, np.linspace(0, 0.2, 7), dense=True, max_steps=512, **options)
    final = 1 + 0.5 * jnp.cos(TORUS.points[0]) * jnp.sin(TORUS.points[1])
    measure = torus_measure(TORUS, solution, final, **options)
    named = ["volume", "R-min", "lambda", "lambda-volume", "half-curvature", "first-eigenvalue"]
    result = along(solution, flow, [*named, entropy_f(measure), entropy_w(measure, 0.5), entropy_mu(END)])
    return flow, solution, measure, result


def test_theorems_hold_along_ricci_flow_on_the_torus(ricci):
    _, solution, measure, result = ricci
    assert result.evolution == "Ricci flow"
    assert not result.symmetric
    for name in ("R-min", "lambda", "lambda-volume", "half-curvature", "F", "W", "mu"):
        assert result.followed[name].holds(), name
        assert np.all(np.diff(result[name]) > 1e-5), name
    assert np.ptp(result["volume"]) < 1e-6
    assert result.followed["volume"].holds() is None
    for t in solution.times:
        assert np.sum(measure(t)) == pytest.approx(1, rel=1e-10)


def test_the_rates_integrate_to_the_entropies(ricci):
    """F(t) - F(0) = ∫ 2 ∫ |Ric + Hess f|² dm dt and the same for W, along the computed flow."""
    result = ricci[-1]
    for name in ("F", "W"):
        followed = result.followed[name]
        assert followed.imbalance < 1e-5 * np.ptp(followed.values)
        assert np.ptp(followed.values) > 0.05


def test_mu_bounds_w_from_below(ricci):
    _, solution, measure, _ = ricci
    both = along(solution, RicciFlow(TORUS), [entropy_w(measure, END), entropy_mu(END)])
    assert np.all(both["mu"] < both["W"])


@pytest.mark.slow
def test_gauges_agree(ricci):
    """DeTurck flow is Ricci flow in other coordinates."""
    _, solution, _, result = ricci
    flow = DeTurckFlow(TORUS)
    other = along(flow.run(solution.states[0], solution.times), flow, ["lambda", "half-curvature"])
    for name in ("lambda", "half-curvature"):
        assert other.followed[name].holds()
        np.testing.assert_allclose(other[name], result[name], atol=1e-7)


def test_other_flows_are_not_judged_by_theorems_on_ricci_flow(ricci):
    _, solution, _, _ = ricci
    for flow, kind, scaled in (
        (VolumeNormalised(RicciFlow(TORUS)), "Ricci flow up to scale", True),
        (RicciFlow(TORUS).smeared(0.5), "", None),
    ):
        result = along(solution, flow, ["lambda", "lambda-volume"])
        assert result.evolution == kind
        assert result.followed["lambda"].holds() is None
        assert result.followed["lambda-volume"].holds() is scaled


def test_a_flow_backward_is_refuted(ricci):
    flow, solution, _, _ = ricci
    backward = dataclasses.replace(solution, states=solution.states[::-1])
    result = along(backward, flow, ["lambda", "R-min", "volume"])
    for name in ("lambda", "R-min"):
        followed = result.followed[name]
        assert followed.holds() is False
    assert result.followed["lambda"].violation == pytest.approx(result["lambda"][0] - result["lambda"][-1])
    card = result.card()
    assert [word for word, _ in card.verdicts] == ["refuted", "refuted"]
    assert "largest violation" in str(card)


def test_card_and_figure(ricci):
    result = ricci[-1]
    text = str(result.card("A torus"))
    assert "lambda does not decrease" in text
    assert "∫ of its rate differs by" in text
    assert text.count("verified") == 7
    ax = plot_entropies(result, names=["R-min"])
    assert len(ax.get_lines()) == 2
    np.testing.assert_array_equal(ax.get_lines()[0].get_ydata(), result["R-min"])
    assert np.all(ax.get_lines()[1].get_ydata() <= result["R-min"])
    plt.close()
    figure = draw_entropies(result)
    assert sum(ax.axison for ax in figure.axes) == len(result.followed)
    plt.close(figure)


@pytest.fixture(scope="module")
def dumbbell():
    x = np.asarray(Meridian(121).x)
    start = Profile(jnp.ones(121), jnp.asarray(np.sin(x) * (1 - 0.8 * np.sin(x) ** 2)))
    flow = RotationalFlow.about(start, 3)
    return flow, flow.run(start, np.linspace(0, 0.02, 6))


def test_theorems_hold_on_the_way_to_a_neckpinch(dumbbell):
    """μ(g, T - t) with the time of the pinch stays below the entropy of the cylinder, ln 2 - 1."""
    flow, solution = dumbbell
    pinch = 0.0251428546
    result = along(solution, flow, ["R-min", "lambda", "half-curvature", "diameter", entropy_mu(pinch)])
    assert result.symmetric
    for name in ("R-min", "lambda", "half-curvature", "mu"):
        assert result.followed[name].holds(), name
        assert np.all(np.diff(result[name]) > 1e-4), name
    assert np.all(result["mu"] < np.log(2) - 1)
    assert result["mu"][-1] == pytest.approx(np.log(2) - 1, abs=0.005)
    assert np.all(np.diff(result["diameter"]) < 0)


@pytest.mark.slow
def test_nu_along_the_dumbbell(dumbbell):
    flow, solution = dumbbell
    result = along(solution, flow, ["nu"])
    assert result.followed["nu"].holds()
    assert np.all(np.diff(result["nu"]) > 1e-4)


def test_the_round_sphere_is_the_case_of_equality():
    """r² = 1 - 4t: μ(g(t), T - t) = ν for the extinction time T = 1/4, λ = 6/r², and R_min is its barrier."""
    x = np.asarray(Meridian(63).x)
    start = Profile(jnp.ones(63), jnp.asarray(np.sin(x)))
    flow = RotationalFlow.about(start, 3)
    times = np.linspace(0, 0.2, 4)
    result = along(flow.run(start, times), flow, ["lambda", "R-min", entropy_mu(0.25)])
    np.testing.assert_allclose(result["mu"], -0.23448788, atol=1e-7)
    np.testing.assert_allclose(result["lambda"], 6 / (1 - 4 * times), rtol=1e-7)
    np.testing.assert_allclose(result.followed["R-min"].least, 6 / (1 - 4 * times), rtol=1e-5)
    assert result.followed["R-min"].violation < 1e-3


def test_homogeneous_flows():
    """Berger's spheres: λ = R; F and W of constants; the rates against the values."""
    flow = DiagonalFlow("su2")
    solution = flow.run(jnp.array([0.6, 1.0, 1.3]), np.linspace(0, 0.1, 9), rtol=1e-11, atol=1e-13)
    constant = lambda t: np.ones(1)  # noqa: E731
    result = along(solution, flow, ["lambda", "R-min", "R-max", entropy_f(constant), entropy_w(constant, 0.3)])
    np.testing.assert_allclose(result["lambda"], result["R-max"], rtol=1e-12)
    for name in ("lambda", "R-min", "F", "W"):
        assert result.followed[name].holds(), name
    for name in ("F", "W"):
        followed = result.followed[name]
        assert followed.imbalance < 1e-4 * np.ptp(followed.values)


def test_bounds_of_theorems():
    times = np.array([0.0, 1.0, 2.0])
    np.testing.assert_array_equal(no_decrease(times, np.array([1.0, 3.0, 2.0]), 2), [1, 3, 3])
    np.testing.assert_array_equal(no_decrease_below_zero(times, np.array([-2.0, 3.0, 2.0]), 2), [-2, 0, 0])
    np.testing.assert_allclose(maximum_principle(times, np.array([-1.0, 0, 0]), 2), [-1, -1 / 2, -1 / 3])
    np.testing.assert_allclose(maximum_principle(times, np.array([0.5, 0, 0]), 4), [0.5, 0.5 / 0.75, 1.0])
    np.testing.assert_array_equal(maximum_principle(times, np.array([1.0, 0, 0]), 2), [1, np.inf, np.inf])


class Nothing(Flow):
    """dy/dt = 0."""

    def __call__(self, t, state):
        return 0 * state


def test_families_of_ones_own():
    flow = Nothing()
    times = np.array([0.0, 1.0])
    solution = Solution(times, np.ones((2, 3)), np.ones(3), 1.0, True, "reached the final time", 1, 0.0)
    with pytest.raises(ArgumentError, match="Give `manifold`"):
        along(solution, flow, ["lambda"])
    result = along(solution, flow, ["lambda"], manifold=lambda state: HomogeneousManifold(np.asarray(state), 1.0))
    np.testing.assert_allclose(result["lambda"], 3)
    assert result.followed["lambda"].holds() is None


def test_bad_arguments(ricci):
    flow, solution, measure, result = ricci
    with pytest.raises(CatalogueError, match="lambda"):
        along(solution, flow, ["lamda"])
    with pytest.raises(ArgumentError, match="different names"):
        along(solution, flow, ["lambda", "lambda"])
    with pytest.raises(ArgumentError, match="two or more"):
        along(dataclasses.replace(solution, times=solution.times[:1]), flow)
    with pytest.raises(ArgumentError, match="later T"):
        along(solution, flow, [entropy_w(measure, 0.1)])
    with pytest.raises(ArgumentError, match="was not followed"):
        _ = result["nu"]
    with pytest.raises(ArgumentError, match="positive density"):
        torus_measure(TORUS, solution, jnp.cos(TORUS.points[0]))


def test_catalogue():
    """Every entry has a symbol, and a sentence where it has a theorem."""
    for name, quantity in QUANTITIES.items():
        assert quantity.name == name
        assert quantity.symbol
        assert bool(quantity.says) == (quantity.least is not None)
    assert nu(HomogeneousManifold(np.full(3, 2.0), 2 * np.pi**2)).value == pytest.approx(-0.23448788, abs=1e-8)
