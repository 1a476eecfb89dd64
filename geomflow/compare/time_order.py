r"""The order of a method in time, observed on a ladder of equal steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import jax
import numpy as np

from geomflow.compare.convergence import observed_orders
from geomflow.core.errors import ArgumentError
from geomflow.flows.solve import Method, integrate


@dataclass(frozen=True)
class TimeOrder:
    r"""What a ladder of equal steps shows.

    Attributes:
        steps: numbers of steps.
        errors: relative errors at the end, the largest over the leaves of the state, each in its maximum norm.
        orders: log(E_j/E_{j+1})/log(N_{j+1}/N_j), one between each two rungs.
    """

    steps: tuple[int, ...]
    errors: tuple[float, ...]
    orders: tuple[float, ...]

    @property
    def order(self) -> float:
        r"""The order between the two finest rungs."""
        return self.orders[-1]

    def __str__(self) -> str:
        rows = [f"{n:8d}  {e:9.2e}" for n, e in zip(self.steps, self.errors, strict=True)]
        rows[1:] = [f"{row}  {order:5.2f}" for row, order in zip(rows[1:], self.orders, strict=True)]
        return "\n".join(["   steps      error  order", *rows])


def time_order(
    flow: Callable[[Any, Any], Any],
    state: Any,
    span: float | tuple[float, float],
    method: Method,
    ladder: Sequence[int],
    *,
    exact: Any = None,
    **options: Any,
) -> TimeOrder:
    r"""Return the orders observed with equal steps, from one compiled program.

    Args:
        flow: a flow, or a function (t, y) -> dy/dt.
        state: initial state.
        span: initial and final time, or the final time alone.
        method: how to step.
        ladder: increasing numbers of steps, such as (20, 40, 80).
        exact: the state at the end. Where the grid's own error is not far below that of the steps, leave it out: by
            default the reference is the same method with four times as many steps as the finest rung, and the errors
            are those of the steps alone.
        **options: `rtol` and `atol`, to which an implicit method solves its equations.

    Raises:
        ArgumentError: a ladder that does not increase, or has less than two rungs.
        FlowError: a run did not reach its end.

    Good values: errors between 1e-3 and 1e-11; rounding hides the order below.
    """
    ladder = tuple(ladder)
    if len(ladder) < 2 or any(b <= a for a, b in pairwise(ladder)):
        raise ArgumentError(f"Argument `ladder` must hold two or more increasing numbers of steps, but was {ladder}.")
    times = np.array([0.0, span] if np.ndim(span) == 0 else span, dtype=float)

    def end(steps: int) -> Any:
        run = integrate(flow, state, times, method=method, fixed_steps=steps, **options)
        return run.require_completed(f"flow in {steps} equal steps").last

    reference = end(4 * ladder[-1]) if exact is None else exact
    errors = tuple(_relative(end(steps), reference) for steps in ladder)
    lengths = [1 / steps for steps in ladder]
    return TimeOrder(ladder, errors, tuple(observed_orders(lengths, errors)))


def _relative(found: Any, exact: Any) -> float:
    pairs = zip(jax.tree.leaves(found), jax.tree.leaves(exact), strict=True)
    return max(float(np.max(np.abs(np.asarray(a) - b)) / np.max(np.abs(b))) for a, b in pairs)
