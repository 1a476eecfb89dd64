r"""The last-layer kernel of one finite periodic cos-net, as an operator on a torus: block-diagonal in Fourier space.

A feature $\cos(b\cdot x + c)$ with integer b overlaps with the waves $e^{\pm ib\cdot x}$ alone. Summed over N of them,

$$(K_N u)^\wedge(k) = \alpha_k\,\hat u(k) + \beta_k\,\overline{\hat u(k)},\qquad
  \alpha_k = \frac{n_k + n_{-k}}{2Np_0},\quad
  \beta_k = \frac{1}{2Np_0}\Big(\sum_{b_n=k}e^{2ic_n} + \sum_{b_n=-k}e^{-2ic_n}\Big)$$

for real u, with $n_k$ the number of neurons of frequency k and $p_0$ the probability of $b = 0$, which keeps constants
on average: $E\,\alpha_k = e^{-\sigma^2k^2/2}$, $E\,\beta_k = 0$. Applying it costs two FFTs, whatever the width N.
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from geomflow.geometry.torus import Torus


class RandomFeatureOperator(eqx.Module):
    r"""K_N on real fields of a torus grid.

    Attributes:
        direct: α on the half spectrum, shape (*half).
        conjugate: real and imaginary part of β on the half spectrum, shape (2, *half).
    """

    direct: Float[Array, "*half"]
    conjugate: Float[Array, "2 *half"]

    def apply(self, torus: Torus, field: Array) -> Array:
        r"""Return K_N u of a real field u of shape (*batch, *grid); modes beyond the 2/3 rule are removed first."""
        spectrum = torus.transform(field) * torus.dealiased
        return torus.inverse(self.direct * spectrum + (self.conjugate[0] + 1j * self.conjugate[1]) * jnp.conj(spectrum))


def random_feature_operator(
    torus: Torus, frequencies: np.ndarray, phases: np.ndarray, constant_weight: float
) -> RandomFeatureOperator:
    r"""Return K_N of the features √(2/N) cos(b_n·x + c_n).

    Frequencies that the 2/3 rule of the grid removes meet no mode of a dealiased field and are left out: on such fields
    the operator is exact, not a quadrature.

    Args:
        torus: the grid.
        frequencies: integers b_n, shape (N, d).
        phases: c_n, shape (N,).
        constant_weight: p_0, the probability of the frequency 0.

    Good values: any N; the cost of `apply` does not depend on it.
    """
    width, size = len(phases), torus.size
    keep = np.all(np.abs(frequencies) < size / 3, axis=1)
    waves, angles = np.asarray(frequencies[keep], dtype=int), 2 * np.asarray(phases)[keep]
    direct, conjugate = np.zeros(torus.shape), np.zeros((2, *torus.shape))
    for sign in (1, -1):
        at = tuple((sign * waves % size).T)
        np.add.at(direct, at, 1.0)
        np.add.at(conjugate[0], at, np.cos(angles))
        np.add.at(conjugate[1], at, sign * np.sin(angles))
    scale, half = 1 / (2 * width * constant_weight), size // 2 + 1
    return RandomFeatureOperator(jnp.asarray(scale * direct[..., :half]), jnp.asarray(scale * conjugate[..., :half]))
