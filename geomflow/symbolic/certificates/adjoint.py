r"""Formal adjoints: series that remember how they were made, and the Euler operator by running backwards.

For \(L(\phi)\) made of sums, products and partial derivatives the Euler operator is the adjoint of its linearisation,
applied to 1, with \(\partial_k\) integrated by parts to \(-\partial_k\):

    δ(a b) = δa b + a δb   =>   ā += w b,  b̄ += w a,
    δ(∂_k a) = ∂_k δa      =>   ā += -∂_k w,

w being what has arrived at the result. One run from L back to the fields yields every \(E = \bar\phi\) at once. No rule
of differential geometry enters: only Leibniz and \(\int \partial_k = 0\).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count

from flint import fmpq

from geomflow.symbolic.certificates.series import Series

_NUMBERS = count()
#: What reaches a parent when w has arrived at its child.
Pull = Callable[[Series], Series]


class Traced(Series):
    r"""A series and its parents, each with the adjoint of the step that was taken."""

    __slots__ = ("number", "parents")

    def __init__(self, series: Series, *parents: tuple[Series, Pull]):
        super().__init__(series.ring, series.value, series.tangent, series.order)
        self.number = next(_NUMBERS)
        self.parents = [(parent, pull) for parent, pull in parents if isinstance(parent, Traced)]

    @property
    def plain(self) -> Series:
        r"""The series without its past."""
        return Series(self.ring, self.value, self.tangent, self.order)

    def __add__(self, other: Series | fmpq | int) -> Traced:
        other = self._lift(other)
        return Traced(super().__add__(other), (self, _same), (other, _same))

    def __neg__(self) -> Traced:
        return Traced(super().__neg__(), (self, Series.__neg__))

    def __mul__(self, other: Series | fmpq | int) -> Traced:
        a, b = self.plain, other.plain if isinstance(other, Traced) else self._lift(other)
        return Traced(a * b, (self, lambda w: w * b), (self._lift(other), lambda w: w * a))

    __radd__ = __add__
    __rmul__ = __mul__

    def derivative(self, k: int) -> Traced:
        r"""Return \(\partial_k a\); its adjoint is \(-\partial_k\)."""
        return Traced(super().derivative(k), (self, lambda w: -w.derivative(k)))

    def inverse(self) -> Traced:
        r"""Return y = 1/a; \(\delta y = -y^2\,\delta a\)."""
        y = self.plain.inverse()
        return Traced(y, (self, lambda w: -w * y * y))

    def sqrt(self) -> Traced:
        r"""Return \(y = \sqrt a\); \(\delta y = \delta a/2y\)."""
        y = self.plain.sqrt()
        return Traced(y, (self, lambda w: w * y.inverse() * fmpq(1, 2)))

    def exp(self) -> Traced:
        r"""Return \(y = e^a\); \(\delta y = y\,\delta a\)."""
        y = self.plain.exp()
        return Traced(y, (self, lambda w: w * y))


def euler_derivatives(integrand: Series, fields: Iterable[Traced]) -> list[fmpq]:
    r"""Return \(E_\phi(0) = \sum_\alpha (-D)^\alpha\,\partial L/\partial(\partial_\alpha\phi)\) for each field.

    Args:
        integrand: L, made from the fields.
        fields: the series \(\phi\) without parents; known to twice the differential order of L.
    """
    arrived: dict[int, Series] = {}
    if isinstance(integrand, Traced):
        arrived[integrand.number] = integrand.ring.constant(1)
        for node in sorted(_ancestors(integrand), key=lambda node: -node.number):
            w = arrived[node.number]
            for parent, pull in node.parents:
                part = pull(w)
                arrived[parent.number] = arrived[parent.number] + part if parent.number in arrived else part
    return [
        arrived[field.number].coefficient((0,) * field.ring.dim) if field.number in arrived else fmpq(0)
        for field in fields
    ]


def _ancestors(node: Traced) -> set[Traced]:
    found, open_nodes = {node}, [node]
    while open_nodes:
        for parent, _ in open_nodes.pop().parents:
            if parent not in found:
                found.add(parent)
                open_nodes.append(parent)
    return found


def _same(w: Series) -> Series:
    return w
