r"""The metric neural tangent kernel: its local form, how far that is from covariant, and the velocity it gives.

$$\Theta_{ijkl}(x,x') = \kappa(x,x')\sum_a J_{ij,a}(x)\,J_{kl,a}(x'),\qquad P_{ijkl} = \sum_a J_{ij,a}J_{kl,a}$$
"""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float


def local_form(jacobian: Float[Array, "n n A"]) -> Float[Array, "n n n n"]:
    r"""Return $P_{ijkl} = \sum_a J_{ij,a}J_{kl,a}$, the factor of δ(x-x') in the local limit of the metric-NTK."""
    return jnp.einsum("ija,kla->ijkl", jacobian, jacobian)


def symmetric_square(g: Float[Array, "n n"]) -> Float[Array, "n n n n"]:
    r"""Return ${\rm sym}(g\otimes g)_{ijkl} = \frac12(g_{ik}g_{jl} + g_{il}g_{jk})$: it lowers a symmetric tensor."""
    return 0.5 * (jnp.einsum("ik,jl->ijkl", g, g) + jnp.einsum("il,jk->ijkl", g, g))


def covariance_defect(local: Float[Array, "n n n n"], g: Float[Array, "n n"]) -> Float[Array, ""]:
    r"""Return how far a local form is from a multiple of sym(g⊗g): does the local limit reproduce Ricci flow?

    $$\frac{\|P - cT\|}{\|cT\|},\qquad
      T = {\rm sym}(g\otimes g),\quad c = \frac{\langle P,T\rangle}{\langle T,T\rangle}$$

    with Frobenius norms: the tangent of the angle between P and T, independent of the units of g and of P. It is
    $\min_c\|P - cT\|/\|T\|$ for P scaled to c = 1, that is at equal mean speed. Only the action of P on symmetric
    tensors counts: P is first symmetrised in its index pairs ($\delta_{ik}\delta_{jl}$ becomes the identity on them).

    Args:
        local: P of shape (n, n, n, n), from `local_form`.
        g: the metric at the same point, in the same coordinates.

    Returns:
        A dimensionless number, 0 if and only if P is a positive multiple of T.

    Good values: with n = 3, eigenvalues 1, √κ, κ and κ = cond(g) = 1.5, 4, 16 it is .26, .87, 1.5 for independent
    networks, .13, .37, .54 for $A^{\sf T}A$, .005, .037, .063 for $e^S$ and 0 for the framed forms. The Cholesky and
    the packed form depend on the axes; averaged over rotations they give .34, .40, .50 and .44, 1.0, 1.7.
    """
    symmetric = 0.5 * (local + jnp.swapaxes(local, 0, 1))
    symmetric = 0.5 * (symmetric + jnp.swapaxes(symmetric, 2, 3))
    target = symmetric_square(g)
    scaled = target * jnp.sum(symmetric * target) / jnp.sum(target**2)
    return jnp.linalg.norm(jnp.ravel(symmetric - scaled)) / jnp.linalg.norm(jnp.ravel(scaled))


def kernel_velocity(
    jacobian: Float[Array, "*grid n n A"],
    smooth: Callable[[Float[Array, "*grid A"]], Float[Array, "*grid A"]],
    source: Float[Array, "*grid n n"],
) -> Float[Array, "*grid n n"]:
    r"""Return what the metric-NTK makes of a source field, at infinite width.

    $$V_{ij}(x) = \int\Theta_{ijkl}(x,x')\,s_{kl}(x')\,dx'
      = \sum_a J_{ij,a}(x)\,\big(K_\sigma * {\textstyle\sum_{kl}}J_{kl,a}s_{kl}\big)(x)$$

    Gradient descent is $s_{kl} = -\delta L/\delta g_{kl}$: the sign stands in the source.

    Args:
        jacobian: J at every grid point, shape (*grid, n, n, A).
        smooth: the scalar kernel as an operator on fields of shape (*grid, A), acting on the grid axes.
        source: a contravariant density, shape (*grid, n, n).

    Returns:
        The velocity of the metric, shape (*grid, n, n).

    Good values: `smooth=lambda u: u` gives the local limit $P_{ijkl}s_{kl}$.
    Reference: arXiv 2310.19870, the metric-NTK and its infinite-width flow.
    """
    return jnp.einsum("...ija,...a->...ij", jacobian, smooth(jnp.einsum("...kla,...kl->...a", jacobian, source)))
