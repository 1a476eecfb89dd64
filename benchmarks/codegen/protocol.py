"""How a peer's process talks to `compare.py`: JSON lines both ways; whatever else is printed goes to stderr.

The process generates once and says `ready`; every line on stdin, `{"points": N, "seconds": s}`, is then answered by one
round of timings at N points. Rounds of different peers are interleaved, so that a load on the machine hits all alike.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

if "BENCH_CORES" in os.environ and hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {int(c) for c in os.environ["BENCH_CORES"].split(",")})

from cases import CASES, Case, packed

FEWEST, MOST = 3, 50  # calls of one round


def _as_it_is(answer):
    return answer


def _unknown() -> None:
    return None


@dataclass
class Peer:
    """A generated function: `call(*arguments)` returns when the result exists.

    `prepare` makes what the system computes on from the case and the number of points (not timed); `sample` brings an
    answer back to numpy in one of the shapes `cases.packed` accepts; `version` names the system; `work` is what the
    roofline needs to know; `cpu` counts the CPU seconds of processes of its own.
    """

    call: Callable[..., Any]
    prepare: Callable[[Case, int], tuple]
    version: str
    sample: Callable[[Any], Any] = _as_it_is
    work: Callable[[], dict | None] = _unknown
    cpu: Callable[[], float] = float


def clocks() -> tuple[float, float]:
    """CPU seconds (all threads) and wall seconds."""
    return time.process_time(), time.perf_counter()


def _round(peer: Peer, case: Case, points: int, seconds: float, state: dict) -> dict:
    """Timings of one round; the first call at a size (XLA compiles for each) is reported apart."""
    if state.get("points") != points:
        state.clear()  # the old arrays go before the new ones come
        state["points"], state["arguments"] = points, peer.prepare(case, points)
        cpu, wall = clocks()
        answer = peer.call(*state["arguments"])
        state["first"] = [b - a for a, b in zip((cpu, wall), clocks())]
        state["sample"] = packed(case, peer.sample(answer)).tolist()
    cpus, walls, deadline = [], [], time.perf_counter() + seconds
    while len(cpus) < FEWEST or (time.perf_counter() < deadline and len(cpus) < MOST):
        cpu, wall = clocks()
        elsewhere = peer.cpu()
        answer = peer.call(*state["arguments"])
        cpu, wall = (b - a for a, b in zip((cpu, wall), clocks()))
        cpu += peer.cpu() - elsewhere
        del answer
        cpus.append(cpu)
        walls.append(wall)
        if sum(walls) > 6 * seconds:
            break
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"first": state["first"], "cpu": cpus, "wall": walls, "peak_gb": peak / 1e6, "sample": state["sample"]}


def serve(generate: Callable[[Case, str], Peer]) -> None:
    """Run one peer: `python peer_x.py CASE SETTING`, commands on stdin."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def emit(event: str, **fields) -> None:
        out.write(json.dumps({"event": event} | fields) + "\n")

    case, setting = CASES[sys.argv[1]], sys.argv[2]
    cpu, wall = clocks()
    emit("started", start_cpu=cpu)
    peer = generate(case, setting)
    cpu, wall = (b - a for a, b in zip((cpu, wall), clocks()))
    emit("ready", generation=[cpu, wall], version=peer.version, work=peer.work())
    state: dict = {}
    for line in sys.stdin:
        command = json.loads(line)
        emit("round", **_round(peer, case, command["points"], command["seconds"], state))
        if command.get("release"):
            state.clear()
