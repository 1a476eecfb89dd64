r"""Everything the program derives from one functional: gradients, gradient flow, its rate of change, its symbol."""

from __future__ import annotations

from dataclasses import replace

from geomflow.core.card import Card
from geomflow.core.errors import DerivationError
from geomflow.experiments.derive.derived import Derived, add_certificates
from geomflow.functionals import Functional
from geomflow.symbolic.abstract.expression import scalar_curvature
from geomflow.symbolic.abstract.variation import fields_of
from geomflow.symbolic.certificates.certificate import Certificate, differential_order
from geomflow.symbolic.certificates.check import ExactCheck
from geomflow.symbolic.certificates.evolution import certify_evolution
from geomflow.symbolic.certificates.symbol import certify_symbol
from geomflow.symbolic.derivation import Derivation
from geomflow.symbolic.flows.evolution import evolution_derivation, evolve, evolve_volume
from geomflow.symbolic.flows.flow import Flow
from geomflow.symbolic.flows.linearise import damped_gradient_flow, principal_symbol
from geomflow.symbolic.flows.monotonicity import Monotonicity, monotonicity

#: Flows of higher order than this are not brought to squares: the search for the divergence takes minutes.
_SQUARES_UP_TO = 4


def derive_functional(functional: Functional, dim: int = 3, seed: int = 0, only_variation: bool = False) -> Derived:
    r"""Derive and certify the gradients of a functional, its gradient flow, and what that flow does.

    Args:
        functional: density and weight.
        dim: dimension of the certificates.
        seed: seed of their jets.
        only_variation: stop after the gradients and their certificate.

    Raises:
        CertificateError: a derived result is wrong.
    """
    variation = functional.variation()
    certificates: list[Certificate | ExactCheck] = [functional.certify(dim, seed)]
    card = Card(f"derive {functional.name}")
    for field in functional.fields:
        card.row(f"gradient in {field}", str(variation.gradient(field)))
    if fields_of(functional.weight):
        card.row("gradient in g, dm held fixed", str(variation.fixed_measure()))
    card.text("Coefficients of δg_ij and of the other fields' variations, relative to the weighted volume.")
    derivations = [variation.derivation]
    moving = any(variation.gradient(field).terms for field in functional.fields)
    if not moving:
        card.text("The integrand is a divergence: every gradient vanishes identically.")
    if only_variation or not moving:
        add_certificates(card, certificates)
        card.verdict("verified", "the gradients equal the Euler operator of the density.")
        return Derived(functional.name, tuple(derivations), card, tuple(certificates))

    flow, response = damped_gradient_flow(variation)
    flow = replace(flow, name=f"gradient flow of ${functional.symbol}$")
    card.section("Gradient flow, in the direction and at the speed that damp transverse traceless modes")
    add_velocities(card, flow)
    if differential_order(flow.metric) <= 2:
        certificates.append(_curvature_in_time(card, derivations, flow, dim, seed))
    change = _rate_of_change(card, functional, flow)
    if change is not None:
        derivations.append(change.derivation)
        certificates.append(certify_change(change, functional, flow, dim, seed))
    symbol = principal_symbol(flow, response)
    derivations.append(symbol.derivation)
    if dim > 1:
        certificates.append(certify_symbol(symbol, flow, dim, seed, response))
    card.row(f"principal symbol, units of |k|^{symbol.order}", str(symbol))
    card.row("initial value problem", symbol.verdict())
    add_certificates(card, certificates)
    card.verdict("verified", "the gradients equal the Euler operator of the density; the rest agrees in components.")
    return Derived(functional.name, tuple(derivations), card, tuple(certificates))


def _curvature_in_time(card: Card, derivations: list[Derivation], flow: Flow, dim: int, seed: int) -> ExactCheck:
    evolved = evolve(scalar_curvature(), flow)
    derivations.append(evolution_derivation(flow, [scalar_curvature()]))
    card.row("∂_t dV", f"({evolve_volume(flow)}) dV")
    card.row("∂_t R", str(evolved))
    return certify_evolution(scalar_curvature(), evolved, flow, dim, seed)


def add_velocities(card: Card, flow: Flow) -> None:
    r"""Add one row for each velocity of a flow."""
    card.row("∂_t g_ij", str(flow.metric))
    for name, velocity in flow.fields.items():
        letters = "_" + "ijklpq"[: len(velocity.free)] if velocity.free else ""
        card.row(f"∂_t {name}{letters}", str(velocity))
    for name, rate in flow.constants.items():
        card.row(f"d{name}/dt", str(rate))


def certify_change(change: Monotonicity, functional: Functional, flow: Flow, dim: int, seed: int) -> ExactCheck:
    r"""Compare the time derivative of L w, in components, with the squares and the divergence that were found."""
    variation = functional.variation()
    if differential_order(flow.metric) > 2:
        dim = min(dim, 3)  # six derivatives of a 4-metric take minutes
    return certify_evolution(variation.density * variation.weight, change.claimed(variation, flow), flow, dim, seed)


def _rate_of_change(card: Card, functional: Functional, flow: Flow) -> Monotonicity | None:
    order = differential_order(flow.metric)
    if order > _SQUARES_UP_TO:
        card.row("rate of change", "not attempted", f"a flow of order {order}; `monotonicity` in Python takes minutes")
        return None
    try:
        change = monotonicity(functional.variation(), flow, functional.symbol)
    except DerivationError as error:
        card.row("rate of change", "not brought to squares", str(error))
        return None
    card.row("rate of change", f"∫ ({change}) w dV" if fields_of(functional.weight) else f"∫ ({change}) dV")
    return change
