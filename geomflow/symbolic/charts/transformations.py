r"""Changes of coordinates: exact pull-back of functions, metrics and tensors into a new chart.

With x^i = x^i(y), J^i_a = ∂x^i/∂y^a and its inverse K = J^{-1}:

    T'_a(y) = J^i_a T_i(x(y)),    T'^a(y) = K^a_i T^i(x(y)),    (∂f/∂x^i)(x(y)) = K^a_i ∂_a(f(x(y)))

The last line carries unknown functions along: f(r) may become any function of the new coordinates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, cast

import numpy as np
import sympy as sp
from sympy.core.function import AppliedUndef

from geomflow.core.errors import ArgumentError, DerivationError
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.charts.line_element import contracted
from geomflow.symbolic.charts.metric import Metric
from geomflow.symbolic.charts.morphism import Morphism
from geomflow.symbolic.charts.tensor import Tensor
from geomflow.symbolic.field.field import Element
from geomflow.symbolic.field.matrices import inverse, matrix_product


class Map:
    r"""A map from one chart into another, y -> x(y), that pulls functions back; the dimensions may differ.

    Args:
        target: the chart of x.
        source: the chart of y; it must have the constants of the target.
        expressions: x^i(y) by the names of the coordinates of the target; what is missing keeps its name. An unknown
            function of the target may be given too: `{"f": "1 - 2*M/rho"}`.

    Raises:
        ArgumentError: a coordinate that has no image, or a name the target does not have.
    """

    def __init__(self, target: Chart, source: Chart, expressions: Mapping[str, Any]):
        self.target, self.source = target, source
        names = [x.name for x in target.coordinates]
        stray = [name for name in expressions if name not in names and name not in target.functions]
        if stray:
            raise ArgumentError(
                f"`{stray[0]}` is no coordinate or function of the old chart; it has "
                f"{', '.join([*names, *target.functions])}."
            )
        kept = {s.name: s for s in (*source.coordinates, *source.constants)}
        missing = [name for name in names if name not in expressions and name not in kept]
        if missing:
            raise ArgumentError(f"Say what `{missing[0]}` is in the new coordinates: {{'{missing[0]}': '...'}}.")
        absent = [c.name for c in target.constants if c.name not in kept]
        if absent:
            raise ArgumentError(
                f'The new chart must know the constant `{absent[0]}`: Chart(..., constants="{absent[0]}").'
            )
        self.images = [source.parse(expressions.get(name, kept.get(name))) for name in names]
        self.given = {name: source.parse(expressions[name]) for name in expressions if name in target.functions}
        self._symbols: dict[sp.Basic, sp.Basic] = dict(zip(target.coordinates, self.images))
        self._symbols |= {c: kept[c.name] for c in target.constants}
        # Sines of the new coordinates may come with any tensor: take note of the finest arguments.
        with suppress(DerivationError):
            source.tower.survey([sp.sin(image) for image in self.images])
        elements = source.elements(self.images)
        self.jacobian = np.array([[x.derivative(a) for a in range(source.dim)] for x in elements], dtype=object)
        self._inverse: np.ndarray | None = None
        self._surveyed = 0
        derivations = [self._derivation(i) for i in range(target.dim)]
        self.morphism = Morphism(target, source, self.rule, derivations)

    def inverse_jacobian(self) -> np.ndarray:
        r"""Return \(K^a{}_i = \partial y^a/\partial x^i\) as field elements over the new chart.

        Raises:
            ArgumentError: the dimensions differ.
            MetricError: the Jacobian is singular.
        """
        if self._inverse is None:
            if self.target.dim != self.source.dim:
                raise ArgumentError(
                    f"A change of coordinates needs as many new coordinates as old ones ({self.target.dim}), but the "
                    f"new chart has {self.source.dim}. For a submanifold use Embedding."
                )
            self._inverse = inverse(self.source.field, self.jacobian, "The Jacobian of the change of coordinates")
        return self._inverse

    def _derivation(self, i: int) -> Callable[[Element], Element]:
        # D_i with D_i(f(x(y))) = (∂f/∂x^i)(x(y))
        def along(value: Element) -> Element:
            if self.target.dim == self.source.dim:
                column = self.inverse_jacobian()[:, i]
                return self.source.field.dot((k, value.derivative(a)) for a, k in enumerate(column))
            if self.images[i] not in self.source.coordinates:
                raise DerivationError(
                    f"A derivative by {self.target.coordinates[i]} of an unknown function cannot be taken within the "
                    f"submanifold. Use {self.target.coordinates[i]} as one of its coordinates."
                )
            return value.derivative(self.source.coordinates.index(self.images[i]))

        return along

    def rule(self, expression: sp.Expr) -> sp.Expr:
        r"""Return an expression without derivatives on the target as one on the source.

        Raises:
            DerivationError: an unknown function of a coordinate that is replaced, with no image given.
        """
        # All at once: the new coordinates may have the names of old ones.
        found: dict[sp.Basic, sp.Basic] = {f: self._function(f) for f in expression.atoms(AppliedUndef)}
        return cast("sp.Expr", expression.xreplace(found | self._symbols))

    def _function(self, f: Any) -> sp.Expr:
        name = f.func.__name__
        if name in self.given:
            return self.given[name]
        arguments = [self._symbols.get(a, a) for a in f.args]
        if not set(arguments) <= set(self.source.coordinates) or len(set(arguments)) < len(arguments):
            raise DerivationError(
                f"The unknown function {f} depends on a coordinate that is replaced by an expression. Say what it "
                f"becomes: {{'{name}': '...'}}, for instance a function of the new chart."
            )
        return f.func(*arguments)

    def elements(self, values: np.ndarray) -> np.ndarray:
        r"""Return an array of elements over the target, pulled back to the source."""
        self._survey()
        known: dict[int, Element] = {}
        out = np.empty_like(values)
        for index in np.ndindex(*values.shape):
            value: Any = values[index]
            if id(value) not in known:
                known[id(value)] = self.morphism(value)
            out[index] = known[id(value)]
        return out

    def _survey(self) -> None:
        # All arguments of sines and exponentials at once, so that their finest units are known.
        generators = self.target.field.generators
        arguments = []
        for generator in generators[self._surveyed :]:
            meaning = generator.meaning
            if isinstance(meaning, tuple) and isinstance(meaning[0], str):
                arguments.append((sp.sin if meaning[0] == "circular" else sp.sinh)(meaning[1]))
            elif isinstance(meaning, sp.Expr) and not meaning.is_Symbol:
                arguments.append(meaning)
        self._surveyed = len(generators)
        self.source.elements([self.rule(e) for e in arguments])

    def metric(self, metric: Metric) -> np.ndarray:
        r"""Return the matrix \(J^i{}_aJ^j{}_bg_{ij}(x(y))\) of a metric on the target, pulled back."""
        if metric.frame is not None or metric.chart is not self.target:
            raise ArgumentError("The metric must be in the coordinates of the old chart. Use to_coordinates first.")
        field, j = self.source.field, self.jacobian
        return matrix_product(field, matrix_product(field, j.T, self.elements(metric.curvature.matrix)), j)


class CoordinateChange(Map):
    r"""A change of coordinates; call it with a metric, a tensor or an expression.

    Args:
        target: the old chart, of x.
        source: the new chart, of y, of the same dimension.
        expressions: x^i(y) by name; what is missing keeps its name.

    Raises:
        ArgumentError: a wrong name, or charts of different dimensions.
        MetricError: the Jacobian is singular.

    Good values: `CoordinateChange(plane, polar, {"x": "r*cos(phi)", "y": "r*sin(phi)"})`.
    """

    def __init__(self, target: Chart, source: Chart, expressions: Mapping[str, Any]):
        super().__init__(target, source, expressions)
        self.inverse_jacobian()
        self._metrics: list[tuple[Metric, Metric]] = []

    def __call__(self, thing: Any) -> Any:
        r"""Return a metric, a tensor or an expression in the new chart; a metric always gives the same object."""
        if isinstance(thing, Metric):
            for old, new in self._metrics:
                if old is thing:
                    return new
            self._metrics.append((thing, Metric(self.source, self.metric(thing))))
            return self._metrics[-1][1]
        if isinstance(thing, Tensor):
            return self._tensor(thing)
        values = np.array([self.target.element(thing)], dtype=object)
        return self.source.sympy(self.elements(values)[0])

    def _tensor(self, tensor: Tensor) -> Tensor:
        metric, field = self(tensor.metric), self.source.field
        values = self.elements(tensor.components)
        above, below = self.inverse_jacobian(), self.jacobian.T
        for slot, up in enumerate(tensor.up):
            values = contracted(field, above if up else below, values, slot)
        return Tensor(metric, values, tensor.up)


def transform(thing: Metric | Tensor, chart: Chart, expressions: Mapping[str, Any]) -> Any:
    r"""Return a metric or tensor in a new chart.

    Args:
        thing: a metric in coordinates, or a tensor of one.
        chart: the new chart.
        expressions: the old coordinates as functions of the new ones, by name; what is missing keeps its name.

    Returns:
        The same kind of thing. To transform several tensors of one metric, make one `CoordinateChange` and call it.

    Raises:
        ArgumentError: a wrong name, or charts of different dimensions.
        MetricError: the Jacobian is singular.

    Good values: `transform(flat("x y"), Chart("r phi"), {"x": "r*cos(phi)", "y": "r*sin(phi)"})`.
    """
    old = thing.chart if isinstance(thing, Metric) else thing.metric.chart
    return CoordinateChange(old, chart, expressions)(thing)
