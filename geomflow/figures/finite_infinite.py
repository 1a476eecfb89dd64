r"""The finite-infinite figure: learning curves of metric and curvature, without and with noise, and orders in N."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from geomflow.figures.style import MARKERS, PALETTE, TWO_COLUMNS, panel_label, publication, save_figure

#: What the learners are called.
LABELS = {
    "finite": "finite",
    "linearised": "linearised",
    "ntk": "infinite NTK, time t",
    "ntk-forever": "infinite NTK, t = ∞",
    "nngp": "infinite NNGP, posterior",
}
_QUANTITIES = {"train": "training error", "test": "test error", "curvature": "error of the curvature $R$"}


def _styles(settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    r"""Return learner -> style; the narrowest and the widest network stand for all widths."""
    widths = settings["widths"]
    infinite = {
        "ntk": {"color": PALETTE[0], "marker": MARKERS[0], "label": LABELS["ntk"].replace("time t", "$t$")},
        "ntk-forever": {"color": PALETTE[5], "marker": MARKERS[1], "label": r"infinite NTK, $t = \infty$"},
        "nngp": {"color": PALETTE[2], "marker": MARKERS[2], "label": LABELS["nngp"]},
    }
    finite = {
        f"finite-{width}": {"color": color, "marker": MARKERS[3], "label": f"finite, $N = {width}$"}
        for width, color in {widths[0]: PALETTE[4], widths[-1]: PALETTE[1]}.items()
    }
    linear: dict[str, Any] = {"color": "black", "marker": "x", "ls": ":", "label": f"linearised, $N = {widths[-1]}$"}
    return {**infinite, **finite, f"linearised-{widths[-1]}": linear}


def plot_learning(
    arrays: Mapping[str, np.ndarray], settings: Mapping[str, Any], case: str, quantity: str, ax: Axes | None = None
) -> Axes:
    r"""Draw an error against the number of points: mean over draws and its standard error, every learner.

    Args:
        arrays, settings: of the result.
        case: "exact" or "noisy"; `quantity`: "train", "test" or "curvature".
    """
    ax = ax or plt.gca()
    counts = np.array(settings["counts"], dtype=float)
    for place, (learner, style) in enumerate(_styles(settings).items()):
        if f"{case}.{learner}.{quantity}" not in arrays:
            continue
        values = arrays[f"{case}.{learner}.{quantity}"]
        mean, error = np.mean(values, axis=0), np.std(values, axis=0, ddof=1) / np.sqrt(len(values))
        # a little apart, so that error bars can be told from each other
        ax.errorbar(counts * 1.02 ** (place - 2.5), mean, error, capsize=1.5, elinewidth=0.6, ms=3, **style)
    ax.set(xscale="log", yscale="log", xlabel="training points $n$", ylabel=_QUANTITIES[quantity])
    ax.set_xticks(counts, [f"{n:.0f}" for n in counts])
    ax.xaxis.set_minor_locator(NullLocator())
    if quantity == "train":
        ax.set_ylim(bottom=1e-4)  # the interpolants' errors are rounding
    return ax


def plot_widths(arrays: Mapping[str, np.ndarray], settings: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    r"""Draw the distance of trained networks to the infinite one and to their own linearisation against N."""
    ax = ax or plt.gca()
    widths = np.array(settings["widths"], dtype=float)
    drawn = {"infinite": ("to infinite NTK", PALETTE[0], "o"), "linearised": ("to linearised", PALETTE[1], "s")}
    for name, (label, color, marker) in drawn.items():
        values = arrays[f"distance.{name}"][:, -1]
        mean, error = np.mean(values, axis=0), np.std(values, axis=0, ddof=1) / np.sqrt(len(values))
        ax.errorbar(widths, mean, error, fmt=marker, ls="-", color=color, capsize=1.5, ms=3, label=label)
        order = -0.5 if name == "infinite" else -1.0
        power = "-1/2" if name == "infinite" else "-1"
        ax.plot(widths, 0.6 * mean[0] * (widths / widths[0]) ** order, color="0.5", lw=0.7, ls=":")
        at = 0.6 * mean[0] * (widths[-1] / widths[0]) ** order
        ax.annotate(rf"$N^{{{power}}}$", (widths[-1], at), fontsize=7, color="0.4", ha="right", va="top")
    ax.set(xscale="log", yscale="log", xlabel="width $N$", ylabel="distance of trained networks")
    ax.set_xticks(widths, [f"{n:.0f}" for n in widths])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_ylim(bottom=0.5 * ax.get_ylim()[0])
    ax.legend(loc="lower left")
    return ax


def draw_finite_infinite(arrays: Mapping[str, np.ndarray], settings: Mapping[str, Any]) -> Figure:
    r"""Draw the whole figure: exact values above, noisy values and widths below, one legend for the learners."""
    figure, axes = plt.subplots(2, 3, figsize=(TWO_COLUMNS, 4.5), layout="constrained")
    for ax, quantity in zip(axes[0], _QUANTITIES, strict=True):
        plot_learning(arrays, settings, "exact", quantity, ax)
    for ax, quantity in zip(axes[1], ("test", "curvature"), strict=False):
        plot_learning(arrays, settings, "noisy", quantity, ax)
        ax.set_ylabel(f"{_QUANTITIES[quantity]}, noise {settings['noise']:g}")
    panels = list(axes.ravel())
    if len(settings["widths"]) > 1:
        plot_widths(arrays, settings, axes[1, 2])
    else:  # one width has no order
        figure.delaxes(panels.pop())
    for letter, ax in zip("abcdef", panels, strict=False):
        panel_label(ax, letter)
    handles, labels = axes[0, 1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncol=6, columnspacing=1.0, handletextpad=0.4)
    return figure


def save_finite_infinite(arrays: Mapping[str, np.ndarray], settings: Mapping[str, Any], stem: Path) -> None:
    r"""Write the figure as `stem`.pdf and `stem`.png."""
    with publication():
        save_figure(draw_finite_infinite(arrays, settings), stem)
