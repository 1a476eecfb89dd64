r"""The user's own metric, from a Python file that defines `metric(x, y)` (and optionally `measure(x, y)`)."""

from __future__ import annotations

import runpy
from pathlib import Path

import sympy as sp

from geomflow.core.errors import ArgumentError, GeomflowError, MetricError
from geomflow.metrics.torus.base import TorusMetric, torus_metric

EXAMPLE = """import sympy as sp

def metric(x, y):
    return [[1 + sp.cos(y)/5, sp.sin(x)/10], [sp.sin(x)/10, 1]]

def measure(x, y):          # optional; default 1
    return 1 + sp.cos(x)/4
"""


def metric_from_file(path: str | Path, dim: int) -> TorusMetric:
    r"""Read a torus metric from a Python file.

    Args:
        path: a file that defines `metric(x, y)` (for d = 3 `metric(x, y, z)`), returning nested lists or a SymPy Matrix
            of expressions 2π-periodic in every coordinate, and optionally `measure(x, y)` returning m > 0.
        dim: dimension d of the torus, 2 or 3.

    Raises:
        ArgumentError: no such file, no `metric` in it, or one that does not take d coordinates.
    """
    path = Path(path)
    if not path.is_file():
        raise ArgumentError(f"There is no file `{path}`. A metric file looks like this:\n\n{EXAMPLE}")
    try:
        names = runpy.run_path(str(path))
    except Exception as error:  # whatever the user's code raises is the user's to see, as a sentence
        raise ArgumentError(f"`{path}` cannot be run: {type(error).__name__}: {error}.") from error
    if not callable(names.get("metric")):
        raise ArgumentError(f"`{path}` must define a function `metric`. For example:\n\n{EXAMPLE}")
    coordinates = sp.symbols("x y z", real=True)[:dim]
    try:
        matrix = sp.ImmutableMatrix(names["metric"](*coordinates))
        if matrix.shape != (dim, dim):
            raise MetricError(
                f"`metric` in `{path}` must return a {dim} x {dim} matrix, but returns {matrix.rows} x {matrix.cols}."
            )
        measure = names["measure"](*coordinates) if "measure" in names else 1
        return torus_metric(path.stem, matrix, measure, "A metric from a file.")
    except GeomflowError:
        raise
    except Exception as error:
        raise ArgumentError(
            f"`metric` or `measure` in `{path}` cannot be evaluated at {dim} SymPy coordinates: "
            f"{type(error).__name__}: {error}. "
            f"For example:\n\n{EXAMPLE}"
        ) from error
