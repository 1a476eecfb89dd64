r"""Phase portraits of homogeneous flows on the triangle of shapes A : B : C."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from geomflow.figures.style import PALETTE, TWO_COLUMNS, publication, save_figure
from geomflow.flows.homogeneous.portrait import FixedPoint, Portrait

# A on the left, B on the right, C on top.
_CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(3) / 2]])
#: How a fixed point is marked: filled what attracts, open what repels, half what does both.
_LOOK = {
    "sink": ("o", PALETTE[1]),
    "source": ("o", "white"),
    "saddle": ("X", PALETTE[1]),
    "centre": ("P", PALETTE[1]),
}
#: Heads of arrows keep this distance, in sides of the triangle.
_APART = 0.07
_ARROW = {"arrowstyle": "-|>", "color": PALETTE[0], "lw": 0.6, "mutation_scale": 6, "shrinkA": 0, "shrinkB": 0}
_LINES = {"attracting line": "-", "repelling line": "--"}


def on_triangle(metrics: np.ndarray) -> np.ndarray:
    r"""Return the points of the plane, shape (M, 2), of metrics (A, B, C), shape (M, 3): barycentric coordinates."""
    metrics = np.atleast_2d(metrics)
    return metrics / metrics.sum(axis=1, keepdims=True) @ _CORNERS


def plot_portrait(found: Portrait, title: str = "", ax: Axes | None = None) -> Axes:
    r"""Draw orbits, their sense, the direction of the field and the fixed points."""
    ax = ax or plt.gca()
    ax.fill(*_CORNERS.T, facecolor="none", edgecolor="0.3", lw=0.8, zorder=3)
    _field(found, ax)
    heads: list[np.ndarray] = []
    for orbit in found.orbits:
        points = on_triangle(orbit)
        ax.plot(*points.T, color=PALETTE[0], lw=0.6, alpha=0.85, zorder=2)
        head = _middle(points)
        if all(np.linalg.norm(head[0] - other[0]) > _APART for other in heads):
            ax.annotate("", head[1], head[0], arrowprops=_ARROW, zorder=3)
            heads.append(head)
    for kind in _LINES:
        line = [point for point in found.fixed if point.kind == kind]
        if line:
            ax.plot(*_ordered(line).T, _LINES[kind], color=PALETTE[1], lw=1.6, zorder=4)
    for point in found.fixed:
        if point.kind in _LOOK:
            marker, face = _LOOK[point.kind]
            place = on_triangle(point.metric)[0]
            ax.plot(*place, marker, color=PALETTE[1], mfc=face, ms=5.5, mew=0.9, zorder=5)
    for name, corner, (dx, dy) in zip("ABC", _CORNERS, ((-0.04, -0.03), (0.04, -0.03), (0.0, 0.05)), strict=True):
        ax.text(corner[0] + dx, corner[1] + dy, f"${name}$", ha="center", va="center")
    ax.set_title(title, pad=9)
    ax.set(aspect="equal", xlim=(-0.08, 1.08), ylim=(-0.07, 0.95))
    ax.axis("off")
    return ax


def _field(found: Portrait, ax: Axes) -> None:
    # the direction alone: speeds differ by many decades over the triangle
    total = found.metrics.sum(axis=1, keepdims=True)
    share = found.metrics / total
    change = (found.velocities - share * found.velocities.sum(axis=1, keepdims=True)) / total @ _CORNERS
    length = np.linalg.norm(change, axis=1, keepdims=True)
    moving = length[:, 0] > 1e-9
    points, arrows = on_triangle(found.metrics)[moving], (change / np.where(length > 0, length, 1))[moving]
    style = {"scale": 34, "width": 0.004, "headwidth": 4, "color": "0.78", "pivot": "mid", "zorder": 1}
    ax.quiver(*points.T, *arrows.T, **style)


def _middle(points: np.ndarray) -> np.ndarray:
    r"""Return two neighbouring places in the middle of what is seen of an orbit, shape (2, 2)."""
    covered = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    places = 0.5 * covered[-1] + np.array([0.0, 0.01])
    return np.column_stack([np.interp(places, covered, points[:, k]) for k in (0, 1)])


def _ordered(line: list[FixedPoint]) -> np.ndarray:
    places = on_triangle(np.array([point.metric for point in line]))
    longest = np.argmax(np.ptp(places, axis=0))
    return places[np.argsort(places[:, longest])]


def _legend(portraits: Mapping[str, Portrait]) -> list[Line2D]:
    kinds = dict.fromkeys(point.kind for found in portraits.values() for point in found.fixed)
    marks = {
        kind: Line2D([], [], marker=_LOOK[kind][0], color=PALETTE[1], mfc=_LOOK[kind][1], ls="none", ms=5.5)
        for kind in kinds
        if kind in _LOOK
    }
    marks |= {kind: Line2D([], [], color=PALETTE[1], ls=_LINES[kind], lw=1.6) for kind in kinds if kind in _LINES}
    for kind, mark in marks.items():
        mark.set_label(f"{kind} of fixed points" if kind in _LINES else kind)
    return [*marks.values(), Line2D([], [], color=PALETTE[0], lw=0.8, label="orbits of Ricci flow")]


def draw_portraits(portraits: Mapping[str, Portrait]) -> Figure:
    r"""Draw portraits beside each other, by title."""
    columns = len(portraits)
    figure, axes = plt.subplots(
        1, columns, figsize=(TWO_COLUMNS, TWO_COLUMNS / columns + 0.35), layout="constrained", squeeze=False
    )
    for ax, (title, found) in zip(axes[0], portraits.items(), strict=True):
        plot_portrait(found, title, ax)
    figure.legend(handles=_legend(portraits), loc="outside lower center", ncol=4)
    return figure


def save_portraits(portraits: Mapping[str, Portrait], stem: Path) -> None:
    r"""Write the figure as `stem`.pdf and `stem`.png."""
    with publication():
        save_figure(draw_portraits(portraits), stem)
