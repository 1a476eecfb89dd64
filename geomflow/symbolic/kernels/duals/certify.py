r"""A certificate of a derived dual: every expectation once more, by quadrature that is cut where φ is not smooth.

Nothing of the derivation is used here. With u = √p x and v = (c/√p) x + √(q - c²/p) y,

$$\mathbb E\,\varphi(u)\varphi(v) = \int\!dx\,n(x)\,\varphi(u)\int\!dy\,n(y)\,\varphi(v),$$

the inner integral is cut where v meets a kink, the outer one where u does and around the x where the inner one turns
from one piece to the other, which it does within √det/|c|. A tensor rule has four digits for ReLU; this has fourteen.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from geomflow.core.errors import CertificateError
from geomflow.symbolic.kernels.duals.dual import THETA, C, Dual, P, Q, U
from geomflow.symbolic.kernels.duals.pieces import Piece, pieces

#: (p, q, c): apart, anticorrelated, of unequal size, nearly coincident, nearly opposite, independent.
POINTS = (
    *(("1", "1", "1/2"), ("7/10", "13/10", "-2/5"), ("3/2", "2/5", "3/5"), ("9/10", "9/10", "89999/100000")),
    *(("1", "121/100", "-1099/1000"), ("1/4", "2", "0")),
)
#: Density beyond this many widths: below 1e-42.
_REACH = 14.0
_INNER, _OUTER = np.polynomial.legendre.leggauss(320), np.polynomial.legendre.leggauss(28)

#: A function by its smooth pieces (lower end, upper end, values), and its Dirac masses (place, weight).
_Cut = tuple[list[tuple[float, float, Callable[..., Any]]], list[tuple[float, float]]]


@dataclass(frozen=True)
class DualCertificate:
    r"""The largest errors found, relative to the larger of the truth and one.

    Args:
        kernel: of K against the quadrature of E φ(u)φ(v).
        derivative: of K' against that of E φ'(u)φ'(v), Dirac masses included.
        diagonal: of K(p,p,p) and K'(p,p,p) against E φ² and E φ'².
        slope: of ∂K/∂c, in 30 digits, against K'.
        angular: of the form in the angle against K and K', in 30 digits; 0 where there is none.
        points: how many (p, q, c) were tried.
    """

    kernel: float
    derivative: float
    diagonal: float
    slope: float
    angular: float
    points: int

    @property
    def worst(self) -> float:
        r"""The largest of the errors."""
        return max(self.kernel, self.derivative, self.diagonal, self.slope, self.angular)


def certify(dual: Dual, points: Sequence[Sequence[Any]] = POINTS, tolerance: float = 1e-10) -> DualCertificate:
    r"""Compute every expectation of a dual again and return the errors.

    Args:
        dual: derived, free of parameters.
        points: (p, q, c) with c² < pq, as SymPy reads them; within the domain where the expectations exist.
        tolerance: the largest error that passes.

    Raises:
        CertificateError: an error is larger. Numbers: `residual`, `point`.

    Good values: what is right passes at 1e-12, for points with √det/|c| > 1e-6.
    """
    errors: dict[str, list[tuple[float, Any]]] = {
        name: [] for name in ("kernel", "derivative", "diagonal", "slope", "angular")
    }
    whole, prime = _cut(dual.activation, 0), _cut(dual.activation, 1)
    for point in points:
        p, q, c = (sp.sympify(x) for x in point)
        at = {P: p, Q: q, C: c}
        numbers = (float(p), float(q), float(c))
        value, derivative = _number(dual.kernel, at), _number(dual.derivative, at)
        errors["kernel"].append((_error(value, expectation(whole, *numbers)), point))
        errors["derivative"].append((_error(derivative, expectation(prime, *numbers)), point))
        errors["slope"].append((_error(_number(sp.diff(dual.kernel, C), at), derivative), point))
        errors["diagonal"].append((_error(_number(dual.diagonal, at), square(whole, numbers[0])), point))
        errors["diagonal"].append((_error(_number(dual.slope, at), square(prime, numbers[0])), point))
        if dual.angular is not None:
            n, theta = dual.angular.degree, sp.acos(c / sp.sqrt(p * q))
            for form, power, truth in (
                (dual.angular.kernel, n, value),
                (dual.angular.derivative, n - 1, derivative),
            ):
                scaled = sp.sqrt(p * q) ** power * form.subs(THETA, theta)
                errors["angular"].append((_error(_number(scaled, at), truth), point))
    worst = {name: max(found, default=(0.0, None), key=lambda pair: pair[0]) for name, found in errors.items()}
    for name, (error, point) in worst.items():
        if not error <= tolerance:
            raise CertificateError(
                f"The {name} of the dual of {dual.activation} is off by {error:.2g} at (p, q, c) = "
                f"({', '.join(map(str, point or ()))}), more than {tolerance:g}.",
                residual=error,
                point=point,
            )
    return DualCertificate(**{name: error for name, (error, _) in worst.items()}, points=len(points))


def expectation(cut: _Cut, p: float, q: float, c: float) -> float:
    r"""Return E f(u)f(v) by quadrature."""
    smooth, masses = cut
    drift, width = c / np.sqrt(p), np.sqrt(q - c * c / p)
    kinks = sorted({end for low, high, _ in smooth for end in (low, high) if np.isfinite(end)})
    turn = width / abs(drift) if drift else np.inf
    splits = [k / np.sqrt(p) for k in kinks]
    # graded towards where v meets a kink: there the inner integral turns within `turn`
    for k in kinks:
        splits += [(k / drift) + turn * step for step in (-9, -6, -3, 0, 3, 6, 9) if turn < 1]
    x, weights = _panels(splits)
    inner = _inner(smooth, masses, drift * x, width)
    total = np.sum(weights * _density(x) * _values(smooth, np.sqrt(p) * x) * inner)
    for place, weight in masses:
        x0 = place / np.sqrt(p)
        total += weight * _density(x0) / np.sqrt(p) * _inner(smooth, masses, np.array([drift * x0]), width)[0]
    return float(total)


def square(cut: _Cut, p: float) -> float:
    r"""Return E f(u)², infinite if f has a Dirac mass."""
    smooth, masses = cut
    if masses:
        return float("inf")
    kinks = [end for low, high, _ in smooth for end in (low, high) if np.isfinite(end)]
    x, weights = _panels([k / np.sqrt(p) for k in kinks])
    return float(np.sum(weights * _density(x) * _values(smooth, np.sqrt(p) * x) ** 2))


def _cut(activation: sp.Expr, order: int) -> _Cut:
    # φ or φ' piece by piece; a jump of φ is a Dirac mass of φ'
    cut = pieces(activation)
    smooth = [(float(low), float(high), _function(sp.diff(expr, U, order))) for low, high, expr in cut]
    masses = [_jump(left, right) for left, right in itertools.pairwise(cut)] if order else []
    return smooth, [(place, weight) for place, weight in masses if abs(weight) > 1e-15]


def _jump(left: Piece, right: Piece) -> tuple[float, float]:
    place = right[0]
    return float(place), float(sp.N((right[2] - left[2]).subs(U, place)))


def _function(expr: sp.Expr) -> Callable[..., Any]:
    made = sp.lambdify(U, expr, modules=["scipy", "numpy"])
    return lambda u: np.broadcast_to(np.asarray(made(u), dtype=float), u.shape)


def _inner(smooth: Any, masses: Any, mean: np.ndarray, width: float) -> np.ndarray:
    # E f(mean + width y), for many means
    total = np.zeros_like(mean)
    for low, high, f in smooth:
        a, b = (np.clip((end - mean) / width, -_REACH, _REACH)[:, None] for end in (low, high))
        y = (a + b) / 2 + (b - a) / 2 * _INNER[0]
        # rounding must not carry a node over the kink
        v = np.clip(mean[:, None] + width * y, low, high)
        total += np.sum((b - a) / 2 * _INNER[1] * _density(y) * f(v), axis=1)
    for place, weight in masses:
        total += weight * _density((place - mean) / width) / width
    return total


def _values(smooth: Any, u: np.ndarray) -> np.ndarray:
    total = np.zeros_like(u)
    for low, high, f in smooth:
        inside = (u >= low) & (u < high)
        total[inside] = f(u[inside])
    return total


def _panels(splits: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    ends = np.array(sorted({*np.arange(-_REACH, _REACH + 0.5), *(s for s in splits if abs(s) < _REACH)}))
    half, middle = np.diff(ends)[:, None] / 2, ((ends[1:] + ends[:-1]) / 2)[:, None]
    return (middle + half * _OUTER[0]).ravel(), (half * _OUTER[1]).ravel()


def _density(x: Any) -> Any:
    return np.exp(-np.square(x) / 2) / np.sqrt(2 * np.pi)


def _number(expr: sp.Expr, at: dict[Any, Any]) -> float:
    value = sp.N(sp.sympify(expr).subs(at), 30)
    return float("inf") if value in (sp.oo, sp.zoo) else float(sp.re(value))


def _error(found: float, truth: float) -> float:
    if np.isinf(truth) or np.isinf(found):
        return 0.0 if found == truth else float("inf")
    return abs(found - truth) / max(1.0, abs(truth))
