r"""Arc sine, arc cosine and arc tangent as polynomials: XLA's own on a CPU are not vectorised, ten times as slow.

All are right to two units in the last place, of float64 and of float32, and NaN where the usual ones are; numbers below
the smallest normal one count as 0, as elsewhere in XLA. The file needs JAX alone: it is copied into modules that do.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np

#: arcsin(√z)/√z = 1 + .. on [0, 1/2], the interpolant at Chebyshev points of degree 19: relative error 3.5e-18.
_ARCSIN = (
    *(0.16666666666666963, 0.07499999999921603, 0.044642857225197834, 0.030381939881673394, 0.022372313172485805),
    *(0.017349310327158196, 0.01401917204006966, 0.01092934906491237, 0.015091795028583365, -0.026316324552338826),
    *(0.1809574620911065, -0.6641236302549411, 2.0016041109291547, -4.535791802822955, 7.768165374555008),
    *(-9.669659398550623, 8.32498352944691, -4.438816692066939, 1.1264192878807509),
)
#: arctan(√w)/√w = 1 + .. on [0, tan²(π/8)], likewise of degree 11: 1.3e-18.
_ARCTAN = (
    *(-0.3333333333333312, 0.1999999999994089, -0.14285714279250192, 0.11111110744917034, -0.09090896808988135),
    *(0.07692045329539092, -0.06662951797955637, 0.05846878181892052, -0.05035101930016078, 0.03796524391097195),
    -0.017805382196606493,
)


def arcsin_excess(square):
    r"""Return arcsin(x)/x - 1 from x², for |x| <= √½."""
    return _horner(_ARCSIN, square)


def _horner(coefficients, square):
    # for a_1, a_2, ..: the sum of a_k squareᵏ
    return square * functools.reduce(lambda total, a: total * square + a, coefficients[::-1])


def arcsin(x):
    r"""Return the arc sine; complex numbers are left to JAX."""
    return jnp.arcsin(x) if jnp.iscomplexobj(x) else _arcsin(x * 1.0)


def arccos(x):
    r"""Return the arc cosine, to relative accuracy also near x = 1; complex numbers are left to JAX."""
    return jnp.arccos(x) if jnp.iscomplexobj(x) else _arccos(x * 1.0)


def arctan(x):
    r"""Return the arc tangent; complex numbers are left to JAX."""
    return jnp.arctan(x) if jnp.iscomplexobj(x) else _arctan2(x * 1.0, jnp.ones_like(x * 1.0))


def arctan2(y, x):
    r"""Return the angle of the point (x, y), in [-π, π]."""
    return _arctan2(*jnp.broadcast_arrays(y * 1.0, x * 1.0))


def _folded(x):
    # whether |x| > √½, and the arc sine of the smaller of |x| and √(1 - x²)
    size = jnp.abs(x)
    square = size * size
    steep = square > 0.5
    rest = jnp.where(steep, (1 - size) * (1 + size), square)
    root = jnp.where(steep, jnp.sqrt(rest), size)
    return steep, root + root * arcsin_excess(rest)


@jax.custom_jvp
def _arcsin(x):
    steep, arc = _folded(x)
    # π/2 - arc; in float32 π/2 has an error of its own
    return jnp.copysign(jnp.where(steep, 1.5 - (arc - (np.pi / 2 - 1.5)), arc), x)


@jax.custom_jvp
def _arccos(x):
    steep, arc = _folded(x)
    return jnp.where(steep, jnp.where(x < 0, np.pi - arc, arc), np.pi / 2 - jnp.copysign(arc, x))


@jax.custom_jvp
def _arctan2(y, x):
    rise, run = jnp.abs(y), jnp.abs(x)
    low, high = jnp.minimum(rise, run), jnp.maximum(rise, run)
    # arctan t = π/4 + arctan((t - 1)/(t + 1)) for t beyond tan(π/8); at t = 1 infinities and zeros must not be divided
    diagonal, equal = low > np.tan(np.pi / 8) * high, low == high
    top, bottom = jnp.where(diagonal, low / 2 - high / 2, low), jnp.where(diagonal, low / 2 + high / 2, high)
    ratio = jnp.where(equal, 0.0, top / jnp.where(equal, 1.0, bottom))
    arc = ratio + ratio * _horner(_ARCTAN, ratio * ratio)
    arc = jnp.where(diagonal | (equal & (high > 0)), np.pi / 4 + arc, arc)
    arc = jnp.where(rise > run, np.pi / 2 - arc, arc)
    return jnp.copysign(jnp.where(jnp.signbit(x), np.pi - arc, arc), y)


_arcsin.defjvps(lambda change, value, x: change / jnp.sqrt((1 - x) * (1 + x)))
_arccos.defjvps(lambda change, value, x: -change / jnp.sqrt((1 - x) * (1 + x)))
_arctan2.defjvps(
    lambda change, value, y, x: change * (x / (x * x + y * y)),
    lambda change, value, y, x: -change * (y / (x * x + y * y)),
)
