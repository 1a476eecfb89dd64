"""Kähler metrics: what is known of the catalogue, identities for a general potential, refusals."""

import numpy as np
import pytest
import sympy as sp

from geomflow.core.errors import ArgumentError, MetricError
from geomflow.symbolic.kaehler import spaces
from geomflow.symbolic.kaehler.complex_chart import ComplexChart
from geomflow.symbolic.kaehler.hermitian import Hermitian
from geomflow.symbolic.kaehler.metric import Kaehler
from geomflow.symbolic.kaehler.mixed import MixedTensor


@pytest.mark.parametrize(
    ("space", "sign"), [(spaces.fubini_study, 1), (spaces.complex_hyperbolic, -1), (spaces.flat, 0)]
)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_complex_space_forms(space, sign, n):
    metric = space(n)
    assert metric.ricci() == metric.g() * (sign * (n + 1))
    assert metric.einstein_constant() == sign * (n + 1)
    assert metric.constant_holomorphic_curvature() == 2 * sign
    assert metric.scalar().sympy() == 2 * sign * n * (n + 1)
    assert metric.bochner().is_zero()
    direction = [sp.Integer(k + 1) + sp.I * metric.chart.holomorphic[0] for k in range(n)]
    assert metric.holomorphic_sectional(direction).sympy() == 2 * sign


@pytest.mark.parametrize(
    ("space", "dims"), [(spaces.eguchi_hanson, ()), (spaces.calabi_ricci_flat, (2,)), (spaces.calabi_ricci_flat, (3,))]
)
def test_ricci_flat(space, dims):
    metric = space(*dims)
    assert metric.determinant() == 1
    assert metric.ricci().is_zero()
    assert metric.ricci_by_contraction().is_zero()
    assert not metric.riemann().is_zero()
    assert metric.einstein_constant() == 0


def test_eguchi_hanson_by_its_potential():
    metric = spaces.eguchi_hanson()
    q = "sqrt(abs2(z1, z2)^2 + a^4)"
    with pytest.warns(UserWarning, match="independent function"):
        potential = Kaehler(metric.chart, f"{q} + a^2*(log(abs2(z1, z2)) - log({q} + a^2))")
    assert potential.g() == metric.g()


def test_burns_is_scalar_flat_and_a_polydisc_is_einstein():
    burns = spaces.burns()
    assert burns.scalar().is_zero()
    assert not burns.ricci().is_zero()
    assert burns.einstein_constant() is None
    polydisc = spaces.polydisc(2)
    assert polydisc.ricci() == polydisc.g() * -2
    assert polydisc.constant_holomorphic_curvature() is None
    assert polydisc.holomorphic_sectional([1, 0]).sympy() == -2
    origin = dict.fromkeys(polydisc.chart.coordinates, 0)
    assert polydisc.holomorphic_sectional([1, 1]).sympy().subs(origin) == -1
    assert not polydisc.bochner().is_zero()


def test_the_cigar_is_a_steady_soliton():
    cigar, potential = spaces.cigar(), "-log(1 + abs2(z))"
    residual = cigar.soliton(potential, 0)
    assert residual.is_zero()
    wrong = cigar.soliton("-log(1 + abs2(z)) + abs2(z)", 0)
    assert not wrong.mixed.is_zero()
    # For n = 1 every metric has Ric = κ g; Einstein means a constant κ.
    assert cigar.einstein_constant() is None
    assert cigar.constant_holomorphic_curvature() is None
    holomorphic = cigar.soliton("-log(1 + abs2(z)) + z^2 + zb^2", 0)
    assert holomorphic.mixed.is_zero()
    assert not holomorphic.pure.is_zero()
    # R + |∇f|² is constant on a steady soliton; |∇f|² = 2 g^{i j̄} ∂_i f ∂_j̄ f.
    f = cigar.chart.element(potential)
    gradient = f.derivative(0) * f.derivative(1) / cigar.matrix[0, 0] * 2
    assert (cigar.scalar().components[()] + gradient - 2).is_zero()


def test_the_gaussian_is_a_shrinker():
    flat = spaces.flat(2)
    assert flat.soliton("3*abs2(z1, z2)", 3).is_zero()
    wrong = flat.soliton("3*abs2(z1, z2)", 2)
    assert wrong.pure.is_zero()
    assert not wrong.is_zero()


@pytest.mark.parametrize("n", [1, 2, 3])
def test_fubini_study_shrinks_at_the_rate_of_its_ricci_curvature(n):
    flow = spaces.fubini_study_flow(n)
    assert flow.ricci_flow("t").is_zero()
    assert not (flow.ricci_flow("t") + flow.g()).is_zero()
    with pytest.raises(ArgumentError, match="must be a parameter"):
        flow.ricci_flow(flow.chart.holomorphic[0].name)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_two_routes_to_ricci_for_every_potential(n):
    metric = spaces.general(n)
    assert metric.ricci() == metric.ricci_by_contraction()
    assert metric.ricci() == MixedTensor(metric.chart, metric.ricci().conjugate().components.T, (False, True))
    assert metric.ricci().conjugate().bars == (True, False)
    assert metric.torsion().is_zero()
    assert metric.is_kaehler()


def test_identities_for_every_potential():
    metric = spaces.general(2)
    chart, n = metric.chart, 2
    unit = MixedTensor.fill(chart, (False, True), lambda i, j: metric.trace(metric.g()).components[()] / n)
    assert unit[0, 0] == 1
    # The curvature of Hermitian, without the symmetries that Kaehler uses.
    chern = Hermitian(chart, metric.matrix)
    assert chern.riemann() == metric.riemann()
    swapped = MixedTensor(chart, np.transpose(chern.riemann().components, (2, 1, 0, 3)), (False, True) * 2)
    assert swapped == chern.riemann()
    # The Bochner tensor has no trace.
    bochner = metric.bochner().components
    for i, j in np.ndindex(n, n):
        assert metric.trace(MixedTensor(chart, bochner[:, :, i, j], (False, True))).is_zero()
    # Ric is closed: ∂_k R_{i j̄} is symmetric in i, k.
    ricci = metric.ricci().components
    assert ricci[0, 1].derivative(1) == ricci[1, 1].derivative(0)


def test_the_laplacian_of_the_potential_is_the_dimension():
    metric = spaces.general(2)
    assert metric.laplacian("K").sympy() == 4  # Δ = 2 g^{i j̄} ∂_i ∂_j̄
    assert metric.laplacian("z1^2").is_zero()


def test_the_chern_number_of_the_line():
    """∫ c_1 = 2 on CP¹: i dz∧dz̄ = 2 dx∧dy = 2 r dr dθ."""
    form, r = spaces.fubini_study(1).chern_form(), sp.Symbol("r", positive=True)
    density = form[0, 0].subs(dict.fromkeys(form.chart.coordinates, r))
    assert sp.integrate(sp.simplify(density / sp.I) * 2 * 2 * sp.pi * r, (r, 0, sp.oo)) == 2


def test_the_volume_of_projective_space():
    """∫ ω^n/n! = (2π)^n/n! for K = log(1 + |z|²), the factor 2^n included."""
    r = sp.Symbol("r", positive=True)
    for n, sphere in [(1, 2 * sp.pi), (2, 2 * sp.pi**2)]:
        metric = spaces.fubini_study(n)
        density = metric.volume_density().subs(
            {z: r if k in (0, n) else 0 for k, z in enumerate(metric.chart.coordinates)}
        )
        volume = sp.integrate(density * sphere * r ** (2 * n - 1), (r, 0, sp.oo))
        assert sp.simplify(volume - (2 * sp.pi) ** n / sp.factorial(n)) == 0


def test_a_hermitian_metric_that_is_not_kaehler():
    chart = ComplexChart("z1 z2")
    hopf = Hermitian(chart, [["1/abs2(z1, z2)", 0], [0, "1/abs2(z1, z2)"]])
    assert not hopf.is_kaehler()
    assert not hopf.torsion().is_zero()
    # The two Ricci tensors of Chern: the first is exact, and the trace over (i, j̄) gives it for any Hermitian metric.
    assert hopf.ricci() == hopf.ricci_by_contraction()
    assert not hopf.ricci().is_zero()
    with pytest.raises(MetricError, match=r"Hermitian but not Kähler.*Use Hermitian"):
        Kaehler(chart, matrix=hopf.matrix)


@pytest.mark.parametrize(
    ("build", "error", "sentence"),
    [
        (lambda c: Kaehler(c, "z1*zb1 + I*z1*zb2 + I*z2*zb1 + z2*zb2"), MetricError, "must be real"),
        (lambda c: Kaehler(c, "abs2(z1)"), MetricError, "singular"),
        (lambda c: Hermitian(c, [["1"]]), MetricError, "2 x 2"),
        (lambda c: Kaehler(c), ArgumentError, "exactly one"),
        (lambda c: Kaehler(c, "abs2(z1, z2)", [[1, 0], [0, 1]]), ArgumentError, "exactly one"),
        (lambda c: Hermitian(None, [[1]]), ArgumentError, "complex chart"),
        (lambda c: Kaehler(c, "abs2(z1, z2)").holomorphic_sectional([1]), ArgumentError, "2 components"),
        (lambda c: Kaehler(c, "abs2(z1, z2)").trace(Kaehler(c, "abs2(z1, z2)").riemann()), ArgumentError, "slots"),
        (lambda c: spaces.fubini_study_flow(2).complexified(), ArgumentError, "parameter `t`"),
    ],
)
def test_refusals(build, error, sentence):
    with pytest.raises(error, match=sentence):
        build(ComplexChart("z1 z2"))


def test_components_print():
    metric = Kaehler(ComplexChart("z", constants="a"), "a*abs2(z)^2")
    assert metric.chart.parse(repr(metric.g()).removeprefix("_z_zb = ")) == metric.g()[0, 0]
    assert r"g_{z\bar{z}} &= 4" in metric.g().latex("g").replace(" \\bar", r"\bar")
    assert repr(metric.ricci()) == "0"
    with pytest.raises(ArgumentError, match="2 indices"):
        metric.g()[0]
