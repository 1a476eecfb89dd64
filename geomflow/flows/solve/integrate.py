r"""Integration in time."""

from __future__ import annotations

import os
import time as clock
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from geomflow.core.checkpoint import Checkpoint
from geomflow.core.errors import ArgumentError
from geomflow.flows.solve.banded import Banded, integrate_banded
from geomflow.flows.solve.conditions import Stops, checked_times, refuse_violated
from geomflow.flows.solve.leg import Place, Problem, solve_leg
from geomflow.flows.solve.legs import LEG_STEPS, Run
from geomflow.flows.solve.methods import Explicit, Method
from geomflow.flows.solve.pieces import joined, piece
from geomflow.flows.solve.solution import Solution

MOST_STEPS = 16**4


def integrate(
    rhs: Callable[[Array, Any], Any],
    y0: Any,
    times: np.ndarray,
    *,
    rtol: float = 1e-9,
    atol: float = 1e-11,
    method: Method | None = None,
    stops: Stops | None = None,
    watch: Callable[[Any], Any] | None = None,
    max_steps: int = MOST_STEPS,
    fixed_steps: int | None = None,
    dense: bool = False,
    checkpoint: Checkpoint | str | os.PathLike[str] | None = None,
    leg_steps: int | None = None,
) -> Solution:
    r"""Integrate dy/dt = rhs(t, y), with adaptive steps unless their number is given.

    Args:
        rhs: an `eqx.Module` (its arrays are traced, so that a ladder of kernel widths compiles once) or a function.
        y0: initial state, float64: an array of any shape, or a pytree of them.
        times: output times, monotone, the first being the initial time; decreasing times integrate backward.
        rtol, atol: local error per step. Good values: 1e-9 and 1e-11.
        method: how to step; `Explicit()` by default.
        stops: conditions, by the sentence that becomes `Solution.reason`, checked after every step: the run ends where
            one of them changes from positive to negative; the time is located on the interpolant of the step.
        watch: y -> pytree of numbers, recorded after every step in `Solution.history`.
        max_steps: cap on the number of steps.
        fixed_steps: so many equal steps from the first to the last output time, for measuring orders: nothing is
            refused, and tolerances serve only to solve the equations of an implicit method. Outputs in between are
            interpolated.
        dense: keep the interpolant of every step.
        checkpoint: a folder, or a `Checkpoint` of your own, that keeps what was computed leg by leg: the same call goes
            on where a run was interrupted, to the same bits, and a run that is complete is read back.
        leg_steps: number of steps in a leg; between legs the progress bar moves. A run with a checkpoint has legs of
            500 steps. Good values: legs of seconds to minutes.

    Raises:
        PrecisionError: float32.
        ArgumentError: fewer than two output times, times that are not strictly monotone, no steps, or dense output of a
            run in legs.
        ResultFileError: the checkpoint is damaged, or belongs to another run.
        FlowError: the run would start where a condition of `stops` is violated. Numbers: `time`, `condition`, `value`.
    """
    times = checked_times(y0, times)
    in_legs = checkpoint is not None or leg_steps is not None
    if isinstance(method, Banded):
        if in_legs or fixed_steps is not None:
            raise ArgumentError("The method `Banded` has no `fixed_steps`, legs or checkpoint. Leave them out.")
        options = {"rtol": rtol, "atol": atol, "stops": stops, "watch": watch, "max_steps": max_steps, "dense": dense}
        return integrate_banded(rhs, y0, times, method=method, **options)
    if in_legs and dense:
        raise ArgumentError("Dense output is not kept from leg to leg: ask for output times, or leave the legs out.")
    problem = _problem(rhs, times, rtol, atol, method, stops, watch, fixed_steps, dense, True)
    most = max(max_steps, fixed_steps or 0)
    steps = (LEG_STEPS if leg_steps is None else leg_steps) if in_legs else most
    run = Run(problem, y0, times, fixed_steps, most, min(steps, most), checkpoint)
    pieces = run.legs() if in_legs else [run.leg([])]
    return joined(pieces, rhs, problem.stops, run.reached.raw.evaluate if dense and run.reached else None)


def integrate_many(
    rhs: Callable[[Array, Any], Any],
    y0: Any,
    times: np.ndarray,
    *,
    rtol: float = 1e-9,
    atol: float = 1e-11,
    method: Method | None = None,
    stops: Stops | None = None,
    watch: Callable[[Any], Any] | None = None,
    max_steps: int = MOST_STEPS,
) -> list[Solution]:
    r"""Integrate an ensemble in one compiled program, each member with its own steps.

    Args:
        rhs, y0, stops, watch: as for `integrate`, every array in them with the members as its first axis.
        times, rtol, atol, method, max_steps: as for `integrate`, the same for all.

    Returns:
        One solution for each member; `seconds` is the time of all together. A member that meets a condition of `stops`
        ends with the step in which it does.

    Raises:
        PrecisionError, ArgumentError, FlowError: as for `integrate`.
    """
    times = checked_times(y0, times)
    # no event is located: the root finder refuses a member that met none
    problem = _problem(rhs, times, rtol, atol, method, stops, watch, None, False, False)
    place = Place(jnp.asarray(times[0]), y0, jnp.asarray(np.nan))
    start = clock.perf_counter()
    reached = _solve_many(problem, place, max_steps)
    arrays, fixed = eqx.partition(reached, eqx.is_array)
    arrays = jax.tree.map(np.asarray, arrays)
    seconds = clock.perf_counter() - start
    solutions = []
    for index in range(len(jax.tree.leaves(y0)[0])):
        one = eqx.combine(_member(arrays, index), fixed)
        refuse_violated(problem.stops, one.begin, times[0])
        begun = Place(place.time, _member(y0, index), place.step)
        found = piece(one, begun, True, times, seconds)
        solutions.append(joined([found], _member(rhs, index), _member(problem.stops, index)))
    return solutions


def _solve_many(problem: Problem, place: Place, max_steps: int) -> Any:
    # one member for each entry of the first axis of every array in rhs, the state, stops and watch
    member, static = eqx.if_array(0), (problem.constant, problem.dense, problem.located)
    members = Problem(member, None, None, None, None, member, member, *static)  # pyright: ignore[reportArgumentType]
    return eqx.filter_vmap(solve_leg, in_axes=(members, Place(None, member, None), None))(problem, place, max_steps)


def _member(tree: Any, index: int) -> Any:
    return jax.tree.map(lambda leaf: leaf[index] if eqx.is_array(leaf) else leaf, tree)


def _problem(rhs, times, rtol, atol, method, stops, watch, fixed_steps, dense, located) -> Problem:
    if fixed_steps is not None and fixed_steps < 1:
        raise ArgumentError(f"Argument `fixed_steps` must be at least 1, but was {fixed_steps}.")
    constant, conditions = fixed_steps is not None, dict(stops or {})
    at, relative, absolute = (jnp.asarray(number) for number in (times, rtol, atol))
    return Problem(rhs, at, relative, absolute, method or Explicit(), conditions, watch, constant, dense, located)
