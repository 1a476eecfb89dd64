r"""The dual of an activation: K = E φ(u)φ(v) and K' = E φ'(u)φ'(v) of a centred Gaussian pair, as expressions."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from geomflow.symbolic.derivation import Derivation

#: The argument of an activation.
U = sp.Symbol("u", real=True)
#: Variances of u and v, their covariance, and their angle, cos θ = c/√(pq).
P, Q = sp.symbols("p q", positive=True)
C = sp.Symbol("c", real=True)
THETA = sp.Symbol("theta", positive=True)


@dataclass(frozen=True)
class AngularDual:
    r"""The dual of a positively homogeneous activation, φ(λu) = λⁿφ(u) for λ > 0, in terms of the angle.

    $$K = (pq)^{n/2}J(\theta),\qquad K' = (pq)^{(n-1)/2}J_1(\theta),\qquad
      J_1 = -J'(\theta)/\sin\theta\quad(c = \sqrt{pq}\cos\theta)$$

    Args:
        degree: n, a non-negative integer.
        kernel: J, in `THETA`, analytic on [0, π).
        derivative: J_1, in `THETA`; infinite at θ = 0 for a step.
    """

    degree: int
    kernel: sp.Expr
    derivative: sp.Expr


@dataclass(frozen=True)
class Dual:
    r"""Derived Gaussian expectations of an activation φ, in the symbols `P`, `Q`, `C`.

    Args:
        activation: φ, an expression in `U`.
        kernel: $K(p,q,c) = \mathbb E\,\varphi(u)\varphi(v)$, (u, v) centred with variances p, q and covariance c.
        derivative: $K' = \partial K/\partial c = \mathbb E\,\varphi'(u)\varphi'(v)$.
        diagonal: K(p, p, p), finite, in `P`.
        slope: K'(p, p, p), in `P`; `oo` where it diverges (step, sign).
        method: "moments", "price" or "bivariate-normal": which rule closed.
        angular: the form in the angle, where φ is positively homogeneous and has a kink; None otherwise.
        derivation: the steps.
    """

    activation: sp.Expr
    kernel: sp.Expr
    derivative: sp.Expr
    diagonal: sp.Expr
    slope: sp.Expr
    method: str
    angular: AngularDual | None
    derivation: Derivation
