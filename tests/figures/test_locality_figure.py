"""The locality figure from numbers made by hand: what is drawn, and that drawing leaves no trace."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.image import AxesImage

from geomflow.figures.locality import (
    MAGNIFIED,
    draw_locality,
    plot_architectures,
    plot_convergence,
    plot_curvature,
    plot_growth,
    save_locality,
)
from geomflow.figures.style import PALETTE, TWO_COLUMNS, publication
from geomflow.geometry.torus import Torus
from geomflow.metrics import METRICS

WIDTHS = [0.8, 0.4, 0.2]


def trajectory(size):
    return {
        "widths": WIDTHS,
        "errors": [size * s**2 for s in WIDTHS],
        "extrapolated": [size * s**4 for s in WIDTHS[1:]],
    }


def architecture(name, limit):
    errors = [limit + 0.5 * s**2 for s in WIDTHS]
    return {"name": name, "errors": errors, "limit": limit, "reproduces_ricci_flow": limit < 1e-8}


NUMBERS = {
    "deturck": trajectory(0.1),
    "lambda": trajectory(0.06),
    "conformal": trajectory(0.08),
    "architectures": {
        "widths": WIDTHS,
        "studies": [
            architecture("independent", 0.6),
            architecture("packed-orthonormal", 0.6),
            architecture("vielbein", 1e-12),
        ],
    },
    "growth": {"sigma": 0.4, "modes": [1, 2, 3, 4], "measured": [k**2 * np.exp(-0.08 * k**2) for k in (1, 2, 3, 4)]},
}


def arrays(dim):
    torus = Torus(dim, 12)
    start = np.asarray(METRICS[f"generic-t{dim}"].sample(torus)[0])
    end = 1 + 0.5 * (start - 1)
    return torus, {
        "deturck.states": np.stack([start, end]),
        "deturck.times": np.array([0.0, 0.2]),
        "deturck.smeared": np.stack([end + 0.01 * (start - end)] * len(WIDTHS)),
    }


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.mark.parametrize("plot", [plot_convergence, plot_architectures, plot_growth])
def test_each_panel_draws_into_the_axes_it_is_given(plot):
    before = dict(mpl.rcParams)
    _, (ax, other) = plt.subplots(1, 2)
    assert plot(NUMBERS, ax) is ax
    assert ax.lines
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    assert ax.get_legend() is not None
    assert not other.lines
    assert dict(mpl.rcParams) == before
    assert plot(NUMBERS) is plt.gca()  # without axes: the current ones


def drawn(ax):
    """The lines of an axes as {label: (x, y)}."""
    return {line.get_label(): line.get_data() for line in ax.lines}


def test_convergence_shows_the_errors():
    ax = plot_convergence(NUMBERS)
    for name, label in (("deturck", "DeTurck"), ("lambda", r"$\lambda$-flow"), ("conformal", "exact solution")):
        x, y = drawn(ax)[label]
        np.testing.assert_array_equal(x, NUMBERS[name]["widths"])
        np.testing.assert_array_equal(y, NUMBERS[name]["errors"])
    dashed = [line for line in ax.lines if line.get_linestyle() == "--" and len(line.get_xdata())]
    assert [list(line.get_ydata()) for line in dashed] == [NUMBERS[n]["extrapolated"] for n in list(NUMBERS)[:3]]
    assert ax.get_xscale() == ax.get_yscale() == "log"
    low, high = ax.get_ylim()
    assert low < min(NUMBERS["lambda"]["extrapolated"])
    assert high > max(NUMBERS["deturck"]["errors"])


def test_convergence_on_t3_has_no_exact_solution():
    ax = plot_convergence({name: value for name, value in NUMBERS.items() if name != "conformal"})
    assert "exact solution" not in drawn(ax)


def test_guides_have_the_slopes_they_name():
    ax = plot_convergence(NUMBERS)
    guides = [line.get_data() for line in ax.lines if line.get_linestyle() == ":"]
    slopes = [np.log(y[0] / y[-1]) / np.log(x[0] / x[-1]) for x, y in guides]
    np.testing.assert_allclose(slopes, [2, 4])


def test_architectures_show_errors_and_limits():
    ax = plot_architectures(NUMBERS)
    lines = drawn(ax)
    studies = NUMBERS["architectures"]["studies"]
    for study, label in zip(studies, (r"$d^2$ networks", "orthonormal", "vielbein"), strict=True):
        np.testing.assert_array_equal(lines[label][1], study["errors"])
    # the level of a limit is dotted, and only where it is not zero
    levels = [line.get_ydata()[0] for line in ax.lines if line.get_linestyle() == ":" and len(line.get_ydata()) == 2]
    assert levels == [0.6, 0.6]


def test_growth_shows_the_measured_rates_on_the_curve():
    ax = plot_growth(NUMBERS)
    lines = drawn(ax)
    np.testing.assert_array_equal(lines["measured"][0], NUMBERS["growth"]["modes"])
    np.testing.assert_array_equal(lines["measured"][1], NUMBERS["growth"]["measured"])
    k, rate = lines[r"$k^2 e^{-\sigma^2k^2/2}$"]
    np.testing.assert_allclose(np.interp([1, 2, 3, 4], k, rate), NUMBERS["growth"]["measured"], rtol=1e-3)
    assert max(rate) <= 2 / (np.e * 0.4**2)
    assert ax.get_ylim()[1] > max(rate)


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 8)])
def test_a_curvature_map(shape):
    before = dict(mpl.rcParams)
    _, (_, ax) = plt.subplots(1, 2)
    field = np.random.default_rng(0).normal(size=shape)
    image = plot_curvature(field, "title", 2.5, ax)
    assert isinstance(image, AxesImage)
    assert image.axes is ax
    assert ax.get_title() == "title"
    assert image.get_clim() == (-2.5, 2.5)
    plane = field if field.ndim == 2 else field[:, :, 0]
    shown = np.asarray(image.get_array()).T  # x to the right, y up
    np.testing.assert_array_equal(shown[:-1, :-1], plane)
    np.testing.assert_array_equal(shown[-1, :-1], plane[0])  # closed up
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("dim", [2, 3])
def test_the_whole_figure(dim):
    torus, data = arrays(dim)
    before = dict(mpl.rcParams)
    with publication():
        figure = draw_locality(NUMBERS, data, torus)
        assert mpl.rcParams["font.family"] == ["STIXGeneral"]
    assert dict(mpl.rcParams) == before
    assert figure.get_size_inches()[0] == TWO_COLUMNS
    maps = [ax.images[0] for ax in figure.axes if ax.images]
    assert len(maps) == 4
    start, local, network, difference = (np.asarray(image.get_array()) for image in maps)
    limit = np.max(np.abs(start))
    assert all(image.get_clim() == pytest.approx((-limit, limit), rel=0.5) for image in maps)
    assert len({image.get_clim() for image in maps}) == 1  # one colour bar serves all
    np.testing.assert_allclose(difference, MAGNIFIED * (network - local), atol=1e-12)
    titles = [ax.get_title() for ax in figure.axes if ax.images]
    assert titles == ["$t = 0$", "local, $t = 0.2$", r"$\sigma = 0.8$, $t = 0.2$", rf"difference $\times\,{MAGNIFIED}$"]


def test_the_files_are_the_same_each_time(tmp_path):
    torus, data = arrays(2)
    before = dict(mpl.rcParams)
    for name in ("one", "two"):
        save_locality(NUMBERS, data, torus, tmp_path / name)
    assert dict(mpl.rcParams) == before
    for suffix in (".pdf", ".png"):
        assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"two{suffix}").read_bytes()
    assert not plt.get_fignums()  # nothing is left open
    image = plt.imread(tmp_path / "one.png")[..., :3]
    assert image.shape[1] == pytest.approx(300 * TWO_COLUMNS, abs=2)
    assert image.std() > 0.05


def test_publication_restores_the_settings_after_an_error():
    before = dict(mpl.rcParams)
    with pytest.raises(RuntimeError), publication():
        raise RuntimeError
    assert dict(mpl.rcParams) == before


def test_the_palette_colours_are_distinct():
    assert len({to_rgba(color) for color in PALETTE}) == len(PALETTE) == 8
