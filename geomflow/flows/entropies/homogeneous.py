r"""Homogeneous metrics as manifolds of one node: only constant functions are seen.

R is constant, so that λ = R exactly, and F and W of a constant f are what they are. μ over constant functions bounds μ
from above, with equality where constants are optimal (a shrinking Einstein metric on its own scale).
"""

from __future__ import annotations

import numpy as np

from geomflow.core.errors import MetricError
from geomflow.flows.entropies.base import Manifold, Solve, Spectrum


class HomogeneousManifold(Manifold):
    r"""A closed homogeneous space (or a closed quotient of one).

    Args:
        ricci: the principal Ricci curvatures, the eigenvalues of Ric^i_j, shape (n,).
        volume: V.

    Raises:
        MetricError: the volume is not positive, or a number is not finite.
    """

    symmetric = True

    def __init__(self, ricci: np.ndarray, volume: float):
        self.ricci = np.asarray(ricci, dtype=float)
        if not (np.all(np.isfinite(self.ricci)) and np.isfinite(volume) and volume > 0):
            raise MetricError(f"A homogeneous space needs finite curvatures and a positive volume, but V = {volume}.")
        self.dim, self.spacing = len(self.ricci), np.zeros(1)
        self.weights = np.array([float(volume)])
        self.scalar = np.array([np.sum(self.ricci)])

    def dirichlet(self, u: np.ndarray) -> np.ndarray:
        r"""Return 0."""
        return np.zeros(1)

    def inverse(self, diffusion: float, shift: float) -> Solve:
        r"""Return the division by shift V."""
        return lambda dual: dual / (shift * self.weights)

    def spectrum(self, potential: np.ndarray, count: int, diffusion: float = 1.0) -> Spectrum:
        r"""Return the potential itself, the eigenvalue of the constants; there is one, whatever the count."""
        return Spectrum(np.array(potential), np.array([[1 / np.sqrt(self.volume)]]), 0.0)

    def distance_squared(self, node: int) -> np.ndarray:
        r"""Return 0."""
        return np.zeros(1)

    def diameter(self) -> float:
        r"""Return nan: it depends on more than the curvatures."""
        return float("nan")

    def soliton_square(self, f: np.ndarray, tau: float | None = None) -> np.ndarray:
        r"""Return Σ (Ric_i - 1/(2τ))²: a constant has no Hessian."""
        return np.array([np.sum((self.ricci - (0.0 if tau is None else 0.5 / tau)) ** 2)])
