"""What no other system of the comparison finishes: CPU seconds of geomflow alone, from strings to field elements.

python benchmarks/symbolic/large.py            # seconds
python benchmarks/symbolic/large.py --all      # and the Bach tensor of dt² + f(t)² h(x, y, z): a minute, 3 GB
"""

import sys
from time import process_time

from geomflow.metrics import SPACES
from geomflow.symbolic import Chart, ComplexChart, Kaehler, Metric


def general(coordinates, n):
    """Return the metric whose components are all unknown functions of all coordinates."""
    names = {f"g{i}{j}": coordinates for i in range(n) for j in range(i, n)}
    rows = [[f"g{min(i, j)}{max(i, j)}" for j in range(n)] for i in range(n)]
    return Metric(Chart(coordinates, functions=names), rows)


def warped(base, fibre):
    """Return base + f² fibre, block by block, over a chart given by its coordinates and functions."""
    (coordinates, functions, rows), block = base, fibre
    n, m = len(rows), len(block)
    full = [[*row, *[0] * m] for row in rows] + [[*[0] * n, *(f"f^2*({e})" for e in row)] for row in block]
    return Metric(Chart(coordinates, functions=functions), full)


def bianchi():
    """The contracted Bianchi identity of the general 3-metric."""
    assert general("x y z", 3).einstein().divergence().is_zero()


def bach_over_a_surface():
    """A general surface with a round 2-sphere warped over it."""
    surface = [["p", "q"], ["q", "s"]]
    functions = dict.fromkeys("pqsf", "x y")
    g = warped(("x y theta phi", functions, surface), [["1", "0"], ["0", "sin(theta)^2"]])
    assert not g.bach().is_zero()
    assert g.bach().trace().is_zero()


def bach_over_a_line():
    """A general 3-metric warped over a line."""
    functions = {f"h{i}{j}": "x y z" for i in range(3) for j in range(i, 3)} | {"f": "t"}
    block = [[f"h{min(i, j)}{max(i, j)}" for j in range(3)] for i in range(3)]
    g = warped(("t x y z", functions, [["1"]]), block)
    assert not g.bach().is_zero()


TASKS = {
    "contracted Bianchi identity of the general 3-metric, proved": bianchi,
    "Ricci of the general 4-metric, ten functions of four coordinates": lambda: general("t x y z", 4).ricci(),
    "Riemann and Ricci of CP³ in six real coordinates": lambda: SPACES["cp-3"].build().riemann(),
    "Riemann of CP³ from its potential": lambda: Kaehler(
        ComplexChart("z1 z2 z3"), "log(1 + abs2(z1, z2, z3))"
    ).riemann(),
    "Bach of a general surface × f² S²": bach_over_a_surface,
}

if __name__ == "__main__":
    if "--all" in sys.argv:
        TASKS["Bach of dt² + f(t)² h, six functions of three coordinates"] = bach_over_a_line
    for name, task in TASKS.items():
        before = process_time()
        task()
        print(f"{process_time() - before:8.3f} s  {name}", flush=True)
