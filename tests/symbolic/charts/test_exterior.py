"""Differential forms: d² = 0, Leibniz, Hodge duality and the adjoint, in coordinates and in frames."""

import itertools

import pytest

from geomflow.core.errors import ArgumentError
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.charts.constructions import flat
from geomflow.symbolic.charts.exterior import (
    antisymmetrised,
    codifferential,
    exterior_derivative,
    hodge,
    hodge_laplacian,
    interior,
    is_form,
    volume_form,
    wedge,
)
from geomflow.symbolic.charts.lie_groups import left_invariant, su2
from geomflow.symbolic.charts.line_element import frame_metric, line_element, moved, to_coordinates

d = exterior_derivative

SPACES = {
    "skew": line_element(Chart("x y z", functions={"f": "x y"}), "dx^2 + f^2*dy^2 + dz^2 + 2*x*dx*dz"),
    "Lorentzian": line_element(Chart("t r theta phi"), "-r*dt^2 + dr^2/r + r^2*(dtheta^2 + sin(theta)^2*dphi^2)"),
    "plane": line_element(Chart("x y"), "exp(2*x)*dx^2 + y^2*dy^2"),
    "frame": frame_metric(
        Chart("x y z"), ["dx", "(1 + x^2)*dy", "dz - x*dy"], [[-1, 0, 0], [0, 1, "1/2"], [0, "1/2", 1]]
    ),
}


@pytest.fixture(params=SPACES)
def g(request):
    return SPACES[request.param]


def forms(g):
    """A form of every rank from 1 to n."""
    names = [x.name for x in g.chart.coordinates]
    a = g.tensor([f"{names[i - 1]}^2*{name}" for i, name in enumerate(names)])
    b = g.tensor([f"{name} + {names[0]}*{names[-1]}" for name in names])
    found = [a]
    while len(found) < g.dim:
        found.append(antisymmetrised(found[-1] * b) * len(found))
    return found


def test_d_squared_vanishes(g):
    for form in forms(g)[:-1]:
        assert not d(form).is_zero() or form.rank == g.dim - 1
        assert is_form(d(form))
        assert d(d(form)).is_zero()
    assert d(d(g.function(g.chart.coordinates[0] ** 2 * g.chart.coordinates[1]))).is_zero()


def test_leibniz_and_signs_of_the_wedge(g):
    every = forms(g)
    for a, b in itertools.product(every[:2], repeat=2):
        p, q = a.rank, b.rank
        assert wedge(a, b) == wedge(b, a) * (-1) ** (p * q)
        if p + q < g.dim:
            assert d(wedge(a, b)) == wedge(d(a), b) + wedge(a, d(b)) * (-1) ** p


def test_hodge_twice_and_the_inner_product(g):
    n, s = g.dim, g.determinant_sign()
    for form in forms(g):
        p = form.rank
        assert hodge(hodge(form)) == form * ((-1) ** (p * (n - p)) * s)
        # α∧⋆α = <α, α> dV with <,> = α·α/p!
        factorial = [1, 1, 2, 6, 24][p]
        assert wedge(form, hodge(form)) == volume_form(g) * (form.norm_squared() / factorial)
    one = g.function(1)
    assert hodge(one) == volume_form(g)
    assert hodge(volume_form(g)) == one * s


def test_the_codifferential_is_the_divergence_and_the_adjoint(g):
    n, s = g.dim, g.determinant_sign()
    for form in forms(g):
        p = form.rank
        assert codifferential(form) == hodge(d(hodge(form))) * ((-1) ** (n * (p + 1) + 1) * s)
    a = forms(g)[0]
    assert codifferential(a) == -a.raised().divergence()
    f = g.chart.coordinates[0] * g.chart.coordinates[1]
    assert hodge_laplacian(g.function(f)) == -g.laplacian(f)
    assert volume_form(g).nabla().is_zero()


def test_weitzenboeck(g):
    a = forms(g)[0]
    assert hodge_laplacian(a) == -a.laplacian() + g.ricci().contract(a, (1, 0)).lowered(0)


def test_antisymmetrisation_is_the_wedge_up_to_its_factor(g):
    a, b = g.tensor(list(range(1, g.dim + 1))), forms(g)[0]
    assert antisymmetrised(a * b) == wedge(a, b) / 2
    assert antisymmetrised(wedge(a, b).raised(0)) == wedge(a, b)


def test_cartan(g):
    x = forms(g)[0].raised()
    for form in forms(g)[:2]:
        assert form.lie(x) == d(interior(x, form)) + interior(x, d(form))


def test_a_frame_and_its_coordinates_agree():
    g = SPACES["frame"]
    h = to_coordinates(g)
    for form in forms(h)[:2]:
        assert moved(d(form), g) == d(moved(form, g))
        assert moved(hodge(form), g) == hodge(moved(form, g))


def test_the_structure_equation_of_su2():
    g = left_invariant(su2(), "A B C")
    one, two, three = (g.tensor([int(i == j) for j in range(3)]) for i in range(3))
    assert d(one) == wedge(two, three) * 2
    assert d(two) == wedge(three, one) * 2
    # ω1 is an eigenform of the curl ⋆d, with eigenvalue 2√(A/BC).
    assert hodge(d(one)) == one * "2*sqrt(A)/(sqrt(B)*sqrt(C))"
    assert hodge_laplacian(one) == one * "4*A/(B*C)"


def test_the_plane():
    g = flat("x y")
    dx, dy = g.tensor([1, 0]), g.tensor([0, 1])
    assert hodge(dx) == dy
    assert hodge(dy) == -dx
    assert d(g.tensor([0, "x"])) == wedge(dx, dy) == volume_form(g)


def test_what_is_no_form_is_refused():
    g = SPACES["skew"]
    with pytest.raises(ArgumentError, match="antisymmetric tensor with every slot down"):
        d(g.g())
    with pytest.raises(ArgumentError, match="antisymmetric tensor"):
        hodge(g.vector([1, 0, 0]))
    with pytest.raises(ArgumentError, match="must belong to one metric"):
        wedge(g.tensor([1, 0, 0]), SPACES["frame"].tensor([1, 0, 0]))
    with pytest.raises(ArgumentError, match="codifferential of a function"):
        codifferential(g.function(1))
    with pytest.raises(ArgumentError, match="interior product"):
        interior(g.g(), g.tensor([1, 0, 0]))
