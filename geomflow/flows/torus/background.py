r"""Ricci-DeTurck flow with any metric as its background."""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
from jaxtyping import Array, Float

from geomflow.flows.torus.base import TorusFlow
from geomflow.flows.torus.derivatives import spectral_jets
from geomflow.flows.torus.generate import generated
from geomflow.geometry.torus import Torus
from geomflow.kernels.random_operator import RandomFeatureOperator


class Background(NamedTuple):
    r"""The connection of a metric ḡ that does not move, as the DeTurck covector takes it.

    Attributes:
        connection: Γ̄^k_ab, shape (n, P, *grid), (a, b) packed.
        derivative: ∂_l Γ̄^k_ab, shape (n, P, n, *grid).
    """

    connection: Array
    derivative: Array


def background_connection(torus: Torus, metric: Float[Array, "P *grid"]) -> Background:
    r"""Return the connection of a metric on the grid.

    Args:
        torus: the grid.
        metric: ḡ, packed: `METRICS[name].sample(torus)[0]`, or any field.
    """
    n = torus.dim
    flat = torus.pointwise(generated("christoffel", n), metric, spectral_jets(torus, metric)[0])
    connection = flat.reshape(n, flat.shape[0] // n, *torus.shape)
    return Background(connection, spectral_jets(torus, connection)[0])


class BackgroundDeTurckFlow(TorusFlow):
    r"""dg/dt = -2 Ric + L_W g with W^k = g^ab (Γ^k_ab - Γ̄^k_ab): strictly parabolic, and covariant if ḡ moves along.

    W is the tension field of the identity (M, g) -> (M, ḡ); where g = ḡ the gauge does nothing. With a flat ḡ in the
    coordinates of the grid it is `DeTurckFlow`.

    Args:
        torus: the grid.
        background: of ḡ, see `background_connection`.
        kernel: Fourier symbol or operator of a network, or None.

    Good values: `BackgroundDeTurckFlow(torus, background=background_connection(torus, g))`, g the initial metric.
    Reference: R. Hamilton, Formation of singularities (1995), section 6; B. Chow, D. Knopf, The Ricci Flow (2004), 3.3.
    """

    torus: Torus
    background: Background = eqx.field(kw_only=True)
    kernel: Array | RandomFeatureOperator | None = None

    def velocity(self, g: Float[Array, "P *grid"]) -> Float[Array, "P *grid"]:
        r"""Return -2 Ric_ij + ∇_i W_j + ∇_j W_i."""
        return self.torus.pointwise(
            generated("background_velocity", self.torus.dim), g, *self.jets(g), *self.background
        )

    @property
    def diffusivity(self) -> float:
        r"""1: every mode decays like e^{-k² t}."""
        return 1.0
