r"""The normal form of abstract-index expressions, and equality of tensors.

Each monomial goes through the mono-term identities (`geomflow.symbolic.abstract.monoterm`) and then through those of
several terms, the cyclic and the second Bianchi identity and dH = 0 (`geomflow.symbolic.abstract.bianchi`). Two
expressions that are equal in every dimension have the same normal form.

Limits: identities that hold in one dimension only (such as Weyl = 0 for n = 3) are not applied.
"""

from __future__ import annotations

import sympy as sp

from geomflow.symbolic.abstract.bianchi import reduced
from geomflow.symbolic.abstract.expression import Expression, Monomial
from geomflow.symbolic.abstract.monoterm import commutator, group_key, normal_form, slot_images

__all__ = ["canonical", "commutator", "equal", "slot_images"]


def canonical(expression: Expression) -> Expression:
    r"""Return the normal form: like terms combined, vanishing ones dropped, terms in a fixed order."""
    collected: dict[Monomial, sp.Expr] = {}
    for coefficient, factors in expression.terms:
        for c, single in normal_form(factors):
            for d, monomial in reduced(single):
                collected[monomial] = collected.get(monomial, sp.S.Zero) + coefficient * c * d
    terms = ((_tidy(c), monomial) for monomial, c in collected.items())
    ordered = sorted((t for t in terms if t[0] != 0), key=lambda t: _order(t[1]))
    return Expression(tuple(ordered), expression.free, expression.up)


def equal(left: Expression, right: Expression) -> bool:
    r"""Return whether two expressions have the same normal form."""
    return not canonical(left - right).terms


def _tidy(coefficient: sp.Expr) -> sp.Expr:
    if coefficient.is_Rational:
        return coefficient
    cancelled = sp.cancel(coefficient)
    return cancelled.factor() if sp.denom(cancelled).free_symbols else cancelled.expand()


def _order(factors: Monomial) -> tuple:
    derivatives = sum(len(f.derivatives) for f in factors if f.head.kind == "variation")
    return derivatives, len(factors), tuple((*group_key(f), f.slots) for f in factors)
