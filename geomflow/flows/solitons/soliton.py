r"""A gradient Ricci soliton on panels of arclength, measured by what defines it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from geomflow.core.errors import ArgumentError
from geomflow.core.precision import require_x64
from geomflow.flows.solitons.ansatz import Ansatz
from geomflow.flows.solitons.panels import Panels


@dataclass(frozen=True, eq=False)
class Soliton:
    r"""Samples of \(\mathrm{Ric} + \nabla^2 f = \lambda g\), shrinking for λ > 0, expanding for λ < 0.

    Everything but the samples is computed from them: radii and f are differentiated numerically and put into curvatures
    generated from the metric, so that `residual` knows nothing of the equation that was integrated.

    Args:
        name: what it is.
        constant: λ.
        ansatz: the family of metrics, which names the radii.
        panels: where the samples are.
        radii: their values at `panels.s`, by name.
        potential: f there.
        parity: of each radius at the two ends, where the manifold closes.
    """

    name: str
    constant: float
    ansatz: Ansatz
    panels: Panels
    radii: dict[str, Float[np.ndarray, " n"]]
    potential: Float[np.ndarray, " n"]
    parity: dict[str, tuple[int, int]]

    @property
    def dim(self) -> int:
        r"""Dimension n."""
        return self.ansatz.dim

    @property
    def s(self) -> Float[np.ndarray, " n"]:
        r"""Arclength from the tip."""
        return self.panels.s

    @property
    def w(self) -> Float[np.ndarray, " n"]:
        r"""The radius that is drawn: w of a rotationally symmetric metric, b of one with U(2) symmetry."""
        return self.radii[self.ansatz.radii[-1]]

    @property
    def complete(self) -> bool:
        r"""Whether the samples end where the manifold closes, rather than where they were cut off."""
        return self.panels.closes[1]

    @property
    def end_slope(self) -> float:
        r"""w' at the outer end: -1 where it closes smoothly, -α in a cone point of the angle 2πα."""
        slopes = self.panels.jet(self.w, self.parity[self.ansatz.radii[-1]])[1]
        return float(self.panels.at(slopes, self.panels.edges[-1:])[0])

    @cached_property
    def _measured(self) -> np.ndarray:
        require_x64()
        radii = [self.panels.jet(self.radii[name], self.parity[name]) for name in self.ansatz.radii]
        potential = self.panels.jet(self.potential)
        constant = np.full((1, self.s.size), self.constant)
        return np.asarray(self.ansatz.measured(np.stack(radii), potential, constant))

    @property
    def defect(self) -> Float[np.ndarray, "d n"]:
        r"""Eigenvalues of Ric + ∇²f - λg, one row for each eigenspace of Ric, the one along s first: 1/length²."""
        return self._measured[: len(self.ansatz.directions)]

    @property
    def hessian(self) -> Float[np.ndarray, "d n"]:
        r"""Eigenvalues of ∇²f, likewise."""
        return self._measured[len(self.ansatz.directions) : -3]

    @property
    def scalar(self) -> Float[np.ndarray, " n"]:
        r"""Scalar curvature R."""
        return self._measured[-3]

    @property
    def curvature(self) -> Float[np.ndarray, " n"]:
        r"""|Rm| = (R_abcd R^abcd)^½."""
        return np.sqrt(np.clip(self._measured[-1], 0, None))

    @property
    def residual(self) -> float:
        r"""The largest |eigenvalue of Ric + ∇²f - λg|, relative to the largest |∇²f| or |λ|; flat and f constant: 0."""
        scale = max(abs(self.constant), float(np.max(np.abs(self.hessian))))
        return float(np.max(np.abs(self.defect))) / (scale or 1.0)

    @property
    def hamilton(self) -> Float[np.ndarray, " n"]:
        r"""Hamilton's first integral C = R + |∇f|² - 2λf, which is constant."""
        return self._measured[-3] + self._measured[-2] - 2 * self.constant * self.potential

    def at(self, s: np.ndarray) -> dict[str, np.ndarray]:
        r"""Return the radii, and f under its name "f", at other places.

        Raises:
            ArgumentError: a place outside the samples.
        """
        found = {name: self.panels.at(values, s, self.parity[name]) for name, values in self.radii.items()}
        return found | {"f": self.panels.at(self.potential, s)}

    def profile(self) -> tuple[np.ndarray, np.ndarray]:
        r"""Return arclength and the radius `w` from end to end, ends where the manifold closes included."""
        name = self.ansatz.radii[-1]
        ends = [edge for edge, closes in zip(self.panels.edges[[0, -1]], self.panels.closes, strict=True) if closes]
        s = np.sort(np.concatenate([self.s, ends]))
        return s, np.where(np.isin(s, ends) & (self.parity[name][0] < 0), 0.0, self.at(s)[name])

    def __str__(self) -> str:
        kind = "steady" if self.constant == 0 else ("shrinking" if self.constant > 0 else "expanding")
        reach = "closed" if self.complete else f"s up to {self.panels.edges[-1]:.6g}"
        what = f"{self.name}: {kind}, dimension {self.dim}, lam = {self.constant:.6g}"
        return f"{what}, {reach}, residual {self.residual:.1e}"


def positive(name: str, value: float) -> None:
    r"""Refuse an argument that is not a positive number."""
    if not (np.isfinite(value) and value > 0):
        raise ArgumentError(f"Argument `{name}` must be positive, but is {value}.")
