r"""Lie groups with left-invariant metrics: exact curvature from structure constants.

    [e_a, e_b] = c^k_ab e_k,    dω^k = -½ c^k_ab ω^a∧ω^b,    g = g_ab ω^a ω^b

The named three-dimensional algebras, in the frame of Milnor:

    su2: dω1 = 2ω2∧ω3, dω2 = 2ω3∧ω1, dω3 = 2ω1∧ω2       sl2r: dω1 = -2ω2∧ω3, dω2 = 2ω3∧ω1, dω3 = 2ω1∧ω2
    e2:  dω1 = 2ω2∧ω3, dω2 = 2ω3∧ω1, dω3 = 0            sol:  dω1 = 2ω2∧ω3, dω2 = 0, dω3 = -2ω1∧ω2
    nil: dω1 = 2ω2∧ω3, dω2 = 0, dω3 = 0                 abelian: all zero

Reference: Milnor, Adv. Math. 21 (1976) 293; Isenberg, Jackson, J. Differential Geom. 35 (1992) 723; Chow, Knopf,
The Ricci Flow: An Introduction (2004), chapter 1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp

from geomflow.core.errors import ArgumentError, DerivationError
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.charts.frames import Frame
from geomflow.symbolic.charts.line_element import square
from geomflow.symbolic.charts.metric import Metric
from geomflow.symbolic.field.typed import NUMBERS


class LieAlgebra:
    r"""A Lie algebra with a basis, \([e_a, e_b] = c^k{}_{ab}e_k\).

    Args:
        structure: c[k][a][b], numbers or expressions in constants, shape (n, n, n).

    Raises:
        ArgumentError: not antisymmetric, the Jacobi identity fails, or a wrong shape.

    Good values: the functions of this module; `LieAlgebra.from_coframe(["2*w2*w3", "2*w3*w1", "2*w1*w2"])`.
    """

    def __init__(self, structure: Any):
        values = np.array(structure, dtype=object)
        if values.ndim != 3 or len(set(values.shape)) != 1:
            raise ArgumentError(f"Structure constants must have shape (n, n, n), but have {values.shape}.")
        self.dim = len(values)
        expressions = np.empty_like(values)
        for index in np.ndindex(*values.shape):
            expressions[index] = _exact(values[index])
        self.structure = expressions
        symbols = {s for e in expressions.ravel() for s in e.free_symbols}
        self.constants: tuple[sp.Symbol, ...] = tuple(sorted(symbols, key=str))
        self._check()

    @classmethod
    def from_brackets(cls, dim: int, brackets: Mapping[tuple[int, int], Mapping[int, Any]]) -> LieAlgebra:
        r"""Return the algebra with the brackets given, all others zero; indices run from 1.

        Good values: `LieAlgebra.from_brackets(3, {(1, 2): {3: 1}})` (Heisenberg).
        """
        structure = np.full((dim,) * 3, sp.S.Zero, dtype=object)
        for (a, b), image in brackets.items():
            for k, value in image.items():
                if not all(1 <= i <= dim for i in (a, b, k)) or a == b:
                    raise ArgumentError(f"A bracket has two different indices from 1 to {dim}, but found [{a}, {b}].")
                value = _exact(value)
                structure[k - 1, a - 1, b - 1], structure[k - 1, b - 1, a - 1] = value, -value
        return cls(structure)

    @classmethod
    def from_coframe(cls, differentials: Sequence[str], constants: str = "") -> LieAlgebra:
        r"""Return the algebra of a left-invariant coframe from dω1, dω2, ...

        Args:
            differentials: for each k text of dω^k, a sum of products of two of w1, w2, ..., in which `*`, `^` or `∧`
                between forms is the wedge product.
            constants: names of parameters in them.

        Raises:
            DerivationError: text that is no sum of products of two forms.
            ArgumentError: d² is not zero.

        Good values: `["2*w2*w3", "2*w3*w1", "2*w1*w2"]` (SU(2)); `["w3^w1", "-w3^w2", "0"]` (Sol).
        """
        n = len(differentials)
        forms = [sp.Symbol(f"w{k + 1}", commutative=False) for k in range(n)]
        structure = np.full((n, n, n), sp.S.Zero, dtype=object)
        for k, text in enumerate(differentials):
            for coefficient, a, b in _products(text, forms, constants):
                structure[k, a, b] -= coefficient
                structure[k, b, a] += coefficient
        return cls(structure)

    def _check(self) -> None:
        c, n = self.structure, self.dim
        chart = Chart([sp.Symbol("point")], self.constants)
        values: Any = chart.elements(c)
        for k, a, b in np.ndindex(n, n, n):
            if not (values[k, a, b] + values[k, b, a]).is_zero():
                raise ArgumentError(
                    f"Structure constants must be antisymmetric below, but c^{k + 1}_{a + 1}{b + 1} = {c[k, a, b]} and "
                    f"c^{k + 1}_{b + 1}{a + 1} = {c[k, b, a]}."
                )
        for a in range(n):
            for b in range(a):
                for d in range(b):
                    for k in range(n):
                        pairs = [
                            (values[e, x, y], values[k, e, z])
                            for x, y, z in ((a, b, d), (b, d, a), (d, a, b))
                            for e in range(n)
                        ]
                        if not chart.field.dot(pairs).is_zero():
                            raise ArgumentError(
                                f"The Jacobi identity fails for e{d + 1}, e{b + 1}, e{a + 1} in component {k + 1}. "
                                "Check the brackets: in terms of the coframe, d² must vanish."
                            )

    def direct_sum(self, other: LieAlgebra) -> LieAlgebra:
        r"""Return the direct sum of two algebras; the basis of the other one stands behind."""
        n, m = self.dim, other.dim
        structure = np.full((n + m,) * 3, sp.S.Zero, dtype=object)
        structure[:n, :n, :n], structure[n:, n:, n:] = self.structure, other.structure
        return LieAlgebra(structure)

    def is_unimodular(self) -> bool:
        r"""Return whether every ad is without trace, \(c^k{}_{ak} = 0\)."""
        every = range(self.dim)
        return all(sp.expand(sp.Add(*(self.structure[k, a, k] for k in every))) == 0 for a in every)

    def __repr__(self) -> str:
        rows = []
        for a in range(self.dim):
            for b in range(a + 1, self.dim):
                image = [(self.structure[k, a, b], f"e{k + 1}") for k in range(self.dim)]
                terms = [_term(c, name) for c, name in image if c != 0]
                if terms:
                    rows.append(f"[e{a + 1}, e{b + 1}] = {' + '.join(terms).replace('+ -', '- ')}")
        return ", ".join(rows) or f"abelian of dimension {self.dim}"


def _term(coefficient: sp.Expr, name: str) -> str:
    if coefficient in (1, -1):
        return name if coefficient == 1 else f"-{name}"
    return f"({coefficient})*{name}" if coefficient.is_Add else f"{coefficient}*{name}"


def _exact(value: Any) -> Any:
    if not isinstance(value, str):
        return sp.sympify(value)
    names = dict.fromkeys(w for w in _identifiers(value) if w not in NUMBERS)
    return Chart("point", " ".join(names)).parse(value)


def _products(text: str, forms: Sequence[sp.Symbol], constants: str) -> list[tuple[sp.Expr, int, int]]:
    # Each term is coefficient * w_a * w_b in this order.
    names = {w.name: w for w in forms}
    source = re.sub(r"(\bw\d+)\s*[\^∧]\s*(?=w\d)", r"\1*", text)
    unknown = [w for w in re.findall(r"\bw\d+\b", source) if w not in names]
    if unknown:
        raise DerivationError(f"`{unknown[0]}` in `{text}` is no form of the coframe; it has {', '.join(names)}.")
    # Coordinates that do not commute: nothing but parsing is asked of this chart.
    reader = Chart(forms, constants)
    out = []
    for term in sp.Add.make_args(sp.expand(reader.parse(source))):
        commuting, rest = term.args_cnc()
        rest = [w for power in rest for w in [power.as_base_exp()[0]] * int(power.as_base_exp()[1])]
        if term == 0 or (len(rest) == 2 and rest[0] == rest[1]):
            continue
        if len(rest) != 2 or any(w not in forms for w in rest):
            raise DerivationError(f"The term `{term}` in `{text}` must be a product of two forms, such as 2*w2*w3.")
        out.append((sp.Mul(*commuting), forms.index(rest[0]), forms.index(rest[1])))
    return out


# --- named algebras --------------------------------------------------------------------------------------------------


def unimodular(l1: Any, l2: Any, l3: Any) -> LieAlgebra:
    r"""Return the algebra with \(d\omega^1 = \lambda_1\omega^2\wedge\omega^3\) and cyclic (Milnor, section 4)."""
    negative = [-_exact(l) for l in (l1, l2, l3)]
    return LieAlgebra.from_brackets(3, {(2, 3): {1: negative[0]}, (3, 1): {2: negative[1]}, (1, 2): {3: negative[2]}})


def su2() -> LieAlgebra:
    r"""Return su(2), λ = (2, 2, 2): the metric diag(1, 1, 1) is the unit S³."""
    return unimodular(2, 2, 2)


def nil() -> LieAlgebra:
    r"""Return the Heisenberg algebra, λ = (2, 0, 0); e1 spans the centre."""
    return unimodular(2, 0, 0)


def sol() -> LieAlgebra:
    r"""Return sol, λ = (2, 0, -2)."""
    return unimodular(2, 0, -2)


def sl2r() -> LieAlgebra:
    r"""Return sl(2, ℝ), λ = (-2, 2, 2); e1 spans so(2)."""
    return unimodular(-2, 2, 2)


def e2() -> LieAlgebra:
    r"""Return e(2), λ = (2, 2, 0): diag(A, A, C) is flat."""
    return unimodular(2, 2, 0)


def abelian(dim: int) -> LieAlgebra:
    r"""Return \(\mathbb R^n\)."""
    return LieAlgebra(np.full((dim,) * 3, sp.S.Zero, dtype=object))


# --- metrics ---------------------------------------------------------------------------------------------------------


def left_invariant(
    algebra: LieAlgebra,
    metric: Any,
    constants: str = "",
    along: str = "",
    functions: Mapping[str, str] | None = None,
    positive: str = "",
) -> Metric:
    r"""Return a left-invariant metric on a group, or a metric on ℝ^k × G invariant under G, in the invariant frame.

    Args:
        algebra: the Lie algebra, of dimension n.
        metric: names or entries of a diagonal metric (`"A B C"`, `["a^2", "b^2", "b^2"]`) or a symmetric matrix, of
            size k + n. Names that are not declared become positive constants.
        constants: names of constants.
        along: k coordinates on which the metric may depend; the frame is then (∂_along, e_1, ..., e_n).
        functions: functions of these coordinates, as in `Chart`.
        positive: names of coordinates and constants that are positive.

    Returns:
        The metric; its tensors have components in the frame, `metric.ricci()[0, 0]` is \(\mathrm{Ric}(e_1, e_1)\).

    Raises:
        MetricError: not symmetric, singular, or of the wrong size.

    Good values: `left_invariant(su2(), "A B C")`; triaxial metrics of cohomogeneity one as
    `left_invariant(su2(), "1 A B C", along="r", functions={"A": "r", "B": "r", "C": "r"})`.
    """
    entries = metric.split() if isinstance(metric, str) else metric
    entries = entries.tolist() if isinstance(entries, (sp.MatrixBase, np.ndarray)) else list(entries)
    coordinates = [*_words(along), *(f"e{a + 1}" for a in range(algebra.dim))]
    declared = [*_words(constants), *(c.name for c in algebra.constants)]
    new = _undeclared(entries, {*coordinates, *declared, *(functions or {})})
    chart = Chart(
        " ".join(coordinates),
        constants=" ".join(dict.fromkeys([*declared, *new])),
        functions=functions,
        positive=" ".join([*_words(positive), *new]),
    )
    return Metric(chart, square(chart, entries), _invariant_frame(algebra, chart))


def _invariant_frame(algebra: LieAlgebra, chart: Chart) -> Frame:
    # (∂_along, e_1, ..., e_n): the group directions are known by their brackets alone.
    zero, one, shift = chart.field.zero, chart.field.one, chart.dim - algebra.dim
    vectors = np.full((chart.dim,) * 2, zero, dtype=object)
    for a in range(shift):
        vectors[a, a] = one
    structure = np.full((chart.dim,) * 3, zero, dtype=object)
    structure[shift:, shift:, shift:] = chart.elements(algebra.structure)
    labels = [x.name for x in chart.coordinates[:shift]] + [str(a + 1) for a in range(algebra.dim)]
    return Frame(chart, vectors, structure, labels=labels)


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _undeclared(entries: Any, known: set[str]) -> list[str]:
    found: dict[str, None] = {}
    for entry in np.array(entries, dtype=object).ravel():
        if isinstance(entry, str):
            words = _identifiers(entry)
        else:
            words = [s.name for s in sp.sympify(entry).free_symbols]
        found |= {w: None for w in words if w not in known and w not in NUMBERS}
    return sorted(found)


def _identifiers(text: str) -> list[str]:
    # Names that are not called like a function.
    return re.findall(r"(?<![\w.])[^\W\d]\w*(?!\w*\s*\()", text)
