r"""One leg of a run: so many steps from one state, in one compiled program that is the same for every leg."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import diffrax
import equinox as eqx
import jax.numpy as jnp
import optimistix
from jaxtyping import Array

from geomflow.flows.solve.conditions import margins
from geomflow.flows.solve.methods import Method
from geomflow.flows.solve.steps import adaptive, first_step


class Problem(eqx.Module):
    r"""What is integrated, and how: the same for every leg. Every number that varies from run to run is an array.

    Attributes:
        rhs: dy/dt.
        times: output times, the initial one first.
        rtol, atol: tolerances.
        method: how to step.
        stops: the conditions that end the run.
        watch: what is recorded after every step.
        constant: whether steps are constant.
        dense: whether the interpolants are kept.
        located: whether the time of a condition is located within its step.
    """

    rhs: Callable[[Any, Any], Any]
    times: Array
    rtol: Array
    atol: Array
    method: Method
    stops: dict[str, Callable[[Any], Array]]
    watch: Callable[[Any], Any] | None
    constant: bool = eqx.field(static=True)
    dense: bool = eqx.field(static=True)
    located: bool = eqx.field(static=True)


class Place(NamedTuple):
    r"""Where a leg begins.

    Attributes:
        time, state: t and y.
        step: the length of the first step; NaN chooses it.
    """

    time: Any
    state: Any
    step: Any


class Reached(NamedTuple):
    r"""What a leg returns.

    Attributes:
        raw: diffrax's solution: the output times, the last state, and what was watched.
        next_step: the length of the step to be tried next.
        begin: the conditions at the beginning.
    """

    raw: diffrax.Solution
    next_step: Array
    begin: Array


def _margin(t: Any, y: Any, args: Any, **kwargs: Any) -> Array:
    # one number for all conditions: diffrax locates the change of sign of a single one only
    return jnp.min(margins(args[1], y))


@eqx.filter_jit
def solve_leg(problem: Problem, place: Place, max_steps: int) -> Reached:
    r"""Take up to `max_steps` steps; a leg that begins where a condition is violated takes none."""
    times, stops, rhs = problem.times, problem.stops, problem.rhs
    begin = margins(stops, place.state) if stops else jnp.ones(0)
    end = jnp.where(jnp.all(begin > 0), times[-1], place.time)
    span = times[-1] - times[0]
    # output times that have passed are those of the beginning: every leg has equally many
    forward = jnp.sign(span)
    asked = forward * jnp.clip(forward * times, forward * place.time, forward * end)
    subs = [diffrax.SubSaveAt(ts=asked), diffrax.SubSaveAt(t1=True)]
    if problem.watch is not None:
        subs.append(diffrax.SubSaveAt(t0=True, steps=True, fn=lambda t, y, args: args[2](y)))
    root_finder = optimistix.Bisection(rtol=1e-12, atol=1e-14) if problem.located else None
    if problem.constant:
        controller, step = diffrax.ConstantStepSize(), place.step
    else:
        controller = adaptive(problem.rtol, problem.atol, times, problem.method.steps_on_outputs)
        step = jnp.where(jnp.isnan(place.step), first_step(rhs, place.time, place.state, span), place.step)
    method = problem.method.within(problem.rtol, problem.atol)
    raw = diffrax.diffeqsolve(
        method.terms(lambda t, y, args: args[0](t, y)),
        method.solver(),
        t0=place.time,
        t1=end,
        dt0=step,
        y0=place.state,
        args=(rhs, stops, problem.watch),
        stepsize_controller=controller,
        saveat=diffrax.SaveAt(subs=subs, dense=problem.dense, controller_state=True),
        event=diffrax.Event(_margin, root_finder) if stops else None,
        max_steps=max_steps,
        throw=False,
    )
    next_step = step if problem.constant else forward * raw.controller_state[1]  # pyright: ignore
    return Reached(raw, next_step, begin)
