r"""Rotationally symmetric solitons ds² + w(s)² g_{S^{n-1}}, f(s), shot from the origin.

For every λ and n there is one for each sectional curvature K at the origin. Complete are

    λ = 0: K > 0 (the cigar for n = 2, Bryant's for n >= 3), and flat space
    λ < 0: K > λ/(n-1), asymptotic to the cones dr² + α²r² g, α from ∞ to 0; and hyperbolic space, K = λ/(n-1)
    λ > 0: K = 0, the Gaussian; and the round sphere, K = λ/(n-1)

Reference: Chow et al., The Ricci Flow: Techniques and Applications I (2007), chapter 1; R. Bryant (unpublished, 1992).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import root_scalar

from geomflow.core.errors import ArgumentError, ConvergenceError
from geomflow.core.precision import require_x64
from geomflow.flows.solitons.ansatz import acceleration, origin, rotational
from geomflow.flows.solitons.panels import Panels
from geomflow.flows.solitons.soliton import Soliton, positive

#: Where the series hands over to the integrator, and the first panel, in units of the length 1/√(|K| + |λ|).
_HANDOVER, _PANEL = 0.05, 0.6
#: Tolerance of the integrator (Dormand and Prince's pair of order 8), close to rounding.
RTOL = 3e-14
#: Powers by which the slope of a cone is extrapolated.
_POWERS = np.array([0, 2, 4, 6, 8, 10])


def shoot(dim: int, constant: float, curvature: float, length: float | None = None, name: str = "") -> Soliton:
    r"""Return the soliton with a given sectional curvature at the origin.

    Args:
        dim: n >= 2.
        constant: λ.
        curvature: K, the sectional curvature at the origin.
        length: where to cut it off; 30 lengths 1/√(|K| + |λ|) by default.
        name: what to call it.

    Raises:
        PrecisionError: float32.
        ArgumentError: no finite numbers, no positive length.
        ConvergenceError: the solution ends before `length`: no complete soliton. Numbers: `value` (where).

    Good values: `shoot(3, 0, 1/6)` is Bryant's with R = 1 at the origin. w and f are exact to some 1e-13, the residual,
    which differentiates them twice, to 1e-9.
    """
    require_x64()
    ansatz, scale = rotational(dim), math.sqrt(abs(curvature) + abs(constant)) or 1.0
    length = 30 / scale if length is None else length
    if not (np.isfinite(scale) and np.isfinite(length) and length > 0):
        raise ArgumentError(
            f"`constant`, `curvature` and `length` > 0 must be finite, but are {constant}, {curvature}, {length}."
        )
    panels = Panels.graded(length, min(_PANEL / scale, length / 3), (True, False))
    s, start = panels.s, min(_HANDOVER / scale, length / 3)
    near = s < start
    values = np.empty((4, s.size))
    values[:, near] = _series(dim, s[near], curvature, constant)
    values[:, ~near] = _integrated(dim, constant, curvature, start, length)(s[~near])
    name = name or f"rotational soliton with K = {curvature:.6g} at the origin"
    return Soliton(name, constant, ansatz, panels, {"w": values[0]}, values[2], {"w": (-1, 1)})


def bryant(dim: int = 3, scalar: float = 1.0, length: float | None = None) -> Soliton:
    r"""Return Bryant's steady soliton; for dim = 2 this is the cigar.

    Args:
        dim: n.
        scalar: R > 0 at the origin, which is the constant C = R + |∇f|².
        length: as for `shoot`.

    Good values: `bryant(3, length=2000)`: R s and w²/s there are within 2e-3 of their limits (n-1)√C/2, 2(n-2)/√C.
    """
    positive("scalar", scalar)
    _ = rotational(dim)  # refuses dim < 2
    return shoot(dim, 0.0, scalar / (dim * (dim - 1)), length, "cigar" if dim == 2 else f"Bryant soliton, n = {dim}")


def cigar(scalar: float = 4.0, length: float | None = None) -> Soliton:
    r"""Return Hamilton's cigar, w = tanh s for R = 4 at the origin."""
    return bryant(2, scalar, length)


def expander(dim: int, slope: float, constant: float = -0.5, length: float | None = None) -> Soliton:
    r"""Return the expanding soliton on R^n asymptotic to the cone dr² + α²r² g, found by shooting for its curvature.

    Args:
        dim: n >= 2.
        slope: α > 0, below 1 for positive curvature; the angle of the cone is 2πα for n = 2.
        constant: λ < 0.
        length: as for `shoot`.

    Raises:
        ArgumentError: λ >= 0 or α <= 0.
        ConvergenceError: α is out of reach (very sharp cones).

    Good values: α from 0.1 to 5; the slope is met to 1e-8.
    """
    _ = rotational(dim)  # refuses dim < 2
    positive("slope", slope)
    positive("-constant", -constant)

    # K = λ/(n-1) (1 - q): hyperbolic space at q = 0, flat space at q = 1, and α falls as q grows
    def defect(log_q: float) -> float:
        return math.log(cone_slope(shoot(dim, constant, constant / (dim - 1) * (1 - math.exp(log_q)))) / slope)

    guess = -math.log(slope)  # exact for n = 2
    try:
        found = root_scalar(defect, method="secant", x0=guess, x1=guess + 0.1, xtol=1e-12, maxiter=20)
    except (ConvergenceError, OverflowError) as error:
        raise _not_found(slope) from error
    if not found.converged:
        raise _not_found(slope)
    curvature = constant / (dim - 1) * (1 - math.exp(found.root))
    return shoot(dim, constant, curvature, length, f"expander to the cone of slope {slope:.6g}, n = {dim}")


def cone_slope(soliton: Soliton) -> float:
    r"""Return α = lim w' of an expanding soliton, extrapolated in even powers of λ/f' from the outer half.

    λ/f' is 1/s to first order; with s itself, which begins at an arbitrary place, odd powers would occur.

    Raises:
        ArgumentError: the soliton is not expanding.

    Good values: 1e-9 on 30 lengths 1/√(|K| + |λ|).
    """
    positive("-constant", -soliton.constant)
    outer = soliton.s > soliton.panels.edges[-1] / 2
    slopes = soliton.panels.jet(soliton.w, soliton.parity[soliton.ansatz.radii[-1]])[1, outer]
    place = soliton.panels.jet(soliton.potential)[1, outer]
    powers = (place[-1] / place)[:, None] ** _POWERS
    return float(np.linalg.lstsq(powers, slopes, rcond=None)[0][0])


def gaussian(dim: int, constant: float, length: float = 10.0) -> Soliton:
    r"""Return flat space, f = λs²/2."""
    return _exact("Gaussian soliton", dim, constant, length, (True, False), lambda s: (s, constant * s**2 / 2), (-1, 1))


def cylinder(dim: int, constant: float = 1.0, length: float = 10.0) -> Soliton:
    r"""Return the cylinder R × S^{n-1}, n >= 3: w² = (n-2)/λ, f = λs²/2, from its middle on."""
    positive("constant", constant)
    radius = math.sqrt((dim - 2) / constant)
    positive("dim - 2", radius)
    return _exact(
        "cylinder", dim, constant, length, (True, False), lambda s: (radius + 0 * s, constant * s**2 / 2), (1, 1)
    )


def sphere(dim: int, constant: float = 1.0) -> Soliton:
    r"""Return the round sphere, λ = (n-1)/r², f = 0."""
    positive("constant", constant)
    r = math.sqrt((dim - 1) / constant)
    return _exact("sphere", dim, constant, math.pi * r, (True, True), lambda s: (r * np.sin(s / r), 0 * s), (-1, -1))


def _exact(name: str, dim: int, constant: float, length: float, closes, both: Callable, parity) -> Soliton:
    require_x64()
    positive("length", length)
    panels = Panels.graded(length, length / 6, closes)
    w, f = both(panels.s)
    return Soliton(f"{name}, n = {dim}", constant, rotational(dim), panels, {"w": w}, f, {"w": parity})


def _series(dim: int, s: np.ndarray, curvature: float, constant: float) -> np.ndarray:
    arguments = (s, np.full_like(s, curvature), np.full_like(s, constant))
    return np.asarray(origin(dim)(*(a[None] for a in arguments)))


def _integrated(dim: int, constant: float, curvature: float, start: float, length: float) -> Callable:
    rate = acceleration(dim)
    initial = _series(dim, np.array([start]), curvature, constant)[:, 0]

    def pinches(_: float, state: np.ndarray) -> float:
        return state[0] - initial[0] / 2

    pinches.terminal = True  # pyright: ignore[reportFunctionMemberAccess]
    tolerances: Any = {"rtol": RTOL, "atol": RTOL * min(1.0, initial[0])}
    found = solve_ivp(
        lambda _, state: rate(*map(float, state), constant), (start, length), initial, "DOP853",
        dense_output=True, events=pinches, **tolerances,
    )  # fmt: skip
    where = float(found.t[-1])
    if found.status != 0 or found.sol is None:
        raise ConvergenceError(
            f"No complete soliton of dimension {dim} has lam = {constant:.6g} and curvature K = {curvature:.6g} at"
            f" its origin: it ends at s = {where:.6g}. Ask for a smaller `length`, or another curvature.",
            value=where,
        )
    return found.sol


def _not_found(slope: float) -> ConvergenceError:
    return ConvergenceError(f"No expander asymptotic to a cone of slope {slope:.6g} was found.", value=slope)
