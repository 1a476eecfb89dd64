"""The derived kernels against product quadrature over the network's own parameters, and against Poisson summation."""

import itertools
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp

from geomflow.core.errors import ArgumentError, CatalogueError
from geomflow.kernels import KERNELS, derive_cos_net, derive_gauss_net
from geomflow.kernels.cos_net import discrete_normal, periodic_kernel
from geomflow.symbolic.kernels.locality import LAPLACIAN

SIGMA, SIGMA_A, SIGMA_C, WIDTH = 0.8, 1.3, 0.4, 7
X, Y = (0.3, -0.5, 0.2), (-0.1, 0.25, 0.4)
HERMITE_NODES, HERMITE_WEIGHTS = np.polynomial.hermite_e.hermegauss(40)
HERMITE_WEIGHTS = HERMITE_WEIGHTS / HERMITE_WEIGHTS.sum()
PHASES = np.linspace(-np.pi, np.pi, 16, endpoint=False)


def number(expr, kernel):
    values = {kernel.sigma: SIGMA, kernel.sigma_a: SIGMA_A, kernel.width: WIDTH}
    values |= dict(zip(kernel.x, X)) | dict(zip(kernel.y, Y))
    if hasattr(kernel, "sigma_c"):
        values[kernel.sigma_c] = SIGMA_C
    return float(expr.subs(values))


def average(function, dim):
    """E over b ~ N(0, 1/sigma²) by Gauss-Hermite and over the phase by the trapezoidal rule."""
    total = 0.0
    for index in itertools.product(range(40), repeat=dim):
        b = HERMITE_NODES[list(index)] / SIGMA
        total += np.prod(HERMITE_WEIGHTS[list(index)]) * np.mean(function(b, PHASES))
    return total


@pytest.fixture(scope="module", params=[1, 2])
def cos_net(request):
    return derive_cos_net(request.param)


def test_nngp_and_last_layer(cos_net):
    x, y = np.array(X[: cos_net.dim]), np.array(Y[: cos_net.dim])
    product = average(lambda b, c: 2 * np.cos(b @ x + c) * np.cos(b @ y + c), cos_net.dim)
    assert number(cos_net.last_layer_ntk, cos_net) == pytest.approx(product, rel=1e-12)
    assert number(cos_net.nngp, cos_net) == pytest.approx(SIGMA_A**2 * product, rel=1e-12)


def test_full_ntk_is_the_mean_squared_gradient(cos_net):
    x, y = np.array(X[: cos_net.dim]), np.array(Y[: cos_net.dim])

    def one_neuron(b, c):
        # E a² = σ_a²; the trained frequency is b̂ = σ b, so ∂/∂b̂_j = x_j/σ ∂/∂c.
        in_a = np.cos(b @ x + c) * np.cos(b @ y + c)
        in_c = SIGMA_A**2 * np.sin(b @ x + c) * np.sin(b @ y + c)
        return 2 * (in_a + in_c * (1 + x @ y / SIGMA**2))

    assert number(cos_net.full_ntk, cos_net) == pytest.approx(average(one_neuron, cos_net.dim), rel=1e-12)


def test_finite_width_variance(cos_net):
    x, y = np.array(X[: cos_net.dim]), np.array(Y[: cos_net.dim])

    def theta(b, c):
        return 2 * np.cos(b @ x + c) * np.cos(b @ y + c)

    first = average(theta, cos_net.dim)
    second = average(lambda b, c: theta(b, c) ** 2, cos_net.dim)
    assert number(cos_net.finite_width_variance, cos_net) == pytest.approx((second - first**2) / WIDTH, rel=1e-12)


@pytest.mark.parametrize("width", [1, 2])
def test_coincident_four_point_by_quadrature(cos_net, width):
    # At one point b·x + c is itself uniform, hence N neurons are N pairs (a, phase): product quadrature is exact.
    nodes, weights = np.polynomial.hermite_e.hermegauss(6)
    neuron = (nodes[:, None] * np.cos(PHASES)).ravel()
    weight = (weights[:, None] * np.ones_like(PHASES)).ravel()
    total, density = neuron, weight / weight.sum()
    for _ in range(width - 1):
        total = (total[:, None] + neuron).ravel()
        density = (density[:, None] * weight / weight.sum()).ravel()
    kurtosis = (density @ total**4) / (density @ total**2) ** 2
    assert float(cos_net.coincident_four_point.subs(cos_net.width, width)) == pytest.approx(kurtosis, rel=1e-12)


def test_symbol_is_the_fourier_transform_of_the_periodic_kernel():
    kernel = derive_cos_net(2)
    grid = 2 * np.pi * np.arange(32) / 32
    points = np.stack(np.meshgrid(grid, grid, indexing="ij"), axis=-1)
    values = jax.vmap(jax.vmap(lambda z: periodic_kernel(z, SIGMA)))(jnp.asarray(points))
    transform = np.fft.fft2(np.asarray(values))
    for k in [(0, 0), (1, 0), (2, 3), (-1, 4)]:
        symbol = float(kernel.symbol.subs({kernel.sigma: SIGMA} | dict(zip(kernel.wave_numbers, k))))
        assert transform[k] / transform[0, 0] == pytest.approx(symbol, abs=1e-13)


def test_symbol_keeps_constants_and_expands_in_laplacians(cos_net):
    assert cos_net.symbol.subs(dict.fromkeys(cos_net.wave_numbers, 0)) == 1
    assert cos_net.expansion.coefficients == {0: 1, 2: LAPLACIAN / 2, 4: LAPLACIAN**2 / 8}


@pytest.mark.parametrize("sigma", [0.3, 0.8, 2.0])
def test_periodic_kernel_is_the_wrapped_gaussian(sigma):
    # Poisson summation: the integer-frequency kernel is the Gaussian summed over all images of the point.
    def wrapped(z):
        images = 2 * np.pi * np.arange(-20, 21)
        return np.prod([np.sum(np.exp(-((zj + images) ** 2) / (2 * sigma**2))) for zj in z])

    z = np.array([0.7, -2.5])
    assert float(periodic_kernel(jnp.asarray(z), sigma)) == pytest.approx(wrapped(z) / wrapped(0 * z), abs=1e-14)
    jitted = jax.jit(lambda v: periodic_kernel(v, sigma))(jnp.asarray(z))
    np.testing.assert_allclose(jitted, periodic_kernel(jnp.asarray(z), sigma), atol=1e-15)


def test_discrete_normal():
    values, probabilities = discrete_normal(0.05)
    assert probabilities.sum() == pytest.approx(1, abs=1e-15)
    assert np.array_equal(values, -values[::-1])
    assert probabilities.min() >= 1e-18
    assert values @ (values * probabilities) == pytest.approx(1 / 0.05**2, rel=1e-12)
    with pytest.raises(ArgumentError, match="positive"):
        discrete_normal(0.0)


def test_gauss_net_by_quadrature():
    kernel = derive_gauss_net(2)
    x, y = np.array(X[:2]), np.array(Y[:2])
    c = SIGMA_C * HERMITE_NODES
    first = second = fourth_x = second_x = 0.0
    for i, j in itertools.product(range(40), repeat=2):
        b = HERMITE_NODES[[i, j]] / SIGMA
        weights = HERMITE_WEIGHTS[i] * HERMITE_WEIGHTS[j] * HERMITE_WEIGHTS
        at_x = np.exp(b @ x + c - SIGMA_C**2 - x @ x / SIGMA**2)
        at_y = np.exp(b @ y + c - SIGMA_C**2 - y @ y / SIGMA**2)
        first += weights @ (at_x * at_y)
        second += weights @ (at_x * at_y) ** 2
        second_x += weights @ at_x**2
        fourth_x += weights @ at_x**4
    assert number(kernel.last_layer_ntk, kernel) == pytest.approx(first, rel=1e-11)
    assert number(kernel.nngp, kernel) == pytest.approx(SIGMA_A**2 * first, rel=1e-11)
    assert number(kernel.neuron_second_moment, kernel) == pytest.approx(second, rel=1e-9)
    assert number(kernel.finite_width_variance, kernel) == pytest.approx((second - first**2) / WIDTH, rel=1e-9)
    # E f⁴ of N neurons h = aφ: N E h⁴ + 3N(N-1)(E h²)², with E a⁴ = 3 σ_a⁴.
    four_point = (3 * fourth_x + 3 * (WIDTH - 1) * second_x**2) / (WIDTH * second_x**2)
    assert number(kernel.coincident_four_point, kernel) == pytest.approx(four_point, rel=1e-9)


def test_dual_nets_share_the_kernel_and_differ_at_finite_width():
    cos_net, gauss_net = derive_cos_net(1), derive_gauss_net(1)
    assert sp.expand(cos_net.last_layer_ntk - gauss_net.last_layer_ntk) == 0
    assert cos_net.coincident_four_point != gauss_net.coincident_four_point
    for kernel in (cos_net, gauss_net):
        assert sp.limit(kernel.coincident_four_point, kernel.width, sp.oo) == 3


@pytest.mark.parametrize("name", KERNELS.names())
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_every_kernel_derives_with_a_readable_derivation(name, dim):
    start = time.perf_counter()
    kernel = KERNELS[name](dim)
    assert time.perf_counter() - start < 10  # 0.4 s on a free core
    assert kernel.dim == dim
    assert len(kernel.derivation.steps) >= 7
    for step in kernel.derivation.steps:
        assert step.rhs.count("{") == step.rhs.count("}")
    assert sp.latex(kernel.last_layer_ntk) in [step.rhs for step in kernel.derivation.steps]


def test_refusals():
    with pytest.raises(ArgumentError, match="dim"):
        derive_cos_net(4)
    with pytest.raises(CatalogueError):
        KERNELS["cosnet"]
