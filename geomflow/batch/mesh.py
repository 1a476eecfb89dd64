r"""Meshes of devices: one axis, over all devices or those chosen, along which points and grids are split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from geomflow.core.errors import ArgumentError

AXIS = "devices"
"""The name of the one axis of every mesh of this room."""

Devices = int | Sequence[jax.Device] | Mesh | None


def device_mesh(devices: Devices = None) -> Mesh:
    r"""Return a mesh with one axis, over the devices of this process unless others are named.

    Args:
        devices: how many of this process's devices; or the devices themselves; or a mesh, whose devices are taken in
            order; None takes all devices of this process. `hosts.global_mesh()` is the mesh over all processes.

    Raises:
        ArgumentError: no device, more devices than there are, or one named twice.
    """
    if isinstance(devices, Mesh):
        listed = list(devices.devices.flat)
    elif devices is None:
        listed = jax.local_devices()
    elif isinstance(devices, int):
        here = jax.local_device_count()
        if not 1 <= devices <= here:
            raise ArgumentError(
                f"Argument `devices` must be between 1 and {here}, the devices of this process, but it was {devices}. "
                "A CPU counts as one device; XLA_FLAGS=--xla_force_host_platform_device_count=N makes it N.",
                devices=devices,
                available=here,
            )
        listed = jax.local_devices()[:devices]
    else:
        listed = list(devices)
    if not listed or len(set(listed)) != len(listed):
        raise ArgumentError(
            f"Argument `devices` must name at least one device and each only once, but it was {listed}.",
            devices=len(listed),
        )
    return Mesh(np.array(listed), (AXIS,))


def split(mesh: Mesh, axis: int, ndim: int) -> NamedSharding:
    r"""Return the sharding that splits one axis of an array of `ndim` axes over the mesh and keeps the others whole."""
    spec: list[str | None] = [None] * ndim
    spec[axis] = AXIS
    return NamedSharding(mesh, PartitionSpec(*spec))


def distribute(tree: Any, devices: Devices = None, axis: int = -1) -> Any:
    r"""Split every array of a pytree over the devices along an axis, whose length they must divide.

    On a mesh over several processes each of them must hold the same arrays; each keeps its own part.

    Args:
        tree: arrays, numpy or JAX.
        devices: as for `device_mesh`.
        axis: the axis to split.

    Raises:
        ArgumentError: the length of the axis is not a multiple of the number of devices.
    """
    mesh = device_mesh(devices)

    def put(array: Any) -> jax.Array:
        length = np.shape(array)[axis]
        if length % mesh.size:
            raise ArgumentError(
                f"The {mesh.size} devices must divide the axis that is split, but its length is {length}.",
                length=length,
                devices=mesh.size,
            )
        return jax.device_put(array, split(mesh, axis, np.ndim(array)))

    return jax.tree.map(put, tree)
