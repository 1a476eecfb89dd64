r"""The Gaussian expectation of a product of two terms: complete the square, then Stein, Dirac or Price.

$$\mathbb E\,u^m e^{Au^2 + Bu}\varepsilon(u)\;v^n e^{A'v^2 + B'v}\varepsilon'(v)
  = \frac{e^{\frac12\beta\cdot\Sigma'\beta}}{\sqrt{D}}\;
    \mathbb E'\,(u + h)^m\varepsilon(u + h)\,(v + h')^n\varepsilon'(v + h'),\qquad h = \Sigma'\beta,\ \beta = (B, B')$$

The quadratic exponents tilt the Gaussian measure to $\Sigma'^{-1} = \Sigma^{-1} - 2\,\mathrm{diag}(A, A')$ with
$D = (1-2Ap)(1-2A'q) - 4AA'c^2$; δ(u) is their limit A → -∞. The linear exponents move the mean to h. What remains are
moments (rule 1), moments of one edge (Stein), or of two centred edges (Price).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp

from geomflow.core.errors import DerivationError
from geomflow.symbolic.kernels.duals.dual import C, P, Q
from geomflow.symbolic.kernels.duals.isserlis import edge_moment, moment
from geomflow.symbolic.kernels.duals.price import COVARIANCE, A, B, E, H, edge_correlation
from geomflow.symbolic.kernels.duals.term import Term
from geomflow.symbolic.kernels.duals.tidy import inverse_root, real_and_imaginary, tidy

#: A real summand of an expectation: a rational coefficient times a product of roots, exponentials and functions.
Summand = tuple[sp.Expr, sp.Expr]


@dataclass(frozen=True)
class Tilted:
    r"""The tilted covariance Σ' = (variance_u, variance_v; covariance)/D, and the weight `constant`/√D."""

    variance_u: Any
    variance_v: Any
    covariance: Any
    denominator: Any
    constant: Any

    @classmethod
    def by(cls, f: Term, g: Term, p: Any, q: Any, c: Any) -> Tilted:
        r"""Tilt (p, q, c) by the quadratic exponents and Dirac terms of f(u) and g(v)."""
        determinant = p * q - c**2
        if f.kind == g.kind == "dirac":
            return cls(0, 0, 0, determinant, 1 / (2 * sp.pi))
        if f.kind == "dirac":
            return cls(0, determinant, 0, p - 2 * g.square * determinant, 1 / sp.sqrt(2 * sp.pi))
        if g.kind == "dirac":
            return cls(determinant, 0, 0, q - 2 * f.square * determinant, 1 / sp.sqrt(2 * sp.pi))
        denominator = (1 - 2 * f.square * p) * (1 - 2 * g.square * q) - 4 * f.square * g.square * c**2
        return cls(p - 2 * g.square * determinant, q - 2 * f.square * determinant, c, denominator, 1)


def expectation(f: Term, g: Term) -> list[Summand]:
    r"""Return the real part of $\mathbb E\,f(u)g(v)$, (u, v) centred Gaussian with variances p, q and covariance c.

    Raises:
        DerivationError: an edge stands with an exponential of a linear function, or gets a complex argument.
    """
    p, q = P, Q
    if g.kind == "edge" and f.kind != "edge":
        f, g, p, q = g, f, q, p
    tilted = Tilted.by(f, g, p, q, C)
    if f.kind == g.kind == "edge":
        return _two_edges(f, g, tilted)
    d = tilted.denominator
    p1, q1, c1 = tilted.variance_u / d, tilted.variance_v / d, tilted.covariance / d
    mean_u, mean_v = p1 * f.slope + c1 * g.slope, c1 * f.slope + q1 * g.slope
    exponent = (f.slope * mean_u + g.slope * mean_v) / 2 + f.shift + g.shift
    coefficient = f.coefficient * g.coefficient * tilted.constant
    if f.kind != "edge":
        return _real(coefficient * moment(f.power, g.power, p1, q1, c1, mean_u, mean_v), exponent, inverse_root(d))

    # One edge: Stein's lemma leaves an error function and a density of the moved mean.
    scale, noise, spread = _edge(f, tilted.variance_u, d)
    alpha, beta = edge_moment(f.power, g.power, p1, q1, c1, noise, mean_u, mean_v)
    decay = mean_u**2 * scale * d / (2 * spread)
    density = sp.sqrt(2 / sp.pi) * sp.sqrt(scale) * coefficient * beta
    summands = _real(density, exponent - decay, inverse_root(spread))
    if mean_u != 0 and alpha != 0:
        unit, argument = _erf(mean_u, sp.sqrt(scale / 2) * inverse_root(spread) / inverse_root(d))
        summands += _real(unit * coefficient * alpha, exponent, argument * inverse_root(d))
    return summands


def _two_edges(f: Term, g: Term, tilted: Tilted) -> list[Summand]:
    if not (f.centred and g.centred):
        raise DerivationError(
            "Two edges with an exponential of a linear function are bivariate normal probabilities, "
            f"but the activation contains {(f if g.centred else g).expression()}."
        )
    d, c = tilted.denominator, tilted.covariance
    x, e, spread_u = _edge(f, tilted.variance_u, d)
    y, h, spread_v = _edge(g, tilted.variance_v, d)
    price = edge_correlation(f.power, g.power, f.sharp, g.sharp)
    # a = spread_u/(x d) and b = spread_v/(y d), so that w² = ab - c² is `square`/(x y d).
    square = tidy((spread_u * spread_v - x * y * c**2) / d)
    letters = [g.as_expr() for g in (A, B, E, H, COVARIANCE)]
    values = dict(zip(letters, (spread_u / (x * d), spread_v / (y * d), e, h, c / d), strict=True))
    root, order = price.split_root()
    factor = 2 / sp.pi * f.coefficient * g.coefficient
    area = sp.sqrt(x * y)
    found = root.as_expr().xreplace(values) * (x * y * d) ** (-order) * area
    angle = sp.asin(area * c * inverse_root(spread_u) * inverse_root(spread_v))
    exponent = f.shift + g.shift
    return [
        *_real(factor * found, exponent, square**order * inverse_root(square)),
        *_real(factor * price.angle.as_expr().xreplace(values), exponent, angle * inverse_root(d)),
    ]


def _edge(term: Term, variance: Any, denominator: Any) -> tuple[Any, Any, Any]:
    r"""Return x, e and $x(p' + e)D$ of an edge: x = 2k² = 1/e of erf(ku), x = 1 and e = 0 of sign u."""
    if term.sharp:
        return sp.S.One, sp.S.Zero, variance
    scale = 2 * term.steepness**2
    return scale, 1 / scale, scale * variance + denominator


def _erf(mean: Any, factor: Any) -> tuple[sp.Expr, sp.Expr]:
    r"""Return the unit and the real function that make up erf(mean × factor), with erf(ix) = i erfi(x)."""
    real, imaginary = real_and_imaginary(mean)
    if imaginary == 0:
        return sp.S.One, sp.erf(tidy(real) * factor)
    if real == 0:
        return sp.I, sp.erfi(tidy(imaginary) * factor)
    raise DerivationError(
        "An edge beside exp(a u)·cos(b u) leads to the error function of a complex argument, which no rule covers."
    )


def _real(coefficient: Any, exponent: Any, factor: sp.Expr) -> list[Summand]:
    r"""Return Re(coefficient × e^exponent) × factor; in a real activation imaginary parts cancel in the sum."""
    if coefficient == 0:
        return []
    growth, phase = (tidy(part) for part in real_and_imaginary(exponent))
    factor = factor * sp.exp(growth)
    if phase == 0 and not coefficient.has(sp.I):
        return [(coefficient, factor)]
    real, imaginary = real_and_imaginary(coefficient)
    found = [(real, factor * sp.cos(phase)), (-imaginary, factor * sp.sin(phase))]
    return [(value, key) for value, key in found if value != 0 and key != 0]
