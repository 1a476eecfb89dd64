r"""Film strips and animations of a flow: the same frames, side by side on paper or one after the other in a film."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import AbstractMovieWriter, FFMpegWriter, PillowWriter
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import CenteredNorm, LogNorm, Normalize, SymLogNorm
from matplotlib.figure import Figure

from geomflow.core.errors import ArgumentError, OutputError
from geomflow.core.progress import track
from geomflow.figures.film.shapes import Shape
from geomflow.figures.style import TWO_COLUMNS, publication

#: Colours of curvatures of both signs, and of positive ones alone.
_BOTH, _POSITIVE = "RdYlBu_r", "YlOrRd"
#: Curvatures that differ from the median by more than this factor are drawn on a logarithmic scale, up to its square.
_RANGE = 30.0


@dataclass(frozen=True)
class Frame:
    r"""One picture of a film.

    Args:
        time: t.
        shapes: what there is at that time, from left to right (several after surgery).
    """

    time: float
    shapes: tuple[Shape, ...]


def colour_scale(frames: Sequence[Frame]) -> ScalarMappable:
    r"""Return one colour scale for all frames: pale at zero where both signs occur, logarithmic over decades."""
    values = np.concatenate([np.ravel(shape.values) for frame in frames for shape in frame.shapes])
    least, most = float(np.min(values)), float(np.max(values))
    typical = float(np.median(np.abs(values)))
    if least > 0:
        if most <= _RANGE * typical:
            return ScalarMappable(Normalize(0, most), _POSITIVE)
        return ScalarMappable(LogNorm(max(least, typical / _RANGE), min(most, _RANGE**2 * typical)), _POSITIVE)
    reach = max(most, -least) or 1.0
    if reach > _RANGE * typical > 0:
        reach = min(reach, _RANGE**2 * typical)
        return ScalarMappable(SymLogNorm(typical, 1.5, -reach, reach), _BOTH)
    return ScalarMappable(CenteredNorm(halfrange=reach), _BOTH)


def _beyond(scale: ScalarMappable, frames: Sequence[Frame]) -> Literal["neither", "both", "min", "max"]:
    r"""Return on which sides there are values beyond the scale, for the colour bar."""
    values = np.concatenate([np.ravel(shape.values) for frame in frames for shape in frame.shapes])
    low, high = scale.get_clim()
    assert low is not None
    assert high is not None
    below, above = np.min(values) < low * (1 - 1e-9 * np.sign(low)), np.max(values) > high * (1 + 1e-9)
    return "both" if below and above else "min" if below else "max" if above else "neither"


def draw_strip(frames: Sequence[Frame], label: str = "$R$", columns: int | None = None) -> Figure:
    r"""Draw frames at one scale, in rows from left to right, with their times and a colour bar.

    Args:
        frames: at least one.
        label: of the colour bar.
        columns: frames in a row; chosen from their shape by default.

    Raises:
        ArgumentError: no frames.
    """
    wide, high = _box(frames)
    columns = columns or min(len(frames), max(1, round(6 * high / wide + 0.5)))
    rows = -(-len(frames) // columns)
    cell = 0.9 * TWO_COLUMNS / columns
    size = (TWO_COLUMNS, rows * (cell * high / wide + 0.17) + 0.1)
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    scale = colour_scale(frames)
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, frame in zip(axes.flat, frames):
        _paint(ax, frame, (wide, high), scale)
    figure.colorbar(scale, ax=axes, label=label, shrink=0.9, aspect=25, pad=0.02, extend=_beyond(scale, frames))
    return figure


def save_film(frames: Sequence[Frame], path: Path, label: str = "$R$", rate: int = 20) -> None:
    r"""Write an animation: `.gif` by Pillow, `.mp4` by ffmpeg.

    Args:
        frames: in the order of time.
        path: its suffix chooses the format.
        label: of the colour bar.
        rate: frames per second.

    Raises:
        ArgumentError: no frames, or a suffix other than these two.
        OutputError: an `.mp4` is asked for, and there is no ffmpeg.
    """
    writer = _writer(path, rate)
    wide, high = _box(frames)
    scale = colour_scale(frames)
    with publication():
        figure = plt.figure(figsize=(5.0, max(1.4, 4.2 * high / wide + 0.4)), layout="constrained")
        ax = figure.add_subplot()
        figure.colorbar(scale, ax=ax, label=label, shrink=0.9, extend=_beyond(scale, frames))
        with writer.saving(figure, str(path), dpi=120):
            for frame in track(list(frames), f"film {path.name}"):
                ax.clear()
                ax.set_axis_off()
                _paint(ax, frame, (wide, high), scale)
                writer.grab_frame()
        plt.close(figure)


def _box(frames: Sequence[Frame]) -> tuple[float, float]:
    if not frames:
        raise ArgumentError("A film needs at least one frame.")
    wide = max(sum(shape.box[0] for shape in frame.shapes) for frame in frames)
    return wide, max(shape.box[1] for frame in frames for shape in frame.shapes)


def _paint(ax: Axes, frame: Frame, box: tuple[float, float], scale: ScalarMappable) -> None:
    wide, high = box
    total = sum(shape.box[0] for shape in frame.shapes)
    gap = 2 * max(0.0, wide - total) / (len(frame.shapes) + 1)
    left = -wide
    for shape in frame.shapes:
        half_width, half_height = shape.box
        corner = (left + gap, -half_height, 2 * half_width, 2 * half_height)
        place = ax.inset_axes(corner, transform=ax.transData)
        place.set_axis_off()
        shape.paint(place, scale)
        place.set_aspect("auto")
        left += gap + 2 * half_width
    ax.set(xlim=(-wide, wide), ylim=(-high, high), aspect="equal")
    ax.set_title(f"$t = {frame.time:.4g}$", pad=2)


def _writer(path: Path, rate: int) -> AbstractMovieWriter:
    if path.suffix == ".gif":
        return PillowWriter(fps=rate)
    if path.suffix != ".mp4":
        raise ArgumentError(f"A film is a `.gif` or an `.mp4`, but `{path.name}` is asked for.")
    if not FFMpegWriter.isAvailable():
        raise OutputError(
            f"`{path.name}` needs ffmpeg, which is not installed. Install it, or ask for a `.gif`.", path=path
        )
    return FFMpegWriter(fps=rate, codec="libx264", extra_args=["-pix_fmt", "yuv420p"])
