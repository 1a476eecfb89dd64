r"""A run in legs: each is kept on disk as it ends, so that a run that was interrupted goes on, to the same bits."""

from __future__ import annotations

import hashlib
import os
import re
import time as clock
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from geomflow.core.checkpoint import Checkpoint
from geomflow.core.errors import ArgumentError, ResultFileError
from geomflow.core.progress import track
from geomflow.flows.solve.conditions import refuse_violated
from geomflow.flows.solve.leg import Place, Problem, Reached, solve_leg
from geomflow.flows.solve.pieces import PAUSED, Piece, piece

#: Steps in a leg of a run with a checkpoint, by default.
LEG_STEPS = 500

Folder = Checkpoint | str | os.PathLike[str] | None


class Run:
    r"""One run: its legs, the compiled program they share, and the folder that keeps them.

    Args:
        problem: what is integrated, and how.
        y0: initial state.
        times: output times, as in `problem`.
        fixed_steps: number of equal steps, or None.
        most: cap on the number of steps, in whole legs; a run that has used them goes on when it is raised.
        leg_steps: steps in a leg.
        folder: where the legs are kept; None keeps them in memory alone.
    """

    def __init__(
        self,
        problem: Problem,
        y0: Any,
        times: np.ndarray,
        fixed_steps: int | None,
        most: int,
        leg_steps: int,
        folder: Folder,
    ):
        if leg_steps < 1:
            raise ArgumentError(f"Argument `leg_steps` must be at least 1, but was {leg_steps}.")
        self.problem, self.y0, self.times = problem, y0, times
        self.fixed_steps, self.most, self.leg_steps = fixed_steps, most, leg_steps
        self.checkpoint, self.identity = None, ""
        if folder is not None:
            settings = self._settings()
            self.checkpoint = folder if isinstance(folder, Checkpoint) else Checkpoint(folder, settings)
            self.identity = hashlib.sha256(repr(settings).encode()).hexdigest()
        self.reached: Reached | None = None

    def legs(self) -> list[Piece]:
        r"""Compute all legs, or read them back; between them a progress bar moves.

        Raises:
            ResultFileError: a leg on disk is damaged, or belongs to another run.
            KeyboardInterrupt: Ctrl-C; the note says what is kept.
        """
        found: list[Piece] = []
        try:
            with track(100, "flow") as bar:
                while not found or (found[-1].outcome == PAUSED and self._taken(found) < self.most):
                    found.append(self.leg(found))
                    done = (found[-1].last_time - self.times[0]) / (self.times[-1] - self.times[0])
                    bar.update(int(100 * done) - bar.n)
        except KeyboardInterrupt as stop:
            if self.checkpoint is not None:
                at = found[-1].last_time if found else self.times[0]
                stop.add_note(
                    f"The flow up to t = {at:.6g} is kept in {self.checkpoint.folder}. "
                    "The same call goes on where it stopped."
                )
            raise
        return found

    def _taken(self, found: list[Piece]) -> int:
        return sum(piece.steps for piece in found)

    def leg(self, before: list[Piece]) -> Piece:
        r"""Compute the leg after those before it, or read it back."""
        place = self._place(before)

        def compute() -> Piece:
            start = clock.perf_counter()
            self.reached = solve_leg(self.problem, place, self.leg_steps)
            refuse_violated(self.problem.stops, np.asarray(self.reached.begin), float(place.time))
            return piece(self.reached, place, not before, self.times, clock.perf_counter() - start)

        if self.checkpoint is None:
            return compute()
        name = f"leg-{len(before)}"
        if not self.checkpoint.done(name):
            self.checkpoint.put(name, _arrays(compute()), {"run": self.identity})
        arrays, info = self.checkpoint.get(name)
        if info.get("run") != self.identity:
            raise ResultFileError(
                f"The leg `{self.checkpoint.path(name)}` belongs to another run (another flow, initial state, output "
                "times or tolerances). Choose another folder, or delete this one to start afresh.",
                path=self.checkpoint.path(name),
            )
        return self._piece(arrays)

    def _place(self, before: list[Piece]) -> Place:
        if before:
            end = before[-1]
            time, state, step = end.last_time, end.last, end.next_step
        else:
            time, state, step = self.times[0], self.y0, np.nan
        if self.fixed_steps is not None:
            step = (self.times[-1] - time) / (self.fixed_steps - self._taken(before))
        # through numpy: a number of Python's own, or a weak type, would compile another program
        return Place(*(jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)), part) for part in (time, state, step)))

    def _settings(self) -> dict[str, Any]:
        numbers = {name: getattr(self.problem, name) for name in ("times", "rtol", "atol")}
        whole = (self.problem.rhs, self.problem.method, self.problem.stops, self.problem.watch)
        kinds = [type(self.problem.rhs).__name__, type(self.problem.method).__name__]
        return {
            **{name: np.asarray(value).tolist() for name, value in numbers.items()},
            "flow, method": kinds,
            "conditions": sorted(self.problem.stops),
            "initial state": _digest(self.y0),
            "parameters": _digest(whole),
            "fixed_steps": self.fixed_steps,
            "leg_steps": self.leg_steps,
        }

    def _piece(self, arrays: dict[str, np.ndarray]) -> Piece:
        state = jax.tree.structure(self.y0)
        watch = self.problem.watch
        watched = None if watch is None else jax.tree.structure(eqx.filter_eval_shape(watch, self.y0))

        def tree(name: str, structure: Any) -> Any:
            count = 0 if structure is None else structure.num_leaves
            return None if structure is None else structure.unflatten([arrays[f"{name}-{k}"] for k in range(count)])

        return Piece(
            times=arrays["times"],
            states=tree("states", state),
            watched_times=arrays["watched_times"],
            watched=tree("watched", watched),
            last_time=float(arrays["last_time"]),
            last=tree("last", state),
            next_step=float(arrays["next_step"]),
            steps=int(arrays["steps"]),
            outcome=str(arrays["outcome"]),
            seconds=float(arrays["seconds"]),
        )


def _arrays(found: Piece) -> dict[str, Any]:
    trees = {name: getattr(found, name) for name in ("states", "watched", "last")}
    plain = {name: value for name, value in found._asdict().items() if name not in trees}
    return plain | {f"{name}-{k}": leaf for name, tree in trees.items() for k, leaf in enumerate(jax.tree.leaves(tree))}


def _digest(tree: Any) -> str:
    r"""Return a checksum of a pytree: its arrays, and the names of everything else in it."""
    leaves, structure = jax.tree.flatten(tree)
    digest = hashlib.sha256()

    def take(thing: Any) -> None:
        # an address in memory is not the same twice
        digest.update(re.sub(r"0x[0-9a-f]+", "", repr(thing)).encode())

    take(structure)
    for leaf in leaves:
        if eqx.is_array_like(leaf):
            array = np.asarray(leaf)
            take((array.dtype.str, array.shape))
            digest.update(array.tobytes())
        else:
            take(leaf)
    return digest.hexdigest()
