r"""Exact solutions on the torus, as flows of the whole tensor g_ij."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import sympy as sp

from geomflow.flows.exact.base import ExactSolution, by_space
from geomflow.flows.torus.deturck import DeTurckFlow
from geomflow.flows.torus.generate import programs
from geomflow.flows.torus.parabolic import values_at
from geomflow.flows.torus.ricci import RicciFlow
from geomflow.geometry.torus import Torus
from geomflow.metrics.spaces import SPACES
from geomflow.metrics.spaces.torus_flows import GOWDY
from geomflow.symbolic.jets import pairs

#: Integration that leaves the exact solution the only judge.
_OPTIONS = {"rtol": 1e-10, "atol": 1e-12}


def diagonal(
    space: str, entries: Sequence[str], torus: Torus, constants: Callable[[float], Mapping[str, float]]
) -> Callable[[float], Any]:
    r"""Return t -> a metric on the grid, packed.

    Args:
        space: the space in whose chart the entries are read.
        entries: the diagonal of its metric, as it is written there (a normal form may be 0/0 at grid points).
        torus: the grid.
        constants: t -> the constants of the chart.
    """
    points = np.asarray(torus.points)

    @cache
    def function() -> Callable[..., Any]:
        chart = SPACES[space].metric.chart
        symbols = [*chart.coordinates, *chart.constants]
        return sp.lambdify([symbols], [chart.parse(entry) for entry in entries], "numpy")

    def state(t: float) -> np.ndarray:
        values = constants(t)
        numbers = [values[c.name] for c in SPACES[space].metric.chart.constants]
        rows = iter(function()([*points, *numbers]))
        return np.stack([next(rows) if i == j else np.zeros(torus.shape) for i, j in pairs(torus.dim)])

    return state


class StraightenedTorus:
    r"""The flat torus in coordinates that DeTurck's flow straightens: an exact solution, and not a linear one.

    Where g(t) = φ_t^* δ is flat, the inverse maps x = φ_t^{-1}(y) solve the heat equation of y, component by component:
    x = y + ε e^{-|k|² t} sin(k·y) is one solution, and with θ = k·y, E = e^{-|k|² t}, κ = k·ε,

        g_ij = δ_ij - c (k_i ε_j + ε_i k_j) + c² |ε|² k_i k_j,   c = E cos θ / (1 + κ E cos θ),   k·x = θ + κ E sin θ.

    Args:
        wave: k, integers.
        shift: ε, with |k·ε| < 1: x(y) is a diffeomorphism.
    """

    def __init__(self, wave: tuple[int, ...], shift: tuple[Any, ...]):
        self.wave, self.shift, self.dim = wave, shift, len(wave)
        self.square = sum(k * k for k in wave)
        self.slope = sum((k * e for k, e in zip(wave, shift)), sp.S.Zero)

    def components(self, theta: sp.Expr, decay: sp.Expr) -> list[sp.Expr]:
        r"""Return g_ij, packed, as functions of θ and E."""
        k, shift = self.wave, self.shift
        c = decay * sp.cos(theta) / (1 + self.slope * decay * sp.cos(theta))
        length = sum(e * e for e in shift)
        return [
            sp.S(int(i == j)) - c * (k[i] * shift[j] + shift[i] * k[j]) + c**2 * length * k[i] * k[j]
            for i, j in pairs(self.dim)
        ]

    def proof(self) -> str:
        r"""Compare ∂_t g with the generated velocity of DeTurck's flow, exactly, at rational points of the circle."""
        theta, decay = sp.symbols("theta decay")
        g = self.components(theta, decay)
        speed = 1 / (1 + self.slope * decay * sp.cos(theta))  # ∂θ/∂(k·x)
        program = programs(self.dim)["deturck_velocity"]
        symbols = [[symbol for symbol, _ in argument.leaves()] for argument in program.arguments]
        first = [speed * sp.diff(entry, theta) for entry in g]
        second = [speed * sp.diff(entry, theta) for entry in first]
        jets = [
            *g,
            *(entry * k for entry in first for k in self.wave),
            *(entry * self.wave[i] * self.wave[j] for entry in second for i, j in pairs(self.dim)),
        ]
        # at fixed x: θ moves by -κ E' sin θ ∂θ/∂(k·x), and E' = -|k|² E
        turning = self.slope * self.square * decay * sp.sin(theta)
        rates = [turning * row - self.square * decay * sp.diff(entry, decay) for entry, row in zip(g, first)]
        for p, e in ((sp.Rational(2, 7), sp.Rational(3, 5)), (sp.Rational(-5, 3), sp.Rational(1, 9))):
            at = {sp.sin(theta): 2 * p / (1 + p**2), sp.cos(theta): (1 - p**2) / (1 + p**2), decay: e}
            given = {s: jet.xreplace(at) for s, jet in zip((s for row in symbols for s in row), jets, strict=True)}
            defects = [
                rate.xreplace(at) - value
                for rate, value in zip(rates, values_at(program.outputs, program.stages, given), strict=True)
            ]
            if any(defects):
                return f"∂_t g - V(g) is {defects} where E = {e}, tan(θ/2) = {p}"
        return ""

    def state(self, torus: Torus, t: float) -> np.ndarray:
        r"""Return g on the grid at time t: k·x = θ + κ E sin θ is solved for θ by Newton's method."""
        decay, slope = float(np.exp(-self.square * t)), float(self.slope)
        phase = np.einsum("i,i...->...", np.array(self.wave, dtype=float), np.asarray(torus.points))
        theta = phase.copy()
        for _ in range(30):
            theta -= (theta + slope * decay * np.sin(theta) - phase) / (1 + slope * decay * np.cos(theta))
        angle = sp.Symbol("theta")
        rows = sp.lambdify(angle, self.components(angle, sp.Float(decay, 17)), "numpy")(theta)
        return np.stack([np.broadcast_to(row, torus.shape) for row in rows]).astype(float)


_PLANE, _SPACE = Torus(2, 48), Torus(3, 24)
_STRAIGHTENED = StraightenedTorus((1, 1), (sp.Rational(1, 10), sp.Rational(1, 20)))

FAMILY = (
    ExactSolution(
        "poisson-tensor",
        "The Poisson solution on T², wave vector (1, 1), as a flow of all components.",
        SPACES["poisson-torus"].reference,
        by_space("poisson-torus"),
        lambda: RicciFlow(_PLANE),
        diagonal(
            "poisson-torus",
            ["sinh(s)/(cosh(s) + cos(m1*x + m2*y))"] * 2,
            _PLANE,
            lambda t: {"m1": 1, "m2": 1, "s": 2 * t + 1.8},
        ),
        0.0,
        0.2,
        _OPTIONS,
    ),
    ExactSolution(
        "gowdy-torus",
        "A polarised Gowdy metric on T³ that flows to flat.",
        SPACES["gowdy-torus"].reference,
        by_space("gowdy-torus"),
        lambda: RicciFlow(_SPACE),
        diagonal("gowdy-torus", GOWDY, _SPACE, lambda t: {"m": 1, "q": 0.15 * float(np.exp(-t))}),
        0.0,
        0.2,
        _OPTIONS,
    ),
    ExactSolution(
        "straightened-torus",
        "Flat T² in crooked coordinates, which DeTurck's flow makes straight.",
        "derived here, from Eells, Sampson, Amer. J. Math. 86 (1964) 109",
        _STRAIGHTENED.proof,
        lambda: DeTurckFlow(_PLANE),
        lambda t: _STRAIGHTENED.state(_PLANE, t),
        0.0,
        0.2,
        _OPTIONS,
    ),
)
