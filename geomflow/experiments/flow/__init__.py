r"""`geomflow flow`: watch a flow of metrics."""

from geomflow.experiments.flow.run import FlowResult, FlowScene
from geomflow.experiments.flow.scenes import SCENES

__all__ = ["SCENES", "FlowResult", "FlowScene"]
