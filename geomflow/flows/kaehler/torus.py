r"""Kähler-Ricci flow of a potential on complex tori: a scalar equation, which ends at the flat metric of its class."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from geomflow.core.errors import ArgumentError, MetricError
from geomflow.core.precision import require_x64
from geomflow.flows.base import Flow
from geomflow.flows.kaehler.generate import Index, generated, hermitian_indices, jet_indices
from geomflow.flows.solve import Method
from geomflow.flows.solve.exponential import Exponential
from geomflow.geometry.packed import pack
from geomflow.geometry.torus import Torus

#: The share of the fastest diffusion that is solved exactly, see `Exponential`.
_SHARE = 0.75
#: By how much a given metric may miss the class of the background, relative to it.
_IN_CLASS = 1e-8


class PotentialFlow(Flow):
    r"""∂_t φ = 2 log(det(g⁰ + ∂∂̄φ)/det g⁰) on ℂⁿ/2πℤ²ⁿ, with the mean of φ kept: ∂_t g = -2 Ric for g = g⁰ + ∂∂̄φ.

    The metric is \(ds^2 = 2\,\mathrm{Re}\,g_{i\bar j}dz^id\bar z^j\), z¹ = x¹ + i x², z² = x³ + i x⁴; adding a function
    of the time to φ does not change it. The flow exists for all times and converges to the flat metric g⁰ (Cao); the
    entropy ∫ log v v dx with v = det g/det g⁰, which on a torus is the K-energy, decreases. For n = 1 it is conformal:
    g = w |dz|² with w = 2 (g⁰ + ¼ Δφ), ∂_t w = Δ log w.

    Args:
        n: complex dimension, 1 or 2.
        size: points per real direction. Good values: 64 for n = 1; 16 for n = 2.
        background: g⁰, Hermitian and positive, shape (n, n); ½ by default, which makes ds² the flat unit metric.

    Raises:
        ArgumentError: another dimension.
        MetricError: `background` is not Hermitian or not positive.

    Good values: `PotentialFlow(1, 64)` from `0.5 * jnp.cos(x) * jnp.cos(y)`.
    Reference: H.-D. Cao, Invent. Math. 81 (1985) 359, for \(c_1 = 0\).
    """

    n: int = eqx.field(static=True)
    torus: Torus
    background: Float[Array, "n²"]

    def __init__(self, n: int, size: int, background: Any = None):
        if n not in (1, 2):
            raise ArgumentError(f"Argument `n` is the complex dimension and must be 1 or 2, but is {n}.")
        matrix = np.eye(n) / 2 if background is None else np.asarray(background)
        if matrix.shape != (n, n) or not np.allclose(matrix, matrix.conj().T, rtol=1e-14, atol=0):
            raise MetricError(f"Argument `background` must be a Hermitian {n} x {n} matrix, but is {matrix.tolist()}.")
        smallest = float(np.linalg.eigvalsh(matrix)[0])
        if not smallest > 0:
            raise MetricError(
                f"Argument `background` must be positive, but its smallest eigenvalue is {smallest:.4g}.",
                eigenvalue=smallest,
            )
        self.n, self.torus = n, Torus(2 * n, size)
        self.background = _packed(matrix)

    def __call__(self, t: Any, state: Float[Array, "*grid"]) -> Float[Array, "*grid"]:
        r"""Return ∂_t φ, dealiased by the 2/3 rule, its mean removed."""
        return self.torus.inverse(self._modes(t, state))

    def _modes(self, t: Any, state: Float[Array, "*grid"]) -> Array:
        return self.torus.transform(2 * self._log_volume(state)) * self._kept

    @property
    def _kept(self) -> np.ndarray:
        kept = self.torus.dealiased.copy()
        kept[(0,) * self.torus.dim] = False
        return kept

    def _log_volume(self, state: Float[Array, "*grid"]) -> Float[Array, "*grid"]:
        # log v; NaN where g is not positive
        flat = generated("minors", self.n)(self.background)[-1]
        return jnp.log(self._minors(state)[-1] / flat)

    def _minors(self, state: Float[Array, "*grid"]) -> Float[Array, "n *grid"]:
        return generated("minors", self.n)(self.hermitian(state))

    # --- metrics and potentials ----------------------------------------------------------------------------------

    def hermitian(self, state: Float[Array, "*grid"]) -> Float[Array, "n² *grid"]:
        r"""Return \(g_{i\bar j}\): its diagonal, then Re and Im of each entry above it."""
        return self._spread(self.background) + self._hessian(state)

    def metric(self, state: Float[Array, "*grid"]) -> Float[Array, "P *grid"]:
        r"""Return the real metric, packed as the tensor flows on T^{2n} have it."""
        g = self.hermitian(state)
        real = jnp.zeros((*self.torus.shape, 2 * self.n, 2 * self.n))
        for (i, j), (even, odd) in zip(hermitian_indices(self.n), _parts(self.n), strict=True):
            x, y = (2 * i, 2 * j), (2 * i + 1, 2 * j + 1)
            for a, b in ((x[0], x[1]), (y[0], y[1]), (x[1], x[0]), (y[1], y[0])):
                real = real.at[..., a, b].set(2 * g[even])
            if odd is not None:
                for a, b, sign in ((x[0], y[1], 1), (y[1], x[0], 1), (y[0], x[1], -1), (x[1], y[0], -1)):
                    real = real.at[..., a, b].set(2 * sign * g[odd])
        return pack(real)

    def potential(self, hermitian: Float[Array, "n² *grid"]) -> Float[Array, "*grid"]:
        r"""Return φ of mean zero with g = g⁰ + ∂∂̄φ, for g packed as `hermitian` returns it.

        Raises:
            MetricError: there is none: g is not Kähler, or not in the class of the background (the defect is said).
        """
        change = jnp.asarray(hermitian) - self._spread(self.background)
        trace = generated("laplacian", self.n)(self._spread(self.background), change)[0]
        symbol = self.symbol
        inverse = np.divide(1.0, symbol, out=np.zeros_like(symbol), where=symbol != 0)
        found = self.torus.multiply(trace, inverse)
        defect = float(jnp.max(jnp.abs(self._hessian(found) - change)))
        if not defect <= _IN_CLASS * float(jnp.max(jnp.abs(self.background))):
            raise MetricError(
                f"This metric is not g⁰ + ∂∂̄φ for any potential φ: the best one misses it by {defect:.3e}. Its mean "
                "must be the background, and it must be Kähler and resolved.",
                asymmetry=defect,
            )
        return found

    def check(self, state: Float[Array, "*grid"]) -> None:
        r"""Refuse a potential whose metric is not positive.

        Raises:
            PrecisionError: float32.
            MetricError: says where, and the smallest eigenvalue.
        """
        super().check(state)
        require_x64(state)
        if state.shape != self.torus.shape:
            raise MetricError(f"A potential has the shape {self.torus.shape} of the grid, but this one {state.shape}.")
        smallest = np.asarray(self._smallest_eigenvalue(state))
        worst = np.unravel_index(int(np.argmin(smallest)), smallest.shape)
        if not smallest[worst] > 0:
            point = tuple(float(x[worst]) for x in np.asarray(self.torus.points))
            raise MetricError(
                f"g⁰ + ∂∂̄φ must be positive, but has the eigenvalue {smallest[worst]:.4g} against g⁰ at x = "
                f"({', '.join(f'{x:.4g}' for x in point)}). Take a smaller φ.",
                point=point,
                eigenvalue=float(smallest[worst]),
            )

    def leaves(self, state: Float[Array, "*grid"]) -> Callable[[Array], Array]:
        r"""Return the condition that the smallest eigenvalue of g against g⁰ is positive."""
        return self._margin

    def _margin(self, state: Float[Array, "*grid"]) -> Float[Array, ""]:
        return jnp.min(self._smallest_eigenvalue(state))

    def _smallest_eigenvalue(self, state: Float[Array, "*grid"]) -> Float[Array, "*grid"]:
        return self._eigenvalues(self._spread(self.background), self.hermitian(state))[0]

    def _eigenvalues(self, against: Float[Array, "n² *grid"], g: Float[Array, "n² *grid"]) -> tuple[Array, Array]:
        # the smallest and the largest of g against another metric, from half trace and determinant
        half = generated("laplacian", self.n)(against, g)[0] / (2 * self.n)
        if self.n == 1:
            return half, half
        minors = generated("minors", self.n)
        root = jnp.sqrt(jnp.maximum(half**2 - minors(g)[-1] / minors(against)[-1], 0.0))
        return half - root, half + root

    # --- what is read off ----------------------------------------------------------------------------------------

    def scalar(self, state: Float[Array, "*grid"]) -> Float[Array, "*grid"]:
        r"""Return the scalar curvature R = -Δ log det g."""
        hessian = self._hessian(self._log_volume(state))
        return -generated("laplacian", self.n)(self.hermitian(state), hessian)[0]

    def riemann_squared(self, state: Float[Array, "*grid"]) -> Float[Array, "*grid"]:
        r"""Return |Rm|² = R_abcd R^abcd."""
        spectrum = self.torus.transform(state)

        def derivative(slots: Index) -> Array:
            symbols = (symbol * self.torus.resolved for symbol in _symbols(self.torus, *slots))
            even, odd = (self.torus.inverse(spectrum * symbol) for symbol in symbols)
            first = len(slots[0]) == len(slots[1]) == 1
            return even + 1j * odd + (self._background_entry(slots[0][0], slots[1][0]) if first else 0.0)

        jets = jnp.stack([derivative(slots) for slots in jet_indices(self.n)])
        return generated("riemann_squared", self.n)(jets)[0].real

    def curvature(self, state: Float[Array, "*grid"]) -> Float[Array, ""]:
        r"""Return max |Rm| over the grid."""
        return jnp.sqrt(jnp.maximum(jnp.max(self.riemann_squared(state)), 0.0))

    def _background_entry(self, i: int, j: int) -> Array:
        even, odd = dict(zip(hermitian_indices(self.n), _parts(self.n), strict=True))[min(i, j), max(i, j)]
        imaginary = 0.0 if odd is None else self.background[odd] * (1 if i < j else -1)
        return self.background[even] + 1j * imaginary

    def observables(self, state: Float[Array, "*grid"]) -> Mapping[str, Array]:
        r"""Return volume, R_min, R_max, the entropy ∫ log v v dx (decreasing) and max φ - min φ."""
        log_volume, scalar = self._log_volume(state), self.scalar(state)
        volume = 2**self.n * generated("minors", self.n)(self.background)[-1] * jnp.exp(log_volume)
        return {
            "volume": self.torus.integrate(volume),
            "R_min": jnp.min(scalar),
            "R_max": jnp.max(scalar),
            "entropy": self.torus.integrate(jnp.exp(log_volume) * log_volume),
            "oscillation": jnp.max(state) - jnp.min(state),
        }

    # --- stepping ------------------------------------------------------------------------------------------------

    def method(self, state: Float[Array, "*grid"]) -> Method:
        r"""Return the exponential method: the Laplacian of g⁰ times ¾ of the largest eigenvalue of g⁰ against g."""
        symbol, torus = jnp.asarray(self.symbol * self._kept), self.torus
        return Exponential(symbol, torus.transform, torus.inverse, self._diffusion, self._modes)

    def _diffusion(self, state: Float[Array, "*grid"]) -> Float[Array, ""]:
        return _SHARE * jnp.max(self._eigenvalues(self.hermitian(state), self._spread(self.background))[1])

    @property
    def symbol(self) -> np.ndarray:
        r"""The Laplacian of g⁰ on the half spectrum: what the flow is about the flat metric."""
        hessian = jnp.asarray(_hessian_symbols(self.torus, self.n))
        return np.asarray(generated("laplacian", self.n)(self._spread(self.background), hessian)[0])

    def _hessian(self, state: Float[Array, "*grid"]) -> Float[Array, "n² *grid"]:
        # ∂_i ∂_j̄ φ, packed
        symbols = _hessian_symbols(self.torus, self.n) * self.torus.resolved
        return self.torus.inverse(self.torus.transform(state) * symbols)

    def _spread(self, packed: Float[Array, "n²"]) -> Float[Array, "n² *ones"]:
        return packed.reshape(-1, *(1,) * self.torus.dim)


def _parts(n: int) -> Sequence[tuple[int, int | None]]:
    # the places of Re and Im of each entry
    return [(k, None) for k in range(n)] + [(n + 2 * k, n + 2 * k + 1) for k in range(n * (n - 1) // 2)]


def _packed(matrix: np.ndarray) -> Float[Array, "n²"]:
    n = len(matrix)
    above = [part for i, j in hermitian_indices(n)[n:] for part in (np.real(matrix[i, j]), np.imag(matrix[i, j]))]
    return jnp.asarray([*np.real(np.diag(matrix)), *above], dtype=float)


def _symbols(torus: Torus, holomorphic: tuple[int, ...], conjugate: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    # Fourier symbols of the real operators P, Q with ∂_i ... ∂_j̄ ... = P + iQ

    def symbol(k: np.ndarray) -> np.ndarray:
        value = np.ones(k.shape[1:], dtype=complex)
        for i in holomorphic:  # ∂_i = ½ (∂_x - i ∂_y)
            value = value * (1j * k[2 * i] + k[2 * i + 1]) / 2
        for j in conjugate:
            value = value * (1j * k[2 * j] - k[2 * j + 1]) / 2
        return value

    here, there = symbol(torus.wave_numbers), symbol(-torus.wave_numbers).conj()
    return (here + there) / 2, (here - there) / 2j


def _hessian_symbols(torus: Torus, n: int) -> np.ndarray:
    # of the packed fields of ∂_i ∂_j̄, real
    symbols = [_symbols(torus, (i,), (j,)) for i, j in hermitian_indices(n)]
    diagonal = [np.real(even) for even, _ in symbols[:n]]
    return np.stack([*diagonal, *(np.real(part) for pair in symbols[n:] for part in pair)])
