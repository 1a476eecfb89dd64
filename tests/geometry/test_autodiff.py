"""Autodiff curvature on spaces of constant curvature: signs and factors of the conventions."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.geometry import autodiff

ricci, riemann = (jax.jit(f, static_argnums=0) for f in (autodiff.ricci, autodiff.riemann))


def sphere(x):
    """The unit S^n in polar angles: dθ1² + sin²θ1 dθ2² + sin²θ1 sin²θ2 dθ3² + ..."""
    return jnp.diag(jnp.cumprod(jnp.concatenate([jnp.ones(1), jnp.sin(x[:-1]) ** 2])))


def half_space(x):
    """Hyperbolic space, δ / y² with y the last coordinate."""
    return jnp.eye(x.size) / x[-1] ** 2


SPACES = [(sphere, [0.9, 1.3], 1), (sphere, [0.9, 1.3, 0.4], 1), (half_space, [0.2, 0.7], -1)]
SPACES += [(half_space, [0.2, -0.4, 1.6], -1)]


@pytest.mark.parametrize(("metric", "x", "sign"), SPACES)
def test_constant_curvature(metric, x, sign):
    x = jnp.asarray(x)
    n, g = x.size, metric(x)
    np.testing.assert_allclose(ricci(metric, x), sign * (n - 1) * g, atol=1e-12)
    assert float(autodiff.scalar_curvature(metric, x)) == pytest.approx(sign * n * (n - 1), rel=1e-12)
    delta = jnp.eye(n)
    expected = jnp.einsum("ac,bd->abcd", delta, g) - jnp.einsum("ad,bc->abcd", delta, g)
    np.testing.assert_allclose(riemann(metric, x), sign * expected, atol=1e-12)


def generic(x):
    a = jnp.asarray([[1.3, 0.2, 0.1], [0.2, 0.9, -0.1], [0.1, -0.1, 1.1]])
    b = jnp.asarray([[0.1, 0.2, 0.0], [0.2, -0.1, 0.1], [0.0, 0.1, 0.2]])
    return a + b * jnp.sin(x[0] + 2 * x[1]) + 0.1 * jnp.outer(jnp.cos(x), jnp.cos(x))


POINT = jnp.asarray([0.3, -0.8, 1.1])


def test_metricity_and_symmetry_of_the_connection():
    gamma, dg = autodiff.christoffel(generic, POINT), jax.jacfwd(generic)(POINT)
    lower = jnp.einsum("kij,kl->lij", gamma, generic(POINT))
    # ∂_k g_ij = Γ_{i,jk} + Γ_{j,ik}
    np.testing.assert_allclose(dg, jnp.einsum("ijk->ijk", lower) + jnp.einsum("jik->ijk", lower), atol=1e-13)
    np.testing.assert_allclose(gamma, jnp.swapaxes(gamma, 1, 2), atol=1e-14)


def test_symmetries_of_riemann():
    up = riemann(generic, POINT)
    low = jnp.einsum("ae,ebcd->abcd", generic(POINT), up)
    np.testing.assert_allclose(low, -jnp.swapaxes(low, 0, 1), atol=1e-12)
    np.testing.assert_allclose(low, jnp.einsum("abcd->cdab", low), atol=1e-12)
    bianchi = up + jnp.einsum("acdb->abcd", up) + jnp.einsum("adbc->abcd", up)
    np.testing.assert_allclose(bianchi, 0, atol=1e-12)
    assert float(jnp.max(jnp.abs(low))) > 0.05


def test_contracted_bianchi_identity():
    """∇^b (Ric_bd - ½ R g_bd) = 0."""
    inverse, gamma = jnp.linalg.inv(generic(POINT)), autodiff.christoffel(generic, POINT)

    def einstein(x):
        return autodiff.ricci(generic, x) - 0.5 * autodiff.scalar_curvature(generic, x) * generic(x)

    d, e = jax.jit(jax.jacfwd(einstein))(POINT), einstein(POINT)
    nabla = d - jnp.einsum("lkb,ld->bdk", gamma, e) - jnp.einsum("lkd,bl->bdk", gamma, e)
    np.testing.assert_allclose(jnp.einsum("bk,bdk->d", inverse, nabla), 0, atol=1e-11)


def test_hessian():
    """On S², cos θ is a first eigenfunction: ∇∇ cos θ = -cos θ g; and the Laplacian is div grad, with its sign."""
    x = jnp.asarray([0.9, 1.3])
    np.testing.assert_allclose(
        autodiff.hessian(sphere, lambda y: jnp.cos(y[0]), x), -jnp.cos(x[0]) * sphere(x), atol=1e-14
    )


def test_conformal_plane():
    """R = -Δ log w / w for w δ."""

    def log_w(x):
        return jnp.sin(x[0]) * jnp.cos(2 * x[1])

    x = jnp.asarray([0.4, 1.9])
    value = autodiff.scalar_curvature(lambda y: jnp.exp(log_w(y)) * jnp.eye(2), x)
    assert float(value) == pytest.approx(float(5 * log_w(x) * jnp.exp(-log_w(x))), rel=1e-12)


def test_is_covariant():
    """Ric is a tensor: pull back by x -> Ax + quadratic, in every component."""
    a = jnp.asarray([[1.0, 0.2, 0.0], [-0.1, 0.9, 0.3], [0.2, 0.0, 1.1]])

    def phi(x):
        return a @ x + 0.1 * x[::-1] ** 2

    def pulled(x):
        j = jax.jacfwd(phi)(x)
        return j.T @ generic(phi(x)) @ j

    j = jax.jacfwd(phi)(POINT)
    expected = j.T @ ricci(generic, phi(POINT)) @ j
    result = ricci(pulled, POINT)
    for i, k in itertools.product(range(3), repeat=2):
        assert float(result[i, k]) == pytest.approx(float(expected[i, k]), abs=1e-12)
