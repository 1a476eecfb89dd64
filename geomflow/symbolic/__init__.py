r"""The symbolic room: exact tensors on charts, abstract-index calculus, flows and their certificates.

What is used most can be imported from here; everything else by its full name. Nothing is loaded before it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geomflow.symbolic.abstract.parse import parse_density
    from geomflow.symbolic.abstract.variation import first_variation
    from geomflow.symbolic.charts.chart import Chart
    from geomflow.symbolic.charts.constructions import conformal, product, rotationally_symmetric, warped_product
    from geomflow.symbolic.charts.embeddings import from_embedding
    from geomflow.symbolic.charts.evaluation import evaluate_on
    from geomflow.symbolic.charts.lie_groups import left_invariant
    from geomflow.symbolic.charts.line_element import frame_metric, from_coframe, line_element
    from geomflow.symbolic.charts.metric import Metric
    from geomflow.symbolic.charts.transformations import transform
    from geomflow.symbolic.flows.evolution import evolve
    from geomflow.symbolic.flows.flow import Flow, gradient_flow, ricci_flow
    from geomflow.symbolic.flows.linearise import principal_symbol
    from geomflow.symbolic.kaehler.complex_chart import ComplexChart
    from geomflow.symbolic.kaehler.metric import Kaehler

_HOMES = {
    "abstract.parse": "parse_density",
    "abstract.variation": "first_variation",
    "charts.chart": "Chart",
    "charts.constructions": "conformal product rotationally_symmetric warped_product",
    "charts.embeddings": "from_embedding",
    "charts.evaluation": "evaluate_on",
    "charts.lie_groups": "left_invariant",
    "charts.line_element": "frame_metric from_coframe line_element",
    "charts.metric": "Metric",
    "charts.transformations": "transform",
    "flows.evolution": "evolve",
    "flows.flow": "Flow gradient_flow ricci_flow",
    "flows.linearise": "principal_symbol",
    "kaehler.complex_chart": "ComplexChart",
    "kaehler.metric": "Kaehler",
}
_HOME = {name: f"geomflow.symbolic.{module}" for module, names in _HOMES.items() for name in names.split()}

__all__ = [
    "Chart",
    "ComplexChart",
    "Flow",
    "Kaehler",
    "Metric",
    "conformal",
    "evaluate_on",
    "evolve",
    "first_variation",
    "frame_metric",
    "from_coframe",
    "from_embedding",
    "gradient_flow",
    "left_invariant",
    "line_element",
    "parse_density",
    "principal_symbol",
    "product",
    "ricci_flow",
    "rotationally_symmetric",
    "transform",
    "warped_product",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module `geomflow.symbolic` has no attribute `{name}`; it offers {', '.join(__all__)}.")
    return getattr(import_module(_HOME[name]), name)
