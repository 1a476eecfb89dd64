r"""The entropy \(\int (R - \alpha|\nabla u|^2 + |\nabla f|^2)\,e^{-f} dV\) of List's extended Ricci flow.

Reference: List, Comm. Anal. Geom. 16 (2008) 1007.
"""

from geomflow.functionals.base import Functional
from geomflow.symbolic.abstract.expression import exponential

LIST_ENTROPY = Functional.typed(
    "list-entropy",
    r"\mathcal{F}_u",
    "R - alpha*|grad u|^2 + |grad f|^2",
    weight=exponential("f"),
    reference="List 2008",
)
