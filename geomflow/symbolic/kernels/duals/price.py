r"""Price's theorem: the correlation of two edges times powers, by integration of its covariance derivative.

$$M_{mn} = \mathbb E\,u^m\varepsilon_e(u)\,v^n\varepsilon_h(v),\qquad
  \varepsilon_e(u) = \mathrm{erf}(u/\sqrt{2e}),\quad \varepsilon_0 = \mathrm{sign},\quad
  \varepsilon_e' = 2\,\mathrm N(u; 0, e)$$

Price's theorem, $\partial_cM = \mathbb E\,(u^m\varepsilon)'(v^n\varepsilon)'$, lowers both powers until Gaussian
weights (Dirac combs at e = 0) remain, whose moments are algebraic. The last step is the comb itself,
$\mathbb E\,2\mathrm N(u;0,e)\,2\mathrm N(v;0,h) = \frac2\pi\frac1w$. With a = p + e and b = q + h,

$$w = \sqrt{ab - c^2},\quad t = \arcsin\frac{c}{\sqrt{ab}},\quad t' = 1/w,\quad w' = -c/w,$$

everything stays in the differential ring Q(a, b, e, h)[c, 1/w, t]; with r = c/√(ab) and s = w/√(ab) this is
Q(p, q)[r, 1/s, t]. An integral in c is found by an ansatz with undetermined coefficients and one linear solve.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import sympy as sp
from sympy.polys.fields import field
from sympy.polys.rings import ring
from sympy.polys.solvers import solve_lin_sys

from geomflow.core.errors import DerivationError
from geomflow.symbolic.kernels.duals.isserlis import edge_moment, moment, pinned

#: Q(a, b, e, h, c), and w².
_MADE: Any = field("a b e h c", sp.QQ)
_FIELD, A, B, E, H, COVARIANCE = _MADE
SQUARE = A * B - COVARIANCE**2


@dataclass(frozen=True)
class Arcsine:
    r"""The element $\frac2\pi(\rho/w + \alpha\,t)$ of the ring; ρ and α rational, α polynomial in c."""

    root: Any
    angle: Any

    def split_root(self) -> tuple[Any, int]:
        r"""Return ρ' and j with $\rho = \rho'w^{2j}$, so that ρ/w is an odd power of the root w."""
        rest, order = self.root, 0
        while rest and (rest / SQUARE).denom == rest.denom:
            rest, order = rest / SQUARE, order + 1
        return rest, order

    def derivative(self) -> Arcsine:
        r"""Return ∂/∂c: $(\rho/w + \alpha t)' = (\rho' + c\rho/w^2 + \alpha)/w + \alpha't$."""
        slope = self.root.diff(COVARIANCE) + COVARIANCE * self.root / SQUARE + self.angle
        return Arcsine(slope, self.angle.diff(COVARIANCE))


@cache
def edge_correlation(m: int, n: int, sharp_u: bool, sharp_v: bool) -> Arcsine:
    r"""Return $M_{mn}$, with e = 0 where `sharp_u` and h = 0 where `sharp_v`.

    Args:
        m, n: the powers of u and v.
        sharp_u, sharp_v: is the edge in u (in v) a sign? Otherwise e (h) stays a symbol.
    """
    if (m - n) % 2:
        return Arcsine(_FIELD.zero, _FIELD.zero)  # odd under (u, v) -> (-u, -v)
    found = _integral(_rate(m, n, sharp_u, sharp_v))
    # The integral runs from M(c = 0) = E u^m ε(u) E v^n ε(v), a multiple of 1/√(ab), which is 1/w there.
    e, h = _noises(sharp_u, sharp_v)
    factors = [edge_moment(k, 0, s - x, 1, 0, x)[1] for k, s, x in ((m, A, e), (n, B, h))]
    if found.root.subs(COVARIANCE, 0) != factors[0] * factors[1]:
        raise DerivationError(f"The integral of Price's theorem misses E u^{m} ε(u) E v^{n} ε(v) at c = 0.")
    return found


def _noises(sharp_u: bool, sharp_v: bool) -> tuple[Any, Any]:
    return _FIELD.zero if sharp_u else E, _FIELD.zero if sharp_v else H


def _rate(m: int, n: int, sharp_u: bool, sharp_v: bool) -> Arcsine:
    r"""Return $\partial_cM_{mn}$: four expectations, by the product rule in u and in v."""
    e, h = _noises(sharp_u, sharp_v)
    p, q, c = A - e, B - h, COVARIANCE
    lower = edge_correlation(m - 1, n - 1, sharp_u, sharp_v) if m and n else Arcsine(_FIELD.zero, _FIELD.zero)
    # Both edges differentiated: the moment u^m v^n under both weights, in units of 2/(πw).
    p1, q1, c1 = pinned(p, q, c, e)
    q2, p2, c2 = pinned(q1, p1, c1, h)
    root = m * n * lower.root + moment(m, n, p2, q2, c2)
    # One edge differentiated: the other one stands under the weight, centred.
    if m:
        q3, p3, c3 = pinned(q, p, c, h)
        root += m * edge_moment(m - 1, n, p3, q3, c3, e)[1]
    if n:
        root += n * edge_moment(n - 1, m, q1, p1, c1, h)[1]
    return Arcsine(root + _FIELD.zero, m * n * lower.angle)


def _integral(rate: Arcsine) -> Arcsine:
    r"""Return $\int(\rho/w + \alpha t)\,dc$ without a constant, by undetermined coefficients.

    With $\rho = R(c)/w^{2N}$ and $D' = \alpha$ the ansatz is $b(c)\,w^{1-2N} + (D + d_0)\,t$, and the coefficients of
    powers of c in $(ab - c^2)b' + (2N-1)\,c\,b + (D + d_0)(ab - c^2)^N = R$ are linear equations.
    """
    order, numerator = 0, rate.root
    while numerator.denom.degree(_C) > 0:
        order, numerator = order + 1, numerator * SQUARE
    right = _in_powers_of_c(numerator)
    angle = _FIELD.zero
    for k, coefficient in _in_powers_of_c(rate.angle).items():
        angle += coefficient * COVARIANCE ** (k + 1) / (k + 1)
    known = _in_powers_of_c(angle * SQUARE**order)
    degree = max([2 * order, *right, *known])
    unknowns, *letters = ring([f"b{j}" for j in range(degree + 1)] + ["d0"], _FIELD.to_domain())
    *b, d0 = letters
    equations = []
    comb = _in_powers_of_c(SQUARE**order)
    for k in range(degree + 2):
        equation = comb.get(k, 0) * d0 + unknowns(known.get(k, _FIELD.zero) - right.get(k, _FIELD.zero))
        if k + 1 <= degree:
            equation += (k + 1) * A * B * b[k + 1]
        if k >= 1:
            equation += (2 * order - k) * b[k - 1]
        equations.append(equation)
    solution = solve_lin_sys(equations, unknowns)
    if solution is None:
        raise DerivationError("The integral of Price's theorem leaves the ring Q(p, q)[r, 1/s, t].")
    values = [_FIELD.zero + (solution[x].coeff(1) if x in solution else 0) for x in letters]
    polynomial = sum((x * COVARIANCE**j for j, x in enumerate(values[:-1])), start=_FIELD.zero)
    return Arcsine(polynomial * SQUARE / SQUARE**order, angle + values[-1])


#: c among the generators of numerators and denominators.
_C = _FIELD.ring.gens[-1]


def _in_powers_of_c(element: Any) -> dict[int, Any]:
    r"""Return the coefficients of a polynomial in c over Q(a, b, e, h)."""
    found: dict[int, Any] = {}
    for powers, number in element.numer.terms():
        monomial = _FIELD.ring.term_new((*powers[:-1], 0), number)
        found[powers[-1]] = found.get(powers[-1], _FIELD.zero) + _FIELD.new(monomial, element.denom)
    return found
