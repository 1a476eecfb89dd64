"""Generated tensors of metrics: both forms against each other and against the definition, differentiated."""

import functools
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp

from geomflow.codegen.generated import from_jets, generate
from geomflow.codegen.metric_functions import function_jet, metric_program
from geomflow.codegen.quantities import QUANTITIES
from geomflow.core.errors import ArgumentError, CatalogueError, GenerationError, MetricError, PrecisionError
from geomflow.geometry import autodiff
from geomflow.metrics import SPACES
from geomflow.symbolic import Chart, Metric, line_element

FAST = ["sphere-3", "general-2", "rotational-3", "kerr-newman", "poisson-torus", "bryant-3", "eguchi-hanson"]
COORDINATE = [name for name, space in SPACES.items() if space.metric.frame is None]


def values_of(generated):
    """A number for every constant and a smooth positive function for every unknown one, all different."""

    def function(k):
        return lambda *y: 2.0 + 0.3 * k + sum(jnp.sin((0.4 + 0.1 * k) * c + 0.2 * j) / 3 for j, c in enumerate(y))

    return {
        name: function(k) if name in generated.functions else 0.3 + 0.1 * k
        for k, name in enumerate(generated.arguments)
    }


def points_of(space, count=5):
    """Points in the range 0.5 to 1.2 of every coordinate; black holes are looked at from outside."""
    x = np.random.default_rng(7).uniform(0.5, 1.2, size=(count, space.metric.dim))
    names = [c.name for c in space.metric.chart.coordinates]
    if "r" in names and "M" in [c.name for c in space.metric.chart.constants]:
        x[:, names.index("r")] += 4.0
    return jnp.asarray(x)


def by_autodiff(g, quantity):
    """The tensor at one point, from the definition."""

    def lowered(y):
        return jnp.einsum("ae,ebcd->abcd", g(y), autodiff.riemann(g, y))

    def kretschmann(y):
        inverse = jnp.linalg.inv(g(y))
        r = lowered(y)
        return jnp.einsum("abcd,ae,bf,cg,dh,efgh->", r, inverse, inverse, inverse, inverse, r)

    return {
        "inverse": lambda y: jnp.linalg.inv(g(y)),
        "volume": lambda y: jnp.sqrt(jnp.abs(jnp.linalg.det(g(y)))),
        "christoffel": lambda y: autodiff.christoffel(g, y),
        "riemann": lowered,
        "ricci": lambda y: autodiff.ricci(g, y),
        "scalar": lambda y: autodiff.scalar_curvature(g, y),
        "kretschmann": kretschmann,
    }[quantity]


def check(name, quantity, form):
    space = SPACES[name]
    x = points_of(space)
    generated = generate(space.metric, quantity, form=form, derivatives=False)
    metric = generate(space.metric, "metric", form="closed")
    values = values_of(generated)
    found = np.asarray(generated(x, **values))
    g = functools.partial(metric, **values)
    truth = np.asarray(jax.jit(jax.vmap(by_autodiff(g, quantity)))(x))
    # rounding grows with the size of what cancels: |Γ|² stands for it
    gamma = np.asarray(generate(space.metric, "christoffel", derivatives=False)(x, **values))
    size = np.max(np.abs(truth)) + np.max(np.abs(gamma)) ** 2 + 1
    assert found.shape == truth.shape
    np.testing.assert_allclose(found, truth, rtol=0, atol=1e-11 * size)


@pytest.mark.parametrize("form", ["closed", "jets"])
@pytest.mark.parametrize("name", FAST)
def test_ricci_is_the_definition(name, form):
    check(name, "ricci", form)


@pytest.mark.parametrize("quantity", ["inverse", "volume", "christoffel", "riemann", "scalar", "kretschmann"])
def test_quantities_are_their_definitions(quantity):
    check("general-2", quantity, "jets")
    check("kerr-newman", quantity, "auto")


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in COORDINATE if n not in FAST and SPACES[n].metric.dim <= 5])
def test_ricci_and_riemann_are_the_definition_for_every_space(name):
    for form in ("closed", "jets"):
        check(name, "ricci", form)
        check(name, "riemann", form)


# where R is not zero; and in dimension 4 the squares of Ricci and Einstein are the same
CURVED = [*(("sphere-2-sphere-2", q) for q in ("scalar", "einstein", "weyl")), ("sphere-3", "ricci-squared")]


@pytest.mark.parametrize(("name", "quantity"), [*(("kerr-newman", q) for q in sorted(QUANTITIES)), *CURVED])
def test_both_forms_agree(name, quantity):
    space = SPACES[name]
    x = points_of(space)
    closed, staged = (generate(space.metric, quantity, form=f, derivatives=False) for f in ("closed", "jets"))
    values = values_of(closed)
    np.testing.assert_allclose(closed(x, **values), staged(x, **values), rtol=1e-9, atol=1e-13)


def test_what_vanishes_identically_is_generated_as_zero():
    program = metric_program(SPACES["kerr"].metric, "ricci")
    assert program.operations == 0
    staged = metric_program(SPACES["kerr"].metric, "ricci", form="jets")
    assert 300 < staged.operations < 600  # sparsity of the metric: the general 4-metric needs a thousand


def test_the_shorter_form_is_taken():
    for name in ("general-2", "sphere-3"):
        metric = SPACES[name].metric
        forms = [metric_program(metric, "ricci", form=f).operations for f in ("closed", "jets", "auto")]
        assert forms[2] == min(forms[:2])


def test_a_lorentzian_volume_and_one_of_unknown_sign_are_positive():
    x = jnp.asarray([[0.3, 5.0, 0.8, 0.1]])
    assert generate(SPACES["kerr"].metric, "volume")(x, M=1.0, a=0.5)[0] > 0
    surface = line_element(Chart("x y", functions={"f": "x y"}), "dx^2 + f*dy^2")
    volume = generate(surface, "volume")
    for sign in (1.0, -1.0):
        value = volume(jnp.asarray([0.1, 0.2]), f=lambda x, y, s=sign: s * (4.0 + x * y))
        assert value == pytest.approx(np.sqrt(4.02))


def test_constants_may_vary_from_point_to_point():
    scalar = generate(line_element(Chart("r phi", constants="a"), "dr^2 + sin(a*r)^2*dphi^2"), "scalar")
    a = jnp.asarray([1.0, 2.0, 3.0])
    points = jnp.asarray([[0.3, 0.1], [0.4, 0.2], [0.5, 0.3]])
    np.testing.assert_allclose(scalar(points, a=a), 2 * a**2, rtol=1e-12)
    assert scalar(points[0], a=2.0).shape == ()
    slope = jax.grad(lambda a: scalar(points[0], a=a))(2.0)
    assert slope == pytest.approx(8.0, rel=1e-12)


def test_functions_are_callables_or_jets():
    surface = line_element(Chart("r theta", functions={"f": "r"}), "dr^2 + f(r)^2*dtheta^2")
    scalar = generate(surface, "scalar")
    points = jnp.asarray([[0.5, 0.0], [1.2, 1.0]])
    r = points[:, 0]
    by_callable = scalar(points, f=lambda r: r**3)
    np.testing.assert_allclose(by_callable, -12 / r**2, rtol=1e-13)  # R = -2 f''/f
    jet = jnp.stack([r**3, 3 * r**2, 6 * r])
    np.testing.assert_allclose(scalar(points, f=jet), by_callable, rtol=1e-14)
    # the same jet serves every tensor, also one that needs no second derivative
    assert generate(surface, "christoffel")(points, f=jet).shape == (2, 2, 2, 2)


def test_of_general_metrics_those_jets_are_taken_that_are_needed():
    shapes = {"metric": ((3,),), "volume": ((3,),), "christoffel": ((3,), (3, 2)), "ricci": ((3,), (3, 2), (3, 3))}
    assert {quantity: from_jets(quantity, 2).arguments for quantity in shapes} == shapes
    with pytest.raises(ArgumentError, match="needs dimension 3 or more"):
        from_jets("weyl", 2)


def test_order_of_function_jets():
    assert function_jet(1, 2) == [(), (0,), (0, 0)]
    assert function_jet(2, 2) == [(), (0,), (1,), (0, 0), (0, 1), (1, 1)]


def test_a_function_that_stands_differentiated_in_the_metric():
    """g = dx² + (h')² dy²: R = -2 h'''/h', third derivatives of h."""
    surface = line_element(Chart("x y", functions={"h": "x"}), "dx^2 + diff(h, x)^2*dy^2")
    for form in ("closed", "jets"):
        scalar = generate(surface, "scalar", form=form)
        x = 0.7
        found = scalar(jnp.asarray([x, 0.0]), h=lambda x: jnp.exp(2 * x) + x**4)
        expected = -2 * (8 * np.exp(2 * x) + 24 * x) / (2 * np.exp(2 * x) + 4 * x**3)
        assert found == pytest.approx(expected, rel=1e-12)


def test_mixed_derivatives_have_one_name():
    surface = line_element(Chart("x y", functions={"h": "x y"}), "dx^2 + diff(h, y)^2*dy^2")
    program = metric_program(surface, "scalar", form="jets")
    assert "h_xy" in program.source
    assert "h_yx" not in program.source


def test_names_that_python_or_the_module_needs():
    chart = Chart("lambda keep", constants="jnp point")
    metric = Metric(chart, [["jnp^2", 0], [0, "point*(2 + cos(lambda))"]])
    scalar = generate(metric, "scalar")
    assert set(scalar.arguments) == {"jnp_", "point_"}
    assert np.isfinite(scalar(jnp.asarray([0.3, 0.4]), jnp_=1.5, point_=2.0))


def test_frames_have_the_closed_form_only():
    metric = SPACES["nil"].metric
    ricci = generate(metric, "ricci", form="closed")
    value = ricci(jnp.zeros(metric.dim), **dict.fromkeys(ricci.arguments, 1.0))
    assert value.shape == (3, 3)
    with pytest.raises(ArgumentError, match="closed form"):
        generate(metric, "ricci", form="jets")


def test_jit_vmap_and_grad():
    space = SPACES["kerr"]
    kretschmann = generate(space.metric, "kretschmann")
    x = points_of(space, 600)  # more than a chunk
    eager = kretschmann(x, M=1.0, a=0.6)
    np.testing.assert_allclose(jax.jit(kretschmann)(x, M=1.0, a=0.6), eager, rtol=1e-14)
    np.testing.assert_allclose(jax.vmap(lambda y: kretschmann(y, M=1.0, a=0.6))(x), eager, rtol=1e-14)
    np.testing.assert_allclose([kretschmann(y, M=1.0, a=0.6) for y in x[:3]], eager[:3], rtol=1e-13)
    slope = jax.grad(lambda m: jnp.sum(kretschmann(x, M=m, a=0.6)))(1.0)
    step = 1e-5
    difference = (kretschmann(x, M=1 + step, a=0.6) - kretschmann(x, M=1 - step, a=0.6)).sum() / (2 * step)
    assert slope == pytest.approx(float(difference), rel=1e-8)


def test_schwarzschild_kretschmann_is_48_m2_over_r6():
    kretschmann = generate(SPACES["schwarzschild"].metric, "kretschmann", form="jets")
    r = jnp.linspace(2.01, 20, 7)  # the first close to the horizon
    points = jnp.stack([0 * r, r, 0 * r + 1.0, 0 * r], axis=-1)
    np.testing.assert_allclose(kretschmann(points, M=1.0), 48 / r**6, rtol=1e-10)


def test_bad_input():
    metric = SPACES["sphere-3"].metric
    with pytest.raises(CatalogueError, match="ricci"):
        generate(metric, "rici")
    with pytest.raises(ArgumentError, match="dimension 3 or more"):
        generate(SPACES["sphere-2"].metric, "weyl")
    with pytest.raises(ArgumentError, match="form"):
        generate(metric, "ricci", form="fast")
    scalar = generate(SPACES["schwarzschild"].metric, "scalar")
    with pytest.raises(ArgumentError, match="`M` is missing"):
        scalar(jnp.ones(4))
    with pytest.raises(ArgumentError, match="`a` is unknown"):
        scalar(jnp.ones(4), M=1.0, a=0.5)
    with pytest.raises(ArgumentError, match="shape"):
        scalar(jnp.ones(3), M=1.0)
    with pytest.raises(ArgumentError, match="constant"):
        scalar(jnp.ones(4), M=lambda x: x)
    with pytest.raises((GenerationError, MetricError)):
        generate(Metric(Chart("x y"), [[1, 0], [0, 0]]), "ricci")


def test_a_pole_of_the_chart_is_named():
    ricci = generate(SPACES["sphere-2"].metric, "christoffel")
    theta = [str(x) for x in SPACES["sphere-2"].metric.chart.coordinates].index("theta")
    points = np.full((3, 2), 0.5)
    points[1, theta] = 0.0
    values = dict.fromkeys(ricci.arguments, 1.0)
    with pytest.raises(MetricError, match="not finite at 1 of 3 points") as error:
        ricci(points, **values)
    assert error.value.point == tuple(points[1])
    inside = np.asarray(
        jax.jit(lambda x: ricci(x, **values))(jnp.asarray(points))
    )  # under jit that point alone is lost
    assert np.isfinite(inside[[0, 2]]).all()
    assert not np.isfinite(inside[1]).all()


def test_single_precision_comes_with_its_error():
    kretschmann = generate(SPACES["kerr"].metric, "kretschmann")
    x = points_of(SPACES["kerr"], 2000)
    value, error = kretschmann.single(x, M=1.0, a=0.6)
    exact = np.asarray(kretschmann(x, M=1.0, a=0.6))
    assert value.dtype == jnp.float32
    true = np.max(np.abs(np.asarray(value) - exact) / np.abs(exact))
    assert 1e-8 < error <= true < 1e-5
    assert error > true / 10
    # R of Reissner-Nordström vanishes by cancellation, so that no digit of the staged form is right
    scalar = generate(SPACES["reissner-nordstroem"].metric, "scalar", form="jets")
    with pytest.raises(PrecisionError, match="relative error"):
        scalar.single(points_of(SPACES["reissner-nordstroem"]), **dict.fromkeys(scalar.arguments, 0.5))


STANDALONE = """
import sys
source = sys.stdin.read()
namespace = {}
exec(source, namespace)
import jax
jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp
point = jnp.asarray([0.3, 5.0, 0.8, 0.1])
print(float(namespace["kretschmann"](point, 1.0, 0.6)[0]))
print(float(jax.grad(lambda m: namespace["kretschmann"](point, m, 0.6)[0])(1.0)))
assert not {m.split(".")[0] for m in sys.modules} & {"geomflow", "sympy"}
"""


def test_the_module_stands_alone():
    program = metric_program(SPACES["kerr"].metric, "kretschmann")
    run = subprocess.run([sys.executable, "-I", "-c", STANDALONE], input=program.module, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    value, slope = map(float, run.stdout.split())
    kretschmann = generate(SPACES["kerr"].metric, "kretschmann")
    point = jnp.asarray([0.3, 5.0, 0.8, 0.1])
    assert value == pytest.approx(float(kretschmann(point, M=1.0, a=0.6)), rel=1e-14)
    assert slope == pytest.approx(float(jax.grad(lambda m: kretschmann(point, M=m, a=0.6))(1.0)), rel=1e-12)


def test_symbolic_and_generated_agree_at_exact_points():
    """The exact tensor, put at a rational point by SymPy, against the generated number."""
    metric = SPACES["kerr-newman"].metric
    at = dict(zip(metric.chart.coordinates, (0, 5, sp.Rational(4, 5), 0)))
    at |= {c: sp.Rational(k + 2, 10) for k, c in enumerate(metric.chart.constants)}
    exact = np.array([[float(sp.N(sp.sympify(metric.ricci()[i, j]).subs(at), 30)) for j in range(4)] for i in range(4)])
    ricci = generate(metric, "ricci", form="jets")
    values = {c.name: float(at[c]) for c in metric.chart.constants}
    np.testing.assert_allclose(ricci(jnp.asarray([0, 5, 0.8, 0]), **values), exact, atol=1e-14)


def test_constants_may_have_the_names_of_arguments():
    chart = Chart("x y", constants="points self")
    scalar = generate(line_element(chart, "points^2*(dx^2 + sin(x)^2*dy^2) + (self - self)*dx^2"), "scalar")
    assert scalar([1.0, 0.2], points=2.0, self=1.0) == pytest.approx(0.5, rel=1e-14)


def test_a_line_has_no_curvature():
    riemann = generate(line_element(Chart("x"), "(1 + x^2)*dx^2"), "riemann")
    found = riemann(np.array([[1.0], [2.0]]))
    assert found.shape == (2, 1, 1, 1, 1)
    assert not found.any()
    assert not jax.jacfwd(riemann)(jnp.ones(1)).any()


@pytest.mark.parametrize("name", ["shrinking-sphere", "sausage", "nil-flow"])
def test_volume_is_positive_in_every_region(name):
    """The exact volume element is that of one region; the generated one is √|det g| everywhere."""
    space = SPACES[name]
    volume, metric = generate(space.metric, "volume", derivatives=False), generate(space.metric, "metric")
    x = jnp.asarray(np.random.default_rng(3).uniform(0.2, 2.0, size=(40, space.metric.dim)))
    values = values_of(volume)
    g = np.asarray(metric(x, **values))
    np.testing.assert_allclose(volume(x, **values), np.sqrt(np.abs(np.linalg.det(g))), rtol=1e-12)


def test_single_precision_is_refused_where_a_point_that_is_not_compared_overflows():
    kretschmann = generate(SPACES["schwarzschild"].metric, "kretschmann")
    points = np.tile([0.0, 3.0, 1.0, 0.0], (5000, 1))
    points[1, 1] = 1e-8  # 1/r^6 is too large for float32
    with pytest.raises(PrecisionError, match="error of inf"):
        kretschmann.single(points, M=1.0)


def test_a_sine_is_computed_once():
    """XLA would compute it again for every component that needs it."""
    ricci = generate(SPACES["kerr"].metric, "ricci", form="jets", derivatives=False).components
    point = jnp.ones((4, 5000))
    program = jax.jit(lambda x: ricci(x, 1.0, 0.6)).lower(point).compile().as_text()
    assert program.count(" sine(") == program.count(" cosine(") == 1
