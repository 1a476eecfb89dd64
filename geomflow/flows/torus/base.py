r"""The contract of a metric flow on the torus: g (packed) -> dg/dt, with or without a network's kernel in front."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from geomflow.flows.base import Flow
from geomflow.flows.solve import Solution
from geomflow.flows.torus.generate import generated
from geomflow.geometry.torus import Torus
from geomflow.kernels.operator import cos_net_multiplier
from geomflow.kernels.random_operator import RandomFeatureOperator

# A leading minor of g that falls to this fraction of its initial minimum ends the flow (Sylvester's criterion).
COLLAPSE = 1e-6


class TorusFlow(Flow):
    r"""A flow dg/dt = K_σ * V(g) of metrics on T^d; the local flow when there is no kernel.

    A subclass stores what V needs beside g (a measure, say) and defines `velocity`. V is dealiased by the 2/3 rule.

    Attributes:
        torus: the grid.
        kernel: Fourier symbol of K_σ on the half spectrum (see `geomflow.kernels.operator`), the operator K_N of a
            network of finite width (see `geomflow.kernels.random_operator`), or None.
    """

    torus: eqx.AbstractVar[Torus]
    kernel: eqx.AbstractVar[Array | RandomFeatureOperator | None]

    def velocity(self, g: Float[Array, "P *grid"]) -> Float[Array, "P *grid"]:
        r"""Return V(g)_ij, packed, at every grid point."""
        raise NotImplementedError

    def __call__(self, t: Any, state: Float[Array, "P *grid"]) -> Float[Array, "P *grid"]:
        r"""Return dg/dt: V dealiased, and smeared by the kernel where there is one."""
        if isinstance(self.kernel, RandomFeatureOperator):
            return self.kernel.apply(self.torus, self.velocity(state))
        mask = jnp.asarray(self.torus.dealiased, dtype=float)
        return self.torus.multiply(self.velocity(state), mask if self.kernel is None else mask * self.kernel)

    def smeared(self, sigma: float) -> Self:
        r"""Return the same flow driven through the kernel of an infinitely wide cos-net of width σ; 0 is the identity.

        Raises:
            ResolutionError: the grid does not carry σ.
        """
        return self.driven_by(cos_net_multiplier(self.torus, sigma))

    def driven_by(self, kernel: Array | RandomFeatureOperator) -> Self:
        r"""Return the same flow driven through this kernel: a Fourier symbol, or a finite network's operator."""
        return eqx.tree_at(lambda flow: flow.kernel, self, kernel, is_leaf=lambda leaf: leaf is None)

    def leaves(self, state: Float[Array, "P *grid"]) -> LeavesMetrics:
        r"""Return the condition that a leading minor of g falls to a small fraction of its initial minimum."""
        minors = self.torus.pointwise(generated("leading_minors", self.torus.dim), state)
        return LeavesMetrics(COLLAPSE * jnp.min(minors, axis=self.torus.axes), self.torus.dim)

    def run(self, state: Float[Array, "P *grid"], times: np.ndarray | float, **options: Any) -> Solution:
        r"""Integrate from a packed metric; a run that stops early names the wave vector that changed most.

        Args:
            state: initial metric, packed.
            times: output times, the initial one first; or the final time alone.
            **options: as `geomflow.flows.base.Flow.run`.
        """
        solution = super().run(state, times, **options)
        if solution.completed:
            return solution
        wave = fastest_mode(self.torus, solution.last - state)
        return replace(
            solution, reason=f"{solution.reason} (largest change at wave vector k = {wave})", wave_vector=wave
        )


class LeavesMetrics(eqx.Module):
    r"""Positive until a leading minor of g falls to its floor at some grid point."""

    floor: Array
    dim: int = eqx.field(static=True)

    def __call__(self, g: Float[Array, "P *grid"]) -> Float[Array, ""]:
        r"""Return the smallest of minor / floor - 1."""
        minors = jnp.min(generated("leading_minors", self.dim)(g), axis=tuple(range(-self.dim, 0)))
        return jnp.min(minors / self.floor) - 1


def fastest_mode(torus: Torus, change: Float[Array, "P *grid"]) -> tuple[int, ...]:
    r"""Return the wave vector (up to sign) that carries the largest Fourier amplitude of a change of the metric."""
    size = np.sum(np.abs(np.asarray(torus.transform(change))) ** 2, axis=0)
    size[(0,) * torus.dim] = 0.0
    index = np.unravel_index(int(np.nanargmax(size)), size.shape)
    return tuple(int(k[index]) for k in torus.wave_numbers)
