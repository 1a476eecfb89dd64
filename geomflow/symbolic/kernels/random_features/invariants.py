r"""Kernels as functions of $|x-y|^2$ and $x\cdot y$, so that one expression serves every dimension."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp

from geomflow.core.errors import DerivationError

#: $|x-y|^2$ and $x\cdot y$.
DISTANCE2 = sp.Symbol("r2", nonnegative=True)
INNER = sp.Symbol("xy", real=True)


def in_invariants(expr: Any, x: Sequence[sp.Symbol], y: Sequence[sp.Symbol]) -> Any:
    r"""Write a kernel of two points in the plane as a function of `DISTANCE2` and `INNER`.

    A rotation takes the points to x = (u, 0) and y = (v, w); then $w^2 = |x-y|^2 - (u-v)^2$, and what is left depends
    on u and v through $uv = x\cdot y$.

    Args:
        expr: a sum of products of polynomials and exponentials of polynomials in the components.
        x, y: the symbols of the components, two each; kernels of these networks are products over the axes, so that
            two axes show every dimension.

    Raises:
        DerivationError: the kernel is not a function of these invariants.
    """
    if len(x) != 2 or len(y) != 2:
        raise DerivationError(f"Invariants are read off in two dimensions, but the points have {len(x)} components.")
    u, v, w = sp.symbols("u v w", real=True)
    moved = expr.subs({x[0]: u, x[1]: 0, y[0]: v, y[1]: w}, simultaneous=True)

    def polynomial(part: Any) -> Any:
        result: Any = sp.Integer(0)
        for (power,), factor in sp.Poly(part, w).terms():
            if power % 2:
                raise DerivationError(f"The expression {part} is odd in a reflection, so no function of invariants.")
            result += factor * (DISTANCE2 - (u - v) ** 2) ** (power // 2)
        found: Any = sp.Integer(0)
        for (i, j), factor in sp.Poly(sp.expand(result), u, v).terms():
            if i != j:
                raise DerivationError(
                    f"The expression {part} at x = (u, 0), y = (v, w) depends on more than |x - y|² and x·y."
                )
            found += factor * INNER**i
        return found

    total: Any = sp.Integer(0)
    for term in sp.Add.make_args(sp.expand(moved, power_exp=False)):
        factors: Any = sp.Mul.make_args(term)
        exponents: list[Any] = [f.exp for f in factors if isinstance(f, sp.exp)]
        exponent = sp.expand(sp.Add(*exponents))
        rest = [f for f in factors if not isinstance(f, sp.exp)]
        inside = sp.Mul(*(f for f in rest if f.has(u, v, w)))
        total += sp.Mul(*(f for f in rest if not f.has(u, v, w))) * polynomial(inside) * sp.exp(polynomial(exponent))
    return total
