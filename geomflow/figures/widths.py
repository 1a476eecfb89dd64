r"""The widths figure: convergence of tangent kernels, their variance, and the noise of the kernel as an operator."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from geomflow.figures.style import MARKERS, PALETTE, TWO_COLUMNS, panel_label, publication, save_figure


def _of(numbers: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {name.split(".")[1]: part for name, part in numbers.items() if name.startswith(f"{kind}.")}


def plot_convergence(numbers: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    r"""Draw the distance of Θ_N to its limit against N; lines are the derived size, dotted ones fitted N^(-1/2)."""
    ax = ax or plt.gca()
    for color, marker, (name, part) in zip(PALETTE, MARKERS, _of(numbers, "convergence").items(), strict=False):
        widths, mean = np.array(part["widths"], dtype=float), np.array(part["mean"])
        ax.errorbar(widths, mean, part["error"], fmt=marker, color=color, label=name, capsize=1.5)
        size = part.get("predicted", np.exp(np.mean(np.log(mean * np.sqrt(widths)))))
        ax.plot(widths, size / np.sqrt(widths), color=color, ls="-" if "predicted" in part else ":", lw=0.8, zorder=0)
    ax.set(xscale="log", yscale="log", xlabel="number of neurons $N$", ylabel=r"$\|\Theta_N - \Theta\|$, rms")
    ax.annotate(r"$N^{-1/2}$", (0.7, 0.72), xycoords="axes fraction", fontsize=7, color="0.4")
    ax.legend(loc="lower left")
    return ax


def plot_variance(numbers: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    r"""Draw N Var Θ_N(x, y) against the distance of the points; lines are the derived formulas, bars 2 errors."""
    ax = ax or plt.gca()
    for color, marker, (name, part) in zip(PALETTE, MARKERS, _of(numbers, "variance").items(), strict=False):
        distances, width = np.array(part["distances"]), part["width"]
        ax.errorbar(
            distances, width * np.array(part["measured"]), 2 * width * np.array(part["error"]), fmt=marker, color=color,
            label=name, capsize=1.5,
        )  # fmt: skip
        ax.plot(distances, width * np.array(part["predicted"]), color=color, lw=0.8, zorder=0)
    ax.set(yscale="log", xlabel=r"$|x - y|/\sigma$", ylabel=r"$N\,\mathrm{Var}\,\Theta_N(x, y)$")
    ax.set_ylim(bottom=ax.get_ylim()[0] / 8)
    ax.legend(loc="lower left")
    return ax


def plot_noise(numbers: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    r"""Draw the operator noise of every (σ, N, d), with 1/N added, against the cells per neuron: 3/2 times them."""
    ax = ax or plt.gca()
    reach: list[float] = []
    for color, part in zip(PALETTE, _of(numbers, "noise").values(), strict=False):
        widths = sorted(set(part["width"]))
        for marker, width in zip(MARKERS, widths, strict=False):
            at = [i for i, n in enumerate(part["width"]) if n == width]
            x, y, error = (np.array([part[key][i] for i in at]) for key in ("cells", "measured", "error"))
            ax.errorbar(
                x / width,
                y + 1 / width,
                2 * error,
                fmt=marker,
                color=color,
                capsize=1.5,
                label=rf"$d = {part['dim']}$, $N = {width}$",
            )
            reach += list(x / width)
    line = np.array([min(reach) / 1.5, max(reach) * 1.5])
    ax.plot(line, 1.5 * line, color="0.4", lw=0.8, zorder=0)
    ax.annotate(
        r"$\frac{3}{2}(L/\sqrt{2\pi}\sigma)^d/N$", (0.55, 0.42), xycoords="axes fraction", fontsize=7, color="0.3"
    )
    ax.set(xscale="log", yscale="log", xlabel=r"$(L/\sqrt{2\pi}\sigma)^d/N$", ylabel=r"$\mathrm{Var}\,(K_N1)(x) + 1/N$")
    ax.legend(loc="upper left")
    return ax


def draw_widths(numbers: Mapping[str, Any]) -> Figure:
    r"""Draw the three panels."""
    figure, panels = plt.subplots(1, 3, figsize=(TWO_COLUMNS, 2.4), layout="constrained")
    for letter, ax, draw in zip("abc", panels, (plot_convergence, plot_variance, plot_noise), strict=True):
        draw(numbers, ax)
        panel_label(ax, letter)
    return figure


def save_widths(numbers: Mapping[str, Any], stem: Path) -> None:
    r"""Write the widths figure as `stem`.pdf and `stem`.png."""
    with publication():
        save_figure(draw_widths(numbers), stem)
