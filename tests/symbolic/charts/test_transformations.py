"""A change of coordinates carries every tensor along: invariants agree and curvature commutes with it."""

import pytest
import sympy as sp

from geomflow.core.errors import ArgumentError, DerivationError, MetricError
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.charts.constructions import flat, round_sphere
from geomflow.symbolic.charts.lie_groups import left_invariant, su2
from geomflow.symbolic.charts.line_element import line_element
from geomflow.symbolic.charts.transformations import CoordinateChange, Map, transform

SPHERICAL = "(dtheta^2 + sin(theta)^2*dphi^2)"
STATIC = Chart("t r theta phi", "M", functions={"f": "r"})


def static():
    return line_element(STATIC, f"-f*dt^2 + dr^2/f + r^2*{SPHERICAL}")


# Old metric, new chart, old coordinates by the new ones.
CHANGES = {
    "polar": (flat("x y"), Chart("r phi"), {"x": "r*cos(phi)", "y": "r*sin(phi)"}),
    "spherical": (
        flat("t x y z", [-1, 1, 1, 1]),
        Chart("t r theta phi"),
        {"x": "r*sin(theta)*cos(phi)", "y": "r*sin(theta)*sin(phi)", "z": "r*cos(theta)"},
    ),
    "half angle": (round_sphere(2), Chart("alpha beta"), {"theta": "2*alpha", "phi": "beta - alpha"}),
    "unknown function": (
        static(),
        Chart("u rho theta phi", "M", {"h": "rho"}),
        {"t": "u + rho", "r": "rho^2", "f": "h"},
    ),
    "function of two": (
        line_element(Chart("x y", functions={"f": "x y"}), "exp(2*f)*dx^2 + dy^2"),
        Chart("a b", functions={"F": "a b"}),
        {"x": "a^2 + b", "y": "2*a - 3*b", "f": "F"},
    ),
    "two exponentials": (
        line_element(Chart("x y"), "exp(x)*dx^2 + exp(y)*dx*dy + dy^2"),
        Chart("a b"),
        {"x": "a + b", "y": "a/2"},
    ),
    "exponential": (
        line_element(Chart("x y z"), "exp(2*z)*dx^2 + exp(-2*z)*dy^2 + dz^2"),
        Chart("x y w", positive="w"),
        {"z": "log(w)"},
    ),
}


@pytest.fixture(params=CHANGES)
def change(request):
    g, chart, images = CHANGES[request.param]
    return g, CoordinateChange(g.chart, chart, images)


def test_curvature_commutes_with_the_change(change):
    g, to = change
    assert to(g.ricci()) == to(g).ricci()
    assert to(g.riemann()) == to(g).riemann()
    assert to(g.scalar()) == to(g).scalar()
    assert to(g.kretschmann()) == to(g).kretschmann()


def test_tensors_of_every_kind_commute_with_nabla(change):
    g, to = change
    names = [x.name for x in g.chart.coordinates]
    v = g.vector([f"{a}*{names[0]} + sin({names[0]})" for a in names])
    t = g.tensor([[f"{a}^2 + {b}" for b in names] for a in names], [True, False])
    assert to(v.nabla()) == to(v).nabla()
    assert to(t.nabla()) == to(t).nabla()
    assert to(t.lowered()) == to(t).lowered()
    assert to(g.g().lie(v)) == to(g).g().lie(to(v))
    assert to(g.laplacian(names[0])) == to(g).laplacian(to(names[0]))


def test_flat_space_in_polar_and_spherical_coordinates():
    assert transform(*CHANGES["polar"]).line_element() == "dr^2 + r^2*dphi^2"
    g = transform(*CHANGES["spherical"])
    assert g.line_element() == "-dt^2 + dr^2 + r^2*dtheta^2 + r^2*sin(theta)^2*dphi^2"
    assert g.riemann().is_zero()


def test_schwarzschild_in_the_coordinates_of_eddington_and_finkelstein():
    g = line_element(Chart("t r theta phi", "M"), f"-(1 - 2*M/r)*dt^2 + dr^2/(1 - 2*M/r) + r^2*{SPHERICAL}")
    chart = Chart("v r theta phi", "M")
    h = transform(g, chart, {"t": "v - r - 2*M*log(r/(2*M) - 1)"})
    known = line_element(chart, f"-(1 - 2*M/r)*dv^2 + 2*dv*dr + r^2*{SPHERICAL}")
    assert (h.curvature.matrix == known.curvature.matrix).all()


def test_schwarzschild_in_isotropic_coordinates():
    chart = Chart("t rho theta phi", "M")
    to = CoordinateChange(STATIC, chart, {"r": "rho*(1 + M/(2*rho))^2", "f": "((1 - M/(2*rho))/(1 + M/(2*rho)))^2"})
    h = to(static())
    known = line_element(
        chart,
        f"-((1 - M/(2*rho))/(1 + M/(2*rho)))^2*dt^2 + (1 + M/(2*rho))^4*(drho^2 + rho^2*{SPHERICAL})",
    )
    assert (h.curvature.matrix == known.curvature.matrix).all()
    assert h.ricci().is_zero()
    # Derivatives of the unknown function become the right ones: curvature that was general vanishes now.
    assert to(static().ricci()).is_zero()


def test_two_changes_after_each_other_and_back():
    g, chart, images = round_sphere(2), Chart("alpha beta"), {"theta": "alpha", "phi": "beta - 2*alpha"}
    there = CoordinateChange(g.chart, chart, images)
    back = CoordinateChange(chart, g.chart, {"alpha": "theta", "beta": "phi + 2*theta"})
    v = g.vector(["sin(phi)", "theta"])
    again = back(there(v))
    assert again.up == v.up
    assert (again.components == v.components).all()
    assert (back(there(g)).curvature.matrix == g.curvature.matrix).all()


def test_finer_angles_may_come_later():
    g, chart = round_sphere(2), Chart("alpha beta")
    to = CoordinateChange(g.chart, chart, {"theta": "2*alpha", "phi": "beta - alpha"})
    # The metric holds sin(2 alpha) alone, the function sin(beta - alpha).
    assert to(g).scalar()[()] == 2
    alpha, beta = chart.coordinates
    assert to(g.function("cos(phi)")).components[()] == chart.element(sp.cos(beta - alpha))


def test_one_change_gives_one_metric():
    g, chart, images = CHANGES["polar"]
    to = CoordinateChange(g.chart, chart, images)
    assert to(g) is to(g)
    assert to(g.ricci()).metric is to(g)
    assert to("x^2 + y^2") == chart.coordinates[0] ** 2
    assert transform(g.vector(["x", "y"]), chart, images).sympy().tolist() == [chart.coordinates[0], 0]
    assert transform(g.gradient("x^2 + y^2").lowered(), chart, images)[0] == 2 * chart.coordinates[0]


@pytest.mark.parametrize(
    ("error", "chart", "images", "sentence"),
    [
        (MetricError, Chart("r phi"), {"x": "r", "y": "r"}, "The Jacobian of the change of coordinates is singular"),
        (ArgumentError, Chart("r phi"), {"x": "r"}, "Say what `y` is in the new coordinates"),
        (
            ArgumentError,
            Chart("r phi"),
            {"x": "r", "y": "phi", "z": "r"},
            "`z` is no coordinate or function of the old",
        ),
        (ArgumentError, Chart("r"), {"x": "r", "y": "r^2"}, "as many new coordinates as old ones"),
        (DerivationError, Chart("r phi"), {"x": "q", "y": "phi"}, "`q`"),
    ],
)
def test_what_is_no_change_is_refused(error, chart, images, sentence):
    with pytest.raises(error, match=sentence):
        transform(flat("x y"), chart, images)


def test_coordinates_may_trade_names():
    chart = Chart("x y", "M", functions={"f": "x"})
    swapped = transform(line_element(chart, "f*dx^2 + x^2*dy^2"), Chart("x y", "M"), {"x": "y", "y": "x"})
    assert swapped.line_element() == "y^2*dx^2 + f*dy^2"
    assert str(swapped.chart.functions["f"]) == "f(y)"
    # What is said about f is meant in the new coordinates.
    moved = transform(line_element(chart, "f*dx^2 + dy^2"), Chart("x y", "M"), {"x": "x + M", "f": "x"})
    assert moved.line_element() == "x*dx^2 + dy^2"
    with pytest.raises(DerivationError, match="depends on a coordinate that is replaced"):
        Map(Chart("x y", functions={"h": "x y"}), Chart("u v"), {"x": "u", "y": "u"}).rule(
            sp.Function("h")(*chart.coordinates)
        )


def test_unknown_functions_need_an_image():
    chart = Chart("t rho theta phi", "M")
    with pytest.raises(DerivationError, match=r"The unknown function f\(r\) depends on a coordinate that is replaced"):
        transform(static(), chart, {"r": "rho^2"})
    same = transform(static(), chart, {"r": "rho"})
    assert str(same.chart.functions["f"]) == "f(rho)"
    with pytest.raises(ArgumentError, match="must know the constant `M`"):
        transform(static(), Chart("t rho theta phi"), {"r": "rho"})


def test_a_frame_is_left_before_the_change():
    g = left_invariant(su2(), "A B C")
    with pytest.raises(ArgumentError, match="must be in the coordinates of the old chart"):
        transform(g, Chart("x y z", "A B C"), {"e1": "x", "e2": "y", "e3": "z"})


def test_stereographic_coordinates_of_the_sphere():
    g = line_element(Chart("c phi"), "dc^2/(1 - c^2) + (1 - c^2)*dphi^2")
    h = transform(g, Chart("rho phi"), {"c": "(rho^2 - 1)/(rho^2 + 1)"})
    assert h.line_element() == "4/(rho^2 + 1)^2*drho^2 + 4*rho^2/(rho^2 + 1)^2*dphi^2"
    assert h.scalar()[()] == sp.Integer(2)
