r"""The four-point function at four different points: where networks of one kernel differ at finite width.

Cumulants of independent neurons add. With $f = N^{-1/2}\sum_n h_n$ and vanishing odd moments the connected part is

$$\langle f_1f_2f_3f_4\rangle_c
  = \tfrac1N\big[\mathbb E\,h_1h_2h_3h_4 - G_{12}G_{34} - G_{13}G_{24} - G_{14}G_{23}\big],\qquad
  G_{ij} = \mathbb E\,h_ih_j$$

It vanishes at N = ∞, where the network is the Gaussian field of its two-point function G.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import sympy as sp

from geomflow.symbolic.derivation import Derivation
from geomflow.symbolic.kernels.random_features.base import (
    SIGMA,
    SIGMA_A,
    SIGMA_C,
    WIDTH,
    RandomFeatures,
    complete_squares,
    components,
    moved,
)

Point = tuple[sp.Symbol, ...]


@dataclass(frozen=True)
class FourPointFunction:
    r"""The four-point function of a random-feature network, at points x, y, z, w and width N.

    Args:
        name: the network.
        points: the components of the four points.
        sigma, sigma_a, sigma_c, width: the symbols σ, σ_a, σ_c and N (the cos-net has no σ_c).
        two_point: $G(x,y)$, the same at every width.
        wick: $G(x,y)G(z,w) + G(x,z)G(y,w) + G(x,w)G(y,z)$, the four-point function at N = ∞.
        connected: what a finite width adds to it, of order 1/N.
        coincident: connected / G² with all points equal to x.
        derivation: the steps.
    """

    name: str
    points: tuple[Point, Point, Point, Point]
    sigma: sp.Symbol
    sigma_a: sp.Symbol
    sigma_c: sp.Symbol
    width: sp.Symbol
    two_point: sp.Expr
    wick: sp.Expr
    connected: sp.Expr
    coincident: sp.Expr
    derivation: Derivation

    @property
    def full(self) -> sp.Expr:
        r"""$\mathbb E\,f(x)f(y)f(z)f(w)$ at width N."""
        return self.wick + self.connected


@cache
def derive_four_point(net: RandomFeatures) -> FourPointFunction:
    r"""Derive the four-point function of a network from one neuron.

    Args:
        net: `cos_features(dim)` or `gauss_features(dim)`.

    Good values: one or two dimensions; 0.2 s.
    Reference: arXiv 2112.04527 (connected correlators of both networks).
    """
    dim = len(net.x)
    points = (net.x, components("y", dim), components("z", dim), components("w", dim))
    at = [net.at(point) for point in points]
    steps = Derivation(f"The four-point function of the {net.name} in dimension {dim}")

    def square(expr: sp.Expr) -> sp.Expr:
        return complete_squares(sp.expand(expr, power_exp=False), *points)

    def pair(i: int, j: int) -> sp.Expr:
        return complete_squares(net.average(at[i] * at[j]), points[i], points[j])

    steps.add(sp.latex(net.neuron), r"one neuron; $f = N^{-1/2}\sum_n h_n$", "h(x)")
    steps.add(sp.latex(pair(0, 1)), r"average over $a$, $b$, $c$", "G(x,y)")
    moment = square(net.average(sp.Mul(*at)))
    steps.add(sp.latex(moment), r"the same average of four neurons", r"\mathbb{E}\,h(x)h(y)h(z)h(w)")
    wick = pair(0, 1) * pair(2, 3) + pair(0, 2) * pair(1, 3) + pair(0, 3) * pair(1, 2)
    connected = (moment - wick) / WIDTH
    steps.add(
        r"\frac{1}{N}\left(\mathbb{E}\,h(x)h(y)h(z)h(w) - G(x,y)G(z,w) - G(x,z)G(y,w) - G(x,w)G(y,z)\right)",
        "cumulants of independent neurons add",
        r"\langle f(x)f(y)f(z)f(w)\rangle_{c}",
    )

    def together(expr: sp.Expr) -> sp.Expr:
        for point in points[1:]:
            expr = moved(expr, point, net.x)
        return sp.expand(expr, power_exp=False)

    coincident = sp.expand(together(connected) / together(pair(0, 1)) ** 2, power_exp=False)
    steps.add(sp.latex(coincident), "all points equal", r"\langle f(x)^{4}\rangle_{c} / G(x,x)^{2}")
    return FourPointFunction(
        net.name, points, SIGMA, SIGMA_A, SIGMA_C, WIDTH, pair(0, 1), wick, connected, coincident, steps
    )
