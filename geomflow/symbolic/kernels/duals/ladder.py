r"""The steps of a derived dual: down by differentiation until the edges are gone, up again by integration in c."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from geomflow.symbolic.derivation import Derivation
from geomflow.symbolic.kernels.duals.closed_form import second_moment
from geomflow.symbolic.kernels.duals.dual import C
from geomflow.symbolic.kernels.duals.term import Term, differentiated, displayed


def ladder(activation: sp.Expr, terms: Sequence[Term], moments: Sequence[sp.Expr]) -> Derivation:
    r"""Return the derivation of $\mathbb E\,\varphi(u)\varphi(v)$ as a reader would do it.

    Args:
        activation: φ as it was given.
        terms: its normal form.
        moments: K and K', which are known.
    """
    shown = displayed(terms) if activation.has(sp.Piecewise) else activation  # a title is one line
    steps = Derivation(rf"The dual of $\varphi(u) = {sp.latex(shown)}$")
    rungs = [tuple(terms)]
    while _has_edges(rungs[-1]) and not _has_jumps(rungs[-1]) and (len(rungs) < len(moments) or _untilted(rungs[-1])):
        rungs.append(differentiated(rungs[-1]))
    if len(rungs) == 1:
        rungs.append(differentiated(terms))
    values = [*moments, *(second_moment(rung) for rung in rungs[len(moments) :])]
    for order, rung in enumerate(rungs):
        reason = "normal form, the kink at 0" if any(t.sharp for t in rung) else "normal form"
        reason = reason if order == 0 else "differentiate"
        steps.add(sp.latex(displayed(rung)), reason, rf"\varphi{_primes(order)}(u)")
    for order in reversed(range(len(rungs))):
        rung, value = rungs[order], values[order]
        steps.add(sp.latex(value, inv_trig_style="full"), _reason(rung, value), _expected(order))
    return steps


def _reason(rung: Sequence[Term], value: sp.Expr) -> str:
    if not _has_edges(rung):
        if _has_jumps(rung):
            return r"Dirac comb, $\mathbb{E}\,\delta(u)\delta(v) = 1/(2\pi\sqrt{pq - c^2})$"
        return "complete the square, moments by Isserlis"
    if any(t.square != 0 for t in rung if t.kind == "edge"):
        return r"complete the square, then Price: $\arcsin$ of the tilted correlation"
    if _has_jumps(rung):
        return "Dirac combs, and Price for the edges"
    start = sp.latex(value.xreplace({C: sp.S.Zero}))
    return rf"Price: integrate in $c$, from ${start}$ at $c = 0$"


def _expected(order: int) -> str:
    pair = rf"\mathbb{{E}}\,\varphi{_primes(order)}(u)\,\varphi{_primes(order)}(v)"
    return {0: "K = ", 1: "K' = "}.get(order, "") + pair


def _primes(order: int) -> str:
    return "'" * order if order < 4 else f"^{{({order})}}"


def _has_edges(terms: Sequence[Term]) -> bool:
    return any(term.kind == "edge" for term in terms)


def _has_jumps(terms: Sequence[Term]) -> bool:
    return any(term.kind == "dirac" for term in terms)


def _untilted(terms: Sequence[Term]) -> bool:
    r"""Do powers fall with each derivative, so that the edges come to an end?"""
    return all(term.square == 0 and term.slope == 0 for term in terms if term.kind == "edge")
