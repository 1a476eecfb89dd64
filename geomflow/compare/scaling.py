r"""Means over draws with their standard errors, and power laws fitted to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from geomflow.core.errors import ArgumentError


def root_mean_square(values: Float[np.ndarray, "*cells draws"]) -> tuple[np.ndarray, np.ndarray]:
    r"""Return the root mean square over the last axis (draws) and its standard error, both of shape (*cells).

    A draw that is NaN, such as a flow that stopped, makes its cell NaN.

    Raises:
        ArgumentError: fewer than two draws.
    """
    values = np.asarray(values)
    if values.shape[-1] < 2:
        raise ArgumentError("A standard error needs two or more draws. Draw more networks.")
    squares = values**2
    mean = np.sqrt(np.mean(squares, axis=-1))
    return mean, np.std(squares, axis=-1, ddof=1) / np.sqrt(values.shape[-1]) / (2 * mean)


@dataclass(frozen=True)
class PowerLaw:
    r"""$y = c\,x^\gamma$: exponent γ with its standard error, and prefactor c."""

    exponent: float
    error: float
    prefactor: float


def power_law(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], relative: float = 0.0) -> PowerLaw:
    r"""Fit $y = c\,x^\gamma$ by least squares of the logarithms, all points alike.

    The error is the larger of what the points' own `relative` errors and what their scatter about the line say; a
    weight for each point is not taken from its own few draws, since that favours cells that came out small.

    Args:
        x, y: positive, at least two of them (three for an error from the scatter).
        relative: standard error of y over y, typical of the points.

    Raises:
        ArgumentError: fewer than two points, or values that are not positive.
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if len(x) < 2 or not (np.all(x > 0) and np.all(y > 0)):
        raise ArgumentError(f"A power law needs two or more positive points, but x = {x} and y = {y}.")
    log = np.log(x)
    spread = np.sum((log - log.mean()) ** 2)
    exponent = float(np.sum((log - log.mean()) * np.log(y)) / spread)
    constant = float(np.mean(np.log(y)) - exponent * log.mean())
    rest = np.log(y) - constant - exponent * log
    scatter = np.sqrt(np.sum(rest**2) / (len(x) - 2)) if len(x) > 2 else 0.0
    return PowerLaw(exponent, float(max(relative, scatter) / np.sqrt(spread)), float(np.exp(constant)))


def combined(estimates: Sequence[tuple[float, float]]) -> tuple[float, float]:
    r"""Return the mean of independent (value, standard error) pairs, weighted by 1/error², and its error."""
    values, errors = np.array(estimates, dtype=float).T
    weights = errors**-2.0
    return float(np.sum(weights * values) / np.sum(weights)), float(np.sum(weights) ** -0.5)
