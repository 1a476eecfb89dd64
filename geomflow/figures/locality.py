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

from geomflow.figures.style import MARKERS, PALETTE, TWO_COLUMNS, panel_label, publication, save_figure
from geomflow.flows.generate import generated
from geomflow.geometry.torus import Torus

_FLOWS = {"deturck": "DeTurck", "lambda": r"$\lambda$-flow", "conformal": "exact (conformal)"}
_NETWORKS = {
    "independent": r"$d^2$ nets",
    "packed": "packed",
    "packed-orthonormal": "packed, orthonormal",
    "cholesky": r"$LL^\mathsf{T}$",
    "gram": r"$A^\mathsf{T}\!A$",
    "exp": r"$e^S$",
    "exp-framed": r"$e_0^\mathsf{T} e^S e_0$",
    "vielbein": "vielbein-framed",
}


def _slope_guide(ax: Axes, x: np.ndarray, anchor: float, order: int) -> None:
    ax.plot(x, anchor * (x / x[0]) ** order, color="0.6", lw=0.7, ls=":", zorder=0)
    middle = np.sqrt(x[0] * x[-1])
    ax.annotate(
        rf"$\sigma^{order}$", (middle, anchor * (middle / x[0]) ** order), color="0.4", fontsize=7,
        xytext=(3, -7), textcoords="offset points",
    )  # fmt: skip


def plot_convergence(numbers: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    r"""Draw E(σ) of L1: direct (filled, solid) and Richardson-extrapolated (open, dashed), one colour per flow."""
    ax = ax or plt.gca()
    lowest: dict[str, float] = {}
    for color, marker, (name, label) in zip(PALETTE, MARKERS, _FLOWS.items(), strict=False):
        if name not in numbers:
            continue
        study = numbers[name]
        ax.loglog(study["widths"], study["errors"], marker=marker, color=color, label=label)
        ax.loglog(study["widths"][1:], study["extrapolated"], marker=marker, color=color, mfc="white", ls="--")
        lowest = {
            "direct": min(lowest.get("direct", np.inf), study["errors"][0]),
            "extrapolated": min(lowest.get("extrapolated", np.inf), study["extrapolated"][0]),
        }
        widths = np.array(study["widths"])
    _slope_guide(ax, widths, 0.5 * lowest["direct"], 2)
    _slope_guide(ax, widths[1:], 0.4 * lowest["extrapolated"], 4)
    ax.plot([], [], color="0.3", ls="--", marker="o", mfc="white", label="Richardson")
    ax.set(xlabel=r"kernel width $\sigma$", ylabel=r"trajectory error $E(\sigma)$ at $t = T$")
    ax.legend(loc="lower right")
    return ax


def plot_architectures(numbers: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    r"""Draw, for each parametrisation, the distance of the network's velocity to -2(Ric + Hess f) against σ."""
    ax = ax or plt.gca()
    part = numbers["architectures"]
    widths = np.array(part["widths"])
    for i, study in enumerate(part["studies"]):
        name = study["name"]
        ricci = study["reproduces_ricci_flow"]
        ax.loglog(
            widths, study["errors"], marker=MARKERS[i], color=PALETTE[i], label=_NETWORKS.get(name, name),
            lw=1.6 if ricci else 1.0, zorder=3 if ricci else 2,
        )  # fmt: skip
        if not ricci:
            ax.axhline(study["limit"], color=PALETTE[i], lw=0.5, ls=":", zorder=0)
    best = min(part["studies"], key=lambda s: s["errors"][-1])
    _slope_guide(ax, widths, 0.6 * best["errors"][0], 2)
    ax.set(xlabel=r"kernel width $\sigma$", ylabel=r"$\|V_\sigma - V_{\rm Ricci}\|\,/\,\|V_{\rm Ricci}\|$")
    ax.set_ylim(top=30 * max(s["errors"][0] for s in part["studies"]))
    ax.legend(loc="upper center", ncol=2, columnspacing=1.0)
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
    ax.axhline(2 / (np.e * sigma**2), color="0.7", lw=0.6, ls=":")
    ax.annotate(r"$2/(e\sigma^2)$", (k[-1], 2 / (np.e * sigma**2)), ha="right", va="bottom", fontsize=7, color="0.4")
    ax.set(xlabel=r"wave number $k$", ylabel="growth rate", xlim=(0, k[-1]), ylim=(0, 1.45 * 2 / (np.e * sigma**2)))
    ax.set_title(rf"$\sigma = {sigma:g}$", loc="right")
    ax.legend(loc="upper right")
    return ax


def plot_curvature(curvature: np.ndarray, title: str, limit: float, ax: Axes | None = None) -> AxesImage:
    r"""Draw the scalar curvature on T² (on T³: of the slice x³ = 0), on a scale symmetric about zero."""
    ax = ax or plt.gca()
    plane = curvature if curvature.ndim == 2 else curvature[..., 0]
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


def _curvature(torus: Torus, g: np.ndarray) -> np.ndarray:
    packed = jnp.asarray(g)
    return np.asarray(generated("scalar_curvature", torus.dim)(packed, *torus.jets(packed))[0])


def draw_locality(numbers: Mapping[str, Any], arrays: Mapping[str, np.ndarray], torus: Torus) -> Figure:
    r"""Draw the whole figure: three panels of measurements above four maps of the scalar curvature."""
    figure = plt.figure(figsize=(TWO_COLUMNS, 4.3), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(1.35, 1))
    panels = top.subplots(1, 3)
    for letter, ax, draw in zip("abc", panels, (plot_convergence, plot_architectures, plot_growth), strict=True):
        draw(numbers, ax)
        panel_label(ax, letter)

    states, times, smeared = (arrays[f"deturck.{name}"] for name in ("states", "times", "smeared"))
    wide = numbers["deturck"]["widths"][0]
    maps = [
        (states[0], r"$t = 0$"),
        (states[len(times) // 2], rf"local, $t = {times[len(times) // 2]:g}$"),
        (states[-1], rf"local, $t = {times[-1]:g}$"),
        (smeared[0], rf"$\sigma = {wide:g}$, $t = {times[-1]:g}$"),
    ]
    fields = [_curvature(torus, g) for g, _ in maps]
    limit = float(np.max(np.abs(fields[0])))
    axes = bottom.subplots(1, 4, sharey=True)
    for ax, field, (_, title) in zip(axes, fields, maps, strict=True):
        image = plot_curvature(field, title, limit, ax)
        ax.set_xlabel("$x$")
    axes[0].set_ylabel("$y$")
    panel_label(axes[0], "d")
    bottom.colorbar(image, ax=axes, label="scalar curvature $R$", shrink=0.85, pad=0.01)
    return figure


def save_locality(numbers: Mapping[str, Any], arrays: Mapping[str, np.ndarray], torus: Torus, stem: Path) -> None:
    r"""Write the locality figure as `stem`.pdf and `stem`.png."""
    with publication():
        save_figure(draw_locality(numbers, arrays, torus), stem)
