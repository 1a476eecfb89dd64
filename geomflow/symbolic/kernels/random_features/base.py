r"""What the derivations of random-feature networks share: points, sums of independent neurons, and display forms.

A random-feature network is $f(x) = \nu_N\sum_{n=1}^N h_n(x)$ with independent, identically distributed neurons
$h_n = a_n\,\varphi_n(x)$ and amplitudes $a_n\sim N(0,\sigma_a^2)$ that average to zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from geomflow.core.errors import ArgumentError

#: The Gaussian kernel k as one letter, for display.
K = sp.Symbol("k", positive=True)
SIGMA = sp.Symbol("sigma", positive=True)
SIGMA_A = sp.Symbol("sigma_a", positive=True)
SIGMA_C = sp.Symbol("sigma_c", positive=True)
WIDTH = sp.Symbol("N", integer=True, positive=True)
#: $s = 1 + x\cdot y/\sigma^2$: what phase and frequencies together contribute.
SLOPE = sp.Symbol("s", real=True)


@dataclass(frozen=True)
class RandomFeatures:
    r"""One neuron $h(x) = \nu\,a\,\varphi(x;\,b\cdot x + c)$ of a network $f = N^{-1/2}\sum_n h_n$, and its average.

    Args:
        name: what the network is called.
        x: the components of the point.
        amplitude, phase, frequencies: the random symbols a, c and b.
        scale: ν, so that f is ν/√N times a sum.
        feature: φ at x, a function of $b\cdot x + c$ and of the fixed point.
        average: $\mathbb E$ over a, b and c.
    """

    name: str
    x: tuple[sp.Symbol, ...]
    amplitude: sp.Symbol
    phase: sp.Symbol
    frequencies: tuple[sp.Symbol, ...]
    scale: sp.Expr
    feature: sp.Expr
    average: Callable[[Any], Any]

    @property
    def neuron(self) -> sp.Expr:
        r"""The neuron h at x."""
        return self.scale * self.amplitude * self.feature

    def at(self, point: Sequence[sp.Expr]) -> sp.Expr:
        r"""Return the neuron h at another point."""
        return moved(self.neuron, self.x, point)

    def tangent(self, y: Sequence[sp.Symbol]) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
        r"""Return one neuron's share of the tangent kernel at (x, y): of the last layer, of all parameters, and s.

        With $\hat b = \sigma b$ trained, $\partial_{\hat b_j}\varphi = (x_j/\sigma)\,\partial_c\varphi$, so that the
        share of all parameters is $\nu^2[\varphi\varphi' + a^2 s\,\partial_c\varphi\,\partial_c\varphi']$ with
        $s = 1 + x\cdot y/\sigma^2$; it is returned with the symbol `SLOPE` for s.
        """
        in_a = sp.diff(self.neuron, self.amplitude)
        in_c = sp.diff(self.neuron, self.phase)
        last = in_a * moved(in_a, self.x, y)
        return last, last + SLOPE * in_c * moved(in_c, self.x, y), 1 + dot(self.x, y) / SIGMA**2


def components(name: str, dim: int, *, integer: bool = False) -> tuple[sp.Symbol, ...]:
    r"""Return the real (or integer) symbols name1, ..., name`dim`.

    Raises:
        ArgumentError: the dimension is not 1, 2 or 3.
    """
    if dim not in (1, 2, 3):
        raise ArgumentError(f"Argument `dim` must be 1, 2 or 3, but {dim} was given.", dim=dim)
    kind = {"integer": True} if integer else {"real": True}
    return tuple(sp.Symbol(f"{name}{j}", **kind) for j in range(1, dim + 1))


def dot(u: Sequence[sp.Expr], v: Sequence[sp.Expr]) -> sp.Expr:
    r"""Return $u\cdot v = \sum_j u_j v_j$."""
    return sp.Add(*(p * q for p, q in zip(u, v, strict=True)))


def moved(expr: Any, old: Sequence[sp.Symbol], new: Sequence[sp.Expr]) -> Any:
    r"""Return `expr` with the components `old` of a point replaced by `new`."""
    return expr.subs(dict(zip(old, new, strict=True)), simultaneous=True)


def variance_of_mean(first: sp.Expr, second: sp.Expr, width: sp.Expr) -> sp.Expr:
    r"""Return $\mathrm{Var}\,\frac1N\sum_n\theta_n = (E\theta^2 - (E\theta)^2)/N$ of independent $\theta_n$."""
    return sp.expand(second - first**2, power_exp=False) / width


def normalised_four_point(second: sp.Expr, fourth: sp.Expr, width: sp.Expr) -> sp.Expr:
    r"""Return $E f^4/(E f^2)^2$ of a sum of N independent neurons with vanishing odd moments.

    Cumulants of independent summands add: $\kappa_2 = N m_2$, $\kappa_4 = N(m_4 - 3m_2^2)$, hence
    $E f^4/(E f^2)^2 = 3 + \kappa_4/\kappa_2^2$, whatever common factor f carries.

    Args:
        second: $m_2 = E h^2$ of one neuron.
        fourth: $m_4 = E h^4$ of one neuron.
        width: N.
    """
    kappa2, kappa4 = width * second, width * (fourth - 3 * second**2)
    return 3 + sp.expand(sp.powsimp(sp.expand(kappa4 / kappa2**2, power_exp=False)), power_exp=False)


def complete_squares(expr: Any, *points: Sequence[sp.Symbol]) -> Any:
    r"""Factor every exponent axis by axis, so that $-(x_j-y_j)^2/2\sigma^2$ stands as a square."""

    def regroup(exponent: sp.Expr) -> sp.Expr:
        exponent, rest = sp.expand(exponent), sp.expand(exponent)
        squares = []
        for axis in zip(*points, strict=True):
            part = sp.Add(*(t for t in sp.Add.make_args(exponent) if t.has(*axis)))
            squares.append(sp.factor(part))
            rest -= part
        return sp.exp(sp.Add(*squares, sp.expand(rest)))

    return expr.replace(sp.exp, regroup)


def in_powers_of(kernel: sp.Expr, expr: Any, letter: sp.Symbol = K) -> Any:
    r"""Write the exponentials of `expr` that are integer powers of the exponential `kernel` as powers of `letter`."""
    (base,) = kernel.atoms(sp.exp)
    unit = sp.expand(base.args[0])

    def power(exponent: sp.Expr) -> sp.Expr:
        ratio = sp.cancel(sp.expand(exponent) / unit)
        return letter**ratio if ratio.is_Integer else sp.exp(exponent)

    return expr.replace(sp.exp, power)
