"""Phase portraits of homogeneous flows: fixed points, their kinds, orbits in the sense of the flow, and the drawing."""

import jax.numpy as jnp
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.quiver import Quiver

from geomflow.core.errors import ArgumentError
from geomflow.figures.phase import draw_portraits, on_triangle, save_portraits
from geomflow.flows.homogeneous import DiagonalFlow
from geomflow.flows.homogeneous.portrait import EXTENT, Shapes, barycentres, fixed_points, portrait
from geomflow.symbolic.charts.lie_groups import abelian

GROUPS = ("su2", "e2", "sol")


@pytest.fixture(scope="module")
def portraits():
    return {name: portrait(name, divisions=3) for name in GROUPS}


@pytest.mark.slow
def test_fixed_points_are_einstein_or_flat(portraits):
    (sphere,) = portraits["su2"].fixed
    assert sphere.kind == "sink"
    np.testing.assert_allclose(sphere.metric, 1.0, atol=1e-8)
    # (A - C)/A falls like A², and A' = -4
    np.testing.assert_allclose(sphere.eigenvalues, -8.0, rtol=1e-7)
    assert len(portraits["e2"].fixed) >= 3
    for flat in portraits["e2"].fixed:
        a, b, c = flat.metric
        assert flat.kind == "attracting line"
        assert a == pytest.approx(b, rel=1e-7)
        assert flat.eigenvalues[0] == pytest.approx(-16 / c, rel=1e-6)  # 32 h/m with h = A, m = 2 A C
    assert portraits["sol"].fixed == ()
    assert {p.kind for p in fixed_points(Shapes("abelian"), np.array([[0.0, 0.0], [1.0, 0.5]]))} == {"every metric"}


@pytest.mark.slow
@pytest.mark.parametrize("name", GROUPS)
def test_orbits_run_with_the_flow_and_keep_what_it_keeps(portraits, name):
    found, flow = portraits[name], DiagonalFlow(name, normalised=True)
    for orbit in found.orbits:
        np.testing.assert_allclose(np.prod(orbit, axis=1), 1.0, rtol=1e-12)
        logs = np.log(orbit)
        assert np.ptp(logs, axis=1).max() <= EXTENT + 1e-12
        middle = len(orbit) // 2
        step = logs[middle + 1] - logs[middle - 1]
        rate = np.asarray(flow(0.0, jnp.array(orbit[middle]))) / orbit[middle]
        if np.linalg.norm(step) > 1e-3:
            assert step @ rate > 0.99 * np.linalg.norm(step) * np.linalg.norm(rate)
    if name == "su2":
        for orbit in found.orbits:
            np.testing.assert_allclose(orbit[-1], 1.0, atol=1e-4)
    if name == "sol":  # AC and B(A - C) stay under the flow: their ratio to the right power has no scale
        for orbit in found.orbits:
            a, b, c = orbit[np.abs(orbit[:, 0] - orbit[:, 2]) > 1e-2 * orbit[:, 0]].T
            seen = a * c / (b * (a - c))
            np.testing.assert_allclose(seen, seen[:1].repeat(seen.size), rtol=1e-4)


def test_the_lattice_fills_the_triangle():
    points = barycentres(4)
    assert points.shape == (16, 3)
    np.testing.assert_allclose(points.sum(axis=1), 1.0, rtol=1e-15)
    np.testing.assert_allclose(points.mean(axis=0), 1 / 3, rtol=1e-14)
    assert points.min() == pytest.approx(1 / 12)
    np.testing.assert_allclose(on_triangle(np.array([2.0, 2.0, 2.0])), [[0.5, np.sqrt(3) / 6]], rtol=1e-14)
    np.testing.assert_allclose(on_triangle(np.array([0.0, 3.0, 0.0])), [[1.0, 0.0]], atol=1e-15)
    with pytest.raises(ArgumentError, match="dimension three"):
        Shapes(abelian(2))


@pytest.mark.slow
def test_the_figure(portraits, tmp_path):
    before = mpl.rcParams.copy()
    figure = draw_portraits(portraits)
    sphere, motions, sol = figure.axes
    assert [ax.get_title() for ax in figure.axes] == list(GROUPS)
    # the mark of the sink stands in the middle; the line of flat metrics over the middle of the side AB
    marks = [line for line in sphere.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(np.column_stack(marks[0].get_data()), [[0.5, np.sqrt(3) / 6]], atol=1e-7)
    (line,) = [line for line in motions.lines if line.get_linewidth() > 1]
    np.testing.assert_allclose(line.get_xdata(), 0.5, atol=1e-6)
    assert np.all(np.diff(line.get_ydata()) > 0)
    # arrows of the field point to the sink
    (field,) = [c for c in sphere.collections if isinstance(c, Quiver)]
    inward = (np.array([[0.5, np.sqrt(3) / 6]]) - field.XY) * np.column_stack([field.U, field.V])
    assert np.mean(inward.sum(axis=1) > 0) > 0.8
    assert len(sol.lines) == len(portraits["sol"].orbits)
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["sink", "attracting line of fixed points", "orbits of Ricci flow"]
    plt.close(figure)
    save_portraits(portraits, tmp_path / "phase")
    assert (tmp_path / "phase.pdf").stat().st_size > 1000
    assert mpl.rcParams == before
