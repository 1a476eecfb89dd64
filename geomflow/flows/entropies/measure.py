r"""Probability measures carried backward by the conjugate heat equation, for F and W along a computed Ricci flow.

∂_t u = -Δu + R u: the mass u dV is conserved; time runs from the end of the flow to its start.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Array, Float

from geomflow.core.errors import ArgumentError
from geomflow.flows.entropies.quantities import Measure
from geomflow.flows.solve import Solution, integrate
from geomflow.flows.torus.conjugate_heat import ConjugateHeat
from geomflow.geometry.torus import Torus


def torus_measure(torus: Torus, ricci: Solution, final: Float[Array, "*grid"], **options: Any) -> Measure:
    r"""Return t -> mass of each grid point, for a measure that ends as `final` along `RicciFlow` (no other gauge).

    Args:
        torus: the grid.
        ricci: a solution of `RicciFlow` with dense output.
        final: density of the measure at the last time with respect to d^dx, positive; its integral is made 1.
        **options: rtol, atol, max_steps as `integrate`.

    Raises:
        ArgumentError: the solution is not dense, or the density is not positive.
        FlowError: the conjugate heat equation could not be solved to the start.
    """
    if not np.all(np.asarray(final) > 0):
        raise ArgumentError(f"Argument `final` must be a positive density, but its least value is {np.min(final):.3g}.")
    there = ricci.interpolant()
    cell = torus.spacing**torus.dim
    start = final / (np.sum(np.asarray(final)) * cell)
    options = {"max_steps": 2048} | options
    heat = integrate(ConjugateHeat(torus, there), start, np.asarray(ricci.times)[::-1], dense=True, **options)
    density = heat.require_completed("conjugate heat flow").interpolant()
    return lambda t: cell * np.asarray(density(t))
