r"""The empirical neural tangent kernel of any network, with all its output indices.

$$\Theta_{ab}(x,x') = \sum_I\frac{\partial f_a(x)}{\partial\theta_I}\,\frac{\partial f_b(x')}{\partial\theta_I}$$

summed over the trained parameters. It is never traced over outputs unless that is asked for: its off-diagonal entries
are the mixing of a network at finite width.
"""

from __future__ import annotations

from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from geomflow.core.errors import ArgumentError
from geomflow.core.precision import require_x64
from geomflow.networks.taps import Signals, Tapped
from geomflow.networks.trainable import Trained, trainable

Method = Literal["auto", "structured", "vector-products", "jacobian"]
METHODS = ("auto", "structured", "vector-products", "jacobian")

# With more Jacobian entries than these (1 GB) outside affine layers, "auto" takes vector products.
_LARGEST_JACOBIAN = 2**27


def empirical_ntk(
    network: Any,
    x: ArrayLike,
    y: ArrayLike | None = None,
    trained: Trained = "all",
    trace: bool = False,
    method: Method = "auto",
) -> Float[Array, "n m *out *out"]:
    r"""Return $\Theta_{ab}(x_i, y_j)$ of a network of width N, outputs of any shape.

    Args:
        network: an Equinox module (or another pytree of arrays) that takes one point and returns an array.
        x: points, shape (n, d).
        y: points, shape (m, d); None means y = x.
        trained: what trains, as for `geomflow.networks.trainable.trainable`.
        trace: return $\frac1A\sum_a\Theta_{aa}$ instead, shape (n, m).
        method: "structured", by what goes into the affine layers and back through them (see `geomflow.networks.taps`);
            "vector-products", a vector-Jacobian and a Jacobian-vector product for every column, in the memory of a
            few copies of the parameters; "jacobian", contraction of the whole Jacobian; "auto", the first unless the
            parameters outside affine layers are too many, then the second.

    Returns:
        Θ, shape (n, m, *out, *out): points first, then the output index at x, then the one at y.

    Raises:
        ArgumentError: no such method, points of different dimensions, a network that returns no floating-point array,
            or nothing trains.
        PrecisionError: JAX runs in float32.

    Good values: n up to some hundreds at widths of thousands; `geomflow.networks.ntk_operator` where Θ is only applied.
    Reference: arXiv 2206.08720, structured derivatives and NTK-vector products.
    """
    x, y = points_of(x), None if y is None else points_of(y)
    if y is not None and y.shape[1:] != x.shape[1:]:
        raise ArgumentError(f"The points have shapes {x.shape[1:]} and {y.shape[1:]}. Give both the same.")
    if method not in METHODS:
        raise ArgumentError(f"Argument `method` must be one of {', '.join(METHODS)}, but it was {method!r}.")
    out = output_shape(network, x)
    theta = _theta(network, trainable(network, trained), x, y, trace, method)
    return theta if trace else theta.reshape(*theta.shape[:2], *out, *out)


def ntk_diagonal(
    network: Any, x: ArrayLike, trained: Trained = "all", structured: bool = True
) -> Float[Array, "n *out *out"]:
    r"""Return $\Theta_{ab}(x_i, x_i)$, one block for each point.

    Args:
        network, x, trained: as for `empirical_ntk`.
        structured: False contracts the whole Jacobian.
    """
    x = points_of(x)
    out = output_shape(network, x)
    blocks = _diagonal(network, trainable(network, trained), x, structured)
    return blocks.reshape(len(x), *out, *out)


def output_shape(network: Any, x: Array) -> tuple[int, ...]:
    r"""Return the shape of what a network makes of one of these points.

    Raises:
        ArgumentError: it is no floating-point array.
    """
    value = eqx.filter_eval_shape(network, jax.ShapeDtypeStruct(x.shape[1:], x.dtype))
    if not isinstance(value, jax.ShapeDtypeStruct) or not jnp.issubdtype(value.dtype, jnp.floating):
        raise ArgumentError(f"The network must return one real array at a point, but it returned {value}.")
    return value.shape


def points_of(x: ArrayLike) -> Array:
    r"""Return points in rows, as float64.

    Raises:
        ArgumentError: there are no rows.
        PrecisionError: JAX runs in float32.
    """
    require_x64()
    points = jnp.asarray(x, dtype=float)
    if points.ndim < 2 or len(points) == 0:
        raise ArgumentError(
            f"The points must stand in rows, shape (n, d) with n at least 1, but their shape is {points.shape}."
        )
    return points


@eqx.filter_jit
def _theta(network: Any, trained: Any, x: Array, y: Array | None, trace: bool, method: Method) -> Array:
    tapped = Tapped(network, trained, x[0], structured=method != "jacobian")
    outputs = len(jax.eval_shape(lambda point: jnp.ravel(network(point)), x[0]))
    too_large = len(x) * outputs * tapped.unstructured > _LARGEST_JACOBIAN
    if method == "vector-products" or (method == "auto" and too_large):
        columns = _by_vector_products(network, trained, x, x if y is None else y)
        return jnp.einsum("nmaa->nm", columns) / outputs if trace else columns
    of_x = jax.vmap(tapped.signals)(x)
    of_y = of_x if y is None else jax.vmap(tapped.signals)(y)
    pair = Signals.contract_traced if trace else Signals.contract
    return jax.vmap(jax.vmap(pair, in_axes=(None, 0)), in_axes=(0, None))(of_x, of_y)


@eqx.filter_jit
def _diagonal(network: Any, trained: Any, x: Array, structured: bool) -> Array:
    signals = jax.vmap(Tapped(network, trained, x[0], structured=structured).signals)(x)
    return jax.vmap(Signals.contract)(signals, signals)


def _by_vector_products(network: Any, trained: Any, x: Array, y: Array) -> Array:
    weights, fixed = eqx.partition(network, trained)

    def values(weights: Any, points: Array) -> Array:
        return jax.vmap(lambda point: jnp.ravel(eqx.combine(weights, fixed)(point)))(points)

    at_x, push = jax.linearize(lambda weights: values(weights, x), weights)
    outputs = at_x.shape[1]

    def column(index: Array) -> Array:
        point, output = index // outputs, index % outputs
        pull = jax.vjp(lambda weights: values(weights, y[point][None])[0], weights)[1]
        return push(*pull(jax.nn.one_hot(output, outputs, dtype=at_x.dtype)))

    columns = jax.lax.map(column, jnp.arange(len(y) * outputs))
    return jnp.transpose(columns.reshape(len(y), outputs, len(x), outputs), (2, 0, 3, 1))
