"""01: the conventions, and the identities of curvature that everything else rests on.

R^a_{bcd} = ∂_c Γ^a_db - ∂_d Γ^a_cb + Γ^a_ce Γ^e_db - Γ^a_de Γ^e_cb and Ric_bd = R^a_bad, so that the round sphere has
positive curvature. Commutators, both Bianchi identities and their contractions, Bochner's formula: each is written
down unsimplified, reduced by rule, and compared in components at random jets with the definition above.
Run: python derivations/01_conventions_and_curvature.py [path of the LaTeX file]. Two seconds.
"""

# %%
import sys
from pathlib import Path

from geomflow.symbolic.abstract.canonical import equal
from geomflow.symbolic.abstract.expression import gradient, laplacian, nabla, norm_squared, ricci, riemann, scalar_field
from geomflow.symbolic.abstract.identities import curvature_derivation, curvature_identities
from geomflow.symbolic.certificates.check import certify_equal
from geomflow.symbolic.derivation import document

# %% What the program reduces them to.
identities = {identity.reason: identity for identity in curvature_identities()}
for vanishing in ("no torsion", "first Bianchi identity", "second Bianchi identity"):
    assert not identities[vanishing].right.terms
curl = nabla("c", ricci("b", "d")) - nabla("d", ricci("b", "c"))
assert equal(identities["contracted once"].right, curl)

# %% The sign of the commutator, and Bochner's formula with it.
f = scalar_field("f")
df = nabla("i", f)
third = nabla("a", nabla("b", nabla("c", f)))
commutator = third - third.rename(a="b", b="a")
assert equal(commutator, -1 * riemann("^e", "c", "a", "b") * nabla("e", f))
bochner = (
    norm_squared(nabla("j", df)) + df * nabla("^i", laplacian(f)) + ricci("i", "j") * nabla("^i", f) * nabla("^j", f)
)
assert equal(laplacian(norm_squared(gradient(f))) / 2, bochner)

# %% In components, Riem computed from its definition, exactly.
for dim in (2, 3, 4):
    for identity in identities.values():
        assert certify_equal(str(identity), identity.left, identity.right, dim).residual == "0"

# %%
derivation = curvature_derivation()
if len(sys.argv) > 1:
    Path(sys.argv[1]).write_text(document(derivation), encoding="utf-8")
else:
    print(derivation.text())
