r"""Ten million points in the memory of one block: Gauss-Bonnet on an ellipsoid by Monte Carlo, over all devices.

Run time: 5 s on two cores. Writes 05_many_devices.png.
Lesson: a stream's error bar is honest: it shrinks like 1/√N, and 2πχ = 4π stays within a few of it.
"""

# %%
import os

# before JAX starts: on a CPU, two cores as two devices
os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=2")

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import geomflow
from geomflow.batch import Uniform, device_mesh, histogram, mean, stream
from geomflow.figures.style import COLUMN, publication

geomflow.enable_x64()
BOX = [0.0, 0.0], [np.pi, 2 * np.pi]
AREA = 2 * np.pi**2  # of the box of angles


# %% The ellipsoid of revolution (a sin θ cos φ, a sin θ sin φ, c cos θ)
def gauss_bonnet(x, a, c):
    """Return K and K √det g (times the area of the box, so that its mean is the integral) at the points (θ, φ)."""
    stretch = a**2 * jnp.cos(x[0]) ** 2 + c**2 * jnp.sin(x[0]) ** 2
    curvature = c**2 / stretch**2
    return {"K": curvature, "KdA": AREA * curvature * a * jnp.sin(x[0]) * jnp.sqrt(stretch)}


# %% Ever more points; the program is the same, and so is its memory
counts = [10**k for k in range(3, 8)]
kept = {"mean": mean, "bins": histogram(0.0, 4.5, 45)}
found = [stream(gauss_bonnet, Uniform(*BOX, seed=7), n, reduce=kept, parameters={"a": 0.8, "c": 1.3}) for n in counts]
print(f"{device_mesh().size} devices")
for n, result in zip(counts, found, strict=True):
    integral = result["mean"]["KdA"]
    distance = abs(integral.mean - 4 * np.pi) / integral.error
    print(f"{n:>9} points: {integral.mean:.5f} ± {integral.error:.5f}, {distance:.1f} error bars from 4π")

# %%
with publication():
    figure, (left, right) = plt.subplots(1, 2, figsize=(2 * COLUMN, 2.4), layout="constrained")
    integrals = [result["mean"]["KdA"] for result in found]
    left.loglog(counts, [m.error for m in integrals], label="error bar")
    left.loglog(counts, [abs(m.mean - 4 * np.pi) for m in integrals], "o", label=r"$|\int K\,dA - 4\pi|$")
    left.loglog(counts, 2 * integrals[0].error * np.sqrt(counts[0] / np.array(counts)), "k:", label=r"$N^{-1/2}$")
    left.set(xlabel="points $N$", ylabel=r"error of $\int K\,dA$")
    left.legend()
    bins = found[-1]["bins"]["K"]
    right.stairs(bins.counts / counts[-1], bins.edges, fill=True)
    right.set(xlabel="Gauss curvature $K$", ylabel="fraction of the points", xlim=(0, 4.5))
    figure.savefig("05_many_devices.png")
