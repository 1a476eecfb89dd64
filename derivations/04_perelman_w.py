"""04: Perelman's W and its monotonicity, under the integral and at every point.

W = ∫ [τ(R + |∇f|²) + f - n] u dV with u = (4πτ)^{-n/2} e^{-f}. Along Ricci flow with τ' = -1 and u a solution of the
conjugate heat equation, dW/dt = 2τ ∫ |Ric + Hess f - g/2τ|² u dV; the integrand differs from the square by the
divergence of a vector field that the program finds. With the right density P, □*(P u) = -2τ |Ric + Hess f - g/2τ|² u
without any integral. Everything is confirmed in components along the flow, in dimensions 2 and 3.
Run: python derivations/04_perelman_w.py [path of the LaTeX file]. A few seconds.
"""

# %%
import sys
from pathlib import Path

import sympy as sp

from geomflow.functionals import FUNCTIONALS
from geomflow.symbolic.abstract.canonical import equal
from geomflow.symbolic.abstract.expression import (
    DIMENSION,
    gradient,
    laplacian,
    metric,
    nabla,
    norm_squared,
    ricci,
    scalar_curvature,
    scalar_field,
)
from geomflow.symbolic.certificates.evolution import certify_divergence, certify_evolution
from geomflow.symbolic.derivation import document
from geomflow.symbolic.flows.divergence import weighted_divergence
from geomflow.symbolic.flows.flow import Flow, coupled_to_measure, gradient_flow, ricci_flow, same
from geomflow.symbolic.flows.harnack import pointwise_entropy
from geomflow.symbolic.flows.monotonicity import monotonicity

functional_f, functional_w = FUNCTIONALS["perelman-f"], FUNCTIONALS["perelman-w"]
f, R, tau = scalar_field("f"), scalar_curvature(), sp.Symbol("tau")
soliton = ricci("i", "j") + nabla("i", nabla("j", f)) - metric("i", "j") / (2 * tau)

# %% The first variation: at fixed measure its gradient is -τ (Ric + Hess f - g/2τ).
variation = functional_w.variation()
assert equal(variation.fixed_measure().lowered(), -tau * soliton)

# %% Two flows that differ by the diffeomorphisms of ∇f: the gradient flow of F, and Ricci flow with conjugate heat.
shrink = {"tau": -1}
steepest = Flow("gradient flow", gradient_flow(functional_f.variation(), 2).metric, constants=shrink)
steepest = coupled_to_measure(steepest, functional_w.weight)
ricci_heat = Flow("Ricci flow", ricci_flow().metric, constants=shrink)
ricci_heat = coupled_to_measure(ricci_heat, functional_w.weight, diffusion=True)
assert equal(ricci_heat.fields["f"], -laplacian(f) + norm_squared(gradient(f)) - R + DIMENSION / (2 * tau))
assert same(steepest.pulled_back(nabla("i", f)), ricci_heat)

# %% Along both, dW/dt is the same square; what is left over is a divergence.
changes = {flow.name: (flow, monotonicity(variation, flow, functional_w.symbol)) for flow in (steepest, ricci_heat)}
for flow, change in changes.values():
    assert equal(change.total, 2 * tau * norm_squared(soliton))
    assert equal(change.remainder, weighted_divergence(change.vector, functional_w.weight))
    assert certify_divergence(change.remainder, functional_w.weight, 2).residual == "0"
    for dim in (2, 3):
        integrand = functional_w.density * functional_w.weight
        assert certify_evolution(integrand, change.claimed(variation, flow), flow, dim).residual == "0"

# %% At every point: P is the variation of W in f, shifted by the constant that gives it the right integral.
pointwise = pointwise_entropy(variation, shrink)
assert equal(pointwise.entropy, tau * (2 * laplacian(f) - norm_squared(gradient(f)) + R) + f - DIMENSION)
assert pointwise.coefficient == -2 * tau
assert equal(pointwise.tensor, soliton)
entropy = pointwise.entropy * pointwise.weight
checks = [certify_evolution(entropy, pointwise.claimed(), pointwise.flow, dim) for dim in (2, 3)]
assert all(check.residual == "0" for check in checks)

# %%
derivations = [variation.derivation, *(change.derivation for _, change in changes.values()), pointwise.derivation]
if len(sys.argv) > 1:
    Path(sys.argv[1]).write_text(document(*derivations), encoding="utf-8")
else:
    print(*(derivation.text() for derivation in derivations), *checks, sep="\n\n")
