"""The expressions given to every system that prints SymPy trees: staged formulas in plain SymPy, nothing simplified.

The inverse by cofactors (each minor built once), Γ of the first and second kind, and the second-derivative form of
Riemann, so that neither 1/det nor Γ is ever differentiated: what a competent user writes.
"""

from functools import cache

import sympy
from cases import COORDINATES, Case


def arguments(case: Case) -> list[sympy.Symbol]:
    """The symbols in the order of the columns of `cases.data` (weights of a gradient not included)."""
    if case.metric:
        return list(sympy.symbols(COORDINATES))
    n = case.dim
    g = [sympy.Symbol(f"g_{i}{j}") for i, j in case.pairs]
    first = [sympy.Symbol(f"dg_{i}{j}_{k}") for i, j in case.pairs for k in range(n)]
    second = [sympy.Symbol(f"ddg_{i}{j}_{k}{l}") for i, j in case.pairs for k, l in case.pairs]
    return g + first + second


def jets(case: Case):
    """Three functions: g(i, j), dg(i, j, k), ddg(i, j, k, l)."""
    if case.metric:
        x = sympy.symbols(COORDINATES)
        matrix = [[sympy.sympify(e) for e in row] for row in case.metric]
        first = cache(lambda i, j, k: sympy.diff(matrix[i][j], x[k]))
        second = cache(lambda i, j, k, l: sympy.diff(first(i, j, k), x[l]))
        return lambda i, j: matrix[min(i, j)][max(i, j)], first, second
    position = {pair: q for q, pair in enumerate(case.pairs)}
    symbols, n, p = arguments(case), case.dim, len(case.pairs)

    def at(i: int, j: int) -> int:
        return position[(min(i, j), max(i, j))]

    return (
        lambda i, j: symbols[at(i, j)],
        lambda i, j, k: symbols[p + at(i, j) * n + k],
        lambda i, j, k, l: symbols[p + p * n + at(i, j) * p + at(k, l)],
    )


def ricci(case: Case) -> list[sympy.Expr]:
    """The packed components of Ricci."""
    g, dg, ddg = jets(case)
    n, every, half = case.dim, range(case.dim), sympy.Rational(1, 2)

    @cache
    def minor(rows: tuple[int, ...], columns: tuple[int, ...]) -> sympy.Expr:
        if not rows:
            return sympy.Integer(1)
        return sympy.Add(
            *(
                (-1) ** a * g(rows[0], c) * minor(rows[1:], columns[:a] + columns[a + 1 :])
                for a, c in enumerate(columns)
            )
        )

    over = 1 / minor(tuple(every), tuple(every))

    @cache
    def inverse(i: int, j: int) -> sympy.Expr:
        if i > j:
            return inverse(j, i)
        rows, columns = (tuple(a for a in every if a != b) for b in (i, j))
        return (-1) ** (i + j) * minor(rows, columns) * over

    @cache
    def lower(l: int, i: int, j: int) -> sympy.Expr:
        return half * (dg(l, i, j) + dg(l, j, i) - dg(i, j, l)) if i <= j else lower(l, j, i)

    @cache
    def upper(k: int, i: int, j: int) -> sympy.Expr:
        return sympy.Add(*(inverse(k, l) * lower(l, i, j) for l in every)) if i <= j else upper(k, j, i)

    @cache
    def riemann(a: int, b: int, c: int, d: int) -> sympy.Expr:
        if a == b or c == d:
            return sympy.Integer(0)
        if a > b:
            return -riemann(b, a, c, d)
        if c > d:
            return -riemann(a, b, d, c)
        if (a, b) > (c, d):
            return riemann(c, d, a, b)
        second = half * (ddg(a, d, b, c) + ddg(b, c, a, d) - ddg(b, d, a, c) - ddg(a, c, b, d))
        products = (upper(e, b, c) * lower(e, a, d) - upper(e, b, d) * lower(e, a, c) for e in every)
        return second + sympy.Add(*products)

    return [
        sympy.Add(*(inverse(a, c) * riemann(a, i, c, j) for a in every for c in every))
        for i, j in case.pairs
        if i <= j < n
    ]
