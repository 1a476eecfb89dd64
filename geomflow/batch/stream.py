r"""Streams of points: made on the devices, evaluated, and reduced or written block by block, so that none is kept."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from geomflow.batch.blocks import Blocks, block_state, joined_states, points_last, results
from geomflow.batch.evaluate import as_arrays, point_count
from geomflow.batch.fingerprint import fingerprint
from geomflow.batch.mesh import Devices, device_mesh
from geomflow.batch.npy import NpyWriter, refuse_other
from geomflow.core.errors import ArgumentError
from geomflow.core.progress import track
from geomflow.core.provenance import plain
from geomflow.core.store import ensure_writable, load, save

SAVE_EVERY = 10.0  # seconds between two records of how far a run has come
AHEAD = 2  # blocks under way at once: the devices compute one while the host is busy with the other


def stream(
    function: Callable[..., Any],
    source: Any,
    count: int | None = None,
    *,
    reduce: Any = None,
    out: str | os.PathLike[str] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    axis: int = -1,
    block: int = 65536,
    devices: Devices = None,
    parameters: Mapping[str, Any] | None = None,
) -> Any:
    r"""Evaluate a batched function on any number of points in the memory of one block.

    With `out` or `checkpoint`, a run that was interrupted goes on where it stopped when the same call is made again, on
    as many devices and in blocks as large as you like; a finished one is read back.

    Args:
        function: takes arrays of points along `axis` and returns such arrays, as for `evaluate`.
        source: `(index) -> points`, from the numbers of the points (a vector of integers) to what the function takes,
            one array or a tuple of them, made on the devices (see `Lattice` and `Uniform`); or the arrays themselves,
            one or a tuple, a `numpy.memmap` say, which are read block by block.
        count: how many points; not needed for arrays and for a source with an attribute `count`.
        reduce: what to keep, a `Reduction` (`total`, `mean`, `smallest`, `largest`, `histogram(...)`, `monoid(...)`)
            or a pytree of them, a dict say, which share one pass.
        out: instead of `reduce`, an .npy file for the values, which must be one array.
        checkpoint: with `reduce`, an .npz file to which the state is saved every ten seconds.
        axis: where the points lie, in every argument and every result.
        block: points per device and step.
        devices: as for `device_mesh`. On a mesh over several processes all of them make the same call, and each gets
            the result.
        parameters: arguments without points, given to the function by name.

    Returns:
        With `reduce`, a pytree like it: each reduction gives one result for each array the function returns (`monoid`
        gets all of them at once). With `out`, the file, opened as a `numpy.memmap` that is read only.

    Raises:
        ArgumentError: a bad argument.
        OutputError: the file cannot be written.
        ResultFileError: the file belongs to another run.

    Good values: blocks of 10⁴-10⁵ points. Blocks and devices change the result by rounding at most, and `total` and
    `mean` carry twice the digits.
    """
    mesh = device_mesh(devices)
    held: tuple[np.ndarray, ...] = ()
    if callable(source):
        count = getattr(source, "count", None) if count is None else count
    else:
        held = tuple(np.asanyarray(array) for array in (source if isinstance(source, tuple) else (source,)))
        source, found = None, point_count(held, axis)
        count = found if count is None else count
        if count > found:
            raise ArgumentError(f"Argument `count` is {count}, but there are {found} points.", count=count)
    if count is None or count < 1 or block < 1:
        raise ArgumentError(
            f"There must be at least one point, and one in every block, but `count` was {count} and `block` {block}.",
            count=count,
            block=block,
        )
    block = min(block, -(-count // mesh.size))
    most = np.iinfo(jax.dtypes.canonicalize_dtype(int)).max
    if count + mesh.size * block > most:
        raise ArgumentError(f"To number {count} points takes 64 bits: call `geomflow.enable_x64()`.", count=count)
    if (reduce is None) == (out is None) or (out is not None and checkpoint is not None):
        raise ArgumentError("Give either `reduce`, with a `checkpoint` or without, or `out`, which goes on by itself.")
    blocks = Blocks(function, source, held, as_arrays(parameters), count, axis, block, mesh)
    return _run(_Reduced(blocks, reduce, checkpoint) if out is None else _Written(blocks, Path(out)))


def _run(work: _Reduced | _Written) -> Any:
    r"""Keep the devices busy with the next block while the host settles the one before; Ctrl-C keeps what is done."""
    blocks, waiting, saved = work.blocks, deque(), time.monotonic()

    def settle() -> None:
        before = work.done
        work.settle(*waiting.popleft())
        bar.update(work.done - before)

    try:
        with track(blocks.count, "points") as bar:
            bar.update(work.done)
            for start in range(work.done, blocks.count, blocks.step):
                waiting.append((work.begin(start), min(start + blocks.step, blocks.count)))
                if len(waiting) == AHEAD:
                    settle()
                if time.monotonic() - saved > SAVE_EVERY:
                    work.save()
                    saved = time.monotonic()
            while waiting:
                settle()
        return work.finish()
    except KeyboardInterrupt as stop:
        if work.path is not None:
            work.save()
            stop.add_note(
                f"{work.done} of {blocks.count} points are done and kept beside {work.path}. "
                "The same call goes on where it stopped."
            )
        raise
    finally:
        work.close()


def _settings(blocks: Blocks, reduce: Any) -> dict[str, Any]:
    r"""Return what the numbers depend on. Blocks and devices are not among it."""

    def program(index: Any, held: Any) -> Any:
        values = blocks.of_numbers(index, held)
        if reduce is None:
            return values
        state = block_state(reduce, points_last(values, blocks.axis), index, index >= 0)
        return joined_states(reduce, state, state)

    ends = [np.take(array, [0, -1], axis=blocks.axis) for array in blocks.held]  # a look at the points, not all of them
    settings = {
        "program": fingerprint(program, *blocks.numbers(2)),
        "jax": jax.__version__,
        "points": [[array.shape, end.dtype.str, end.tolist()] for array, end in zip(blocks.held, ends, strict=True)],
        "count": blocks.count,
        "axis": blocks.axis,
    }
    return plain(settings)


class _Reduced:
    r"""A stream of which a state is kept."""

    def __init__(self, blocks: Blocks, reduce: Any, checkpoint: str | os.PathLike[str] | None):
        self.blocks, self.reduce = blocks, reduce
        self.path = None if checkpoint is None else Path(checkpoint)
        self.newest, self.like = blocks.no_points(reduce)
        self.settled = (self.newest, 0)  # one tuple, so that Ctrl-C finds a state and how many points are in it
        if self.path is not None:
            ensure_writable(self.path.parent)
            self.settings = _settings(blocks, reduce)
            self._resume(self.path)

    def _resume(self, path: Path) -> None:
        leaves, form = jax.tree.flatten(jax.device_get(self.newest))
        done = 0
        if jax.process_index() == 0 and path.exists():
            arrays, header = load(path)
            refuse_other(header.get("settings", {}), self.settings, path)
            leaves, done = [arrays[f"state{k}"] for k in range(len(leaves))], header["done"]
        if self.blocks.mesh.is_multi_process:
            from jax.experimental.multihost_utils import broadcast_one_to_all  # only here: it is slow to import

            leaves, done = broadcast_one_to_all((leaves, np.array(done)))
        self.newest = self.blocks.replicated(jax.tree.unflatten(form, leaves))
        self.settled = (self.newest, int(done))

    @property
    def done(self) -> int:
        return self.settled[1]

    def begin(self, start: int) -> Any:
        self.newest = self.blocks.absorb(self.reduce, self.newest, start)
        return self.newest

    def settle(self, state: Any, stop: int) -> None:
        self.settled = (jax.block_until_ready(state), stop)

    def save(self) -> None:
        if self.path is not None and jax.process_index() == 0:
            state, done = self.settled
            arrays = {f"state{k}": leaf for k, leaf in enumerate(jax.tree.leaves(state))}
            save(self.path, arrays, {"settings": self.settings, "done": done})

    def finish(self) -> Any:
        self.save()
        return results(self.reduce, self.settled[0], self.like)

    def close(self) -> None:
        pass


class _Written:
    r"""A stream whose values go to a file."""

    def __init__(self, blocks: Blocks, path: Path):
        self.blocks, self.path = blocks, path
        shape = jax.eval_shape(blocks.of_numbers, *blocks.numbers(1))
        if blocks.mesh.is_multi_process or not isinstance(shape, jax.ShapeDtypeStruct):
            raise ArgumentError(
                f"A file takes one array and the devices of one process, but the function returned {shape} on "
                f"{blocks.mesh}. Stack the results, and let every host write a file of its own."
            )
        whole = list(shape.shape)
        whole[blocks.axis] = blocks.count
        self.file = NpyWriter(path, tuple(whole), shape.dtype, blocks.axis, _settings(blocks, None))
        self.done = self.file.done

    def begin(self, start: int) -> Any:
        return self.blocks.values(start)

    def settle(self, values: Any, stop: int) -> None:
        rows = np.moveaxis(np.asarray(values), self.blocks.axis, 0)[: stop - self.done]
        self.file.write(self.done, np.moveaxis(rows, 0, self.blocks.axis))
        self.done = stop

    def save(self) -> None:
        self.file.save(self.done)

    def finish(self) -> Any:
        self.file.finish()
        return np.load(self.path, mmap_mode="r")

    def close(self) -> None:
        self.file.close()
