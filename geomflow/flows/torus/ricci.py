r"""Hamilton's Ricci flow on the torus, as it stands: dg/dt = -2 Ric."""

from __future__ import annotations

from jaxtyping import Array, Float

from geomflow.flows.torus.base import TorusFlow
from geomflow.flows.torus.generate import generated
from geomflow.geometry.torus import Torus
from geomflow.kernels.random_operator import RandomFeatureOperator


class RicciFlow(TorusFlow):
    r"""dg/dt = -2 Ric: weakly parabolic (linear rates about flat: transverse -k², gauge modes 0).

    Args:
        torus: the grid.
        kernel: Fourier symbol or operator of a network, or None.

    Good values: smooth data and short times; rough data want `DeTurckFlow`.
    Reference: R. Hamilton, J. Differential Geom. 17 (1982) 255.
    """

    torus: Torus
    kernel: Array | RandomFeatureOperator | None = None

    def velocity(self, g: Float[Array, "P *grid"]) -> Float[Array, "P *grid"]:
        r"""Return -2 Ric_ij."""
        return self.torus.pointwise(generated("ricci_velocity", self.torus.dim), g, *self.jets(g))
