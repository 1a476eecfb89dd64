"""Kernels of infinitely wide networks, side by side: NTK of three hidden layers, erf and ReLU, on 2000 x 2000 points.

    python -m venv ENV && ENV/bin/pip install "jax==0.4.25" "jaxlib==0.4.25" "numpy<2" "scipy<1.13" neural-tangents
    python benchmarks/kernels/compare.py --peer ENV/bin/python

Sides: geomflow (x against itself, and against a copy), the covariance form written by hand in jnp and fused by XLA,
neural-tangents under jit. Each side is a process of its own on one core; their calls are interleaved, so that a load on
the machine hits all alike. Medians of CPU and of wall seconds. Memory is what a call, once compiled, adds to the peak
of its process.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SIDES = ("geomflow", "geomflow, x and y", "hand-written", "neural-tangents")


class Side:
    """A process that answers numbers of points with timings."""

    def __init__(self, name, activation, core, peer):
        script, python = ("theirs.py", peer) if name == "neural-tangents" else ("ours.py", sys.executable)
        self.answers = []
        self.process = subprocess.Popen(
            [python, "-W", "ignore", str(HERE / script), name, activation],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=HERE,
            env=os.environ | {"BENCH_CORES": str(core), "JAX_PLATFORMS": "cpu", "OMP_NUM_THREADS": "1"},
        )

    def ask(self, count):
        """One call."""
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        self.answers.append(json.loads(self.process.stdout.readline()))

    def close(self):
        """End it."""
        self.process.stdin.close()
        self.process.wait()


def measure(activation, arguments):
    """The table's numbers for one activation."""
    names = [name for name in SIDES if name != "neural-tangents" or arguments.peer]
    sides = {name: Side(name, activation, arguments.core, arguments.peer) for name in names}
    for _ in range(arguments.rounds + 1):
        for side in sides.values():
            side.ask(arguments.points)
    found = {}
    truth = sides["hand-written"].answers[0]["sample"]
    for name, side in sides.items():
        side.close()
        warm = side.answers[1:]
        found[name] = {
            "first": side.answers[0]["cpu"],
            **{kind: statistics.median(a[kind] for a in warm) for kind in ("cpu", "wall")},
            "cpu_least": min(a["cpu"] for a in warm),
            "doubles": max(a["peak"] for a in warm) / (8 * arguments.points**2),
            "deviation": max(abs(a / b - 1) for a, b in zip(warm[0]["sample"], truth)),
        }
    return found


def markdown(record):
    """RESULTS.md."""
    lines = [
        "# Kernels of infinitely wide networks",
        "",
        f"NTK of three hidden layers on {record['points']} x {record['points']} points, d = 10, float64, one core; "
        f"medians of {record['rounds']} interleaved calls. {record['note']}",
        "Memory is what a call, once compiled, adds to the peak, in units of the matrix, n² doubles.",
        "",
        "| activation | side | CPU s | least CPU s | wall s | CPU / by hand | memory / n² doubles | first call s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for activation, found in record["results"].items():
        for name, row in found.items():
            ratio = row["cpu"] / found["hand-written"]["cpu"]
            times = " | ".join(f"{row[kind]:.3f}" for kind in ("cpu", "cpu_least", "wall"))
            lines.append(
                f"| {activation} | {name} | {times} | {ratio:.2f} | {row['doubles']:.1f} | {row['first']:.1f} |"
            )
    return "\n".join([*lines, "", f"{record['machine']}. Made by `benchmarks/kernels/compare.py`.", ""])


def main():
    """Measure, write results.json and RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--peer", default="", help="the Python that has neural-tangents; without, that side is left out"
    )
    parser.add_argument("--points", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--note", default="", help="a line for RESULTS.md")
    parser.add_argument("--output", type=Path, default=HERE, help="folder of results.json and RESULTS.md")
    arguments = parser.parse_args()
    record = {"points": arguments.points, "rounds": arguments.rounds, "note": arguments.note}
    record["machine"] = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    record["results"] = {activation: measure(activation, arguments) for activation in ("erf", "relu")}
    (arguments.output / "results.json").write_text(json.dumps(record, indent=1) + "\n")
    text = markdown(record)
    (arguments.output / "RESULTS.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
