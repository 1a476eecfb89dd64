r"""The four properties of a network's tangent kernel, each measured by itself: one number each, one card for all.

- *deterministic or stochastic*: how far Θ spreads from draw to draw of the parameters; falls like $N^{-1/2}$;
- *frozen or evolving*: how far Θ moves when the parameters do; zero if only parameters train in which f is linear;
- *local or non-local*: the length over which Θ(x, ·) decays;
- *unmixed or mixing*: how large the entries of Θ between different outputs, or between different components of a
  metric, are beside those on the diagonal; falls like $N^{-1/2}$ for outputs that share hidden layers.

They are independent of each other: a cos-net of which the last layer trains is frozen at every width, and stochastic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PRNGKeyArray

from geomflow.core.card import Card
from geomflow.core.errors import ArgumentError
from geomflow.networks.empirical_ntk import empirical_ntk, ntk_diagonal, output_shape, points_of
from geomflow.networks.metric_network import MetricNetwork
from geomflow.networks.metric_ntk import metric_ntk_diagonal
from geomflow.networks.trainable import Trained, trainable


@dataclass(frozen=True)
class NetworkProperties:
    r"""What was measured at one width; all numbers but the lengths are relative.

    Args:
        spread: root mean square deviation of Θ over draws, relative to its mean.
        drift: change of Θ over one training step.
        length, longest: correlation length of Θ(x, ·), and what a constant kernel would give on the same points.
        mixing: Θ between different outputs, relative to the diagonal.
        component_mixing: the same for the components of a metric; None for a network that is no metric.
    """

    spread: float
    drift: float
    length: float
    longest: float
    mixing: float
    component_mixing: float | None

    def to_dict(self) -> dict[str, Any]:
        r"""Return the numbers by name."""
        return asdict(self)

    def card(self, title: str = "Tangent kernel of a network") -> Card:
        r"""Return the numbers as a card."""
        sheet = Card(title)
        sheet.row("spread over draws", self.spread, "0 is deterministic; falls like N^(-1/2)")
        sheet.row("drift in a training step", self.drift, "0 is frozen" if self.drift else "frozen, exactly")
        sheet.row("correlation length", self.length, f"{self.longest:.4g} is non-local on these points")
        sheet.row("mixing of outputs", self.mixing, "0 is unmixed" if self.mixing else "unmixed, exactly")
        if self.component_mixing is not None:
            sheet.row("mixing of components", self.component_mixing, "0: g_ij answers its own source alone")
        return sheet


def properties(
    draw: Callable[[PRNGKeyArray], Any],
    key: PRNGKeyArray,
    points: ArrayLike,
    target: Callable[[Array], Array],
    *,
    trained: Trained = "all",
    draws: int = 8,
    rate: float = 1.0,
    period: float | None = None,
) -> NetworkProperties:
    r"""Return the four properties of the networks that `draw` makes.

    Args:
        draw: from a key to a network, all of one shape.
        key: a JAX random key; the first network drawn is the one whose drift, length and mixing are measured.
        points: shape (n, d); Θ(x, ·) is taken about the first of them.
        target: what the training step trains for, from a point to a value of the network's shape.
        trained: what trains, as for `geomflow.networks.trainable.trainable`.
        draws: how many networks, at least 2.
        rate: learning rate of the step.
        period: period of the space in every direction, for points on a torus.

    Raises:
        ArgumentError: fewer than two draws, or as `empirical_ntk`.

    Good values: a regular grid of points about its first, wider than the kernel; `draws=16` for the spread to 20 %.
    Reference: arXiv 2310.19870, section 3.
    """
    if draws < 2:
        raise ArgumentError(f"Argument `draws` must be at least 2, but it was {draws}.")
    x = points_of(points)
    networks = [draw(k) for k in jax.random.split(key, draws)]
    first = networks[0]
    moved = training_step(first, x, jax.vmap(target)(x), rate, trained)
    is_metric = isinstance(first, MetricNetwork)
    return NetworkProperties(
        spread=spread([empirical_ntk(network, x, trained=trained) for network in networks]),
        drift=drift(first, moved, x, trained),
        length=correlation_length(_about_first(first, x, trained), x, period),
        longest=correlation_length(jnp.ones(len(x)), x, period),
        mixing=output_mixing(
            first.network if is_metric else first, x, _inner(first, trained) if is_metric else trained
        ),
        component_mixing=component_mixing(first, x, trained) if is_metric else None,
    )


def spread(kernels: Any) -> float:
    r"""Return $\sqrt{\langle\|\Theta - \bar\Theta\|^2\rangle}/\|\bar\Theta\|$ over draws: deterministic or stochastic.

    Args:
        kernels: Θ of every draw, shape (draws, ...).

    Raises:
        ArgumentError: fewer than two draws.
    """
    stacked = np.stack([np.asarray(kernel) for kernel in kernels])
    if len(stacked) < 2:
        raise ArgumentError(f"A spread needs Θ of at least 2 draws, but {len(stacked)} was given.")
    mean = stacked.mean(axis=0)
    variance = np.sum((stacked - mean) ** 2) / (len(stacked) - 1)
    return float(np.sqrt(variance) / np.linalg.norm(mean))


def drift(network: Any, moved: Any, x: ArrayLike, trained: Trained = "all") -> float:
    r"""Return $\|\Theta(\theta') - \Theta(\theta)\|/\|\Theta(\theta)\|$: frozen or evolving.

    Args:
        network, moved: the network at θ, and after its parameters have moved to θ'.
        x: points, shape (n, d).
        trained: what Θ counts.
    """
    before, after = (np.asarray(empirical_ntk(one, x, trained=trained)) for one in (network, moved))
    return float(np.linalg.norm(after - before) / np.linalg.norm(before))


def correlation_length(kernel: Float[Array, " n"], points: Float[Array, "n d"], period: float | None = None) -> float:
    r"""Return the length over which a kernel about the first point decays: local or non-local.

    $$\ell^2 = \frac{2}{d}\,\frac{\sum_y|y - x|^2\,\Theta(x,y)^2}{\sum_y\Theta(x,y)^2}$$

    which is σ² for $e^{-|x-y|^2/2\sigma^2}$; squares, so that the noise of a finite network counts as 1/N.

    Args:
        kernel: Θ(x, y), x the first point.
        points: y, evenly spread about x.
        period: period in every direction, for points on a torus.
    """
    away = points - points[0]
    if period is not None:
        away = (away + period / 2) % period - period / 2
    weight = kernel**2
    return float(jnp.sqrt(2 / points.shape[1] * jnp.sum(jnp.sum(away**2, axis=1) * weight) / jnp.sum(weight)))


def output_mixing(network: Any, x: ArrayLike, trained: Trained = "all") -> float:
    r"""Return the size of $\Theta_{ab}(x,x)$, a ≠ b, relative to a = b (root mean squares): unmixed or mixing.

    Args:
        network: with A outputs, of any shape; one output gives 0.
        x: points, shape (n, d).
        trained: what trains.
    """
    blocks = np.asarray(ntk_diagonal(network, x, trained))
    outputs = int(np.sqrt(blocks[0].size))
    return _beside_diagonal(blocks.reshape(-1, outputs, outputs))


def component_mixing(metric: Any, x: ArrayLike, trained: Trained = "all") -> float:
    r"""Return the same for $\Theta_{ijkl}(x,x)$ between pairs i <= j and k <= l of a metric made of a network.

    It holds the mixing by the parametrisation ($P_{1112}\ne0$, say) and that of the networks.

    Args:
        metric: a `MetricNetwork`.
        x, trained: as for `output_mixing`.
    """
    blocks = np.asarray(metric_ntk_diagonal(metric, x, trained))
    rows, columns = np.triu_indices(blocks.shape[1])
    return _beside_diagonal(blocks[:, rows, columns][:, :, rows, columns])


def training_step(network: Any, x: Array, values: Array, rate: float, trained: Trained = "all") -> Any:
    r"""Return the network after one step of gradient descent on $\frac1{2n}\sum_i|f(x_i) - v_i|^2$.

    Args:
        network: the network.
        x, values: points (n, d) and what f should be there, shape (n, *out).
        rate: the learning rate.
        trained: what moves.

    Raises:
        ArgumentError: values of another shape.
    """
    expected = (len(x), *output_shape(network, x))
    if values.shape != expected:
        raise ArgumentError(
            f"The values to train for must be of the network's shape, {expected} at these points, but have shape "
            f"{values.shape}."
        )
    return _stepped(network, trainable(network, trained), x, values, rate)


@eqx.filter_jit
def _stepped(network: Any, chosen: Any, x: Array, values: Array, rate: float) -> Any:
    weights, fixed = eqx.partition(network, chosen)

    def loss(weights: Any) -> Array:
        return 0.5 * jnp.sum((jax.vmap(eqx.combine(weights, fixed))(x) - values) ** 2) / len(x)

    moved = jax.tree.map(lambda w, slope: w - rate * slope, weights, jax.grad(loss)(weights))
    return eqx.combine(moved, fixed)


def _about_first(network: Any, x: Array, trained: Trained) -> Array:
    return empirical_ntk(network, x[:1], x, trained=trained, trace=True)[0]


def _inner(metric: Any, trained: Trained) -> Any:
    return trainable(metric, trained).network


def _beside_diagonal(blocks: np.ndarray) -> float:
    r"""Root mean square off the diagonal, relative to the one on it."""
    count = blocks.shape[-1]
    if count == 1:
        return 0.0
    off = ~np.eye(count, dtype=bool)
    return float(np.sqrt(np.mean(blocks[:, off] ** 2) / np.mean(blocks[:, ~off] ** 2)))
