r"""Adding up the expectations of an activation's terms into one expression that is fit to print.

Rational coefficients are collected before each product of roots, exponentials and other functions, then factored;
`simplify` is not called.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import sympy as sp

from geomflow.symbolic.kernels.duals.dual import C, P, Q
from geomflow.symbolic.kernels.duals.pair import expectation
from geomflow.symbolic.kernels.duals.term import Term
from geomflow.symbolic.kernels.duals.tidy import tidy, without_content


def second_moment(terms: Sequence[Term]) -> sp.Expr:
    r"""Return $\mathbb E\,\varphi(u)\varphi(v) = \sum_{ij}\mathbb E\,\varphi_i(u)\varphi_j(v)$ in `P`, `Q`, `C`.

    Args:
        terms: the normal form of φ.

    Raises:
        DerivationError: no rule covers one of the pairs.
    """
    swapped = {P: Q, Q: P}
    sums: dict[sp.Expr, Any] = defaultdict(lambda: sp.S.Zero)
    for i, f in enumerate(terms):
        for g in terms[i:]:
            for coefficient, key in expectation(f, g):
                turns: list[Any] = [(coefficient, key)]
                if g is not f:
                    turns.append((coefficient.xreplace(swapped), key.xreplace(swapped)))
                for value, function in turns:
                    # Constants in front of a root belong to the coefficient, or equal roots would not meet.
                    constant, function = function.as_independent(P, Q, C, as_Add=False)
                    sums[function] += constant * value
    groups: dict[sp.Expr, sp.Expr] = defaultdict(lambda: sp.S.Zero)
    for function, coefficient in sums.items():
        constant, rest = _product(coefficient, function).as_independent(P, Q, C, as_Add=False)
        contents, factors = zip(*(without_content(factor) for factor in sp.Mul.make_args(rest)), strict=True)
        groups[sp.Mul(constant, *contents)] += sp.Mul(*factors)
    return sp.Add(*(constant * rest for constant, rest in groups.items()))


def _product(coefficient: sp.Expr, function: sp.Expr) -> sp.Expr:
    r"""Return coefficient × function, the coefficient factored and signed so that it cancels against the roots."""
    roots = [e.base for e in function.atoms(sp.Pow) if e.base.is_Add and e.exp.is_Rational and not e.exp.is_Integer]
    product = function
    for factor in sp.Mul.make_args(tidy(coefficient)):
        base, power = factor.as_base_exp()
        for root in roots:
            ratio = sp.cancel(base / root) if base.is_Add and power.is_Integer else C
            if ratio.is_number:
                factor = ratio**power * root**power
        product *= factor
    return product
