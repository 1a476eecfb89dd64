"""06: DeTurck's trick, found by solving for it.

Ricci flow is degenerate in the directions of diffeomorphisms. With δW = a div v + b d tr v the principal symbol of
-2 Ric + L_W g is that of the Laplacian exactly for a = 1, b = -1/2, and this is the variation of
W_i = g_ik g^jl (Γ - Γ̄)^k_jl. The symbol is compared in components with the velocity of a random mode.
Run: python derivations/06_deturck.py [path of the LaTeX file]. A second.
"""

# %%
import sys
from pathlib import Path

import sympy as sp

from geomflow.symbolic.abstract.canonical import equal
from geomflow.symbolic.abstract.expression import nabla, variation
from geomflow.symbolic.certificates.symbol import certify_symbol
from geomflow.symbolic.derivation import document
from geomflow.symbolic.flows.deturck import christoffel_trace, derive_deturck, in_gauge
from geomflow.symbolic.flows.flow import ricci_flow
from geomflow.symbolic.flows.linearise import principal_symbol

flow = ricci_flow()

# %% Without a gauge: the symbol vanishes on ξ_i w_j + ξ_j w_i, and nowhere else.
raw = principal_symbol(flow)
assert raw.annihilates_diffeomorphisms
assert raw.verdict() == "weakly parabolic: degenerate exactly in the directions of diffeomorphisms"

# %% The gauge, from linear equations.
found = derive_deturck(flow)
assert found.coefficients == (1, -sp.Rational(1, 2))
v, trace = variation("g", "i", "j"), variation("g", "j", "^j")
assert equal(found.vector, nabla("^j", v) - nabla("i", trace) / 2)
assert found.is_christoffel_trace
assert equal(found.vector, christoffel_trace())
assert [rate.value for rate in found.symbol.rates()] == [-1, -1, -1, -1]
assert found.symbol.verdict() == "strictly parabolic"

# %% In components.
for dim in (2, 3, 4):
    assert certify_symbol(raw, flow, dim).residual == "0"
    assert certify_symbol(found.symbol, in_gauge(flow), dim, response={"W": christoffel_trace()}).residual == "0"

# %%
derivations = [raw.derivation, found.derivation, found.symbol.derivation]
if len(sys.argv) > 1:
    Path(sys.argv[1]).write_text(document(*derivations), encoding="utf-8")
else:
    print(*(derivation.text() for derivation in derivations), sep="\n\n")
