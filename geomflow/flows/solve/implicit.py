r"""An implicit method for stiff equations: diagonally implicit stages, solved by Newton and GMRES without a matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, Self

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import lineax
from jax.flatten_util import ravel_pytree
from jax.scipy.sparse.linalg import gmres
from jaxtyping import Array, Float

from geomflow.flows.solve.methods import Method

# Newton's iteration stops where its error is this part of the tolerance of the step ...
_OF_TOLERANCE = 3e-2
# ... and gives up, so that the step is taken again at a fifth of its length, after so many corrections.
_CORRECTIONS = 8
# Each linear system is solved to this part of its residual.
_LINEAR = 1e-3
# The linear systems of derivatives through the method are solved to this one.
_LINEAR_OF_DERIVATIVE = 1e-11


class Implicit(Method):
    r"""Kvaerno's stiffly accurate, L-stable pair of order 5(4), its stages solved by inexact Newton with GMRES.

    Each of six stages solves z = p + γ h f(t, z). Only products J v are formed, by differentiating f; a preconditioner
    (1 - γ h σ)^{-1}, diagonal in a basis, makes few of them do. The approximate linear part J ~ B diag(σ) B^{-1} need
    not be accurate: it decides how many products are taken, not what is found.

    Attributes:
        symbol: σ, over the modes; None for no preconditioner.
        forward: state -> modes, B^{-1}; the state and its modes are pytrees of the structure of `symbol`.
        backward: modes -> state, B.
        krylov: the largest dimension of a Krylov space; without a preconditioner stiffer equations need more.
        rtol, atol: of the run; `integrate` fills them in.

    Good values: a preconditioner wherever the leading part is known at a constant metric; `krylov` 30. The interpolant
    is of third order only, so steps end on the output times; between them, `dense` and located conditions have it.

    Reference: A. Kvaerno, BIT 44 (2004) 489; Newton and GMRES: C. T. Kelley, Iterative Methods (SIAM, 1995), chapter 6.
    """

    steps_on_outputs: ClassVar[bool] = True

    symbol: Any = None
    forward: Callable[[Any], Any] | None = None
    backward: Callable[[Any], Any] | None = None
    krylov: int = eqx.field(static=True, default=30)
    rtol: Any = 1e-9
    atol: Any = 1e-11

    def solver(self) -> diffrax.AbstractSolver:
        r"""Return the stepper."""
        return Stepper(self.symbol, self.forward, self.backward, self.krylov, self.rtol, self.atol)

    def terms(self, rhs: Any) -> Any:
        r"""Return one term."""
        return diffrax.ODETerm(rhs)

    def within(self, rtol: Any, atol: Any) -> Self:
        r"""Return the method with the tolerances to which Newton's iteration is carried."""
        return eqx.tree_at(lambda method: (method.rtol, method.atol), self, (rtol, atol))


class _Correction(NamedTuple):
    # One state of Newton's iteration: the stage, the sizes of the last two corrections, how many there were.
    z: Array
    size: Array
    before: Array
    count: Array


class Stepper(diffrax.AbstractSolver):
    r"""One step of Kvaerno5 on the raveled state. Its own state is dy/dt at the beginning of the step."""

    term_structure: ClassVar[Any] = diffrax.AbstractTerm
    interpolation_cls: ClassVar[Any] = diffrax.ThirdOrderHermitePolynomialInterpolation.from_k

    symbol: Any
    forward: Callable[[Any], Any] | None
    backward: Callable[[Any], Any] | None
    krylov: int = eqx.field(static=True)
    rtol: Any
    atol: Any

    def order(self, terms: Any) -> int:
        r"""Return 5."""
        return 5

    def func(self, terms: Any, t0: Any, y0: Any, args: Any) -> Any:
        r"""Return dy/dt."""
        return terms.vf(t0, y0, args)

    def init(self, terms: Any, t0: Any, t1: Any, y0: Any, args: Any) -> Array:
        r"""Return dy/dt at the start, raveled."""
        return ravel_pytree(terms.vf(t0, y0, args))[0]

    def step(self, terms: Any, t0: Any, t1: Any, y0: Any, args: Any, solver_state: Any, made_jump: Any) -> Any:
        r"""Take one step; where Newton's iteration fails, its error is infinite, and a shorter one is tried."""
        table: Any = diffrax.Kvaerno5.tableau
        rows, stages = jnp.asarray(_rows(table.a_lower)), len(table.c) + 1
        guesses, gamma = jnp.asarray(_rows(table.a_predictor)), table.a_diagonal[1]
        start, unravel = ravel_pytree(y0)
        h = terms.contr(t0, t1)
        scale = self.atol + self.rtol * jnp.abs(start)
        invert = self._preconditioner(gamma * h, unravel)

        def stage(carry, index):
            slopes, well = carry
            t = jnp.where(index >= stages - 2, t1, t0 + jnp.asarray(table.c)[index - 1] * (t1 - t0))
            known = start + rows[index] @ slopes

            def residual(z):
                return z - known - gamma * ravel_pytree(terms.vf_prod(t, unravel(z), args, h))[0]

            guess = known + gamma * (guesses[index] @ slopes)
            z, converged = self._root(residual, guess, scale, invert)
            # from the equation, not from f(z): f would multiply the error of z by the stiffness
            return (slopes.at[index].set((z - known) / gamma), well & converged), z

        slopes = jnp.zeros((stages, start.size)).at[0].set(h * solver_state)
        (slopes, well), found = jax.lax.scan(stage, (slopes, jnp.asarray(True)), jnp.arange(1, stages))
        error = jnp.where(well, jnp.asarray(table.b_error) @ slopes, jnp.inf)
        y1 = unravel(found[-1])  # stiffly accurate: the last stage is the result
        ends = jax.vmap(unravel)(slopes[jnp.array([0, stages - 1])])
        return y1, unravel(error), {"y0": y0, "y1": y1, "k": ends}, slopes[-1] / h, diffrax.RESULTS.successful

    def _preconditioner(self, step: Any, unravel: Callable[[Array], Any]) -> Callable[[Array], Array]:
        if self.symbol is None or self.forward is None or self.backward is None:
            return lambda v: v
        forward, backward = self.forward, self.backward
        # it decides how many products are taken, not what is found: nothing to differentiate
        factor = jax.lax.stop_gradient(jax.tree.map(lambda s: 1 / (1 - step * s), self.symbol))
        return lambda v: ravel_pytree(backward(jax.tree.map(jnp.multiply, factor, forward(unravel(v)))))[0]

    def _root(
        self, residual: Callable[[Array], Array], guess: Array, scale: Array, invert: Callable[[Array], Array]
    ) -> tuple[Array, Array]:
        r"""Return the root, and whether it was found; its derivative is that of the implicit function."""
        krylov = min(self.krylov, guess.size)

        def go_on(now: _Correction) -> Array:
            diverging = (now.count > 1) & ~(now.size < 2 * now.before)
            return ~_converged(now) & (now.count < _CORRECTIONS) & ~diverging

        def correct(residual, now: _Correction) -> _Correction:
            value, tangent = jax.linearize(residual, now.z)
            change = _gmres(tangent, -value, invert, krylov, _LINEAR, 1)
            return _Correction(now.z + change, _norm(change / scale), now.size, now.count + 1)

        def newton(residual, guess):
            infinite = jnp.asarray(jnp.inf)
            start = _Correction(guess, infinite, infinite, jnp.asarray(0))
            end = jax.lax.while_loop(go_on, lambda now: correct(residual, now), start)
            # a number, because the derivative of a truth value is none
            return end.z, _converged(end).astype(float)

        def derivative(matrix, vector):
            shape = jax.ShapeDtypeStruct(vector.shape, vector.dtype)
            operator, inverse = (lineax.FunctionLinearOperator(f, shape) for f in (matrix, invert))
            options = {"preconditioner": inverse}
            return lineax.linear_solve(operator, vector, _Transposable(krylov), options=options).value

        z, found = jax.lax.custom_root(residual, guess, newton, derivative, has_aux=True)
        return z, found > 0


def _gmres(matrix, vector, invert, krylov, tolerance, rounds) -> Array:
    sizes = {"restart": krylov, "maxiter": rounds}
    return gmres(matrix, vector, tol=tolerance, atol=0.0, M=invert, solve_method="incremental", **sizes)[0]


class _Transposable(lineax.AbstractLinearSolver):
    # The same iteration in the form that can be differentiated in both directions (that of jax cannot, inside a root).
    krylov: int

    def init(self, operator, options):
        return operator

    def compute(self, state, vector, options):
        found = _gmres(state.mv, vector, options["preconditioner"].mv, self.krylov, _LINEAR_OF_DERIVATIVE, 20)
        return found, lineax.RESULTS.successful, {}

    def transpose(self, state, options):
        return state.transpose(), options  # the basis is taken for orthogonal: the preconditioner is its own transpose

    def conj(self, state, options):
        return state, options

    def assume_full_rank(self):
        return True


def _rows(lower: Any) -> list[list[float]]:
    size = len(lower) + 1
    return [[0.0] * size] + [[*map(float, row), *[0.0] * (size - len(row))] for row in lower]


def _norm(v: Array) -> Float[Array, ""]:
    return jnp.sqrt(jnp.mean(v**2))


def _converged(now: _Correction) -> Array:
    # what is left after a correction is the contraction times it; the first one has shown none yet
    rate = jnp.where(jnp.isfinite(now.before), now.size / now.before, 1.0)
    left = now.size * jnp.where(rate < 1, rate / jnp.maximum(1 - rate, 0.1), 1.0)
    return left < _OF_TOLERANCE
