r"""The λ-flow: Perelman's gradient flow with f the minimiser of F, solved for anew at each time. Well-posed."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

from geomflow.flows.torus.base import TorusFlow
from geomflow.flows.torus.generate import generated
from geomflow.geometry.schroedinger import Eigenpair, lowest_eigenpair
from geomflow.geometry.torus import Torus
from geomflow.kernels.random_operator import RandomFeatureOperator


def perelman_lambda(torus: Torus, g: Float[Array, "P *grid"]) -> Eigenpair:
    r"""Return λ(g) = inf F, the lowest eigenvalue of -4Δ + R, with u = e^{-f/2} its positive eigenfunction."""
    root = jnp.sqrt(torus.pointwise(generated("leading_minors", torus.dim), g)[-1])
    conductivity = root * torus.pointwise(generated("inverse_metric", torus.dim), g)
    curvature = torus.pointwise(generated("scalar_curvature", torus.dim), g, *torus.jets(g))[0]
    return lowest_eigenpair(torus, conductivity, root * curvature, root)


class LambdaFlow(TorusFlow):
    r"""dg/dt = -2 (Ric + Hess f), f = argmin F(g, ·): the gradient flow of λ(g), weakly parabolic; λ increases.

    It is Ricci flow up to a diffeomorphism that depends on g alone, driven by a scalar functional.

    Args:
        torus: the grid.
        kernel: Fourier symbol or operator of a network, or None.

    Reference: G. Perelman, arXiv math/0211159, section 2.
    """

    torus: Torus
    kernel: Array | RandomFeatureOperator | None = None

    def velocity(self, g: Float[Array, "P *grid"]) -> Float[Array, "P *grid"]:
        r"""Return -2 (Ric_ij + ∇_i ∇_j f) with f = -2 log u."""
        f = -2 * jnp.log(perelman_lambda(self.torus, g).function)
        return self.torus.pointwise(
            generated("perelman_velocity", self.torus.dim), g, *self.torus.jets(g), *self.torus.jets(f)
        )
