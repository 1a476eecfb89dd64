r"""Initial data typed as text: a function of one variable, or numbers."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
import sympy as sp
from jaxtyping import Array

from geomflow.core.errors import ArgumentError, DerivationError
from geomflow.symbolic.charts.chart import Chart


def function(text: str, variable: str, example: str) -> Callable[[np.ndarray], np.ndarray]:
    r"""Return a vectorised function of one variable from text.

    Raises:
        ArgumentError: text that is no expression in it.
    """
    chart = Chart(variable)
    try:
        expression = chart.parse(text)
    except DerivationError as error:
        raise ArgumentError(f"`{text}` is no function of {variable} alone. Try `{example}`.") from error
    compiled = sp.lambdify(chart.coordinates[0], expression, "numpy")
    return lambda values: np.asarray(compiled(values), dtype=float) + np.zeros(np.shape(values))


def numbers(text: str, count: int | None = None) -> Array:
    r"""Return the numbers in a text such as "1 2.5 3".

    Raises:
        ArgumentError: something else, or another count.
    """
    try:
        found = [float(word) for word in text.replace(",", " ").split()]
    except ValueError as error:
        raise ArgumentError(f"`{text}` must hold numbers with spaces between them. Try `1 1.5 2.5`.") from error
    if count is not None and len(found) != count:
        raise ArgumentError(f"`{text}` must hold {count} numbers, but holds {len(found)}.")
    return jnp.asarray(found)
