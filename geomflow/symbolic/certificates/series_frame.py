r"""A chart whose metric and fields are random rational polynomials, with curvature straight from its definition.

Nothing here knows a rule of variation: Γ comes from ∂g, Riem from ∂Γ and ΓΓ as in the conventions of the library,
all as exact truncated series. The certificate rests on that independence.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import product

import sympy as sp
from flint import fmpq

from geomflow.core.errors import DerivationError
from geomflow.symbolic.abstract.canonical import slot_images
from geomflow.symbolic.abstract.expression import DIMENSION, METRIC, Head
from geomflow.symbolic.certificates.series import Exponents, Series, SeriesRing, multi_indices, rational

#: An independent component: the name of its field, and its indices.
Component = tuple[str, tuple[int, ...]]
Polynomial = dict[Exponents, fmpq]
#: How far each independent component moves.
Direction = dict[Component, fmpq]


@dataclass(frozen=True)
class Jets:
    r"""A metric and fields as rational Taylor polynomials at one point.

    Args:
        dim: the dimension n.
        heads: the metric first, then the fields.
        polynomials: the independent components.
        constants: a rational value for each declared constant.
    """

    dim: int
    heads: tuple[Head, ...]
    polynomials: Mapping[Component, Polynomial]
    constants: Mapping[sp.Symbol, sp.Expr]

    def independent(self, order: int) -> dict[Component, Series]:
        r"""Return the independent components as series to Taylor order `order`."""
        ring = SeriesRing(self.dim, order)
        return {component: ring.element(polynomial) for component, polynomial in self.polynomials.items()}

    def frame(self, order: int, independent: Mapping[Component, Series] | None = None) -> SeriesFrame:
        r"""Return the chart to Taylor order `order`, from these independent components or from the jets themselves."""
        independent = self.independent(order) if independent is None else independent
        ring = independent["g", (0, 0)].ring
        components: dict[Component, Series] = {}
        for head in self.heads:
            for index in product(range(self.dim), repeat=head.rank):
                least, sign = representative(head, index)
                value = independent[head.name, least] if sign else ring.constant(0)
                components[head.name, index] = value if sign >= 0 else -value
        return SeriesFrame(ring, components, self.constants)

    def multiplicity(self, component: Component) -> int:
        r"""Return how many components equal this independent one up to sign."""
        name, index = component
        head = next(h for h in self.heads if h.name == name)
        return len({tuple(index[p] for p in image) for image, _ in slot_images(head.symmetry, head.rank, 0)})

    def strings(self) -> dict[str, str]:
        r"""Return the polynomials and constants as text."""
        x = sp.symbols(f"x1:{self.dim + 1}")
        texts = {}
        for (name, index), polynomial in self.polynomials.items():
            label = name + ("_" + "".join(str(i + 1) for i in index) if index else "")
            monomials = (
                sp.Rational(int(c.p), int(c.q)) * sp.prod([v**a for v, a in zip(x, alpha)])
                for alpha, c in polynomial.items()
            )
            texts[label] = str(sp.Add(*monomials))
        return texts | {str(symbol): str(value) for symbol, value in self.constants.items()}


def representative(head: Head, index: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
    r"""Return the least component that equals this one up to sign, and the sign (0 if it vanishes by symmetry)."""
    images = {(tuple(index[p] for p in image), sign) for image, sign in slot_images(head.symmetry, head.rank, 0)}
    least = min(i for i, _ in images)
    signs = {sign for i, sign in images if i == least}
    return least, signs.pop() if len(signs) == 1 else 0


def random_jets(
    dim: int, order: int, fields: Iterable[Head], constants: Iterable[sp.Symbol], seed: int, size: int = 9
) -> Jets:
    r"""Return random rational jets with g(0) positive definite.

    Args:
        dim: the dimension n.
        order: degree of the polynomials.
        fields: heads of the fields.
        constants: symbols that need a value; each gets a positive rational.
        seed: seed of the generator.
        size: numerators are drawn from -size..size, denominators from 1, 2, 4.

    Good values: size 9; by Schwartz-Zippel a false identity survives the more rarely the larger it is.
    """
    generator = random.Random(seed)
    draw = lambda: fmpq(generator.randint(-size, size), generator.choice((1, 2, 4)))  # noqa: E731
    heads = (METRIC, *fields)
    alphas = multi_indices(dim, order)
    polynomials: dict[Component, Polynomial] = {}
    for head in heads:
        for index in product(range(dim), repeat=head.rank):
            if representative(head, index) == (index, 1):
                polynomials[head.name, index] = {alpha: draw() for alpha in alphas}
    # g(0) = A Aᵀ with A unitriangular is positive definite and its inverse is integral, which keeps the numbers short.
    # Nothing is lost: linear changes of coordinates take every metric at a point to this form.
    lower = [[generator.randint(-2, 2) if j < i else int(i == j) for j in range(dim)] for i in range(dim)]
    for i in range(dim):
        for j in range(i, dim):
            polynomials["g", (i, j)][alphas[0]] = fmpq(sum(a * b for a, b in zip(lower[i], lower[j])))
    values = {symbol: sp.Rational(generator.randint(1, size), generator.randint(1, 5)) for symbol in constants}
    return Jets(dim, heads, polynomials, values)


class SeriesFrame:
    r"""A `Frame` over truncated power series: the geometry of `components` from its definitions.

    Args:
        ring: the ring of series.
        components: all components of the metric "g" and of the fields.
        constants: values of declared constants.
    """

    def __init__(
        self, ring: SeriesRing, components: Mapping[Component, Series], constants: Mapping[sp.Symbol, sp.Expr]
    ):
        self.ring, self.dim, self.constants = ring, ring.dim, constants
        self.zero = ring.constant(0)
        self._components = components
        self._known: dict[tuple, Series] = {}

    def _once(self, key: tuple, compute: Callable[[], Series]) -> Series:
        if key not in self._known:
            self._known[key] = compute()
        return self._known[key]

    def constant(self, q: sp.Expr) -> Series:
        r"""Return a rational, or an expression in the declared constants at their values."""
        return self.ring.constant(rational(sp.sympify(q).subs({DIMENSION: self.dim, **self.constants})))

    def field(self, name: str, *indices: int) -> Series:
        r"""Return a component of a field."""
        if (name, indices) not in self._components:
            raise DerivationError(f"The chart has no component {indices} of a field `{name}`.")
        return self._components[name, indices]

    def metric(self, i: int, j: int) -> Series:
        r"""Return \(g_{ij}\)."""
        return self._components["g", (i, j)]

    def determinant(self) -> Series:
        r"""Return det g."""
        every = tuple(range(self.dim))
        return self._minor(every, every)

    def _minor(self, rows: tuple[int, ...], columns: tuple[int, ...]) -> Series:
        def expand() -> Series:
            if not rows:
                return self.ring.constant(1)
            total = self.zero
            for position, column in enumerate(columns):
                rest = columns[:position] + columns[position + 1 :]
                total = total + self.metric(rows[0], column) * self._minor(rows[1:], rest) * (-1) ** position
            return total

        return self._once(("minor", rows, columns), expand)

    def inverse(self, i: int, j: int) -> Series:
        r"""Return \(g^{ij}\), the adjugate over the determinant."""
        if i > j:
            return self.inverse(j, i)
        every = range(self.dim)
        minor = lambda: self._minor(  # noqa: E731
            tuple(k for k in every if k != i), tuple(k for k in every if k != j)
        )
        reciprocal = self._once(("1/det",), lambda: self.determinant().inverse())
        return self._once(("inverse", i, j), lambda: minor() * reciprocal * (-1) ** (i + j))

    def _metric_derivative(self, i: int, j: int, k: int) -> Series:
        i, j = min(i, j), max(i, j)
        return self._once(("dg", i, j, k), lambda: self.metric(i, j).derivative(k))

    def christoffel(self, k: int, i: int, j: int) -> Series:
        r"""Return \(\Gamma^k_{ij} = \tfrac12 g^{kl}(\partial_i g_{jl} + \partial_j g_{il} - \partial_l g_{ij})\)."""
        if i > j:
            return self.christoffel(k, j, i)
        d = self._metric_derivative

        def first_kind(l: int) -> Series:
            return self._once(("Γ_", l, i, j), lambda: (d(j, l, i) + d(i, l, j) - d(i, j, l)) * fmpq(1, 2))

        return self._once(
            ("Γ", k, i, j), lambda: self._sum(self.inverse(k, l) * first_kind(l) for l in range(self.dim))
        )

    def _christoffel_derivative(self, k: int, i: int, j: int, l: int) -> Series:
        i, j = min(i, j), max(i, j)
        return self._once(("dΓ", k, i, j, l), lambda: self.christoffel(k, i, j).derivative(l))

    def _mixed_riemann(self, a: int, b: int, c: int, d: int) -> Series:
        # R^a_{bcd} = ∂_c Γ^a_db - ∂_d Γ^a_cb + Γ^a_ce Γ^e_db - Γ^a_de Γ^e_cb
        if c == d:
            return self.zero
        if c > d:
            return -self._mixed_riemann(a, b, d, c)
        gamma, derived = self.christoffel, self._christoffel_derivative

        def compute() -> Series:
            quadratic = self._sum(
                gamma(a, c, e) * gamma(e, d, b) - gamma(a, d, e) * gamma(e, c, b) for e in range(self.dim)
            )
            return derived(a, d, b, c) - derived(a, c, b, d) + quadratic

        return self._once(("Riem^", a, b, c, d), compute)

    def riemann(self, a: int, b: int, c: int, d: int) -> Series:
        r"""Return \(R_{abcd} = g_{ae}R^e{}_{bcd}\)."""
        terms = (self.metric(a, e) * self._mixed_riemann(e, b, c, d) for e in range(self.dim))
        return self._once(("Riem", a, b, c, d), lambda: self._sum(terms))

    def ricci(self, i: int, j: int) -> Series:
        r"""Return \(R_{ij} = R^a{}_{iaj}\)."""
        i, j = min(i, j), max(i, j)
        terms = (self._mixed_riemann(a, i, a, j) for a in range(self.dim))
        return self._once(("Ric", i, j), lambda: self._sum(terms))

    def scalar(self) -> Series:
        r"""Return \(R = g^{ij}R_{ij}\)."""
        terms = (self.inverse(i, j) * self.ricci(i, j) for i in range(self.dim) for j in range(self.dim))
        return self._once(("R",), lambda: self._sum(terms))

    def derivative(self, value: Series, k: int) -> Series:
        r"""Return \(\partial_k\) of a series."""
        return value.derivative(k)

    def stage(self, label: str, value: Series) -> Series:
        r"""Return the value itself: series need no names."""
        return value

    def weight(self, name: str) -> Series:
        r"""Return \(e^{-(f - f(0))}\): the constant \(e^{-f(0)}\) is divided out, so that all stays rational."""
        field = self.field(name)
        return self._once(("weight", name), lambda: (field.constant_term() - field).exp())

    def volume(self) -> Series:
        r"""Return \(\sqrt{\det g / \det g(0)}\), rational for the same reason."""
        determinant = self.determinant()
        return self._once(("volume",), lambda: (determinant * (1 / determinant.constant_term())).sqrt())

    def _sum(self, terms: Iterable[Series]) -> Series:
        total = self.zero
        for value in terms:
            total = total + value
        return total
