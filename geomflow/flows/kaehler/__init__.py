r"""Kähler-Ricci flows: of a potential on complex tori, and of a profile where U(n) acts."""

from geomflow.flows.kaehler.calabi import HirzebruchFlow, LineBundleFlow
from geomflow.flows.kaehler.momentum import Ending, MomentumFlow, Profile
from geomflow.flows.kaehler.projective import ProjectiveFlow
from geomflow.flows.kaehler.torus import PotentialFlow

__all__ = ["Ending", "HirzebruchFlow", "LineBundleFlow", "MomentumFlow", "PotentialFlow", "Profile", "ProjectiveFlow"]
