r"""The jet frame: geometry as polynomials in the jets of g and f (to order two) and 1/det g, once per dimension.

Ricci(g, ∂g, ∂²g) is the same function for a typed-in metric, a network or a grid. The frame builds it in stages, each
intermediate (minors, inverse, Γ of the first and of the second kind, Riemann) named and used by name, so that no
expression ever swells: the list of named stages is the program that `geomflow.codegen` prints.
"""

from __future__ import annotations

from itertools import combinations_with_replacement

import sympy as sp

from geomflow.core.errors import DerivationError


def pairs(dim: int) -> list[tuple[int, int]]:
    r"""Return the index pairs i <= j of a symmetric tensor in packed order: (0,0), (0,1), ..., (n-1,n-1)."""
    return list(combinations_with_replacement(range(dim), 2))


def _ordered(i: int, j: int) -> tuple[int, int]:
    return (i, j) if i <= j else (j, i)


class JetFrame:
    r"""A `Frame` (see `geomflow.symbolic.abstract.components`) whose ring is SymPy expressions in jet variables.

    Conventions of `geomflow.core.types`: `dg[i,j,k] = ∂_k g_ij`; symbols `g_01`, `dg_01_0`, `ddg_01_00` with i <= j.

    Args:
        dim: dimension n >= 1.
        conformal_to_flat: replace the metric by `w δ_ij` with one scalar jet `w`.

    Raises:
        DerivationError: a third derivative of the metric or of a field is asked for (the jets end at order two).
    """

    zero = sp.Integer(0)

    def __init__(self, dim: int, *, conformal_to_flat: bool = False):
        self.dim = dim
        self.conformal_to_flat = conformal_to_flat
        self.assignments: dict[sp.Symbol, sp.Expr] = {}
        self._derivatives: dict[tuple[sp.Expr, int], sp.Expr] = {}
        self._memo: dict[tuple, sp.Expr] = {}
        self._inverse_symbols: dict[sp.Expr, tuple[int, int]] = {}
        self._jets: dict[sp.Symbol, tuple[str, tuple[int, ...]]] = {}
        self._fields: dict[tuple[str, tuple[int, ...]], sp.Expr] = {}

    # -- ring ---------------------------------------------------------------------------------------------------

    def constant(self, q: sp.Expr) -> sp.Expr:
        r"""Return an exact constant of the ring."""
        return sp.sympify(q)

    def stage(self, label: str, value) -> sp.Expr:
        r"""Name an intermediate value and return its symbol; numbers and single symbols stay as they are."""
        value = sp.sympify(value)
        if value.is_Number or value.is_Symbol or (-value).is_Symbol:
            return value
        name, count = label, 1
        while sp.Symbol(name) in self.assignments or sp.Symbol(name) in self._jets:
            count += 1
            name = f"{label}_v{count}"
        symbol = sp.Symbol(name)
        self.assignments[symbol] = value
        return symbol

    def jet(self, name: str, order: tuple[int, ...]) -> sp.Symbol:
        r"""Return the jet variable ∂_order of the scalar `name`: `f`, `f_0`, `f_01`."""
        order = tuple(sorted(order))
        if len(order) > 2:
            raise DerivationError(f"The jets of `{name}` end at order two, but order {len(order)} is asked for.")
        prefix = "d" * len(order)
        symbol = sp.Symbol(f"{prefix}{name}" + ("_" + "".join(map(str, order)) if order else ""))
        if symbol in self.assignments:
            raise DerivationError(f"The field `{name}` has the name of an intermediate of the frame. Rename it.")
        self._jets[symbol] = (name, order)
        return symbol

    def derivative(self, value, k: int) -> sp.Expr:
        r"""Return the total derivative ∂_k of a ring element, by the chain rule through jets and named stages."""
        value = sp.sympify(value)
        total = sp.Integer(0)
        for symbol in sorted(value.free_symbols, key=str):
            total += sp.diff(value, symbol) * self._derivative_of_symbol(symbol, k)
        return total

    def _derivative_of_symbol(self, symbol: sp.Symbol, k: int) -> sp.Expr:
        key = (symbol, k)
        if key not in self._derivatives:
            if symbol in self._jets:
                name, order = self._jets[symbol]
                result = self.jet(name, (*order, k))
            elif symbol in self._inverse_symbols:
                result = self._inverse_derivative(*self._inverse_symbols[symbol], k)
            elif symbol in self.assignments:
                result = self.stage(f"d{k}_{symbol}", self.derivative(self.assignments[symbol], k))
            else:
                result = sp.Integer(0)  # a declared constant of the functional
            self._derivatives[key] = result
        return self._derivatives[key]

    def _once(self, key: tuple, label: str, build) -> sp.Expr:
        if key not in self._memo:
            self._memo[key] = self.stage(label, build())
        return self._memo[key]

    # -- metric -------------------------------------------------------------------------------------------------

    def metric(self, i: int, j: int) -> sp.Expr:
        r"""Return g_ij."""
        if self.conformal_to_flat:
            return self.jet("w", ()) if i == j else self.zero
        i, j = _ordered(i, j)
        return self.jet(f"g_{i}{j}", ())

    def _minor(self, rows: tuple[int, ...], cols: tuple[int, ...]) -> sp.Expr:
        if len(rows) == 1:
            return self.metric(rows[0], cols[0])

        def build():
            return sp.Add(
                *(
                    (-1) ** a * self.metric(rows[0], c) * self._minor(rows[1:], cols[:a] + cols[a + 1 :])
                    for a, c in enumerate(cols)
                )
            )

        label = "minor_" + "".join(map(str, rows)) + "_" + "".join(map(str, cols))
        return self._once(("minor", rows, cols), label, build)

    def determinant(self) -> sp.Expr:
        r"""Return det g."""
        return self.leading_minor(self.dim)

    def leading_minor(self, k: int) -> sp.Expr:
        r"""Return the determinant of the upper left k x k block (all are positive if and only if g is)."""
        return self._minor(tuple(range(k)), tuple(range(k)))

    def inverse(self, i: int, j: int) -> sp.Expr:
        r"""Return g^ij by the adjugate: one division, by det g."""
        i, j = _ordered(i, j)
        if self.conformal_to_flat:
            return self._once(("inverse",), "winv", lambda: 1 / self.jet("w", ())) if i == j else self.zero
        if self.dim == 1:
            return self._once(("inverse", 0, 0), "ginv_00", lambda: 1 / self.metric(0, 0))
        over_det = self._once(("over_det",), "over_det", lambda: 1 / self.determinant())
        rows = tuple(a for a in range(self.dim) if a != i)
        cols = tuple(a for a in range(self.dim) if a != j)
        symbol = self._once(
            ("inverse", i, j), f"ginv_{i}{j}", lambda: (-1) ** (i + j) * self._minor(rows, cols) * over_det
        )
        self._inverse_symbols[symbol] = (i, j)
        return symbol

    def _inverse_derivative(self, i: int, j: int, k: int) -> sp.Expr:
        r"""Return ∂_k g^ij = -g^ia ∂_k g_ab g^bj, so that 1/det is never differentiated."""
        i, j = _ordered(i, j)
        every = range(self.dim)
        return self._once(
            ("dinverse", i, j, k),
            f"dginv_{i}{j}_{k}",
            lambda: (
                -sp.Add(
                    *(
                        self.inverse(i, a) * self.derivative(self.metric(a, b), k) * self.inverse(b, j)
                        for a in every
                        for b in every
                    )
                )
            ),
        )

    # -- connection and curvature -------------------------------------------------------------------------------

    def christoffel_first(self, k: int, i: int, j: int) -> sp.Expr:
        r"""Return Γ_{k,ij} = ½(∂_j g_ki + ∂_i g_kj - ∂_k g_ij)."""
        i, j = _ordered(i, j)
        d = self.derivative
        return self._once(
            ("first", k, i, j),
            f"Gamma1_{k}_{i}{j}",
            lambda: (d(self.metric(k, i), j) + d(self.metric(k, j), i) - d(self.metric(i, j), k)) / 2,
        )

    def christoffel(self, k: int, i: int, j: int) -> sp.Expr:
        r"""Return Γ^k_ij = g^kl Γ_{l,ij}."""
        i, j = _ordered(i, j)
        return self._once(
            ("second", k, i, j),
            f"Gamma_{k}_{i}{j}",
            lambda: sp.Add(*(self.inverse(k, l) * self.christoffel_first(l, i, j) for l in range(self.dim))),
        )

    def riemann(self, a: int, b: int, c: int, d: int) -> sp.Expr:
        r"""Return R_abcd from second derivatives and products of Γ; Γ itself is never differentiated.

        R_abcd = ½(∂_b∂_c g_ad + ∂_a∂_d g_bc - ∂_a∂_c g_bd - ∂_b∂_d g_ac) + Γ^e_bc Γ_{e,ad} - Γ^e_bd Γ_{e,ac},
        equal to the definition of `geomflow.core.types` (tested). Only pairs a<b, c<d, (ab) <= (cd) are built.
        """
        if a == b or c == d:
            return self.zero
        sign = 1
        if a > b:
            a, b, sign = b, a, -sign
        if c > d:
            c, d, sign = d, c, -sign
        if (a, b) > (c, d):
            a, b, c, d = c, d, a, b

        def second(i: int, j: int, k: int, l: int) -> sp.Expr:
            return self.derivative(self.derivative(self.metric(i, j), k), l)

        def build():
            value = (second(a, d, b, c) + second(b, c, a, d) - second(b, d, a, c) - second(a, c, b, d)) / 2
            for e in range(self.dim):
                value += self.christoffel(e, b, c) * self.christoffel_first(e, a, d)
                value -= self.christoffel(e, b, d) * self.christoffel_first(e, a, c)
            return value

        return sign * self._once(("riemann", a, b, c, d), f"Riem_{a}{b}{c}{d}", build)

    def ricci(self, i: int, j: int) -> sp.Expr:
        r"""Return Ric_ij = g^ac R_aicj."""
        i, j = _ordered(i, j)
        every = range(self.dim)
        return self._once(
            ("ricci", i, j),
            f"Ric_{i}{j}",
            lambda: sp.Add(*(self.inverse(a, c) * self.riemann(a, i, c, j) for a in every for c in every)),
        )

    def scalar(self) -> sp.Expr:
        r"""Return R = g^bd Ric_bd."""
        every = range(self.dim)
        return self._once(
            ("scalar",), "R", lambda: sp.Add(*(self.inverse(b, d) * self.ricci(b, d) for b in every for d in every))
        )

    # -- fields -------------------------------------------------------------------------------------------------

    def define_field(self, name: str, components: dict[tuple[int, ...], sp.Expr]) -> None:
        r"""Give the lower components of a field that is itself a function of the jets (the DeTurck covector, say)."""
        for indices, value in components.items():
            self._fields[(name, indices)] = value

    def field(self, name: str, *indices: int) -> sp.Expr:
        r"""Return a component of a field: a defined one, or the jet variable of a scalar."""
        if (name, indices) in self._fields:
            return self._fields[(name, indices)]
        if indices:
            raise DerivationError(f"The field `{name}` has indices but no components. Call `define_field` first.")
        if self.conformal_to_flat and name == "w":
            raise DerivationError("The field `w` has the name of the conformal factor. Rename it.")
        return self.jet(name, ())

    def weight(self, name: str) -> sp.Expr:
        r"""Return the weight e^{-name}."""
        return sp.exp(-self.jet(name, ()))
