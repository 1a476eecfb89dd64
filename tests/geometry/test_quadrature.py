"""Quadrature rules: degrees of exactness, measured rates of convergence, and integrals that know their own error."""

import itertools
import math

import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp
from scipy import special

from geomflow.core.errors import ArgumentError, ConvergenceError
from geomflow.geometry import quadrature, rules
from geomflow.geometry.autodiff import scalar_curvature
from geomflow.geometry.quadrature import Domain, affine, ball, box, integrate, product, sphere, torus


def moment(rule, count, function):
    x, w = rule.nodes(count)
    return float(np.dot(w, function(x)))


# rule, its measure times x^k, the exact integral
GAUSSIAN = [
    (rules.legendre(-0.5, 2), lambda x, k: x**k, lambda k: (2 ** (k + 1) - (-0.5) ** (k + 1)) / (k + 1)),
    (rules.laguerre(0.7), lambda x, k: x**k * np.exp(-x / 0.7), lambda k: math.factorial(k) * 0.7 ** (k + 1)),
    (
        rules.hermite(0.7),
        lambda x, k: x**k * np.exp(-((x / 0.7) ** 2) / 2),
        lambda k: (1 - k % 2) * 0.7 ** (k + 1) * 2 ** ((k + 1) / 2) * math.gamma((k + 1) / 2),
    ),
    *(
        (
            rules.polar(p),
            lambda x, k, p=p: np.cos(x) ** k * np.sin(x) ** p,
            lambda k, p=p: (1 - k % 2) * special.beta((k + 1) / 2, (p + 1) / 2),
        )
        for p in (1, 2, 3)
    ),
]


@pytest.mark.parametrize(("rule", "function", "truth"), GAUSSIAN, ids=[g[0].name for g in GAUSSIAN])
@pytest.mark.parametrize("count", [1, 2, 7])
def test_gaussian_degree(rule, function, truth, count):
    size = max(abs(truth(2 * count)), abs(truth(0)))
    for k in range(2 * count):
        assert moment(rule, count, lambda x, k=k: function(x, k)) == pytest.approx(truth(k), abs=2e-13 * size)
    # and no further: this is what tells a Gaussian rule from another convergent one
    assert abs(moment(rule, count, lambda x: function(x, 2 * count)) - truth(2 * count)) > 1e-6 * size


@pytest.mark.parametrize("rule", [rules.laguerre(), rules.hermite()], ids=["laguerre", "hermite"])
def test_exponential_weights_at_the_largest_count(rule):
    x, w = rule.nodes(rule.most)
    assert np.all(np.isfinite(w))
    assert np.all(w > 0)
    truth = 1 if x[0] > 0 else math.sqrt(2 * math.pi)
    assert np.dot(w, np.exp(-x if x[0] > 0 else -(x**2) / 2)) == pytest.approx(truth, rel=1e-10)


def test_periodic_is_exact_below_its_mode():
    rule = rules.periodic(3.0)
    for k in range(1, 8):
        exact = moment(rule, 8, lambda x, k=k: np.cos(2 * np.pi * k * x / 3 + 0.3))
        assert exact == pytest.approx(0, abs=1e-14)
    assert moment(rule, 8, lambda x: np.cos(2 * np.pi * 8 * x / 3 + 0.3)) == pytest.approx(3 * math.cos(0.3))
    assert moment(rule, 8, np.ones_like) == pytest.approx(3)


def test_periodic_rate():
    """∫ 1/(2 + cos x) = 2π/√3 with the error 2 q^N/(1 - q^N) of it, q = 2 - √3."""
    truth, q = 2 * math.pi / math.sqrt(3), 2 - math.sqrt(3)
    for n in (4, 7, 10):
        error = moment(rules.periodic(), n, lambda x: 1 / (2 + np.cos(x))) / truth - 1
        assert error == pytest.approx(2 * (-q) ** n / (1 - (-q) ** n), rel=1e-6)


def test_legendre_rate_at_a_kink():
    """|x - c|^3 converges like N^-4."""
    errors = []
    for n in (32, 128, 512):
        centres = np.linspace(-0.3, 0.3, 41)  # the error oscillates with the place of the kink
        truth = ((1 - centres) ** 4 + (1 + centres) ** 4) / 4
        values = [moment(rules.legendre(-1, 1), n, lambda x, c=c: abs(x - c) ** 3) for c in centres]
        errors.append(np.sqrt(np.mean((values - truth) ** 2)))
    orders = np.log(np.divide(errors[:-1], errors[1:])) / math.log(4)
    np.testing.assert_allclose(orders, 4, atol=0.15)


@pytest.mark.parametrize(
    ("rule", "function", "truth"),
    [
        (rules.half_line(2.0), lambda r: r / (1 + r**2) ** 2, 0.5),
        (rules.half_line(), lambda r: r**3 / (1 + r**2) ** 3, 0.25),
        (rules.whole_line(0.5), lambda x: 1 / (1 + (x - 0.3) ** 2), math.pi),
        (rules.whole_line(), lambda x: x**2 / (1 + x**4), math.pi / math.sqrt(2)),
    ],
)
def test_mapped_rules_converge_geometrically(rule, function, truth):
    errors = np.array([abs(moment(rule, n, function) - truth) for n in (8, 16, 24, 32, 64)])
    assert errors[-1] < 1e-13
    decades = -np.diff(np.log10(np.maximum(errors[:4], 1e-16)))
    assert np.all(decades[:2] > 1.2)  # the same factor for each eight points, not the same for each doubling


@pytest.mark.parametrize(
    ("ends", "function", "truth"),
    [
        ((0, 2), lambda x: 1 / np.sqrt(x), 2 * math.sqrt(2)),
        ((0, 1), lambda x: np.log(x) ** 2, 2),
        ((-1, 1), lambda x: np.exp(x), math.e - 1 / math.e),
        ((0, math.inf), lambda x: 1 / (np.sqrt(x) * (1 + x)), math.pi),
        ((1, math.inf), lambda x: x**-1.5, 2),
        ((-math.inf, math.inf), lambda x: 1 / (1 + x**2), math.pi),
    ],
)
def test_double_exponential(ends, function, truth):
    rule = rules.double_exponential(*ends)
    assert moment(rule, 150, function) == pytest.approx(truth, rel=1e-12)
    assert abs(moment(rule, 12, function) / truth - 1) > 1e-9


def test_double_exponential_keeps_off_both_ends():
    for a, b in ((0, 1), (-2, 5)):
        x, w = rules.double_exponential(a, b).nodes(101)
        assert np.all((a < x) & (x < b))
        assert len(x) > 60
        # the end that is not 0 is resolved to rounding: half of the digits of an inverse square root
        assert np.dot(w, 1 / np.sqrt(b - x)) == pytest.approx(2 * math.sqrt(b - a), rel=1e-6)


def test_the_whole_line_is_symmetric():
    x, w = rules.whole_line(2.0).nodes(7)
    np.testing.assert_allclose(x, -x[::-1], atol=1e-14)
    np.testing.assert_allclose(w, w[::-1], rtol=1e-12)
    assert np.sum(abs(x) < 2) == 3  # half of the points within L


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: rules.legendre(1, 1), "run upwards"),
        (lambda: rules.polar(0), "at least 1"),
        (lambda: rules.half_line(-1), "positive"),
        (lambda: rules.hermite(math.inf), "positive and finite"),
        (lambda: rules.double_exponential(-math.inf, 0), "Reflect"),
        (lambda: ball(2, 0), "positive"),
        (lambda: torus(2).points((3, 4, 5)), "2 numbers"),
        (lambda: torus(2).points(0), "at least 1"),
        (lambda: Domain("R", (rules.laguerre(),)).points(301), "at most 300 points"),
        (lambda: integrate(jnp.sum, torus(1), tolerance=0), "positive"),
        (lambda: integrate(jnp.sum, torus(3), most_points=249), "must allow 275 points"),
    ],
)
def test_refuses(make, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        make()


def round_volume(x):
    """√det of the unit sphere in polar angles."""
    return jnp.prod(jnp.sin(x) ** jnp.arange(x.size - 1, -1, -1))


def position(x):
    sines = jnp.concatenate([jnp.ones(1), jnp.cumprod(jnp.sin(x))])
    return sines * jnp.concatenate([jnp.cos(x), jnp.ones(1)])


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_volumes(n):
    """|S^n|, |B^n| and ∫ (1 + |x|²)^-n over R^n, in closed form."""
    area = 2 * math.pi ** ((n + 1) / 2) / math.gamma((n + 1) / 2)
    volume = math.pi ** (n / 2) / math.gamma(n / 2 + 1)
    assert float(integrate(round_volume, sphere(n)).value) == pytest.approx(area, rel=1e-12)
    assert float(sphere(n).points(4).integrate(round_volume)) == pytest.approx(area, rel=1e-13)
    second = integrate(lambda x: jnp.stack([jnp.ones(()), x[0] ** 2, x[-1] ** 2, x[0]]), ball(n, 2.0)).value
    moments = [volume * 2**n, *[volume * 2 ** (n + 2) / (n + 2)] * 2, 0]
    np.testing.assert_allclose(second, moments, atol=1e-10)
    falling = integrate(lambda x: (1 + x @ x) ** -n, affine(n, 1.5)).value
    assert float(falling) == pytest.approx(math.pi ** (n / 2) * math.gamma(n / 2) / math.gamma(n), rel=1e-10)


@pytest.mark.parametrize("n", [2, 3])
def test_moments_of_the_sphere(n):
    """∫ Π x_i^{a_i} = 2 Π Γ((a_i + 1)/2) / Γ((|a| + n + 1)/2), and 0 if any a_i is odd."""
    exponents = [a for a in itertools.product(range(5), repeat=n + 1) if sum(a) <= 6]
    powers = jnp.asarray(exponents)
    values = sphere(n).points(8).integrate(lambda x: round_volume(x) * jnp.prod(position(x) ** powers, axis=1))
    truth = [
        0
        if any(k % 2 for k in a)
        else 2 * math.prod(math.gamma((k + 1) / 2) for k in a) / math.gamma((sum(a) + n + 1) / 2)
        for a in exponents
    ]
    np.testing.assert_allclose(values, truth, atol=1e-13)


def test_harmonics_are_orthonormal():
    points = sphere(2).points((6, 11))  # degrees up to 11 in cos θ, modes below 11 in φ
    theta, phi = np.asarray(points.points).T
    y = np.stack([special.sph_harm_y(l, m, theta, phi) for l in range(6) for m in range(-l, l + 1)])
    gram = np.einsum("iN,jN,N->ij", y.conj(), y, np.asarray(points.under(lambda x: jnp.diag(_round(x))).weights))
    np.testing.assert_allclose(gram, np.eye(36), atol=1e-13)


def _round(x):
    return jnp.stack([jnp.ones(()), jnp.sin(x[0]) ** 2])


def test_total_curvature_of_the_cigar():
    """∫ R dV of the cigar; the truth from SymPy, which knows nothing of the rule nor of autodiff."""
    r = sp.symbols("r", positive=True)
    w = 1 / (1 + r**2)
    curvature = -sp.diff(r * sp.diff(sp.log(w), r), r) / (r * w)
    truth = sp.integrate(sp.simplify(curvature * w * r), (r, 0, sp.oo)) * 2 * sp.pi
    assert truth == 4 * sp.pi

    def density(x):
        return scalar_curvature(cigar, x) * jnp.sqrt(jnp.linalg.det(cigar(x)))

    result = integrate(density, affine(2), tolerance=1e-9)
    assert float(result.value) == pytest.approx(float(truth), rel=1e-9)
    # the other chart, in which the whole line is the axis: dx²dy² as a product of lines has a corner at infinity
    polar = Domain("polar", (rules.half_line(), rules.periodic()))
    assert float(integrate(lambda x: 4 * x[0] / (1 + x[0] ** 2) ** 2, polar).value) == pytest.approx(float(truth))


def cigar(x):
    return jnp.eye(2) / (1 + x @ x)


def test_products():
    domain = product(ball(2), torus(1), affine(1))
    points = domain.points((3, 4, 5, 6))
    assert points.points.shape == (360, 4)
    assert np.max(np.linalg.norm(points.points[:, :2], axis=1)) < 1
    value = integrate(lambda x: x[0] ** 2 * jnp.cos(x[2]) ** 2 / (1 + x[3] ** 2), domain)
    assert float(value.value) == pytest.approx(math.pi / 4 * math.pi * math.pi, rel=1e-10)
    assert product(sphere(2), torus(1)).chart is None
    mirrored = Domain("mirrored", box((0, 1), (0, 2)).rules, lambda x: jnp.stack([x[1], 3 * x[0]]))
    assert float(mirrored.points(3).integrate(lambda x: x[0])) == pytest.approx(6)  # |det|, not det


INTEGRANDS = [
    (lambda x: jnp.exp(jnp.sin(x[0]) + jnp.cos(x[1])), torus(2), (2 * math.pi * special.i0(1)) ** 2),
    (lambda x: 1 / (1 + 25 * x[0] ** 2), box((-1, 1)), 2 * math.atan(5) / 5),
    (lambda x: jnp.exp(-x[0]) * jnp.sin(x[0]), Domain("R+", (rules.laguerre(),)), 0.5),
    (lambda x: jnp.exp(-(x[0] ** 2) - x[1] ** 2), affine(2), math.pi),
    (lambda x: jnp.abs(x[0] - 0.3) ** 3, box((-1, 1)), (0.7**4 + 1.3**4) / 4),
    (lambda x: jnp.sin(x[0]) * jnp.exp(x[1]), box((-1, 1), (0, 1)), 0),
]


@pytest.mark.parametrize("tolerance", [1e-4, 1e-10])
@pytest.mark.parametrize("case", range(len(INTEGRANDS)))
def test_the_error_estimate_holds(case, tolerance):
    function, domain, truth = INTEGRANDS[case]
    result = integrate(function, domain, tolerance)
    assert abs(float(result.value) - truth) <= float(result.error)
    scale = float(domain.points(60).integrate(lambda x: jnp.abs(function(x))))
    assert float(result.error) <= 1.1 * tolerance * scale
    assert result.points == math.prod(result.counts) <= result.evaluations


def test_refines_only_where_it_is_needed():
    result = integrate(lambda x: jnp.stack([1 / (1.02 + jnp.cos(x[0])) + jnp.cos(x[1]), jnp.ones(())]), torus(2))
    assert result.counts[0] > 40
    assert result.counts[1] == 6
    truth = (2 * math.pi) ** 2 * np.array([1 / math.sqrt(1.02**2 - 1), 1])
    np.testing.assert_allclose(result.value, truth, rtol=1e-10)


def test_the_tolerance_is_relative_to_the_absolute_value():
    """The integral is nothing but rounding: 1e-10 of that would never be reached."""
    assert integrate(lambda x: jnp.sin(x[0] + 0.3), torus(1)).counts == (6,)


def test_is_not_taken_in_by_aliases():
    """The first rule takes cos 5x for 1, so that both single refinements agree; the confirmation must not."""
    both = integrate(lambda x: jnp.prod(1 - jnp.cos(5 * x)), torus(2))
    assert float(both.value) == pytest.approx((2 * math.pi) ** 2, rel=1e-12)
    for k in (5, 10, 11, 20, 22, 40):
        result = integrate(lambda x, k=k: 1 + jnp.cos(k * x[0]), torus(1))
        assert float(result.value) == pytest.approx(2 * math.pi, rel=1e-12)


def test_components_and_blocks(monkeypatch):
    def function(x):
        return jnp.stack([jnp.exp(jnp.cos(x[0])), 1e-8 * jnp.exp(jnp.sin(x[0] + x[1]))])

    result = integrate(function, torus(2))
    truth = (2 * math.pi) ** 2 * special.i0(1) * np.array([1, 1e-8])
    np.testing.assert_allclose(result.value, truth, rtol=1e-9)  # the small component as well
    assert result.value.shape == result.error.shape == (2,)
    monkeypatch.setattr(quadrature, "_BLOCK", 7)
    np.testing.assert_allclose(integrate(function, torus(2), 1e-4).value, truth, rtol=1e-4)


def test_str():
    text = str(integrate(lambda x: jnp.ones(()), box((0, 3))))
    assert text.startswith("3.000000000 ± ")
    assert text.endswith("6 points (6)")


def test_says_when_it_does_not_settle():
    with pytest.raises(ConvergenceError, match=r"has not settled to 1e-10.*kink") as error:
        integrate(lambda x: jnp.sqrt(jnp.abs(x[0] - 0.3)), box((-1, 1)), most_points=500)
    truth = (0.7**1.5 + 1.3**1.5) * 2 / 3
    assert abs(float(error.value.value) - truth) < 3 * float(error.value.error) < 2e-3
    assert error.value.points == 191
    with pytest.raises(ConvergenceError, match="not settled"):  # 1/x diverges
        integrate(lambda x: 1 / x[0], box((0, 1)))


def test_names_the_point_of_a_singularity():
    with pytest.raises(ArgumentError, match="is -inf at x = ") as error:
        integrate(lambda x: jnp.log(jnp.abs(x[0])) + x[1], box((-1, 1), (2, 3)))
    assert error.value.point[0] == 0
    assert 2 < error.value.point[1] < 3


def test_a_complex_integral_prints_both_parts():
    found = integrate(lambda x: jnp.exp(1j * x[0]), box((0, 1)))
    np.testing.assert_allclose(found.value, (np.exp(1j) - 1) / 1j, rtol=1e-14)
    assert "0.84147" in str(found)
    assert "0.45969" in str(found)
