"""U(n)-invariant Kähler metrics: the reduction to one function of the momentum, solitons, the shrinker of FIK."""

import pytest
import sympy as sp

from geomflow.core.errors import ArgumentError, DerivationError
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.kaehler import spaces
from geomflow.symbolic.kaehler.calabi import (
    calabi_ansatz,
    in_momentum,
    invariant,
    momentum_metric,
    radial_slope,
    soliton_equation,
)
from geomflow.symbolic.kaehler.complex_chart import ComplexChart
from geomflow.symbolic.kaehler.holomorphic import pull_back
from geomflow.symbolic.kaehler.metric import Kaehler

HOPF = ["exp(s/2 + I*(psi + phi)/2)*cos(theta/2)", "exp(s/2 + I*(psi - phi)/2)*sin(theta/2)"]
FIK = "x/sqrt(2) + 2*(1 - sqrt(2)) + 2*sqrt(2)*(1 - sqrt(2))/x"


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_the_determinant_of_the_ansatz(n):
    metric = calabi_ansatz(n)
    first, second, norm2 = metric.chart.elements(["u'", "u''", metric.chart.norm2])
    assert metric.chart.element(metric.determinant()) == first ** (n - 1) * second / norm2**n


@pytest.mark.parametrize("n", [2, 3])
def test_tensors_of_the_ansatz_are_one_function(n):
    metric = calabi_ansatz(n)
    chart = metric.chart
    assert radial_slope(metric.g()) == chart.element("u'")
    assert radial_slope(metric.ricci()) == chart.element(f"{n} - {n - 1}*u''/u' - u'''/u''")
    assert in_momentum(chart, radial_slope(metric.g())) == sp.Symbol("x", positive=True)
    with pytest.raises(DerivationError, match="not U"):
        radial_slope(metric.g() * chart.norm2)
    with pytest.raises(ArgumentError, match="one complex dimension"):
        radial_slope(calabi_ansatz(1).g())


def test_the_invariant_metric_of_a_slope():
    chart = ComplexChart("z1 z2")
    potential = Kaehler(chart, "log(1 + abs2(z1, z2))")
    assert invariant(chart, "abs2(z1, z2)/(1 + abs2(z1, z2))").g() == potential.g()


@pytest.mark.parametrize("n", [2, 3, 4])
def test_the_soliton_equation(n):
    """F' + (n-1)F/x - cF = n - λx, the ansatz of Feldman, Ilmanen and Knopf; its solutions follow from it."""
    x, (c, lam) = sp.Symbol("x", positive=True), calabi_ansatz(n, constants="c lam").chart.constants
    F = sp.Function("F")(x)
    equation = soliton_equation(n)
    assert sp.expand(equation + sp.diff(F, x) + (n - 1) * F / x - c * F - n + lam * x) == 0
    flat = equation.subs(F, x).doit().subs({c: 0, lam: 0})
    assert sp.simplify(flat) == 0
    projective = equation.subs(F, x * (1 - x)).doit().subs({c: 0, lam: n + 1})
    assert sp.simplify(projective) == 0


def test_the_soliton_equation_in_one_dimension_is_a_derivative():
    x, (c, lam) = sp.Symbol("x", positive=True), calabi_ansatz(1, constants="c lam").chart.constants
    F = sp.Function("F")(x)
    assert sp.expand(soliton_equation(1) - F * sp.diff(c * F - lam * x - sp.diff(F, x), x)) == 0


def test_the_momentum_metric_is_the_pull_back_of_the_ansatz():
    angles = Chart("s psi theta phi", functions={"u": "s"})
    pulled = pull_back(calabi_ansatz(2), angles, HOPF, {"u": "s"}, factor=1)
    # x, F as constants: dx = F ds turns dx²/(4F) into F ds²/4; the rest is unchanged.
    frozen = momentum_metric(Chart("x psi theta phi", functions={"F": "x"}), "F").g().sympy()
    chart = angles
    u, s, theta = chart.functions["u"], chart.coordinates[0], chart.coordinates[2]
    x, F = sp.diff(u, s), sp.diff(u, s, 2)
    symbols = {a.name: a for a in frozen.free_symbols}
    function = next(iter(frozen.atoms(sp.Function("F")(symbols["x"]).func)))
    matrix = frozen.subs({function: F, symbols["x"]: x, symbols["theta"]: theta})
    matrix[0, 0] *= F**2
    assert pulled.g() == pulled.tensor(matrix.tolist())


def test_the_soliton_equation_on_the_real_four_metric():
    """The residual of Ric + ∇²f - 2λ g vanishes once F' and its derivatives are replaced by the equation."""
    chart = Chart("x psi theta phi", constants="c lam C", positive="x c")
    x, (c, lam, constant) = chart.coordinates[0], chart.constants
    F = sp.Function("F")
    own = {"x": x, "c": c, "lam": lam}
    equation = soliton_equation(2).xreplace({s: own[s.name] for s in soliton_equation(2).free_symbols})
    solution = sp.dsolve(equation, F(x), hint="1st_linear").rhs
    (free,) = solution.free_symbols - {x, c, lam}
    profile = sp.expand(sp.simplify(solution.subs(free, constant)))
    metric = momentum_metric(chart, profile)
    assert metric.gradient_soliton(c * x, 2 * lam).is_zero()
    assert not metric.gradient_soliton(2 * c * x, 2 * lam).is_zero()


def test_the_shrinker_of_feldman_ilmanen_knopf():
    metric = momentum_metric(Chart("x psi theta phi"), FIK)
    assert metric.gradient_soliton("x/sqrt(2)", 1).is_zero()
    assert not metric.gradient_soliton("x/2", 1).is_zero()
    assert not metric.ricci().is_zero()
    profile = metric.chart.parse(FIK)
    x = metric.chart.coordinates[0]
    # The zero section is at x = 2, and closes up smoothly on O(-1): F' = 1 there.
    assert sp.simplify(profile.subs(x, 2)) == 0
    assert sp.simplify(sp.diff(profile, x).subs(x, 2)) == 1


def test_eguchi_hanson_in_momentum_coordinates():
    """x = u' = √(|z|⁴ + a⁴) and F = u'' = (x² - a⁴)/x: Ricci-flat in both descriptions."""
    metric = spaces.eguchi_hanson()
    x, z1, z2 = metric.chart.elements(["sqrt(abs2(z1, z2)^2 + a^4)", "z1", "z2"])
    bend = x.derivative(0) * z1 + x.derivative(1) * z2  # z·∂ of a function of log|z|² is its derivative
    assert bend == (x**2 - metric.chart.element("a^4")) / x
    real = momentum_metric(Chart("x psi theta phi", constants="a"), "(x^2 - a^4)/x")
    assert real.ricci().is_zero()
    assert not real.riemann().is_zero()
    assert metric.real_metric().ricci().is_zero()


def test_solitons_in_real_dimension_two():
    """F' - cF = 1 - λx: the cigar for c = -1, λ = 0, and the Gaussian for F = x."""
    cigar = momentum_metric(Chart("x theta"), "1 - exp(-x)")
    assert cigar.gradient_soliton("-x", 0).is_zero()
    assert not cigar.scalar().is_zero()
    gaussian = momentum_metric(Chart("x theta", constants="k"), "x")
    assert gaussian.gradient_soliton("k*x/2", "k").is_zero()
    # The same cigar from z: x = u'(s) with s = log|z|², u'' = |z|² g_{z z̄}.
    metric = spaces.cigar()
    z, norm2, x = metric.chart.elements(["z", "abs2(z)", "log(1 + abs2(z))"])
    assert x.derivative(0) * z == norm2 * metric.matrix[0, 0]
    assert x.derivative(0) * z == metric.chart.element("1 - exp(-log(1 + abs2(z)))")


def test_a_momentum_metric_has_two_or_four_coordinates():
    with pytest.raises(ArgumentError, match="not 3"):
        momentum_metric(Chart("x y z"), "x")
