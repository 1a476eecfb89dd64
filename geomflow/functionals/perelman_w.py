r"""Perelman's entropy W, the scale \(\tau\) a constant.

    W = ∫ [τ(R + |∇f|²) + f - n] (4πτ)^{-n/2} e^{-f} dV

Reference: Perelman, arXiv:math/0211159, section 3.
"""

import sympy as sp

from geomflow.functionals.base import Functional
from geomflow.symbolic.abstract.expression import DIMENSION, exponential

PERELMAN_W = Functional.typed(
    "perelman-w",
    r"\mathcal{W}",
    "tau*(R + |grad f|^2) + f - n",
    weight=(4 * sp.pi * sp.Symbol("tau")) ** (-DIMENSION / 2) * exponential("f"),
    reference="arXiv:math/0211159, (3.1)",
)
