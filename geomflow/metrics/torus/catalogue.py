r"""The catalogue `METRICS` of metrics on the torus, where flows start."""

from geomflow.core.catalogue import Catalogue
from geomflow.metrics.torus.base import TorusMetric
from geomflow.metrics.torus.flat import FLAT_T2, FLAT_T3
from geomflow.metrics.torus.generic import GENERIC_T2, GENERIC_T3, NEARLY_FLAT_T2
from geomflow.metrics.torus.poisson import poisson

METRICS: Catalogue[TorusMetric] = Catalogue("metric")
for _metric in (GENERIC_T2, GENERIC_T3, NEARLY_FLAT_T2, FLAT_T2, FLAT_T3, poisson((1, 0), 1.0), poisson((1, 1), 1.5)):
    METRICS.add(_metric.name, _metric)
