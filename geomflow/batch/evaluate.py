r"""A batched function on any number of points, over all devices and a block at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.sharding import Mesh, NamedSharding, PartitionSpec, SingleDeviceSharding

from geomflow.batch.mesh import Devices, device_mesh, split
from geomflow.core.errors import ArgumentError


def evaluate(
    function: Callable[..., Any],
    *arrays: Any,
    axis: int = -1,
    block: int | None = None,
    devices: Devices = None,
    parameters: Mapping[str, Any] | None = None,
) -> Any:
    r"""Return `function(*arrays, **parameters)`, computed on all devices, a block of points at a time.

    The points are split evenly over the devices; each walks through its share block by block, so that the intermediates
    of one block are all that is ever held beside arguments and results. It compiles once for each function and shape.

    Args:
        function: takes arrays whose points lie along `axis` and returns such arrays, in any pytree. Generated functions
            have their components first and the points last, `axis=-1`; a `jax.vmap` has them first, `axis=0`.
        *arrays: arrays (or pytrees of them) with one and the same number of points N along `axis`.
        axis: where the points lie, in every argument and every result.
        block: points per device and step; None takes all of a device's points in one step.
        devices: as for `device_mesh`: all devices of this process, a number of them, a list or a mesh. On a mesh over
            several processes, all of them must make the same call, and each gets the whole result.
        parameters: arguments without points, given to the function by name; a new value does not compile anew.

    Returns:
        What the function returns. It stays split over the devices if their number divides N; otherwise it is gathered
        on the first one.

    Raises:
        ArgumentError: unequal numbers of points, no array, a bad block, or a result without the axis of the points.

    Good values: a function defined once, not a new lambda in every call (which would compile anew); `block` of
    10⁴-10⁵, so that a block's intermediates stay in the cache.
    """
    mesh = device_mesh(devices)
    count = point_count(arrays, axis)
    if block is not None and block < 1:
        raise ArgumentError(f"Argument `block` must be at least 1, but it was {block}.", block=block)
    held = jax.tree.map(lambda array: array if isinstance(array, jax.Array) else np.asarray(array), arrays)
    values = as_arrays(parameters)
    if not count:
        return _no_points(function, held, values, axis)
    whole = -(-count // mesh.size) * mesh.size
    placed = jax.tree.map(lambda array: _place(array, axis, whole, mesh), held)
    results = _evaluate(function, placed, values, axis, block, mesh)
    return results if whole == count else jax.tree.map(lambda result: _cut(result, axis, count, mesh), results)


def point_count(arrays: Any, axis: int) -> int:
    r"""Return the number of points all arrays of a pytree have along an axis.

    Raises:
        ArgumentError: there is no array, one lacks the axis, or their numbers differ.
    """
    shapes = [np.shape(array) for array in jax.tree.leaves(arrays)]
    if not shapes or any(not -len(shape) <= axis < len(shape) for shape in shapes):
        raise ArgumentError(
            f"There must be at least one array, and every array must have the axis {axis} along which the points lie, "
            f"but the shapes were {shapes}. What has no points goes into `parameters`.",
            axis=axis,
        )
    counts = {shape[axis] for shape in shapes}
    if len(counts) > 1:
        raise ArgumentError(
            f"All arrays must have one number of points along axis {axis}, but the shapes were {shapes}.", axis=axis
        )
    return counts.pop()


def as_arrays(parameters: Mapping[str, Any] | None) -> dict[str, Any]:
    r"""Return the parameters as arrays, so that a new value is not a new program."""
    return {} if parameters is None else jax.tree.map(jnp.asarray, dict(parameters))


def check_points(values: Any, axis: int, size: int) -> None:
    r"""Refuse results (arrays or their shapes) that do not hold `size` points along `axis`."""
    for value in jax.tree.leaves(values):
        if not -value.ndim <= axis < value.ndim or value.shape[axis] != size:
            raise ArgumentError(
                f"The function must return arrays with their points along axis {axis}, but for {size} points it "
                f"returned the shape {value.shape}. Try another `axis`, or `jax.vmap` for a function of one point.",
                axis=axis,
                shape=value.shape,
            )


def shapes_of(arrays: Any, axis: int, size: int) -> Any:
    r"""Return the shapes and types of a pytree of arrays cut to `size` points."""
    return jax.tree.map(
        lambda array: jax.ShapeDtypeStruct(
            _with_length(array.shape, axis, size), jax.dtypes.canonicalize_dtype(array.dtype)
        ),
        arrays,
    )


@eqx.filter_jit
def _evaluate(function: Any, arrays: Any, parameters: Any, axis: int, block: int | None, mesh: Mesh) -> Any:
    weights, fixed = eqx.partition(function, eqx.is_array)  # a module's arrays, a network's say, go to every device
    share = jax.tree.leaves(arrays)[0].shape[axis] // mesh.size
    size = share if block is None else min(block, share)

    @jax.jit
    def on_block(arrays: Any, weights: Any, parameters: Any) -> Any:
        values = jax.tree.map(jnp.asarray, eqx.combine(weights, fixed)(*arrays, **parameters))
        check_points(values, axis, size)
        return values

    def empty(size: int) -> Any:
        return jax.tree.map(lambda shape: jnp.zeros(_with_length(shape.shape, axis, size), shape.dtype), shapes)

    def alone(*inputs: Any) -> Any:
        # On a CPU XLA would fuse the function with the reading of its block into a loop that it does not vectorise, 2.6
        # times as slow. A conditional is what its fusion does not cross.
        if mesh.devices.flat[0].platform != "cpu":
            return on_block(*inputs)
        true = jax.lax.optimization_barrier(jnp.asarray(True))
        return jax.lax.cond(true, on_block, lambda *_: empty(size), *inputs)

    def local(arrays: Any, *rest: Any) -> Any:
        # The last block begins early enough to be full: its first points are computed twice, none is made up.
        def step(i: Any, results: Any) -> Any:
            start = jnp.minimum(i * size, share - size)
            cut = jax.tree.map(lambda array: jax.lax.dynamic_slice_in_dim(array, start, size, axis), arrays)
            values = alone(cut, *rest)
            return jax.tree.map(
                lambda result, value: jax.lax.dynamic_update_slice_in_dim(result, value, start, axis), results, values
            )

        if size == share:
            return on_block(arrays, *rest)
        return jax.lax.fori_loop(0, -(-share // size), step, empty(share))

    shapes = jax.eval_shape(on_block, shapes_of(arrays, axis, size), weights, parameters)
    results = jax.shard_map(
        local,
        mesh=mesh,
        in_specs=(
            jax.tree.map(lambda array: split(mesh, axis, array.ndim).spec, arrays),
            PartitionSpec(),
            PartitionSpec(),
        ),
        out_specs=jax.tree.map(lambda shape: split(mesh, axis, shape.ndim).spec, shapes),
        check_vma=False,  # the function may hold loops whose carries begin as constants
    )(arrays, weights, parameters)
    if mesh.is_multi_process:
        whole = NamedSharding(mesh, PartitionSpec())
        results = jax.tree.map(lambda value: jax.lax.with_sharding_constraint(value, whole), results)
    return results


def _place(array: Any, axis: int, whole: int, mesh: Mesh) -> Any:
    missing = whole - array.shape[axis]
    if missing:  # the last point again: a point of the user's own, so that nothing can fail on it
        library = jnp if isinstance(array, jax.Array) else np
        last = np.full(missing, array.shape[axis] - 1)
        array = library.concatenate([array, library.take(array, last, axis=axis)], axis=axis)
    if isinstance(array, Tracer):  # inside jit or grad the compiler places it
        return array
    return jax.device_put(array, split(mesh, axis, array.ndim))


def _cut(result: Any, axis: int, count: int, mesh: Mesh) -> Any:
    if not (isinstance(result, Tracer) or mesh.is_multi_process):
        # XLA would give every device a copy of a length that they do not divide
        result = jax.device_put(result, SingleDeviceSharding(mesh.devices.flat[0]))
    return jax.lax.slice_in_dim(result, 0, count, axis=axis)


def _no_points(function: Callable[..., Any], arrays: Any, parameters: dict[str, Any], axis: int) -> Any:
    shapes = jax.eval_shape(lambda arrays: function(*arrays, **parameters), shapes_of(arrays, axis, 1))
    check_points(shapes, axis, 1)
    return jax.tree.map(lambda shape: jnp.zeros(_with_length(shape.shape, axis, 0), shape.dtype), shapes)


def _with_length(shape: tuple[int, ...], axis: int, length: int) -> tuple[int, ...]:
    changed = list(shape)
    changed[axis] = length
    return tuple(changed)
