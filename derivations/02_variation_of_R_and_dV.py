"""02: the variation of the scalar curvature and of the volume element.

From δΓ (Koszul) to δRic (Palatini) to δR = -v^{ij} R_ij + ∇^i∇^j v_ij - Δ tr v, and δ dV = ½ tr v dV.
Run: python derivations/02_variation_of_R_and_dV.py [path of the LaTeX file]. A second.
"""

# %%
import sys
from pathlib import Path

from geomflow.symbolic.abstract.canonical import canonical, equal
from geomflow.symbolic.abstract.expression import laplacian, nabla, ricci, scalar_curvature, variation
from geomflow.symbolic.abstract.variation import variation_of_christoffel, variation_of_ricci, variation_of_volume, vary
from geomflow.symbolic.derivation import Derivation, document

derivation = Derivation("Variation of $R$ and $dV$ under $\\delta g_{ij} = v_{ij}$")

# %% The Koszul formula is linear in ∂g, so δΓ is a tensor: in normal coordinates ∂ is ∇.
christoffel = canonical(variation_of_christoffel("k", "i", "j").raised("k"))
derivation.add(christoffel.latex(), "Koszul formula, varied", lhs=r"\delta \Gamma^{k}_{ij}")
assert equal(christoffel, christoffel.rename(i="j", j="i"))

# %% Palatini: δR_ij = ∇_k δΓ^k_ij - ∇_i δΓ^k_kj.
ricci_variation = canonical(variation_of_ricci("i", "j"))
derivation.add(
    ricci_variation.latex(),
    r"Palatini: $\nabla_k \delta\Gamma^k_{ij} - \nabla_i \delta\Gamma^k_{kj}$",
    lhs=r"\delta R_{ij}",
)
assert equal(ricci_variation, ricci_variation.rename(i="j", j="i"))

# %% R = g^{ij} R_ij, and δg^{ij} = -v^{ij}.
scalar_variation = vary(scalar_curvature())
derivation.add(scalar_variation.latex(), r"$R = g^{ij} R_{ij}$, $\delta g^{ij} = -v^{ij}$", lhs=r"\delta R")
trace = variation("g", "i", "^i")
expected = (
    -variation("g", "^i", "^j") * ricci("i", "j")
    + nabla("^i", nabla("^j", variation("g", "i", "j")))
    - laplacian(trace)
)
assert equal(scalar_variation, expected)

# %% The volume element.
derivation.add(
    variation_of_volume().latex() + r"\, dV", r"$\delta \det g = \det g \operatorname{tr} v$", lhs=r"\delta\, dV"
)
assert equal(variation_of_volume(), trace / 2)

# %%
if len(sys.argv) > 1:
    Path(sys.argv[1]).write_text(document(derivation), encoding="utf-8")
else:
    print(derivation.text())
