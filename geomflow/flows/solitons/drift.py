r"""Solitons fed back to the flow: they only move by diffeomorphisms and homotheties.

A soliton moves under Ricci flow as \(g(t) = \sigma(t)\,\varphi_t^*g\), σ = 1 - 2λt, where φ_t flows along ∇f/σ. With
V the DeTurck field of the line (as `RotationalFlow` has it),

    ∂_τ g = -2 Ric + 2λg - L_X g + L_V g,   X = ∇f of the soliton,   τ = -log(1 - 2λt)/(2λ)

is Ricci flow in coordinates and units that go with the soliton, which does not move in it at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import sympy as sp
from jaxtyping import Array, Float
from scipy.integrate import solve_ivp

from geomflow.codegen.program import Argument, Program
from geomflow.core.errors import ArgumentError
from geomflow.flows.base import Flow
from geomflow.flows.solitons.soliton import Soliton, positive
from geomflow.flows.solve import Method, Solution
from geomflow.flows.solve.banded import Banded
from geomflow.flows.warped.rotational import Profile
from geomflow.geometry.differences import centred_weights
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.charts.constructions import round_sphere, warped_product
from geomflow.symbolic.charts.line_element import line_element

ORDER = 6
REACH = ORDER // 2


@cache
def moving_rates(dim: int) -> Callable[..., Array]:
    r"""Return (φ, φ_x, φ_xx), (ψ, ψ_x, ψ_xx), (X, X_x), λ -> (φ_τ, ψ_τ), derived and generated; V = (n-1)φ_x/φ³."""
    line = Chart("x", "lam", {"phi": "x", "psi": "x", "X": "x"})
    metric = warped_product(line_element(line, "phi^2*dx^2"), round_sphere(dim - 1, " ".join(_angles(dim))), "psi")
    along = [f"{dim - 1}*phi'/phi^3 - X", *["0"] * (dim - 1)]
    motion = metric.lie_derivative(along) - metric.ricci() * 2 + metric.g() * "2*lam"
    functions = metric.chart.functions
    (x,) = functions["phi"].args
    jets = {name: sp.symbols(" ".join(f"{name}{k}" for k in range(count))) for name, count in _COUNTS.items()}
    names = {
        sp.Derivative(functions[name], (x, k)) if k else functions[name]: symbol
        for name, symbols in jets.items()
        for k, symbol in enumerate(symbols)
    }
    # 2φφ_τ and 2ψψ_τ are the first two diagonal components
    outputs = [motion[i, i] / (2 * functions[name]) for i, name in enumerate(("phi", "psi"))]
    arguments = [*(Argument(f"{name}_jet", symbols) for name, symbols in jets.items()), Argument("constant", _LAM)]
    names |= dict(zip(metric.chart.constants, _LAM, strict=True))
    doc = f"Rotationally symmetric Ricci flow as seen from a soliton, dimension {dim}."
    return jax.jit(Program("moving_rates", arguments, [e.xreplace(names) for e in outputs], doc=doc).compile())


_COUNTS, _LAM = {"phi": 3, "psi": 3, "X": 2}, (sp.Symbol("lam"),)


def _angles(dim: int) -> list[str]:
    return [f"u{k}" for k in range(1, dim)]


class SolitonFlow(Flow):
    r"""Ricci flow on a ball about the origin, seen from a rotationally symmetric soliton that fills the rest of space.

    The points lie at arclengths x_j = jL/(M + 1), j = 1 ... M, of the soliton; beyond L the metric is the soliton's.

    Args:
        dim: n.
        spacing: L/(M + 1).
        constant: λ.
        field: X and X_x at the points, shape (2, M).
        beyond: w at the `REACH` points from L on.
    """

    dim: int = eqx.field(static=True)
    spacing: float
    constant: float
    field: Float[Array, "2 M"]
    beyond: Float[Array, " R"]

    @classmethod
    def about(cls, soliton: Soliton, length: float, points: int = 80) -> tuple[SolitonFlow, Profile]:
        r"""Return the flow and the soliton as its state.

        Raises:
            ArgumentError: not rotationally symmetric, without an origin, or not sampled so far; too few points.
        """
        positive("length", length)
        if soliton.parity.get("w", (0, 0))[0] != -1 or soliton.panels.closes[1]:
            raise ArgumentError(
                f"The flow about a soliton wants one on R^n with rotational symmetry, not the {soliton.name}."
            )
        if points < 2 * REACH:
            raise ArgumentError(f"Argument `points` must be at least {2 * REACH}, but is {points}.")
        spacing = length / (points + 1)
        x = spacing * np.arange(1, points + 1 + REACH)
        w = soliton.at(x)["w"]
        slopes = soliton.panels.jet(soliton.potential)[1:]
        field = [soliton.panels.at(row, x[:points], (parity, 1)) for row, parity in zip(slopes, (-1, 1), strict=True)]
        flow = cls(soliton.dim, spacing, soliton.constant, jnp.asarray(np.stack(field)), jnp.asarray(w[points:]))
        return flow, Profile(jnp.ones(points), jnp.asarray(w[:points]))

    def __call__(self, t: Any, state: Profile) -> Profile:
        r"""Return (φ_τ, ψ_τ)."""
        closed = 2 * jnp.asarray(centred_weights(1, ORDER)[REACH + 1 :], dtype=float) @ state.psi[:REACH]
        phi = self._jet(state.phi, 1, closed / self.spacing, jnp.ones(REACH))
        psi = self._jet(state.psi, -1, jnp.zeros(()), self.beyond)
        constant = jnp.full((1, 1), self.constant)
        return Profile(*moving_rates(self.dim)(phi, psi, self.field, constant))

    def _jet(self, values: Array, parity: int, origin: Array, beyond: Array) -> Float[Array, "3 M"]:
        # at the origin φ is ψ_x: the metric is smooth there
        line = jnp.concatenate([parity * values[REACH - 1 :: -1], origin[None], values, beyond])
        shifted = [line[1 + k : 1 + k + values.shape[0]] for k in range(2 * REACH + 1)]
        rows = [
            sum(float(c) * f for c, f in zip(centred_weights(m, ORDER), shifted, strict=True) if c) / self.spacing**m
            for m in (1, 2)
        ]
        return jnp.stack([values, *map(jnp.asarray, rows)])

    def leaves(self, state: Profile) -> Callable[[Profile], Array]:
        r"""Return the smaller of φ and ψ."""
        return _least

    def method(self, state: Profile) -> Method:
        r"""Return the banded stiff solver."""
        return Banded(2 * REACH + 1, 2 * REACH + 1)


def _least(state: Profile) -> Array:
    return jnp.minimum(jnp.min(state.phi), jnp.min(state.psi))


@dataclass(frozen=True)
class Drift:
    r"""How far the flow carries a soliton from its own motion.

    Args:
        velocity: max of |φ_τ| and |ψ_τ|/w at the beginning, in units of max|Rm| or |λ|, the larger.
        distance: max of |φ - 1| and |ψ/w - 1| at the end.
        solution: the run.
    """

    velocity: float
    distance: float
    solution: Solution


def drift(soliton: Soliton, *, span: float = 1.0, length: float | None = None, points: int = 80) -> Drift:
    r"""Evolve a soliton on R^n by the flow, in its own coordinates and units, and measure how far it moves in them.

    Args:
        soliton: rotationally symmetric, with an origin.
        span: τ.
        length: radius L of the ball that is evolved; half of what is sampled, and 8/√max|Rm| at most, by default.
        points: M.

    Raises:
        ArgumentError: as `SolitonFlow.about`.
        FlowError: the run ended early.

    Good values: 80 points on the default ball: 1e-7 to 1e-6, falling like the sixth power of the spacing.
    """
    most = float(np.max(soliton.curvature))
    rate = max(most, abs(soliton.constant)) or 1.0
    flow, state = SolitonFlow.about(soliton, length or min(soliton.panels.edges[-1] / 2, 8 / np.sqrt(rate)), points)
    velocity = flow(0.0, state)
    solution = flow.run(state, span, rtol=1e-10, atol=1e-12)
    last = solution.require_completed(f"flow about the {soliton.name}").last
    speed = max(float(jnp.max(jnp.abs(a / b))) for a, b in zip(velocity, state, strict=True))
    distance = max(float(jnp.max(jnp.abs(a / b - 1))) for a, b in zip(last, state, strict=True))
    return Drift(speed / rate, distance, solution)


def motion(soliton: Soliton, t: float, s: Float[np.ndarray, " N"]) -> Profile:
    r"""Return Ricci flow from a rotationally symmetric soliton at points that stay: φ² ds² + ψ² g at the time t.

        g(t) = σ φ_t^* g:   φ = √σ ∂S/∂s,   ψ = √σ w(S),   dS/dt = f'(S)/σ,   σ = 1 - 2λt

    Args:
        soliton: rotationally symmetric.
        t: any time with σ > 0.
        s: arclengths of the points at t = 0.

    Raises:
        ArgumentError: σ <= 0 (a shrinking soliton is extinct at t = 1/(2λ)), or points that leave what is sampled.
    """
    scale = 1 - 2 * soliton.constant * t
    positive("1 - 2 lam t", scale)
    slopes = soliton.panels.jet(soliton.potential)
    parity = soliton.parity["w"]

    def rate(time: float, state: np.ndarray) -> np.ndarray:
        place, stretch = np.split(state, 2)
        along = soliton.panels.at(slopes[1], place, (-1, -1))
        across = soliton.panels.at(slopes[2], place)
        return np.concatenate([along, across * stretch]) / (1 - 2 * soliton.constant * time)

    start = np.concatenate([s, np.ones_like(s)])
    end = solve_ivp(rate, (0.0, t), start, "DOP853", rtol=1e-12, atol=1e-13).y[:, -1] if t else start
    place, stretch = np.split(end, 2)
    return Profile(*(jnp.asarray(np.sqrt(scale) * x) for x in (stretch, soliton.panels.at(soliton.w, place, parity))))
