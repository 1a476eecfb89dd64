r"""The report of a check of identities: every defect at its worst point, what it is held to, and the verdict in words.

How a defect is judged. Tensors are taken to the units of the metric (`unit_scales`: |g_ij| <= 1, whatever the units of
the coordinates), and every identity is measured against what its terms can be before they cancel (`Sizes`). Rounding
then leaves a defect of about ε times the number of terms; the tolerance at a point is `100 n² ε`, ε = 2.2e-16. Values
of the caller's own have been through an inverse of their own: for them it is `100 n² ε κ`, κ being the condition number
of g in those units, plus the accuracy the caller claims.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from geomflow.core.card import Card
from geomflow.geometry import curvature

SAFETY = 100.0
EPSILON = float(np.finfo(float).eps)


@dataclass(frozen=True)
class Finding:
    r"""One identity at its worst point: the relative defect, what it is held to, and where."""

    identity: str
    defect: float
    tolerance: float
    where: tuple[float, ...]

    @property
    def passed(self) -> bool:
        r"""Whether the identity holds within its tolerance (a NaN does not)."""
        return self.defect <= self.tolerance


@dataclass(frozen=True)
class IdentityReport:
    r"""What was checked, at how many points, and how it ended; `print(report)` draws the card.

    Attributes:
        title: what was checked.
        findings: one for each identity.
        points: number of points.
        condition: the largest condition number of the metric there, in its own units.
        advice: sentences on what is likely wrong, or on what the check could not see.
    """

    title: str
    findings: tuple[Finding, ...]
    points: int
    condition: float
    advice: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        r"""Whether every identity holds."""
        return all(finding.passed for finding in self.findings)

    @property
    def failed(self) -> tuple[str, ...]:
        r"""The identities that do not hold."""
        return tuple(finding.identity for finding in self.findings if not finding.passed)

    def card(self) -> Card:
        r"""Return the report as a card."""
        card = Card(self.title)
        card.row("points", self.points).row("condition number of g", self.condition, "largest, in the units of g")
        card.section("largest relative defects")
        for f in self.findings:
            place = ", ".join(f"{x:.5g}" for x in f.where)
            card.row(f.identity, f.defect, f"held to {f.tolerance:.1e}, at ({place}){'' if f.passed else ': FAILS'}")
        for sentence in self.advice:
            card.text(sentence)
        if self.passed:
            return card.verdict("verified", "Holds to rounding, or to the accuracy claimed.")
        return card.verdict("refuted", f"Does not hold: {'; '.join(self.failed)}.")

    def __str__(self) -> str:
        return str(self.card())


def in_units(tensor: Any, scales: Any, slots: str) -> Any:
    r"""Return the components of a tensor in the coordinates y^i = s_i x^i, for arrays of NumPy or JAX.

    Args:
        tensor: shape (*batch, n, ..., n).
        scales: s_i, shape (*batch, n).
        slots: `u` (up) or `d` (down) for each index.
    """
    for axis, letter in enumerate(slots):
        factor = scales if letter == "u" else 1 / scales
        ones = (1,) * axis, (1,) * (len(slots) - 1 - axis)
        tensor = tensor * factor.reshape(*scales.shape[:-1], *ones[0], scales.shape[-1], *ones[1])
    return tensor


def largest(tensor: Array) -> Array:
    r"""Return the largest absolute component."""
    return jnp.max(jnp.abs(tensor))


class Sizes(NamedTuple):
    r"""What the terms of curvature can be before they cancel, at one point in the units of g.

    Attributes:
        rate: ℓ = max(|∂g|, |∂²g|^{1/2}), an inverse length over which the metric varies.
        inverse: |g⁻¹|, 1 for a well-conditioned metric.
        christoffel: max(ℓ, |Γ|).
        riemann: that of R_abcd: ℓ² + ℓ |Γ|.
        ricci: |g⁻¹| times that.
        einstein: Ric and R g: |g⁻¹| (1 + |g⁻¹|) times that.
    """

    rate: Array
    inverse: Array
    christoffel: Array
    riemann: Array
    ricci: Array
    einstein: Array


def sizes(scales: Array, g: Array, dg: Array, ddg: Array) -> Sizes:
    r"""Return the sizes of the terms of curvature from the jets of the metric."""
    l = jnp.maximum(largest(in_units(dg, scales, "ddd")), jnp.sqrt(largest(in_units(ddg, scales, "dddd"))))
    k = largest(in_units(jnp.linalg.inv(g), scales, "uu"))
    gamma = jnp.maximum(l, largest(in_units(curvature.christoffel(g, dg), scales, "udd")))
    riem = l * (l + gamma)
    return Sizes(l, k, gamma, riem, k * riem, k * riem * (1 + k))


def rounding(dim: int, condition: Any) -> Any:
    r"""Return what rounding may leave of an identity at a point, 100 n² ε κ; κ is 1 where it is in the sizes."""
    return SAFETY * dim**2 * EPSILON * condition


def worst(identity: str, defects: np.ndarray, tolerances: np.ndarray, points: np.ndarray) -> Finding:
    r"""Return the finding at the point where a defect is largest against its tolerance."""
    at = int(np.argmax(np.nan_to_num(defects / tolerances, nan=np.inf)))
    return Finding(identity, float(defects[at]), float(tolerances[at]), tuple(float(v) for v in points[at]))
