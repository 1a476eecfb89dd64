"""08: Kähler-Ricci flow is one scalar equation, ∂_t K = log det ∂∂̄K, and with U(n) symmetry one in one variable.

For an unknown potential K(z, z̄, t) in complex dimensions 1, 2 and 3 the residual is exactly zero; Ricci is taken from
the contraction of the curvature tensor, so that its relation to log det g is a result and not a definition. Then
Calabi's ansatz K = u(log|z|², t), the momentum coordinate x = u', the flow of the profile F = u'', the soliton
equation and the shrinker of Feldman, Ilmanen and Knopf.
Here ∂_t g_{i j̄} = -R_{i j̄}, which is Ricci flow ∂_t g = -2 Ric in twice the time: there every right-hand side has a 2.
Run: python derivations/08_kaehler_ricci_reduction.py [path of the LaTeX file]. A few seconds.
"""

# %%
import sys
from pathlib import Path

import sympy as sp

from geomflow.symbolic.derivation import document
from geomflow.symbolic.kaehler.calabi import soliton_equation
from geomflow.symbolic.kaehler.reduction import SHRINKER, calabi_flow, potential_flow
from geomflow.symbolic.kaehler.spaces import fubini_study_flow, general

# %% A general potential: two routes to the Ricci tensor, and the scalar equation with a constant λ.
reduction = potential_flow((1, 2, 3))
for n in (1, 2, 3):
    metric = general(n, parameters="t")
    assert metric.ricci_by_contraction() == metric.ricci()

# %% A solution: on CP^n both sides of the equation for K scale alike, and the metric vanishes at t = 1/(2(n + 1)).
for n in (1, 2):
    assert fubini_study_flow(n).ricci_flow().is_zero()

# %% Calabi's ansatz: one function of s = log |z|², then one of the momentum x.
ansatz = calabi_flow((1, 2, 3, 4))

# %% The shrinker solves the soliton equation of n = 2 with c = 1/√2 and λ = 1/2.
x = sp.Symbol("x", positive=True)
equation = soliton_equation(2)
c, lam = (next(s for s in equation.free_symbols if s.name == name) for name in ("c", "lam"))
shrinker = sp.parse_expr(SHRINKER, local_dict={"x": x})
solved = equation.subs({c: 1 / sp.sqrt(2), lam: sp.Rational(1, 2)}).subs(sp.Function("F")(x), shrinker).doit()
assert sp.expand(solved) == 0
assert sp.expand(shrinker.subs(x, 2)) == 0

# %% Each claim is an identity in the unknown functions.
assert {proof.residual for proof in (*reduction.proofs, *ansatz.proofs)} == {"0"}
assert {proof.dim for proof in ansatz.proofs} == {1, 2, 3, 4, None}

# %%
derivations = [reduction.derivation, ansatz.derivation]
if len(sys.argv) > 1:
    Path(sys.argv[1]).write_text(document(*derivations), encoding="utf-8")
else:
    print(*(derivation.text() for derivation in derivations), sep="\n\n")
