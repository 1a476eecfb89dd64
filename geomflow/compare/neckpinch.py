r"""A computed neckpinch against the asymptotics of Angenent and Knopf.

At a rotationally symmetric neckpinch of S^{n+1}, n >= 2, with τ = -ln(T - t) and σ = s/(T - t)^{1/2} from the neck,

    u = ψ/(2(n-1)(T - t))^{1/2} = 1 + (σ² - 2)/(8τ) + o(1/τ),

and therefore, at the neck, ψ²/(T - t) -> 2(n-1)(1 - 1/(2τ)) and (n-1)/(2 ψψ_ss) -> τ.

`geomflow.symbolic.flows.neckpinch` derives them, from a' = -8a² + O(a³) for u = 1 + a(τ)(σ² - 2) + .... Further terms
in a give 1/(8a) = τ + β ln τ + γ + o(1): this is what is fitted to ψψ_ss = 4(n-1)a, and its analogue to ψ².

Reference: S. Angenent, D. Knopf, Comm. Anal. Geom. 15 (2007) 773, theorem 1; Math. Res. Lett. 11 (2004) 493.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geomflow.core.card import Card
from geomflow.core.errors import ArgumentError
from geomflow.flows.singularity import BlowUp, blow_up
from geomflow.flows.warped.grading import as_function, find_necks
from geomflow.flows.warped.pinch import Approach

#: τ from which on the asymptotics are fitted, and the least span of τ that a fit needs.
FROM, SPAN = 7.0, 6.0
_SAMPLES = 60


@dataclass(frozen=True)
class Neckpinch:
    r"""The measured asymptotics of a neckpinch; each of the three coefficients is 1 in theory.

    Attributes:
        dim: n + 1.
        time, error: T, and its uncertainty.
        blow_up: the singularity, its curvature being max |Rm|, in time counted from the last state.
        radius: C/(2(n-1)) from ψ²/(T - t) = C + C_1/τ + C_2 ln τ/τ² at the neck, by least squares over even steps of τ.
        radius_linear: the same without C_2: what a fit of a straight line to 1/τ gives.
        bend: α from (n-1)/(2ψψ_ss) = ατ + β ln τ + γ at the neck.
        profile: the largest |u² - 1 - 2a(σ² - 2)|/(4a) over |σ| <= 1 at the last state, a = ψψ_ss/(4(n-1)); O(a) in
            theory.
        tau: the largest τ reached.
    """

    dim: int
    time: float
    error: float
    blow_up: BlowUp
    radius: float
    radius_linear: float
    bend: float
    profile: float
    tau: float

    def __str__(self) -> str:
        card = Card(f"Neckpinch of S^{self.dim}, followed to T - t = {np.exp(-self.tau):.1e}")
        card.row("singular time T", f"{self.time:.12g}", f"± {self.error:.1e}")
        card.row("p of |Rm| ~ (T - t)^-p", self.blow_up.rate, "type I: 1")
        card.row("(T - t) max |Rm|", self.blow_up.constant, f"a cylinder: {cylinder(self.dim):.4g}")
        card.row("ψ²/(2(n-1)(T - t))", self.radius, "limit; theory 1")
        card.row("the same, a line in 1/τ", self.radius_linear, "limit; theory 1")
        card.row("(n-1)/(2τ ψψ_ss)", self.bend, "limit; theory 1")
        return str(card.row("profile for |σ| <= 1", self.profile, "largest defect relative to 1/(2τ); theory 0"))


def cylinder(dim: int) -> float:
    r"""Return (T - t)|Rm| of the shrinking cylinder R × S^n, n = dim - 1: (n/(2(n-1)))^{1/2}."""
    n = dim - 1
    return float(np.sqrt(n / (2 * (n - 1))))


def asymptotics(run: Approach) -> Neckpinch:
    r"""Measure the asymptotics of a neckpinch.

    Args:
        run: a neck followed from τ = 7 (T - t about 1e-3) over 6 e-foldings or more, see `approach`.

    Raises:
        ArgumentError: the run ends too early.

    Good values: a run to ψ = 1e-5, T - t about 1e-10.
    Limits: the lengths of the metric are taken as they are; the asymptotics hold in any unit, but sooner or later.
    """
    n = run.flow.dim - 1
    # a cylinder's curvature is that of its spheres: the neck tells T best
    end = blow_up(-run.before, 1 / run.neck**2)
    left = end.time + run.before
    tau = -np.log(left)
    if tau[-1] < FROM + SPAN:
        raise ArgumentError(
            f"The run must reach T - t = {np.exp(-FROM - SPAN):.1e} or less, but ends at {left[-1]:.3g}. Run to a "
            "smaller radius.",
            tau=float(tau[-1]),
        )
    even = np.linspace(max(FROM, tau[0]), tau[-1], _SAMPLES)
    squares, bends = np.interp(even, tau, run.neck**2 / left), np.interp(even, tau, (n - 1) / (2 * run.bend))
    logarithm, one = np.log(even), np.ones_like(even)
    return Neckpinch(
        dim=run.flow.dim,
        time=float(run.time + end.time),
        error=end.error,
        blow_up=blow_up(-run.before, run.curvature),
        radius=_first(squares, one, 1 / even, logarithm / even**2) / (2 * (n - 1)),
        radius_linear=_first(squares, one, 1 / even) / (2 * (n - 1)),
        bend=_first(bends, even, logarithm, one),
        profile=_profile_defect(run, end.time),
        tau=float(tau[-1]),
    )


def _first(values: np.ndarray, *columns: np.ndarray) -> float:
    return float(np.linalg.lstsq(np.stack(columns, axis=1), values, rcond=None)[0][0])


def _profile_defect(run: Approach, left: float) -> float:
    n = run.flow.dim - 1
    psi, _ = as_function(run.flow, run.state)
    place, _ = min(find_necks(*run.flow.profile(run.state)), key=lambda neck: neck[1])
    sigma = np.linspace(-1, 1, 41)
    u_squared = psi(place + sigma * np.sqrt(left)) ** 2 / (2 * (n - 1) * left)
    slope = run.bend[-1] / (n - 1)  # 4a
    return float(np.max(np.abs(u_squared - 1 - slope * (sigma**2 / 2 - 1))) / slope)
