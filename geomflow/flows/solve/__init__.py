r"""Integration in time; the only folder that calls diffrax."""

from geomflow.flows.solve.integrate import Stops, integrate, integrate_many
from geomflow.flows.solve.methods import Explicit, Method
from geomflow.flows.solve.solution import History, Solution

__all__ = ["Explicit", "History", "Method", "Solution", "Stops", "integrate", "integrate_many"]
