r"""Ricci flow of diagonal left-invariant metrics A ω1² + B ω2² + C ω3² (+ ...)."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import sympy as sp
from jaxtyping import Array, Float

from geomflow.core.precision import require_x64
from geomflow.flows.homogeneous.base import HomogeneousFlow
from geomflow.flows.homogeneous.generate import MILNOR, Generated, diagonal, diagonal_rates, milnor_constants
from geomflow.flows.homogeneous.groups import group
from geomflow.symbolic.charts.lie_groups import LieAlgebra


class DiagonalFlow(HomogeneousFlow):
    r"""Ricci flow of diagonal metrics in a left-invariant frame; a state is (A, B, C, ...), shape (n,).

        dA/dt = -2 Ric(e1, e1), ...     on SU(2): A' = 4((B - C)² - A²)/(BC) and cyclic

    Args:
        algebra: a name of `GROUPS` or a Lie algebra of any dimension.
        normalised: keep the volume.

    Raises:
        CatalogueError: there is no group of that name.
        ArgumentError: diagonal metrics do not stay diagonal; `InvariantFlow` is the flow to use. Numbers: `component`,
            `value`.

    Good values: `DiagonalFlow("su2").run(jnp.array([1.0, 1.5, 2.5]), 0.3)`.

    Reference: Isenberg, Jackson, J. Differential Geom. 35 (1992) 723; Chow, Knopf, The Ricci Flow: An Introduction
    (2004), chapter 1.
    """

    structure: Array
    constants: tuple[Array, ...]
    normalised: bool = eqx.field(static=True)
    components: Generated = eqx.field(static=True)
    kretschmann: Generated = eqx.field(static=True)

    def __init__(self, algebra: str | LieAlgebra, *, normalised: bool = False):
        require_x64()
        algebra = group(algebra)
        self.structure, self.normalised = jnp.asarray(algebra.structure.astype(float)), normalised
        milnor = milnor_constants(algebra)
        # numbers that are arguments do not make another program: groups of one kind compile once
        self.constants = () if milnor is None else (jnp.array([float(value) for value in milnor]),)
        programs = diagonal(algebra if milnor is None else MILNOR)
        self.components, self.kretschmann = programs["ricci"], programs["kretschmann"]

    @property
    def size(self) -> int:
        r"""n."""
        return self.dim

    def matrix(self, state: Float[Array, " n"]) -> Float[Array, "n n"]:
        r"""Return diag(A, B, C, ...)."""
        return jnp.diag(state)

    def ricci(self, state: Float[Array, " n"]) -> Float[Array, " n"]:
        r"""Return Ric(e_a, e_a)."""
        return self.components(state, *self.constants)

    def principal_ricci(self, state: Float[Array, " n"]) -> Float[Array, " n"]:
        r"""Return Ric(e_a, e_a)/g_aa, in the order of the frame."""
        return self.ricci(state) / state

    def scalar(self, state: Float[Array, " n"]) -> Float[Array, ""]:
        r"""Return R."""
        return jnp.sum(self.principal_ricci(state))

    def smallest(self, state: Float[Array, " n"]) -> Float[Array, ""]:
        r"""Return the smallest of A, B, C, ..."""
        return jnp.min(state)

    def volume_density(self, state: Float[Array, " n"]) -> Float[Array, ""]:
        r"""Return (A B C ...)^½."""
        return jnp.sqrt(jnp.prod(state))

    def curvature(self, state: Float[Array, " n"]) -> Float[Array, ""]:
        r"""Return |Rm| = (R_abcd R^abcd)^½."""
        # a flat metric may come out a rounding error below zero
        return jnp.sqrt(jnp.maximum(self.kretschmann(state, *self.constants)[0], 0.0))

    def equations(self) -> dict[str, sp.Expr]:
        r"""Return the derived right-hand sides, {"A": dA/dt, ...}, factored."""
        exact = np.array(
            [sp.nsimplify(value, rational=True) for value in np.asarray(self.structure).ravel()], dtype=object
        )
        return diagonal_rates(LieAlgebra(exact.reshape((self.dim,) * 3)), normalised=self.normalised)
