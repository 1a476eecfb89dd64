"""Cos-net and gauss-net beyond their kernels: each derived formula against quadrature or exact evaluation."""

import itertools

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

from geomflow.core.errors import ArgumentError, DerivationError
from geomflow.symbolic.kernels.expectation import gaussian, uniform_phase
from geomflow.symbolic.kernels.locality import LAPLACIAN
from geomflow.symbolic.kernels.random_features.base import SIGMA, SIGMA_A, SIGMA_C, WIDTH
from geomflow.symbolic.kernels.random_features.cos_net import cos_features, derive_cos_net
from geomflow.symbolic.kernels.random_features.drift import derive_drift
from geomflow.symbolic.kernels.random_features.four_point import derive_four_point
from geomflow.symbolic.kernels.random_features.gauss_net import derive_gauss_net, gauss_features
from geomflow.symbolic.kernels.random_features.gaussian_integrals import integrate_gaussian
from geomflow.symbolic.kernels.random_features.invariants import DISTANCE2, INNER, in_invariants
from geomflow.symbolic.kernels.random_features.mirrored import derive_mirrored_cos_net
from geomflow.symbolic.kernels.random_features.operator_noise import DIM, LENGTH, derive_operator_noise
from geomflow.symbolic.kernels.random_features.propagator import derive_propagator

VALUES = {SIGMA: 0.8, SIGMA_A: 1.3, SIGMA_C: 0.4, WIDTH: 7}
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(60)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
PHASES = np.linspace(-np.pi, np.pi, 32, endpoint=False)
FEATURES = {"cos-net": cos_features, "gauss-net": gauss_features}


def feature(name, at, b, c):
    """φ and its derivative by the phase, with the network's scale, on the line."""
    sigma = VALUES[SIGMA]
    if name == "cos-net":
        return np.sqrt(2) * np.cos(b * at + c), -np.sqrt(2) * np.sin(b * at + c)
    value = np.exp(b * at + c - VALUES[SIGMA_C] ** 2 - at**2 / sigma**2)
    return value, value


def average(name, function):
    """E over b and c of a function of both, by product quadrature."""
    total = 0.0
    phases = PHASES if name == "cos-net" else VALUES[SIGMA_C] * NODES
    weights = np.full(len(PHASES), 1 / len(PHASES)) if name == "cos-net" else WEIGHTS
    for node, weight in zip(NODES / VALUES[SIGMA], WEIGHTS, strict=True):
        total += weight * (weights @ function(node, phases))
    return total


def summed(expr):
    """The expression with its infinite sums over n cut where the terms are far below 1e-16."""
    return float(
        expr.replace(sp.Sum, lambda f, limits: sp.Add(*(f.subs(limits[0], n) for n in range(-60, 61)))).evalf()
    )


@pytest.mark.parametrize("name", FEATURES)
def test_four_point_function_by_quadrature(name):
    record = derive_four_point(FEATURES[name](1))
    at = [0.3, -0.2, 0.45, 0.1]
    values = VALUES | {point[0]: value for point, value in zip(record.points, at, strict=True)}

    def moment(*indices):
        return average(name, lambda b, c: np.prod([feature(name, at[i], b, c)[0] for i in indices], axis=0))

    pairs = moment(0, 1) * moment(2, 3) + moment(0, 2) * moment(1, 3) + moment(0, 3) * moment(1, 2)
    scale = VALUES[SIGMA_A] ** 4
    expected = scale * (3 * moment(0, 1, 2, 3) - pairs) / VALUES[WIDTH]
    assert float(record.connected.subs(values)) == pytest.approx(expected, rel=1e-10)
    assert float(record.wick.subs(values)) == pytest.approx(scale * pairs, rel=1e-10)
    assert float(record.full.subs(values)) == pytest.approx(expected + scale * pairs, rel=1e-10)


@pytest.mark.parametrize("name", FEATURES)
@pytest.mark.parametrize("dim", [1, 2])
def test_coincident_limit_is_the_known_one(name, dim):
    record = derive_four_point(FEATURES[name](dim))
    known = {"cos-net": derive_cos_net, "gauss-net": derive_gauss_net}[name](dim).coincident_four_point - 3
    assert sp.simplify(record.coincident - known) == 0


@pytest.mark.parametrize("name", FEATURES)
def test_full_kernel_and_its_variance_by_quadrature(name):
    record = {"cos-net": derive_cos_net, "gauss-net": derive_gauss_net}[name](1)
    x, y = 0.35, -0.2
    slope = 1 + x * y / VALUES[SIGMA] ** 2

    def theta(a, b, c):
        (u, du), (v, dv) = feature(name, x, b, c), feature(name, y, b, c)
        return u * v + a**2 * slope * du * dv

    first = second = 0.0
    for node, weight in zip(*np.polynomial.hermite_e.hermegauss(8), strict=True):
        a, weight = VALUES[SIGMA_A] * node, weight / np.sqrt(2 * np.pi)
        first += weight * average(name, lambda b, c, a=a: theta(a, b, c))
        second += weight * average(name, lambda b, c, a=a: theta(a, b, c) ** 2)
    values = VALUES | {record.x[0]: x, record.y[0]: y}
    assert float(record.full_ntk.subs(values)) == pytest.approx(first, rel=1e-10)
    variance = (second - first**2) / VALUES[WIDTH]
    assert float(record.full_ntk_variance.subs(values)) == pytest.approx(variance, rel=1e-9)


@pytest.mark.parametrize("name", FEATURES)
def test_drift_by_quadrature(name):
    """γ = Σ_I ∂_I θ ∂_I h with all derivatives by hand: a, c, and b̂ = σ b which adds (x/σ)² of what c gives."""
    x = 0.3
    slope = 1 + (x / VALUES[SIGMA]) ** 2
    total = 0.0
    for node, weight in zip(*np.polynomial.hermite_e.hermegauss(10), strict=True):
        a, weight = VALUES[SIGMA_A] * node, weight / np.sqrt(2 * np.pi)

        def gamma(b, c, a=a):
            u, du = feature(name, x, b, c)
            ddu = -u if name == "cos-net" else u
            by_a = 2 * a * slope * du**2 * u
            by_c = (2 * u * du + 2 * a**2 * slope * du * ddu) * a * du
            return by_a + slope * by_c

        total += weight * average(name, lambda b, c, gamma=gamma: gamma(b, c) ** 2)
    record = derive_drift(FEATURES[name](1))
    expected = total / VALUES[WIDTH] ** 2
    assert float(record.variance.subs(VALUES | {record.x[0]: x})) == pytest.approx(expected, rel=1e-7)
    assert record.mean == 0
    assert record.last_layer == 0


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_propagator(dim):
    record = derive_propagator(cos_features(dim))
    p = record.momentum
    expected = SIGMA_A**2 * (sp.sqrt(2 * sp.pi) * SIGMA) ** dim * sp.exp(-(SIGMA**2) * sum(q**2 for q in p) / 2)
    assert sp.simplify(record.propagator / expected) == 1
    assert sp.simplify(record.action * record.propagator) == 1
    assert record.action_series.coefficients == {0: 1, 2: -LAPLACIAN / 2, 4: LAPLACIAN**2 / 8}
    assert sp.expand(record.propagator - derive_propagator(gauss_features(dim)).propagator) == 0


def test_propagator_by_fourier_integral():
    record = derive_propagator(cos_features(1))
    (z,), (p,) = record.displacement, record.momentum
    position = sp.lambdify(z, record.position.subs(VALUES), "mpmath")
    numeric = mp.quad(lambda t: position(t) * mp.cos(1.7 * t), [-12, 0, 12])
    assert float(record.propagator.subs(VALUES | {p: 1.7})) == pytest.approx(float(numeric), rel=1e-12)


def test_propagator_needs_translation_invariance():
    with pytest.raises(DerivationError, match="x - y"):
        derive_propagator(cos_features(1, phase=False))


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_operator_noise_axis_by_axis_equals_the_whole_integral(dim):
    """The same integral with all axes at once, the box replaced by a wide Gaussian window around x' (exact limit)."""
    net = cos_features(dim)
    y, z = (sp.symbols(f"{letter}1:{dim + 1}", real=True) for letter in "yz")
    value = net.scale * net.feature
    at_y, at_z = (value.subs(dict(zip(net.x, point, strict=True))) for point in (y, z))
    product = gaussian(uniform_phase(value**2 * at_y * at_z, net.phase), net.frequencies, SIGMA**-2)
    inner = integrate_gaussian(product, z)
    assert not inner.has(*y)  # the box is uniform: the integral over y gives L^d
    mean = integrate_gaussian(gaussian(uniform_phase(value * at_y, net.phase), net.frequencies, SIGMA**-2), y)
    noise = derive_operator_noise()
    expected = (LENGTH**dim * inner / mean**2 - 1) / WIDTH
    assert sp.simplify(noise.variance.subs(DIM, dim) - expected) == 0
    assert sp.simplify(noise.cells - LENGTH / (sp.sqrt(2 * sp.pi) * SIGMA)) == 0


def test_periodic_noise_is_that_of_the_box_for_narrow_kernels():
    noise = derive_operator_noise()
    partition = sum(np.exp(-(0.5**2) * n**2 / 2) for n in range(-60, 61))
    exact = (1.5 * partition**2 - 1) / 7
    value = noise.periodic_variance.subs({WIDTH: 7, DIM: 2, SIGMA: sp.Rational(1, 2)})
    assert summed(value) == pytest.approx(exact, rel=1e-12)
    box = noise.variance.subs({WIDTH: 7, DIM: 2, SIGMA: 0.5, LENGTH: 2 * np.pi})
    assert float(box) == pytest.approx(exact, rel=1e-12)


def test_mirror_image():
    record = derive_mirrored_cos_net(1)
    x, y = 0.35, -0.5
    values = VALUES | {record.x[0]: x, record.y[0]: y}
    b = NODES / VALUES[SIGMA]
    share = 2 * np.cos(b * x) * np.cos(b * y)
    first, second = WEIGHTS @ share, WEIGHTS @ share**2
    gradient = 2 * np.sin(b * x) * np.sin(b * y) * x * y * VALUES[SIGMA_A] ** 2 / VALUES[SIGMA] ** 2
    assert float(record.last_layer_ntk.subs(values)) == pytest.approx(first, rel=1e-12)
    assert float(record.nngp.subs(values)) == pytest.approx(VALUES[SIGMA_A] ** 2 * first, rel=1e-12)
    assert float(record.full_ntk.subs(values)) == pytest.approx(first + WEIGHTS @ gradient, rel=1e-11)
    assert float(record.finite_width_variance.subs(values)) == pytest.approx((second - first**2) / 7, rel=1e-11)
    image = np.exp(-((x + y) ** 2) / (2 * VALUES[SIGMA] ** 2))
    assert float(record.image.subs(values)) == pytest.approx(image, rel=1e-12)


@pytest.mark.parametrize("derive", [derive_cos_net, derive_gauss_net])
@pytest.mark.parametrize("quantity", ["nngp", "full_ntk", "finite_width_variance", "full_ntk_variance"])
def test_invariants_found_in_the_plane_hold_in_every_dimension(derive, quantity):
    plane = derive(2)
    expression = in_invariants(getattr(plane, quantity), plane.x, plane.y)
    rng = np.random.default_rng(4)
    for dim in (1, 2, 3):
        record = derive(dim)
        x, y = rng.uniform(-0.5, 0.5, (2, dim))
        direct = getattr(record, quantity).subs(VALUES | dict(zip((*record.x, *record.y), (*x, *y), strict=True)))
        found = expression.subs(VALUES | {DISTANCE2: (x - y) @ (x - y), INNER: x @ y})
        assert float(found) == pytest.approx(float(direct), rel=1e-12)


def test_invariants_refuse_what_is_not_invariant():
    kernel = derive_cos_net(2)
    x, y = kernel.x, kernel.y
    for wrong in (x[0] * kernel.nngp, sp.exp(-(x[0] ** 2) - y[0] ** 2), x[0] ** 2 + x[1] ** 2, y[1]):
        with pytest.raises(DerivationError):
            in_invariants(wrong, x, y)
    with pytest.raises(DerivationError, match="two dimensions"):
        in_invariants(derive_cos_net(1).nngp, derive_cos_net(1).x, derive_cos_net(1).y)


def test_spectrum_of_the_periodic_kernel():
    """λ_k = (2π)^d κ̂(k): the eigenvalues sum to the trace, and their ratios are the symbol."""
    kernel = derive_cos_net(2)
    sigma = sp.Rational(7, 10)
    partition = sum(np.exp(-0.49 * n**2 / 2) for n in range(-40, 41))
    for k in [(0, 0), (1, -2)]:
        value = kernel.spectrum.subs({kernel.sigma: sigma} | dict(zip(kernel.wave_numbers, k, strict=True)))
        expected = (2 * np.pi) ** 2 * np.exp(-0.49 * (k[0] ** 2 + k[1] ** 2) / 2) / partition**2
        assert summed(value) == pytest.approx(expected, rel=1e-12)


def test_gaussian_integrals():
    z, w = sp.symbols("z w", real=True)
    s = sp.Symbol("s", positive=True)
    assert sp.simplify(integrate_gaussian(sp.exp(-(z**2) / (2 * s**2)), z) - sp.sqrt(2 * sp.pi) * s) == 0
    for first, second in itertools.permutations((z, w)):
        total = integrate_gaussian(sp.exp(-(z**2) - z * w - w**2 + z), (first, second))
        assert sp.simplify(total - 2 * sp.pi / sp.sqrt(3) * sp.exp(sp.Rational(1, 3))) == 0
    for wrong in (sp.exp(z**2), sp.exp(-z), z * sp.exp(-(z**2)), sp.exp(-(z**4)), sp.Integer(1)):
        with pytest.raises(DerivationError):
            integrate_gaussian(wrong, z)


def test_refusals():
    for features in FEATURES.values():
        with pytest.raises(ArgumentError, match="dim"):
            features(4)
