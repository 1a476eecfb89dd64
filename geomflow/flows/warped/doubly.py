r"""Ricci flow of doubly warped products φ² dx² + ψ² g_{S^p} + χ² g_{S^q}, on S^{p+q+1} and on S^{p+1} × S^q."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from geomflow.core.errors import ArgumentError, GridError, MetricError
from geomflow.flows.base import Flow
from geomflow.flows.solve.banded import Banded
from geomflow.flows.solve.methods import Method
from geomflow.flows.warped.doubly_generate import doubly_generated
from geomflow.flows.warped.meridian import REACH, Meridian

# A function that falls to this fraction of what it was at some point ends the flow.
COLLAPSE = 1e-8
# How far a slope may be from 1 at a pole, and a part of wrong parity from 0 (φ_x/φ and the like).
CLOSING, PARITY = 1e-3, 2e-2


class DoubleProfile(NamedTuple):
    r"""A doubly warped product at the interior points of a meridian.

    Attributes:
        phi: the lapse φ = ds/dx.
        psi: the radius of S^p, zero at x = 0.
        chi: the radius of S^q.
    """

    phi: Array
    psi: Array
    chi: Array


class DoublyWarpedFlow(Flow):
    r"""Ricci flow of SO(p+1) × SO(q+1)-symmetric metrics, with the DeTurck term of the line.

    ψ_t = ψ_ss - (p-1)(1 - ψ_s²)/ψ + q ψ_s χ_s/χ + V ψ_x,   φ_t = φ(p ψ_ss/ψ + q χ_ss/χ) + (φV)_x,   ∂_s = ∂_x/φ

    and χ as ψ with p and q exchanged. At a pole one sphere shrinks to a point: its radius is odd there, the other one
    and φ are even, and φ is the slope of the radius that vanishes, so that the metric is smooth.

    Args:
        p, q: dimensions of the spheres, at least 1.
        kind: "join": ψ vanishes at x = 0 and χ at x = π, a metric on S^{p+q+1}; "product": ψ vanishes at both, a metric
            on S^{p+1} × S^q.
        meridian: the grid of x in [0, π].
        gauge: ∂_x log φ̄ and its derivative, shape (2, M); `DoublyWarpedFlow.about` takes the metric one starts from.

    Good values: 100 points, rtol 1e-10 give 1e-9 on smooth metrics.
    """

    p: int = eqx.field(static=True)
    q: int = eqx.field(static=True)
    kind: Literal["join", "product"] = eqx.field(static=True)
    meridian: Meridian
    gauge: Float[Array, "2 M"]

    def __check_init__(self):
        if min(self.p, self.q) < 1 or self.kind not in ("join", "product"):
            raise ArgumentError(
                f"A doubly warped product has p, q >= 1 and is a join or a product, not p = {self.p}, q = {self.q}, "
                f"`{self.kind}`."
            )

    @classmethod
    def about(cls, state: DoubleProfile, p: int, q: int, kind: Literal["join", "product"]) -> DoublyWarpedFlow:
        r"""Return the flow whose background lapse φ̄ is that of a metric."""
        meridian = Meridian(len(state.phi))
        flow = cls(p, q, kind, meridian, jnp.zeros((2, len(state.phi))))
        phi, phi_x, phi_xx = flow.jets(state)[0]
        b = phi_x / phi
        return cls(p, q, kind, meridian, jnp.stack([b, phi_xx / phi - b**2]))

    @property
    def dim(self) -> int:
        r"""Dimension p + q + 1."""
        return self.p + self.q + 1

    def _vanishing(self, state: DoubleProfile) -> tuple[Array, Array]:
        # the radius that vanishes at either pole
        return state.psi, state.chi if self.kind == "join" else state.psi

    def _jet(self, values: Array, parities: tuple[int, int], poles: Array) -> Float[Array, "3 M"]:
        # the left half with the parity at x = 0, the right half with that at x = π
        if parities[0] == parities[1]:
            return self.meridian.jet(values, parities[0], poles)
        half = self.meridian.points // 2
        left, right = (self.meridian.jet(values, parity, poles) for parity in parities)
        return jnp.concatenate([left[:, :half], right[:, half:]], axis=1)

    def jets(self, state: DoubleProfile) -> tuple[Array, Array, Array]:
        r"""Return (φ, φ_x, φ_xx), (ψ, ψ_x, ψ_xx) and (χ, χ_x, χ_xx); φ at the poles is the slope of what vanishes."""
        closed = [self.meridian.slopes(values)[end] for end, values in enumerate(self._vanishing(state))]
        psi_poles, chi_poles = (self.meridian.at_poles(values) for values in (state.psi, state.chi))
        join = self.kind == "join"
        psi_parity, chi_parity = ((-1, 1), (1, -1)) if join else ((-1, -1), (1, 1))
        psi_poles = psi_poles * jnp.asarray([0.0, 1.0 if join else 0.0])
        chi_poles = chi_poles * jnp.asarray([1.0, 0.0 if join else 1.0])
        return (
            self.meridian.jet(state.phi, 1, jnp.stack(closed)),
            self._jet(state.psi, psi_parity, psi_poles),
            self._jet(state.chi, chi_parity, chi_poles),
        )

    def __call__(self, t: Any, state: DoubleProfile) -> DoubleProfile:
        r"""Return (φ_t, ψ_t, χ_t)."""
        return DoubleProfile(*doubly_generated("rates", self.p, self.q)(*self.jets(state), self.gauge))

    def method(self, state: DoubleProfile) -> Method:
        r"""Return the banded stiff solver: three functions of `REACH` neighbours on each side."""
        return Banded(3 * REACH + 2, 3 * REACH + 2)

    def check(self, state: DoubleProfile) -> None:
        r"""Refuse what is not a smooth metric.

        Raises:
            GridError: another number of points than the flow's.
            MetricError: not finite, not positive, of the wrong parity at a pole, or not closing there.
        """
        shapes = [np.shape(values) for values in state]
        if set(shapes) != {(self.meridian.points,)}:
            raise GridError(
                f"The flow has {self.meridian.points} interior points, but φ, ψ and χ have the shapes {shapes}.",
                size=self.meridian.points,
            )
        super().check(state)
        for name, values in zip("φψχ", state, strict=True):
            where = int(np.argmin(values))
            if values[where] <= 0:
                x = float(self.meridian.x[where])
                raise MetricError(
                    f"{name} must be positive, but it is {float(values[where]):.6g} at x = {x:.6g}.", point=x
                )
        zeros = ("ψ", "χ" if self.kind == "join" else "ψ")
        for end, (pole, odd) in enumerate(zip(("x = 0", "x = π"), zeros, strict=True)):
            near = slice(0, 5) if end == 0 else slice(-1, -6, -1)
            self._refuse_pole(pole, odd, {n: np.asarray(v)[near] for n, v in zip("φψχ", state, strict=True)})

    def _refuse_pole(self, pole: str, odd: str, near: Mapping[str, np.ndarray]) -> None:
        k, h = np.arange(1, 6), self.meridian.spacing
        # polynomials in all powers of the distance from the pole: values and slopes there
        powers = {
            name: np.linalg.solve(k[:, None] ** np.arange(5.0) * (k[:, None] if name == odd else 1), values)
            for name, values in near.items()
        }
        slope = powers[odd][0] / (h * powers["φ"][0])
        if abs(slope - 1) > CLOSING:
            raise MetricError(
                f"The metric does not close smoothly at the pole {pole}: |{odd}_s| must be 1 there, but is {slope:.8g} "
                f"(defect {slope - 1:.3g}; a cone).",
                defect=float(slope - 1),
            )
        for name, (first, second, *_) in powers.items():
            defect = second / (h * first)
            if abs(defect) > PARITY:
                kind = "odd" if name == odd else "even"
                raise MetricError(
                    f"The metric is not smooth at the pole {pole}: {name} must be {kind} there, but the next order of "
                    f"its series is {defect:.3g} times the first. Use functions of the right parity, or more points.",
                    defect=float(defect),
                )

    def leaves(self, state: DoubleProfile) -> Callable[[DoubleProfile], Array]:
        r"""Return the condition that φ, ψ or χ falls to a small fraction of what it is now."""
        return _Collapses(DoubleProfile(*(COLLAPSE * values for values in state)))

    def curvatures(self, state: DoubleProfile) -> Float[Array, "2 M+2"]:
        r"""Return the scalar curvature and |Rm|² from pole to pole (extrapolated to the poles)."""
        inner = doubly_generated("curvatures", self.p, self.q)(*self.jets(state))
        ends = self.meridian.at_poles(inner)
        return jnp.concatenate([ends[:, :1], inner, ends[:, 1:]], axis=1)

    def curvature(self, state: DoubleProfile) -> Float[Array, ""]:
        r"""Return max |Rm|."""
        return jnp.sqrt(jnp.max(self.curvatures(state)[1]))

    def volume(self, state: DoubleProfile) -> Float[Array, ""]:
        r"""Return ω_p ω_q ∫ φ ψ^p χ^q dx."""
        density = state.phi * state.psi**self.p * state.chi**self.q
        return _unit_sphere(self.p) * _unit_sphere(self.q) * (jnp.asarray(self._weights()) @ density)

    def _weights(self) -> np.ndarray:
        last = self.q if self.kind == "join" else self.p
        if self.p % 2 == last % 2:
            return self.meridian.weights(1 if self.p % 2 == 0 else -1)
        # odd at one pole, even and zero at the other: exact for the sines (j - 1/2)x, j = 1 ... M + 1
        x = self.meridian.x if self.p % 2 else np.pi - self.meridian.x
        k = np.arange(1, self.meridian.points + 2) - 0.5
        return 2 / (self.meridian.points + 1) * (np.sin(np.outer(x, k)) @ (1 / k))

    def observables(self, state: DoubleProfile) -> Mapping[str, Array]:
        r"""Return volume, least and largest R, largest |Rm|, ψ and χ, and the least χ of a product."""
        scalar, squared = self.curvatures(state)
        found = {
            "volume": self.volume(state),
            "R_min": jnp.min(scalar),
            "R_max": jnp.max(scalar),
            "curvature": jnp.sqrt(jnp.max(squared)),
            "radius_p": jnp.max(state.psi),
            "radius_q": jnp.max(state.chi),
        }
        return found if self.kind == "join" else found | {"least_radius_q": jnp.min(state.chi)}

    def profile(self, state: DoubleProfile) -> tuple[np.ndarray, np.ndarray]:
        r"""Return arclength and ψ from pole to pole, poles included: the surface of revolution of S^p to draw."""
        closed = [float(self.meridian.slopes(values)[end]) for end, values in enumerate(self._vanishing(state))]
        phi = np.concatenate([closed[:1], np.asarray(state.phi), closed[1:]])
        last = float(self.meridian.at_poles(state.psi)[1]) if self.kind == "join" else 0.0
        return self.meridian.antiderivative(phi), np.concatenate([[0.0], np.asarray(state.psi), [last]])


class _Collapses(eqx.Module):
    # positive until φ, ψ or χ falls to its floor at some point
    floor: DoubleProfile

    def __call__(self, state: DoubleProfile) -> Float[Array, ""]:
        return jnp.min(jnp.stack([jnp.min(a / b) for a, b in zip(state, self.floor, strict=True)])) - 1


def _unit_sphere(n: int) -> float:
    return 2 * math.pi ** ((n + 1) / 2) / math.gamma((n + 1) / 2)
