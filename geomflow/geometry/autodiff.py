r"""Curvature of any metric callable by automatic differentiation: from the definitions, independent of `symbolic`.

A metric is a function x -> g of one point (n,) to a symmetric matrix (n, n), of any signature. Everything here acts on
one point; `batched` takes a function to any number of them. A derivative's index comes last.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from geomflow.batch.evaluate import evaluate
from geomflow.core.errors import ArgumentError
from geomflow.core.precision import require_x64
from geomflow.geometry import curvature
from geomflow.geometry.checks import check_nondegenerate, degeneracy

Point = Float[Array, " n"]
Metric = Callable[[Float[Array, " n"]], Float[Array, "n n"]]
Scalar = Callable[[Float[Array, " n"]], Float[Array, ""]]
Vector = Callable[[Float[Array, " n"]], Float[Array, " n"]]

BLOCK = 512  # points at once: the intermediates of a block stay in the cache


# -- jets -------------------------------------------------------------------------------------------------------------


def _point(x: Any) -> Point:
    x = jnp.asarray(x)
    if x.ndim != 1:
        raise ArgumentError(
            f"Argument `x` must be one point of shape (n,), but has shape {x.shape}. "
            "For many points use `batched(function, metric)(points)`."
        )
    require_x64(x)
    return x


def _checked(metric: Metric) -> Metric:
    # Shapes and dtypes are known while tracing, so these checks cost nothing.
    def checked(x: Point) -> Float[Array, "n n"]:
        g = metric(x)
        if not hasattr(g, "shape") or g.shape != (x.size, x.size):
            raise ArgumentError(
                f"At a point of shape {x.shape} the metric must return an array of shape {(x.size, x.size)}, "
                f"but it returned {f'shape {g.shape}' if hasattr(g, 'shape') else type(g).__name__}."
            )
        require_x64(g)
        return g

    return checked


def _check_value(g: Float[Array, "n n"], x: Point) -> None:
    if not isinstance(g, Tracer):
        check_nondegenerate(np.asarray(degeneracy(g)), np.asarray(x))


def first_jet(metric: Metric, x: Point) -> tuple[Float[Array, "n n"], Float[Array, "n n n"]]:
    r"""Return g and `dg[i, j, k]` = ∂_k g_ij at one point."""
    g_of, x = _checked(metric), _point(x)
    dg, g = jax.jacfwd(lambda y: (g_of(y),) * 2, has_aux=True)(x)
    _check_value(g, x)
    return g, dg


def jets(metric: Metric, x: Point) -> tuple[Float[Array, "n n"], Float[Array, "n n n"], Float[Array, "n n n n"]]:
    r"""Return g, ∂g and ∂²g at one point, in one pass.

    Args:
        metric: x (n,) -> g (n, n).
        x: the point, shape (n,), float64.

    Returns:
        `g[i, j]`, `dg[i, j, k]` = ∂_k g_ij and `ddg[i, j, k, l]` = ∂_k ∂_l g_ij.

    Raises:
        ArgumentError: x is not one point, or g is not (n, n).
        PrecisionError: something is not float64.
        MetricError: outside of jit: g is not finite, not symmetric or singular there.
    """
    # Nested forward mode that hands the lower orders out. Measured against pairs of directions, polarised Taylor mode
    # and a 2-jet interpreter: fastest for formulas, within a fifth of the fastest for networks.
    g_of, x = _checked(metric), _point(x)

    def first(y: Point) -> Any:
        dg, g = jax.jacfwd(lambda z: (g_of(z),) * 2, has_aux=True)(y)
        return dg, (g, dg)

    ddg, (g, dg) = jax.jacfwd(first, has_aux=True)(x)
    _check_value(g, x)
    return g, dg, ddg


# -- curvature --------------------------------------------------------------------------------------------------------


def christoffel(metric: Metric, x: Point) -> Float[Array, "n n n"]:
    r"""Return Γ^k_ij = ½ g^kl (∂_i g_jl + ∂_j g_il - ∂_l g_ij) at one point, indexed [k, i, j]."""
    return curvature.christoffel(*first_jet(metric, x))


def _lowered(metric: Metric, x: Point) -> tuple[Float[Array, "n n"], Float[Array, "n n n n"]]:
    g, dg, ddg = jets(metric, x)
    return g, curvature.riemann_lowered(g, dg, ddg)


def _ricci(metric: Metric, x: Point) -> tuple[Float[Array, "n n"], Float[Array, "n n"]]:
    g, low = _lowered(metric, x)
    return g, curvature.ricci(g, low)


def riemann(metric: Metric, x: Point) -> Float[Array, "n n n n"]:
    r"""Return R^a_bcd = ∂_c Γ^a_db - ∂_d Γ^a_cb + Γ^a_ce Γ^e_db - Γ^a_de Γ^e_cb at one point, indexed [a, b, c, d]."""
    return curvature.raised(*_lowered(metric, x))


def riemann_lowered(metric: Metric, x: Point) -> Float[Array, "n n n n"]:
    r"""Return R_abcd = g_ae R^e_bcd at one point."""
    return _lowered(metric, x)[1]


def ricci(metric: Metric, x: Point) -> Float[Array, "n n"]:
    r"""Return Ric_bd = R^a_bad at one point."""
    return _ricci(metric, x)[1]


def scalar_curvature(metric: Metric, x: Point) -> Float[Array, ""]:
    r"""Return R = g^bd Ric_bd at one point."""
    return curvature.scalar(*_ricci(metric, x))


def einstein(metric: Metric, x: Point) -> Float[Array, "n n"]:
    r"""Return G_bd = Ric_bd - ½ R g_bd at one point."""
    return curvature.einstein(*_ricci(metric, x))


def schouten(metric: Metric, x: Point) -> Float[Array, "n n"]:
    r"""Return P_bd = (Ric_bd - R g_bd / (2 (n - 1))) / (n - 2) at one point, n >= 3."""
    return curvature.schouten(*_ricci(metric, x))


def weyl(metric: Metric, x: Point) -> Float[Array, "n n n n"]:
    r"""Return C_abcd = R_abcd - (g_ac P_bd + g_bd P_ac - g_ad P_bc - g_bc P_ad) at one point, n >= 3."""
    return curvature.weyl(*_lowered(metric, x))


def kretschmann(metric: Metric, x: Point) -> Float[Array, ""]:
    r"""Return R_abcd R^abcd at one point."""
    return curvature.kretschmann(*_lowered(metric, x))


def sectional_curvature(metric: Metric, x: Point, u: Array, v: Array) -> Float[Array, ""]:
    r"""Return R_abcd u^a v^b u^c v^d / (g(u,u) g(v,v) - g(u,v)²) at one point, for two vectors there, upper indices."""
    return curvature.sectional(*_lowered(metric, x), jnp.asarray(u), jnp.asarray(v))


# -- derivatives of fields --------------------------------------------------------------------------------------------


def covariant_derivative(metric: Metric, tensor: Callable[[Point], Array], slots: str, x: Point) -> Array:
    r"""Return ∇_k T at one point, the new index last.

    ∇_k T^i_j = ∂_k T^i_j + Γ^i_kl T^l_j - Γ^l_kj T^i_l, and so for any number of slots.

    Args:
        metric: x -> g.
        tensor: x (n,) -> T, shape (n,) * rank; a scalar has rank 0.
        slots: a letter for each index of T from left to right: `u` for up, `d` for down; `""` for a scalar.
        x: the point, shape (n,).

    Returns:
        `[..., k]` = ∇_k T, shape (n,) * (rank + 1).

    Raises:
        ArgumentError: `slots` is not such a word, or T has not its shape.

    Good values: ∇∇T is `covariant_derivative(metric, nabla, slots + "d", x)` with
    `nabla = lambda y: covariant_derivative(metric, tensor, slots, y)`.
    """
    x = _point(x)
    if set(slots) - set("ud"):
        raise ArgumentError(
            f"Argument `slots` must hold one letter `u` (up) or `d` (down) for each index, but is {slots!r}. "
            'For a vector use "u", for a metric "dd".'
        )
    gamma = christoffel(metric, x)
    nabla, value = jax.jacfwd(lambda y: (tensor(y),) * 2, has_aux=True)(x)
    if jnp.shape(value) != (x.size,) * len(slots):
        raise ArgumentError(
            f'With the slots "{slots}" the tensor must have shape {(x.size,) * len(slots)}, '
            f"but has {jnp.shape(value)}. Give one letter for each index."
        )
    return curvature.covariant(gamma, value, nabla, slots)


def nabla_riemann(metric: Metric, x: Point) -> Float[Array, "n n n n n"]:
    r"""Return ∇_e R^a_bcd at one point, indexed [a, b, c, d, e]."""
    return covariant_derivative(metric, lambda y: riemann(metric, y), "uddd", x)


def hessian(metric: Metric, scalar: Scalar, x: Point) -> Float[Array, "n n"]:
    r"""Return ∇_i ∇_j f = ∂_i ∂_j f - Γ^k_ij ∂_k f at one point."""
    x = _point(x)
    return jax.hessian(scalar)(x) - jnp.einsum("kij,k->ij", christoffel(metric, x), jax.grad(scalar)(x))


def laplacian(metric: Metric, scalar: Scalar, x: Point) -> Float[Array, ""]:
    r"""Return Δf = g^ij ∇_i ∇_j f at one point (negative spectrum)."""
    return jnp.einsum("ij,ij->", jnp.linalg.inv(metric(_point(x))), hessian(metric, scalar, x))


def lie_derivative_of_metric(metric: Metric, vector: Vector, x: Point) -> Float[Array, "n n"]:
    r"""Return (L_V g)_ij = V^k ∂_k g_ij + g_kj ∂_i V^k + g_ik ∂_j V^k at one point: zero for a Killing field."""
    x = _point(x)
    g, dg = first_jet(metric, x)
    dv, v = jax.jacfwd(lambda y: (vector(y),) * 2, has_aux=True)(x)  # dv[k, i] = ∂_i V^k
    half = jnp.einsum("kj,ki->ij", g, dv)
    return jnp.einsum("ijk,k->ij", dg, v) + half + half.T


def geodesic_acceleration(metric: Metric, x: Point, v: Float[Array, " n"]) -> Float[Array, " n"]:
    r"""Return -Γ^k_ij v^i v^j: the acceleration of an affinely parametrised geodesic through x with velocity v."""
    return -jnp.einsum("kij,i,j->k", christoffel(metric, x), v, v)


def volume_density(metric: Metric, x: Point) -> Float[Array, ""]:
    r"""Return √|det g| at one point, for any signature."""
    return jnp.sqrt(jnp.abs(jnp.linalg.det(_checked(metric)(_point(x)))))


# -- many points ------------------------------------------------------------------------------------------------------


class _AtPoints(eqx.Module):
    # A pytree: the weights of a network metric are arguments of the compiled code, not constants in it.
    function: Callable[..., Any]
    metric: Metric
    fields: tuple[Any, ...]

    def __call__(self, points: Float[Array, "B n"]) -> Any:
        def at(x: Point) -> Any:
            return self.function(self.metric, *self.fields, x), degeneracy(_checked(self.metric)(x))

        return jax.vmap(at)(points)


def batched(function: Callable[..., Any], metric: Metric, *fields: Any, block: int = BLOCK) -> Callable[[Array], Any]:
    r"""Return points -> `function(metric, *fields, x)` at every point, compiled once and evaluated block by block.

    The result's batch axes stand on the left. All devices share the points; no more than `block` of them are worked on
    at once by each, so that memory does not grow with their number. Bad points are named.

    Args:
        function: one of this module, or any `(metric, *fields, x) -> array` of one point.
        metric: x -> g. Two calls with the same function object compile once; so do two networks (`eqx.Module`) of one
            shape, whatever their weights.
        *fields: what the function takes between metric and point: `batched(hessian, metric, scalar)`.
        block: points at once.

    Returns:
        A function of points (*batch, n).

    Raises:
        ArgumentError, PrecisionError: as `jets`, when the result is called.
        MetricError: at some point g is not finite, not symmetric or singular: the worst is named.

    Good values: `block` 256-512 on a CPU, 10⁴-10⁵ on a GPU. Define metric and fields once: a new `lambda` in every call
    is a new program.
    """
    compiled = _AtPoints(function, metric, fields)

    def at(points: Float[Array, "*batch n"]) -> Any:
        points = jnp.asarray(points)
        require_x64(points)
        if points.ndim == 0:
            raise ArgumentError("Argument `points` must have shape (*batch, n), but is a single number.")
        flat = points.reshape(-1, points.shape[-1])
        values, defects = evaluate(compiled, flat, axis=0, block=block)
        if not isinstance(defects, Tracer):
            check_nondegenerate(np.asarray(defects), np.asarray(flat))
        return jax.tree.map(lambda value: value.reshape(*points.shape[:-1], *value.shape[1:]), values)

    return at
