r"""The numeric tensors of the flows: each is evaluated on the jet frame from its abstract form and generated once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import jax
import sympy as sp
from jaxtyping import Array

from geomflow.codegen.jet_functions import jet_program, jet_quantity, scalar_arguments
from geomflow.codegen.program import Argument, Program
from geomflow.flows.torus.parabolic import in_parabolic_form
from geomflow.functionals import FUNCTIONALS
from geomflow.symbolic.abstract.components import evaluate
from geomflow.symbolic.abstract.expression import Expression, scalar_curvature
from geomflow.symbolic.flows.deturck import in_gauge
from geomflow.symbolic.flows.flow import gradient_flow, ricci_flow
from geomflow.symbolic.jets import JetFrame, pairs

Generated = Callable[..., Array]


def background_arguments(frame: JetFrame) -> list[Argument]:
    r"""Return the arguments `connection (n, P, *batch)` and `dconnection (n, P, n, *batch)` of a background.

    `connection[k, p]` is Γ̄^k_ab, p the packed pair (a, b); `dconnection[k, p, l]` its derivative ∂_l.
    """
    every, packed = range(frame.dim), pairs(frame.dim)
    first = tuple(tuple(_background(frame, k, a, b) for a, b in packed) for k in every)
    second = tuple(tuple(tuple(frame.derivative(symbol, l) for l in every) for symbol in row) for row in first)
    return [Argument("connection", first), Argument("dconnection", second)]


def _background(frame: JetFrame, k: int, a: int, b: int) -> sp.Symbol:
    a, b = sorted((a, b))
    return frame.jet(f"background_{k}_{a}{b}", ())


def define_gauge(frame: JetFrame, background: bool = False) -> None:
    r"""Give a jet frame the DeTurck covector W_j = g_jk g^ab (Γ^k_ab - Γ̄^k_ab), Γ̄ = 0 unless there is a background."""
    every = range(frame.dim)
    trace = [(frame.inverse(a, b), a, b) for a in every for b in every]
    moved = [sp.Add(*(up * _background(frame, k, a, b) for up, a, b in trace)) if background else 0 for k in every]
    moved = [frame.stage(f"trace_{k}", value) for k, value in enumerate(moved)]
    for j in every:
        w = sp.Add(*(up * frame.christoffel_first(j, a, b) for up, a, b in trace))
        w -= sp.Add(*(frame.metric(j, k) * moved[k] for k in every))
        frame.define_field("W", {(j,): frame.stage(f"W_{j}", w)})


def deturck_frame(dim: int, background: bool = False) -> JetFrame:
    r"""Return a jet frame with the DeTurck covector, see `define_gauge`."""
    frame = JetFrame(dim)
    define_gauge(frame, background)
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
    frame, gauge, background = JetFrame(dim), deturck_frame(dim), deturck_frame(dim, background=True)
    first, second = scalar_arguments(frame, "f", 2)[1:]
    perelman_f = FUNCTIONALS["perelman-f"]
    gauged, steepest = in_gauge(ricci_flow()).metric, gradient_flow(perelman_f.variation(), 2)
    metric = Argument("g", tuple(frame.metric(i, j) for i, j in pairs(dim)))
    minors = [frame.leading_minor(k) for k in range(1, dim + 1)]
    inverse = [frame.inverse(i, j) for i, j in pairs(dim)]
    velocity = Argument("v", tuple(sp.Symbol(f"v_{i}{j}") for i, j in pairs(dim)))
    trace = sum(
        (1 if i == j else 2) * up * v for (i, j), up, v in zip(pairs(dim), inverse, velocity.symbols, strict=True)
    )
    deturck = [
        _tensor_program("deturck_velocity", gauge, gauged, doc="Ricci-DeTurck flow (packed)"),
        _tensor_program(
            "background_velocity", background, gauged, background_arguments(background), "Ricci-DeTurck, any background"
        ),
    ]
    listed = [
        _tensor_program("ricci_velocity", frame, ricci_flow().metric, doc="Ricci flow (packed components)"),
        *(in_parabolic_form(program, frame) for program, frame in zip(deturck, (gauge, background))),
        _tensor_program(
            "perelman_velocity", frame, steepest.metric, [first, second], "Perelman's gradient flow (packed)"
        ),
        _tensor_program("scalar_curvature", frame, scalar_curvature(), doc="Scalar curvature"),
        _tensor_program("perelman_density", frame, perelman_f.density, [first], "Density of F against dm"),
        jet_quantity("christoffel", dim),
        jet_quantity("kretschmann", dim),
        Program("leading_minors", [metric], minors, frame.assignments, "Leading minors of g; the last one is det g."),
        Program("inverse_metric", [metric], inverse, frame.assignments, "Inverse metric, packed."),
        Program("trace", [metric, velocity], [trace], frame.assignments, "The trace g^ij v_ij of a symmetric tensor."),
    ]
    return {p.name: p for p in listed}


@cache
def generated(name: str, dim: int) -> Generated:
    r"""Return one compiled program of `programs(dim)`, under `jax.jit`."""
    return jax.jit(programs(dim)[name].compile())
