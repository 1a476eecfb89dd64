r"""The empirical tangent kernel as an operator on a point set, by NTK-vector products and without its matrix.

$$(\Theta v)_a(x_i) = \sum_I\frac{\partial f_a(x_i)}{\partial\theta_I}
  \Big(\sum_{jb}\frac{\partial f_b(x_j)}{\partial\theta_I}\,v_b(x_j)\Big)$$

a vector-Jacobian product, then a Jacobian-vector product: two vectors as long as the parameters, whatever the number of
points and of outputs. On several devices each holds its share of the points and the inner sum is one reduction.
"""

from __future__ import annotations

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.sharding import Mesh
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from geomflow.batch.mesh import Devices, device_mesh, split
from geomflow.core.errors import ArgumentError
from geomflow.networks.empirical_ntk import empirical_ntk, output_shape, points_of
from geomflow.networks.trainable import Trained, trainable


class NTKOperator(eqx.Module):
    r"""Θ on functions over a point set; make it with `ntk_operator`.

    Attributes:
        weights, fixed: the trained parameters, and the rest of the network.
        trained: the filter that parts them.
        points: shape (blocks, rows, d), the last point repeated to fill the last block; the rows are split over the
            devices.
        pullback: the linearisation at all points, kept where there is one block.
        count: the number of points.
        outputs: the shape of the network's value.
    """

    weights: Any
    fixed: Any
    trained: Any
    points: Float[Array, "blocks rows d"]
    pullback: Any
    count: int = eqx.field(static=True)
    outputs: tuple[int, ...] = eqx.field(static=True)
    mesh: Mesh = eqx.field(static=True)

    def apply(self, v: ArrayLike) -> Float[Array, "n *out"]:
        r"""Return Θ v.

        Args:
            v: a value at every point, shape (n, *out).

        Raises:
            ArgumentError: another shape.
        """
        v = jnp.asarray(v, dtype=float)
        if v.shape != (self.count, *self.outputs):
            raise ArgumentError(
                f"Argument `v` must hold a value of the network's shape at every point, {(self.count, *self.outputs)}, "
                f"but its shape is {v.shape}."
            )
        blocks, rows = self.points.shape[:2]
        # What repeated points would add is multiplied by zero.
        filled = jnp.concatenate([v, jnp.zeros((blocks * rows - self.count, *self.outputs))])
        placed = jax.device_put(filled.reshape(blocks, rows, *self.outputs), split(self.mesh, 1, 2 + len(self.outputs)))
        return _apply(self, placed).reshape(blocks * rows, *self.outputs)[: self.count]

    def dense(self) -> Float[Array, "n n *out *out"]:
        r"""Return Θ as an array, (n A)² numbers."""
        points = self.points.reshape(-1, *self.points.shape[2:])[: self.count]
        network = eqx.combine(self.weights, self.fixed)
        return empirical_ntk(network, points, trained=self.trained)

    def values(self, weights: Any, points: Array) -> Array:
        r"""Return the network's values at a block of points, as a function of what trains."""
        return jax.vmap(eqx.combine(weights, self.fixed))(points)


def ntk_operator(
    network: Any,
    points: ArrayLike,
    trained: Trained = "all",
    block: int | None = None,
    devices: Devices = None,
) -> NTKOperator:
    r"""Return the empirical tangent kernel of a network on a point set as an operator.

    Args:
        network: as for `empirical_ntk`; a `MetricNetwork` gives the metric-NTK, on fields of shape (n, i, j).
        points: shape (n, d).
        trained: as for `geomflow.networks.trainable.trainable`.
        block: points per device and step. The network is linearised anew for every block of every product, so that the
            intermediate values of one block are all that is held. None linearises once, at all points together, and
            keeps what that takes: n times the number of neurons.
        devices: as for `geomflow.batch.device_mesh`.

    Raises:
        ArgumentError: as `empirical_ntk`, or a block below 1.
        PrecisionError: JAX runs in float32.

    Good values: `block=None` while n × neurons fit in memory, at about half the time for each product; otherwise
    blocks of 10²-10³ points.
    """
    x = points_of(points)
    outputs = output_shape(network, x)
    if block is not None and block < 1:
        raise ArgumentError(f"Argument `block` must be at least 1, but it was {block}.", block=block)
    mesh = device_mesh(devices)
    count = len(x)
    share = math.ceil(count / mesh.size)
    rows = mesh.size * min(share, share if block is None else block)
    blocks = math.ceil(count / rows)
    padded = jnp.concatenate([x, jnp.repeat(x[-1:], blocks * rows - count, axis=0)])
    placed = jax.device_put(padded.reshape(blocks, rows, *x.shape[1:]), split(mesh, 1, 1 + x.ndim))
    chosen = trainable(network, trained)
    bare = NTKOperator(*eqx.partition(network, chosen), chosen, placed, None, count, outputs, mesh)
    if blocks > 1:
        return bare
    return eqx.tree_at(lambda o: o.pullback, bare, _linearised(bare), is_leaf=_is_none)


@eqx.filter_jit
def _linearised(operator: NTKOperator) -> Any:
    return jax.vjp(lambda weights: operator.values(weights, operator.points[0]), operator.weights)[1]


@eqx.filter_jit
def _apply(operator: NTKOperator, v: Array) -> Array:
    if operator.pullback is not None:
        (direction,) = operator.pullback(v[0])
        # The transpose of the vector-Jacobian product is the Jacobian-vector product, of the same linearisation.
        (moved,) = jax.linear_transpose(operator.pullback, v[0])((direction,))
        return moved[None]

    def gather(direction: Any, block: Any) -> tuple[Any, None]:
        points, values = block
        (more,) = jax.vjp(lambda weights: operator.values(weights, points), operator.weights)[1](values)
        return jax.tree.map(jnp.add, direction, more), None

    nothing = jax.tree.map(jnp.zeros_like, operator.weights)
    direction, _ = jax.lax.scan(gather, nothing, (operator.points, v))

    def spread(points: Array) -> Array:
        return jax.jvp(lambda weights: operator.values(weights, points), (operator.weights,), (direction,))[1]

    return jax.lax.map(spread, operator.points)


def _is_none(leaf: Any) -> bool:
    return leaf is None
