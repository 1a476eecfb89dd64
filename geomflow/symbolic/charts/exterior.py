r"""Differential forms: antisymmetric tensors with all slots down.

Components are those of the tensor, ω = 1/p! ω_{i1...ip} dx^{i1}∧...∧dx^{ip}, in coordinates or in a frame:

    (dω)_{i0...ip} = Σ_k (-1)^k e_{ik}(ω_{...îk...}) + Σ_{k<l} (-1)^{k+l} ω([e_ik, e_il], ...îk...îl...)
    (α∧β)_{i1...} = 1/(p! q!) Σ_σ sgn σ α_{σ(i1)...} β_{...}
    (⋆ω)_{j...} = 1/p! ω^{i1...ip} ε_{i1...ip j...},   ε_{12...n} = √|det g|
    (δω)_{i2...} = -∇^{i1} ω_{i1 i2...}

so that ⋆⋆ = (-1)^{p(n-p)} sgn(det g), δ = (-1)^{n(p+1)+1} sgn(det g) ⋆d⋆ and α∧⋆β = <α, β> dV.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, permutations
from math import factorial

import numpy as np
from sympy.combinatorics.permutations import Permutation

from geomflow.core.errors import ArgumentError
from geomflow.symbolic.charts.metric import Metric
from geomflow.symbolic.charts.tensor import Tensor
from geomflow.symbolic.field.field import Element


def is_form(tensor: Tensor) -> bool:
    r"""Return whether every slot is down and the tensor is antisymmetric."""
    if any(tensor.up):
        return False
    swaps = (tensor.transposed(*_swapped(tensor.rank, k)) for k in range(tensor.rank - 1))
    return all((tensor + swapped).is_zero() for swapped in swaps)


def exterior_derivative(form: Tensor) -> Tensor:
    r"""Return \(d\omega\) of a form, or \(df\) of a function.

    Raises:
        ArgumentError: not a form.

    Good values: `exterior_derivative(metric.tensor(["0", "x"]))` is dx∧dy.
    """
    _require(form)
    metric, p = form.metric, form.rank
    derivative, frame, w, n = metric.curvature.derivative, metric.frame, form.components, metric.dim

    def entry(index: tuple[int, ...]) -> Element:
        total = metric.chart.field.zero
        for k, i in enumerate(index):
            slope = derivative(w[index[:k] + index[k + 1 :]], i)
            total = total - slope if k % 2 else total + slope
        if frame is not None and p:
            for k, l in combinations(range(p + 1), 2):
                rest = tuple(i for place, i in enumerate(index) if place not in (k, l))
                pairs = ((frame.structure(m, index[k], index[l]), w[(m, *rest)]) for m in range(n))
                bracket = metric.chart.field.dot(pairs)
                total = total - bracket if (k + l) % 2 else total + bracket
        return total

    return _antisymmetric(metric, p + 1, entry)


def wedge(left: Tensor, right: Tensor) -> Tensor:
    r"""Return \(\alpha\wedge\beta\) of two forms of one metric.

    Raises:
        ArgumentError: not forms, or of different metrics.
    """
    _require(left)
    _require(right)
    if left.metric is not right.metric:
        raise ArgumentError("The forms of a wedge product must belong to one metric.")
    p, q, a, b = left.rank, right.rank, left.components, right.components

    def entry(index: tuple[int, ...]) -> Element:
        pairs = []
        for chosen in combinations(range(p + q), p):
            order = (*chosen, *(k for k in range(p + q) if k not in chosen))
            first = a[tuple(index[k] for k in order[:p])]
            pairs.append((first if _sign(order) > 0 else -first, b[tuple(index[k] for k in order[p:])]))
        return left.metric.chart.field.dot(pairs)

    return _antisymmetric(left.metric, p + q, entry)


def volume_form(metric: Metric) -> Tensor:
    r"""Return \(\varepsilon\), the volume form \(\sqrt{|\det g|}\,dx^1\wedge\cdots\wedge dx^n\)."""
    value = metric.volume_element()
    return _antisymmetric(metric, metric.dim, lambda index: value)


def hodge(form: Tensor) -> Tensor:
    r"""Return \(\star\omega\), of rank n - p.

    Raises:
        ArgumentError: not a form.

    Good values: in the plane ⋆dx = dy, ⋆dy = -dx.
    """
    _require(form)
    metric, p, n = form.metric, form.rank, form.metric.dim
    raised, volume = form.raised().components, metric.volume_element()

    def entry(index: tuple[int, ...]) -> Element:
        # Only the complement of the indices contributes, p! times.
        rest = tuple(i for i in range(n) if i not in index)
        value = raised[rest] * volume
        return value if _sign((*rest, *index)) > 0 else -value

    return _antisymmetric(metric, n - p, entry)


def codifferential(form: Tensor) -> Tensor:
    r"""Return \((\delta\omega)_{i_2\ldots} = -\nabla^{i_1}\omega_{i_1i_2\ldots}\), the adjoint of d.

    Raises:
        ArgumentError: not a form, or a function.
    """
    _require(form)
    if form.rank == 0:
        raise ArgumentError("The codifferential of a function is zero; give a form of rank 1 or more.")
    return -form.divergence(0)


def hodge_laplacian(form: Tensor) -> Tensor:
    r"""Return \((d\delta + \delta d)\omega\), non-negative on a compact Riemannian manifold."""
    second = codifferential(exterior_derivative(form))
    return second if form.rank == 0 else exterior_derivative(codifferential(form)) + second


def interior(vector: Tensor, form: Tensor) -> Tensor:
    r"""Return \(\iota_X\omega = X^i\omega_{i\ldots}\).

    Raises:
        ArgumentError: no vector or no form.
    """
    _require(form)
    if vector.rank != 1 or form.rank == 0:
        raise ArgumentError("An interior product is of a vector and a form of rank 1 or more.")
    return vector.raised().contract(form, (0, 0))


def antisymmetrised(tensor: Tensor) -> Tensor:
    r"""Return \(\frac{1}{p!}\sum_\sigma \mathrm{sgn}\,\sigma\; T_{\sigma(i_1\ldots i_p)}\), slots lowered."""
    values, field = tensor.lowered().components, tensor.metric.chart.field
    weight = field.constant(factorial(tensor.rank)).inverse()

    def entry(index: tuple[int, ...]) -> Element:
        orders = permutations(range(tensor.rank))
        return field.dot((weight * _sign(order), values[tuple(index[k] for k in order)]) for order in orders)

    return _antisymmetric(tensor.metric, tensor.rank, entry)


def _antisymmetric(metric: Metric, rank: int, entry: Callable[[tuple[int, ...]], Element]) -> Tensor:
    # One component for each increasing set of indices.
    values = np.full((metric.dim,) * rank, metric.chart.field.zero, dtype=object)
    for index in combinations(range(metric.dim), rank):
        value = entry(index)
        if not value.is_zero():
            for order in permutations(range(rank)):
                values[tuple(index[k] for k in order)] = value if _sign(order) > 0 else -value
    return Tensor(metric, values)


def _sign(order: tuple[int, ...]) -> int:
    return Permutation(list(order)).signature() if len(order) > 1 else 1


def _swapped(rank: int, k: int) -> list[int]:
    order = list(range(rank))
    order[k], order[k + 1] = k + 1, k
    return order


def _require(form: Tensor) -> None:
    if not is_form(form):
        raise ArgumentError(
            "A differential form is an antisymmetric tensor with every slot down. Use lowered() and antisymmetrised()."
        )
