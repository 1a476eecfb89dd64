r"""Abstract-index tensor expressions: sums of monomials in g, Riem, Ric, R, fields, their variations and \(\nabla\).

A monomial is a coefficient times factors; a factor is a head with its natural indices and a list of
covariant-derivative indices. Since \(\nabla g = 0\), a repeated index is summed with the metric wherever it
stands, so only *free* indices carry a position: ``ricci("i", "j")`` is \(R_{ij}\), ``ricci("^i", "^j")`` is
\(R^{ij}\). The volume element dV is implicit; a weight \(e^{kf}\) is a factor with
\(\nabla_a e^{kf} = k\,e^{kf}\nabla_a f\).

Limits: one metric, its Levi-Civita connection, no torsion, no boundary.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field

import sympy as sp

from geomflow.core.errors import DerivationError
from geomflow.symbolic.abstract import notation

#: The dimension of the manifold, g^{ij} g_{ij}.
DIMENSION = sp.Symbol("n", integer=True, positive=True)

SYMMETRIES = ("none", "symmetric", "antisymmetric", "riemann")


@dataclass(frozen=True)
class Head:
    r"""What a factor is made of: a name, a rank and the symmetry of its natural indices.

    Args:
        name: how it is typed and printed as text.
        rank: number of natural indices (all lower).
        symmetry: one of `SYMMETRIES`.
        kind: "metric", "variation", "curvature", "field", "form" or "weight".
        latex: LaTeX symbol; the name by default, and no part of the identity of the head.
        field: the field this head varies, is the exterior derivative of, or has in its exponent.
        exponent: k of a weight \(e^{kf}\).
    """

    name: str
    rank: int = 0
    symmetry: str = "none"
    kind: str = "field"
    latex: str = dataclass_field(default="", compare=False)
    field: Head | None = None
    exponent: sp.Expr = sp.S.Zero


METRIC = Head("g", 2, "symmetric", "metric")
RIEMANN = Head("Riem", 4, "riemann", "curvature", "R")
RICCI = Head("Ric", 2, "symmetric", "curvature", "R")
SCALAR = Head("R", 0, "none", "curvature")


@dataclass(frozen=True)
class Factor:
    r"""\(\nabla_{d_1} \cdots \nabla_{d_k} T_{i_1 \ldots i_r}\); `derivatives` are written outermost first."""

    head: Head
    indices: tuple[str, ...] = ()
    derivatives: tuple[str, ...] = ()

    @property
    def slots(self) -> tuple[str, ...]:
        r"""All index names as they are read: derivatives first, then natural indices."""
        return self.derivatives + self.indices

    def with_slots(self, slots: Iterable[str]) -> Factor:
        r"""Return the same factor with other index names in its slots."""
        names, k = tuple(slots), len(self.derivatives)
        return Factor(self.head, names[k:], names[:k])

    def rename(self, names: Mapping[str, str]) -> Factor:
        r"""Return the factor with the index names replaced where `names` has them."""
        return self.with_slots(names.get(s, s) for s in self.slots)


Monomial = tuple[Factor, ...]
Term = tuple[sp.Expr, Monomial]


@dataclass(frozen=True)
class Expression:
    r"""A sum of monomials with the same free indices; `up` holds the free indices that stand above.

    Supports `+`, `-`, `*`, division by a constant and integer powers of scalars. Summed indices have names
    that begin with an underscore and are never seen by the user. Equality with `==` is literal; use
    `geomflow.symbolic.abstract.canonical.equal` for equality of tensors.
    """

    terms: tuple[Term, ...] = ()
    free: frozenset[str] = frozenset()
    up: frozenset[str] = frozenset()

    def __add__(self, other: Expression | sp.Expr | int) -> Expression:
        other = as_expression(other)
        if not self.terms:
            return other
        if not other.terms:
            return self
        if (self.free, self.up) != (other.free, other.up):
            raise DerivationError(
                f"Terms of a sum must have the same free indices, but found {self.signature()} and "
                f"{other.signature()} in `{self}` + `{other}`."
            )
        return replace(self, terms=self.terms + other.terms)

    def __neg__(self) -> Expression:
        return -1 * self

    def __sub__(self, other: Expression | sp.Expr | int) -> Expression:
        return self + (-as_expression(other))

    def __mul__(self, other: Expression | sp.Expr | int) -> Expression:
        other = as_expression(other)
        shared = self.free & other.free
        products = [
            term(c * d, _apart(left, "l") + _apart(right, "r")) for c, left in self.terms for d, right in other.terms
        ]
        return Expression(tuple(products), (self.free | other.free) - shared, (self.up | other.up) - shared)

    def __radd__(self, other: sp.Expr | int) -> Expression:
        return as_expression(other) + self

    def __rsub__(self, other: sp.Expr | int) -> Expression:
        return as_expression(other) - self

    def __rmul__(self, other: sp.Expr | int) -> Expression:
        return as_expression(other) * self

    def __truediv__(self, other: sp.Expr | int) -> Expression:
        return self * (sp.S.One / sp.sympify(other))

    def __pow__(self, exponent: int) -> Expression:
        if self.free or exponent < 0:
            raise DerivationError(
                f"Only a scalar has a power, with an exponent >= 0, but found `{self}` to the {exponent}."
            )
        power = as_expression(1)
        for _ in range(exponent):
            power = power * self
        return power

    def signature(self) -> str:
        r"""Return the free indices with their positions, as text: `{^i, j}`."""
        return "{" + ", ".join(("^" if name in self.up else "") + name for name in sorted(self.free)) + "}"

    def rename(self, **names: str) -> Expression:
        r"""Rename free indices: `e.rename(i="k")`. Two that become equal are contracted."""
        terms = tuple(term(c, tuple(f.rename(names) for f in fs)) for c, fs in self.terms)
        counts = Counter(_name(names.get(name, name)) for name in self.free)
        free = frozenset(name for name, count in counts.items() if count == 1)
        return Expression(terms, free, frozenset(names.get(name, name) for name in self.up) & free)

    def raised(self, *indices: str) -> Expression:
        r"""Raise the free indices named, or all of them."""
        return replace(self, up=self.up | (frozenset(indices) or self.free))

    def lowered(self, *indices: str) -> Expression:
        r"""Lower the free indices named, or all of them."""
        return replace(self, up=self.up - (frozenset(indices) or self.free))

    def __str__(self) -> str:
        return notation.text(self)

    def latex(self) -> str:
        r"""Return LaTeX, without dollar signs."""
        return notation.latex(self)

    def _repr_latex_(self) -> str:
        return f"${self.latex()}$"


def term(coefficient: sp.Expr, factors: Monomial) -> Term:
    r"""Return a well-formed term: an index that occurs twice becomes a private summation index.

    Raises:
        DerivationError: if an index occurs three times or more.
    """
    counts = Counter(s for f in factors for s in f.slots)
    tripled = sorted(name for name, count in counts.items() if count > 2)
    if tripled:
        raise DerivationError(f"An index may occur at most twice in a product, but `{tripled[0]}` occurs more often.")
    fresh = (f"_{k}" for k in itertools.count())
    names = {name: next(fresh) for name, count in counts.items() if count == 2}
    return coefficient, tuple(f.rename(names) for f in factors)


def _apart(factors: Monomial, side: str) -> Monomial:
    # The summation indices of the two sides of a product must not meet.
    return tuple(f.with_slots(s + side if s.startswith("_") else s for s in f.slots) for f in factors)


def as_expression(value: Expression | sp.Expr | int) -> Expression:
    r"""Return a constant as an expression without factors; an expression as it is."""
    if isinstance(value, Expression):
        return value
    constant = sp.sympify(value)
    return Expression(((constant, ()),)) if constant != 0 else Expression()


#: The constant 1, as an expression.
ONE = as_expression(1)


def tensor(head: Head, *indices: str) -> Expression:
    r"""Return the tensor `head` with the given indices; `"i"` stands below, `"^i"` above.

    Raises:
        DerivationError: if the number of indices is not the rank, or an index is not a plain letter.
    """
    if len(indices) != head.rank:
        raise DerivationError(f"`{head.name}` has {head.rank} indices, but {len(indices)} were given: {indices}.")
    names = tuple(_name(index) for index in indices)
    counts = Counter(names)
    free = frozenset(name for name in names if counts[name] == 1)
    up = frozenset(name for name, index in zip(names, indices) if index.startswith("^"))
    return Expression((term(sp.S.One, (Factor(head, names),)),), free, up & free)


def _name(index: str) -> str:
    name = index.removeprefix("^")
    if not name.isalpha():
        raise DerivationError(f"An index must be a name of letters, but `{name}` is not. Try `i` or `^i`.")
    return name


def metric(i: str, j: str) -> Expression:
    r"""Return \(g_{ij}\), or the inverse metric as `metric("^i", "^j")`."""
    return tensor(METRIC, i, j)


def riemann(i: str, j: str, k: str, l: str) -> Expression:
    r"""Return \(R_{ijkl}\), with \(R^a{}_{bad} = R_{bd}\)."""
    return tensor(RIEMANN, i, j, k, l)


def ricci(i: str, j: str) -> Expression:
    r"""Return \(R_{ij}\), positive on the round sphere."""
    return tensor(RICCI, i, j)


def weyl(i: str, j: str, k: str, l: str) -> Expression:
    r"""Return \(W_{ijkl}\), the part of Riem without traces; its coefficients have a pole at n = 1 and n = 2."""
    n, g = DIMENSION, metric
    traces = g(i, k) * ricci(j, l) - g(i, l) * ricci(j, k) - g(j, k) * ricci(i, l) + g(j, l) * ricci(i, k)
    scalar = (g(i, k) * g(j, l) - g(i, l) * g(j, k)) * scalar_curvature()
    return riemann(i, j, k, l) - traces / (n - 2) + scalar / ((n - 1) * (n - 2))


def scalar_curvature() -> Expression:
    r"""Return R."""
    return tensor(SCALAR)


def scalar_field(name: str) -> Expression:
    r"""Return the scalar field `name`."""
    return tensor(Head(name))


def tensor_field(name: str, *indices: str, symmetry: str = "none") -> Expression:
    r"""Return a covariant tensor field; `symmetry` is one of "none", "symmetric", "antisymmetric", "riemann"."""
    if symmetry not in SYMMETRIES:
        raise DerivationError(f"Argument `symmetry` must be one of {SYMMETRIES}, but found {symmetry!r}.")
    return tensor(Head(name, len(indices), symmetry), *indices)


def exponential(name: str, k: sp.Expr | int = -1) -> Expression:
    r"""Return the weight \(e^{kf}\) of the scalar field f called `name`; k = -1 by default."""
    return Expression(((sp.S.One, (Factor(weight_head(Head(name), sp.sympify(k))),)),))


def weight_head(scalar: Head, k: sp.Expr) -> Head:
    r"""Return the head of \(e^{kf}\)."""
    return Head(f"exp({k}*{scalar.name})", kind="weight", field=scalar, exponent=k)


def variation_head(head: Head) -> Head:
    r"""Return the head of the variation of a field: v of g, h of f, \(\delta u\) of any other u."""
    name, latex = {"g": ("v", "v"), "f": ("h", "h")}.get(
        head.name, (f"δ{head.name}", rf"\delta {notation.symbol(head)}")
    )
    return Head(name, head.rank, head.symmetry, "variation", latex, field=head)


def variation(name: str, *indices: str, symmetry: str = "none") -> Expression:
    r"""Return the variation of a field: `variation("g", "i", "j")` is \(v_{ij}\), `variation("f")` is h."""
    head = METRIC if name == "g" else Head(name, len(indices), symmetry)
    return tensor(variation_head(head), *indices)


def derivative_of_factors(index: str, factors: Monomial) -> list[Term]:
    r"""Return the terms of \(\nabla_a\) of a product by the Leibniz rule, with \(\nabla g = 0\)."""
    terms = []
    for position, factor in enumerate(factors):
        before, after = factors[:position], factors[position + 1 :]
        if factor.head.kind == "metric":
            continue
        if factor.head.kind == "weight" and factor.head.field is not None:
            gradient = Factor(factor.head.field, (), (index,))
            terms.append((factor.head.exponent, (*before, gradient, factor, *after)))
        else:
            derived = Factor(factor.head, factor.indices, (index, *factor.derivatives))
            terms.append((sp.S.One, (*before, derived, *after)))
    return terms


def nabla(index: str, expression: Expression) -> Expression:
    r"""Return \(\nabla_i\) (or \(\nabla^i\) for `"^i"`) of an expression; a free index of that name is contracted."""
    name = _name(index)
    terms = tuple(
        term(c * d, product) for c, factors in expression.terms for d, product in derivative_of_factors(name, factors)
    )
    if name in expression.free:
        return Expression(terms, expression.free - {name}, expression.up - {name})
    up = {name} if index.startswith("^") else set()
    return Expression(terms, expression.free | {name}, expression.up | up)


def laplacian(expression: Expression) -> Expression:
    r"""Return \(\Delta T = \nabla^a \nabla_a T\) (div grad, negative spectrum)."""
    name = _unused(expression)
    return nabla(name, nabla(name, expression))


def norm_squared(expression: Expression) -> Expression:
    r"""Return \(|T|^2\), every free index contracted with its twin."""
    return expression * expression


def gradient(expression: Expression) -> Expression:
    r"""Return \(\nabla_a T\) with a letter that `expression` does not use; meant for `norm_squared`."""
    return nabla(_unused(expression), expression)


def _unused(expression: Expression) -> str:
    return next(name for name in "abcdefghijklmnopqrstuvwxyz" if name not in expression.free)
