r"""Does F increase along a network's flow? Yes if its kernel is positive; along a smeared velocity it need not."""

from __future__ import annotations

from dataclasses import dataclass

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from geomflow.flows import FixedMeasureFlow, NetworkFlow
from geomflow.flows.torus.network import descent_source
from geomflow.geometry.packed import pack, unpack
from geomflow.geometry.torus import Torus
from geomflow.kernels.operator import cos_net_multiplier

# The networks whose flow is tested; "smeared" is K_σ applied to -2(Ric + Hess f), which is no network's flow.
NETWORKS = ("independent", "vielbein")


@dataclass(frozen=True)
class MonotonicityStudy:
    r"""dF/dt at the start of a flow, over random metrics and measures.

    Attributes:
        sigma: kernel width.
        samples: number of metrics.
        violations: per flow, how often dF/dt < 0.
        lowest: per flow, the lowest dF/dt relative to that of the local flow.
    """

    sigma: float
    samples: int
    violations: dict[str, int]
    lowest: dict[str, float]


def random_metric(
    torus: Torus, seed: int, modes: int = 6, amplitude: float = 0.35
) -> tuple[Float[Array, "P *grid"], Float[Array, "*grid"]]:
    r"""Return a rough random metric AᵀA + 0.1 and measure density, with flat spectra up to the wave number `modes`.

    Args:
        torus: the grid.
        seed: of NumPy's generator.
        modes: largest wave number in each direction.
        amplitude: root mean square of the entries of A - 1, and of log m.
    """
    generator = np.random.default_rng(seed)
    n = torus.dim
    noise = jnp.asarray(generator.standard_normal((n * n + 1, *torus.shape)))
    band = np.all(np.abs(torus.wave_numbers) <= modes, axis=0)
    fields = torus.multiply(noise, band)
    fields = amplitude * fields / jnp.sqrt(jnp.mean(fields**2, axis=torus.axes, keepdims=True))
    factor = jnp.moveaxis(fields[:-1].reshape(n, n, *torus.shape), (0, 1), (-2, -1)) + jnp.eye(n)
    return pack(jnp.swapaxes(factor, -1, -2) @ factor + 0.1 * jnp.eye(n)), jnp.exp(fields[-1])


def monotonicity_study(torus: Torus, sigma: float, samples: int = 60) -> MonotonicityStudy:
    r"""Evaluate dF/dt = ∫ (δF/δg_ij) V_ij dx for the kernel flows of `NETWORKS` and for the smeared velocity.

    A kernel flow has V = Θ δF/δg with Θ symmetric and positive, so dF/dt = ∫∫ δF/δg Θ δF/δg >= 0.

    Args:
        torus: the grid.
        sigma: kernel width.
        samples: number of random metrics.

    Raises:
        ResolutionError: the grid does not carry sigma.
    """
    multiplier = cos_net_multiplier(torus, sigma)

    @eqx.filter_jit
    def rates(g: Array, measure: Array) -> dict[str, Array]:
        flows = {name: NetworkFlow(torus, multiplier, measure=measure, parametrisation=name) for name in NETWORKS}
        local = FixedMeasureFlow(torus, measure=measure).velocity(g)
        velocities = {"local": local, "smeared": torus.multiply(local, multiplier)}
        velocities |= {name: flow.velocity(g) for name, flow in flows.items()}
        source = descent_source(torus, measure, g)
        return {name: torus.integrate(jnp.sum(source * unpack(v), axis=(-2, -1))) for name, v in velocities.items()}

    found = [rates(*random_metric(torus, seed)) for seed in range(samples)]
    names = ("smeared", *NETWORKS)
    relative = {name: [float(r[name] / r["local"]) for r in found] for name in names}
    return MonotonicityStudy(
        sigma=sigma,
        samples=samples,
        violations={name: sum(v < 0 for v in values) for name, values in relative.items()},
        lowest={name: min(values) for name, values in relative.items()},
    )
