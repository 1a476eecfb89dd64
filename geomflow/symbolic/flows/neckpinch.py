r"""How a neck of rotationally symmetric Ricci flow pinches, derived: the metric ds² + ψ² g on spheres S^n.

From ψ_t = ψ_ss - (n-1)(1 - ψ_s²)/ψ with [∂_t, ∂_s] = -n (ψ_ss/ψ) ∂_s, in the variables of a cylinder that shrinks,

    u = ψ/√(2(n-1)(T - t)),   σ = s/√(T - t),   τ = -log(T - t),

the cylinder u = 1 is at rest, σ² - 2 is its neutral mode, and a(τ) in u = 1 + a (σ² - 2) + ... obeys a' = -8 a² in
every dimension: u = 1 + (σ² - 2)/(8τ) + ..., so that ψ²/(2(n-1)(T - t)) = 1 - 1/(2τ) + ... at the neck.

Reference: Angenent, Knopf, Math. Res. Lett. 11 (2004) 493 and Comm. Anal. Geom. 15 (2007) 773.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from typing import Any

import sympy as sp

from geomflow.core.errors import DerivationError
from geomflow.symbolic.certificates.proof import Proof, prove
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.charts.line_element import line_element
from geomflow.symbolic.derivation import Derivation

N = sp.Symbol("n", positive=True)
SIGMA, TAU = sp.Symbol("sigma", real=True), sp.Symbol("tau", positive=True)


@dataclass(frozen=True)
class Neckpinch:
    r"""The formal asymptotics of a neckpinch.

    Attributes:
        profile: u(σ, τ) to order 1/τ.
        neck: ψ²/(2(n-1)(T - t)) at the neck, as a function of τ, to order 1/τ.
        rate: c in a' = c a² of the neutral mode.
        derivation: the steps.
        proofs: that Ricci flow moves the metric as the first steps say, in dimensions 3, 4 and 5.
    """

    profile: sp.Expr
    neck: sp.Expr
    rate: sp.Rational
    derivation: Derivation
    proofs: tuple[Proof, ...]


def warped_residuals(n: int) -> list[sp.Expr]:
    r"""Return ∂_t g + 2 Ric of φ² dx² + ψ² g on S^n, all components, where φ and ψ move as is assumed below.

    They vanish identically if and only if φ_t = nφψ_ss/ψ and ψ_t = ψ_ss - (n-1)(1 - ψ_s²)/ψ is Ricci flow.
    """
    angles = [f"t{k}" for k in range(1, n + 1)]
    sphere, factor = [], ""
    for angle in angles:
        sphere.append(f"{factor}d{angle}^2")
        factor += f"sin({angle})^2*"
    text = f"phi^2*dx^2 + psi^2*({' + '.join(sphere)})"
    metric = line_element(Chart(" ".join(["x", *angles]), functions={"phi": "x", "psi": "x"}), text)
    psi_ss, psi_s = "diff(diff(psi, x)/phi, x)/phi", "diff(psi, x)/phi"
    logarithmic = [f"{n}*{psi_ss}/psi", *[f"({psi_ss} - {n - 1}*(1 - ({psi_s})^2)/psi)/psi"] * n]
    g, every = metric.g(), range(n + 1)
    moved = [[2 * metric.chart.parse(logarithmic[i]) * g[i, j] if i == j else 0 for j in every] for i in every]
    total = metric.tensor(moved) + metric.ricci() * 2
    return [total[i, j] for i in every for j in range(i + 1)]


@cache
def derive_neckpinch() -> Neckpinch:
    r"""Derive the formal asymptotics of a nondegenerate neckpinch, with the steps.

    Raises:
        CertificateError: the metric does not move as assumed in dimension 3, 4 or 5.
        DerivationError: the cylinder is not at rest, or the mode not neutral.
    """
    steps = Derivation("How a neck pinches")
    proofs = _proofs(steps)
    integral = sp.Symbol("I")
    u, rate = _rescaled(integral)
    steps.add(
        r"u_{\sigma\sigma} - \left(\tfrac{\sigma}{2} + nI\right)u_\sigma + \tfrac{u}{2} "
        r"- \frac{1 - 2(n-1)u_\sigma^2}{2u},\quad I = \int_0^\sigma \frac{u_{\sigma\sigma}}{u}\,d\sigma",
        "in the variables of a shrinking cylinder",
        r"u_\tau",
    )
    # u = 1 + ε v: the neck is at σ = 0 and v even, so that I = ε v_σ + O(ε²)
    v, small = sp.Function("v")(SIGMA), sp.Symbol("epsilon")
    near = rate.subs(integral, small * v.diff(SIGMA)).subs(u, 1 + small * v).doit()
    rest, linear, quadratic = (sp.expand(near.diff(small, k).subs(small, 0).doit() / sp.factorial(k)) for k in range(3))
    if rest != 0:
        raise DerivationError(f"The cylinder should be at rest, but moves at {rest}.")
    steps.add(_latex(linear), "linear in $v = u - 1$", r"\mathcal L v")
    steps.add(_latex(quadratic), "quadratic in $v$: the dimension has dropped out", r"\mathcal Q(v)")
    mode = SIGMA**2 - 2
    if sp.expand(linear.subs(v, mode).doit()) != 0:
        raise DerivationError("σ² - 2 should be a neutral mode of the shrinking cylinder.")
    steps.add("0", "the second Hermite polynomial is neutral", r"\mathcal L(\sigma^2 - 2)")
    forced = sp.expand(quadratic.subs(v, mode).doit())
    coefficient: Any = sp.Rational(_mean(forced * mode) / _mean(mode**2))
    steps.add(
        rf"{coefficient}\,a^2",
        r"$v = a(\tau)(\sigma^2 - 2)$, projected with weight $e^{-\sigma^2/4}$",
        "a'",
    )
    # a' = c a² is solved by a = -1/(cτ), the shift of τ aside
    amplitude: Any = -1 / (coefficient * TAU)
    if sp.simplify(amplitude.diff(TAU) - coefficient * amplitude**2) != 0:
        raise DerivationError("The amplitude of the neutral mode does not solve its equation.")
    profile: sp.Expr = 1 + amplitude * mode
    at_neck = sp.expand(profile.subs(SIGMA, 0) ** 2)
    neck = sp.Add(*(at_neck.coeff(TAU, -k) / TAU**k for k in (0, 1)))
    steps.add(_latex(profile), "the solution that decays, to order $1/\\tau$", "u")
    steps.add(_latex(neck), "at the neck, to order $1/\\tau$", r"\frac{\psi^2}{2(n-1)(T-t)}")
    return Neckpinch(profile, neck, coefficient, steps, proofs)


def residual(profile: sp.Expr) -> sp.Expr:
    r"""Return u_τ minus its rate for a profile u(σ, τ), the integral I taken of its own expression."""
    integral = sp.Symbol("I")
    u, rate = _rescaled(integral)
    inner = sp.integrate(sp.series(profile.diff(SIGMA, 2) / profile, 1 / TAU, 0, 3).removeO(), (SIGMA, 0, SIGMA))
    return profile.diff(TAU) - rate.subs(u, profile).doit().subs(integral, inner)


def _rescaled(integral: sp.Symbol) -> tuple[sp.Expr, sp.Expr]:
    r"""Return u(σ, τ) and its rate u_τ at a fixed σ, where s_t = nI/√(T-t) at a fixed point."""
    left, u = sp.Symbol("theta", positive=True), sp.Function("u")(SIGMA, TAU)  # θ = T - t = e^{-τ}
    psi = sp.sqrt(2 * (N - 1) * left) * u

    def along(f: sp.Expr) -> sp.Expr:
        return f.diff(SIGMA) / sp.sqrt(left)

    at_fixed_s = -psi.diff(left) + SIGMA / (2 * left) * psi.diff(SIGMA) + psi.diff(TAU) / left
    moves = at_fixed_s + N * integral / sp.sqrt(left) * along(psi)
    law = along(along(psi)) - (N - 1) * (1 - along(psi) ** 2) / psi
    (rate,) = sp.solve(moves - law, u.diff(TAU))
    fixed = sp.Function("u")(SIGMA)
    return fixed, sp.expand(rate.subs(u, fixed).doit())


def _proofs(steps: Derivation) -> tuple[Proof, ...]:
    proofs = []
    for n in (2, 3, 4):
        start = time.perf_counter()
        claim = "φ and ψ of φ² dx² + ψ² g on S^n move by these rates under Ricci flow"
        proofs.append(prove(claim, "every φ(x), ψ(x)", n + 1, warped_residuals(n), start))
    steps.add(
        r"\psi_{ss} - (n-1)\frac{1 - \psi_s^2}{\psi}",
        "from the Ricci tensor in coordinates, $n = 2, 3, 4$",
        r"\psi_t",
    )
    steps.add(r"n\varphi\frac{\psi_{ss}}{\psi}", "likewise", r"\varphi_t")
    steps.add(
        r"-n\frac{\psi_{ss}}{\psi}\,\partial_s",
        r"from $\partial_s = \varphi^{-1}\partial_x$",
        r"[\partial_t, \partial_s]",
    )
    return tuple(proofs)


def _mean(polynomial: sp.Expr) -> sp.Expr:
    r"""Return the mean of a polynomial in σ under the weight e^{-σ²/4}: a normal distribution of variance 2."""
    terms = sp.Poly(polynomial, SIGMA).terms()
    return sp.Add(*(c * 2 ** sp.Rational(k, 2) * sp.factorial2(k - 1) for (k,), c in terms if k % 2 == 0))


def _latex(expression: sp.Expr) -> str:
    text = sp.latex(expression)
    for order, name in ((2, r"v_{\sigma\sigma}"), (1, r"v_{\sigma}")):
        text = text.replace(sp.latex(sp.Function("v")(SIGMA).diff(SIGMA, order)), name)
    return text.replace(r"v^{2}{\left(\sigma \right)}", "v^2").replace(r"v{\left(\sigma \right)}", "v")
