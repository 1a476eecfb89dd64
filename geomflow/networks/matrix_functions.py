r"""Root, logarithm and exponential of a symmetric matrix, differentiable at repeated eigenvalues.

With $g = V\lambda V^{\sf T}$, the derivative of $F(g) = V F(\lambda) V^{\sf T}$ is (Daleckii-Krein)

$$dF = V\big(\Lambda\circ(V^{\sf T}dg\,V)\big)V^{\sf T},\qquad
  \Lambda_{ij} = \frac{F(\lambda_i)-F(\lambda_j)}{\lambda_i-\lambda_j}$$

which stays finite where the derivative of the eigenvectors does not. The root and the logarithm carry this rule for
their first derivative; the exponential is a polynomial scheme and has all derivatives.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

_SQUARINGS = 6
_TERMS = 13  # Taylor terms: (30/64)^14/14! is below 1e-15


@jax.custom_jvp
def symmetric_root(g: Float[Array, "n n"]) -> Float[Array, "n n"]:
    r"""Return the symmetric square root of a symmetric positive definite matrix (NaN if it is indefinite)."""
    values, vectors = jnp.linalg.eigh(g)
    return (vectors * jnp.sqrt(values)) @ vectors.T


@symmetric_root.defjvp
def _root_jvp(primals, tangents):
    (g,), (dg,) = primals, tangents
    values, vectors = jnp.linalg.eigh(g)
    root = jnp.sqrt(values)
    divided = 1 / (root[:, None] + root[None, :])
    return (vectors * root) @ vectors.T, vectors @ (divided * (vectors.T @ dg @ vectors)) @ vectors.T


@jax.custom_jvp
def symmetric_log(g: Float[Array, "n n"]) -> Float[Array, "n n"]:
    r"""Return the logarithm of a symmetric positive definite matrix (NaN if it is indefinite)."""
    values, vectors = jnp.linalg.eigh(g)
    return (vectors * jnp.log(values)) @ vectors.T


@symmetric_log.defjvp
def _log_jvp(primals, tangents):
    (g,), (dg,) = primals, tangents
    values, vectors = jnp.linalg.eigh(g)
    total = values[:, None] + values[None, :]
    # log(λ/μ)/(λ-μ) = 2 artanh(q)/(q (λ+μ)) with q = (λ-μ)/(λ+μ); the series takes over where q is tiny.
    q = (values[:, None] - values[None, :]) / total
    safe = jnp.where(jnp.abs(q) < 1e-4, 0.5, q)
    ratio = jnp.where(jnp.abs(q) < 1e-4, 1 + q**2 / 3, jnp.arctanh(safe) / safe)
    divided = 2 * ratio / total
    return (vectors * jnp.log(values)) @ vectors.T, vectors @ (divided * (vectors.T @ dg @ vectors)) @ vectors.T


def symmetric_exp(s: Float[Array, "n n"]) -> Float[Array, "n n"]:
    r"""Return $e^S$ of a symmetric matrix by scaling and squaring, without a branch and smooth everywhere.

    $$e^S = e^{c}\,\big(e^{(S - c)/64}\big)^{64},\qquad c = {\rm tr}\,S/n$$

    Args:
        s: symmetric, shape (n, n).

    Returns:
        The positive definite exponential; relative error in norm below 1e-14.

    Good values: |S - c| up to 30, that is every condition number of $e^S$ that float64 can hold.
    """
    identity = jnp.eye(s.shape[0])
    mean = jnp.trace(s) / s.shape[0]
    scaled = (s - mean * identity) / 2**_SQUARINGS
    # Everything is done on exp - 1, which loses no digits to the identity when S is small.
    excess = jax.lax.fori_loop(0, _TERMS, lambda k, e: scaled @ (identity + e) / (_TERMS - k), jnp.zeros_like(scaled))
    excess = jax.lax.fori_loop(0, _SQUARINGS, lambda _, e: 2 * e + e @ e, excess)
    return jnp.exp(mean) * (identity + excess)
