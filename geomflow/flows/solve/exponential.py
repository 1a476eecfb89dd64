r"""Stiff equations whose linear part is diagonal in a basis: that part is solved exactly, the rest by Runge-Kutta."""

from __future__ import annotations

from collections.abc import Callable
from math import factorial
from typing import Any, ClassVar, NamedTuple

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
from equinox.internal import ω
from jaxtyping import Array, Float

from geomflow.flows.solve.methods import Method

# Below this |z| the functions φ are summed, beyond it they come from the exponential by recurrence.
_SUMMED = 2.0
# φ_3(-x) = e^{-x} Σ_k x^k / (2 k! (k + 3)): every term is positive, so that nothing cancels. Highest power first.
_SERIES = tuple(1 / (2 * factorial(k) * (k + 3)) for k in reversed(range(25)))
# The weight of what was a step earlier in the estimate of the error. It adds 3 % to the steps, and keeps the estimate
# from vanishing where N follows from modes that move by L alone.
_MEMORY = 0.25


class Phi(NamedTuple):
    r"""The functions φ of exponential integrators: φ_0 = e^z, φ_{j+1}(z) = (φ_j(z) - 1/j!)/z."""

    exp: Array
    one: Array
    two: Array
    three: Array


def phi(z: Float[Array, "*modes"]) -> Phi:
    r"""Return e^z, φ_1(z), φ_2(z), φ_3(z) for real z, to a few units in the last place for every z <= 0.

    Reference: M. Hochbruck, A. Ostermann, Acta Numerica 19 (2010) 209, section 2.1.
    """
    small = jnp.abs(z) < _SUMMED
    near = jnp.where(small, z, 0.0)
    far = jnp.where(small, _SUMMED, z)
    exp = jnp.exp(z)
    series = jnp.full_like(near, _SERIES[0])
    for coefficient in _SERIES[1:]:
        series = coefficient - near * series
    three = jnp.exp(near) * series
    two = near * three + 0.5
    one = near * two + 1.0
    far_one = jnp.expm1(far) / far
    far_two = (far_one - 1.0) / far
    far_three = (far_two - 0.5) / far
    pairs = ((one, far_one), (two, far_two), (three, far_three))
    return Phi(exp, *(jnp.where(small, summed, recurred) for summed, recurred in pairs))


def doubled(half: Phi) -> Phi:
    r"""Return the functions at 2z from those at z: φ_n(2z) = 2^{-n}[e^z φ_n(z) + Σ_{k=1}^n φ_k(z)/(n - k)!]."""
    exp, one, two, three = half
    return Phi(
        exp**2,
        (exp + 1) * one / 2,
        (exp * two + one + two) / 4,
        (exp * three + one / 2 + two + three) / 8,
    )


class Exponential(Method):
    r"""ETDRK4 for dy/dt = L y + N(y), L diagonal in a basis: order 4, embedded order 3, no limit on the step from L.

    L is part of the method, not of the flow: N is whatever remains of the right-hand side. What matters is that L is
    about as stiff as the right-hand side; it may change from step to step.

    Args:
        symbol: L in the basis, real and <= 0; it is multiplied with the modes of every array of the state. For a state
            that is a pytree, an array or a pytree of arrays of the structure of the modes (or a prefix of it).
        forward: state -> modes. Together with `backward` part of the program: no arrays in it, and hashable.
        backward: modes -> state.
        coefficient: y -> the number that `symbol` is multiplied with in a step from y; 1 by default.
        rate: (t, y) -> modes of dy/dt, where these come cheaper than by `forward` of the right-hand side.

    Good values: where dy/dt = a(y) Δy + lower orders, `symbol` = -|k|², `coefficient` = ¾ max a: the method is stable
    as long as a <= 1.6 L/Δ at every point, and most accurate where a ≈ L/Δ. Where N itself is stiff (a mode
    that is relaxed to a function of others), the order falls to 2, and the estimate follows it.
    Reference: S. Krogstad, J. Comput. Phys. 203 (2005) 72; the estimate: P. Whalen, M. Brio, J. Moloney,
    J. Comput. Phys. 280 (2015) 579.
    """

    symbol: Any
    forward: Callable[[Any], Any] = eqx.field(static=True)
    backward: Callable[[Any], Any] = eqx.field(static=True)
    coefficient: Callable[[Any], Array] | None = None
    rate: Callable[[Any, Any], Any] | None = None

    def solver(self) -> diffrax.AbstractSolver:
        r"""Return the stepper."""
        return ETDRK4(self.symbol, self.forward, self.backward, self.coefficient)

    def terms(self, rhs: Any) -> Any:
        r"""Return one term: the modes of the right-hand side."""
        rate = self.rate
        if rate is None:
            return Modes(lambda t, y, args: self.forward(rhs(t, y, args)), self.backward)
        return Modes(lambda t, y, args: rate(t, y), self.backward)


class Modes(diffrax.AbstractTerm):
    r"""A right-hand side whose values are modes."""

    rate: Callable[[Any, Any, Any], Any]
    backward: Callable[[Any], Any] = eqx.field(static=True)

    def vf(self, t: Any, y: Any, args: Any) -> Any:
        r"""Return the modes of dy/dt."""
        return self.rate(t, y, args)

    def contr(self, t0: Any, t1: Any, **kwargs: Any) -> Any:
        r"""Return t1 - t0."""
        return t1 - t0

    def prod(self, vf: Any, control: Any) -> Any:
        r"""Return dy."""
        return self.backward((control * vf**ω).ω)


class Carried(NamedTuple):
    r"""What a step hands to the next one: the modes of y and of dy/dt; the same where it began; and how long it was."""

    modes: Any
    rate: Any
    before: Any
    rate_before: Any
    length: Any


class ETDRK4(diffrax.AbstractSolver):
    r"""The stepper of `Exponential`. With z = hL, N in modes, and φ at z unless it says otherwise,

    a = e^{z/2}y + h/2 φ_1(z/2) N(y),   b = e^{z/2}y + h/2 φ_1(z/2) N(y) + h φ_2(z/2) [N(a) - N(y)],
    c = e^z y + h φ_1 N(y) + 2h φ_2 [N(b) - N(y)],
    y' = e^z y + h φ_1 N(y) + h φ_2 [-3N(y) + 2N(a) + 2N(b) - N(c)] + h φ_3 [4N(y) - 4N(a) - 4N(b) + 4N(c)].

    The estimate of the error is h(4φ_3 - φ_2)[N(c) - N(y')], N(y') being the N(y) of the next step: four evaluations
    for each step. It does not see errors of quadrature, where N depends on modes that move by L alone, or on the time;
    so h(φ_2 - 2φ_3) times a part of the third difference of N over N(y) a step earlier, N(y), [N(a) + N(b)]/2 and N(y')
    is added to it. States stay real, as diffrax wants them; their modes travel as the state of the solver.
    """

    symbol: Any
    forward: Callable[[Any], Any] = eqx.field(static=True)
    backward: Callable[[Any], Any] = eqx.field(static=True)
    coefficient: Callable[[Any], Array] | None

    term_structure: ClassVar = diffrax.AbstractTerm

    @property
    def interpolation_cls(self) -> Interpolant:  # pyright: ignore[reportIncompatibleVariableOverride]
        r"""Return what makes the interpolant of a step."""
        return Interpolant(self.backward)

    def order(self, terms: Any) -> int:
        r"""Return 4."""
        return 4

    def init(self, terms: Any, t0: Any, t1: Any, y0: Any, args: Any) -> Carried:
        r"""Return the modes of the state and of its rate."""
        modes, rate = self.forward(y0), terms.vf(t0, y0, args)
        return Carried(modes, rate, modes, rate, jnp.full_like(terms.contr(t0, t1), jnp.inf))

    def step(
        self, terms: Any, t0: Any, t1: Any, y0: Any, args: Any, solver_state: Carried, made_jump: Any
    ) -> tuple[Any, Any, dict[str, Any], Carried, diffrax.RESULTS]:
        r"""Take one step."""
        modes, rate, before, rate_before, length = solver_state
        h = terms.contr(t0, t1)
        scale = 1.0 if self.coefficient is None else jax.lax.stop_gradient(self.coefficient(y0))
        symbols = jax.tree.broadcast(self.symbol, modes)
        linear = jax.tree.map(lambda symbol: _Linear.over(h, scale * symbol), symbols)

        def each(formula: Callable[..., Array], *trees: Any) -> Any:
            return jax.tree.map(formula, linear, *trees, is_leaf=lambda node: isinstance(node, _Linear))

        def rest(t: Any, at: Any) -> Any:
            return each(_rest, terms.vf(t, self.backward(at), args), at)

        middle = t0 + (t1 - t0) / 2
        n = each(_rest, rate, modes)
        a = each(lambda L, y, n: L.half.exp * y + 0.5 * h * L.half.one * n, modes, n)
        na = rest(middle, a)
        b = each(lambda L, a, n, na: a + h * L.half.two * (na - n), a, n, na)
        nb = rest(middle, b)
        c = each(lambda L, y, n, nb: L.exp * y + h * (L.one * n + 2 * L.two * (nb - n)), modes, n, nb)
        nc = rest(t1, c)
        # N along the step, a quadratic in the part θ of it: constant + slope θ + bend θ²/2
        slope = each(lambda L, n, na, nb, nc: 2 * (na + nb) - 3 * n - nc, n, na, nb, nc)
        bend = each(lambda L, n, na, nb, nc: 4 * (n + nc - na - nb), n, na, nb, nc)
        new = each(
            lambda L, y, n, slope, bend: L.exp * y + h * (L.one * n + L.two * slope + L.three * bend),
            modes, n, slope, bend,
        )  # fmt: skip
        y1 = self.backward(new)
        new_rate = terms.vf(t1, y1, args)
        # the third difference of N over the step and the beginning of the one before
        earlier = jnp.where(jnp.isinf(length), 1.0, length / h)
        memory = jnp.where(jnp.isinf(length), 0.0, _MEMORY)

        def estimate(L: _Linear, y: Array, r: Array, n: Array, na: Array, nb: Array, nc: Array, *old: Array) -> Array:
            n1, middle, n_before = _rest(L, r, y), (na + nb) / 2, _rest(L, *old)
            third = 2 * (n1 - 2 * middle + n) - (2 * (middle - n) - (n - n_before) / earlier) / (0.5 + earlier)
            third = memory / (1 + earlier) * third
            return h * ((4 * L.three - L.two) * (nc - n1) + (L.two - 2 * L.three) * third)

        error = each(estimate, new, new_rate, n, na, nb, nc, rate_before, before)
        z = jax.tree.map(lambda symbol: h * scale * symbol, symbols)
        dense_info = {"z": z, "modes": modes, **_scaled(h, constant=n, slope=slope, bend=bend)}
        carried = Carried(new, new_rate, modes, rate, h)
        return y1, self.backward(error), dense_info, carried, diffrax.RESULTS.successful

    def func(self, terms: Any, t0: Any, y0: Any, args: Any) -> Any:
        r"""Return dy/dt."""
        return self.backward(terms.vf(t0, y0, args))


class _Linear(NamedTuple):
    # L on the modes of one array over a step, and the functions φ at hL and hL/2.
    symbol: Array
    half: Phi
    exp: Array
    one: Array
    two: Array
    three: Array

    @classmethod
    def over(cls, h: Any, symbol: Array) -> _Linear:
        half = phi(0.5 * h * symbol)
        return cls(symbol, half, *doubled(half))


def _rest(L: _Linear, rate: Array, modes: Array) -> Array:
    return rate - L.symbol * modes


def _scaled(h: Any, **trees: Any) -> dict[str, Any]:
    return {name: jax.tree.map(lambda leaf: h * leaf, tree) for name, tree in trees.items()}


class Interpolant(eqx.Module):
    r"""Makes the interpolant of a step from what the step left."""

    backward: Callable[[Any], Any] = eqx.field(static=True)

    def __call__(self, **left: Any) -> ExponentialInterpolation:
        r"""Return the interpolant."""
        return ExponentialInterpolation(backward=self.backward, **left)


class ExponentialInterpolation(diffrax.AbstractLocalInterpolation):
    r"""The natural interpolant of ETDRK4, of order 3, and exact where N = 0: at the part θ of the step, with φ at θz,

    e^{θz} y + θ φ_1 N_0 + θ² φ_2 N_1 + θ³ φ_3 N_2,   where N_0 + N_1 θ + N_2 θ²/2 stands for h N along the step.
    """

    t0: Any
    t1: Any
    z: Any
    modes: Any
    constant: Any
    slope: Any
    bend: Any
    backward: Callable[[Any], Any] = eqx.field(static=True)

    def evaluate(self, t0: Any, t1: Any = None, left: bool = True) -> Any:
        r"""Return the state at `t0`, or its change from `t0` to `t1`."""
        if t1 is not None:
            return (self.evaluate(t1) ** ω - self.evaluate(t0) ** ω).ω
        length = self.t1 - self.t0
        part = jnp.where(length == 0, 0.0, (t0 - self.t0) / jnp.where(length == 0, 1.0, length))

        def below(z: Array, *trees: Any) -> Any:
            exp, one, two, three = phi(part * z)

            def at(y: Array, constant: Array, slope: Array, bend: Array) -> Array:
                return exp * y + part * (one * constant + part * (two * slope + part * three * bend))

            return jax.tree.map(at, *trees)

        modes = jax.tree.map(below, self.z, self.modes, self.constant, self.slope, self.bend)
        return self.backward(modes)
