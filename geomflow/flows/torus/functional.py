r"""Gradient flows of functionals on the torus: of any that the symbolic half can vary."""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp
from jaxtyping import Array, Float

from geomflow.core.errors import ArgumentError
from geomflow.flows.torus.user_made import FixedMeasure, SymbolicFlow, make, with_numbers
from geomflow.functionals import FUNCTIONALS, Functional
from geomflow.geometry.torus import Torus
from geomflow.symbolic.abstract.expression import DIMENSION, ONE
from geomflow.symbolic.abstract.variation import weight_exponent
from geomflow.symbolic.flows.flow import gradient_flow


def functional_gradient_flow(
    torus: Torus,
    functional: Functional | str,
    *,
    rate: float = -1,
    constants: Mapping[str, float] | None = None,
    measure: Float[Array, "*grid"] | None = None,
    gauge: str | Float[Array, "P *grid"] = "none",
) -> SymbolicFlow:
    r"""Return \(\partial_t\phi = \text{rate}\cdot E_\phi\) for the metric and every field of \(\int L\,w\,dV\).

    E^ij is the gradient in δF = ∫ (E^ij δg_ij + E_φ δφ) w dV. Against a weight e^{kf} the measure w dV = m dx is held
    fixed, and f follows from the metric; `rate=2` for Perelman's F is -2 (Ric + Hess f). `flow.functional(state)` is
    the value, which falls for a negative rate: dF/dt = rate ∫ |E|² w dV.

    Args:
        torus: the grid.
        functional: one of `FUNCTIONALS`, its name, or `Functional.typed(...)` of a density that you write down.
        rate: a number; negative for descent.
        constants: name -> number, for every constant of the functional.
        measure: m(x) > 0, for a functional with a weight e^{kf}.
        gauge: as for `symbolic_flow`.

    Raises:
        CatalogueError: an unknown name.
        ArgumentError: a measure is missing or not wanted, a constant has no number, or the functional is not defined
            in this dimension.

    Good values: which signs give a well-posed flow is what `geomflow.symbolic.flows.linearise.principal_symbol` says:
    Hilbert's functional has none for n > 2; those of fourth order (Calabi, ∫|Ric|²) want small grids and short times.
    """
    functional = FUNCTIONALS[functional] if isinstance(functional, str) else functional
    if not functional.defined_in(torus.dim):
        raise ArgumentError(f"`{functional.name}` has a pole in dimension {torus.dim}. Take another dimension.")
    constants = dict(constants or {})
    variation = functional.variation()
    scalar, exponent = weight_exponent(functional.weight)
    if scalar is None and functional.weight != ONE:
        raise ArgumentError(f"`{functional.name}` has the weight `{functional.weight}`, but one e^(kf) is needed.")
    if (scalar is None) != (measure is None):
        needs = f"needs `measure`, the density m of {functional.weight} dV = m dx"
        has_none = "has no weight: leave `measure` out"
        raise ArgumentError(f"The gradient flow of `{functional.name}` {has_none if scalar is None else needs}.")
    flow = gradient_flow(variation, sp.sympify(rate))
    given, fixed = (), None
    if scalar is not None and measure is not None:
        ((constant, _),) = with_numbers(functional.weight, constants).terms
        fixed = FixedMeasure(measure, float(exponent), float(sp.sympify(constant).subs(DIMENSION, torus.dim)))
        given = (scalar.name,)
    named = type(flow)(f"gradient flow of `{functional.name}`", flow.metric, flow.fields, flow.constants)
    return make(torus, named, constants, gauge, None, fixed, given, functional.density)
