"""Autodiff curvature against the definition, closed forms and identities; derivatives of fields; batches; bad input."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.core.errors import ArgumentError, MetricError, PrecisionError
from geomflow.geometry import autodiff
from geomflow.geometry.autodiff import batched

ricci, riemann, scalar = (
    jax.jit(f, static_argnums=0) for f in (autodiff.ricci, autodiff.riemann, autodiff.scalar_curvature)
)


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
    ric, r, riem = jax.jit(lambda y: tuple(f(metric, y) for f in (ricci, scalar, riemann)))(x)
    np.testing.assert_allclose(ric, sign * (n - 1) * g, atol=1e-12)
    assert float(r) == pytest.approx(sign * n * (n - 1), rel=1e-12)
    delta = np.eye(n)
    expected = np.einsum("ac,bd->abcd", delta, g) - np.einsum("ad,bc->abcd", delta, g)
    np.testing.assert_allclose(riem, sign * expected, atol=1e-12)


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
        e = autodiff.ricci(generic, x) - 0.5 * autodiff.scalar_curvature(generic, x) * generic(x)
        return e, e

    d, e = jax.jit(jax.jacfwd(einstein, has_aux=True))(POINT)
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
    value = scalar(lambda y: jnp.exp(log_w(y)) * jnp.eye(2), x)
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


# -- against the definition and closed forms --------------------------------------------------------------------------


def lorentzian(x):
    """A general metric of signature -+++ without any symmetry."""
    a = jnp.diag(jnp.asarray([-1.2, 1.0, 0.9, 1.3])) + 0.1 * jnp.ones((4, 4))
    return a + 0.1 * jnp.outer(jnp.sin(x), jnp.sin(x)) + 0.1 * jnp.cos(x[0] * x[3] + x[1]) * jnp.eye(4)[::-1]


EVENT = jnp.asarray([0.3, -0.7, 1.1, 0.5])


def test_jets_are_the_derivatives_of_the_metric():
    g, dg, ddg = jax.jit(lambda x: autodiff.jets(generic, x))(POINT)
    np.testing.assert_allclose(g, generic(POINT), rtol=1e-15)
    np.testing.assert_allclose(dg, jax.jit(jax.jacrev(generic))(POINT), atol=1e-15)
    np.testing.assert_allclose(ddg, jax.jit(jax.jacrev(jax.jacrev(generic)))(POINT), atol=1e-15)
    np.testing.assert_allclose(autodiff.first_jet(generic, POINT)[1], dg, atol=1e-15)


def test_riemann_is_the_definition():
    """R^a_bcd = ∂_c Γ^a_db - ∂_d Γ^a_cb + ΓΓ - ΓΓ, with Γ differentiated as a function, term by term."""

    @jax.jit
    def defined(x):
        gamma = autodiff.christoffel(lorentzian, x)
        d = jax.jacfwd(lambda y: autodiff.christoffel(lorentzian, y))(x)
        return (
            jnp.einsum("adbc->abcd", d)
            - jnp.einsum("acbd->abcd", d)
            + jnp.einsum("ace,edb->abcd", gamma, gamma)
            - jnp.einsum("ade,ecb->abcd", gamma, gamma)
        )

    expected, found = defined(EVENT), riemann(lorentzian, EVENT)
    np.testing.assert_allclose(found, expected, atol=1e-14)
    assert float(jnp.max(jnp.abs(found))) > 0.05


def kerr(x):
    """Mass 1, spin 0.6, Boyer-Lindquist coordinates."""
    a, (_, r, theta, _) = 0.6, x
    s2, sigma, delta = jnp.sin(theta) ** 2, r**2 + a**2 * jnp.cos(theta) ** 2, r**2 - 2 * r + a**2
    cross, zero = -2 * a * r * s2 / sigma, 0 * r
    rows = [[2 * r / sigma - 1, zero, zero, cross], [zero, sigma / delta, zero, zero], [zero, zero, sigma, zero]]
    rows.append([cross, zero, zero, (r**2 + a**2 + 2 * a**2 * r * s2 / sigma) * s2])
    return jnp.stack([jnp.stack(row) for row in rows])


def everything(metric, x):
    names = ("ricci", "scalar_curvature", "kretschmann", "weyl", "riemann_lowered", "einstein", "schouten")
    return {name: getattr(autodiff, name)(metric, x) for name in (*names, "volume_density")}


def test_kerr():
    """A vacuum: Ricci is zero and Weyl is all there is; K = 48 (r² - a²c²) ((r² + a²c²)² - 16 r² a²c²) / Σ⁶."""
    points = np.stack([np.zeros(7), np.linspace(2.5, 20, 7), np.linspace(0.3, 2.8, 7), np.arange(7)], axis=-1)
    found = batched(everything, kerr)(points)
    r2, ac2 = points[:, 1] ** 2, 0.36 * np.cos(points[:, 2]) ** 2
    sigma = r2 + ac2
    kretschmann = 48 * (r2 - ac2) * (sigma**2 - 16 * r2 * ac2) / sigma**6
    np.testing.assert_allclose(found["kretschmann"], kretschmann, rtol=1e-10)
    for name in ("ricci", "einstein", "schouten", "scalar_curvature"):
        np.testing.assert_allclose(found[name], 0, atol=1e-13)
    np.testing.assert_allclose(found["weyl"], found["riemann_lowered"], atol=1e-12)
    np.testing.assert_allclose(found["volume_density"], sigma * np.sin(points[:, 2]), rtol=1e-13)


def test_traces_and_the_weyl_tensor():
    """C is R without its traces; G and P are what they are in terms of Ric and R, and C is conformally invariant."""
    found = jax.jit(lambda x: everything(lorentzian, x))(EVENT)
    g = lorentzian(EVENT)
    inverse, ric, r = jnp.linalg.inv(g), found["ricci"], found["scalar_curvature"]
    np.testing.assert_allclose(jnp.einsum("ac,abcd->bd", inverse, found["weyl"]), 0, atol=1e-13)
    np.testing.assert_allclose(found["einstein"], ric - r * g / 2, atol=1e-13)
    np.testing.assert_allclose(found["schouten"], (ric - r * g / 6) / 2, atol=1e-13)
    square = jnp.einsum("abcd,efgh,ae,bf,cg,dh->", *[found["riemann_lowered"]] * 2, *[inverse] * 4)
    assert float(found["kretschmann"]) == pytest.approx(float(square), rel=1e-12)

    def factor(x):
        return jnp.exp(0.3 * jnp.sin(x[0] + x[2]))

    scaled = jax.jit(lambda x: autodiff.weyl(lambda y: factor(y) * lorentzian(y), x))(EVENT)
    np.testing.assert_allclose(scaled, factor(EVENT) * found["weyl"], atol=1e-13)
    assert float(jnp.max(jnp.abs(found["weyl"]))) > 0.02


def test_sectional_curvature():
    """1/4 on a sphere of radius 2, for any plane; and R(u, v, u, v) of the mixed planes of S² x R is zero."""
    x, u, v = jnp.asarray([0.9, 1.3, 0.4]), jnp.asarray([1.0, 0.2, -0.5]), jnp.asarray([0.3, -0.7, 1.0])
    assert float(autodiff.sectional_curvature(lambda y: 4 * sphere(y), x, u, v)) == pytest.approx(0.25, rel=1e-12)

    def product(y):
        return jnp.zeros((3, 3)).at[:2, :2].set(sphere(y[:2])).at[2, 2].set(1.0)

    planes = [[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]]
    of = jax.jit(lambda u, v: autodiff.sectional_curvature(product, x, u, v))
    assert [
        round(float(of(jnp.asarray(planes[i]), jnp.asarray(planes[j]))), 12) for i, j in ((0, 1), (0, 2), (1, 2))
    ] == [
        1,
        0,
        0,
    ]


# -- derivatives of fields --------------------------------------------------------------------------------------------


def vector(x):
    return jnp.stack([jnp.sin(x[1]), x[0] * x[2], jnp.cos(x[0] - x[2])])


def mixed(x):
    return jnp.outer(vector(x), jnp.exp(0.3 * x))


def test_covariant_derivatives_commute_to_the_curvature():
    """(∇_c ∇_d - ∇_d ∇_c) T^a_b = R^a_ecd T^e_b - R^e_bcd T^a_e."""

    def nabla(y):
        return autodiff.covariant_derivative(generic, mixed, "ud", y)

    @jax.jit
    def second(y):
        return autodiff.covariant_derivative(generic, nabla, "udd", y)

    twice, r, t = second(POINT), riemann(generic, POINT), mixed(POINT)  # twice[a, b, d, c] = ∇_c ∇_d T^a_b
    commutator = jnp.einsum("abdc->abcd", twice) - twice
    expected = jnp.einsum("aecd,eb->abcd", r, t) - jnp.einsum("ebcd,ae->abcd", r, t)
    np.testing.assert_allclose(commutator, expected, atol=1e-13)
    assert float(jnp.max(jnp.abs(commutator))) > 0.1
    # Leibniz: ∇(V ⊗ w) = ∇V ⊗ w + V ⊗ ∇w, which fixes every slot alone
    w = lambda y: jnp.exp(0.3 * y)  # noqa: E731
    dv = autodiff.covariant_derivative(generic, vector, "u", POINT)
    dw = autodiff.covariant_derivative(generic, w, "d", POINT)
    product = jnp.einsum("ak,b->abk", dv, w(POINT)) + jnp.einsum("a,bk->abk", vector(POINT), dw)
    np.testing.assert_allclose(nabla(POINT), product, atol=1e-14)


def test_nabla_riemann():
    """Parallel on the sphere; the second Bianchi identity in general."""
    parallel = jax.jit(lambda x: autodiff.nabla_riemann(sphere, x))(jnp.asarray([0.9, 1.3]))
    np.testing.assert_allclose(parallel, 0, atol=1e-12)
    d, slope = jax.jit(
        lambda x: (autodiff.nabla_riemann(generic, x), jax.jacfwd(lambda y: autodiff.scalar_curvature(generic, y))(x))
    )(POINT)
    np.testing.assert_allclose(d + np.einsum("abdec->abcde", d) + np.einsum("abecd->abcde", d), 0, atol=1e-12)
    traced = np.einsum("bd,abade->e", np.linalg.inv(generic(POINT)), d)  # the gradient of R
    np.testing.assert_allclose(traced, slope, atol=1e-13)
    assert float(jnp.max(jnp.abs(d))) > 0.1


def test_laplacian_is_the_divergence_of_the_gradient():
    """Δf = ∂_i (√|g| g^ij ∂_j f) / √|g|; a scalar has the covariant derivative ∂f."""

    def f(x):
        return jnp.sin(x[0] * x[1]) + x[2] ** 2

    def flux(x):
        return autodiff.volume_density(generic, x) * jnp.linalg.inv(generic(x)) @ jax.grad(f)(x)

    @jax.jit
    def both(x):
        found = autodiff.laplacian(generic, f, x), autodiff.covariant_derivative(generic, f, "", x)
        return *found, jnp.trace(jax.jacfwd(flux)(x)) / autodiff.volume_density(generic, x)

    found, gradient, expected = both(POINT)
    assert float(found) == pytest.approx(float(expected), rel=1e-13)
    np.testing.assert_allclose(gradient, jax.grad(f)(POINT), atol=1e-15)


def test_lie_derivative_of_the_metric():
    """∇_i V_j + ∇_j V_i; zero for a rotation of the sphere."""

    def lowered(x):
        return generic(x) @ vector(x)

    d = autodiff.covariant_derivative(generic, lowered, "d", POINT)
    np.testing.assert_allclose(autodiff.lie_derivative_of_metric(generic, vector, POINT), d + d.T, atol=1e-14)

    def rotation(x):
        return jnp.stack([jnp.sin(x[1]), jnp.cos(x[1]) / jnp.tan(x[0])])

    found = autodiff.lie_derivative_of_metric(sphere, rotation, jnp.asarray([0.9, 1.3]))
    np.testing.assert_allclose(found, 0, atol=1e-15)


def test_geodesic_acceleration():
    """A tilted great circle satisfies x'' = -Γ x' x'."""
    tilt = 0.7

    def circle(t):
        x, y, z = jnp.cos(t), jnp.sin(t) * jnp.cos(tilt), jnp.sin(t) * jnp.sin(tilt)
        return jnp.stack([jnp.arccos(z), jnp.arctan2(y, x)])

    velocity = jax.jacfwd(circle)
    found = autodiff.geodesic_acceleration(sphere, circle(0.6), velocity(0.6))
    np.testing.assert_allclose(found, jax.jacfwd(velocity)(0.6), atol=1e-14)
    assert float(jnp.max(jnp.abs(found))) > 0.1


# -- many points ------------------------------------------------------------------------------------------------------


class Network(eqx.Module):
    """A metric whose weights are parameters, and which counts how often it is traced."""

    weights: jax.Array
    calls: list = eqx.field(static=True)

    def __call__(self, x):
        self.calls.append(1)
        h = jnp.tanh(self.weights @ x)
        return jnp.eye(2) + 0.1 * jnp.outer(h, h)


def test_batched_is_the_loop_and_compiles_once():
    rng = np.random.default_rng(0)
    points, calls = jnp.asarray(rng.normal(size=(3, 9, 2))), []
    network = Network(jnp.asarray(rng.normal(size=(2, 2))), calls)
    values = batched(autodiff.scalar_curvature, network, block=8)(points)
    assert values.shape == (3, 9)
    loop = [[float(autodiff.scalar_curvature(network, x)) for x in row[:2]] for row in points]
    np.testing.assert_allclose(values[:, :2], loop, rtol=1e-12)
    np.testing.assert_allclose(batched(autodiff.scalar_curvature, network, block=64)(points), values, rtol=1e-12)
    traced = len(calls)
    again = Network(2 * network.weights, calls)  # another network, another `batched`: the same program
    other = batched(autodiff.scalar_curvature, again, block=8)(points)
    assert len(calls) == traced
    assert float(other[0, 0]) == pytest.approx(float(autodiff.scalar_curvature(again, points[0, 0])), rel=1e-12)


def test_batched_fields_and_jit():
    points = jnp.asarray(np.random.default_rng(1).uniform(0.5, 2, (5, 2)))
    laplacian = batched(autodiff.laplacian, sphere, lambda y: jnp.cos(y[0]), block=2)
    np.testing.assert_allclose(laplacian(points), -2 * jnp.cos(points[:, 0]), atol=1e-13)
    np.testing.assert_allclose(jax.jit(laplacian)(points), laplacian(points), atol=1e-14)
    assert laplacian(points[:0]).shape == (0,)


# -- bad input --------------------------------------------------------------------------------------------------------

X = jnp.asarray([0.9, 1.3])


@pytest.mark.parametrize(
    ("metric", "x", "error", "sentence"),
    [
        (sphere, jnp.ones((4, 2)), ArgumentError, "batched\\(function, metric\\)"),
        (lambda x: x, X, ArgumentError, "must return an array of shape \\(2, 2\\), but it returned shape \\(2,\\)"),
        (lambda x: jnp.ones((2, 3)), X, ArgumentError, "returned shape \\(2, 3\\)"),
        (lambda x: [[x[0], 0.0], [0.0, x[1]]], X, ArgumentError, "returned list"),
        (sphere, X.astype("float32"), PrecisionError, "float32"),
        (sphere, jnp.asarray([1, 2]), PrecisionError, "int64"),
        (lambda x: sphere(x).astype("float32"), X, PrecisionError, "float32"),
        (lambda x: jnp.diag(x) + jnp.asarray([[0, 1e-6], [0, 0]]), X, MetricError, "symmetric"),
        (lambda x: jnp.outer(x, x), X, MetricError, "singular at x = \\(0.9, 1.3\\)"),
        (sphere, jnp.asarray([0.0, 1.3]), MetricError, "singular at x = \\(0, 1.3\\)"),
        (lambda x: jnp.diag(1 / (x - 0.9)), X, MetricError, "not finite"),
    ],
)
def test_bad_input_is_refused(metric, x, error, sentence):
    for function in (autodiff.christoffel, lambda m, y: autodiff.jets(m, y)[2]):
        with pytest.raises(error, match=sentence):
            function(metric, x)


def test_batched_names_the_worst_point():
    points = jnp.asarray([[1.0, 0.0], [1e-9, 2.0], [0.0, 3.0], [2.0, 1.0]])
    with pytest.raises(MetricError, match="singular at x = \\(0, 3\\)") as caught:
        batched(autodiff.volume_density, sphere)(points)
    assert caught.value.point == (0.0, 3.0)
    np.testing.assert_allclose(batched(autodiff.volume_density, sphere)(points[:2]), jnp.sin(points[:2, 0]), rtol=1e-12)
    with pytest.raises(MetricError, match=r"symmetric.*x = \(2, 1\)"):
        batched(
            autodiff.volume_density,
            lambda x: jnp.eye(2) + jnp.where(x[0] > 1, 1e-3, 0) * jnp.eye(2)[:, ::-1].at[0].set(0),
        )(points)
    with pytest.raises(PrecisionError):
        batched(autodiff.ricci, sphere)(points.astype("float32"))
    with pytest.raises(ArgumentError, match="single number"):
        batched(autodiff.ricci, sphere)(jnp.asarray(1.0))


def test_tensors_of_the_wrong_shape_are_refused():
    with pytest.raises(ArgumentError, match="one letter `u` \\(up\\) or `d` \\(down\\)"):
        autodiff.covariant_derivative(generic, vector, "x", POINT)
    with pytest.raises(ArgumentError, match='With the slots "uu"'):
        autodiff.covariant_derivative(generic, vector, "uu", POINT)
    with pytest.raises(ArgumentError, match="dimension 3 or more"):
        autodiff.weyl(sphere, X)
