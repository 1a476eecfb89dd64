r"""Exact Ricci flows of surfaces within a conformal class: the Poisson solution on T², the sausage on S²."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

import jax.numpy as jnp
import numpy as np
import sympy as sp

from geomflow.flows.conformal import ConformalSphereFlow, ConformalTorusFlow
from geomflow.flows.exact.base import ExactSolution, by_space
from geomflow.geometry.sphere import SphereGrid
from geomflow.geometry.torus import Torus
from geomflow.metrics.spaces import SPACES

#: The axis of the sausage: no direction of the grid.
AXIS = np.array([1.0, 2.0, 2.0]) / 3

_OPTIONS = {"rtol": 1e-10, "atol": 1e-12}


@cache
def poisson_factor(waves: tuple[int, int]) -> Callable[[Any, Any, Any], Any]:
    r"""Return (s, x, y) -> w of the space `poisson-torus` with a wave vector, s = |m|² t + t0."""
    metric = SPACES["poisson-torus"].metric
    known = {symbol.name: symbol for symbol in (*metric.chart.constants, *metric.chart.coordinates)}
    numbers: Any = {known["m1"]: waves[0], known["m2"]: waves[1]}
    return sp.lambdify([known[name] for name in ("s", "x", "y")], metric.g()[0, 0].subs(numbers), "numpy")


@cache
def sausage_factor() -> Callable[[Any, Any], Any]:
    r"""Return (t, z) -> w of the space `sausage`, g = w g_{S²}, at the height z above the equator of its axis.

    The cylinder is conformal to the sphere: \(dx^2 + d\theta^2 = \cosh^2 x\,g_{S^2}\) with z = tanh x.
    """
    metric = SPACES["sausage"].metric
    (time,), x, z = metric.chart.constants, metric.chart.coordinates[0], sp.Symbol("z")
    # cosh 2x = (1 + z²)/(1 - z²) and cosh² x = 1/(1 - z²): a fraction, finite at the poles after cancelling
    exponential = sp.Symbol("e", positive=True)
    factor = (metric.g()[0, 0] * sp.cosh(x) ** 2).rewrite(sp.exp)
    factor = factor.subs(x, sp.log(exponential)).subs(exponential, sp.sqrt((1 + z) / (1 - z)))
    return sp.lambdify([time, z], sp.cancel(sp.simplify(factor)), "numpy")


def poisson_state(waves: tuple[int, int], size: int, start: float, t: float) -> Any:
    r"""Return w of the Poisson solution on a grid, s = start + |m|² t."""
    s = start + (waves[0] ** 2 + waves[1] ** 2) * t
    return jnp.asarray(poisson_factor(waves)(s, *np.asarray(Torus(2, size).points)))


def sausage_state(degree: int, t: float) -> Any:
    r"""Return w of the sausage about `AXIS` on a grid, t < 0."""
    return jnp.asarray(sausage_factor()(t, np.einsum("i,i...->...", AXIS, SphereGrid(degree).points)))


def _area(flow: Callable[[], ConformalTorusFlow], state: Any) -> Mapping[str, Any]:
    return {"area": flow().area(state)}


def _poisson(waves: tuple[int, int], size: int, start: float, end: float) -> ExactSolution:
    def flow() -> ConformalTorusFlow:
        return ConformalTorusFlow(Torus(2, size))

    return ExactSolution(
        name=f"poisson-torus-{waves[0]}-{waves[1]}",
        note=f"The Poisson solution on T² with wave vector {waves}: flattens, and keeps its area.",
        reference="J. King, J. Phys. A 26 (1993) 3681, continued to circular functions",
        proof=by_space("poisson-torus"),
        flow=flow,
        state=partial(poisson_state, waves, size, start),
        start=0.0,
        end=end,
        options=_OPTIONS,
        conserved=partial(_area, flow),
    )


FAMILY = (
    _poisson((1, 0), 64, 1.0, 0.5),
    _poisson((2, 1), 96, 1.5, 0.1),
    ExactSolution(
        name="sausage",
        note="The sausage of King and Rosenau on S², its axis oblique to the grid: an ancient solution, extinct at 0.",
        reference="J. King, J. Phys. A 26 (1993) 3681; P. Rosenau, Phys. Rev. Lett. 74 (1995) 1056",
        proof=by_space("sausage"),
        flow=lambda: ConformalSphereFlow(SphereGrid(42)),
        state=partial(sausage_state, 42),
        start=-1.0,
        end=-0.01,
        options=_OPTIONS,
        extinction=0.0,
    ),
)
