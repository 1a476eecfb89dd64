r"""Integration in time; the only folder that calls diffrax."""

from geomflow.flows.solve.banded import Banded
from geomflow.flows.solve.conditions import Stops
from geomflow.flows.solve.evolve import evolve
from geomflow.flows.solve.exponential import Exponential
from geomflow.flows.solve.implicit import Implicit
from geomflow.flows.solve.integrate import integrate, integrate_many
from geomflow.flows.solve.methods import Explicit, Method
from geomflow.flows.solve.solution import History, Solution, Stuck

__all__ = [
    "Banded",
    "Explicit",
    "Exponential",
    "History",
    "Implicit",
    "Method",
    "Solution",
    "Stops",
    "Stuck",
    "evolve",
    "integrate",
    "integrate_many",
]
