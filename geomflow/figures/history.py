r"""A flow against time: curvature up to a singularity, and whatever else was watched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from geomflow.figures.style import PALETTE, TWO_COLUMNS, panel_label, publication, save_figure

#: A quantity of one sign that changes by more than this factor is drawn on a logarithmic scale.
_RANGE = 30.0


def plot_quantity(
    times: Float[np.ndarray, " S"], values: Float[np.ndarray, " S"], label: str, ax: Axes | None = None
) -> Axes:
    r"""Draw one number against time; logarithmic where it keeps its sign and spans more than a decade and a half."""
    ax = ax or plt.gca()
    ax.plot(times, values, color=PALETTE[0])
    size = np.abs(values)
    if np.all(np.sign(values) == np.sign(values[0])) and np.max(size) > _RANGE * np.min(size) > 0:
        ax.set_yscale("log" if values[0] > 0 else "symlog")
    ax.set(xlabel="$t$", ylabel=label)
    return ax


def plot_blow_up(
    times: Float[np.ndarray, " S"],
    curvature: Float[np.ndarray, " S"],
    extinction: float,
    constant: float,
    ax: Axes | None = None,
) -> Axes:
    r"""Draw (T - t) max|Rm| against T - t: it tends to a constant at a singularity of type I.

    Args:
        times, curvature: what was watched.
        extinction: T.
        constant: the limit that was found, drawn as a line.
    """
    ax = ax or plt.gca()
    left = extinction - times
    shown = left > 0
    ax.plot(left[shown], left[shown] * curvature[shown], color=PALETTE[1])
    ax.axhline(constant, color="0.4", lw=0.8, ls=":", zorder=0)
    place = {"xycoords": ("axes fraction", "data"), "va": "bottom", "fontsize": 7, "color": "0.3"}
    ax.annotate(f"{constant:.4g}", (0.03, constant), **place)  # pyright: ignore[reportArgumentType]
    ax.set(xscale="log", xlabel="$T - t$", ylabel=r"$(T - t)\,\max|\mathrm{Rm}|$")
    ax.invert_xaxis()
    return ax


def draw_history(
    times: Float[np.ndarray, " S"],
    values: Mapping[str, Float[np.ndarray, " S"]],
    labels: Mapping[str, str] | None = None,
    blow_up: Sequence[float] | None = None,
) -> Figure:
    r"""Draw every quantity in a panel of its own, and the rate of blow-up where there is one.

    Args:
        times: S times.
        values: name -> S numbers, one or more quantities; "Rm_max" is the curvature of the blow-up.
        labels: how names are written, where not as they are.
        blow_up: (T, limit of (T - t) max|Rm|), if the flow becomes singular.
    """
    labels = labels or {}
    panels = len(values) + (blow_up is not None)
    columns = min(3, panels)
    rows = -(-panels // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(TWO_COLUMNS * columns / 3, 1.9 * rows), squeeze=False, layout="constrained"
    )
    places = list(axes.flat)
    for ax in places[panels:]:
        ax.set_axis_off()
    for ax, (name, value) in zip(places, values.items()):
        plot_quantity(times, value, labels.get(name, name.replace("_", " ")), ax)
    if blow_up is not None:
        plot_blow_up(times, values["Rm_max"], *blow_up, ax=places[panels - 1])
    for letter, ax in zip("abcdefghijklmnopqrstuvwxyz", places[:panels]):
        panel_label(ax, letter)
    return figure


def save_history(
    stem: Path,
    times: Float[np.ndarray, " S"],
    values: Mapping[str, Float[np.ndarray, " S"]],
    labels: Mapping[str, str] | None = None,
    blow_up: Sequence[float] | None = None,
) -> None:
    r"""Write `draw_history` as `stem`.pdf and `stem`.png."""
    with publication():
        save_figure(draw_history(times, values, labels, blow_up), stem)
