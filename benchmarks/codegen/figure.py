"""The figure of results.json: points per CPU second of every system, case by case.

python benchmarks/codegen/figure.py [results.json] [docs/images/codegen]
"""

import json
import sys
from pathlib import Path

import matplotlib.pyplot as plt
from cases import CASES
from peers import PEERS

from geomflow.figures.style import PALETTE, TWO_COLUMNS, publication, save_figure

SHOWN = ("geomflow", "symengine", "lambdify", "sympy2jax", "einsum", "autodiff")
SHORT = {"lambdify": "lambdify, JAX", "symengine": "SymEngine LLVM", "autodiff": "nested jacfwd", "einsum": "einsum"}


def rate(record: dict) -> float | None:
    """Million points per CPU second at the smallest number of points, or None where it is wrong or missing."""
    sizes = record.get("sizes", {})
    if record.get("status") != "done" or not sizes:
        return None
    least = min(sizes, key=int)
    seconds = sizes[least].get("cpu")
    return int(least) / seconds / 1e6 if seconds else None


def draw(results: dict) -> plt.Figure:
    """One panel for each case, on a logarithmic axis, the numbers beside the bars."""
    cases = [name for name in CASES if name in results and not CASES[name].large]
    columns = 3
    rows = -(-len(cases) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(TWO_COLUMNS, 1.35 * rows), squeeze=False, layout="constrained")
    titles = {p.name: SHORT.get(p.name, p.title) for p in PEERS}
    for ax, name, letter in zip(axes.flat, cases, "abcdefgh", strict=False):
        found = [(titles[p], rate(results[name][p])) for p in SHOWN if p in results[name]]
        found = [(title, value) for title, value in found if value]
        for place, (title, value) in enumerate(found):
            ax.barh(place, value, color=PALETTE[0] if title == "geomflow" else "0.75", height=0.75)
            ax.text(value * 1.15, place, f"{value:#.2g}".rstrip("."), va="center", fontsize=6.5)
        ax.set_yticks(range(len(found)), [title for title, _ in found])
        ax.invert_yaxis()
        ax.set_xscale("log")
        ax.set_xlim(min(v for _, v in found) / 2, max(v for _, v in found) * 4)
        ax.tick_params(axis="y", length=0)
        title = CASES[name].title.replace("Σ w Ric", r"$\Sigma\,w\,\mathrm{Ric}$")
        ax.set_title(f"({letter}) {title}", loc="left", fontsize=7, x=-0.35)
    for ax in axes.flat[len(cases) :]:
        ax.remove()
    figure.supxlabel("million points per CPU second", fontsize=plt.rcParams["axes.labelsize"])
    return figure


if __name__ == "__main__":
    here = Path(__file__).parent
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else here / "results.json"
    stem = Path(sys.argv[2]) if len(sys.argv) > 2 else here.parents[1] / "docs" / "images" / "codegen"
    with publication():
        save_figure(draw(json.loads(source.read_text())["results"]), stem)
