r"""The quadratic functional \(\int |\mathrm{Riem}|^2\,dV\).

Reference: Besse, Einstein Manifolds (1987), section 4.H.
"""

from geomflow.functionals.base import Functional

RIEMANN_SQUARED = Functional.typed("riemann-squared", r"\mathcal{K}", "|Riem|^2", reference="Besse 1987, 4.H")
