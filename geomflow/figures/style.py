r"""The look of every figure: column widths of the journals, one palette, fonts that match LaTeX."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLUMN, TWO_COLUMNS = 3.4, 7.0  # inches

# Okabe and Ito's palette: distinct for colour-blind readers and in grey.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C6D31")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")

_STYLE: dict[Any, Any] = {
    "font.family": "STIXGeneral",
    "mathtext.fontset": "stix",
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "legend.fontsize": 6.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.0,
    "lines.markersize": 3.5,
    "legend.frameon": False,
    "legend.handlelength": 1.8,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "savefig.dpi": 300,
    "pdf.fonttype": 42,
    "axes.prop_cycle": cycler(color=PALETTE),
}


@contextmanager
def publication() -> Iterator[None]:
    r"""Draw in the house style, and leave the user's settings as they were."""
    with mpl.rc_context(_STYLE):
        yield


def panel_label(ax: Axes, letter: str) -> None:
    r"""Write (a), (b), ... at the upper left outside a panel."""
    ax.set_title(f"({letter})", loc="left", fontweight="bold")


def save_figure(figure: Figure, stem: Path) -> None:
    r"""Write `stem`.pdf and `stem`.png (300 dpi) and close the figure."""
    # without a creation date the same data give the same file
    figure.savefig(stem.with_suffix(".pdf"), metadata={"CreationDate": None})
    figure.savefig(stem.with_suffix(".png"))
    plt.close(figure)
