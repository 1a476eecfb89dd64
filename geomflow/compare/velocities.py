r"""L0, the velocities: does the kernel velocity tend to the local one as σ -> 0, and is that local one Ricci flow?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from geomflow.compare.convergence import leading_constant, observed_orders, relative_error, tensor_norm
from geomflow.flows import DeTurckFlow, FixedMeasureFlow, LambdaFlow, NetworkFlow, RicciFlow, TorusFlow
from geomflow.flows.torus.network import descent_source, respond
from geomflow.geometry.packed import unpack
from geomflow.geometry.torus import Torus
from geomflow.kernels.operator import cos_net_multiplier
from geomflow.networks.metric_ntk import covariance_defect, local_form
from geomflow.networks.parametrisations import Parametrisation

# A local limit closer than this to Ricci flow (relative, float64 on a resolved grid) is Ricci flow.
IS_RICCI = 1e-8


@dataclass(frozen=True)
class VelocityStudy:
    r"""‖K_σ*V - V‖/‖V‖ along a ladder, for one formulation.

    Attributes:
        name: formulation.
        errors: one per width.
        orders: observed orders between neighbours.
        predicted: ‖ΔV‖/(2‖V‖), the constant of σ² that the derived expansion `1 + σ²/2 Δ` predicts.
        measured: the constant extrapolated from the two smallest widths.
    """

    name: str
    errors: list[float]
    orders: list[float]
    predicted: float
    measured: float


def formulations(torus: Torus, measure: Float[Array, "*grid"]) -> dict[str, TorusFlow]:
    r"""Return every formulation whose velocity L0 compares, local (no kernel)."""
    return {
        "fixed measure": FixedMeasureFlow(torus, measure=measure),
        "DeTurck": DeTurckFlow(torus),
        "raw Ricci": RicciFlow(torus),
        "lambda": LambdaFlow(torus),
    }


def velocity_study(torus: Torus, g: Float[Array, "P *grid"], name: str, flow: TorusFlow, widths: Sequence[float]):
    r"""Measure L0 for one formulation at the metric `g`.

    Args:
        torus: the grid.
        g: packed metric.
        name: what to call the formulation.
        flow: a local flow (kernel None).
        widths: decreasing ladder of σ.

    Raises:
        ResolutionError: a width the grid does not carry.
    """
    velocity = eqx.filter_jit(flow)(0.0, g)
    smear = eqx.filter_jit(torus.multiply)
    smeared = [smear(velocity, cos_net_multiplier(torus, s)) for s in widths]
    errors = [relative_error(v, velocity) for v in smeared]
    predicted = tensor_norm(eqx.filter_jit(torus.flat_laplacian)(velocity)) / (2 * tensor_norm(velocity))
    return VelocityStudy(name, errors, observed_orders(widths, errors), predicted, leading_constant(widths, errors))


@dataclass(frozen=True)
class ArchitectureStudy:
    r"""The infinite-width velocity of one parametrisation against Ricci flow and against its own local limit.

    Attributes:
        name: parametrisation.
        affine: whether its metric-NTK stays frozen at infinite width.
        errors: distance to -2(Ric + Hess f) at each width, relative.
        errors_own: distance to its own local limit at each width, relative to that limit.
        order_own: last observed order towards its own local limit (2: the network is local).
        limit: distance of the local limit to -2(Ric + Hess f), relative.
        limit_best_speed: the same after the best constant rescaling of time.
        limit_without_measure: the same with 1/m supplied by hand: what is left is the fault of the indices alone.
        defect: covariance defect of the parametrisation, mean over the grid.
        reproduces_ricci_flow: whether `limit` vanishes to accuracy.
    """

    name: str
    affine: bool
    errors: list[float]
    errors_own: list[float]
    order_own: float
    limit: float
    limit_best_speed: float
    limit_without_measure: float
    defect: float
    reproduces_ricci_flow: bool


def architecture_study(
    torus: Torus,
    g: Float[Array, "P *grid"],
    measure: Float[Array, "*grid"],
    parametrisation: Parametrisation,
    widths: Sequence[float],
) -> ArchitectureStudy:
    r"""Measure L0 for one parametrisation, every scalar network being an infinitely wide cos-net of width σ.

    The network descends -F at fixed measure: dg_ij/dt = ∫ Θ_ijkl δF/δg_kl dx', with the conventional factor 2 of time
    that turns -(Ric + Hess f) into -2(Ric + Hess f).

    Args:
        torus: the grid.
        g: packed metric; `measure`: m = dm/dx.
        parametrisation: an entry of `PARAMETRISATIONS`.
        widths: decreasing ladder of σ.
    """
    target = eqx.filter_jit(FixedMeasureFlow(torus, measure=measure).velocity)(g)
    source = descent_source(torus, measure, g)
    flow = NetworkFlow(torus, measure=measure, parametrisation=parametrisation.name)
    jacobian = eqx.filter_jit(flow.jacobian)(g)
    # no kernel, and not the multiplier of σ = 0: that one would drop the Nyquist modes
    local = respond(torus, None, jacobian, source)
    smeared = [respond(torus, cos_net_multiplier(torus, s), jacobian, source) for s in widths]
    errors_own = [relative_error(v, local) for v in smeared]
    limit = relative_error(local, target)
    # 1/m supplied by hand; the vielbein kernel carries it already, so take the better of the two
    without_measure = respond(torus, None, jacobian, source / measure[..., None, None])
    covariant = min(_best_speed(local, target), _best_speed(without_measure, target))
    return ArchitectureStudy(
        name=parametrisation.name,
        affine=parametrisation.affine,
        errors=[relative_error(v, target) for v in smeared],
        errors_own=errors_own,
        order_own=observed_orders(widths, errors_own)[-1],
        limit=limit,
        limit_best_speed=_best_speed(local, target),
        limit_without_measure=covariant,
        defect=float(jnp.mean(_defects(jacobian, unpack(g)))),
        reproduces_ricci_flow=limit < IS_RICCI,
    )


def _best_speed(velocity: Array, target: Array) -> float:
    r"""Return the relative distance to the target after the best constant rescaling of the velocity."""
    # unpacked, because off-diagonal entries count twice in `tensor_norm`
    full, wanted = unpack(velocity), unpack(target)
    return relative_error(velocity * jnp.sum(full * wanted) / jnp.sum(full**2), target)


@eqx.filter_jit
def _defects(jacobian: Float[Array, "*grid n n A"], g: Float[Array, "*grid n n"]) -> Array:
    flat = jacobian.reshape(-1, *jacobian.shape[-3:])
    return jax.vmap(lambda j, h: covariance_defect(local_form(j), h))(flat, g.reshape(-1, *g.shape[-2:]))
