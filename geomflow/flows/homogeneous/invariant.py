r"""Ricci flow of all left-invariant metrics of a group."""

from __future__ import annotations

import itertools

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from geomflow.codegen.layouts import full
from geomflow.core.errors import ArgumentError
from geomflow.core.precision import require_x64
from geomflow.flows.homogeneous.base import HomogeneousFlow
from geomflow.flows.homogeneous.generate import orthonormal
from geomflow.flows.homogeneous.groups import group
from geomflow.symbolic.charts.lie_groups import LieAlgebra
from geomflow.symbolic.jets import pairs


class InvariantFlow(HomogeneousFlow):
    r"""Ricci flow of every left-invariant metric g_ab; a state is packed (g_11, g_12, ..., g_nn), shape (n(n+1)/2,).

    Args:
        algebra: a name of `GROUPS` or any Lie algebra of dimension 2 or more, unimodular or not.
        normalised: keep the volume.

    Raises:
        CatalogueError: there is no group of that name.
        ArgumentError: an algebra of dimension 1.

    Good values: `flow = InvariantFlow(LieAlgebra.from_coframe(["0", "w1*w2", "w1*w3"]))` (hyperbolic space),
    `flow.run(flow.pack(np.eye(3)), 1.0)`.

    Reference: Milnor, Adv. Math. 21 (1976) 293, section 5; Lauret, Math. Z. 274 (2013) 373, for flows seen from an
    orthonormal frame.
    """

    structure: Array
    normalised: bool = eqx.field(static=True)

    def __init__(self, algebra: str | LieAlgebra, *, normalised: bool = False):
        require_x64()
        self.structure, self.normalised = jnp.asarray(group(algebra).structure.astype(float)), normalised
        if self.dim < 2:
            raise ArgumentError("A flow needs a group of dimension 2 or more: a line has no curvature.")

    @property
    def size(self) -> int:
        r"""n(n+1)/2."""
        return self.dim * (self.dim + 1) // 2

    def pack(self, matrix: Float[Array, "n n"]) -> Float[Array, " P"]:
        r"""Return the state of a metric given as a symmetric matrix.

        Raises:
            ArgumentError: not symmetric, or of another size.
        """
        matrix = jnp.asarray(matrix, dtype=float)
        if matrix.shape != (self.dim,) * 2 or not np.allclose(matrix, matrix.T, rtol=1e-12, atol=0):
            raise ArgumentError(f"A metric on this group is a symmetric {self.dim} x {self.dim} matrix.")
        rows, columns = np.array(pairs(self.dim)).T
        return matrix[rows, columns]

    def matrix(self, state: Float[Array, " P"]) -> Float[Array, "n n"]:
        r"""Return g_ab."""
        return full(state, "symmetric", self.dim)

    def orthonormal(self, state: Float[Array, " P"]) -> tuple[Float[Array, "n n"], Float[Array, "n planes"]]:
        r"""Return L of g = L Lᵀ, and c'^k_ab, a < b, of the orthonormal frame e'_a = (L^-T)_ba e_b."""
        root = jnp.linalg.cholesky(self.matrix(state))
        frame = jnp.linalg.inv(root).T
        moved = jnp.einsum("lk,kij,ia,jb->lab", root.T, self.structure, frame, frame)
        first, second = np.array(list(itertools.combinations(range(self.dim), 2))).T
        return root, moved[:, first, second]

    def ricci(self, state: Float[Array, " P"]) -> Float[Array, " P"]:
        r"""Return Ric_ab, packed."""
        root, brackets = self.orthonormal(state)
        ricci = root @ full(orthonormal(self.dim)["ricci"](brackets), "symmetric", self.dim) @ root.T
        rows, columns = np.array(pairs(self.dim)).T
        return ricci[rows, columns]

    def principal_ricci(self, state: Float[Array, " P"]) -> Float[Array, " n"]:
        r"""Return the eigenvalues of Ric, ascending."""
        _, brackets = self.orthonormal(state)
        return jnp.linalg.eigvalsh(full(orthonormal(self.dim)["ricci"](brackets), "symmetric", self.dim))

    def scalar(self, state: Float[Array, " P"]) -> Float[Array, ""]:
        r"""Return R."""
        _, brackets = self.orthonormal(state)
        return jnp.trace(full(orthonormal(self.dim)["ricci"](brackets), "symmetric", self.dim))

    def smallest(self, state: Float[Array, " P"]) -> Float[Array, ""]:
        r"""Return the smallest eigenvalue of g_ab."""
        return jnp.linalg.eigvalsh(self.matrix(state))[0]

    def volume_density(self, state: Float[Array, " P"]) -> Float[Array, ""]:
        r"""Return √det g."""
        return jnp.sqrt(jnp.linalg.det(self.matrix(state)))

    def curvature(self, state: Float[Array, " P"]) -> Float[Array, ""]:
        r"""Return |Rm| = (R_abcd R^abcd)^½."""
        _, brackets = self.orthonormal(state)
        riemann = full(orthonormal(self.dim)["riemann"](brackets), "riemann", self.dim)
        return jnp.sqrt(jnp.sum(riemann**2))
