r"""Metrics, one family per file, each with what is exactly known about it.

`METRICS` are metrics on the torus, for numbers; `SPACES` are exact metrics with their ground truth, and `TRUTHS` the
kinds of truth. The numeric half needs jax and is imported when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from geomflow.metrics.spaces import SPACES, TRUTHS

if TYPE_CHECKING:
    from geomflow.metrics.torus.base import TorusMetric, torus_metric
    from geomflow.metrics.torus.catalogue import METRICS
    from geomflow.metrics.torus.from_file import metric_from_file
    from geomflow.metrics.torus.poisson import poisson

#: Names that need jax, and the files they live in.
_NUMERIC = {
    "METRICS": "catalogue",
    "TorusMetric": "base",
    "metric_from_file": "from_file",
    "poisson": "poisson",
    "torus_metric": "base",
}

__all__ = ["METRICS", "SPACES", "TRUTHS", "TorusMetric", "metric_from_file", "poisson", "torus_metric"]


def __getattr__(name: str) -> Any:
    if name not in _NUMERIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"geomflow.metrics.torus.{_NUMERIC[name]}"), name)
