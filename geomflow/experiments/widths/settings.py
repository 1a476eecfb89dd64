r"""What a widths run is asked to do, and the early checks of it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from geomflow.core.errors import ArgumentError
from geomflow.experiments.study import check_numbers

#: Kernel width of the networks on the plane, standard deviations of their amplitudes and of the gauss-net's c. The
#: points keep |x| below σ, where the gauss-net can be sampled.
SIGMA, SIGMA_A, SIGMA_C, RADIUS = 1.0, 1.0, 0.1, 0.8


@dataclass(frozen=True)
class Ensembles:
    r"""Ladders and numbers of draws of one run.

    Args:
        widths: increasing numbers of neurons N of the convergence.
        draws: networks drawn for each of them.
        variance_width, variance_draws: N and draws of the variance against distance.
        noise_widths, noise_draws: N and draws of the operator noise on the torus.
        noise_sigmas: for each dimension, decreasing kernel widths, radians.
        duality_widths, duality_draws: N and draws of the four-point functions.
        seed: of all draws.
    """

    widths: tuple[int, ...]
    draws: int
    variance_width: int
    variance_draws: int
    noise_widths: tuple[int, ...]
    noise_draws: int
    noise_sigmas: dict[str, tuple[float, ...]]
    duality_widths: tuple[int, ...]
    duality_draws: int
    seed: int

    def check(self) -> None:
        r"""Refuse, before anything is computed, what cannot be run.

        Raises:
            ArgumentError: a ladder that is too short or does not increase, too few draws.
        """
        check_numbers(self.seed)
        for name, ladder in (("widths", self.widths), ("duality_widths", self.duality_widths)):
            if len(ladder) < 3 or ladder[0] < 1 or any(not a < b for a, b in pairwise(ladder)):
                raise ArgumentError(
                    f"Argument `{name}` must hold three or more increasing numbers of neurons, but is {ladder}. "
                    "Try 16 64 256 1024."
                )
        if self.draws < 4:
            raise ArgumentError(
                f"Argument `draws` must be at least 4, for error bars, but is {self.draws}. Try 32.", draws=self.draws
            )


def default_ensembles(fast: bool, seed: int) -> Ensembles:
    r"""Return the ladders of the default run."""
    return Ensembles(
        widths=tuple(2**n for n in range(4, 15, 2 if fast else 1)),
        draws=16 if fast else 32,
        variance_width=32,
        variance_draws=4_000 if fast else 20_000,
        noise_widths=(64, 512) if fast else (64, 256, 1024),
        noise_draws=1_000 if fast else 2_000,
        noise_sigmas={"2": (0.8, 0.4)} if fast else {"1": (0.8, 0.4, 0.2, 0.1), "2": (1.2, 0.8, 0.6, 0.4)},
        duality_widths=(2, 4, 8, 16, 32),
        duality_draws=2**15 if fast else 2**19,
        seed=seed,
    )
