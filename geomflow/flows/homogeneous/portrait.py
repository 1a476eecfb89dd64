r"""The phase portrait of a homogeneous flow: what happens to the shape of A, B, C while the volume is kept.

    (p, q) = (log A/C, log B/C),    dp/ds = A'/A - C'/C,  dq/ds = B'/B - C'/C  at volume 1

The orbits are those of Ricci flow itself, which differs by scale and time alone. Fixed points are the Einstein and flat
metrics, and are classified by the eigenvalues of the linearised flow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from geomflow.core.errors import ArgumentError
from geomflow.flows.homogeneous.diagonal import DiagonalFlow
from geomflow.flows.solve import integrate_many
from geomflow.symbolic.charts.lie_groups import LieAlgebra

#: |p| and |q| up to which orbits are followed: beyond, one axis is a thousand times another.
EXTENT = 7.0
# The lines A = C, B = C, A = B as linear forms in (p, q). Where one is kept by the flow, orbits on it are cut when
# rounding has carried them this far away: the past of an attracting line is unstable.
_SYMMETRIES, _STRAYED = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, -1.0]]), 1e-3
# Newton's iterations, and the speed and the eigenvalue that count as zero (the flow has rates of order one).
_NEWTON, _ZERO = 60, 1e-7


class Shapes(eqx.Module):
    r"""The flow of shapes (p, q) of diagonal metrics in dimension three."""

    flow: DiagonalFlow

    def __init__(self, algebra: str | LieAlgebra):
        self.flow = DiagonalFlow(algebra, normalised=True)
        if self.flow.dim != 3:
            raise ArgumentError(f"A portrait needs a group of dimension three, but this one has {self.flow.dim}.")

    def metric(self, shape: Float[Array, " 2"]) -> Float[Array, " 3"]:
        r"""Return (A, B, C) of volume 1."""
        logs = jnp.append(shape, 0.0)
        return jnp.exp(logs - jnp.mean(logs))

    def velocity(self, shape: Float[Array, " 2"]) -> Float[Array, " 2"]:
        r"""Return d(p, q)/ds."""
        metric = self.metric(shape)
        rates = self.flow(0.0, metric) / metric
        return rates[:2] - rates[2]

    def __call__(self, t: Any, shape: Float[Array, " 2"]) -> Float[Array, " 2"]:
        r"""Return the velocity with its length bounded by one: the same orbits, never stiff."""
        velocity = self.velocity(shape)
        return velocity / jnp.sqrt(1 + jnp.sum(velocity**2))


class Inside(eqx.Module):
    r"""Positive while |p|, |q| and |p - q| are below `EXTENT`."""

    extent: Array

    def __call__(self, shape: Float[Array, " 2"]) -> Float[Array, ""]:
        r"""Return extent minus the largest."""
        p, q = shape
        return self.extent - jnp.max(jnp.abs(jnp.stack([p, q, p - q])))


@dataclass(frozen=True)
class FixedPoint:
    r"""A shape that the flow keeps.

    Attributes:
        metric: (A, B, C) of volume 1.
        eigenvalues: of the linearised flow of shapes at volume 1, real parts ascending.
        kind: "sink", "source", "saddle", "centre", or, where an eigenvalue is zero, "attracting line", "repelling line"
            or "every metric".
    """

    metric: np.ndarray
    eigenvalues: np.ndarray
    kind: str


@dataclass(frozen=True)
class Portrait:
    r"""What `portrait` found.

    Attributes:
        orbits: (A, B, C) along each orbit in the sense of the flow, shape (points, 3), of volume 1.
        fixed: the fixed points.
        metrics, velocities: the field: shape (M, 3) each, velocities d(A, B, C)/ds at volume 1.
    """

    orbits: tuple[np.ndarray, ...]
    fixed: tuple[FixedPoint, ...]
    metrics: np.ndarray
    velocities: np.ndarray


def portrait(algebra: str | LieAlgebra, *, divisions: int = 7) -> Portrait:
    r"""Return orbits through a lattice of shapes, forward and backward, the fixed points, and the field.

    Args:
        algebra: as for `DiagonalFlow`, of dimension three.
        divisions: how finely the triangle A + B + C = 1 is divided: orbits start in the middle of its small triangles.

    Raises:
        ArgumentError: another dimension, or diagonal metrics do not stay diagonal.

    Good values: `portrait("su2")`: one fixed point, the round metric, a sink.
    """
    shapes = Shapes(algebra)
    starts = _log_ratios(barycentres(divisions))
    forward, backward = (_followed(shapes, starts, way * 4 * EXTENT) for way in (1, -1))
    joined = [np.concatenate([past[:0:-1], future]) for past, future in zip(backward, forward, strict=True)]
    lattice = barycentres(2 * divisions)
    lattice = lattice / np.prod(lattice, axis=1, keepdims=True) ** (1 / 3)
    return Portrait(
        orbits=tuple(_metrics(orbit) for orbit in joined),
        fixed=fixed_points(shapes, starts),
        metrics=lattice,
        velocities=np.asarray(_velocities(shapes.flow, jnp.asarray(lattice))),
    )


def barycentres(divisions: int) -> np.ndarray:
    r"""Return the middles of the small triangles of a triangle whose sides are divided, barycentric, shape (M, 3)."""
    i, j = np.meshgrid(np.arange(divisions), np.arange(divisions), indexing="ij")
    upright, inverted = i + j < divisions, i + j < divisions - 1
    points = [
        np.stack([i[mask] + part, j[mask] + part], axis=-1) for mask, part in ((upright, 1 / 3), (inverted, 2 / 3))
    ]
    first = np.concatenate(points) / divisions
    return np.column_stack([first, 1 - first.sum(axis=1)])


def fixed_points(shapes: Shapes, starts: np.ndarray) -> tuple[FixedPoint, ...]:
    r"""Return the fixed points that Newton's method finds from given shapes, each once, classified."""

    ends, speeds = (np.asarray(array) for array in _search(shapes, jnp.asarray(starts)))
    found: list[np.ndarray] = []
    for shape, speed in zip(ends, speeds, strict=True):
        if (
            _spread(shape[None])[0] < EXTENT
            and speed < _ZERO
            and all(np.linalg.norm(shape - other) > 1e-3 for other in found)
        ):
            found.append(shape)
    return tuple(_classified(shape, np.asarray(_linearised(shapes, jnp.asarray(shape)))) for shape in found)


@eqx.filter_jit
def _search(shapes: Shapes, starts: Array) -> tuple[Array, Array]:
    def improved(shape: Array) -> Array:
        # least squares: on a line of fixed points the matrix is singular
        step = jnp.linalg.pinv(jax.jacfwd(shapes.velocity)(shape), rtol=1e-9) @ shapes.velocity(shape)
        return shape - step / jnp.maximum(1.0, jnp.linalg.norm(step))

    ends = jax.vmap(lambda x: jax.lax.fori_loop(0, _NEWTON, lambda _, y: improved(y), x))(starts)
    return ends, jax.vmap(lambda x: jnp.linalg.norm(shapes.velocity(x)))(ends)


@eqx.filter_jit
def _linearised(shapes: Shapes, shape: Array) -> Array:
    return jax.jacfwd(shapes.velocity)(shape)


@eqx.filter_jit
def _velocities(flow: DiagonalFlow, metrics: Array) -> Array:
    return jax.vmap(lambda g: flow(0.0, g))(metrics)


def _classified(shape: np.ndarray, matrix: np.ndarray) -> FixedPoint:
    eigenvalues = np.linalg.eigvals(matrix)
    eigenvalues = eigenvalues[np.argsort(eigenvalues.real)]
    real = np.where(np.abs(eigenvalues.real) < _ZERO, 0.0, eigenvalues.real)
    kinds = {
        (-1, -1): "sink",
        (1, 1): "source",
        (-1, 1): "saddle",
        (-1, 0): "attracting line",
        (0, 1): "repelling line",
    }
    flat = "every metric" if np.max(np.abs(eigenvalues)) < _ZERO else "centre"
    kind = kinds.get((int(np.sign(real[0])), int(np.sign(real[1]))), flat)
    return FixedPoint(_metrics(shape[None])[0], eigenvalues, kind)


def _metrics(shapes: np.ndarray) -> np.ndarray:
    logs = np.column_stack([shapes, np.zeros(len(shapes))])
    return np.exp(logs - logs.mean(axis=1, keepdims=True))


def _log_ratios(metrics: np.ndarray) -> np.ndarray:
    return np.log(metrics[:, :2] / metrics[:, 2:])


def _followed(shapes: Shapes, starts: np.ndarray, end: float) -> list[np.ndarray]:
    count = len(starts)
    members = jax.tree.map(
        lambda leaf: jnp.broadcast_to(leaf, (count, *leaf.shape)) if eqx.is_array(leaf) else leaf, shapes
    )
    stops = {"the shape leaves the figure": Inside(jnp.full(count, EXTENT))}
    times = np.linspace(0.0, end, round(8 * abs(end)))
    solutions = integrate_many(members, jnp.asarray(starts), times, stops=stops, rtol=1e-7, atol=1e-9)
    metrics = _metrics(starts)
    rates = np.asarray(_velocities(shapes.flow, jnp.asarray(metrics))) / metrics
    kept = (np.abs(starts @ _SYMMETRIES) < 1e-12) & (np.abs((rates[:, :2] - rates[:, 2:]) @ _SYMMETRIES) < 1e-12)
    orbits = []
    for solution, lines in zip(solutions, kept, strict=True):
        # a member ends with the step that leaves the figure
        outside = _spread(solution.states) > EXTENT
        strayed = np.any(np.abs(solution.states @ _SYMMETRIES)[:, lines] > _STRAYED, axis=1)
        orbits.append(solution.states[np.cumsum(outside | strayed) == 0])
    return orbits


def _spread(shapes: np.ndarray) -> np.ndarray:
    return np.max(np.abs([shapes[:, 0], shapes[:, 1], shapes[:, 0] - shapes[:, 1]]), axis=0)
