r"""Curvature of any metric callable by nested `jacfwd`: straight from the definition, independent of `symbolic`."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Metric = Callable[[Float[Array, " n"]], Float[Array, "n n"]]


def christoffel(metric: Metric, x: Float[Array, " n"]) -> Float[Array, "n n n"]:
    r"""Return Γ^k_ij = ½ g^kl (∂_i g_jl + ∂_j g_il - ∂_l g_ij) at one point, indexed [k, i, j]."""
    dg = jax.jacfwd(metric)(x)  # dg[i, j, k] = ∂_k g_ij
    first = 0.5 * (jnp.einsum("jli->lij", dg) + jnp.einsum("ilj->lij", dg) - jnp.einsum("ijl->lij", dg))
    return jnp.einsum("kl,lij->kij", jnp.linalg.inv(metric(x)), first)


def riemann(metric: Metric, x: Float[Array, " n"]) -> Float[Array, "n n n n"]:
    r"""Return R^a_bcd = ∂_c Γ^a_db - ∂_d Γ^a_cb + Γ^a_ce Γ^e_db - Γ^a_de Γ^e_cb at one point, indexed [a, b, c, d]."""
    gamma = christoffel(metric, x)
    dgamma = jax.jacfwd(lambda y: christoffel(metric, y))(x)  # [a, d, b, c] = ∂_c Γ^a_db
    half = jnp.einsum("adbc->abcd", dgamma) + jnp.einsum("ace,edb->abcd", gamma, gamma)
    return half - jnp.swapaxes(half, 2, 3)


def ricci(metric: Metric, x: Float[Array, " n"]) -> Float[Array, "n n"]:
    r"""Return Ric_bd = R^a_bad at one point."""
    return jnp.einsum("abad->bd", riemann(metric, x))


def scalar_curvature(metric: Metric, x: Float[Array, " n"]) -> Float[Array, ""]:
    r"""Return R = g^bd Ric_bd at one point."""
    return jnp.einsum("bd,bd->", jnp.linalg.inv(metric(x)), ricci(metric, x))


def hessian(metric: Metric, scalar: Callable[[Array], Array], x: Float[Array, " n"]) -> Float[Array, "n n"]:
    r"""Return ∇_i ∇_j f = ∂_i ∂_j f - Γ^k_ij ∂_k f at one point."""
    return jax.hessian(scalar)(x) - jnp.einsum("kij,k->ij", christoffel(metric, x), jax.grad(scalar)(x))
