r"""Exact solutions for rotationally symmetric flows: the round spheres."""

from __future__ import annotations

from functools import partial

import numpy as np
import sympy as sp

from geomflow.flows.exact.base import ExactSolution
from geomflow.flows.warped.grading import from_profile
from geomflow.flows.warped.rotational import Profile, RotationalFlow
from geomflow.metrics.spaces.base import Space
from geomflow.symbolic.charts.constructions import round_sphere

_TIME = sp.Symbol("t")


def radius(dim: int) -> sp.Expr:
    r"""Return the radius \((1 - 2(n-1)t)^{1/2}\) of the round sphere of dimension n that starts with radius 1."""
    return sp.sqrt(1 - 2 * (dim - 1) * _TIME)


def round_proof(dim: int) -> str:
    r"""Return "" if \(\partial_t g = -2\,\mathrm{Ric}\) for r' = -(n-1)/r, and the radius satisfies that."""
    space = Space(
        f"round-{dim}",
        lambda: round_sphere(dim, radius="r", constants="r"),
        "The round sphere of radius r.",
        "Hamilton (1982)",
        {"flow": {"r": f"-{dim - 1}/r"}},
    )
    r = radius(dim)
    defect = sp.simplify(sp.diff(r, _TIME) + (dim - 1) / r)
    return space.check("flow").difference or ("" if defect == 0 else f"r' + {dim - 1}/r = {defect}")


def _round(dim: int, t: float) -> tuple[RotationalFlow, Profile]:
    r = float(radius(dim).subs(_TIME, t))
    return from_profile(lambda s: r * np.sin(s / r), np.pi * r, dim=dim, points=51)


def _entry(dim: int) -> ExactSolution:
    end = 1 / (2 * (dim - 1))
    return ExactSolution(
        name=f"round-sphere-{dim}",
        note=f"The round sphere S^{dim} shrinks to a point, as a metric of revolution.",
        reference="R. Hamilton, J. Differential Geom. 17 (1982) 255",
        proof=partial(round_proof, dim),
        flow=lambda: _round(dim, 0.0)[0],
        state=lambda t: _round(dim, t)[1],
        start=0.0,
        end=0.9 * end,
        options={"rtol": 1e-12, "atol": 1e-14},
        extinction=end,
    )


FAMILY = tuple(_entry(dim) for dim in (2, 3, 4, 6))
