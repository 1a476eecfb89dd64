r"""The parts of a locality run: each settles one statement and returns (arrays, numbers), so that it can resume."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from geomflow.compare.convergence import fluctuation, relative_error
from geomflow.compare.growth import flat_metric, linear_rates, longitudinal_growth
from geomflow.compare.invariants import invariant_study
from geomflow.compare.monotonicity import monotonicity_study
from geomflow.compare.perelman import perelman_study
from geomflow.compare.trajectories import trajectory_study
from geomflow.compare.velocities import architecture_study, formulations, velocity_study
from geomflow.experiments.locality.settings import Resolution
from geomflow.flows import FLOWS, DeTurckFlow, FixedMeasureFlow, RicciFlow
from geomflow.flows.torus.network import descent_source
from geomflow.functionals import FUNCTIONALS
from geomflow.geometry import autodiff
from geomflow.geometry.packed import multiplicities, unpack
from geomflow.geometry.torus import Torus
from geomflow.kernels.operator import smallest_width
from geomflow.metrics import TorusMetric, poisson
from geomflow.networks.parametrisations import PARAMETRISATIONS
from geomflow.symbolic.kernels.random_features.cos_net import derive_cos_net

Part = tuple[dict[str, Any], dict[str, Any]]

CERTIFIED_DIMENSIONS = (2, 3)
OUTPUTS = 5
TOLERANCES: dict[str, Any] = {"rtol": 1e-9, "atol": 1e-11}
# The single small mode of L1: g_11 = 1 + ε cos(k x^d), a transverse wave
SMALL_MODE, SMALL_AMPLITUDE = 2, 1e-3
# Kernel width and number of random metrics of the monotonicity study
RANDOM_WIDTH, RANDOM_SAMPLES = 0.5, 60


def derivations(dim: int) -> Part:
    r"""Derive and certify the variation of F; derive the cos-net kernel and its σ-expansion."""
    functional = FUNCTIONALS["perelman-f"]
    variation = functional.variation()
    kernel = derive_cos_net(dim)
    certificates = [functional.certify(n).to_dict() for n in CERTIFIED_DIMENSIONS]
    return {}, {
        "fixed_measure": str(variation.fixed_measure()),
        "fixed_measure_latex": variation.fixed_measure().latex(),
        "certificates": certificates,
        "kernel": str(kernel.last_layer_ntk).replace("**", "^"),
        "symbol": str(kernel.symbol),
        "expansion": kernel.expansion.text(),
        "finite_width_variance": str(kernel.finite_width_variance),
    }


def identities(metric: TorusMetric, torus: Torus) -> Part:
    r"""Check generated code against automatic differentiation: Ricci at points, and δF/δg on the grid."""
    g, measure = metric.sample(torus)
    chosen = np.random.default_rng(0).choice(torus.size**torus.dim, 32, replace=False)
    points = np.asarray(torus.points).reshape(torus.dim, -1).T[chosen]

    @jax.jit
    def both_ways(g: Array, points: Array) -> tuple[Array, ...]:
        by_autodiff = -2 * jax.vmap(lambda x: autodiff.ricci(metric.at, x))(points)
        by_generated_code = unpack(RicciFlow(torus).velocity(g)).reshape(-1, torus.dim, torus.dim)[chosen]
        flow = FixedMeasureFlow(torus, measure=measure)
        # an entry i < j of the packed metric moves g_ij and g_ji
        weights = multiplicities(torus.dim).reshape(-1, *[1] * torus.dim)
        differentiated = unpack(jax.grad(flow.functional)(g) / (weights * torus.spacing**torus.dim))
        derived = descent_source(torus, measure, g) / 2
        return by_autodiff, by_generated_code, differentiated, derived

    ricci, generated_ricci, differentiated, derived = map(np.asarray, both_ways(g, jnp.asarray(points)))
    ricci_error = float(np.max(np.abs(ricci - generated_ricci)) / np.max(np.abs(ricci)))
    gradient_error = float(np.max(np.abs(differentiated - derived)) / np.max(np.abs(derived)))
    return {}, {"ricci_error": ricci_error, "gradient_error": gradient_error}


def velocities(metric: TorusMetric, torus: Torus, resolution: Resolution) -> Part:
    r"""L0 for every formulation."""
    g, measure = metric.sample(torus)
    widths = resolution.velocity_widths
    studies = [velocity_study(torus, g, name, flow, widths) for name, flow in formulations(torus, measure).items()]
    return {}, {"widths": list(widths), "studies": [asdict(s) for s in studies]}


def architectures(metric: TorusMetric, torus: Torus, resolution: Resolution) -> Part:
    r"""L0 for every parametrisation of the metric by networks."""
    g, measure = metric.sample(torus)
    widths = resolution.widths
    studies = [architecture_study(torus, g, measure, p, widths) for _, p in PARAMETRISATIONS.items()]
    return {}, {"widths": list(widths), "studies": [asdict(s) for s in studies]}


def _trajectories(study: Any) -> Part:
    numbers = asdict(study)
    arrays = {name: np.asarray(numbers.pop(name)) for name in ("times", "states", "smeared")}
    return arrays, numbers


def trajectories(metric: TorusMetric, torus: Torus, resolution: Resolution, name: str) -> Part:
    r"""L1 for one well-posed flow ("deturck" or "lambda")."""
    g, _ = metric.sample(torus)
    times = np.linspace(0, resolution.time, OUTPUTS)
    return _trajectories(trajectory_study(g, name, FLOWS[name](torus), resolution.widths, times, **TOLERANCES))


def invariants(torus: Torus, numbers: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Part:
    r"""Gauge invariants at T of the "deturck" and "lambda" parts: the same for both flows, and of order 2 in σ."""

    def study(name: str) -> dict[str, Any]:
        local, smeared = arrays[f"{name}.states"][-1], arrays[f"{name}.smeared"]
        return asdict(invariant_study(torus, jnp.asarray(local), numbers[name]["widths"], list(jnp.asarray(smeared))))

    return {}, {name: study(name) for name in ("deturck", "lambda")}


def controls(metric: TorusMetric, torus: Torus, resolution: Resolution, fine: Mapping[float, float]) -> Part:
    r"""Controls of L1 (DeTurck): coarser grid and looser tolerance must not move E(σ); a small mode has a formula.

    `fine` maps each width to its error E(σ) in the "deturck" part.
    """
    widths, times = resolution.widths, np.linspace(0, resolution.time, OUTPUTS)

    def change(grid: Torus, rtol: float) -> float:
        g, _ = metric.sample(grid)
        carried = [s for s in widths if s >= smallest_width(grid)]
        study = trajectory_study(g, "deturck", DeTurckFlow(grid), carried, times, rtol=rtol, atol=rtol / 100)
        found = dict(zip(study.widths, study.errors, strict=True))
        return max((abs(found[s] / fine[s] - 1) for s in found if s in fine), default=float("nan"))

    k, eps, t = SMALL_MODE, SMALL_AMPLITUDE, resolution.time
    sigma = widths[-1]
    seeded = flat_metric(torus)
    seeded[0] += eps * np.cos(k * np.asarray(torus.points[-1]))
    flow = DeTurckFlow(torus)
    local, smeared = (flow.smeared(s).run(jnp.asarray(seeded), times, rtol=1e-11, atol=1e-14) for s in (0.0, sigma))
    small = relative_error(smeared.last, local.last, fluctuation(seeded))
    return {}, {
        "grid_change": change(Torus(torus.dim, _half(torus.size)), TOLERANCES["rtol"]),
        "coarse_size": _half(torus.size),
        "time_error": change(torus, 10 * TOLERANCES["rtol"]),
        "small_mode": {
            "k": k,
            "sigma": sigma,
            "measured": small,
            "predicted": 0.5 * sigma**2 * k**4 * t * float(np.exp(-(k**2) * t)),
        },
    }


def conformal(torus: Torus, resolution: Resolution) -> Part:
    r"""L1 on T² against an exact solution: raw Ricci flow of the Poisson metric, full tensor code."""
    mode, t0 = (1, 0), 1.5
    g, _ = poisson(mode, t0).sample(torus)
    exact, _ = poisson(mode, t0, resolution.time).sample(torus)
    times = np.linspace(0, resolution.time, OUTPUTS)
    flow = RicciFlow(torus)
    study = trajectory_study(g, "conformal", flow, resolution.widths, times, truth=exact, **TOLERANCES)
    arrays, numbers = _trajectories(study)
    numbers["local_error"] = relative_error(jnp.asarray(arrays["states"][-1]), exact)
    return arrays, numbers


def perelman(metric: TorusMetric, torus: Torus, resolution: Resolution) -> Part:
    r"""L2: the fixed-measure flow from prepared data, the metric's measure being the one at the final time."""
    g, measure = metric.sample(torus)
    study = perelman_study(torus, g, measure, resolution.perelman_widths, resolution.perelman_time, **TOLERANCES)
    return {}, asdict(study)


def monotonicity(dim: int, resolution: Resolution) -> Part:
    r"""Sign of dF/dt along network flows and along the smeared velocity, over rough random metrics."""
    return {}, asdict(monotonicity_study(Torus(dim, resolution.growth_size), RANDOM_WIDTH, RANDOM_SAMPLES))


def growth(dim: int, resolution: Resolution) -> Part:
    r"""Growth rates of longitudinal modes, and the linear rates of every flow about flat."""
    torus = Torus(dim, resolution.growth_size)
    study = longitudinal_growth(torus, resolution.growth_sigma, range(1, resolution.growth_modes + 1))
    flows = formulations(torus, jnp.ones(torus.shape))
    rates = {name: linear_rates(torus, flow) for name, flow in flows.items()}
    return {}, {**asdict(study), "worst": study.worst, "linear_rates": rates}


def _half(size: int) -> int:
    return max(16, 2 * (size // 4))
