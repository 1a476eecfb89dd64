r"""Divergences under the integral: find X with \(D = e^{-kf}\nabla_a(e^{kf}X^a)\), explicitly.

Candidates for X are read off the monomials of D by peeling one derivative off one factor. Their divergences bring in
new monomials, until nothing new appears; one linear system over the coefficients decides.

Limits: a finite search. Where it finds nothing, the Euler operator (`certify_divergence`) still decides whether D is
a divergence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import sympy as sp

from geomflow.core.errors import DerivationError
from geomflow.symbolic.abstract.canonical import canonical
from geomflow.symbolic.abstract.expression import (
    ONE,
    Expression,
    Factor,
    Monomial,
    exponential,
    nabla,
    term,
)
from geomflow.symbolic.abstract.variation import weight_exponent, without_constant

_MOST_CANDIDATES = 600


@dataclass(frozen=True)
class Potential:
    r"""A solution of \(D = \sum_k c_k Q_k + e^{-kf}\nabla_a(e^{kf}X^a)\).

    Args:
        vector: X, with the free index a above.
        coefficients: c, in the order in which the Q were given.
    """

    vector: Expression
    coefficients: tuple[sp.Expr, ...]


def weighted_divergence(vector: Expression, weight: Expression = ONE) -> Expression:
    r"""Return \(w^{-1}\nabla_a(w X^a)\) for X with the free index a."""
    scalar, k = weight_exponent(weight)
    inverse = ONE if scalar is None else exponential(scalar.name, -k)
    return canonical(nabla("a", vector * without_constant(weight)) * inverse)


def potential(expression: Expression, weight: Expression = ONE, modulo: Sequence[Expression] = ()) -> Potential | None:
    r"""Return X (and the coefficients of `modulo`) that make up a scalar D, or None where the search finds none.

    Args:
        expression: D, relative to w dV.
        weight: w, a constant times \(e^{kf}\) of at most one field.
        modulo: scalars \(Q_k\) that may be subtracted with constant coefficients.

    Raises:
        DerivationError: D has free indices.

    Good values: D = \(\partial_t(L w\,dV)/(w\,dV)\), modulo the square of the gradient of the functional.
    """
    if expression.free:
        raise DerivationError(f"Only a scalar can be a divergence, but `{expression}` has free indices.")
    target = canonical(expression)
    squares = [canonical(q) for q in modulo]
    divergences = _candidates([target, *squares], weight)
    unknowns = sp.symbols(f"x0:{len(squares) + len(divergences)}")
    columns = [*squares, *(divergence for _, divergence in divergences)]
    rows: dict[Monomial, sp.Expr] = {monomial: -c for c, monomial in target.terms}
    for unknown, column in zip(unknowns, columns):
        for c, monomial in column.terms:
            rows[monomial] = rows.get(monomial, sp.S.Zero) + c * unknown
    if not unknowns:
        return None if target.terms else Potential(Expression(), ())
    solution = solved(rows.values(), unknowns)
    if solution is None:
        return None
    # What the system leaves free does not matter: 0.
    values = [sp.cancel(value.xreplace(dict.fromkeys(unknowns, sp.S.Zero))) for value in solution]
    free = frozenset("a")
    terms = ((c, monomial) for c, (monomial, _) in zip(values[len(squares) :], divergences) if c != 0)
    vector = canonical(Expression(tuple(terms), free, free))
    return Potential(vector, tuple(values[: len(squares)]))


def solved(equations: Iterable[sp.Expr], unknowns: Sequence[sp.Symbol]) -> tuple[sp.Expr, ...] | None:
    r"""Return the solution of a linear system (in terms of the unknowns it leaves free), or None."""
    solutions = sp.linsolve(list(equations), *unknowns)
    return tuple(sp.cancel(value) for value in solutions.args[0].args) if solutions.args else None


def _candidates(start: Iterable[Expression], weight: Expression) -> list[tuple[Monomial, Expression]]:
    # The vectors, with their divergences, that can be reached from the monomials of the scalars given.
    waiting = [monomial for e in start for _, monomial in e.terms]
    # Without a bound on undifferentiated scalars f, f ∇f, f² ∇f, ... would never end.
    most = max((_undifferentiated(m) for m in waiting), default=0)
    seen, known = set(waiting), {}
    while waiting:
        for vector in _peeled(waiting.pop()):
            if vector in known or _undifferentiated(vector) > most:
                continue
            free = frozenset("a")
            known[vector] = weighted_divergence(Expression(((sp.S.One, vector),), free, free), weight)
            new = [m for _, m in known[vector].terms if m not in seen]
            seen.update(new)
            waiting += new
            if len(known) > _MOST_CANDIDATES:
                raise DerivationError(
                    f"The search for a divergence passed {_MOST_CANDIDATES} vectors. Split the expression, or ask "
                    "`certify_divergence` whether it is one."
                )
    return list(known.items())


def _undifferentiated(factors: Monomial) -> int:
    return sum(f.head.kind == "field" and not f.slots for f in factors)


def _peeled(factors: Monomial) -> Iterator[Monomial]:
    # Take each derivative off its factor in turn; its index, contracted with another slot, becomes that of the vector.
    free = frozenset("a")
    for position, factor in enumerate(factors):
        rest = factors[:position] + factors[position + 1 :]
        for q, name in enumerate(factor.derivatives):
            shorter = Factor(factor.head, factor.indices, factor.derivatives[:q] + factor.derivatives[q + 1 :])
            vector = tuple(f.rename({name: "a"}) for f in (*rest, shorter))
            for _, monomial in canonical(Expression((term(sp.S.One, vector),), free, free)).terms:
                yield monomial
