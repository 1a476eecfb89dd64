r"""The Einstein-Hilbert functional \(\int R\,dV\); its gradient is minus the Einstein tensor.

Reference: Hilbert, Nachr. Ges. Wiss. Göttingen (1915) 395.
"""

from geomflow.functionals.base import Functional

HILBERT = Functional.typed("hilbert", r"\mathcal{S}", "R", reference="Hilbert 1915")
