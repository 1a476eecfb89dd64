r"""The identities of several terms, and the normal form they leave.

    R_abcd + R_acdb + R_adbc = 0,
    ∇_e R_abcd + ∇_c R_abde + ∇_d R_abec = 0,
    (dH)_{abcd...} = ∇_a H_{bcd...} - ∇_b H_{acd...} + ... = 0        for a form H = dB.

Each holds under further derivatives and inside any product. From a monomial one collects the identities applied in
place to each of its factors, each derivative taken innermost in turn, then those of the monomials that appear, until no
new ones do: a small linear system over the rationals. Gauss-Jordan elimination in a fixed order expresses the
later monomials by the earlier ones, and what is left is the normal form. Ric comes before Riem, so
\(\Delta R_{abcd}\) becomes second derivatives of Ric and products of curvatures; then the lexicographic order, so
\(|\mathrm{Riem}|^2\) stays. Terms with more factors, which come from commuting derivatives, are reduced on their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import sympy as sp
from flint import fmpq, fmpq_mat

from geomflow.symbolic.abstract.expression import RIEMANN, Factor, Monomial, Term, term
from geomflow.symbolic.abstract.monoterm import group_key, normal_form

#: Monomial -> what it reduces to; filled one orbit at a time.
_KNOWN: dict[Monomial, tuple[Term, ...]] = {}
_MOST_KNOWN = 50_000


def reduced(monomial: Monomial) -> tuple[Term, ...]:
    r"""Return the normal form of a monomial that is in mono-term normal form already."""
    if not any(_has_identities(factor) for factor in monomial):
        return ((sp.S.One, monomial),)
    if monomial not in _KNOWN:
        if len(_KNOWN) > _MOST_KNOWN:
            _KNOWN.clear()
        _solve(monomial)
    return _KNOWN[monomial]


def forget() -> None:
    r"""Forget every normal form found so far, as one must after a change of the rules."""
    _KNOWN.clear()
    normal_form.cache_clear()


def cyclic_identity(factor: Factor) -> list[Term]:
    r"""Return the terms of \(R_{abcd} + R_{acdb} + R_{adbc}\), under the derivatives of the factor."""
    a, b, c, d = factor.indices
    triples = ((b, c, d), (c, d, b), (d, b, c))
    return [(sp.S.One, (Factor(factor.head, (a, *triple), factor.derivatives),)) for triple in triples]


def second_bianchi_identity(factor: Factor) -> list[Term]:
    r"""Return the terms of \(\nabla_e R_{abcd} + \nabla_c R_{abde} + \nabla_d R_{abec}\), innermost derivative e."""
    *outer, e = factor.derivatives
    a, b, c, d = factor.indices
    triples = ((e, c, d), (c, d, e), (d, e, c))
    return [(sp.S.One, (Factor(factor.head, (a, b, y, z), (*outer, x)),)) for x, y, z in triples]


def closedness(factor: Factor) -> list[Term]:
    r"""Return the terms of \((dH)_{abcd\ldots}\), a the innermost derivative."""
    *outer, inner = factor.derivatives
    slots = (inner, *factor.indices)
    return [
        (sp.Integer((-1) ** p), (Factor(factor.head, slots[:p] + slots[p + 1 :], (*outer, slot)),))
        for p, slot in enumerate(slots)
    ]


def _has_identities(factor: Factor) -> bool:
    return factor.head == RIEMANN or (factor.head.kind == "form" and bool(factor.derivatives))


def _identities(factor: Factor) -> Iterator[list[Term]]:
    r"""Yield every identity in which a factor stands, as terms whose sum is zero, whichever order derivatives have."""
    if not _has_identities(factor):
        return
    innermost = dict.fromkeys(
        Factor(factor.head, factor.indices, (*factor.derivatives[:p], *factor.derivatives[p + 1 :], name))
        for p, name in enumerate(factor.derivatives)
    )
    if factor.head.kind == "form":
        yield from map(closedness, innermost)
        return
    yield cyclic_identity(factor)
    for turned in innermost:
        a, b, c, d = turned.indices
        yield second_bianchi_identity(turned)
        yield second_bianchi_identity(Factor(turned.head, (c, d, a, b), turned.derivatives))


def _solve(seed: Monomial) -> None:
    relations: list[tuple[Term, ...]] = []
    orbit = [seed]
    for monomial in orbit:
        for position, factor in enumerate(monomial):
            for identity in _identities(factor):
                relation = _in_place(monomial, position, identity)
                relations.append(relation)
                orbit += [m for _, m in relation if len(m) == len(seed) and m not in orbit]
    # Columns from the last monomial to the first, so that the last ones become pivots; lower terms at the end.
    orbit.sort(key=_rank, reverse=True)
    lower = list({m: None for relation in relations for _, m in relation if len(m) != len(seed)})
    known: dict[Monomial, tuple[Term, ...]] = {m: ((sp.S.One, m),) for m in orbit}
    for (_, pivot), *rest in _echelon(relations, [*orbit, *lower]):
        # A pivot among the lower terms says again what they obey on their own.
        if pivot in known:
            known[pivot] = _collected((-c * d, image) for c, m in rest for d, image in known.get(m) or reduced(m))
    _KNOWN.update(known)


def _in_place(monomial: Monomial, position: int, identity: list[Term]) -> tuple[Term, ...]:
    products = ((c, term(sp.S.One, (*monomial[:position], *new, *monomial[position + 1 :]))[1]) for c, new in identity)
    return _collected((c * d, image) for c, product in products for d, image in normal_form(product))


def _collected(terms: Iterable[Term]) -> tuple[Term, ...]:
    total: dict[Monomial, sp.Expr] = {}
    for c, monomial in terms:
        total[monomial] = total.get(monomial, sp.S.Zero) + c
    return tuple((c, monomial) for monomial, c in total.items() if c != 0)


def _rank(monomial: Monomial) -> tuple:
    # R before Ric before Riem, then by slots.
    return tuple((*group_key(factor), factor.slots) for factor in monomial)


def _echelon(relations: list[tuple[Term, ...]], order: list[Monomial]) -> Iterator[list[Term]]:
    r"""Yield the rows of the reduced echelon form, each with its pivot first."""
    columns = {monomial: k for k, monomial in enumerate(order)}
    matrix = fmpq_mat(len(relations), len(order))
    for i, relation in enumerate(relations):
        for c, monomial in relation:
            matrix[i, columns[monomial]] = fmpq(int(sp.numer(c)), int(sp.denom(c)))
    echelon, rank = matrix.rref()
    for i in range(rank):
        entries = ((echelon[i, k], monomial) for k, monomial in enumerate(order))
        yield [(sp.Rational(int(q.p), int(q.q)), monomial) for q, monomial in entries if q != 0]
