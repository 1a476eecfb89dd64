r"""Flows of metrics, one per file. `FLOWS` is the catalogue; what a flow needs beside a grid is in its docstring."""

from collections.abc import Callable

from geomflow.core.catalogue import Catalogue
from geomflow.flows.torus.base import TorusFlow
from geomflow.flows.torus.deturck import DeTurckFlow
from geomflow.flows.torus.lambda_flow import LambdaFlow, perelman_lambda
from geomflow.flows.torus.network import NetworkFlow
from geomflow.flows.torus.perelman import FixedMeasureFlow, stability_horizon
from geomflow.flows.torus.ricci import RicciFlow

FLOWS: Catalogue[Callable[..., TorusFlow]] = Catalogue("flow")
FLOWS.add("ricci", RicciFlow)
FLOWS.add("deturck", DeTurckFlow)
FLOWS.add("perelman", FixedMeasureFlow)
FLOWS.add("lambda", LambdaFlow)
FLOWS.add("network", NetworkFlow)

__all__ = [
    "FLOWS",
    "DeTurckFlow",
    "FixedMeasureFlow",
    "LambdaFlow",
    "NetworkFlow",
    "RicciFlow",
    "TorusFlow",
    "perelman_lambda",
    "stability_horizon",
]
