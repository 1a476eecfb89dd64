r"""Ricci flow of left-invariant metrics on three Lie groups: the equations are derived, not typed.

Run time: 3 s on two cores. Writes 04_homogeneous_ricci_flow.png.
Lesson: SU(2) becomes round and shrinks, E(2) becomes flat, on Nil the fibre collapses; what the catalogue says is
conserved stays constant to rounding.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
import sympy as sp

from geomflow.figures.style import TWO_COLUMNS, panel_label, publication
from geomflow.metrics import SPACES

START, STEPS = np.array([1.0, 1.5, 2.5]), 4000
UNTIL = {"su-2": 0.3, "e-2": 2.0, "nil": 2.0}
TITLES = {"su-2": "SU(2)", "e-2": "E(2)", "nil": "Nil"}


# %% dA/dt = -2 Ric(e1, e1) and so on, with exact Ricci of the metric A, B, C
def velocity(space):
    ricci = space.metric.ricci()
    function = sp.lambdify(space.metric.chart.constants, [-2 * ricci[i, i] for i in range(3)])
    return lambda state: np.array(function(*state))


def integrated(speed, until):
    """Return the states of a Runge-Kutta integration of order four."""
    h, states = until / STEPS, [START]
    for _ in range(STEPS):
        y = states[-1]
        k1 = speed(y)
        k2 = speed(y + h / 2 * k1)
        k3 = speed(y + h / 2 * k2)
        states.append(y + h / 6 * (k1 + 2 * k2 + 2 * k3 + speed(y + h * k3)))
    return np.array(states)


# %%
runs = {}
for name, until in UNTIL.items():
    space = SPACES[name]
    assert all(finding.holds for finding in space.verify())
    runs[name] = integrated(velocity(space), until)
    line = f"{name:5s} A, B, C = {np.round(runs[name][-1], 4)} at t = {until}"
    for text in space.truths.get("conserved", ()):
        quantity = sp.lambdify(space.metric.chart.constants, space.metric.chart.parse(text))
        values = quantity(*runs[name].T)
        line += f"   {text} changes by {np.ptp(values) / abs(values[0]):.0e}"
    print(line)

# %%
with publication():
    figure, axes = plt.subplots(1, 3, figsize=(TWO_COLUMNS, 2.2), layout="constrained")
    for ax, letter, (name, states) in zip(axes, "abc", runs.items()):
        ax.plot(np.linspace(0, UNTIL[name], STEPS + 1), states, label=["$A$", "$B$", "$C$"])
        ax.set_xlabel("$t$")
        ax.set_ylabel(f"metric on {TITLES[name]}")
        ax.legend()
        panel_label(ax, letter)
    figure.savefig("04_homogeneous_ricci_flow.png")
