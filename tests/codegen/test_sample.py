"""Points at which generated functions are checked: regular, real, of the right signature; exact values by hand."""

import math

import pytest

from geomflow.codegen.jet_functions import jet_quantity
from geomflow.codegen.metric_functions import metric_program
from geomflow.codegen.sample import jet_sample, metric_sample
from geomflow.core.errors import GenerationError
from geomflow.symbolic import Chart, line_element

SCHWARZSCHILD = line_element(
    Chart("t r theta phi", constants="M"),
    "-(1 - 2*M/r)*dt^2 + dr^2/(1 - 2*M/r) + r^2*(dtheta^2 + sin(theta)^2*dphi^2)",
)


def sample(metric, quantity, *options):
    at, exact = metric_sample(metric, {quantity: metric_program(metric, quantity)}, *options)
    return at, exact[quantity]


def test_the_values_are_exact_at_the_point():
    at, exact = sample(SCHWARZSCHILD, "kretschmann")
    r, M = at["point"][1], at["M"]
    assert exact == [pytest.approx(48 * M**2 / r**6, rel=1e-15)]
    at, exact = sample(SCHWARZSCHILD, "christoffel")
    r, M, theta = at["point"][1], at["M"], at["point"][2]
    assert exact[1] == pytest.approx(M / (r * (r - 2 * M)), rel=1e-14)  # Γ^t_tr
    assert exact[17] == pytest.approx(-(r - 2 * M), rel=1e-14)  # Γ^r_θθ
    assert exact[29] == pytest.approx(-math.sin(theta) * math.cos(theta), rel=1e-14)  # Γ^θ_φφ
    assert sample(SCHWARZSCHILD, "ricci")[1] == [0.0] * 10


def test_what_is_given_is_taken():
    at, _ = sample(SCHWARZSCHILD, "scalar", "-+++", {"r": 3, "M": "1/3", "t": -1, "f": "sinh(r)"})
    assert (at["point"][0], at["point"][1], at["M"]) == (-1.0, 3.0, 1 / 3)
    assert all(8 * x == round(8 * x) for x in at["point"])  # so that every precision holds it


def test_the_signature_is_kept():
    surface = line_element(Chart("x y", constants="c"), "(c - x)*dx^2 + dy^2")
    for signature in ("++", "-+"):
        at, _ = sample(surface, "metric", signature)
        assert (at["c"] > at["point"][0]) is (signature == "++")
    with pytest.raises(GenerationError, match="regular of signature --"):
        sample(surface, "metric", "--")


def test_the_point_is_real_and_regular():
    surface = line_element(Chart("x y", constants="c"), "sqrt(1 - x)*dx^2 + c^20*dy^2")
    at, exact = sample(surface, "metric")
    assert at["point"][0] < 1
    assert all(0.01 <= v <= 1e4 for v in (exact[0], exact[2]))
    with pytest.raises(GenerationError, match="No point was found"):
        sample(line_element(Chart("x", constants="c"), "sqrt(-1 - c^2)*dx^2"), "metric")


def test_jets_of_a_positive_metric():
    at, exact = jet_sample({q: jet_quantity(q, 2) for q in ("inverse", "volume", "christoffel")}, 2)
    a, b, c = at["g"]
    det = a * c - b**2
    assert min(a, det) > 1
    assert exact["inverse"] == pytest.approx([c / det, -b / det, a / det], rel=1e-15)
    assert exact["volume"] == [pytest.approx(math.sqrt(det), rel=1e-15)]
    (a_x, a_y), (b_x, _), _ = at["dg"]
    assert exact["christoffel"][0] == pytest.approx((c * a_x / 2 - b * (b_x - a_y / 2)) / det, rel=1e-14)
    assert "ddg" not in at
