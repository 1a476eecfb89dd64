r"""The contract of a metric flow on the torus: g (packed) -> dg/dt, with or without a network's kernel in front."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from geomflow.core.errors import ArgumentError
from geomflow.flows.base import Flow
from geomflow.flows.solve import Explicit, Method, Solution
from geomflow.flows.solve.exponential import Exponential
from geomflow.flows.torus.derivatives import spectral_jets
from geomflow.flows.torus.generate import generated
from geomflow.geometry.checks import SMALLEST_RATIO, check_metric
from geomflow.geometry.packed import unpack
from geomflow.geometry.torus import Torus
from geomflow.kernels.operator import cos_net_multiplier
from geomflow.kernels.random_operator import RandomFeatureOperator
from geomflow.symbolic.jets import pairs

# A leading minor of g that falls to this fraction of its initial minimum ends the flow (Sylvester's criterion).
COLLAPSE = 1e-6


def metric_of(state: Any) -> Float[Array, "P *grid"]:
    r"""Return the metric of a state: the state itself, or its entry `g` where fields move along."""
    return getattr(state, "g", state)


class TorusFlow(Flow):
    r"""A flow dg/dt = K_σ * V(g) of metrics on T^d; the local flow when there is no kernel.

    A subclass stores what V needs beside g (a measure, say) and defines `velocity`. V is dealiased by the 2/3 rule.
    The state is g, packed; a flow that moves fields along has a NamedTuple that begins with g.

    Attributes:
        torus: the grid.
        kernel: Fourier symbol of K_σ on the half spectrum (see `geomflow.kernels.operator`), the operator K_N of a
            network of finite width (see `geomflow.kernels.random_operator`), or None.
    """

    torus: eqx.AbstractVar[Torus]
    kernel: eqx.AbstractVar[Array | RandomFeatureOperator | None]

    def velocity(self, state: Any) -> Any:
        r"""Return V(g)_ij, packed, at every grid point; for a state with fields their velocities as well."""
        raise NotImplementedError

    def jets(self, field: Float[Array, "*batch_grid"]) -> tuple[Array, Array]:
        r"""Return first and second derivatives of a field, by matrices where they are cheaper (see `spectral_jets`)."""
        # a grid with differences in place of derivatives, or split over devices, has its own way
        ordinary = type(self.torus) is Torus and self.torus.mesh is None
        return spectral_jets(self.torus, field) if ordinary else self.torus.jets(field)

    def __call__(self, t: Any, state: Any) -> Any:
        r"""Return dg/dt: V dealiased, and smeared by the kernel where there is one."""
        kernel = self.kernel
        if isinstance(kernel, RandomFeatureOperator):
            return jax.tree.map(lambda v: kernel.apply(self.torus, v), self.velocity(state))
        return jax.tree.map(self.torus.inverse, self.modes(t, state))

    def modes(self, t: Any, state: Any) -> Any:
        r"""Return the Fourier modes of dg/dt (for a kernel that has a symbol)."""
        symbol = self.kept
        return jax.tree.map(lambda v: self.torus.transform(v) * symbol, self.velocity(state))

    @property
    def kept(self) -> Array:
        r"""What is left of each mode: the mask of the 2/3 rule, times the symbol of the kernel."""
        mask = jnp.asarray(self.torus.dealiased, dtype=float)
        return mask * self.kernel if isinstance(self.kernel, jax.Array) else mask

    @property
    def diffusivity(self) -> float | None:
        r"""The largest rate, in units of |k|², at which modes about flat decay, if all of them do; else None."""
        return None

    def method(self, state: Any) -> Method:
        r"""Return the exponential method (see `heat_split`) for a flow all of whose modes decay, else the explicit."""
        if self.diffusivity is None or isinstance(self.kernel, RandomFeatureOperator):
            return Explicit()
        return heat_split(self, state, self.diffusivity)

    def smeared(self, sigma: float) -> Self:
        r"""Return the same flow driven through the kernel of an infinitely wide cos-net of width σ; 0 is the identity.

        Raises:
            ResolutionError: the grid does not carry σ.
        """
        return self.driven_by(cos_net_multiplier(self.torus, sigma))

    def driven_by(self, kernel: Array | RandomFeatureOperator) -> Self:
        r"""Return the same flow driven through this kernel: a Fourier symbol, or a finite network's operator."""
        return eqx.tree_at(lambda flow: flow.kernel, self, kernel, is_leaf=lambda leaf: leaf is None)

    def check(self, state: Any) -> None:
        r"""Refuse what is no metric on this grid.

        Raises:
            ArgumentError: the shape is not (P, *grid).
            MetricError: not finite, or not positive definite somewhere. Numbers: `point`, `eigenvalue`.
        """
        g, wanted = metric_of(state), (len(pairs(self.torus.dim)), *self.torus.shape)
        if g.shape != wanted:
            raise ArgumentError(
                f"The metric must hold the components i <= j at every grid point, shape {wanted}, but has shape "
                f"{g.shape}. `geomflow.geometry.packed.pack` makes one from matrices g_ij."
            )
        super().check(state)
        minors = np.asarray(self.torus.pointwise(generated("leading_minors", self.torus.dim), g))
        trace = np.sum([g[p] for p, (i, j) in enumerate(pairs(self.torus.dim)) if i == j], axis=0)
        # then the smallest eigenvalue is more than SMALLEST_RATIO of the largest; eigenvalues only to say what is wrong
        if not np.all(minors > 0) or not np.all(minors[-1] > SMALLEST_RATIO * trace**self.torus.dim):
            check_metric(np.asarray(unpack(g)), np.asarray(self.torus.points), "initial metric")

    def leaves(self, state: Any) -> LeavesMetrics:
        r"""Return the condition that a leading minor of g falls to a small fraction of its initial minimum."""
        minors = self.torus.pointwise(generated("leading_minors", self.torus.dim), metric_of(state))
        return LeavesMetrics(COLLAPSE * jnp.min(minors, axis=self.torus.axes), self.torus.dim)

    def curvature(self, state: Any) -> Float[Array, ""]:
        r"""Return the largest |Rm| = (R_abcd R^abcd)^½ on the grid."""
        g = metric_of(state)
        squares = self.torus.pointwise(generated("kretschmann", self.torus.dim), g, *self.jets(g))
        return jnp.sqrt(jnp.maximum(jnp.max(squares), 0.0))

    def observables(self, state: Any) -> Mapping[str, Array]:
        r"""Return volume, extremes of the scalar curvature R, and the mean of R²."""
        g = metric_of(state)
        density = self.volume_density(g)
        curvature = self.torus.pointwise(generated("scalar_curvature", self.torus.dim), g, *self.jets(g))[0]
        volume = self.torus.integrate(density)
        return {
            "volume": volume,
            "R_min": jnp.min(curvature),
            "R_max": jnp.max(curvature),
            "mean R^2": self.torus.integrate(density * curvature**2) / volume,
        }

    def volume_density(self, g: Float[Array, "P *grid"]) -> Float[Array, "*grid"]:
        r"""Return √det g."""
        return jnp.sqrt(self.torus.pointwise(generated("leading_minors", self.torus.dim), g)[-1])

    def run(self, state: Any, times: np.ndarray | float, **options: Any) -> Solution:
        r"""Integrate from a packed metric; a run that stops early names the wave vector that changed most.

        Args:
            state: initial metric, packed.
            times: output times, the initial one first; or the final time alone.
            **options: as `geomflow.flows.base.Flow.run`.
        """
        solution = super().run(state, times, **options)
        if solution.completed:
            return solution
        wave = fastest_mode(self.torus, metric_of(solution.last) - metric_of(state))
        return replace(
            solution, reason=f"{solution.reason} (largest change at wave vector k = {wave})", wave_vector=wave
        )


class TreeTransform(eqx.Module):
    r"""State -> Fourier modes of its arrays, or back."""

    torus: Torus = eqx.field(static=True)
    back: bool = eqx.field(static=True, default=False)

    def __call__(self, tree: Any) -> Any:
        r"""Return the tree of modes, or of fields."""
        return jax.tree.map(self.torus.inverse if self.back else self.torus.transform, tree)


def heat_split(flow: TorusFlow, state: Any, diffusivity: float = 1.0) -> Exponential:
    r"""Return the exponential method that solves ∂_t y = c Δ_flat y exactly, and the rest of the flow as it can.

    The flow is g^ab ∂_a ∂_b y + ..., at the most `diffusivity` times that. The closer c is to the eigenvalues of g^-1,
    the more accurate the method; it is stable for every step as long as none is more than 1.6 c (see `Exponential`).
    c is the mean eigenvalue over the grid at the start, but at least the largest over 1.6.

    Args:
        flow: a flow whose modes all decay, without kernel or with one that has a symbol.
        state: the initial state.
        diffusivity: see `TorusFlow.diffusivity`.
    """
    torus = flow.torus
    squares = np.sum(torus.wave_numbers**2, axis=0)
    symbol = -diffusivity * _split(torus, metric_of(state)) * flow.kept * squares
    return Exponential(symbol, TreeTransform(torus), TreeTransform(torus, back=True), rate=flow.modes)


@eqx.filter_jit
def _split(torus: Torus, g: Float[Array, "P *grid"]) -> Float[Array, ""]:
    inverse = unpack(torus.pointwise(generated("inverse_metric", torus.dim), g))
    mean = jnp.mean(jnp.trace(inverse, axis1=-2, axis2=-1)) / torus.dim
    # (tr g^-4)^¼ is at least the largest eigenvalue, and a hundred times cheaper
    largest = jnp.max(jnp.sum((inverse @ inverse) ** 2, axis=(-2, -1))) ** 0.25
    return jnp.maximum(mean, largest / 1.6)


class LeavesMetrics(eqx.Module):
    r"""Positive until a leading minor of g falls to its floor at some grid point."""

    floor: Array
    dim: int = eqx.field(static=True)

    def __call__(self, state: Any) -> Float[Array, ""]:
        r"""Return the smallest of minor / floor - 1."""
        minors = generated("leading_minors", self.dim)(metric_of(state))
        return jnp.min(jnp.min(minors, axis=tuple(range(-self.dim, 0))) / self.floor) - 1


def fastest_mode(torus: Torus, change: Float[Array, "P *grid"]) -> tuple[int, ...]:
    r"""Return the wave vector (up to sign) that carries the largest Fourier amplitude of a change of the metric."""
    size = np.sum(np.abs(np.asarray(torus.transform(change))) ** 2, axis=0)
    size[(0,) * torus.dim] = 0.0
    index = np.unravel_index(int(np.nanargmax(size)), size.shape)
    return tuple(int(k[index]) for k in torus.wave_numbers)
