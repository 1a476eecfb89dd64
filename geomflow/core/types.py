r"""The conventions of geomflow, stated once, and the array types that carry them.

Signs
    $R^a{}_{bcd} = \partial_c \Gamma^a_{db} - \partial_d \Gamma^a_{cb} + \Gamma^a_{ce}\Gamma^e_{db}
    - \Gamma^a_{de}\Gamma^e_{cb}$ and $R_{bd} = R^a{}_{bad}$: the round sphere has positive Ricci and scalar
    curvature. Ricci flow is $\dot g = -2\,\mathrm{Ric}$. The Laplacian is $\mathrm{div}\,\mathrm{grad}$, with
    negative spectrum.

Derivatives
    Derivative indices come last, as `jax.jacfwd` gives them: `dg[i, j, k]` is $\partial_k g_{ij}$ and
    `ddg[i, j, k, l]` is $\partial_k \partial_l g_{ij}$. In $\Gamma^a_{bc}$ the upper index comes first:
    `gamma[a, b, c]`; likewise `riemann[a, b, c, d]` is $R^a{}_{bcd}$.

Points and batches
    A function acts on one point, and the caller vmaps. Batch axes stand on the left.

Kähler
    $g_{i\bar\jmath} = \partial_i \bar\partial_j K$; a docstring says whether its $dV$ carries the factor $2^n$.

Perelman
    $F = \int (R + |\nabla f|^2)\, e^{-f}\, dV$. With $dm = e^{-f} dV$ held fixed, $f = \log(dV/dm)$.

Precision and units
    float64 wherever geometry is done (`geomflow.require_x64`). All quantities are dimensionless unless a docstring
    says otherwise.

This is the one module of `core` that needs an array library for its types; nothing in `core` or `symbolic` imports it.
"""

from __future__ import annotations

from typing import TypeAlias

from jaxtyping import Array, Complex, Float

Point: TypeAlias = Float[Array, "*batch n"]
"""Coordinates of a point."""

ScalarField: TypeAlias = Float[Array, "*batch"]
"""A function's values."""

ScalarJet1: TypeAlias = Float[Array, "*batch n"]
r"""`df[k]` is $\partial_k f$."""

ScalarJet2: TypeAlias = Float[Array, "*batch n n"]
r"""`ddf[k, l]` is $\partial_k \partial_l f$."""

Density: TypeAlias = Float[Array, "*batch"]
r"""A measure's density with respect to the coordinates: $m$ in $dm = m\, d^n x$ (for the volume, $\sqrt{\det g}$)."""

Vector: TypeAlias = Float[Array, "*batch n"]
"""Components with an upper index."""

Covector: TypeAlias = Float[Array, "*batch n"]
"""Components with a lower index."""

Metric: TypeAlias = Float[Array, "*batch n n"]
"""`g[i, j]`, symmetric and positive definite, indices down."""

InverseMetric: TypeAlias = Float[Array, "*batch n n"]
"""`ginv[i, j]`, indices up."""

MetricJet1: TypeAlias = Float[Array, "*batch n n n"]
r"""`dg[i, j, k]` is $\partial_k g_{ij}$."""

MetricJet2: TypeAlias = Float[Array, "*batch n n n n"]
r"""`ddg[i, j, k, l]` is $\partial_k \partial_l g_{ij}$."""

SymmetricTensor: TypeAlias = Float[Array, "*batch n n"]
"""A symmetric 2-tensor such as Ricci, a Hessian, or the velocity of a metric."""

Frame: TypeAlias = Float[Array, "*batch n n"]
r"""A vielbein `e[a, i]` with $g_{ij} = \delta_{ab}\, e^a_i e^b_j$."""

Christoffel: TypeAlias = Float[Array, "*batch n n n"]
r"""`gamma[a, b, c]` is $\Gamma^a_{bc}$."""

Riemann: TypeAlias = Float[Array, "*batch n n n n"]
"""`riemann[a, b, c, d]` is $R^a{}_{bcd}$."""

HermitianMetric: TypeAlias = Complex[Array, "*batch n n"]
r"""`g[i, j]` is $g_{i\bar\jmath}$."""
