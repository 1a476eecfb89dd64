r"""The Poisson solution on T²: an exact, nonlinear Ricci flow, conformal to the flat torus."""

from __future__ import annotations

import sympy as sp

from geomflow.core.errors import ArgumentError
from geomflow.metrics.torus.base import TorusMetric

X, Y = sp.symbols("x y", real=True)


def conformal_factor(mode: tuple[int, int], time: sp.Expr) -> sp.Expr:
    r"""Return w(x, t) = sinh(|m|² t + t0) / (cosh(|m|² t + t0) + cos m·x) as a function of s = |m|² t + t0.

    g = w δ solves dg/dt = -2 Ric, that is w_t = Δ log w (its residual is tested to vanish identically).
    """
    return sp.sinh(time) / (sp.cosh(time) + sp.cos(mode[0] * X + mode[1] * Y))


def poisson(mode: tuple[int, int], t0: float, t: float = 0.0) -> TorusMetric:
    r"""Return the Poisson solution with integer wave vector m at time t (oblique m allowed).

    Args:
        mode: m = (m_1, m_2), not zero.
        t0: initial parameter, > 0 (dimensionless). Good values: 1 to 2; small t0 is a sharp peak.
        t: time.

    Raises:
        ArgumentError: m = 0 or t0 + |m|² t <= 0.
    """
    square = mode[0] ** 2 + mode[1] ** 2
    s = sp.Float(square * t + t0)
    if square == 0 or s <= 0:
        raise ArgumentError(
            f"The Poisson solution needs m != 0 and |m|² t + t0 > 0, but m = {mode} and the sum is {s}."
        )
    w = conformal_factor(mode, s)
    matrix = sp.ImmutableMatrix([[w, 0], [0, w]])
    return TorusMetric(f"poisson-{mode[0]}-{mode[1]}", (X, Y), matrix, sp.Integer(1), "An exact Ricci flow on T².")
