"""SymEngine's LLVM back end (settings: llvm, llvm2): rows in, rows out, on one thread, or two processes with half each.

The compiled function holds the interpreter's lock, so the second processor is reached by a second process; the workers
are forked once, keep their half of the rows and write into shared memory.
"""

import mmap
import os
import struct
import time

import numpy as np
import symengine
from cases import Case, data
from expressions import arguments, ricci
from protocol import Peer, serve


class Workers:
    """Forked processes that evaluate their part of the rows on demand, one per processor allowed."""

    def __init__(self, function, width: int):
        self.function, self.width = function, width
        self.children: list[tuple[int, int, int]] = []
        self.spent = 0.0

    def start(self, case: Case, points: int) -> tuple:
        """Fork the workers for these rows (ending earlier ones)."""
        for child, go, done in self.children:
            os.close(go)
            os.close(done)
            os.waitpid(child, 0)
        (x,) = data(case, "rows", points)
        self.answer = np.frombuffer(mmap.mmap(-1, 8 * self.width * len(x)), dtype=float).reshape(len(x), self.width)
        cores = sorted(os.sched_getaffinity(0))
        bounds = [len(x) * w // len(cores) for w in range(len(cores) + 1)]
        self.children = [self._fork(x[a:b], self.answer[a:b], core) for a, b, core in zip(bounds, bounds[1:], cores)]
        return ()

    def _fork(self, rows: np.ndarray, answer: np.ndarray, core: int) -> tuple[int, int, int]:
        (wait, go), (done, tell) = os.pipe(), os.pipe()
        child = os.fork()
        if child:
            os.close(wait)
            os.close(tell)
            return child, go, done
        os.close(go)
        os.sched_setaffinity(0, {core})
        rows = rows.copy()
        while os.read(wait, 1):
            before = time.process_time()
            self.function(rows, out=answer)
            os.write(tell, struct.pack("d", time.process_time() - before))
        os._exit(0)

    def call(self) -> np.ndarray:
        """Evaluate all rows."""
        for _, go, _ in self.children:
            os.write(go, b"g")
        for _, _, done in self.children:
            self.spent += struct.unpack("d", os.read(done, 8))[0]
        return self.answer


def generate(case: Case, setting: str) -> Peer:
    """Compile with CSE, real numbers, LLVM optimisation level 3; the answer's memory is given (`out`)."""
    outputs = [symengine.sympify(e) for e in ricci(case)]
    inputs = [symengine.sympify(s) for s in arguments(case)]
    function = symengine.Lambdify(inputs, outputs, backend="llvm", real=True, cse=True, opt_level=3)
    version = f"SymEngine {symengine.__version__}"
    if setting == "llvm2":
        workers = Workers(function, len(outputs))
        return Peer(workers.call, workers.start, version, cpu=lambda: workers.spent)

    def prepare(case: Case, points: int) -> tuple:
        (x,) = data(case, "rows", points)
        return x, np.zeros((points, len(outputs)))

    return Peer(lambda x, out: function(x, out=out), prepare, version)


if __name__ == "__main__":
    serve(generate)
