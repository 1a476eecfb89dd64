"""07: what is held fixed decides: the gradient flow of Perelman's F is ill-posed forward in time.

About a flat metric the flow -2(Ric + Hess f) with e^{-f} dV fixed has the rates -1, 0, -1 and +1 in units of k²: the
longitudinal mode grows like e^{+k²t}, since f solves a backward heat equation. With +∇f instead, or with f the
minimiser of F at each time, nothing grows; with f held as a function the transverse trace grows like (n - 2) k². The
rates hold for every dimension n and are compared in components for n = 2, 3, 4.
Run: python derivations/07_ill_posedness.py [path of the LaTeX file]. Two seconds.
"""

# %%
import sys
from pathlib import Path

from geomflow.functionals import FUNCTIONALS
from geomflow.symbolic.abstract.expression import DIMENSION, Expression, nabla, ricci, scalar_field
from geomflow.symbolic.certificates.symbol import certify_symbol
from geomflow.symbolic.derivation import document
from geomflow.symbolic.flows.flow import Flow, gradient_flow
from geomflow.symbolic.flows.linearise import fixed_measure, principal_symbol

functional = FUNCTIONALS["perelman-f"]
variation, f = functional.variation(), scalar_field("f")
steepest = gradient_flow(variation, 2)
measure = fixed_measure(functional.weight)
plus = Flow(r"flow with $+\nabla f$", -2 * ricci("i", "j") + 2 * nabla("i", nabla("j", f)))
minimiser = Flow(r"$\lambda$-flow", steepest.metric)
free = Flow("gradient flow, $f$ held as a function", 2 * variation.gradient("g").lowered())

# %% flow, response of f, equation for f, and the rates of TT, nT, transverse trace, nn.
cases = [
    (steepest, measure, {}, [-1, 0, -1, 1]),
    (plus, measure, {}, [-1, 0, -1, -1]),
    (minimiser, {}, {"f": variation.gradient("f")}, [-1, 0, -1, 0]),
    (free, {"f": Expression()}, {}, [-1, 0, DIMENSION - 2, 0]),
]
symbols = []
for flow, response, constraint, rates in cases:
    symbol = principal_symbol(flow, response, constraint)
    assert [rate.value for rate in symbol.rates()] == rates
    for dim in (2, 3, 4):
        assert certify_symbol(symbol, flow, dim, 0, response, constraint).residual == "0"
    symbols.append(symbol)

# %% In the program's own words.
assert symbols[0].verdict() == "ill-posed forward in time: growth +k^2 in the longitudinal mode"
assert not symbols[1].growing()
assert symbols[2].verdict().startswith("weakly parabolic")
assert symbols[3].verdict().endswith("in the transverse trace for n >= 3")

# %%
if len(sys.argv) > 1:
    Path(sys.argv[1]).write_text(document(*(symbol.derivation for symbol in symbols)), encoding="utf-8")
else:
    for symbol in symbols:
        print(symbol.derivation.plain_title, symbol.derivation.text(), sep="\n", end="\n\n")
