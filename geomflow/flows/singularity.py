r"""Blow-up of curvature: when, how fast, and how surely, from max |Rm| against time.

A singularity at time T is of type I if (T - t) max |Rm| stays bounded. Then 1/|Rm| vanishes like T - t, and t, as a
function of y = 1/|Rm|, is extrapolated to y = 0 through samples at y, 2y, 4y, ..., with and without the last ones; what
they change falls off geometrically and is extrapolated in turn.

Reference: R. Hamilton, Surveys in Differential Geometry 2 (1995) 7, section 16.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from geomflow.core.errors import ArgumentError

#: Least growth of the curvature, and least number of samples on the way.
GROWTH, SAMPLES = 8.0, 12
#: Growth of the curvature from one sample to the next up to which samples at the end are used.
LEAP = 2.5
#: How far the exponent of |Rm| ~ (T - t)^{-p} may be from 1, its uncertainty included, for type I.
TYPE_ONE = 0.1
# corrections (T - t)^q with a smaller q are taken for logarithms
_SLOW = 0.3
# samples whose curvatures differ by less, in proportion, tell nothing new; they may differ by noise
_APART = 1e-3
# halvings of the curvature, from the last sample backward, that enter
_MOST_LEVELS = 9


@dataclass(frozen=True)
class BlowUp:
    r"""A singularity, extrapolated.

    Attributes:
        time, error: T and its uncertainty.
        rate, rate_error: p of |Rm| ~ (T - t)^{-p} over the last halvings of 1/|Rm|; 1 for type I.
        constant, constant_error: the limit of (T - t) max |Rm|; NaN where type I is not supported.
        type_one: whether the samples support type I.
    """

    time: float
    error: float
    rate: float
    rate_error: float
    constant: float
    constant_error: float
    type_one: bool

    def __str__(self) -> str:
        lines = [
            f"singular time    T = {self.time:.12g} ± {self.error:.1e}",
            f"rate             |Rm| ~ (T - t)^-p, p = {self.rate:.4f} ± {self.rate_error:.1e}",
        ]
        if self.type_one:
            lines.append(f"type I           (T - t)|Rm| -> {self.constant:.6g} ± {self.constant_error:.1e}")
        else:
            lines.append("type I           not supported by these samples")
        return "\n".join(lines)


def blow_up(times: np.ndarray, curvature: np.ndarray) -> BlowUp:
    r"""Extrapolate the singular time and the rate of blow-up.

    Args:
        times: increasing, shape (S,), such as `solution.history.times`.
        curvature: max |Rm| there.

    Returns:
        The extrapolated singularity; the errors are those of the extrapolation, what the samples are worth comes on
        top. Where they do not support type I, the time is extrapolated with the measured exponent, and there is no
        constant. (T - t)|Rm| has corrections that fall off like a power of T - t, or slower ones, as at a neckpinch,
        where they are taken for c_1/τ + c_2 ln τ/τ², τ = -ln(T - t).

    Raises:
        ArgumentError: samples of unlike shape, not finite or not in order; curvature that has not grown eightfold, or
            too few samples on the way.

    Good values: samples up to |Rm| at 1e4 times the initial one or more; `flow.run(..., watch=flow.curvature)`.
    """
    times, curvature = _checked(times, curvature)
    y = 1 / curvature
    kept = [len(y) - 1]
    for i in range(len(y) - 2, int(np.argmax(y)) - 1, -1):  # from the last one back, each at least a little larger
        if y[i] > (1 + _APART) * y[kept[-1]]:
            kept.append(i)
    # a last step that leaps (a run told to end just before T) leaves too few samples behind it to be read
    while len(kept) > SAMPLES and y[kept[1]] > LEAP * y[kept[0]]:
        del kept[0]
    times, y = times[kept[::-1]], y[kept[::-1]]
    if len(y) < SAMPLES or y[0] < GROWTH * y[-1]:
        raise ArgumentError(
            f"The curvature must have grown {GROWTH:.0f}-fold over {SAMPLES} samples, but has grown "
            f"{y[0] / y[-1]:.3g}-fold over {len(y)}. Run on towards the singularity.",
            growth=float(y[0] / y[-1]),
        )
    levels = y[-1] * 2.0 ** np.arange(min(_MOST_LEVELS, int(np.log2(y[0] / y[-1])) + 1))
    rate, rate_error = _rate(times, y, levels)
    type_one = abs(rate - 1) + rate_error <= TYPE_ONE
    nodes = _nearest(y, levels)
    variable = y[nodes] if type_one else y[nodes] ** (1 / rate)
    time, error = _extrapolated([_at_zero(variable[k:], times[nodes[k:]]) for k in range(3)])
    if not type_one:
        # the exponent is no better known than this, and neither is what is left of the time
        error = max(error, abs(time - times[-1]) * rate_error)
        return BlowUp(time, error, rate, rate_error, np.nan, np.nan, type_one)
    left = time - _between(times, y, levels)
    sure = left > 1e3 * error
    constant, constant_error = _limit(levels[sure], left[sure])
    constant_error += constant * error / left[sure][0]
    return BlowUp(time, error, rate, rate_error, constant, constant_error, type_one)


def _checked(times: np.ndarray, curvature: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    times, curvature = np.asarray(times, dtype=float), np.asarray(curvature, dtype=float)
    if times.ndim != 1 or times.shape != curvature.shape:
        raise ArgumentError(f"Give one curvature for each time, but their shapes are {times.shape}, {curvature.shape}.")
    if not (np.all(np.isfinite(times)) and np.all(np.isfinite(curvature)) and np.all(curvature > 0)):
        raise ArgumentError("Times and curvatures must be finite, and the curvatures positive. Leave out the others.")
    if len(times) < 2 or not np.all(np.diff(times) > 0):
        raise ArgumentError("Argument `times` must hold two or more increasing times.")
    return times, curvature


def _nearest(y: np.ndarray, levels: np.ndarray) -> list[int]:
    # samples next to the levels, the last sample first: true values, where interpolated ones would carry errors
    return sorted({int(np.argmin(np.abs(np.log(y / level)))) for level in levels}, reverse=True)


def _rate(times: np.ndarray, y: np.ndarray, levels: np.ndarray) -> tuple[float, float]:
    # the time from 2y to y is half of that from 4y to 2y for type I, and 2^{-1/p} of it in general
    spans = -np.diff(_between(times, y, levels))
    exponents = 1 / np.log2(spans[1:] / spans[:-1])
    last = exponents[:3]
    # where p still drifts, it has as far to go as it came within these halvings
    return float(last[0]), float(np.ptp(last)) if len(last) > 1 else np.inf


def _between(times: np.ndarray, y: np.ndarray, levels: np.ndarray) -> np.ndarray:
    return CubicSpline(np.log(y[::-1]), times[::-1])(np.log(levels))


def _at_zero(nodes: np.ndarray, values: np.ndarray) -> float:
    # Neville's value at 0 of the polynomial through all nodes
    column = np.asarray(values, dtype=float)
    for order in range(1, len(nodes)):
        near, far = nodes[:-order], nodes[order:]
        column = (far * column[:-1] - near * column[1:]) / (far - near)
    return float(column[0])


def _extrapolated(values: list[float]) -> tuple[float, float]:
    # the limit of values of which the first is the best, the second worse by a factor r, the third by r²
    steps = np.diff(values)
    noise = 4 * np.spacing(abs(values[0]))
    if abs(steps[0]) <= noise or steps[1] / steps[0] < 1.2:
        return values[0], float(abs(steps[0]) + noise)
    correction = steps[0] / (steps[1] / steps[0] - 1)
    return values[0] - correction, float(abs(correction) + noise)


def _limit(y: np.ndarray, left: np.ndarray) -> tuple[float, float]:
    # of c = (T - t)|Rm| at y, 2y, 4y, ...
    constants, tau = left / y, -np.log(left)
    steps = np.diff(constants[:4])
    if np.all(np.abs(steps[:1]) < 1e-9 * constants[0]):  # nothing left to extrapolate
        return float(constants[0]), float(np.abs(steps[0]))
    ratios = steps[1:] / steps[:-1]
    if len(ratios) == 2 and ratios[0] < 2**_SLOW and np.all(tau > 1):
        one, two = (_without_logarithms(tau, constants, terms) for terms in (1, 2))
        return two, abs(two - one)
    # c + b y^q, q from the ratio of two steps; and the same without the last sample
    limits = constants[: len(ratios)] - steps[: len(ratios)] / (ratios - 1)
    if len(limits) < 2:
        return float(limits[0]), float("inf")
    # a small q may be a logarithm in disguise: then the whole correction is uncertain
    slow = abs(limits[0] - constants[0]) if ratios[0] < 2**0.75 else 0.0
    return float(limits[0]), float(max(np.ptp(limits), slow))


def _without_logarithms(tau: np.ndarray, values: np.ndarray, terms: int) -> float:
    corrections = np.stack([np.ones_like(tau), 1 / tau, np.log(tau) / tau**2], axis=-1)[:, : terms + 1]
    return float(np.linalg.lstsq(corrections, values, rcond=None)[0][0])
