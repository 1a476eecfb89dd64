"""Curvature and derivatives in a frame are those of the coordinate engine, moved by the frame."""

import itertools

import pytest

from geomflow.core.errors import ArgumentError, DerivationError
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.charts.frames import Frame
from geomflow.symbolic.charts.lie_groups import left_invariant, su2
from geomflow.symbolic.charts.line_element import frame_metric, line_element, moved, to_coordinates, to_frame

# A chart, a coframe that does not commute, and η: constant, Lorentzian, not diagonal, varying.
FRAMES = {
    "polar": (Chart("r phi"), ["dr", "r*dphi"], None),
    "sphere, skew": (Chart("theta phi"), ["dtheta + phi*dphi", "sin(theta)*dphi"], [["1", "1/2"], ["1/2", "1"]]),
    "nil": (Chart("x y z", "A B"), ["A*dx", "B*dy", "dz - x*dy"], None),
    "varying": (
        Chart("x y z", functions={"f": "x y"}),
        ["dx", "dy + x*dz", "dz + y*dx"],
        [["f^2", 0, "x"], [0, -1, 0], ["x", 0, "1"]],
    ),
    "functions": (Chart("x y z", functions={"f": "x", "h": "x y"}), ["f*dx", "h*dy + dx", "dz - h*dx"], [-1, 1, 1]),
    "static": (
        Chart("t r theta phi", functions={"f": "r"}),
        ["f*dt", "dr/f", "r*dtheta", "r*sin(theta)*dphi"],
        [-1, 1, 1, 1],
    ),
}


@pytest.fixture(params=FRAMES)
def both(request):
    chart, forms, eta = FRAMES[request.param]
    g = frame_metric(chart, forms, eta)
    return g, to_coordinates(g)


def test_curvature_in_the_frame_is_that_of_the_coordinates(both):
    g, h = both
    assert moved(h.riemann(), g) == g.riemann()
    assert moved(h.ricci(), g) == g.ricci()
    assert g.scalar().components[()] == h.scalar().components[()]


def test_the_connection_is_metric_without_torsion(both):
    g, _ = both
    gamma, n = g.curvature.christoffel, g.dim
    for k, a, b in itertools.product(range(n), repeat=3):
        assert gamma(k, a, b) - gamma(k, b, a) == g.frame.structure(k, a, b)
    assert g.g().nabla().is_zero()


def test_riemann_has_its_symmetries_before_they_are_used(both):
    g, _ = both
    raw, n = g.curvature._riemann, g.dim
    for a, b, c, d in itertools.product(range(n), repeat=4):
        assert raw(a, b, c, d) == raw(c, d, a, b)
        assert raw(a, b, c, d) == -raw(b, a, c, d)


def test_derivatives_in_the_frame_are_those_of_the_coordinates(both):
    g, h = both
    names = [x.name for x in h.chart.coordinates]
    x = h.vector([f"{names[-1]}*{names[0]}", *("1" for _ in names[1:])])
    t = h.tensor([[f"{a}*{b}^2" for b in names] for a in names], [True, False])
    s = h.tensor([[f"{a} + 2*{b}" for b in names] for a in names])
    there = lambda tensor: moved(tensor, g)  # noqa: E731
    assert there(x.nabla()) == there(x).nabla()
    assert there(t.nabla()) == there(t).nabla()
    assert there(t.lie(x)) == there(t).lie(there(x))
    assert there(s.lie(x)) == there(s).lie(there(x))
    assert there(h.hessian(f"{names[0]}*{names[1]}^2")) == g.hessian(f"{names[0]}*{names[1]}^2")
    assert x.divergence().components[()] == there(x).divergence().components[()]
    assert moved(there(t), h) == t


def test_bach_and_weyl_in_a_frame():
    chart, forms, eta = FRAMES["static"]
    g = frame_metric(chart, forms, eta)
    h = to_coordinates(g)
    assert moved(h.weyl(), g) == g.weyl()
    assert moved(h.bach(), g) == g.bach()
    assert not g.bach().is_zero()


def test_brackets_of_the_polar_frame():
    chart = Chart("r phi")
    frame = Frame.from_coframe(chart, ["dr", "r*dphi"])
    # [∂_r, ∂_φ/r] = -(1/r) ∂_φ/r
    assert frame.structure(1, 0, 1) == chart.element("-1/r")
    assert frame.structure(0, 0, 1).is_zero()
    again = Frame.from_vectors(chart, [["1", "0"], ["0", "1/r"]])
    assert all(frame.structure(*i) == again.structure(*i) for i in itertools.product(range(2), repeat=3))


def test_a_metric_moves_into_a_frame_and_back():
    chart = Chart("theta phi")
    g = line_element(chart, "dtheta^2 + sin(theta)^2*dphi^2")
    frame = Frame.from_coframe(chart, ["dtheta", "sin(theta)*dphi"], labels=["theta", "phi"])
    inside = to_frame(g, frame)
    assert inside.line_element() == "wtheta^2 + wphi^2"
    assert str(inside.ricci()) == "_theta_theta = 1\n_phi_phi = 1"
    assert (to_coordinates(inside).curvature.matrix == g.curvature.matrix).all()


def test_kerr_is_flat_in_the_frame_of_carter():
    chart = Chart("t r theta phi", "M a")
    rho2, delta = "(r^2 + a^2*cos(theta)^2)", "(r^2 - 2*M*r + a^2)"
    # η carries the squares, so that no roots are needed.
    g = frame_metric(
        chart,
        ["dt - a*sin(theta)^2*dphi", "dr", "dtheta", "sin(theta)*((r^2 + a^2)*dphi - a*dt)"],
        [f"-{delta}/{rho2}", f"{rho2}/{delta}", rho2, f"1/{rho2}"],
    )
    assert g.ricci().is_zero()
    r, a, m, c = (chart.element(e) for e in ("r", "a", "M", "cos(theta)"))
    x = r * r - a * a * c * c
    # Kretschmann: 48 M² Re (r - i a cos θ)^6 / ρ^12 in real form
    real = x * (x * x - 12 * r * r * a * a * c * c)
    assert g.kretschmann().components[()] == 48 * m * m * real / (r * r + a * a * c * c) ** 6


def test_frames_say_what_they_cannot_do():
    group = left_invariant(su2(), "A B C")
    with pytest.raises(ArgumentError, match="known by its brackets alone"):
        to_coordinates(group)
    with pytest.raises(DerivationError, match="A function of e2 is not invariant"):
        group.gradient("e2")
    with pytest.raises(ArgumentError, match="Geodesics are curves in coordinates"):
        group.geodesic_equations()
    plane = line_element(Chart("x y"), "dx^2 + dy^2")
    with pytest.raises(ArgumentError, match="The metric must be in the coordinates"):
        to_frame(plane, group.frame)
    with pytest.raises(ArgumentError, match="has 2 vectors, but 1 labels were given"):
        frame_metric(plane.chart, ["dx", "dy"], labels=["x"])
    with pytest.raises(ArgumentError, match="One metric must be in a frame"):
        moved(plane.ricci(), plane)
