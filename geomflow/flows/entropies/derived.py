r"""What the symbolic half says of the entropies: dF/dt and dW/dt as squares along Ricci flow with conjugate heat.

    dF/dt = ∫ 2 |Ric + Hess f|² e^{-f} dV,    dW/dt = ∫ 2τ |Ric + Hess f - g/2τ|² (4πτ)^{-n/2} e^{-f} dV.

Reference: Perelman, arXiv:math/0211159, (1.4) and (3.4).
"""

from __future__ import annotations

from functools import cache

import sympy as sp

from geomflow.functionals import FUNCTIONALS
from geomflow.symbolic.abstract.expression import Expression
from geomflow.symbolic.flows.flow import Flow, coupled_to_measure, ricci_flow
from geomflow.symbolic.flows.monotonicity import Monotonicity, monotonicity

#: The scale of W; its velocity along the flow is -1.
TAU = sp.Symbol("tau")


@cache
def entropy_production(functional: str) -> Monotonicity:
    r"""Return the derivative of "perelman-f" or "perelman-w" along Ricci flow with the conjugate heat equation."""
    entry = FUNCTIONALS[functional]
    constants = {constant.name: -1 for constant in entry.constants}
    ricci = Flow("Ricci flow", ricci_flow().metric, constants=constants)
    return monotonicity(entry.variation(), coupled_to_measure(ricci, entry.weight, diffusion=True), entry.symbol)


@cache
def soliton_tensor(shrinking: bool) -> tuple[sp.Expr, Expression]:
    r"""Return the one pair (c, A) of dF/dt = ∫ c |A|² dm, or of dW/dt if `shrinking`."""
    ((factor, tensor),) = entropy_production("perelman-w" if shrinking else "perelman-f").squares
    return factor, tensor
