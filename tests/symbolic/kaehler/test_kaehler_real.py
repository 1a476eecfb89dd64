"""The independent route: the real metric of a Kähler metric, through the engine that knows of no complex structure."""

import numpy as np
import pytest

from geomflow.core.errors import ArgumentError
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.kaehler import spaces
from geomflow.symbolic.kaehler.calabi import calabi_ansatz
from geomflow.symbolic.kaehler.complex_chart import ComplexChart
from geomflow.symbolic.kaehler.holomorphic import pull_back
from geomflow.symbolic.kaehler.metric import Kaehler

QUARTIC = "abs2(z1, z2) + abs2(z1)*abs2(z2) + b*(z1*zb2 + z2*zb1)"


EXAMPLES = {
    "CP1": lambda: spaces.fubini_study(1),
    "CP2": lambda: spaces.fubini_study(2),
    "CP3": lambda: spaces.fubini_study(3),
    "Burns": spaces.burns,
    "not Einstein": lambda: Kaehler(ComplexChart("z1 z2", constants="b"), QUARTIC),
    "any potential on C": lambda: spaces.general(1),
    "U(1)-invariant": lambda: calabi_ansatz(1),
}


def complexified(tensor, unit, n):
    """Return a real tensor on the vectors ∂_z = ½(∂_x - i∂_y), ∂_z̄, in this order, from components in x1, y1, ..."""
    out = tensor.components
    for slot in range(tensor.rank):
        moved = np.moveaxis(out, slot, 0)
        z = [(moved[2 * i] - moved[2 * i + 1] * unit) / 2 for i in range(n)]
        zb = [(moved[2 * i] + moved[2 * i + 1] * unit) / 2 for i in range(n)]
        out = np.moveaxis(np.array([*z, *zb], dtype=object), 0, slot)
    return out


def agree(real_block, block, to_real):
    return all(real_block[i] == to_real(block[i]) for i in np.ndindex(*block.shape))


@pytest.mark.parametrize("name", EXAMPLES)
def test_ricci_and_scalar_in_real_coordinates(name):
    metric = EXAMPLES[name]()
    n, (chart, to_real) = metric.n, metric.chart.real()
    real = metric.real_metric()
    unit = chart.element("I")
    assert agree(complexified(real.g(), unit, n)[:n, n:], metric.matrix, to_real)
    ricci = complexified(real.ricci(), unit, n)
    assert agree(ricci[:n, n:], metric.ricci().components, to_real)
    assert all(e.is_zero() for e in ricci[:n, :n].ravel())
    assert real.scalar().components[()] == to_real(metric.scalar().components[()])
    assert metric.real_metric() is real
    density = chart.element(real.volume_density())
    assert density == to_real(metric.chart.element(metric.volume_density()))


@pytest.mark.parametrize("name", ["CP1", "CP2", "not Einstein", "U(1)-invariant"])
def test_riemann_in_real_coordinates(name):
    metric = EXAMPLES[name]()
    n, (chart, to_real) = metric.n, metric.chart.real()
    real = metric.real_metric()
    riemann = complexified(real.riemann(), chart.element("I"), n)
    assert agree(-riemann[:n, n:, :n, n:], metric.riemann().components, to_real)
    assert all(e.is_zero() for e in riemann[:n, :n].ravel())
    assert real.kretschmann().components[()] == to_real(metric.complexified().kretschmann().components[()])


def test_functions_and_sections_in_real_coordinates():
    metric = EXAMPLES["not Einstein"]()
    chart, to_real = metric.chart.real()
    real = metric.real_metric()
    f = metric.chart.element("abs2(z1)^2 + z1*zb2 + z2*zb1")
    mapped = real.function(chart.sympy(to_real(f)))
    assert real.laplacian(mapped).components[()] == to_real(metric.laplacian(metric.chart.sympy(f)).components[()])
    assert real.ricci().norm_squared().components[()] == to_real(metric.norm_squared(metric.ricci()).components[()])
    # v = ∂_1 + 2i ∂_2 is, as a real vector, ∂_x1 + 2 ∂_y2; J turns it into ∂_y1 - 2 ∂_x2.
    section = real.sectional(real.vector([1, 0, 0, 2]), real.vector([0, 1, -2, 0]))
    assert section.components[()] == to_real(metric.holomorphic_sectional([1, "2*I"]).components[()])
    # ∇J = 0.
    zero = chart.field.zero
    blocks = np.full((4, 4), zero, dtype=object)
    for i in (0, 2):
        blocks[i + 1, i], blocks[i, i + 1] = chart.element(1), chart.element(-1)
    assert real.tensor(blocks, [True, False]).nabla().is_zero()


def test_the_complexified_metric_is_the_third_route():
    for metric in (spaces.general(2), spaces.fubini_study(3)):
        n, bilinear = metric.n, metric.complexified()
        assert (bilinear.ricci().components[:n, n:] == metric.ricci().components).all()
        assert bilinear.scalar().components[()] == metric.scalar().components[()]
        christoffel = bilinear.christoffel().components
        assert (christoffel[:n, :n, :n] == metric.christoffel().components).all()
        assert all(e.is_zero() for e in christoffel[:n, :n, n:].ravel())


def test_pull_back_to_polar_coordinates():
    """The round sphere of radius² 1/2 in r and θ, and the factor."""
    polar = Chart("r theta", positive="r")
    pulled = pull_back(spaces.fubini_study(1), polar, ["r*exp(I*theta)"])
    assert pulled.g() == pulled.tensor([["2/(1 + r^2)^2", 0], [0, "2*r^2/(1 + r^2)^2"]])
    half = pull_back(spaces.fubini_study(1), polar, ["r*exp(I*theta)"], factor=1)
    assert half.g().components[0, 0] * 2 == pulled.g().components[0, 0]
    assert half.scalar().sympy() == 8
    # A complex line in CP²: totally geodesic, of the curvature of CP¹.
    line = pull_back(spaces.fubini_study(2), Chart("x y"), ["x + I*y", "2*(x + I*y)"])
    assert line.scalar().sympy() == 4
    with pytest.raises(ArgumentError, match="2 expressions"):
        pull_back(spaces.fubini_study(2), polar, ["r"])
    with pytest.raises(ArgumentError, match="cannot be pulled back"):
        pull_back(spaces.general(1), polar, ["r"])
    named = Chart("s theta", functions={"u": "s"})
    with pytest.raises(ArgumentError, match="is not the argument"):
        pull_back(calabi_ansatz(1), named, ["exp(s + I*theta)"], {"u": "s"})
