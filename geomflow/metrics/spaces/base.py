r"""A space: a metric with what is exactly known about it, as data.

Truths are entered by name, each from a source other than this program (the reference of the space), and checked by the
functions of the catalogue `TRUTHS`. A space added to the catalogue is tested without anyone writing a test for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from geomflow.core.catalogue import Catalogue
from geomflow.core.errors import ArgumentError
from geomflow.metrics.spaces.truths import TRUTHS
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.charts.line_element import line_element
from geomflow.symbolic.charts.metric import Metric


@dataclass(frozen=True)
class Finding:
    r"""A truth that was checked; `str` is a sentence that names space, truth and difference."""

    space: str
    truth: str
    says: str
    difference: str
    seconds: float

    @property
    def holds(self) -> bool:
        r"""Whether the truth holds."""
        return not self.difference

    def __str__(self) -> str:
        verdict = "holds" if self.holds else f"does not hold: {self.difference}"
        return f"Space `{self.space}`, truth `{self.truth}`: {self.says} {verdict}."


@dataclass(frozen=True)
class Space:
    r"""A named metric with its ground truth.

    Args:
        name: lower case with hyphens.
        build: makes the metric; called once, when it is first needed.
        note: one line on what it is.
        reference: where the truths come from.
        truths: name of a truth -> its value, see `TRUTHS`.
        signature: one sign per dimension, such as "-+++"; empty where unknown functions leave it open.
        at: a point, with values of constants and expressions for functions, at which the signature is read.

    Raises:
        CatalogueError: a truth of an unknown kind.
        ArgumentError: a signature that is no row of signs.
    """

    name: str
    build: Callable[[], Metric]
    note: str
    reference: str
    truths: Mapping[str, Any] = field(default_factory=dict)
    signature: str = ""
    at: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        for name in self.truths:
            _ = TRUTHS[name]
        if set(self.signature) - {"+", "-"}:
            raise ArgumentError(
                f"The signature of the space `{self.name}` must be a row of + and -, but it is `{self.signature}`."
            )

    @cached_property
    def metric(self) -> Metric:
        r"""The metric."""
        return self.build()

    def kinds(self) -> list[str]:
        r"""Return the names of the truths checked for this space: its own, then the identities of its dimension."""
        identities = [k for k, t in TRUTHS.items() if t.always is not None and t.always(self.metric.dim)]
        return [*self.truths, *(k for k in identities if k not in self.truths)]

    def check(self, name: str) -> Finding:
        r"""Check one truth.

        Raises:
            CatalogueError: there is no such truth.
            ArgumentError: the space does not claim it.
        """
        entry = TRUTHS[name]
        if name not in self.truths and entry.always is None:
            raise ArgumentError(
                f"The space `{self.name}` claims nothing under `{name}`; it has {', '.join(self.truths)}."
            )
        value = self.truths.get(name)
        start = time.perf_counter()
        difference = entry.difference(self, value)
        return Finding(self.name, name, entry.says(value), difference, time.perf_counter() - start)

    def verify(self) -> Iterator[Finding]:
        r"""Check every truth of the space, and the identities that hold for every metric of its dimension."""
        return (self.check(name) for name in self.kinds())


SPACES: Catalogue[Space] = Catalogue("space")


def line(
    coordinates: str,
    element: str,
    constants: str = "",
    functions: Mapping[str, str] | None = None,
    positive: str = "",
) -> Callable[[], Metric]:
    r"""Return what builds the metric of a line element: `line("r phi", "dr^2 + r^2*dphi^2")`."""
    return lambda: line_element(Chart(coordinates, constants, functions, positive), element)
