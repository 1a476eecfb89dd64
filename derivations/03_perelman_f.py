"""03: the first variation of Perelman's F, from the typed density to the gradient at fixed measure.

δF = ∫ [ -v^{ij}(R_ij + ∇_i∇_j f) + (tr v/2 - h)(2Δf - |∇f|² + R) ] e^{-f} dV, and with e^{-f} dV fixed the gradient
is -(R^{ij} + ∇^i∇^j f). The result is certified against the Euler operator in dimensions 2 and 3.
Run: python derivations/03_perelman_f.py [path of the LaTeX file]. A few seconds.
"""

# %%
import sys
from dataclasses import dataclass
from pathlib import Path

from geomflow.symbolic.abstract.canonical import equal
from geomflow.symbolic.abstract.expression import (
    Expression,
    exponential,
    gradient,
    laplacian,
    metric,
    nabla,
    norm_squared,
    ricci,
    scalar_curvature,
    scalar_field,
)
from geomflow.symbolic.abstract.parse import parse_density
from geomflow.symbolic.abstract.variation import first_variation
from geomflow.symbolic.certificates.certificate import certify
from geomflow.symbolic.derivation import document

# %% Typed in; everything after this line is derived.
density, weight = parse_density("R + |∇f|²"), exponential("f")
result = first_variation(density, weight, r"\mathcal{F}")

# %% Perelman's formula.
f, R = scalar_field("f"), scalar_curvature()
soliton = ricci("^i", "^j") + nabla("^i", nabla("^j", f))
weighted_scalar = 2 * laplacian(f) - norm_squared(gradient(f)) + R
assert equal(result.gradient("g"), -soliton + metric("^i", "^j") * weighted_scalar / 2)
assert equal(result.gradient("f"), -weighted_scalar)
assert equal(result.fixed_measure(), -soliton)


# %% An independent route: the Euler operator on component jets, in exact arithmetic.
@dataclass(frozen=True)
class PerelmanF:
    name: str
    density: Expression
    weight: Expression


functional = PerelmanF("Perelman F", density, weight)
certificates = [certify(functional, result, dim, seed=0) for dim in (2, 3)]
assert all(certificate.residual == "0" for certificate in certificates)

# %%
if len(sys.argv) > 1:
    Path(sys.argv[1]).write_text(document(result.derivation), encoding="utf-8")
else:
    print(result.derivation.text(), *certificates, sep="\n\n")
