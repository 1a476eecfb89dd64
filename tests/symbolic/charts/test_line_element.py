"""A line element read and printed is the matrix it stands for; what is no line element is refused with a sentence."""

import numpy as np
import pytest
import sympy as sp

from geomflow.core.errors import ArgumentError, DerivationError, MetricError
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.charts.differentials import one_form
from geomflow.symbolic.charts.line_element import frame_metric, from_coframe, line_element, to_coordinates
from geomflow.symbolic.charts.metric import Metric

SPHERICAL = "(dtheta^2 + sin(theta)^2*dphi^2)"
KERR = (
    "-(1 - 2*M*r/(r^2 + a^2*cos(theta)^2))*dt^2 - 4*M*a*r*sin(theta)^2/(r^2 + a^2*cos(theta)^2)*dt*dphi"
    " + (r^2 + a^2*cos(theta)^2)/(r^2 - 2*M*r + a^2)*dr^2 + (r^2 + a^2*cos(theta)^2)*dtheta^2"
    " + (r^2 + a^2 + 2*M*a^2*r*sin(theta)^2/(r^2 + a^2*cos(theta)^2))*sin(theta)^2*dphi^2"
)
LINES = [
    (Chart("t r theta phi", "M"), f"-(1-2*M/r)*dt^2 + dr^2/(1-2*M/r) + r^2*{SPHERICAL}"),
    (Chart("t r theta phi", "M a"), KERR),
    (Chart("psi theta phi", "A B"), "A^2*(dpsi + cos(theta)*dphi)^2 + B^2*(dtheta^2 + sin(theta)^2*dphi^2)"),
    (Chart("x y", functions={"u": "x y"}), "exp(2*u)*(dx^2 + dy^2) - dx*dy/(1 + x^2)"),
    (Chart("x y", functions={"u": "x y", "f": "x"}), "(diff(u, x, 2, y) + f)^2*dx^2 + (f'' + f')*dy^2 - dx*dy/u"),
    (Chart("u v x"), "-2*du*dv + (x*du + dx)^2"),
]


def test_schwarzschild_is_its_matrix():
    chart, text = LINES[0]
    g = line_element(chart, text)
    matrix = [["-(1-2*M/r)", 0, 0, 0], [0, "1/(1-2*M/r)", 0, 0], [0, 0, "r^2", 0], [0, 0, 0, "r^2*sin(theta)^2"]]
    assert (g.curvature.matrix == Metric(chart, matrix).curvature.matrix).all()
    assert g.ricci().is_zero()


def test_products_are_symmetric_and_squares_of_one_forms_multiply_out():
    chart = Chart("x y", functions={"f": "x y"})
    x, f = chart.coordinates[0], chart.functions["f"]
    g = line_element(chart, "(dx + f*dy)^2 + 2*x*dy*dx + dx*dy/2 + dy*dy")
    assert g.g().sympy() == sp.Matrix([[1, f + x + sp.Rational(1, 4)], [f + x + sp.Rational(1, 4), f**2 + 1]])


@pytest.mark.parametrize(("chart", "text"), LINES, ids=[str(i) for i in range(len(LINES))])
def test_what_is_printed_reads_back(chart, text):
    g = line_element(chart, text)
    again = line_element(chart, g.line_element())
    assert (g.curvature.matrix == again.curvature.matrix).all()


def test_text_and_latex():
    g = line_element(Chart("t r phi", "a"), "-dt^2 - 3*a*dt*dphi + (1 + r)*dr^2 + r^2*dphi^2")
    h = line_element(LINES[4][0], "f''*dx^2 + diff(u, x, 2, y)*u^2*dy^2")
    assert h.line_element() == "f''*dx^2 + u^2*diff(u, x, 2, y)*dy^2"
    assert g.line_element() == "-dt^2 - 3*a*dt*dphi + (r + 1)*dr^2 + r^2*dphi^2"
    assert g.latex() == r"-dt^{2} - 3 a\, dt\, d\phi + \left(1 + r\right)\, dr^{2} + r^{2}\, d\phi^{2}"


def test_a_frame_prints_its_coframe():
    g = frame_metric(Chart("r phi"), ["dr", "r*dphi"], [1, "-r"])
    assert g.line_element() == "w1^2 - r*w2^2"
    assert g.latex() == r"(\theta^{1})^{2} - r\, (\theta^{2})^{2}"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("dx^2 + dy", "`1\\*dy` in .* is linear in differentials"),
        ("dx^2 + dy^2 + 3", "without a differential"),
        ("dx^3 + dy^2", "of degree three or more"),
        ("dx*dy*dx", "of degree three or more"),
        ("dx^2 + dz^2", "`dz` in .* is no differential of the chart; it has dx, dy"),
        ("dx^2/dy + dy^2", "no polynomial in differentials"),
        ("sin(dx)*dy", "no polynomial in differentials"),
        ("dx^2 + q*dy^2", "`q`"),
    ],
)
def test_what_is_no_line_element_is_refused(text, sentence):
    with pytest.raises(DerivationError, match=sentence):
        line_element(Chart("x y"), text)


def test_a_term_that_vanishes_identically_is_none():
    g = line_element(Chart("x y"), "dx^2 + dy^2 + (sin(x)^2 + cos(x)^2 - 1)*dx^3")
    assert g.line_element() == "dx^2 + dy^2"


def test_a_singular_line_element_is_refused():
    with pytest.raises(MetricError, match="singular"):
        line_element(Chart("x y"), "(dx + dy)^2")


def test_a_symbol_called_like_a_differential_is_refused():
    with pytest.raises(DerivationError, match="`dx` is a differential and the name of a symbol"):
        line_element(Chart("x y", "dx"), "dx^2 + dy^2")


def test_a_one_form_is_its_components():
    chart = Chart("x y", functions={"f": "x"})
    assert [chart.sympy(e) for e in one_form(chart, "f'*dx - (y + 1)*dy")] == [
        sp.diff(chart.functions["f"]),
        -chart.coordinates[1] - 1,
    ]
    with pytest.raises(DerivationError, match="quadratic in differentials"):
        one_form(chart, "dx*dy")


def test_a_coframe_gives_the_metric_in_coordinates():
    chart = Chart("t r theta phi", "M", functions={"h": "r"})
    forms = ["h*dt", "dr/h", "r*dtheta", [0, 0, 0, "r*sin(theta)"]]
    g = from_coframe(chart, forms, [-1, 1, 1, 1])
    assert g.frame is None
    assert (g.curvature.matrix == line_element(chart, f"-h^2*dt^2 + dr^2/h^2 + r^2*{SPHERICAL}").curvature.matrix).all()
    # light-cone η with off-diagonal entries, and a coframe that mixes coordinates
    flat = from_coframe(Chart("u v"), ["du + v*dv", "dv"], [[0, -1], [-1, 0]])
    assert flat.line_element() == "-2*du*dv - 2*v*dv^2"
    assert to_coordinates(flat) is flat


def test_a_coframe_of_the_wrong_size_is_refused():
    with pytest.raises(ArgumentError, match="needs 2 one-forms, but 1 were given"):
        from_coframe(Chart("x y"), ["dx"])
    with pytest.raises(MetricError, match="The coframe is singular"):
        from_coframe(Chart("x y"), ["dx", "x*dx"])


def test_components_do_not_depend_on_the_way_they_were_typed():
    chart, text = LINES[1]
    g = line_element(chart, text)
    assert np.all(g.curvature.matrix == g.curvature.matrix.T)
    assert g.ricci().is_zero()
