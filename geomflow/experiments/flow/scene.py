r"""What `geomflow flow` shows: a scene is a flow worth watching, with its initial data, its pictures and its claims."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from geomflow.core.card import Verdict
from geomflow.core.catalogue import Catalogue
from geomflow.core.errors import ArgumentError
from geomflow.experiments.study import judged
from geomflow.figures.film import Frame, Shape
from geomflow.flows.base import Flow
from geomflow.flows.singularity import BlowUp, blow_up
from geomflow.flows.solve import Solution


@dataclass(frozen=True)
class Claim:
    r"""A statement a scene is held to: a deviation `off`, measured with `error`, against the mark `allowed`."""

    text: str
    off: float
    allowed: float
    error: float = 0.0

    @property
    def verdict(self) -> Verdict:
        r"""Verified, refuted or undecided."""
        return judged(self.off, self.allowed, self.error)


@dataclass(frozen=True)
class Request:
    r"""What the user asked of a scene; None leaves it to the scene.

    Args:
        initial: initial data as text, in the scene's own terms.
        dim: dimension n of the manifold.
        grid: points of the grid (per direction).
        time: final time.
        frames: pictures in the film strip.
        folder: where a run that takes long keeps its legs.
        seed: of random initial data.
        coframe: dω1; dω2; ... of a left-invariant frame.
    """

    initial: str | None = None
    dim: int | None = None
    grid: int | None = None
    time: float | None = None
    frames: int = 6
    folder: Path | None = None
    seed: int | None = None
    coframe: str | None = None


@dataclass(frozen=True)
class Performance:
    r"""What a scene returned.

    Attributes:
        about: what was integrated, one sentence.
        times, values: what was watched at every step, by name.
        frames: pictures, in the order of time.
        completed, reason, reached, steps, seconds: how the integration ended.
        singularity: of the curvature, if it blew up.
        claims: statements, each with its measured deviation.
        arrays, numbers: further results worth keeping.
        portrait: name of a figure of its own that is drawn from `arrays`.
    """

    about: str
    times: np.ndarray
    values: Mapping[str, np.ndarray]
    frames: Sequence[Frame]
    completed: bool
    reason: str
    reached: float
    steps: int
    seconds: float
    singularity: BlowUp | None = None
    claims: Sequence[Claim] = ()
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)
    portrait: str = ""


@dataclass(frozen=True)
class Scene:
    r"""A flow worth watching.

    Args:
        name: lower case with hyphens.
        summary: one line.
        play: runs it.
        takes: the fields of `Request` it understands beside `frames`, `time` and `folder`.
        initial: what `--initial` means here, with an example.
    """

    name: str
    summary: str
    play: Callable[[Request], Performance]
    takes: tuple[str, ...] = ()
    initial: str = ""

    def __call__(self, request: Request) -> Performance:
        r"""Run it.

        Raises:
            ArgumentError: the request asks for something the scene does not know.
        """
        for option in fields(Request):
            known = option.name in ("frames", "time", "folder", *self.takes)
            if not known and getattr(request, option.name) is not None:
                raise ArgumentError(
                    f"The scene `{self.name}` takes no --{option.name}; "
                    f"it takes {', '.join(f'--{name}' for name in ('time', 'frames', *self.takes))}."
                )
        return self.play(request)


#: Curvature against the first one at which a run ends, and from which on it counts as singular; where the flow knows
#: its end, the part of its life that is run.
_BLOWN_UP, _SINGULAR, _NEARLY = 1e5, 1e2, 1 - 1e-12
#: The last picture of a flow that shrinks to nothing, as a part of its life.
_SHOWN = 0.99

SCENES: Catalogue[Scene] = Catalogue("scene")


def perform(
    flow: Flow,
    state: Any,
    request: Request,
    about: str,
    end: float | None,
    *,
    shapes: Callable[[Any], tuple[Shape, ...]] | None = None,
    most_curvature: float | None = None,
    claims: Callable[[Solution, BlowUp | None], Sequence[Claim]] | None = None,
    long: bool = False,
    **options: Any,
) -> Performance:
    r"""Run a flow, watch its observables and curvature at every step, and take pictures.

    Args:
        flow, state: what is run, from where.
        request: `time` replaces `end`.
        about: one sentence on it.
        end: final time; a flow that blows up before it ends there. None where the flow knows its extinction time, which
            is then approached.
        shapes: state -> what a picture shows.
        most_curvature: max |Rm| at which it ends as singular, 1e5 times the first by default.
        claims: (solution, singularity) -> statements.
        long: keep the legs of the run on disk, so that it can be resumed.
        **options: as `Flow.run`.
    """
    end = request.time or end or _NEARLY * (flow.extinction(state) or 0.0)
    watch = Watch(flow)
    if most_curvature is None and "Rm_max" in (seen := watch(state)):
        most_curvature = _BLOWN_UP * max(float(seen["Rm_max"]), 1.0)
    kept = {} if request.folder is None or not long else {"checkpoint": request.folder}
    solution = flow.run(state, end, watch=watch, **kept, most_curvature=most_curvature, **options)
    assert solution.history is not None
    values = {name: np.asarray(value) for name, value in solution.history.values.items()}
    grown = "Rm_max" in values and values["Rm_max"][-1] > _SINGULAR * values["Rm_max"][0]
    singular = blow_up(solution.history.times, values["Rm_max"]) if grown else None
    frames: list[Frame] = []
    if shapes is not None:
        frames = pictures(flow, state, _picture_times(solution, request.frames), shapes, **options)
    return Performance(
        about,
        solution.history.times,
        values,
        frames,
        solution.completed,
        solution.reason,
        solution.last_time,
        solution.steps,
        solution.seconds,
        singular,
        tuple(claims(solution, singular)) if claims else (),
    )


def _picture_times(solution: Solution, count: int) -> np.ndarray:
    r"""Return times up to the last one: evenly spaced, or closer at the beginning and towards a singularity."""
    start, last = solution.times[0], solution.last_time
    if solution.completed:
        return np.linspace(start, last, count)
    return start + (last - start) * np.minimum(np.sin(np.pi / 2 * np.linspace(0, 1, count)) ** 3, _SHOWN)


def pictures(
    flow: Flow, state: Any, times: np.ndarray, shapes: Callable[[Any], tuple[Shape, ...]], **options: Any
) -> list[Frame]:
    r"""Run a flow once more, to take pictures at chosen times."""
    solution = flow.run(state, times, **options)
    states = [jax.tree.map(lambda leaf, i=i: leaf[i], solution.states) for i in range(len(solution.times))]
    return [Frame(float(t), shapes(state)) for t, state in zip(solution.times, states)]


class Watch(eqx.Module):
    r"""The observables of a flow, with max |Rm| as "Rm_max" where the family defines it."""

    flow: Flow

    def __call__(self, state: Any) -> dict[str, jax.Array]:
        r"""Return them by name."""
        try:
            found = {"Rm_max": self.flow.curvature(state)}
        except NotImplementedError:
            found = {}
        rest = {name: jnp.asarray(v) for name, v in self.flow.observables(state).items() if name != "curvature"}
        return found | rest
