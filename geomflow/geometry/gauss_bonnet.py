r"""Gauss-Bonnet-Chern as a check of one's own metric: curvature has to integrate to an integer.

    χ(M) = ∫ Pf(R),     n = 2: (1/4π) ∫ R dV,     n = 4: (1/32π²) ∫ (|Rm|² - 4|Ric|² + R²) dV

and with a boundary, in two dimensions, χ = (1/2π) (∫ K dV + ∮ k_g ds). In dimension n = 2m the integrand is the top
power of the curvature as a double form, (R ∧ ... ∧ R)_{1...n, 1...n} / ((2π)^m m! det g).

Reference: Chern, Ann. of Math. 45 (1944) 747; Gray, Tubes (2004), chapter 5, for double forms.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Float

from geomflow.core.card import Verdict, number
from geomflow.core.errors import ArgumentError, ConvergenceError, MetricError
from geomflow.geometry.autodiff import Metric, christoffel, first_jet, riemann
from geomflow.geometry.point_sets import Function, PointSet
from geomflow.geometry.quadrature import Domain, integrate, torus

# How far from an integer a curvature integral may be beyond its quadrature error: rounding in second derivatives.
_ROUNDING = 1e-6
# Points in each coordinate at which the metric is looked at before it is integrated.
_COARSE = 3


@dataclass(frozen=True)
class EulerCharacteristic:
    r"""The curvature integral and what it says; `str` is a sentence.

    Args:
        value: the integral.
        error: its quadrature error; infinite for a point set, which cannot know it.
        points: how many points it took.
    """

    value: float
    error: float
    points: int

    @property
    def nearest(self) -> int:
        r"""The nearest integer."""
        return round(self.value)

    @property
    def defect(self) -> float:
        r"""Distance to it."""
        return abs(self.value - self.nearest)

    @property
    def verdict(self) -> Verdict:
        r"""`verified`, `refuted`, or `undecided` if the error does not single out an integer."""
        if self.defect <= _ROUNDING + (self.error if self.error < 0.1 else 0.0):
            return "verified"
        return "refuted" if self.error < 0.1 else "undecided"

    def __str__(self) -> str:
        found = f"{self.verdict}: the curvature integrates to {number(self.value, 8)}"
        away = f"{number(self.defect, 2)} away from {self.nearest}"
        if math.isinf(self.error):
            away += f", with {self.points} points that do not know their error"
        else:
            away += f", with an error of {number(self.error, 2)} at {self.points} points"
        if self.verdict == "verified":
            return f"{found}, {away}: χ = {self.nearest}, as Gauss-Bonnet demands."
        if self.verdict == "undecided":
            return f"{found}, {away}: more points are needed to say. Give a `Domain` and a smaller `tolerance`."
        return (
            f"{found}, {away}, but χ must be an integer: the domain misses a part of the space or has a boundary, "
            "the metric is not smooth where the chart closes up, or its curvature is wrong."
        )


def euler_density(metric: Metric, x: Float[Array, " n"]) -> Float[Array, ""]:
    r"""Return the density whose integral over the coordinates is χ, √det g included, in any even dimension.

    Args:
        metric: x -> g_ij(x), positive definite.
        x: the point, shape (n,).

    Raises:
        ArgumentError: n is odd.
    """
    n = x.size
    if n % 2:
        raise ArgumentError(f"Gauss-Bonnet needs an even dimension, but the metric has {n} coordinates.", dim=n)
    g = metric(x)
    low = jnp.einsum("ae,ebcd->abcd", g, riemann(metric, x))
    rows, cols = np.array(list(itertools.combinations(range(n), 2))).T
    form = low[rows[:, None], cols[:, None], rows, cols]  # the curvature as a double form, R_{ab, cd} with a < b, c < d
    power = form
    for degree in range(2, n - 1, 2):
        pair, rest, sign = _splits(n, degree)
        factors = form[pair[:, :, None, None], pair] * power[rest[:, :, None, None], rest]
        power = jnp.einsum("As,Bt,AsBt->AB", sign, sign, factors)
    m = n // 2
    return power[0, 0] / ((2 * math.pi) ** m * math.factorial(m) * jnp.sqrt(jnp.linalg.det(g)))


def turning_density(metric: Metric, curve: Function, t: Float[Array, ""]) -> Float[Array, ""]:
    r"""Return k_g ds/dt = √det g ε_ij ẋ^i (ẍ^j + Γ^j_kl ẋ^k ẋ^l) / |ẋ|² of a curve in a surface, at one parameter.

    Positive where the curve turns towards its left: the unit circle of the plane, counter-clockwise, has 1.
    """
    x, v, a = curve(t), jax.jacfwd(curve)(t), jax.jacfwd(jax.jacfwd(curve))(t)
    g = metric(x)
    d = a + jnp.einsum("jkl,k,l->j", christoffel(metric, x), v, v)
    return jnp.sqrt(jnp.linalg.det(g)) * (v[0] * d[1] - v[1] * d[0]) / (v @ g @ v)


def euler_characteristic(
    metric: Metric, domain: Domain | PointSet, boundary: Sequence[Function] = (), tolerance: float = 1e-6
) -> EulerCharacteristic:
    r"""Return the Euler characteristic by Gauss-Bonnet-Chern, with a verdict on whether it is one.

    Args:
        metric: x -> g_ij(x), positive definite, n even.
        domain: where; a `Domain` is refined until the answer settles, a `PointSet` is taken as it is.
        boundary: for n = 2, the boundary as smooth closed curves, t in [0, 2π) -> x, with the surface on their left.
        tolerance: allowed quadrature error, relative to the integral of the absolute value,
            or absolute where that is less than one.

    Returns:
        The integral, the nearest integer, the defect and the verdict; print it.

    Raises:
        ArgumentError: n is odd, or a boundary in n > 2.
        ConvergenceError: an integral that does not settle. Numbers: `value`, `error`, `points`.
        MetricError: g is not symmetric or not positive definite somewhere on a coarse grid. Numbers: `point`.

    Good values: `sphere(2)` for angles, `torus(2)` for periodic coordinates, `affine(4)` for the affine chart of CP²,
    `ball(2)` with `[lambda t: jnp.stack([jnp.cos(t), jnp.sin(t)])]` for a disk.
    """
    if boundary and domain.dim != 2:
        raise ArgumentError(f"A boundary is taken into account for surfaces only, but the dimension is {domain.dim}.")
    _check_positive(metric, domain if isinstance(domain, PointSet) else domain.points(_COARSE))
    density = Partial(euler_density, metric)  # compared by its parts, so that it compiles once per metric
    if isinstance(domain, PointSet):
        value, error, points = float(domain.integrate(density)), math.inf, domain.size
    else:
        value, error, points = _settled(density, domain, tolerance)
    if boundary:
        turning, spread, _ = _settled(Partial(_turnings, metric, tuple(boundary)), torus(1), tolerance)
        value, error = value + turning, error + spread
    return EulerCharacteristic(value, error, points)


def _turnings(metric: Metric, curves: tuple[Function, ...], t: Float[Array, "1"]) -> Array:
    return jnp.sum(jnp.stack([turning_density(metric, curve, t[0]) for curve in curves])) / (2 * math.pi)


def _check_positive(metric: Metric, points: PointSet) -> None:
    # Of a negative definite metric, or one with an even number of signs, the integral is an integer as well.
    g = np.asarray(points.values(Partial(_value, metric)))
    size = 1e-12 * np.max(np.abs(g), axis=(1, 2))
    skew = np.max(np.abs(g - np.swapaxes(g, 1, 2)), axis=(1, 2)) > size
    finite = np.where(np.isfinite(g), g, 0.0)  # what is not finite is named by the integral
    bad = skew | (np.linalg.eigvalsh(finite)[:, 0] < -size)
    if bad.any():
        point = tuple(float(x) for x in np.asarray(points.points)[int(np.argmax(bad))])
        raise MetricError(
            "Gauss-Bonnet needs a symmetric, positive definite metric, but it is not so at "
            f"({', '.join(f'{x:.6g}' for x in point)}).",
            point=point,
        )


def _value(metric: Metric, x: Array) -> Array:
    return first_jet(metric, x)[0]


def _settled(density: Function, domain: Domain, tolerance: float) -> tuple[float, float, int]:
    # Of a flat metric the density is rounding alone, which never settles against itself; but χ is measured in ones.
    try:
        found = integrate(density, domain, tolerance)
    except ConvergenceError as error:
        if not error.error <= tolerance:
            raise
        return float(error.value), float(error.error), error.points
    return float(found.value), float(found.error), found.points


@lru_cache
def _splits(n: int, degree: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    # For each increasing multi-index A of length degree + 2: all ways to split off a pair, as positions in the lists of
    # pairs and of multi-indices of length `degree`, with the sign of the shuffle.
    pairs = {p: i for i, p in enumerate(itertools.combinations(range(n), 2))}
    rests = {q: i for i, q in enumerate(itertools.combinations(range(n), degree))}
    pair, rest, sign = [], [], []
    for whole in itertools.combinations(range(n), degree + 2):
        splits = list(itertools.combinations(range(degree + 2), 2))
        pair.append([pairs[whole[i], whole[j]] for i, j in splits])
        rest.append([rests[tuple(x for k, x in enumerate(whole) if k not in s)] for s in splits])
        sign.append([(-1) ** (i + j - 1) for i, j in splits])
    return np.array(pair), np.array(rest), np.array(sign, dtype=float)
