r"""The (N, σ) plane: distance of a finite network's flow to Ricci flow, with the frontier and its two scalings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator

from geomflow.compare.scaling import root_mean_square
from geomflow.figures.style import MARKERS, PALETTE, TWO_COLUMNS, panel_label, publication, save_figure


def _edges(values: np.ndarray) -> np.ndarray:
    r"""Edges of cells about a ladder, in the middle of neighbours on the logarithmic scale."""
    log = np.log(values)
    middle = (log[1:] + log[:-1]) / 2
    return np.exp(np.concatenate([[2 * log[0] - middle[0]], middle, [2 * log[-1] - middle[-1]]]))


def plot_plane(
    numbers: Mapping[str, Any], arrays: Mapping[str, np.ndarray], settings: Mapping[str, Any], ax: Axes | None = None
) -> QuadMesh:
    r"""Draw the distance as a heat map, the frontier N p_0 = 1, and the best σ of every N."""
    ax = ax or plt.gca()
    widths, sigmas = np.array(settings["widths"], dtype=float), np.array(settings["sigmas"])
    total, _ = root_mean_square(arrays["total"])
    image = ax.pcolormesh(_edges(widths), _edges(sigmas), total, norm=LogNorm(), cmap="viridis_r", rasterized=True)
    still = numbers["still"]
    levels = ax.contour(
        widths, sigmas, total, levels=[0.5 * still, still], colors="white", linewidths=0.7, linestyles=["--", "-"]
    )
    ax.clabel(levels, fmt={0.5 * still: "half", still: "no flow"}, fontsize=5.5, inline_spacing=0)
    dim = settings["dim"]
    edges = _edges(sigmas)
    fine = np.geomspace(edges[0], edges[-1], 100)
    ax.plot((np.sqrt(2 * np.pi) / fine) ** dim, fine, color=PALETTE[1], lw=1.4, label=r"$N = (L/\sqrt{2\pi}\sigma)^d$")
    best = [row for row in numbers["best"] if row["interior"]]
    ax.plot(
        [row["width"] for row in best], [row["sigma"] for row in best], "o", color="black", mfc="white", ms=3.2,
        label=r"best $\sigma$",
    )  # fmt: skip
    _optimum(numbers, settings, ax)
    ax.set(xscale="log", yscale="log", xlabel="number of neurons $N$", ylabel=r"kernel width $\sigma$")
    ax.set_xlim(*_edges(widths)[[0, -1]])
    ax.set_ylim(*sorted(_edges(sigmas)[[0, -1]]))
    ax.set_yticks(sigmas, [f"{s:g}" for s in sigmas])
    ax.yaxis.set_minor_locator(NullLocator())
    ax.tick_params(which="both", top=False, right=False)
    return image


def _optimum(numbers: Mapping[str, Any], settings: Mapping[str, Any], ax: Axes) -> None:
    r"""Draw where bias² + A²/N is least, from the measured bias and the predicted noise."""
    widths = np.geomspace(settings["widths"][0], settings["widths"][-1], 60)
    log = np.log(np.array(settings["sigmas"]))[::-1]
    fine = np.linspace(log[0], log[-1], 400)
    bias = np.interp(fine, log, np.log(numbers["bias"])[::-1])
    noise = np.interp(fine, log, np.log(numbers["predicted"])[::-1])
    predicted = np.exp(2 * bias)[:, None] + np.exp(2 * noise)[:, None] / widths
    at = np.argmin(predicted, axis=0)
    inside = (at > 0) & (at < len(fine) - 1)
    ax.plot(widths[inside], np.exp(fine[at[inside]]), color="black", lw=0.8, ls=":", label=r"least $B^2 + A^2/N$")


def plot_slices(
    numbers: Mapping[str, Any], arrays: Mapping[str, np.ndarray], settings: Mapping[str, Any], ax: Axes | None = None
) -> Axes:
    r"""Draw the distance against N at several σ on the prediction √(B² + A²/N); bars are standard errors."""
    ax = ax or plt.gca()
    widths, sigmas = np.array(settings["widths"], dtype=float), np.array(settings["sigmas"])
    rows = sorted({0, len(sigmas) // 3, 2 * len(sigmas) // 3, len(sigmas) - 1})
    fine = np.geomspace(widths[0], widths[-1], 100)
    for color, marker, row in zip(PALETTE, MARKERS, rows, strict=False):
        mean, bars = root_mean_square(arrays["total"][row])
        ax.errorbar(widths, mean, bars, fmt=marker, color=color, elinewidth=0.7, label=rf"$\sigma = {sigmas[row]:g}$")
        predicted = np.sqrt(numbers["bias"][row] ** 2 + numbers["predicted"][row] ** 2 / fine)
        ax.plot(fine, predicted, color=color, lw=0.8)
    ax.axhline(numbers["still"], color="0.5", lw=0.6, ls="--")
    ax.annotate("no flow at all", (widths[-1], numbers["still"]), ha="right", va="bottom", fontsize=6.5, color="0.35")
    ax.set(xscale="log", yscale="log", xlabel="number of neurons $N$", ylabel="distance to Ricci flow")
    low = 0.5 * min(numbers["bias"])
    ax.set_ylim(low, 5 * max(1.0, numbers["still"]))
    ax.legend(loc="lower left", handletextpad=0.2, borderaxespad=0.3)
    return ax


def plot_noise(
    numbers: Mapping[str, Any], arrays: Mapping[str, np.ndarray], settings: Mapping[str, Any], ax: Axes | None = None
) -> Axes:
    r"""Draw the noise in units of its prediction A/√N against the neurons per mode, N p_0, for every σ.

    The band is the typical standard error of one cell.
    """
    ax = ax or plt.gca()
    widths, sigmas = np.array(settings["widths"], dtype=float), np.array(settings["sigmas"])
    mean, bars = root_mean_square(arrays["noise"])
    noise = mean * np.sqrt(widths) / np.array(numbers["predicted"])[:, None]
    bar = np.sqrt(np.nanmean((bars / mean) ** 2))
    ax.axhspan(1 - bar, 1 + bar, color="0.9", lw=0, zorder=0)
    colors = plt.get_cmap("viridis_r")(np.linspace(0.12, 1, len(sigmas)))
    for row, sigma in enumerate(sigmas):
        ax.plot(
            widths * numbers["weights"][row], noise[row], marker=MARKERS[row % len(MARKERS)], color=colors[row],
            ls="none", ms=2.6, label=f"{sigma:g}",
        )  # fmt: skip
    ax.axhline(1.0, color="0.3", lw=0.7, ls=":", zorder=0)
    ax.axvline(1.0, color=PALETTE[1], lw=1.2, zorder=0)
    ax.set(xscale="log", xlabel=r"neurons per mode $N p_0$", ylabel=r"noise / predicted noise", ylim=(0, None))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.legend(title=r"$\sigma$", loc="lower right", ncol=2, columnspacing=0.8, handlelength=1.4, title_fontsize=7)
    return ax


def draw_plane(numbers: Mapping[str, Any], arrays: Mapping[str, np.ndarray], settings: Mapping[str, Any]) -> Figure:
    r"""Draw the heat map, slices of it, and the noise collapsed on the number of neurons per mode."""
    figure, axes = plt.subplots(1, 3, figsize=(TWO_COLUMNS, 2.7), layout="constrained", width_ratios=(1.25, 1, 1))
    image = plot_plane(numbers, arrays, settings, axes[0])
    figure.colorbar(image, ax=axes[0], pad=0.03)
    axes[0].set_title("distance to Ricci flow", loc="right", fontsize=7)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left", ncol=3, columnspacing=1.2)
    plot_slices(numbers, arrays, settings, axes[1])
    plot_noise(numbers, arrays, settings, axes[2])
    for letter, ax in zip("abc", axes, strict=True):
        panel_label(ax, letter)
    return figure


def save_plane(
    numbers: Mapping[str, Any], arrays: Mapping[str, np.ndarray], settings: Mapping[str, Any], stem: Path
) -> None:
    r"""Write the figure as `stem`.pdf and `stem`.png."""
    with publication():
        save_figure(draw_plane(numbers, arrays, settings), stem)
