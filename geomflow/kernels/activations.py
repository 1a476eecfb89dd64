r"""The activations by name: φ as an expression, as a function for finite networks, and its Gaussian expectations.

An activation that is not here needs no entry: `dual` and the kernels take any expression.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import sympy as sp
from jaxtyping import Array

from geomflow.core.catalogue import Catalogue
from geomflow.kernels.closed_form import elementwise
from geomflow.symbolic.kernels.duals.dual import U
from geomflow.symbolic.kernels.duals.normal_form import as_activation

if TYPE_CHECKING:
    from geomflow.kernels.activation_dual import ActivationDual


# two letters and more, without a bracket: a name and no expression
_WORD = re.compile(r"[A-Za-z][\w-]*[A-Za-z_][\w-]*")


@dataclass(frozen=True)
class Activation:
    r"""An activation φ.

    Args:
        name: its name in the catalogue.
        expression: φ, in `U`.
        summary: what it is, in a few words.
    """

    name: str
    expression: sp.Expr
    summary: str

    @property
    def function(self) -> Callable[[Array], Array]:
        r"""φ as an elementwise function of arrays, generated from the expression; to jit and to differentiate."""
        return _function(self.expression)

    def dual(self) -> ActivationDual:
        r"""Return E φ(u)φ(v) and E φ'(u)φ'(v), see `geomflow.kernels.duals.dual`."""
        from geomflow.kernels.duals import dual

        return dual(self.name)


@cache  # one object for each activation, so that what is compiled for a network serves the next
def _function(expression: sp.Expr) -> Callable[[Array], Array]:
    made = elementwise([U], [expression])
    return lambda u: made(u)[0]


#: Every named activation.
ACTIVATIONS: Catalogue[Activation] = Catalogue("activation")


def _add(name: str, expression: sp.Expr, summary: str) -> None:
    ACTIVATIONS.add(name, Activation(name, expression, summary))


def hermite(degree: int) -> Activation:
    r"""Return the Hermite polynomial $\mathrm{He}_n/\sqrt{n!}$, orthonormal for N(0, 1)."""
    polynomial = sp.hermite_prob(degree, U) / sp.sqrt(sp.factorial(degree))
    return Activation(f"hermite-{degree}", sp.expand(polynomial), f"orthonormal Hermite polynomial of degree {degree}")


def monomial(degree: int) -> Activation:
    r"""Return $u^n$."""
    return Activation(f"monomial-{degree}", U**degree, f"u to the power {degree}")


def rectified_power(degree: int) -> Activation:
    r"""Return $\max(0, u)^n$."""
    return Activation(f"rectified-power-{degree}", sp.Max(0, U) ** degree, f"positive part to the power {degree}")


_NORMAL = (1 + sp.erf(U / sp.sqrt(2))) / 2
_SIGMOID = (1 + sp.tanh(U / 2)) / 2
_SOFTPLUS = sp.log(1 + sp.exp(U))
# Klambauer et al., arXiv 1706.02515, eq. 14
_SELU, _SELU_ALPHA = sp.Rational("1.0507009873554804934"), sp.Rational("1.6732632423543772848")
_MINUS, _PLUS = sp.Max(0, -U), sp.Max(0, U)

_add("identity", U, "linear network")
_add("erf", sp.erf(U), "error function")
_add("normal-cdf", _NORMAL, "normal distribution function")
_add("tanh", sp.tanh(U), "hyperbolic tangent")
_add("sigmoid", _SIGMOID, "logistic function")
_add("relu", _PLUS, "positive part")
_add("leaky-relu", _PLUS - _MINUS / 100, "slope 1/100 for u < 0")
_add("abrelu", _PLUS + _MINUS / 2, "ABReLU: slopes 1 and -1/2")
_add("abs", sp.Abs(U), "absolute value")
_add("sign", sp.sign(U), "sign")
_add("step", sp.Heaviside(U, sp.S.Half), "Heaviside step")
for _entry in (rectified_power(2), rectified_power(3), monomial(2), monomial(3), hermite(2), hermite(3), hermite(4)):
    ACTIVATIONS.add(_entry.name, _entry)
_add("exp", sp.exp(U), "exponential")
_add("cos", sp.cos(U), "cosine")
_add("sin", sp.sin(U), "sine")
_add("cos-sin", sp.cos(U) + sp.sin(U), "sine of u + π/4, up to a factor: a stationary part of the kernel alone")
_add("gaussian", sp.exp(-(U**2) / 2), "Gaussian bump")
_add("gabor", sp.exp(-(U**2) / 2) * sp.cos(2 * U), "Gaussian wave packet")
_add("ricker", (1 - U**2) * sp.exp(-(U**2) / 2), "Mexican hat")
_add("gelu", U * _NORMAL, "Gaussian error linear unit")
_add("x-erf", U * sp.erf(U), "u erf u: smooth absolute value")
_add("smooth-relu", U * _NORMAL + sp.exp(-(U**2) / 2) / sp.sqrt(2 * sp.pi), "integral of the normal distribution")
_add("elu", sp.Piecewise((U, U > 0), (sp.exp(U) - 1, True)), "exponential linear unit")
_add(
    "selu", _SELU * sp.Piecewise((U, U > 0), (_SELU_ALPHA * (sp.exp(U) - 1), True)), "scaled ELU: keeps the variance 1"
)
_add("shifted-relu", sp.Max(0, U - 1), "positive part of u - 1")
_add("hard-tanh", sp.Max(-1, sp.Min(1, U)), "u, clipped to [-1, 1]")
_add("softplus", _SOFTPLUS, "log(1 + exp u)")
_add("silu", U * _SIGMOID, "SiLU, swish: u times the logistic function")
_add("mish", U * sp.tanh(_SOFTPLUS), "u tanh(softplus u)")


def activation_function(activation: str | sp.Expr | Callable[[Array], Array]) -> Callable[[Array], Array]:
    r"""Return φ as an elementwise function of arrays, from a name, an expression or its text; a function as it is.

    Raises:
        CatalogueError: a word that is no name of `ACTIVATIONS`.
        DerivationError: text that is no expression in u.
        GenerationError: an expression with parameters, or with functions that JAX does not have.
    """
    return _function(named_or_typed(activation)) if isinstance(activation, (str, sp.Expr)) else activation


def named_or_typed(activation: str | sp.Expr) -> sp.Expr:
    r"""Return the expression, in `U`, of an activation given by name, as an expression or as its text.

    Raises:
        CatalogueError: a word that is no name of `ACTIVATIONS`.
        DerivationError: text that is no expression in u.
    """
    if isinstance(activation, str) and (activation in ACTIVATIONS or _WORD.fullmatch(activation)):
        return ACTIVATIONS[activation].expression
    return as_activation(activation)
