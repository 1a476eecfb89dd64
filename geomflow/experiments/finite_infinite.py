r"""`geomflow finite-infinite`: finite, linearised and infinite networks learn a metric from its values at n points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import jax
import numpy as np
from scipy.stats import t as student

from geomflow import __version__
from geomflow.compare.finite_infinite import Architecture, Score, distance, draw_task, finite_scores, infinite_scores
from geomflow.compare.scaling import power_law
from geomflow.core.card import Card, Verdict
from geomflow.core.checkpoint import Checkpoint
from geomflow.core.errors import ArgumentError
from geomflow.core.progress import track
from geomflow.core.provenance import provenance
from geomflow.experiments.locality.settings import find_metric
from geomflow.experiments.study import ERRORS, Study, StudyResult, check_numbers, judged
from geomflow.figures.finite_infinite import LABELS, save_finite_infinite
from geomflow.geometry.torus import Torus
from geomflow.kernels.jets import check_derivatives
from geomflow.metrics import TorusMetric

# Grid of the test points.
TEST_SIZE = 12
# The posterior of exact values: the noise it is told of, relative to a metric of order one.
EXACT = 1e-4
# A difference of means counts at this level of Student's t; the order in N is held to this.
LEVEL, ORDER = 0.01, 0.2
# What is compared in each draw, exact values first.
CASES = ("exact", "noisy")
QUANTITIES = ("train", "test", "curvature")


@dataclass(frozen=True)
class FiniteInfiniteSettings:
    r"""Numbers of one run (dimensionless; the torus has period 2π).

    Args:
        counts: increasing numbers n of training points; `noise`: standard deviation of their values, where noisy.
        widths: increasing widths of the hidden layers; the widest is also trained on noisy values.
        architecture: of all networks; `time`: how long they are trained.
        draws: of points and networks; `seed`: of all draws.
    """

    counts: tuple[int, ...]
    noise: float
    widths: tuple[int, ...]
    architecture: Architecture
    time: float
    draws: int
    seed: int

    def check(self) -> None:
        r"""Refuse, before anything is computed, what cannot be run.

        Raises:
            ArgumentError: ladders that are empty or do not increase, a time or noise out of range, fewer than two
                draws, an activation with fewer than two derivatives.
        """
        check_numbers(self.seed, time=self.time, noise=self.noise)
        for name, ladder in (("counts", self.counts), ("widths", self.widths)):
            if not ladder or ladder[0] < 1 or any(b <= a for a, b in pairwise(ladder)):
                raise ArgumentError(f"Argument `{name}` must hold increasing positive numbers, but is {ladder}.")
        if self.draws < 2 or not self.time > 0 or not self.noise >= 0:
            raise ArgumentError(
                f"`draws` must be 2 or more (error bars need two), `time` positive and `noise` not negative, but they "
                f"are {self.draws}, {self.time} and {self.noise}."
            )
        check_derivatives(self.architecture.kernel("ntk"), 2)


@dataclass(frozen=True)
class FiniteInfiniteResult(StudyResult):
    r"""What a finite-infinite run found, in `arrays`; `numbers` is empty.

    "case.learner.quantity" has shape (draws, n): case "exact" or "noisy"; learner "ntk", "ntk-forever", "nngp",
    "finite-N" or "linearised-N"; quantity "train", "test" or "curvature". "distance.linearised" and
    "distance.infinite", shape (draws, n, widths), are distances of the trained network at the test points.
    """

    name = "finite-infinite"

    def statements(self) -> Card:
        r"""Return the card: errors side by side, and what follows from them."""
        return _card(self.arrays, self.settings)

    def macros(self) -> dict[str, tuple[Any, str]]:
        r"""Return the mean errors at the largest number of points."""
        widest = f"finite-{self.settings['widths'][-1]}"
        names = {"Ntk": "ntk", "NtkForever": "ntk-forever", "Nngp": "nngp", "Finite": widest}
        found = {
            f"Learn{case.capitalize()}{name}{q.capitalize()}": float(
                np.mean(self.arrays[f"{case}.{learner}.{q}"][:, -1])
            )
            for case, (name, learner), q in product(CASES, names.items(), QUANTITIES)
        }
        return {name: (value, ".1e") for name, value in found.items() if np.isfinite(value)}

    def draw(self, folder: Path) -> None:
        r"""Write the figure."""
        save_finite_infinite(self.arrays, self.settings, folder / "finite-infinite")


@dataclass(frozen=True)
class FiniteInfinite(Study):
    r"""Compare finite, linearised and infinite networks on learning a metric: train, test and curvature errors."""

    metric: str = ""
    """Metric on T^2 to learn: a name from `geomflow list metrics`, or a Python file that defines `metric(x, y)`."""
    fast: bool = False
    """Fewer points, narrower networks and fewer draws."""
    counts: tuple[int, ...] | None = None
    """Increasing numbers of training points."""
    widths: tuple[int, ...] | None = None
    """Increasing widths of the hidden layers."""
    noise: float = 0.01
    """Standard deviation of the noise on the values, in the noisy case."""
    activation: str = "erf"
    """Activation of all networks, with two derivatives."""
    hidden: int = 2
    """Number of hidden layers."""
    time: float = 200.0
    """Training time, of the gradient flow of the mean squared error."""
    draws: int | None = None
    """Draws of points, noise and networks."""
    seed: int = 0
    """Seed of all draws."""
    out: Path = Path("geomflow-out/finite-infinite")
    """Folder for figure, data, numbers and the parts a run can be resumed from."""
    resume: bool = False
    """Go on from the parts found in the output folder."""

    def chosen(self) -> FiniteInfiniteSettings:
        r"""Return the default settings with the user's choices put in."""
        # a network of another width is compiled anew
        counts, widths, draws = ((8, 16, 32), (64,), 3) if self.fast else ((16, 32, 64, 128), (16, 48, 144), 4)
        return FiniteInfiniteSettings(
            counts if self.counts is None else self.counts,
            self.noise,
            widths if self.widths is None else self.widths,
            Architecture(self.activation, self.hidden),
            self.time,
            draws if self.draws is None else self.draws,
            self.seed,
        )

    def compute(self) -> FiniteInfiniteResult:
        r"""Compute (or resume) every draw; nothing is drawn or printed.

        Raises:
            GeomflowError: bad input, found before anything is computed; a training that stopped; a part that is damaged
                or belongs to other settings.
        """
        chosen = self.chosen()
        chosen.check()
        metric = find_metric(self.metric, 2)
        settings = {"geomflow": __version__, "metric": metric.name, **asdict(chosen)}
        checkpoint = Checkpoint(self.out / "parts", settings, resume=self.resume)
        found = [
            checkpoint.run(f"draw-{draw}", partial(_draw, metric, chosen, draw))[0]
            for draw in track(range(chosen.draws), "draws")
        ]
        arrays = {name: np.stack([part[name] for part in found]) for name in found[0]}
        return FiniteInfiniteResult({}, arrays, settings, provenance(settings))


def _draw(
    metric: TorusMetric, chosen: FiniteInfiniteSettings, draw: int
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    r"""Let every learner learn from one draw of the points; the same network learns from all numbers of points."""
    torus, most, how = Torus(2, TEST_SIZE), chosen.counts[-1], chosen.architecture
    noises = (0.0, chosen.noise)
    tasks = tuple(draw_task(metric, most, noise, torus, chosen.seed, draw) for noise in noises)
    infinite = infinite_scores(how, tasks, chosen.counts, chosen.time, (EXACT, max(chosen.noise, EXACT)))
    arrays: dict[str, np.ndarray] = {}
    for case, scores in zip(CASES, infinite, strict=True):
        for learner, listed in scores.items():
            arrays |= _columns(f"{case}.{learner}", listed)
    apart: dict[str, list[list[float]]] = {"linearised": [], "infinite": []}
    for width in chosen.widths:
        key = jax.random.fold_in(jax.random.fold_in(jax.random.key(chosen.seed), draw), width)
        for case, task in zip(CASES, tasks, strict=True):
            if case == "noisy" and width != chosen.widths[-1]:
                continue
            scores = finite_scores(how, task, chosen.counts, width, chosen.time, key)
            for learner, listed in scores.items():
                arrays |= _columns(f"{case}.{learner}-{width}", listed)
            if case == "exact":
                for name, others in (("linearised", scores["linearised"]), ("infinite", infinite[0]["ntk"])):
                    pairs = zip(scores["finite"], others, strict=True)
                    apart[name].append([distance(a, b, task) for a, b in pairs if b is not None])
    return arrays | {f"distance.{name}": np.array(values).T for name, values in apart.items()}, {}


def _columns(name: str, scores: Any) -> dict[str, np.ndarray]:
    def value(one: Score | None, quantity: str) -> float:
        return float("nan") if one is None else getattr(one, quantity)

    return {f"{name}.{q}": np.array([value(one, q) for one in scores]) for q in QUANTITIES}


# -- the card ----------------------------------------------------------------------------------------------------------


def mean_and_error(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    r"""Return mean and standard error over the draws, the first axis; NaN where a draw has no value."""
    return np.mean(values, axis=0), np.std(values, axis=0, ddof=1) / np.sqrt(len(values))


def _learners(settings: Mapping[str, Any], case: str) -> list[str]:
    widths = settings["widths"] if case == "exact" else settings["widths"][-1:]
    return [f"{kind}-{n}" for n in widths for kind in ("finite", "linearised")] + ["ntk", "ntk-forever", "nngp"]


def label(learner: str) -> str:
    r"""Return what a learner is called on the card."""
    kind, _, width = learner.partition("-")
    return f"{LABELS[kind]}, N = {width}" if width.isdigit() else LABELS[learner]


def _card(arrays: Mapping[str, np.ndarray], settings: Mapping[str, Any]) -> Card:
    how, counts, widths = settings["architecture"], settings["counts"], settings["widths"]
    sheet = Card(f"geomflow finite-infinite: T^2, metric {settings['metric']}, n = {counts[0]} .. {counts[-1]} points")
    sheet.text(
        f"{how['hidden']} hidden layers, {how['activation']}, all layers trained by the gradient flow of the mean "
        f"squared error to t = {settings['time']:g}, from the flat metric; {settings['draws']} draws of points "
        "and networks. Errors are relative: of the metric to ‖g* - 1‖, of the scalar curvature to ‖R*‖."
    )
    for case in CASES:
        noise = "exact values" if case == "exact" else f"values with noise {settings['noise']:g}"
        sheet.section(f"{counts[-1]} points, {noise}: train / test / curvature")
        for learner in _learners(settings, case):
            columns = [mean_and_error(arrays[f"{case}.{learner}.{q}"]) for q in QUANTITIES]
            shown = "  ".join(_shown(mean[-1], error[-1]) for mean, error in columns)
            sheet.row(label(learner), shown, "")
    _verdicts(sheet, arrays, settings, widths)
    return sheet


def _shown(mean: float, error: float) -> str:
    return f"{mean:.2e} ± {error:.0e}" if np.isfinite(mean) else "refused: singular"


def _verdicts(
    sheet: Card, arrays: Mapping[str, np.ndarray], settings: Mapping[str, Any], widths: Sequence[int]
) -> None:
    sheet.section(f"What follows, {settings['counts'][-1]} points")
    if len(widths) >= 2:
        for name, claim in (
            ("infinite", "the distance of a trained network to the infinite one falls like N^(-1/2)"),
            ("linearised", "its distance to its own linearisation falls faster"),
        ):
            values = arrays[f"distance.{name}"][:, -1]
            mean, error = mean_and_error(np.log(values))
            law = power_law(np.array(widths, dtype=float), np.exp(mean), float(np.sqrt(np.mean(error**2))))
            sheet.row(
                f"order in N, to {name}",
                f"{law.exponent:.2f} ± {law.error:.2f}",
                f"{np.exp(mean[-1]):.1e} at N = {widths[-1]}",
            )
            if name == "infinite":
                word = judged(abs(law.exponent + 0.5), ORDER, law.error)
            else:
                word = _sign(-0.5 - law.exponent, ERRORS * law.error)
            sheet.verdict(word, f"that {claim}.")
    curved, flat_error = (arrays[f"exact.ntk.{q}"][:, -1] for q in ("curvature", "test"))
    ratio = curved / flat_error
    mean, error = mean_and_error(ratio)
    if _sign(mean - 1, _far(len(ratio)) * error) == "verified":
        claim = (
            f"that the curvature is learnt with the metric: its error is {mean:.0f} ± {error:.1g} times the metric's"
        )
        sheet.verdict("refuted", f"{claim} (infinite NTK, exact values).")
    ntk, nngp = (arrays[f"exact.{name}.test"][:, -1] for name in ("ntk", "nngp"))
    _compare(sheet, "exact values: the NNGP posterior generalises better than the NTK's flow", ntk / nngp)
    widest = arrays[f"exact.finite-{widths[-1]}.test"][:, -1]
    _compare(sheet, f"exact values: the infinite network generalises better than N = {widths[-1]}", widest / ntk)
    forever, stopped = (arrays[f"noisy.{name}.test"][:, -1] for name in ("ntk-forever", "ntk"))
    _compare(sheet, "noisy values: stopping at finite time generalises better than memorising", forever / stopped)


def _far(draws: int) -> float:
    r"""Return from how many standard errors on the mean of a few draws counts, by Student's t."""
    return float(student.ppf(1 - LEVEL / 2, draws - 1))


def _sign(value: float | np.ndarray, bound: float | np.ndarray) -> Verdict:
    r"""Judge whether a value that a claim says is positive is so beyond a bound."""
    return "verified" if value > bound else "refuted" if value < -bound else "undecided"


def _compare(sheet: Card, claim: str, ratios: np.ndarray) -> None:
    r"""Judge ratios of test errors that the claim says are above 1; draws are paired, and logarithms averaged."""
    gap, error = mean_and_error(np.log(ratios))
    if not np.isfinite(gap):
        sheet.verdict("refused", f"to say whether, with {claim}: a Gram matrix was singular.")
        return
    factor = f"by a factor of {np.exp(gap):.2f}, within {100 * error:.0f} %"
    sheet.verdict(_sign(gap, _far(len(ratios)) * error), f"that, with {claim}: {factor}.")
