r"""Extinction times of left-invariant metrics on SU(2) under Ricci flow, in the frame dω1 = 2ω2∧ω3 and cyclic.

    round       T = A/4
    Berger      T = B/8 + (A/8) artanh(√(1-x))/√(1-x),  x = A/B,  metric A, B, B
    triaxial    a quadrature of elliptic integrals: `geomflow.flows.homogeneous.darboux_halphen`

The Berger formula is [√(1-x)/x + artanh √(1-x)]/(8√I), I = (B - A)/(A²B), written so that it loses nothing at x = 1 and
goes on, with arctan, to x > 1.
"""

from __future__ import annotations

import numpy as np

from geomflow.core.errors import ArgumentError
from geomflow.flows.homogeneous.darboux_halphen import DarbouxHalphen

# Two of A, B, C that differ by less than this fraction are equal: the time changes by the same fraction at most.
_EQUAL = 1e-14


def berger_extinction(a: float, b: float) -> float:
    r"""Return the extinction time of the Berger sphere a ω1² + b (ω2² + ω3²).

    Raises:
        ArgumentError: a or b is not positive.

    Good values: `berger_extinction(0.5, 1.0)` is 0.2029031550.
    """
    if not (a > 0 and b > 0):
        raise ArgumentError(f"A metric needs A, B > 0, but found A = {a}, B = {b}.")
    return b / 8 + a / 8 * _artanh_over(1 - a / b)


def su2_extinction(a: float, b: float, c: float) -> float:
    r"""Return the extinction time of the metric a ω1² + b ω2² + c ω3² on SU(2).

    Raises:
        ArgumentError: one of a, b, c is not positive.

    Good values: `su2_extinction(1.0, 1.0, 1.0)` is 1/4.
    """
    low, middle, high = sorted((float(a), float(b), float(c)))
    if not low > 0:
        raise ArgumentError(f"A metric needs A, B, C > 0, but found {a}, {b}, {c}.")
    if middle - low <= _EQUAL * high:
        return berger_extinction(high, 0.5 * (low + middle))
    if high - middle <= _EQUAL * high:
        return berger_extinction(low, 0.5 * (high + middle))
    return DarbouxHalphen(high, middle, low).extinction


def _artanh_over(w: float) -> float:
    # artanh(√w)/√w, continued to w < 0 as arctan(√-w)/√-w
    if abs(w) < 1e-4:
        return 1 + w / 3 + w**2 / 5 + w**3 / 7
    root = np.sqrt(abs(w))
    return float((np.arctanh(root) if w > 0 else np.arctan(root)) / root)
