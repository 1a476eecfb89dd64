r"""Exact solutions, one file per family; `EXACT` is the catalogue."""

from geomflow.flows.exact.base import EXACT, ExactSolution, by_space

__all__ = ["EXACT", "ExactSolution", "by_space"]
