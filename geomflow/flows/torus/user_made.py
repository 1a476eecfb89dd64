r"""Flows that a user writes down with abstract indices, ready to run on a torus."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Mapping
from functools import cache
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import sympy as sp
from jaxtyping import Array, Float

from geomflow.core.errors import ArgumentError
from geomflow.flows.torus.background import Background, background_connection
from geomflow.flows.torus.base import TorusFlow, metric_of
from geomflow.flows.torus.generate import generated
from geomflow.flows.torus.recipe import Recipe, compiled, independent
from geomflow.geometry.torus import Torus
from geomflow.kernels.random_operator import RandomFeatureOperator
from geomflow.symbolic.abstract.expression import DIMENSION, ONE, Expression, Head, tensor_field
from geomflow.symbolic.abstract.variation import fields_of
from geomflow.symbolic.flows.deturck import christoffel_trace
from geomflow.symbolic.flows.flow import Flow
from geomflow.symbolic.flows.linearise import principal_symbol
from geomflow.symbolic.jets import pairs


class FixedMeasure(eqx.Module):
    r"""A scalar f that the metric determines by e^{kf} c dV = m dx.

    Args:
        density: m(x) > 0, shape (*grid,).
        exponent: k.
        constant: c.
    """

    density: Float[Array, "*grid"]
    exponent: float = eqx.field(static=True)
    constant: float = eqx.field(static=True)

    def potential(self, volume_density: Float[Array, "*grid"]) -> Float[Array, "*grid"]:
        r"""Return f for √det g."""
        return (jnp.log(self.density) - jnp.log(self.constant * volume_density)) / self.exponent


class SymbolicFlow(TorusFlow):
    r"""A flow of a metric and fields whose velocities were written down; `symbolic_flow` makes one.

    The state is g, packed, or a NamedTuple `(g, u, ...)` where fields evolve: a scalar of shape (*grid,), a tensor of
    shape (C, *grid) with the components i <= j if it is symmetric, i < j < ... if it is a form, else all of them.

    Args:
        torus: the grid.
        recipe: what is generated.
        measure: of the scalar that is determined by the metric, if there is one.
        background: of the gauge; None without gauge, or for the flat one.
        diffusivity: the largest rate, in units of |k|², at which modes about flat decay, if all of them do; else None.
        kernel: Fourier symbol or operator of a network, or None.
    """

    torus: Torus
    recipe: Recipe = eqx.field(static=True, kw_only=True)
    measure: FixedMeasure | None = eqx.field(kw_only=True, default=None)
    background: Background | None = eqx.field(kw_only=True, default=None)
    diffusivity: float | None = eqx.field(static=True, kw_only=True, default=None)  # pyright: ignore
    kernel: Array | RandomFeatureOperator | None = None

    def state(self, g: Float[Array, "P *grid"], **fields: Array) -> Any:
        r"""Return the state of a metric and fields, by their names."""
        names = tuple(head.name for head, _ in self.recipe.fields)
        if set(fields) != set(names):
            raise ArgumentError(
                f"The {self.recipe.name} moves {', '.join(names) or 'no fields'} beside the metric, but "
                f"{', '.join(fields) or 'none'} was given."
            )
        return _state_type(names)(g, *(jnp.asarray(fields[name]) for name in names)) if names else g

    def velocity(self, state: Any) -> Any:
        r"""Return the velocities of the metric and of the fields."""
        packed = self.torus.pointwise(compiled(self.recipe, self.torus.dim)[0], *self._arguments(state))
        if not self.recipe.fields:
            return packed
        count, parts = len(pairs(self.torus.dim)), []
        start = count
        for head, _ in self.recipe.fields:
            end = start + len(independent(head, self.torus.dim))
            parts.append(packed[start] if head.rank == 0 else packed[start:end])
            start = end
        return type(state)(packed[:count], *parts)

    def _arguments(self, state: Any) -> list[Array]:
        g = metric_of(state)
        arguments = [g, *self.jets(g)]
        if self.recipe.differentiates_curvature:
            ricci = -0.5 * self.torus.pointwise(generated("ricci_velocity", self.torus.dim), *arguments)
            arguments += [ricci, *self.jets(ricci)]
        for head, _ in self.recipe.fields:
            field = getattr(state, head.name)
            arguments += [field, *self.jets(field)]
        if self.measure is not None:
            f = self.measure.potential(self.volume_density(g))
            arguments += [f, *self.torus.jets(f)]
        return arguments + list(self.background or ())

    def functional(self, state: Any) -> Float[Array, ""]:
        r"""Return ∫ L w dV of the functional whose gradient flow this is; the volume where there is none."""
        density = self.torus.pointwise(compiled(self.recipe, self.torus.dim)[1], *self._arguments(state))[0]
        weight = self.volume_density(metric_of(state)) if self.measure is None else self.measure.density
        return self.torus.integrate(density * weight)

    def check(self, state: Any) -> None:
        r"""Refuse what is no metric, or lacks a field.

        Raises:
            ArgumentError: a field is missing, or has another shape than its components on the grid.
            MetricError: as for every flow on the torus.
        """
        super().check(state)
        for head, _ in self.recipe.fields:
            count = len(independent(head, self.torus.dim))
            wanted = self.torus.shape if head.rank == 0 else (count, *self.torus.shape)
            found = getattr(state, head.name, None)
            if found is None or found.shape != wanted:
                raise ArgumentError(
                    f"The field `{head.name}` must have shape {wanted}, but "
                    f"{'is missing' if found is None else f'has {found.shape}'}. Build the state by "
                    f"`flow.state(g, {head.name}=...)`."
                )

    def observables(self, state: Any) -> Mapping[str, Array]:
        r"""Return those of every flow on the torus and, along a gradient flow, the functional."""
        found = super().observables(state)
        return found if self.recipe.density == ONE else {**found, "functional": self.functional(state)}


def symbolic_flow(
    torus: Torus,
    flow: Flow,
    *,
    constants: Mapping[str, float] | None = None,
    gauge: str | Float[Array, "P *grid"] = "none",
    kernel: Array | RandomFeatureOperator | None = None,
) -> SymbolicFlow:
    r"""Return a flow written with abstract indices as a flow on the torus.

        u = scalar_field("u")
        written = Flow("my flow", -2 * ricci("i", "j") + 2 * nabla("i", u) * nabla("j", u), {"u": laplacian(u)})
        flow = symbolic_flow(torus, written, gauge="deturck")
        flow.run(flow.state(g, u=u0), 0.1)

    Args:
        torus: the grid.
        flow: `ricci_flow()`, `gradient_flow(...)`, or `Flow(name, velocity of the metric, velocities of fields)`.
        constants: name -> number, for every constant in it.
        gauge: "none"; "deturck", which adds the Lie derivative along W with a flat background; or a packed metric, the
            background of W.
        kernel: Fourier symbol or operator of a network, or None.

    Raises:
        ArgumentError: an unknown gauge, a constant without a number, or one that moves.
        DerivationError: more than four derivatives of the metric, or a gauge for a flow that moves tensor fields.
    """
    return make(torus, flow, constants or {}, gauge, kernel)


def make(
    torus: Torus,
    flow: Flow,
    constants: Mapping[str, float],
    gauge: str | Array,
    kernel: Array | RandomFeatureOperator | None,
    measure: FixedMeasure | None = None,
    given: tuple[str, ...] = (),
    density: Expression = ONE,
) -> SymbolicFlow:
    r"""Return the flow of a recipe; `given` names the scalars that `measure` determines."""
    if any(rate != 0 for rate in flow.constants.values()):
        raise ArgumentError(
            f"The constants of the {flow.name} move in time, which a flow on the torus cannot. Fix them."
        )
    if isinstance(gauge, str) and gauge not in ("none", "deturck"):
        raise ArgumentError(f'Argument `gauge` must be "none", "deturck" or a packed metric, but is {gauge!r}.')
    gauged = not isinstance(gauge, str) or gauge == "deturck"
    fields = {name: velocity for name, velocity in flow.fields.items() if name not in given}
    moving = Flow(flow.name, flow.metric, fields)
    if gauged:
        moving = moving.pulled_back(tensor_field("W", "i"))
    known = {head.name: head for e in (flow.metric, *flow.fields.values(), density) for head in fields_of(e)}
    heads = {name: known.get(name) or Head(name, len(velocity.free)) for name, velocity in fields.items()}
    recipe = Recipe(
        flow.name,
        with_numbers(moving.metric, constants),
        tuple((heads[name], with_numbers(velocity, constants)) for name, velocity in moving.fields.items()),
        given,
        gauged,
        not isinstance(gauge, str),
        with_numbers(density, constants),
    )
    return SymbolicFlow(
        torus,
        recipe=recipe,
        measure=measure,
        background=None if isinstance(gauge, str) else background_connection(torus, gauge),
        diffusivity=None if given or not gauged else diffusivity_of(moving, constants, torus.dim),
        kernel=kernel,
    )


def diffusivity_of(flow: Flow, constants: Mapping[str, float], dim: int) -> float | None:
    r"""Return the largest rate at which the modes of a flow in DeTurck's gauge decay about flat, in units of |k|².

    None where a mode does not decay, or where the flow is of higher order: from the principal symbol.
    """
    symbol = principal_symbol(flow, response={"W": christoffel_trace()})
    numbers = [*((sp.Symbol(name), value) for name, value in constants.items()), (DIMENSION, dim)]
    rates: list[Any] = [sp.sympify(rate.value).subs(numbers) for rate in symbol.rates()]
    return float(-min(rates)) if symbol.order == 2 and all(rate < 0 for rate in rates) else None


def with_numbers(expression: Expression, constants: Mapping[str, float]) -> Expression:
    r"""Return an expression with numbers in the place of its constants."""
    values = {sp.Symbol(name): sp.sympify(value) for name, value in constants.items()}
    terms: Any = tuple((sp.sympify(c).xreplace(values), factors) for c, factors in expression.terms)
    return Expression(terms, expression.free, expression.up)


@cache
def _state_type(names: tuple[str, ...]) -> Any:
    return namedtuple("State", ("g", *names))
