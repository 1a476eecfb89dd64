r"""Exact solutions, one file per family; `EXACT` is the catalogue."""

from importlib import import_module
from importlib.util import find_spec

from geomflow.flows.exact.base import EXACT, ExactSolution, by_space

for _family in ("conformal", "warped", "homogeneous", "kaehler", "torus"):
    if find_spec(f"geomflow.flows.exact.{_family}") is not None:
        for _entry in import_module(f"geomflow.flows.exact.{_family}").FAMILY:
            EXACT.add(_entry.name, _entry)

__all__ = ["EXACT", "ExactSolution", "by_space"]
