r"""The contract of a torus metric: a periodic SymPy matrix and measure density, sampled by generated code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import sympy as sp
from jaxtyping import Array, Float

from geomflow.codegen.program import Argument, Program
from geomflow.core.errors import ArgumentError, MetricError, PeriodicityError
from geomflow.core.precision import require_x64
from geomflow.geometry.checks import check_metric
from geomflow.geometry.packed import unpack
from geomflow.geometry.torus import Torus
from geomflow.symbolic.jets import pairs

_PROBES = 7  # random points at which periodicity is checked


@dataclass(frozen=True)
class TorusMetric:
    r"""A metric g_ij(x) and a measure density m(x) = dm/dx on T^d, both 2π-periodic in every coordinate.

    Args:
        name: catalogue name.
        coordinates: the SymPy symbols x^i.
        matrix: g_ij(x), symmetric d x d.
        measure: m(x) > 0.
        note: what is exactly known about it, in one sentence.
    """

    name: str
    coordinates: tuple[sp.Symbol, ...]
    matrix: sp.ImmutableMatrix
    measure: sp.Expr
    note: str = ""

    def __post_init__(self) -> None:
        n = len(self.coordinates)
        if self.matrix.shape != (n, n):
            raise MetricError(
                f"The metric `{self.name}` must be a {n} x {n} matrix for its {n} coordinates, "
                f"but is {self.matrix.shape[0]} x {self.matrix.shape[1]}."
            )
        unknown = (self.matrix.free_symbols | self.measure.free_symbols) - set(self.coordinates)
        if unknown:
            raise MetricError(
                f"The metric `{self.name}` depends on {', '.join(sorted(map(str, unknown)))}, which is not one of its "
                f"coordinates {', '.join(map(str, self.coordinates))}. Put numbers in for parameters."
            )
        # at one generic point, in 30 digits: equal expressions may be written differently
        point = {x: sp.Rational(10 * i + 7, 13) for i, x in enumerate(self.coordinates)}
        skew: Any = (self.matrix - self.matrix.T).subs(point)
        for i, j in pairs(n):
            if abs(sp.N(skew[i, j], 30)) > 1e-20:
                raise MetricError(
                    f"The metric `{self.name}` must be symmetric, but g_{i}{j} = {self.matrix[i, j]} and "
                    f"g_{j}{i} = {self.matrix[j, i]}."
                )

    @property
    def dim(self) -> int:
        r"""Dimension d of the torus."""
        return len(self.coordinates)

    def program(self) -> Program:
        r"""Return the generated function x -> (g_00, g_01, ..., m)."""
        outputs: list[Any] = [self.matrix[i, j] for i, j in pairs(self.dim)]
        doc = f"Packed metric and measure density of `{self.name}` at points of shape (d, *batch)."
        return Program("metric_and_measure", [Argument("point", self.coordinates)], [*outputs, self.measure], {}, doc)

    def at(self, x: Float[Array, " d"]) -> Float[Array, "d d"]:
        r"""Return g_ij at one point (differentiable: what `geometry.autodiff` takes)."""
        return unpack(_compiled(self)(x)[:-1])

    def sample(self, torus: Torus) -> tuple[Float[Array, "P *grid"], Float[Array, "*grid"]]:
        r"""Return packed metric and measure density on a grid.

        Raises:
            PrecisionError: JAX runs in float32.
            PeriodicityError: a component does not close up.
            MetricError: singular, indefinite or not finite somewhere on the grid, or a measure that is not positive.
            ArgumentError: the grid has another dimension.
        """
        require_x64()
        if torus.dim != self.dim:
            raise ArgumentError(
                f"The metric `{self.name}` lives on T^{self.dim}, but the grid is T^{torus.dim}. Use dim {self.dim}."
            )
        function = _compiled(self)
        self._check_periodic(function)
        values = function(torus.points)
        check_metric(np.asarray(jax.jit(unpack)(values[:-1])), np.asarray(torus.points), f"metric `{self.name}`")
        measure = np.asarray(values[-1])
        lowest = np.unravel_index(int(np.argmin(measure)), torus.shape)
        if not measure[lowest] > 0:
            point = tuple(float(c[lowest]) for c in np.asarray(torus.points))
            raise MetricError(
                f"The measure of `{self.name}` must be positive, but m = {measure[lowest]:.4g} at "
                f"x = ({', '.join(f'{c:.4f}' for c in point)}).",
                point=point,
            )
        return values[:-1], values[-1]

    def _check_periodic(self, function: Callable[[Array], Array]) -> None:
        probes = np.random.default_rng(0).uniform(0, 2 * np.pi, (self.dim, _PROBES))
        here = np.asarray(function(jnp.asarray(probes)))
        for axis in range(self.dim):
            shifted = probes.copy()
            shifted[axis] += 2 * np.pi
            defect = float(np.max(np.abs(np.asarray(function(jnp.asarray(shifted))) - here)))
            if not defect < 1e-9 * max(1.0, float(np.max(np.abs(here)))):
                raise PeriodicityError(
                    f"The metric `{self.name}` or its measure is not 2π-periodic in {self.coordinates[axis]}: "
                    f"it changes by {defect:.3g} over one period. Use sin and cos of integer multiples of it.",
                    axis=axis,
                    defect=defect,
                )


@cache
def _compiled(metric: TorusMetric) -> Callable[[Array], Array]:
    return jax.jit(metric.program().compile())


def torus_metric(name: str, matrix: Any, measure: Any = 1, note: str = "", coordinates: str = "x y z") -> TorusMetric:
    r"""Build a `TorusMetric` from nested lists of SymPy expressions (or strings) in the coordinates x, y, z."""
    matrix = sp.ImmutableMatrix(matrix)
    names = coordinates.split()
    if matrix.rows > len(names):
        raise MetricError(f"The metric `{name}` has {matrix.rows} rows; name as many coordinates.")
    symbols = tuple(sp.Symbol(s, real=True) for s in names[: matrix.rows])
    named = {sp.Symbol(s.name): s for s in symbols}
    return TorusMetric(name, symbols, matrix.subs(named), sp.sympify(measure).subs(named), note)
