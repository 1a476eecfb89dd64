r"""A finite network as a metric that starts at a given one, whatever the parameters were drawn.

$$N_a(x;\theta) = N^0_a(x) + f_a(x;\theta) - f_a(x;\theta_0),\qquad g(x;\theta) = \Pi\big(N(x;\theta)\big),\qquad
  \Pi(N^0) = g_0$$

with a parametrisation Π from `geomflow.networks.PARAMETRISATIONS`: $g(x;\theta_0) = g_0(x)$.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from geomflow.core.errors import ArgumentError
from geomflow.core.precision import require_x64
from geomflow.geometry.checks import check_metric
from geomflow.geometry.packed import unpack
from geomflow.geometry.torus import Torus
from geomflow.networks.parametrisations import PARAMETRISATIONS

Network = Callable[[Array], Array]


class GridMetric(eqx.Module):
    r"""A metric given on a torus grid, at any point: its trigonometric interpolant.

    Args:
        torus: the grid.
        packed: g_ij there; its Nyquist modes, which have no sign, are left out.
    """

    torus: Torus
    packed: Float[Array, "P *grid"]

    def __call__(self, x: Float[Array, " n"]) -> Float[Array, "n n"]:
        r"""Return g at one point."""
        return unpack(self.torus.evaluate(self.packed, x[:, None]))[0]


class MetricNetwork(eqx.Module):
    r"""g(x; θ): scalar networks under a parametrisation, with their own start subtracted.

    It is a network itself, with values (n, n): `empirical_ntk(metric_network, x)` is its metric-NTK, and
    `trainable(metric_network, "last-layer")` trains `network` and leaves `start` alone.

    Args:
        network: x (n,) -> (A,), the A scalar networks of the parametrisation; its parameters are θ₀.
        g0: the metric to start from: x (n,) -> (n, n), a `GridMetric` for one that is known on a grid.
        parametrisation: a name from `PARAMETRISATIONS`. Metrics of networks without symmetry ("independent") are the
            symmetric part.
        measure: density m(x) of the fixed measure, for parametrisations that contain it; None is 1.

    Raises:
        CatalogueError: no such parametrisation.
        ArgumentError: a g0 or a measure that is no function; when called, a network of another number of outputs.
        PrecisionError: JAX runs in float32.

    Good values: "packed-orthonormal", the only affine one that is the identity on symmetric tensors; "exp" or
    "exp-framed" where the metric must stay positive definite for all times.
    Reference: arXiv 2310.19870.
    """

    trains_network_alone: ClassVar[bool] = True

    network: Any
    start: Any
    g0: Callable[[Array], Array]
    measure: Callable[[Array], Array] | None
    parametrisation: str = eqx.field(static=True)

    def __init__(
        self,
        network: Network,
        g0: Callable[[Array], Array],
        parametrisation: str = "packed-orthonormal",
        measure: Callable[[Array], Array] | None = None,
    ):
        require_x64()
        PARAMETRISATIONS[parametrisation]  # an unknown name is refused here
        if not callable(g0) or not (measure is None or callable(measure)):
            raise ArgumentError(
                "Arguments `g0` and `measure` must be functions of a point. Try `GridMetric(torus, packed)` for a "
                "metric on a grid, and `lambda x: g` for a constant."
            )
        self.network = self.start = network
        self.g0, self.measure, self.parametrisation = g0, measure, parametrisation

    def __call__(self, x: Float[Array, " n"]) -> Float[Array, "n n"]:
        r"""Return g at one point."""
        base, start, frame, m = self._fixed(x)
        return _metric(self.parametrisation, base + (self._values(self.network, x) - start), frame, m)

    def sampled(self, points: Float[Array, "N n"]) -> SampledMetric:
        r"""Return the metric at these points alone, with everything that does not train computed once."""
        return SampledMetric(self.network, points, *jax.vmap(self._fixed)(points), self.parametrisation)

    def check(self, points: ArrayLike) -> None:
        r"""Refuse a network that is no Riemannian metric at some of the points, shape (N, n).

        Raises:
            MetricError: with the `point` and the `eigenvalue`.
        """
        points = jnp.asarray(points)
        check_metric(np.asarray(_at(self, points)), np.asarray(points).T, "metric of the network")

    def _fixed(self, x: Array) -> tuple[Array, Array, Array, Array]:
        frame = self.g0(x)
        m = jnp.ones(()) if self.measure is None else jnp.asarray(self.measure(x))
        return self._map.networks_at(frame, m, frame), self._values(self.start, x), frame, m

    def _values(self, network: Network, x: Array) -> Float[Array, " A"]:
        values, count = network(x), self._map.count(x.shape[0])
        if values.shape != (count,):
            raise ArgumentError(
                f"The parametrisation `{self.parametrisation}` of a metric in dimension {x.shape[0]} needs a network "
                f"of {count} outputs, shape ({count},), but it returned shape {values.shape}."
            )
        return values

    @property
    def _map(self) -> Any:
        return PARAMETRISATIONS[self.parametrisation]


class SampledMetric(eqx.Module):
    r"""A `MetricNetwork` at fixed points: only `network` is evaluated anew.

    Attributes:
        network: as in `MetricNetwork`.
        points: shape (N, n).
        base, start: $N^0_a$ and $f_a(\cdot;\theta_0)$ at the points, shape (N, A).
        frames: g0, shape (N, n, n); `measure`: m, shape (N,).
    """

    network: Any
    points: Float[Array, "N n"]
    base: Float[Array, "N A"]
    start: Float[Array, "N A"]
    frames: Float[Array, "N n n"]
    measure: Float[Array, " N"]
    parametrisation: str = eqx.field(static=True)

    def __call__(self) -> Float[Array, "N n n"]:
        r"""Return g at all points."""
        values = self.base + (jax.vmap(self.network)(self.points) - self.start)
        at = jax.vmap(lambda *arguments: _metric(self.parametrisation, *arguments))
        return at(values, self.frames, self.measure)


def _metric(parametrisation: str, networks: Array, frame: Array, m: Array) -> Array:
    g = PARAMETRISATIONS[parametrisation].metric(networks, frame, m)
    return 0.5 * (g + g.T)


@eqx.filter_jit
def _at(metric: MetricNetwork, points: Array) -> Array:
    return jax.vmap(metric)(points)
