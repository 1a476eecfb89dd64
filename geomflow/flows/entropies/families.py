r"""Which manifold a state of a flow is, and whether the flow is Ricci flow up to diffeomorphisms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from geomflow.core.errors import ArgumentError
from geomflow.flows.base import Flow
from geomflow.flows.conformal import ConformalSphereFlow, ConformalTorusFlow
from geomflow.flows.entropies.base import Manifold
from geomflow.flows.entropies.homogeneous import HomogeneousManifold
from geomflow.flows.entropies.rotational import RotationalManifold
from geomflow.flows.entropies.sphere import SphereManifold
from geomflow.flows.entropies.torus import TorusManifold
from geomflow.flows.homogeneous.base import HomogeneousFlow
from geomflow.flows.torus.background import BackgroundDeTurckFlow
from geomflow.flows.torus.base import TorusFlow, metric_of
from geomflow.flows.torus.deturck import DeTurckFlow
from geomflow.flows.torus.lambda_flow import LambdaFlow
from geomflow.flows.torus.normalised import VolumeNormalised
from geomflow.flows.torus.perelman import FixedMeasureFlow
from geomflow.flows.torus.ricci import RicciFlow
from geomflow.flows.warped.rotational import RotationalFlow

#: What `evolution` says of a flow for which the theorems hold as they stand, or for quantities without a scale.
RICCI, SCALED = "Ricci flow", "Ricci flow up to scale"


@dataclass(frozen=True)
class Family:
    r"""Flows whose states are read in one way.

    Args:
        flows: the base class of the family.
        manifold: (flow, state) -> the metric as a manifold.
        evolution: flow -> `RICCI`, `SCALED` or "".
    """

    flows: type[Flow]
    manifold: Callable[[Any, Any], Manifold]
    evolution: Callable[[Any], str]


# up to diffeomorphisms; a kernel makes another flow of them
_RICCI_ON_TORUS = (RicciFlow, DeTurckFlow, BackgroundDeTurckFlow, LambdaFlow, FixedMeasureFlow)


def _on_torus(flow: TorusFlow) -> str:
    if isinstance(flow, VolumeNormalised):
        return SCALED if _on_torus(flow.flow) else ""
    return RICCI if isinstance(flow, _RICCI_ON_TORUS) and flow.kernel is None else ""


def _rotational(flow: RotationalFlow, state: Any) -> Manifold:
    s, psi = flow.profile(state)
    return RotationalManifold(s, psi, flow.dim)


def _conformal_torus(flow: ConformalTorusFlow, factor: Any) -> Manifold:
    return TorusManifold(flow.torus, jnp.stack([factor, jnp.zeros_like(factor), factor]))


def _conformal_sphere(flow: ConformalSphereFlow, factor: Any) -> Manifold:
    return SphereManifold(flow.grid, factor, flow.scalar_curvature(jnp.asarray(factor)))


def _scaled(flow: Any) -> str:
    return SCALED if flow.normalised else RICCI


def _homogeneous(flow: HomogeneousFlow, state: Any) -> Manifold:
    # the volume is that of one unit of the frame's: a constant in μ and W
    return HomogeneousManifold(np.asarray(flow.principal_ricci(state)), float(flow.volume_density(state)))


#: One entry per family, the more special ones first.
FAMILIES: list[Family] = [
    Family(TorusFlow, lambda flow, state: TorusManifold(flow.torus, metric_of(state)), _on_torus),
    Family(RotationalFlow, _rotational, lambda flow: RICCI),
    Family(HomogeneousFlow, _homogeneous, _scaled),
    Family(ConformalTorusFlow, _conformal_torus, _scaled),
    Family(ConformalSphereFlow, _conformal_sphere, _scaled),
]


def _family(flow: Flow) -> Family | None:
    return next((family for family in FAMILIES if isinstance(flow, family.flows)), None)


def manifold_of(flow: Flow, state: Any) -> Manifold:
    r"""Return a state of a flow as a manifold.

    Raises:
        ArgumentError: the family is not known here.
    """
    family = _family(flow)
    if family is None:
        known = ", ".join(each.flows.__name__ for each in FAMILIES)
        raise ArgumentError(
            f"No entropies are known for states of `{type(flow).__name__}`, only for {known}. "
            "Give `manifold`, a function from states to a `Manifold`."
        )
    return family.manifold(flow, state)


def evolution(flow: Flow) -> str:
    r"""Return "Ricci flow" (up to diffeomorphisms), "Ricci flow up to scale", or "" where it is neither."""
    family = _family(flow)
    return "" if family is None else family.evolution(flow)
