r"""The numeric tensors of the flows: each is evaluated on the jet frame from its abstract form and generated once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import jax
from jaxtyping import Array

from geomflow.codegen.jet_functions import jet_program, scalar_arguments
from geomflow.codegen.program import Argument, Program
from geomflow.functionals import FUNCTIONALS
from geomflow.symbolic.abstract.components import evaluate
from geomflow.symbolic.abstract.expression import Expression, scalar_curvature
from geomflow.symbolic.flows.deturck import in_gauge
from geomflow.symbolic.flows.flow import gradient_flow, ricci_flow
from geomflow.symbolic.jets import JetFrame, pairs

Generated = Callable[..., Array]


def deturck_frame(dim: int) -> JetFrame:
    r"""Return a jet frame with the DeTurck covector W_j = g^ab Γ_{j,ab} (flat background connection)."""
    frame = JetFrame(dim)
    every = range(dim)
    for j in every:
        w = sum(frame.inverse(a, b) * frame.christoffel_first(j, a, b) for a in every for b in every)
        frame.define_field("W", {(j,): frame.stage(f"W_{j}", w)})
    return frame


def _tensor_program(
    name: str, frame: JetFrame, expression: Expression, extra: Sequence[Argument] = (), doc: str = ""
) -> Program:
    components: Any = evaluate(expression, frame)
    rank = components.ndim
    outputs = [components[ij] for ij in pairs(frame.dim)] if rank == 2 else [components[()]]
    return jet_program(name, frame, outputs, extra, f"{doc}\n\n    ${expression.latex()}$\n\nin dimension {frame.dim}.")


@cache
def programs(dim: int) -> dict[str, Program]:
    r"""Return every generated program of the torus flows in one dimension, by name."""
    frame = JetFrame(dim)
    first, second = scalar_arguments(frame, "f", 2)[1:]
    perelman_f = FUNCTIONALS["perelman-f"]
    gauged, steepest = in_gauge(ricci_flow()), gradient_flow(perelman_f.variation(), 2)
    metric = Argument("g", tuple(frame.metric(i, j) for i, j in pairs(dim)))
    minors = [frame.leading_minor(k) for k in range(1, dim + 1)]
    inverse = [frame.inverse(i, j) for i, j in pairs(dim)]
    listed = [
        _tensor_program("ricci_velocity", frame, ricci_flow().metric, doc="Ricci flow (packed components)"),
        _tensor_program("deturck_velocity", deturck_frame(dim), gauged.metric, doc="Ricci-DeTurck flow (packed)"),
        _tensor_program(
            "perelman_velocity", frame, steepest.metric, [first, second], "Perelman's gradient flow (packed)"
        ),
        _tensor_program("scalar_curvature", frame, scalar_curvature(), doc="Scalar curvature"),
        _tensor_program("perelman_density", frame, perelman_f.density, [first], "Density of F against dm"),
        Program("leading_minors", [metric], minors, frame.assignments, "Leading minors of g; the last one is det g."),
        Program("inverse_metric", [metric], inverse, frame.assignments, "Inverse metric, packed."),
    ]
    return {p.name: p for p in listed}


@cache
def generated(name: str, dim: int) -> Generated:
    r"""Return one compiled program of `programs(dim)`, under `jax.jit`."""
    return jax.jit(programs(dim)[name].compile())
