r"""The gauss-net: the same infinite-width kernel as the cos-net, different at every finite width.

$$f(x) = \frac1{\sqrt N}\sum_{n=1}^N \frac{a_n\,e^{b_n\cdot x + c_n}}{\sqrt{e^{2(\sigma_c^2 + |x|^2/\sigma^2)}}},\qquad
  a\sim N(0,\sigma_a^2),\quad b\sim N(0,\sigma^{-2}),\quad c\sim N(0,\sigma_c^2)$$
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import sympy as sp

from geomflow.symbolic.derivation import Derivation
from geomflow.symbolic.kernels.expectation import gaussian
from geomflow.symbolic.kernels.random_features.base import (
    SIGMA,
    SIGMA_A,
    SIGMA_C,
    SLOPE,
    WIDTH,
    K,
    RandomFeatures,
    complete_squares,
    components,
    dot,
    in_powers_of,
    moved,
    normalised_four_point,
    variance_of_mean,
)


@cache
def gauss_features(dim: int) -> RandomFeatures:
    r"""Return one neuron of the gauss-net, $a\,e^{b\cdot x + c - \sigma_c^2 - |x|^2/\sigma^2}$, with its average.

    Raises:
        ArgumentError: a dimension other than 1, 2 or 3.
    """
    x, b = components("x", dim), components("b", dim)
    a, c = sp.symbols("a c", real=True)

    def average(expr: Any) -> Any:
        return gaussian(expr, (a, c, *b), (SIGMA_A**2, SIGMA_C**2, *[SIGMA**-2] * dim))

    feature = sp.exp(dot(b, x) + c - SIGMA_C**2 - dot(x, x) / SIGMA**2)
    return RandomFeatures("gauss-net", x, a, c, b, sp.Integer(1), feature, average)


@dataclass(frozen=True)
class GaussNetKernel:
    r"""The derived kernels of the gauss-net, as SymPy expressions, all dimensionless; $k = e^{-|x-y|^2/2\sigma^2}$.

    Args:
        x, y: the two points, components x1.. and y1...
        sigma, sigma_a, sigma_c, width: the symbols σ, σ_a, σ_c and N.
        nngp: $E f(x)f(y)$.
        last_layer_ntk: $E\sum_n \partial_{a_n}f(x)\,\partial_{a_n}f(y)$, only the last layer trained.
        full_ntk: the same with a, $\hat b = \sigma b$ and c trained, the denominator kept: that of the cos-net.
        neuron_second_moment: $E\theta^2$ of one neuron's share θ of the last-layer tangent kernel.
        finite_width_variance: variance over draws of the last-layer tangent kernel at width N.
        full_ntk_variance: the same of the tangent kernel of all parameters.
        coincident_four_point: $E f(x)^4/(E f(x)^2)^2$ at width N; depends on the point.
        derivation: the steps, with the intermediate results.
    """

    x: tuple[sp.Symbol, ...]
    y: tuple[sp.Symbol, ...]
    sigma: sp.Symbol
    sigma_a: sp.Symbol
    sigma_c: sp.Symbol
    width: sp.Symbol
    nngp: sp.Expr
    last_layer_ntk: sp.Expr
    full_ntk: sp.Expr
    neuron_second_moment: sp.Expr
    finite_width_variance: sp.Expr
    full_ntk_variance: sp.Expr
    coincident_four_point: sp.Expr
    derivation: Derivation

    @property
    def dim(self) -> int:
        r"""The dimension d of the space of inputs."""
        return len(self.x)


@cache  # a kernel record is frozen, and several rooms ask for it
def derive_gauss_net(dim: int = 2) -> GaussNetKernel:
    r"""Derive the kernels of the gauss-net, f = N^(-1/2) Σ a exp(b·x + c) / norm, by `symbolic.expectation`.

    Args:
        dim: the input dimension, 1, 2 or 3.

    Raises:
        ArgumentError: another dimension.

    Good values: `dim=2`. Use it to compare with the cos-net at finite width, not to train: the second moment of one
    neuron grows like $e^{4|x|^2/\sigma^2}$, so that small σ needs an exponentially wide network.
    Reference: arXiv 2112.04527 (both networks, equal at infinite width and different at finite width).
    """
    net, y = gauss_features(dim), components("y", dim)
    x, a, c, neuron, average = net.x, net.amplitude, net.phase, net.neuron, net.average
    steps = Derivation(f"The gauss-net kernel in dimension {dim}")

    norm = 1 / sp.sqrt(WIDTH)
    steps.add(
        rf"{sp.latex(norm)} \sum_{{n=1}}^{{N}} {sp.latex(neuron)}\Big|_{{a_n, b_n, c_n}}",
        "definition of the network",
        "f(x)",
    )

    def at_y(expr: sp.Expr) -> sp.Expr:
        return moved(expr, x, y)

    theta = sp.diff(neuron, a) * at_y(sp.diff(neuron, a))
    phase_average = gaussian(theta, c, SIGMA_C**2)
    steps.add(sp.latex(phase_average), "sum over $n$, average over $c$", r"\mathbb{E}_{c}\,\Theta(x,y)")
    last_layer = complete_squares(average(theta), x, y)
    steps.add(sp.latex(last_layer), "average over $b$: complete the square", r"\Theta(x,y) = k")

    # Only the N diagonal pairs of neurons survive, because E a = 0.
    cross = average(neuron) * average(at_y(neuron))
    pairs = WIDTH * average(neuron * at_y(neuron)) + WIDTH * (WIDTH - 1) * cross
    nngp = complete_squares(sp.expand(norm**2 * pairs, power_exp=False), x, y)
    steps.add(sp.latex(in_powers_of(last_layer, nngp)), r"average over $a$, $b$, $c$", r"\mathbb{E}\,f(x)f(y)")

    # All parameters; the share is that of one neuron, and N of them over N make its average.
    _, share, slope = net.tangent(y)
    full = complete_squares(average(share), x, y).subs(SLOPE, slope)
    full = last_layer * sp.collect(sp.expand(in_powers_of(last_layer, full) / K), SIGMA_A)
    steps.add(
        sp.latex(in_powers_of(last_layer, full)),
        r"gradients in $a$, $c$ and $\hat b = \sigma b$",
        r"\Theta_{\rm full}(x,y)",
    )

    second = average(theta**2)
    steps.add(sp.latex(second), "second moment of one neuron", r"\mathbb{E}\,\theta^{2}")
    variance = complete_squares(variance_of_mean(average(theta), second, WIDTH), x, y)
    steps.add(
        sp.latex(in_powers_of(last_layer, variance)), "variance over draws at width $N$", r"\mathrm{Var}\,\Theta_N(x,y)"
    )
    full_variance = variance_of_mean(average(share), average(sp.expand(share**2)), WIDTH)
    full_variance = complete_squares(full_variance, x, y).subs(SLOPE, slope)
    four_point = normalised_four_point(average(neuron**2), average(neuron**4), WIDTH)
    steps.add(
        sp.latex(four_point),
        "cumulants of independent neurons add",
        r"\mathbb{E}\,f(x)^{4} / (\mathbb{E}\,f(x)^{2})^{2}",
    )
    return GaussNetKernel(
        x,
        y,
        SIGMA,
        SIGMA_A,
        SIGMA_C,
        WIDTH,
        nngp,
        last_layer,
        full,
        second,
        variance,
        full_variance,
        four_point,
        steps,
    )
