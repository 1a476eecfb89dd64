r"""How fast a tangent kernel moves at the start of training: like 1/N, and not at all for the last layer.

Gradient flow of a loss with residual r moves the parameters by $\dot\theta = -\int r(z)\,\partial_\theta f(z)\,dz$,
hence

$$\dot\Theta_N(x,y) = -\int\Gamma_N(x,y;z)\,r(z)\,dz,\qquad
  \Gamma_N = \sum_I\frac{\partial\Theta_N(x,y)}{\partial\theta_I}\frac{\partial f(z)}{\partial\theta_I}$$

$\Theta_N$ is 1/N times a sum over neurons and f is $N^{-1/2}$ times one, so $\Gamma_N = N^{-3/2}\sum_n\gamma_n$ with
independent γ. They are odd in the amplitude: the mean vanishes, and the standard deviation is a constant over N.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import sympy as sp

from geomflow.core.errors import DerivationError
from geomflow.symbolic.derivation import Derivation
from geomflow.symbolic.kernels.random_features.base import SIGMA, SIGMA_A, SLOPE, WIDTH, RandomFeatures


@dataclass(frozen=True)
class TangentDrift:
    r"""The rate $\Gamma_N(x,x;x)$ at which a tangent kernel moves when all parameters train.

    Args:
        x: the point.
        sigma, sigma_a, width: the symbols σ, σ_a and N.
        mean: $\mathbb E\,\Gamma_N$, zero.
        variance: $\mathrm{Var}\,\Gamma_N$ over draws at initialisation, a function of x over N².
        last_layer: $\Gamma_N$ when the amplitudes alone train: zero for every draw (frozen).
        derivation: the steps.
    """

    x: tuple[sp.Symbol, ...]
    sigma: sp.Symbol
    sigma_a: sp.Symbol
    width: sp.Symbol
    mean: sp.Expr
    variance: sp.Expr
    last_layer: sp.Expr
    derivation: Derivation


@cache
def derive_drift(net: RandomFeatures) -> TangentDrift:
    r"""Derive mean and variance of $\Gamma_N(x,x;x)$ for a, $\hat b = \sigma b$ and c trained.

    Args:
        net: `cos_features(dim)` or `gauss_features(dim)`.

    Raises:
        DerivationError: the mean does not vanish, so that the drift would not fall with the width.

    Reference: arXiv 1909.08156 (the hierarchy of tangent kernels); arXiv 1909.11304 (powers of the width).
    """
    steps = Derivation(f"The drift of the {net.name}'s tangent kernel, all parameters trained")
    last, share, slope = net.tangent(net.x)
    in_a, in_c = sp.diff(net.neuron, net.amplitude), sp.diff(net.neuron, net.phase)
    steps.add(sp.latex(share), rf"one neuron, ${sp.latex(SLOPE)} = {sp.latex(slope)}$", r"\theta(x,x)")
    # At one point b enters through b·x + c alone: b̂ adds x²/σ² times what c contributes, 1 + x²/σ² = s in all.
    gamma = sp.diff(share, net.amplitude) * in_a + SLOPE * sp.diff(share, net.phase) * in_c
    steps.add(sp.latex(sp.factor(gamma)), "sum over its parameters", r"\gamma = \partial\theta\cdot\partial h")
    mean = net.average(sp.expand(gamma))
    if mean != 0:
        raise DerivationError(f"The drift of the {net.name} has the mean {mean}, which no width removes.")
    steps.add("0", "odd in $a$", r"\mathbb{E}\,\gamma")
    variance = sp.factor(net.average(sp.expand(gamma**2))) / WIDTH**2
    steps.add(sp.latex(variance), r"$\Gamma_N = N^{-3/2}\sum_n\gamma_n$", r"\mathrm{Var}\,\Gamma_{N}(x,x;x)")
    frozen = sp.expand(sp.diff(last, net.amplitude) * in_a)
    steps.add(sp.latex(frozen), "only the amplitudes trained", r"\gamma_{\mathrm{last}}")
    return TangentDrift(net.x, SIGMA, SIGMA_A, WIDTH, sp.Integer(0), variance.subs(SLOPE, slope), frozen, steps)
