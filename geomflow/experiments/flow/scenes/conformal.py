r"""Surfaces: any metric on S² becomes round as it vanishes, every metric on T² becomes flat."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from geomflow.experiments.flow.scene import Claim, Performance, Request, Scene, perform
from geomflow.figures.film import Globe, Sheet
from geomflow.flows.conformal.sphere import ConformalSphereFlow
from geomflow.flows.conformal.torus import ConformalTorusFlow
from geomflow.flows.singularity import BlowUp
from geomflow.flows.solve import Solution
from geomflow.geometry.sphere import SphereGrid
from geomflow.geometry.torus import Torus

#: Degrees of the random harmonics in log w, and their size.
_ROUGH, _SIZE = range(2, 7), 0.9


def rough_sphere(grid: SphereGrid, seed: int) -> Array:
    r"""Return w = e^{2u} on the sphere, 2u a random sum of spherical harmonics of degrees 2 to 6."""
    rng = np.random.default_rng(seed)
    degrees = len(grid.eigenvalues)
    modes = np.zeros((degrees, degrees), dtype=complex)
    for l in _ROUGH:
        modes[: l + 1, l] = (rng.normal(size=l + 1) + 1j * rng.normal(size=l + 1)) / l
    modes[0] = modes[0].real
    field = np.asarray(grid.inverse(jnp.asarray(modes)))
    return jnp.exp(jnp.asarray(_SIZE * field / np.std(field) / 2))


def globe(flow: ConformalSphereFlow) -> Callable[[Array], tuple[Globe, ...]]:
    r"""Return the picture of a state: R on a globe of the area of the metric."""
    latitude = np.arccos(flow.grid.heights)

    def picture(state: Array) -> tuple[Globe, ...]:
        radius = float(np.sqrt(flow.area(state) / (4 * np.pi)))
        return (Globe(latitude, np.asarray(flow.scalar_curvature(state)), radius),)

    return picture


def _sphere(request: Request) -> Performance:
    seed = 0 if request.seed is None else request.seed
    flow = ConformalSphereFlow(SphereGrid(request.grid or 42))
    state = rough_sphere(flow.grid, seed)
    extinction = float(flow.area(state)) / (8 * np.pi)

    def claims(solution: Solution, singular: BlowUp | None) -> list[Claim]:
        assert solution.history is not None
        times, area = solution.history.times, solution.history.values["area"]
        found = [Claim("area = A₀ - 8πt", float(np.max(np.abs(area / area[0] - 1 + times / extinction))), 1e-8)]
        if singular is not None:
            found.append(Claim("T = A₀/8π", abs(singular.time / extinction - 1), 1e-9, singular.error / extinction))
            spread = solution.history.values["R_max"][-1] / solution.history.values["R_min"][-1] - 1
            found.append(Claim("it becomes round: R_max/R_min tends to 1", float(spread), 1e-3))
        return found

    about = f"Ricci flow of a random metric on S² in its conformal class, degree {flow.grid.degree}, seed {seed}."
    return perform(flow, state, request, about, None, shapes=globe(flow), claims=claims, rtol=1e-9)


def _torus(request: Request) -> Performance:
    seed = 0 if request.seed is None else request.seed
    torus = Torus(2, request.grid or 64)
    rng = np.random.default_rng(seed)
    waves = np.array([(i, j) for i in range(-3, 4) for j in range(4) if (j, i) > (0, 0)])
    shifts = rng.uniform(0, 2 * np.pi, (len(waves), 1, 1))
    phase = np.einsum("kd,d...->k...", waves, np.asarray(torus.points)) + shifts
    sizes = rng.normal(size=len(waves)) / (1 + np.sum(waves**2, axis=1))
    field = np.einsum("k,k...->...", sizes, np.cos(phase))
    flow = ConformalTorusFlow(torus)
    state = jnp.exp(jnp.asarray(0.8 * field / np.std(field)))

    def claims(solution: Solution, singular: BlowUp | None) -> list[Claim]:
        assert solution.history is not None
        area = solution.history.values["area"]
        return [Claim("the area does not change", float(np.max(np.abs(area / area[0] - 1))), 1e-10)]

    def picture(state: Array) -> tuple[Sheet, ...]:
        return (Sheet(np.asarray(flow.scalar_curvature(state))),)

    about = f"Ricci flow of a random metric on T² in its conformal class, {torus.size}² points, seed {seed}."
    return perform(flow, state, request, about, 1.0, shapes=picture, claims=claims, rtol=1e-9)


SCENES: tuple[Scene, ...] = (
    Scene("sphere", "A random metric on S² becomes round as it vanishes.", _sphere, ("grid", "seed")),
    Scene("torus", "A random conformal metric on T² becomes flat.", _torus, ("grid", "seed")),
)
