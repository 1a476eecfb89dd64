"""08: Kähler-Ricci flow is one scalar equation, ∂_t K = log det ∂∂̄K, and with U(n) symmetry one in one variable.

For an unknown potential K(z, z̄, t) in complex dimensions 1, 2 and 3 the residual is exactly zero; Ricci is taken from
the contraction of the curvature tensor, so that its relation to log det g is a result and not a definition. Then
Calabi's ansatz K = u(log|z|², t), the momentum coordinate x = u', the soliton equation and the shrinker of Feldman,
Ilmanen and Knopf.
Here ∂_t g_{i j̄} = -R_{i j̄}, which is Ricci flow ∂_t g = -2 Ric in twice the time: there every right-hand side has a 2.
Run: python derivations/08_kaehler_ricci_reduction.py [path of the LaTeX file]. A few seconds.
"""

# %%
import sys
from pathlib import Path

import sympy as sp

from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.derivation import Derivation, document
from geomflow.symbolic.field.printing import latex
from geomflow.symbolic.kaehler.calabi import calabi_ansatz, momentum_metric, soliton_equation
from geomflow.symbolic.kaehler.holomorphic import pull_back
from geomflow.symbolic.kaehler.mixed import MixedTensor
from geomflow.symbolic.kaehler.spaces import general


def change(metric):
    """Return ∂_t g_{i j̄}."""
    time = metric.chart.index("t")
    return MixedTensor.fill(metric.chart, (False, True), lambda i, j: metric.matrix[i, j].derivative(time))


def shown(expression):
    """Return LaTeX with indices for the derivatives of K."""
    marks = {d: "".join(sp.latex(x) * n for x, n in d.variable_count) for d in expression.atoms(sp.Derivative)}
    return latex(expression.xreplace({d: sp.Symbol(f"K_{{{m}}}") for d, m in marks.items()}))


# %% A general potential. Two routes to the Ricci tensor: contraction of the curvature, and -∂∂̄ log det g.
reduction = Derivation(r"K\"ahler-Ricci flow of a general potential $K(z, \bar z, t)$")
line = general(1, parameters="t")
reduction.add(shown(line.g()[0, 0]), "definition, here for $n = 1$", lhs=r"g_{z\bar z}")
reduction.add(shown(line.ricci_by_contraction()[0, 0]), "contraction of the curvature tensor", lhs=r"R_{z\bar z}")

surface = general(2, parameters="t")
reduction.add(shown(surface.determinant()), "definition, here for $n = 2$", lhs=r"\det g")
for n in (1, 2, 3):
    metric = general(n, parameters="t")
    assert metric.ricci_by_contraction() == metric.ricci()
reduction.add(
    r"g^{k\bar l} R_{k\bar l i\bar j} = - \partial_i \partial_{\bar j} \log \det g",
    "exact for every $K$, $n = 1, 2, 3$",
    lhs=r"R_{i\bar j}",
)

# %% The general engine, which knows of no complex structure, agrees: n = 2 in the coordinates z, z̄; n = 1 in x, y.
static = general(2)
bilinear = static.complexified().ricci()
assert (bilinear.components[:2, 2:] == static.ricci().components).all()
assert all(element.is_zero() for element in bilinear.components[:2, :2].ravel())
plane = general(1)
real, (_, to_real) = plane.real_metric(), plane.chart.real()
assert real.scalar().components[()] == to_real(plane.scalar().components[()])
reduction.add(
    r"R_{i\bar j}, \quad \mathrm{Ric}(\partial_i, \partial_j) = 0",
    "Levi-Civita connection of the real metric",
    lhs=r"\mathrm{Ric}(\partial_i, \partial_{\bar j})",
)

# %% The scalar equation. V = ∂_t K - log det g - λ K, with a constant λ for the normalised flow.
for n in (1, 2, 3):
    metric = general(n, constants="lam", parameters="t")
    potential, log_det = metric.chart.functions["K"], sp.log(metric.determinant())
    defect = sp.diff(potential, metric.chart.coordinates[-1]) - log_det - metric.chart.constants[0] * potential
    flow = change(metric) + metric.ricci_by_contraction() - metric.g() * "lam"
    assert metric.hessian(defect)[0] == flow
reduction.add(
    r"\partial_i \partial_{\bar j} \left( \partial_t K - \log \det \partial\bar\partial K - \lambda K \right)",
    "residual exactly 0 for every $K$, $n = 1, 2, 3$",
    lhs=r"\partial_t g_{i\bar j} + R_{i\bar j} - \lambda g_{i\bar j}",
)
reduction.add(
    r"\log \det \partial\bar\partial K + \lambda K",
    r"up to $h(z) + \bar h(\bar z)$, which $g$ does not see",
    lhs=r"\partial_t K",
)

# %% Calabi's ansatz.
ansatz = Derivation(r"$U(n)$ symmetry: $K = u(s, t)$, $s = \log |z|^2$")
for n in (1, 2, 3, 4):
    metric = calabi_ansatz(n)
    first, second, norm2 = metric.chart.elements(["u'", "u''", metric.chart.norm2])
    assert metric.chart.element(metric.determinant()) == first ** (n - 1) * second / norm2**n
ansatz.add(r"u'^{\,n-1} u'' e^{-ns}", "determinant of the ansatz, $n = 1, 2, 3, 4$", lhs=r"\det g")
for n in (1, 2, 3):
    metric = calabi_ansatz(n, parameters="t")
    chart = metric.chart
    u = chart.functions["u"]
    slope, bend, speed = u.fdiff(1), u.fdiff(1).fdiff(1), u.fdiff(2)
    defect = speed - (n - 1) * sp.log(slope) - sp.log(bend) + n * u.args[0]
    assert metric.hessian(defect)[0] == change(metric) + metric.ricci_by_contraction()
ansatz.add(r"\log \left( u'^{\,n-1} u'' \right) - n s", "residual exactly 0, $n = 1, 2, 3$", lhs=r"\partial_t u")

# %% The momentum coordinate: pull-back of Re g dz dz̄ to s and Euler angles, n = 2.
angles = Chart("s psi theta phi", functions={"u": "s"})
sphere = ["exp(s/2 + I*(psi + phi)/2)*cos(theta/2)", "exp(s/2 + I*(psi - phi)/2)*sin(theta/2)"]
pulled = pull_back(calabi_ansatz(2), angles, sphere, {"u": "s"}, factor=1)
expected = [  # u''/4 ds² + u'' σ3² + u' (σ1² + σ2²)
    ["u''/4", 0, 0, 0],
    [0, "u''/4", 0, "u''*cos(theta)/4"],
    [0, 0, "u'/4", 0],
    [0, "u''*cos(theta)/4", 0, "u''*cos(theta)^2/4 + u'*sin(theta)^2/4"],
]
assert pulled.g() == pulled.tensor(expected)
ansatz.add(
    r"\tfrac{u''}{4} ds^2 + u'' \sigma_3^2 + u' (\sigma_1^2 + \sigma_2^2)",
    "pull-back, $n = 2$",
    lhs=r"\mathrm{Re}\, g_{i\bar j} dz^i d\bar z^j",
)
ansatz.add(
    r"\tfrac{dx^2}{4 F} + F \sigma_3^2 + x (\sigma_1^2 + \sigma_2^2)", "$x = u'$, $F = u''$, so that $dx = F ds$"
)

# %% The flow of the profile, n being a constant: at fixed s, ∂_t x = ∂_s(right-hand side); then at fixed x.
profile = Chart("x", constants="n", functions={"F": "x"})
velocity = profile.element("(n - 1)*F/x + F' - n")
history = Chart("s t", constants="n", functions={"u": "s t"})
right = history.element("(n - 1)*log(diff(u, s)) + log(diff(u, s, 2)) - n*s")
assert right.derivative(0) == history.element("(n - 1)*diff(u, s, 2)/diff(u, s) + diff(u, s, 3)/diff(u, s, 2) - n")
ansatz.add(
    latex(sp.expand(profile.sympy(velocity))), r"$\partial_s = F \partial_x$ of $\partial_t u$", lhs=r"\partial_t x|_s"
)
F = profile.element("F")
moved = F * velocity.derivative(0) - F.derivative(0) * velocity
chain = r"chain rule: $F \partial_x \dot x - F' \dot x$"
ansatz.add(latex(sp.expand(profile.sympy(moved))), chain, lhs=r"\partial_t F|_x")
assert moved == profile.element("F*diff(F, x, 2) - F'^2 + n*F' - (n - 1)*F^2/x^2")

# %% Solitons: Ric + ∇²f = λ g with f = c x.
for n in (2, 3, 4):
    x, c, lam = sp.Symbol("x", positive=True), *calabi_ansatz(n, constants="c lam").chart.constants
    P = sp.Function("F")(x)
    assert sp.expand(soliton_equation(n) + sp.diff(P, x) + (n - 1) * P / x - c * P - n + lam * x) == 0
soliton = r"$\mathrm{Ric} + \nabla^2 f = \lambda g$, $f = c x$, $n = 2, 3, 4$"
ansatz.add(r"n - \lambda x", soliton, lhs=r"F' + (n-1) F/x - c F")

# %% The shrinker of Feldman, Ilmanen and Knopf, on the real metric: Ric + ∇²f = g, k = 2λ = 1.
fik = "x/sqrt(2) + 2*(1 - sqrt(2)) + 2*sqrt(2)*(1 - sqrt(2))/x"
shrinker = momentum_metric(Chart("x psi theta phi"), fik)
assert shrinker.gradient_soliton("x/sqrt(2)", 1).is_zero()
solves = r"solves it: $n = 2$, $c = 1/\sqrt 2$, $\lambda = 1/2$, $F(2) = 0$"
ansatz.add(latex(shrinker.chart.parse(fik)), solves, lhs="F")
assert sp.simplify(shrinker.chart.parse(fik).subs(shrinker.chart.coordinates[0], 2)) == 0

# %%
if len(sys.argv) > 1:
    Path(sys.argv[1]).write_text(document(reduction, ansatz), encoding="utf-8")
else:
    print(reduction.text(), ansatz.text(), sep="\n\n")
