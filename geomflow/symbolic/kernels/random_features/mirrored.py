r"""The cos-net without phases, $f = \sqrt{2/N}\sum_n a_n\cos(b_n\cdot x)$: every point has a mirror image.

Without the phase f(-x) = f(x), so the kernel cannot be translation invariant: to k(x - y) comes k(x + y).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import sympy as sp

from geomflow.symbolic.derivation import Derivation
from geomflow.symbolic.kernels.random_features.base import (
    SIGMA,
    SIGMA_A,
    WIDTH,
    complete_squares,
    components,
    moved,
    variance_of_mean,
)
from geomflow.symbolic.kernels.random_features.cos_net import cos_features


@dataclass(frozen=True)
class MirroredKernel:
    r"""The kernels of the cos-net without phases.

    Args:
        x, y: the two points.
        sigma, sigma_a, width: the symbols σ, σ_a and N.
        nngp: $\mathbb E f(x)f(y)$.
        last_layer_ntk: the tangent kernel of the amplitudes.
        image: what the phase would have averaged away, $k(x + y)$.
        full_ntk: the tangent kernel of a and $\hat b = \sigma b$.
        finite_width_variance: variance over draws of the last-layer tangent kernel at width N.
        derivation: the steps.
    """

    x: tuple[sp.Symbol, ...]
    y: tuple[sp.Symbol, ...]
    sigma: sp.Symbol
    sigma_a: sp.Symbol
    width: sp.Symbol
    nngp: sp.Expr
    last_layer_ntk: sp.Expr
    image: sp.Expr
    full_ntk: sp.Expr
    finite_width_variance: sp.Expr
    derivation: Derivation


@cache
def derive_mirrored_cos_net(dim: int = 2) -> MirroredKernel:
    r"""Derive the kernels of the cos-net with every phase zero.

    Raises:
        ArgumentError: a dimension other than 1, 2 or 3.
    """
    net, with_phase, y = cos_features(dim, phase=False), cos_features(dim), components("y", dim)
    neuron = net.neuron.subs(net.phase, 0)
    steps = Derivation(f"The cos-net without phase in dimension {dim}")
    steps.add(sp.latex(neuron), r"one neuron; $f = N^{-1/2}\sum_n h_n$", "h(x)")

    def square(expr: sp.Expr) -> sp.Expr:
        return complete_squares(sp.expand(expr, power_exp=False), net.x, y)

    def product(parameter: sp.Symbol) -> sp.Expr:
        gradient = sp.diff(neuron, parameter)
        return gradient * moved(gradient, net.x, y)

    share = product(net.amplitude)
    last_layer = square(net.average(share))
    steps.add(sp.latex(last_layer), "gradient in $a$, average over $b$", r"\Theta(x,y)")
    image = square(last_layer - with_phase.average(with_phase.tangent(y)[0]))
    steps.add(sp.latex(image), "the part that the phase averages away", r"k(x + y)")
    nngp = square(net.average(neuron * moved(neuron, net.x, y)))
    steps.add(sp.latex(nngp), "average over $a$ and $b$", r"\mathbb{E}\,f(x)f(y)")
    full = square(last_layer + sp.Add(*(net.average(product(bj)) / SIGMA**2 for bj in net.frequencies)))
    steps.add(sp.latex(full), r"gradients in $a$ and $\hat b = \sigma b$", r"\Theta_{\mathrm{full}}(x,y)")
    variance = square(variance_of_mean(net.average(share), net.average(share**2), WIDTH))
    steps.add(sp.latex(variance), "variance over draws at width $N$", r"\mathrm{Var}\,\Theta_N(x,y)")
    return MirroredKernel(net.x, y, SIGMA, SIGMA_A, WIDTH, nngp, last_layer, image, full, variance, steps)
