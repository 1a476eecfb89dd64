r"""A tensor of a metric as a numerical function: generated once, loaded, and called on points."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from geomflow.codegen.cache import cached
from geomflow.codegen.jet_functions import jet_quantity
from geomflow.codegen.layouts import RANKS, full
from geomflow.codegen.metric_functions import Form, function_jet, metric_program
from geomflow.codegen.modules import load
from geomflow.codegen.quantities import QUANTITIES
from geomflow.core.errors import ArgumentError, MetricError, PrecisionError
from geomflow.core.precision import require_x64
from geomflow.symbolic.charts.metric import Metric

#: Points at which single precision is compared with double, and the relative error beyond which it is refused.
_SAMPLE, _MOST_ERROR = 1024, 1e-2


@dataclass(frozen=True, eq=False)
class Generated:
    r"""A generated tensor field.

    Called on points it returns every component; `components` returns the independent ones in the fast layout.

    Args:
        quantity: its name in `QUANTITIES`.
        source: the source of the function and its derivatives.
        components: the function itself, of `(point, constants..., function jets...)`, components first.
        dim: dimension n.
        functions: the unknown functions of the chart, with the places of the coordinates they depend on.
    """

    quantity: str
    source: str
    components: Callable[..., Any]
    dim: int
    functions: Mapping[str, tuple[int, ...]]

    @property
    def arguments(self) -> tuple[str, ...]:
        r"""Names of the arguments after the points: constants and unknown functions."""
        return tuple(inspect.signature(self.components).parameters)[1:]

    def __call__(self, points: Float[Array, "*batch n"], /, **values: Any) -> Array:
        r"""Return the tensor at points.

        Args:
            points: coordinates, shape `(*batch, n)`.
            **values: a number or batch for each constant; for each unknown function a callable of the coordinates it
                depends on (differentiated here), or its jet `(derivatives, *batch)`.

        Returns:
            Shape `(*batch, n, ..., n)`, indices as in `geomflow.core.types`.

        Raises:
            ArgumentError: a value is missing or unknown, or the points have another dimension.
            MetricError: the tensor is not finite at a point, such as a pole of the chart (outside of `jit` only; there,
                as from `components`, such points alone are NaN or infinite). Numbers: `point`.
            PrecisionError: JAX runs in float32, or the points are in single precision: `single` is meant for that.
        """
        points = _points(points)
        require_x64(points)
        given = self._values(points, values)
        found = full(self.components(jnp.moveaxis(points, -1, 0), *given), self._symmetry, self.dim)
        if not isinstance(found, Tracer) and not isinstance(points, Tracer):
            self._check_finite(np.asarray(found), np.asarray(points), RANKS[self._symmetry])
        return found

    def single(self, points: Float[Array, "*batch n"], /, **values: Any) -> tuple[Array, float]:
        r"""Return the tensor in single precision, and its largest error found against double precision.

        The error is relative to the largest component at a point, over at most `_SAMPLE` points spread over the batch.

        Args:
            points: coordinates, shape `(*batch, n)`.
            **values: as in a call.

        Raises:
            MetricError: the tensor is not finite at a point of the comparison.
            PrecisionError: JAX runs in float32, so that there is nothing to compare with; or the error is larger than
                `_MOST_ERROR`, or infinite, so that the numbers mean nothing. Numbers: `error`.
        """
        require_x64()
        points = _points(points)
        given = self._values(points, values)
        coordinates = jnp.moveaxis(points, -1, 0)
        low = self.components(*(a.astype(_lower(a.dtype)) for a in (coordinates, *given)))
        count = points[..., 0].size
        chosen = np.unique(np.linspace(0, count - 1, min(_SAMPLE, count)).astype(int))
        shapes = self.components.arguments  # pyright: ignore[reportFunctionMemberAccess]
        sampled = [_at(a, len(shape), points.shape[:-1], chosen) for a, shape in zip((coordinates, *given), shapes)]
        exact = np.asarray(self.components(*sampled))
        self._check_finite(np.moveaxis(exact, 0, -1), np.asarray(points).reshape(-1, self.dim)[chosen], rank=1)
        rough = np.asarray(low).reshape(len(low), -1)[:, chosen]
        size = np.max(np.abs(exact), axis=0, initial=0.0)
        gap = np.max(np.abs(rough - exact), axis=0, initial=0.0)
        relative = np.divide(gap, size, out=np.where(gap > 0, np.inf, 0.0), where=size > 0)
        error = float(np.max(relative, initial=0.0)) if np.isfinite(low).all() else float("inf")
        if not error <= _MOST_ERROR:
            raise PrecisionError(
                f"In single precision `{self.quantity}` has a relative error of {error:.2g}, more than "
                f"{_MOST_ERROR:g}. Call it in double precision, or keep away from points where its terms cancel.",
                error=error,
            )
        return full(low, self._symmetry, self.dim), error

    @property
    def _symmetry(self) -> str:
        return QUANTITIES[self.quantity].symmetry

    def _values(self, points: Array, values: Mapping[str, Any]) -> list[Array]:
        if points.ndim == 0 or points.shape[-1] != self.dim:
            raise ArgumentError(
                f"Points must have shape (*batch, {self.dim}), coordinates last, but have shape {points.shape}."
            )
        missing, extra = set(self.arguments) - set(values), set(values) - set(self.arguments)
        if missing or extra:
            known = ", ".join(self.arguments) or "none"
            what = f"`{min(missing)}` is missing" if missing else f"`{min(extra)}` is unknown"
            raise ArgumentError(f"The function takes the values {known}, but {what}. Give each by its name.")
        shapes = self.components.arguments[1:]  # pyright: ignore[reportFunctionMemberAccess]
        return [self._value(name, values[name], points, shape) for name, shape in zip(self.arguments, shapes)]

    def _check_finite(self, found: np.ndarray, points: np.ndarray, rank: int) -> None:
        # the constants may have more batch axes than the points; a NaN point is bad even where the tensor is constant
        batch = found.shape[: found.ndim - rank]
        good = np.isfinite(found).all(axis=tuple(range(len(batch), found.ndim)))
        bad = ~(good & np.isfinite(points).all(axis=-1))
        if bad.any():
            first = np.broadcast_to(points, (*batch, self.dim))[tuple(np.argwhere(bad)[0])]
            point = tuple(x.item() for x in first)
            raise MetricError(
                f"`{self.quantity}` is not finite at {int(bad.sum())} of {bad.size} points, first at "
                f"({', '.join(f'{x:.6g}' for x in point)}): the chart or the metric ends there. Leave such points out, "
                "or call `components`, which returns what it finds.",
                point=point,
            )

    def _array(self, name: str, value: Any, batch: tuple[int, ...], shape: tuple[int, ...]) -> Array:
        what = f"a callable or the {shape[0]} entries of a jet" if shape else "a number or one for each point"
        try:
            array = jnp.asarray(value)
        except (TypeError, ValueError) as error:
            raise ArgumentError(f"`{name}` must be {what}, but is {value!r}.") from error
        rest = array.shape[len(shape) :]
        fits = array.shape[: len(shape)] == shape
        # the batch axes are aligned on the right, as arrays are broadcast
        fits &= all(a == b or 1 in (a, b) for a, b in zip(rest[::-1], batch[::-1]))
        if not fits:
            raise ArgumentError(
                f"`{name}` must be {what}: shape {(*shape, *batch)} or {shape}, but has shape {array.shape}."
            )
        return array

    def _value(self, name: str, value: Any, points: Array, shape: tuple[int, ...]) -> Array:
        if not callable(value):
            return self._array(name, value, points.shape[:-1], shape)
        if name not in self.functions:
            raise ArgumentError(f"`{name}` is a constant of the chart: give a number, not a function.")
        places = self.functions[name]
        order = next(k for k in range(20) if len(function_jet(len(places), k)) == shape[0])
        return _jet(value, points[..., list(places)], order)


def _points(points: Any) -> Array:
    # lists are welcome, and so are whole numbers
    if not hasattr(points, "dtype"):
        points = np.asarray(points)
    if points.dtype.kind not in "iubfc":
        raise ArgumentError(f"Points must be an array of numbers, but have the dtype {points.dtype}.")
    return jnp.asarray(points, dtype=jnp.result_type(float, points) if points.dtype.kind in "iub" else None)


def _lower(dtype: Any) -> Any:
    return jnp.complex64 if jnp.issubdtype(dtype, jnp.complexfloating) else jnp.float32


def _at(array: Array, rank: int, batch: tuple[int, ...], chosen: np.ndarray) -> Array:
    # the chosen points of an argument; one that is the same at all points stays as it is
    if array.ndim == rank:
        return array
    return jnp.broadcast_to(array, (*array.shape[:rank], *batch)).reshape(*array.shape[:rank], -1)[..., chosen]


def _jet(function: Callable[..., Any], points: Array, order: int) -> Array:
    # Value and derivatives at each point, by nested forward differentiation, components first.
    arity = points.shape[-1]
    towers = [lambda x: _number(function, x)]
    for _ in range(order):
        towers.append(jax.jacfwd(towers[-1]))

    def at(x: Array) -> Array:
        values = [tower(x) for tower in towers]
        return jnp.stack([values[len(by)][by] for by in function_jet(arity, order)])

    flat = points.reshape(math.prod(points.shape[:-1]), arity)
    values = jnp.moveaxis(jax.vmap(at)(flat), 0, -1)
    return values.reshape(len(values), *points.shape[:-1])


def _number(function: Callable[..., Any], x: Array) -> Array:
    try:
        value = function(*x)
    except (jax.errors.TracerArrayConversionError, jax.errors.ConcretizationTypeError) as error:
        raise ArgumentError(
            "An unknown function must be made of jax.numpy, since it is differentiated here, but what was given takes "
            "its argument for a plain number. Use jnp for np and math, and jnp.where for `if`."
        ) from error
    value = jnp.asarray(value, dtype=jnp.result_type(float, value))
    if value.size != 1:
        raise ArgumentError(f"An unknown function must return one number at a point, but returned shape {value.shape}.")
    return value.reshape(())


@cache
def from_jets(quantity: str, dim: int) -> Callable[..., Array]:
    r"""Return a tensor of a general metric as a function of its jets, whatever they come from: a network, a grid.

    Args:
        quantity: a name of `QUANTITIES`.
        dim: dimension n.

    Returns:
        The function of `g (P, *batch)`, `dg (P, n, *batch)`, `ddg (P, P, *batch)`, packed as `symbolic.jets.pairs`
        orders them (those of them that the quantity needs), which returns the independent components, see `layouts`.

    Raises:
        CatalogueError: there is no such quantity.
        ArgumentError: the dimension is too small for it.
    """
    return jet_quantity(quantity, dim).compile()


def generate(metric: Metric, quantity: str, *, form: Form = "auto", derivatives: bool = True) -> Generated:
    r"""Generate a tensor of a metric as a numerical function, or take its source from the cache.

    `generate(SPACES["kerr"].metric, "riemann")(points, M=1.0, a=0.6)`

    Args:
        metric: a metric in a chart.
        quantity: a name of `QUANTITIES`: metric, inverse, volume, christoffel, riemann, ricci, scalar, einstein,
            kretschmann, ricci-squared, weyl.
        form: "closed" (canonical components), "jets" (staged), or "auto": the one with fewer operations.
        derivatives: generate the rules for `jvp` and `grad` as well.

    Raises:
        ArgumentError: it is no metric, or its dimension is too small for the quantity.
        CatalogueError: there is no such quantity.
        GenerationError: something in the metric has no JAX counterpart.
    """
    if not isinstance(metric, Metric):
        hint = "Give its `.metric`." if hasattr(metric, "metric") else "Make one with `line_element` or `Metric`."
        raise ArgumentError(f"Argument `metric` must be a metric on a chart, but is a {type(metric).__name__}. {hint}")
    name = quantity.replace("-", "_")

    def make() -> str:
        return metric_program(metric, quantity, form=form, derivatives=derivatives).source

    # a frame has no short text that determines it
    key = {"chart": repr(metric.chart), "metric": metric.line_element()} if metric.frame is None else None
    options = {"quantity": quantity, "form": form, "derivatives": derivatives}
    source = cached(key | options, make) if key is not None else make()
    places = {
        function.func.__name__: tuple(metric.chart.coordinates.index(x) for x in function.args)
        for function in metric.chart.functions.values()
    }
    return Generated(quantity, source, load(source, name), metric.dim, places)
