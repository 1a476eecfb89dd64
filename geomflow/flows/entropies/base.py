r"""A closed Riemannian manifold as its functions see it: volume, Dirichlet energy, scalar curvature; nothing else.

Every entropy of Perelman's is made of these three,

    F = ∫ (4|∇u|² + R u²) dV,    W = τ F - ∫ u² log u² dV - (n/2 log(4πτ) + n),    u² dV a probability measure,

so that one implementation serves tori, spheres and homogeneous spaces alike. A family says how its functions are held
(values at nodes) and how a Laplacian is inverted approximately.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from geomflow.core.errors import ArgumentError

#: A dual vector (values times dV) -> the function that solves approximately.
Solve = Callable[[np.ndarray], np.ndarray]


class Spectrum(NamedTuple):
    r"""The lowest eigenpairs of a Schrödinger operator.

    Attributes:
        values: ascending, shape (count,).
        functions: with ∫ u² dV = 1, shape (count, *nodes); the first is positive.
        residual: the largest of ‖(H - value) u‖, in the norm dual to diffusion ∫|∇u|² + ∫u².
    """

    values: np.ndarray
    functions: np.ndarray
    residual: float


class Manifold(ABC):
    r"""A closed Riemannian manifold of dimension `dim`, its functions sampled at nodes.

    Attributes:
        dim: the dimension n.
        weights: the volume that each node stands for: ∫ u dV = Σ weights u; shape (*nodes,).
        scalar: scalar curvature R at the nodes.
        spacing: the distance from a node to its neighbours, the larger one; shape (*nodes,).
        symmetric: whether only functions with the symmetry of the metric are seen (then infima are over these).
    """

    dim: int
    weights: np.ndarray
    scalar: np.ndarray
    spacing: np.ndarray
    symmetric: bool = False

    @abstractmethod
    def dirichlet(self, u: np.ndarray) -> np.ndarray:
        r"""Return K u, the dual vector with Σ v K u = ∫ <∇v, ∇u> dV."""

    @abstractmethod
    def inverse(self, diffusion: float, shift: float) -> Solve:
        r"""Return an approximate inverse of diffusion K + shift M, M the weights: symmetric and positive."""

    @abstractmethod
    def spectrum(self, potential: np.ndarray, count: int, diffusion: float = 1.0) -> Spectrum:
        r"""Return the lowest eigenpairs of -diffusion Δ + potential.

        Raises:
            ConvergenceError: the iteration did not reach them. Numbers: `error`.
        """

    @abstractmethod
    def distance_squared(self, node: int) -> np.ndarray:
        r"""Return roughly the squared distance from a node (of the raveled grid) to all: where minimisations start."""

    @abstractmethod
    def diameter(self) -> float:
        r"""Return the diameter, the largest distance between two points; nan where the family does not know it."""

    def soliton_square(self, f: np.ndarray, tau: float | None = None) -> np.ndarray:
        r"""Return |Ric + Hess f - g/(2τ)|² at the nodes, without g/(2τ) where tau is None.

        What is evaluated are the squares to which `symbolic.flows.monotonicity` brings dF/dt and dW/dt.

        Raises:
            ArgumentError: the family does not know it.
        """
        raise ArgumentError(
            f"The rates of F and W are not known on a `{type(self).__name__}`. Take their values alone."
        )

    def smooth(self, u: np.ndarray) -> np.ndarray:
        r"""Return the resolved part of a function; all of it by default."""
        return u

    def resolved(self, dual: np.ndarray) -> np.ndarray:
        r"""Return the part of a dual vector that the resolved functions see (the transpose of `smooth`)."""
        return dual

    @property
    def volume(self) -> float:
        r"""The volume V."""
        return float(np.sum(self.weights))

    def integral(self, u: np.ndarray) -> float:
        r"""Return ∫ u dV."""
        return float(np.sum(self.weights * u))
