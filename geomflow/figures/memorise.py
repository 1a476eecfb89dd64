r"""The memorise figure: spectra, rates, their drift, their scatter at finite width, training points, and a contrast."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from geomflow.figures.style import MARKERS, PALETTE, TWO_COLUMNS, panel_label, publication, save_figure

_KERNELS = {
    "periodic cos-net, last layer": "periodic cos-net",
    "embedded cos-net, last layer": "cos-net, last layer",
    "embedded cos-net, all layers": "cos-net, all layers",
    "erf, NTK": "erf, NTK",
    "ReLU, NTK": "ReLU, NTK",
    "ReLU, NNGP": "ReLU, NNGP",
}
_SMALLEST = 1e-12


def plot_spectra(numbers: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    r"""Draw λ_k/λ_0 on the circle: markers from the kernel, lines from the closed form where there is one."""
    ax = ax or plt.gca()
    for color, marker, study in zip(PALETTE, MARKERS, numbers["spectrum"]["circle"], strict=False):
        values = np.array(study["eigenvalues"])
        k = np.arange(len(values))
        seen = values > _SMALLEST * values[0]
        label = _KERNELS.get(study["name"], study["name"])
        line = "none" if study["closed"] else ":"
        ax.plot(k[seen], values[seen] / values[0], marker, ls=line, lw=0.6, color=color, ms=2.8, label=label)
        if study["closed"]:
            closed = np.array(study["closed"])
            ax.plot(k[seen], closed[seen] / closed[0], color=color, lw=0.9)
    ax.set(yscale="log", xlabel="wave number $k$", ylabel=r"eigenvalue $\lambda_k/\lambda_0$", ylim=(_SMALLEST, 1e6))
    ax.legend(loc="upper left", ncol=2, labelspacing=0.2, handletextpad=0.3, columnspacing=0.6, handlelength=1.2)
    return ax


def plot_rates(arrays: Mapping[str, np.ndarray], ax: Axes | None = None) -> Axes:
    r"""Draw |c_k(t)|/|c_k(0)| of an integrated flow as markers on e^{-λ_k t}."""
    ax = ax or plt.gca()
    times, amplitudes = arrays["rates.times"], arrays["rates.amplitudes"]
    waves, predicted = arrays["rates.wave_vectors"], arrays["rates.predicted"]
    fine = np.linspace(times[0], times[-1], 100)
    along = np.flatnonzero(waves[:, 0] == 0)
    colors = plt.get_cmap("viridis")(np.linspace(0, 0.9, len(along)))
    for color, at in zip(colors, along, strict=True):
        ax.plot(fine, np.exp(-predicted[0, at] * fine), color=color, lw=0.8)
        ax.plot(times, amplitudes[:, at], "o", color=color, ms=2.6, label=str(waves[at, 1]))
    ax.set(yscale="log", xlabel="time $t$", ylabel=r"$|c_k(t)|\,/\,|c_k(0)|$", ylim=(0.02, 1.4))
    ax.legend(title="$k$", loc="lower left", ncol=2, columnspacing=0.6, handletextpad=0.1, title_fontsize=7)
    return ax


def plot_settling(numbers: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    r"""Draw the rate of the constant part of g_11 on its way from 1 to 3, for every parametrisation."""
    ax = ax or plt.gca()
    shared: dict[tuple[float, ...], list[dict[str, Any]]] = {}
    for study in numbers["settling"]["studies"]:
        key = (round(study["predicted_start"], 6), round(study["predicted_late"], 6))
        shared.setdefault(key, []).append(study)
    for color, ((start, late), studies) in zip(PALETTE, shared.items(), strict=False):
        first = studies[0]
        times, rates = np.array(first["times"]), np.array(first["rates"])
        names = ", ".join(s["parametrisation"] for s in studies)
        label = "affine (all)" if first["affine"] else names
        ax.plot(times, rates, color=color, label=label)
        ax.axhline(late, color=color, lw=0.5, ls=":")
        ax.plot([0], [start], "o", color=color, ms=3, clip_on=False)
    ax.set(xlabel="time $t$", ylabel=r"rate $-\partial_t\log|g_{11} - g_{11}^*|$", xlim=(0, 1.5))
    top = max(s["predicted_late"] for s in numbers["settling"]["studies"])
    ax.set_ylim(0, 1.45 * top)
    ax.legend(loc="upper left")
    return ax


def plot_scatter(numbers: Mapping[str, Any], settings: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    r"""Draw rates of finite networks relative to N = ∞: mean, standard deviation, and shaded its prediction."""
    ax = ax or plt.gca()
    part = numbers["finite"]
    waves, infinite = np.array(part["waves"]), np.array(part["infinite"])
    means, spread, scatter = (np.array(part[key]) / infinite for key in ("means", "spread", "scatter"))
    chosen = sorted({0, len(settings["widths"]) // 2, len(settings["widths"]) - 1})
    for place, (row, color, marker) in enumerate(zip(chosen, PALETTE, MARKERS, strict=False)):
        label = f"$N = {settings['widths'][row]}$"
        x = waves + 0.16 * (place - (len(chosen) - 1) / 2)
        ax.errorbar(x, means[row], spread[row], fmt=marker, color=color, capsize=1.5, lw=0.8, ms=3, label=label)
        ax.fill_between(waves, 1 - scatter[row], 1 + scatter[row], color=color, alpha=0.13, lw=0)
    ax.axhline(1, color="0.4", lw=0.6, ls=":")
    ax.set(xlabel="wave number $k$", ylabel=r"rate $\lambda_k(N)\,/\,\lambda_k(\infty)$", ylim=(0, 3.2), xticks=waves)
    ax.legend(
        loc="upper left",
        ncol=3,
        columnspacing=0.5,
        handletextpad=0.1,
        frameon=True,
        facecolor="white",
        edgecolor="none",
    )
    return ax


def plot_points(arrays: Mapping[str, np.ndarray], settings: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    r"""Draw training and test errors against time, medians over draws of the points; the middle half is shaded."""
    ax = ax or plt.gca()
    times = arrays["generalisation.times"]
    drawn = {
        "train": ("train", PALETTE[0], "-"),
        "test": ("test", PALETTE[1], "-"),
        "noisy_test": (f"test, noise {settings['noise']:g}", PALETTE[3], "--"),
    }
    for name, (label, color, style) in drawn.items():
        low, middle, high = np.quantile(arrays[f"generalisation.{name}"], (0.25, 0.5, 0.75), axis=0)
        ax.plot(times, middle, color=color, ls=style, label=label)
        ax.fill_between(times, low, high, color=color, alpha=0.2, lw=0)
    rates = arrays["generalisation.rates"]
    for value in 1 / rates[0]:
        ax.axvline(value, ymax=0.035, color="0.3", lw=0.5)
    ax.set(xscale="log", yscale="log", xlabel="time $t$", ylabel=r"error, relative to $\|1 - g^*\|$")
    ax.set(xlim=(times[0], 1e6), ylim=(1e-6, 3))
    ax.annotate(r"$1/\lambda_k$", (0.04, 0.05), xycoords="axes fraction", fontsize=7, color="0.3")
    ax.legend(loc="upper right", bbox_to_anchor=(1.0, 0.86))
    return ax


def plot_contrast(numbers: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    r"""Draw how much of the difference of two starts is left under MSE and under a curvature flow."""
    ax = ax or plt.gca()
    part = numbers["contrast"]
    ax.plot(part["times"], part["mse"], color=PALETTE[0], label=r"MSE: $\|g - g'\|$")
    ax.plot(part["times"], part["curvature"], color=PALETTE[1], label=r"curvature: $\|g - g'\|$")
    ax.plot(part["times"], part["bend"], color=PALETTE[1], ls="--", label=r"curvature: $\|g - \langle g\rangle\|$")
    ax.set(yscale="log", xlabel="time $t$", ylabel="relative to $t = 0$", ylim=(1e-6, 100))
    ax.legend(loc="upper right")
    return ax


def draw_memorise(numbers: Mapping[str, Any], arrays: Mapping[str, np.ndarray], settings: Mapping[str, Any]) -> Figure:
    r"""Draw the whole figure, two rows of three panels; the last one is left out where the contrast was not run."""
    figure, axes = plt.subplots(2, 3, figsize=(TWO_COLUMNS, 4.3), layout="constrained")
    plot_spectra(numbers, axes[0, 0])
    plot_rates(arrays, axes[0, 1])
    plot_settling(numbers, axes[0, 2])
    plot_scatter(numbers, settings, axes[1, 0])
    plot_points(arrays, settings, axes[1, 1])
    panels = list(axes.ravel())
    if "contrast" in numbers:
        plot_contrast(numbers, axes[1, 2])
    else:
        figure.delaxes(panels.pop())
    for letter, ax in zip("abcdef", panels, strict=False):
        panel_label(ax, letter)
    return figure


def save_memorise(
    numbers: Mapping[str, Any], arrays: Mapping[str, np.ndarray], settings: Mapping[str, Any], stem: Path
) -> None:
    r"""Write the memorise figure as `stem`.pdf and `stem`.png."""
    with publication():
        save_figure(draw_memorise(numbers, arrays, settings), stem)
