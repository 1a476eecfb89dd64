r"""Exact Ricci flows of left-invariant metrics on Lie groups.

Three kinds: metrics explicit in t; metrics explicit in a parameter w (of `metrics.spaces.homogeneous_flows`) whose time
t(w) is elementary, solved for w; and the triaxial metrics of SU(2), explicit up to a quadrature.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import sympy as sp
from scipy.optimize import brentq

from geomflow.flows.exact.base import ExactSolution, by_space
from geomflow.flows.exact.darboux_halphen import triaxial_proof
from geomflow.flows.homogeneous import DiagonalFlow, InvariantFlow, berger_extinction
from geomflow.flows.homogeneous.darboux_halphen import DarbouxHalphen, conserved
from geomflow.metrics.spaces import SPACES
from geomflow.metrics.spaces.homogeneous_flows import solvable_complex_hyperbolic, solvable_hyperbolic
from geomflow.symbolic.charts.lie_groups import LieAlgebra, abelian, su2

_ISENBERG_JACKSON = "Isenberg, Jackson, J. Differential Geom. 35 (1992) 723"
_CHOW_KNOPF = "Chow, Knopf, The Ricci Flow: An Introduction (2004), section 1.5"

#: Integration that leaves the exact solution the only judge.
_OPTIONS = {"rtol": 1e-11, "atol": 1e-13}

#: t as a function of the parameter, up to a constant: dt/dw is proved to be one over dw/dt.
TIMES: Mapping[str, str] = {
    "berger-flow": "-(sqrt(k)*A/(1 - k*A^2) + atanh(sqrt(k)*A))/(8*sqrt(k))",
    "sl-2-r-flow": "(sqrt(k)*A/(k*A^2 - 1) - atanh(1/(sqrt(k)*A)))/(8*sqrt(k))",
    "sol-general-flow": "m/(16*h)*(w/(w^2 - 1) + atan(w))",
    "e-2-general-flow": "m/(16*h)*(atanh(1/w) - w/(w^2 + 1))",
}


def diagonal_entries(space: str, values: Mapping[str, float], moving: str) -> Callable[[float], np.ndarray]:
    r"""Return the diagonal of the metric of a space as a function of one of its constants, the others given."""

    @cache
    def function() -> Callable[[float], Any]:
        metric = SPACES[space].metric
        known = {c.name: c for c in metric.chart.constants}
        numbers: Any = {known[name]: value for name, value in values.items()}
        return sp.lambdify([known[moving]], [metric.g()[a, a].subs(numbers) for a in range(metric.dim)], "numpy")

    return lambda value: np.array(function()(value), dtype=float)


def time_of(space: str) -> tuple[sp.Symbol, sp.Expr]:
    r"""Return the parameter of a solution and t as a function of it."""
    chart = SPACES[space].metric.chart
    (moving,) = SPACES[space].truths["flow"]
    return next(c for c in chart.constants if c.name == moving), chart.parse(TIMES[space])


def by_parameter(space: str) -> Callable[[], str]:
    r"""Return the proof of a solution in a parameter: the flow of its space, and dt/dw · dw/dt = 1."""

    def proof() -> str:
        moving, time = time_of(space)
        rate = SPACES[space].metric.chart.parse(SPACES[space].truths["flow"][moving.name])
        defect = sp.simplify(sp.diff(time, moving) * rate - 1)
        return by_space(space)() or ("" if defect == 0 else f"dt/d{moving} · d{moving}/dt - 1 is {defect}")

    return proof


def parameter_state(space: str, values: Mapping[str, float], bracket: tuple[float, float]) -> Callable[[float], Any]:
    r"""Return t -> diagonal of the metric, t = 0 where the parameter stands at the second end of its bracket."""
    (name,) = SPACES[space].truths["flow"]
    entries = diagonal_entries(space, values, name)
    low, high = bracket

    @cache
    def clock() -> Callable[[float], float]:
        moving, time = time_of(space)
        known = {c.name: c for c in SPACES[space].metric.chart.constants}
        return sp.lambdify([moving], time.subs({known[key]: value for key, value in values.items()}), "numpy")

    def state(t: float) -> np.ndarray:
        if t == 0:
            return entries(high)
        elapsed = lambda w: clock()(w) - clock()(high)  # noqa: E731
        root: Any = brentq(lambda w: elapsed(w) - t, low, high, xtol=1e-16, rtol=np.float64(1e-15))
        return entries(root)

    return state


def _solution(
    name: str, note: str, flow: Callable[[], Any], state: Callable[[float], Any], end: float, **rest: Any
) -> ExactSolution:
    rest = {"reference": _ISENBERG_JACKSON, "proof": by_space(name), "options": _OPTIONS, "start": 0.0} | rest
    return ExactSolution(name=name, note=note, flow=flow, state=state, end=end, **rest)


def _in_time(space: str, values: Mapping[str, float]) -> Callable[[float], np.ndarray]:
    return diagonal_entries(space, values, "t")


def _full(space: str, values: Mapping[str, float]) -> Callable[[float], np.ndarray]:
    # the same metric as a full symmetric matrix, packed
    entries = _in_time(space, values)
    return lambda t: np.diag(entries(t))[np.triu_indices(SPACES[space].metric.dim)]


def _flow(algebra: str | LieAlgebra) -> Callable[[], DiagonalFlow]:
    return lambda: DiagonalFlow(algebra)


# --- explicit in time ------------------------------------------------------------------------------------------------

_IN_TIME = (
    _solution(
        "su-2-round-flow", "The round S³.", _flow("su2"), _in_time("su-2-round-flow", {"s": 1.0}), 0.2, extinction=0.25
    ),
    _solution(
        "nil-general-flow",
        "Nil: the fibre collapses like t^(-1/3), the base grows like t^(1/3).",
        _flow("nil"),
        lambda t: diagonal_entries("nil-general-flow", {"a": 2.0, "b": 1.0, "c": 3.0}, "s")(12 * t + 1.5),
        5.0,
        conserved=lambda g: {"AB": g[0] * g[1], "AC": g[0] * g[2]},
    ),
    _solution(
        "sol-soliton-flow",
        "The soliton of Sol: one direction grows linearly, two stay.",
        _flow("sol"),
        _in_time("sol-soliton-flow", {"h": 2.0, "b": 1.0}),
        5.0,
        conserved=lambda g: {"AC": g[0] * g[2]},
    ),
    _solution(
        "hyperbolic-3-flow",
        "Hyperbolic space on a solvable group that is not unimodular.",
        lambda: InvariantFlow(solvable_hyperbolic(3)),
        _full("hyperbolic-3-flow", {"s": 1.0}),
        3.0,
    ),
    _solution(
        "hyperbolic-5-flow",
        "Hyperbolic space of dimension five.",
        lambda: InvariantFlow(solvable_hyperbolic(5)),
        _full("hyperbolic-5-flow", {"s": 1.0}),
        3.0,
    ),
    _solution(
        "complex-hyperbolic-flow",
        "The complex hyperbolic plane, Einstein.",
        lambda: InvariantFlow(solvable_complex_hyperbolic()),
        _full("complex-hyperbolic-flow", {"s": 1.0}),
        3.0,
        reference="Besse, Einstein Manifolds (1987), 7.H",
    ),
    _solution(
        "su-2-su-2-flow",
        "S³ × S³: each factor on its own.",
        _flow(su2().direct_sum(su2())),
        _in_time("su-2-su-2-flow", {"r": 1.0, "s": 3.0}),
        0.2,
        extinction=0.25,
    ),
    _solution(
        "su-2-line-flow",
        "S³ × R.",
        lambda: InvariantFlow(su2().direct_sum(abelian(1))),
        _full("su-2-line-flow", {"s": 1.0, "l": 2.0}),
        0.2,
        extinction=0.25,
    ),
)

# --- explicit in a parameter -----------------------------------------------------------------------------------------


def _by_parameter(
    space: str,
    note: str,
    algebra: str,
    values: Mapping[str, float],
    bracket: tuple[float, float],
    end: float,
    **rest: Any,
) -> ExactSolution:
    state = parameter_state(space, values, bracket)
    return _solution(space, note, _flow(algebra), state, end, proof=by_parameter(space), **rest)


_IN_PARAMETER = (
    _by_parameter(
        "berger-flow",
        "A Berger sphere, A/B = 1/2 at first: it becomes round and vanishes.",
        "su2",
        {"k": 2.0},
        (0.0, 0.5),
        0.18,
        reference=_CHOW_KNOPF,
        extinction=berger_extinction(0.5, 1.0),
        conserved=lambda g: {"(B - A)/(A²B)": (g[1] - g[0]) / (g[0] ** 2 * g[1])},
    ),
    _by_parameter(
        "sl-2-r-flow",
        "SL(2, R) with B = C: the fibre tends to a length, the base becomes hyperbolic and grows.",
        "sl2r",
        {"k": 2.0},
        (0.5**0.5 * (1 + 1e-14), 1.0),
        3.0,
        conserved=lambda g: {"(A + B)/(A²B)": (g[0] + g[1]) / (g[0] ** 2 * g[1])},
    ),
    _by_parameter(
        "sol-general-flow",
        "Sol: tends to its soliton.",
        "sol",
        {"h": 2.0, "m": 3.0},
        (1 + 1e-14, 2.0),
        3.0,
        conserved=lambda g: {"AC": g[0] * g[2], "B(A - C)": g[1] * (g[0] - g[2])},
    ),
    _by_parameter(
        "e-2-general-flow",
        "E(2): converges to a flat metric exponentially fast.",
        "e2",
        {"h": 2.0, "m": 24.0},
        (1 + 1e-14, 2.0),
        0.5,
        conserved=lambda g: {"AB": g[0] * g[1], "C(A + B)": g[2] * (g[0] + g[1])},
    ),
)

# --- triaxial SU(2) --------------------------------------------------------------------------------------------------

_TRIAXIAL = DarbouxHalphen(3.0, 2.0, 1.0)
# An automorphism of su(2): a rotation, about (1, 1, 1) by one radian. The solution is the same seen in a tilted frame.
_AXIS = np.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / np.sqrt(3)
_TILT = np.eye(3) + np.sin(1.0) * _AXIS + (1 - np.cos(1.0)) * _AXIS @ _AXIS


def _constants(g: Any) -> Mapping[str, Any]:
    return dict(zip(("c", "p"), conserved(*(float(value) for value in g)), strict=True))


_TRIAXIALS = (
    _solution(
        "su-2-triaxial-flow",
        "Three different axes on SU(2): the Darboux-Halphen system, by elliptic integrals.",
        _flow("su2"),
        _TRIAXIAL.at,
        0.4,
        reference="Bakas, Orlando, Petropoulos, JHEP 01 (2007) 040, arXiv:hep-th/0610281; Halphen (1881)",
        proof=triaxial_proof,
        extinction=_TRIAXIAL.extinction,
        conserved=_constants,
    ),
    _solution(
        "su-2-tilted-flow",
        "The same in a rotated frame, where no component of the metric is zero.",
        lambda: InvariantFlow("su2"),
        lambda t: (_TILT @ np.diag(_TRIAXIAL.at(t)) @ _TILT.T)[np.triu_indices(3)],
        0.4,
        reference="Bakas, Orlando, Petropoulos, JHEP 01 (2007) 040, arXiv:hep-th/0610281; Halphen (1881)",
        proof=triaxial_proof,
        extinction=_TRIAXIAL.extinction,
    ),
)

FAMILY = (*_IN_TIME, *_IN_PARAMETER, *_TRIAXIALS)
