r"""The propagator of an infinitely wide network in momentum space, and the action it is the propagator of.

$$G(p) = \int d^dz\,e^{-ip\cdot z}\,G(z),\qquad
  S[f] = \tfrac12\int\frac{d^dp}{(2\pi)^d}\,\frac{|f(p)|^2}{G(p)} = \frac12\int d^dx\,f\,G(-i\partial)^{-1}f$$
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import sympy as sp

from geomflow.core.errors import DerivationError
from geomflow.symbolic.derivation import Derivation
from geomflow.symbolic.kernels.locality import OperatorExpansion, expand_symbol
from geomflow.symbolic.kernels.random_features.base import SIGMA, RandomFeatures, components, dot, moved
from geomflow.symbolic.kernels.random_features.gaussian_integrals import integrate_gaussian


@dataclass(frozen=True)
class Propagator:
    r"""The two-point function of a translation-invariant network, in position and in momentum space.

    Args:
        displacement, momentum: the components z1.. of z = x - y, and p1.. of p.
        position: $G(z) = \mathbb E f(x)f(y)$.
        propagator: $G(p)$.
        action: $G(p)^{-1}$, the quadratic action as a function of the momentum.
        action_series: $G(0)\,G(-i\partial)^{-1}$ as a series of Laplacians in σ; infinitely many, since
            $e^{-\sigma^2\Delta/2}$ undoes the smoothing that the network does.
        derivation: the steps; the last but one transforms back.
    """

    displacement: tuple[sp.Symbol, ...]
    momentum: tuple[sp.Symbol, ...]
    position: sp.Expr
    propagator: sp.Expr
    action: sp.Expr
    action_series: OperatorExpansion
    derivation: Derivation


@cache
def derive_propagator(net: RandomFeatures, order: int = 4) -> Propagator:
    r"""Derive G(p) by completing the square, its inverse, and the action as a series of Laplacians.

    Args:
        net: `cos_features(dim)` or `gauss_features(dim)`: the same result.
        order: the highest power of σ kept in the series.

    Raises:
        DerivationError: the two-point function is not translation invariant (`cos_features(dim, phase=False)`).

    Reference: arXiv 2112.04527 (propagators and actions of networks).
    """
    dim = len(net.x)
    y, z, p = components("y", dim), components("z", dim), components("p", dim)
    steps = Derivation(f"The propagator of the {net.name} in dimension {dim}")
    there = [yj + zj for yj, zj in zip(y, z, strict=True)]
    position: Any = sp.expand(moved(net.average(net.at(net.x) * net.at(y)), net.x, there), power_exp=False)
    position = position.replace(sp.exp, lambda e: sp.exp(sp.expand(e)))
    if position.has(*y):
        raise DerivationError(
            f"The two-point function of the {net.name} depends on more than x - y: {position}. Momentum space needs "
            "a translation-invariant network."
        )
    steps.add(sp.latex(position), r"two-point function, $z = x - y$", "G(z)")
    propagator = integrate_gaussian(position * sp.exp(-sp.I * dot(p, z)), z)
    steps.add(sp.latex(propagator), r"$\int d^{d}z\, e^{-ip\cdot z}$: complete the square", "G(p)")
    back = integrate_gaussian(propagator * sp.exp(sp.I * dot(p, z)), p) / (2 * sp.pi) ** dim
    if sp.expand(back - position, power_exp=False) != 0:
        raise DerivationError(f"G(p) does not transform back into G(z): {back} against {position}.")
    action = sp.powsimp(1 / propagator)
    steps.add(sp.latex(action), "the quadratic action is the inverse", "G(p)^{-1}")
    steps.add(sp.latex(back), r"transform back: $\int d^{d}p\, e^{ip\cdot z}/(2\pi)^{d}$", "G(z)")
    normalised = sp.powsimp(action / action.subs(dict.fromkeys(p, 0)))
    series = expand_symbol(normalised, SIGMA, order, p)
    steps.add(series.latex("f"), r"$p \to -i\partial$, expand in $\sigma$", r"G(0)\, G(-i\partial)^{-1} f")
    return Propagator(z, p, position, propagator, action, series, steps)
