r"""How noisy a finite network's kernel is as an operator: the width that a kernel of width σ needs.

$$(K_N u)(x) = (\sqrt{2\pi}\,\sigma)^{-d}\int_{\rm box}\Theta_N(x,x')\,u(x')\,dx',\qquad \mathbb E\,K_N 1 = 1$$

for a box of side L ≫ σ. On the torus with integer frequencies the same holds exactly, at every σ and x, with the
partition sum $\sum_n e^{-\sigma^2n^2/2}$ in place of $L/(\sqrt{2\pi}\sigma)$, L = 2π.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import sympy as sp

from geomflow.core.errors import DerivationError
from geomflow.symbolic.derivation import Derivation
from geomflow.symbolic.kernels.expectation import gaussian, uniform_phase
from geomflow.symbolic.kernels.random_features.base import SIGMA, WIDTH, moved
from geomflow.symbolic.kernels.random_features.cos_net import cos_features
from geomflow.symbolic.kernels.random_features.gaussian_integrals import integrate_gaussian

#: The side of the box, and the dimension.
LENGTH = sp.Symbol("L", positive=True)
DIM = sp.Symbol("d", integer=True, positive=True)


@dataclass(frozen=True)
class OperatorNoise:
    r"""The variance over draws of $(K_N1)(x)$ for the cos-net's last-layer tangent kernel.

    Args:
        sigma, length, dim, width: the symbols σ, L, d and N.
        cells: $L/(\sqrt{2\pi}\sigma)$, the number of kernel widths along one side.
        variance: $(\tfrac32\,\mathrm{cells}^d - 1)/N$, in σ, L, d and N.
        periodic_variance: the exact variance on the torus, the sums left unevaluated.
        derivation: the steps.
    """

    sigma: sp.Symbol
    length: sp.Symbol
    dim: sp.Symbol
    width: sp.Symbol
    cells: sp.Expr
    variance: sp.Expr
    periodic_variance: sp.Expr
    derivation: Derivation


@cache
def derive_operator_noise() -> OperatorNoise:
    r"""Derive the variance of $(K_N1)(x)$ by Gaussian integration, for every dimension at once.

    After the average over the phase, one neuron's $\theta(x,x')\theta(x,x'')$ is a sum of cosines of $b\cdot z$ with z
    linear in the points; the average over b makes each a Gaussian, a product over the axes. One axis is integrated,
    and each term is raised to the power d.

    Raises:
        DerivationError: an integral over x'' depends on x', so that the box is not uniform.

    Good values: a torus, or the middle of a box with L > 10 σ; towards the edge of a box the noise falls by a third.
    """
    net = cos_features(1)
    (x,), (b,), c = net.x, net.frequencies, net.phase
    y, z = sp.symbols("y1 z1", real=True)
    steps = Derivation("The cos-net's kernel as an operator, at width $N$")
    feature = net.scale * net.feature
    at_y, at_z = moved(feature, [x], [y]), moved(feature, [x], [z])
    steps.add(sp.latex(feature * at_y), "one neuron's share of the kernel, one axis", r"\theta(x,y)")
    mean = integrate_gaussian(gaussian(uniform_phase(feature * at_y, c), b, SIGMA**-2), y)
    steps.add(sp.latex(mean), "average, then integrate: the normaliser of one axis", r"\mathbb{E}\int\theta(x,y)\,dy")
    product = uniform_phase(feature**2 * at_y * at_z, c)
    steps.add(sp.latex(product), "average over $c$", r"\mathbb{E}_{c}\,\theta(x,y)\,\theta(x,z)")

    second: Any = sp.Integer(0)
    periodic: Any = sp.Integer(0)
    n = sp.Symbol("n", integer=True)
    partition = sp.Sum(sp.exp(-(SIGMA**2) * n**2 / 2), (n, -sp.oo, sp.oo))
    for term in sp.Add.make_args(product):
        weight, wave = term.as_coeff_Mul()
        inner = integrate_gaussian(gaussian(wave, b, SIGMA**-2), z)
        if inner.has(y):
            raise DerivationError(f"The integral over z of the term {wave} is not uniform in y: {inner}.")
        cells = sp.powsimp(LENGTH * inner / mean**2)
        second += weight * cells**DIM
        # On the circle ∫∫ e^{ib(y±z)} dy dz vanishes unless b = 0, which has probability p = 1/partition: the second
        # moment is (2π)² p and the mean 2π p on each axis, their ratio p/p².
        periodic += weight * partition**DIM
    steps.add(
        sp.latex(second),
        "average over $b$, integrate over $y$ and $z$, all $d$ axes",
        r"\int\!\!\int \mathbb{E}\,\theta\theta \Big/ \Big(\mathbb{E}\int\theta\Big)^{2}",
    )
    variance = (second - 1) / WIDTH
    steps.add(sp.latex(variance), "$N$ independent neurons", r"\mathrm{Var}\,(K_{N}1)(x)")
    periodic = (periodic - 1) / WIDTH
    steps.add(
        sp.latex(periodic),
        "torus: only $b = 0$ survives the integrals",
        r"\mathrm{Var}\,(K_{N}1)(x)\Big|_{\mathrm{torus}}",
    )
    return OperatorNoise(SIGMA, LENGTH, DIM, WIDTH, cells, variance, periodic, steps)
