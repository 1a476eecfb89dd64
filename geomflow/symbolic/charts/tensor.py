r"""Tensors on a chart: exact components, and what can be done with them.

Slots are read from left to right, each up or down. A covariant derivative adds its slot **last**:

    (∇T)_{i...k} = ∂_k T_i... - Γ^l_{ki} T_l... - ...,   and + Γ^i_{kl} T^l... for a slot that is up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp

from geomflow.core.errors import ArgumentError
from geomflow.symbolic.field import printing
from geomflow.symbolic.field.field import Element

if TYPE_CHECKING:
    from geomflow.symbolic.charts.metric import Metric


class Tensor:
    r"""A tensor field on a chart with a metric.

    Args:
        metric: the metric that raises and lowers.
        components: field elements, shape `(n,) * rank`.
        up: for each slot, whether it is contravariant; all down by default.

    `t[i, j]` is one component as a SymPy expression; `t.components[i, j]` is the exact field element.
    """

    def __init__(self, metric: Metric, components: np.ndarray, up: Sequence[bool] | None = None):
        self.metric = metric
        self.components: Any = components
        self.up = tuple(up) if up is not None else (False,) * components.ndim
        if components.shape != (metric.dim,) * len(self.up):
            raise ArgumentError(
                f"A tensor of rank {len(self.up)} in dimension {metric.dim} must have shape "
                f"{(metric.dim,) * len(self.up)}, but has {components.shape}."
            )

    @property
    def rank(self) -> int:
        r"""Number of slots."""
        return self.components.ndim

    # --- reading -------------------------------------------------------------------------------------------------

    def __getitem__(self, index: int | tuple[int, ...]) -> sp.Expr:
        index = index if isinstance(index, tuple) else (index,)
        n = self.metric.dim
        if len(index) != self.rank or not all(isinstance(i, (int, np.integer)) and -n <= i < n for i in index):
            numbers = f"{self.rank} indices from 0 to {n - 1}" if self.rank else "0 indices, t[()],"
            raise ArgumentError(f"A component of this tensor has {numbers}, but {index} was asked for.")
        return self.metric.chart.sympy(self.components[index])

    def sympy(self) -> Any:
        r"""Return the components in SymPy: an expression, a Matrix for rank 2, an Array otherwise."""
        flat = [self.metric.chart.sympy(e) for e in self.components.ravel()]
        if self.rank == 0:
            return flat[0]
        n = self.metric.dim
        return sp.Matrix(n, n, flat) if self.rank == 2 else sp.Array(flat, self.components.shape)

    def nonzero(self) -> Iterator[tuple[tuple[int, ...], Element]]:
        r"""Yield index and element of each component that does not vanish."""
        for index in np.ndindex(*self.components.shape):
            if not self.components[index].is_zero():
                yield index, self.components[index]

    def is_zero(self) -> bool:
        r"""Return whether every component vanishes identically."""
        return next(self.nonzero(), None) is None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tensor):
            return NotImplemented
        return (self - other).is_zero()

    __hash__ = None  # type: ignore[assignment]

    def latex(self, symbol: str = "T") -> str:
        r"""Return the components that do not vanish as an aligned LaTeX display."""
        return printing.components_latex(self, symbol)

    def __repr__(self) -> str:
        return printing.components_text(self)

    # --- algebra -------------------------------------------------------------------------------------------------

    def _map(self, function: Callable[[Element], Element]) -> Tensor:
        out = np.empty(self.components.shape, dtype=object)
        for index in np.ndindex(*out.shape):
            out[index] = function(self.components[index])
        return Tensor(self.metric, out, self.up)

    def __add__(self, other: Tensor) -> Tensor:
        if not isinstance(other, Tensor):
            raise ArgumentError(
                f"A tensor is added to a tensor, but found `{other}`. Use metric.function({other!r}) for a scalar."
            )
        if self.metric is not other.metric:
            raise ArgumentError(
                "Tensors of a sum must be of the same metric, but these come from two metric objects (even if their "
                "components agree). Make the metric once and take both tensors from it."
            )
        if self.up != other.up:
            raise ArgumentError(
                f"Tensors of a sum must have the same slots, but found {_slots(self)} and {_slots(other)}. "
                "Use raised() or lowered()."
            )
        return Tensor(self.metric, np.asarray(self.components + other.components, dtype=object), self.up)

    def __neg__(self) -> Tensor:
        return self._map(lambda e: -e)

    def __sub__(self, other: Tensor) -> Tensor:
        return self + (-other)

    def __mul__(self, factor: Any) -> Tensor:
        r"""Multiply by a scalar (a number, an expression or a rank-0 tensor), or form the tensor product."""
        if isinstance(factor, Tensor) and factor.rank:
            return Tensor(self.metric, np.multiply.outer(self.components, factor.components), self.up + factor.up)
        value = factor.components[()] if isinstance(factor, Tensor) else self.metric.chart.element(factor)
        return self._map(lambda e: e * value)

    def __rmul__(self, factor: Any) -> Tensor:
        return self * factor

    def __truediv__(self, factor: Any) -> Tensor:
        if isinstance(factor, Tensor) and factor.rank:
            raise ArgumentError(f"A tensor is divided by a scalar, but found one with {factor.rank} slots.")
        value = factor.components[()] if isinstance(factor, Tensor) else self.metric.chart.element(factor)
        return self * value.inverse()

    def transposed(self, *order: int) -> Tensor:
        r"""Return the tensor with its slots in another order, `order[k]` being the old place of slot k."""
        self._distinct(order)
        if len(order) != self.rank:
            raise ArgumentError(f"Give the old place of each of the {self.rank} slots, but found {order}.")
        return Tensor(self.metric, np.transpose(self.components, order), [self.up[k] for k in order])

    def _distinct(self, slots: Sequence[int]) -> None:
        # Slots of this tensor, no two the same.
        inside = all(isinstance(k, (int, np.integer)) and -self.rank <= k < self.rank for k in slots)
        if not inside or len({k % self.rank for k in slots}) < len(slots):
            last = f"numbered from 0 to {self.rank - 1}" if self.rank else "none, as it is a scalar"
            raise ArgumentError(
                f"Name different slots of the tensor; they are {last}, but found {', '.join(map(str, slots))}."
            )

    # --- positions and contraction -------------------------------------------------------------------------------

    def raised(self, *slots: int) -> Tensor:
        r"""Return the tensor with the slots given (all by default) up."""
        return self._moved(slots, True)

    def lowered(self, *slots: int) -> Tensor:
        r"""Return the tensor with the slots given (all by default) down."""
        return self._moved(slots, False)

    def _moved(self, slots: tuple[int, ...], above: bool) -> Tensor:
        self._distinct(slots)
        curvature, n = self.metric.curvature, self.metric.dim
        entry = curvature.inverse if above else curvature.metric
        values, up = self.components, list(self.up)
        for slot in slots or range(self.rank):
            if up[slot] is above:
                continue
            source = np.moveaxis(values, slot, 0)
            moved = np.empty_like(source)
            for index in np.ndindex(*source.shape[1:]):
                for i in range(n):
                    pairs = ((entry(i, j), source[(j, *index)]) for j in range(n))
                    moved[(i, *index)] = self.metric.chart.field.dot(pairs)
            values, up[slot] = np.moveaxis(moved, 0, slot), above
        return Tensor(self.metric, values, up)

    def trace(self, first: int = 0, second: int = 1) -> Tensor:
        r"""Contract two slots of one tensor, with the metric where both stand on one level."""
        self._distinct((first, second))
        tensor = self.raised(first) if self.up[first] == self.up[second] == False else self  # noqa: E712
        if tensor.up[first] == tensor.up[second]:
            tensor = tensor.lowered(first)
        values = np.moveaxis(tensor.components, (first, second), (0, 1))
        total = np.asarray(sum((values[i, i] for i in range(1, self.metric.dim)), values[0, 0]), dtype=object)
        left = [u for k, u in enumerate(tensor.up) if k not in (first % self.rank, second % self.rank)]
        return Tensor(self.metric, total, left)

    def contract(self, other: Tensor, *pairs: tuple[int, int]) -> Tensor:
        r"""Contract slots (mine, other's) of two tensors; the metric is put in where it is needed."""
        self._distinct([p for p, _ in pairs])
        other._distinct([q for _, q in pairs])
        for mine, others in pairs:
            if self.up[mine] == other.up[others]:
                other = other._moved((others,), not self.up[mine])
        mine, theirs = [p for p, _ in pairs], [q for _, q in pairs]
        left = np.moveaxis(self.components, mine, range(-len(pairs), 0))
        right = np.moveaxis(other.components, theirs, range(-len(pairs), 0))
        kept_left, kept_right = left.shape[: left.ndim - len(pairs)], right.shape[: right.ndim - len(pairs)]
        out = np.empty(kept_left + kept_right, dtype=object)
        for i in np.ndindex(*kept_left):
            for j in np.ndindex(*kept_right):
                row, column = np.asarray(left[i], dtype=object).ravel(), np.asarray(right[j], dtype=object).ravel()
                out[i + j] = self.metric.chart.field.dot(zip(row, column))
        up = [u for k, u in enumerate(self.up) if k not in mine] + [
            u for k, u in enumerate(other.up) if k not in theirs
        ]
        return Tensor(self.metric, out, up)

    def norm_squared(self) -> Tensor:
        r"""Return \(|T|^2 = T_{i\ldots}T^{i\ldots}\)."""
        return self.contract(self, *((k, k) for k in range(self.rank)))

    # --- derivatives ---------------------------------------------------------------------------------------------

    def nabla(self) -> Tensor:
        r"""Return \(\nabla T\), the new slot last and down."""
        n, field, curvature = self.metric.dim, self.metric.chart.field, self.metric.curvature
        christoffel = curvature.christoffel
        out = np.empty((*self.components.shape, n), dtype=object)
        for index in np.ndindex(*self.components.shape):
            for k in range(n):
                pairs = []
                for slot, i in enumerate(index):
                    for l in range(n):
                        moved = self.components[(*index[:slot], l, *index[slot + 1 :])]
                        if not moved.is_zero():
                            pairs.append(
                                (christoffel(i, k, l), moved) if self.up[slot] else (-christoffel(l, k, i), moved)
                            )
                out[(*index, k)] = curvature.derivative(self.components[index], k) + field.dot(pairs)
        return Tensor(self.metric, out, (*self.up, False))

    def divergence(self, slot: int = 0) -> Tensor:
        r"""Return \(\nabla^i T_{\ldots i\ldots}\), contracted in the slot given."""
        self._distinct([slot])
        return self.nabla().trace(slot, self.rank)

    def laplacian(self) -> Tensor:
        r"""Return the rough Laplacian \(\Delta T = \nabla^k\nabla_k T\)."""
        return self.nabla().nabla().trace(self.rank, self.rank + 1)

    def lie(self, vector: Tensor) -> Tensor:
        r"""Return the Lie derivative \(\mathcal L_X T\); no metric enters.

        Raises:
            ArgumentError: `vector` is not a vector with its index up.
        """
        if vector.up != (True,):
            raise ArgumentError("A Lie derivative is along a vector: a tensor with one slot, up. Use raised().")
        n, field, x = self.metric.dim, self.metric.chart.field, vector.components
        derivative, frame = self.metric.curvature.derivative, self.metric.frame
        dx = [[derivative(x[i], k) for k in range(n)] for i in range(n)]
        if frame is not None:
            # [X, e_k] = (X^l c^i_lk - e_k(X^i)) e_i
            for i, k in np.ndindex(n, n):
                dx[i][k] = dx[i][k] - field.dot((x[l], frame.structure(i, l, k)) for l in range(n))
        out = np.empty_like(self.components)
        for index in np.ndindex(*self.components.shape):
            pairs = [(x[k], derivative(self.components[index], k)) for k in range(n)]
            for slot, i in enumerate(index):
                for l in range(n):
                    moved = self.components[(*index[:slot], l, *index[slot + 1 :])]
                    pairs.append((-dx[i][l], moved) if self.up[slot] else (dx[l][i], moved))
            out[index] = field.dot(pairs)
        return Tensor(self.metric, out, self.up)


def _slots(tensor: Tensor) -> str:
    return "".join("^" if u else "_" for u in tensor.up) or "a scalar"
