"""F and W against closed forms, and both sides of dF/dt and dW/dt along Ricci flow with the conjugate heat equation."""

import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp
from scipy.interpolate import make_interp_spline

from geomflow.flows.entropies import (
    HomogeneousManifold,
    RotationalManifold,
    TorusManifold,
    normalised,
    perelman_f,
    perelman_w,
    production,
)
from geomflow.flows.entropies.derived import entropy_production
from geomflow.flows.torus.ricci import RicciFlow
from geomflow.geometry.packed import pack
from geomflow.geometry.torus import Torus
from geomflow.metrics import METRICS


def flat(torus):
    return TorusManifold(torus, pack(jnp.broadcast_to(jnp.eye(2), (*torus.shape, 2, 2))))


def test_a_flat_torus():
    """F = ∫ |∇f|² e^{-f} = a² 2π² I_0(...)...: for small a, ∫ a² sin² x = 2π² a²; W by its definition."""
    manifold, tau, a = flat(Torus(2, 16)), 0.3, 1e-3
    f = a * np.cos(np.asarray(manifold.torus.points[0]))
    assert perelman_f(manifold, f) == pytest.approx(2 * np.pi**2 * a**2, rel=1e-4)
    density = np.exp(-f) / (4 * np.pi * tau)
    gradient = a**2 * np.sin(np.asarray(manifold.torus.points[0])) ** 2
    direct = manifold.integral((tau * gradient + f - 2) * density)
    assert perelman_w(manifold, f, tau) == pytest.approx(direct, rel=1e-12)
    # Hess f = -a cos x dx²
    assert production(manifold, f) == pytest.approx(2 * 2 * np.pi**2 * a**2, rel=1e-4)


def test_einstein_metrics():
    """Constant f on the unit S³: F = 6 e^{-f} V; W as a soliton; production 2τ |Ric - g/2τ|² vanishes at τ = 1/4."""
    manifold = HomogeneousManifold(np.full(3, 2.0), 2 * np.pi**2)
    f = normalised(manifold, np.array([0.3]))
    assert perelman_f(manifold, f) == pytest.approx(6.0)
    assert production(manifold, f) == pytest.approx(2 * 12.0)
    f = normalised(manifold, np.array([0.0]), 0.25)
    assert perelman_w(manifold, f, 0.25) == pytest.approx(-0.23448788, abs=1e-8)
    assert production(manifold, f, 0.25) == pytest.approx(0, abs=1e-14)
    f = normalised(manifold, f, 0.5)
    assert production(manifold, f, 0.5) == pytest.approx(2 * 0.5 * 3 * (2 - 1) ** 2)
    s = np.linspace(0, np.pi, 101)
    sphere = RotationalManifold(s, np.sin(s), 3, 40)
    f = normalised(sphere, np.zeros(40), 0.5)
    assert production(sphere, f, 0.5) == pytest.approx(3.0, rel=1e-8)


def test_normalised():
    manifold = flat(Torus(2, 16))
    f = np.sin(np.asarray(manifold.torus.points[1]))
    assert manifold.integral(np.exp(-normalised(manifold, f))) == pytest.approx(1)
    weight = np.exp(-normalised(manifold, f, 0.7)) / (4 * np.pi * 0.7)
    assert manifold.integral(weight) == pytest.approx(1)


def test_the_identities_are_derived():
    """The squares come from the symbolic half."""
    assert str(entropy_production("perelman-f")) == "2 |Ric_ij + ∇_i ∇_j f|²"
    assert str(entropy_production("perelman-w")) == "2 tau |-(1/(2 tau)) g_ij + Ric_ij + ∇_i ∇_j f|²"


# -- both sides of the identities --------------------------------------------------------------------------------------

STEP = 1e-3


def slope(at):
    """The derivative at 0 by a centred difference of fourth order."""
    return (8 * (at(STEP) - at(-STEP)) - (at(2 * STEP) - at(-2 * STEP))) / (12 * STEP)


def both_sides(moved, tau):
    """dF/dt and dW/dt by differences of the functionals, against the integrals of the squares.

    `moved(t)` is (manifold, mass of the nodes) at time t, to first order.
    """

    def f_of(t):
        manifold, mass = moved(t)
        return perelman_f(manifold, -np.log(mass / manifold.weights))

    def w_of(t):
        manifold, mass = moved(t)
        f = -np.log(mass / manifold.weights) - manifold.dim / 2 * np.log(4 * np.pi * (tau - t))
        return perelman_w(manifold, f, tau - t)

    manifold, mass = moved(0.0)
    f = -np.log(mass / manifold.weights)
    yield slope(f_of), production(manifold, f)
    yield slope(w_of), production(manifold, f - manifold.dim / 2 * np.log(4 * np.pi * tau), tau)


@pytest.mark.parametrize(("name", "size"), [("generic-t2", 32), pytest.param("generic-t3", 24, marks=pytest.mark.slow)])
def test_entropy_production_on_tori(name, size):
    """∂_t g = -2 Ric, ∂_t(u dV) = -Δu dV: two functionals, one flow, no integration in time."""
    torus = Torus(METRICS[name].dim, size)
    g, _ = METRICS[name].sample(torus)
    velocity = RicciFlow(torus).velocity(g)
    x, y = torus.points[:2]
    start = TorusManifold(torus, g)
    mass = start.weights * np.exp(0.3 * np.asarray(jnp.cos(x) * jnp.sin(y + 0.3)))
    mass /= np.sum(mass)
    change = start.dirichlet(mass / start.weights)

    for found, exact in both_sides(lambda t: (TorusManifold(torus, g + t * velocity), mass + t * change), 0.4):
        assert exact > 0.05
        assert found == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("dim", [2, 3, 4])
def test_entropy_production_on_spheres(dim):
    """The same for ds² + ψ² g: ∂_t ds = -Ric_ss ds and ∂_t ψ = -Ric_tan ψ, from K_rad = -ψ''/ψ, K_tan = (1-ψ'²)/ψ².

    With c = cos s and ψ = sin s q(c) both are quotients of polynomials, exact at the poles as well.
    """
    n, s, c = dim, np.linspace(0, np.pi, 161), sp.Symbol("c")
    q = 1 - sp.Rational(2, 5) * (1 - c**2) + sp.Rational(1, 5) * (1 - c**2) * c
    bend = sp.diff((c * q - (1 - c**2) * sp.diff(q, c)), c)  # of ψ' as a function of c; ψ'' = -sin s times it
    slope = c * q - (1 - c**2) * sp.diff(q, c)
    exact = [sp.cancel(bend / q), sp.cancel((1 - slope**2) / ((1 - c**2) * q**2))]
    radial, across = (sp.lambdify(c, k)(np.cos(s)) for k in exact)
    psi = np.sin(s) * sp.lambdify(c, q)(np.cos(s))
    stretch = make_interp_spline(s, -(n - 1) * radial, k=7).antiderivative()(s)
    shrink = -(radial + (n - 2) * across) * psi
    start = RotationalManifold(s, psi, dim, 48)
    y = start.s / start.length
    mass = start.weights * np.exp(0.5 * np.cos(np.pi * y) ** 2 + 0.2 * np.cos(np.pi * y))
    mass /= np.sum(mass)
    change = start.dirichlet(mass / start.weights)

    def moved(t):
        return RotationalManifold(s + t * stretch, psi + t * shrink, dim, 48), mass + t * change

    for found, exact in both_sides(moved, 0.4):
        assert exact > 0.05
        assert found == pytest.approx(exact, rel=1e-6)
