"""The empirical tangent kernel, side by side: every way to compute it, in processes of their own, rounds interleaved.

    python benchmarks/networks/compare.py --install     # once: the archived library in its own environment
    python benchmarks/networks/compare.py               # everything, on a quiet machine

32 points, an erf network of three hidden layers, float64, on one core (`--cores 0,1` for more).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parents[1]))
from common import HOME, Environment, install, machine, python

HERE = Path(__file__).parent
# The last release of the archived library, and the last JAX on which it imports.
ARCHIVED = Environment("neural-tangents", ("neural-tangents==0.6.5", "jax==0.4.25", "jaxlib==0.4.25", "numpy<2"))

LINES = [
    ("geomflow structured", 4096),
    ("geomflow structured", 2048),
    ("geomflow vector-products", 2048),
    ("geomflow jacobian", 2048),
    ("jax jacobian", 2048),
    ("neural-tangents structured", 2048),
    ("neural-tangents vector-products", 2048),
    ("neural-tangents jacobian", 2048),
]


def started(name: str, width: int, arguments: argparse.Namespace) -> subprocess.Popen | None:
    """A worker, or None where its environment is missing."""
    own = name.startswith("neural-tangents")
    interpreter = (
        arguments.archived if own and arguments.archived else python(ARCHIVED if own else None, arguments.home)
    )
    if interpreter is None:
        return None
    environment = os.environ | {"BENCH_CORES": arguments.cores, "JAX_PLATFORMS": "cpu"}
    return subprocess.Popen(
        [interpreter, "-W", "ignore", str(HERE / "worker.py"), name, str(width)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )


def answer(process: subprocess.Popen) -> dict | None:
    """The next line of a worker, or None if it died."""
    line = process.stdout.readline()
    return json.loads(line) if line else None


def main() -> None:
    """Run all lines, and write results.json and RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--install", action="store_true")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--cores", default="0")
    parser.add_argument("--home", type=Path, default=HOME)
    parser.add_argument("--archived", default=None, help="the Python of an environment that has neural-tangents")
    arguments = parser.parse_args()
    if arguments.install:
        install([ARCHIVED], arguments.home)
        return
    workers, results = {}, []
    for line in LINES:  # one after the other, so that no compilation disturbs another
        process = started(*line, arguments)
        first = answer(process) if process else None
        print(*line, first and f"first call {first['first']:.1f} s", flush=True)
        results.append({"name": line[0], "width": line[1], "first": first, "rounds": []})
        if first:
            workers[line] = (process, results[-1]["rounds"])
    for _ in range(arguments.rounds):
        for process, rounds in workers.values():
            process.stdin.write("\n")
            process.stdin.flush()
            rounds.append(answer(process))
    for process, _ in workers.values():
        process.stdin.close()
        process.wait()
    (HERE / "results.json").write_text(
        json.dumps({"machine": machine(), "cores": arguments.cores, "lines": results}, indent=1)
    )
    text = report(results, arguments.cores)
    (HERE / "RESULTS.md").write_text(text)
    print(text)


def median(line: dict, what: str) -> float:
    """Median over the rounds."""
    return statistics.median(r[what] for r in line["rounds"])


def report(results: list[dict], cores: str) -> str:
    """A table, and the ratios that count."""
    rows = ["| way | width | CPU s | wall s | peak GB | largest deviation |", "| --- | --- | --- | --- | --- | --- |"]
    done = [line for line in results if line["rounds"]]
    truth = {line["width"]: np.array(line["first"]["sample"]) for line in done if line["name"] == "jax jacobian"}
    for line in results:
        if not line["rounds"]:
            rows.append(f"| {line['name']} | {line['width']} | not installed | | | |")
            continue
        exact = truth.get(line["width"])
        off = "" if exact is None else f"{np.max(np.abs(np.array(line['first']['sample']) / exact - 1)):.0e}"
        cpu, wall, peak = (median(line, what) for what in ("cpu", "wall", "peak_gb"))
        rows.append(f"| {line['name']} | {line['width']} | {cpu:.3f} | {wall:.3f} | {peak:.2f} | {off} |")
    ours = next(line for line in done if (line["name"], line["width"]) == LINES[0])
    ratios = [
        f"- width 4096 by structured derivatives against width 2048 by `{line['name']}`: "
        f"{median(line, 'cpu') / median(ours, 'cpu'):.1f} times faster"
        for line in done
        if line["name"].endswith("jacobian")
    ]
    head = f"Empirical tangent kernel, 32 points, three hidden layers, erf, float64, cores {cores}; medians.\n"
    return "\n".join(["# Results", "", head, *rows, "", *ratios, ""])


if __name__ == "__main__":
    main()
