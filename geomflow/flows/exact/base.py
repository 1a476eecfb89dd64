r"""Exact solutions of flows: proved symbolically, then used to test the integrators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from geomflow.core.catalogue import Catalogue
from geomflow.flows.base import Flow
from geomflow.flows.solve import Solution
from geomflow.metrics.spaces import SPACES


@dataclass(frozen=True)
class ExactSolution:
    r"""A solution of a flow that is known in closed form.

    Args:
        name: lower case with hyphens.
        note: one line on what it is.
        reference: where it comes from.
        proof: says by how much the solution fails its equation, exactly; "" is a proof. `by_space` makes one.
        flow: makes the flow that should reproduce it (a discretisation fine enough for 1e-8).
        state: t -> the exact state in that flow's representation, from the same expressions that were proved.
        start, end: the interval of time over which the flow is run.
        options: of `Flow.run`, where the defaults are not accurate enough.
        extinction: the time at which the solution ends, where it does.
        conserved: state -> numbers that the flow keeps.
    """

    name: str
    note: str
    reference: str
    proof: Callable[[], str]
    flow: Callable[[], Flow]
    state: Callable[[float], Any]
    start: float
    end: float
    options: Mapping[str, Any] = field(default_factory=dict)
    extinction: float | None = None
    conserved: Callable[[Any], Mapping[str, Any]] | None = None

    def run(self, **options: Any) -> Solution:
        r"""Integrate from the exact state at `start` to `end`."""
        times = np.array([self.start, self.end])
        return self.flow().run(self.state(self.start), times, **(dict(self.options) | options))

    def error(self, **options: Any) -> float:
        r"""Return the relative error of the integrated state at `end`, the largest over its components.

        Each component (leaf of the state) is compared in the maximum norm with the exact one (absolutely if that is 0).

        Raises:
            FlowError: the run did not reach `end`.
        """
        last = self.run(**options).require_completed(f"flow of the exact solution `{self.name}`").last
        exact = self.state(self.end)
        return max(_off(a, b) for a, b in zip(jax.tree.leaves(last), jax.tree.leaves(exact), strict=True))


def by_space(name: str) -> Callable[[], str]:
    r"""Return the proof of a space whose truth `flow` says that ∂_t g = -2 Ric along it, identically."""
    return lambda: SPACES[name].check("flow").difference


def _off(found: Any, exact: Any) -> float:
    r"""Return the largest error over the largest exact value; the error itself where the exact leaf is zero."""
    exact = np.asarray(exact)
    return float(np.max(np.abs(np.asarray(found) - exact)) / (np.max(np.abs(exact)) or 1.0))


EXACT: Catalogue[ExactSolution] = Catalogue("exact solution")
