r"""Ricci flow of left-invariant metrics on a Lie group: ordinary differential equations for g_ab in a fixed frame.

dg_ab/dt = -2 Ric_ab + (2 R/n) g_ab   (the second term where the volume is kept)
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from geomflow.core.errors import ArgumentError, MetricError
from geomflow.flows.base import Flow
from geomflow.flows.homogeneous.extinction import su2_extinction

# A metric whose smallest eigenvalue in the frame falls to this fraction of its initial value has collapsed.
COLLAPSE = 1e-6


class HomogeneousFlow(Flow):
    r"""Ricci flow of left-invariant metrics, forward or backward in time (decreasing `times`).

    A state is the vector of the components of g_ab that the family keeps, in the order the subclass says. A group is
    not compact in general: `volume` is the density √det g on the frame, the volume up to a constant.

    Attributes:
        structure: c^k_ab of [e_a, e_b] = c^k_ab e_k, shape (n, n, n).
        normalised: whether the volume is kept, dg/dt = -2 Ric + (2R/n) g.
    """

    structure: eqx.AbstractVar[Array]
    normalised: eqx.AbstractVar[bool]

    @property
    def dim(self) -> int:
        r"""Dimension n of the group."""
        return self.structure.shape[0]

    @property
    @abstractmethod
    def size(self) -> int:
        r"""Number of components of a state."""

    @abstractmethod
    def matrix(self, state: Float[Array, " P"]) -> Float[Array, "n n"]:
        r"""Return g_ab."""

    @abstractmethod
    def ricci(self, state: Float[Array, " P"]) -> Float[Array, " P"]:
        r"""Return Ric_ab, packed as a state."""

    @abstractmethod
    def principal_ricci(self, state: Float[Array, " P"]) -> Float[Array, " n"]:
        r"""Return the eigenvalues of Ric^a_b: 1/length²."""

    @abstractmethod
    def scalar(self, state: Float[Array, " P"]) -> Float[Array, ""]:
        r"""Return the scalar curvature R."""

    @abstractmethod
    def smallest(self, state: Float[Array, " P"]) -> Float[Array, ""]:
        r"""Return the smallest eigenvalue of g_ab in the frame: positive if and only if g is a metric."""

    @abstractmethod
    def volume_density(self, state: Float[Array, " P"]) -> Float[Array, ""]:
        r"""Return √det g."""

    def __call__(self, t: Any, state: Float[Array, " P"]) -> Float[Array, " P"]:
        r"""Return dg/dt."""
        rate = -2 * self.ricci(state)
        return rate + 2 * self.scalar(state) / self.dim * state if self.normalised else rate

    def check(self, state: Float[Array, " P"]) -> None:
        r"""Refuse what is no metric.

        Raises:
            ArgumentError: the wrong number of components.
            MetricError: not finite, or not positive. Numbers: `eigenvalue`.
        """
        if np.shape(state) != (self.size,):
            raise ArgumentError(
                f"A state of this flow has the shape ({self.size},), but the one given has {np.shape(state)}."
            )
        super().check(state)
        eigenvalue = float(np.linalg.eigvalsh(np.asarray(self.matrix(state)))[0])
        if eigenvalue <= 0:
            raise MetricError(
                f"A left-invariant metric must be positive, but its smallest eigenvalue is {eigenvalue:.6g}.",
                eigenvalue=eigenvalue,
            )

    def leaves(self, state: Float[Array, " P"]) -> Callable[[Array], Array]:
        r"""Return the condition that g collapses: its smallest eigenvalue falls to 1e-6 of its initial value."""
        return Collapses(self, COLLAPSE * self.smallest(jnp.asarray(state)))

    def observables(self, state: Float[Array, " P"]) -> Mapping[str, Array]:
        r"""Return the volume density, R, and the eigenvalues of Ric (ric_1, ric_2, ...)."""
        principal = self.principal_ricci(state)
        named = {f"ric_{a + 1}": principal[a] for a in range(self.dim)}
        return {"volume": self.volume_density(state), "R": self.scalar(state), **named}

    def extinction(self, state: Float[Array, " P"]) -> float | None:
        r"""Return the time until extinction on SU(2), in whatever frame; elsewhere no formula is known to the program.

        The Killing form k is -8 times the metric A = B = C = 1, so that the eigenvalues of g relative to -k/8 are the
        A, B, C of `su2_extinction`.
        """
        if self.normalised or self.dim != 3:
            return None
        c = np.asarray(self.structure)
        unit = -np.einsum("kal,lbk->ab", c, c) / 8
        if np.linalg.eigvalsh(unit)[0] <= 1e-12 * np.max(np.abs(c)) ** 2:
            return None
        root = np.linalg.inv(np.linalg.cholesky(unit))
        return su2_extinction(*np.linalg.eigvalsh(root @ np.asarray(self.matrix(state)) @ root.T))


class Collapses(eqx.Module):
    r"""Positive until the smallest eigenvalue of g falls to a floor."""

    flow: HomogeneousFlow
    floor: Array

    def __call__(self, state: Float[Array, " P"]) -> Float[Array, ""]:
        r"""Return smallest / floor - 1."""
        return self.flow.smallest(state) / self.floor - 1
