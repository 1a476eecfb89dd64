r"""Pictures of geometries: surfaces of revolution, globes and tori, coloured by their curvature.

A shape knows the box it fills and how to paint itself into axes. What is seen is computed point by point (the normal
of the surface against the light), so that a picture is as sharp as its resolution.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from scipy.interpolate import PchipInterpolator, RegularGridInterpolator

from geomflow.core.errors import ArgumentError

#: Pixels along the longer side of a shape, and where the light comes from (right, up, towards the viewer).
_PIXELS, _LIGHT = 900, np.array([0.35, 0.55, 0.76])
#: Slope |dψ/ds| beyond 1 by which a profile no longer embeds (discretised poles overshoot by less); dz/ds drawn there.
_OVER, _STEEP = 1e-3, 0.1


class Shape(ABC):
    r"""What a frame of a film shows."""

    values: Float[np.ndarray, "*samples"]

    @property
    @abstractmethod
    def box(self) -> tuple[float, float]:
        r"""Half width and half height."""

    @abstractmethod
    def paint(self, ax: Axes, scale: ScalarMappable) -> None:
        r"""Draw the shape about the origin."""


@dataclass(frozen=True, eq=False)
class Revolution(Shape):
    r"""The metric ds² + ψ(s)² g on spheres, embedded as a hypersurface of revolution (two of its dimensions are drawn).

    z(s) = ∫ √(1 - ψ_s²) ds, which exists where |ψ_s| <= 1; parts where it does not are drawn grey, with z_s = 0.1.

    Args:
        s: arclength along the meridian, increasing, shape (n,).
        psi: radius ψ(s) >= 0, shape (n,).
        values: what colours it (a curvature), shape (n,).

    Raises:
        ArgumentError: arrays of different shapes, or s not increasing.
    """

    s: Float[np.ndarray, " n"]
    psi: Float[np.ndarray, " n"]
    values: Float[np.ndarray, " n"]

    def __post_init__(self) -> None:
        shapes = {np.shape(self.s), np.shape(self.psi), np.shape(self.values)}
        if len(shapes) != 1 or not np.all(np.diff(self.s) > 0):
            raise ArgumentError(
                f"A surface of revolution needs `s` increasing, and `psi` and `values` of its shape; found {shapes}."
            )

    def mirrored(self) -> Revolution:
        r"""Return the same surface, left and right exchanged."""
        return Revolution(self.s[-1] - self.s[::-1], self.psi[::-1], self.values[::-1])

    @property
    def slope(self) -> Float[np.ndarray, " m"]:
        r"""ψ_s between neighbouring samples."""
        return np.diff(self.psi) / np.diff(self.s)

    @property
    def height(self) -> Float[np.ndarray, " n"]:
        r"""z(s), centred."""
        rise = np.sqrt(np.clip(1 - self.slope**2, 0, None))
        rise = np.where(self.steep, _STEEP, rise) * np.diff(self.s)
        z = np.concatenate([[0.0], np.cumsum(rise)])
        return z - z[-1] / 2

    @property
    def steep(self) -> Bool[np.ndarray, " m"]:
        r"""Where |ψ_s| > 1: no hypersurface of revolution is isometric to the metric there."""
        return np.abs(self.slope) > 1 + _OVER

    @property
    def box(self) -> tuple[float, float]:
        r"""Half the length of the embedding, and its largest radius."""
        return float(self.height[-1]), float(np.max(self.psi))

    def paint(self, ax: Axes, scale: ScalarMappable) -> None:
        r"""Draw it with its axis horizontal."""
        # where the meridian runs straight up, z stands still: a strictly increasing copy serves as the variable
        z = self.height + 1e-9 * self.s
        width, height = float(z[-1]), float(np.max(self.psi))
        across = max(2, int(_PIXELS * min(1.0, width / max(width, height))))
        up = max(2, int(_PIXELS * min(1.0, height / max(width, height))))
        x, y = np.linspace(z[0], z[-1], across), np.linspace(-height, height, up)
        radius = PchipInterpolator(z, self.psi)
        r, value = np.clip(radius(x), 0, None), np.interp(x, z, self.values)
        grey = np.interp(x, (z[1:] + z[:-1]) / 2, self.steep.astype(float)) > 0.5
        sine = np.clip(y[:, None] / np.where(r > 0, r, np.inf)[None, :], -1, 1)
        tilt = np.arctan(radius.derivative()(x))
        normal = np.stack(np.broadcast_arrays(-np.sin(tilt), np.cos(tilt) * sine, np.cos(tilt) * np.sqrt(1 - sine**2)))
        picture = np.broadcast_to(scale.to_rgba(value), (up, across, 4)).copy()
        picture[:, grey, :3] = 0.7
        # the thinnest neck is one pixel thick
        _show(ax, picture, normal, np.abs(y)[:, None] <= np.maximum(r, height / up), (z[0], z[-1], -height, height))


@dataclass(frozen=True, eq=False)
class Globe(Shape):
    r"""A function on the sphere, on a globe whose size shows the area of the metric.

    Args:
        latitude: polar angle θ of the rows, increasing in (0, π), shape (rows,).
        values: at (θ, φ) with φ uniform in [0, 2π), shape (rows, columns).
        radius: √(area/4π).
    """

    latitude: Float[np.ndarray, " rows"]
    values: Float[np.ndarray, "rows columns"]
    radius: float

    @property
    def box(self) -> tuple[float, float]:
        r"""The radius, twice."""
        return self.radius, self.radius

    def paint(self, ax: Axes, scale: ScalarMappable) -> None:
        r"""Draw it with the north pole up and leaning towards the viewer."""
        y, x = np.meshgrid(np.linspace(-1, 1, _PIXELS // 2), np.linspace(-1, 1, _PIXELS // 2), indexing="ij")
        inside = x**2 + y**2 <= 1
        depth = np.sqrt(np.clip(1 - x**2 - y**2, 0, None))
        lean = np.pi / 7
        north, front = np.cos(lean) * y + np.sin(lean) * depth, np.cos(lean) * depth - np.sin(lean) * y
        columns = self.values.shape[1]
        longitude = 2 * np.pi * np.arange(columns + 1) / columns
        closed = np.concatenate([self.values, self.values[:, :1]], axis=1)
        sample = RegularGridInterpolator((self.latitude, longitude), closed)
        theta = np.clip(np.arccos(np.clip(north, -1, 1)), self.latitude[0], self.latitude[-1])
        value = sample(np.stack([theta, np.arctan2(x, front) % (2 * np.pi)], axis=-1))
        r = self.radius
        _show(ax, scale.to_rgba(value), np.stack([x, y, depth]), inside, (-r, r, -r, r))


@dataclass(frozen=True, eq=False)
class Sheet(Shape):
    r"""A function on the torus, in coordinates: one fundamental domain.

    Args:
        values: on the grid, the first axis drawn to the right, shape (n, m).
    """

    values: Float[np.ndarray, "n m"]

    @property
    def box(self) -> tuple[float, float]:
        r"""Half the period, twice."""
        return np.pi, np.pi

    def paint(self, ax: Axes, scale: ScalarMappable) -> None:
        r"""Draw it flat."""
        picture = np.swapaxes(scale.to_rgba(self.values), 0, 1)
        extent = (-np.pi, np.pi, -np.pi, np.pi)
        ax.imshow(picture, extent=extent, origin="lower", interpolation="bilinear")


def _show(ax: Axes, picture: np.ndarray, normal: np.ndarray, inside: np.ndarray, extent: tuple[float, ...]) -> None:
    r"""Shade a picture by its normals, cut it out, and put it into axes."""
    light = np.clip(np.einsum("c,c...->...", _LIGHT / np.linalg.norm(_LIGHT), normal), 0, 1)
    picture[..., :3] *= (0.58 + 0.46 * light)[..., None]
    picture[..., 3] = inside
    ax.imshow(np.clip(picture, 0, 1), extent=extent, origin="lower", interpolation="antialiased")  # pyright: ignore
