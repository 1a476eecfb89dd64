r"""Quadrature on chart domains: one rule per coordinate, their products, and an integral that knows its own error.

    ∫_U f d^n x  ≈  Σ_i w_i f(x_i)

The densities are those of the coordinate measure, √g included: `lambda x: f(x) * jnp.sqrt(jnp.linalg.det(g(x)))`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, ArrayLike

from geomflow.core.card import number
from geomflow.core.errors import ArgumentError, ConvergenceError
from geomflow.core.precision import require_x64
from geomflow.geometry.point_sets import Function, PointSet
from geomflow.geometry.rules import Rule, half_line, legendre, periodic, polar, positive, whole_line

_BLOCK = 1024  # points evaluated at once by `integrate`, always as many, so that one compilation serves every level
_FIRST = 5  # points per coordinate to begin with


@dataclass(frozen=True)
class Domain:
    r"""The domain of a chart with a rule for each coordinate, and possibly a change of coordinates after them.

    Args:
        name: for people.
        rules: one per coordinate.
        chart: from the coordinates of the rules to those of the functions to be integrated; None is the identity.
            The weights are multiplied by |det ∂chart|.
    """

    name: str
    rules: tuple[Rule, ...]
    chart: Function | None = None

    @property
    def dim(self) -> int:
        r"""Number of coordinates."""
        return len(self.rules)

    def points(self, counts: int | Sequence[int]) -> PointSet:
        r"""Return the product rule with `counts` points in each coordinate (one number, or one per coordinate)."""
        (grid, weights, _), *_ = self._blocks(counts, size=None)
        return PointSet(*_pushed(self.chart, grid, weights))

    def _blocks(self, counts: int | Sequence[int], size: int | None) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
        # The product in blocks of `size` points, the last one filled up with points of weight 0; so that memory is
        # that of a block, coordinates are looked up by the number of the point.
        counts = (counts,) * self.dim if isinstance(counts, int) else tuple(counts)
        if len(counts) != self.dim or min(counts) < 1:
            raise ArgumentError(f"Argument `counts` must have {self.dim} numbers, at least 1 each, but is {counts}.")
        for rule, count in zip(self.rules, counts):
            if count > rule.most:
                raise ArgumentError(f"The rule `{rule.name}` has at most {rule.most} points in float64, not {count}.")
        axes = [rule.nodes(count) for rule, count in zip(self.rules, counts)]
        shape = tuple(len(x) for x, _ in axes)
        total = math.prod(shape)
        for first in range(0, total, size or total):
            at = np.arange(first, first + (size or total))
            index = np.unravel_index(np.minimum(at, total - 1), shape)
            grid = np.stack([x[i] for (x, _), i in zip(axes, index)], axis=1)
            weights = np.prod([w[i] for (_, w), i in zip(axes, index)], axis=0)
            yield grid, np.where(at < total, weights, 0.0), min(len(at), total - first)


def box(*bounds: tuple[float, float]) -> Domain:
    r"""Return the box Π [a_i, b_i] with Gauss-Legendre rules: `box((0, 1), (-1, 1))`."""
    return Domain("box", tuple(legendre(a, b) for a, b in bounds))


def torus(n: int, period: float = 2 * math.pi) -> Domain:
    r"""Return the torus (R / period Z)^n with trapezoidal rules."""
    return Domain(f"T^{n}", (periodic(period),) * n)


def sphere(n: int) -> Domain:
    r"""Return S^n in polar angles θ_1, ..., θ_{n-1} in (0, π) and φ in [0, 2π), dV = Π sin^{n-i} θ_i."""
    return Domain(f"S^{n}", (*(polar(power) for power in range(n - 1, 0, -1)), periodic()))


def ball(n: int, radius: float = 1.0) -> Domain:
    r"""Return the ball |x| < radius of R^n in Cartesian coordinates; the points lie on spheres."""
    positive(radius)
    if n == 1:
        return Domain("ball in R^1", (legendre(-radius, radius),))
    return Domain(f"ball in R^{n}", (legendre(0, radius), *sphere(n - 1).rules), _from_polar)


def affine(n: int, scale: float = 1.0) -> Domain:
    r"""Return all of R^n in Cartesian coordinates, for densities that fall off like a power of |x|: a chart of CP^m.

    Args:
        n: real dimension; an affine chart of CP^m has n = 2m.
        scale: half of the points lie within this radius.
    """
    if n == 1:
        return Domain("R^1", (whole_line(scale),))
    return Domain(f"R^{n}", (half_line(scale), *sphere(n - 1).rules), _from_polar)


def product(*domains: Domain) -> Domain:
    r"""Return the product of domains, coordinates one after the other."""
    charts = tuple(d.chart for d in domains)
    ends = tuple(itertools.accumulate(d.dim for d in domains))[:-1]
    rules = tuple(itertools.chain.from_iterable(d.rules for d in domains))
    mapped = any(chart is not None for chart in charts)
    # bound arguments instead of a closure: equal products compile once
    chart = Partial(_side_by_side, charts, ends) if mapped else None
    return Domain(" x ".join(d.name for d in domains), rules, chart)


@dataclass(frozen=True)
class Integral:
    r"""An integral with what was found out about it; `str` prints value ± error.

    Args:
        value: the integral, of the shape of one value of f.
        error: what the last refinements changed, plus the rounding of the sum.
        points: how many points the final rule has.
        counts: its points in each coordinate.
        evaluations: how many values of f it took altogether.
    """

    value: np.ndarray
    error: np.ndarray
    points: int
    counts: tuple[int, ...]
    evaluations: int

    def __str__(self) -> str:
        spread = " x ".join(map(str, self.counts))
        return f"{_listed(self.value, 10)} ± {_listed(self.error, 2)}, {self.points} points ({spread})"


def integrate(function: Function, domain: Domain, tolerance: float = 1e-10, most_points: int = 2**20) -> Integral:
    r"""Return ∫ f d^n x, refined until the answers agree.

    A coordinate is refined (N -> 2N + 1: a mode that one rule mistakes for another, the next one does not) as long as
    refining it alone changes the answer; then one more point in all of them together has to confirm it. Memory is that
    of one block of points.

    Args:
        function: f of one point, with values of any shape, compared componentwise.
        domain: where; `sphere(2)`, `affine(4)`, or a `Domain` of one's own rules.
        tolerance: allowed error relative to ∫ |f| (not to the integral, which may vanish).
        most_points: no rule with more points is tried.

    Returns:
        The value at the confirming rule, the sum of all changes as its error, and what it cost.

    Raises:
        ArgumentError: f is not finite at a point (which is named), or `most_points` allows no two rules.
        ConvergenceError: the answers do not agree; the numbers `value`, `error` and `points` are those of the finest
            attempt.

    Good values: 1e-10 for analytic densities; 1e-6 for curvature of metrics with a few derivatives.
    """
    require_x64()
    positive(tolerance)
    known: dict[tuple[int, ...], tuple[np.ndarray, np.ndarray, int]] = {}

    def at(counts: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, int]:
        if counts not in known:
            known[counts] = _sum(function, domain, counts)
        return known[counts]

    def fits(counts: tuple[int, ...]) -> bool:
        return math.prod(counts) <= most_points and all(n <= r.most for n, r in zip(counts, domain.rules))

    def refined(counts: tuple[int, ...], which: list[int]) -> tuple[int, ...]:
        return tuple(2 * n + 1 if i in which else n for i, n in enumerate(counts))

    directions, counts = range(domain.dim), (_FIRST,) * domain.dim
    finest: tuple[np.ndarray, np.ndarray, int] | None = None
    while all(fits(refined(counts, [i])) for i in directions):
        value, size, points = at(counts)
        changes = [np.abs(at(refined(counts, [i]))[0] - value) for i in directions]
        error = np.sum(changes, axis=0)
        finest = (value, error, points)
        allowed = tolerance * size / (domain.dim + 1)
        rough = [i for i, change in zip(directions, changes) if np.any(change > allowed)]
        if not rough:
            confirming = tuple(n + 1 for n in counts)
            value, size, points = at(confirming)
            error = error + np.abs(value - at(counts)[0]) + 4 * np.finfo(float).eps * size
            if np.all(error <= tolerance * size):
                return Integral(value, error, points, confirming, sum(n for _, _, n in known.values()))
        counts = refined(counts, rough or list(directions))
    if finest is None:
        raise ArgumentError(
            f"Argument `most_points` must allow {math.prod(refined(counts, [0]))} points, but is {most_points}.",
            most_points=most_points,
        )
    value, error, points = finest
    raise ConvergenceError(
        f"The integral over {domain.name} has not settled to {tolerance:.3g} of ∫|f| within {most_points} points: "
        f"{points} points give {_listed(value, 10)}, and refining changes it by {_listed(error, 2)}. Split the domain "
        "where f has a kink, choose rules that suit its ends, or allow more by `tolerance` or `most_points`; where f "
        "itself loses its digits, far out or near an edge, only a larger `tolerance` helps.",
        value=value,
        error=error,
        points=points,
    )


def _sum(function: Function, domain: Domain, counts: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, int]:
    # Σ w f, Σ |w f| and the number of points; blocks are added pairwise by numpy, which keeps the rounding small
    sums, sizes, total = [], [], 0
    for grid, weights, count in domain._blocks(counts, _BLOCK):
        value, size = _block(function, domain.chart, grid, weights)
        if not np.all(np.isfinite(value)):
            x, w = _pushed(domain.chart, grid, weights)
            PointSet(x[:count], w[:count]).integrate(function)  # refuses, and names the point
        sums.append(value)
        sizes.append(size)
        total += count
    return np.sum(sums, axis=0), np.sum(sizes, axis=0), total


@eqx.filter_jit
def _block(function: Function, chart: Function | None, points: ArrayLike, weights: ArrayLike) -> tuple[Array, Array]:
    x, w = _pushed(chart, points, weights)
    values = jax.vmap(function)(x)
    return jnp.tensordot(w, values, 1), jnp.tensordot(jnp.abs(w), jnp.abs(values), 1)


@eqx.filter_jit
def _pushed(chart: Function | None, points: ArrayLike, weights: ArrayLike) -> tuple[Array, Array]:
    points, weights = jnp.asarray(points), jnp.asarray(weights)
    if chart is None:
        return points, weights
    return jax.vmap(chart)(points), weights * jax.vmap(lambda x: jnp.abs(jnp.linalg.det(jax.jacfwd(chart)(x))))(points)


def _side_by_side(charts: tuple[Function | None, ...], ends: tuple[int, ...], x: Array) -> Array:
    parts = zip(charts, jnp.split(x, ends))
    return jnp.concatenate([part if chart is None else chart(part) for chart, part in parts])


def _from_polar(x: Array) -> Array:
    # r, θ_1, ..., φ -> r (cos θ_1, sin θ_1 cos θ_2, ..., sin θ_1 ... sin φ)
    sines = jnp.concatenate([jnp.ones(1), jnp.cumprod(jnp.sin(x[1:]))])
    return x[0] * sines * jnp.concatenate([jnp.cos(x[1:]), jnp.ones(1)])


def _listed(values: np.ndarray, digits: int) -> str:
    if np.iscomplexobj(values):
        return ", ".join(f"({number(v.real, digits)}) + ({number(v.imag, digits)})i" for v in np.ravel(values))
    return ", ".join(number(v, digits) for v in np.ravel(values))
