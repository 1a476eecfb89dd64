r"""Solitons: their profiles as surfaces of revolution, and how their curvature decays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from geomflow.figures.film.shapes import Revolution
from geomflow.figures.style import PALETTE, TWO_COLUMNS, panel_label, publication, save_figure
from geomflow.flows.solitons.soliton import Soliton

#: Curvatures below this fraction of the largest are rounding.
_FLOOR = 1e-9
_SAMPLES = 1500


def plot_surface(soliton: Soliton, reach: float, scale: ScalarMappable | None = None, ax: Axes | None = None) -> Axes:
    r"""Draw the metric ds² + w² dθ² as a surface of revolution with its tip on the left, coloured by R.

    Args:
        soliton: any; w is the radius b for U(2) symmetry.
        reach: the largest arclength that is drawn, in units of 1/√max|Rm|.
        scale: colours; from zero, or the smallest R, to the largest by default.
    """
    ax = ax or plt.gca()
    shape = _surface(soliton, reach)
    if scale is None:
        least, most = float(np.min(soliton.scalar)), float(np.max(soliton.scalar))
        scale = ScalarMappable(Normalize(min(0.0, least), most), "YlOrRd")
    shape.paint(ax, scale)
    width, height = shape.box
    ax.set(xlim=(-1.03 * width, 1.03 * width), ylim=(-1.05 * height, 1.05 * height), aspect="equal")
    ax.set_axis_off()
    return ax


def plot_decay(solitons: Sequence[Soliton], ax: Axes | None = None) -> Axes:
    r"""Draw |Rm| against arclength: Bryant's decays like 1/s, cones like 1/s², the cigar exponentially."""
    ax = ax or plt.gca()
    for soliton, colour in zip(solitons, PALETTE):
        curvature = soliton.curvature
        shown = curvature > _FLOOR * np.max(curvature)
        ax.plot(soliton.s[shown], curvature[shown], color=colour, label=soliton.name)
    ax.set(xscale="log", yscale="log", xlabel="$s$", ylabel=r"$|\mathrm{Rm}|$")
    ax.legend()
    return ax


def draw_solitons(solitons: Sequence[Soliton], reach: float = 8.0) -> Figure:
    r"""Draw each as a surface of revolution, one beside the other, and the decay of all curvatures below.

    Args:
        solitons: one to five.
        reach: the largest arclength of a surface, in units of 1/√max|Rm|.
    """
    figure = plt.figure(figsize=(TWO_COLUMNS, 4.2), layout="constrained")
    # surfaces of one height, as far as their shapes allow
    shapes = [_surface(soliton, reach).box for soliton in solitons]
    ratios = [float(np.clip(width / height, 0.6, 2.5)) for width, height in shapes]
    grid = figure.add_gridspec(2, 1, height_ratios=(1, 1.4))
    row = grid[0].subgridspec(1, len(solitons), width_ratios=ratios)
    for k, soliton in enumerate(solitons):
        ax = figure.add_subplot(row[k])
        plot_surface(soliton, reach, ax=ax)
        ax.text(0.5, -0.06, soliton.name, transform=ax.transAxes, ha="center", va="top", fontsize=6.5)
        panel_label(ax, "abcdefghijklmnopqrstuvwxyz"[k])
    below = plot_decay(solitons, figure.add_subplot(grid[1]))
    panel_label(below, "abcdefghijklmnopqrstuvwxyz"[len(solitons)])
    return figure


def _surface(soliton: Soliton, reach: float) -> Revolution:
    s, _ = soliton.profile()
    most = float(np.max(soliton.curvature))
    fine = np.linspace(s[0], min(reach / np.sqrt(most), s[-1]) if most > 0 else s[-1], _SAMPLES)
    scalar = np.interp(fine, soliton.s, soliton.scalar)
    return Revolution(fine, soliton.at(fine)[soliton.ansatz.radii[-1]], scalar)


def save_solitons(stem: Path, solitons: Sequence[Soliton], reach: float = 8.0) -> None:
    r"""Write `draw_solitons` as `stem`.pdf and `stem`.png."""
    with publication():
        save_figure(draw_solitons(solitons, reach), stem)
