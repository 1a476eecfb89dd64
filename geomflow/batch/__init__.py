r"""Evaluation at scale: all devices and hosts, any number of points, grids in slabs; no loop over devices to write.

evaluate(function, points)                    points in memory, over all devices
stream(function, source, count, reduce=mean)  any number of points, in the memory of one block
Torus(3, 256, device_mesh())                  fields split over devices, with distributed Fourier transforms
hosts.join(); hosts.global_mesh()             the same over several processes
"""

from geomflow.batch import hosts
from geomflow.batch.evaluate import evaluate
from geomflow.batch.fft import irfftn_sharded, on_slabs, rfftn_sharded, shard_grid
from geomflow.batch.mesh import device_mesh, distribute
from geomflow.batch.reductions import Reduction, histogram, largest, mean, monoid, smallest, total
from geomflow.batch.sources import Lattice, Uniform
from geomflow.batch.stream import stream

__all__ = [
    "Lattice",
    "Reduction",
    "Uniform",
    "device_mesh",
    "distribute",
    "evaluate",
    "histogram",
    "hosts",
    "irfftn_sharded",
    "largest",
    "mean",
    "monoid",
    "on_slabs",
    "rfftn_sharded",
    "shard_grid",
    "smallest",
    "stream",
    "total",
]
