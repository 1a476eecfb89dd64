r"""Metric parametrisations: how scalar networks $N_a$ make up a metric $g_{ij}$, and the tangent map between them.

With every $N_a$ an independent network of scalar kernel $\kappa$, gradient descent moves the metric by the metric-NTK

$$\Theta_{ijkl}(x,x') = \kappa(x,x')\sum_a J_{ij,a}(x)\,J_{kl,a}(x'),\qquad J_{ij,a} = \partial g_{ij}/\partial N_a$$

Only an *affine* parametrisation has constant J, hence a metric-NTK that stays frozen at infinite width. The choice of
parametrisation is a choice of local limit: Ricci flow needs $\sum_a J J = \frac12(g_{ik}g_{jl} + g_{il}g_{jk})$ up to a
factor, which only the framed parametrisations give (see `geomflow.networks.metric_ntk.covariance_defect`).

All functions act on one point; vmap them over a grid. Reference: arXiv 2310.19870.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from geomflow.core.catalogue import Catalogue
from geomflow.core.errors import MetricError
from geomflow.core.precision import require_x64
from geomflow.networks.matrix_functions import symmetric_exp, symmetric_log, symmetric_root


class Parametrisation(ABC):
    r"""A map from scalar networks to a metric, at one point.

    Subclasses give `networks_at` and `metric`; the Jacobian is differentiated, never written by hand.
    `m` is the density of the fixed measure $dm = m\,dx$ and `g0` the reference metric of the framed maps (by default
    the metric itself); maps without a frame ignore both.
    """

    name: ClassVar[str]
    affine: ClassVar[bool]

    @abstractmethod
    def networks_at(
        self, g: Float[Array, "n n"], m: ArrayLike = 1.0, g0: Float[Array, "n n"] | None = None
    ) -> Float[Array, " A"]:
        r"""Return the values of the scalar networks that give the positive definite metric `g`."""

    @abstractmethod
    def metric(self, networks: Float[Array, " A"], g0: Float[Array, "n n"], m: ArrayLike = 1.0) -> Float[Array, "n n"]:
        r"""Return the metric that the network values make up; `g0` fixes n also where it is not a reference."""

    def count(self, n: int) -> int:
        r"""Return the number A of scalar networks of an n-dimensional metric."""
        return jax.eval_shape(self.networks_at, jax.ShapeDtypeStruct((n, n), float)).shape[0]

    def jacobian(
        self, g: Float[Array, "n n"], m: ArrayLike = 1.0, g0: Float[Array, "n n"] | None = None
    ) -> Float[Array, "n n A"]:
        r"""Return $J_{ij,a} = \partial g_{ij}/\partial N_a$ at the metric `g`, by forward differentiation.

        Args:
            g: the current metric, symmetric positive definite; repeated eigenvalues are fine.
            m: density of the fixed measure, dm/dx.
            g0: reference metric of the framed maps; None frames at `g` itself.

        Returns:
            J, derivative index last.

        Raises:
            MetricError: `g` is not a square matrix.
            PrecisionError: JAX runs in float32.
        """
        require_x64()
        g = jnp.asarray(g)
        if g.ndim != 2 or g.shape[0] != g.shape[1]:
            raise MetricError(
                f"Argument `g` must be one n x n matrix, but its shape is {g.shape}. vmap over the points."
            )
        reference = g if g0 is None else jnp.asarray(g0)
        return jax.jacfwd(self.metric)(self.networks_at(g, m, reference), reference, m)


class Independent(Parametrisation):
    r"""d² independent networks, one per index pair: g_ij = N_ij.

    Affine, hence frozen at infinite width, with $\Theta_{ijkl} = \delta_{ik}\delta_{jl}\,\kappa$. The metric stays
    symmetric under a symmetric source. Not covariant: indices are lowered with δ in place of g. Networks: $n^2$.
    Reference: arXiv 2310.19870.
    """

    name = "independent"
    affine = True

    def networks_at(self, g, m=1.0, g0=None):
        r"""Return the entries of g, row by row."""
        return jnp.reshape(g, -1)

    def metric(self, networks, g0, m=1.0):
        r"""Return the networks as a matrix."""
        return jnp.reshape(networks, g0.shape)


class Packed(Parametrisation):
    r"""One network per pair i <= j: g_ij = g_ji = N_ij.

    Affine, hence frozen at infinite width. Off-diagonal components move twice as fast as diagonal ones under a
    symmetric source, since $N_{12}$ moves $g_{12}$ and $g_{21}$: $\Theta_{1212} = \Theta_{1221} = \kappa$.
    Networks: $n(n+1)/2$. Reference: arXiv 2310.19870.
    """

    name = "packed"
    affine = True

    def networks_at(self, g, m=1.0, g0=None):
        r"""Return the entries of g with i <= j."""
        return g[np.triu_indices(g.shape[0])]

    def metric(self, networks, g0, m=1.0):
        r"""Return the symmetric matrix with these entries."""
        return jnp.einsum("a,aij->ij", networks, symmetric_basis(g0.shape[0], orthonormal=False))


class PackedOrthonormal(Parametrisation):
    r"""One network per element of a Frobenius-orthonormal basis: g = Σ_a N_a E_a.

    Affine, hence frozen at infinite width, and κ times the identity on symmetric tensors:
    $\Theta_{ijkl} = \frac12(\delta_{ik}\delta_{jl} + \delta_{il}\delta_{jk})\,\kappa$. Not covariant.
    Networks: $n(n+1)/2$. Reference: arXiv 2310.19870.
    """

    name = "packed-orthonormal"
    affine = True

    def networks_at(self, g, m=1.0, g0=None):
        r"""Return the coordinates of g in the orthonormal basis."""
        return _coordinates(g)

    def metric(self, networks, g0, m=1.0):
        r"""Return the symmetric matrix with these coordinates."""
        return _symmetric(networks, g0.shape[0])


class Cholesky(Parametrisation):
    r"""A lower triangular matrix of networks: g = L Lᵀ, L_ij = N_ij for i >= j.

    Quadratic, not affine: the metric-NTK moves with g. Positive definite as long as no diagonal entry of L vanishes.
    Depends on the order of the coordinates: not covariant under rotations. Networks: $n(n+1)/2$.
    Reference: arXiv 2310.19870 for the metric-NTK of a non-linear output.
    """

    name = "cholesky"
    affine = False

    def networks_at(self, g, m=1.0, g0=None):
        r"""Return the lower triangle of the Cholesky factor of g."""
        return jnp.linalg.cholesky(g)[np.tril_indices(g.shape[0])]

    def metric(self, networks, g0, m=1.0):
        r"""Return L Lᵀ."""
        lower = jnp.zeros_like(g0).at[np.tril_indices(g0.shape[0])].set(networks)
        return lower @ lower.T


class Gram(Parametrisation):
    r"""A full matrix of networks: g = AᵀA, started at the symmetric root A = √g.

    Quadratic, not affine. The local form
    $\sum_a J J = \delta_{ik}g_{jl} + g_{ik}\delta_{jl} + \delta_{il}g_{jk} + g_{il}\delta_{jk}$ depends on A
    through g alone, hence starting at the symmetric root loses nothing. Networks: $n^2$. Reference: arXiv 2310.19870.
    """

    name = "gram"
    affine = False

    def networks_at(self, g, m=1.0, g0=None):
        r"""Return the entries of the symmetric root of g, row by row."""
        return jnp.reshape(symmetric_root(g), -1)

    def metric(self, networks, g0, m=1.0):
        r"""Return Aᵀ A."""
        a = jnp.reshape(networks, g0.shape)
        return a.T @ a


class Exp(Parametrisation):
    r"""The exponential of a symmetric matrix of networks: g = exp(S), S = Σ_a N_a E_a, E_a orthonormal.

    Not affine. Always positive definite. In the eigenbasis of g, $\Theta_{iiii} = \lambda_i^2\,\kappa$ and
    $\Theta_{ijij} = \frac12\,{\rm logmean}(\lambda_i,\lambda_j)^2\,\kappa$, so that it is nearly covariant.
    Networks: $n(n+1)/2$. Reference: arXiv 2310.19870.
    """

    name = "exp"
    affine = False

    def networks_at(self, g, m=1.0, g0=None):
        r"""Return the coordinates of log g in the orthonormal basis."""
        return _coordinates(symmetric_log(g))

    def metric(self, networks, g0, m=1.0):
        r"""Return exp S."""
        return symmetric_exp(_symmetric(networks, g0.shape[0]))


class ExpFramed(Parametrisation):
    r"""The exponential in a reference frame: g = e0ᵀ exp(S) e0 with e0 = √g0, S = Σ_a N_a E_a.

    Not affine. Always positive definite. At $g = g_0$ the local form is exactly covariant,
    $\sum_a JJ = \frac12(g_{ik}g_{jl} + g_{il}g_{jk})$; it leaves covariance as g moves away from $g_0$.
    Networks: $n(n+1)/2$. Reference: arXiv 2310.19870.
    """

    name = "exp-framed"
    affine = False

    def networks_at(self, g, m=1.0, g0=None):
        r"""Return the coordinates of log(e0⁻¹ g e0⁻¹) in the orthonormal basis."""
        inverse = jnp.linalg.inv(symmetric_root(g if g0 is None else g0))
        return _coordinates(symmetric_log(inverse @ g @ inverse))

    def metric(self, networks, g0, m=1.0):
        r"""Return e0 exp(S) e0."""
        frame = symmetric_root(g0)
        return frame @ symmetric_exp(_symmetric(networks, g0.shape[0])) @ frame


class Vielbein(Parametrisation):
    r"""Networks in a vielbein of the reference metric: g_ij = g0_ij + m^(-1/2) e_ia e_jb N_(ab).

    With $g_0 = ee^{\sf T}$ fixed it is affine, hence frozen at infinite width. Framed at the current metric
    (`g0=None` in `jacobian`) its kernel is
    $e_{ia}e_{jb}\,{\rm Id}^{\rm sym}_{abcd}\,e'_{kc}e'_{ld}\,K_\sigma/\sqrt{mm'}$, with the
    local limit $\frac12(g_{ik}g_{jl} + g_{il}g_{jk})\,\delta(x-x')/m$, which turns Perelman's gradient into
    $-({\rm Ric} + {\rm Hess} f)$: the missing factor 2 is the learning rate. The frame is the Cholesky factor; another
    frame gives the same kernel at one point, and between points the frame field has to be smooth. Positive only near
    $g_0$. Networks: $n(n+1)/2$. Reference: arXiv 2310.19870.
    """

    name = "vielbein"
    affine = True

    def networks_at(self, g, m=1.0, g0=None):
        r"""Return the coordinates of √m e⁻¹ (g - g0) e⁻ᵀ in the orthonormal basis."""
        reference = g if g0 is None else g0
        inverse = jnp.linalg.inv(jnp.linalg.cholesky(reference))
        return _coordinates(jnp.sqrt(m) * inverse @ (g - reference) @ inverse.T)

    def metric(self, networks, g0, m=1.0):
        r"""Return g0 + e N eᵀ/√m."""
        frame = jnp.linalg.cholesky(g0)
        return g0 + frame @ _symmetric(networks, g0.shape[0]) @ frame.T / jnp.sqrt(m)


def symmetric_basis(n: int, *, orthonormal: bool = True) -> np.ndarray:
    r"""Return the basis $E_{ii}$, $(E_{ij} + E_{ji})/\sqrt2$ of symmetric n x n matrices, shape (n(n+1)/2, n, n).

    Args:
        n: the dimension.
        orthonormal: divide the off-diagonal elements by √2, so that tr E_a E_b = δ_ab.
    """
    rows, columns = np.triu_indices(n)
    basis = np.zeros((len(rows), n, n))
    off_diagonal = 1 / np.sqrt(2) if orthonormal else 1.0
    scale = np.where(rows == columns, 1.0, off_diagonal)
    basis[np.arange(len(rows)), rows, columns] = scale
    basis[np.arange(len(rows)), columns, rows] = scale
    return basis


def _coordinates(s: Float[Array, "n n"]) -> Float[Array, " A"]:
    r"""Coordinates tr(S E_a) of a symmetric matrix in the orthonormal basis."""
    return jnp.einsum("ij,aij->a", s, symmetric_basis(s.shape[0]))


def _symmetric(coordinates: Float[Array, " A"], n: int) -> Float[Array, "n n"]:
    r"""The symmetric matrix Σ N_a E_a."""
    return jnp.einsum("a,aij->ij", coordinates, symmetric_basis(n))


#: Every parametrisation by name; a new one is a class above and one more line here.
PARAMETRISATIONS = Catalogue("parametrisation")
for _entry in (
    Independent(),
    Packed(),
    PackedOrthonormal(),
    Cholesky(),
    Gram(),
    Exp(),
    ExpFramed(),
    Vielbein(),
):
    PARAMETRISATIONS.add(_entry.name, _entry)
