r"""The contract of a flow: a state, its rate of change, what it must satisfy, and when it ends."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from geomflow.core.errors import FlowError, MetricError
from geomflow.flows.solve import Explicit, Method, Solution, Stops, integrate

#: Why a run ended.
LEFT = "the metric stopped being positive definite"
BLEW_UP = "the curvature blows up"


class Flow(eqx.Module):
    r"""A flow of metrics dy/dt = V(t, y), y whatever describes a metric of the family (an array, or a pytree of them).

    A subclass stores its grid and constants, defines `__call__` (pure JAX, so that it can be differentiated, compiled
    and mapped over), and says what it knows of its states: everything else here has a default.
    """

    @abstractmethod
    def __call__(self, t: Any, state: Any) -> Any:
        r"""Return dy/dt, of the structure of `state`."""

    def check(self, state: Any) -> None:
        r"""Refuse a state that is no metric of this family, in a sentence that says where and why.

        Raises:
            MetricError: not finite, not positive, or boundary conditions violated.
        """
        for leaf in jax.tree.leaves(state):
            if not np.all(np.isfinite(leaf)):
                raise MetricError("The initial metric must be finite, but holds NaN or infinite values.")

    def leaves(self, state: Any) -> Callable[[Any], Array] | None:
        r"""Return y -> number that is positive as long as y is a metric; None where that is not watched."""
        return None

    def conditions(self, state: Any) -> dict[str, Callable[[Any], Array]]:
        r"""Return the conditions that end every run from a state, by their sentences: that it leaves the metrics."""
        left = self.leaves(state)
        return {} if left is None else {LEFT: left}

    def curvature(self, state: Any) -> Float[Array, ""]:
        r"""Return max |Rm|, the largest norm (R_abcd R^abcd)^½ over the manifold: 1/length².

        Raises:
            NotImplementedError: the family does not define it; then curvature is not watched.
        """
        raise NotImplementedError

    def observables(self, state: Any) -> Mapping[str, Array]:
        r"""Return what is drawn against time: numbers by name ("volume", "R_min", "R_max", "length", ...)."""
        return {}

    def method(self, state: Any) -> Method:
        r"""Return how this flow is best stepped from a state; explicitly unless the family says otherwise."""
        return Explicit()

    def extinction(self, state: Any) -> float | None:
        r"""Return the time from now until the flow becomes extinct, where a formula gives it."""
        return None

    def run(
        self,
        state: Any,
        times: np.ndarray | float,
        *,
        method: Method | None = None,
        most_curvature: float | None = None,
        stops: Stops | None = None,
        watch: Callable[[Any], Any] | None = None,
        **options: Any,
    ) -> Solution:
        r"""Integrate from `state`. A flow that leaves its family, or blows up, stops, keeps what it has, and says so.

        Args:
            state: initial state.
            times: output times, the initial one first; or the final time alone.
            method: how to step; the flow's own choice by default.
            most_curvature: end the run where max |Rm| has reached this value (1/length²); never by default.
            stops: further conditions that end it, as for `integrate`.
            watch: y -> pytree of numbers recorded at every step, such as `flow.observables`.
            **options: as `geomflow.flows.solve.integrate`.

        Raises:
            MetricError: the initial state is no metric of the family.
            FlowError: the final time is beyond the extinction time that a formula gives. Numbers: `time`.
        """
        self.check(state)
        times = np.array([0.0, times]) if np.ndim(times) == 0 else np.asarray(times, dtype=float)
        self._refuse_beyond_extinction(state, times)
        conditions = {**self.conditions(state), **(stops or {})}
        if most_curvature is not None:
            conditions[BLEW_UP] = Exceeds(self.curvature, jnp.asarray(most_curvature))
        return integrate(
            self, state, times, method=method or self.method(state), stops=conditions, watch=watch, **options
        )

    def _refuse_beyond_extinction(self, state: Any, times: np.ndarray) -> None:
        extinction = self.extinction(state)
        if extinction is None:
            return
        end = times[0] + extinction
        if times[-1] >= end:
            raise FlowError(
                f"This flow, or a part of its manifold, becomes extinct at t = {end:.10g}, but "
                f"t = {times[-1]:.10g} is asked for. Ask for less.",
                time=end,
            )


class Exceeds(eqx.Module):
    r"""A number that changes sign where a quantity passes a bound: 1 - quantity/bound."""

    quantity: Callable[[Any], Array]
    bound: Array

    def __call__(self, state: Any) -> Float[Array, ""]:
        r"""Return 1 - quantity(state)/bound."""
        return 1 - self.quantity(state) / self.bound
