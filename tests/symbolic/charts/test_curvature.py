import itertools
import random

import pytest
from flint import fmpq

from geomflow.core.errors import ArgumentError, MetricError
from geomflow.symbolic.certificates.series_frame import random_jets
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.charts.metric import Metric


def general(n, names="x y z w"):
    coordinates = " ".join(names.split()[:n])
    chart = Chart(coordinates, functions={f"g{i}{j}": coordinates for i in range(n) for j in range(i, n)})
    return Metric(chart, [[f"g{min(i, j)}{max(i, j)}" for j in range(n)] for i in range(n)])


def kerr():
    chart = Chart("t r theta phi", constants="M a")
    s = "(r^2 + a^2*cos(theta)^2)"
    cross = f"-2*M*a*r*sin(theta)^2/{s}"
    rows = [
        [f"-(1 - 2*M*r/{s})", 0, 0, cross],
        [0, f"{s}/(r^2 - 2*M*r + a^2)", 0, 0],
        [0, 0, s, 0],
        [cross, 0, 0, f"sin(theta)^2*(r^2 + a^2 + 2*M*a^2*r*sin(theta)^2/{s})"],
    ]
    return Metric(chart, rows)


def random_metric(n, seed):
    """A metric of random polynomials and a few functions."""
    generator = random.Random(seed)
    names = ["x", "y", "z", "w"][:n]
    chart = Chart(" ".join(names), constants="k")
    rows = [[None] * n for _ in range(n)]
    for i in range(n):
        for j in range(i, n):
            v, u = generator.choice(names), generator.choice(names)
            entry = f"{generator.randint(1, 3)}*{v}*{u} + k*{u}^2"
            rows[i][j] = rows[j][i] = f"3 + exp({names[0]}) + {entry}" if i == j else f"{entry}*sin({names[0]})"
    return Metric(chart, rows)


def from_the_definition(metric, a, b, c, d):
    """R^a_bcd of geomflow.core.types, from derivatives of Γ."""
    gamma = metric.curvature.christoffel
    total = gamma(a, d, b).derivative(c) - gamma(a, c, b).derivative(d)
    for e in range(metric.dim):
        total = total + gamma(a, c, e) * gamma(e, d, b) - gamma(a, d, e) * gamma(e, c, b)
    return total


@pytest.mark.parametrize(
    "metric",
    [random_metric(2, 1), random_metric(3, 2), kerr(), general(2)],
    ids=["random2", "random3", "kerr", "general2"],
)
def test_riemann_is_that_of_the_conventions(metric):
    n = metric.dim
    for b, c, d in itertools.product(range(n), repeat=3):
        if c >= d:
            continue
        above = [from_the_definition(metric, e, b, c, d) for e in range(n)]
        for a in range(n):
            lowered = metric.chart.field.dot((metric.curvature.metric(a, e), above[e]) for e in range(n))
            assert (lowered - metric.curvature.riemann(a, b, c, d)).is_zero(), (a, b, c, d)
    for b, d in itertools.combinations_with_replacement(range(n), 2):
        contracted = sum((from_the_definition(metric, a, b, a, d) for a in range(n)), metric.chart.field.zero)
        assert contracted == metric.curvature.ricci(b, d)


@pytest.mark.parametrize("n", [2, 3])
def test_the_general_metric_against_exact_series(n):
    # The symbolic curvature with the jets put in, against curvature of that very metric as a power series.
    jets = random_jets(n, 2, [], [], seed=7 + n)
    frame = jets.frame(2)
    metric = general(n)
    curvature, chart = metric.curvature, metric.chart
    everything = [(i, j) for i in range(n) for j in range(i, n)]
    expected = {(i, j): frame.ricci(i, j).constant_term() for i, j in everything}
    found = {(i, j): curvature.ricci(i, j) for i, j in everything}
    values = []
    for generator in chart.field.generators:
        if not isinstance(generator.meaning, tuple):
            values.append(fmpq(0))
            continue
        function, order = generator.meaning
        i, j = (int(digit) for digit in function.func.__name__[1:])
        series = frame.metric(i, j)
        for k, count in enumerate(order):
            for _ in range(count):
                series = series.derivative(k)
        values.append(series.constant_term())

    def at(num):
        return num(*values[: num.context().nvars()])

    for key, element in found.items():
        element = chart.field.lifted(element)
        below = fmpq(1)
        for i, e in element.den.items():
            below *= at(chart.field.factor(i)) ** e
        assert at(element.num) / below == expected[key]
    assert any(expected.values())


def test_symmetries_of_riemann():
    metric = random_metric(3, 5)
    r = metric.riemann()
    assert (r + r.transposed(1, 0, 2, 3)).is_zero()
    assert (r + r.transposed(0, 1, 3, 2)).is_zero()
    assert (r - r.transposed(2, 3, 0, 1)).is_zero()
    assert (r + r.transposed(0, 2, 3, 1) + r.transposed(0, 3, 1, 2)).is_zero()
    assert metric.ricci() == r.trace(0, 2)
    assert not r.is_zero()


def test_contracted_bianchi_identity_of_the_general_metric():
    metric = general(3)
    assert metric.einstein().divergence().is_zero()
    assert not metric.ricci().divergence().is_zero()


def test_second_bianchi_identity_on_kerr():
    metric = kerr()
    assert metric.ricci().is_zero()
    derived = metric.riemann().nabla()
    assert not derived.is_zero()
    assert (derived + derived.transposed(0, 1, 3, 4, 2) + derived.transposed(0, 1, 4, 2, 3)).is_zero()


def test_einstein_has_no_trace_left_in_two_dimensions():
    assert general(2).einstein().is_zero()


def test_weyl():
    metric = general(3)
    assert metric.weyl().is_zero()
    warped = four_metric()
    weyl = warped.weyl()
    assert not weyl.is_zero()
    for slots in itertools.combinations(range(4), 2):
        assert weyl.trace(*slots).is_zero()
    assert (weyl + weyl.transposed(0, 2, 3, 1) + weyl.transposed(0, 3, 1, 2)).is_zero()
    conformally_flat = conformal(Metric(Chart("x y z w"), identity(4)), "x*y + z^2")
    assert conformally_flat.weyl().is_zero()
    assert not conformally_flat.riemann().is_zero()
    assert conformally_flat.cotton().is_zero()
    metric = kerr()
    # A Ricci-flat metric is all Weyl.
    assert metric.weyl() == metric.riemann()


def identity(n):
    return [[int(i == j) for j in range(n)] for i in range(n)]


def four_metric():
    chart = Chart("t x y z", functions={"p": "t x", "q": "t"})
    return Metric(chart, [["-1", 0, 0, 0], [0, "exp(2*p)", 0, 0], [0, 0, "exp(x*q)", 0], [0, 0, 0, "q^2"]])


def conformal(metric, exponent):
    """The metric e^{2p} g, on the same chart."""
    factor = metric.chart.element(f"exp(2*({exponent}))")
    return Metric(metric.chart, metric.curvature.matrix * factor)


def test_weyl_is_conformally_invariant():
    metric = four_metric()
    other = conformal(metric, "y*p + z")
    factor = metric.chart.element("exp(2*(y*p + z))")
    for index, w in metric.weyl().nonzero():
        assert w * factor == other.weyl().components[index]


def test_cotton_is_the_divergence_of_weyl():
    metric = four_metric()
    assert (metric.weyl().divergence(0) - metric.cotton()).is_zero()
    cotton = general(3).cotton()
    assert not cotton.is_zero()
    assert (cotton + cotton.transposed(0, 2, 1)).is_zero()
    assert cotton.trace(0, 1).is_zero()
    assert (cotton + cotton.transposed(1, 2, 0) + cotton.transposed(2, 0, 1)).is_zero()


def test_bach():
    metric = four_metric()
    bach = metric.bach()
    assert not bach.is_zero()
    assert (bach - bach.transposed(1, 0)).is_zero()
    assert bach.trace().is_zero()
    assert bach.divergence().is_zero()


def test_bach_from_second_derivatives_of_weyl():
    # B_ij = (∇^k∇^l + ½ R^kl) W_kilj in n = 4, the form of the textbooks.
    metric = four_metric()
    weyl = metric.weyl()
    derived = weyl.divergence(2).divergence(0)
    other = derived + weyl.contract(metric.ricci(), (0, 0), (2, 1)) / 2
    assert (metric.bach() - other).is_zero()


def test_bach_is_conformally_covariant():
    metric = four_metric()
    other = conformal(metric, "p + y")
    factor = metric.chart.element("exp(2*(p + y))")
    for i, j in itertools.product(range(4), repeat=2):
        assert other.bach().components[i, j] * factor == metric.bach().components[i, j]


def test_bach_vanishes_on_einstein_metrics():
    assert kerr().bach().is_zero()
    chart = Chart("t r theta phi", constants="M L")
    f = "(1 - 2*M/r - L*r^2/3)"
    metric = Metric(chart, [[f"-{f}", 0, 0, 0], [0, f"1/{f}", 0, 0], [0, 0, "r^2", 0], [0, 0, 0, "r^2*sin(theta)^2"]])
    assert (metric.ricci() - metric.g() * "L").is_zero()
    assert metric.bach().is_zero()


def test_cotton_and_bach_of_five_dimensions():
    chart = Chart("t x y z w", functions={"p": "t"})
    diagonal = ["1", "exp(2*p)", "exp(p)", "1 + x^2", "exp(-p)"]
    metric = Metric(chart, [[diagonal[i] if i == j else 0 for j in range(5)] for i in range(5)])
    assert (metric.weyl().divergence(0) - metric.cotton() * 2).is_zero()
    bach = metric.bach()
    assert (bach - bach.transposed(1, 0)).is_zero()
    assert bach.trace().is_zero()


@pytest.mark.parametrize("n", [1, 2, 5, 6])
def test_spheres_of_other_dimensions(n):
    names = [f"x{i}" for i in range(1, n + 1)]
    below = "(1 + " + " + ".join(f"{v}^2" for v in names) + ")^2"
    metric = Metric(Chart(" ".join(names)), [[f"4/{below}" if i == j else 0 for j in range(n)] for i in range(n)])
    assert (metric.ricci() - metric.g() * (n - 1)).is_zero()
    assert metric.scalar().components[()] == n * (n - 1)
    for a, b, c, d in itertools.product(range(min(n, 3)), repeat=4):
        g = metric.curvature.metric
        assert metric.curvature.riemann(a, b, c, d) == g(a, c) * g(b, d) - g(a, d) * g(b, c)


def test_a_coordinate_that_does_not_appear():
    metric = Metric(Chart("r theta s"), [[1, 0, 0], [0, "sin(r)^2", 0], [0, 0, 1]])
    assert metric.scalar()[()] == 2
    assert metric.ricci()[2, 2] == 0


@pytest.mark.parametrize(
    ("matrix", "sentence"),
    [
        ([[1, 0]], "must be a 2 x 2 matrix"),
        ([[1, 0], [0]], "must be a 2 x 2 matrix"),
        ([["x", "y"], ["x", "1"]], "must be symmetric, but g_01 = y and g_10 = x"),
        ([["x", "x"], ["x", "x"]], "singular"),
        ([["sin(x)^2 + cos(x)^2 - 1", 0], [0, 1]], "singular"),
    ],
)
def test_bad_metrics_are_sentences(matrix, sentence):
    with pytest.raises(MetricError, match=sentence):
        Metric(Chart("x y"), matrix)


def test_tensors_that_need_more_dimensions():
    with pytest.raises(ArgumentError, match="Bach tensor needs dimension 4"):
        general(3).bach()
    with pytest.raises(ArgumentError, match="Schouten tensor needs dimension 3"):
        general(2).schouten()


def test_volume_densities():
    chart = Chart("t r theta phi", constants="M")
    f = "(1 - 2*M/r)"
    schwarzschild = Metric(
        chart, [[f"-{f}", 0, 0, 0], [0, f"1/{f}", 0, 0], [0, 0, "r^2", 0], [0, 0, 0, "r^2*sin(theta)^2"]]
    )
    assert schwarzschild.determinant_sign() == -1
    assert schwarzschild.volume_element() == chart.element("r^2*sin(theta)")
    klein = Chart("x y")
    below = "(1 - x^2 - y^2)"
    entries = [[f"1/{below} + x^2/{below}^2", f"x*y/{below}^2"], [f"x*y/{below}^2", f"1/{below} + y^2/{below}^2"]]
    disc = Metric(klein, entries)
    assert disc.volume_element() == klein.element(f"sqrt{below}/{below}^2")
    assert disc.scalar()[()] == -2
    assert kerr().determinant_sign() == -1
    metric = general(2)
    assert metric.volume_element() ** 2 == metric.chart.element("g00*g11 - g01^2")
