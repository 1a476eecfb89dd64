"""The functions that JAX lacks: accuracy, derivatives, and their place in generated code."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp

from geomflow.codegen.program import Argument, Program
from geomflow.codegen.special import bivariate_normal_cdf, erfi, softplus
from geomflow.symbolic.kernels.duals.bivariate_normal import BivariateNormalCDF, normal_cdf

H, K, RHO = sp.symbols("h k rho", real=True)


def points():
    rng = np.random.default_rng(0)
    h, k = 1.5 * rng.normal(size=(2, 60))
    near = 10.0 ** rng.uniform(-14, -1, 20)
    rho = np.concatenate([rng.uniform(-1, 1, 20), 1 - near, near - 1])
    k[::5], k[1::5], k[2::10] = h[::5], -h[1::5], h[2::10] + 1e-5
    return h, k, rho


def test_the_bivariate_normal_is_that_of_thirty_digits():
    h, k, rho = points()
    found = np.asarray(jax.jit(bivariate_normal_cdf)(h, k, rho))
    exact = [float(BivariateNormalCDF(*map(sp.Rational, map(float, at))).evalf(25)) for at in zip(h, k, rho)]
    assert np.max(np.abs(found - exact)) < 1e-15


def test_thirty_digits_against_owens_integral():
    # P(X < h, Y < k) = ∫_{-oo}^h n(x) Φ((k - ρx)/√(1-ρ²)) dx
    mp = pytest.importorskip("mpmath")
    for h, k, rho in ((0.5, -0.3, 0.6), (-1.0, -1.2, -0.97), (0.7, 0.7, 0.999)):
        with mp.workdps(30):
            edge = mp.mpf(k) / rho

            def integrand(x, k=k, rho=rho):
                return mp.npdf(x) * mp.ncdf((k - rho * x) / mp.sqrt(1 - mp.mpf(rho) ** 2))

            splits = sorted({mp.mpf(-12), mp.mpf(h), *(e for e in (edge - 0.3, edge, edge + 0.3) if -12 < e < h)})
            exact = mp.quad(integrand, splits)
        found = BivariateNormalCDF(*(sp.Float(x, 30) for x in (h, k, rho))).evalf(20)
        assert abs(found - sp.Float(exact, 25)) < 1e-16


def test_the_bivariate_normal_at_the_edges():
    cases = [
        ((0.3, 0.5, 1.0), float(normal_cdf(sp.Float(0.3)).evalf())),
        ((0.3, -0.3, -1.0), 0.0),
        ((1.0, 0.5, -1.0), float((normal_cdf(sp.Float(1.0)) + normal_cdf(sp.Float(0.5)) - 1).evalf())),
        ((np.inf, 0.2, 0.5), float(normal_cdf(sp.Float(0.2)).evalf())),
        ((-np.inf, 0.2, 0.99), 0.0),
        ((0.0, 0.0, 0.5), 1 / 3),
    ]
    found = jax.jit(bivariate_normal_cdf)(*jnp.array([at for at, _ in cases]).T)
    np.testing.assert_allclose(found, [value for _, value in cases], atol=1e-15)


def test_derivatives_of_the_bivariate_normal():
    h, k, rho = (x[:20] for x in points())
    grad = jax.jit(jax.vmap(jax.grad(bivariate_normal_cdf, (0, 1, 2))))(h, k, rho)
    symbolic = sp.lambdify((H, K, RHO), [BivariateNormalCDF(H, K, RHO).diff(x) for x in (H, K, RHO)], "scipy")
    np.testing.assert_allclose(np.array(grad), np.array(symbolic(h, k, rho)), rtol=1e-12, atol=1e-14)
    step, value = 1e-6, jax.jit(bivariate_normal_cdf)
    for i in range(3):
        moved = [[x + sign * step * (i == j) for j, x in enumerate((h, k, rho))] for sign in (1, -1)]
        difference = (value(*moved[0]) - value(*moved[1])) / (2 * step)
        apart = np.abs(rho) < 0.99
        np.testing.assert_allclose(grad[i][apart], difference[apart], atol=1e-8)


def test_softplus_neither_overflows_nor_loses_its_tail():
    np.testing.assert_allclose(softplus(jnp.array([1000.0, -40.0])), [1000.0, 4.248354255291589e-18], rtol=1e-15)
    assert float(jax.grad(softplus)(0.0)) == 0.5
    x = sp.Symbol("x", real=True)
    made = Program("f", [Argument("x", x)], [sp.log(1 + sp.exp(3 * x))]).compile()
    assert float(made(400.0)[0]) == 1200.0
    assert float(jax.grad(lambda t: made(t)[0])(400.0)) == 3.0
    np.testing.assert_allclose(jax.jacfwd(made)(0.1), [3 / (1 + np.exp(-0.3))], rtol=1e-15)


def test_generated_code_calls_them_with_derivatives(tmp_path):
    arguments = [Argument(s.name, s) for s in (H, K, RHO)]
    program = Program("pair", arguments, [BivariateNormalCDF(H, 2 * K, RHO), sp.log(1 + sp.exp(H))])
    made, at = program.compile(), (0.5, 0.2, 0.3)
    by_hand = jax.jit(jax.grad(lambda h, k, rho: bivariate_normal_cdf(h, 2 * k, rho), (0, 1, 2)))(*at)
    for rule in (jax.jacfwd, jax.jacrev):
        found = jax.jit(rule(lambda *x: made(*x)[0], (0, 1, 2)))(*at)
        np.testing.assert_allclose(found, by_hand, rtol=1e-14)
    module = tmp_path / "alone.py"
    script = 'import jax\njax.config.update("jax_enable_x64", True)\n'
    module.write_text(program.module + f"\n\n{script}print(repr(float(pair{at}[0])))\n", encoding="utf-8")
    assert "geomflow" not in program.module
    run = subprocess.run([sys.executable, str(module)], capture_output=True, text=True, check=True)
    assert float(run.stdout) == pytest.approx(float(made(*at)[0]), abs=1e-15)


def test_the_imaginary_error_function():
    mp = pytest.importorskip("mpmath")
    x = np.concatenate([np.linspace(-6, 6, 101), np.linspace(0.17, 0.21, 17), [1e-300, -1e-9, 15.0, 26.0]])
    found = np.asarray(jax.jit(erfi)(x))
    exact = np.array([float(mp.erfi(mp.mpf(float(v)))) for v in x])
    np.testing.assert_allclose(found, exact, rtol=5e-15)
    assert [float(erfi(v)) for v in (40.0, -40.0, 0.0)] == [np.inf, -np.inf, 0.0]
    assert np.isnan(erfi(np.nan))
    np.testing.assert_allclose(jax.grad(erfi)(0.7), 2 / np.sqrt(np.pi) * np.exp(0.49), rtol=1e-15)
    u = sp.Symbol("u", real=True)
    program = Program("g", [Argument("u", u)], [sp.erfi(u) * sp.exp(-(u**2))], derivatives=True)
    value, slope = jax.value_and_grad(lambda v: program.compile()(v)[0])(0.7)
    np.testing.assert_allclose(value, float(mp.erfi(0.7) * mp.exp(-0.49)), rtol=1e-15)
    np.testing.assert_allclose(slope, 2 / np.sqrt(np.pi) - 1.4 * value, rtol=1e-14)
