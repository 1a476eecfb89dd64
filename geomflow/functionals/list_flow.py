r"""The functional \(\int (R - \alpha|\nabla u|^2)\,dV\) behind List's extended Ricci flow of a metric and a scalar.

Reference: List, Comm. Anal. Geom. 16 (2008) 1007.
"""

from geomflow.functionals.base import Functional

LIST_FLOW = Functional.typed("list-flow", r"\mathcal{L}", "R - alpha*|grad u|^2", reference="List 2008")
