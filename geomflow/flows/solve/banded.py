r"""Stiff equations on a line, whose Jacobian is a band: backward differentiation with banded solves (LSODA)."""

from __future__ import annotations

import time as clock
import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.integrate import LSODA
from scipy.optimize import brentq

from geomflow.core.errors import ArgumentError
from geomflow.flows.solve.conditions import Stops, checked_times, margins, refuse_violated
from geomflow.flows.solve.methods import Method
from geomflow.flows.solve.solution import FINISHED, History, Solution, Stuck


class Banded(Method):
    r"""LSODA with a banded Jacobian: variable order, up to 5 where the equation is stiff; for problems on a line.

    The state is an array `(N,)` or `(C, N)`, or a pytree of these with one N: components first, the grid last. The
    solver sees it interleaved, all components of one grid point next to each other. With C components and differences
    that reach w points to each side the band has `lower = upper = C(w + 1) - 1`.

    Args:
        lower, upper: how many diagonals of the Jacobian of the interleaved state lie below and above the main one.

    It steps outside JAX: no `vmap`, no `grad`.

    Good values: rtol 1e-10 and atol 1e-12; the cost grows like N times the width of the band.
    Reference: L. Petzold, SIAM J. Sci. Stat. Comput. 4 (1983) 136; A. Hindmarsh, ODEPACK (1983).
    """

    lower: int = eqx.field(static=True)
    upper: int = eqx.field(static=True)

    def solver(self) -> diffrax.AbstractSolver:
        r"""Refuse: LSODA is not one of diffrax's steppers."""
        raise ArgumentError("`Banded` cannot step inside JAX. Call `integrate` or `Flow.run`, or use another method.")

    def terms(self, rhs: Any) -> Any:
        r"""Refuse, as `solver`."""
        return self.solver()


class Interleaved(eqx.Module):
    r"""How a state, components first and the grid last, becomes one vector with the components of a point together."""

    template: Any = eqx.field(static=True)
    names: tuple[str, ...] = eqx.field(static=True)
    rows: tuple[int, ...] = eqx.field(static=True)
    shapes: tuple[tuple[int, ...], ...] = eqx.field(static=True)

    @classmethod
    def of(cls, state: Any) -> Interleaved:
        r"""Return the layout of a state.

        Raises:
            ArgumentError: leaves without a common last axis.
        """
        named, template = jax.tree.flatten_with_path(state)
        shapes = tuple(np.shape(leaf) for _, leaf in named)
        names = tuple(jax.tree_util.keystr(path).lstrip(".") for path, _ in named)
        if not shapes or min(map(len, shapes)) == 0 or len({shape[-1] for shape in shapes}) != 1:
            raise ArgumentError(
                f"`Banded` wants a state whose arrays all have the grid as their last axis, but found shapes {shapes}."
            )
        return cls(template, names, tuple(int(np.prod(shape[:-1])) for shape in shapes), shapes)

    def pack(self, state: Any, concatenate: Callable[..., Any] = jnp.concatenate) -> Float[Array, " D"]:
        r"""Return the vector of a state; with `np.concatenate` of a state of NumPy arrays."""
        rows = [leaf.reshape(-1, self.shapes[0][-1]) for leaf in jax.tree.leaves(state)]
        return concatenate(rows).T.reshape(-1)

    def unpack(self, vector: Array | np.ndarray) -> Any:
        r"""Return the state of a vector `(D,)`, or the states of many, `(*batch, D)`; NumPy arrays of a NumPy array."""
        batch = vector.shape[:-1]
        rows = vector.reshape(*batch, self.shapes[0][-1], sum(self.rows)).swapaxes(-1, -2)
        parts, start = [], 0
        for count, shape in zip(self.rows, self.shapes, strict=True):
            parts.append(rows[..., start : start + count, :].reshape(*batch, *shape))
            start += count
        return jax.tree.unflatten(self.template, parts)


class Nordsieck(eqx.Module):
    r"""Dense output t -> state: the polynomial of each step, in powers of (t - its end)/(its length)."""

    ends: Float[Array, " S"]
    lengths: Float[Array, " S"]
    coefficients: Float[Array, "S K D"]
    layout: Interleaved

    def __call__(self, t: Any) -> Any:
        r"""Return the state at one time."""
        last = self.ends.shape[0] - 1
        forward = jnp.where(self.lengths[0] > 0, 1.0, -1.0)
        step = jnp.clip(jnp.searchsorted(forward * self.ends, forward * jnp.asarray(t)), 0, last)
        powers = ((t - self.ends[step]) / self.lengths[step]) ** jnp.arange(self.coefficients.shape[1])
        return self.layout.unpack(powers @ self.coefficients[step])


def integrate_banded(
    rhs: Callable[[Any, Any], Any],
    y0: Any,
    times: np.ndarray,
    *,
    method: Banded,
    rtol: float = 1e-9,
    atol: float = 1e-11,
    stops: Stops | None = None,
    watch: Callable[[Any], Any] | None = None,
    max_steps: int = 16**4,
    dense: bool = False,
) -> Solution:
    r"""Integrate dy/dt = rhs(t, y) with LSODA and a banded Jacobian.

    Args:
        rhs, y0, times, rtol, atol, watch, max_steps, dense: as for `integrate`.
        method: the width of the band.
        stops: conditions as for `integrate`; the time is located on the polynomial of the step.

    Raises:
        PrecisionError: float32.
        ArgumentError: times that are not strictly monotone, or a state without a common last axis.
        FlowError: the run would start where a condition of `stops` is violated.
    """
    times = checked_times(y0, times)
    return _Run(rhs, y0, times, method, rtol, atol, dict(stops or {}), watch, max_steps, dense).solution()


class _Run:
    # One integration: what LSODA returned step by step.

    def __init__(self, rhs, y0, times, method, rtol, atol, stops, watch, max_steps, dense):
        self.start, self.times, self.max_steps = clock.perf_counter(), times, max_steps
        self.layout = Interleaved.of(y0)
        self.rate = _bound(_rate, self.layout, rhs)
        self.watch = None if watch is None else _bound(_seen, self.layout, watch)
        # a dict is sorted on its way through JAX
        self.stops = dict(sorted(stops.items()))
        self.margins = _bound(_margins, self.layout, self.stops) if stops else None
        vector = self.layout.pack(jax.tree.map(np.asarray, y0), np.concatenate)
        # LSODA keeps evaluating in place, so that every answer must be an array of its own
        self.solver = LSODA(
            lambda t, y: np.array(self.rate(t, y)), times[0], vector, times[-1],
            rtol=rtol, atol=atol, lband=method.lower, uband=method.upper,
        )  # fmt: skip
        self.steps, self.time, self.vector = 0, float(times[0]), vector
        self.saved, self.pieces, self.seen = [vector], [] if dense else None, []
        self.stopped_by: str | None = None
        self.stuck: Stuck | None = None

    def solution(self) -> Solution:
        reason = self._advance()
        states = jax.tree.map(jnp.asarray, self.layout.unpack(np.stack(self.saved)))
        history = None
        if self.watch is not None:
            seen = [value for _, value in self.seen]
            values = jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *seen)
            history = History(np.array([t for t, _ in self.seen]), values)
        return Solution(
            times=self.times[: len(self.saved)],
            states=states,
            last=jax.tree.map(jnp.asarray, self.layout.unpack(np.asarray(self.vector))),
            last_time=self.time,
            completed=reason == FINISHED,
            reason=reason,
            steps=self.steps,
            seconds=clock.perf_counter() - self.start,
            stopped_by=self.stopped_by,
            history=history,
            interpolate=_dense(self.pieces, self.layout) if self.pieces else None,
            stuck=self.stuck,
        )

    def _advance(self) -> str:
        after = None if self.margins is None else np.asarray(self.margins(self.vector))
        if after is not None:
            refuse_violated(self.stops, after, self.time)
        self._note()
        with warnings.catch_warnings(record=True) as said:  # LSODA says what went wrong in a warning
            warnings.simplefilter("always", UserWarning)
            while self.solver.status == "running":
                if self.steps == self.max_steps:
                    return f"it used all {self.max_steps} steps; raise `max_steps` or loosen `rtol`"
                self.solver.step()
                self.steps += 1
                if self.solver.status == "failed" or not np.all(np.isfinite(self.solver.y)):
                    self.stuck = self._stuck()
                    why = " ".join(str(said[-1].message).split()) if said else "the state is not finite"
                    return f"LSODA did not meet its tolerance beyond this time ({why}); {self.stuck}"
                if abs(self.solver.t - self.time) <= 2 * np.spacing(abs(self.time)):
                    self.stuck = self._stuck()
                    return "the step size fell below what float64 resolves: the state grows without bound"
                piece = self.solver.dense_output()
                ended = False
                if self.margins is not None:
                    assert after is not None  # set with the margins, above
                    before, after = after, np.asarray(self.margins(self.solver.y))
                    # NaN counts as crossed: `not > 0`
                    crossed = [i for i in range(len(after)) if before[i] > 0 and not after[i] > 0]
                    ended = bool(crossed)
                    if ended:
                        self._locate(piece, crossed)
                if not ended:
                    self.time, self.vector = float(self.solver.t), self.solver.y
                if self.pieces is not None:
                    self.pieces.append(piece)
                self._save(piece)
                self._note()
                if ended:
                    return str(self.stopped_by)
        return FINISHED

    def _locate(self, piece, crossed: list[int]) -> None:
        # the earliest of the conditions that changed sign within the step
        def margin(t: float, i: int) -> float:
            assert self.margins is not None  # something was crossed
            value = float(self.margins(piece(t))[i])
            return value if np.isfinite(value) else -1.0

        ends = (piece.t_old, piece.t)
        precise: Any = {"xtol": 1e-300, "rtol": 1e-15}
        found: dict[int, Any] = {i: brentq(margin, *ends, args=(i,), **precise) for i in crossed}
        first = min(crossed, key=lambda i: abs(found[i] - piece.t_old))
        self.time, self.stopped_by = float(found[first]), list(self.stops)[first]
        self.vector = piece(self.time)

    def _save(self, piece) -> None:
        forward = self.times[-1] > self.times[0]
        while len(self.saved) < self.times.size:
            t = self.times[len(self.saved)]
            if (t > self.time) if forward else (t < self.time):
                return
            self.saved.append(piece(t))

    def _stuck(self) -> Stuck:
        # the entry that changes fastest in proportion
        rate, total = np.asarray(self.rate(self.time, self.vector)), sum(self.layout.rows)
        with np.errstate(divide="ignore", invalid="ignore"):
            speed = np.where(np.isfinite(rate), np.abs(rate / self.vector), np.inf)
        place = int(np.nanargmax(speed))
        point, row = divmod(place, total)
        leaf = int(np.searchsorted(np.cumsum(self.layout.rows), row, side="right"))
        inner = np.unravel_index(row - sum(self.layout.rows[:leaf]), self.layout.shapes[leaf][:-1])
        index = (*(int(i) for i in inner), point)
        step = abs(float(self.solver.t) - float(self.solver.t_old or self.time))
        return Stuck(self.time, step, self.layout.names[leaf], index, float(self.vector[place]), float(rate[place]))

    def _note(self) -> None:
        if self.watch is not None:
            self.seen.append((self.time, self.watch(self.vector)))


def _dense(pieces: list, layout: Interleaved) -> Nordsieck:
    width = max(piece.yh.shape[1] for piece in pieces)
    padded = [np.pad(piece.yh.T, ((0, width - piece.yh.shape[1]), (0, 0))) for piece in pieces]
    ends, lengths = np.array([piece.t for piece in pieces]), np.array([piece.h for piece in pieces])
    return Nordsieck(jnp.asarray(ends), jnp.asarray(lengths), jnp.asarray(np.stack(padded)), layout)


def _rate(layout: Interleaved, rhs: Any, t: Any, vector: Array) -> Array:
    return layout.pack(rhs(t, layout.unpack(vector)))


def _margins(layout: Interleaved, stops: Any, vector: Array) -> Array:
    return margins(stops, layout.unpack(vector))


def _seen(layout: Interleaved, watch: Any, vector: Array) -> Any:
    return watch(layout.unpack(vector))


def _bound(body: Callable[..., Any], layout: Interleaved, what: Any) -> Callable[..., Any]:
    # `body` compiled once for everything of one structure; its arrays are arguments of the compiled function
    arrays, fixed = eqx.partition(what, eqx.is_array)
    leaves, structure = jax.tree.flatten(fixed)
    compiled = _compiled(body, layout, tuple(leaves), structure)
    return lambda *arguments: compiled(arrays, *arguments)


@lru_cache(maxsize=64)
def _compiled(body: Callable[..., Any], layout: Interleaved, leaves: tuple, structure: Any) -> Callable[..., Any]:
    fixed = jax.tree.unflatten(structure, leaves)
    return jax.jit(lambda arrays, *arguments: body(layout, eqx.combine(arrays, fixed), *arguments))
