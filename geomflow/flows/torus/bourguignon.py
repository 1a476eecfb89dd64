r"""The Ricci-Bourguignon flow on the torus: an example of a flow that a user makes."""

from __future__ import annotations

import sympy as sp
from jaxtyping import Array, Float

from geomflow.core.errors import ArgumentError
from geomflow.flows.torus.user_made import SymbolicFlow, diffusivity_of, symbolic_flow
from geomflow.geometry.torus import Torus
from geomflow.symbolic.abstract.expression import metric, ricci, scalar_curvature
from geomflow.symbolic.flows.deturck import in_gauge
from geomflow.symbolic.flows.flow import Flow

RICCI_BOURGUIGNON = Flow(
    "Ricci-Bourguignon flow", -2 * (ricci("i", "j") - sp.Symbol("rho") * scalar_curvature() * metric("i", "j"))
)


def ricci_bourguignon(torus: Torus, rho: float, *, gauge: str | Float[Array, "P *grid"] = "deturck") -> SymbolicFlow:
    r"""Return dg/dt = -2 (Ric - ρ R g), in DeTurck's gauge unless it is told otherwise.

    About flat its transverse trace decays at the rate 1 - 2(n-1)ρ in units of k², all else at 1 or 0: it is parabolic
    for ρ < 1/(2(n-1)). ρ = 0 is Ricci flow; ρ = 1/2 Einstein's, 1/n the traceless and 1/(2(n-1)) Schouten's tensor.

    Args:
        torus: the grid.
        rho: ρ.
        gauge: as for `symbolic_flow`.

    Raises:
        ArgumentError: ρ is so large that the flow is not parabolic. Numbers: `rho`.

    Reference: G. Catino, L. Cremaschi, Z. Djadli, C. Mantegazza, L. Mazzieri, arXiv 1305.6155.
    """
    if torus.dim == 1 or diffusivity_of(in_gauge(RICCI_BOURGUIGNON), {"rho": rho}, torus.dim) is None:
        bound = f"1/(2(n-1)) = {1 / (2 * max(torus.dim - 1, 1)):.6g}"
        raise ArgumentError(
            f"The Ricci-Bourguignon flow on T^{torus.dim} is parabolic for rho < {bound} only, but rho = {rho:.6g}: "
            "its trace would solve a backward heat equation. Take a smaller rho.",
            rho=rho,
        )
    return symbolic_flow(torus, RICCI_BOURGUIGNON, constants={"rho": rho}, gauge=gauge)
