r"""Flows of all components of a metric on T^d, one per file; `symbolic_flow` makes one from what a user writes down."""

from geomflow.flows.torus.background import Background, BackgroundDeTurckFlow, background_connection
from geomflow.flows.torus.base import TorusFlow
from geomflow.flows.torus.bourguignon import ricci_bourguignon
from geomflow.flows.torus.deturck import DeTurckFlow
from geomflow.flows.torus.extended import list_flow
from geomflow.flows.torus.functional import functional_gradient_flow
from geomflow.flows.torus.lambda_flow import LambdaFlow
from geomflow.flows.torus.network import NetworkFlow
from geomflow.flows.torus.normalised import VolumeNormalised
from geomflow.flows.torus.perelman import FixedMeasureFlow
from geomflow.flows.torus.ricci import RicciFlow
from geomflow.flows.torus.user_made import SymbolicFlow, symbolic_flow

__all__ = [
    "Background",
    "BackgroundDeTurckFlow",
    "DeTurckFlow",
    "FixedMeasureFlow",
    "LambdaFlow",
    "NetworkFlow",
    "RicciFlow",
    "SymbolicFlow",
    "TorusFlow",
    "VolumeNormalised",
    "background_connection",
    "functional_gradient_flow",
    "list_flow",
    "ricci_bourguignon",
    "symbolic_flow",
]
