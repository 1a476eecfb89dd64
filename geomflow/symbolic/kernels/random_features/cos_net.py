r"""The cos-net: kernel, tangent kernels, finite-width statistics and local limit, derived from the definition.

$$f(x) = \sqrt{\tfrac2N}\sum_{n=1}^N a_n\cos(b_n\cdot x + c_n),\qquad
  a\sim N(0,\sigma_a^2),\quad b\sim N(0,\sigma^{-2}),\quad c\sim U[-\pi,\pi]$$

On the torus b is integer, $P(b)\propto e^{-\sigma^2|b|^2/2}$, and the kernel is the periodic heat kernel at time σ²/2.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import sympy as sp

from geomflow.symbolic.derivation import Derivation
from geomflow.symbolic.kernels.expectation import (
    discrete_gaussian,
    discrete_weight,
    fourier_coefficient,
    gaussian,
    uniform_phase,
)
from geomflow.symbolic.kernels.locality import OperatorExpansion, expand_symbol
from geomflow.symbolic.kernels.random_features.base import (
    SIGMA,
    SIGMA_A,
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
def cos_features(dim: int, *, phase: bool = True) -> RandomFeatures:
    r"""Return one neuron of the cos-net, √2 a cos(b·x + c), with its average; without phase c = 0.

    Raises:
        ArgumentError: a dimension other than 1, 2 or 3.
    """
    x, b = components("x", dim), components("b", dim)
    a, c = sp.symbols("a c", real=True)

    def average(expr: Any) -> Any:
        expr = gaussian(expr, a, SIGMA_A**2)
        return gaussian(uniform_phase(expr, c) if phase else expr.subs(c, 0), b, SIGMA**-2)

    return RandomFeatures("cos-net", x, a, c, b, sp.sqrt(2), sp.cos(dot(b, x) + c), average)


@dataclass(frozen=True)
class CosNetKernel:
    r"""The derived kernels of the cos-net, as SymPy expressions, all dimensionless; $k = e^{-|x-y|^2/2\sigma^2}$.

    Args:
        x, y: the two points, components x1.. and y1...
        wave_numbers: the integer components k1.. of the argument of `symbol`.
        sigma, sigma_a, width: the symbols σ (kernel width), σ_a (amplitude) and N (number of neurons).
        nngp: $E f(x)f(y)$.
        last_layer_ntk: $E\sum_n \partial_{a_n}f(x)\,\partial_{a_n}f(y)$, only the last layer trained.
        full_ntk: the same with a, $\hat b = \sigma b$ and c trained.
        finite_width_variance: variance over draws of the last-layer tangent kernel at width N.
        full_ntk_variance: the same of the tangent kernel of all parameters.
        coincident_four_point: $E f(x)^4/(E f(x)^2)^2$ at width N; 3 is Gaussian.
        periodic_kernel: the last-layer tangent kernel on the torus, a Fourier series with weights p_b.
        spectrum: its eigenvalues under $dx'$ on $T^d$; the eigenfunctions are $e^{ik\cdot x}$, k integer.
        symbol: the multiplier of $u\mapsto\int\kappa(x-x')u(x')dx'$ on $T^d$, normalised to 1 at k = 0.
        expansion: the symbol as a series of Laplacians in σ.
        derivation: the steps, with the intermediate results.
    """

    x: tuple[sp.Symbol, ...]
    y: tuple[sp.Symbol, ...]
    wave_numbers: tuple[sp.Symbol, ...]
    sigma: sp.Symbol
    sigma_a: sp.Symbol
    width: sp.Symbol
    nngp: sp.Expr
    last_layer_ntk: sp.Expr
    full_ntk: sp.Expr
    finite_width_variance: sp.Expr
    full_ntk_variance: sp.Expr
    coincident_four_point: sp.Expr
    periodic_kernel: sp.Expr
    spectrum: sp.Expr
    symbol: sp.Expr
    expansion: OperatorExpansion
    derivation: Derivation

    @property
    def dim(self) -> int:
        r"""The dimension d of the space of inputs."""
        return len(self.x)


@cache  # a kernel record is frozen, and several rooms ask for it
def derive_cos_net(dim: int = 2) -> CosNetKernel:
    r"""Derive the kernels of the cos-net, f = √(2/N) Σ a cos(b·x + c), by `symbolic.expectation`.

    Args:
        dim: the input dimension, 1, 2 or 3.

    Raises:
        ArgumentError: another dimension.

    Good values: `dim=2` (0.3 s); the derivation prints with `.derivation.text()`.
    Reference: arXiv 2112.04527 (the networks); arXiv 2310.19870 (the local limit).
    """
    net, y = cos_features(dim), components("y", dim)
    x, a, b, c, average = net.x, net.amplitude, net.frequencies, net.phase, net.average
    steps = Derivation(f"The cos-net kernel in dimension {dim}")

    # One neuron; the network is √(2/N) times the sum of N independent copies.
    norm = sp.sqrt(2 / WIDTH)
    neuron = a * net.feature
    steps.add(
        rf"{sp.latex(norm)} \sum_{{n=1}}^{{N}} {sp.latex(neuron)}\Big|_{{a_n, b_n, c_n}}",
        "definition of the network",
        "f(x)",
    )

    def at_y(expr: sp.Expr) -> sp.Expr:
        return moved(expr, x, y)

    def contract(parameter: sp.Symbol) -> sp.Expr:
        r"""The sum over neurons of ∂f(x)∂f(y) for one parameter, averaged: N equal terms."""
        gradient = norm * sp.diff(neuron, parameter)
        return sp.expand(WIDTH * average(gradient * at_y(gradient)), power_exp=False)

    # Last layer: only the amplitudes train, so the feature ∂f/∂a is fixed during training.
    feature = norm * sp.diff(neuron, a)
    steps.add(sp.latex(feature), "gradient with respect to one amplitude", r"\partial f(x)/\partial a_n")
    phase_average = sp.expand(WIDTH * uniform_phase(feature * at_y(feature), c))
    steps.add(sp.latex(phase_average), "sum over $n$, average over $c$", r"\mathbb{E}_{c}\,\Theta(x,y)")
    last_layer = complete_squares(gaussian(phase_average, b, SIGMA**-2), x, y)
    steps.add(sp.latex(last_layer), "average over $b$: complete the square", r"\Theta(x,y) = k")

    # Different neurons are uncorrelated because E a = 0: of the N² products only the N diagonal ones survive.
    cross = average(neuron) * average(at_y(neuron))
    pairs = WIDTH * average(neuron * at_y(neuron)) + WIDTH * (WIDTH - 1) * cross
    nngp = complete_squares(sp.expand(norm**2 * pairs, power_exp=False), x, y)
    steps.add(sp.latex(in_powers_of(last_layer, nngp)), r"average over $a$, $b$, $c$", r"\mathbb{E}\,f(x)f(y)")

    # All parameters: b = b̂/σ with b̂ ~ N(0, 1) the trained parameter, hence ∂/∂b̂ = σ⁻¹ ∂/∂b.
    full = contract(a) + contract(c) + sp.Add(*(contract(bj) / SIGMA**2 for bj in b))
    full = complete_squares(full, x, y)
    full = last_layer * sp.collect(sp.expand(in_powers_of(last_layer, full) / K), SIGMA_A)
    steps.add(
        sp.latex(in_powers_of(last_layer, full)),
        r"gradients in $a$, $c$ and $\hat b = \sigma b$",
        r"\Theta_{\rm full}(x,y)",
    )

    # Finite width: Θ_N is the mean of θ = N ∂f(x)∂f(y) over the neurons.
    theta = sp.expand(WIDTH * feature * at_y(feature))
    variance = variance_of_mean(average(theta), average(theta**2), WIDTH)
    variance = complete_squares(variance, x, y)
    steps.add(
        sp.latex(in_powers_of(last_layer, variance)), "variance over draws at width $N$", r"\mathrm{Var}\,\Theta_N(x,y)"
    )
    _, share, slope = net.tangent(y)
    full_variance = variance_of_mean(average(share), average(sp.expand(share**2)), WIDTH)
    full_variance = complete_squares(full_variance, x, y)
    steps.add(
        sp.latex(sp.collect(sp.expand(WIDTH * in_powers_of(last_layer, full_variance)), SIGMA_A) / WIDTH),
        rf"all parameters, ${sp.latex(SLOPE)} = {sp.latex(slope)}$",
        r"\mathrm{Var}\,\Theta_{\mathrm{full},N}(x,y)",
    )
    full_variance = full_variance.subs(SLOPE, slope)
    four_point = normalised_four_point(average(neuron**2), average(neuron**4), WIDTH)
    steps.add(
        sp.latex(four_point),
        "cumulants of independent neurons add",
        r"\mathbb{E}\,f(x)^{4} / (\mathbb{E}\,f(x)^{2})^{2}",
    )

    periodic, spectrum, symbol = _torus(phase_average, b, x, y, steps)
    waves = components("k", dim, integer=True)
    expansion = expand_symbol(symbol, SIGMA, order=4, wave_numbers=waves)
    steps.add(expansion.latex(), r"expand in $\sigma$, $-|k|^2 \to \Delta$", r"K_{\sigma} u")
    return CosNetKernel(
        x,
        y,
        waves,
        SIGMA,
        SIGMA_A,
        WIDTH,
        nngp,
        last_layer,
        full,
        variance,
        full_variance,
        four_point,
        periodic,
        spectrum,
        symbol,
        expansion,
        steps,
    )


def _torus(
    phase_average: sp.Expr,
    b: tuple[sp.Symbol, ...],
    x: tuple[sp.Symbol, ...],
    y: tuple[sp.Symbol, ...],
    steps: Derivation,
) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
    r"""Return the periodic kernel, its eigenvalues and the symbol of its convolution, for integer frequencies."""
    dim = len(b)
    z, waves = components("z", dim), components("k", dim, integer=True)
    weight: Any = sp.IndexedBase("p")
    translated = sp.expand(moved(phase_average, x, [yj + zj for yj, zj in zip(y, z)]))
    periodic = discrete_gaussian(translated, b, weight)
    steps.add(sp.latex(periodic), r"torus: integer $b$ with even weights $p_b$, $z = x - y$", r"\kappa(z)")
    coefficient = fourier_coefficient(periodic, z, waves, weight)
    steps.add(sp.latex(coefficient), "orthogonality on the circle", r"\hat\kappa(k)")

    # The operator multiplies e^{ikx} by (2π)^d κ̂(k); dividing by its value at k = 0 keeps constants.
    explicit: Any = coefficient.replace(
        lambda e: isinstance(e, sp.Indexed), lambda e: discrete_weight(e.indices[0], SIGMA)
    )
    spectrum = (2 * sp.pi) ** dim * explicit
    symbol = sp.powsimp(explicit / explicit.subs(dict.fromkeys(waves, 0)))
    steps.add(sp.latex(symbol), r"$p_b \propto e^{-\sigma^2 b^2/2}$, constants kept", r"\hat\kappa(k)/\hat\kappa(0)")
    return periodic, spectrum, symbol
