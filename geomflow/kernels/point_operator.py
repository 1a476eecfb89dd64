r"""A kernel as an operator on functions of a point set, applied without its matrix, over one device or several."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from geomflow.batch.evaluate import evaluate
from geomflow.batch.mesh import Devices, device_mesh
from geomflow.core.errors import ArgumentError, ConvergenceError
from geomflow.geometry.point_sets import PointSet
from geomflow.kernels.base import Kernel, points_pair

#: Rows and columns of a tile of the matrix that exists at a time, on each device.
BLOCK = 1024


class PointOperator(eqx.Module):
    r"""The integral operator of a kernel under the measure of a point set.

    $$(Ku)(x_i) = \sum_j\kappa(x_i, x_j)\,w_j\,u(x_j)\approx\int\kappa(x_i, x')\,u(x')\,d\mu(x')$$

    Tiles of κ are computed and used up again: beside points and values a device holds `block`² numbers. It is symmetric
    in the inner product of the weights, not as a matrix: `transpose` is $u\mapsto w\cdot(\kappa u)$.

    Args:
        kernel: κ.
        points: x_i, shape (n, d), or a `PointSet`, which has its weights.
        weights: w_j, shape (n,); None means 1/n each, the average over the points.
        block: rows and columns of a tile.
        mesh: the devices among which rows are shared out, as for `geomflow.batch.device_mesh`; None means the first one
            alone.
        transposed: whether this is the transpose.

    Raises:
        ArgumentError: shapes that do not match, weights that are not finite, a kernel infinite at coincident points, or
            a bad block.
        PrecisionError: JAX runs in float32.

    Good values: n up to 10⁵ (10¹⁰ values of κ in each application); a torus grid has the FFT
    (`geomflow.kernels.operator`), whatever its size.
    """

    kernel: Kernel
    points: Float[Array, "n d"]
    weights: Float[Array, " n"]
    block: int = eqx.field(static=True)
    mesh: Devices = eqx.field(static=True)
    transposed: bool = eqx.field(static=True)

    def __init__(
        self,
        kernel: Kernel,
        points: Float[Array, "n d"] | PointSet,
        weights: Float[Array, " n"] | None = None,
        block: int = BLOCK,
        mesh: Devices = None,
        transposed: bool = False,
    ):
        kernel.check_finite()
        if isinstance(points, PointSet):
            if weights is not None:
                raise ArgumentError("A `PointSet` has its weights. Leave `weights` out, or give `points.points`.")
            points, weights = points.points, points.weights
        self.kernel, self.points = kernel, points_pair(points)[0]
        n = self.points.shape[0]
        self.weights = jnp.full(n, 1 / n) if weights is None else jnp.asarray(weights, dtype=float)
        if self.weights.shape != (n,):
            raise ArgumentError(
                f"Argument `weights` must have one entry for each of the {n} points, but has shape "
                f"{self.weights.shape}."
            )
        if not isinstance(self.weights, Tracer) and not np.isfinite(self.weights).all():
            raise ArgumentError("Argument `weights` must be finite, but is not.")
        if block < 1:
            raise ArgumentError(f"Argument `block` must be at least 1, but is {block}. Try {BLOCK}.", block=block)
        self.block, self.mesh, self.transposed = block, device_mesh(1 if mesh is None else mesh), transposed

    @property
    def size(self) -> int:
        r"""Number of points n."""
        return self.points.shape[0]

    @property
    def transpose(self) -> PointOperator:
        r"""The transpose as a matrix, $u\mapsto w\cdot(\kappa u)$."""
        return PointOperator(self.kernel, self.points, self.weights, self.block, self.mesh, not self.transposed)

    def __call__(self, field: Float[Array, "n *components"]) -> Float[Array, "n *components"]:
        r"""Return Ku; each component of a field is treated alike.

        Args:
            field: u at the points, shape (n,) or (n, *components).

        Raises:
            ArgumentError: not one value for each point.
        """
        field = jnp.asarray(field)
        if field.shape[:1] != (self.size,):
            raise ArgumentError(
                f"Argument `field` must have one value for each of the {self.size} points along its first axis, but "
                f"has shape {field.shape}."
            )
        flat = field.reshape(self.size, -1)
        weights = self.weights[:, None]
        found = self._summed(flat) * weights if self.transposed else self._summed(flat * weights)
        return found.reshape(field.shape)

    @property
    def trace(self) -> Float[Array, ""]:
        r"""The trace, Σ_i w_i κ(x_i, x_i): the sum of all eigenvalues."""
        return jnp.sum(self.weights * self.kernel.diagonal(self.points))

    def dense(self) -> Float[Array, "n n"]:
        r"""Return the matrix, κ(x_i, x_j) w_j: n² numbers."""
        matrix = self.kernel.matrix(self.points)
        return matrix * (self.weights[:, None] if self.transposed else self.weights)

    def eigenvalues(self, count: int) -> np.ndarray:
        r"""Return the largest eigenvalues, in descending order, by Lanczos' method (ARPACK).

        They are those of the symmetric matrix √w_i κ(x_i, x_j) √w_j.

        Args:
            count: how many, 1 to n - 1.

        Raises:
            ArgumentError: a bad count, or a negative weight, with which there is no such matrix.
            ConvergenceError: the method did not converge; numbers: `value`, the eigenvalues found.
        """
        from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

        if not 1 <= count < self.size:
            raise ArgumentError(
                f"Argument `count` must be between 1 and {self.size - 1} for {self.size} points, but is {count}. "
                "For all of them try `np.linalg.eigvalsh` on `kernel.matrix`.",
                count=count,
            )
        root = np.sqrt(np.maximum(np.asarray(self.weights), 0.0))
        if np.any(np.asarray(self.weights) < 0):
            raise ArgumentError("Eigenvalues need weights that are not negative. Try a rule with positive weights.")

        def apply(vector: np.ndarray) -> np.ndarray:
            return root * np.asarray(self._summed(jnp.asarray(root * vector.ravel())[:, None]))[:, 0]

        operator = LinearOperator((self.size, self.size), matvec=apply, dtype=float)  # pyright: ignore[reportCallIssue]
        start = np.random.default_rng(0).standard_normal(self.size)
        try:
            values = eigsh(operator, k=count, which="LA", v0=start, return_eigenvectors=False)
        except ArpackNoConvergence as error:
            raise ConvergenceError(
                f"{len(error.eigenvalues)} of {count} eigenvalues converged. Ask for fewer.", value=error.eigenvalues
            ) from error
        return np.sort(values)[::-1]

    def _summed(self, values: Array) -> Array:
        r"""Return Σ_j κ(x_i, x_j) v_j of values of shape (n, A)."""
        parameters = {"others": self.points, "values": values}
        rows = _Rows(self.kernel, self.block)
        return evaluate(rows, self.points, axis=0, block=self.block, devices=self.mesh, parameters=parameters)


class _Rows(eqx.Module):
    r"""Some rows of κ times values, one tile of columns after the other."""

    kernel: Kernel
    block: int = eqx.field(static=True)

    def __call__(self, points: Array, others: Array, values: Array) -> Array:
        missing = -others.shape[0] % min(self.block, others.shape[0])
        # the last point again, with values of zero
        others = jnp.concatenate([others, jnp.broadcast_to(others[-1], (missing, others.shape[1]))])
        values = jnp.concatenate([values, jnp.zeros((missing, values.shape[1]), values.dtype)])
        tiles: Any = tuple(a.reshape(-1, min(self.block, a.shape[0]), a.shape[1]) for a in (others, values))

        def add(total: Array, tile: Any) -> tuple[Array, None]:
            return total + self.kernel.block(points, tile[0]) @ tile[1], None

        zero = jnp.zeros((points.shape[0], values.shape[1]), values.dtype)
        return jax.lax.scan(add, zero, tiles)[0]
