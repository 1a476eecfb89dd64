r"""One block of a stream: its points are made on the devices, evaluated there, and handed over or reduced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from geomflow.batch.evaluate import check_points, shapes_of
from geomflow.batch.mesh import AXIS, split
from geomflow.batch.reductions import Reduction, fold

WHOLE = PartitionSpec()


@dataclass(frozen=True)
class Blocks:
    r"""A function of points that come block by block.

    Attributes:
        function: of batched arrays.
        source: from numbers of points to points, or None.
        held: without a source, the arrays the points are read from.
        parameters: arrays without points, by name.
        count: how many points.
        axis: where the points lie.
        block: points per device and step.
        mesh: the devices.
    """

    function: Callable[..., Any]
    source: Callable[..., Any] | None
    held: tuple[np.ndarray, ...]
    parameters: Mapping[str, Any]
    count: int
    axis: int
    block: int
    mesh: Mesh

    @property
    def step(self) -> int:
        r"""Points per step, on all devices together."""
        return self.block * self.mesh.size

    def values(self, start: int) -> Any:
        r"""Begin to compute the values of the points from number `start` on; those beyond the end repeat the last."""
        return _values(*self._inputs(start), self.axis, self.block, self.mesh)

    def absorb(self, reduce: Any, state: Any, start: int) -> Any:
        r"""Begin to compute the state after the block from number `start` on."""
        return _absorb(*self._inputs(start), state, reduce, self.axis, self.block, self.mesh)

    def no_points(self, reduce: Any) -> tuple[Any, Any]:
        r"""Return the state of no points, on every device, and a pytree like the function's values."""
        parts = (self.function, self.source, self.parameters)
        state, like = _no_points(parts, *self.numbers(self.block), reduce, self.axis)
        return self.replicated(state), like

    def replicated(self, state: Any) -> Any:
        r"""Return a state of which every device holds a copy."""
        return jax.device_put(state, NamedSharding(self.mesh, WHOLE))

    def numbers(self, size: int) -> tuple[Any, Any]:
        r"""Return the shapes of what `of_numbers` takes for `size` points."""
        return jax.ShapeDtypeStruct((size,), jnp.asarray(0).dtype), shapes_of(self.held, self.axis, size)

    def of_numbers(self, index: Any, held: Any) -> Any:
        r"""Return the values of the points with these numbers (or of these points, where they are held)."""
        return _evaluated((self.function, self.source, self.parameters), index, held, self.axis)

    def _inputs(self, start: int) -> tuple[Any, Any, Any]:
        parts = (self.function, self.source, self.parameters)
        return parts, tuple(self._read(array, start) for array in self.held), np.asarray([start, self.count])

    def _read(self, array: np.ndarray, start: int) -> jax.Array:
        cut = [slice(None)] * array.ndim
        cut[self.axis] = slice(start, min(start + self.step, self.count))
        piece = array[tuple(cut)]
        missing = self.step - piece.shape[self.axis]
        if missing:
            last = np.take(piece, np.full(missing, piece.shape[self.axis] - 1), axis=self.axis)
            piece = np.concatenate([piece, last], axis=self.axis)
        return jax.device_put(piece, split(self.mesh, self.axis, array.ndim))


def points_last(values: Any, axis: int) -> Any:
    r"""Move the points of every array (or shape) to its last axis."""
    return jax.tree.map(lambda value: jnp.moveaxis(value, axis, -1), values)


def _parts(reduction: Reduction, values: Any) -> list[Any]:
    return jax.tree.leaves(values) if reduction.leafwise else [values]


def empty_state(reduce: Any, shapes: Any) -> Any:
    r"""Return the state of no points: for every reduction a list, with one state for each array it treats by itself."""
    return jax.tree.map(lambda r: [r.identity(part) for part in _parts(r, shapes)], reduce)


def block_state(reduce: Any, values: Any, index: Any, valid: Any) -> Any:
    r"""Return the state of one block of values, whose points come last."""
    return jax.tree.map(lambda r: [r.block(part, index, valid) for part in _parts(r, values)], reduce)


def joined_states(reduce: Any, first: Any, second: Any) -> Any:
    r"""Return the state of two sets of points."""
    return jax.tree.map(lambda r, a, b: [r.combine(x, y) for x, y in zip(a, b, strict=True)], reduce, first, second)


def results(reduce: Any, state: Any, like: Any) -> Any:
    r"""Return what the reductions make of their final states; `like` is a pytree like the values."""

    def of(reduction: Reduction, states: list[Any]) -> Any:
        finished = [reduction.finish(part) for part in jax.device_get(states)]
        return jax.tree.unflatten(jax.tree.structure(like), finished) if reduction.leafwise else finished[0]

    return jax.tree.map(of, reduce, state)


def _evaluated(parts: Any, index: Any, held: Any, axis: int) -> Any:
    function, source, parameters = parts
    points = held if source is None else source(index)
    values = function(*(points if isinstance(points, tuple) else (points,)), **parameters)
    values = jax.tree.map(jnp.asarray, values)
    check_points(values, axis, index.shape[0])
    return values


def _on_devices(body: Callable[..., Any], parts: Any, held: Any, bounds: Any, axis: int, block: int, mesh: Mesh) -> Any:
    r"""Return `body(values, index, valid)` as a function to be called under `shard_map`, and what it is called with."""
    arrays, fixed = eqx.partition(parts, eqx.is_array)

    def local(arrays: Any, held: Any, bounds: Any, *rest: Any) -> Any:
        start, count = bounds
        number = start + jax.lax.axis_index(AXIS) * block + jnp.arange(block)
        index = jnp.minimum(number, count - 1)
        return body(_evaluated(eqx.combine(arrays, fixed), index, held, axis), index, number < count, *rest)

    return local, (arrays, held, bounds), (WHOLE, jax.tree.map(lambda a: split(mesh, axis, a.ndim).spec, held), WHOLE)


@eqx.filter_jit
def _values(parts: Any, held: Any, bounds: Any, axis: int, block: int, mesh: Mesh) -> Any:
    local, inputs, specs = _on_devices(lambda values, index, valid: values, parts, held, bounds, axis, block, mesh)
    index = jax.ShapeDtypeStruct((block,), bounds.dtype)
    shapes = jax.eval_shape(lambda i, h: _evaluated(parts, i, h, axis), index, shapes_of(held, axis, block))
    out = jax.tree.map(lambda shape: split(mesh, axis, shape.ndim).spec, shapes)
    return jax.shard_map(local, mesh=mesh, in_specs=specs, out_specs=out, check_vma=False)(*inputs)


@eqx.filter_jit
def _no_points(parts: Any, index: Any, held: Any, reduce: Any, axis: int) -> Any:
    shapes = jax.eval_shape(lambda i, h: points_last(_evaluated(parts, i, h, axis), axis), index, held)
    return empty_state(reduce, shapes), jax.tree.map(lambda shape: jnp.zeros(0), shapes)


@eqx.filter_jit
def _absorb(parts: Any, held: Any, bounds: Any, state: Any, reduce: Any, axis: int, block: int, mesh: Mesh) -> Any:
    def body(values: Any, index: Any, valid: Any, state: Any) -> Any:
        own = block_state(reduce, points_last(values, axis), index, valid)
        # every device gets the states of all and joins them in the same order, so that all go on with the same bits
        everyone = jax.tree.map(lambda leaf: jnp.moveaxis(jax.lax.all_gather(leaf, AXIS), 0, -1), own)
        return joined_states(reduce, state, fold(lambda a, b: joined_states(reduce, a, b), everyone))

    local, inputs, specs = _on_devices(body, parts, held, bounds, axis, block, mesh)
    run = jax.shard_map(local, mesh=mesh, in_specs=(*specs, WHOLE), out_specs=WHOLE, check_vma=False)
    return run(*inputs, state)
