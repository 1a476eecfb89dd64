import itertools

import numpy as np
import pytest
import sympy as sp

from geomflow.core.errors import ArgumentError
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.charts.metric import Metric


def surface():
    """A metric with a product, so that no component is special."""
    chart = Chart("x y z", constants="k", functions={"f": "x y"})
    rows = [["1 + x^2", "x*y", "k"], ["x*y", "exp(x) + y^2", "0"], ["k", "0", "2 + sin(z)"]]
    return Metric(chart, rows)


def sphere():
    return Metric(Chart("theta phi"), [[1, 0], [0, "sin(theta)^2"]])


def half_plane():
    return Metric(Chart("x y"), [["1/y^2", 0], [0, "1/y^2"]])


def numbers(tensor):
    values = {"x": 0.3, "y": 0.7, "z": -0.4, "k": 0.25}
    out = np.empty(tensor.components.shape)
    for index in np.ndindex(*out.shape):
        e = tensor.metric.chart.sympy(tensor.components[index])
        out[index] = float(e.subs({s: values[s.name] for s in e.free_symbols}))
    return out


def some_tensor(metric, rank, up=None):
    names = [x.name for x in metric.chart.coordinates]
    n = metric.dim
    values = np.empty((n,) * rank, dtype=object)
    for index in np.ndindex(*values.shape):
        values[index] = f"{1 + index[0]}*{names[index[-1]]}^2 + {names[sum(index) % n]}*{1 + sum(index)} - 1"
    return metric.tensor(values, up)


def test_the_metric_is_parallel():
    metric = surface()
    assert metric.g().nabla().is_zero()
    assert metric.inverse().nabla().is_zero()
    assert not metric.vector([1, 0, 0]).nabla().is_zero()


def plane():
    return Metric(Chart("x y", constants="k"), [["1 + x^2", "k*y"], ["k*y", "exp(x)"]])


def test_moving_indices_and_contracting_agree_with_numpy():
    metric = plane()
    g = numbers(metric.g())
    t, s = some_tensor(metric, 3), some_tensor(metric, 2, [True, False])
    a, b = numbers(t), numbers(s)
    inverse = np.linalg.inv(g)
    assert np.allclose(numbers(metric.inverse()), inverse)
    assert np.allclose(numbers(t.raised(1)), np.einsum("abc,bd->adc", a, inverse))
    assert np.allclose(numbers(t.raised()), np.einsum("abc,ad,be,cf->def", a, inverse, inverse, inverse))
    assert np.allclose(numbers(s.lowered()), np.einsum("ab,ac->cb", b, g))
    assert np.allclose(numbers(t.trace(0, 2)), np.einsum("abc,ac->b", a, inverse))
    assert np.allclose(numbers(s.trace()), np.einsum("aa", b))
    assert np.allclose(numbers(t.trace(2, 0)), numbers(t.trace(0, 2)))
    assert np.allclose(numbers(s.raised().trace()), np.einsum("ab,bc,ac", b, inverse, g))
    assert np.allclose(numbers(t.contract(s, (1, 0))), np.einsum("abc,bd->acd", a, b))
    assert np.allclose(numbers(t.norm_squared()), np.einsum("abc,def,ad,be,cf", a, a, inverse, inverse, inverse))
    assert np.allclose(numbers(t * s), np.einsum("abc,de->abcde", a, b))
    assert np.allclose(numbers(t.transposed(2, 0, 1)), np.transpose(a, (2, 0, 1)))
    assert t.raised().lowered() == t
    assert s.lowered().raised(0) == s
    assert (t * 2 - t - t).is_zero()
    assert ("x" * t / "x" - t).is_zero()


def test_contraction_of_two_slots():
    metric = plane()
    t, s = some_tensor(metric, 3), some_tensor(metric, 2, [True, False])
    a, b, inverse = numbers(t), numbers(s), np.linalg.inv(numbers(metric.g()))
    # Slot 0 of t meets slot 1 of s (both down), slot 2 of t meets slot 0 of s.
    expected = np.einsum("abc,cd,da->b", a, b, inverse)
    assert np.allclose(numbers(t.contract(s, (0, 1), (2, 0))), expected)


def test_the_commutator_of_derivatives_is_riemann():
    # (∇_k ∇_l - ∇_l ∇_k) X^i = R^i_{jkl} X^j, and on one-forms -R^j_{ikl} ω_j; the last slot is the outer derivative.
    metric = surface()
    x = metric.vector(["x*y", "z^2", "sin(z) + x"])
    second = x.nabla().nabla()
    commutator = second.transposed(0, 2, 1) - second
    riemann = metric.riemann().raised(0)
    assert (commutator - riemann.contract(x, (1, 0))).is_zero()
    form = x.lowered()
    second = form.nabla().nabla()
    commutator = second.transposed(0, 2, 1) - second
    assert (commutator + riemann.contract(form, (0, 0))).is_zero()
    assert not commutator.is_zero()


def test_leibniz_for_products_and_contractions():
    metric = surface()
    t, x = some_tensor(metric, 2), metric.vector(["y", "x*z", "1"])
    left = t.contract(x, (1, 0)).nabla()
    right = t.nabla().contract(x, (1, 0)) + t.contract(x.nabla(), (1, 0))
    assert (left - right).is_zero()


def test_hessian_and_laplacian():
    metric = surface()
    f = metric.function("f*z")
    hessian = metric.hessian("f*z")
    assert hessian == hessian.transposed(1, 0)
    assert metric.laplacian("f*z") == hessian.trace()
    chart, root = metric.chart, metric.volume_element()
    total = chart.field.zero
    for i, j in itertools.product(range(3), repeat=2):
        flux = root * metric.curvature.inverse(i, j) * f.components[()].derivative(j)
        total = total + flux.derivative(i)
    assert metric.laplacian(f).components[()] == total / root
    assert metric.gradient("x").up == (True,)
    assert metric.gradient("x").divergence() == metric.laplacian("x")
    assert str(metric.laplacian("x*y")[()]) != "0"


def test_lie_derivatives():
    metric = surface()
    along = metric.vector([0, 1, 0])
    t = some_tensor(metric, 2, [True, False])
    derived = t.lie(along)
    for index in np.ndindex(3, 3):
        assert derived.components[index] == t.components[index].derivative(1)
    x, y = metric.vector(["y", "z*x", "k"]), metric.vector(["x^2", "1", "y*z"])
    # [X, Y] is antisymmetric and has no torsion in it.
    bracket = y.lie(x)
    assert (bracket + x.lie(y)).is_zero()
    assert (bracket - y.nabla().contract(x, (1, 0)) + x.nabla().contract(y, (1, 0))).is_zero()
    # L_X g = ∇X + ∇X^T, and [L_X, L_Y] = L_[X,Y].
    derived = x.lowered().nabla()
    assert metric.lie_derivative(x) == derived + derived.transposed(1, 0)
    assert t.lie(y).lie(x) - t.lie(x).lie(y) == t.lie(bracket)
    with pytest.raises(ArgumentError, match="one slot, up"):
        t.lie(x.lowered())


def test_lichnerowicz():
    metric = sphere()
    # On the round S²: Δ_L g = 0, Δ_L (f g) = (Δf) g, Δ_L ∇²f = ∇²Δf for every f.
    assert metric.lichnerowicz(metric.g()).is_zero()
    f = "cos(theta)^2*sin(phi)"
    assert metric.lichnerowicz(metric.g() * f) == metric.g() * metric.laplacian(f)
    assert metric.lichnerowicz(metric.hessian(f)) == metric.hessian(metric.laplacian(f))
    flat = Metric(Chart("x y"), [[1, 0], [0, 1]])
    h = flat.tensor([["x^3", "y"], ["y", "x*y^2"]])
    assert flat.lichnerowicz(h) == h.laplacian()
    curved = surface()
    assert curved.lichnerowicz(curved.g() * 5).is_zero()


@pytest.mark.parametrize(
    ("make", "vector", "killing"),
    [
        (sphere, [0, 1], True),
        (sphere, ["sin(phi)", "cot(theta)*cos(phi)"], True),
        (sphere, [1, 0], False),
        (half_plane, [1, 0], True),
        (half_plane, ["x", "y"], True),
        (half_plane, ["x^2 - y^2", "2*x*y"], True),
        (half_plane, [0, 1], False),
    ],
)
def test_killing_vectors(make, vector, killing):
    assert make().is_killing(vector) is killing


def test_geodesics():
    s = sp.Symbol("s", real=True)
    theta, phi = sp.Function("theta")(s), sp.Function("phi")(s)
    first, second = sphere().geodesic_equations()
    assert sp.simplify(first - (theta.diff(s, 2) - sp.sin(theta) * sp.cos(theta) * phi.diff(s) ** 2)) == 0
    assert sp.simplify(second - (phi.diff(s, 2) + 2 * sp.cot(theta) * theta.diff(s) * phi.diff(s))) == 0
    # The equator is one, and so are the half circles of the hyperbolic plane.
    assert [e.subs({theta: sp.pi / 2, phi: s}).doit() for e in (first, second)] == [0, 0]
    x, y = sp.Function("x")(s), sp.Function("y")(s)
    for e in half_plane().geodesic_equations():
        assert sp.simplify(e.subs({x: sp.tanh(s), y: sp.sech(s)}).doit().rewrite(sp.exp)) == 0


def test_sectional_curvature():
    metric = Metric(
        Chart("x y z"), [["4/(1 - x^2 - y^2 - z^2)^2" if i == j else 0 for j in range(3)] for i in range(3)]
    )
    u, v = metric.vector([1, "x", 0]), metric.vector(["y", 1, "z"])
    assert metric.sectional(u, v)[()] == -1


def test_solitons():
    # The cigar is steady, the Gaussian shrinks; S² × R with its linear flow of the line shrinks.
    cigar = Metric(Chart("x y"), [["1/(1 + x^2 + y^2)", 0], [0, "1/(1 + x^2 + y^2)"]])
    assert cigar.gradient_soliton("-log(1 + x^2 + y^2)", 0).is_zero()
    assert cigar.soliton(["-2*x", "-2*y"], 0).is_zero()
    assert not cigar.gradient_soliton("log(1 + x^2 + y^2)", 0).is_zero()
    flat = Metric(Chart("x y", constants="k"), [[1, 0], [0, 1]])
    assert flat.gradient_soliton("k*(x^2 + y^2)/2", "k").is_zero()
    cylinder = Metric(Chart("theta phi s", constants="R"), [["R^2", 0, 0], [0, "R^2*sin(theta)^2", 0], [0, 0, 1]])
    assert cylinder.gradient_soliton("s^2/(2*R^2)", "1/R^2").is_zero()


def test_wrong_use_is_a_sentence():
    metric, other = surface(), surface()
    t = some_tensor(metric, 2)
    with pytest.raises(ArgumentError, match="same slots, but found __ and \\^_"):
        t + t.raised(0)
    with pytest.raises(ArgumentError, match="two metric objects"):
        t + some_tensor(other, 2)
    with pytest.raises(ArgumentError, match="has 2 indices"):
        t[0]
    with pytest.raises(ArgumentError, match="must have shape"):
        metric.tensor(["x", "y"])
    assert t != 3
    with pytest.raises(TypeError):
        hash(t)


def test_reading_components():
    metric = sphere()
    theta = metric.chart.coordinates[0]
    assert metric.g()[1, 1] == sp.sin(theta) ** 2
    assert metric.g().sympy() == sp.diag(1, sp.sin(theta) ** 2)
    assert metric.scalar().sympy() == 2
    assert metric.riemann().sympy()[0, 1, 0, 1] == sp.sin(theta) ** 2
    assert [index for index, _ in metric.christoffel().nonzero()] == [(0, 1, 1), (1, 0, 1), (1, 1, 0)]
    assert metric.determinant() == sp.sin(theta) ** 2
