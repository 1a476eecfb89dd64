r"""Solitons in momentum coordinates: surfaces of revolution, and Kähler metrics with U(2) symmetry.

    surfaces  g = dx²/(4F) + F dθ²,                       f = cx, λ = k:  F'' - cF' = -k/2
    U(2)      g = dx²/(4F) + F/4 σ3² + x/4 (σ1² + σ2²),   f = cx, λ = k:  F' + F/x - cF = 2 - kx/2

x is the moment map of the rotation and F(x) a quarter of the square of dx/ds. Both equations are derived from the
spaces `soliton-surface` and `calabi-u-2`. In arclength they read x'' = 2F'(x, F = x'²/4), which is regular where the
manifold closes.

Reference: Feldman, Ilmanen, Knopf, J. Differential Geom. 65 (2003) 169; N. Koiso, Adv. Stud. Pure Math. 18-I (1990)
327; H.-D. Cao in Elliptic and Parabolic Methods in Geometry (1996) 1; R. Hamilton, Contemp. Math. 71 (1988) 237.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import sympy as sp
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from geomflow.core.errors import ArgumentError, ConvergenceError
from geomflow.core.precision import require_x64
from geomflow.flows.solitons.ansatz import rotational, scalar_function, unitary
from geomflow.flows.solitons.panels import Panels
from geomflow.flows.solitons.soliton import Soliton, positive
from geomflow.metrics.spaces import SPACES

_TOLERANCES = {"method": "DOP853", "rtol": 3e-14, "atol": 1e-15, "dense_output": True}
#: F(x) of a shrinking cone is reached from so many e-foldings beyond.
_MEMORY = 40.0

Slope = Callable[[float, float], float]


@cache
def profile_slope(space: str) -> Callable[..., float]:
    r"""Return x, F, c, k -> F' of the solitons with f = cx, λ = k.

    Args:
        space: "soliton-surface", where F' = 1 at F = x = 0, or "calabi-u-2".
    """
    metric = SPACES[space].metric
    x, profile = metric.chart.coordinates[0], metric.chart.functions["F"]
    equation = sp.expand(metric.gradient_soliton("c*x", "k").raised(0)[1, 1])
    if space == "soliton-surface":
        # a derivative by x, whose integral is 1 where the surface closes smoothly
        closed = {sp.Derivative(profile, x): 1, profile: 0, x: 0}
        equation = sp.integrate(equation, x)
        equation = equation - equation.xreplace(closed)
    (slope,) = sp.solve(equation, sp.Derivative(profile, x))
    return scalar_function([x, profile, *metric.chart.constants], slope)


def surface(constant: float, curvature: float, length: float | None = None) -> Soliton:
    r"""Return the soliton of dimension 2 with Gauss curvature K at its centre: every one that is smooth there.

    λ = 0: cigars. λ < 0: expanders asymptotic to the cone of slope α, K = λ(1 - 1/α), and the hyperbolic plane, K = λ.
    λ > 0: the round sphere, K = λ, and teardrops, which close with a cone point: see `Soliton.end_slope`.

    Args:
        constant: λ.
        curvature: K; the rotation potential is f = cx with c = (λ - K)/2.
        length: where to cut it off; 30 lengths 1/√(|K| + |λ|) by default. A surface that closes ends there.

    Raises:
        PrecisionError: float32.
        ArgumentError: the surface is not complete: K < λ <= 0, or K <= 0 < λ; or no positive length.

    Good values: `surface(0, 2)` is the cigar w = tanh s, `surface(1, 2)` a teardrop.
    """
    if not np.isfinite(curvature) or curvature < constant <= 0 or curvature <= 0 < constant:
        least = f"{constant:.6g} or more" if constant <= 0 else "positive curvature (or is the Gaussian)"
        raise ArgumentError(
            f"A complete soliton of dimension 2 with lam = {constant:.6g} has {least} at its centre, not {curvature}."
        )
    scale = np.sqrt(abs(curvature) + abs(constant)) or 1.0
    slope = _slope("soliton-surface", (constant - curvature) / 2, constant)
    s, x, panels = _in_arclength(slope, 0.0, 30 / scale if length is None else length, 0.6 / scale)
    smooth = panels.closes[1]
    name = f"soliton surface with K = {curvature:.6g} at the centre"
    parity = {"w": (-1, -1 if smooth else 1)}
    return Soliton(
        name, float(constant), rotational(2), panels, {"w": s[1] / 2}, (constant - curvature) / 2 * x, parity
    )


def fik(constant: float = 1.0, length: float = 20.0) -> Soliton:
    r"""Return the shrinking soliton of Feldman, Ilmanen and Knopf on the blow-up of C², c found by shooting.

    The sphere at x = 2/λ closes smoothly. Solutions grow like e^{cx} but for one value of c: from infinity, where F is
    that of a cone, integration back to the sphere forgets how it began, and F = 0 there fixes c = λ/√2.

    Raises:
        PrecisionError: float32.
        ArgumentError: λ or the length is not positive.
    """
    positive("constant", constant)
    positive("length", length)
    start = 2 / constant

    def inward(c: float, far: float):
        slope = _slope("calabi-u-2", c, constant)
        begin = (constant * far / 2 - 2) / c
        found = solve_ivp(lambda x, state: [slope(x, state[0])], (far, start), [begin], **_TOLERANCES)
        return found.sol

    def defect(log_c: float) -> float:
        c = float(np.exp(log_c))
        return float(inward(c, start + _MEMORY / c)(start)[0])

    log_c: Any = brentq(defect, np.log(0.3 * constant), np.log(2 * constant), xtol=1e-15)
    c = float(np.exp(log_c))
    # dx/ds = 2√F < 2√(kx/2c)
    far = (np.sqrt(start) + np.sqrt(constant / (2 * c)) * length) ** 2
    profile, slope = inward(c, far + _MEMORY / c), _slope("calabi-u-2", c, constant)
    jet, x, panels = _in_arclength(lambda x, _: slope(x, float(profile(x)[0])), start, length, 0.5 / np.sqrt(constant))
    return _kaehler("Feldman-Ilmanen-Knopf soliton", constant, c, jet, x, panels)


def koiso_cao(constant: float = 1.0) -> Soliton:
    r"""Return the compact shrinking soliton on CP² # -CP², 2/λ <= x <= 6/λ, c found by shooting.

    Raises:
        PrecisionError: float32.
        ArgumentError: λ is not positive.
    """
    positive("constant", constant)
    ends = (2 / constant, 6 / constant)

    def defect(c: float) -> float:
        slope = _slope("calabi-u-2", c, constant)
        return float(solve_ivp(lambda x, state: [slope(x, state[0])], ends, [0.0], **_TOLERANCES).y[0, -1])

    c: Any = brentq(defect, 0.1 * constant, 2 * constant, xtol=1e-15)
    slope = _slope("calabi-u-2", c, constant)
    jet, x, panels = _in_arclength(slope, ends[0], 20 / np.sqrt(constant), 0.5 / np.sqrt(constant))
    return _kaehler("Koiso-Cao soliton", constant, c, jet, x, panels)


def _kaehler(name: str, constant: float, c: float, jet: np.ndarray, x: np.ndarray, panels: Panels) -> Soliton:
    radii = {"a": jet[1] / 4, "b": np.sqrt(x) / 2}
    return Soliton(name, float(constant), unitary(), panels, radii, c * x, {"a": (-1, -1), "b": (1, 1)})


def _slope(space: str, c: float, k: float) -> Slope:
    slope = profile_slope(space)
    return lambda x, profile: slope(float(x), float(profile), c, k)


def _in_arclength(slope: Slope, start: float, length: float, first: float):
    # x'' = 2F' from x' = 0 to the length, or to where x' = 0 again: (x, x') and x at the nodes, and the panels
    require_x64()
    positive("length", length)

    def closes(_: float, state: np.ndarray) -> float:
        return state[1]

    closes.terminal, closes.direction = True, -1  # pyright: ignore[reportFunctionMemberAccess]

    def rate(_: float, state: np.ndarray) -> list[float]:
        return [state[1], 2 * slope(state[0], state[1] ** 2 / 4)]

    found = solve_ivp(rate, (0.0, length), [start, 0.0], events=closes, **_TOLERANCES)
    if found.status < 0 or found.sol is None:
        raise ConvergenceError(f"The soliton ends at s = {found.t[-1]:.6g}.", value=float(found.t[-1]))
    end = float(found.t[-1])
    # the ends close smoothly where F' = -F'(start), an angle of 2π each
    smooth = found.status == 1 and abs(slope(found.y[0, -1], 0.0) + slope(start, 0.0)) < 1e-8
    panels = Panels.graded(end, min(first, end / 3), (True, bool(smooth)))
    jet = found.sol(panels.s)
    return jet, jet[0], panels
