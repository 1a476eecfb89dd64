r"""From an activation to its numerical dual: the closed form, the one in the angle, or the Hermite series."""

from __future__ import annotations

import functools

import sympy as sp

from geomflow.core.errors import ArgumentError, ConvergenceError, DerivationError, DivergentExpectationError
from geomflow.kernels.activation_dual import ActivationDual
from geomflow.kernels.activations import named_or_typed
from geomflow.kernels.angular import Angular
from geomflow.kernels.closed_form import ClosedForm
from geomflow.kernels.mehler import Mehler
from geomflow.symbolic.kernels.duals import derive_dual
from geomflow.symbolic.kernels.duals.dual import U

__all__ = ["ActivationDual", "Angular", "ClosedForm", "Mehler", "dual"]


def dual(activation: sp.Expr | str) -> ActivationDual:
    r"""Return $\mathbb E\,\varphi(u)\varphi(v)$ and $\mathbb E\,\varphi'(u)\varphi'(v)$ of an activation, as functions.

    `dual("relu")`, `dual("tanh")`, `dual("erf(u) + u**2/3")`

    Args:
        activation: a name of `ACTIVATIONS`, or an expression in one symbol (or its text), free of parameters.

    Returns:
        `Angular` for ReLU and its like, `ClosedForm` where the derivation closes, else `Mehler`.

    Raises:
        ArgumentError: the activation has parameters.
        CatalogueError: a word that is no name of `ACTIVATIONS`.
        ConvergenceError: no closed form, and a Hermite series that converges too slowly. Numbers: `value`, `error`.
        DerivationError: no closed form, and no Hermite series (jumps).
        DivergentExpectationError: E φ² is infinite at every variance.
    """
    return _dual(named_or_typed(activation))


@functools.cache  # equal activations share their generated functions
def _dual(activation: sp.Expr) -> ActivationDual:
    parameters = sorted(map(str, activation.free_symbols - {U}))
    if parameters:
        raise ArgumentError(
            f"Numbers need a value for every parameter, but {activation} depends on {', '.join(parameters)}. "
            "Put them in with `.subs`; the derivation itself takes them as symbols."
        )
    try:
        derived = derive_dual(activation)
    except DivergentExpectationError:
        raise
    except DerivationError as refusal:
        try:
            return Mehler(activation)
        except (ArgumentError, ConvergenceError) as series:
            raise series from refusal
    return Angular(derived.angular) if derived.angular is not None else ClosedForm(derived)
