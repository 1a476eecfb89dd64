r"""One-dimensional quadrature rules for the coordinates of a chart: periodic, finite, half and whole lines.

    ∫ f dx  ≈  Σ_i w_i f(x_i)

The weights belong to dx: whatever a rule is adapted to (sin^p θ, e^{-x²}, a map to the half line) is divided out
again, so that f is the density as one writes it down, √g included.

Reference: Davis and Rabinowitz, Methods of Numerical Integration (1984), chapters 2 and 3; Boyd, Chebyshev and Fourier
Spectral Methods (2001), chapter 17, for the maps.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from geomflow.core.errors import ArgumentError

Nodes = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Rule:
    r"""A one-dimensional rule: `nodes(count)` are x_i and w_i with Σ w_i f(x_i) ≈ ∫ f dx.

    Args:
        name: the rule and its interval, for people.
        nodes: from a number of points to nodes and weights.
        most: the most points it can make in float64.
    """

    name: str
    nodes: Callable[[int], Nodes]
    most: int = 4096


def periodic(period: float = 2 * math.pi) -> Rule:
    r"""Return the trapezoidal rule on [0, period): exponentially accurate for smooth periodic f, exact below mode N."""
    return Rule(f"periodic [0, {period:.6g})", lambda n: (np.arange(n) * period / n, np.full(n, period / n)))


def legendre(a: float, b: float) -> Rule:
    r"""Return Gauss-Legendre on [a, b]: exact for polynomials of degree 2N - 1."""
    _ordered(a, b)

    def nodes(n: int) -> Nodes:
        t, w = special.roots_legendre(n)
        return (a + b + (b - a) * t) / 2, (b - a) / 2 * w

    return Rule(f"Gauss-Legendre [{a:.6g}, {b:.6g}]", nodes)


def polar(power: int = 1) -> Rule:
    r"""Return Gauss-Gegenbauer for a colatitude: exact for f = P(cos θ) sin^p θ on (0, π), deg P <= 2N - 1.

    Args:
        power: p >= 1, the power of sin θ in the measure; S^n has n-1, ..., 1 in its successive angles.
    """
    if power < 1:
        raise ArgumentError(f"Argument `power` must be at least 1, but is {power}. Try `legendre(0, math.pi)`.")

    def nodes(n: int) -> Nodes:
        x, w = special.roots_jacobi(n, (power - 1) / 2, (power - 1) / 2)
        theta = np.arccos(x)[::-1]
        return theta, w[::-1] / np.sin(theta) ** power

    return Rule(f"polar sin^{power}", nodes)


def half_line(scale: float = 1.0) -> Rule:
    r"""Return Gauss-Legendre on [0, ∞) under x = L (1 + t)/(1 - t): for f that falls off like a power, x^-2 or faster.

    Args:
        scale: L, the x below which half of the points lie. Good values: where f begins to fall off.
    """
    positive(scale)

    def nodes(n: int) -> Nodes:
        t, w = special.roots_legendre(n)
        return scale * (1 + t) / (1 - t), 2 * scale * w / (1 - t) ** 2

    return Rule(f"half line, L = {scale:.6g}", nodes)


def whole_line(scale: float = 1.0) -> Rule:
    r"""Return the trapezoidal rule on (-∞, ∞) under x = L tan(φ/2): for f that falls off like x^-2, x^-4, ...

    Args:
        scale: L, half of the points lie in [-L, L].
    """
    positive(scale)

    def nodes(n: int) -> Nodes:
        half = (np.arange(n) + 0.5) * math.pi / n - math.pi / 2
        return scale * np.tan(half), scale * math.pi / n / np.cos(half) ** 2

    return Rule(f"whole line, L = {scale:.6g}", nodes)


def double_exponential(a: float, b: float) -> Rule:
    r"""Return the tanh-sinh rule on (a, b), exp-sinh if b = ∞, sinh-sinh if both are infinite.

    It forgives singular ends, such as 1/√x, and slow tails, such as x^-3/2; f is evaluated at up to x = 1e30. Ends
    other than 0 are resolved to 1e-16 only, which leaves 1e-8 of an inverse square root: put such an end at 0.

    Reference: Takahasi and Mori, Publ. RIMS 9 (1974) 721.
    """
    _ordered(a, b)
    if math.isinf(a) and not math.isinf(b):
        raise ArgumentError("A half line must be given as (a, ∞), but it is (-∞, b). Reflect the coordinate.")

    def nodes(n: int) -> Nodes:
        t, h = np.linspace(-4.5, 4.5, n, retstep=True) if n > 1 else (np.zeros(1), 9.0)
        u, du = math.pi / 2 * np.sinh(t), math.pi / 2 * np.cosh(t) * h
        if math.isinf(a):
            return np.sinh(u), np.cosh(u) * du
        if math.isinf(b):
            x, w = a + np.exp(u), np.exp(u) * du
        else:
            x, w = a + (b - a) * special.expit(2 * u), 2 * (b - a) * special.expit(2 * u) * special.expit(-2 * u) * du
        inside = (x > a) & (x < b)  # what rounds to an end would be evaluated on the singularity
        return x[inside], w[inside]

    return Rule(f"double exponential ({a:.6g}, {b:.6g})", nodes)


def laguerre(scale: float = 1.0) -> Rule:
    r"""Return Gauss-Laguerre on [0, ∞): exact for f = P(x) e^{-x/L}, deg P <= 2N - 1."""
    positive(scale)

    def nodes(n: int) -> Nodes:
        x, _ = special.roots_laguerre(n)
        before, now = np.zeros(n), np.exp(-x / 2)
        for k in range(n + 1):  # Laguerre functions e^{-x/2} L_k: e^x times the weight itself would overflow
            before, now = now, ((2 * k + 1 - x) * now - k * before) / (k + 1)
        return scale * x, scale * x / ((n + 1) * now) ** 2

    return Rule(f"Gauss-Laguerre, L = {scale:.6g}", nodes, most=300)


def hermite(scale: float = 1.0) -> Rule:
    r"""Return Gauss-Hermite on (-∞, ∞): exact for f = P(x) e^{-x²/2L²}, deg P <= 2N - 1."""
    positive(scale)

    def nodes(n: int) -> Nodes:
        y, _ = special.roots_hermite(n)
        before, now = np.zeros(n), math.pi**-0.25 * np.exp(-(y**2) / 2)
        for k in range(n - 1):  # orthonormal Hermite functions, for the same reason
            before, now = now, math.sqrt(2 / (k + 1)) * y * now - math.sqrt(k / (k + 1)) * before
        return math.sqrt(2) * scale * y, math.sqrt(2) * scale / (n * now**2)

    return Rule(f"Gauss-Hermite, L = {scale:.6g}", nodes, most=600)


def positive(value: float) -> None:
    r"""Refuse a scale, a radius or a tolerance that is not positive and finite."""
    if not 0 < value < math.inf:
        raise ArgumentError(f"A scale, a radius or a tolerance must be positive and finite, but is {value}.")


def _ordered(a: float, b: float) -> None:
    if not a < b:
        raise ArgumentError(f"An interval must run upwards, but it is [{a}, {b}].")
