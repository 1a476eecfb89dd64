r"""The figure of `geomflow drift`: how far Θ moves, and how far apart full, linearised and infinite networks end."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from geomflow.compare.scaling import root_mean_square
from geomflow.figures.style import MARKERS, PALETTE, TWO_COLUMNS, panel_label, publication, save_figure

#: Markers of what others lie upon: full and linearised networks are as far from the infinite one.
_RING: dict[str, Any] = {"ms": 6.0, "mfc": "none"}


def _ladder(
    ax: Axes, widths: Any, values: np.ndarray, law: Mapping[str, float] | None, at: int, label: str, **style: Any
) -> None:
    r"""Draw root mean squares over the seeds with standard errors, and the power law fitted to them."""
    mean, bars = root_mean_square(values)
    widths = np.array(widths, dtype=float)
    if law is not None:
        ax.plot(widths, law["prefactor"] * widths ** law["exponent"], color=PALETTE[at], lw=0.8)
        label = rf"{label}: ${law['exponent']:.2f}\pm{law['error']:.2f}$"
    ax.errorbar(widths, mean, bars, fmt=MARKERS[at], color=PALETTE[at], elinewidth=0.7, label=label, **style)


def _finish(ax: Axes) -> None:
    ax.xaxis.set_minor_formatter(NullFormatter())
    low, high = ax.get_ylim()
    ax.set_ylim(low / 8, high)  # room for the legend
    ax.legend(loc="lower left", handletextpad=0.2, borderaxespad=0.3)


def plot_kernels(
    numbers: Mapping[str, Any], arrays: Mapping[str, np.ndarray], settings: Mapping[str, Any], ax: Axes | None = None
) -> Axes:
    r"""Draw the drift of Θ in training and its scatter from draw to draw against the width, with fitted orders."""
    ax = ax or plt.gca()
    _ladder(ax, settings["widths"], arrays["scatter"], numbers.get("scatter"), 2, r"$\Theta(0)$ to $\bar\Theta$")
    _ladder(ax, settings["widths"], arrays["drift"], numbers.get("drift"), 0, "drift, cos-net")
    if len(settings["mlp_widths"]):
        _ladder(ax, settings["mlp_widths"], arrays["mlp"], numbers.get("mlp"), 1, "drift, MLP")
    ax.set(xscale="log", yscale="log", xlabel="width $N$", ylabel=r"relative change of $\Theta$")
    _finish(ax)
    most = numbers["last_layer"]
    text = "last layer: 0" if most == 0 else f"last layer: {most:.0e}"
    ax.annotate(text, (0.97, 0.96), xycoords="axes fraction", ha="right", va="top", fontsize=6.5, color="0.35")
    return ax


_PAIRS = (
    ("full_infinite", "full-infinite", "full, infinite"),
    ("linearised_infinite", "linearised-infinite", "linearised, infinite"),
    ("full_linearised", "full-linearised", "full, linearised"),
)


def plot_distances(
    numbers: Mapping[str, Any], arrays: Mapping[str, np.ndarray], settings: Mapping[str, Any], ax: Axes | None = None
) -> Axes:
    r"""Draw the distances between metrics at the final time against the width, with fitted orders."""
    ax = ax or plt.gca()
    for at, (name, law, label) in enumerate(_PAIRS):
        style: dict[str, Any] = {} if at else _RING
        _ladder(ax, settings["widths"], arrays[name][..., -1], numbers.get(law), at, label, **style)
    ax.set(xscale="log", yscale="log", xlabel="width $N$", ylabel=f"distance of metrics at $t = {settings['time']:g}$")
    _finish(ax)
    return ax


def plot_along_flow(arrays: Mapping[str, np.ndarray], settings: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    r"""Draw the distances along the flow for the narrowest (dashed) and the widest networks."""
    ax = ax or plt.gca()
    times = arrays["times"][1:]
    for at, (name, _, label) in enumerate(_PAIRS):
        style: dict[str, Any] = {"ms": 2.5} if at else _RING
        for row, line in ((0, "--"), (-1, "-")):
            mean, bars = root_mean_square(np.moveaxis(arrays[name][row], 0, -1)[1:])
            ax.errorbar(
                times, mean, bars, color=PALETTE[at], ls=line, marker=MARKERS[at], lw=0.8, elinewidth=0.6,
                label=label if row else None, **style,
            )  # fmt: skip
    widths = settings["widths"]
    ax.set(yscale="log", xlabel="time $t$", ylabel="distance of metrics")
    low, high = ax.get_ylim()
    ax.set_ylim(low / 12, high)
    ax.legend(loc="lower right", title=f"$N = {widths[0]}$ dashed, ${widths[-1]}$ solid", title_fontsize=6.5)
    return ax


def draw_drift(numbers: Mapping[str, Any], arrays: Mapping[str, np.ndarray], settings: Mapping[str, Any]) -> Figure:
    r"""Draw the kernels' changes, the distances at the end, and the distances along the flow."""
    figure, axes = plt.subplots(1, 3, figsize=(TWO_COLUMNS, 2.6), layout="constrained")
    plot_kernels(numbers, arrays, settings, axes[0])
    plot_distances(numbers, arrays, settings, axes[1])
    plot_along_flow(arrays, settings, axes[2])
    for letter, ax in zip("abc", axes, strict=True):
        panel_label(ax, letter)
    return figure


def save_drift(
    numbers: Mapping[str, Any], arrays: Mapping[str, np.ndarray], settings: Mapping[str, Any], stem: Path
) -> None:
    r"""Write the figure as `stem`.pdf and `stem`.png."""
    with publication():
        save_figure(draw_drift(numbers, arrays, settings), stem)
