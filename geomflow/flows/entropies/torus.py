r"""Metrics on T^d as manifolds: functions on the spectral grid, minimised and expanded in the modes of the 2/3 rule."""

from __future__ import annotations

from functools import cache, cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from geomflow.codegen.jet_functions import jet_program, scalar_arguments
from geomflow.codegen.program import Argument
from geomflow.flows.entropies.base import Manifold, Solve, Spectrum
from geomflow.flows.entropies.derived import TAU, soliton_tensor
from geomflow.flows.entropies.spectra import GUARD, iterative_spectrum
from geomflow.flows.torus.generate import generated
from geomflow.geometry.packed import unpack
from geomflow.geometry.torus import Torus
from geomflow.symbolic.abstract.components import evaluate
from geomflow.symbolic.abstract.expression import norm_squared
from geomflow.symbolic.jets import JetFrame

# steps of a path on the grid: all coprime offsets up to this many points
_REACH = 3
_SWEEPS = 4


@cache
def _square(dim: int, shrinking: bool):
    r"""Return the generated |A|² of `soliton_tensor`, a function of the jets of g and f (and of tau)."""
    frame = JetFrame(dim)
    _, tensor = soliton_tensor(shrinking)
    components: Any = evaluate(norm_squared(tensor), frame)
    extra = [*scalar_arguments(frame, "f", 2)[1:], *([Argument("tau", TAU)] if shrinking else [])]
    return jax.jit(jet_program("soliton_square", frame, [components[()]], extra, f"|A|² for A = {tensor}.").compile())


class TorusManifold(Manifold):
    r"""A metric on T^d.

    Args:
        torus: the grid.
        g: the metric, packed.
    """

    def __init__(self, torus: Torus, g: Float[Array, "P *grid"]):
        self.torus, self.metric, self.dim = torus, jnp.asarray(g), torus.dim
        root = np.sqrt(np.asarray(torus.pointwise(generated("leading_minors", torus.dim), self.metric)[-1]))
        cell = torus.spacing**torus.dim
        self.weights = cell * root
        inverse = np.asarray(unpack(torus.pointwise(generated("inverse_metric", torus.dim), self.metric)))
        self.conductivity = np.moveaxis(self.weights[..., None, None] * inverse, (-2, -1), (0, 1))
        curvature = generated("scalar_curvature", torus.dim)
        self.scalar = np.asarray(torus.pointwise(curvature, self.metric, *torus.jets(self.metric))[0])
        self.spacing = torus.spacing * np.sqrt(np.linalg.eigvalsh(np.asarray(unpack(self.metric)))[..., -1])
        self._ik = 1j * torus.wave_numbers * torus.resolved
        self._mask = np.asarray(torus.dealiased, dtype=float)

    def _multiply(self, u: np.ndarray, multiplier: np.ndarray) -> np.ndarray:
        axes = self.torus.axes
        return np.fft.irfftn(np.fft.rfftn(u, axes=axes) * multiplier, s=self.torus.shape, axes=axes)

    def smooth(self, u: np.ndarray) -> np.ndarray:
        r"""Return the modes |k_i| < size/3: a Nyquist mode, which no derivative sees, would be a spurious minimiser."""
        return self._multiply(u, self._mask)

    def resolved(self, dual: np.ndarray) -> np.ndarray:
        r"""Return the same modes of a dual vector: all nodes have one cell."""
        return self.smooth(dual)

    def dirichlet(self, u: np.ndarray) -> np.ndarray:
        r"""Return -∂_i(√g g^ij ∂_j u) times the volume of a cell."""
        axes = self.torus.axes
        gradient = np.fft.irfftn(self._ik * np.fft.rfftn(u, axes=axes), s=self.torus.shape, axes=axes)
        flux = np.fft.rfftn(np.einsum("ij...,j...->i...", self.conductivity, gradient), axes=axes)
        return -np.fft.irfftn(np.sum(self._ik * flux, axis=0), s=self.torus.shape, axes=axes)

    def inverse(self, diffusion: float, shift: float) -> Solve:
        r"""Return the inverse of the operator with the mean metric, diagonal in Fourier modes."""
        mean = np.mean(self.conductivity, axis=self.torus.axes)
        k = self.torus.wave_numbers
        symbol = diffusion * np.einsum("ij,i...,j...->...", mean, k, k) + shift * np.mean(self.weights)
        return lambda dual: self._multiply(dual, self._mask / symbol)

    def spectrum(self, potential: np.ndarray, count: int, diffusion: float = 1.0) -> Spectrum:
        r"""Return the lowest eigenpairs of -diffusion Δ + potential among the modes of the 2/3 rule."""
        block = self._low_modes(min(count + GUARD, int(np.sum(self._full_mask))))
        return iterative_spectrum(self, potential, block, count, diffusion)

    @cached_property
    def _full_mask(self) -> np.ndarray:
        k = np.fft.fftfreq(self.torus.size, 1 / self.torus.size)
        kept = np.abs(k) < self.torus.size / 3
        return np.logical_and.reduce(np.meshgrid(*[kept] * self.dim, indexing="ij"))

    def _low_modes(self, count: int) -> np.ndarray:
        r"""Return sines and cosines of the lowest wave vectors, shape (N, count)."""
        k = np.fft.fftfreq(self.torus.size, 1 / self.torus.size)
        waves = np.stack(np.meshgrid(*[k] * self.dim, indexing="ij"))[:, self._full_mask].T
        waves = waves[np.argsort(np.sum(waves**2, axis=1), kind="stable")[:count]]
        phases = np.einsum("ki,i...->k...", waves, np.asarray(self.torus.points))
        # cos for one of ±k and sin for the other: cos(φ) + sin(φ) of both spans the same
        return (np.cos(phases) + np.sin(phases)).reshape(count, -1).T

    def distance_squared(self, node: int) -> np.ndarray:
        r"""Return g_ij Δx^i Δx^j with the metric at the node and the shortest differences of coordinates."""
        points = np.asarray(self.torus.points)
        at = np.unravel_index(node, self.torus.shape)
        difference = points - points[(slice(None), *at)].reshape(-1, *[1] * self.dim)
        difference = (difference + np.pi) % (2 * np.pi) - np.pi
        metric = np.asarray(unpack(self.metric))[at]
        return np.einsum("ij,i...,j...->...", metric, difference, difference)

    def diameter(self) -> float:
        r"""Return the longest of the shortest paths found on the grid.

        A path on the grid is a curve, made of straight steps: in two dimensions it is too long by at most 1.3 % (and
        O(h²)), while points between those of the grid are not seen (O(h)). The farthest point of the farthest point ...
        of a few starts stands for the maximum over all pairs.
        """
        graph = self._steps()
        longest = 0.0
        for node in {0, int(np.argmax(self.scalar)), int(np.argmin(self.scalar))}:
            for _ in range(_SWEEPS):
                distance = dijkstra(graph, indices=node)
                node = int(np.argmax(distance))
                longest = max(longest, float(distance[node]))
        return longest

    def _steps(self) -> csr_array:
        r"""Return the lengths of the straight steps between grid points, to all coprime offsets within reach."""
        g = np.asarray(unpack(self.metric))
        offsets = np.stack(np.meshgrid(*[np.arange(-_REACH, _REACH + 1)] * self.dim, indexing="ij"), axis=-1)
        offsets = offsets.reshape(-1, self.dim)
        offsets = offsets[np.gcd.reduce(np.abs(offsets), axis=1) == 1]
        nodes = np.arange(self.weights.size).reshape(self.torus.shape)
        columns, lengths = [], []
        for offset in offsets:
            there = np.roll(nodes, tuple(-offset), tuple(range(self.dim)))
            step = offset * self.torus.spacing
            speed = np.sqrt(np.einsum("...ij,i,j->...", g, step, step))
            columns.append(there.ravel())
            lengths.append(0.5 * (speed + speed.ravel()[there]).ravel())
        rows = np.tile(nodes.ravel(), len(offsets))
        return csr_array((np.concatenate(lengths), (rows, np.concatenate(columns))), shape=(nodes.size, nodes.size))

    def soliton_square(self, f: np.ndarray, tau: float | None = None) -> np.ndarray:
        r"""Return |Ric + Hess f - g/(2τ)|² by the generated program."""
        function = _square(self.dim, tau is not None)
        jets = (*self.torus.jets(self.metric), *self.torus.jets(jnp.asarray(f)))
        scale = [] if tau is None else [jnp.asarray(tau)]
        return np.asarray(function(self.metric, *jets, *scale)[0])
