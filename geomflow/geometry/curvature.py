r"""Curvature from the jets of a metric at one point: array algebra, in the conventions of `geomflow.core.types`.

Whatever delivers g, ∂g and ∂²g (automatic differentiation, a grid, a measurement) is welcome here, and so is any
signature. Curvature tensors are taken and given with all indices down: R_abcd = g_ae R^e_bcd.
"""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

from geomflow.core.errors import ArgumentError

Matrix = Float[Array, "n n"]
Rank3 = Float[Array, "n n n"]
Rank4 = Float[Array, "n n n n"]


def christoffel_first(dg: Rank3) -> Rank3:
    r"""Return Γ_{l,ij} = ½ (∂_i g_jl + ∂_j g_il - ∂_l g_ij), indexed [l, i, j]."""
    return 0.5 * (jnp.einsum("jli->lij", dg) + jnp.einsum("ilj->lij", dg) - jnp.einsum("ijl->lij", dg))


def christoffel(g: Matrix, dg: Rank3) -> Rank3:
    r"""Return Γ^k_ij = g^kl Γ_{l,ij}, indexed [k, i, j]."""
    return jnp.einsum("kl,lij->kij", jnp.linalg.inv(g), christoffel_first(dg))


def riemann_lowered(g: Matrix, dg: Rank3, ddg: Rank4) -> Rank4:
    r"""Return R_abcd = ½ (∂_b∂_c g_ad + ∂_a∂_d g_bc - ∂_a∂_c g_bd - ∂_b∂_d g_ac) + Γ^e_bc Γ_{e,ad} - Γ^e_bd Γ_{e,ac}.

    This is g_ae R^e_bcd of the definition (tested against it, with Γ differentiated), at half its cost.

    Args:
        g: the metric, shape (n, n).
        dg: `dg[i, j, k]` = ∂_k g_ij.
        ddg: `ddg[i, j, k, l]` = ∂_k ∂_l g_ij.
    """
    first, gamma = christoffel_first(dg), christoffel(g, dg)
    # antisymmetric in c, d: one half is built, the other is its transpose
    half = 0.5 * (jnp.einsum("adbc->abcd", ddg) - jnp.einsum("bdac->abcd", ddg))
    half = half + jnp.einsum("ebc,ead->abcd", gamma, first)
    return half - jnp.swapaxes(half, 2, 3)


def raised(g: Matrix, low: Rank4) -> Rank4:
    r"""Return R^a_bcd = g^ae R_ebcd."""
    return jnp.einsum("ae,ebcd->abcd", jnp.linalg.inv(g), low)


def ricci(g: Matrix, low: Rank4) -> Matrix:
    r"""Return Ric_bd = g^ac R_abcd."""
    return jnp.einsum("ac,abcd->bd", jnp.linalg.inv(g), low)


def scalar(g: Matrix, ric: Matrix) -> Float[Array, ""]:
    r"""Return R = g^bd Ric_bd."""
    return jnp.einsum("bd,bd->", jnp.linalg.inv(g), ric)


def einstein(g: Matrix, ric: Matrix) -> Matrix:
    r"""Return G_bd = Ric_bd - ½ R g_bd."""
    return ric - 0.5 * scalar(g, ric) * g


def schouten(g: Matrix, ric: Matrix) -> Matrix:
    r"""Return P_bd = (Ric_bd - R g_bd / (2 (n - 1))) / (n - 2).

    Raises:
        ArgumentError: n < 3.
    """
    n = g.shape[-1]
    if n < 3:
        raise ArgumentError(
            f"The Schouten and Weyl tensors need dimension 3 or more, but the metric has dimension {n}.", dim=n
        )
    return (ric - scalar(g, ric) / (2 * (n - 1)) * g) / (n - 2)


def weyl(g: Matrix, low: Rank4) -> Rank4:
    r"""Return C_abcd = R_abcd - (g_ac P_bd + g_bd P_ac - g_ad P_bc - g_bc P_ad), all indices down.

    Args:
        g: the metric, shape (n, n), n >= 3 (in n = 3 the result is rounding).
        low: R_abcd.

    Raises:
        ArgumentError: n < 3.
    """
    p = schouten(g, ricci(g, low))
    half = jnp.einsum("ac,bd->abcd", g, p) + jnp.einsum("bd,ac->abcd", g, p)
    return low - (half - jnp.swapaxes(half, 2, 3))


def kretschmann(g: Matrix, low: Rank4) -> Float[Array, ""]:
    r"""Return R_abcd R^abcd = R^ab_cd R^cd_ab."""
    inverse = jnp.linalg.inv(g)
    mixed = jnp.einsum("be,aecd->abcd", inverse, jnp.einsum("ae,ebcd->abcd", inverse, low))
    return jnp.sum(mixed * jnp.transpose(mixed, (2, 3, 0, 1)))


def sectional(g: Matrix, low: Rank4, u: Float[Array, " n"], v: Float[Array, " n"]) -> Float[Array, ""]:
    r"""Return R_abcd u^a v^b u^c v^d / (g(u,u) g(v,v) - g(u,v)²); a null plane gives no number."""
    area = (u @ g @ u) * (v @ g @ v) - (u @ g @ v) ** 2
    return jnp.einsum("abcd,a,b,c,d->", low, u, v, u, v) / area


def covariant(gamma: Rank3, value: Array, derivative: Array, slots: str) -> Array:
    r"""Return ∇_k T^i_j = ∂_k T^i_j + Γ^i_kl T^l_j - Γ^l_kj T^i_l, and so for any number of slots.

    Args:
        gamma: Γ^a_bc, shape (n, n, n).
        value: T, shape (n,) * rank.
        derivative: `[..., k]` = ∂_k T, shape (n,) * (rank + 1).
        slots: `u` (up) or `d` (down) for each index of T, from left to right.
    """
    for slot, letter in enumerate(slots):
        # the index of this slot goes to the front, is contracted with Γ, and comes back
        moved = jnp.moveaxis(value, slot, 0)
        if letter == "u":
            term = jnp.einsum("ikl,l...->i...k", gamma, moved)
        else:
            term = -jnp.einsum("lki,l...->i...k", gamma, moved)
        derivative = derivative + jnp.moveaxis(term, 0, slot)
    return derivative
