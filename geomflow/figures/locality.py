r"""The locality figure: convergence, velocity error per parametrisation, growth rates, curvature snapshots."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import NullLocator

from geomflow.figures.style import MARKERS, PALETTE, TWO_COLUMNS, panel_label, publication, save_figure
from geomflow.flows.torus.generate import generated
from geomflow.geometry.torus import Torus

_FLOWS = {"deturck": "DeTurck", "lambda": r"$\lambda$-flow", "conformal": "exact solution"}
_NETWORKS = {
    "independent": r"$d^2$ networks",
    "packed": "packed",
    "packed-orthonormal": "orthonormal",
    "cholesky": r"$LL^\mathsf{T}$",
    "gram": r"$A^\mathsf{T}\!A$",
    "exp": r"$e^S$",
    "exp-framed": r"$e_0^\mathsf{T} e^S e_0$",
    "vielbein": "vielbein",
}
# Some parametrisations share a local limit: the second of a pair is drawn open and dashed over the first.
_OVER = ("packed-orthonormal", "exp-framed")
_OVER_STYLE: dict[str, Any] = {"mfc": "none", "mew": 0.8, "ls": "--", "ms": 6.0, "zorder": 4}


# The difference of two curvature maps is drawn this many times larger, on the same colour scale.
MAGNIFIED = 4


def _slope_guide(ax: Axes, widths: np.ndarray, anchor: float, order: int) -> None:
    r"""Draw a dotted line of slope `order` through (largest width, anchor), labelled at its smallest width."""
    line = anchor * (widths / widths[0]) ** order
    ax.plot(widths, line, color="0.55", lw=0.8, ls=":", zorder=0)
    ax.annotate(
        rf"$\sigma^{order}$", (widths[-1], line[-1]), color="0.4", fontsize=7, ha="center", va="top",
        xytext=(0, -2), textcoords="offset points",
    )  # fmt: skip


def _width_axis(ax: Axes, widths: np.ndarray) -> None:
    r"""Label the logarithmic axis at the widths that were run, and nowhere else."""
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xticks(widths, [f"{s:g}" for s in widths])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlim(widths[-1] / 1.25, widths[0] * 1.25)
    ax.set_xlabel(r"kernel width $\sigma$")


def plot_convergence(numbers: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    r"""Draw E(σ) of L1: direct (filled, solid) and Richardson-extrapolated (open, dashed), one colour per flow."""
    ax = ax or plt.gca()
    studies = {name: numbers[name] for name in _FLOWS if name in numbers and numbers[name]["errors"]}
    for color, marker, (name, study) in zip(PALETTE, MARKERS, studies.items(), strict=False):
        ax.plot(study["widths"], study["errors"], marker=marker, color=color, label=_FLOWS[name])
        ax.plot(study["widths"][1:], study["extrapolated"], marker=marker, color=color, mfc="white", ls="--")
    ax.plot([], [], color="0.3", ls="--", marker="o", mfc="white", label="Richardson")
    widths = np.array(next(iter(studies.values()))["widths"])
    _slope_guide(ax, widths, 0.45 * min(s["errors"][0] for s in studies.values()), 2)
    first = [s["extrapolated"][0] for s in studies.values() if s["extrapolated"]]
    if first:
        _slope_guide(ax, widths[1:], 0.3 * min(first), 4)
    _width_axis(ax, widths)
    ax.set_ylabel(r"trajectory error $E(\sigma)$ at $t = T$")
    ax.set_ylim(bottom=ax.get_ylim()[0] / 2)
    ax.legend(loc="lower right")
    return ax


def plot_architectures(numbers: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    r"""Draw, for each parametrisation, the distance of the network's velocity to -2(Ric + Hess f) against σ.

    Dotted levels are the distances of the local limits, σ = 0.
    """
    ax = ax or plt.gca()
    part = numbers["architectures"]
    widths = np.array(part["widths"])
    for marker, color, study in zip(MARKERS, PALETTE, part["studies"], strict=False):
        name, ricci = study["name"], study["reproduces_ricci_flow"]
        over: dict[str, Any] = _OVER_STYLE if name in _OVER else {"zorder": 3}
        ax.plot(
            widths, study["errors"], marker=marker, color=color, lw=1.6 if ricci else 0.9,
            label=_NETWORKS.get(name, name), **over,
        )  # fmt: skip
        if not ricci:
            ax.axhline(study["limit"], color=color, lw=0.5, ls=":", zorder=0)
    best = min(part["studies"], key=lambda s: s["errors"][-1])
    _slope_guide(ax, widths, 0.45 * best["errors"][0], 2)
    _width_axis(ax, widths)
    ax.set_ylabel(r"$\|V_\sigma - V_{\rm Ricci}\|\,/\,\|V_{\rm Ricci}\|$")
    highest = max(max(s["errors"]) for s in part["studies"])
    ax.set_ylim(0.12 * best["errors"][-1], 100 * highest)
    ax.legend(loc="upper center", ncol=2, columnspacing=0.8, handlelength=1.6, handletextpad=0.4, borderaxespad=0.2)
    return ax


def plot_growth(numbers: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    r"""Draw measured growth rates of longitudinal modes on k² e^{-σ²k²/2}; dashed, the ill-posed k² of σ = 0."""
    ax = ax or plt.gca()
    part = numbers["growth"]
    sigma, modes = part["sigma"], np.array(part["modes"])
    k = np.linspace(0, modes[-1] + 0.5, 300)
    ax.plot(k, k**2, color="0.5", ls="--", label=r"no kernel: $k^2$")
    ax.plot(k, k**2 * np.exp(-(sigma**2) * k**2 / 2), color=PALETTE[0], label=r"$k^2 e^{-\sigma^2k^2/2}$")
    ax.plot(modes, part["measured"], "o", color=PALETTE[1], ms=4, label="measured")
    fastest = 2 / (np.e * sigma**2)
    ax.axhline(fastest, color="0.7", lw=0.6, ls=":")
    ax.annotate(r"$2/(e\sigma^2)$", (0.98 * k[-1], fastest), ha="right", va="top", fontsize=7, color="0.4")
    ax.set(
        xlabel=r"wave number $k$",
        ylabel="growth rate",
        xlim=(0, k[-1]),
        xticks=range(0, int(modes[-1]) + 1, 2),
        ylim=(0, 1.45 * fastest),
    )
    ax.text(0.97, 0.55, rf"$\sigma = {sigma:g}$", transform=ax.transAxes, ha="right", fontsize=7)
    ax.legend(loc="upper right")
    return ax


def plot_curvature(curvature: np.ndarray, title: str, limit: float, ax: Axes | None = None) -> AxesImage:
    r"""Draw the scalar curvature on T² (on T³: of the slice x³ = 0), on a scale symmetric about zero."""
    ax = ax or plt.gca()
    plane = _plane(curvature)
    # close the torus, so that the picture ends where it began
    closed = np.pad(plane, ((0, 1), (0, 1)), mode="wrap")
    image = ax.imshow(
        closed.T, origin="lower", extent=(0, 2 * np.pi, 0, 2 * np.pi), cmap="RdBu_r", vmin=-limit, vmax=limit,
        interpolation="bicubic",
    )  # fmt: skip
    ax.set_title(title)
    ax.set_xticks([0, np.pi, 2 * np.pi], ["0", r"$\pi$", r"$2\pi$"])
    ax.set_yticks([0, np.pi, 2 * np.pi], ["0", r"$\pi$", r"$2\pi$"])
    return image


def _plane(field: np.ndarray) -> np.ndarray:
    return field if field.ndim == 2 else field[..., 0]


def _curvature(torus: Torus, g: np.ndarray) -> np.ndarray:
    packed = jnp.asarray(g)
    return np.asarray(torus.pointwise(generated("scalar_curvature", torus.dim), packed, *torus.jets(packed))[0])


def draw_locality(numbers: Mapping[str, Any], arrays: Mapping[str, np.ndarray], torus: Torus) -> Figure:
    r"""Draw the whole figure: three panels of measurements above four maps of the scalar curvature."""
    figure = plt.figure(figsize=(TWO_COLUMNS, 4.4), layout="constrained")
    halves: Any = figure.subfigures(2, 1, height_ratios=(1.4, 1))
    top, bottom = halves
    panels = top.subplots(1, 3)
    for letter, ax, draw in zip("abc", panels, (plot_convergence, plot_architectures, plot_growth), strict=True):
        draw(numbers, ax)
        panel_label(ax, letter)

    states, times, smeared = (arrays[f"deturck.{name}"] for name in ("states", "times", "smeared"))
    start, local, network = (_curvature(torus, g) for g in (states[0], states[-1], smeared[0]))
    widest, end = numbers["deturck"]["widths"][0], f"t = {times[-1]:g}"
    maps = [
        (start, "$t = 0$"),
        (local, f"local, ${end}$"),
        (network, rf"$\sigma = {widest:g}$, ${end}$"),
        (MAGNIFIED * (network - local), rf"difference $\times\,{MAGNIFIED}$"),
    ]
    limit = float(np.max(np.abs(_plane(start))))
    axes = bottom.subplots(1, 4, sharey=True)
    image = None
    for ax, (field, title) in zip(axes, maps, strict=True):
        image = plot_curvature(field, title, limit, ax)
        ax.set_xlabel("$x$")
    axes[0].set_ylabel("$y$")
    panel_label(axes[0], "d")
    assert image is not None
    bottom.colorbar(image, ax=axes, label="scalar curvature $R$", shrink=0.85, pad=0.01)
    return figure


def save_locality(numbers: Mapping[str, Any], arrays: Mapping[str, np.ndarray], torus: Torus, stem: Path) -> None:
    r"""Write the locality figure as `stem`.pdf and `stem`.png."""
    with publication():
        save_figure(draw_locality(numbers, arrays, torus), stem)
