r"""Ricci flow of left-invariant metrics on Lie groups: the equations are derived, not typed.

Run time: 30 s on two cores. Writes 04_homogeneous_ricci_flow.png and 04_phase_portraits.png.
Lesson: SU(2) becomes round and shrinks, E(2) becomes flat, on Nil the fibre collapses; exact solutions by elliptic
integrals are met to ten digits; any frame can be typed, and a diagonal ansatz that does not last is refused.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import geomflow
from geomflow.core.errors import ArgumentError
from geomflow.figures.phase import draw_portraits
from geomflow.figures.style import TWO_COLUMNS, panel_label, publication
from geomflow.flows.homogeneous import DiagonalFlow, InvariantFlow
from geomflow.flows.homogeneous.darboux_halphen import DarbouxHalphen
from geomflow.flows.homogeneous.portrait import portrait
from geomflow.symbolic.charts.lie_groups import LieAlgebra

geomflow.enable_x64()
START = np.array([1.0, 1.5, 2.5])
UNTIL = {"su2": 0.39, "e2": 2.0, "nil": 2.0}
TITLES = {"su2": "SU(2)", "e2": "E(2)", "nil": "Nil", "sol": "Sol", "sl2r": r"SL(2, $\mathbb{R}$)"}

# %% What is integrated is derived by the symbolic engine
for name in UNTIL:
    for entry, rate in DiagonalFlow(name).equations().items():
        print(f"{name:5s} d{entry}/dt = {rate}")

# %% Three fates
runs = {}
for name, until in UNTIL.items():
    flow = DiagonalFlow(name)
    runs[name] = flow.run(START, np.linspace(0, until, 81), rtol=1e-11, atol=1e-13)
    ends = "" if flow.extinction(START) is None else f", extinct at t = {flow.extinction(START):.10f}"
    print(f"{name:5s} A, B, C = {np.round(runs[name].last, 4)} at t = {until}{ends}")

# %% SU(2) with three different axes is solved by elliptic integrals
exact = DarbouxHalphen(*sorted(START, reverse=True))
error = np.max(np.abs(runs["su2"].last / exact.at(UNTIL["su2"])[::-1] - 1))
print(f"SU(2) against elliptic integrals: {error:.0e}")
assert error < 1e-9

# %% A frame of one's own: this one does not keep diagonal metrics diagonal
typed = LieAlgebra.from_coframe(["0", "w1*w2", "w1*w2 + w1*w3"])
try:
    DiagonalFlow(typed)
except ArgumentError as refusal:
    print(refusal)
full = InvariantFlow(typed)
print("full flow, t = 1:", np.round(full.matrix(full.run(full.pack(np.eye(3)), 1.0).last), 4).tolist())

# %%
with publication():
    figure, axes = plt.subplots(1, 3, figsize=(TWO_COLUMNS, 2.2), layout="constrained")
    for ax, letter, (name, solution) in zip(axes, "abc", runs.items()):
        ax.plot(solution.times, solution.states, label=["$A$", "$B$", "$C$"])
        ax.set_xlabel("$t$")
        ax.set_ylabel(f"metric on {TITLES[name]}")
        ax.legend()
        panel_label(ax, letter)
    figure.savefig("04_homogeneous_ricci_flow.png")

# %% The shapes A : B : C, from any left-invariant metric to its end
with publication():
    figure = draw_portraits({TITLES[name]: portrait(name) for name in ("su2", "e2", "sol", "sl2r")})
    figure.savefig("04_phase_portraits.png")
