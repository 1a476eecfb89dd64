"""The sigma-expansion of smoothing operators, checked on functions whose smoothing is known in closed form."""

import pytest
import sympy as sp

from geomflow.core.errors import DerivationError
from geomflow.symbolic.kernels.locality import LAPLACIAN, expand_symbol

x, y, k1, k2, k3 = sp.symbols("x y k1 k2 k3", real=True)
sigma = sp.Symbol("sigma", positive=True)
HEAT = sp.exp(-(sigma**2) * (k1**2 + k2**2) / 2)


def test_heat_symbol():
    assert expand_symbol(HEAT, sigma, 4).coefficients == {0: 1, 2: LAPLACIAN / 2, 4: LAPLACIAN**2 / 8}
    assert expand_symbol(HEAT, sigma, 6).coefficients[6] == LAPLACIAN**3 / 48


def test_expansion_acts_as_the_heat_semigroup():
    # A Gaussian of variance v smoothed by σ is a Gaussian of variance v + σ²: exact in closed form.
    heat = sp.exp(-(x**2 + y**2) / (2 * (1 + sigma**2))) / (1 + sigma**2)
    applied = expand_symbol(HEAT, sigma, 4).apply(heat.subs(sigma, 0), [x, y])
    remainder = sp.series(
        heat.subs({x: sp.Rational(1, 3), y: sp.Rational(-3, 4)}), sigma, 0, 6
    ).removeO() - applied.subs({x: sp.Rational(1, 3), y: sp.Rational(-3, 4)})
    assert sp.simplify(sp.expand(remainder)) == 0


def test_expansion_on_a_wave_is_the_truncated_symbol():
    wave = sp.cos(2 * x - 3 * y)
    truncated = sp.series(HEAT.subs({k1: 2, k2: -3}), sigma, 0, 5).removeO()
    assert sp.expand(expand_symbol(HEAT, sigma, 4).apply(wave, [x, y]) - truncated * wave) == 0


def test_resolvent_symbol():
    # (1 - σ²Δ)⁻¹ = 1 + σ²Δ + σ⁴Δ² + ...
    resolvent = 1 / (1 + sigma**2 * (k1**2 + k2**2 + k3**2))
    assert expand_symbol(resolvent, sigma, 4).coefficients == {0: 1, 2: LAPLACIAN, 4: LAPLACIAN**2}


def test_latex():
    assert expand_symbol(HEAT, sigma, 4).latex() == (
        r"u + \frac{\sigma^{2}}{2} \Delta u + \frac{\sigma^{4}}{8} \Delta^{2} u + O(\sigma^{6})"
    )
    assert expand_symbol(sp.cos(sigma * k1), sigma, 3).latex("v") == (
        r"v + \frac{\sigma^{2}}{2} \Delta v + O(\sigma^{4})"
    )
    assert expand_symbol(1 / HEAT, sigma, 2).latex() == r"u - \frac{\sigma^{2}}{2} \Delta u + O(\sigma^{4})"


def test_operator_has_the_symbol_back():
    operator = expand_symbol(HEAT, sigma, 4).operator().subs(LAPLACIAN, -(k1**2) - k2**2)
    assert sp.expand(operator - sp.series(HEAT, sigma, 0, 5).removeO()) == 0


@pytest.mark.parametrize(
    "symbol",
    [sp.exp(-(sigma**2) * (k1**2 + 2 * k2**2) / 2), sp.exp(-sigma * sp.sqrt(k1**2 + k2**2)), sp.exp(sigma * k1)],
)
def test_anisotropic_or_fractional_symbols_are_refused(symbol):
    with pytest.raises(DerivationError, match=r"polynomial"):
        expand_symbol(symbol, sigma, 2)


def test_singular_symbol_is_refused():
    with pytest.raises(DerivationError, match="smooth"):
        expand_symbol(HEAT / sigma, sigma, 2)
