r"""The derivations that have a name of their own, each a function (dimension, seed) -> `Derived`."""

from __future__ import annotations

from collections.abc import Callable

from geomflow.core.card import Card
from geomflow.experiments.derive.derived import Derived, add_certificates
from geomflow.experiments.derive.functional import certify_change
from geomflow.functionals import FUNCTIONALS
from geomflow.symbolic.abstract.expression import (
    Expression,
    nabla,
    norm_squared,
    ricci,
    riemann,
    scalar_curvature,
    scalar_field,
    tensor_field,
)
from geomflow.symbolic.abstract.identities import curvature_derivation, curvature_identities
from geomflow.symbolic.certificates.check import certify_equal
from geomflow.symbolic.certificates.evolution import certify_divergence, certify_evolution
from geomflow.symbolic.certificates.symbol import certify_symbol
from geomflow.symbolic.flows.deturck import derive_deturck, in_gauge
from geomflow.symbolic.flows.evolution import (
    evolution_derivation,
    evolve,
    evolve_christoffel,
    evolve_volume,
)
from geomflow.symbolic.flows.flow import Flow, coupled_to_measure, gradient_flow, ricci_flow
from geomflow.symbolic.flows.harnack import pointwise_entropy
from geomflow.symbolic.flows.linearise import fixed_measure, principal_symbol
from geomflow.symbolic.flows.monotonicity import monotonicity
from geomflow.symbolic.flows.neckpinch import derive_neckpinch
from geomflow.symbolic.kaehler.reduction import calabi_flow, potential_flow
from geomflow.symbolic.plain import plain

#: Dimension and seed of the certificates -> the derivation.
Builder = Callable[[int, int], Derived]
#: A general potential in four complex dimensions takes a minute, in five much longer.
_MOST_COMPLEX = 3
#: How the left-hand sides begin that the card of the Kähler-Ricci reduction repeats.
_RESULTS = (r"R_{i", r"\partial_t", "F")


def conventions(dim: int, seed: int) -> Derived:
    r"""Derive the identities of the curvature from its definition by commutators."""
    card = Card("derive conventions")
    identities = curvature_identities()
    for identity in identities:
        card.row(identity.reason, str(identity))
    checks = [certify_equal(str(i), i.left, i.right, dim, seed) for i in identities]
    add_certificates(card, checks)
    card.verdict("verified", "each identity holds in components, the curvature computed from its definition.")
    return Derived("conventions", (curvature_derivation(),), card, tuple(checks))


def _evolution(name: str, flow: Flow, quantities: list[Expression], dim: int, seed: int) -> Derived:
    card = Card(f"derive {name}")
    checks = [certify_evolution("dV", evolve_volume(flow), flow, dim, seed)]
    checks.append(certify_evolution("Γ", evolve_christoffel(flow), flow, dim, seed))
    derivation = evolution_derivation(flow, quantities)
    for step in derivation.steps:
        if "∂_t" in step.line():
            left, _, right = step.line().partition(" = ")
            card.row(left, right)
    checks += [certify_evolution(q, evolve(q, flow), flow, dim, seed) for q in quantities]
    add_certificates(card, checks)
    card.verdict("verified", "each equals the derivative of the components along the flow.")
    return Derived(name, (derivation,), card, tuple(checks))


def variation_of_curvature(dim: int, seed: int) -> Derived:
    r"""Derive how dV, Γ, Ric and R change with the metric: the evolution along an arbitrary symmetric tensor."""
    v = tensor_field("v", "i", "j", symmetry="symmetric")
    flow = Flow("a family of metrics", v, {"v": Expression()})
    return _evolution("variation-of-curvature", flow, [ricci("i", "j"), scalar_curvature()], dim, seed)


def ricci_evolution(dim: int, seed: int) -> Derived:
    r"""Derive the evolution equations of Ricci flow."""
    rm = riemann("i", "j", "k", "l")
    quantities = [ricci("i", "j"), scalar_curvature(), rm, norm_squared(ricci("i", "j")), norm_squared(rm)]
    return _evolution("ricci-flow", ricci_flow(), quantities, dim, seed)


def perelman_monotonicity(dim: int, seed: int) -> Derived:
    r"""Derive dF/dt and dW/dt along Perelman's gradient flow and along Ricci flow with conjugate heat."""
    card = Card("derive perelman-monotonicity")
    derivations, checks = [], []
    f, w = FUNCTIONALS["perelman-f"], FUNCTIONALS["perelman-w"]
    steepest = gradient_flow(f.variation(), 2)
    shrinking = Flow("Ricci flow", ricci_flow().metric, constants={"tau": -1})
    cases = [
        (f, steepest),
        (f, coupled_to_measure(ricci_flow(), f.weight, diffusion=True)),
        (
            w,
            coupled_to_measure(
                Flow("gradient flow of $\\mathcal{F}$", steepest.metric, constants={"tau": -1}), w.weight
            ),
        ),
        (w, coupled_to_measure(shrinking, w.weight, diffusion=True)),
    ]
    for functional, flow in cases:
        change = monotonicity(functional.variation(), flow, functional.symbol)
        card.row(f"{functional.name} along the {plain(flow.name)}", f"∫ {change} w dV")
        derivations.append(change.derivation)
        checks.append(certify_change(change, functional, flow, dim, seed))
        checks.append(certify_divergence(change.remainder, functional.weight, dim, seed))
    pointwise = pointwise_entropy(w.variation(), {"tau": -1})
    card.row("P, ∫ P u dV = W", str(pointwise.entropy))
    card.row("at every point: □*(P u) / u", str(pointwise))
    derivations.append(pointwise.derivation)
    entropy = pointwise.entropy * pointwise.weight
    checks.append(certify_evolution(entropy, pointwise.claimed(), pointwise.flow, dim, seed))
    add_certificates(card, checks)
    card.verdict("verified", "each remainder is a divergence, found and confirmed by its Euler operator.")
    return Derived("perelman-monotonicity", tuple(derivations), card, tuple(checks))


def deturck(dim: int, seed: int) -> Derived:
    r"""Find the vector field that makes Ricci flow strictly parabolic."""
    found = derive_deturck()
    response = {"W": found.vector}
    check = certify_symbol(found.symbol, in_gauge(ricci_flow()), dim, seed, response)
    card = Card("derive deturck")
    a, b = found.coefficients
    card.row("a, b", f"{a}, {b}", "δW_i = a ∇^j v_ij + b ∇_i tr v")
    card.row("δW_i", str(found.vector))
    card.row("is g_ik g^jl δΓ^k_jl", found.is_christoffel_trace)
    card.row("principal symbol", str(found.symbol))
    card.row("initial value problem", found.symbol.verdict())
    add_certificates(card, [check])
    card.verdict("verified", "the symbol equals the velocity of a random mode in components.")
    return Derived("deturck", (found.derivation, found.symbol.derivation), card, (check,))


def stability(dim: int, seed: int) -> Derived:
    r"""Derive which of the flows around Ricci flow are well posed."""
    functional = FUNCTIONALS["perelman-f"]
    variation, f = functional.variation(), scalar_field("f")
    steepest = gradient_flow(variation, 2)
    measure = fixed_measure(functional.weight)
    advected = Flow("flow with $+\\nabla f$", -2 * ricci("i", "j") + 2 * nabla("i", nabla("j", f)))
    free = Flow("gradient flow, $f$ held as a function", 2 * variation.gradient("g").lowered())
    slaved = {"f": variation.gradient("f")}
    cases = [
        (ricci_flow(), {}, {}),
        (in_gauge(ricci_flow()), {"W": derive_deturck().vector}, {}),
        (Flow("gradient flow of $\\mathcal{F}$, measure fixed", steepest.metric), measure, {}),
        (advected, measure, {}),
        (Flow("$\\lambda$-flow, $f$ the minimiser", steepest.metric), {}, slaved),
        (free, {"f": Expression()}, {}),
    ]
    card = Card("derive stability")
    derivations, checks = [], []
    for flow, response, constraint in cases:
        symbol = principal_symbol(flow, response, constraint)
        checks.append(certify_symbol(symbol, flow, dim, seed, response, constraint))
        derivations.append(symbol.derivation)
        card.section(plain(flow.name))
        card.row("rates, units of |k|^2", str(symbol))
        card.row("initial value problem", symbol.verdict())
    add_certificates(card, checks)
    card.verdict("verified", "each symbol equals the velocity of a random mode in components.")
    return Derived("stability", tuple(derivations), card, tuple(checks))


def kaehler_ricci(dim: int, seed: int) -> Derived:
    r"""Reduce Kähler-Ricci flow to one scalar equation, and with U(n) symmetry to one in one variable.

    The claims are identities in the unknown functions: no jets are drawn, and the seed is not used.
    """
    potential = potential_flow(range(1, min(dim, _MOST_COMPLEX) + 1))
    parts = (potential, calabi_flow(range(1, dim + 1)))
    card = Card("derive kaehler-ricci")
    for part in parts:
        card.section(part.derivation.plain_title)
        for step in part.derivation.steps:
            if step.lhs.startswith(_RESULTS):
                card.row(plain(step.lhs), plain(step.rhs))
    proofs = tuple(proof for part in parts for proof in part.proofs)
    add_certificates(card, proofs)
    card.verdict("verified", "each residual is zero as an element of a field: for every potential, not at a sample.")
    return Derived("kaehler-ricci", tuple(part.derivation for part in parts), card, proofs)


def neckpinch(dim: int, seed: int) -> Derived:
    r"""Derive how a neck of rotationally symmetric Ricci flow pinches; nothing is drawn, and the seed is not used."""
    pinch = derive_neckpinch()
    card = Card("derive neckpinch")
    for step in pinch.derivation.steps:
        card.row(plain(step.lhs), plain(step.rhs))
    add_certificates(card, pinch.proofs)
    card.verdict("verified", "the rates are Ricci flow in dimensions 3, 4, 5; the profile is formal, to order 1/τ.")
    return Derived("neckpinch", (pinch.derivation,), card, pinch.proofs)


#: To add one, write its function above and its name here.
NAMED: dict[str, Builder] = {
    "conventions": conventions,
    "variation-of-curvature": variation_of_curvature,
    "ricci-flow": ricci_evolution,
    "perelman-monotonicity": perelman_monotonicity,
    "deturck": deturck,
    "stability": stability,
    "kaehler-ricci": kaehler_ricci,
    "neckpinch": neckpinch,
}
