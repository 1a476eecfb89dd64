r"""A metric of your own: an infinitely wide network's flow tends to Ricci flow as its kernel narrows.

Run time: 15 s on two cores. Writes 01_sigma_to_zero.png.
Lesson: halving σ divides the error by four; extrapolating (4 g_{σ/2} - g_σ)/3 divides it by sixteen.
"""

# %%
import matplotlib.pyplot as plt

import geomflow
from geomflow.compare.trajectories import trajectory_study
from geomflow.figures.locality import plot_convergence
from geomflow.figures.style import COLUMN, publication
from geomflow.flows import DeTurckFlow
from geomflow.geometry.torus import Torus
from geomflow.metrics import torus_metric

geomflow.enable_x64()

# %% A bumpy torus, typed in
metric = torus_metric("bumpy", [["1 + cos(x)*cos(y)/4", "sin(x + y)/10"], ["sin(x + y)/10", "1 + sin(x)/5"]])
torus = Torus(dim=2, size=64)
g, _ = metric.sample(torus)

# %% The local flow and a ladder of kernel widths
study = trajectory_study(g, "DeTurck", DeTurckFlow(torus), widths=(0.8, 0.4, 0.2, 0.1), times=0.2)
print("orders    ", "  ".join(f"{order:.3f}" for order in study.orders))
print("Richardson", "  ".join(f"{order:.3f}" for order in study.extrapolated_orders))

# %%
with publication():
    figure, ax = plt.subplots(figsize=(COLUMN, 2.6), layout="constrained")
    plot_convergence({"deturck": vars(study)}, ax)
    figure.savefig("01_sigma_to_zero.png")
