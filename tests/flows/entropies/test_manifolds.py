"""Manifolds as their functions see them: spheres, tori and homogeneous spaces with known volumes and spectra."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.interpolate import make_interp_spline

from geomflow.core.errors import MetricError
from geomflow.flows.conformal import ConformalSphereFlow, ConformalTorusFlow
from geomflow.flows.entropies import (
    HomogeneousManifold,
    RotationalManifold,
    TorusManifold,
    lowest_eigenvalues,
    manifold_of,
    mu,
    nu,
    perelman_lambda,
    scale_invariant_lambda,
)
from geomflow.flows.torus.lambda_flow import perelman_lambda as lambda_on_torus
from geomflow.geometry.packed import pack
from geomflow.geometry.sphere import SphereGrid
from geomflow.geometry.torus import Torus
from geomflow.metrics import METRICS


def sphere(dim, radius=1.0, points=121, size=40):
    """The round sphere, its points bunched towards one pole."""
    x = np.linspace(0, 1, points)
    s = np.pi * (x - 0.05 * np.sin(np.pi * x) * np.cos(np.pi * x))
    return RotationalManifold(radius * s, radius * np.sin(s), dim, size)


def dumbbell(points=161, dim=3, size=None):
    s = np.linspace(0, np.pi, points)
    return RotationalManifold(s, np.sin(s) * (1 - 0.8 * np.sin(s) ** 2), dim, size)


def constant(torus, matrix):
    return TorusManifold(torus, pack(jnp.broadcast_to(jnp.asarray(matrix), (*torus.shape, torus.dim, torus.dim))))


@pytest.mark.parametrize(("dim", "volume"), [(2, 4 * np.pi), (3, 2 * np.pi**2), (4, 8 * np.pi**2 / 3), (6, None)])
def test_round_spheres(dim, volume):
    """λ = n(n-1)/r²; zonal eigenvalues k(k+n-1)/r²; diameter πr."""
    r = 1.7
    manifold = sphere(dim, r)
    assert perelman_lambda(manifold) == pytest.approx(dim * (dim - 1) / r**2, rel=1e-10)
    if volume is not None:
        assert manifold.volume == pytest.approx(volume * r**dim, rel=1e-10)
    k = np.arange(5)
    found = lowest_eigenvalues(manifold, 5)
    np.testing.assert_allclose(found.values, k * (k + dim - 1) / r**2, atol=1e-9)
    assert found.residual < 1e-9
    np.testing.assert_allclose(np.sum(manifold.weights * found.functions**2, axis=1), 1, rtol=1e-12)
    assert manifold.diameter() == pytest.approx(np.pi * r, rel=1e-14)
    np.testing.assert_allclose(manifold.scalar, dim * (dim - 1) / r**2, rtol=1e-6)
    # c R is added to the operator
    assert lowest_eigenvalues(manifold, 1, 0.5).values[0] == pytest.approx(0.5 * dim * (dim - 1) / r**2, rel=1e-9)


def test_scale_invariance():
    assert scale_invariant_lambda(sphere(3, 0.3)) == pytest.approx(scale_invariant_lambda(sphere(3, 2.0)), rel=1e-9)


def test_curvature_of_a_dumbbell():
    """R = -2(n-1) ψ''/ψ + (n-1)(n-2) (1 - ψ'²)/ψ² for n = 3, with the derivatives by hand."""
    manifold = dumbbell()
    s = manifold.s
    sin, cos = np.sin(s), np.cos(s)
    psi, slope = sin - 0.8 * sin**3, cos - 2.4 * sin**2 * cos
    bend = -sin - 4.8 * sin * cos**2 + 2.4 * sin**3
    np.testing.assert_allclose(manifold.scalar, -4 * bend / psi + 2 * (1 - slope**2) / psi**2, rtol=1e-6)
    np.testing.assert_allclose(manifold.psi, psi, atol=1e-12)


def test_gauss_bonnet_on_a_surface_of_revolution():
    manifold = dumbbell(dim=2)
    assert manifold.integral(manifold.scalar) == pytest.approx(8 * np.pi, rel=1e-8)


def test_flat_tori():
    """Eigenvalues k² relative to the metric, with multiplicity; λ = 0; diameter half the diagonal."""
    torus = Torus(2, 16)
    manifold = constant(torus, [[4.0, 0.0], [0.0, 9.0]])
    k = np.arange(-4, 5)
    exact = np.sort((k[:, None] ** 2 / 4 + k[None, :] ** 2 / 9).ravel())[:9]
    found = lowest_eigenvalues(manifold, 9)
    np.testing.assert_allclose(found.values, exact, atol=1e-9)
    assert perelman_lambda(manifold) == pytest.approx(0, abs=1e-12)
    assert manifold.volume == pytest.approx(6 * (2 * np.pi) ** 2)
    # the diagonal of a rectangle is one of the steps
    assert manifold.diameter() == pytest.approx(np.pi * np.sqrt(13), rel=1e-12)


def test_diameter_of_a_sheared_flat_torus():
    """The radius of the circle through the corners of an acute triangle of the lattice, abc / (2 |a x b|)."""
    g = np.array([[1.0, 0.3], [0.3, 1.2]])
    a, b = 2 * np.pi * np.linalg.cholesky(g)
    exact = np.prod([np.linalg.norm(v) for v in (a, b, a - b)]) / (2 * abs(np.linalg.det([a, b])))
    # the point farthest away lies between grid points
    assert constant(Torus(2, 48), g).diameter() == pytest.approx(exact, rel=0.015)


def test_dirichlet_energy_of_a_sheared_metric():
    """Σ u K u = ∫ g^ij ∂_i u ∂_j u dV for u = cos(x + 2y)."""
    torus = Torus(2, 16)
    g = np.array([[2.0, 0.5], [0.5, 1.0]])
    u = np.cos(np.asarray(torus.points[0] + 2 * torus.points[1]))
    k = np.array([1.0, 2.0])
    energy = 0.5 * (2 * np.pi) ** 2 * np.sqrt(np.linalg.det(g)) * (k @ np.linalg.inv(g) @ k)
    assert np.vdot(u, constant(torus, g).dirichlet(u)) == pytest.approx(energy, rel=1e-12)


def test_lambda_by_two_solvers():
    """LOBPCG on this manifold and Newton with conjugate gradients in JAX."""
    metric, torus = METRICS["generic-t2"], Torus(2, 32)
    g, _ = metric.sample(torus)
    assert perelman_lambda(TorusManifold(torus, g)) == pytest.approx(float(lambda_on_torus(torus, g).value), rel=1e-8)


def on_sphere(factor, degree=21):
    grid = SphereGrid(degree)
    return manifold_of(ConformalSphereFlow(grid), jnp.asarray(factor(*grid.angles)))


def test_the_round_sphere_without_symmetry():
    """Eigenvalues l(l+1)/r² with multiplicity 2l+1; λ = 2/r²; ν = ln 2 - 1 at τ = r²/2."""
    manifold = on_sphere(lambda theta, phi: np.full_like(theta, 1.7))
    exact = [0, 2, 2, 2, 6, 6, 6, 6, 6]
    np.testing.assert_allclose(1.7 * lowest_eigenvalues(manifold, 9).values, exact, atol=1e-9)
    assert 1.7 * perelman_lambda(manifold) == pytest.approx(2.0)
    found = nu(manifold)
    assert found.value == pytest.approx(np.log(2) - 1, abs=1e-10)
    assert found.tau == pytest.approx(0.85, rel=1e-5)


def test_a_sphere_of_revolution_in_two_ways():
    """w g_{S²} with w of the latitude is ds² + ψ² dφ² with ds = √w dθ and ψ = √w sin θ."""
    height = lambda theta: np.exp(0.4 * np.cos(theta) ** 2 + 0.3 * np.cos(theta))  # noqa: E731
    theta = np.linspace(0, np.pi, 161)
    s = make_interp_spline(theta, np.sqrt(height(theta)), k=7).antiderivative()(theta)
    profile = RotationalManifold(s, np.sqrt(height(theta)) * np.sin(theta), 2, 64)
    manifold = on_sphere(lambda theta, phi: height(theta))
    assert manifold.volume == pytest.approx(profile.volume, rel=1e-8)
    assert perelman_lambda(manifold) == pytest.approx(perelman_lambda(profile), rel=1e-8)
    # a bubble at the pole has the symmetry, so that the two infima are one
    for tau in (0.2, 0.8):
        assert mu(manifold, tau).value == pytest.approx(mu(profile, tau).value, abs=1e-7)
    # turned on its side it is the same surface
    turned = on_sphere(lambda theta, phi: height(np.arccos(np.sin(theta) * np.cos(phi))))
    assert perelman_lambda(turned) == pytest.approx(perelman_lambda(profile), rel=1e-8)
    assert mu(turned, 0.2).value == pytest.approx(mu(profile, 0.2).value, abs=1e-7)


def test_conformal_tori():
    torus = Torus(2, 16)
    factor = jnp.exp(0.3 * jnp.cos(torus.points[0] + torus.points[1]))
    manifold = manifold_of(ConformalTorusFlow(torus), factor)
    metric = TorusManifold(torus, pack(factor[..., None, None] * jnp.eye(2)))
    np.testing.assert_allclose(manifold.weights, metric.weights)
    np.testing.assert_allclose(manifold.scalar, metric.scalar)


def test_homogeneous_spaces():
    """The unit S³: Ric = 2, V = 2π²."""
    manifold = HomogeneousManifold(np.full(3, 2.0), 2 * np.pi**2)
    assert perelman_lambda(manifold) == pytest.approx(6.0)
    assert manifold.volume == pytest.approx(2 * np.pi**2)
    assert np.isnan(manifold.diameter())
    with pytest.raises(MetricError, match="positive volume"):
        HomogeneousManifold(np.full(3, 2.0), 0.0)


S = np.linspace(0, np.pi, 41)


@pytest.mark.parametrize(
    ("s", "psi", "sentence"),
    [
        (S, np.cos(S), "positive between the poles"),
        (S, np.sin(S) + 0.1, "vanish at both poles"),
        (S[::-1], np.sin(S), "must increase"),
        (S, np.full_like(S, np.nan), "finite"),
        (S[:5], np.sin(S[:5]), "or more numbers"),
    ],
    ids=["negative", "open", "decreasing", "nan", "short"],
)
def test_bad_profiles(s, psi, sentence):
    with pytest.raises(MetricError, match=sentence):
        RotationalManifold(s, psi, 3)
