r"""An activation cut at its kinks and jumps into pieces that are smooth expressions."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import sympy as sp

from geomflow.core.errors import DerivationError
from geomflow.symbolic.kernels.duals.dual import U

#: (lower end, upper end, expression): φ between two neighbouring breakpoints, in `U`.
Piece = tuple[sp.Expr, sp.Expr, sp.Expr]

_KINKED = (sp.Abs, sp.sign, sp.Heaviside, sp.Max, sp.Min, sp.Piecewise)
#: Derivatives by which two pieces are compared where they meet.
_MOST = 12


@functools.cache
def pieces(activation: sp.Expr) -> tuple[Piece, ...]:
    r"""Return the smooth pieces of an activation, from left to right.

    Args:
        activation: an expression in `U`; kinks and jumps come from Abs, sign, Heaviside, Max, Min and Piecewise, whose
            arguments and conditions must have real roots that are numbers.

    Raises:
        DerivationError: a breakpoint depends on a parameter or has no closed form.
    """
    found = {root for atom in activation.atoms(*_KINKED) for root in _roots(atom)}
    ends: list[Any] = [-sp.oo, *sorted(found, key=float), sp.oo]
    cut: list[Piece] = []
    for low, high in itertools.pairwise(ends):
        expr = _smooth(activation, _inside(low, high))
        if cut and sp.expand(cut[-1][2] - expr) == 0:
            cut[-1] = (cut[-1][0], high, cut[-1][2])
        else:
            cut.append((low, high, expr))
    return tuple(cut)


def breakpoints(activation: sp.Expr) -> tuple[sp.Expr, ...]:
    r"""Return where φ is not smooth, in order."""
    return tuple(low for low, _, _ in pieces(activation)[1:])


def smoothness(activation: sp.Expr) -> float:
    r"""Return the order of the first derivative of φ that jumps: 0 for a step, 1 for ReLU, `inf` for a smooth φ."""
    order = float("inf")
    for (_, point, left), (_, _, right) in itertools.pairwise(pieces(activation)):
        jump: Any = left - right
        for k in range(_MOST):
            value = sp.expand(jump.subs(U, point))
            if value != 0 if value.free_symbols else abs(complex(sp.N(value, 30))) > 1e-20:
                order = min(order, k)
                break
            jump = sp.diff(jump, U)
    return order


def _roots(atom: Any) -> set[Any]:
    arguments: Any = atom.args
    if isinstance(atom, (sp.Max, sp.Min)):
        differences = [a - b for a, b in itertools.combinations(arguments, 2)]
    elif isinstance(atom, sp.Piecewise):
        relations = set().union(*(condition.atoms(sp.core.relational.Relational) for _, condition in arguments))
        differences = [r.lhs - r.rhs for r in relations]
    else:
        differences = [arguments[0]]
    found: set[Any] = set()
    for difference in differences:
        # within an argument there may be kinks as well: those are cut by their own atoms
        for smooth in {_smooth(difference, x) for x in _trials(difference)}:
            found |= _real_roots(smooth)
    return found


def _real_roots(expr: Any) -> set[Any]:
    if not expr.has(U):
        return set()
    if not expr.is_polynomial(U):
        # one elementary inverse: exp, log, tanh and the like of something linear
        solutions = sp.solveset(expr, U, sp.S.Reals)
        if not isinstance(solutions, sp.FiniteSet):
            raise DerivationError(f"The places where {expr} changes its sign have no closed form.")
        return set(solutions)
    if expr.free_symbols != {U} and sp.Poly(expr, U).degree() == 1:
        expanded: Any = sp.expand(expr)
        root = sp.cancel(-expanded.coeff(U, 0) / expanded.coeff(U, 1))
        if root.is_number:
            return {root}
    if expr.free_symbols != {U}:
        raise DerivationError(f"The places where {expr} changes its sign must be numbers. Give its parameters values.")
    return set(sp.Poly(expr, U).real_roots())


def _trials(expr: Any) -> list[Any]:
    if not expr.atoms(*_KINKED):
        return [sp.Integer(1)]
    inner = sorted({r for atom in expr.atoms(*_KINKED) for r in _roots(atom)}, key=float)
    ends: list[Any] = [-sp.oo, *inner, sp.oo]
    return [_inside(low, high) for low, high in itertools.pairwise(ends)]


def _inside(low: Any, high: Any) -> Any:
    if low == -sp.oo:
        return sp.Integer(0) if high == sp.oo else sp.floor(high) - 1
    if high == sp.oo:
        return sp.ceiling(low) + 1
    return sp.nsimplify((sp.N(low) + sp.N(high)) / 2, rational=True)


def _smooth(expr: Any, at: Any) -> Any:
    # The expression that is φ around a point at which nothing breaks, from the inside out.
    if not expr.has(*_KINKED):
        return expr
    if isinstance(expr, sp.Piecewise):
        branches: Any = expr.args
        for branch, condition in branches:
            if condition == True or _holds(condition, at):  # noqa: E712  (SymPy's true)
                return _smooth(branch, at)
        raise DerivationError(f"{expr} has no value at {at}. Give a last branch with the condition True.")
    arguments = [_smooth(a, at) for a in expr.args]
    if isinstance(expr, (sp.Max, sp.Min)):
        best = arguments[0]
        for other in arguments[1:]:
            ahead = _sign(other - best, at) > 0
            best = other if ahead == isinstance(expr, sp.Max) else best
        return best
    if isinstance(expr, sp.Abs):
        return arguments[0] if _sign(arguments[0], at) > 0 else -arguments[0]
    if isinstance(expr, sp.sign):
        return sp.Integer(_sign(arguments[0], at))
    if isinstance(expr, sp.Heaviside):
        return sp.Integer(1 if _sign(arguments[0], at) > 0 else 0)
    return expr.func(*arguments)


def _sign(expr: Any, at: Any) -> int:
    value = expr.subs(U, at)
    if value.is_extended_nonnegative or value.is_extended_nonpositive:
        return int(sp.sign(value)) if value.is_number else (1 if value.is_extended_nonnegative else -1)
    raise DerivationError(f"The sign of {expr} is not known at {at}. Declare the sign of its parameters.")


def _holds(condition: Any, at: Any) -> bool:
    value = condition.subs(U, at)
    if value in (sp.true, sp.false):
        return bool(value)
    raise DerivationError(f"Whether {condition} holds is not known at {at}. Declare the sign of its parameters.")
