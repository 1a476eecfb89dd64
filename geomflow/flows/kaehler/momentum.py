r"""U(n)-invariant Kähler-Ricci flow: the contract of a flow of a profile over its interval of momenta."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.polynomial import chebyshev

from geomflow.core.errors import GridError, MetricError
from geomflow.core.precision import require_x64
from geomflow.flows.base import Flow
from geomflow.flows.kaehler.interval import Interval
from geomflow.flows.kaehler.reduction import Ansatz, generated

#: By how much a given profile may miss the boundary conditions, relative to its unit.
CLOSES = 1e-8
#: By how much the polynomial through a given profile may miss it between its nodes, relative to its largest value.
RESOLVES = 1e-6
#: The share of the highest Chebyshev coefficients at which a run ends, and why.
TAIL = 1e-3
UNRESOLVED = "the profile is no longer resolved by the grid; take more points"


class Profile(NamedTuple):
    r"""A state: the class of the metric and the remainder of its profile.

    Attributes:
        ends: what moves of the interval of momenta, shape (E,).
        rest: h at the points of the grid, shape (size,).
    """

    ends: Float[Array, "E"]
    rest: Float[Array, "size"]


class Ending(NamedTuple):
    r"""When and how the class of a metric leaves the Kähler cone.

    Attributes:
        time: from now.
        event: a sentence.
    """

    time: float
    event: str


class MomentumFlow(Flow):
    r"""∂_t g = -2 Ric of \(g = dx^2/(4F) + F\eta^2 + x\,g_{FS}\), up to the diffeomorphism that keeps x the momentum.

    η is the connection form of the circle bundle, \(g_{FS}\) the Fubini-Study metric of CP^(n-1) with holomorphic
    sectional curvature 4; for n = 2 these are σ3 and σ1² + σ2². Smoothness asks for F = 0 and |F'| = k where the circle
    shrinks; a state has both built in. Equation, curvature and end points are derived (`reduction`).

    Attributes:
        n: complex dimension.
        interval: the grid of y.
    """

    n: eqx.AbstractVar[int]
    interval: eqx.AbstractVar[Interval]

    @property
    @abstractmethod
    def ansatz(self) -> Ansatz:
        r"""How x and F are written in y, the ends and h."""

    @abstractmethod
    def lengths(self, ends: Float[Array, "E"]) -> Mapping[str, Array]:
        r"""Return what is positive on the Kähler cone, linear in `ends`, by the sentence for where it vanishes."""

    def __call__(self, t: Any, state: Profile) -> Profile:
        r"""Return the rate of the ends, which is constant, and ∂_t h at fixed y."""
        (rate,) = self._evaluated("rate", state)
        return Profile(jnp.asarray(self.end_rates), rate)

    @property
    def end_rates(self) -> np.ndarray:
        r"""d/dt of the ends, minus the Ricci form's class in the same units."""
        return np.asarray(self.ansatz.end_rates(self.n), dtype=float)

    def _evaluated(self, name: str, state: Profile) -> Array:
        y = jnp.asarray(self.interval.points)
        return generated(name, self.ansatz, self.n)(self.interval.jet(state.rest), y, state.ends[:, None])

    # --- states --------------------------------------------------------------------------------------------------

    def state(self, profile: Callable[[np.ndarray], np.ndarray], *ends: float) -> Profile:
        r"""Return the state of a profile F(x).

        Args:
            profile: F, on arrays of x.
            *ends: what the family has of a, b.

        Raises:
            GridError: the grid does not resolve F.
            MetricError: F or its slope is wrong at an end (the defect is said), or F is not positive.
        """
        self._check_class(jnp.asarray(ends, dtype=float))
        values, degree, divisor = np.asarray(ends, dtype=float), self.ansatz.degree, self.ansatz.divisor_series
        # h has as many coefficients as there are points, F/unit those of d² more
        order = self.interval.size - 1 + 2 * (len(divisor) - 1)

        def sampled(node: np.ndarray) -> np.ndarray:
            x, unit = self.ansatz.placed((node + 1) / 2, values)
            return np.asarray(profile(x)) / unit

        quotient = chebyshev.chebfit(chebyshev.chebpts1(order + 1), sampled(chebyshev.chebpts1(order + 1)), order)
        self._check_resolved(quotient, sampled)
        quotient, value_defect = map(np.asarray, chebyshev.chebdiv(quotient, divisor))
        rest, slope_defect = map(np.asarray, chebyshev.chebdiv(chebyshev.chebsub(quotient, [degree]), divisor))
        self._check_closed(value_defect, slope_defect, values)
        state = Profile(jnp.asarray(values), jnp.asarray(self.interval.from_series(rest)))
        self.check(state)
        return state

    def _check_resolved(self, series: np.ndarray, sampled: Callable[[np.ndarray], np.ndarray]) -> None:
        between = chebyshev.chebpts1(2 * len(series) + 1)
        exact = sampled(between)
        miss = np.max(np.abs(chebyshev.chebval(between, series) - exact)) / np.max(np.abs(exact))
        if not miss <= RESOLVES:
            raise GridError(
                f"{self.interval.size} points do not resolve this profile: it is missed by {miss:.1e} of its largest "
                "value between them. Take a larger `size`, or a profile that is analytic up to the ends.",
                size=self.interval.size,
            )

    def _check_closed(self, value: np.ndarray, slope: np.ndarray, ends: np.ndarray) -> None:
        degree = self.ansatz.degree
        for y in self.ansatz.roots:
            x, unit = (float(q) for q in self.ansatz.placed(np.asarray(y), ends))
            defects = {
                "vanish": chebyshev.chebval(2 * y - 1, value) * unit,
                f"have the slope {degree} going inward": float(chebyshev.chebval(2 * y - 1, slope)),
            }
            for must, defect in defects.items():
                if not abs(defect) <= CLOSES * (unit if must == "vanish" else 1):
                    raise MetricError(
                        f"The profile must {must} at x = {x:.6g}, where the circle shrinks, but misses this by "
                        f"{defect:.3e}: the metric would have a cone or an edge there. Change F, or the ends.",
                        point=(x,),
                    )

    def check(self, state: Profile) -> None:
        r"""Refuse a state with ends outside of the Kähler cone, or a profile that is not positive between them.

        Raises:
            PrecisionError: float32.
            MetricError: says where.
        """
        super().check(state)
        require_x64(*state)
        if state.rest.shape != (self.interval.size,):
            raise MetricError(
                f"A state of this flow has {self.interval.size} values of h, but this one has the shape "
                f"{state.rest.shape}. Make it with `state`."
            )
        self._check_class(state.ends)
        margins = np.asarray(self._margins(state))
        worst = int(np.argmin(margins))
        if not margins[worst] > 0:
            x, _ = self.ansatz.placed(self.interval.points[worst], np.asarray(state.ends))
            raise MetricError(
                f"The profile F must be positive between its ends, but is not at x = {float(x):.6g}.", point=(float(x),)
            )

    def _check_class(self, ends: Float[Array, "E"]) -> None:
        if ends.shape != self.end_rates.shape:
            raise MetricError(f"The interval of this flow is given by {self.end_rates.size} numbers, not {ends.size}.")
        for event, length in self.lengths(ends).items():
            if not length > 0:
                raise MetricError(
                    f"A length that must be positive is {float(length):.6g}: at 0 {event}, and beyond is no metric."
                )

    def _margins(self, state: Profile) -> Float[Array, "size"]:
        # F/(unit · d) = k + d h
        weight = jnp.asarray(chebyshev.chebval(2 * self.interval.points - 1, self.ansatz.divisor_series))
        return self.ansatz.degree + weight * state.rest

    def leaves(self, state: Profile) -> Callable[[Profile], Array]:
        r"""Return the condition that the profile stays positive between its ends."""
        return self._margin

    def conditions(self, state: Profile) -> dict[str, Callable[[Any], Array]]:
        r"""Return the conditions that end a run: the profile is not positive, or not resolved."""
        return {**super().conditions(state), UNRESOLVED: self._resolution}

    def _resolution(self, state: Profile) -> Float[Array, ""]:
        return 1 - self.interval.tail(self._margins(state)) / TAIL

    def _margin(self, state: Profile) -> Float[Array, ""]:
        return jnp.min(self._margins(state))

    # --- what is read off ----------------------------------------------------------------------------------------

    def profile(self, state: Profile) -> tuple[Float[Array, "size"], Float[Array, "size"]]:
        r"""Return x and F at the points of the grid."""
        x, big = self._evaluated("profile", state)
        return x, big

    def curvatures(self, state: Profile) -> tuple[Float[Array, "size"], Float[Array, "size"]]:
        r"""Return |Rm| and the scalar curvature R at the points of the grid, the ends included."""
        squared, scalar = self._evaluated("curvatures", state)
        return jnp.sqrt(squared), scalar

    def curvature(self, state: Profile) -> Float[Array, ""]:
        r"""Return max |Rm| over the grid."""
        return jnp.max(self.curvatures(state)[0])

    def observables(self, state: Profile) -> Mapping[str, Array]:
        r"""Return R_min, R_max, "tail" (see `Interval.tail`, of F) and what the class of the metric knows."""
        _, scalar = self.curvatures(state)
        return {
            "R_min": jnp.min(scalar),
            "R_max": jnp.max(scalar),
            "tail": self.interval.tail(self._margins(state)),
            **self.class_numbers(state.ends),
        }

    @abstractmethod
    def class_numbers(self, ends: Float[Array, "E"]) -> Mapping[str, Array]:
        r"""Return volume and areas of holomorphic curves, which the Kähler class determines."""

    # --- when it ends --------------------------------------------------------------------------------------------

    def ending(self, state: Profile) -> Ending | None:
        r"""Return when the class of the metric leaves the Kähler cone, and what happens then; None if it never does.

        The class moves along a line, and the flow exists as long as it is positive (Tian and Zhang).

        Reference: G. Tian, Z. Zhang, Chinese Ann. Math. B 27 (2006) 179.
        """
        now, speeds = self.lengths(state.ends), self.lengths(jnp.asarray(self.end_rates))
        ends = [Ending(-float(now[e] / speeds[e]), e) for e in now if speeds[e] < 0]
        return min(ends, default=None)

    def extinction(self, state: Profile) -> float | None:
        r"""Return the time of `ending`."""
        ending = self.ending(state)
        return None if ending is None else ending.time
