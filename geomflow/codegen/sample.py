r"""One point at which a generated function is checked: arguments that binary numbers hold exactly, and exact values.

The values go another way than the program: the metric is differentiated by SymPy, and the staged formulas are evaluated
in 40 digits, nothing shared or reordered. In a frame they are the canonical components.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp

from geomflow.codegen.layouts import components
from geomflow.codegen.metric_functions import function_jet
from geomflow.codegen.program import Program
from geomflow.codegen.quantities import QUANTITIES, staged
from geomflow.core.errors import GenerationError
from geomflow.symbolic.charts.metric import Metric
from geomflow.symbolic.jets import JetFrame, pairs

#: Digits of the exact values.
_DIGITS = 40
#: Points that are tried.
_TRIALS = 200
#: Entries and values beyond this are too close to a singularity to be a good example.
_LARGEST = 1e4

Values = dict[str, Any]


def metric_sample(
    metric: Metric,
    programs: Mapping[str, Program],
    signature: str = "",
    at: Mapping[str, Any] | None = None,
) -> tuple[Values, dict[str, list[float]]]:
    r"""Return arguments for the programs of a metric, and the exact values of each.

    Args:
        metric: a metric in a chart.
        programs: quantity -> its program, from `metric_program`.
        signature: the signature the metric must have at the point, if it is known.
        at: values of coordinates and constants to try first; what else is in it is not read.

    Returns:
        Name of an argument -> number or nested list of numbers (the longest jet that any program takes); quantity ->
        its independent components.

    Raises:
        GenerationError: no point was found at which the metric is real and regular and has the signature.
    """
    for trial in range(_TRIALS):
        point = _Point(metric, random.Random(trial), (at or {}) if trial < _TRIALS // 2 else {})
        if point.regular(signature):
            exact = {name: point.exact(name) for name in programs}
            if all(e.is_real and abs(e) < _LARGEST for values in exact.values() for e in values):
                return point.arguments(programs), {name: _floats(values) for name, values in exact.items()}
    raise GenerationError(
        f"No point was found at which this metric is real and regular{f' of signature {signature}' * bool(signature)}, "
        "so the functions could not be checked. Is a constant to be positive, or the metric complex?",
        unknown="point",
    )


def jet_sample(programs: Mapping[str, Program], dim: int) -> tuple[Values, dict[str, list[float]]]:
    r"""Return jets (g, ∂g, ∂²g) of a metric that is positive, and the exact values of each program there."""
    chance = random.Random(dim)
    known: dict[Any, Any] = {}
    arguments: Values = {}
    for argument in max((p.arguments for p in programs.values()), key=len):
        for symbol, _ in argument.leaves():
            known[symbol] = sp.Rational(chance.randint(-4, 4), 8)
        if argument.name == "g":
            for i, j in pairs(dim):
                known[JetFrame(dim).metric(i, j)] = sp.Integer(2) if i == j else sp.Rational(chance.randint(-2, 2), 8)
        arguments[argument.name] = _numbers(argument.symbols, {s: float(v) for s, v in known.items()})
    exact = {name: _floats(_staged(name, dim, known)) for name in programs}
    return arguments, exact


class _Point:
    r"""Numbers for the coordinates, constants and jets of functions of a chart, in eighths where nothing is given."""

    def __init__(self, metric: Metric, chance: random.Random, given: Mapping[str, Any]):
        self.metric, chart = metric, metric.chart
        symbols = (*chart.coordinates, *chart.constants)
        self.numbers = {}
        for s in symbols:
            eighth = sp.Rational(chance.randint(1, 20), 8)
            value: Any = sp.sympify(str(given.get(s.name, eighth)))
            self.numbers[s] = sp.Rational(float(value))
        self.jets: dict[str, dict[tuple[int, ...], Any]] = {}
        for name, function in chart.functions.items():
            every = function_jet(len(function.args), 6)
            self.jets[name] = {
                by: sp.Rational(chance.randint(-4, 4) if by else chance.randint(4, 20), 8) for by in every
            }
        self.components = metric.g().sympy()

    def value(self, expression: Any) -> Any:
        r"""Return an expression of the chart as a number."""
        chart, jets = self.metric.chart, {}
        for name, function in chart.functions.items():
            for d in expression.atoms(sp.Derivative):
                if d.expr == function:
                    by = [function.args.index(x) for x, n in d.variable_count for _ in range(int(n))]
                    jets[d] = self.jets[name][tuple(sorted(by))]
            jets[function] = self.jets[name][()]
        return sp.sympify(expression.xreplace(jets).xreplace(self.numbers)).evalf(_DIGITS)

    def regular(self, signature: str) -> bool:
        r"""Whether the metric is real and far from singular here, with this signature if one is given."""
        n = self.metric.dim
        values = [[self.value(self.components[i, j]) for j in range(n)] for i in range(n)]
        if not all(v.is_Float or v.is_Integer for row in values for v in row):
            return False
        matrix = np.array(values, dtype=float)
        if not (np.abs(matrix) < _LARGEST).all() or np.abs(found := np.linalg.eigvalsh(matrix)).min() < 1 / 100:
            return False
        return not signature or int((found < 0).sum()) == signature.count("-")

    def exact(self, quantity: str) -> list[Any]:
        r"""Return the independent components of a quantity."""
        metric = self.metric
        if metric.frame is not None:
            entry = QUANTITIES[quantity].exact(metric)
            indices = components(QUANTITIES[quantity].symmetry, metric.dim)
            return [self.value(metric.chart.sympy(entry(*index))) for index in indices]
        frame, known = JetFrame(metric.dim), {}
        for i, j in pairs(metric.dim):
            component, value = frame.metric(i, j), self.components[i, j]
            known[component] = self.value(value)
            for k, x in enumerate(metric.chart.coordinates):
                first = frame.derivative(component, k)
                slope = sp.diff(value, x)
                known[first] = self.value(slope)
                for l, y in enumerate(metric.chart.coordinates[k:], k):
                    known[frame.derivative(first, l)] = self.value(sp.diff(slope, y))
        return _staged(quantity, metric.dim, known)

    def arguments(self, programs: Mapping[str, Program]) -> Values:
        r"""Return the arguments of the programs by name."""
        chart, found = self.metric.chart, {}
        for program in programs.values():
            point, *rest = program.arguments
            found[point.name] = [float(self.numbers[x]) for x in chart.coordinates]
            for argument, constant in zip(rest, chart.constants):
                found[argument.name] = float(self.numbers[constant])
            for argument, name in zip(rest[len(chart.constants) :], chart.functions):
                jet = [float(v) for v in self.jets[name].values()][: argument.shape[0]]
                found[argument.name] = max(jet, found.get(argument.name, []), key=len)
        return found


def _staged(quantity: str, dim: int, known: Mapping[Any, Any]) -> list[Any]:
    # Each stage as a number, in the order of their dependence.
    frame, expressions = staged(quantity, dim)
    numbers: dict[Any, Any] = {symbol: sp.Float(value, _DIGITS) for symbol, value in known.items()}
    stack = list(_symbols(expressions))
    while stack:
        symbol = stack[-1]
        if symbol in numbers:
            stack.pop()
            continue
        missing = [s for s in _symbols([frame.assignments[symbol]]) if s not in numbers]
        stack.extend(missing)
        if not missing:
            numbers[symbol] = frame.assignments[symbol].xreplace(numbers)
    return [e.xreplace(numbers) for e in expressions]


def _symbols(expressions: Sequence[Any]) -> Iterator[Any]:
    return iter(sorted({s for e in expressions for s in e.free_symbols}, key=str))


def _floats(values: Sequence[Any]) -> list[float]:
    # What is zero but for the rounding of 40 digits is zero.
    return [float(v) if abs(v) > sp.Float(10) ** (10 - _DIGITS) else 0.0 for v in values]


def _numbers(tree: Any, known: Mapping[Any, float]) -> Any:
    return known[tree] if isinstance(tree, sp.Symbol) else [_numbers(branch, known) for branch in tree]
