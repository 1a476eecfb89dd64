r"""MSE at infinite width memorises: measured rates of an integrated flow against the eigenvalues of its metric-NTK."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from geomflow.compare.convergence import fluctuation, tensor_norm
from geomflow.compare.monotonicity import random_metric
from geomflow.flows.torus.deturck import DeTurckFlow
from geomflow.flows.training.memorisation import MemorisationFlow
from geomflow.geometry.packed import pack, unpack
from geomflow.geometry.torus import Torus
from geomflow.kernels.operator import symbol_function
from geomflow.networks.metric_ntk import local_form
from geomflow.networks.parametrisations import PARAMETRISATIONS

TIGHT: dict[str, Any] = {"rtol": 1e-12, "atol": 1e-15}
# Networks whose Σ_a J_a J_a is the same at every point, so that Fourier modes are the eigenfunctions.
AFFINE = ("independent", "packed", "packed-orthonormal")
# A residual between these fractions of the initial one is late: J has settled, and rounding is far away.
LATE = (1e-5, 1e-8)
# The wave and its amplitude that follow the metric's constant part in the study of parametrisations.
WAVE, SMALL = 2, 1e-3


@dataclass(frozen=True)
class RateStudy:
    r"""Rates of the Fourier modes of g - g* along an affine parametrisation's flow.

    Attributes:
        parametrisation: its name.
        wave_vectors: k, shape (W, d).
        measured: fitted rates per packed component and mode, shape (P, W).
        predicted: eigenvalues of the metric-NTK, shape (P, W).
        amplitudes: |c_k(t)|/|c_k(0)| of the first component, shape (T, W), at `times`.
    """

    parametrisation: str
    wave_vectors: np.ndarray
    measured: np.ndarray
    predicted: np.ndarray
    times: np.ndarray
    amplitudes: np.ndarray

    @property
    def worst(self) -> float:
        r"""Largest deviation of a rate, in units of the rate of constants."""
        return float(np.max(np.abs(self.measured - self.predicted)) / np.max(self.predicted))


def fitted_rates(times: np.ndarray, amplitudes: np.ndarray) -> np.ndarray:
    r"""Return the least-squares slopes of -log(amplitude) against time.

    Args:
        times: shape (T,), two or more.
        amplitudes: positive, shape (T, *modes).

    Returns:
        Rates of shape (*modes).
    """
    centred = times - np.mean(times)
    return -np.tensordot(centred, np.log(amplitudes), axes=1) / np.sum(centred**2)


def wave_vectors(dim: int, largest: int) -> np.ndarray:
    r"""Return the wave vectors with |k_i| <= largest, one of each pair ±k, shape (W, d); 0 is the first."""
    k = np.arange(-largest, largest + 1)
    listed = np.stack(np.meshgrid(*[k] * dim, indexing="ij"), axis=-1).reshape(-1, dim)
    half = listed[len(listed) // 2 :]
    return half[np.argsort(np.sum(half**2, axis=1), kind="stable")]


def modes_of(torus: Torus, fields: Array | np.ndarray, waves: np.ndarray) -> np.ndarray:
    r"""Return the Fourier coefficients of fields (*batch, *grid) at integer wave vectors, shape (*batch, W)."""
    spectrum = np.fft.fftn(np.asarray(fields), axes=torus.axes) / torus.size**torus.dim
    return spectrum[(..., *(waves % torus.size).T)]


def speeds(parametrisation: str, g: np.ndarray, reference: np.ndarray) -> np.ndarray:
    r"""Return how fast each packed component answers its own residual: the metric-NTK's factor beside κ.

    Args:
        parametrisation: a name from `PARAMETRISATIONS`.
        g, reference: the metric and the frame's metric at one point, shape (n, n).

    Returns:
        $\partial V_{ij}/\partial s_{ij}$ for symmetric s and i <= j, shape (P,).
    """
    local = np.asarray(
        local_form(PARAMETRISATIONS[parametrisation].jacobian(jnp.asarray(g), 1.0, jnp.asarray(reference)))
    )
    n = g.shape[0]
    units = np.eye(n * (n + 1) // 2)
    answers = np.einsum("ijkl,akl->aij", local, np.asarray(unpack(jnp.asarray(units.T))))
    symmetric = pack(jnp.asarray(0.5 * (answers + np.swapaxes(answers, 1, 2))))
    return np.diagonal(np.asarray(symmetric)).copy()


def random_start(torus: Torus, target: Array, seed: int, **roughness: Any) -> Array:
    r"""Return four parts of the target and one of a random metric (see `random_metric`): something in every mode."""
    return 0.8 * target + 0.2 * random_metric(torus, seed, **roughness)[0]


def rate_study(
    torus: Torus, sigma: float, parametrisation: str, target: Array, largest: int, times: np.ndarray, seed: int = 0
) -> RateStudy:
    r"""Integrate the flow from a rough random metric and fit the rate of every mode with |k_i| <= largest.

    Args:
        torus: the grid; `largest` below a third of its size.
        sigma: kernel width.
        parametrisation: one of `AFFINE`.
        target: g*, packed.
        times: output times, 0 first.
        seed: of the initial metric.

    Raises:
        ResolutionError: the grid does not carry sigma.
        FlowError: the flow stopped.
    """
    g = random_start(torus, target, seed)
    flow = MemorisationFlow(torus, target=target, reference=g, parametrisation=parametrisation).smeared(sigma)
    solution = flow.run(g, times, **TIGHT).require_completed(f"memorisation flow of {parametrisation}")
    waves = wave_vectors(torus.dim, largest)
    sizes = np.abs(modes_of(torus, np.asarray(solution.states) - np.asarray(target), waves))
    symbol = np.asarray(symbol_function(torus.dim)(jnp.asarray(waves.T, dtype=float), jnp.asarray(sigma))[0])
    identity = np.eye(torus.dim)
    return RateStudy(
        parametrisation,
        waves,
        fitted_rates(solution.times, sizes),
        speeds(parametrisation, identity, identity)[:, None] * symbol,
        solution.times,
        sizes[:, 0] / sizes[0, 0],
    )


@dataclass(frozen=True)
class SettlingStudy:
    r"""One parametrisation on its way from g = 1 to g* = diag(a, 1): do its rates stay what they were at the start?

    Attributes:
        parametrisation, affine: its name, and whether its metric-NTK is frozen.
        start, late: fitted rates of the constant part of g_11, at t = 0 and when the residual has all but gone.
        predicted_start, predicted_late: the metric-NTK's eigenvalues at g = 1 and at g = g*.
        wave, predicted_wave: the same, late, of the wave cos(2 x²) in g_12.
        times, rates: the rate of the constant part along the flow, until the residual is late.
    """

    parametrisation: str
    affine: bool
    start: float
    late: float
    predicted_start: float
    predicted_late: float
    wave: float
    predicted_wave: float
    times: list[float]
    rates: list[float]

    @property
    def worst(self) -> float:
        r"""Largest relative deviation of a late rate from its eigenvalue at g*."""
        return max(abs(self.late / self.predicted_late - 1), abs(self.wave / self.predicted_wave - 1))


def settling_study(torus: Torus, sigma: float, parametrisation: str, stretch: float = 3.0) -> SettlingStudy:
    r"""Follow a constant metric from 1 to diag(a, 1), and a small wave about the target, to their late rates.

    Args:
        torus: a grid of T^2 that carries sigma.
        sigma: kernel width.
        parametrisation: a name from `PARAMETRISATIONS`; frames are those of g = 1.
        stretch: a.

    Raises:
        FlowError: the flow stopped.
    """
    flat, target = (jnp.asarray(pack(jnp.broadcast_to(m, (*torus.shape, 2, 2)))) for m in _ends(stretch))
    flow = MemorisationFlow(torus, target=target, reference=flat, parametrisation=parametrisation).smeared(sigma)
    first, last = (speeds(parametrisation, np.asarray(m), np.eye(2)) for m in _ends(stretch))

    def followed(g: Array, component: int, wave: int, rate: float) -> tuple[np.ndarray, np.ndarray]:
        # the first step is short: its slope is the rate at the start
        times = np.concatenate([[0.0, 1e-4 / rate], np.linspace(0, -np.log(LATE[1]) / rate, 161)[1:]])
        solution = flow.run(g, times, **TIGHT).require_completed(f"memorisation flow of {parametrisation}")
        residual = np.asarray(solution.states)[:, component] - np.asarray(target)[component]
        return solution.times, np.abs(modes_of(torus, residual, np.array([[0, wave]])))[:, 0]

    def late(times: np.ndarray, sizes: np.ndarray) -> float:
        chosen = (sizes < LATE[0] * sizes[0]) & (sizes > LATE[1] * sizes[0])
        return float(fitted_rates(times[chosen], sizes[chosen]))

    times, sizes = followed(flat, 0, 0, min(first[0], last[0]))
    kept = np.count_nonzero(sizes > LATE[0] * sizes[0])
    rates = -np.diff(np.log(sizes[:kept])) / np.diff(times[:kept])
    symbol = float(symbol_function(2)(jnp.asarray([0.0, WAVE]), jnp.asarray(sigma))[0])
    disturbed = target.at[1].add(SMALL * jnp.cos(WAVE * torus.points[1]))
    return SettlingStudy(
        parametrisation,
        PARAMETRISATIONS[parametrisation].affine,
        start=float(rates[0]),
        late=late(times, sizes),
        predicted_start=float(first[0]),
        predicted_late=float(last[0]),
        wave=late(*followed(disturbed, 1, WAVE, symbol * last[1])),
        predicted_wave=float(symbol * last[1]),
        times=[float(t) for t in (times[1:kept] + times[: kept - 1]) / 2],
        rates=[float(r) for r in rates],
    )


def _ends(stretch: float) -> tuple[Array, Array]:
    return jnp.eye(2), jnp.diag(jnp.asarray([stretch, 1.0]))


@dataclass(frozen=True)
class ContrastStudy:
    r"""Two starts under MSE and under a curvature flow with the same kernel: what is left of their difference?

    Attributes:
        times: output times.
        mse, curvature: ‖g - g'‖(t)/‖g - g'‖(0) of the two runs of the memorisation and of the DeTurck flow.
        bend: how much curvature is left in the DeTurck runs, root mean square of g less its mean, relative to t = 0.
    """

    times: list[float]
    mse: list[float]
    curvature: list[float]
    bend: list[float]


def contrast_study(torus: Torus, sigma: float, target: Array, times: np.ndarray) -> ContrastStudy:
    r"""Run both flows from two random metrics.

    MSE has a target: the difference of two solutions dies in every mode the kernel carries. Curvature has none: every
    flat metric is a fixed point, so the mean of the difference stays.

    Args:
        torus: the grid.
        sigma: kernel width.
        target: g* of the memorisation flow, packed.
        times: output times, 0 first.
    """
    starts = [random_start(torus, target, seed, modes=1, amplitude=0.2) for seed in (0, 1)]

    def runs(flow: MemorisationFlow | DeTurckFlow) -> np.ndarray:
        found = [flow.smeared(sigma).run(g, times).require_completed("flow from a random metric") for g in starts]
        return np.stack([np.asarray(solution.states) for solution in found])

    def relative(fields: np.ndarray) -> list[float]:
        sizes = np.array([tensor_norm(field) for field in fields])
        return [float(s) for s in sizes / sizes[0]]

    mse, curved = runs(MemorisationFlow(torus, target=target, reference=target)), runs(DeTurckFlow(torus))
    bend = np.array([[tensor_norm(fluctuation(g)) for g in run] for run in curved])
    left = np.max(bend / bend[:, :1], axis=0)
    return ContrastStudy(
        [float(t) for t in times], relative(mse[0] - mse[1]), relative(curved[0] - curved[1]), [float(b) for b in left]
    )
