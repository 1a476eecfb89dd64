r"""Exact Kähler-Ricci flows: profiles over their interval of momenta, and potentials on complex tori.

A profile F(x, t) is proved against the derived equation ∂_t F|_x and the boundary conditions at its moving ends; its
state h comes from the same expression, evaluated with 60 digits because h is what is left of F after two divisions by
a function that vanishes at the ends.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import jax.numpy as jnp
import mpmath
import numpy as np
import sympy as sp
from jaxtyping import Array

from geomflow.flows.exact.base import ExactSolution, by_space
from geomflow.flows.kaehler import LineBundleFlow, MomentumFlow, PotentialFlow, Profile, ProjectiveFlow
from geomflow.flows.kaehler.reduction import profile_residual
from geomflow.metrics.spaces import SPACES
from geomflow.metrics.spaces.kaehler_flows import WAVE

#: Integration that leaves the exact solution the only judge.
_OPTIONS = {"rtol": 1e-11, "atol": 1e-13}
#: Digits, and how far from an end the limit there is read off.
_DIGITS, _NEAR = 60, "1e-20"

_T = sp.Symbol("t", real=True)
_X = sp.Symbol("x", positive=True)


def by_profile(flow: Callable[[], MomentumFlow], profile: str, ends: tuple[str, ...]) -> Callable[[], str]:
    r"""Return the proof that a profile F(x, t) solves the flow's equation and closes smoothly at its ends."""

    def difference() -> str:
        made = flow()
        residuals = profile_residual(made.ansatz, made.n, _read(profile), tuple(map(_read, ends)), _T)
        return "; ".join(f"{name}: {value}" for name, value in residuals.items() if value != 0)

    return difference


def exact_state(flow: Callable[[], MomentumFlow], profile: str, ends: tuple[str, ...]) -> Callable[[float], Profile]:
    r"""Return t -> the state with a profile F(x, t), h accurate to the last digit."""

    @cache
    def functions() -> tuple[MomentumFlow, Callable[..., Any]]:
        made = flow()
        y, remainder = made.ansatz.remainder(_read(profile))
        return made, sp.lambdify([y, made.ansatz.ends, _T], remainder, "mpmath")

    def state(t: float) -> Profile:
        made, remainder = functions()
        with mpmath.workdps(_DIGITS):
            time, near = mpmath.mpf(t), mpmath.mpf(_NEAR)
            numbers = [sp.lambdify([_T], _read(end), "mpmath")(time) for end in ends]
            inside = [min(max(mpmath.mpf(float(y)), near), 1 - near) for y in made.interval.points]
            values = [float(remainder(y, numbers, time)) for y in inside]
        return Profile(jnp.asarray([float(end) for end in numbers]), jnp.asarray(values))

    return state


def _read(text: str) -> sp.Expr:
    return sp.parse_expr(text, local_dict={"x": _X, "t": _T})


def _momentum(
    name: str,
    note: str,
    reference: str,
    flow: Callable[[], MomentumFlow],
    profile: str,
    ends: tuple[str, ...],
    times: tuple[float, float],
    extinction: float | None = None,
) -> ExactSolution:
    return ExactSolution(
        name,
        note,
        reference,
        by_profile(flow, profile, ends),
        flow,
        exact_state(flow, profile, ends),
        *times,
        options=_OPTIONS,
        extinction=extinction,
    )


def fubini_study(n: int) -> ExactSolution:
    r"""Return CP^n with the Fubini-Study metric, of length 1 - 4(n+1)t: it is round and stays round."""
    length = f"(1 - {4 * (n + 1)}*t)"
    end = 1 / (4 * (n + 1))
    return _momentum(
        f"fubini-study-cp-{n}",
        f"CP^{n} with the Fubini-Study metric shrinks to a point.",
        "Besse, Einstein Manifolds (1987), section 3",
        lambda: ProjectiveFlow(n, 12),
        f"x - x**2/{length}",
        (length,),
        (0.0, 0.9 * end),
        end,
    )


SAUSAGE = _momentum(
    "sausage-cp-1",
    "The sausage of King and Rosenau over its interval of momenta, of length -8t.",
    "King (1993); Rosenau (1995); Chow, Lu, Ni (2006), section 2.3.4",
    lambda: ProjectiveFlow(1, 16),
    "2*(cosh(2*t) - cosh(x/2 + 2*t))/sinh(-2*t)",
    ("-8*t",),
    (-1.0, -0.1),
    0.0,
)

FIK = _momentum(
    "fik-shrinker",
    "The shrinker of Feldman, Ilmanen and Knopf on O(-1) over CP¹: a fixed point up to scale.",
    "Feldman, Ilmanen, Knopf, J. Differential Geom. 65 (2003) 169",
    lambda: LineBundleFlow(1, 2, 16),
    "x/sqrt(2) + 2*(1 - sqrt(2))*(1 - 2*t) + 2*sqrt(2)*(1 - sqrt(2))*(1 - 2*t)**2/x",
    ("2 - 4*t",),
    (0.0, 0.49),
    0.5,
)

EGUCHI_HANSON = _momentum(
    "eguchi-hanson-static",
    "The Eguchi-Hanson metric on O(-2) over CP¹, Ricci-flat: it stays as it is.",
    "Calabi, Ann. Sci. ENS 12 (1979) 269",
    lambda: LineBundleFlow(2, 2, 16),
    "x - 1/x",
    ("1",),
    (0.0, 1.0),
)


def _on_torus(
    name: str, space: str, flow: Callable[[], PotentialFlow], speed: float, start: float, entries: list[tuple[int, int]]
) -> ExactSolution:
    # the potential of a metric that a space gives, at s = speed · t; its Hermitian entries are half the real ones

    @cache
    def metric() -> tuple[PotentialFlow, Callable[..., Any]]:
        g = SPACES[space].metric
        numbers: dict[Any, Any] = {c: m for c in g.chart.constants for n, m in (("m1", 1), ("m2", 0)) if c.name == n}
        (time,) = (c for c in g.chart.constants if c.name == "s")
        values = [g.g()[i, j].subs(numbers) / 2 for i, j in entries]
        return flow(), sp.lambdify([time, *g.chart.coordinates], values, "numpy")

    def state(t: float) -> Array:
        made, values = metric()
        points = np.asarray(made.torus.points)
        fields = [np.broadcast_to(v, made.torus.shape) for v in values(speed * t, *points)]
        return made.potential(jnp.asarray(np.stack(fields)))

    return ExactSolution(
        name,
        SPACES[space].note,
        SPACES[space].reference,
        by_space(space),
        flow,
        state,
        start,
        start + 0.5,
        options=_OPTIONS,
    )


POTENTIAL = _on_torus("potential-t2", "poisson-torus", lambda: PotentialFlow(1, 64), 1.0, 1.0, [(0, 0)])
OBLIQUE = _on_torus(
    "potential-t4",
    "oblique-torus",
    lambda: PotentialFlow(2, 12),
    float(sum(m * m for m in WAVE)),
    3.5,
    [(0, 0), (2, 2), (0, 2), (0, 3)],
)

FAMILY = (*(fubini_study(n) for n in (1, 2, 3)), SAUSAGE, FIK, EGUCHI_HANSON, POTENTIAL, OBLIQUE)
