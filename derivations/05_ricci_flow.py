"""05: the evolution equations of Ricci flow.

∂_t g = -2 Ric is put into the variations of dV, Γ, Ric, R and Riem: ∂_t dV = -R dV, ∂_t R = ΔR + 2|Ric|²,
∂_t Ric = Δ_L Ric, and Hamilton's equation for Riem after the Bianchi identities. The independent check differentiates
the components: g + ε S goes through the definition of the curvature, in exact arithmetic.
Run: python derivations/05_ricci_flow.py [path of the LaTeX file]. Two seconds.
"""

# %%
import sys
from pathlib import Path

from geomflow.symbolic.abstract.canonical import equal
from geomflow.symbolic.abstract.expression import laplacian, nabla, norm_squared, ricci, riemann, scalar_curvature
from geomflow.symbolic.certificates.evolution import certify_evolution
from geomflow.symbolic.derivation import document
from geomflow.symbolic.flows.evolution import (
    evolution_derivation,
    evolve,
    evolve_christoffel,
    evolve_volume,
    reaction,
)
from geomflow.symbolic.flows.flow import ricci_flow

flow = ricci_flow()
R, Ric, Riem = scalar_curvature(), ricci("i", "j"), riemann("i", "j", "k", "l")

# %% Volume, connection, scalar curvature, Ricci tensor.
assert equal(evolve_volume(flow), -R)
koszul = -nabla("i", ricci("j", "k")) - nabla("j", ricci("i", "k")) + nabla("k", ricci("i", "j"))
assert equal(evolve_christoffel(flow).lowered(), koszul)
assert equal(evolve(R, flow), laplacian(R) + 2 * norm_squared(Ric))
lichnerowicz = (
    laplacian(Ric) + 2 * riemann("i", "a", "j", "b") * ricci("^a", "^b") - 2 * ricci("i", "^a") * ricci("a", "j")
)
assert equal(evolve(Ric, flow), lichnerowicz)


# %% Hamilton's equation, with B_ijkl = R_piqj R_pkql.
def b(i, j, k, l):
    return riemann("p", i, "q", j) * riemann("p", k, "q", l)


quadratic = b(*"ijkl") - b(*"ijlk") - b(*"iljk") + b(*"ikjl")
linear = (
    ricci("i", "p") * riemann("p", "j", "k", "l")
    + ricci("j", "p") * riemann("i", "p", "k", "l")
    + ricci("k", "p") * riemann("i", "j", "p", "l")
    + ricci("l", "p") * riemann("i", "j", "k", "p")
)
assert equal(reaction(Riem, flow), 2 * quadratic - linear)

# %% The same from components.
quantities = [Ric, R, Riem, norm_squared(Ric), norm_squared(Riem)]
for dim in (2, 3):
    assert certify_evolution("dV", evolve_volume(flow), flow, dim).residual == "0"
    assert certify_evolution("Γ", evolve_christoffel(flow), flow, dim).residual == "0"
    for quantity in quantities:
        assert certify_evolution(quantity, evolve(quantity, flow), flow, dim).residual == "0"
assert certify_evolution(Ric, lichnerowicz, flow, 4).residual == "0"

# %%
derivation = evolution_derivation(flow, quantities)
if len(sys.argv) > 1:
    Path(sys.argv[1]).write_text(document(derivation), encoding="utf-8")
else:
    print(derivation.text())
