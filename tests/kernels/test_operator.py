"""The kernel of the infinitely wide periodic network as an operator: symbol, sampling error, local limit."""

import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.core.errors import ArgumentError, ResolutionError
from geomflow.geometry.torus import Torus
from geomflow.kernels.operator import SMALLEST_WIDTH, check_width, cos_net_multiplier, smallest_width, symbol_program

TORI = [Torus(1, 64), Torus(2, 32), Torus(3, 16)]
IDS = ["d=1", "d=2", "d=3"]


def smooth_field(torus):
    """Σ over products of modes with |k| <= 2, no symmetry."""
    x = torus.points
    return jnp.prod(1 + 0.3 * jnp.sin(x + 0.2) + 0.1 * jnp.cos(2 * x), axis=0)


@pytest.mark.parametrize("torus", TORI, ids=IDS)
@pytest.mark.parametrize("sigma", [0.0, 0.4, 1.0, 3.0])
def test_symbol_is_the_gaussian(torus, sigma):
    square = np.sum(torus.wave_numbers**2, axis=0)
    np.testing.assert_allclose(
        cos_net_multiplier(torus, sigma), np.exp(-(sigma**2) * square / 2), atol=1e-15, rtol=1e-12
    )


@pytest.mark.parametrize("torus", TORI, ids=IDS)
def test_keeps_constants_and_is_the_identity_at_zero_width(torus):
    ones, field = jnp.ones((2, *torus.shape)), smooth_field(torus)
    np.testing.assert_allclose(torus.multiply(ones, cos_net_multiplier(torus, 0.5)), 1, atol=1e-14)
    np.testing.assert_array_equal(cos_net_multiplier(torus, 0.0), 1)
    np.testing.assert_allclose(torus.multiply(field, cos_net_multiplier(torus, 0.0)), field, atol=1e-13)


def periodised_gaussian(torus, sigma):
    """Σ_m (2πσ²)^{-1/2} exp(-(z + 2πm)²/2σ²) at the grid points, as the circulant matrix of one direction."""
    x = np.arange(torus.size) * torus.spacing
    z = x[:, None, None] - x[None, :, None] + 2 * np.pi * np.arange(-8, 9)
    return np.exp(-(z**2) / (2 * sigma**2)).sum(-1) / np.sqrt(2 * np.pi * sigma**2) * torus.spacing


def direct_sum(torus, sigma, field):
    """What a network sampled at the grid points does: the kernel matrix times the field, direction by direction."""
    matrix = periodised_gaussian(torus, sigma)
    for axis in range(torus.dim):
        field = np.moveaxis(np.tensordot(matrix, field, axes=(1, axis)), 0, axis)
    return field


@pytest.mark.parametrize("torus", TORI, ids=IDS)
@pytest.mark.parametrize("ratio", [0.75, 0.9, 1.0, 2.0])
def test_direct_summation_errs_by_the_stated_law(torus, ratio):
    """On constants the sampled Gaussian is off by 2d exp(-2π²(σ/h)²): 1e-4 at 0.75 h, 1e-8 at h, nothing at 2 h."""
    sigma = ratio * torus.spacing
    defect = float(np.max(np.abs(direct_sum(torus, sigma, np.ones(torus.shape)) - 1)))
    law = 2 * torus.dim * np.exp(-2 * np.pi**2 * ratio**2)
    assert defect == pytest.approx(law, rel=1e-3, abs=1e-14)
    field = np.asarray(smooth_field(torus))
    exact = torus.multiply(field, cos_net_multiplier(torus, sigma))
    # a mode k aliases with k ± N, nearer than a constant does: exp(-σ²N(N - 2k)/2) with k <= 2
    bound = 2 * torus.dim * np.exp(-2 * np.pi**2 * ratio**2 * (1 - 4 / torus.size)) * np.max(np.abs(field)) + 1e-13
    assert float(np.max(np.abs(direct_sum(torus, sigma, field) - exact))) < bound


@pytest.mark.parametrize("torus", TORI, ids=IDS)
def test_local_limit_to_fourth_order(torus):
    """K_σ u = u + σ²/2 Δu + σ⁴/8 Δ²u + O(σ⁶): slopes 2, 4, 6."""
    u = smooth_field(torus)
    first = torus.flat_laplacian(u)
    second = torus.flat_laplacian(first)
    sigmas = smallest_width(torus) * np.array([1.5, 1.3])
    remainders = []
    for sigma in sigmas:
        smeared = torus.multiply(u, cos_net_multiplier(torus, sigma))
        orders = [u, u + sigma**2 / 2 * first, u + sigma**2 / 2 * first + sigma**4 / 8 * second]
        remainders.append([float(torus.norm(smeared - o)) for o in orders])
    slopes = np.log(np.array(remainders[0]) / remainders[1]) / np.log(sigmas[0] / sigmas[1])
    np.testing.assert_allclose(slopes, [2, 4, 6], atol=0.5)
    assert all(slopes <= [2, 4, 6])  # from below: the next terms have the opposite sign


def test_slopes_at_small_width():
    torus = Torus(1, 512)
    u, (s, r) = smooth_field(torus), (0.08, 0.04)
    laplacian = torus.flat_laplacian(u)
    two = [float(torus.norm(torus.multiply(u, cos_net_multiplier(torus, a)) - u)) for a in (s, r)]
    four = [
        float(torus.norm(torus.multiply(u, cos_net_multiplier(torus, a)) - u - a**2 / 2 * laplacian)) for a in (s, r)
    ]
    assert np.log2(two[0] / two[1]) == pytest.approx(2, abs=0.02)
    assert np.log2(four[0] / four[1]) == pytest.approx(4, abs=0.02)


def test_semigroup():
    torus = TORI[1]
    product = cos_net_multiplier(torus, 0.3) * cos_net_multiplier(torus, 0.4)
    np.testing.assert_allclose(product, cos_net_multiplier(torus, 0.5), rtol=1e-12, atol=1e-15)


def test_widths_the_grid_does_not_carry_are_refused():
    torus = Torus(2, 32)
    smallest = SMALLEST_WIDTH * 2 * np.pi / 32
    assert smallest_width(torus) == pytest.approx(smallest, rel=1e-15)
    check_width(torus, smallest)
    with pytest.raises(ResolutionError, match="Try 0") as error:
        cos_net_multiplier(torus, 0.1)
    assert error.value.sigma == 0.1
    assert error.value.sigma_min == pytest.approx(smallest)
    # the grid it proposes does carry the width, and no smaller even one does
    proposed = int(str(error.value).split("a grid of ")[-1].split()[0])
    check_width(Torus(2, proposed), 0.1)
    with pytest.raises(ResolutionError):
        check_width(Torus(2, proposed - 2), 0.1)


@pytest.mark.parametrize("sigma", [-0.1, -1e-300, float("nan")])
def test_negative_widths_are_refused(sigma):
    with pytest.raises(ArgumentError, match="sigma"):
        cos_net_multiplier(Torus(1, 16), sigma)


def test_the_symbol_is_generated():
    source = symbol_program(2).source
    assert "jnp.exp" in source
    assert "def cos_net_symbol(k, sigma, keep)" in source
