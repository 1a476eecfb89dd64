r"""The numeric tensors of a Kähler metric g = g⁰ + ∂∂̄φ on a complex torus, derived from its potential and generated.

Derivatives of φ by z and z̄ are the arguments of the functions. The Hermitian tensors of type (1, 1) are packed as real
fields: the diagonal, then Re and Im of each entry above it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import combinations, combinations_with_replacement, product
from typing import Any

import jax
import sympy as sp

from geomflow.codegen.program import Argument, Program
from geomflow.symbolic.kaehler.calabi import coordinates
from geomflow.symbolic.kaehler.complex_chart import ComplexChart
from geomflow.symbolic.kaehler.metric import Kaehler

#: Indices z and indices z̄ of a derivative, each sorted.
Index = tuple[tuple[int, ...], tuple[int, ...]]


def hermitian_indices(n: int) -> list[tuple[int, int]]:
    r"""Return the entries i <= j of a Hermitian matrix in the order in which they are packed."""
    return [(i, i) for i in range(n)] + list(combinations(range(n), 2))


def jet_indices(n: int) -> list[Index]:
    r"""Return the derivatives of φ that the curvature needs: one or two indices of either kind."""
    slots = [*combinations_with_replacement(range(n), 1), *combinations_with_replacement(range(n), 2)]
    return list(product(slots, repeat=2))


def _packed(name: str, n: int) -> tuple[Argument, sp.Matrix]:
    # the argument of n² real symbols, and the Hermitian matrix of them
    matrix, symbols = sp.zeros(n, n), []
    for i, j in hermitian_indices(n):
        label = f"{name}_{i + 1}{j + 1}"
        if i == j:
            symbols.append(sp.Symbol(label, real=True))
            matrix[i, i] = symbols[-1]
        else:
            real, imaginary = (sp.Symbol(f"{label}_{part}", real=True) for part in ("re", "im"))
            symbols += [real, imaginary]
            matrix[i, j], matrix[j, i] = real + sp.I * imaginary, real - sp.I * imaginary
    return Argument(name, tuple(symbols)), matrix


@cache
def _metric(n: int) -> tuple[Kaehler, sp.Expr, sp.Expr]:
    # the metric of an unknown potential, K, and an unknown function f
    z = coordinates(n).split()
    every = " ".join([*z, *(name.replace("z", "zb") for name in z)])
    chart = ComplexChart(" ".join(z), functions={"K": every, "f": every})
    return Kaehler(chart, "K"), chart.functions["K"], chart.functions["f"]


def _jets(metric: Kaehler, function: sp.Expr, indices: Sequence[Index]) -> dict[Index, sp.Expr]:
    # a derivative by its indices
    z, zb = metric.chart.holomorphic, metric.chart.antiholomorphic
    return {(a, b): sp.diff(function, *(z[i] for i in a), *(zb[j] for j in b)) for a, b in indices}


def _in_matrices(metric: Kaehler, values: Sequence[tuple[sp.Expr, sp.Matrix]]) -> dict[Any, Any]:
    # ∂_i ∂_j̄ of each function -> entry i, j of its matrix
    every: list[Index] = [((i,), (j,)) for i in range(metric.n) for j in range(metric.n)]
    return {
        jet: matrix[a[0], b[0]] for function, matrix in values for (a, b), jet in _jets(metric, function, every).items()
    }


@cache
def programs(n: int) -> dict[str, Program]:
    r"""Return the programs of complex dimension n.

    `minors`: leading minors of g, the last one det g. `laplacian`: Δf of the real metric from ∂∂̄f. Both take Hermitian
    fields, shape (n², *batch). `riemann_squared`: |Rm|² from the derivatives of φ, g⁰ added to the first ones: complex.
    """
    metric, potential, function = _metric(n)
    g, matrix = _packed("g", n)
    f, hessian = _packed("f", n)
    packed = _in_matrices(metric, [(potential, matrix), (function, hessian)])
    entries = metric.g().sympy()
    minors = [sp.expand(entries[: k + 1, : k + 1].det().xreplace(packed)) for k in range(n)]
    laplacian = sp.cancel(sp.expand_complex(metric.laplacian(function).sympy().xreplace(packed)))
    named = {index: _name(index) for index in jet_indices(n)}
    symbols = {jet: named[index] for index, jet in _jets(metric, potential, jet_indices(n)).items()}
    squared, stages = _riemann_squared(metric, symbols)
    listed = [
        Program("minors", [g], minors, doc="Leading minors of g; the last one is det g."),
        Program("laplacian", [g, f], [sp.factor(laplacian)], doc="Δf = 2 g^{ij̄} ∂_i ∂_j̄ f."),
        Program(
            "riemann_squared", [Argument("jets", tuple(named.values()))], [squared], stages, "|Rm|².", derivatives=False
        ),
    ]
    return {p.name: p for p in listed}


def _name(index: Index) -> sp.Symbol:
    a, b = ("".join(str(i + 1) for i in part) for part in index)
    return sp.Symbol(f"k_{a}_{b}")


def _riemann_squared(metric: Kaehler, symbols: dict[Any, Any]) -> tuple[sp.Expr, dict[sp.Symbol, sp.Expr]]:
    # |Rm|² = 4 R_ij̄kl̄ R^{ij̄kl̄}: the inverse metric is applied to one slot of R after the other
    n, stages = metric.n, {}
    inverse, riemann = metric.inverse(), metric.riemann()

    def stage(name: str, index: tuple[int, ...], value: Any) -> sp.Symbol:
        symbol = sp.Symbol(f"{name}_{''.join(str(i + 1) for i in index)}")
        stages[symbol] = value
        return symbol

    up = {index: stage("up", index, inverse[index].xreplace(symbols)) for index in product(range(n), repeat=2)}
    down = {index: stage("r", index, riemann[index].xreplace(symbols)) for index in product(range(n), repeat=4)}
    raised = down
    for slot in range(4):
        # g^{i j̄}: a slot of type z becomes one of type z̄, and the other way round
        raised = {
            index: stage(
                f"raised{slot}",
                index,
                sum(
                    up[(p, index[slot]) if slot % 2 == 0 else (index[slot], p)]
                    * raised[(*index[:slot], p, *index[slot + 1 :])]
                    for p in range(n)
                ),
            )
            for index in product(range(n), repeat=4)
        }
    # R^{j̄ i l̄ k} against R_{j ī l k̄}
    total: Any = sum(raised[i, j, k, l] * down[j, i, l, k] for i, j, k, l in product(range(n), repeat=4))
    return 4 * total, stages


@cache
def generated(name: str, n: int) -> Callable[..., jax.Array]:
    r"""Return one compiled program of `programs`, under `jax.jit`."""
    return jax.jit(programs(n)[name].compile())
