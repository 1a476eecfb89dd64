"""What is typed by hand: wrong types, functions that are not smooth, singular inputs, and how metrics print."""

import numpy as np
import pytest
import sympy as sp

from geomflow.core.errors import ArgumentError, DerivationError, MetricError
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.charts.composed import compose
from geomflow.symbolic.charts.constructions import conformal, flat, rotationally_symmetric, round_sphere, warped_product
from geomflow.symbolic.charts.embeddings import from_embedding
from geomflow.symbolic.charts.line_element import from_coframe, line_element
from geomflow.symbolic.charts.metric import Metric

PLANE = flat("x y")


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: Metric("x y", [[1, 0], [0, 1]]), "A metric lives on a chart"),  # type: ignore[arg-type]
        (lambda: Metric(Chart("x y"), None), "must be a matrix"),
        (lambda: Metric(Chart("x y"), [1, 2]), "must be a matrix"),
        (lambda: Metric(Chart("x y"), "dx^2 + dy^2"), "read by line_element"),
        (lambda: Chart(None), "Names are given in one string"),  # type: ignore[arg-type]
        (lambda: Chart(["x", 5]), "`5` cannot be a name"),  # type: ignore[list-item]
        (lambda: Chart("x", functions="f"), 'as in functions={"f": "r"}'),  # type: ignore[arg-type]
        (lambda: Chart("x", functions={"f": None}), "Names are given"),  # type: ignore[dict-item]
        (lambda: Chart("x", positive=None), "Names are given"),  # type: ignore[arg-type]
        (lambda: round_sphere(2.5), "is a whole number"),  # type: ignore[arg-type]
        (lambda: rotationally_symmetric("3"), "is a whole number"),  # type: ignore[arg-type]
        (lambda: PLANE.ricci()[5, 5], "2 indices from 0 to 1"),
        (lambda: PLANE.scalar()[0], "0 indices"),
        (lambda: PLANE.ricci().trace(0, 5), "numbered from 0 to 1, but found 0, 5"),
        (lambda: PLANE.ricci().trace(0, 0), "different slots"),
        (lambda: PLANE.scalar().trace(), "it is a scalar"),
        (lambda: PLANE.ricci().raised(7), "different slots"),
        (lambda: PLANE.ricci().divergence(2), "different slots"),
        (lambda: PLANE.ricci().contract(PLANE.g(), (0, 7)), "different slots"),
        (lambda: PLANE.ricci().transposed(0), "each of the 2 slots"),
        (lambda: PLANE.g() + 1, "added to a tensor"),  # type: ignore[operator]
        (lambda: PLANE.g() / PLANE.g(), "divided by a scalar"),
        (lambda: PLANE.g() + flat("x y").g(), "two metric objects"),
        (lambda: PLANE.weyl(), "The Weyl tensor needs dimension 3"),
        (lambda: PLANE.cotton(), "The Cotton tensor needs dimension 3"),
        (lambda: PLANE.schouten(), "The Schouten tensor needs dimension 3"),
        (lambda: PLANE.sectional([1, 0], [2, 0]), "are independent"),
        (lambda: PLANE.geodesic_equations("x"), "`x` is a name of the chart"),
        (lambda: PLANE.is_killing("x"), "must be linear in d_x, d_y"),
        (lambda: flat("x y", [1, 0]), "A sign is 1 or -1"),
        (lambda: conformal(PLANE, factor=0), "conformal factor must not vanish"),
        (lambda: warped_product(PLANE, flat("z"), 0), "warping function must not vanish"),
        (lambda: from_coframe(Chart("x y"), ["dx", "dy"], [1, 0]), "matrix η is singular"),
        (lambda: from_embedding(Chart("x y"), ["x", "x", "x"]), "the map is no immersion"),
        (lambda: from_embedding(Chart("x y"), ["x"]), "2 coordinates do not fit into dimension 1"),
    ],
)
def test_refusals_are_sentences(call, sentence):
    with pytest.raises(ArgumentError) as caught:
        call()
    assert sentence in str(caught.value)
    assert str(caught.value).endswith((".", "?"))


def test_a_wrong_size_of_eta_is_about_its_size():
    with pytest.raises(MetricError, match="2 x 2 matrix"):
        from_coframe(Chart("x y"), ["dx", "dy"], [1, 0, 1])


def test_geodesics_avoid_every_name_of_the_chart():
    metric = line_element(Chart("r", constants="k", functions={"f": "r"}), "f*dr^2")
    for name in ["r", "k", "f"]:
        with pytest.raises(ArgumentError, match=f"`{name}` is a name"):
            metric.geodesic_equations(name)
    assert len(metric.geodesic_equations("tau")) == 1


@pytest.mark.parametrize(
    "text", ["exp(-2*abs(y))", "Abs(y)", "sign(y)", "Heaviside (y)", "Max(x, y)", "floor(y)", "Piecewise((x, y>0))"]
)
def test_text_that_is_not_smooth_is_refused_with_the_metric(text):
    chart = Chart("x y", functions={"u": "x"})
    with pytest.raises(DerivationError, match=r"is not smooth.*one side"):
        Metric(chart, [[text, 0], [0, 1]])
    with pytest.raises(DerivationError, match="is not smooth"):
        line_element(chart, f"{text}*dx^2 + dy^2")
    with pytest.raises(DerivationError, match="is not smooth"):
        chart.element("exp(abs(u))")


def test_expressions_that_are_not_smooth_are_refused():
    chart = Chart("x y", constants="k", functions={"u": "x"})
    x, y = chart.coordinates
    for e in [sp.exp(-2 * sp.Abs(y)), sp.Heaviside(y), sp.floor(x), sp.Max(x, y), sp.Piecewise((x, y > 0), (1, True))]:
        with pytest.raises(DerivationError, match="is not smooth"):
            chart.element(e)
    with pytest.raises(DerivationError, match="is not smooth"):
        chart.element(sp.exp(sp.Abs(sp.Symbol("y"))))
    with pytest.raises(DerivationError, match="does not fit"):
        chart.element("abs(k)")  # smooth, but no element of the field


def test_one_side_of_a_wall_is_smooth():
    chart = Chart("t x y z w", constants="k", positive="w")
    side = line_element(chart, "exp(-2*k*abs(w))*(-dt^2 + dx^2 + dy^2 + dz^2) + dw^2")
    assert (side.ricci() + side.g() * "4*k^2").is_zero()
    own = Chart("x", functions={"sign": "x"})
    assert line_element(own, "sign(x)^2*dx^2").g()[0, 0] == own.functions["sign"] ** 2


def test_vectors_are_lists_or_text():
    assert PLANE.is_killing("x*d_y - y*d_x")
    assert not PLANE.is_killing("x*d_x + y*d_y")
    assert PLANE.vector("x*d_y")[1] == PLANE.chart.coordinates[0]
    assert PLANE.soliton("-x*d_x - y*d_y", -1).is_zero()
    sphere = round_sphere(2)
    assert sphere.sectional([1, 0], ["theta", 1])[()] == sphere.sectional("d_theta", "d_phi")[()] == 1


def test_whole_numbers_of_numpy_are_exact():
    assert repr(Metric(Chart("x y"), np.eye(2))) == repr(Metric(Chart("x y"), np.eye(2, dtype=int))) == "dx^2 + dy^2"
    assert PLANE.tensor(np.eye(2))[0, 0] == 1
    with pytest.raises(DerivationError, match=r"0\.5 is a floating-point"):
        Metric(Chart("x y"), np.eye(2) / 2)


def test_metrics_and_charts_print():
    assert repr(line_element(Chart("r phi", functions={"f": "r"}), "dr^2 + f^2*dphi^2")) == "dr^2 + f^2*dphi^2"
    many = " + ".join(f"c{i}" for i in range(300))
    long = line_element(Chart("x", constants=many.replace(" +", "")), f"({many})*dx^2")
    assert repr(long).startswith("a metric with 300 terms on Chart(")
    name = "k" * 1000
    assert repr(line_element(Chart("x", constants=name), f"{name}*dx^2")) == f"{name}... (1005 letters)"
    given = 'Chart("t r", constants="M", functions={"f": "r"}, positive="M")'
    assert repr(eval(given)) == given


def test_a_function_of_an_expression_on_a_real_chart():
    # Alcubierre: the energy density is -(y² + z²) v² f'² / (32π r²), v = X'.
    chart = Chart("t x y z", functions={"X": "t"})
    compose(chart, {"f": [chart.parse("sqrt((x - X)^2 + y^2 + z^2)")]})
    warp = line_element(chart, "-dt^2 + (dx - X'*f*dt)^2 + dy^2 + dz^2")
    expected = "-(y^2 + z^2)*diff(X, t)^2/(4*((x - X)^2 + y^2 + z^2))"
    slope = chart.functions["f"].fdiff(1)
    assert (warp.einstein().raised().components[0, 0] - chart.element(slope) ** 2 * chart.element(expected)).is_zero()
