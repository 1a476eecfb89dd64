r"""Is this the curvature of this metric, and if not, whose convention is it? Values of one's own against autodiff's.

The values are compared with the truth first. Where they differ, the usual changes of convention are tried (sign, factor
two, order of the indices, indices raised or lowered, a neighbouring tensor in its place), the simplest first, and those
that match are named.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from geomflow.core.errors import ArgumentError
from geomflow.core.precision import require_x64
from geomflow.geometry import curvature
from geomflow.geometry.autodiff import Metric, Point, batched, jets
from geomflow.geometry.checks import degeneracy, unit_scales
from geomflow.geometry.identity_report import IdentityReport, in_units, rounding, sizes, worst

FACTORS = (Fraction(1), Fraction(-1), Fraction(2), Fraction(-2), Fraction(1, 2), Fraction(-1, 2))
NAMED_AT = 32  # points at which conventions are tried: those of largest curvature
LETTERS = {"dg": "ijk", "christoffel": "kij", "riemann": "abcd", "ricci": "bd"}


@dataclass(frozen=True)
class _Reading:
    r"""A tensor that values may be: its name, its components in units of what its terms can be, and those units."""

    name: str
    components: np.ndarray  # (points, n, ..., n)
    to_units: np.ndarray  # what values at hand are multiplied by to be in those units


def _tensors(metric: Metric, x: Point) -> tuple[dict[str, Any], Any]:
    g, dg, ddg = jets(metric, x)
    scales = unit_scales(g)
    size = sizes(scales, g, dg, ddg)
    k = size.inverse
    inverse, low = jnp.linalg.inv(g), curvature.riemann_lowered(g, dg, ddg)
    up, ric, gamma = curvature.raised(g, low), curvature.ricci(g, low), curvature.christoffel(g, dg)
    both = jnp.einsum("be,aecd->abcd", inverse, up)
    all_up = jnp.einsum("abef,ce,df->abcd", both, inverse, inverse)
    ricci_scalar, n = curvature.scalar(g, ric), x.size
    listed = {
        "dg": {"∂_k g_ij": (dg, "ddd", size.rate)},
        "christoffel": {
            "Γ^k_ij": (gamma, "udd", size.christoffel),
            "Γ_{k,ij}, of the first kind (all indices down)": (curvature.christoffel_first(dg), "ddd", size.rate),
        },
        "riemann": {
            "R^a_bcd": (up, "uddd", k * size.riemann),
            "R_abcd, all indices down": (low, "dddd", size.riemann),
            "R^ab_cd, two indices up": (both, "uudd", k**2 * size.riemann),
            "R^abcd, all indices up": (all_up, "uuuu", k**4 * size.riemann),
        },
        "ricci": {
            "Ric_bd": (ric, "dd", size.ricci),
            "Ric^b_d, one index up": (inverse @ ric, "ud", k * size.ricci),
            "Ric^bd, both indices up": (inverse @ ric @ inverse, "uu", k**2 * size.ricci),
            "the Einstein tensor Ric_bd - R g_bd / 2": (curvature.einstein(g, ric), "dd", size.einstein),
            "the trace-free Ricci tensor Ric_bd - R g_bd / n": (ric - ricci_scalar / n * g, "dd", size.einstein),
        },
    }
    if n > 2:
        listed["ricci"]["the Schouten tensor"] = (curvature.schouten(g, ric), "dd", size.einstein)
    ones = {rank: jnp.ones((n,) * rank) for rank in (2, 3, 4)}
    readings = {
        what: {
            name: (in_units(t, scales, slots) / unit, in_units(ones[t.ndim], scales, slots) / unit)
            for name, (t, slots, size_of_terms) in tensors.items()
            for unit in [jnp.where(size_of_terms > 0, size_of_terms, 1.0)]
        }
        for what, tensors in listed.items()
    }
    return readings, 1 / degeneracy(g)[2]


def _changes(readings: list[_Reading], letters: str) -> Iterator[tuple[int, str, np.ndarray, np.ndarray]]:
    r"""Yield (how far from what was meant, in words, components, units) for every change of convention."""
    for place, reading in enumerate(readings):
        rank = reading.components.ndim - 1
        for order in permutations(range(rank)):
            axes = (0, *(a + 1 for a in order))
            moved = sum(a != b for a, b in enumerate(order))
            for factor in FACTORS:
                words = []
                if factor != 1:
                    words.append("the opposite sign" if factor == -1 else f"the factor {factor}")
                if moved:
                    words.append(_order_in_words(order, letters))
                if place:
                    words.append(f"{reading.name} in place of {readings[0].name}")
                far = 2 * bool(place) + (moved and moved - 1) + (factor < 0) + 2 * (abs(factor) != 1)
                yield (
                    far,
                    " and ".join(words),
                    float(factor) * reading.components.transpose(axes),
                    reading.to_units.transpose(axes),
                )


def _order_in_words(order: tuple[int, ...], letters: str) -> str:
    moved = [a for a, b in enumerate(order) if a != b]
    if len(moved) == 2:
        return f"the indices {letters[moved[0]]} and {letters[moved[1]]} exchanged"
    return f"the index order [{', '.join(letters[a] for a in order)}] in place of [{', '.join(letters)}]"


def _compare(what: str, rank: int, values: Any, metric: Metric, points: Any, accuracy: float) -> IdentityReport:
    values, points = jnp.asarray(values), jnp.asarray(points)
    require_x64(values, points)
    if points.ndim == 0 or points.size == 0:
        raise ArgumentError(f"Argument `points` must have shape (*batch, n) with a point in it, not {points.shape}.")
    batch, n = points.shape[:-1], points.shape[-1]
    if values.shape != (*batch, *(n,) * rank):
        raise ArgumentError(
            f"At points of shape {points.shape} the values must have shape {(*batch, *(n,) * rank)}, "
            f"but have {values.shape}."
        )
    flat, given = np.asarray(points).reshape(-1, n), np.asarray(values).reshape(-1, *(n,) * rank)
    every, condition = jax.tree.map(np.asarray, batched(_tensors, metric)(jnp.asarray(flat)))
    # a pytree sorts its keys: what was meant, the shortest name, goes first
    readings = [_Reading(name, *every[what][name]) for name in sorted(every[what], key=len)]
    tolerance = rounding(n, condition) + accuracy
    truth, axes = readings[0], tuple(range(1, rank + 1))

    def gap(components: np.ndarray, to_units: np.ndarray, at: Any = slice(None)) -> np.ndarray:
        return np.max(np.abs(given[at] * to_units[at] - components[at]), axis=axes)

    finding = worst(f"{truth.name} of this metric", gap(truth.components, truth.to_units), tolerance, flat)
    sizes = np.max(np.abs(truth.components), axis=axes)
    advice = []
    if np.all(sizes <= tolerance):
        advice.append(f"{truth.name} vanishes at all these points: nothing can be said about its sign or index order.")
    elif not finding.passed:
        at = np.argsort(-sizes)[:NAMED_AT]
        matches = [
            (far, words)
            for far, words, components, units in _changes(readings, LETTERS[what])
            if words and np.all(gap(components, units, at) <= tolerance[at])
        ]
        best = [words for far, words in matches if far == min(far for far, _ in matches)]
        if best:
            advice.append(f"Your values have {'; or, which is the same here, '.join(best)}.")
        else:
            advice.append("No usual change of sign, factor, index order or index position turns them into the truth.")
    return IdentityReport(
        f"Values against autodiff: {truth.name}", (finding,), len(flat), float(condition.max()), tuple(advice)
    )


def compare_ricci(
    values: Float[Array, "*batch n n"], metric: Metric, points: Float[Array, "*batch n"], accuracy: float = 0.0
) -> IdentityReport:
    r"""Answer whether these values are the Ricci tensor Ric_bd of this metric, and name the convention if not.

    Args:
        values: `values[..., b, d]`.
        metric: x (n,) -> g (n, n), of any signature.
        points: where, shape (*batch, n).
        accuracy: the error the values carry beside rounding, relative to the terms of Ric (see `Sizes`).

    Raises:
        MetricError: g is not finite, not symmetric or singular at some point.
        ArgumentError, PrecisionError: shapes that do not fit; float32.

    Good values: points where nothing vanishes by symmetry; a metric without curvature tells nothing, and the report
    says so.
    """
    return _compare("ricci", 2, values, metric, points, accuracy)


def compare_riemann(
    values: Float[Array, "*batch n n n n"], metric: Metric, points: Float[Array, "*batch n"], accuracy: float = 0.0
) -> IdentityReport:
    r"""Answer whether `values[..., a, b, c, d]` is R^a_bcd of this metric; arguments and errors as `compare_ricci`."""
    return _compare("riemann", 4, values, metric, points, accuracy)


def compare_christoffel(
    values: Float[Array, "*batch n n n"], metric: Metric, points: Float[Array, "*batch n"], accuracy: float = 0.0
) -> IdentityReport:
    r"""Answer whether `values[..., k, i, j]` is Γ^k_ij of this metric; arguments and errors as `compare_ricci`."""
    return _compare("christoffel", 3, values, metric, points, accuracy)


def compare_first_derivatives(
    values: Float[Array, "*batch n n n"], metric: Metric, points: Float[Array, "*batch n"], accuracy: float = 0.0
) -> IdentityReport:
    r"""Answer whether `values[..., i, j, k]` is ∂_k g_ij of this metric; arguments and errors as `compare_ricci`."""
    return _compare("dg", 3, values, metric, points, accuracy)
