r"""Perelman's F with a three-form H = dB, the functional behind generalised Ricci flow.

    F = ∫ (R - |H|²/12 + |∇f|²) e^{-f} dV,   |H|² = H_ijk H^ijk

Reference: Oliynyk, Suneeta, Woolgar, arXiv:hep-th/0510239.
"""

from geomflow.functionals.base import Functional
from geomflow.symbolic.abstract.expression import exponential

GENERALISED_RICCI = Functional.typed(
    "generalised-ricci",
    r"\mathcal{F}_H",
    "R - |H|^2/12 + |grad f|^2",
    weight=exponential("f"),
    reference="arXiv:hep-th/0510239",
)
