r"""`geomflow drift`: how far tangent kernels move in training, and how far finite networks are from infinite ones."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from geomflow import __version__
from geomflow.compare.scaling import power_law, root_mean_square
from geomflow.core.card import Card
from geomflow.core.checkpoint import Checkpoint
from geomflow.core.errors import ArgumentError
from geomflow.core.progress import stage, track
from geomflow.core.provenance import provenance
from geomflow.experiments.drift_parts import LOSSES, DriftSettings, cos_net_part, infinite_part, mlp_part
from geomflow.experiments.study import Study, StudyResult, judged
from geomflow.figures.drift import save_drift

#: What the statements are held to: orders in N, rounding.
ORDER, ROUNDING = 0.15, 1e-12

_DEFAULTS: dict[str, dict[bool, dict[str, Any]]] = {
    "squared-error": {
        False: {"widths": (64, 256, 1024), "mlp_widths": (32, 128, 512), "seeds": 8, "time": 3.0},
        True: {"widths": (64, 192, 576), "mlp_widths": (), "seeds": 6, "time": 3.0},
    },
    "perelman-f": {
        False: {"widths": (64, 256, 1024), "mlp_widths": (), "seeds": 8, "time": 0.1},
        True: {"widths": (64, 192, 576), "mlp_widths": (), "seeds": 6, "time": 0.05},
    },
}
_MACROS = (
    ("DriftOrder", "drift"),
    ("DriftMlpOrder", "mlp"),
    ("DriftScatterOrder", "scatter"),
    ("DriftFullLinearised", "full-linearised"),
    ("DriftLinearisedInfinite", "linearised-infinite"),
)


@dataclass(frozen=True)
class DriftResult(StudyResult):
    r"""What a drift run found.

    Its `numbers` are fitted orders, the drift of the last layer and the like. Its `arrays` are `drift`, `last_layer`,
    `scatter` (widths, seeds), `mlp` (MLP widths, seeds), `mean` (widths,), `times` (T,), and the distances
    `full_linearised`, `linearised_infinite`, `full_infinite` (widths, seeds, T).
    """

    name = "drift"

    def statements(self) -> Card:
        r"""Return the card: what was verified, refuted or left undecided."""
        return _card(self.numbers, self.settings)

    def macros(self) -> dict[str, tuple[Any, str]]:
        r"""Return the orders."""
        return {name: (self.numbers[key]["exponent"], ".3f") for name, key in _MACROS if key in self.numbers}

    def draw(self, folder: Path) -> None:
        r"""Write the figure."""
        save_drift(self.numbers, self.arrays, self.settings, folder / "drift")


@dataclass(frozen=True)
class DriftStudy(Study):
    r"""Train finite networks by gradient flow; measure the drift of their tangent kernel and what it does to g."""

    loss: str = "squared-error"
    """What is descended: squared-error (to a target metric) or perelman-f (climbed)."""
    fast: bool = False
    """Fewer widths and seeds."""
    size: int = 10
    """Grid points per direction (even)."""
    sigma: float = 1.0
    """Kernel width of the cos-nets."""
    widths: tuple[int, ...] | None = None
    """Increasing numbers of neurons of the cos-nets."""
    mlp_widths: tuple[int, ...] | None = None
    """Increasing widths of the hidden layers of the MLPs."""
    seeds: int | None = None
    """Networks drawn for each width."""
    time: float | None = None
    """Final time."""
    snapshots: int = 6
    """Output times after the initial one."""
    seed: int = 0
    """Seed of the draws."""
    out: Path = Path("geomflow-out/drift")
    """Folder for figure, data, numbers and the parts a run can be resumed from."""
    resume: bool = False
    """Go on from the parts found in the output folder."""

    def chosen(self) -> DriftSettings:
        r"""Return the default settings with the user's choices put in.

        Raises:
            ArgumentError: no such loss.
        """
        if self.loss not in LOSSES:
            raise ArgumentError(f"Argument `loss` must be one of {', '.join(LOSSES)}, but is {self.loss!r}.")
        given = {"widths": self.widths, "mlp_widths": self.mlp_widths, "seeds": self.seeds, "time": self.time}
        put_in = {name: value for name, value in given.items() if value is not None}
        common = {"loss": self.loss, "size": self.size, "sigma": self.sigma, "snapshots": self.snapshots}
        return DriftSettings(**(_DEFAULTS[self.loss][self.fast] | put_in | common), seed=self.seed)

    def compute(self) -> DriftResult:
        r"""Compute (or resume) every width; nothing is drawn or printed.

        Raises:
            GeomflowError: bad input, found before anything is computed; an infinite flow that stopped; a part that is
                damaged or belongs to other settings.
        """
        chosen = self.chosen()
        chosen.check()
        settings = {"geomflow": __version__, **asdict(chosen)}
        checkpoint = Checkpoint(self.out / "parts", settings, resume=self.resume)
        with stage("infinite network"):
            base, _ = checkpoint.run("infinite", partial(infinite_part, chosen))
        cos_nets = [
            checkpoint.run(f"cos-net-{n}", partial(cos_net_part, chosen, n, base["metrics"]))[0]
            for n in track(chosen.widths, "cos-nets")
        ]
        mlps = [checkpoint.run(f"mlp-{n}", partial(mlp_part, chosen, n))[0] for n in track(chosen.mlp_widths, "MLPs")]
        arrays = {name: np.array([part[name] for part in cos_nets]) for name in cos_nets[0]}
        arrays |= {"mlp": np.array([part["drift"] for part in mlps]), "times": base["times"]}
        return DriftResult(_fits(chosen, arrays), arrays, settings, provenance(settings))


def _fits(chosen: DriftSettings, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    r"""Return the order in N of every quantity, as a root mean square over the seeds."""
    ladders = {
        "drift": (chosen.widths, arrays["drift"]),
        "scatter": (chosen.widths, arrays["scatter"]),
        "full-linearised": (chosen.widths, arrays["full_linearised"][..., -1]),
        "linearised-infinite": (chosen.widths, arrays["linearised_infinite"][..., -1]),
        "full-infinite": (chosen.widths, arrays["full_infinite"][..., -1]),
        "mlp": (chosen.mlp_widths, arrays["mlp"]),
    }
    found: dict[str, Any] = {"stopped": int(np.isnan(arrays["full_infinite"][..., -1]).sum())}
    for name, (widths, values) in ladders.items():
        if len(widths) < 2:
            continue
        mean, error = root_mean_square(values)
        kept = np.isfinite(mean)
        if kept.sum() >= 2:
            relative = float(np.sqrt(np.mean((error / mean)[kept] ** 2)))
            found[name] = asdict(power_law(np.array(widths)[kept], mean[kept], relative))
    found["last_layer"] = float(np.nanmax(arrays["last_layer"]))
    found["share_of_mean"] = [float(m / r) for m, r in zip(arrays["mean"], root_mean_square(arrays["drift"])[0])]
    return found


_CLAIMS = (
    ("drift", -1.0, "drift, cos-net", "that Θ of a cos-net drifts like 1/N in training, all parameters trained."),
    ("mlp", -1.0, "drift, MLP", "that Θ of an MLP drifts like 1/N in training, all parameters trained."),
    ("scatter", -0.5, "scatter of Θ(0)", "that Θ scatters from draw to draw like N^(-1/2)."),
    ("full-linearised", -1.0, "full to linearised", "that the linearised network is within 1/N of the full one."),
    ("linearised-infinite", -0.5, "linearised to infinite", "that linearised networks tend like N^(-1/2) to N = ∞."),
    ("full-infinite", -0.5, "full to infinite", "that full networks tend like N^(-1/2) to N = ∞."),
)


def _card(numbers: dict[str, Any], settings: dict[str, Any]) -> Card:
    widths = settings["widths"]
    sheet = Card(f"geomflow drift: {settings['loss']} on T^2, {settings['size']}^2 points, σ = {settings['sigma']:g}")
    sheet.text(
        f"Gradient flow of the parameters to t = {settings['time']:g}; {settings['seeds']} periodic cos-nets for each "
        f"N = {widths[0]} .. {widths[-1]}, three outputs on shared features, packed-orthonormal metric. The drift is "
        "‖Θ(T) - Θ(0)‖ / ‖Θ(0)‖ of one and the same network, root mean square over the seeds; the scatter is "
        "‖Θ(0) - Θ‖ / ‖Θ‖ from the infinite network. Distances of metrics are relative to the infinite network's way."
    )
    if numbers["stopped"]:
        sheet.text(f"{numbers['stopped']} trainings left the space of metrics; widths with such are left out of fits.")
    sheet.section("Orders in N")
    for name, predicted, label, _ in _CLAIMS:
        if name in numbers:
            law = numbers[name]
            sheet.row(label, f"{law['exponent']:.3f} ± {law['error']:.3f}", f"{predicted:g} is predicted")
    sheet.row(
        "mean drift over typical drift",
        ", ".join(f"{share:.2f}" for share in numbers["share_of_mean"]),
        "by width: what does not average out over draws",
    )
    sheet.row("drift, last layer", numbers["last_layer"], "the largest of all widths and seeds")
    sheet.section("Verdicts")
    for name, predicted, _, claim in _CLAIMS:
        if name in numbers:
            _judge(sheet, claim, numbers[name], predicted)
    frozen = numbers["last_layer"] <= ROUNDING
    sheet.verdict("verified" if frozen else "refuted", "that Θ does not move at any width if the last layer trains.")
    return sheet


def _judge(sheet: Card, claim: str, law: dict[str, float], predicted: float) -> None:
    word = judged(abs(law["exponent"] - predicted), ORDER, law["error"])
    hint = " The error bars do not settle it: try more `--seeds`." if word == "undecided" else ""
    sheet.verdict(word, claim + hint)
