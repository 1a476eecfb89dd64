r"""The Einstein-Maxwell functional \(\int (R - \tfrac14|F|^2)\,dV\), F = dA, \(|F|^2 = F_{ij}F^{ij}\).

Reference: Wald, General Relativity (1984), appendix E.1.
"""

from geomflow.functionals.base import Functional

EINSTEIN_MAXWELL = Functional.typed("einstein-maxwell", r"\mathcal{S}_F", "R - |F|^2/4", reference="Wald 1984, E.1")
