"""What a side of the comparison does: it reads a number of points on stdin, and answers with one timing as JSON."""

import json
import os
import resource
import sys
import time

if "BENCH_CORES" in os.environ and hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {int(c) for c in os.environ["BENCH_CORES"].split(",")})

import numpy as np

DIM = 10


def points(count):
    """The points of every side."""
    return np.random.default_rng(0).standard_normal((count, DIM))


def _peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _held():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def serve(function, convert):
    """Answer every line, a number of points, with the time of one call; the first at a size compiles.

    Memory is what a call adds to the peak: before it, the process is filled up to where it has been.
    """
    done, filling = {}, []
    for line in sys.stdin:
        count = int(line)
        x = done.setdefault(count, convert(points(count)))
        filling.append(np.ones(max(_peak() - _held(), 0) // 8))
        before = _peak()
        cpu, wall = time.process_time(), time.perf_counter()
        value = function(x)
        spent = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
        sample = [float(value[i, j]) for i, j in ((0, 1), (3, 7), (count - 1, 5))]
        del value  # the next call need not hold two
        print(json.dumps({**spent, "sample": sample, "peak": _peak() - before}), flush=True)
