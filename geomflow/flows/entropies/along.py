r"""Entropies along a computed flow: numbers in time, each with what a theorem says of it and whether it holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from scipy.interpolate import make_interp_spline

from geomflow.core.card import Card, number
from geomflow.core.errors import ArgumentError
from geomflow.flows.base import Flow
from geomflow.flows.entropies.base import Manifold
from geomflow.flows.entropies.families import evolution, manifold_of
from geomflow.flows.entropies.quantities import QUANTITIES, Quantity
from geomflow.flows.solve import Solution

#: A violation below this fraction of the range of the values (or of 1) is the error of integration and discretisation.
TOLERANCE = 1e-7


@dataclass(frozen=True)
class Followed:
    r"""One quantity along a flow.

    Attributes:
        quantity: what it is.
        values: at the times, shape (T,).
        least: the lower bounds a theorem gives, shape (T,); None where none speaks of this quantity and flow.
        rates: its derivative by the theorem's formula, shape (T,); None where there is none.
        imbalance: max over times of |value(t) - value(0) - ∫ rate dt|; None without rates.
    """

    quantity: Quantity
    values: np.ndarray
    least: np.ndarray | None
    rates: np.ndarray | None
    imbalance: float | None

    @property
    def violation(self) -> float | None:
        r"""By how much the values fall below what the theorem allows; None where there is no theorem."""
        return None if self.least is None else float(np.max(np.maximum(self.least - self.values, 0.0)))

    def holds(self, tolerance: float = TOLERANCE) -> bool | None:
        r"""Return whether the theorem holds, up to a fraction of the largest value; None where there is none."""
        if self.violation is None:
            return None
        return self.violation <= tolerance * max(1.0, float(np.max(np.abs(self.values))))


@dataclass(frozen=True)
class Entropies:
    r"""Quantities along a flow.

    Attributes:
        times: shape (T,).
        followed: by name.
        evolution: "Ricci flow" (up to diffeomorphisms), "Ricci flow up to scale", or "" for any other flow.
        dim: the dimension.
        symmetric: whether infima are over functions with the symmetry of the metric alone.
    """

    times: np.ndarray
    followed: Mapping[str, Followed]
    evolution: str
    dim: int
    symmetric: bool

    def __getitem__(self, name: str) -> np.ndarray:
        r"""Return the values of one quantity."""
        if name not in self.followed:
            raise ArgumentError(f"The quantity `{name}` was not followed; there are {', '.join(self.followed)}.")
        return self.followed[name].values

    def rows(self, card: Card, tolerance: float = TOLERANCE) -> Card:
        r"""Add a row for each quantity and a verdict for each theorem to a card."""
        span = f"t = {self.times[0]:g} to {self.times[-1]:g}"
        card.section(f"{self.evolution or 'Not a Ricci flow'}, n = {self.dim}, {span}")
        for name, each in self.followed.items():
            note = "" if each.imbalance is None else f"∫ of its rate differs by {number(each.imbalance)}"
            card.row(name, f"{number(each.values[0])} → {number(each.values[-1])}", note)
        for name, each in self.followed.items():
            holds = each.holds(tolerance)
            if holds is not None:
                by = f"; largest violation {number(each.violation)}" if each.violation else ""
                card.verdict("verified" if holds else "refuted", f"{name} {each.quantity.says}{by}.")
        if self.symmetric:
            card.text("Infima are over functions with the symmetry of the metric.")
        return card

    def card(self, title: str = "Entropies along a flow") -> Card:
        r"""Return the table as a card."""
        return self.rows(Card(title))


def along(
    solution: Solution,
    flow: Flow,
    quantities: Sequence[str | Quantity] = ("volume", "R-min", "lambda"),
    *,
    manifold: Callable[[Any], Manifold] | None = None,
) -> Entropies:
    r"""Evaluate quantities at the output times of a solution, and test what theorems say of them.

    Args:
        solution: what `flow.run` returned.
        flow: the flow; it tells what a state means and whether theorems on Ricci flow apply.
        quantities: names in `QUANTITIES`, or quantities such as `entropy_mu(end)` and `entropy_w(measure, end)`.
        manifold: state -> manifold, for a family that is not known here.

    Raises:
        CatalogueError: there is no such quantity.
        ArgumentError: two quantities of one name, fewer than two output times, or an unknown family of flows.
        ResolutionError, ConvergenceError: a minimisation failed.

    Good values: `along(solution, flow, ["lambda", "R-min", entropy_mu(T)]).card().show()`.
    """
    asked = [QUANTITIES[q] if isinstance(q, str) else q for q in quantities]
    names = [q.name for q in asked]
    if len(set(names)) < len(names):
        raise ArgumentError(f"Argument `quantities` must have different names, but they are {', '.join(names)}.")
    times = np.asarray(solution.times)
    if len(times) < 2:
        raise ArgumentError(f"A flow is followed over two or more output times, but the solution has {len(times)}.")
    kind = evolution(flow)
    values: dict[str, list[float]] = {name: [] for name in names}
    rates: dict[str, list[float]] = {q.name: [] for q in asked if q.rate is not None and kind == "Ricci flow"}
    seen: Manifold | None = None
    for i, t in enumerate(times):
        state = jax.tree.map(lambda leaf: leaf[i], solution.states)  # noqa: B023
        seen = manifold_of(flow, state) if manifold is None else manifold(state)
        for quantity in asked:
            values[quantity.name].append(quantity.value(float(t), seen))
            if quantity.name in rates and quantity.rate is not None:
                rates[quantity.name].append(quantity.rate(float(t), seen))
    assert seen is not None  # there are two times or more
    followed = {q.name: _followed(q, times, values[q.name], rates.get(q.name), kind, seen.dim) for q in asked}
    return Entropies(times, followed, kind, seen.dim, seen.symmetric)


def _followed(
    quantity: Quantity, times: np.ndarray, values: list[float], rates: list[float] | None, kind: str, dim: int
) -> Followed:
    found = np.array(values)
    applies = kind == "Ricci flow" or (kind and quantity.scaled)
    least = quantity.least(times, found, dim) if applies and quantity.least is not None else None
    if rates is None:
        return Followed(quantity, found, least, None, None)
    degree = min(5, 2 * ((len(times) - 2) // 2) + 1)  # odd, and less than the number of times
    integral = make_interp_spline(times, rates, k=degree).antiderivative()
    imbalance = float(np.max(np.abs(found - found[0] - (integral(times) - integral(times[0])))))
    return Followed(quantity, found, least, np.array(rates), imbalance)
