r"""Flows of metrics, a folder per family, one flow per file: the catalogue `FLOWS`; `EXACT` are exact solutions."""

from collections.abc import Callable
from typing import Any

from geomflow.core.catalogue import Catalogue
from geomflow.flows.base import Flow
from geomflow.flows.conformal import ConformalSphereFlow, ConformalTorusFlow
from geomflow.flows.entropies import QUANTITIES as ENTROPIES
from geomflow.flows.exact import EXACT
from geomflow.flows.homogeneous import GROUPS, DiagonalFlow, InvariantFlow
from geomflow.flows.kaehler import HirzebruchFlow, LineBundleFlow, PotentialFlow, ProjectiveFlow
from geomflow.flows.solve import evolve, integrate
from geomflow.flows.torus import (
    BackgroundDeTurckFlow,
    DeTurckFlow,
    FixedMeasureFlow,
    LambdaFlow,
    NetworkFlow,
    RicciFlow,
    TorusFlow,
    VolumeNormalised,
    functional_gradient_flow,
    list_flow,
    ricci_bourguignon,
    symbolic_flow,
)
from geomflow.flows.torus.lambda_flow import perelman_lambda
from geomflow.flows.torus.perelman import stability_horizon
from geomflow.flows.warped import DoublyWarpedFlow, RotationalFlow

FLOWS: Catalogue[Callable[..., Any]] = Catalogue("flow")
FLOWS.add("ricci", RicciFlow)
FLOWS.add("deturck", DeTurckFlow)
FLOWS.add("background-deturck", BackgroundDeTurckFlow)
FLOWS.add("normalised", VolumeNormalised)
FLOWS.add("perelman", FixedMeasureFlow)
FLOWS.add("lambda", LambdaFlow)
FLOWS.add("network", NetworkFlow)
FLOWS.add("bourguignon", ricci_bourguignon)
FLOWS.add("list", list_flow)
FLOWS.add("gradient", functional_gradient_flow)
FLOWS.add("symbolic", symbolic_flow)
FLOWS.add("conformal-torus", ConformalTorusFlow)
FLOWS.add("conformal-sphere", ConformalSphereFlow)
FLOWS.add("rotational", RotationalFlow)
FLOWS.add("doubly-warped", DoublyWarpedFlow)
FLOWS.add("diagonal", DiagonalFlow)
FLOWS.add("left-invariant", InvariantFlow)
FLOWS.add("projective", ProjectiveFlow)
FLOWS.add("hirzebruch", HirzebruchFlow)
FLOWS.add("line-bundle", LineBundleFlow)
FLOWS.add("potential", PotentialFlow)

__all__ = [
    "ENTROPIES",
    "EXACT",
    "FLOWS",
    "GROUPS",
    "BackgroundDeTurckFlow",
    "ConformalSphereFlow",
    "ConformalTorusFlow",
    "DeTurckFlow",
    "DiagonalFlow",
    "DoublyWarpedFlow",
    "FixedMeasureFlow",
    "Flow",
    "HirzebruchFlow",
    "InvariantFlow",
    "LambdaFlow",
    "LineBundleFlow",
    "NetworkFlow",
    "PotentialFlow",
    "ProjectiveFlow",
    "RicciFlow",
    "RotationalFlow",
    "TorusFlow",
    "VolumeNormalised",
    "evolve",
    "functional_gradient_flow",
    "integrate",
    "list_flow",
    "perelman_lambda",
    "ricci_bourguignon",
    "stability_horizon",
    "symbolic_flow",
]
