r"""Flows of metrics, one per file. `FLOWS` lists those that need nothing but a torus grid (and a kernel)."""

from collections.abc import Callable

from geomflow.core.catalogue import Catalogue
from geomflow.flows.base import TorusFlow
from geomflow.flows.deturck import DeTurckFlow
from geomflow.flows.lambda_flow import LambdaFlow, perelman_lambda
from geomflow.flows.perelman import FixedMeasureFlow, stability_horizon
from geomflow.flows.ricci import RicciFlow

FLOWS: Catalogue[Callable[..., TorusFlow]] = Catalogue("flow")
FLOWS.add("ricci", RicciFlow)
FLOWS.add("deturck", DeTurckFlow)
FLOWS.add("perelman", FixedMeasureFlow)
FLOWS.add("lambda", LambdaFlow)

__all__ = [
    "FLOWS",
    "DeTurckFlow",
    "FixedMeasureFlow",
    "LambdaFlow",
    "RicciFlow",
    "TorusFlow",
    "perelman_lambda",
    "stability_horizon",
]
