r"""How an equation is stepped: one record per method. A flow names its default; `run(..., method=...)` overrides it."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Self

import diffrax
import equinox as eqx


class Method(eqx.Module):
    r"""A one-step method with an error estimate, as diffrax sees it.

    Attributes:
        steps_on_outputs: whether steps end on the output times, because the interpolant is of lower order.
    """

    steps_on_outputs: ClassVar[bool] = False

    @abstractmethod
    def solver(self) -> diffrax.AbstractSolver:
        r"""Return the stepper."""

    @abstractmethod
    def terms(self, rhs: Any) -> Any:
        r"""Return the terms the stepper takes, for a right-hand side `rhs(t, y, args)`."""

    def within(self, rtol: Any, atol: Any) -> Self:
        r"""Return the method for a run within these tolerances: itself, unless it solves equations on its way."""
        return self


class Explicit(Method):
    r"""Tsitouras' explicit pair of order 5(4): for equations that are not stiff, and the default.

    Reference: C. Tsitouras, Comput. Math. Appl. 62 (2011) 770.
    """

    def solver(self) -> diffrax.AbstractSolver:
        r"""Return diffrax's Tsit5."""
        return diffrax.Tsit5()

    def terms(self, rhs: Any) -> Any:
        r"""Return one term."""
        return diffrax.ODETerm(rhs)
