r"""Ricci flow of left-invariant metrics on Lie groups: by name, or on any frame that is typed."""

from geomflow.flows.homogeneous.base import HomogeneousFlow
from geomflow.flows.homogeneous.diagonal import DiagonalFlow
from geomflow.flows.homogeneous.extinction import berger_extinction, su2_extinction
from geomflow.flows.homogeneous.groups import GROUPS
from geomflow.flows.homogeneous.invariant import InvariantFlow

__all__ = ["GROUPS", "DiagonalFlow", "HomogeneousFlow", "InvariantFlow", "berger_extinction", "su2_extinction"]
