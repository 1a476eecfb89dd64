"""12: how a neck pinches, from the Ricci tensor to 1 - 1/(2τ).

The metric ds² + ψ² g on spheres: the rate of ψ is read off from the Ricci tensor in dimensions 3, 4 and 5. In the
variables of a shrinking cylinder the second Hermite polynomial is neutral, and the quadratic terms, in which the
dimension drops out, make its amplitude decay like 1/(8τ), τ = -log(T - t). Checked on the way: that the cylinder is at
rest, that the mode is neutral, and here that the residual of the profile is smaller than any term kept.
Run: python derivations/12_neckpinch.py [path of the LaTeX file]. Two seconds.
"""

# %%
import sys
from pathlib import Path

import sympy as sp

from geomflow.symbolic.derivation import document
from geomflow.symbolic.flows.neckpinch import SIGMA, TAU, derive_neckpinch, residual

# %% The profile and the neck.
pinch = derive_neckpinch()
assert sp.expand(pinch.profile - (1 + (SIGMA**2 - 2) / (8 * TAU))) == 0
assert pinch.neck == 1 - 1 / (2 * TAU)
assert {(proof.dim, proof.residual) for proof in pinch.proofs} == {(3, "0"), (4, "0"), (5, "0")}

# %% Put back into the equation: what is left is of order 1/τ², and has no part along the neutral mode.
left = sp.series(residual(pinch.profile).subs(TAU, 1 / sp.Symbol("q")), sp.Symbol("q"), 0, 3).removeO()
orders = [sp.expand(left).coeff(sp.Symbol("q"), k) for k in (0, 1, 2)]
assert orders[:2] == [0, 0]
weighted = sp.integrate(orders[2] * (SIGMA**2 - 2) * sp.exp(-(SIGMA**2) / 4), (SIGMA, -sp.oo, sp.oo))
assert sp.simplify(weighted) == 0
assert orders[2] != 0

# %%
if len(sys.argv) > 1:
    Path(sys.argv[1]).write_text(document(pinch.derivation), encoding="utf-8")
else:
    print(pinch.derivation.text())
