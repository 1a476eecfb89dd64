r"""Exact solutions, one file per family; `EXACT` is the catalogue."""

from geomflow.flows.exact import conformal, homogeneous, kaehler, torus, warped
from geomflow.flows.exact.base import EXACT, ExactSolution, by_space

for _family in (warped, conformal, homogeneous, kaehler, torus):
    for _solution in _family.FAMILY:
        EXACT.add(_solution.name, _solution)

__all__ = ["EXACT", "ExactSolution", "by_space"]
