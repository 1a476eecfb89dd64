r"""Losses of a metric made by a network: in the continuum (a torus grid) and in the discretuum (a batch of points).

A loss first takes from a `MetricNetwork` what does not train (`sample`), and is then a number for every choice of the
parameters. Automatic differentiation pulls its functional derivative back to them,
$\partial L/\partial\theta = \int\frac{\delta L}{\delta g_{ij}}\frac{\partial g_{ij}}{\partial\theta}$.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from geomflow.codegen.jet_functions import jet_program, scalar_arguments
from geomflow.core.errors import ArgumentError
from geomflow.functionals import FUNCTIONALS
from geomflow.geometry import autodiff
from geomflow.geometry.packed import multiplicities, pack, unpack
from geomflow.geometry.point_sets import PointSet
from geomflow.geometry.torus import Torus
from geomflow.networks.metric_network import MetricNetwork, SampledMetric
from geomflow.symbolic.abstract.components import evaluate
from geomflow.symbolic.abstract.expression import ONE, exponential
from geomflow.symbolic.jets import JetFrame, pairs


class Loss(eqx.Module):
    r"""The contract: what of a metric is needed, its values where the loss looks at them, and the number."""

    def sample(self, metric: MetricNetwork) -> Any:
        r"""Return a module with the metric's `network` in it that the loss can be called with."""
        raise NotImplementedError

    def values(self, sampled: Any) -> Float[Array, "N n n"]:
        r"""Return g at the points of the loss."""
        return sampled()

    def __call__(self, sampled: Any) -> Float[Array, ""]:
        r"""Return L."""
        raise NotImplementedError


class SquaredError(Loss):
    r"""$L = \frac12\int|g - g^*|^2\,dx$ in chart components, by quadrature.

    Args:
        points: x_i with the weights of dx.
        target: g* there, shape (N, n, n).

    Raises:
        ArgumentError: a target of another shape.
    """

    points: PointSet
    target: Float[Array, "N n n"]

    def __check_init__(self) -> None:
        if self.target.shape != (self.points.size, self.points.dim, self.points.dim):
            raise ArgumentError(
                f"Argument `target` must hold a metric at each of {self.points.size} points in dimension "
                f"{self.points.dim}, but its shape is {self.target.shape}."
            )

    @classmethod
    def on_torus(cls, torus: Torus, target: Float[Array, "P *grid"]) -> SquaredError:
        r"""Return the loss in the continuum: all points of a grid, each with the weight of its cell."""
        return cls(_grid_points(torus), unpack(target).reshape(-1, torus.dim, torus.dim))

    def sample(self, metric: MetricNetwork) -> SampledMetric:
        r"""Return the metric at the points."""
        return metric.sampled(self.points.points)

    def __call__(self, sampled: SampledMetric) -> Float[Array, ""]:
        r"""Return L."""
        return 0.5 * jnp.sum(self.points.weights[:, None, None] * (sampled() - self.target) ** 2)


class GridFunctional(Loss):
    r"""$L = s\,\mathcal F(g)$ on a torus grid, the derivatives of g spectral.

    Args:
        torus: the grid.
        name: a functional from `FUNCTIONALS` of the metric alone, or of g and f with the weight $e^{-f}$; then the
            measure $dm = e^{-f}dV$ is held fixed and $f = \log(dV/dm)$.
        scale: s; -1 climbs. Perelman's F is to be climbed, ∫|Ric|² to be descended.
        measure: m > 0 in dm = m dx, shape (*grid,), for a functional with a weight; None is 1.

    Raises:
        ArgumentError: a functional of other fields, with another weight, or with constants.
        CatalogueError: no such functional.

    Good values: networks of a kernel width σ that the grid carries, and times below
    `geomflow.flows.torus.perelman.stability_horizon`: F at fixed measure is ill-posed, and it is σ alone that tames it.
    """

    torus: Torus
    name: str = eqx.field(static=True)
    scale: float = eqx.field(static=True, default=1.0)
    measure: Float[Array, "*grid"] | None = None

    def __check_init__(self) -> None:
        weighted(self.name)

    def sample(self, metric: MetricNetwork) -> SampledMetric:
        r"""Return the metric at the grid points."""
        return metric.sampled(_grid_points(self.torus).points)

    def __call__(self, sampled: SampledMetric) -> Float[Array, ""]:
        r"""Return L."""
        return self.of_metric(pack(sampled().reshape(*self.torus.shape, self.torus.dim, self.torus.dim)))

    def of_metric(self, g: Float[Array, "P *grid"]) -> Float[Array, ""]:
        r"""Return L of a packed metric."""
        torus, volume = self.torus, jnp.sqrt(jnp.linalg.det(unpack(g)))
        if not weighted(self.name):
            return self.scale * torus.integrate(density(self.name, torus.dim)(g, *torus.jets(g))[0] * volume)
        m = jnp.ones(torus.shape) if self.measure is None else self.measure
        f = jnp.log(volume / m)
        return self.scale * torus.integrate(
            density(self.name, torus.dim)(g, *torus.jets(g), f, torus.gradient(f))[0] * m
        )

    @eqx.filter_jit
    def gradient(self, g: Float[Array, "P *grid"]) -> Float[Array, "P *grid"]:
        r"""Return $\delta L/\delta g_{ij}$, a contravariant density: $dL = \int\frac{\delta L}{\delta g_{ij}}v_{ij}dx$.

        The exact gradient of the discretised functional; it is the derived one to spectral accuracy.
        """
        cell = self.torus.spacing**self.torus.dim
        counted = multiplicities(self.torus.dim).reshape(-1, *[1] * self.torus.dim)
        return jax.grad(self.of_metric)(g) / (cell * counted)


class PointFunctional(Loss):
    r"""$L = s\sum_i w_i\,\ell(x_i)$ on a batch of points, the derivatives of g by automatic differentiation.

    ℓ is the functional's density against dx. At random points with the weights of dx its mean over batches is
    $s\,\mathcal F$, and so is that of its gradient; a fixed batch is minimised in its own right.

    Args:
        points: x_i with the weights of dx.
        name, scale: as for `GridFunctional`.
        measure: x -> m(x) > 0, for a functional with a weight; None is 1.

    Raises:
        ArgumentError, CatalogueError: as for `GridFunctional`.

    Good values: batches re-drawn at the output times; a fixed batch of few points drives the curvature between them
    anywhere.
    """

    points: PointSet
    name: str = eqx.field(static=True)
    scale: float = eqx.field(static=True, default=1.0)
    measure: Callable[[Array], Array] | None = None

    def __check_init__(self) -> None:
        weighted(self.name)

    def sample(self, metric: MetricNetwork) -> MetricNetwork:
        r"""Return the metric itself, as its derivatives are needed."""
        return metric

    def values(self, sampled: MetricNetwork) -> Float[Array, "N n n"]:
        r"""Return g at the points of the batch."""
        return jax.vmap(sampled)(self.points.points)

    def __call__(self, sampled: MetricNetwork) -> Float[Array, ""]:
        r"""Return L."""
        g, dg, ddg = jax.vmap(lambda x: autodiff.jets(sampled, x))(self.points.points)
        rows, columns = np.array(pairs(self.points.dim)).T
        jets = [pack(g), jnp.moveaxis(dg[:, rows, columns], 0, -1)]
        second = ddg[:, rows, columns]
        jets.append(jnp.moveaxis(second[:, :, rows, columns], 0, -1))
        volume = jnp.sqrt(jnp.linalg.det(g))
        if not weighted(self.name):
            return self.scale * jnp.sum(self.points.weights * density(self.name, self.points.dim)(*jets)[0] * volume)
        m, slope = jnp.ones(self.points.size), jnp.zeros(())
        if self.measure is not None:
            m, derivative = jax.vmap(jax.value_and_grad(self.measure))(self.points.points)
            slope = (derivative / m[:, None]).T
        f = jnp.log(volume / m)
        df = 0.5 * jnp.einsum("bij,bijk->kb", jnp.linalg.inv(g), dg) - slope
        found = density(self.name, self.points.dim)(*jets, f, df)[0]
        return self.scale * jnp.sum(self.points.weights * found * m)


def torus_batch(key: ArrayLike, dim: int, count: int) -> PointSet:
    r"""Draw points uniformly on T^d = (R / 2πZ)^d, with the equal weights of dx: what a batch is re-drawn from."""
    points = jax.random.uniform(key, (count, dim), maxval=2 * jnp.pi)
    return PointSet(points, jnp.full(count, (2 * jnp.pi) ** dim / count))


@cache
def weighted(name: str) -> bool:
    r"""Return whether a functional has the weight e^{-f} (True) or is one of the metric alone (False).

    Raises:
        CatalogueError: no such functional.
        ArgumentError: a functional that is neither, or has constants.
    """
    functional = FUNCTIONALS[name]
    plain = functional.fields == ("g",) and functional.weight == ONE
    perelman = set(functional.fields) == {"g", "f"} and functional.weight == exponential("f")
    if not (plain or perelman) or functional.constants:
        raise ArgumentError(
            f"The functional `{name}` cannot train a metric alone: it must depend on g only, or on g and f with the "
            f"weight e^(-f), and on no constant, but it is {functional.summary}. Try perelman-f or ricci-squared."
        )
    return perelman


@cache
def density(name: str, dim: int) -> Callable[..., Array]:
    r"""Return the compiled density (g, ∂g, ∂²g[, f, ∂f]) -> ℓ of a functional, without its weight."""
    functional = FUNCTIONALS[name]
    frame = JetFrame(dim)
    extra = scalar_arguments(frame, "f", 1) if weighted(name) else []
    outputs: list[Any] = [evaluate(functional.density, frame)[()]]
    program = jet_program(
        name.replace("-", "_"), frame, outputs, extra, f"Density of {functional.summary}, dimension {dim}."
    )
    return jax.jit(program.compile())


@cache
def _grid(dim: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    x = np.arange(size) * (2 * np.pi / size)
    points = np.stack(np.meshgrid(*[x] * dim, indexing="ij"), axis=-1).reshape(-1, dim)
    return points, np.full(len(points), (2 * np.pi / size) ** dim)


def _grid_points(torus: Torus) -> PointSet:
    return PointSet(*_grid(torus.dim, torus.size))
