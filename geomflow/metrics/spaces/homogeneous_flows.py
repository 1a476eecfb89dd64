r"""Exact solutions of Ricci flow: left-invariant metrics, explicit in the time t or in a parameter that moves.

Where the time is an elementary function of a metric coefficient but not the other way round, the solution is written in
that coefficient (`A`, or w = √(A/B), √(A/C)), and its truth `flow` says how fast it moves; the conserved quantities are
the constants of the metric. The frames are Milnor's, dω1 = λ1 ω2∧ω3 and cyclic.

Reference: Isenberg, Jackson, J. Differential Geom. 35 (1992) 723; Chow, Knopf, The Ricci Flow: An Introduction (2004),
chapter 1; Besse, Einstein Manifolds (1987), 1.G and 7.H.
"""

from __future__ import annotations

from collections.abc import Sequence

from geomflow.metrics.spaces.base import Space
from geomflow.symbolic.charts.lie_groups import LieAlgebra, abelian, e2, left_invariant, nil, sl2r, sol, su2

_REFERENCE = "Isenberg, Jackson (1992); Chow, Knopf, chapter 1"


def _solution(
    name: str, algebra: LieAlgebra, entries: Sequence[str], note: str, truths: dict, at: dict, reference: str = ""
) -> Space:
    source = reference or _REFERENCE
    return Space(name, lambda: left_invariant(algebra, entries), note, source, truths, "+" * algebra.dim, at)


def solvable_hyperbolic(n: int) -> LieAlgebra:
    r"""Return the algebra [e_n, e_i] = e_i, i < n: every left-invariant metric on its group is hyperbolic."""
    return LieAlgebra.from_brackets(n, {(n, i): {i: 1} for i in range(1, n)})


def solvable_complex_hyperbolic() -> LieAlgebra:
    r"""Return [e1, e2] = e3, [e4, e1] = e1/2, [e4, e2] = e2/2, [e4, e3] = e3: the complex hyperbolic plane."""
    return LieAlgebra.from_coframe(["1/2*w1*w4", "1/2*w2*w4", "w3*w4 - w1*w2", "0"])


ROUND = _solution(
    "su-2-round-flow",
    su2(),
    ["s - 4*t"] * 3,
    "The round S³ of squared radius s - 4t.",
    {"flow": {"t": "1"}, "scalar": "6/(s - 4*t)"},
    {"s": 5},
)

BERGER = _solution(
    "berger-flow",
    su2(),
    ["A", "A/(1 - k*A^2)", "A/(1 - k*A^2)"],
    "The Berger spheres of fibre A and conserved (B - A)/(A²B) = k.",
    {"flow": {"A": "-4*(1 - k*A^2)^2"}, "scalar": "2*(1 - k*A^2)*(3 + k*A^2)/A"},
    {"A": "1/2", "k": 2},
)

SL2R = _solution(
    "sl-2-r-flow",
    sl2r(),
    ["A", "A/(k*A^2 - 1)", "A/(k*A^2 - 1)"],
    "The metrics with B = C on SL(2, R), of conserved (A + B)/(A²B) = k: the fibre A tends to k^(-1/2).",
    {"flow": {"A": "-4*(k*A^2 - 1)^2"}, "scalar": "-2*(k*A^2 - 1)*(k*A^2 + 3)/A"},
    {"A": 1, "k": 2},
)

NIL = _solution(
    "nil-general-flow",
    nil(),
    ["(a^2*b*c)^(1/3)*s^(-1/3)", "b*(a/(b*c))^(1/3)*s^(1/3)", "c*(a/(b*c))^(1/3)*s^(1/3)"],
    "The metric a, b, c on Nil at s = bc/a; s = 12t + bc/a.",
    {"flow": {"s": "12"}, "scalar": "-2/s"},
    {},
)

SOL = _solution(
    "sol-general-flow",
    sol(),
    ["h*w", "m/(h*(w - 1/w))", "h/w"],
    "The metrics on Sol of conserved AC = h² and B(A - C) = m; w = (A/C)^½ falls to 1.",
    {"flow": {"w": "-4*h*(w^4 - 1)*(w^2 - 1)/(m*w^2)"}},
    {"w": 2},
)

SOL_SOLITON = _solution(
    "sol-soliton-flow",
    sol(),
    ["h", "b + 16*t", "h"],
    "The soliton of Sol, A = C.",
    {"flow": {"t": "1"}, "scalar": "-8/(b + 16*t)"},
    {},
)

E2 = _solution(
    "e-2-general-flow",
    e2(),
    ["h*w", "h/w", "m/(h*(w + 1/w))"],
    "The metrics on E(2) of conserved AB = h² and C(A + B) = m; w = (A/B)^½ tends to 1, where they are flat.",
    {"flow": {"w": "-4*h*(w^4 - 1)*(w^2 + 1)/(m*w^2)"}, "scalar": "-2*h*(w^2 - 1)^2*(w^2 + 1)/(m*w^3)"},
    {"w": 2},
)

HYPERBOLIC_3 = _solution(
    "hyperbolic-3-flow",
    solvable_hyperbolic(3),
    ["s + 4*t"] * 3,
    "Hyperbolic space of squared radius s + 4t, as a group that is not unimodular.",
    {"flow": {"t": "1"}, "constant_curvature": "-1/(s + 4*t)"},
    {},
)

HYPERBOLIC_5 = _solution(
    "hyperbolic-5-flow",
    solvable_hyperbolic(5),
    ["s + 8*t"] * 5,
    "Hyperbolic space of dimension five.",
    {"flow": {"t": "1"}, "constant_curvature": "-1/(s + 8*t)"},
    {},
)

COMPLEX_HYPERBOLIC = _solution(
    "complex-hyperbolic-flow",
    solvable_complex_hyperbolic(),
    ["s + 3*t"] * 4,
    "The complex hyperbolic plane, an Einstein metric g = (1 - 2Λt) g0 with Λ = -3/2.",
    {"flow": {"t": "1"}, "scalar": "-6/(s + 3*t)"},
    {},
    "Besse (1987), 7.H",
)

SPHERES = _solution(
    "su-2-su-2-flow",
    su2().direct_sum(su2()),
    ["r - 4*t"] * 3 + ["s - 4*t"] * 3,
    "S³ × S³, the squared radii r - 4t and s - 4t.",
    {"flow": {"t": "1"}, "scalar": "6/(r - 4*t) + 6/(s - 4*t)"},
    {"r": 5, "s": 6},
)

SPHERE_LINE = _solution(
    "su-2-line-flow",
    su2().direct_sum(abelian(1)),
    ["s - 4*t"] * 3 + ["l"],
    "S³ × R: the sphere shrinks, the line stays.",
    {"flow": {"t": "1"}, "scalar": "6/(s - 4*t)"},
    {"s": 5},
)

FAMILY = (
    *(ROUND, BERGER, SL2R, NIL, SOL, SOL_SOLITON, E2),
    *(HYPERBOLIC_3, HYPERBOLIC_5, COMPLEX_HYPERBOLIC, SPHERES, SPHERE_LINE),
)
