"""Ricci-DeTurck flow of all components on T^3: geomflow's default stepping against SciPy, on the same right-hand side.

    taskset -c 0 python benchmarks/flows/tensor.py --size 32            # the comparison; writes tensor.json beside it
    taskset -c 0 python benchmarks/flows/tensor.py --growth 16 24 32 48 # cost of geomflow alone against grid size
    python benchmarks/flows/tensor.py --growth 64 96 128                # the same on a GPU (wall time counts there)

The metric is `generic-t3`, the final time 1 (one decay time of the longest waves). SciPy calls the compiled right-hand
side that geomflow uses. Errors are those of the stepping, in the maximum norm, against geomflow's explicit method at
1e-12; the error of the grid is measured against one of 3/2 its size. Of each side the cheapest run counts that reaches
the target, best of three, sides interleaved, CPU seconds, compilation not counted. SciPy's implicit solvers
want the Jacobian as a dense matrix, 309 GB at 32^3.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
from scipy.integrate import solve_ivp

import geomflow
from geomflow.flows import DeTurckFlow
from geomflow.flows.solve import Explicit
from geomflow.flows.torus.generate import generated
from geomflow.geometry.torus import Torus
from geomflow.metrics import METRICS

TIME, TARGET, ROUNDS = 1.0, 1e-7, 3
LADDER = (1e-4, 1e-5, 3e-6, 1e-6, 3e-7, 1e-7, 3e-8, 1e-8)


def start(size: int) -> tuple[DeTurckFlow, Any]:
    """Flow and initial metric on a grid."""
    torus = Torus(3, size)
    return DeTurckFlow(torus), torus.dealias(METRICS["generic-t3"].sample(torus)[0])


def sides(flow: DeTurckFlow, g: Any) -> dict[str, Any]:
    """Name -> function of the tolerance that returns (final metric, evaluations)."""
    rhs = jax.jit(lambda y: flow(0.0, y.reshape(g.shape)).ravel())
    rhs(g.ravel()).block_until_ready()

    def scipy(method: str):
        def run(rtol: float) -> tuple[np.ndarray, int]:
            found = solve_ivp(
                lambda t, y: np.asarray(rhs(y)),
                (0, TIME),
                np.asarray(g).ravel(),
                method=method,
                rtol=rtol,
                atol=rtol / 10,
            )
            return found.y[:, -1].reshape(g.shape), found.nfev

        return run

    def ours(method: Any, stages: int):
        def run(rtol: float) -> tuple[np.ndarray, int]:
            found = flow.run(g, TIME, rtol=rtol, atol=rtol / 10, method=method).require_completed("flow")
            return np.asarray(found.last), stages * found.steps + 1

        return run

    return {
        "geomflow (exponential)": ours(None, 4),
        "geomflow (Tsit5)": ours(Explicit(), 6),
        **{f"SciPy {name}": scipy(name) for name in ("RK45", "RK23", "DOP853")},
    }


def timed(call: Any) -> tuple[Any, float, float]:
    """What a call returns, its CPU and its wall time."""
    cpu, wall = time.process_time(), time.perf_counter()
    found = call()
    return found, time.process_time() - cpu, time.perf_counter() - wall


def compare(size: int) -> dict[str, Any]:
    """The cheapest run of each side that reaches the target, timed."""
    flow, g = start(size)
    finest = flow.run(g, TIME, rtol=1e-12, atol=1e-13, method=Explicit()).require_completed("reference")
    reference = np.asarray(finest.last)
    chosen: dict[str, dict[str, Any]] = {}
    runs = sides(flow, g)
    for name, run in runs.items():
        for rtol in LADDER:
            found, evaluations = run(rtol)
            error = float(np.max(np.abs(found - reference)))
            print(f"{name:24s} rtol {rtol:.0e}  evaluations {evaluations:5d}  error {error:.1e}", flush=True)
            if error <= TARGET:
                chosen[name] = {"rtol": rtol, "evaluations": evaluations, "error": error, "cpu": [], "wall": []}
                break
    for _ in range(ROUNDS):
        for name, record in chosen.items():
            _, cpu, wall = timed(lambda name=name, record=record: runs[name](record["rtol"]))
            record["cpu"].append(cpu)
            record["wall"].append(wall)
    ours = min(chosen["geomflow (exponential)"]["cpu"])
    for name, record in chosen.items():
        record["ratio"] = min(record["cpu"]) / ours
        print(f"{name:24s} {min(record['cpu']):8.3f} s CPU  error {record['error']:.1e}  ratio {record['ratio']:.1f}")
    return {"size": size, "target": TARGET, "time": TIME, "sides": chosen, "grid_error": grid_error(size, reference)}


def grid_error(size: int, found: np.ndarray) -> float:
    """The largest difference from a grid of 3/2 the size, at the points both have."""
    flow, g = start(3 * size // 2)
    fine = np.asarray(flow.run(g, TIME, rtol=1e-9, atol=1e-10).require_completed("fine grid").last)
    every = np.s_[:, ::3, ::3, ::3], np.s_[:, ::2, ::2, ::2]
    return float(np.max(np.abs(fine[every[0]] - found[every[1]])))


def pieces(size: int) -> dict[str, float]:
    """CPU seconds of one right-hand side and of its parts."""
    flow, g = start(size)
    torus = flow.torus
    jets = jax.jit(flow.jets)
    calls = {
        "right-hand side": (jax.jit(lambda y: flow(0.0, y)), (g,)),
        "derivatives": (jets, (g,)),
        "derivatives by transforms": (jax.jit(torus.jets), (g,)),
        "pointwise": (jax.jit(lambda y, a, b: generated("deturck_velocity", 3)(y, a, b)), (g, *jets(g))),
        "dealiasing": (jax.jit(torus.dealias), (g,)),
    }
    found = {}
    for name, (call, arguments) in calls.items():
        jax.block_until_ready(call(*arguments))
        found[name] = min(timed(lambda c=call, a=arguments: jax.block_until_ready(c(*a)))[1] for _ in range(5))
        print(f"  {name:26s} {1e3 * found[name]:8.2f} ms")
    return found


def growth(sizes: list[int]) -> dict[str, Any]:
    """Cost of a run and of a right-hand side against the number of points: the fitted exponent."""
    rows = []
    for size in sizes:
        flow, g = start(size)
        options = {"rtol": 1e-6, "atol": 1e-7}
        flow.run(g, TIME, **options)
        found, cpu, wall = timed(lambda f=flow, y=g, o=options: f.run(y, TIME, **o))
        rhs = jax.jit(lambda y, f=flow: f(0.0, y))
        jax.block_until_ready(rhs(g))
        one = min(timed(lambda r=rhs, y=g: jax.block_until_ready(r(y)))[2] for _ in range(3))
        rows.append({"size": size, "steps": found.steps, "cpu": cpu, "wall": wall, "right-hand side": one})
        print(
            f"{size:4d}^3  {found.steps:3d} steps  {cpu:8.2f} s CPU  {wall:8.2f} s wall  {1e3 * one:8.1f} ms",
            flush=True,
        )
    points = np.log([row["size"] ** 3 for row in rows])
    exponent = float(np.polyfit(points, np.log([row["wall"] for row in rows]), 1)[0]) if len(rows) > 1 else None
    return {"device": jax.devices()[0].device_kind, "rows": rows, "exponent": exponent}


def main() -> None:
    """Run what was asked for and save it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--growth", type=int, nargs="+")
    chosen = parser.parse_args()
    geomflow.enable_x64()
    path = Path(__file__).with_suffix(".json")
    saved = json.loads(path.read_text()) if path.exists() else {}
    if chosen.growth:
        found = growth(chosen.growth)
        saved[f"growth on {found['device']}"] = found
    else:
        print("One right-hand side:")
        saved["pieces"] = {"size": chosen.size, **pieces(chosen.size)}
        saved["comparison"] = compare(chosen.size)
        print(f"error of the grid: {saved['comparison']['grid_error']:.1e}")
    path.write_text(json.dumps(saved, indent=1) + "\n")


if __name__ == "__main__":
    main()
