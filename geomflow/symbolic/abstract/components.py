r"""Components of abstract expressions over any commutative ring: exact series, SymPy expressions, graph nodes.

A `Frame` says what the metric, its Christoffel symbols and curvature, and the fields are in a chart, as ring
elements; `evaluate` does the rest: contraction with the inverse metric, products, sums, and

    ∇_k T_i... = ∂_k T_i... - Γ^l_ki T_l... - ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import Any, Protocol

import numpy as np
import sympy as sp

from geomflow.core.errors import DerivationError
from geomflow.symbolic.abstract.canonical import slot_images
from geomflow.symbolic.abstract.expression import (
    DIMENSION,
    METRIC,
    RICCI,
    RIEMANN,
    SCALAR,
    Expression,
    Factor,
    Head,
    Monomial,
)

#: A ring element: anything with +, - and *.
Element = Any
#: Names of the axes, and the array that has them.
_Named = tuple[tuple[str, ...], np.ndarray]


class Frame(Protocol):
    r"""The geometry and the fields of one chart as elements of one commutative ring."""

    dim: int
    zero: Element

    def constant(self, q: sp.Expr) -> Element:
        r"""Return the ring element of a rational number or of an expression in declared constants."""
        ...

    def metric(self, i: int, j: int) -> Element:
        r"""Return \(g_{ij}\)."""
        ...

    def inverse(self, i: int, j: int) -> Element:
        r"""Return \(g^{ij}\)."""
        ...

    def christoffel(self, k: int, i: int, j: int) -> Element:
        r"""Return \(\Gamma^k_{ij}\)."""
        ...

    def riemann(self, a: int, b: int, c: int, d: int) -> Element:
        r"""Return \(R_{abcd}\), all indices below."""
        ...

    def ricci(self, i: int, j: int) -> Element:
        r"""Return \(R_{ij}\)."""
        ...

    def scalar(self) -> Element:
        r"""Return R."""
        ...

    def derivative(self, value: Element, k: int) -> Element:
        r"""Return \(\partial_k\) of a ring element."""
        ...

    def field(self, name: str, *indices: int) -> Element:
        r"""Return a component of the field `name`, indices below."""
        ...

    def stage(self, label: str, value: Element) -> Element:
        r"""Give an intermediate a name; the identity where names do not matter."""
        ...

    def weight(self, name: str) -> Element:
        r"""Return \(e^{-f}\) for the scalar field f called `name`."""
        ...


def evaluate(expression: Expression, frame: Frame, order: Sequence[str] | None = None) -> np.ndarray:
    r"""Return the components of an expression, every free index lowered.

    Args:
        expression: any abstract expression.
        frame: the chart.
        order: the order of the free indices as axes; alphabetical by default.

    Returns:
        An object array of shape `(n,) * rank` of ring elements.

    Raises:
        DerivationError: if `order` does not list the free indices, or a weight is not \(e^{-mf}\).
    """
    axes = tuple(sorted(expression.free) if order is None else order)
    if sorted(axes) != sorted(expression.free):
        raise DerivationError(f"Argument `order` must list the free indices {expression.signature()}, but is {axes}.")
    evaluator = _Evaluator(frame)
    total = _array(frame.dim, len(axes), lambda index: frame.zero)
    for coefficient, factors in expression.terms:
        names, values = evaluator.monomial(factors)
        values = np.transpose(values, [names.index(name) for name in axes])
        constant = sp.sympify(coefficient).subs(DIMENSION, frame.dim)
        for index in np.ndindex(*total.shape):
            value = values[index]
            if value is not frame.zero:
                value = value if constant == 1 else frame.constant(constant) * value
                total[index] = value if total[index] is frame.zero else total[index] + value
    return total


def _array(dim: int, rank: int, entry: Callable[[tuple[int, ...]], Element]) -> np.ndarray:
    values = np.empty((dim,) * rank, dtype=object)
    for index in np.ndindex(*values.shape):
        values[index] = entry(index)
    return values


class _Evaluator:
    r"""The arrays \(\nabla \cdots \nabla T\), lowered and raised, each computed once.

    Axes: natural indices first, then derivatives, the innermost first.
    """

    def __init__(self, frame: Frame):
        self.frame = frame
        self.lowered: dict[tuple[Head, int], np.ndarray] = {}
        self.raised: dict[tuple[Head, int, frozenset[int]], np.ndarray] = {}

    def monomial(self, factors: Monomial) -> _Named:
        r"""Contract the factors of one monomial; the result carries the free names."""
        if not factors:
            return (), _array(self.frame.dim, 0, lambda index: self.frame.constant(sp.S.One))
        parts = [self.trace(part) for part in self.arrays(factors)]
        while len(parts) > 1:
            left, right = min(
                ((a, b) for i, a in enumerate(parts) for b in parts[i + 1 :]),
                # Pairs that share an index first; among them the smallest result.
                key=lambda pair: (set(pair[0][0]).isdisjoint(pair[1][0]), len(set(pair[0][0]) ^ set(pair[1][0]))),
            )
            parts = [part for part in parts if part is not left and part is not right]
            parts.append(self.contract(left, right))
        return parts[0]

    def arrays(self, factors: Monomial) -> list[_Named]:
        r"""Return each factor as an array; of two summed slots, the one in the factor of lower rank is raised."""
        names = [f.indices + f.derivatives[::-1] for f in factors]
        up: list[set[int]] = [set() for _ in factors]
        places: dict[str, list[tuple[int, int]]] = {}
        for p, axes in enumerate(names):
            for q, name in enumerate(axes):
                places.setdefault(name, []).append((p, q))
        for pair in places.values():
            if len(pair) == 2:
                p, q = min(pair, key=lambda place: len(names[place[0]]))
                up[p].add(q)
        return [(axes, self.array(f, frozenset(raise_))) for f, axes, raise_ in zip(factors, names, up)]

    def array(self, factor: Factor, up: frozenset[int]) -> np.ndarray:
        r"""Return \(\nabla\cdots\nabla T\) with the axes `up` raised."""
        key = (factor.head, len(factor.derivatives), up)
        if key not in self.raised:
            if factor.head == METRIC and up == {0, 1}:
                values = _array(self.frame.dim, 2, lambda index: self.frame.inverse(*index))
            elif up:
                values = self.raise_axis(self.array(factor, up - {max(up)}), max(up))
                values = self.stage(factor, up, values)
            else:
                values = self.covariant(factor.head, len(factor.derivatives))
            self.raised[key] = values
        return self.raised[key]

    def raise_axis(self, values: np.ndarray, axis: int) -> np.ndarray:
        def entry(index: tuple[int, ...]) -> Element:
            head, i, tail = index[:axis], index[axis], index[axis + 1 :]
            return self.dot((self.frame.inverse(i, j), values[(*head, j, *tail)]) for j in range(self.frame.dim))

        return _array(self.frame.dim, values.ndim, entry)

    def covariant(self, head: Head, derivatives: int) -> np.ndarray:
        r"""Return \(\nabla^k T\), all indices below."""
        key = (head, derivatives)
        if key not in self.lowered:
            entry = self.base(head) if derivatives == 0 else self.derived(head, derivatives)
            values = self.fill(head, derivatives, entry)
            self.lowered[key] = self.stage(Factor(head, (), ("",) * derivatives), frozenset(), values)
        return self.lowered[key]

    def base(self, head: Head) -> Callable[[tuple[int, ...]], Element]:
        frame = self.frame
        if head.kind == "weight":
            return lambda index: self.weight(head)
        if head.kind == "form":
            return lambda index: self.form(head, index)
        known = {METRIC: frame.metric, RIEMANN: frame.riemann, RICCI: frame.ricci, SCALAR: frame.scalar}
        component = known.get(head)
        if component is None:
            return lambda index: frame.field(head.name, *index)
        return lambda index: component(*index)

    def weight(self, head: Head) -> Element:
        power = -head.exponent
        if head.field is None or not (power.is_Integer and power > 0):
            raise DerivationError(f"Components of e^(kf) need k = -1, -2, ..., but found `{head.name}`.")
        factor = value = self.frame.weight(head.field.name)
        for _ in range(int(power) - 1):
            value = value * factor
        return value

    def form(self, head: Head, index: tuple[int, ...]) -> Element:
        # (dB)_{i0...ip} = Σ_k (-1)^k ∂_{ik} B_{i0...îk...ip}: no connection enters.
        frame, potential = self.frame, head.field
        assert potential is not None
        total = frame.zero
        for position, k in enumerate(index):
            value = frame.field(potential.name, *index[:position], *index[position + 1 :])
            derived = frame.zero if value is frame.zero else frame.derivative(value, k)
            if derived is not frame.zero:
                total = total - derived if position % 2 else total + derived
        return total

    def derived(self, head: Head, derivatives: int) -> Callable[[tuple[int, ...]], Element]:
        frame, below = self.frame, self.covariant(head, derivatives - 1)

        def entry(index: tuple[int, ...]) -> Element:
            *slots, k = index
            value = below[tuple(slots)]
            result = frame.zero if value is frame.zero else frame.derivative(value, k)
            for position, i in enumerate(slots):
                shifted = ((*slots[:position], l, *slots[position + 1 :]) for l in range(frame.dim))
                connection = self.dot((frame.christoffel(l, k, i), below[s]) for l, s in enumerate(shifted))
                if connection is not frame.zero:
                    result = -connection if result is frame.zero else result - connection
            return result

        return entry

    def fill(self, head: Head, derivatives: int, entry: Callable[[tuple[int, ...]], Element]) -> np.ndarray:
        r"""Compute one component of each symmetry class and copy the others."""
        hessian = head.rank == 0 and derivatives == 2
        images = slot_images("symmetric", 2, 0) if hessian else slot_images(head.symmetry, head.rank, 0)
        rank = 2 if hessian else head.rank
        done: dict[tuple[int, ...], Element] = {}

        def component(index: tuple[int, ...]) -> Element:
            own, rest = index[:rank], index[rank:]
            signed = {(tuple(own[p] for p in image), sign) for image, sign in images}
            least = min(o for o, _ in signed)
            signs = {sign for o, sign in signed if o == least}
            if len(signs) == 2:
                return self.frame.zero
            key = least + rest
            if key not in done:
                done[key] = entry(key)
            value = done[key]
            return value if signs == {1} or value is self.frame.zero else -value

        return _array(self.frame.dim, head.rank + derivatives, component)

    def stage(self, factor: Factor, up: frozenset[int], values: np.ndarray) -> np.ndarray:
        r"""Offer each component to the frame under a label such as `D2_f_up1_02`."""
        order = len(factor.derivatives)
        stem = (f"D{order}_" if order else "") + factor.head.name + "".join(f"_up{axis}" for axis in sorted(up))
        label = lambda index: stem + ("_" + "".join(map(str, index)) if index else "")  # noqa: E731
        staged: dict[int, Element] = {id(self.frame.zero): self.frame.zero}

        def entry(index: tuple[int, ...]) -> Element:
            value = values[index]
            # Components that are one and the same element share one name.
            if id(value) not in staged:
                staged[id(value)] = self.frame.stage(label(index), value)
            return staged[id(value)]

        return _array(self.frame.dim, values.ndim, entry)

    def dot(self, pairs: Iterable[tuple[Element, Element]]) -> Element:
        r"""Return the sum of products, leaving out the zero of the frame."""
        zero = total = self.frame.zero
        for a, b in pairs:
            if a is not zero and b is not zero:
                total = a * b if total is zero else total + a * b
        return total

    def trace(self, part: _Named) -> _Named:
        names, values = part
        doubled = next((name for name in names if names.count(name) == 2), None)
        if doubled is None:
            return part
        first = names.index(doubled)
        second = names.index(doubled, first + 1)
        kept = tuple(name for name in names if name != doubled)

        def entry(index: tuple[int, ...]) -> Element:
            slots = list(index)
            total = self.frame.zero
            for i in range(self.frame.dim):
                value = values[(*slots[:first], i, *slots[first : second - 1], i, *slots[second - 1 :])]
                if value is not self.frame.zero:
                    total = value if total is self.frame.zero else total + value
            return total

        return self.trace((kept, _array(self.frame.dim, len(kept), entry)))

    def contract(self, left: _Named, right: _Named) -> _Named:
        (a, x), (b, y) = left, right
        summed = tuple(name for name in a if name in b)
        kept = tuple(name for name in (*a, *b) if name not in summed)

        def entry(index: tuple[int, ...]) -> Element:
            at = dict(zip(kept, index))
            runs = (at | dict(zip(summed, run)) for run in product(range(self.frame.dim), repeat=len(summed)))
            return self.dot((x[tuple(run[s] for s in a)], y[tuple(run[s] for s in b)]) for run in runs)

        return kept, _array(self.frame.dim, len(kept), entry)
