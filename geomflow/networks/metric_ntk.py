r"""The metric neural tangent kernel of finite and of infinite networks, and how far its local form is from covariant.

$$\Theta_{ijkl}(x,x') = \sum_{ab} J_{ij,a}(x)\,\Theta_{ab}(x,x')\,J_{kl,b}(x')
  \;\to\; \kappa(x,x')\sum_a J_{ij,a}(x)\,J_{kl,a}(x'),\qquad P_{ijkl} = \sum_a J_{ij,a}J_{kl,a}$$

with $\Theta_{ab}$ the tangent kernel of the scalar networks and $J = \partial g/\partial N$; the limit is that of
infinite width.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from geomflow.kernels.base import Kernel
from geomflow.networks.empirical_ntk import empirical_ntk, ntk_diagonal, points_of
from geomflow.networks.metric_network import MetricNetwork
from geomflow.networks.trainable import Trained, trainable


def metric_ntk(
    metric: Any, x: ArrayLike, y: ArrayLike | None = None, trained: Trained = "all"
) -> Float[Array, "n m i j k l"]:
    r"""Return the empirical metric-NTK of a metric made of a finite network.

    The Jacobian of the parametrisation stands on both sides of the tangent kernel of the scalar networks, which comes
    from structured derivatives: no Jacobian by the parameters of affine layers is formed.

    Args:
        metric: a `MetricNetwork`, or any other network of value (n, n), of which the layers are differentiated.
        x, y: points, shapes (n, d) and (m, d); None means y = x.
        trained: what trains, as for `geomflow.networks.trainable.trainable`.

    Returns:
        $\Theta_{ijkl}(x,y)$, points first; i, j belong to x and k, l to y.

    Raises:
        ArgumentError: as `empirical_ntk`.
        PrecisionError: JAX runs in float32.

    Good values: n, m up to some hundreds; `ntk_operator(metric, points)` where it is only applied.
    Reference: arXiv 2310.19870.
    """
    x, y = points_of(x), None if y is None else points_of(y)
    if not isinstance(metric, MetricNetwork):
        return empirical_ntk(metric, x, y, trained)
    of_networks = empirical_ntk(metric.network, x, y, trainable(metric, trained).network)
    at_x = parametrisation_jacobian(metric, x)
    return _contracted(at_x, of_networks, at_x if y is None else parametrisation_jacobian(metric, y))


def metric_ntk_diagonal(metric: Any, x: ArrayLike, trained: Trained = "all") -> Float[Array, "n i j k l"]:
    r"""Return $\Theta_{ijkl}(x,x)$ at each point, the local form of the empirical metric-NTK up to a factor.

    Args:
        metric, x, trained: as for `metric_ntk`.

    Good values: `jax.vmap(covariance_defect)(metric_ntk_diagonal(metric, x), jax.vmap(metric)(x))` says how far a
    finite network is from a covariant local limit.
    """
    x = points_of(x)
    if not isinstance(metric, MetricNetwork):
        return ntk_diagonal(metric, x, trained)
    at_x = parametrisation_jacobian(metric, x)
    of_networks = ntk_diagonal(metric.network, x, trainable(metric, trained).network)
    return jnp.einsum("nija,nab,nklb->nijkl", at_x, of_networks, at_x)


def infinite_metric_ntk(
    metric: MetricNetwork, kernel: Kernel, x: ArrayLike, y: ArrayLike | None = None
) -> Float[Array, "n m i j k l"]:
    r"""Return the metric-NTK of infinitely wide networks, $\kappa(x,y)\sum_aJ_{ij,a}(x)J_{kl,a}(y)$, at this metric.

    Args:
        metric: a `MetricNetwork`; its network says what the metric is, no more.
        kernel: κ, of the trained parameters.
        x, y: points.
    """
    x = points_of(x)
    y = x if y is None else points_of(y)
    at_x, at_y = parametrisation_jacobian(metric, x), parametrisation_jacobian(metric, y)
    return jnp.einsum("nija,nm,mkla->nmijkl", at_x, kernel.matrix(x, y), at_y)


@eqx.filter_jit
def parametrisation_jacobian(metric: MetricNetwork, x: Float[Array, "n d"]) -> Float[Array, "n i j A"]:
    r"""Return $J_{ij,a} = \partial g_{ij}/\partial N_a$ of a `MetricNetwork`, at its current values."""
    outputs = jax.eval_shape(metric.network, x[0])

    def moved(shift: Array, point: Array) -> Array:
        return eqx.tree_at(lambda m: m.network, metric, _Shifted(metric.network, shift))(point)

    return jax.vmap(jax.jacfwd(moved), in_axes=(None, 0))(jnp.zeros(outputs.shape), x)


class _Shifted(eqx.Module):
    r"""A network with constants added to its outputs."""

    network: Any
    shift: Array

    def __call__(self, x: Array) -> Array:
        return self.network(x) + self.shift


@jax.jit
def _contracted(at_x: Array, of_networks: Array, at_y: Array) -> Array:
    return jnp.einsum("nija,nmab,mklb->nmijkl", at_x, of_networks, at_y)


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
