"""The dedalus side of `conformal.py`: the same equation, semi-implicit, a fixed number of steps for each line read.

reads   "size steps"
writes  {"seconds": CPU seconds of the steps, "error": largest error at the end}
"""

import json
import logging
import sys
import time

import dedalus.public as d3
import numpy as np

END, START = 0.5, 1.0
logging.disable(logging.INFO)


def exact(t, x, y):
    """The Poisson solution of wave vector (1, 1)."""
    s = START + 2 * t
    return np.sinh(s) / (np.cosh(s) + np.cos(x + y))


def run(size, steps):
    """Integrate with RK443, the diffusion of the smallest w implicit; return CPU seconds and the error."""
    coordinates = d3.CartesianCoordinates("x", "y")
    distributor = d3.Distributor(coordinates, dtype=np.float64)
    bases = [d3.RealFourier(coordinates[i], size=size, bounds=(0, 2 * np.pi), dealias=3 / 2) for i in "xy"]
    x, y = distributor.local_grids(*bases)
    w = distributor.Field(name="w", bases=tuple(bases))
    nu = 0.65 / np.min(exact(0, x, y))
    problem = d3.IVP([w], namespace={"w": w, "nu": nu, "lap": d3.lap, "log": np.log})
    problem.add_equation("dt(w) - nu*lap(w) = lap(log(w)) - nu*lap(w)")
    solver = problem.build_solver(d3.RK443)
    w["g"] = exact(0, x, y)
    begin = time.process_time()
    for _ in range(steps):
        solver.step(END / steps)
    seconds = time.process_time() - begin
    w.change_scales(1)
    return {"seconds": seconds, "error": float(np.max(np.abs(w["g"] - exact(END, x, y))))}


for line in sys.stdin:
    print(json.dumps(run(*map(int, line.split()))), flush=True)
