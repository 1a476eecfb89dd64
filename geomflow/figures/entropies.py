r"""Entropies along a flow: each quantity against time, with the lower barrier where a theorem gives one."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from geomflow.figures.style import COLUMN, MARKERS, PALETTE, TWO_COLUMNS, panel_label
from geomflow.flows.entropies import Entropies

_IN_A_ROW = 3
_MARKERS = 12  # about as many per curve
_CONSTANT = 1e-6  # relative range of values that are one number
_GREY = "0.45"


def plot_entropies(result: Entropies, ax: Axes | None = None, names: Sequence[str] | None = None) -> Axes:
    r"""Draw quantities against time on one axis, each with its symbol.

    Args:
        result: from `geomflow.flows.entropies.along`.
        ax: where; the current axes by default.
        names: which quantities; all by default. Good values: quantities of one size, or a single one.
    """
    ax = ax or plt.gca()
    names = list(result.followed) if names is None else list(names)
    for at, name in enumerate(names):
        followed = result.followed[name]
        symbol = f"${followed.quantity.symbol}$"
        colour, marker = PALETTE[at % len(PALETTE)], MARKERS[at % len(MARKERS)]
        every = max(1, len(result.times) // _MARKERS)
        ax.plot(result.times, followed.values, color=colour, marker=marker, markevery=every, mfc="white", label=symbol)
        if followed.least is not None and np.any(followed.least < followed.values):
            ax.plot(result.times, followed.least, "--", color=_GREY, lw=0.8, label="least allowed")
        if followed.holds() is False and followed.least is not None:
            fallen = followed.values < followed.least
            ax.plot(result.times[fallen], followed.values[fallen], "x", color=PALETTE[1], ms=5, label="violated")
    ax.set_xlabel("time $t$")
    if len(names) == 1:
        ax.set_ylabel(f"${result.followed[names[0]].quantity.symbol}$")
    if len(ax.get_lines()) > 1:
        ax.legend()
    ax.margins(y=0.08)
    low, high = ax.get_ylim()
    size = max(abs(low), abs(high))
    if high - low < _CONSTANT * size:  # a constant, not the picture of its rounding errors
        ax.set_ylim(low - 0.01 * size, high + 0.01 * size)
    return ax


def draw_entropies(result: Entropies, names: Sequence[str] | None = None) -> Figure:
    r"""Draw one panel for each quantity, three in a row, with what a theorem says of it.

    Args:
        result: from `geomflow.flows.entropies.along`.
        names: which quantities; all by default.
    """
    names = list(result.followed) if names is None else list(names)
    columns = 2 if len(names) == 4 else min(len(names), _IN_A_ROW)
    rows = -(-len(names) // columns)
    width = TWO_COLUMNS if columns > 1 else COLUMN
    figure, axes = plt.subplots(rows, columns, figsize=(width, 2.1 * rows), layout="constrained", squeeze=False)
    for place, ax in enumerate(axes.flat):
        if place >= len(names):
            ax.axis("off")
            continue
        plot_entropies(result, ax, [names[place]])
        panel_label(ax, "abcdefghijklmnopqrstuvwxyz"[place])
        ax.set_title(_caption(result, names[place]), loc="right", color=_GREY, fontsize=6.5)
    return figure


def _caption(result: Entropies, name: str) -> str:
    followed = result.followed[name]
    holds = followed.holds()
    return "" if holds is None else followed.quantity.says if holds else f"refuted: {followed.quantity.says}"
