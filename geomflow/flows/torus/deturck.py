r"""Ricci flow in DeTurck gauge with the flat background of the torus: strictly parabolic."""

from __future__ import annotations

from jaxtyping import Array, Float

from geomflow.flows.torus.base import TorusFlow
from geomflow.flows.torus.generate import generated
from geomflow.geometry.torus import Torus
from geomflow.kernels.random_operator import RandomFeatureOperator


class DeTurckFlow(TorusFlow):
    r"""dg/dt = -2 Ric + L_W g with W^k = g^ab (Γ^k_ab - 0): every linear mode about flat decays like e^{-k² t}.

    Args:
        torus: the grid.
        kernel: Fourier symbol or operator of a network, or None.

    Reference: D. DeTurck, J. Differential Geom. 18 (1983) 157.
    """

    torus: Torus
    kernel: Array | RandomFeatureOperator | None = None

    def velocity(self, g: Float[Array, "P *grid"]) -> Float[Array, "P *grid"]:
        r"""Return -2 Ric_ij + ∇_i W_j + ∇_j W_i."""
        return self.torus.pointwise(generated("deturck_velocity", self.torus.dim), g, *self.jets(g))

    @property
    def diffusivity(self) -> float:
        r"""1: every mode decays like e^{-k² t}."""
        return 1.0
