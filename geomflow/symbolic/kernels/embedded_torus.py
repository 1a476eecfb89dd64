r"""The spectrum of the cos-net's tangent kernels on a torus embedded in Euclidean space, derived in closed form.

A network that takes $x = (\cos z_1, \sin z_1, \dots, \cos z_d, \sin z_d)$ is periodic whatever it is. Its kernel, a
function of $|x-y|^2$ and $x\cdot y$, depends on differences of angles alone and multiplies $e^{ik\cdot z}$ by its
Fourier coefficient. With $s = 1/\sigma^2$ the coefficients are Bessel functions, by the generating function
$e^{s\cos z} = \sum_k I_k(s)\,e^{ikz}$ and its derivatives in s:

$$\frac1{2\pi}\int_{-\pi}^{\pi}\cos^m z\;e^{s\cos z}\,e^{-ikz}\,dz = \frac{d^m}{ds^m} I_k(s)$$
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import sympy as sp

from geomflow.core.errors import DerivationError
from geomflow.symbolic.derivation import Derivation
from geomflow.symbolic.kernels.random_features.base import SIGMA, SIGMA_A, components
from geomflow.symbolic.kernels.random_features.cos_net import derive_cos_net
from geomflow.symbolic.kernels.random_features.invariants import DISTANCE2, INNER, in_invariants


@dataclass(frozen=True)
class EmbeddedTorusSpectrum:
    r"""Eigenvalues of the cos-net's tangent kernels on T^d in $\mathbb R^{2d}$, with respect to the mean over T^d.

    Args:
        wave_numbers: the integer components of k.
        sigma, sigma_a: kernel width σ, in units of the circles' radius, and standard deviation of the amplitudes.
        last_layer: eigenvalue at k when the last layer trains alone.
        full: eigenvalue at k when all parameters train.
        derivation: the steps.
    """

    wave_numbers: tuple[sp.Symbol, ...]
    sigma: sp.Symbol
    sigma_a: sp.Symbol
    last_layer: sp.Expr
    full: sp.Expr
    derivation: Derivation


@cache
def derive_embedded_torus(dim: int = 1) -> EmbeddedTorusSpectrum:
    r"""Derive the eigenvalues on the embedded torus from the kernels of the cos-net.

    Args:
        dim: dimension d of the torus, 1, 2 or 3.

    Raises:
        ArgumentError: another dimension.

    Good values: 1 s to derive; σ from 0.05 (where I_k(1/σ²) is still below the largest double) to 1.
    Reference: DLMF 10.35.2 (the generating function of the modified Bessel functions).
    """
    waves, cosines = components("k", dim, integer=True), components("c", dim)
    plane = derive_cos_net(2)
    steps = Derivation(f"The spectrum of the cos-net's tangent kernels on T^{dim} in R^{2 * dim}")
    inner = sp.Add(*cosines)
    steps.add(
        sp.latex(2 * dim - 2 * inner), r"points of unit circles, $c_j = \cos z_j$, $z_j$ their difference", "|x - y|^2"
    )

    def spectrum(name: str, expr: sp.Expr) -> sp.Expr:
        embedded = in_invariants(expr, plane.x, plane.y).subs({DISTANCE2: 2 * dim - 2 * inner, INNER: inner})
        steps.add(sp.latex(embedded), r"$x\cdot y = \sum_j c_j$", rf"\Theta_{{\rm {name}}}")
        eigenvalue = _fourier(embedded, cosines, waves)
        steps.add(sp.latex(eigenvalue), r"derivatives of $I_k(s)$ at $s = 1/\sigma^2$", rf"\lambda_{{\rm {name}}}(k)")
        return eigenvalue

    last, full = spectrum("last", plane.last_layer_ntk), spectrum("full", plane.full_ntk)
    return EmbeddedTorusSpectrum(waves, SIGMA, SIGMA_A, last, full, steps)


def _fourier(expr: Any, cosines: tuple[sp.Symbol, ...], waves: tuple[sp.Symbol, ...]) -> sp.Expr:
    r"""Return the Fourier coefficient at k of a polynomial in c_j = cos z_j times $e^{\sum_j c_j/\sigma^2}$.

    Raises:
        DerivationError: `expr` is not of that form.
    """
    polynomial = sp.expand(sp.powsimp(sp.expand(expr * sp.exp(-sp.Add(*cosines) / SIGMA**2))))
    if not polynomial.is_polynomial(*cosines):
        raise DerivationError(f"{expr} is no polynomial in cos z times exp(cos z/σ²), so its spectrum is not known.")
    s, found = sp.Symbol("s", positive=True), sp.S.Zero
    for powers, coefficient in sp.Poly(polynomial, *cosines).terms():
        bessel = [
            sp.diff(sp.besseli(k, s), s, m) if m else sp.besseli(k, s) for k, m in zip(waves, powers, strict=True)
        ]
        found += coefficient * sp.Mul(*bessel)
    return sp.collect(sp.expand(found.subs(s, SIGMA**-2)), SIGMA_A)
