"""Generated code, side by side: every system on every case, in processes of their own, their rounds interleaved.

    python benchmarks/codegen/compare.py --install        # once; the peers' own environments
    python benchmarks/codegen/compare.py                  # everything, on a quiet machine
    python benchmarks/codegen/compare.py --quick          # 10^5 points, two short rounds

See `benchmarks/README.md` for what is measured and what is fair about it.
"""

import argparse
import contextlib
import json
import os
import selectors
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import roofline

sys.path.append(str(Path(__file__).parents[1]))
from cases import CASES, Case
from common import HOME, chosen, install, machine, python, resident
from peers import PEERS, Peer
from reference import truth
from tables import markdown, roofline_table, table

HERE = Path(__file__).parent
KEPT = 300_000  # points from which on the arguments are released between rounds


class Process:
    """A peer at work on one case: started, generated, then asked for rounds."""

    def __init__(self, peer: Peer, case: Case, arguments: argparse.Namespace):
        self.peer, self.memory = peer, arguments.memory
        self.out: dict = {"status": "failed", "sizes": {}}
        command = python(peer.environment, arguments.home)
        self.process, self.text, self.errors = None, b"", b""
        if command is None:
            self.out["status"] = "not installed"
            return
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(peer.processors))
        environment = os.environ | threads | {"PYTHONHASHSEED": "0"}
        if not arguments.gpu:
            environment |= {"BENCH_CORES": processors(arguments.core, peer.processors), "JAX_PLATFORMS": "cpu"}
        self.process = subprocess.Popen(
            [command, "-W", "ignore", str(HERE / peer.script), case.name, peer.setting],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
            cwd=HERE,
        )

    def ask(self, command: dict | None, event: str, cap: float) -> dict | None:
        """Send a command (or nothing) and wait for an event; None when the process died or exceeded a cap."""
        if self.process is None:
            return None
        if command:
            try:
                self.process.stdin.write((json.dumps(command) + "\n").encode())
                self.process.stdin.flush()
            except BrokenPipeError:
                return self.stop("failed")
        deadline = time.monotonic() + cap
        selector = selectors.DefaultSelector()
        for stream in (self.process.stdout, self.process.stderr):
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select(timeout=0.25):
                chunk = os.read(key.fd, 1 << 20)
                if not chunk:
                    selector.unregister(key.fileobj)
                elif key.fileobj is self.process.stderr:
                    self.errors = (self.errors + chunk)[-4000:]
                else:
                    self.text += chunk
            while b"\n" in self.text:
                line, self.text = self.text.split(b"\n", 1)
                found = json.loads(line)
                if found.pop("event") == event:
                    return found
            if time.monotonic() > deadline:
                return self.stop(f"time cap ({cap:.0f} s)")
            if resident(self.process.pid) > self.memory:
                return self.stop(f"memory cap ({self.memory:.0f} GB)")
        return self.stop("failed")

    def stop(self, status: str) -> None:
        """End the process and what it started; say why."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            with contextlib.suppress(BrokenPipeError):
                stream.close()
        self.process.wait()
        self.process = None
        self.out["status"] = status
        lines = [line.strip() for line in self.errors.decode(errors="replace").splitlines() if line.strip()]
        if status == "failed":
            self.out["message"] = ([line for line in lines if "Error" in line] or lines or ["no message"])[-1][:200]


def processors(first: int, count: int) -> str:
    """The processors a peer is pinned to."""
    return ",".join(map(str, [first, *(c for c in range(os.cpu_count() or 1) if c != first)][:count]))


def judge(case: Case, found: dict, expected: tuple[np.ndarray, np.ndarray]) -> float:
    """Largest deviation from the reference, relative to the size of the terms."""
    values, sizes = expected
    return float(np.max(np.abs(np.array(found.pop("sample")) - values) / sizes))


def one_case(case: Case, peers: tuple[Peer, ...], arguments: argparse.Namespace) -> dict:
    """Every peer on one case: generation one after the other, then rounds in turn at each number of points."""
    expected = truth(case)
    running = {p.name: Process(p, case, arguments) for p in peers}
    try:
        for one in running.values():
            ready = one.ask(None, "ready", arguments.cap)
            if ready:
                one.out |= ready | {"status": "done"}
        for points in sizes(case, arguments):
            for _ in range(arguments.rounds):
                for one in running.values():
                    command = {"points": points, "seconds": arguments.seconds, "release": points >= KEPT}
                    found = one.ask(command, "round", arguments.cap)
                    if not found:
                        continue
                    fresh = {"first": found["first"], "cpus": [], "walls": []}
                    record = one.out["sizes"].setdefault(str(points), fresh)
                    record["deviation"] = judge(case, found, expected)
                    record["cpus"] += found["cpu"]
                    record["walls"] += found["wall"]
                    record["peak_gb"] = found["peak_gb"]
        for one in running.values():
            one.stop(one.out["status"])
            for record in one.out["sizes"].values():
                for kind in ("cpu", "wall"):
                    times = record.pop(f"{kind}s")
                    record[kind] = statistics.median(times)
                    record[f"{kind}_least"] = min(times)
                    record["calls"] = len(times)
    finally:
        for one in running.values():
            one.stop("stopped")
    return {name: one.out for name, one in running.items()}


def sizes(case: Case, arguments: argparse.Namespace) -> list[int]:
    """Numbers of points: as asked for, or 10^5 and 10^6, on a GPU as many (at most 10^8) as fit in 50 GB."""
    if arguments.sizes:
        return [int(float(s)) for s in arguments.sizes.split(",")]
    if arguments.gpu:
        width = 14 if case.metric else case.jets * (2 if case.gradient else 1) + 2 * len(case.pairs)
        most = min(1e8, 50e9 / (8 * width))
        return [10**6, int(most // 10 ** (len(str(int(most))) - 1)) * 10 ** (len(str(int(most))) - 1)]
    return [10**5] if arguments.quick else [10**5, 10**6]


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--install", action="store_true", help="create the peers' environments first")
    parser.add_argument("--home", type=Path, default=HOME, help="where they live")
    parser.add_argument("--peers", default="", help="comma-separated beginnings of names, e.g. geomflow,symengine")
    parser.add_argument("--cases", default="", help="comma-separated beginnings of names, e.g. ricci,kerr.")
    parser.add_argument("--large", action="store_true", help="also dimensions 5 and 6")
    parser.add_argument("--quick", action="store_true", help="10^5 points, two short rounds, few ceilings")
    parser.add_argument("--gpu", action="store_true", help="JAX's own device, no pinning, more points")
    parser.add_argument("--sizes", default="", help="numbers of points, e.g. 1e4,1e5,1e6,1e7")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each peer at each number of points")
    parser.add_argument("--seconds", type=float, default=1.0, help="wall seconds of one round (3 calls at least)")
    parser.add_argument("--core", type=int, default=0, help="the processor of single-threaded peers")
    parser.add_argument("--cap", type=float, default=300.0, help="wall seconds for a generation or a round")
    parser.add_argument("--memory", type=float, default=10.0, help="resident GB for one process")
    parser.add_argument("--resume", action="store_true", help="keep the results there are, run what is missing")
    parser.add_argument("--note", default="", help="a line for RESULTS.md, e.g. 'preliminary: loaded machine'")
    parser.add_argument("--output", type=Path, default=HERE, help="folder of results.json and RESULTS.md")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds, arguments.seconds = 2, 0.3
    if arguments.gpu:
        arguments.memory = 100.0
    return arguments


def main() -> None:
    """Install, run, print the table, write results.json and RESULTS.md after every case."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    arguments = options()
    names = chosen(arguments.peers, [p.name for p in PEERS])
    peers = tuple(p for p in PEERS if p.name in names and (p.gpu or not arguments.gpu))
    if arguments.install:
        install([p.environment for p in peers], arguments.home)
        return
    path = arguments.output / "results.json"
    record: dict = {"results": {}, "ceilings": {}}
    if arguments.resume and path.exists():
        record = json.loads(path.read_text())
    record |= {"machine": machine(), "note": arguments.note, "rounds": arguments.rounds}
    record |= {"cap_seconds": arguments.cap, "memory_gb": arguments.memory}
    if not record["ceilings"]:
        for count in (1,) if arguments.gpu else (1, 2):
            cores = "" if arguments.gpu else processors(arguments.core, count)
            record["ceilings"][str(count)] = roofline.measure(cores, arguments.quick)
    known = [n for n, c in CASES.items() if arguments.large or not c.large]
    for name in chosen(arguments.cases, known):
        case, there = CASES[name], record["results"].setdefault(name, {})
        missing = tuple(p for p in peers if p.name not in there and (p.gradient or not case.gradient))
        if missing:
            there |= one_case(case, missing, arguments)
        path.write_text(json.dumps(record, indent=1) + "\n")
        (arguments.output / "RESULTS.md").write_text(markdown(record))
        print(table(record, name), flush=True)
    print("\nRoofline (per point)\n\n" + roofline_table(record))


if __name__ == "__main__":
    main()
