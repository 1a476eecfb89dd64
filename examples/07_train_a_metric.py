r"""A network is a metric on T², and gradient descent on ∫|Ric|² dV flattens it.

Run time: 40 s on two cores. Writes 07_train_a_metric.png.
Lesson: the narrower the network, the fewer directions it can move the metric in, and the more curvature is left.
"""

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import geomflow
from geomflow.figures.style import MARKERS, PALETTE, TWO_COLUMNS, panel_label, publication
from geomflow.flows.torus.generate import generated
from geomflow.flows.training.gradient_flow import GradientFlow, train
from geomflow.flows.training.losses import GridFunctional
from geomflow.geometry.torus import Torus
from geomflow.metrics import METRICS
from geomflow.networks import MetricNetwork, PeriodicCosNet
from geomflow.networks.metric_network import GridMetric

geomflow.enable_x64()

# %% Networks of three widths that start at the same metric, by g = exp S: positive definite for all times
torus = Torus(2, 16)
start, _ = METRICS["generic-t2"].sample(torus)
times = np.concatenate([[0.0], np.geomspace(0.003, 3, 10)])
runs = {}
for width in (16, 64, 256):
    network = PeriodicCosNet.sample(jax.random.key(1), width, dim=2, sigma=0.8, outputs=3, shared=True)
    metric = MetricNetwork(network, GridMetric(torus, start), "exp")
    runs[width] = train(GradientFlow(metric, GridFunctional(torus, "ricci-squared"), trained="all"), times)
    print(
        f"N = {width}: ∫|Ric|² from {runs[width].losses[0]:.4f} to {runs[width].losses[-1]:.5f}, {runs[width].reason}"
    )


# %%
def curvature(g):
    """Return the scalar curvature of a packed metric on the grid."""
    g = jnp.asarray(g).reshape(3, *torus.shape)
    return np.asarray(generated("scalar_curvature", 2)(g, *torus.jets(g))[0])


with publication():
    figure, axes = plt.subplots(1, 4, figsize=(TWO_COLUMNS, 1.9), layout="constrained", width_ratios=(1.5, 1, 1, 1))
    for (width, run), color, marker in zip(runs.items(), PALETTE, MARKERS, strict=False):
        axes[0].loglog(run.times[1:], run.losses[1:], color=color, marker=marker, label=f"$N = {width}$")
    axes[0].axhline(runs[16].losses[0], color="0.6", lw=0.6, ls="--")
    axes[0].set(xlabel="training time $t$", ylabel=r"$\int|\mathrm{Ric}|^2\,dV$")
    axes[0].legend(loc="lower left")
    panel_label(axes[0], "a")
    maps = [("start", curvature(start)), *((f"$N = {n}$", curvature(runs[n].metrics[-1])) for n in (16, 256))]
    limit = np.max(np.abs(maps[0][1]))
    for letter, ax, (title, field) in zip("bcd", axes[1:], maps, strict=True):
        image = ax.imshow(
            field.T, origin="lower", cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="bicubic",
            extent=(0, 2 * np.pi, 0, 2 * np.pi),
        )  # fmt: skip
        ax.set(title=title, xticks=[], yticks=[])
        panel_label(ax, letter)
    figure.colorbar(image, ax=axes[1:], label="$R$", shrink=0.8)
    figure.savefig("07_train_a_metric.png", dpi=300)
