r"""Triaxial metrics on SU(2): Ricci flow is the Darboux-Halphen system, solved by elliptic integrals.

For A > B > C let ω1 = BC, ω2 = CA, ω3 = AB and dτ = 4 dt/(ABC). Then

    dω1/dτ = 2 (ω2 ω3 - ω1 ω2 - ω1 ω3)   and cyclic.

With u² = ω3 - ω1 = B(A - C) and x = (ω2 - ω1)/(ω3 - ω1) in (0, 1), u is a solution of Legendre's equation in x,

    d/dx [x(1-x) du/dx] = u/4,    u = c K(x) - (2p/π) K(1-x),

K and E the complete elliptic integrals of parameter x, and its two coefficients are conserved:

    (π/2) c = u E(1-x) + (BC/u) K(1-x),    p = (AB/u) K(x) - u E(x).

In the variable v = (u/K(x))^½, which falls to zero at extinction, everything is explicit:

    K(1-x)/K(x) = π (c - v²)/(2p)
    w1 = p + v² K (E - K),  w2 = p + v² K (E - (1-x) K),  w3 = p + v² K E
    A = v (w2 w3/w1)^½ and cyclic,    T - t = (1/4p) ∫_0^v (w1 w2 w3)^½ dv

(`geomflow.flows.exact.homogeneous` proves all of it.)

Reference: Darboux (1878); Halphen (1881); for Bianchi IX: Atiyah, Hitchin, The Geometry and Dynamics of Magnetic
Monopoles (1988), chapter 9; Bakas, Orlando, Petropoulos, JHEP 01 (2007) 040, arXiv:hep-th/0610281.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import ellipe, ellipkm1

from geomflow.core.errors import ArgumentError

# The first neglected term of the theta series is q^20 <= e^(-20 π).
_TERMS = np.arange(1, 5)


@dataclass(frozen=True)
class DarbouxHalphen:
    r"""The Ricci flow of one triaxial metric on SU(2).

    Args:
        a, b, c: the metric at t = 0, a > b > c > 0, in the frame dω1 = 2ω2∧ω3 and cyclic.

    Raises:
        ArgumentError: not a > b > c > 0.

    Good values: `DarbouxHalphen(3.0, 2.0, 1.0).extinction`.
    """

    a: float
    b: float
    c: float

    def __post_init__(self):
        if not self.a > self.b > self.c > 0:
            raise ArgumentError(f"A triaxial metric has A > B > C > 0, but found {self.a}, {self.b}, {self.c}.")

    @cached_property
    def constants(self) -> tuple[float, float]:
        r"""The conserved c and p."""
        return conserved(self.a, self.b, self.c)

    @cached_property
    def beginning(self) -> float:
        r"""v at t = 0."""
        a, b, c = self.a, self.b, self.c
        return float(np.sqrt(np.sqrt(b * (a - c)) / ellipkm1(a * (b - c) / (b * (a - c)))))

    def metric(self, v: float) -> np.ndarray:
        r"""Return (A, B, C) at v."""
        w = self._weights(v)
        return v * np.sqrt(np.prod(w)) / w

    def remaining(self, v: float) -> float:
        r"""Return T - t, the time left until extinction, at v."""
        # analytic on [0, v], but steep at the upper end where the metric is far from round
        value, _ = quad(lambda x: np.sqrt(np.prod(self._weights(x))), 0.0, v, epsabs=0.0, epsrel=1e-13, limit=200)
        return value / (4 * self.constants[1])

    @cached_property
    def extinction(self) -> float:
        r"""T."""
        return self.remaining(self.beginning)

    def at(self, t: float) -> np.ndarray:
        r"""Return (A, B, C) at a time 0 <= t < T."""
        if not 0 <= t < self.extinction:
            raise ArgumentError(f"This flow lives for 0 <= t < {self.extinction:.10g}, but t = {t:.10g}.")
        left, top = self.extinction - t, self.beginning * (1 + 1e-12)
        root: Any = brentq(lambda v: self.remaining(v) - left, 0.0, top, xtol=1e-16, rtol=np.float64(1e-15))
        return self.metric(root)

    def _weights(self, v: float) -> np.ndarray:
        first, p = self.constants
        x, complement = modular(np.pi * (first - v**2) / (2 * p))
        k, e = ellipkm1(complement), ellipe(x)
        return p + v**2 * k * (e - np.array([1.0, complement, 0.0]) * k)


def conserved(a: float, b: float, c: float) -> tuple[float, float]:
    r"""Return the two constants c and p of a metric a > b > c > 0."""
    u = np.sqrt(b * (a - c))
    x, complement = c * (a - b) / (b * (a - c)), a * (b - c) / (b * (a - c))
    first = 2 / np.pi * (u * ellipe(complement) + b * c / u * ellipkm1(x))
    return float(first), float(a * b / u * ellipkm1(complement) - u * ellipe(x))


def modular(s: float) -> tuple[float, float]:
    r"""Return the x with K(1-x)/K(x) = s > 0, and 1 - x, each to full relative accuracy.

    Reference: DLMF 20.9.1 and 20.2; x = (θ2/θ3)⁴, 1 - x = (θ4/θ3)⁴ of the nome e^{-πs}.
    """
    if s < 1:
        x, complement = modular(1 / s)
        return complement, x
    q = np.exp(-np.pi * s)
    second = 2 * q**0.25 * (1 + np.sum(q ** (_TERMS * (_TERMS + 1))))
    third, fourth = 1 + 2 * np.sum(q**_TERMS**2), 1 + 2 * np.sum((-1.0) ** _TERMS * q**_TERMS**2)
    return float((second / third) ** 4), float((fourth / third) ** 4)
