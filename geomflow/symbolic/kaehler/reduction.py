r"""Kähler-Ricci flow is one scalar equation, and with U(n) symmetry one in one variable: derived and proved.

    ∂_t g_{i j̄} + R_{i j̄} - λ g_{i j̄} = ∂_i∂_j̄ (∂_t K - log det ∂∂̄K - λ K)

for every potential K(z, z̄, t). With Calabi's ansatz K = u(s, t), s = log |z|², momentum x = u' and profile F(x) = u''

    ∂_t u = log((u')^{n-1} u'') - n s,   ∂_t F = F F'' - F'² + n F' - (n-1) F²/x²   (at fixed x)

and a gradient soliton with f = c x solves F' + (n-1) F/x - c F = n - λ x. The unknown functions and their derivatives
are generators of a field; each claim is an identity in it, with a `Proof` kept beside the steps. Ricci is taken from
the contraction of the curvature tensor, so that its relation to log det g is a result and not a definition.

Here ∂_t g_{i j̄} = -R_{i j̄}, which is Ricci flow ∂_t g = -2 Ric in twice the time: there every right-hand side has a 2.

Reference: Cao, Invent. Math. 81 (1985) 359; Calabi, Ann. Sci. ENS 12 (1979) 269; Feldman, Ilmanen, Knopf,
J. Differential Geom. 65 (2003) 169.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from geomflow.core.errors import ArgumentError
from geomflow.symbolic.certificates.proof import Proof, prove
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.derivation import Derivation
from geomflow.symbolic.field.printing import latex
from geomflow.symbolic.kaehler.calabi import calabi_ansatz, momentum_metric, soliton_equation
from geomflow.symbolic.kaehler.holomorphic import pull_back
from geomflow.symbolic.kaehler.metric import Kaehler
from geomflow.symbolic.kaehler.mixed import MixedTensor
from geomflow.symbolic.kaehler.spaces import general

#: The shrinker of Feldman, Ilmanen and Knopf on the line bundle O(-1) over CP¹; f = x/√2, λ = 1/2.
SHRINKER = "x/sqrt(2) + 2*(1 - sqrt(2)) + 2*sqrt(2)*(1 - sqrt(2))/x"


@dataclass(frozen=True)
class Reduction:
    r"""The steps of a reduction and the proofs of its claims.

    Args:
        derivation: the steps.
        proofs: one record for each claim and dimension.
    """

    derivation: Derivation
    proofs: tuple[Proof, ...]


def potential_flow(dims: Sequence[int] = (1, 2, 3)) -> Reduction:
    r"""Derive \(\partial_tK = \log\det\partial\bar\partial K + \lambda K\) for a general potential.

    Args:
        dims: the complex dimensions in which the claims are proved. Good values: 1 to 3; 4 takes a minute.

    Raises:
        CertificateError: a residual does not vanish.
    """
    numbers = _numbers(dims)
    derivation = Derivation(r"K\"ahler-Ricci flow of a general potential $K(z, \bar z, t)$")
    line, surface = (general(n, parameters="t") for n in (1, 2))
    derivation.add(_indexed(line.g()[0, 0]), "definition, here for $n = 1$", lhs=r"g_{z\bar{z}}")
    derivation.add(
        _indexed(line.ricci_by_contraction()[0, 0]), "contraction of the curvature tensor", lhs=r"R_{z\bar{z}}"
    )
    derivation.add(_indexed(surface.determinant()), "definition, here for $n = 2$", lhs=r"\det g")
    proofs = [_ricci_is_log_det(n) for n in dims]
    derivation.add(
        r"g^{k\bar{l}} R_{k\bar{l}i\bar{j}} = -\partial_i \partial_{\bar{j}} \log \det g",
        f"exact for every $K$, {numbers}",
        lhs=r"R_{i\bar{j}}",
    )
    proofs += [_general_engine(), _general_engine_in_real_coordinates()]
    derivation.add(
        r"R_{i\bar{j}}, \qquad \mathrm{Ric}(\partial_i, \partial_j) = 0",
        "Levi-Civita connection of the real metric, $n = 1, 2$",
        lhs=r"\mathrm{Ric}(\partial_i, \partial_{\bar{j}})",
    )
    derivation.add(
        r"-R_{i\bar{j}} + \lambda g_{i\bar{j}}",
        r"the flow: $\partial_t g = -2\, \mathrm{Ric}$ in twice the time",
        lhs=r"\partial_t g_{i\bar{j}}",
    )
    proofs += [_scalar_equation(n) for n in dims]
    derivation.add(
        r"\partial_i \partial_{\bar{j}} \left( \partial_t K - \log \det \partial\bar\partial K - \lambda K \right)",
        f"residual exactly 0 for every $K$, {numbers}",
        lhs=r"\partial_t g_{i\bar{j}} + R_{i\bar{j}} - \lambda g_{i\bar{j}}",
    )
    derivation.add(
        r"\log \det \partial\bar\partial K + \lambda K",
        r"up to $h(z) + \bar h(\bar z)$, which $g$ does not see",
        lhs=r"\partial_t K",
    )
    return Reduction(derivation, tuple(proofs))


def calabi_flow(dims: Sequence[int] = (1, 2, 3)) -> Reduction:
    r"""Derive the flow of \(K = u(\log|z|^2, t)\), of its profile F(x), its solitons and the shrinker on O(-1).

    Args:
        dims: the complex dimensions in which the equations for u and for solitons are proved; the step from u to F
            holds for symbolic n. Good values: 1 to 5.

    Raises:
        CertificateError: a residual does not vanish.
    """
    numbers = _numbers(dims)
    derivation = Derivation(r"$U(n)$ symmetry: $K = u(s, t)$, $s = \log |z|^2$")
    proofs = [_determinant(n) for n in dims]
    derivation.add(r"(u')^{n-1} u''\, e^{-ns}", f"determinant of the ansatz, {numbers}", lhs=r"\det g")
    proofs += [_radial_equation(n) for n in dims]
    derivation.add(r"\log \left( (u')^{n-1} u'' \right) - n s", f"residual exactly 0, {numbers}", lhs=r"\partial_t u")
    proofs.append(_euler_angles())
    derivation.add(
        r"\tfrac{u''}{4} ds^2 + u'' \sigma_3^2 + u' (\sigma_1^2 + \sigma_2^2)",
        "pull-back, $n = 2$",
        lhs=r"\mathrm{Re}\, g_{i\bar{j}} dz^i d\bar{z}^j",
    )
    derivation.add(
        r"\tfrac{dx^2}{4 F} + F \sigma_3^2 + x (\sigma_1^2 + \sigma_2^2)", "$x = u'$, $F = u''$, so that $dx = F ds$"
    )
    proofs += _profile_flow()
    derivation.add(
        r"F' + (n - 1)\, F / x - n", r"$\partial_s = F \partial_x$ of $\partial_t u$", lhs=r"\partial_t x|_s"
    )
    derivation.add(
        r"F F'' - F'^2 + n F' - (n - 1)\, F^2 / x^2",
        r"chain rule: $F \partial_x \dot x - F' \dot x$",
        lhs=r"\partial_t F|_x",
    )
    proofs += [_soliton(n) for n in dims]
    derivation.add(
        r"n - \lambda x",
        rf"$\mathrm{{Ric}} + \nabla^2 f = \lambda g$, $f = c x$, {numbers}",
        lhs=r"F' + (n - 1)\, F / x - c F",
    )
    proofs += _shrinker()
    derivation.add(
        latex(Chart("x").parse(SHRINKER)),
        r"solves it: $n = 2$, $c = 1/\sqrt 2$, $\lambda = 1/2$, $F(2) = 0$",
        lhs="F",
    )
    return Reduction(derivation, tuple(proofs))


# --- a general potential ----------------------------------------------------------------------------------------


def _ricci_is_log_det(n: int) -> Proof:
    start, metric = time.perf_counter(), general(n, parameters="t")
    residuals = _components(metric.ricci_by_contraction() - metric.ricci())
    claim = "the contraction of the curvature tensor is R_ij̄ = -∂_i ∂_j̄ log det g"
    return prove(claim, "every K(z, z̄, t)", n, residuals, start)


def _general_engine() -> Proof:
    # The general engine knows of no complex structure: blocks (z, z̄) and (z, z) of its Ricci tensor.
    start, metric = time.perf_counter(), general(2)
    bilinear = metric.complexified().ricci().components
    residuals = [*(bilinear[:2, 2:] - metric.ricci().components).ravel(), *bilinear[:2, :2].ravel()]
    claim = "Ric(∂_i, ∂_j̄) = R_ij̄ and Ric(∂_i, ∂_j) = 0 for the Levi-Civita connection in the coordinates z, z̄"
    return prove(claim, "every K(z, z̄)", 2, map(metric.chart.sympy, residuals), start)


def _general_engine_in_real_coordinates() -> Proof:
    start, metric = time.perf_counter(), general(1)
    real, (_, to_real) = metric.real_metric(), metric.chart.real()
    residual = real.scalar().components[()] - to_real(metric.scalar().components[()])
    claim = "R = 2 g^ij̄ R_ij̄ is the scalar curvature of the real metric in the coordinates x, y"
    return prove(claim, "every K(x, y)", 1, [real.chart.sympy(residual)], start)


def _scalar_equation(n: int) -> Proof:
    start, metric = time.perf_counter(), general(n, constants="lam", parameters="t")
    chart = metric.chart
    potential = chart.functions["K"]
    defect = sp.diff(potential, chart.coordinates[-1]) - sp.log(metric.determinant()) - chart.constants[0] * potential
    flow = _change(metric) + metric.ricci_by_contraction() - metric.g() * "lam"
    claim = "∂_t g_ij̄ + R_ij̄ - λ g_ij̄ = ∂_i ∂_j̄ (∂_t K - log det ∂∂̄K - λ K)"
    return prove(claim, "every K(z, z̄, t) and λ", n, _components(flow - metric.hessian(defect)[0]), start)


# --- Calabi's ansatz --------------------------------------------------------------------------------------------


def _determinant(n: int) -> Proof:
    start, metric = time.perf_counter(), calabi_ansatz(n)
    chart = metric.chart
    first, second, norm2 = chart.elements(["u'", "u''", chart.norm2])
    residual = chart.element(metric.determinant()) - first ** (n - 1) * second / norm2**n
    return prove("det g = (u')^(n-1) u'' e^(-ns)", "every u(s)", n, [chart.sympy(residual)], start)


def _radial_equation(n: int) -> Proof:
    start, metric = time.perf_counter(), calabi_ansatz(n, parameters="t")
    u = metric.chart.functions["u"]
    slope, bend, speed = u.fdiff(1), u.fdiff(1).fdiff(1), u.fdiff(2)
    defect = speed - (n - 1) * sp.log(slope) - sp.log(bend) + n * u.args[0]
    flow = _change(metric) + metric.ricci_by_contraction()
    claim = "∂_t g_ij̄ + R_ij̄ = ∂_i ∂_j̄ (∂_t u - log((u')^(n-1) u'') + n s)"
    return prove(claim, "every u(s, t)", n, _components(flow - metric.hessian(defect)[0]), start)


def _euler_angles() -> Proof:
    # The pull-back of Re g_{i j̄} dz^i dz̄^j to s and Euler angles is u''/4 ds² + u'' σ3² + u' (σ1² + σ2²).
    start = time.perf_counter()
    angles = Chart("s psi theta phi", functions={"u": "s"})
    sphere = ["exp(s/2 + I*(psi + phi)/2)*cos(theta/2)", "exp(s/2 + I*(psi - phi)/2)*sin(theta/2)"]
    pulled = pull_back(calabi_ansatz(2), angles, sphere, {"u": "s"}, factor=1)
    expected = [
        ["u''/4", 0, 0, 0],
        [0, "u''/4", 0, "u''*cos(theta)/4"],
        [0, 0, "u'/4", 0],
        [0, "u''*cos(theta)/4", 0, "u''*cos(theta)^2/4 + u'*sin(theta)^2/4"],
    ]
    residuals = (pulled.g() - pulled.tensor(expected)).components.ravel()
    claim = "Re g_ij̄ dz^i dz̄^j = u''/4 ds² + u'' σ_3² + u' (σ_1² + σ_2²)"
    return prove(claim, "every u(s)", 2, map(angles.sympy, residuals), start)


def _profile_flow() -> list[Proof]:
    # n is a constant. At fixed s, ∂_t x = ∂_s (∂_t u), where u' = x, u'' = F and u''' = F F'; at fixed x,
    # ∂_t F = F ∂_x (∂_t x) - F' ∂_t x.
    start = time.perf_counter()
    history = Chart("s t", constants="n", functions={"u": "s t"})
    speed = history.element("(n - 1)*log(diff(u, s)) + log(diff(u, s, 2)) - n*s")
    slope = history.element("(n - 1)*diff(u, s, 2)/diff(u, s) + diff(u, s, 3)/diff(u, s, 2) - n")
    first = prove(
        "∂_s (log((u')^(n-1) u'') - n s) is (n-1) u''/u' + u'''/u'' - n",
        "every u(s, t)",
        None,
        [history.sympy(speed.derivative(0) - slope)],
        start,
    )
    start = time.perf_counter()
    chart = Chart("x", constants="n", functions={"F": "x"})
    profile, velocity = chart.elements(["F", "F' + (n - 1)*F/x - n"])
    moved = profile * velocity.derivative(0) - profile.derivative(0) * velocity
    residual = moved - chart.element("F*F'' - F'^2 + n*F' - (n - 1)*F^2/x^2")
    claim = "∂_t F at fixed x is F F'' - F'² + n F' - (n-1) F²/x²"
    return [first, prove(claim, "every F(x)", None, [chart.sympy(residual)], start)]


def _soliton(n: int) -> Proof:
    start, x = time.perf_counter(), sp.Symbol("x", positive=True)
    profile = sp.Function("F")(x)
    c, lam = calabi_ansatz(n, constants="c lam").chart.constants
    expected = n - lam * x + c * profile - sp.diff(profile, x) - (n - 1) * profile / x
    if n == 1:  # there the tensor knows only the derivative ∂_s = F ∂_x
        expected = profile * sp.diff(expected, x)
    claim = "Ric + ∇²f = λ g with f = c x is F' + (n-1) F/x - c F = n - λ x"
    return prove(claim, "every F(x), c and λ", n, [sp.expand(soliton_equation(n) - expected)], start)


def _shrinker() -> list[Proof]:
    # On the real metric Re g_{i j̄} dz^i dz̄^j the constant is 2λ = 1.
    start = time.perf_counter()
    metric = momentum_metric(Chart("x psi theta phi"), SHRINKER)
    residuals = metric.gradient_soliton("x/sqrt(2)", 1).components.ravel()
    claim = "the profile of Feldman, Ilmanen and Knopf has Ric + ∇²f = g, f = x/√2"
    solved = prove(claim, "every point", 2, map(metric.chart.sympy, residuals), start)
    start = time.perf_counter()
    closing = metric.chart.parse(SHRINKER).subs(metric.chart.coordinates[0], 2)
    return [solved, prove("F(2) = 0, where the metric closes up", "x = 2", 2, [sp.expand(closing)], start)]


# --- helpers ----------------------------------------------------------------------------------------------------


def _change(metric: Kaehler) -> MixedTensor:
    place = metric.chart.index("t")
    return MixedTensor.fill(metric.chart, (False, True), lambda i, j: metric.matrix[i, j].derivative(place))


def _components(tensor: MixedTensor) -> list[sp.Expr]:
    return [tensor.chart.sympy(element) for element in tensor.components.ravel()]


def _indexed(expression: Any) -> str:
    # Derivatives of K as indices: K_{z z̄}.
    marks = {d: "".join(sp.latex(x) * n for x, n in d.variable_count) for d in expression.atoms(sp.Derivative)}
    return latex(expression.xreplace({d: sp.Symbol(f"K_{{{m}}}") for d, m in marks.items()}))


def _numbers(dims: Sequence[int]) -> str:
    if not dims or min(dims) < 1:
        raise ArgumentError(f"Argument `dims` must hold complex dimensions from 1 on, but it was {tuple(dims)}.")
    return f"$n = {', '.join(map(str, dims))}$"
