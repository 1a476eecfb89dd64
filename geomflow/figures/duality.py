r"""The duality figure: cos-net and gauss-net have one two-point function and two four-point functions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from geomflow.figures.style import MARKERS, PALETTE, TWO_COLUMNS, panel_label, publication, save_figure

NAMES = ("cos-net", "gauss-net")


def _draw(ax: Axes, x: Any, rows: Mapping[str, Any], quantity: str, by: str) -> None:
    for color, marker, name in zip(PALETTE, MARKERS, NAMES, strict=False):
        row = rows[name][by]
        error = 2 * np.array(row[f"{quantity}_error"])
        ax.errorbar(x, row[quantity], error, fmt=marker, color=color, label=name, capsize=1.5)
        ax.plot(x, row[f"{quantity}_predicted"], color=color, lw=0.8, zorder=0)


def plot_two_point(part: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    r"""Draw E f(x)f(y) against |x - y|, both networks on one line."""
    ax = ax or plt.gca()
    _draw(ax, part["separations"], part, "two_point", "by_distance")
    ax.set(xlabel=r"$|x - y|/\sigma$", ylabel=r"$E\,f(x)f(y)/\sigma_a^2$")
    ax.legend(loc="lower left")
    return ax


def plot_by_width(part: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    r"""Draw the connected four-point function, all points together, against N."""
    ax = ax or plt.gca()
    _draw(ax, part["widths"], part, "connected", "by_width")
    ax.set(xscale="log", yscale="log", xlabel="number of neurons $N$", ylabel=r"$\langle f(x)^4\rangle_c/\sigma_a^4$")
    ax.set_xticks(part["widths"], [str(n) for n in part["widths"]])
    ax.minorticks_off()
    least = min(row["connected"][-1] for row in (part[name]["by_width"] for name in NAMES))
    ax.set_ylim(min(1e-2, max(least, 1e-3) / 2), 1.4)
    ax.legend(loc="lower left")
    return ax


def plot_by_distance(part: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    r"""Draw the connected four-point function of two points x and two y against |x - y|."""
    ax = ax or plt.gca()
    _draw(ax, part["separations"], part, "connected", "by_distance")
    ax.axhline(0, color="0.7", lw=0.6, zorder=0)
    ax.set(xlabel=r"$|x - y|/\sigma$", ylabel=r"$\langle f(x)^2f(y)^2\rangle_c/\sigma_a^4$")
    ax.legend(loc="center left", bbox_to_anchor=(0, 0.6))
    return ax


def draw_duality(part: Mapping[str, Any]) -> Figure:
    r"""Draw the three panels; bars are 2 standard errors, lines the derived formulas."""
    figure, panels = plt.subplots(1, 3, figsize=(TWO_COLUMNS, 2.3), layout="constrained")
    for letter, ax, draw in zip("abc", panels, (plot_two_point, plot_by_width, plot_by_distance), strict=True):
        draw(part, ax)
        panel_label(ax, letter)
    return figure


def save_duality(part: Mapping[str, Any], stem: Path) -> None:
    r"""Write the duality figure as `stem`.pdf and `stem`.png."""
    with publication():
        save_figure(draw_duality(part), stem)
