r"""A geometric flow with abstract indices: the velocities of the metric, of fields and of constants.

Nothing but the velocities is written down; gradient flows and conjugate heat equations are derived from a
functional's variation and from its measure.

Limits: pulling back is implemented for flows of a metric and scalar fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import sympy as sp

from geomflow.core.errors import DerivationError
from geomflow.symbolic.abstract.canonical import canonical, equal
from geomflow.symbolic.abstract.expression import (
    METRIC,
    Expression,
    Factor,
    Head,
    Term,
    as_expression,
    exponential,
    laplacian,
    metric,
    nabla,
    ricci,
    scalar_field,
    term,
)
from geomflow.symbolic.abstract.variation import Variation, weight_exponent, without_constant

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Flow:
    r"""Velocities: \(\partial_t g_{ij} = S_{ij}\), and the same for fields and constants.

    Args:
        name: how it is called in a derivation and in messages.
        metric: S, symmetric, with the free indices i, j.
        fields: name -> its velocity; a tensor field has the free indices i, j, k, ... in the order of its slots.
        constants: name -> its velocity; a constant that is not listed does not move.

    Raises:
        DerivationError: S has other free indices than i and j, or is not symmetric.

    Good values: `Flow("Ricci flow", -2 * ricci("i", "j"))`.
    """

    name: str
    metric: Expression
    fields: Mapping[str, Expression] = field(default_factory=dict)
    constants: Mapping[str, sp.Expr | int] = field(default_factory=dict)

    def __post_init__(self):
        object.__setattr__(self, "fields", {name: as_expression(velocity) for name, velocity in self.fields.items()})
        if self.metric.terms and self.metric.free != {"i", "j"}:
            raise DerivationError(
                f"The velocity of the metric must have the free indices i and j, but found {self.metric.signature()}."
            )
        if not equal(self.metric.lowered(), self.metric.lowered().rename(i="j", j="i")):
            raise DerivationError(
                f"The velocity of the metric must be symmetric in i and j, but `{self.metric}` is not."
            )

    def velocity(self, head: Head) -> Expression:
        r"""Return \(\partial_t\) of the metric or of a field.

        Raises:
            DerivationError: if the flow does not move that field.
        """
        if head == METRIC:
            return self.metric
        if head.name not in self.fields:
            raise DerivationError(
                f"{self.name} does not say how `{head.name}` evolves. Give its velocity in `fields`, 0 if it is fixed."
            )
        return self.fields[head.name]

    def of_constants(self, expression: Expression) -> Expression:
        r"""Return \(\partial_t\) of the coefficients alone, the tensors held fixed."""
        terms = tuple(
            (sp.diff(c, sp.Symbol(name)) * rate, factors)
            for c, factors in expression.terms
            for name, rate in self.constants.items()
        )
        return Expression(tuple(t for t in terms if t[0] != 0), expression.free, expression.up)

    def pulled_back(self, vector: Expression) -> Flow:
        r"""Return the flow seen through the diffeomorphisms of V: \(S + \mathcal L_V g\), \(\dot\phi + V\phi\).

        Args:
            vector: V, with the free index i.

        Raises:
            DerivationError: if the flow moves a field that is not a scalar.
        """
        if any(v.free for v in self.fields.values()):
            raise DerivationError("Only flows of a metric and scalar fields can be pulled back.")
        lie = nabla("i", vector.lowered().rename(i="j")) + nabla("j", vector.lowered())
        fields = {
            name: canonical(velocity + vector.rename(i="k") * nabla("k", scalar_field(name)))
            for name, velocity in self.fields.items()
        }
        return Flow(f"{self.name}, pulled back", canonical(self.metric.lowered() + lie), fields, self.constants)


def same(left: Flow, right: Flow) -> bool:
    r"""Return whether two flows have equal velocities."""
    return (
        equal(left.metric, right.metric)
        and left.fields.keys() == right.fields.keys()
        and all(equal(velocity, right.fields[name]) for name, velocity in left.fields.items())
        and dict(left.constants) == dict(right.constants)
    )


def ricci_flow() -> Flow:
    r"""Return Hamilton's flow \(\partial_t g_{ij} = -2R_{ij}\)."""
    return Flow("Ricci flow", -2 * ricci("i", "j"))


def coupled_to_measure(flow: Flow, weight: Expression, diffusion: bool = False) -> Flow:
    r"""Return the flow in which the field f of a weight \(w = c\,e^{kf}\) moves along with the metric.

    Without diffusion w dV is constant in time; with it w solves the conjugate heat equation of the flow:

        ∂_t (w dV) = 0   or   -Δw dV,   that is   k ∂_t f = -½ tr S - ∂_t log c [- Δw / w].

    Args:
        flow: the velocity of the metric, of the constants in c, and of other fields.
        weight: w.
        diffusion: whether w diffuses (backwards in time).

    Raises:
        DerivationError: if w is not of that form for one field f.
    """
    scalar, k = weight_exponent(weight)
    if scalar is None:
        raise DerivationError(f"A measure e^(kf) dV of one field f is needed, but the weight is `{weight}`.")
    exponentials, opposite = without_constant(weight), exponential(scalar.name, -k)
    velocity = trace(flow.metric) / 2
    ((constant, _),) = weight.terms
    for name, rate in flow.constants.items():
        velocity = velocity + sp.expand(sp.cancel(sp.diff(sp.log(constant), sp.Symbol(name)) * rate))
    if diffusion:
        velocity = velocity + canonical(laplacian(exponentials) * opposite)
    manner = "conjugate heat equation" if diffusion else "measure fixed"
    fields = {**flow.fields, scalar.name: canonical(velocity * (-1 / k))}
    return Flow(f"{flow.name}, {manner}", flow.metric, fields, flow.constants)


def gradient_flow(
    variation: Variation, rate: sp.Expr | int = -1, constants: Mapping[str, sp.Expr | int] | None = None
) -> Flow:
    r"""Return \(\partial_t\phi = \text{rate}\cdot E_\phi\) for the metric and every field of a functional.

    Against a weight \(e^{kf}\) the measure \(e^{kf}dV\) is held fixed: the metric follows the gradient at fixed
    measure, and f moves along.

    Args:
        variation: the first variation, which holds the gradients.
        rate: a number or an expression in constants; negative for descent.
        constants: velocities of constants.
    """
    fields = {
        name: canonical(gradient * rate).lowered() for name, gradient in variation.gradients.items() if name != "g"
    }
    scalar, _ = weight_exponent(variation.weight)
    if scalar is None:
        return Flow("gradient flow", canonical(variation.gradient("g") * rate).lowered(), fields, constants or {})
    fields.pop(scalar.name, None)
    flow = Flow("gradient flow", canonical(variation.fixed_measure() * rate).lowered(), fields, constants or {})
    return coupled_to_measure(flow, variation.weight)


def trace(tensor: Expression) -> Expression:
    r"""Return \(g^{ij}S_{ij}\) for S with the free indices i, j."""
    return canonical(metric("^i", "^j") * tensor.lowered())


def substitute(expression: Expression, value: Callable[[Head], Expression | None]) -> Expression:
    r"""Return the expression with a tensor in the place of every variation \(\delta\phi\), under its derivatives.

    Args:
        expression: linear in variations.
        value: the head of \(\phi\) -> what stands for \(\delta\phi\), with the free indices i, j, ...; None keeps it.
    """
    terms: list[Term] = []
    for coefficient, factors in expression.terms:
        position = next((p for p, f in enumerate(factors) if f.head.kind == "variation"), None)
        base = None if position is None else factors[position].head.field
        replacement = None if base is None else value(base)
        if position is None or replacement is None:
            terms.append((coefficient, factors))
            continue
        for c, product in _derived(factors[position], replacement):
            terms.append((coefficient * c, (*factors[:position], *product, *factors[position + 1 :])))
    return canonical(Expression(tuple(term(c, fs) for c, fs in terms), expression.free, expression.up))


def _derived(factor: Factor, replacement: Expression) -> list[Term]:
    # The slots get different letters, then the names they have in the term; summed names of the tensor get a prime.
    letters = _LETTERS[: len(factor.slots)]
    k = len(factor.derivatives)
    tensor = as_expression(replacement).lowered().rename(**dict(zip("ijklpq", letters[k:])))
    for letter in reversed(letters[:k]):
        tensor = nabla(letter, tensor)
    names = dict(zip(letters, factor.slots))
    private = {s: s + "'" for _, fs in tensor.terms for f in fs for s in f.slots if s.startswith("_")}
    return [(c, tuple(f.rename(private | names) for f in fs)) for c, fs in tensor.terms]
