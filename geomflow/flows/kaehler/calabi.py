r"""Kähler-Ricci flow of Calabi's metrics on the line bundles O(-k) over CP^(n-1) and on their compactifications."""

from __future__ import annotations

import math
from collections.abc import Mapping

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from geomflow.core.errors import ArgumentError
from geomflow.flows.kaehler.interval import Interval
from geomflow.flows.kaehler.momentum import MomentumFlow, Profile
from geomflow.flows.kaehler.reduction import Ansatz, closed_bundle, open_bundle


class HirzebruchFlow(MomentumFlow):
    r"""∂_t g = -2 Ric on P(O ⊕ O(-k)) over CP^(n-1): for n = 2 the Hirzebruch surface F_k.

        g = dx²/(4F) + F σ3² + x (σ1² + σ2²),   a <= x <= b,   F = L y(1-y) (k + y(1-y) h(y)),   x = a + L y

    with L = b - a; F_1 is CP² with a point blown up. The class moves by a' = -4(n-k), b' = -4(n+k); fibres have area
    πL/k, lines in the zero section πa. If k < n and a/(n-k) < L/(2k), the zero section is contracted first, at
    t = a/(4(n-k)), for k = 1 to a point of CP^n; there the flow looks like the shrinker of Feldman, Ilmanen and Knopf:
    on F_1 from (1, 4), (T-t) max |Rm| = 2.8887 at T - t = 1e-3 T with 128 points, against 2.88845 for the shrinker.
    Otherwise the fibres collapse, at L/(8k).

    Args:
        k: degree, 1 or more.
        n: complex dimension, 2 or more.
        size: number of points in y. Good values: 32; 128 to follow a contraction to T - t = 1e-3 T. Points are
            needed like √(b/a), and a run that has too few of them shows in the observable "tail".

    Good values: `HirzebruchFlow().standard(1.0, 4.0)`, contraction at t = 0.25; `(1.0, 2.0)`, collapse at t = 0.125.
    Reference: J. Song, B. Weinkove, J. reine angew. Math. 659 (2011) 141; D. Máximo, same journal 691 (2014) 225.
    """

    k: int = eqx.field(static=True)
    n: int = eqx.field(static=True)
    interval: Interval

    def __init__(self, k: int = 1, n: int = 2, size: int = 32):
        self.k, self.n, self.interval = *_bundle(k, n), Interval(size)

    @property
    def ansatz(self) -> Ansatz:
        r"""x = a + L y, F = L d (k + d h), d = y (1 - y)."""
        return closed_bundle(self.k)

    def standard(self, a: float, b: float) -> Profile:
        r"""Return the metric with the profile F = k (x-a)(b-x)/(b-a)."""
        state = Profile(jnp.asarray([float(a), float(b)]), jnp.zeros(self.interval.size))
        self.check(state)
        return state

    def lengths(self, ends: Float[Array, "2"]) -> Mapping[str, Array]:
        r"""Return a and b - a."""
        return {"the zero section is contracted": ends[0], "the fibres collapse": ends[1] - ends[0]}

    def class_numbers(self, ends: Float[Array, "2"]) -> Mapping[str, Array]:
        r"""Return the volume πⁿ(bⁿ-aⁿ)/(k n!), b - a, and the areas of a fibre and of a line in the zero section."""
        a, b = ends
        return {
            "volume": math.pi**self.n * (b**self.n - a**self.n) / (self.k * math.factorial(self.n)),
            "length": b - a,
            "fibre_area": math.pi * (b - a) / self.k,
            "section_area": math.pi * a,
        }


class LineBundleFlow(MomentumFlow):
    r"""∂_t g = -2 Ric on the line bundle O(-k) over CP^(n-1), for metrics asymptotic to a cone.

        g = dx²/(4F) + F σ3² + x (σ1² + σ2²),   x >= a,   F = x (1-y) (k + (1-y) h(y)),   x = a/y,   a' = -4(n-k)

    F/x is smooth in a/x: F/x → κ = k + h(0) at infinity, the slope of the cone, which does not change. For k < n the
    zero section is contracted at a/(4(n-k)). Fixed points h are solitons, as they only change scale: for n = 2, k = 1
    and the constant h = 1/√2 - 1 the shrinker of Feldman, Ilmanen and Knopf; for k = n Calabi's Ricci-flat metrics.

    Args:
        k: degree, 1 or more.
        n: complex dimension, 2 or more.
        size: number of points in y. Good values: 16 to 32.

    Good values: `flow.standard(2.0, 0.7)`.
    Reference: M. Feldman, T. Ilmanen, D. Knopf, J. Differential Geom. 65 (2003) 169.
    """

    k: int = eqx.field(static=True)
    n: int = eqx.field(static=True)
    interval: Interval

    def __init__(self, k: int = 1, n: int = 2, size: int = 24):
        self.k, self.n, self.interval = *_bundle(k, n), Interval(size)

    @property
    def ansatz(self) -> Ansatz:
        r"""x = a/y, F = x d (k + d h), d = 1 - y."""
        return open_bundle(self.k)

    def standard(self, a: float, slope: float) -> Profile:
        r"""Return the metric with constant h, asymptotic to a cone with F/x → slope."""
        state = Profile(jnp.asarray([float(a)]), jnp.full(self.interval.size, slope - self.k))
        self.check(state)
        return state

    def lengths(self, ends: Float[Array, "1"]) -> Mapping[str, Array]:
        r"""Return a."""
        return {"the zero section is contracted": ends[0]}

    def class_numbers(self, ends: Float[Array, "1"]) -> Mapping[str, Array]:
        r"""Return a, where the interval starts, and πa, the area of a line in the zero section."""
        return {"start": ends[0], "section_area": math.pi * ends[0]}


def _bundle(k: int, n: int) -> tuple[int, int]:
    if k < 1:
        raise ArgumentError(f"Argument `k` is the degree of the bundle O(-k) and must be 1 or more, but is {k}.")
    if n < 2:
        raise ArgumentError(
            f"Argument `n` is the complex dimension and must be 2 or more, but is {n}. On CP¹ use `ProjectiveFlow(1)`."
        )
    return k, n
