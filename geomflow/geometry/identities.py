r"""The identities of Riemannian geometry as functions a user calls on a metric, or on curvature arrays, of their own.

How a defect is judged stands in `geomflow.geometry.identity_report`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from geomflow.core.errors import ArgumentError
from geomflow.core.precision import require_x64
from geomflow.geometry import curvature
from geomflow.geometry.autodiff import Metric, Point, batched, jets
from geomflow.geometry.checks import check_nondegenerate, degeneracy, unit_scales
from geomflow.geometry.identity_report import Finding, IdentityReport, in_units, largest, rounding, sizes, worst

STEP = 1e-3  # of the differences that ∂g is compared with, in units of 1 / rate
DIFFERENCES = 1e-6  # what they are held to: truncation 30 STEP⁴, rounding ε / STEP, and a margin
NEGLIGIBLE = 1e-6  # curvature below this fraction of the largest is judged against that fraction


# -- a metric callable ------------------------------------------------------------------------------------------------


def _ratio(defect: Array, unit: Array) -> Array:
    # nothing, measured against nothing, is no defect; anything is
    return jnp.where(defect == 0, 0.0, jnp.where(unit > 0, defect / jnp.where(unit > 0, unit, 1.0), jnp.inf))


def riemann_symmetries(low: Any) -> dict[str, Any]:
    r"""Return the four combinations of R_abcd, shape (*batch, n, n, n, n), that vanish, by name."""
    lead = low.ndim - 4

    def read(*order: int) -> Any:
        return low.transpose(*range(lead), *(lead + slot for slot in order))

    return {
        "antisymmetry, R_abcd = -R_abdc": low + read(0, 1, 3, 2),
        "antisymmetry, R_abcd = -R_bacd": low + read(1, 0, 2, 3),
        "pair symmetry, R_abcd = R_cdab": low - read(2, 3, 0, 1),
        "first Bianchi, R_a[bcd] = 0": low + read(0, 2, 3, 1) + read(0, 3, 1, 2),
    }


def _by_differences(metric: Metric, x: Point, steps: Array) -> Array:
    # fourth order, so that STEP need not be small and rounding stays small
    def along(step: Array) -> Array:
        at = lambda k: metric(x + k * step)  # noqa: E731
        return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / 12

    return jnp.moveaxis(jax.vmap(along)(jnp.diag(steps)) / steps[:, None, None], 0, -1)


def _metric_defects(metric: Metric, x: Point) -> dict[str, Array]:
    def fields(y: Point) -> Any:
        g, dg, ddg = jets(metric, y)
        low = curvature.riemann_lowered(g, dg, ddg)
        return (low, curvature.einstein(g, curvature.ricci(g, low))), (g, dg, ddg, low)

    (dlow, deinstein), (g, dg, ddg, low) = jax.jacfwd(fields, has_aux=True)(x)
    inverse, gamma, ric = jnp.linalg.inv(g), curvature.christoffel(g, dg), curvature.ricci(g, low)
    scales = unit_scales(g)
    size = sizes(scales, g, dg, ddg)
    nabla = curvature.covariant(gamma, low, dlow, "dddd")
    divergence = jnp.einsum(
        "be,bde->d", inverse, curvature.covariant(gamma, curvature.einstein(g, ric), deinstein, "dd")
    )
    steps = STEP / (scales * jnp.where(size.rate > 0, size.rate, 1.0))
    listed = {
        "∂g, against differences of g": (dg - _by_differences(metric, x, steps), "ddd", size.rate),
        "∂_k ∂_l g = ∂_l ∂_k g": (ddg - jnp.swapaxes(ddg, 2, 3), "dddd", size.rate**2),
        "metric compatibility, ∇g = 0": (curvature.covariant(gamma, g, dg, "dd"), "ddd", size.christoffel),
        **{name: (value, "dddd", size.riemann) for name, value in riemann_symmetries(low).items()},
        "symmetry, Ric_ab = Ric_ba": (ric - ric.T, "dd", size.ricci),
    }
    if x.size > 2:
        trace = jnp.einsum("ac,abcd->bd", inverse, curvature.weyl(g, low))
        listed["Weyl is traceless"] = (trace, "dd", size.inverse * (size.riemann + size.einstein))
    cyclic = nabla + jnp.einsum("abdec->abcde", nabla) + jnp.einsum("abecd->abcde", nabla)
    unit = largest(in_units(dlow, scales, "ddddd")) + size.christoffel * size.riemann
    listed["second Bianchi, ∇_[e R_cd]ab = 0"] = (cyclic, "ddddd", unit)
    unit = size.inverse * (largest(in_units(deinstein, scales, "ddd")) + size.christoffel * size.einstein)
    listed["contracted Bianchi, ∇^b G_bd = 0"] = (divergence, "d", unit)
    return {name: _ratio(largest(in_units(v, scales, s)), unit) for name, (v, s, unit) in listed.items()}


def _with_condition(metric: Metric, x: Point) -> tuple[dict[str, Array], Array]:
    return _metric_defects(metric, x), 1 / degeneracy(metric(x))[2]


def check_metric_identities(metric: Metric, points: Float[Array, "*batch n"]) -> IdentityReport:
    r"""Check a metric callable: its derivatives, and every identity its curvature must obey.

    A formula in jax.numpy passes by construction. What fails is a wrong custom derivative rule, a value cut out of the
    graph by `stop_gradient`, a table that is not smooth, a branch at the point, precision lost on the way.

    Args:
        metric: x (n,) -> g (n, n), of any signature.
        points: where, shape (*batch, n).

    Returns:
        The report: `report.passed`, `print(report)`.

    Raises:
        MetricError: g is not finite, not symmetric or singular at some point.
        ArgumentError, PrecisionError: as `geomflow.geometry.autodiff.batched`.

    Good values: ten random points of the chart, away from its singularities.
    """
    flat = _points(points)
    defects, condition = batched(_with_condition, metric)(flat)
    defects, condition, flat = jax.tree.map(np.asarray, (defects, condition, flat))
    tolerance = rounding(flat.shape[-1], np.ones(len(flat)))  # the sizes of the terms hold the condition number
    findings = [
        worst(name, value, np.maximum(tolerance, DIFFERENCES) if "differences" in name else tolerance, flat)
        for name, value in defects.items()
    ]
    order = ["differences", "∂_k", "compatib", "antisymmetry", "pair", "first B", "symmetry", "Weyl", "second", "contr"]
    # a pytree sorts its keys; this is the order of the argument
    findings.sort(key=lambda f: next(i for i, word in enumerate(order) if word in f.identity))
    advice = ()
    if not findings[0].passed or not findings[1].passed:
        advice = (
            "The derivatives of this metric are not those of its values: look for a custom derivative rule, "
            "`stop_gradient`, a rounding or a branch in it. All that follows inherits that.",
        )
    return IdentityReport("Identities of a metric", tuple(findings), len(flat), float(np.max(condition)), advice)


def _points(points: Any) -> Array:
    points = jnp.asarray(points)
    require_x64(points)
    if points.ndim == 0 or points.size == 0:
        raise ArgumentError(f"Argument `points` must have shape (*batch, n) with a point in it, not {points.shape}.")
    return points.reshape(-1, points.shape[-1])


# -- curvature arrays -------------------------------------------------------------------------------------------------


@jax.jit
@jax.vmap
def _array_scales(g: Array, dg: Array) -> tuple[Array, Array, Array]:
    scales = unit_scales(g)
    gamma = in_units(curvature.christoffel(g, dg), scales, "udd")
    return degeneracy(g), scales, largest(gamma) ** 2


def check_riemann(
    riemann: Float[Array, "*batch n n n n"],
    g: Float[Array, "*batch n n"],
    dg: Float[Array, "*batch n n n"] | None = None,
    ricci: Float[Array, "*batch n n"] | None = None,
    accuracy: float = 0.0,
) -> IdentityReport:
    r"""Check the algebra of curvature arrays R^a_bcd, index up first: four symmetries, and the Ricci contraction.

    The sign of a Riemann tensor is beyond these identities (`compare_riemann` sees it, from the metric); the position
    of the indices is not: where the array fails, other readings of it are tried, and those that hold are named.

    Args:
        riemann: `riemann[..., a, b, c, d]` = R^a_bcd.
        g: the metric at the same points, of any signature.
        dg: `dg[..., i, j, k]` = ∂_k g_ij, if known: the scale for points where the curvature nearly vanishes.
        ricci: `ricci[..., b, d]`, to be compared with R^a_bad.
        accuracy: the relative error the values carry beside rounding: 1e-6, say, for differences on a grid.

    Returns:
        The report; its points are the indices in the batch.

    Raises:
        ArgumentError: shapes that do not fit.
        MetricError: g is not finite, not symmetric or singular at some point.
    """
    riem, metric = np.asarray(riemann), np.asarray(g)
    require_x64(riem, metric)
    n, batch = metric.shape[-1], metric.shape[:-2]
    if metric.size == 0:
        raise ArgumentError(f"Argument `g` must hold the metric at one point at least, but has shape {metric.shape}.")
    _fit({"g": (metric, 2), "riemann": (riem, 4), "dg": (dg, 3), "ricci": (ricci, 2)}, batch, n)
    metric, riem = metric.reshape(-1, n, n), riem.reshape(-1, n, n, n, n)
    first = np.zeros((len(metric), n, n, n)) if dg is None else np.asarray(dg).reshape(-1, n, n, n)
    numbers, scales, squares = map(np.asarray, _array_scales(metric, first))
    where = np.array(list(np.ndindex(*batch)), dtype=float).reshape(len(metric), -1)
    check_nondegenerate(numbers, where, "metric `g` (by its indices in the batch)")
    condition = 1 / numbers[:, 2]
    tolerance = rounding(n, condition) + accuracy
    metric = in_units(metric, scales, "dd")

    def relative(defect: np.ndarray, low: np.ndarray) -> np.ndarray:
        largest_of = lambda t: np.nan_to_num(np.max(np.abs(t), axis=tuple(range(1, t.ndim))), nan=np.inf)  # noqa: E731
        curved = largest_of(low)
        curved[np.isinf(curved)] = 0.0  # what is not finite is a defect, and no scale
        unit = np.maximum.reduce([curved, np.full_like(curved, NEGLIGIBLE * curved.max()), squares])
        defect = largest_of(defect)
        return np.where(defect == 0, 0.0, np.where(unit > 0, defect / np.where(unit > 0, unit, 1.0), np.inf))

    def findings(low: np.ndarray) -> list[Finding]:
        return [worst(k, relative(v, low), tolerance, where) for k, v in riemann_symmetries(low).items()]

    as_given = np.einsum("pae,pebcd->pabcd", metric, in_units(riem, scales, "uddd"))
    found, advice = findings(as_given), []
    if not all(f.passed for f in found):
        readings = _readings(riem, metric, scales)
        advice = [reading for reading, low in readings if all(f.passed for f in findings(low))][:1]
        advice = advice or ["Read with any one or no index up, in any order, it fails as well: the values are wrong."]
    if ricci is not None:
        given = in_units(np.asarray(ricci).reshape(-1, n, n), scales, "dd")
        contracted = np.einsum("pabad->pbd", in_units(riem, scales, "uddd"))
        plus, minus = (
            worst("contraction, Ric_bd = R^a_bad", relative(given - s * contracted, as_given), tolerance, where)
            for s in (1, -1)
        )
        found.append(plus)
        if minus.passed and not plus.passed:
            advice.append("Your Ricci is -R^a_bad = R^a_bda: its sign, or that of your Riemann, is opposite to ours.")
    return IdentityReport("Curvature arrays", tuple(found), len(where), float(condition.max()), tuple(advice))


def _fit(arrays: dict[str, tuple[Any, int]], batch: tuple[int, ...], n: int) -> None:
    for name, (array, rank) in arrays.items():
        if array is not None and np.shape(array) != (*batch, *(n,) * rank):
            raise ArgumentError(
                f"Argument `{name}` must have shape {(*batch, *(n,) * rank)} beside a metric of shape "
                f"{(*batch, n, n)}, but has {np.shape(array)}."
            )


def _readings(riem: np.ndarray, metric: np.ndarray, scales: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    # Which slot is up, and which slots are the antisymmetric pairs: (01)(23), (02)(13) or (03)(12). Orders within a
    # pair only change the sign, which the identities do not see.
    names = ("first", "second", "third", "fourth")
    for up in (None, 0, 1, 2, 3):
        slots = "".join("u" if slot == up else "d" for slot in range(4))
        low = in_units(riem, scales, slots)
        if up is not None:
            low = np.moveaxis(np.einsum("pae,pe...->pa...", metric, np.moveaxis(low, up + 1, 1)), 1, up + 1)
        position = "all four indices down" if up is None else f"its {names[up]} index up"
        for order in ((0, 1, 2, 3), (0, 2, 1, 3), (0, 3, 1, 2)):
            one, two, three, four = (names[slot] for slot in order)
            text = f"The identities hold if your array is read with {position}"
            if order != (0, 1, 2, 3):
                text += f", and its {one} and {two} index as one antisymmetric pair, {three} and {four} as the other"
            yield f"{text}.", low.transpose(0, *(slot + 1 for slot in order))
