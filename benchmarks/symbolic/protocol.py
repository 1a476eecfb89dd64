"""How a benchmark process talks to `compare.py`: one JSON object per line, everything else goes to stderr.

Order: `ready` (start-up is over), `time` (the answer exists), `answer` (what the answer is, evaluated at the case's
point; not timed). Standard library only: it is read by every peer's own Python.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from cases import CASES


class Run:
    """One case in one process: what to compute, and the channel for the report."""

    def __init__(self) -> None:
        self.case = CASES[sys.argv[1]]
        self.setting = sys.argv[2] if len(sys.argv) > 2 else "default"
        self._out = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(2, 1)

    def emit(self, event: str, **fields) -> None:
        """Send one event."""
        self._out.write(json.dumps({"event": event} | fields) + "\n")

    def ready(self, cpu: float | None = None) -> None:
        """Say that imports and parsing are done; `cpu` where another process did the work."""
        wall = time.time() - float(os.environ.get("BENCH_START", "nan"))
        self.emit("ready", cpu=time.process_time() if cpu is None else cpu, wall=wall)

    @contextmanager
    def timed(self, runs: int = 1) -> Iterator[None]:
        """Measure CPU time (all threads of this process) and wall time of the block, which computes `runs` times."""
        self.ready()
        cpu, wall = time.process_time(), time.perf_counter()
        yield
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        self.emit("time", cpu=cpu / runs, wall=wall / runs, runs=runs)

    def answer(
        self, version: str, ricci: Sequence[Sequence], scalar, number: Callable, zero: Callable, constant: Callable
    ) -> None:
        """Evaluate the answer.

        Args:
            version: the system's version.
            ricci: Ricci components in the system's own expressions.
            scalar: the scalar curvature, or None where only Ricci was asked for.
            number: expression -> float at the case's point.
            zero: expression -> whether it *is* zero as it stands (no further simplification).
            constant: expression -> whether no coordinate occurs in it.
        """
        fields = {"version": version, "zero": [[bool(zero(e)) for e in row] for row in ricci]}
        if scalar is not None:
            fields |= {"scalar": float(number(scalar)), "scalar_constant": bool(constant(scalar))}
        self.emit("answer", ricci=[[float(number(e)) for e in row] for row in ricci], **fields)
