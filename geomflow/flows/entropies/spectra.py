r"""The lowest eigenpairs of -diffusion Δ + potential on a manifold: of a matrix, or matrix-free by LOBPCG."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg import eigh
from scipy.sparse.linalg import LinearOperator, lobpcg

from geomflow.core.errors import ConvergenceError
from geomflow.flows.entropies.base import Manifold, Spectrum

_TOLERANCE, _MOST_STEPS = 1e-9, 400
#: Eigenpairs to compute beyond those asked for: the last of a block converge slowly.
GUARD = 4


def iterative_spectrum(
    manifold: Manifold, potential: np.ndarray, block: np.ndarray, count: int, diffusion: float
) -> Spectrum:
    r"""Return the lowest eigenpairs among the resolved functions, by LOBPCG with `manifold.inverse`.

    Args:
        manifold: the metric.
        potential: at the nodes.
        block: resolved functions to start from, `GUARD` more than asked for, shape (N, count + GUARD).
        count: how many.
        diffusion: the factor of -Δ.

    Raises:
        ConvergenceError: the residual is too large. Numbers: `error`.

    Reference: Knyazev, SIAM J. Sci. Comput. 23 (2001) 517.
    """
    shape, size = manifold.weights.shape, manifold.weights.size
    # the unit of the eigenvalues
    unit = diffusion * (2 * np.pi / manifold.volume ** (1 / manifold.dim)) ** 2
    solve = manifold.inverse(diffusion, unit)

    def energy(u: np.ndarray) -> np.ndarray:
        return manifold.resolved(diffusion * manifold.dirichlet(u) + manifold.weights * potential * u)

    def mass(u: np.ndarray) -> np.ndarray:
        return manifold.resolved(manifold.weights * u)

    def operator(act: Callable[[np.ndarray], np.ndarray]) -> LinearOperator:
        one = lambda u: act(u.reshape(shape)).ravel()  # noqa: E731
        many = lambda us: np.stack([one(u) for u in us.T], axis=1)  # noqa: E731
        return LinearOperator((size, size), matvec=one, matmat=many)  # pyright: ignore[reportCallIssue]

    tolerance = _TOLERANCE * unit * np.sqrt(np.mean(manifold.weights))
    values, vectors = lobpcg(
        operator(energy), block, operator(mass), operator(solve), tol=tolerance, maxiter=_MOST_STEPS, largest=False
    )[:2]
    order = np.argsort(values)[:count]
    values, functions = values[order], vectors.T[order].reshape(count, *shape)
    defects = [energy(u) - value * mass(u) for value, u in zip(values, functions, strict=True)]
    residual = float(max(np.sqrt(np.vdot(r, solve(r)) / unit) for r in defects))
    if not residual < 1e3 * _TOLERANCE * unit:
        raise ConvergenceError(
            f"The lowest {count} eigenfunctions were found to a residual of {residual:.1e} only. "
            "Take a finer grid, or fewer of them.",
            error=residual,
        )
    return Spectrum(values, _positive(functions, manifold.weights), residual)


def dense_spectrum(
    stiffness: np.ndarray, weights: np.ndarray, potential: np.ndarray, count: int, diffusion: float
) -> Spectrum:
    r"""Return the lowest eigenpairs of -diffusion Δ + potential where K is a matrix.

    Args:
        stiffness: K, shape (N, N).
        weights, potential: at the nodes, shape (N,).
        count: how many, at most N.
        diffusion: the factor of -Δ.
    """
    root = np.sqrt(weights)
    matrix = diffusion * stiffness / np.outer(root, root) + np.diag(potential)
    values, vectors = eigh(matrix, subset_by_index=(0, count - 1))
    functions = vectors.T / root
    energy = np.linalg.inv(diffusion * stiffness / np.outer(root, root) + np.eye(len(root)))
    defect = matrix @ vectors - vectors * values
    residual = float(np.sqrt(np.max(np.einsum("ik,ij,jk->k", defect, energy, defect))))
    return Spectrum(values, _positive(functions, weights), residual)


def _positive(functions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    r"""Return the functions with the sign that makes their integrals positive."""
    integrals = np.sum((functions * weights).reshape(len(functions), -1), axis=1)
    return functions * np.where(integrals < 0, -1.0, 1.0).reshape(-1, *[1] * weights.ndim)
