r"""`geomflow memorise`: mean squared error at infinite width memorises its target, mode by mode, at the NTK's rates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from geomflow import __version__
from geomflow.compare.finite_rates import finite_rates, integrated_rates
from geomflow.compare.finite_width import constant_weight
from geomflow.compare.memorisation import AFFINE, contrast_study, random_start, rate_study, settling_study
from geomflow.compare.ntk_spectrum import cases, spectrum_study
from geomflow.compare.training_points import generalisation_study, point_rates, random_points
from geomflow.core.card import Card
from geomflow.core.checkpoint import Checkpoint
from geomflow.core.errors import ArgumentError
from geomflow.core.progress import stage, track
from geomflow.core.provenance import provenance
from geomflow.experiments.locality.settings import find_metric
from geomflow.experiments.memorise.report import card, macros
from geomflow.experiments.study import Study, StudyResult, check_numbers
from geomflow.figures.memorise import save_memorise
from geomflow.geometry.torus import Torus
from geomflow.kernels.cos_net import PeriodicKernel
from geomflow.kernels.operator import check_width
from geomflow.metrics import TorusMetric
from geomflow.networks.parametrisations import PARAMETRISATIONS

Part = tuple[Mapping[str, Any], Mapping[str, Any]]

# Grids: of the rates, of the constant metrics, of the contrast, and of the test error.
SIZE, SMALL_SIZE, CONTRAST_SIZE, TEST_SIZE = 32, 16, 20, 24
# Largest wave number whose rate is fitted, and the times between which it is.
LARGEST, TIMES = 6, (0.0, 3.0)
# The width whose flow is integrated, and the waves that are followed.
INTEGRATED, WAVES = 1024, np.arange(1, 7)
# Points on which an integrated flow is compared with the Gram matrix.
RATE_POINTS = 24
POINT_PARAMETRISATIONS = ("packed-orthonormal", "packed", "vielbein")
FAST_PARTS = ("spectrum", "rates", "points", "settling", "finite", "generalisation")
FAST_PARAMETRISATIONS = ("packed-orthonormal", "cholesky")


@dataclass(frozen=True)
class MemoriseSettings:
    r"""Numbers of one run (dimensionless; the torus has period 2π).

    Args:
        sigma: kernel width of the infinitely wide network.
        points: training points; `noise`: standard deviation of their values in the noisy case.
        draws: sets of points; `networks`: finite networks drawn for each width; `seed`: of all draws.
        widths: numbers of neurons of the finite networks.
        fast: leave out what needs the most compilations.
    """

    sigma: float
    points: int
    noise: float
    draws: int
    networks: int
    widths: tuple[int, ...]
    seed: int
    fast: bool

    def check(self) -> None:
        r"""Refuse, before anything is computed, what cannot be run.

        Raises:
            ArgumentError: too few points or draws, noise below zero, widths that do not increase.
            ResolutionError: a kernel narrower than the grids carry.
        """
        check_numbers(self.seed, sigma=self.sigma, noise=self.noise)
        check_width(Torus(2, SMALL_SIZE), self.sigma)
        if self.sigma == 0:
            raise ArgumentError("Argument `sigma` must be positive: the local limit is no network. Try 0.5.")
        if self.points < 2 or self.draws < 2 or self.networks < 2:
            raise ArgumentError(
                f"`points`, `draws` and `networks` must be 2 or more (error bars need two), but are {self.points}, "
                f"{self.draws} and {self.networks}."
            )
        if self.noise < 0:
            raise ArgumentError(f"Argument `noise` must not be negative, but is {self.noise}. Try 0.")
        if not self.widths or any(b <= a for a, b in pairwise((0, *self.widths))):
            raise ArgumentError(
                f"Argument `widths` must hold increasing numbers of neurons, but is {self.widths}. Try 64 1024 16384."
            )


@dataclass(frozen=True)
class MemoriseResult(StudyResult):
    r"""What a memorise run found: part -> its numbers, "part.array" -> array."""

    name = "memorise"

    def statements(self) -> Card:
        r"""Return the card: what was verified and refuted."""
        return card(self.numbers, self.arrays, self.settings)

    def macros(self) -> dict[str, tuple[Any, str]]:
        r"""Return the worst rates and the plateau of the test error."""
        return macros(self.numbers, self.arrays)

    def draw(self, folder: Path) -> None:
        r"""Write the figure."""
        save_memorise(self.numbers, self.arrays, self.settings, folder / "memorise")


@dataclass(frozen=True)
class Memorise(Study):
    r"""Watch an infinitely wide network memorise a metric under MSE, against the spectrum of its tangent kernel."""

    metric: str = ""
    """Target on T^2: a name from `geomflow list metrics`, or a Python file that defines `metric(x, y)`."""
    fast: bool = False
    """Fewer parametrisations and draws, and no comparison with a curvature flow."""
    sigma: float = 0.5
    """Kernel width."""
    points: int = 40
    """Training points where the metric is known at some points only."""
    noise: float = 0.05
    """Standard deviation of the noise on their values."""
    draws: int | None = None
    """Sets of training points."""
    networks: int | None = None
    """Finite networks drawn for each width."""
    widths: tuple[int, ...] | None = None
    """Numbers of neurons of the finite networks."""
    seed: int = 0
    """Seed of all draws."""
    out: Path = Path("geomflow-out/memorise")
    """Folder for figure, data, numbers and the parts a run can be resumed from."""
    resume: bool = False
    """Go on from the parts found in the output folder."""

    def chosen(self) -> MemoriseSettings:
        r"""Return the default settings with the user's choices put in."""
        draws, networks = (6, 24) if self.fast else (24, 96)
        widths = (64, 1024, 16384) if self.fast else (64, 256, 1024, 4096, 16384)
        return MemoriseSettings(
            self.sigma,
            self.points,
            self.noise,
            draws if self.draws is None else self.draws,
            networks if self.networks is None else self.networks,
            widths if self.widths is None else self.widths,
            self.seed,
            self.fast,
        )

    def compute(self) -> MemoriseResult:
        r"""Compute (or resume) every part; nothing is drawn or printed.

        Raises:
            GeomflowError: bad input, found before anything is computed; a flow that stopped; points on which the kernel
                is singular; a part that is damaged or belongs to other settings.
        """
        chosen = self.chosen()
        chosen.check()
        metric = find_metric(self.metric, 2)
        settings = {"geomflow": __version__, "metric": metric.name, **asdict(chosen)}
        checkpoint = Checkpoint(self.out / "parts", settings, resume=self.resume)
        numbers, arrays = {}, {}
        listed = {name: part for name, part in _PARTS.items() if name in FAST_PARTS or not self.fast}
        for name, part in track(list(listed.items()), "parts"):
            with stage(name):
                found, numbers[name] = checkpoint.run(name, partial(part, metric, chosen))
            arrays |= {f"{name}.{key}": value for key, value in found.items()}
        return MemoriseResult(numbers, arrays, settings, provenance(settings))


# -- the parts: each returns (arrays, numbers) ------------------------------------------------------------------------


def spectrum(metric: TorusMetric, chosen: MemoriseSettings) -> Part:
    r"""Spectra of tangent kernels on the circle, and of those with a closed form on T^2."""
    circle = [
        asdict(spectrum_study(name, kernel, closed, 1, 64, 24))
        for name, (kernel, closed) in cases(1, chosen.sigma).items()
    ]
    torus = [
        asdict(spectrum_study(name, kernel, closed, 2, SMALL_SIZE, 6))
        for name, (kernel, closed) in cases(2, chosen.sigma).items()
        if closed is not None and not chosen.fast
    ]
    return {}, {"circle": circle, "torus": torus}


def rates(metric: TorusMetric, chosen: MemoriseSettings) -> Part:
    r"""Rates of Fourier modes along integrated flows on T^2, for parametrisations of constant Jacobian."""
    torus = Torus(2, SIZE)
    target, _ = metric.sample(torus)
    names = AFFINE[-1:] if chosen.fast else AFFINE
    times = np.linspace(*TIMES, 13)
    studies = [rate_study(torus, chosen.sigma, name, target, LARGEST, times, chosen.seed) for name in names]
    last = studies[-1]
    arrays = {
        "times": last.times,
        "amplitudes": last.amplitudes,
        "wave_vectors": last.wave_vectors,
        "measured": last.measured,
        "predicted": last.predicted,
    }
    return arrays, {"worst": {s.parametrisation: s.worst for s in studies}, "modes": int(last.predicted.shape[1])}


def points(metric: TorusMetric, chosen: MemoriseSettings) -> Part:
    r"""Rates of the Gram matrix's eigenvectors along integrated flows on scattered points."""
    where = random_points(2, RATE_POINTS, chosen.seed)
    found = [point_rates(PeriodicKernel(chosen.sigma), metric, where, name) for name in POINT_PARAMETRISATIONS]
    return {}, {
        "worst": {s.parametrisation: s.worst for s in found},
        "modes": {s.parametrisation: len(s.predicted) for s in found},
        "count": RATE_POINTS,
    }


def settling(metric: TorusMetric, chosen: MemoriseSettings) -> Part:
    r"""Rates at the start and at the end of the way from 1 to diag(3, 1), for every parametrisation."""
    names = FAST_PARAMETRISATIONS if chosen.fast else [name for name, _ in PARAMETRISATIONS.items()]
    torus = Torus(2, SMALL_SIZE)
    return {}, {"studies": [asdict(settling_study(torus, chosen.sigma, name)) for name in names]}


def finite(metric: TorusMetric, chosen: MemoriseSettings) -> Part:
    r"""Rates of finite networks over draws and widths; one of them along an integrated flow."""
    torus = Torus(2, SIZE)
    found = finite_rates(torus, chosen.sigma, chosen.widths, WAVES, chosen.networks, chosen.seed)
    target, _ = metric.sample(torus)
    start = random_start(torus, target, chosen.seed)
    measured, predicted = integrated_rates(
        torus, chosen.sigma, INTEGRATED, chosen.seed, start, target, WAVES, np.linspace(*TIMES, 13)
    )
    numbers = {
        "waves": WAVES.tolist(),
        "means": found.means.tolist(),
        "errors": found.errors.tolist(),
        "spread": found.spread.tolist(),
        "infinite": found.infinite.tolist(),
        "scatter": found.scatter.tolist(),
        "silent": found.silent.tolist(),
        "never": found.never.tolist(),
        "integrated_width": INTEGRATED,
        "integrated_worst": float(np.max(np.abs(measured - predicted))),
        "frontier": 1 / constant_weight(chosen.sigma, 2),
    }
    return {"rates": found.rates}, numbers


def generalisation(metric: TorusMetric, chosen: MemoriseSettings) -> Part:
    r"""Errors at the training points and elsewhere against time, clean and with noise."""
    times = np.logspace(-1.5, 7, 69)
    kernel = PeriodicKernel(chosen.sigma)
    found = generalisation_study(
        kernel, metric, Torus(2, TEST_SIZE), chosen.points, chosen.noise, times, chosen.draws, chosen.seed
    )
    return vars(found), {}


def contrast(metric: TorusMetric, chosen: MemoriseSettings) -> Part:
    r"""Two starts under MSE and under Ricci-DeTurck flow, both through the same kernel."""
    torus = Torus(2, CONTRAST_SIZE)
    target, _ = metric.sample(torus)
    return {}, asdict(contrast_study(torus, chosen.sigma, target, np.linspace(0, 24, 25)))


_PARTS: dict[str, Callable[[TorusMetric, MemoriseSettings], Part]] = {
    part.__name__: part for part in (spectrum, rates, points, settling, finite, generalisation, contrast)
}
