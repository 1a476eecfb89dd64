"""Products, warped products, conformal changes, spheres and submanifolds obey the formulas of the textbooks."""

import itertools

import pytest
import sympy as sp

from geomflow.core.errors import ArgumentError, DerivationError, MetricError
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.charts.constructions import (
    conformal,
    flat,
    product,
    renamed,
    rotationally_symmetric,
    round_sphere,
    warped_product,
)
from geomflow.symbolic.charts.embeddings import Embedding, from_embedding
from geomflow.symbolic.charts.lie_groups import left_invariant, su2
from geomflow.symbolic.charts.line_element import line_element

SPHERE = ["sin(theta)*cos(phi)", "sin(theta)*sin(phi)", "cos(theta)"]
SURFACES = {
    "sphere": (Chart("theta phi"), SPHERE, None),
    "hyperboloid": (Chart("r phi"), ["cosh(r)", "sinh(r)*cos(phi)", "sinh(r)*sin(phi)"], [-1, 1, 1]),
    "de Sitter": (Chart("t phi"), ["sinh(t)", "cosh(t)*cos(phi)", "cosh(t)*sin(phi)"], [-1, 1, 1]),
    "graph": (Chart("x y", functions={"u": "x y"}), ["x", "y", "u"], None),
    "graph of three": (Chart("x y z"), ["x", "y", "z", "x^2 + y*z"], None),
    "torus": (Chart("u v", "a b"), ["(a + b*cos(u))*cos(v)", "(a + b*cos(u))*sin(v)", "b*sin(u)"], None),
}


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_round_spheres_have_constant_curvature(n):
    g = round_sphere(n, radius="a", constants="a")
    assert g.ricci() == g.g() * f"({n}-1)/a^2"
    k = g.g() / "a^2"
    assert g.riemann() == (k * g.g()).transposed(0, 2, 1, 3) - (k * g.g()).transposed(0, 2, 3, 1)


def test_a_product_splits():
    g = product(round_sphere(2), renamed(round_sphere(2), {"theta": "alpha", "phi": "beta"}), flat("z"))
    assert g.line_element() == "dtheta^2 + sin(theta)^2*dphi^2 + dalpha^2 + sin(alpha)^2*dbeta^2 + dz^2"
    assert g.scalar()[()] == 4
    assert g.ricci().nabla().is_zero()
    shared = product(round_sphere(1, "u", "a", "a"), round_sphere(1, "v", "a", "a"))
    assert [c.name for c in shared.chart.constants] == ["a"]


def test_names_that_meet_are_refused():
    with pytest.raises(ArgumentError, match=r"The name `theta` stands in two factors. Rename it"):
        product(round_sphere(2), round_sphere(2))
    with pytest.raises(ArgumentError, match="The name `a` stands in two factors"):
        product(round_sphere(1, "u", "a", "a"), flat("a"))
    with pytest.raises(ArgumentError, match="`psi` is no name of the chart; it has theta, phi"):
        renamed(round_sphere(2), {"psi": "chi"})
    with pytest.raises(ArgumentError, match="stands twice"):
        renamed(round_sphere(2), {"theta": "phi"})
    with pytest.raises(ArgumentError, match="a factor is in a frame"):
        product(left_invariant(su2(), "A B C"), flat("x"))
    with pytest.raises(ArgumentError, match="at least one"):
        product()


def test_renamed_takes_functions_and_constants_along():
    g = line_element(Chart("x y", "m", functions={"f": "x"}, positive="m"), "f^2*dx^2 + m*f'*dy^2")
    h = renamed(g, {"x": "r", "f": "h", "m": "k"})
    assert h.line_element() == "h^2*dr^2 + k*h'*dy^2"
    assert h.chart.constants[0].is_positive
    assert str(h.scalar()[()]) == str(g.scalar()[()]).replace("f(x)", "h(r)").replace("x", "r").replace("m", "k")


@pytest.mark.parametrize("dims", [(1, 2), (2, 2), (2, 3)])
def test_warped_products_obey_o_neill(dims):
    b, f = dims
    base = line_element(Chart("r t"[: 2 * b - 1], functions={"w": "r"}), "dr^2 + (1 + r^2)*dt^2" if b == 2 else "dr^2")
    fibre = round_sphere(f)
    g = warped_product(base, fibre, "w")
    ricci = g.ricci().sympy()
    # Ric = Ric_B - (f/w) Hess w on B; Ric_F - (w Δw + (f-1)|∇w|²) g_F on F
    w = base.chart.functions["w"]
    above = (base.ricci() - base.hessian(w) * f / w).sympy()
    shift = base.chart.sympy((base.laplacian(w) * w + base.gradient(w).norm_squared() * (f - 1)).components[()])
    below = fibre.ricci().sympy() - shift * fibre.g().sympy()
    assert all(g.chart.element(e).is_zero() for e in ricci[:b, :b] - above)
    assert all(g.chart.element(ricci[b + i, b + i] - below[i, i]).is_zero() for i in range(f))
    assert ricci[:b, b:] == sp.zeros(b, f)


def test_a_warping_function_lives_on_the_base():
    with pytest.raises(DerivationError, match="theta"):
        warped_product(flat("r"), round_sphere(2), "theta")
    with pytest.raises(MetricError, match="must not vanish"):
        warped_product(flat("r"), round_sphere(2), 0)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_conformal_change_of_the_scalar_curvature(n):
    chart = Chart("x y z w"[: 2 * n - 1], functions={"u": "x y", "h": "x"})
    g = line_element(chart, " + ".join(["h^2*dx^2", *(f"d{s}^2" for s in "yzw"[: n - 1])]))
    scaled = conformal(g, exponent="u")
    u = chart.functions["u"]
    inner = g.scalar() - g.laplacian(u) * (2 * (n - 1)) - g.gradient(u).norm_squared() * ((n - 2) * (n - 1))
    assert scaled.scalar().components[()] == (inner * sp.exp(-2 * u)).components[()]
    assert (conformal(g, factor=sp.exp(2 * u)).curvature.matrix == scaled.curvature.matrix).all()


def test_weyl_and_bach_are_conformal():
    chart = Chart("x y z w", functions={"u": "x"})
    g = line_element(chart, "x^2*dx^2 + dy^2 + y^2*dz^2 + (1 + x*y)*dw^2")
    scaled = conformal(g, exponent="u")
    factor = "exp(2*u)"
    assert not g.bach().is_zero()
    assert (scaled.weyl().components == (g.weyl() * factor).components).all()
    assert ((scaled.bach() * factor).components == g.bach().components).all()


def test_a_conformal_change_says_which_form_it_takes():
    with pytest.raises(ArgumentError, match="exponent=u"):
        conformal(flat("x y"))
    with pytest.raises(ArgumentError, match="factor=w"):
        conformal(flat("x y"), exponent="x", factor="x")
    assert conformal(flat("x y"), factor="4/(1 + x^2 + y^2)^2").scalar()[()] == 2
    group = conformal(left_invariant(su2(), [1, 1, 1]), factor=4)
    assert group.scalar()[()] == sp.Rational(3, 2)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_rotational_symmetry(n):
    g = rotationally_symmetric(n)
    psi = g.chart.functions["psi"]
    radial = -(n - 1) * psi.diff(psi.args[0], 2) / psi
    assert g.chart.element(g.ricci()[0, 0] - radial).is_zero()
    tangential = (n - 2) * (1 - psi.diff() ** 2) - psi * psi.diff(psi.args[0], 2)
    assert g.chart.element(g.ricci()[1, 1] - tangential).is_zero()
    h = rotationally_symmetric(n, "sinh(k*r)/k", constants="k")
    assert h.ricci() == h.g() * f"-({n}-1)*k^2"


def test_a_lapse_is_a_change_of_the_radial_coordinate():
    g = rotationally_symmetric(3, "chi*rho", "chi", radial="rho")
    assert g.line_element().startswith("chi^2*drho^2 + rho^2*chi^2*dtheta^2")
    assert rotationally_symmetric(3, "r", "1/sqrt(1 - r^2)").scalar()[()] == 6
    with pytest.raises(ArgumentError, match="dimension 2 or more"):
        rotationally_symmetric(1)
    with pytest.raises(ArgumentError, match="needs 2 coordinates"):
        round_sphere(2, "a b c")
    with pytest.raises(ArgumentError, match="one sign for each"):
        flat("x y", [1])


@pytest.mark.parametrize("name", SURFACES)
def test_the_gauss_equation(name):
    surface = Embedding(*SURFACES[name])
    g, second, n = surface.metric, surface.second_fundamental_form().components, surface.metric.dim
    for i, j, k, l in itertools.product(range(n), repeat=4):
        intrinsic = g.curvature.riemann(i, j, k, l)
        assert intrinsic == (second[i, k] * second[j, l] - second[i, l] * second[j, k]) * surface.sign()
    # Codazzi: ∇_k II_ij is totally symmetric
    derived = surface.second_fundamental_form().nabla()
    assert derived == derived.transposed(0, 2, 1)


@pytest.mark.parametrize("name", ["graph in half space", "tilted in a rotationally symmetric space"])
def test_the_gauss_equation_in_a_curved_space(name):
    if name == "graph in half space":
        around = line_element(Chart("x y z"), "(dx^2 + dy^2 + dz^2)/z^2")
        surface = Embedding(Chart("u v", functions={"h": "u v"}), ["u", "v", "h"], around)
    else:
        # ψ' and ψ'' of the space around are met within the surface.
        around = rotationally_symmetric(3)
        surface = Embedding(Chart("r phi", functions={"psi": "r"}), ["r", "2*r", "phi"], around)
    second, j, dot = surface.second_fundamental_form().components, surface.map.jacobian, surface.chart.field.dot
    outer = surface.map.elements(around.riemann().components)
    every = list(itertools.product(range(3), repeat=4))
    pairs = [(outer[a, b, c, d], j[a, 0] * j[b, 1] * j[c, 0] * j[d, 1]) for a, b, c, d in every]
    extrinsic = second[0, 0] * second[1, 1] - second[0, 1] * second[0, 1]
    assert surface.metric.curvature.riemann(0, 1, 0, 1) == dot(pairs) + extrinsic
    assert not extrinsic.is_zero()


def test_known_submanifolds():
    sphere = Embedding(*SURFACES["sphere"])
    assert sphere.second_fundamental_form() == -sphere.metric.g()
    assert sphere.mean_curvature()[()] == -2
    hyperboloid = Embedding(*SURFACES["hyperboloid"])
    assert (hyperboloid.sign(), hyperboloid.metric.scalar()[()]) == (-1, -2)
    assert from_embedding(*SURFACES["de Sitter"]).line_element() == "-dt^2 + cosh(t)^2*dphi^2"
    catenoid = Embedding(Chart("s phi"), ["cosh(s)*cos(phi)", "cosh(s)*sin(phi)", "s"])
    assert catenoid.mean_curvature().is_zero()
    clifford = from_embedding(Chart("u v"), ["cos(u)", "sin(u)", "cos(v)", "sin(v)"])
    assert clifford.line_element() == "du^2 + dv^2"


def test_hypersurfaces_of_curved_spaces():
    # Parallel spheres in S³: II = ∓cot(α) g; the metric around has a function.
    around = rotationally_symmetric(3)
    chart = Chart("alpha beta", "c", functions={"s": "alpha"})
    inside = Embedding(chart, ["c", "alpha", "beta"], round_sphere(3))
    ratio = inside.second_fundamental_form().trace()[()]
    c = chart.constants[0]
    assert sp.simplify(ratio + 2 * sp.cos(c) / sp.sin(c)) == 0
    equator = Embedding(Chart("r phi", functions={"psi": "r"}), ["r", "pi/2", "phi"], around)
    assert equator.metric.line_element() == "dr^2 + psi^2*dphi^2"
    assert equator.second_fundamental_form().is_zero()


def test_submanifolds_say_what_they_cannot_do():
    with pytest.raises(ArgumentError, match="one expression for each of the 3 coordinates"):
        Embedding(Chart("u v"), ["u", "v"], flat("x y z"))
    with pytest.raises(ArgumentError, match="the codimension is 2"):
        Embedding(Chart("u"), ["u", "u^2", "u^3"]).normal()
    with pytest.raises(MetricError, match="singular"):
        from_embedding(Chart("u v"), ["u + v", "u + v", "0"])
    with pytest.raises(MetricError, match="singular"):
        from_embedding(Chart("u"), ["u", "u"], [-1, 1])
