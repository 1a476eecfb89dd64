r"""L2, Perelman's trajectory: the smeared fixed-measure flow against its reference, up to the stability horizon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Array, Float

from geomflow.compare.convergence import fluctuation, observed_orders, relative_error
from geomflow.compare.invariants import invariant_study
from geomflow.core.errors import HorizonError
from geomflow.flows import FixedMeasureFlow, stability_horizon
from geomflow.flows.torus.conjugate_heat import perelman_reference
from geomflow.geometry.torus import Torus


@dataclass(frozen=True)
class PerelmanStudy:
    r"""The fixed-measure flow from prepared data against *Ricci forward, conjugate heat backward, pull back*.

    Attributes:
        time: final time T.
        widths: the ladder, as far as its horizons exceed T.
        horizons: one per width.
        errors, orders: direct, ‖g_σ(T) - φ^*g~(T)‖ relative to the fluctuation.
        invariants: gauge invariants of the reference at T.
        invariant_errors, invariant_orders: for each invariant.
        pulled_back: largest relative change of an invariant under the pull-back (how exact the reference is).
        refusal: the sentence of the refusal beyond the horizon, with the width and time that were asked for.
    """

    time: float
    widths: list[float]
    horizons: list[float]
    errors: list[float]
    orders: list[float]
    invariants: dict[str, float]
    invariant_errors: dict[str, list[float]]
    invariant_orders: dict[str, list[float]]
    pulled_back: float
    refusal: str


def perelman_study(
    torus: Torus,
    g: Float[Array, "P *grid"],
    final_density: Float[Array, "*grid"],
    widths: Sequence[float],
    time: float,
    **options,
) -> PerelmanStudy:
    r"""Run L2.

    Args:
        torus: the grid.
        g: initial metric, packed.
        final_density: density of dm at the final time; the measure at t = 0 is what the heat flow makes of it.
        widths: decreasing ladder of σ.
        time: final time T.
        **options: rtol, atol as `integrate`.

    Raises:
        HorizonError: no width of the ladder reaches T.
        FlowError: an integration stopped early.
    """
    times = np.array([0.0, time])
    horizons = [stability_horizon(g, s) for s in widths]
    inside = [s for s, h in zip(widths, horizons, strict=True) if h >= time]
    if not inside:
        raise HorizonError(
            f"No width of the ladder can be followed to t = {time:.4g}: the largest horizon is {max(horizons):.4g}. "
            "Take a shorter time or larger widths.",
            time=time,
            horizon=max(horizons),
        )
    reference = perelman_reference(torus, g, final_density, times, **options)
    truth = reference.metrics[-1]
    flow = FixedMeasureFlow(torus, measure=reference.measure)
    finals = []
    for sigma in inside:
        solution = flow.run_within_horizon(g, times, sigma, **options)
        finals.append(solution.require_completed("smeared fixed-measure flow").last)
    errors = [relative_error(v, truth, fluctuation(truth)) for v in finals]
    # invariants need no diffeomorphism: they are compared with those of the Ricci flow itself
    study = invariant_study(torus, reference.ricci[-1], inside, finals)
    pulled = invariant_study(torus, reference.ricci[-1], [0.0], [truth])
    return PerelmanStudy(
        time=time,
        widths=inside,
        horizons=horizons,
        errors=errors,
        orders=observed_orders(inside, errors),
        invariants=study.values,
        invariant_errors=study.errors,
        invariant_orders=study.orders,
        pulled_back=max(errors[0] for errors in pulled.errors.values()),
        refusal=_refusal(flow, g, widths[-1]),
    )


def _refusal(flow: FixedMeasureFlow, g: Array, sigma: float) -> str:
    r"""Ask for twice the horizon of the smallest width and return the sentence of the refusal."""
    try:
        flow.run_within_horizon(g, np.array([0.0, 2 * stability_horizon(g, sigma)]), sigma)
    except HorizonError as error:
        return str(error)
    raise AssertionError("a run beyond the horizon was not refused")
