r"""10: Gaussian expectations of activations, derived by rule and not looked up in a table.

    K = E phi(u) phi(v),  K' = dK/dc = E phi'(u) phi'(v),  (u, v) Gaussian with variances p, q and covariance c

Lesson: differentiate phi until only Gaussians or Dirac deltas are left, where completing the square gives the
expectation; then Price's theorem leads back, one integral in c at a time, and every integral is a linear solve.

Run: python derivations/10_gaussian_expectations.py [path of the LaTeX file]. Three seconds.
"""

# %% Derive the duals of activations, three of them with parameters.
import sys
from pathlib import Path

import sympy as sp

from geomflow.core.errors import DivergentExpectationError
from geomflow.symbolic.derivation import document
from geomflow.symbolic.kernels.duals import derive_dual
from geomflow.symbolic.kernels.duals.dual import THETA, C, P, Q

relu = derive_dual("Max(0, u)")
erf = derive_dual("erf(u)")
abrelu = derive_dual("Piecewise((a*u, u < 0), (b*u, True))")
gelu = derive_dual("u*(1 + erf(u/sqrt(2)))/2")
cosine = derive_dual("sqrt(2)*cos(w*u + theta)")
ricker = derive_dual("(1 - u**2)*exp(-u**2/2)")
own = derive_dual("erf(k*u) + u**2/3")

# %% The claims, each against the closed form that the literature states.
root = sp.sqrt(P * Q - C**2)
correlation = C / (sp.sqrt(P) * sp.sqrt(Q))
squares = (1 + P) * (1 + Q)

# The arc-cosine kernel of degree one, and the arcsine kernel.
assert relu.kernel == C / 4 + (root + C * sp.asin(correlation)) / (2 * sp.pi)
assert relu.derivative == sp.Rational(1, 4) + sp.asin(correlation) / (2 * sp.pi)
assert relu.angular is not None
assert relu.angular.kernel == (sp.sin(THETA) + (sp.pi - THETA) * sp.cos(THETA)) / (2 * sp.pi)
assert erf.kernel == 2 / sp.pi * sp.asin(2 * C / (sp.sqrt(1 + 2 * P) * sp.sqrt(1 + 2 * Q)))

# A random phase in [-pi, pi] removes cos(2 theta), and the cosine has the Gaussian kernel of width 1/w.
w, theta = sp.symbols("w theta", real=True)
gaussian, mirrored = (sp.exp(-(w**2) * (P + Q - sign * 2 * C) / 2) for sign in (1, -1))
assert sp.expand(cosine.kernel - gaussian - sp.cos(2 * theta) * mirrored) == 0
assert ricker.kernel == (2 * C**2 + squares) / (squares - C**2) ** sp.Rational(5, 2)

# %% Price's theorem, checked by differentiation: K' was derived from phi' and not from K.
for dual in (relu, erf, abrelu, gelu, cosine, ricker, own):
    difference = sp.diff(dual.kernel, C) - dual.derivative
    point = {s: sp.Rational(1, 3 + k) for k, s in enumerate(sorted(difference.free_symbols - {P, Q, C}, key=str))}
    point |= {P: sp.Rational(6, 5), Q: sp.Rational(3, 4), C: -sp.Rational(2, 5)}
    assert abs(sp.N(difference.subs(point), 30)) < 1e-25

# %% At coincident points the kernel is E phi(u)^2, finite; the slope of a step is not.
assert relu.diagonal == P / 2
assert gelu.diagonal.has(sp.asin(P / (1 + P)))
assert derive_dual("sign(u)").slope == sp.oo

# %% What grows too fast has no kernel.
condition = ""
try:
    derive_dual("exp(u**2)")
except DivergentExpectationError as error:
    condition = error.condition
assert condition == "p >= 1/4"

# %% Write the derivations as LaTeX.
derivations = [dual.derivation for dual in (relu, erf, abrelu, gelu, cosine, ricker, own)]
if len(sys.argv) > 1:
    Path(sys.argv[1]).write_text(document(*derivations), encoding="utf-8")
else:
    print(*(derivation.plain_title + "\n" + derivation.text() for derivation in derivations), sep="\n\n")
