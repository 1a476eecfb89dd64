"""One of two processes, started by test_hosts.py; the process of rank 0 leaves what was gathered in a file."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomflow
from geomflow.batch import Uniform, evaluate, hosts, irfftn_sharded, largest, mean, rfftn_sharded, shard_grid, stream
from geomflow.core.errors import ArgumentError

geomflow.enable_x64()
COUNT = 1001
SOURCE = Uniform([0.1, 0.1], [3.0, 3.0])


def kinds(x):
    return {"a": jnp.sin(x[0]) * x, "b": jnp.exp(x[1])}


def points():
    return np.asarray(jax.jit(lambda i: SOURCE(i))(np.arange(COUNT)))


def field():
    return np.random.default_rng(0).normal(size=(3, 8, 8, 10))


def main(folder):
    me = hosts.join(timeout=60)
    assert (me.count, jax.device_count(), jax.local_device_count()) == (2, 4, 2), me
    with pytest.raises(ArgumentError, match=f"joined already, as rank {me.rank} of 2"):
        hosts.join()

    x, mine = points(), hosts.share(COUNT)
    assert len(mine) == (500, 501)[me.rank]
    halves = hosts.gather(evaluate(kinds, x[:, mine.start : mine.stop], block=64))
    mesh = hosts.global_mesh()
    whole = evaluate(kinds, x, devices=mesh, block=64)
    reduce = {"mean": mean, "top": largest}
    streamed = stream(kinds, SOURCE, COUNT, reduce=reduce, devices=mesh, block=77, checkpoint=f"{folder}/s.npz")
    again = stream(kinds, SOURCE, COUNT, reduce=reduce, devices=mesh, block=50, checkpoint=f"{folder}/s.npz")
    jax.tree.map(np.testing.assert_array_equal, streamed, again)
    # every host holds its own slab of a field and of its spectrum
    there_and_back = jax.jit(lambda f: irfftn_sharded(rfftn_sharded(f, 3, mesh) * 2, (8, 8, 10), mesh))
    found = there_and_back(shard_grid(field(), 3, mesh))
    for part in found.addressable_shards:
        np.testing.assert_allclose(part.data, 2 * field()[part.index], atol=1e-14)
    assert len(found.addressable_shards) == 2
    if me.rank:
        assert halves is None
    else:
        gathered = {f"half_{k}": v for k, v in halves.items()} | {f"whole_{k}": np.asarray(v) for k, v in whole.items()}
        means = {f"mean_{k}": v.mean for k, v in streamed["mean"].items()}
        tops = {f"top_{k}": v.index for k, v in streamed["top"].items()}
        np.savez(f"{folder}/gathered.npz", **gathered, **means, **tops)


if __name__ == "__main__":
    main(sys.argv[1])
