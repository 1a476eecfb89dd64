"""Left-invariant metrics: Ricci flow as known ODEs with conserved quantities, and realisations in coordinates."""

import numpy as np
import pytest
import sympy as sp

from geomflow.core.errors import ArgumentError, DerivationError, MetricError
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.charts.lie_groups import (
    LieAlgebra,
    abelian,
    e2,
    left_invariant,
    nil,
    sl2r,
    sol,
    su2,
    unimodular,
)
from geomflow.symbolic.charts.line_element import frame_metric, line_element, moved, to_coordinates

A, B, C = sp.symbols("A B C", positive=True)


def velocity(algebra, entries="A B C"):
    """-2 Ric of a diagonal metric, with A, B, C as the symbols of this file."""
    ricci = left_invariant(algebra, entries).ricci().sympy()
    assert all(ricci[i, j] == 0 for i in range(3) for j in range(3) if i != j)
    return [sp.sympify(-2 * ricci[i, i]) for i in range(3)]


def rate(quantity, flow):
    """Its time derivative along the flow."""
    return sp.cancel(sum(sp.diff(quantity, s) * v for s, v in zip((A, B, C), flow)))


# The equations of Ricci flow, and what each conserves.
FLOWS = {
    "su2": (su2(), [4 * ((x - y) ** 2 - z**2) / (x * y) for x, y, z in ((B, C, A), (C, A, B), (A, B, C))], []),
    "nil": (nil(), [-4 * A**2 / (B * C), 4 * A / C, 4 * A / B], [A * B, A * C]),
    "sol": (sol(), [4 * (C**2 - A**2) / (B * C), 4 * (A + C) ** 2 / (A * C)], [A * C, B * (A - C)]),
    "e2": (e2(), [4 * (B**2 - A**2) / (B * C), 4 * (A**2 - B**2) / (A * C)], [A * B, C * (A + B)]),
    "sl2r": (sl2r(), [4 * ((B - C) ** 2 - A**2) / (B * C), 4 * ((A + C) ** 2 - B**2) / (A * C)], []),
    "abelian": (abelian(3), [0, 0, 0], [A, B, C]),
}


@pytest.mark.parametrize("name", FLOWS)
def test_ricci_flow_is_the_known_system(name):
    algebra, known, conserved = FLOWS[name]
    flow = velocity(algebra)
    assert [sp.cancel(v - k) for v, k in zip(flow, known)] == [0] * len(known)
    assert [rate(q, flow) for q in conserved] == [0] * len(conserved)
    assert algebra.is_unimodular()


def test_sl2r_and_berger_with_two_equal_axes():
    flow = [v.subs(C, B) for v in velocity(sl2r())]
    assert [sp.cancel(v - k) for v, k in zip(flow, [-4 * A**2 / B**2, 8 + 4 * A / B])] == [0, 0]
    assert rate((A + B) / (A**2 * B), flow[:2]) == 0
    flow = [v.subs(C, B) for v in velocity(su2())]
    assert flow[1] == flow[2]
    assert rate((B - A) / (A**2 * B), flow[:2]) == 0


# Coframes in coordinates with the structure of the named algebras, or of their rotated frames.
REALISED = {
    "Berger": (
        su2(),
        Chart("psi theta phi", "A B C", positive="A B C"),
        [
            "(dpsi + cos(theta)*dphi)/2",
            "(cos(psi)*dtheta + sin(psi)*sin(theta)*dphi)/2",
            "(sin(psi)*dtheta - cos(psi)*sin(theta)*dphi)/2",
        ],
    ),
    "Nil": (nil(), Chart("x y z", "A B C", positive="A B C"), ["dz - 2*x*dy", "dx", "-dy"]),
    "Sol": (
        LieAlgebra.from_coframe(["w3^w1", "-w3^w2", "0"]),
        Chart("x y z", "A B C", positive="A B C"),
        ["exp(z)*dx", "exp(-z)*dy", "dz"],
    ),
    "E(2)": (
        e2(),
        Chart("x y t", "A B C", positive="A B C"),
        ["cos(2*t)*dx + sin(2*t)*dy", "-sin(2*t)*dx + cos(2*t)*dy", "-dt"],
    ),
}


@pytest.mark.parametrize("name", REALISED)
@pytest.mark.parametrize(
    "entries", ["A B C", [["A", "1", 0], ["1", "B", "1/2"], [0, "1/2", "C"]]], ids=["diag", "full"]
)
def test_groups_are_their_realisations_in_coordinates(name, entries):
    algebra, chart, forms = REALISED[name]
    group = left_invariant(algebra, entries)
    frame = frame_metric(chart, forms, entries.split() if isinstance(entries, str) else entries)
    brackets = [frame.frame.structure(*index) for index in np.ndindex(3, 3, 3)]
    assert brackets == [chart.element(c) for c in algebra.structure.ravel()]
    # Three ways: brackets alone, the coframe, and the coordinate engine.
    assert frame.ricci().sympy() == group.ricci().sympy()
    assert moved(to_coordinates(frame).ricci(), frame) == frame.ricci()
    assert moved(to_coordinates(frame).riemann(), frame) == frame.riemann()


def test_the_standard_line_elements():
    nil_metric = line_element(Chart("x y z"), "dx^2 + dy^2 + (dz - x*dy)^2")
    # dω = -dx∧dy: half of λ = 2, so A = 1/4 in the frame of Milnor.
    assert nil_metric.scalar()[()] == left_invariant(nil(), ["1/4", "1", "1"]).scalar()[()] == -sp.Rational(1, 2)
    sol_metric = line_element(Chart("x y z"), "exp(2*z)*dx^2 + exp(-2*z)*dy^2 + dz^2")
    # (ω1 ± ω3)/√2 with ω2 = dz/2
    assert sol_metric.scalar()[()] == left_invariant(sol(), ["1", "4", "1"]).scalar()[()] == -2
    assert sol_metric.ricci().sympy() == sp.diag(0, 0, -2)


def test_round_and_hyperbolic():
    assert left_invariant(su2(), ["1", "1", "1"]).ricci().sympy() == 2 * sp.eye(3)
    # [e1, ej] = k ej: curvature -k² in any dimension
    hyperbolic = LieAlgebra.from_brackets(5, {(1, j): {j: "k"} for j in range(2, 6)})
    assert not hyperbolic.is_unimodular()
    g = left_invariant(hyperbolic, ["1"] * 5)
    k = g.chart.constants[0]
    assert g.ricci().sympy() == -4 * k**2 * sp.eye(5)
    assert g.weyl().is_zero()
    assert g.riemann()[0, 1, 0, 1] == -(k**2)


def test_two_einstein_metrics_on_a_product_of_spheres():
    group = su2().direct_sum(su2())
    standard = left_invariant(group, [1] * 6)
    assert standard.ricci() == standard.g() * 2
    # Jensen's other Einstein metric, nearly Kähler: the two factors at an angle of 120°.
    angle = {0: 1, 3: -sp.Rational(1, 2)}
    other = left_invariant(group, [[angle.get(abs(i - j), 0) for j in range(6)] for i in range(6)])
    assert other.ricci() == other.g() * (other.scalar() / 6)
    assert not other.weyl().is_zero()


def test_covariant_derivatives_and_killing_fields_on_a_group():
    g = left_invariant(su2(), "A B B")
    assert g.g().nabla().is_zero()
    # The right translations generated by e1 are isometries when B = C; those by e2 are not.
    assert g.is_killing(["1", 0, 0])
    assert not g.is_killing([0, "1", 0])
    assert g.cotton().trace(0, 1).is_zero()


def test_cohomogeneity_one_is_what_the_coordinates_say():
    functions = {"f": "r", "a": "r", "b": "r"}
    g = left_invariant(su2(), ["f^2", "a^2", "b^2", "b^2"], along="r", functions=functions)
    chart = Chart("r psi theta phi", functions=functions)
    text = "f^2*dr^2 + a^2*(dpsi + cos(theta)*dphi)^2/4 + b^2*(dtheta^2 + sin(theta)^2*dphi^2)/4"
    h = line_element(chart, text)
    assert g.labels == ("r", "1", "2", "3")
    assert g.scalar()[()] == h.scalar()[()]
    assert g.kretschmann()[()] == h.kretschmann()[()]
    assert g.ricci()[0, 0] == h.ricci()[0, 0]
    # e1 = 2 ∂_ψ
    assert sp.expand(g.ricci()[1, 1] - 4 * h.ricci()[1, 1]) == 0


def test_eguchi_hanson_is_flat_and_self_dual_in_the_invariant_frame():
    g = left_invariant(su2(), ["1/(1 - m^4/r^4)", "r^2*(1 - m^4/r^4)", "r^2", "r^2"], constants="m", along="r")
    assert g.ricci().is_zero()
    assert g.bach().is_zero()
    assert not g.riemann().is_zero()


def test_names_of_sympy_functions_are_names():
    algebra = LieAlgebra.from_brackets(2, {(1, 2): {2: "gamma^2/2"}})
    assert [c.name for c in algebra.constants] == ["gamma"]
    g = left_invariant(algebra, ["beta", "2*pi*S"])
    assert sorted(c.name for c in g.chart.constants) == ["S", "beta", "gamma"]
    assert str(g.scalar()[()]) == "-gamma**4/(2*beta)"
    assert algebra.dim == 2


def test_an_algebra_reads_and_prints():
    assert repr(su2()) == "[e1, e2] = -2*e3, [e1, e3] = 2*e2, [e2, e3] = -2*e1"
    assert repr(LieAlgebra.from_coframe(["2*w2^w3", "2*w3∧w1", "2*w1*w2"])) == repr(su2())
    assert repr(LieAlgebra.from_coframe(["k*w3*w2 + w1*w1", "0", "0"], "k")) == "[e2, e3] = k*e1"
    assert repr(abelian(2)) == "abelian of dimension 2"
    assert repr(unimodular("1/2", 0, 0)) == "[e2, e3] = -1/2*e1"


def test_what_is_no_algebra_is_refused():
    with pytest.raises(ArgumentError, match=r"antisymmetric below, but c\^1_12 = 1 and c\^1_21 = 1"):
        LieAlgebra([[[0, 1], [1, 0]], [[0, 0], [0, 0]]])
    with pytest.raises(ArgumentError, match="The Jacobi identity fails for e1, e2, e3"):
        LieAlgebra.from_brackets(3, {(1, 2): {3: 1}, (1, 3): {1: 1}})
    with pytest.raises(ArgumentError, match=r"shape \(n, n, n\)"):
        LieAlgebra([[1, 2], [3, 4]])
    with pytest.raises(ArgumentError, match="two different indices from 1 to 2"):
        LieAlgebra.from_brackets(2, {(1, 3): {1: 1}})
    with pytest.raises(DerivationError, match=r"`w4` in .* is no form of the coframe"):
        LieAlgebra.from_coframe(["w2*w4", "0", "0"])
    with pytest.raises(DerivationError, match="must be a product of two forms"):
        LieAlgebra.from_coframe(["2*w2", "0", "0"])


def test_what_is_no_left_invariant_metric_is_refused():
    with pytest.raises(MetricError, match="3 x 3 matrix"):
        left_invariant(su2(), "A B")
    with pytest.raises(MetricError, match="must be symmetric"):
        left_invariant(su2(), [["A", "1", 0], [0, "B", 0], [0, 0, "C"]])
    with pytest.raises(MetricError, match="singular"):
        left_invariant(su2(), ["A", "B", 0])
