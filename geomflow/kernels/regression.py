r"""Mean squared error at infinite width, solved in closed form: the kernel gradient flow and the Gaussian process.

With the outputs' residual $r = y - u_0$ at n training points and the Gram matrix $K_{pq} = \kappa(x_p, x_q)$,

$$\frac{du}{dt}(x) = \sum_p \kappa(x, x_p)\,(y_p - u(x_p)),\qquad
  u_t(x) = u_0(x) + \sum_{pq} \kappa(x, x_p)\Big[\frac{1 - e^{-Kt}}{K}\Big]_{pq} r_q$$

is the gradient flow of ½ Σ_p |u(x_p) - y_p|² in the tangent kernel κ of a network of infinite width.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from geomflow.core.errors import ArgumentError, KernelError
from geomflow.kernels.positivity import check_positive


@dataclass(frozen=True)
class KernelDescent:
    r"""The kernel gradient flow on n training points, in the eigenbasis of the Gram matrix.

    Attributes:
        rates: the eigenvalues of K, largest first, shape (n,): the rates at which the modes are memorised.
        modes: the eigenvectors as columns, shape (n, n).
        residual: $y - u_0$ in this basis, shape (n, outputs).
    """

    rates: np.ndarray
    modes: np.ndarray
    residual: np.ndarray

    def weights(self, time: float) -> np.ndarray:
        r"""Return w, shape (n, outputs): $u_t(x) = u_0(x) + \sum_p\kappa(x, x_p)\,w_p$.

        Args:
            time: t >= 0, in units in which κ is the speed; `math.inf` for the interpolant.

        Raises:
            KernelError: t = ∞ and K is singular in float64 (the mode of the smallest eigenvalue is never memorised).
        """
        if np.isinf(time):
            require_positive_definite(self.rates)
            return self.modes @ (self.residual / self.rates[:, None])
        moved = self.rates * time
        # (1 - e^{-λt})/λ, which is t where λ vanishes
        growth = time * np.divide(-np.expm1(-moved), moved, out=np.ones_like(moved), where=moved != 0)
        return self.modes @ (growth[:, None] * self.residual)

    def train_residual(self, time: float) -> np.ndarray:
        r"""Return $y - u_t$ at the training points, shape (n, outputs): $e^{-Kt}$ of the initial one."""
        return self.modes @ (np.exp(-self.rates * time)[:, None] * self.residual)


def kernel_descent(gram: np.ndarray, residual: np.ndarray) -> KernelDescent:
    r"""Diagonalise the kernel gradient flow.

    Args:
        gram: K of shape (n, n), symmetric positive semi-definite.
        residual: $y - u_0$ at the training points, shape (n, outputs).

    Raises:
        ArgumentError: shapes that do not match, or K is not finite.
        KernelError: K is not symmetric, or not positive semi-definite (see `check_positive`).
    """
    gram, residual = np.asarray(gram, dtype=float), np.asarray(residual, dtype=float)
    n = gram.shape[0]
    if gram.shape != (n, n) or residual.ndim != 2 or residual.shape[0] != n:
        raise ArgumentError(
            f"Argument `gram` must be (n, n) and `residual` (n, outputs), but they are {gram.shape} and "
            f"{residual.shape}."
        )
    check_positive(jnp.asarray(gram))
    values, vectors = np.linalg.eigh(gram)
    # what is negative now is rounding, and would grow at large times
    rates, modes = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    return KernelDescent(rates, modes, modes.T @ residual)


def posterior_weights(gram: np.ndarray, residual: np.ndarray, noise: float) -> np.ndarray:
    r"""Return w of the Gaussian process's posterior mean $u(x) = u_0(x) + \sum_p\kappa(x, x_p)\,w_p$.

    $$w = (K + \eta^2)^{-1} (y - u_0)$$

    Args:
        gram: the NNGP's Gram matrix K, shape (n, n).
        residual: $y - u_0$ at the training points, shape (n, outputs).
        noise: standard deviation η of the observations; 0 interpolates.

    Raises:
        ArgumentError: η < 0, and as `kernel_descent`.
        KernelError: K + η² is singular in float64; carries `eigenvalue`. Nothing is added to it silently.
    """
    if not noise >= 0:
        raise ArgumentError(f"Argument `noise` must be zero or positive, but is {noise}.")
    descent = kernel_descent(gram, residual)
    shifted = descent.rates + noise**2
    require_positive_definite(shifted)
    return descent.modes @ (descent.residual / shifted[:, None])


def require_positive_definite(eigenvalues: np.ndarray) -> None:
    r"""Refuse eigenvalues (largest first) of a matrix that float64 cannot invert.

    Raises:
        KernelError: the smallest is below n ε times the largest; carries `eigenvalue`.
    """
    if not eigenvalues[-1] > _rounding(eigenvalues):
        raise KernelError(
            f"The Gram matrix cannot be inverted in float64: its smallest eigenvalue is {eigenvalues[-1]:.3g}, its "
            f"largest {eigenvalues[0]:.3g}. Take fewer or more distant points, a narrower kernel, or observations "
            "with noise.",
            eigenvalue=float(eigenvalues[-1]),
        )


def _rounding(eigenvalues: np.ndarray) -> float:
    return len(eigenvalues) * np.finfo(float).eps * abs(float(eigenvalues[0]))
