r"""Ricci flow of surfaces within a conformal class."""

from geomflow.flows.conformal.base import ConformalFlow
from geomflow.flows.conformal.sphere import ConformalSphereFlow
from geomflow.flows.conformal.torus import ConformalTorusFlow

__all__ = ["ConformalFlow", "ConformalSphereFlow", "ConformalTorusFlow"]
