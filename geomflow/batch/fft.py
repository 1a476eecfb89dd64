r"""Fourier transforms of real fields on T^2 and T^3 whose grid is split over devices in slabs.

Each device holds the points of a slab of the first grid axis, and of the spectrum a slab of the last but one. It
transforms the axes it holds whole; one exchange of all devices with all (two for d = 2) makes the first axis whole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental.layout import Layout, with_layout_constraint
from jax.sharding import Mesh
from jaxtyping import Array, Complex, Float

from geomflow.batch.mesh import AXIS, Devices, device_mesh, distribute, split
from geomflow.core.errors import GridError


def shard_grid(field: Float[Array, "*batch_grid"], dim: int, devices: Devices = None) -> Array:
    r"""Split a field over the devices in slabs of its first grid axis.

    Args:
        field: shape (*batch, *grid) with `dim` grid axes.
        dim: dimension of the torus.
        devices: as for `device_mesh`.
    """
    return distribute(field, devices, axis=-dim)


def rfftn_sharded(field: Float[Array, "*batch_grid"], dim: int, devices: Devices = None) -> Array:
    r"""Return the half spectrum of a real field, as `jnp.fft.rfftn` over the grid axes does, without gathering it.

    Args:
        field: shape (*batch, *grid) with d = `dim` grid axes; split as by `shard_grid`, or not yet.
        dim: 2 or 3.
        devices: as for `device_mesh`; their number must divide the first grid axis (for d = 3 the first two).

    Returns:
        Shape (*batch, *half) with the last axis of length n // 2 + 1, split along the last axis but one.

    Raises:
        GridError: a dimension other than 2 and 3, or a grid that the devices do not divide.
    """
    mesh = device_mesh(devices)
    check_grid(field.shape[-dim:], mesh)

    def slab(field: Array) -> Array:
        if dim == 2:
            half = _along(-1, jnp.fft.rfft, field)
            columns = _along(-2, jnp.fft.fft, _rows_to_columns(half, mesh.size))
            return _columns_to_rows(columns, half.shape[-1])
        planes = _along(-2, jnp.fft.fft, _along(-1, jnp.fft.rfft, field))
        return _along(-3, jnp.fft.fft, _exchange(planes, -2, -3))

    return _local(slab, mesh, field.ndim, -dim, -2)(field)


def irfftn_sharded(
    spectrum: Complex[Array, "*batch_half"], shape: tuple[int, ...], devices: Devices = None
) -> Float[Array, "*batch_grid"]:
    r"""Return the real field of a half spectrum, as `jnp.fft.irfftn` over the grid axes does.

    Args:
        spectrum: shape (*batch, *half), as `rfftn_sharded` returns it.
        shape: the grid, two or three lengths.
        devices: as for `rfftn_sharded`.

    Returns:
        Shape (*batch, *grid), split along the first grid axis.

    Raises:
        GridError: as for `rfftn_sharded`.
    """
    dim = len(shape)
    mesh = device_mesh(devices)
    check_grid(shape, mesh)

    def slab(spectrum: Array) -> Array:
        if dim == 2:
            columns = _along(-2, jnp.fft.ifft, _rows_to_columns(spectrum, mesh.size))
            half = _columns_to_rows(columns, spectrum.shape[-1])
        else:
            planes = _exchange(_along(-3, jnp.fft.ifft, spectrum), -3, -2)
            half = _along(-2, jnp.fft.ifft, planes)
        return _along(-1, lambda rows: jnp.fft.irfft(rows, n=shape[-1]), half)

    return _local(slab, mesh, spectrum.ndim, -2, -dim)(spectrum)


def on_slabs(function: Callable[..., Any], fields: tuple[Array, ...], dim: int, devices: Devices = None) -> Any:
    r"""Return `function(*fields)` for a function of each grid point by itself, every device with its own slab.

    Without it the compiler, which does not see that the points are independent, may gather the fields on every device.

    Args:
        function: arrays (*components, *grid) -> an array (*components, *grid), or a pytree of them.
        fields: what it takes, with d = `dim` grid axes.
        dim: how many grid axes there are.
        devices: as for `device_mesh`.
    """
    mesh = device_mesh(devices)
    before, after = (
        jax.tree.map(lambda field: split(mesh, -dim, field.ndim).spec, tree)
        for tree in (fields, jax.eval_shape(function, *fields))
    )
    return jax.shard_map(function, mesh=mesh, in_specs=before, out_specs=after, check_vma=False)(*fields)


def check_grid(grid: tuple[int, ...], mesh: Mesh) -> None:
    r"""Refuse a grid that cannot be split over the devices of a mesh.

    Raises:
        GridError: other than two or three axes, or devices that do not divide the first (for d = 3 the first two).
    """
    if len(grid) not in (2, 3):
        raise GridError(
            f"A grid is split over devices in 2 or 3 dimensions, but it has {len(grid)}.", size=grid[0], dim=len(grid)
        )
    if any(length % mesh.size for length in grid[:-1]):
        raise GridError(
            f"The number of devices must divide the size of the grid, but the grid is {grid} and there are "
            f"{mesh.size} devices. Take fewer devices, or another size.",
            size=grid[0],
            devices=mesh.size,
        )


def _local(function: Callable[[Array], Array], mesh: Mesh, ndim: int, before: int, after: int) -> Callable:
    specs = [split(mesh, axis, ndim).spec for axis in (before, after)]
    return jax.shard_map(function, mesh=mesh, in_specs=specs[0], out_specs=specs[1])


def _along(axis: int, transform: Callable[[Array], Array], slab: Array) -> Array:
    # On a CPU the compiler may let the axes lie in memory in the order that the next exchange likes, and the transform,
    # which cannot do that, then fails when it runs: so the order is fixed before and after it.
    order = Layout(tuple(range(slab.ndim)))
    last = with_layout_constraint(jnp.moveaxis(slab, axis, -1), order)
    return jnp.moveaxis(with_layout_constraint(transform(last), order), -1, axis)


def _exchange(slab: Array, cut: int, joined: int) -> Array:
    # all_to_all counts its axes from the front
    return jax.lax.all_to_all(slab, AXIS, slab.ndim + cut, slab.ndim + joined, tiled=True)


def _rows_to_columns(rows: Array, devices: int) -> Array:
    # n // 2 + 1 columns are no multiple of the devices: zeros fill the rest
    missing = -rows.shape[-1] % devices
    return _exchange(jnp.pad(rows, [(0, 0)] * (rows.ndim - 1) + [(0, missing)]), -1, -2)


def _columns_to_rows(columns: Array, half: int) -> Array:
    return _exchange(columns, -2, -1)[..., :half]
