r"""What can be followed along a flow of metrics: numbers with the theorem that speaks of them, and how to test it.

`QUANTITIES` holds those that need the metric alone; `entropy_mu`, `entropy_f` and `entropy_w` make those that need an
end time or a solution of the conjugate heat equation as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from geomflow.core.catalogue import Catalogue
from geomflow.core.errors import ArgumentError
from geomflow.flows.entropies.base import Manifold
from geomflow.flows.entropies.functionals import (
    lowest_eigenvalues,
    perelman_f,
    perelman_lambda,
    perelman_w,
    production,
    scale_invariant_lambda,
)
from geomflow.flows.entropies.minimise import mu, nu

#: (times, values, dimension) -> the least values that a theorem allows at these times, given the values before.
Least = Callable[[np.ndarray, np.ndarray, int], np.ndarray]
#: t -> the mass that a probability measure gives to each node.
Measure = Callable[[float], np.ndarray]


@dataclass(frozen=True)
class Quantity:
    r"""A number that a metric has at a time.

    Args:
        name: lower case with hyphens.
        symbol: LaTeX, without dollar signs.
        value: (t, manifold) -> number.
        says: what the theorem says of it along Ricci flow, with a verb; "" where there is none.
        least: the lower bounds that the theorem gives; None where there is none.
        scaled: whether the theorem holds for Ricci flow with any change of scale as well.
        rate: (t, manifold) -> its derivative by t, where the theorem gives it.
        reference: of the theorem.
    """

    name: str
    symbol: str
    value: Callable[[float, Manifold], float]
    says: str = ""
    least: Least | None = None
    scaled: bool = False
    rate: Callable[[float, Manifold], float] | None = None
    reference: str = ""


def no_decrease(times: np.ndarray, values: np.ndarray, dim: int) -> np.ndarray:
    r"""Return the largest value so far."""
    return np.maximum.accumulate(values)


def no_decrease_below_zero(times: np.ndarray, values: np.ndarray, dim: int) -> np.ndarray:
    r"""Return the largest value so far, but nothing above 0."""
    return np.maximum.accumulate(np.minimum(values, 0.0))


def maximum_principle(times: np.ndarray, values: np.ndarray, dim: int) -> np.ndarray:
    r"""Return R / (1 - (2/n) t R), R = R_min(0): the solution of dR/dt = (2/n) R², infinite from its end on."""
    first = values[0]
    room = 1 - 2 / dim * (times - times[0]) * first
    return np.where(room > 0, first / np.where(room > 0, room, 1.0), np.inf)


def entropy_mu(end: float) -> Quantity:
    r"""Return μ(g(t), T - t): it does not decrease along Ricci flow for t < T.

    Args:
        end: T.

    Reference: Perelman, arXiv:math/0211159, (3.4).
    """
    return Quantity(
        "mu",
        rf"\mu(g, {end:.4g} - t)",
        lambda t, manifold: mu(manifold, _scale(t, end)).value,
        "does not decrease",
        no_decrease,
        reference="arXiv:math/0211159, section 3",
    )


def entropy_f(measure: Measure) -> Quantity:
    r"""Return F(g(t), f(t)) with e^{-f} dV the measure at t, carried by the conjugate heat equation."""

    def potential(t: float, manifold: Manifold) -> np.ndarray:
        return -np.log(measure(t) / manifold.weights)

    return Quantity(
        "F",
        r"\mathcal{F}",
        lambda t, manifold: perelman_f(manifold, potential(t, manifold)),
        "does not decrease",
        no_decrease,
        rate=lambda t, manifold: production(manifold, potential(t, manifold)),
        reference="arXiv:math/0211159, (1.4)",
    )


def entropy_w(measure: Measure, end: float) -> Quantity:
    r"""Return W(g(t), f(t), T - t), (4πτ)^{-n/2} e^{-f} dV the measure at t, carried by the conjugate heat equation.

    Args:
        measure: t -> mass of each node, with sum 1.
        end: T > t.
    """

    def potential(t: float, manifold: Manifold) -> np.ndarray:
        return -np.log(measure(t) / manifold.weights) - manifold.dim / 2 * np.log(4 * np.pi * _scale(t, end))

    return Quantity(
        "W",
        r"\mathcal{W}",
        lambda t, manifold: perelman_w(manifold, potential(t, manifold), _scale(t, end)),
        "does not decrease",
        no_decrease,
        rate=lambda t, manifold: production(manifold, potential(t, manifold), _scale(t, end)),
        reference="arXiv:math/0211159, (3.4)",
    )


def _scale(t: float, end: float) -> float:
    if not t < end:
        raise ArgumentError(f"The scale T - t must be positive, but T = {end:.6g} and t = {t:.6g}. Take a later T.")
    return end - t


def _eigenvalue(curvature: float, place: int) -> Callable[[float, Manifold], float]:
    return lambda t, manifold: float(lowest_eigenvalues(manifold, place + 1, curvature).values[place])


QUANTITIES: Catalogue[Quantity] = Catalogue("entropy")
for _quantity in (
    Quantity("volume", "V", lambda t, manifold: manifold.volume),
    Quantity("diameter", r"\mathrm{diam}", lambda t, manifold: manifold.diameter()),
    Quantity(
        "R-min",
        r"R_{\min}",
        lambda t, manifold: float(np.min(manifold.scalar)),
        "stays above R/(1 - 2tR/n), R = R_min(0)",
        maximum_principle,
        reference="Hamilton, J. Differential Geom. 17 (1982) 255; the maximum principle",
    ),
    Quantity("R-max", r"R_{\max}", lambda t, manifold: float(np.max(manifold.scalar))),
    Quantity(
        "lambda",
        r"\lambda",
        lambda t, manifold: perelman_lambda(manifold),
        "does not decrease",
        no_decrease,
        reference="arXiv:math/0211159, section 2",
    ),
    Quantity(
        "lambda-volume",
        r"\lambda V^{2/n}",
        lambda t, manifold: scale_invariant_lambda(manifold),
        "does not decrease while λ <= 0",
        no_decrease_below_zero,
        scaled=True,
        reference="arXiv:math/0211159, section 2.3",
    ),
    Quantity(
        "half-curvature",
        r"\lambda_1(-\Delta + R/2)",
        _eigenvalue(0.5, 0),
        "does not decrease",
        no_decrease,
        reference="Cao, Proc. Amer. Math. Soc. 136 (2008) 4075; Li, Math. Ann. 338 (2007) 927",
    ),
    Quantity("first-eigenvalue", r"\lambda_1(-\Delta)", _eigenvalue(0.0, 1)),
    Quantity(
        "nu",
        r"\nu",
        lambda t, manifold: nu(manifold).value,
        "does not decrease (λ > 0)",
        no_decrease,
        scaled=True,
        reference="arXiv:math/0211159, section 3; Cao, Hamilton, Ilmanen, arXiv:math/0404165",
    ),
):
    QUANTITIES.add(_quantity.name, _quantity)
