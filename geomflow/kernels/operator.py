r"""The kernel of an infinitely wide periodic network as an operator on a torus grid, applied by FFT."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from geomflow.codegen.program import Argument, Program
from geomflow.core.errors import ArgumentError, ResolutionError
from geomflow.geometry.torus import Torus
from geomflow.symbolic.kernels.random_features.cos_net import derive_cos_net

# The sampled kernel errs by 2d exp(-2π²(σ/h)²) on constants: 1e-4 at σ = 0.75 h, 1e-1 at h/2.
SMALLEST_WIDTH = 0.75


@cache
def symbol_program(dim: int) -> Program:
    r"""Return the generated symbol of the cos-net kernel, (k, σ) -> m(k): derived, never typed in."""
    kernel = derive_cos_net(dim)
    arguments = [Argument("k", kernel.wave_numbers), Argument("sigma", kernel.sigma)]
    doc = "Fourier symbol of the periodic cos-net kernel of width sigma at integer wave vectors k (d, *batch)."
    return Program("cos_net_symbol", arguments, [kernel.symbol], {}, doc)


def smallest_width(torus: Torus) -> float:
    r"""Return the smallest kernel width the grid carries, 0.75 h."""
    return SMALLEST_WIDTH * torus.spacing


def check_width(torus: Torus, sigma: float, name: str = "sigma") -> None:
    r"""Refuse a width the grid cannot carry; `name` is what the caller calls it.

    Raises:
        ArgumentError: σ is negative or not a number.
        ResolutionError: 0 < σ < 0.75 h; carries `sigma`, `sigma_min`.
    """
    if not sigma >= 0:
        raise ArgumentError(
            f"Argument `{name}` must be zero or positive, but is {sigma}. Try {smallest_width(torus):.4g}."
        )
    smallest = smallest_width(torus)
    if 0 < sigma < smallest * (1 - 1e-12):
        needed = int(-(-SMALLEST_WIDTH * 2 * jnp.pi // sigma))
        raise ResolutionError(
            f"Argument `{name}` must be 0 or at least {smallest:.4g} on a grid of {torus.size} points per direction "
            f"(0.75 of its spacing {torus.spacing:.4g}), but is {sigma:.4g}. "
            f"Try {smallest:.4g}, or a grid of {needed + needed % 2} points.",
            sigma=sigma,
            sigma_min=smallest,
        )


def cos_net_multiplier(torus: Torus, sigma: float) -> Float[Array, "*half"]:
    r"""Return the Fourier multiplier of the infinitely wide periodic cos-net on the half spectrum of a grid.

    The network with integer frequencies drawn from the discrete normal has a kernel whose operator, normalised to keep
    constants, multiplies e^{ik·x} by the symbol derived in `geomflow.symbolic.kernels.random_features.cos_net`; σ = 0
    is the identity.

    Args:
        torus: the grid.
        sigma: kernel width (dimensionless, in units where the period is 2π). Good values: 0.75 h to 1.

    Raises:
        ArgumentError: σ < 0.
        ResolutionError: σ below what the grid carries.
    """
    check_width(torus, sigma)
    return symbol_function(torus.dim)(jnp.asarray(torus.wave_numbers), jnp.asarray(float(sigma)))[0]


@cache
def symbol_function(dim: int) -> Callable[[Array, Array], Array]:
    r"""Return the compiled `symbol_program`."""
    return jax.jit(symbol_program(dim).compile())
