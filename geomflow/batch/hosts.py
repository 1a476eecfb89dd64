r"""Several processes, on one machine or many: joining them, sharing the points out and gathering the results."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from geomflow.batch.evaluate import point_count
from geomflow.batch.mesh import device_mesh
from geomflow.core.errors import ArgumentError

_HOW = (
    "Start every process with JAX_COORDINATOR_ADDRESS=host:port, JAX_NUM_PROCESSES=count and JAX_PROCESS_ID=rank in "
    "its environment (under SLURM or Open MPI JAX finds them by itself), or give `address`, `count` and `rank`."
)


class Host(NamedTuple):
    r"""Which process this is: number `rank` of `count`."""

    rank: int
    count: int


def join(address: str | None = None, count: int | None = None, rank: int | None = None, timeout: int = 300) -> Host:
    r"""Join the other processes; the first thing a script does after its imports.

    Args:
        address: "host:port" of the process of rank 0; None reads JAX_COORDINATOR_ADDRESS.
        count: how many processes there are; None reads JAX_NUM_PROCESSES.
        rank: which of them this is, from 0 on; None reads JAX_PROCESS_ID.
        timeout: seconds to wait for the others.

    Returns:
        The rank and the number of processes.

    Raises:
        ArgumentError: this process has joined already or has used a device already, or does not know of the others.
    """
    if jax.distributed.is_initialized():
        here = host()
        raise ArgumentError(
            f"This process has joined already, as rank {here.rank} of {here.count}. Call `join` once.", **here._asdict()
        )
    try:
        jax.distributed.initialize(
            address or os.environ.get("JAX_COORDINATOR_ADDRESS"),
            _number("JAX_NUM_PROCESSES") if count is None else count,
            _number("JAX_PROCESS_ID") if rank is None else rank,
            initialization_timeout=timeout,
        )
    except (ValueError, TypeError) as error:
        raise ArgumentError(f"The other processes are not known ({str(error).rstrip('.')}). {_HOW}") from error
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise ArgumentError(
            f"The processes could not be joined ({reason}). Call `join` before anything else touches a device, and "
            "see that all processes run and reach the address of rank 0."
        ) from error
    return host()


def _number(name: str) -> int | None:
    text = os.environ.get(name)
    if text is None:
        return None
    if not text.isdecimal():
        raise ArgumentError(f"The environment variable {name} must be a number, but it was {text!r}.", name=name)
    return int(text)


def host() -> Host:
    r"""Return which process this is; 0 of 1 where none has joined."""
    return Host(jax.process_index(), jax.process_count())


def global_mesh() -> Mesh:
    r"""Return the mesh over all devices of all processes, for `stream`, `evaluate` and `Torus`."""
    return device_mesh(jax.devices())


def share(count: int, of: Host | None = None) -> range:
    r"""Return the numbers of this process's points: consecutive, and even to one point.

    Args:
        count: how many points there are.
        of: another process than this one.
    """
    rank, hosts = of or host()
    return range(rank * count // hosts, (rank + 1) * count // hosts)


def gather(tree: Any, axis: int = -1) -> Any:
    r"""Return on rank 0 the arrays of all processes, one after the other along `axis`; None elsewhere.

    All processes must call it. The arrays may differ in their length along `axis` and in nothing else.

    Args:
        tree: a pytree of arrays.
        axis: where the points lie.

    Good values: results that fit into the memory of each host (all of them get the data); for more, let every process
    write a file of its own.
    """
    from jax.experimental.multihost_utils import process_allgather  # only here: it is slow to import

    count = point_count(tree, axis)
    counts = np.atleast_1d(process_allgather(np.array(count)))
    longest = int(counts.max())

    def gathered(array: Any) -> np.ndarray:
        rows = np.moveaxis(np.asarray(array), axis, 0)
        padded = np.concatenate([rows, np.zeros((longest - count, *rows.shape[1:]), rows.dtype)])
        everyone = np.reshape(process_allgather(padded), (len(counts), *padded.shape))
        parts = [part[:length] for part, length in zip(everyone, counts, strict=True)]
        return np.moveaxis(np.concatenate(parts), 0, axis)

    whole = jax.tree.map(gathered, tree)
    return whole if host().rank == 0 else None
