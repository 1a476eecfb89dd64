r"""Generated functions of jets: (g, ∂g, ∂²g, fields) on packed components, from a `JetFrame` and its outputs."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from geomflow.codegen.program import Argument, Program
from geomflow.codegen.quantities import QUANTITIES, staged
from geomflow.symbolic.jets import JetFrame, pairs


def metric_arguments(frame: JetFrame) -> list[Argument]:
    r"""Return the arguments `g (P, *batch)`, `dg (P, n, *batch)`, `ddg (P, P, *batch)`, packed as `pairs` orders them.

    `dg[p, k] = ∂_k g_p` and `ddg[p, q] = ∂_q g_p` with p, q packed pairs: P = n(n+1)/2.
    """
    n = frame.dim
    components = [frame.metric(i, j) for i, j in pairs(n)]
    first = tuple(tuple(frame.derivative(c, k) for k in range(n)) for c in components)
    second = tuple(tuple(frame.derivative(frame.derivative(c, k), l) for k, l in pairs(n)) for c in components)
    return [Argument("g", tuple(components)), Argument("dg", first), Argument("ddg", second)]


def scalar_arguments(frame: JetFrame, name: str, order: int) -> list[Argument]:
    r"""Return the arguments `f (*batch)`, `df (n, *batch)`, `ddf (P, *batch)` of a scalar field, up to an order."""
    n = frame.dim
    arguments = [
        Argument(name, frame.jet(name, ())),
        Argument(f"d{name}", tuple(frame.jet(name, (k,)) for k in range(n))),
        Argument(f"dd{name}", tuple(frame.jet(name, kl) for kl in pairs(n))),
    ]
    return arguments[: order + 1]


def jet_program(name: str, frame: JetFrame, outputs: Sequence[sp.Expr], extra: Sequence[Argument] = (), doc: str = ""):
    r"""Return the `Program` of a function of the metric's jets (and of extra arguments) with the given components."""
    return Program(name, [*metric_arguments(frame), *extra], outputs, frame.assignments, doc)


def jet_quantity(quantity: str, dim: int) -> Program:
    r"""Return the program of a tensor of a general metric, its independent components from the metric's jets.

    Args:
        quantity: a name of `QUANTITIES`.
        dim: dimension n. Good values: 2 to 5; the operations grow like n⁵.

    Raises:
        CatalogueError: there is no such quantity.
        ArgumentError: the dimension is too small for it.
    """
    asked = QUANTITIES[quantity]
    frame, outputs = staged(quantity, dim)
    arguments = metric_arguments(frame)[: asked.order + 1]
    doc = f"${asked.latex}$ in dimension {dim} from packed jets: independent components, as `layouts` lists them."
    return Program(quantity.replace("-", "_"), arguments, outputs, frame.assignments, doc)
