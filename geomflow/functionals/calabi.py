r"""The Calabi functional \(\int R^2\,dV\), among all metrics.

Reference: Calabi, Extremal Kähler metrics (1982).
"""

from geomflow.functionals.base import Functional

CALABI = Functional.typed("calabi", r"\mathcal{C}", "R^2", reference="Calabi 1982")
