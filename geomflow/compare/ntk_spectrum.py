r"""Spectra of tangent kernels on the torus: closed forms of the cos-nets, numbers of fully connected networks.

On $T^d$ with the mean over the torus as measure a kernel of differences multiplies $e^{ik\cdot z}$ by $\lambda_k$, and
the Gram matrix on a grid of n points per direction has the eigenvalues $n^d\sum_{m\in\mathbb Z^d}\lambda_{k+nm}$.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import jax.numpy as jnp
import numpy as np
import sympy as sp

from geomflow.kernels.base import Kernel
from geomflow.kernels.cos_net import PeriodicKernel
from geomflow.kernels.embedded import Embedded
from geomflow.kernels.fully_connected import FullyConnected
from geomflow.kernels.gaussian import CosNetFullKernel, GaussianKernel
from geomflow.symbolic.kernels.embedded_torus import derive_embedded_torus

# (d, W) integers -> (W,) eigenvalues
ClosedForm = Callable[[np.ndarray], np.ndarray]

# Alias vectors that are summed: one period to each side.
_ALIASES = (-1, 0, 1)
# Hidden layers and variances of the fully connected networks; σ_b > 0 gives odd waves a share.
HIDDEN, SIGMA_B = 3, 0.5
# Wave numbers between which the decay of a kernel with a kink is fitted.
DECAY = (16, 64)


@dataclass(frozen=True)
class SpectrumStudy:
    r"""The spectrum of one kernel on T^d.

    Attributes:
        name: what it is.
        eigenvalues: λ_k at k = 0, 1, .. along one axis, by Fourier transform of the kernel's first row.
        closed: the closed form at these k, or None.
        gram_error: largest deviation of the Gram matrix's eigenvalues from the closed form (from the Fourier
            transform where there is none), aliases included, relative to the largest.
        decay: exponent p of λ_k ~ k^{-p} over even k, for kernels with a kink; None for smooth ones.
    """

    name: str
    eigenvalues: list[float]
    closed: list[float] | None
    gram_error: float
    decay: float | None


def cases(dim: int, sigma: float) -> dict[str, tuple[Kernel, ClosedForm | None]]:
    r"""Return the kernels that are studied, with the closed forms of those that have one; σ_a = 1."""
    periodic = PeriodicKernel(sigma)
    volume = (2 * np.pi) ** dim
    return {
        "periodic cos-net, last layer": (periodic, lambda k: np.asarray(periodic.eigenvalues(jnp.asarray(k))) / volume),
        "embedded cos-net, last layer": (Embedded(GaussianKernel(sigma)), _embedded(dim, sigma, "last_layer")),
        "embedded cos-net, all layers": (Embedded(CosNetFullKernel(sigma)), _embedded(dim, sigma, "full")),
        **{name: (kernel, None) for name, kernel in fully_connected(dim).items()},
    }


def fully_connected(dim: int) -> dict[str, Kernel]:
    r"""Return the tangent kernels of fully connected networks of three hidden layers on the embedded torus."""
    # points of T^d have |x|² = d, and x·x/2d = ½: the radius √2 makes it 1
    return {
        "erf, NTK": Embedded(FullyConnected("erf", HIDDEN, 1.5, SIGMA_B), np.sqrt(2)),
        "ReLU, NTK": Embedded(FullyConnected("relu", HIDDEN, np.sqrt(2), SIGMA_B), np.sqrt(2)),
        "ReLU, NNGP": Embedded(FullyConnected("relu", HIDDEN, np.sqrt(2), SIGMA_B, of="nngp"), np.sqrt(2)),
    }


@cache
def _function(dim: int, which: str) -> Callable[..., Any]:
    record = derive_embedded_torus(dim)
    return sp.lambdify((*record.wave_numbers, record.sigma, record.sigma_a), getattr(record, which), "scipy")


def _embedded(dim: int, sigma: float, which: str) -> ClosedForm:
    return lambda k: _function(dim, which)(*np.asarray(k, dtype=float), sigma, 1.0)


def grid_points(dim: int, size: int) -> np.ndarray:
    r"""Return the points of a grid of T^dim as rows."""
    x = 2 * np.pi * np.arange(size) / size
    return np.stack(np.meshgrid(*[x] * dim, indexing="ij"), axis=-1).reshape(-1, dim)


def first_row(kernel: Kernel, dim: int, size: int) -> np.ndarray:
    r"""Return the Fourier coefficients of κ(0, ·) on a grid, shape (size,)*dim, in the order of `np.fft.fftn`."""
    row = np.asarray(kernel.matrix(jnp.zeros((1, dim)), jnp.asarray(grid_points(dim, size))))[0]
    return np.fft.fftn(row.reshape((size,) * dim)).real / size**dim


def spectrum_study(
    name: str, kernel: Kernel, closed: ClosedForm | None, dim: int, size: int, largest: int
) -> SpectrumStudy:
    r"""Compare the Gram matrix's eigenvalues with the closed form, or with the Fourier transform of one row.

    Args:
        name: of the kernel.
        kernel: a function of the angles' differences.
        closed: integers (d, W) -> eigenvalues (W,), or None.
        dim: d.
        size: points of the grid per direction.
        largest: the largest wave number that is listed.
    """
    gram = np.asarray(kernel.matrix(jnp.asarray(grid_points(dim, size))))
    measured = np.linalg.eigvalsh(gram)[::-1] / size**dim
    waves = np.fft.fftfreq(size, 1 / size).round().astype(int)
    every = np.stack(np.meshgrid(*[waves] * dim, indexing="ij")).reshape(dim, -1)
    if closed is None:
        expected = first_row(kernel, dim, size).ravel()
    else:
        shifts = [size * np.array(m)[:, None] for m in product(_ALIASES, repeat=dim)]
        expected = np.sum([closed(every + shift) for shift in shifts], axis=0)
    along = np.zeros((dim, largest + 1), dtype=int)
    along[0] = np.arange(largest + 1)
    fine = first_row(kernel, 1, 1024) if dim == 1 else first_row(kernel, dim, size)
    smooth = np.isinf(kernel.derivatives)
    return SpectrumStudy(
        name,
        [float(v) for v in fine[tuple(along)]],
        None if closed is None else [float(v) for v in closed(along)],
        float(np.max(np.abs(measured - np.sort(expected)[::-1])) / measured[0]),
        None if smooth or dim > 1 else _decay(fine),
    )


def _decay(coefficients: np.ndarray) -> float:
    waves = np.arange(*DECAY, 2)
    slope, _ = np.polyfit(np.log(waves), np.log(coefficients[waves]), 1)
    return -float(slope)
