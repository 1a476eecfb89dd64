r"""The quadratic functional \(\int |\mathrm{Ric}|^2\,dV\).

Reference: Besse, Einstein Manifolds (1987), section 4.H.
"""

from geomflow.functionals.base import Functional

RICCI_SQUARED = Functional.typed("ricci-squared", r"\mathcal{R}", "|Ric|^2", reference="Besse 1987, 4.H")
