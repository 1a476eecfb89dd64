r"""The lowest eigenfunction of a Schrödinger operator -4 div(√g g^ij grad) + V on the torus, by Newton and CG."""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.sparse.linalg import cg
from jaxtyping import Array, Float

from geomflow.core.errors import ArgumentError
from geomflow.geometry.packed import unpack
from geomflow.geometry.torus import Torus

_TOLERANCE = 1e-11  # on the preconditioned residual; float64 leaves a few 1e-13
_NEWTON_STEPS = 12
_CG_STEPS = 60
_INVERSE_STEPS = 30
_ATTEMPTS = 2


class Eigenpair(NamedTuple):
    r"""Eigenvalue, positive eigenfunction with Σ weight u² = 1, and the preconditioned residual reached."""

    value: Float[Array, ""]
    function: Float[Array, "*grid"]
    residual: Float[Array, ""]


@eqx.filter_jit  # untransformed, every call would compile its loops anew
def lowest_eigenpair(
    torus: Torus,
    conductivity: Float[Array, "P *grid"],
    potential: Float[Array, "*grid"],
    weight: Float[Array, "*grid"],
) -> Eigenpair:
    r"""Return the lowest eigenpair of -4 ∂_i(a^ij ∂_j u) + V u = λ w u on band-limited functions.

    For λ(g) = inf F the data are a = √g g^{-1}, V = √g R, w = √g, and f = -2 log u. Functions are restricted to the
    modes of the 2/3 rule: a Nyquist mode that no derivative sees would be a spurious null vector.

    Args:
        torus: the grid.
        conductivity: a^ij > 0, packed.
        potential: V.
        weight: w > 0.

    Returns:
        The pair; its residual tells whether the iteration converged (about 20 applications of the operator), and is
        infinite if no eigenfunction without a zero was found.

    Raises:
        ArgumentError: it is differentiated.
    """
    dim = torus.dim
    mask = jnp.asarray(torus.dealiased, dtype=float)
    a = jnp.moveaxis(unpack(conductivity), (-2, -1), (0, 1))
    scale = jnp.mean(jnp.trace(a)) / dim
    precondition = mask / (4 * scale * np.sum(torus.wave_numbers**2, axis=0) + jnp.mean(weight))

    def stiffness(u: Array) -> Array:
        flux = jnp.einsum("ij...,j...->i...", a, torus.gradient(u))
        return torus.multiply(potential * u - 4 * torus.divergence(flux), mask)

    def mass(u: Array) -> Array:
        return torus.multiply(weight * u, mask)

    def newton(state: tuple) -> tuple:
        u, _, _, count = state
        u = u / jnp.sqrt(jnp.vdot(u, mass(u)))
        stiff, dual = stiffness(u), mass(u)
        value = jnp.vdot(u, stiff)
        residual = value * dual - stiff

        # the Newton correction is sought among the functions orthogonal to u; there the operator is positive
        def onto(v: Array) -> Array:
            return v - u * jnp.vdot(dual, v)

        def from_dual(r: Array) -> Array:
            return r - dual * jnp.vdot(u, r)

        def operator(v: Array) -> Array:
            v = onto(v)
            return from_dual(stiffness(v) - value * mass(v))

        correction, _ = cg(
            operator,
            from_dual(residual),
            tol=1e-3,
            maxiter=_CG_STEPS,
            M=lambda r: onto(torus.multiply(from_dual(r), precondition)),
        )
        size = jnp.sqrt(jnp.abs(jnp.vdot(residual, torus.multiply(residual, precondition))))
        # keep u itself once it has converged: the returned pair is the one the residual belongs to
        return jnp.where(size > _TOLERANCE, u + onto(correction), u), value, size, count + 1

    def unfinished(state: tuple) -> Array:
        return (state[2] > _TOLERANCE) & (state[3] < _NEWTON_STEPS)

    # below the spectrum: V - shift w > 0 everywhere, so the shifted operator is positive
    shift = jnp.min(potential / weight) - 1.0

    def inverse_iteration(_: int, u: Array) -> Array:
        u, _info = cg(
            lambda v: stiffness(v) - shift * mass(v),
            mass(u),
            tol=1e-2,
            maxiter=_CG_STEPS,
            M=lambda r: torus.multiply(r, precondition),
        )
        return u / jnp.sqrt(jnp.vdot(u, mass(u)))

    # Newton from a constant finds the lowest pair unless the well is deep; the lowest eigenfunction is the one without
    # a zero, so a change of sign tells, and sends Newton off again from an inverse iteration
    def attempt(state: tuple) -> tuple:
        _, _, _, tries = state
        guess = jax.lax.fori_loop(0, tries * _INVERSE_STEPS, inverse_iteration, jnp.ones(torus.shape))
        u, value, residual, _ = jax.lax.while_loop(unfinished, newton, (guess, *start[1:3], 0))
        u = u * jnp.sign(jnp.sum(u))
        return u, value, jnp.where(jnp.min(u) > 0, residual, jnp.inf), tries + 1

    start = (jnp.ones(torus.shape), jnp.asarray(0.0), jnp.asarray(jnp.inf), 0)
    u, value, residual, _ = jax.lax.while_loop(lambda s: jnp.isinf(s[2]) & (s[3] < _ATTEMPTS), attempt, start)
    return Eigenpair(*(_without_derivative(x) for x in (value, u, residual)))


@jax.custom_jvp
def _without_derivative(x: Array) -> Array:
    return x


@_without_derivative.defjvp
def _refuse(primals: tuple, tangents: tuple) -> tuple:
    raise ArgumentError(
        "The lowest eigenpair cannot be differentiated: its iteration carries no tangent of the eigenfunction. "
        "Take finite differences of its values."
    )
