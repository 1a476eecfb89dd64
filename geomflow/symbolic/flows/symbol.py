r"""The principal symbol of a flow on symmetric tensors: its modes, its growth rates, and what they mean.

In units of \(|\xi|^m\), with \(\nu = \xi/|\xi|\) and P the projection across \(\nu\), the symbol acts on

    TT:      v transverse and traceless           a number
    mixed:   ν_i w_j + ν_j w_i,  w transverse     a number
    scalar:  P_ij, ν_i ν_j and the scalar fields  a block.

The initial value problem of \(\partial_t v = \sigma v\) is well posed if no growth rate is positive. Rates that vanish
on \(\nu_i w_j + \nu_j w_i\) for *every* w are those of diffeomorphisms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy as sp

from geomflow.symbolic.abstract.expression import DIMENSION
from geomflow.symbolic.derivation import Derivation

_MOST = 12

#: Names of the modes.
TT, MIXED, TRACE, LONGITUDINAL = "TT", "nT", "transverse trace", "nn"


@dataclass(frozen=True)
class Rate:
    r"""A growth rate in units of \(|\xi|^m\), with the mode that grows and how many such modes there are."""

    mode: str
    value: sp.Expr
    multiplicity: sp.Expr


@dataclass(frozen=True)
class Symbol:
    r"""The principal symbol, for a symbolic dimension n.

    Args:
        name: of the flow.
        order: m.
        metric: (outer, inner) -> coefficient of a structure in the velocity of the metric, derivatives counted as
            \(\xi\) without the i.
        scalars: the same for the velocity of each scalar field.
        derivation: the steps.
    """

    name: str
    order: int
    metric: Mapping[tuple[str, str], sp.Expr]
    scalars: Mapping[str, Mapping[tuple[str, str], sp.Expr]]
    derivation: Derivation

    def _c(self, outer: str, inner: str = "") -> sp.Expr:
        return self.sign * self.metric.get((outer, inner), sp.S.Zero)

    @property
    def sign(self) -> int:
        r"""Return \(i^m\)."""
        return -1 if self.order % 4 else 1

    @property
    def transverse_traceless(self) -> sp.Expr:
        r"""Return the rate of the TT modes."""
        return self._c("v")

    @property
    def mixed(self) -> sp.Expr:
        r"""Return the rate of \(\nu_i w_j + \nu_j w_i\), w transverse."""
        # ½(ξ_i v_jξ + ξ_j v_iξ) enters through both of its halves.
        return sp.cancel(self._c("v") + self._c("ξv") / 2)

    @property
    def block(self) -> sp.Matrix:
        r"""Return the block on (P, \(\nu\nu\), fields): column = what moves, row = what answers."""
        # What each unknown is worth to each inner structure: P has trace n - 1, νν has trace 1 and component 1.
        unknowns = [
            {"tr": DIMENSION - 1},
            {"tr": sp.S.One, "ξξ": sp.S.One},
            *({name: sp.S.One} for name in self.scalars),
        ]
        own = [(self._c("v"), sp.S.Zero), (sp.S.Zero, self._c("v") + self._c("ξv"))]
        own += [(sp.S.Zero, sp.S.Zero)] * len(self.scalars)

        def answer(row: Mapping[tuple[str, str], sp.Expr], outer: str, unknown: Mapping[str, sp.Expr]) -> sp.Expr:
            return sp.Add(*(self.sign * row.get((outer, inner), sp.S.Zero) * c for inner, c in unknown.items()))

        columns: list[list[sp.Expr]] = []
        for (across, along), unknown in zip(own, unknowns):
            both, only_along = answer(self.metric, "g", unknown), answer(self.metric, "ξξ", unknown)
            fields = [answer(row, "", unknown) for row in self.scalars.values()]
            columns.append([across + both, along + both + only_along, *fields])
        return sp.Matrix(columns).T.applyfunc(lambda entry: sp.expand(sp.cancel(entry)))

    def rates(self) -> list[Rate]:
        r"""Return every growth rate with its mode and multiplicity, which add up to the dimension of the space."""
        n = DIMENSION
        listed = [
            Rate(TT, self.transverse_traceless, n * (n - 1) / 2 - 1),
            Rate(MIXED, self.mixed, n - 1),
        ]
        block, names = self.block, [TRACE, LONGITUDINAL, *self.scalars]
        if block.is_upper or block.is_lower:
            return listed + [Rate(name, sp.expand(block[k, k]), sp.S.One) for k, name in enumerate(names)]
        values = [(sp.simplify(value), sp.Integer(count)) for value, count in dict(block.eigenvals()).items()]
        return listed + [Rate(self._mixture, value, count) for value, count in values]

    @property
    def _mixture(self) -> str:
        return "the mixture of " + ", ".join([TRACE, LONGITUDINAL, *self.scalars])

    @property
    def annihilates_diffeomorphisms(self) -> bool:
        r"""Return whether the symbol vanishes on \(\xi_i w_j + \xi_j w_i\) for every w, as for a covariant flow."""
        return self.mixed == 0 and bool(self.block.col(1).is_zero_matrix)

    @property
    def annihilates_conformal_changes(self) -> bool:
        r"""Return whether the symbol vanishes on \(\phi\,g_{ij}\) for every function \(\phi\)."""
        return bool((self.block.col(0) + self.block.col(1)).is_zero_matrix)

    def growing(self) -> list[tuple[Rate, int]]:
        r"""Return the rates that are positive, each with the least dimension from which it is."""
        signs = [(rate, _positive_from(rate.value)) for rate in self.rates()]
        return [(rate, least) for rate, least in signs if least is not None]

    def verdict(self, latex: bool = False) -> str:
        r"""Return in words whether the initial value problem is well posed; constants are taken to be positive."""
        if not self.metric and not any(self.scalars.values()):
            return "nothing can be said: the linearisation about a flat metric vanishes"
        if self.order == 0:
            return "an ordinary differential equation at each point: the velocity holds no derivatives"
        growing = self.growing()
        if growing:
            listed = [
                f"{_growth(r.value, self.order, latex)} in {_called(r.mode)}{_from(least, latex)}"
                for r, least in growing
            ]
            return f"ill-posed forward in time: growth {' and '.join(listed)}"
        # A real block of size m with (-1)^m det < 0 has a positive eigenvalue, however long its formula.
        least = _positive_from(sp.expand((-1) ** (self.block.rows + 1) * self.block.det()))
        if least is not None:
            return f"ill-posed forward in time: a positive rate in {self._mixture}{_from(least, latex)}"
        neutral = [r for r in self.rates() if r.value == 0]
        damped = [(r, _positive_from(-r.value)) for r in self.rates() if r.value != 0]
        unclear = [f"that of {_called(r.mode)}" for r, least in damped if least is None]
        if unclear:
            return f"undecided: the sign of a rate, {', '.join(unclear)}, is not known"
        since = _from(max((least for _, least in damped if least is not None), default=2), latex)
        if not neutral:
            return f"strictly parabolic{since}"
        if self.annihilates_diffeomorphisms and {r.mode for r in neutral} == {MIXED, LONGITUDINAL}:
            return f"weakly parabolic{since}: degenerate exactly in the directions of diffeomorphisms"
        kernel = ["diffeomorphisms"] * self.annihilates_diffeomorphisms
        kernel += ["conformal changes"] * self.annihilates_conformal_changes
        among = f" ({' and '.join(kernel)} among them)" if kernel else ""
        return f"degenerate{since}: no growth, but no damping of {', '.join(_called(r.mode) for r in neutral)}{among}"

    def record(self) -> None:
        r"""Append the modes, the block and the verdict to the derivation."""
        add = self.derivation.add
        add(sp.latex(self.transverse_traceless), "transverse traceless modes", lhs=r"\sigma_{TT}")
        add(sp.latex(self.mixed), r"$\nu_i w_j + \nu_j w_i$, $w$ transverse", lhs=r"\sigma_{\nu T}")
        names = ", ".join([r"P", r"\nu\nu", *self.scalars])
        reason = rf"on $({names})$, in units of $|\xi|^{{{self.order}}}$"
        add(sp.latex(self.block), reason, lhs=r"\sigma_{0}", text=f"σ_0 = {self.block.tolist()}")
        rates = [(rate.mode, rate.value) for rate in self.rates()]
        body = r",\quad ".join(rf"{sp.latex(value)}\ \text{{({mode})}}" for mode, value in rates)
        text = "rates = " + ", ".join(f"{value} ({mode})" for mode, value in rates)
        add(body, self.verdict(latex=True), lhs=r"\text{rates}", text=text)

    def __str__(self) -> str:
        return ", ".join(f"{rate.mode} {rate.value}" for rate in self.rates())


def _called(mode: str) -> str:
    names = {TT: "transverse traceless modes", MIXED: "mixed modes", LONGITUDINAL: "the longitudinal mode"}
    return names.get(
        mode, f"the {mode}" if mode == TRACE else mode if mode.startswith("the mixture") else f"the field {mode}"
    )


def _from(least: int, latex: bool) -> str:
    return "" if least <= 2 else rf" for $n \ge {least}$" if latex else f" for n >= {least}"


def _growth(value: sp.Expr, order: int, latex: bool) -> str:
    text = sp.latex(value) if latex else str(value).replace("**", "^").replace("*", " ")
    factor = "" if value == 1 else f"({text}) " if value.is_Add else f"{text} "
    return f"$+{factor}k^{order}$" if latex else f"+{factor}k^{order}"


def _positive_from(value: sp.Expr) -> int | None:
    r"""Return the least m >= 2 such that the value is positive for all n >= m, None if there is none up to a bound.

    With n = m + s the numerator and the denominator must have positive coefficients in s and in the constants, and a
    constant term in s: a proof, though not for every positive polynomial.
    """
    s = sp.Symbol("s")
    for least in range(2, _MOST):
        numerator, denominator = sp.fraction(sp.cancel(value.subs(DIMENSION, least + s)))
        if all(_positive(sp.expand(part), s) for part in (numerator, denominator)) or all(
            _positive(sp.expand(-part), s) for part in (numerator, denominator)
        ):
            return least
    return None


def _positive(polynomial: sp.Expr, s: sp.Symbol) -> bool:
    symbols = sorted(polynomial.free_symbols | {s}, key=str)
    if not polynomial.is_polynomial(*symbols):
        return False
    terms = sp.Poly(polynomial, *symbols).terms()
    place = symbols.index(s)
    return all(c.is_positive for _, c in terms) and any(powers[place] == 0 for powers, _ in terms)
