r"""Perelman's F, \(\int (R + |\nabla f|^2)\,e^{-f} dV\).

With the measure \(e^{-f} dV\) fixed its gradient is \(-(R^{ij} + \nabla^i\nabla^j f)\): the engine derives it.

Reference: Perelman, arXiv:math/0211159, section 1.
"""

from geomflow.functionals.base import Functional
from geomflow.symbolic.abstract.expression import exponential

PERELMAN_F = Functional.typed(
    "perelman-f",
    r"\mathcal{F}",
    "R + |∇f|²",
    weight=exponential("f"),
    reference="arXiv:math/0211159, (1.1)",
)
