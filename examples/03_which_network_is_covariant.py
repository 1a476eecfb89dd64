r"""Which parametrisations of a metric by networks can have Ricci flow as their local limit?

Run time: 10 s on two cores. Writes 03_which_network_is_covariant.png.
Lesson: the covariance defect grows with the anisotropy of the metric for every parametrisation but the framed ones.
"""

# %%
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import geomflow
from geomflow.figures.style import COLUMN, MARKERS, PALETTE, publication
from geomflow.networks import PARAMETRISATIONS
from geomflow.networks.metric_ntk import covariance_defect, local_form

geomflow.enable_x64()

# %% Metrics with eigenvalues 1, √κ, κ, turned by a fixed rotation
rotation, _ = np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))
conditions = np.geomspace(1.02, 64, 9)
defects = {}
for name, parametrisation in PARAMETRISATIONS.items():
    metrics = [jnp.asarray(rotation @ np.diag([1, np.sqrt(c), c]) @ rotation.T) for c in conditions]
    defects[name] = [float(covariance_defect(local_form(parametrisation.jacobian(g)), g)) for g in metrics]
    print(f"{name:20s}" + "  ".join(f"{value:.3f}" for value in defects[name]))

# %%
with publication():
    figure, ax = plt.subplots(figsize=(COLUMN, 2.8), layout="constrained")
    for (name, values), color, marker in zip(defects.items(), PALETTE, MARKERS, strict=True):
        if max(values) > 1e-10:
            ax.loglog(conditions, values, marker=marker, color=color, label=name)
    vanishing = [name for name, values in defects.items() if max(values) <= 1e-10]
    ax.set(xlabel=r"condition number of $g$", ylabel="covariance defect", title=f"zero: {', '.join(vanishing)}")
    ax.legend()
    figure.savefig("03_which_network_is_covariant.png")
