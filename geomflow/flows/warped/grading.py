r"""From a profile ψ(s) to a metric on a grid, finer at the necks; and from one grid to another."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax.numpy as jnp
import numpy as np
from scipy.interpolate import make_interp_spline

from geomflow.core.errors import ArgumentError, MetricError
from geomflow.flows.warped.rotational import Profile, RotationalFlow

#: What a neck takes of the grid: the points per e-folding of the distance from it, against those of the whole length.
SHARE = 1 / 6
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)


def from_profile(
    psi: Callable[[np.ndarray], np.ndarray],
    length: float,
    *,
    dim: int = 3,
    points: int = 201,
    finest: float | None = None,
    necks: Sequence[float] | None = None,
) -> tuple[RotationalFlow, Profile]:
    r"""Return the flow and the state of the metric ds² + ψ(s)² g on the sphere of dimension `dim`.

    Points lie evenly in s, or, where `finest` is given, with the density

        ρ(s) = 1 + Σ_k (L/6)/√(d_k(s)² + w²)

    about necks at s_k: d_k is the distance from s_k, made even about the poles, and w is `finest`.

    Args:
        psi: s -> ψ(s), vectorised, on [0, length]; odd about both ends with slopes 1 and -1.
        length: distance L of the poles.
        dim: dimension of the sphere.
        points: interior grid points; odd puts one on an equator of symmetry.
        finest: w, the distance from a neck below which the grid is even: the smallest scale of the flow to be resolved.
        necks: the places s_k; the local minima of ψ by default. A pole may be among them: the tip of a horn.

    Returns:
        The flow whose background is this metric, and the state.

    Raises:
        ArgumentError: a length, a width or a place of a neck that makes no sense.
        MetricError: ψ is not positive inside, or does not close smoothly at a pole.

    Good values: `from_profile(lambda s: np.sin(s) * (1 - 0.8 * np.sin(s) ** 2), np.pi, finest=1e-3)`; for a flow up to
    T - t = ε, `finest` about √ε and 15 points per e-folding: 401.
    """
    if not (np.isfinite(length) and length > 0):
        raise ArgumentError(f"Argument `length` must be positive, but is {length}.")
    if finest is not None and not 0 < finest < length:
        raise ArgumentError(f"Argument `finest` must lie between 0 and the length {length:.6g}, but is {finest}.")
    places = [] if finest is None else list(_necks_of(psi, length) if necks is None else necks)
    if any(not 0 <= place <= length for place in places):
        raise ArgumentError(f"The necks must lie on the meridian, 0 <= s <= {length:.6g}, but are at {places}.")
    density = _Density(length, finest or length, places)
    s = density.spread(points + 2)
    total = density.integral(s)[-1]
    phi = total / np.pi / density(s[1:-1])
    state = Profile(jnp.asarray(phi), jnp.asarray(np.asarray(psi(s[1:-1]), dtype=float)))
    if not np.all(np.asarray(state.psi) > 0):
        where = float(s[1 + int(np.nanargmin(state.psi))])
        raise MetricError(
            f"The profile ψ must be positive between the poles, but is not at s = {where:.6g}.", point=where
        )
    flow = RotationalFlow.about(state, dim)
    flow.check(state)
    return flow, state


def regraded(
    flow: RotationalFlow, state: Profile, *, points: int | None = None, finest: float | None = None
) -> tuple[RotationalFlow, Profile]:
    r"""Return the same metric on another grid: a diffeomorphism of the meridian, by splines of fifth order.

    Args:
        flow, state: the metric.
        points, finest: of the new grid, as for `from_profile`; as many points as before by default.
    """
    psi, length = as_function(flow, state)
    necks = [place for place, _ in find_necks(*flow.profile(state))]
    points = points or flow.meridian.points
    return from_profile(psi, length, dim=flow.dim, points=points, finest=finest, necks=necks)


def as_function(flow: RotationalFlow, state: Profile) -> tuple[Callable[[np.ndarray], np.ndarray], float]:
    r"""Return s -> ψ(s) and the length of a state: splines in the coordinate x, continued over the poles by parity."""
    s, psi = flow.profile(state)
    x = np.linspace(0, np.pi, len(s))
    pad = 12

    def odd_about_ends(values: np.ndarray, end: float) -> np.ndarray:
        return np.concatenate([-values[pad:0:-1], values, 2 * end - values[-2 : -pad - 2 : -1]])

    line = odd_about_ends(x, np.pi)
    distance, radius = (make_interp_spline(line, odd_about_ends(v, e), k=5) for v, e in ((s, s[-1]), (psi, 0.0)))
    speed = distance.derivative()

    def function(place: np.ndarray) -> np.ndarray:
        place = np.asarray(place, dtype=float)
        at = np.interp(place, s, x)
        for _ in range(4):  # Newton's iteration for s(x) = place
            at = at - (distance(at) - place) / speed(at)
        return radius(at)

    return function, float(s[-1])


def find_necks(s: np.ndarray, psi: np.ndarray) -> list[tuple[float, float]]:
    r"""Return (place, ψ) of every local minimum of ψ inside, from samples in order of s: lowest points of parabolas."""
    inside = np.flatnonzero((psi[1:-1] < psi[:-2]) & (psi[1:-1] <= psi[2:])) + 1
    found = []
    for i in inside:
        a, b, c = np.polyfit(s[i - 1 : i + 2] - s[i], psi[i - 1 : i + 2], 2)
        found.append((float(s[i] - b / (2 * a)), float(c - b**2 / (4 * a))))
    return found


def _necks_of(psi: Callable[[np.ndarray], np.ndarray], length: float) -> list[float]:
    s = np.linspace(0, length, 4001)
    values = np.asarray(psi(s), dtype=float)
    values[[0, -1]] = 0.0
    return [place for place, _ in find_necks(s, values)]


class _Density:
    # ρ(s), its integral, and the points that it spreads evenly

    def __init__(self, length: float, finest: float, necks: Sequence[float]):
        self.length, self.finest, self.necks = length, finest, necks

    def __call__(self, s: np.ndarray) -> np.ndarray:
        rho, share = np.ones_like(s), SHARE * self.length
        for neck in self.necks:
            rho = rho + share / np.hypot(self._distance(s, neck), self.finest)
        return rho

    def _distance(self, s: np.ndarray, neck: float) -> np.ndarray:
        half = np.pi / (2 * self.length)
        near = np.sin(half * (s - neck)) / half
        if neck in (0.0, self.length):
            return near
        # (cos θ - cos θ_k)/sin θ_k with θ = πs/L, written as a product so that it is exact near the neck
        return near * np.sin(half * (s + neck)) / np.sin(2 * half * neck)

    def integral(self, s: np.ndarray) -> np.ndarray:
        # ∫ ρ from s_0, by Gauss' rule between neighbours
        middle, half = (s[1:] + s[:-1]) / 2, np.diff(s) / 2
        cells = half * (self(middle[:, None] + half[:, None] * _NODES) @ _WEIGHTS)
        return np.concatenate([[0.0], np.cumsum(cells)])

    def spread(self, count: int) -> np.ndarray:
        # points with equal ∫ρ between neighbours: a first guess from a mesh that sees every neck, then Newton
        meshes = [np.linspace(0, self.length, 1000)]
        reach = np.arcsinh(self.length / self.finest)
        meshes += [neck + self.finest * np.sinh(np.linspace(-reach, reach, 4000)) for neck in self.necks]
        mesh = np.unique(np.concatenate(meshes))
        mesh = mesh[(mesh >= 0) & (mesh <= self.length)]
        measure = self.integral(mesh)
        s = np.interp(np.linspace(0, measure[-1], count), measure, mesh)
        for _ in range(4):
            reached = self.integral(s)
            s[1:-1] -= ((reached - np.linspace(0, reached[-1], count)) / self(s))[1:-1]
        return s
