r"""List's extended Ricci flow on the torus: an example of a flow that a user makes, of a metric and a scalar."""

from __future__ import annotations

import sympy as sp
from jaxtyping import Array, Float

from geomflow.flows.torus.user_made import SymbolicFlow, symbolic_flow
from geomflow.geometry.torus import Torus
from geomflow.symbolic.abstract.expression import laplacian, nabla, ricci, scalar_field
from geomflow.symbolic.flows.flow import Flow

_U = scalar_field("u")
LIST_EXTENDED = Flow(
    "List's extended Ricci flow",
    -2 * ricci("i", "j") + 2 * sp.Symbol("alpha") * nabla("i", _U) * nabla("j", _U),
    {"u": laplacian(_U)},
)


def list_flow(torus: Torus, alpha: float, *, gauge: str | Float[Array, "P *grid"] = "deturck") -> SymbolicFlow:
    r"""Return dg/dt = -2 Ric + 2 α du ⊗ du, du/dt = Δu; its state is `flow.state(g, u=u)`.

    Its stationary points for α = (n-1)/(n-2) are static vacuum solutions of Einstein's equations in dimension n + 1.
    The maximum of u falls and its minimum rises; for α >= 0 the minimum of R - α|∇u|² rises.

    Args:
        torus: the grid.
        alpha: α.
        gauge: as for `symbolic_flow`.

    Reference: B. List, Comm. Anal. Geom. 16 (2008) 1007.
    """
    return symbolic_flow(torus, LIST_EXTENDED, constants={"alpha": alpha}, gauge=gauge)
