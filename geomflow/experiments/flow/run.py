r"""`geomflow flow SCENE`: watch a flow: a neckpinch, a soliton, a collapse, a Kähler-Ricci flow."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tyro

from geomflow.core.card import Card
from geomflow.core.checkpoint import Checkpoint
from geomflow.core.errors import ArgumentError
from geomflow.core.progress import stage
from geomflow.core.provenance import provenance
from geomflow.experiments.flow.scene import Claim, Performance, Request
from geomflow.experiments.flow.scenes import SCENES
from geomflow.experiments.study import Study, StudyResult
from geomflow.figures.film import Frame, Globe, Revolution, Shape, Sheet, draw_strip, save_film
from geomflow.figures.history import save_history
from geomflow.figures.style import publication, save_figure
from geomflow.flows.singularity import BlowUp

_SHAPES: dict[str, type[Shape]] = {shape.__name__: shape for shape in (Revolution, Globe, Sheet)}
_LABELS = {
    "Rm_max": r"$\max\,|\mathrm{Rm}|$",
    "R_min": r"$R_{\min}$",
    "R_max": r"$R_{\max}$",
    "R": "$R$",
}


@dataclass(frozen=True)
class FlowResult(StudyResult):
    r"""What a run of a flow found; `arrays` hold the history ("watched.NAME") and the film ("film.I.J.FIELD")."""

    name = "flow"

    def statements(self) -> Card:
        r"""Return what ran, how it ended, what was watched, and the verdicts on what the scene claims."""
        n = self.numbers
        card = Card(f"geomflow flow {self.settings['scene']}")
        card.text(n["about"])
        card.row("ended at", f"t = {n['reached']:.10g}", n["reason"])
        card.row("steps", n["steps"], f"in {n['seconds']:.2g} s")
        if singular := n["singularity"]:
            card.section("Singularity")
            found = BlowUp(**singular)
            card.row("time T", f"{found.time:.12g}", f"± {found.error:.1e}")
            card.row("|Rm| ~ (T - t)^-p, p", f"{found.rate:.4f}", f"± {found.rate_error:.1e}")
            if found.type_one:
                card.row("type I: (T - t) max|Rm| tends to", f"{found.constant:.6g}", f"± {found.constant_error:.1e}")
        card.section("Watched, from first to last")
        for name in n["watched"]:
            values = self.arrays[f"watched.{name}"]
            card.row(name, f"{values[0]:.6g}", f"to {values[-1]:.6g}")
        for name, value in n["found"].items():
            card.row(name, value)
        if n["claims"]:
            card.section("Held to what is known")
        for claim in n["claims"]:
            found = Claim(**claim)
            off = f"off by {found.off:.1e}" + (f" ± {found.error:.0e}" if found.error else "")
            card.verdict(found.verdict, f"{found.text}: {off}, allowed {found.allowed:.0e}")
        return card

    def macros(self) -> dict[str, tuple[Any, str]]:
        r"""Return the time of the end, the singularity and its rate."""
        found = {"FlowEnd": (self.numbers["reached"], ".10g")}
        if singular := self.numbers["singularity"]:
            found["FlowExtinction"] = (singular["time"], ".10g")
            found["FlowExtinctionError"] = (singular["error"], ".1e")
            found["FlowBlowUpConstant"] = (singular["constant"], ".5g")
        return found

    def frames(self) -> list[Frame]:
        r"""Return the film."""
        film = []
        for i, (time, kinds) in enumerate(self.numbers["film"]):
            shapes = [_SHAPES[kind](**self._fields(f"film.{i}.{j}.")) for j, kind in enumerate(kinds)]
            film.append(Frame(time, tuple(shapes)))
        return film

    def _fields(self, prefix: str) -> dict[str, Any]:
        found = {k.removeprefix(prefix): v for k, v in self.arrays.items() if k.startswith(prefix)}
        return {name: float(value) if value.ndim == 0 else value for name, value in found.items()}

    def draw(self, folder: Path) -> None:
        r"""Write the history, the film strip and, where one is asked for, the animation."""
        singular = self.numbers["singularity"]
        watched = {name: self.arrays[f"watched.{name}"] for name in self.numbers["watched"]}
        if watched:
            limit = (singular["time"], singular["constant"]) if singular and singular["type_one"] else None
            save_history(folder / "history", self.arrays["times"], watched, _LABELS, limit)
        frames = self.frames()
        if frames:
            chosen = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), self.settings["frames"])).astype(int))
            with publication():
                save_figure(draw_strip([frames[i] for i in chosen]), folder / "film")
        if frames and self.settings["animate"] != "none":
            save_film(frames, folder / f"film.{self.settings['animate']}")


@dataclass(frozen=True)
class FlowScene(Study):
    r"""Watch a flow of metrics; `geomflow list scenes` shows which there are."""

    scene: Annotated[str, tyro.conf.Positional]
    """The scene, such as dumbbell, berger or sausage."""
    initial: str | None = None
    """Initial data, in the terms of the scene: a profile such as "sin(s)*(1 - 0.8*sin(s)^2)", or numbers "1 2 3"."""
    dim: int | None = None
    """Dimension of the manifold, where the scene leaves it open."""
    grid: int | None = None
    """Points of the grid (per direction)."""
    time: float | None = None
    """Final time; a flow that becomes singular before it ends there."""
    frames: int = 6
    """Pictures in the film strip."""
    animate: Literal["none", "gif", "mp4"] = "none"
    """Write an animation as well (mp4 needs ffmpeg)."""
    seed: int | None = None
    """Of random initial data."""
    coframe: str | None = None
    """Of the scene lie-group: dω1; dω2; ... such as "2*w2*w3; 2*w3*w1; 2*w1*w2"."""
    resume: bool = False
    """Keep the legs that an interrupted run left in the output folder."""
    out: Path = Path("geomflow-flow")
    """Folder of figures, data and card."""

    def compute(self) -> FlowResult:
        r"""Run the scene."""
        scene = SCENES[self.scene]
        if self.frames < 2:
            raise ArgumentError(f"A film has at least 2 frames, but --frames is {self.frames}.")
        settings = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name not in ("out", "resume")}
        parts = self.out / "parts"
        Checkpoint(parts, settings, resume=self.resume)
        count = self.frames if self.animate == "none" else max(self.frames, 100)
        request = Request(self.initial, self.dim, self.grid, self.time, count, parts / "legs", self.seed, self.coframe)
        with stage(f"flow {self.scene}"):
            found = scene(request)
        return result(found, settings)


def result(found: Performance, settings: Mapping[str, Any]) -> FlowResult:
    r"""Return the result of a performance: JSON numbers and arrays."""
    singular = None if found.singularity is None else dataclasses.asdict(found.singularity)
    numbers = {
        "about": found.about,
        "reached": found.reached,
        "completed": found.completed,
        "reason": found.reason,
        "steps": found.steps,
        "seconds": found.seconds,
        "singularity": singular,
        "watched": list(found.values),
        "found": dict(found.numbers),
        "claims": [dataclasses.asdict(claim) for claim in found.claims],
        "film": [(frame.time, [type(shape).__name__ for shape in frame.shapes]) for frame in found.frames],
    }
    arrays = {"times": found.times, **{f"watched.{name}": value for name, value in found.values.items()}}
    arrays |= dict(_film_arrays(found.frames)) | dict(found.arrays)
    return FlowResult(numbers, arrays, dict(settings), provenance(dict(settings)))


def _film_arrays(frames: Sequence[Frame]) -> Iterable[tuple[str, np.ndarray]]:
    for i, frame in enumerate(frames):
        for j, shape in enumerate(frame.shapes):
            for part in dataclasses.fields(shape):  # pyright: ignore[reportArgumentType]
                yield f"film.{i}.{j}.{part.name}", np.asarray(getattr(shape, part.name))
