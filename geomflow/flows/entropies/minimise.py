r"""μ(g, τ) = inf W(g, ·, τ) and ν(g) = inf over τ, by a trust-region Newton-Krylov method from several starts.

With u² = (4πτ)^{-n/2} e^{-f} a minimiser solves the Euler-Lagrange equation

    τ (-4Δu + R u) - u log u² - (n/2 log 4πτ + n) u = μ u,    ∫ u² dV = 1.

W is the sum of a convex and a concave function of u² and has several minima in general (one for each place where u may
concentrate), so that a minimisation is started from the constant, from the eigenfunction of λ, and from Gaussians of
width √(2τ) about points chosen by the curvature.

Reference: Absil, Baker, Gallivan, Found. Comput. Math. 7 (2007) 303; Steihaug, SIAM J. Numer. Anal. 20 (1983) 626.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from geomflow.core.errors import ArgumentError, ConvergenceError, ResolutionError
from geomflow.flows.entropies.base import Manifold, Solve
from geomflow.flows.entropies.functionals import perelman_lambda

# the residual aimed at, and the largest accepted; W is off by about its square
_TOLERANCE, _ACCEPTED = 1e-9, 1e-7
# Newton steps for every start, and for the one that is lowest then
_NEWTON_STEPS, _MOST_STEPS, _KRYLOV_STEPS = 40, 400, 200
_LARGEST_STEP, _SMALLEST_STEP = 2.0, 1e-12  # in the norm of the preconditioner; u has length 1 in L²
_FINE = 1e-10  # relative change of W from which on rounding errors decide
_SHIFT = 1.0  # of the preconditioner: W'' without Laplacian and curvature is of this size
_TINY = 1e-280  # u² is not taken to be smaller inside the logarithm
_CELLS = 1.5  # nodes that a Gaussian of width √(2τ) needs
_OUTSIDE = 1e-3  # mass that may lie where the nodes do not resolve this width
_NEGATIVE = 1e-4  # of the largest value: beyond it a critical point is no minimiser, or not resolved
# the ladder of scales on which ν is looked for: the ratio of its steps, and how far below n/(2 max R) it goes
_RATIO, _BELOW = 1.35, 3.0


@dataclass(frozen=True)
class Minimum:
    r"""A minimiser of W at one scale.

    Attributes:
        value: μ(g, τ).
        function: u = (4πτ)^{-n/4} e^{-f/2} > 0 at the nodes, ∫ u² dV = 1.
        tau: τ.
        residual: of the Euler-Lagrange equation, in the norm dual to 4τ ∫|∇u|² + ∫u².
        steps: Newton steps of the start that won.
        starts: the value of W that each start led to; nan where it was given up before it converged.
    """

    value: float
    function: np.ndarray
    tau: float
    residual: float
    steps: int
    starts: tuple[float, ...]

    def potential(self, dim: int) -> np.ndarray:
        r"""Return f with u² = (4πτ)^{-n/2} e^{-f}."""
        return -np.log(np.maximum(self.function**2, _TINY)) - dim / 2 * np.log(4 * np.pi * self.tau)


def mu(manifold: Manifold, tau: float, starts: Iterable[np.ndarray] = (), alone: bool = False) -> Minimum:
    r"""Return μ(g, τ) = inf { W(g, f, τ) : ∫ (4πτ)^{-n/2} e^{-f} dV = 1 }.

    Args:
        manifold: the metric.
        tau: scale τ > 0: length².
        starts: functions u > 0 to start from beside those chosen here, such as a minimiser at a nearby scale.
        alone: start from `starts` alone.

    Raises:
        ArgumentError: τ is not positive.
        ResolutionError: the nodes do not resolve a Gaussian of width √(2τ) where the minimiser lives. Numbers: `sigma`,
            `sigma_min`.
        ConvergenceError: the start that led to the lowest value did not converge. Numbers: `value`, `error`.

    Good values: τ between spacing² and diameter²; μ -> 0 as τ -> 0.
    Reference: Perelman, arXiv:math/0211159, section 3.
    """
    if not tau > 0:
        raise ArgumentError(f"Argument `tau` must be positive, but is {tau}.")
    width, least = float(np.sqrt(2 * tau)), _CELLS * float(np.min(manifold.spacing))
    if width < least:
        raise _unresolved(tau, width, least)
    problem = _Problem(manifold, tau)
    begin = list(starts) if alone else [*starts, *_starts(manifold, tau)]
    found = [problem.minimise(u, _NEWTON_STEPS) for u in begin]
    converged = [np.isfinite(each.value) and each.residual <= _ACCEPTED for each in found]
    best = min(found, key=lambda each: each.value)
    if best.residual > _TOLERANCE:
        best = problem.minimise(best.function, _MOST_STEPS)
    # a minimiser must not live where the nodes are too far apart for it, though they be close elsewhere
    coarse = np.broadcast_to(_CELLS * manifold.spacing > width, best.function.shape)
    if manifold.integral(best.function**2 * coarse) > _OUTSIDE:
        raise _unresolved(tau, width, float(np.max(_CELLS * manifold.spacing)))
    if not best.residual <= _ACCEPTED:
        raise ConvergenceError(
            f"The minimisation of W at tau = {tau:.4g} came to {best.value:.6g} with a residual of "
            f"{best.residual:.1e}. Take a finer grid, or another tau.",
            value=best.value,
            error=best.residual,
        )
    values = tuple(float(each.value) if good else float("nan") for each, good in zip(found, converged, strict=True))
    return Minimum(best.value, best.function, tau, best.residual, best.steps, values)


def _unresolved(tau: float, width: float, needed: float) -> ResolutionError:
    return ResolutionError(
        f"At tau = {tau:.4g} minimisers of W may be Gaussians of width {width:.3g}, but where they live the nodes "
        f"resolve {needed:.3g}. Take a finer grid, or a larger tau.",
        sigma=width,
        sigma_min=needed,
    )


def nu(manifold: Manifold) -> Minimum:
    r"""Return ν(g) = inf over τ > 0 of μ(g, τ), the minimum at its scale.

    Where λ > 0 the infimum is attained at some τ <= n/(2λ), because ∂μ/∂τ = F(u) - n/(2τ) and F >= λ. It is looked for
    on a ladder of scales from there down to a third of n/(2 max R), and refined at every local minimum: a metric with
    a neck has one at the scale of the neck and one at the scale of the whole.

    Raises:
        ArgumentError: λ <= 0: then μ has no lower bound as τ -> ∞ (λ < 0, or a flat metric).
        ResolutionError: the nodes do not resolve the smallest of these scales.
        ConvergenceError: as `mu`.

    Good values: ln 2 - 1 for the round S², -0.23448788 for S³.
    Reference: Perelman, arXiv:math/0211159, section 3; Cao, Hamilton, Ilmanen, arXiv:math/0404165.
    """
    lowest, n = perelman_lambda(manifold), manifold.dim
    # λ = 0 is computed as a number of the size of rounding errors of R
    if lowest <= 1e-8 * manifold.volume ** (-2 / n):
        raise ArgumentError(
            f"nu is -infinity for this metric: its lambda is {lowest:.3g}, and it is finite for lambda > 0 only.",
            value=lowest,
        )
    largest, smallest = n / (2 * lowest), n / (2 * np.max(manifold.scalar)) / _BELOW
    steps = int(np.ceil(np.log(largest / smallest) / np.log(_RATIO)))
    ladder: list[Minimum] = []
    for tau in np.geomspace(largest, smallest, steps + 1):
        ladder.append(mu(manifold, float(tau), [m.function for m in ladder[-1:]]))
    values = [np.inf, *(m.value for m in ladder), np.inf]
    valleys = [i for i in range(len(ladder)) if values[i] >= values[i + 1] <= values[i + 2]]
    return min((_refined(manifold, ladder, i) for i in valleys), key=lambda m: m.value)


def _refined(manifold: Manifold, ladder: list[Minimum], at: int) -> Minimum:
    r"""Return the minimum over the scales between the neighbours of one step, by following its minimiser."""
    seen = [ladder[at]]

    def value(log: float) -> float:
        seen.append(mu(manifold, float(np.exp(log)), [seen[-1].function], alone=True))
        return seen[-1].value

    ends = (ladder[min(at + 1, len(ladder) - 1)].tau, ladder[max(at - 1, 0)].tau)
    minimize_scalar(value, bounds=np.log(ends), method="bounded", options={"xatol": 1e-6})
    return min(seen, key=lambda m: m.value)


def _starts(manifold: Manifold, tau: float) -> Iterator[np.ndarray]:
    r"""Yield the constant, the eigenfunction of λ, and Gaussians about the ends and the extrema of R."""
    yield np.ones(manifold.weights.shape)
    if manifold.weights.size == 1:
        return
    yield np.abs(manifold.spectrum(manifold.scalar, 1, 4.0).functions[0])
    nodes = [0, int(np.argmax(manifold.scalar)), int(np.argmin(manifold.scalar)), manifold.weights.size - 1]
    for node in dict.fromkeys(nodes):
        yield np.exp(-np.minimum(manifold.distance_squared(node) / (8 * tau), 30.0))


@dataclass(frozen=True)
class _Point:
    r"""A function u on the sphere, with the derivatives of half W there as seen by the resolved functions."""

    u: np.ndarray
    value: float
    dual: np.ndarray  # u dV, the normal of the sphere
    gradient: np.ndarray  # tangent
    curvature: np.ndarray  # the diagonal part of the second derivative
    residual: float


class _Problem:
    r"""½ (W + n/2 log 4πτ + n) as a function of u on the sphere ∫ u² dV = 1 among the resolved functions."""

    def __init__(self, manifold: Manifold, tau: float):
        self.manifold, self.tau = manifold, tau
        self.constant = manifold.dim / 2 * np.log(4 * np.pi * tau) + manifold.dim
        self.solve: Solve = manifold.inverse(4 * tau, _SHIFT)

    def linear(self, u: np.ndarray) -> np.ndarray:
        m = self.manifold
        return self.tau * (4 * m.dirichlet(u) + m.weights * m.scalar * u)

    def at(self, u: np.ndarray) -> _Point:
        m = self.manifold
        u = u / np.sqrt(m.integral(u**2))
        log, acted = np.log(np.maximum(u**2, _TINY)), self.linear(u)
        value = 0.5 * float(np.vdot(u, acted) - m.integral(u**2 * log))
        dual, gradient = m.resolved(m.weights * u), m.resolved(acted - m.weights * u * (log + 1))
        multiplier = np.vdot(u, gradient)
        gradient = gradient - multiplier * dual
        residual = float(np.sqrt(max(np.vdot(gradient, self.solve(gradient)), 0.0)))
        return _Point(u, value, dual, gradient, m.weights * (log + 3 + multiplier), residual)

    def minimise(self, u: np.ndarray, most: int) -> Minimum:
        here, radius, step = self.at(self.manifold.smooth(u)), 0.5, 0
        while step < most and here.residual > _TOLERANCE and radius > _SMALLEST_STEP:
            step += 1
            change, predicted = self._steihaug(here, radius)
            there = self.at(here.u + change)
            ratio = (here.value - there.value) / max(predicted, 1e-300)
            # where W changes by little more than its rounding errors, the residual decides
            if predicted < _FINE * (1 + abs(here.value)):
                ratio = 1.0 if there.residual < here.residual else 0.0
            length = self._length(change)
            if ratio < 0.25:
                radius = 0.25 * min(radius, length)
            elif ratio > 0.75:
                radius = min(max(radius, 2 * length), _LARGEST_STEP)
            if ratio > 0.1:
                here = there
        u, residual = here.u * np.sign(np.sum(here.u)), here.residual
        if np.min(u) < -_NEGATIVE * np.max(u):
            residual = np.inf
        # where u decays to rounding errors its sign is one of them
        return Minimum(2 * here.value - self.constant, np.abs(u), self.tau, residual, step, ())

    def _length(self, v: np.ndarray) -> float:
        m = self.manifold
        return float(np.sqrt(np.vdot(v, 4 * self.tau * m.dirichlet(v) + _SHIFT * m.weights * v)))

    def _steihaug(self, here: _Point, radius: float) -> tuple[np.ndarray, float]:
        r"""Return the step of truncated conjugate gradients in the trust region, tangent to the sphere; its gain."""
        m, u, dual = self.manifold, here.u, here.dual

        def hessian(v: np.ndarray) -> np.ndarray:
            return m.resolved(self.linear(v) - here.curvature * v)

        def onto(v: np.ndarray) -> np.ndarray:
            return v - u * np.vdot(dual, v)

        def from_dual(r: np.ndarray) -> np.ndarray:
            return r - dual * np.vdot(u, r)

        def precondition(r: np.ndarray) -> np.ndarray:
            return onto(self.solve(from_dual(r)))

        change, r = np.zeros_like(u), from_dual(here.gradient)
        acted = np.zeros_like(u)
        z = precondition(r)
        direction, product = -z, float(np.vdot(r, z))
        goal = here.residual * min(0.1, here.residual)
        for _ in range(_KRYLOV_STEPS):
            along = from_dual(hessian(direction))
            curvature = float(np.vdot(direction, along))
            length = product / curvature if curvature > 0 else np.inf
            if not np.isfinite(length) or self._length(change + length * direction) > radius:
                length = self._to_boundary(change, direction, radius)
                change, acted = change + length * direction, acted + length * along
                break
            change, acted = change + length * direction, acted + length * along
            r = r + length * along
            z = precondition(r)
            product, before = float(np.vdot(r, z)), product
            if np.sqrt(max(product, 0.0)) <= goal:
                break
            direction = -z + product / before * direction
        return change, -float(np.vdot(here.gradient, change) + 0.5 * np.vdot(change, acted))

    def _to_boundary(self, change: np.ndarray, direction: np.ndarray, radius: float) -> float:
        r"""Return the t > 0 at which change + t direction has the length of the radius."""
        a, c = self._length(direction) ** 2, self._length(change) ** 2 - radius**2
        b = 0.5 * (self._length(change + direction) ** 2 - a - self._length(change) ** 2)
        return float((-b + np.sqrt(max(b * b - a * c, 0.0))) / a)
