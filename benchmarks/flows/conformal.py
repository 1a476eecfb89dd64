"""Ricci flow of a conformal metric on T², side by side: the Poisson solution, every side at an error of about 1e-7.

    python benchmarks/flows/conformal.py --install                 # once: dedalus, in its own environment
    taskset -c 0 python benchmarks/flows/conformal.py              # everything, on a quiet machine

Wave vector (1, 1), from s = 1 to s = 2 (t = .5), w between .46 and 2.2 at the beginning. One core, sides interleaved,
CPU seconds, best of the rounds; the first call, which compiles, stands apart. Writes conformal.json.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import scipy.fft
from scipy.integrate import solve_ivp

import geomflow
from geomflow.flows.conformal import ConformalTorusFlow
from geomflow.geometry.torus import Torus

sys.path.append(str(Path(__file__).parents[1]))
from common import HOME, Environment, install, machine, python

HERE = Path(__file__).parent
DEDALUS = Environment("dedalus", ("dedalus",), system="libfftw3-dev libfftw3-mpi-dev libopenmpi-dev openmpi-bin")
END, START, TOLERANCE = 0.5, 1.0, 1e-7
# dedalus has no error control; 50 steps give it 4e-6, 200 give it 8e-8
DEDALUS_STEPS = (50, 200)


class Case:
    """One grid size: the initial state, the exact one, and every side as a function that returns the final state."""

    def __init__(self, size):
        self.torus = Torus(2, size)
        x, y = np.asarray(self.torus.points)
        self.start, self.end = (np.sinh(s) / (np.cosh(s) + np.cos(x + y)) for s in (START, START + 2 * END))
        self.flow = ConformalTorusFlow(self.torus)
        self.symbol = -np.sum(self.torus.wave_numbers**2, axis=0) * self.torus.dealiased
        self.steps = {}
        self._tsit5 = jax.jit(self._diffrax)

    def geomflow(self, tolerance):
        """The flow's own default method."""
        solution = self.flow.run(jnp.asarray(self.start), END, rtol=tolerance, atol=tolerance)
        self.steps[f"geomflow {tolerance:g}"] = solution.steps
        return np.asarray(solution.require_completed("flow").last)

    def _diffrax(self, w):
        symbol = jnp.asarray(self.symbol)
        term = diffrax.ODETerm(lambda t, w, _: self.torus.inverse(symbol * self.torus.transform(jnp.log(w))))
        control = diffrax.PIDController(rtol=TOLERANCE, atol=TOLERANCE)
        run = diffrax.diffeqsolve(
            term, diffrax.Tsit5(), 0.0, END, 1e-5, w, stepsize_controller=control, max_steps=None, throw=False
        )
        return run.ys[-1], run.stats["num_steps"]

    def tsit5(self):
        """diffrax, explicit."""
        last, steps = self._tsit5(jnp.asarray(self.start))
        self.steps["diffrax Tsit5"] = int(steps)
        return np.asarray(last)

    def rk45(self):
        """SciPy, explicit."""
        shape, symbol = self.start.shape, self.symbol

        def rate(t, w):
            return scipy.fft.irfft2(symbol * scipy.fft.rfft2(np.log(w.reshape(shape))), s=shape).ravel()

        run = solve_ivp(rate, (0, END), self.start.ravel(), method="RK45", rtol=TOLERANCE, atol=TOLERANCE)
        self.steps["SciPy RK45"] = (run.nfev - 2) // 6
        return run.y[:, -1].reshape(shape)

    def timed(self, side, *arguments):
        """CPU seconds and error of one run."""
        begin = time.process_time()
        last = getattr(self, side)(*arguments)
        return {"seconds": time.process_time() - begin, "error": float(np.max(np.abs(last - self.end)))}


def sides(size):
    """The name of each side, its function and arguments."""
    ours = [(f"geomflow {tolerance:g}", "geomflow", tolerance) for tolerance in (TOLERANCE, 1e-5)]
    return [*ours, ("diffrax Tsit5", "tsit5"), ("SciPy RK45", "rk45")]


def compare(size, rounds, dedalus):
    """All sides on one grid, interleaved."""
    case, lines = Case(size), {}
    for count in range(rounds + 1):
        for name, side, *arguments in sides(size):
            if count == 0 and name == "SciPy RK45":
                continue  # nothing to compile
            found = case.timed(side, *arguments)
            line = lines.setdefault(name, {"first": found["seconds"], "seconds": []})
            line["error"], line["steps"] = found["error"], case.steps[name]
            if count:
                line["seconds"].append(found["seconds"])
            print(size, name, found, flush=True)
        for steps in DEDALUS_STEPS if dedalus and count else ():
            dedalus.stdin.write(f"{size} {steps}\n")
            dedalus.stdin.flush()
            found = json.loads(dedalus.stdout.readline())
            line = lines.setdefault(f"dedalus {steps} steps", {"first": found["seconds"], "seconds": []})
            line["error"], line["steps"] = found["error"], steps
            line["seconds"].append(found["seconds"])
            print(size, f"dedalus {steps}", found, flush=True)
    return [{"size": size, "name": name, "best": min(line["seconds"]), **line} for name, line in lines.items()]


def scaling(sizes, rounds):
    """CPU seconds per step of geomflow on each grid, fitted to a + b n log n, n the number of grid points."""
    cases = {size: Case(size) for size in sizes}
    best = dict.fromkeys(sizes, np.inf)
    for count in range(rounds + 1):
        for size, case in cases.items():
            found = case.timed("geomflow", TOLERANCE)
            if count:
                best[size] = min(best[size], found["seconds"] / case.steps[f"geomflow {TOLERANCE:g}"])
    points = np.array([size**2 for size in sizes], dtype=float)
    seconds = np.array([best[size] for size in sizes])
    scale = 1 / seconds  # relative residuals
    design = np.stack([np.ones_like(points), points * np.log(points)], axis=1)
    (overhead, slope), *_ = np.linalg.lstsq(design * scale[:, None], seconds * scale, rcond=None)
    exponent = np.polyfit(np.log(points[-3:]), np.log(seconds[-3:]), 1)[0]
    worst = float(np.max(np.abs(design @ [overhead, slope] / seconds - 1)))
    return {
        "seconds_per_step": {str(size): float(value) for size, value in zip(sizes, seconds, strict=True)},
        "steps": {str(size): case.steps[f"geomflow {TOLERANCE:g}"] for size, case in cases.items()},
        "overhead": float(overhead),
        "slope": float(slope),
        "worst_relative_residual": worst,
        "exponent_of_the_largest_three": float(exponent),
    }


def main():
    """Run all sides, and write conformal.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--install", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", default="64,128,256")
    parser.add_argument("--scaling", default="32,64,128,256,512")
    parser.add_argument("--home", type=Path, default=HOME)
    arguments = parser.parse_args()
    if arguments.install:
        install([DEDALUS], arguments.home)
        return
    geomflow.enable_x64()
    interpreter = python(DEDALUS, arguments.home)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_MAX_THREADS"), "1")
    dedalus = interpreter and subprocess.Popen(
        [interpreter, str(HERE / "conformal_dedalus.py")], env=os.environ | single, **pipes
    )
    lines = [line for size in arguments.sizes.split(",") for line in compare(int(size), arguments.rounds, dedalus)]
    if dedalus:
        dedalus.stdin.close()
        dedalus.wait()
    fitted = scaling([int(size) for size in arguments.scaling.split(",")], arguments.rounds)
    result = {"machine": machine(), "load": os.getloadavg(), "sides": lines, "scaling": fitted}
    (HERE / "conformal.json").write_text(json.dumps(result, indent=1) + "\n")
    for line in lines:
        size, name, best, error, steps = (line[key] for key in ("size", "name", "best", "error", "steps"))
        print(f"{size:4d}  {name:20s} {best:8.3f} s  error {error:.1e}  {steps} steps")
    print(json.dumps(fitted, indent=1))


if __name__ == "__main__":
    main()
