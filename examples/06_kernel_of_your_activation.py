r"""From an activation as an expression to the exact kernel of the infinitely wide network, beside finite ones.

Run time: 20 s on two cores. Writes 06_kernel_of_your_activation.png.
Lesson: an activation of one's own costs one line; finite networks scatter about its kernel like N^(-1/2).
"""

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import geomflow
from geomflow.figures.style import MARKERS, PALETTE, TWO_COLUMNS, panel_label, publication
from geomflow.kernels import FullyConnected
from geomflow.networks import MLP, empirical_ntk
from geomflow.symbolic.kernels.duals import derive_dual
from geomflow.symbolic.kernels.duals.certify import certify

geomflow.enable_x64()

# %% Derive and certify
activations = {
    "erf": "erf(u)",
    "ReLU": "Max(0, u)",
    "GELU": "u*(1 + erf(u/sqrt(2)))/2",
    "mine": "cos(2*u)*exp(-u**2/4)",
}
for label, expression in activations.items():
    found = derive_dual(expression)
    print(f"{label}: K = {found.kernel}")
    print(f"    {certify(found)}")

# %% The NTK of two hidden layers on the circle, and networks of two widths
angles = np.linspace(0, np.pi, 60)
circle = jnp.asarray(np.stack([np.cos(angles), np.sin(angles)], axis=1)) * np.sqrt(2)
chosen = np.arange(0, 60, 6)
with publication():
    figure, axes = plt.subplots(1, 2, figsize=(TWO_COLUMNS, 2.5), layout="constrained")
    for (label, expression), color in zip(activations.items(), PALETTE, strict=False):
        row = FullyConnected(expression, hidden=2, sigma_b=0.1).matrix(circle[:1], circle)[0]
        axes[0].plot(angles, row / row[0], color=color, label=label)
    axes[0].set(xlabel=r"angle $\theta$", ylabel=r"$\Theta(\theta)\,/\,\Theta(0)$")
    axes[0].legend()

    exact = FullyConnected(activations["mine"], hidden=2, sigma_b=0.1).matrix(circle[:1], circle)[0]
    axes[1].plot(angles, exact, color="black", label=r"$N = \infty$")
    for width, color, marker in zip((32, 1024), PALETTE, MARKERS, strict=False):
        draw = jax.jit(
            lambda key, width=width: empirical_ntk(
                MLP(key, (2, width, width, 1), activations["mine"], sigma_b=0.1), circle[:1], circle[chosen]
            )[0, :, 0, 0]
        )
        theta = np.asarray(jax.lax.map(draw, jax.random.split(jax.random.key(0), 16)))
        axes[1].errorbar(
            angles[chosen], theta.mean(0), theta.std(0), color=color, fmt=marker, capsize=2, label=f"$N = {width}$"
        )
    axes[1].set(xlabel=r"angle $\theta$", ylabel=r"$\Theta(\theta)$ of $\cos(2u)\,e^{-u^2/4}$")
    axes[1].legend()
    for letter, ax in zip("ab", axes, strict=True):
        panel_label(ax, letter)
    figure.savefig("06_kernel_of_your_activation.png", dpi=300)
