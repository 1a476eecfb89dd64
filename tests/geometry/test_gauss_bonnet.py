"""Gauss-Bonnet-Chern in every even dimension: closed spaces, surfaces with boundary, and metrics that it gives away."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.core.errors import ArgumentError, ConvergenceError, MetricError
from geomflow.geometry import autodiff
from geomflow.geometry.gauss_bonnet import (
    EulerCharacteristic,
    euler_characteristic,
    euler_density,
    turning_density,
)
from geomflow.geometry.point_sets import PointSet, concatenate
from geomflow.geometry.quadrature import Domain, affine, ball, product, sphere, torus
from geomflow.geometry.rules import legendre, periodic


def round_sphere(x):
    return jnp.diag(jnp.cumprod(jnp.concatenate([jnp.ones(1), jnp.sin(x[:-1]) ** 2])))


def revolution(radius):
    """Return the metric ds² + ψ(s)² dφ²."""
    return lambda x: jnp.diag(jnp.stack([jnp.ones(()), radius(x[0]) ** 2]))


dumbbell = revolution(lambda s: jnp.sin(s) * (1 - 0.8 * jnp.sin(s) ** 2))


def bumpy(x):
    """A metric of the torus with no symmetry."""
    y = jnp.stack([jnp.sin(x[0] + 2 * x[1]), jnp.cos(x[0])])
    return jnp.exp(jnp.sin(x[0]) * jnp.cos(x[1])) * jnp.eye(2) + 0.3 * jnp.outer(y, y)


def donut(x):
    return jnp.diag(jnp.stack([jnp.ones(()), (2 + jnp.cos(x[0])) ** 2]))


def fubini_study(x):
    """CP^m in an affine chart, x = (Re z, Im z): the real part of h = ∂∂̄ log(1 + |z|²)."""
    m = x.size // 2
    z = x[:m] + 1j * x[m:]
    s = 1 + jnp.sum(x**2)
    h = jnp.eye(m) / s - jnp.outer(jnp.conj(z), z) / s**2
    return jnp.block([[h.real, h.imag], [-h.imag, h.real]])


def two_spheres(x):
    one, two = jnp.sin(x[0]) ** 2, 3 * jnp.sin(x[2]) ** 2
    return jnp.diag(jnp.stack([jnp.ones(()), one, 3 * jnp.ones(()), two]))


CLOSED = {
    "S2": (round_sphere, sphere(2), 2),
    "dumbbell": (dumbbell, sphere(2), 2),
    "T2 bumpy": (bumpy, torus(2), 0),
    "CP1": (fubini_study, affine(2), 2),
    "S4": (round_sphere, sphere(4), 2),
    "CP2": (fubini_study, affine(4), 3),
    "S2xS2": (two_spheres, product(sphere(2), sphere(2)), 4),
}


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n == "S2xS2" else n for n in CLOSED])
def test_closed_spaces(name):
    metric, domain, chi = CLOSED[name]
    result = euler_characteristic(metric, domain)
    assert result.nearest == chi
    assert result.verdict == "verified"
    assert result.defect <= result.error + 1e-12
    assert result.error < 2e-5
    assert f"χ = {chi}, as Gauss-Bonnet demands" in str(result)


@pytest.mark.slow
def test_products_multiply():
    """χ(CP¹ x T²) = 2 · 0; the curvature of the torus does not vanish pointwise."""
    flat = euler_characteristic(
        lambda x: _sum(fubini_study(x[:2]), donut(x[2:])), product(affine(2), torus(2)), (), 1e-4
    )
    assert (flat.nearest, flat.verdict) == (0, "verified")


def _sum(a, b):
    return jnp.block([[a, jnp.zeros((2, 2))], [jnp.zeros((2, 2)), b]])


density = jax.jit(euler_density, static_argnums=0)
turning = jax.jit(turning_density, static_argnums=(0, 1))


def generic(x):
    n = x.size
    a = jnp.sin(jnp.arange(n * n).reshape(n, n) + jnp.outer(x, jnp.cos(x)))
    return 2 * jnp.eye(n) + 0.2 * (a + a.T) + 0.1 * jnp.outer(x, x)


@pytest.mark.parametrize("n", [2, 4])
def test_density_in_two_and_four_dimensions(n):
    """The double form against the formulas written with Riem, Ric and R, at a point of a metric without symmetry."""
    x = jnp.asarray([0.3, -0.4, 0.7, 0.2])[:n]
    riemann, g = np.asarray(jax.jit(lambda x: autodiff.riemann(generic, x))(x)), np.asarray(generic(x))
    inverse, ricci = np.linalg.inv(g), np.einsum("abad->bd", riemann)
    scalar = np.sum(inverse * ricci)
    low = np.einsum("ae,ebcd->abcd", g, riemann)
    up = np.einsum("abcd,ai,bj,ck,dl->ijkl", low, inverse, inverse, inverse, inverse)
    square = np.sum(low * up) - 4 * np.einsum("ab,cd,ac,bd->", ricci, ricci, inverse, inverse) + scalar**2
    expected = {2: scalar / (4 * math.pi), 4: square / (32 * math.pi**2)}[n] * np.sqrt(np.linalg.det(g))
    assert float(density(generic, x)) == pytest.approx(expected, rel=1e-11)


def test_density_in_six_dimensions():
    """On a product of a surface and a fourfold, the product of the densities."""
    x = jnp.asarray([0.9, 1.2, 0.7, 2.0, 1.1, 0.3])

    def split(x):
        zero = jnp.zeros((4, 2))
        return jnp.block([[generic(x[:4]), zero], [zero.T, generic(x[4:])]])

    both = density(generic, x[:4]) * density(generic, x[4:])
    assert float(density(split, x)) == pytest.approx(float(both), rel=1e-10)


@pytest.mark.slow
def test_the_six_sphere():
    result = euler_characteristic(round_sphere, sphere(6))
    assert (result.nearest, result.verdict) == (2, "verified")


def octagon(count=32):
    """The regular hyperbolic octagon with angles π/4, whose sides glue to a surface of genus 2, as eight sectors."""
    c = 1 / math.tanh(
        math.acosh(1 + math.sqrt(2))
    )  # its sides are circles about c e^{iπk/4}, normal to the unit circle

    def chart(x):
        side = c * jnp.cos(x[1]) - jnp.sqrt((c * jnp.cos(x[1])) ** 2 - 1)
        return x[0] * side * jnp.stack([jnp.cos(x[1]), jnp.sin(x[1])])

    sector = Domain("sector", (legendre(0, 1), legendre(-math.pi / 8, math.pi / 8)), chart).points(count)
    turns = [jnp.asarray([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]]) for a in np.arange(8) * math.pi / 4]
    return concatenate(*(PointSet(sector.points @ turn.T, sector.weights) for turn in turns))


def poincare(x):
    return 4 * jnp.eye(2) / (1 - x @ x) ** 2


def test_genus_two():
    points = octagon()
    assert float(points.volume(poincare)) == pytest.approx(4 * math.pi, rel=1e-10)
    result = euler_characteristic(poincare, points)
    assert (result.nearest, result.verdict) == (-2, "verified")
    assert "do not know their error" in str(result)


def circle(t):
    return jnp.stack([jnp.cos(t), jnp.sin(t)])


def flower(t):
    """A curve that is no level set, seen by no symmetry."""
    return (0.6 + 0.1 * jnp.cos(3 * t)) * circle(t)


@pytest.mark.parametrize("metric", [bumpy, pytest.param(generic, marks=pytest.mark.slow)])
def test_disks(metric):
    result = euler_characteristic(metric, ball(2), [circle])
    assert (result.nearest, result.verdict) == (1, "verified")
    assert result.defect <= result.error + 1e-12


def test_disk_with_a_wavy_boundary():
    def chart(x):
        return x[0] * flower(x[1])

    domain = Domain("flower", (legendre(0, 1), periodic()), chart)
    result = euler_characteristic(poincare, domain, [flower])
    assert (result.nearest, result.verdict) == (1, "verified")


def test_annulus():
    """The surface stands on the left: the inner circle is run through clockwise."""
    domain = Domain("annulus", (legendre(0.5, 1.5), periodic()))
    rims = [lambda t: jnp.stack([1.5 + 0 * t, t]), lambda t: jnp.stack([0.5 + 0 * t, -t])]
    result = euler_characteristic(round_sphere, domain, rims)
    assert (result.nearest, result.verdict) == (0, "verified")
    half = euler_characteristic(round_sphere, domain, rims[:1])
    assert half.value == pytest.approx(math.cos(0.5), abs=1e-6)  # without the inner rim
    assert half.verdict == "refuted"


def test_turning():
    """cot θ0 sin θ0 on a parallel of the sphere; 1 on a circle of the plane, whatever its speed."""
    value = turning(round_sphere, lambda t: jnp.stack([0.8 + 0 * t, t]), jnp.asarray(0.3))
    assert float(value) == pytest.approx(math.cos(0.8), rel=1e-13)
    value = turning(lambda x: 5 * jnp.eye(2), lambda t: circle(3 * t), jnp.asarray(0.3))
    assert float(value) == pytest.approx(3, rel=1e-13)
    # a great circle through the chart, not at unit speed: a geodesic does not turn

    def great(t):
        s = t + 0.3 * t**2
        p = jnp.stack([jnp.cos(s) * 0.6, jnp.sin(s), jnp.cos(s) * 0.8])
        return jnp.stack([jnp.arccos(p[2]), jnp.arctan2(p[1], p[0])])

    assert float(turning(round_sphere, great, jnp.asarray(0.4))) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("metric", "domain", "value"),
    [
        # a cone at each pole: ψ'(0) = 1.2 where a smooth metric has 1
        (revolution(lambda s: 1.2 * jnp.sin(s)), sphere(2), 2 * 1.2),
        # a half of the sphere, its boundary forgotten
        (round_sphere, Domain("half", (legendre(0, 1), periodic())), 1 - math.cos(1)),
    ],
)
def test_gives_away_what_is_not_closed(metric, domain, value):
    result = euler_characteristic(metric, domain)
    assert result.value == pytest.approx(value, rel=1e-6)
    assert result.verdict == "refuted"
    assert "χ must be an integer" in str(result)


@pytest.mark.parametrize(
    ("value", "error", "verdict"),
    [
        (2 + 5e-7, 0.0, "verified"),
        (2 + 2e-3, 3e-3, "verified"),
        (1.99, 3e-3, "refuted"),
        (1.99, 0.2, "undecided"),
        (2 + 2e-3, math.inf, "undecided"),
        (2 + 5e-7, math.inf, "verified"),
    ],
)
def test_verdicts(value, error, verdict):
    result = EulerCharacteristic(value, error, 100)
    assert (result.nearest, result.verdict) == (2, verdict)
    assert str(result).startswith(verdict)
    end = {"verified": "Gauss-Bonnet demands.", "refuted": "curvature is wrong.", "undecided": "smaller `tolerance`."}
    assert str(result).endswith(end[verdict])


def test_refuses():
    with pytest.raises(ArgumentError, match="even dimension, but the metric has 3"):
        euler_characteristic(round_sphere, sphere(3))
    with pytest.raises(ArgumentError, match="for surfaces only"):
        euler_characteristic(round_sphere, sphere(4), [circle])
    with pytest.raises(ArgumentError, match="finite, but is nan at x"):
        euler_characteristic(lambda x: jnp.diag(jnp.stack([jnp.ones(()), jnp.sqrt(jnp.cos(x[0]))])), torus(2))
    with pytest.raises(MetricError, match="positive definite"):
        euler_characteristic(lambda x: jnp.diag(jnp.stack([-jnp.ones(()), 2 + jnp.cos(x[0])])), torus(2))


def test_flat_metrics_in_curved_coordinates():
    """Their density is rounding, which never settles relative to itself."""

    def harmonic(x):
        return jnp.eye(2) * jnp.exp(x[0])

    circle = lambda t: jnp.stack([jnp.cos(t), jnp.sin(t)])  # noqa: E731
    disk = euler_characteristic(harmonic, ball(2), [circle])
    assert disk.verdict == "verified"
    assert disk.nearest == 1
    clockwise = euler_characteristic(harmonic, ball(2), [lambda t: circle(-t)])
    assert clockwise.nearest == -1
    # the same is no excuse for an integral that matters
    rough = lambda x: jnp.eye(2) * (2 + jnp.abs(jnp.sin(x[0] - 0.3)) ** 2.1)  # noqa: E731
    with pytest.raises(ConvergenceError, match="settled"):
        euler_characteristic(rough, torus(2), tolerance=1e-14)


@pytest.mark.parametrize("points", [sphere(2), sphere(2).points(5)])
def test_metrics_that_are_not_positive_definite_are_refused(points):
    """The integral of each is an integer."""
    lorentzian = lambda x: round_sphere(x) * jnp.array([-1.0, 1.0])  # noqa: E731
    skew = lambda x: round_sphere(x) + jnp.array([[0.0, 0.1], [0.0, 0.0]])  # noqa: E731
    for metric in (lambda x: -round_sphere(x), lorentzian, skew):
        with pytest.raises(MetricError, match="positive definite") as error:
            euler_characteristic(metric, points)
        assert len(error.value.point) == 2
