r"""`geomflow plane`: how far the flow of a finite network ends from Ricci flow, over the plane of width N and σ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from geomflow import __version__
from geomflow.compare.convergence import fluctuation, observed_orders, tensor_norm
from geomflow.compare.finite_width import (
    TOLERANCES,
    constant_weight,
    linear_response,
    predicted_noise,
    run_distances,
)
from geomflow.compare.scaling import combined, power_law, root_mean_square
from geomflow.core.card import Card
from geomflow.core.checkpoint import Checkpoint
from geomflow.core.errors import ArgumentError
from geomflow.core.progress import stage, track
from geomflow.core.provenance import provenance
from geomflow.experiments.locality.settings import find_metric
from geomflow.experiments.study import Study, StudyResult, check_numbers, judged
from geomflow.figures.plane import save_plane
from geomflow.flows import DeTurckFlow
from geomflow.geometry.torus import Torus
from geomflow.kernels.operator import check_width
from geomflow.metrics import TorusMetric

#: The asymptotic noise is looked for where a network has this many neurons for each mode of its kernel.
CROWDED = 16
#: What the statements are held to: orders of bias and noise, the predicted size of the noise.
BIAS_ORDER, NOISE_ORDER, NOISE_SIZE = 0.15, 0.06, 0.1


@dataclass(frozen=True)
class PlaneSettings:
    r"""Grid, ladders and draws of one run (dimensionless; the torus has period 2π).

    Args:
        dim, size: the torus and its grid points per direction.
        sigmas: decreasing kernel widths.
        widths: increasing numbers of neurons N.
        draws: networks drawn for each (N, σ).
        time: final time; `seed`: of the draws.
    """

    dim: int
    size: int
    sigmas: tuple[float, ...]
    widths: tuple[int, ...]
    draws: int
    time: float
    seed: int

    def check(self) -> None:
        r"""Refuse, before anything is computed, what cannot be run.

        Raises:
            ArgumentError: ladders that are too short or not monotone, too few draws, a time that is not positive.
            ResolutionError: a kernel width below what the grid carries; GridError: an odd or tiny grid.
        """
        check_numbers(self.seed, time=self.time)
        if len(self.sigmas) < 3 or any(b >= a for a, b in zip(self.sigmas, self.sigmas[1:])):
            raise ArgumentError(
                f"Argument `sigmas` must hold three or more decreasing kernel widths, but is {self.sigmas}. "
                "Try 0.8 0.4 0.2."
            )
        if len(self.widths) < 3 or self.widths[0] < 1 or any(b <= a for a, b in zip(self.widths, self.widths[1:])):
            raise ArgumentError(
                f"Argument `widths` must hold three or more increasing numbers of neurons, but is {self.widths}. "
                "Try 64 1024 16384."
            )
        if self.draws < 2 or not self.time > 0:
            raise ArgumentError(
                f"`draws` must be 2 or more (error bars need two) and `time` positive, but they are {self.draws} and "
                f"{self.time}."
            )
        for sigma in self.sigmas:
            check_width(Torus(self.dim, self.size), sigma, "sigmas")


_SIGMAS = (1.0, 0.707, 0.5, 0.354, 0.25, 0.177, 0.125)
_DEFAULTS: dict[tuple[int, bool], dict[str, Any]] = {
    (2, False): {"size": 40, "sigmas": _SIGMAS, "widths": tuple(2**n for n in range(4, 19)), "draws": 6, "time": 0.2},
    (2, True): {
        "size": 32,
        "sigmas": _SIGMAS[1:6],
        "widths": tuple(2**n for n in range(4, 17, 2)),
        "draws": 4,
        "time": 0.2,
    },
    (3, False): {
        "size": 20,
        "sigmas": (1.0, 0.707, 0.5, 0.354, 0.25),
        "widths": tuple(2**n for n in range(4, 19, 2)),
        "draws": 4,
        "time": 0.2,
    },
    (3, True): {"size": 16, "sigmas": (1.0, 0.6, 0.36), "widths": (64, 1024, 16384), "draws": 2, "time": 0.1},
}


_MACROS = (("PlaneBestSigmaOrder", "best_sigma"), ("PlaneBestDistanceOrder", "best_distance"))


@dataclass(frozen=True)
class PlaneResult(StudyResult):
    r"""What a plane run found.

    Its `numbers` are bias, predicted noise and fitted orders; its `arrays` are `total` and `noise`, distances of shape
    (σ, N, draws), relative to the fluctuation of the local metric.
    """

    name = "plane"

    def statements(self) -> Card:
        r"""Return the card: what was verified, refuted or left undecided."""
        return _card(self.numbers, self.settings)

    def macros(self) -> dict[str, tuple[Any, str]]:
        r"""Return the orders."""
        found = {name: (self.numbers[key]["exponent"], ".3f") for name, key in _MACROS if key in self.numbers}
        return found | {"PlaneBiasOrder": (self.numbers["bias_orders"][-1], ".3f")}

    def draw(self, folder: Path) -> None:
        r"""Write the figure."""
        save_plane(self.numbers, self.arrays, self.settings, folder / "plane")


@dataclass(frozen=True)
class Plane(Study):
    r"""Compare finite networks' flows with Ricci flow over the (N, sigma) plane, and draw the heat map."""

    dim: int = 2
    """Dimension of the torus, 2 or 3."""
    metric: str = ""
    """Initial metric: a name from `geomflow list metrics`, or a Python file that defines `metric(x, y)`."""
    fast: bool = False
    """A coarser plane and fewer draws."""
    size: int | None = None
    """Grid points per direction (even)."""
    sigmas: tuple[float, ...] | None = None
    """Decreasing kernel widths, each at least 0.75 grid spacings."""
    widths: tuple[int, ...] | None = None
    """Increasing numbers of neurons."""
    draws: int | None = None
    """Networks drawn for each cell of the plane."""
    time: float | None = None
    """Final time."""
    seed: int = 0
    """Seed of the draws."""
    out: Path = Path("geomflow-out/plane")
    """Folder for figure, data, numbers and the parts a run can be resumed from."""
    resume: bool = False
    """Go on from the parts found in the output folder."""

    def chosen(self) -> PlaneSettings:
        r"""Return the default settings with the user's choices put in.

        Raises:
            ArgumentError: a dimension other than 2 or 3.
        """
        if self.dim not in (2, 3):
            raise ArgumentError(f"Argument `dim` must be 2 or 3, but is {self.dim}.")
        given = {
            "size": self.size,
            "sigmas": self.sigmas,
            "widths": self.widths,
            "draws": self.draws,
            "time": self.time,
        }
        put_in = {name: value for name, value in given.items() if value is not None}
        return PlaneSettings(dim=self.dim, seed=self.seed, **(_DEFAULTS[self.dim, self.fast] | put_in))

    def compute(self) -> PlaneResult:
        r"""Compute (or resume) every σ of the plane; nothing is drawn or printed.

        Raises:
            GeomflowError: bad input, found before anything is computed; a local flow that stopped; a part that is
                damaged or belongs to other settings.
        """
        chosen = self.chosen()
        chosen.check()
        metric = find_metric(self.metric, self.dim)
        settings = {"geomflow": __version__, "metric": metric.name, **asdict(chosen)}
        checkpoint = Checkpoint(self.out / "parts", settings, resume=self.resume)
        with stage("local flow and its linear response"):
            base, found = checkpoint.run("local", partial(_local, metric, chosen))
        totals, noises, biases = [], [], []
        for sigma in track(chosen.sigmas, "kernel widths"):
            arrays, numbers = checkpoint.run(f"sigma-{sigma:g}", partial(_column, metric, chosen, base["final"], sigma))
            totals.append(arrays["total"])
            noises.append(arrays["noise"])
            biases.append(numbers["bias"])
        arrays = {"total": np.array(totals), "noise": np.array(noises)}
        found = {"bias": biases, **found, **_fits(chosen, arrays, biases, found["predicted"])}
        return PlaneResult(found, arrays, settings, provenance(settings))


def _start(metric: TorusMetric, chosen: PlaneSettings) -> tuple[DeTurckFlow, Any]:
    torus = Torus(chosen.dim, chosen.size)
    return DeTurckFlow(torus), metric.sample(torus)[0]


def _local(metric: TorusMetric, chosen: PlaneSettings) -> tuple[dict[str, Any], dict[str, Any]]:
    r"""Run the local flow; predict the noise of every σ from its linear response."""
    flow, g = _start(metric, chosen)
    final = np.asarray(flow.smeared(0.0).run(g, chosen.time, **TOLERANCES).require_completed("Ricci flow").last)
    scale = tensor_norm(fluctuation(final))
    response = linear_response(flow, g, chosen.time)
    return {"final": final}, {
        "still": tensor_norm(np.asarray(g) - final) / scale,
        "modes": len(response.waves),
        "predicted": [predicted_noise(response, sigma) / scale for sigma in chosen.sigmas],
        "weights": [constant_weight(sigma, chosen.dim) for sigma in chosen.sigmas],
    }


def _column(
    metric: TorusMetric, chosen: PlaneSettings, final: np.ndarray, sigma: float
) -> tuple[dict[str, Any], dict[str, Any]]:
    flow, g = _start(metric, chosen)
    scale = tensor_norm(fluctuation(final))
    found = run_distances(flow, g, chosen.time, final, scale, sigma, chosen.widths, chosen.draws, chosen.seed)
    return {"total": found.total, "noise": found.noise}, {"bias": found.bias}


def _fits(
    chosen: PlaneSettings, arrays: Mapping[str, np.ndarray], bias: list[float], predicted: list[float]
) -> dict[str, Any]:
    r"""Return the order of the noise in N, its size over the predicted one for every σ, and the best σ of every N."""
    widths, sigmas = np.array(chosen.widths, dtype=float), np.array(chosen.sigmas)
    noise, error = root_mean_square(arrays["noise"])
    crowding = widths * np.array([constant_weight(s, chosen.dim) for s in sigmas])[:, None]
    crowded = (crowding >= CROWDED) & np.isfinite(noise)
    found: dict[str, Any] = {
        "crowded": int(crowded.sum()),
        "stopped": int(np.isnan(arrays["total"]).sum()),
        "bias_orders": observed_orders(list(sigmas), bias),
        "best": _best(widths, sigmas, root_mean_square(arrays["total"])[0]),
        "noise_in_width": [],
        "size": [],
    }
    # one relative error for all cells: the few draws of a cell do not know their own
    relative = float(np.sqrt(np.mean((error / noise)[crowded] ** 2))) if crowded.any() else np.nan
    for row, sigma in enumerate(chosen.sigmas):
        at = crowded[row]
        if at.sum() >= 3:
            found["noise_in_width"].append([sigma, asdict(power_law(widths[at], noise[row, at], relative))])
        if at.any():
            ratios = np.log(noise[row, at] * np.sqrt(widths[at]) / predicted[row])
            found["size"].append([sigma, float(np.exp(ratios.mean())), float(relative / np.sqrt(at.sum()))])
    inside = [row for row in found["best"] if row["interior"]]
    if len(inside) >= 3:
        n, s, e = (np.array([row[key] for row in inside]) for key in ("width", "sigma", "distance"))
        found |= {"best_sigma": asdict(power_law(n, s)), "best_distance": asdict(power_law(n, e))}
    return found


def _best(widths: np.ndarray, sigmas: np.ndarray, total: np.ndarray) -> list[dict[str, Any]]:
    r"""Return, for every N, the σ of least distance: the vertex of a parabola in log σ through the least three."""
    found = []
    for column, width in enumerate(widths):
        distances = np.where(np.isfinite(total[:, column]), total[:, column], np.inf)
        at = int(np.argmin(distances))
        interior = 0 < at < len(sigmas) - 1 and bool(np.all(np.isfinite(distances[at - 1 : at + 2])))
        sigma, distance = sigmas[at], distances[at]
        if interior:
            a, b, c = np.polyfit(np.log(sigmas[at - 1 : at + 2]), np.log(distances[at - 1 : at + 2]), 2)
            sigma, distance = np.exp(-b / (2 * a)), np.exp(c - b**2 / (4 * a))
        found.append({"width": int(width), "sigma": float(sigma), "distance": float(distance), "interior": interior})
    return found


def _judge(sheet: Card, claim: str, values: list[float], error: float, truth: float, allowed: float) -> None:
    r"""Judge the last of a sequence of values that should tend to the truth as σ falls.

    What misses it is refuted, unless a fifth of the way there or more was made since the first of them.
    """
    off = [abs(value - truth) for value in values]
    word = judged(off[-1], allowed, error)
    if word == "verified":
        sheet.verdict("verified", claim)
    elif word == "undecided":
        sheet.verdict("undecided", f"{claim} The error bars do not settle it: try more `--draws`.")
    elif off[-1] < 0.8 * off[0]:
        sheet.verdict("undecided", f"{claim} It is still on the way there: try smaller `--sigmas` and a finer grid.")
    else:
        sheet.verdict("refuted", claim)


def _card(numbers: dict[str, Any], settings: dict[str, Any]) -> Card:
    dim, sigmas = settings["dim"], settings["sigmas"]
    sheet = Card(f"geomflow plane: T^{dim}, metric {settings['metric']}, {settings['size']}^{dim} points")
    sheet.text(
        f"Last layer of a periodic cos-net trained, Ricci flow in DeTurck gauge to t = {settings['time']:g}; "
        f"{settings['draws']} networks for each N = {settings['widths'][0]} .. {settings['widths'][-1]} and "
        f"σ = {sigmas[0]:g} .. {sigmas[-1]:g}. Distances are relative to the fluctuation of the final metric; without "
        f"any flow the distance is {numbers['still']:.3f}."
    )
    sheet.section("Infinite width: bias")
    sheet.row("distance", f"{numbers['bias'][0]:.2e} .. {numbers['bias'][-1]:.2e}", "from the widest σ to the least")
    orders = numbers["bias_orders"]
    sheet.row("order in σ", orders[-1], "between the two least; 2 is predicted")
    _judge(sheet, "that the bias is of order σ² as σ → 0.", orders, 0.0, 2.0, BIAS_ORDER)
    sheet.section("Finite width: noise")
    sheet.text(
        f"Cells with N p_0 ≥ {CROWDED} neurons for each mode of the kernel, 1/p_0 → (L/√(2π)σ)^d; the prediction is "
        f"the linear response of Ricci flow to {numbers['modes']} modes of the random kernel, with nothing fitted."
    )
    for sigma, law in numbers["noise_in_width"]:
        sheet.row(f"order in N, σ = {sigma:g}", f"{law['exponent']:.3f} ± {law['error']:.3f}", "-1/2 is predicted")
    if numbers["noise_in_width"]:
        mean, error = combined([(law["exponent"], law["error"]) for _, law in numbers["noise_in_width"]])
        claim = f"that the noise falls like N^(-1/2): {mean:.3f} ± {error:.3f}."
        _judge(sheet, claim, [mean], error, -0.5, NOISE_ORDER)
    for sigma, size, error in numbers["size"]:
        sheet.row(f"size, σ = {sigma:g}", f"{size:.3f} ± {error:.3f}", "measured over predicted")
    if numbers["size"]:
        # the response was taken at σ = 0: the smaller half of the ladder is held to it
        half = len(numbers["size"]) // 2
        mean, error = combined([(size, error) for _, size, error in numbers["size"][half:]])
        claim = f"its size, which grows like σ^(-d/2): measured over predicted {mean:.3f} ± {error:.3f} at smaller σ."
        _judge(sheet, claim, [numbers["size"][0][1], mean], error, 1.0, NOISE_SIZE)
    _best_of(sheet, numbers, dim)
    if numbers["stopped"]:
        sheet.text(f"{numbers['stopped']} runs left the space of metrics and are blank in the figure.")
    return sheet


def _best_of(sheet: Card, numbers: dict[str, Any], dim: int) -> None:
    sheet.section("The best σ of a given N: as local as the width allows")
    rows = [row for row in numbers["best"] if row["interior"]]
    for row in rows[:: max(1, len(rows) // 5)]:
        sheet.row(f"N = {row['width']}", f"σ = {row['sigma']:.3f}", f"distance {row['distance']:.2e}")
    if "best_sigma" in numbers:
        for label, key, share in (("σ", "best_sigma", 1), ("distance", "best_distance", 2)):
            law = numbers[key]
            asymptotic = f"-{share}/(d+4) = {-share / (dim + 4):.3f} as N → ∞"
            sheet.row(f"order of {label} in N", f"{law['exponent']:.3f} ± {law['error']:.3f}", asymptotic)
    else:
        sheet.text("No least distance inside the ladder of σ: take more widths or a longer ladder.")
