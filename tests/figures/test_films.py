"""Films: embeddings are isometric, colours are those of the scale, and files hold the frames that were asked for."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import CenteredNorm, LogNorm, SymLogNorm
from PIL import Image

from geomflow.core.errors import ArgumentError, OutputError
from geomflow.figures.film import Frame, Globe, Revolution, Sheet, colour_scale, draw_strip, save_film
from geomflow.figures.history import draw_history

S = np.linspace(0, np.pi, 401)


def test_the_round_sphere_is_embedded_as_one():
    sphere = Revolution(S, np.sin(S), np.ones_like(S))
    assert not np.any(sphere.steep)
    np.testing.assert_allclose(sphere.height, -np.cos(S), atol=2e-5)
    np.testing.assert_allclose(sphere.box, (1, 1), atol=2e-5)


def test_an_embedding_keeps_the_length_of_meridians():
    psi = np.sin(S) * (1 - 0.5 * np.sin(S) ** 2)
    surface = Revolution(S, psi, psi)
    length = np.sum(np.hypot(np.diff(surface.height), np.diff(psi)))
    assert length == pytest.approx(np.pi, abs=1e-12)


def test_what_does_not_embed_is_grey():
    steep = Revolution(S, 1.5 * np.sin(S), np.ones_like(S))
    np.testing.assert_array_equal(steep.steep, np.abs(1.5 * np.cos((S[1:] + S[:-1]) / 2)) > 1)
    figure, ax = plt.subplots()
    steep.paint(ax, colour_scale([Frame(0.0, (steep,))]))
    picture = ax.images[0].get_array()
    middle = picture[picture.shape[0] // 2]
    assert np.ptp(middle[2, :3]) == pytest.approx(0)  # near the pole: no colour
    assert np.ptp(middle[len(middle) // 2, :3]) > 0.1
    plt.close(figure)


def test_a_picture_is_cut_out_along_the_profile():
    surface = Revolution(S, np.sin(S) * (1 - 0.8 * np.sin(S) ** 2), np.ones_like(S))
    figure, ax = plt.subplots()
    surface.paint(ax, colour_scale([Frame(0.0, (surface,))]))
    seen = np.asarray(ax.images[0].get_array())[..., 3] > 0
    x = np.linspace(-surface.height[-1], surface.height[-1], seen.shape[1])
    half = np.sum(seen, axis=0) / seen.shape[0] * surface.box[1]
    np.testing.assert_allclose(half, np.interp(x, surface.height, surface.psi), atol=0.01)
    plt.close(figure)


def test_the_globe_shows_the_sphere_from_the_front():
    theta, phi = np.linspace(0.02, np.pi - 0.02, 90), 2 * np.pi * np.arange(180) / 180
    ones = np.ones_like(phi)
    figure, (north, front) = plt.subplots(1, 2)
    for ax, values in ((north, np.cos(theta)[:, None] * ones), (front, np.sin(theta)[:, None] * np.cos(phi))):
        globe = Globe(theta, values, 2.0)
        globe.paint(ax, colour_scale([Frame(0.0, (globe,))]))
    half = len(north.images[0].get_array()) // 2
    top, bottom = (np.asarray(north.images[0].get_array())[row, half] for row in (2 * half - 20, 20))
    assert top[0] > top[2]  # red is positive, and the north pole is up (rows count from below)
    assert bottom[2] > bottom[0]
    middle = np.asarray(front.images[0].get_array())[half, half]
    assert middle[0] > middle[2]  # longitude 0 faces the viewer
    assert globe.box == (2.0, 2.0)
    plt.close(figure)


@pytest.mark.parametrize(
    ("values", "norm"),
    [
        ([1.0, 2.0, 3.0], plt.Normalize),
        ([1.0, 2.0, 1000.0], LogNorm),
        ([-1.0, 1.0, 2.0], CenteredNorm),
        ([-1.0, 1.0, 1000.0], SymLogNorm),
        ([0.0, 0.0, 0.0], CenteredNorm),
    ],
)
def test_the_scale_fits_the_curvatures(values, norm):
    scale = colour_scale([Frame(0.0, (Sheet(np.array([values])),))])
    assert type(scale.norm) is norm
    low, high = scale.norm(values[0]), scale.norm(values[-1])
    assert 0 <= low <= high
    if min(values) < 0:
        assert scale.norm(0.0) == pytest.approx(0.5)


def test_a_strip_has_a_panel_for_every_frame():
    frames = [Frame(t, (Revolution(S, np.sin(S), np.ones_like(S) * (1 + t)),)) for t in (0.0, 0.5, 1.0)]
    figure = draw_strip(frames)
    assert [ax.get_title() for ax in figure.axes[:3]] == ["$t = 0$", "$t = 0.5$", "$t = 1$"]
    plt.close(figure)
    with pytest.raises(ArgumentError, match="at least one frame"):
        draw_strip([])


def test_two_pieces_share_a_frame_without_overlap():
    small, large = (Revolution(r * S, r * np.sin(S), np.ones_like(S)) for r in (0.5, 1.0))
    figure = draw_strip([Frame(0.0, (large,)), Frame(1.0, (small, small))])
    places = [ax.get_position() for ax in figure.axes[1].child_axes]
    assert len(places) == 2
    figure.canvas.draw()
    left, right = (ax.get_window_extent() for ax in figure.axes[1].child_axes)
    assert left.x1 <= right.x0 + 1e-6
    plt.close(figure)


def test_a_gif_holds_every_frame(tmp_path):
    values = [np.outer(np.cos(t + np.arange(16)), np.ones(16)) for t in range(4)]
    save_film([Frame(float(t), (Sheet(v),)) for t, v in enumerate(values)], tmp_path / "film.gif")
    with Image.open(tmp_path / "film.gif") as film:
        assert film.n_frames == 4


def test_formats_that_cannot_be_written_are_refused(tmp_path, monkeypatch):
    frame = [Frame(0.0, (Sheet(np.ones((4, 4))),))]
    with pytest.raises(ArgumentError, match="gif"):
        save_film(frame, tmp_path / "film.avi")
    monkeypatch.setitem(mpl.rcParams, "animation.ffmpeg_path", "no-such-program")
    with pytest.raises(OutputError, match="ffmpeg"):
        save_film(frame, tmp_path / "film.mp4")
    with pytest.raises(ArgumentError, match="increasing"):
        Revolution(S[::-1], np.sin(S), np.sin(S))


def test_history_has_a_panel_for_each_quantity_and_one_for_the_blow_up():
    times = 1 - np.geomspace(1, 1e-4, 50)
    values = {"Rm_max": 2 / (1 - times), "volume": 1 - times}
    figure = draw_history(times, values, {"volume": "$V$"}, (1.0, 2.0))
    first, second, third = figure.axes[:3]
    assert (first.get_yscale(), second.get_ylabel(), third.get_xscale()) == ("log", "$V$", "log")
    np.testing.assert_allclose(third.lines[0].get_ydata(), 2.0)
    plt.close(figure)
