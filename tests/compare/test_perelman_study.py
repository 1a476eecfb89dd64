"""L2: the smeared fixed-measure flow against its reference, inside the horizon, and the refusal beyond it."""

import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.compare.perelman import perelman_study
from geomflow.core.errors import HorizonError
from geomflow.geometry.packed import unpack
from geomflow.geometry.torus import Torus
from geomflow.metrics import METRICS

TORUS = Torus(2, 32)
WIDTHS = (0.6, 0.3, 0.15)
TIME = 0.05


@pytest.fixture(scope="module")
def data():
    return METRICS["generic-t2"].sample(TORUS)


@pytest.fixture(scope="module")
def study(data):
    return perelman_study(TORUS, *data, WIDTHS, TIME, rtol=1e-9, atol=1e-11)


def test_invariants_tend_to_ricci_flow_at_order_two(study):
    assert list(study.invariant_orders) == ["int R^2", "lambda"]  # area and ∫R dV say nothing on T²
    for orders in study.invariant_orders.values():
        assert orders[0] < orders[1]
        assert orders[1] == pytest.approx(1.96, abs=0.03)
    for errors in study.invariant_errors.values():
        assert errors[-1] < 5e-3


def test_the_metric_itself_tends_to_the_reference(study):
    assert study.widths == list(WIDTHS)
    assert study.errors == sorted(study.errors, reverse=True)
    assert study.errors[-1] < 5e-3
    assert 1.5 < study.orders[0] < study.orders[1] < 2


def test_the_reference_is_a_pull_back_of_ricci_flow(study):
    assert study.pulled_back < 1e-8
    assert study.invariants["int R"] == pytest.approx(0, abs=1e-8)
    assert study.invariants["lambda"] < 0


def test_the_horizon_is_the_formula(study, data):
    """T = (e σ²/2) λ_min(g) ln(δ/ε), with δ = 1e-6 and ε the rounding of float64."""
    smallest = float(jnp.min(jnp.linalg.eigvalsh(unpack(data[0]))))
    formula = [np.e * s**2 / 2 * smallest * np.log(1e-6 / 2.220446049250313e-16) for s in WIDTHS]
    np.testing.assert_allclose(study.horizons, formula, rtol=1e-12)


def test_the_refusal_is_a_sentence_with_the_horizon(study):
    horizon = study.horizons[-1]
    assert f"sigma = {WIDTHS[-1]}" in study.refusal
    assert f"t <= {horizon:.4g}" in study.refusal
    assert f"t = {2 * horizon:.4g} is asked for" in study.refusal
    assert "well-posed gauge" in study.refusal


def test_a_time_beyond_every_horizon_is_refused_at_once(data, study):
    with pytest.raises(HorizonError) as caught:
        perelman_study(TORUS, *data, WIDTHS, 10.0)
    assert caught.value.horizon == pytest.approx(study.horizons[0])
    assert caught.value.time == 10.0
    assert f"{study.horizons[0]:.4g}" in str(caught.value)


@pytest.mark.slow
def test_widths_beyond_their_horizon_are_left_out(data, study):
    """At t = .4 the width .15 (horizon .344) is dropped; the other two are run, and their horizons listed."""
    longer = perelman_study(TORUS, *data, WIDTHS, 0.4)
    assert longer.widths == [0.6, 0.3]
    assert longer.horizons == study.horizons
    assert len(longer.errors) == 2
