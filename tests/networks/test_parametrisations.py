"""Metric parametrisations: the table of local forms at g = 1, finite differences, covariance defects, the velocity."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.core.errors import CatalogueError, MetricError
from geomflow.networks.matrix_functions import symmetric_exp, symmetric_log, symmetric_root
from geomflow.networks.metric_ntk import covariance_defect, kernel_velocity, local_form, symmetric_square
from geomflow.networks.parametrisations import PARAMETRISATIONS, symmetric_basis

NAMES = PARAMETRISATIONS.names()
G = jnp.array([[1.4, 0.3, -0.2], [0.3, 0.8, 0.1], [-0.2, 0.1, 1.1]])
G0 = jnp.array([[1.2, 0.1, 0.0], [0.1, 1.0, -0.2], [0.0, -0.2, 0.9]])
DIRECTION = jnp.tile(jnp.array([[0.2, -0.1, 0.3], [-0.1, 0.1, 0.0], [0.3, 0.0, -0.2]]), (3, 1, 1))
METRICS = jnp.stack([G, jnp.eye(3), jnp.diag(jnp.array([2.0, 2.0, 0.5]))])


def rotations(number, n=3):
    rng = np.random.default_rng(1)
    for _ in range(number):
        q, r = np.linalg.qr(rng.normal(size=(n, n)))
        yield q * np.sign(np.diag(r))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("reference", [None, G0])
def test_networks_give_the_metric_back(name, reference):
    p = PARAMETRISATIONS[name]
    networks = p.networks_at(G, 0.7, reference)
    assert networks.shape == (p.count(3),)
    np.testing.assert_allclose(p.metric(networks, G if reference is None else reference, 0.7), G, atol=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_jacobian_agrees_with_finite_differences(name):
    p, m, step = PARAMETRISATIONS[name], 0.7, 1e-5

    def both(g, frame):
        networks = p.networks_at(g, m, frame)

        def column(unit):
            return (p.metric(networks + step * unit, frame, m) - p.metric(networks - step * unit, frame, m)) / (
                2 * step
            )

        return p.jacobian(g, m, frame), jax.vmap(column, out_axes=-1)(jnp.eye(p.count(3)))

    # The stack holds repeated eigenvalues, where the derivative of the eigenvectors does not exist; each metric is
    # framed at itself and at another reference.
    metrics = jnp.concatenate([METRICS, METRICS])
    frames = jnp.concatenate([METRICS, jnp.tile(G0, (3, 1, 1))])
    jacobian, differences = jax.jit(jax.vmap(both))(metrics, frames)
    assert jacobian.shape == (6, 3, 3, p.count(3))
    np.testing.assert_allclose(jacobian, differences, atol=2e-9)


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("independent", (1, 1, 0)),
        ("packed", (1, 1, 1)),
        ("packed-orthonormal", (1, 0.5, 0.5)),
        ("cholesky", (4, 1, 1)),
        ("gram", (4, 2, 2)),
        ("exp", (1, 0.5, 0.5)),
        ("exp-framed", (1, 0.5, 0.5)),
        ("vielbein", (1, 0.5, 0.5)),
    ],
)
def test_local_forms_at_the_identity(name, table):
    form = local_form(PARAMETRISATIONS[name].jacobian(jnp.eye(2)))
    np.testing.assert_allclose((form[0, 0, 0, 0], form[0, 1, 0, 1], form[0, 1, 1, 0]), table, atol=1e-13)


@pytest.mark.parametrize(
    ("name", "diagonal", "off_diagonal"),
    [("independent", 1, 1), ("packed", 1, 2), ("packed-orthonormal", 1, 1), ("cholesky", 4, 2), ("gram", 4, 4)],
)
def test_speeds_at_the_identity(name, diagonal, off_diagonal):
    form = local_form(PARAMETRISATIONS[name].jacobian(jnp.eye(2)))
    source = jnp.array([[1.0, 1.0], [1.0, 1.0]])
    velocity = jnp.einsum("ijkl,kl->ij", form, source)
    np.testing.assert_allclose((velocity[0, 0], velocity[0, 1]), (diagonal, off_diagonal), atol=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_affine_parametrisations_and_only_they_have_a_constant_jacobian(name):
    p = PARAMETRISATIONS[name]
    # A fixed reference: the question is whether J moves while the networks train.
    jacobian = jax.jit(lambda g: p.jacobian(g, 1.0, G0))
    drift = jnp.max(jnp.abs(jacobian(G) - jacobian(1.5 * G)))
    assert (drift < 1e-13) == p.affine


def test_exp_in_the_eigenbasis_of_the_metric():
    a, b = 3.0, 0.5
    form = local_form(PARAMETRISATIONS["exp"].jacobian(jnp.diag(jnp.array([a, b]))))
    logarithmic_mean = (a - b) / np.log(a / b)
    np.testing.assert_allclose((form[0, 0, 0, 0], form[1, 1, 1, 1]), (a**2, b**2), rtol=1e-13)
    np.testing.assert_allclose(2 * form[0, 1, 0, 1], logarithmic_mean**2, rtol=1e-13)


def test_gram_local_form_depends_on_the_metric_alone():
    gram = PARAMETRISATIONS["gram"]
    rotation = next(rotations(1))
    a = jnp.asarray(rotation) @ symmetric_root(G)  # another root of the same metric
    form = local_form(jax.jacfwd(gram.metric)(jnp.reshape(a, -1), G))
    np.testing.assert_allclose(form, local_form(gram.jacobian(G)), atol=1e-13)


def mean_defects(name):
    p = PARAMETRISATIONS[name]
    defect = jax.jit(jax.vmap(lambda g: covariance_defect(local_form(p.jacobian(g)), g)))
    turns = list(rotations(400))
    conditions = (1.5, 4.0, 16.0)
    return [float(defect(jnp.stack([q @ np.diag([1, k**0.5, k]) @ q.T for q in turns])).mean()) for k in conditions]


@pytest.mark.parametrize(
    ("name", "expected", "tolerance"),
    [
        ("independent", (0.26, 0.87, 1.5), 0.02),
        ("packed-orthonormal", (0.26, 0.87, 1.5), 0.02),
        ("cholesky", (0.33, 0.40, 0.51), 0.015),  # the only one that depends on the rotation, hence on the sample
        ("gram", (0.13, 0.37, 0.54), 0.005),
        ("exp", (0.005, 0.037, 0.063), 0.0005),
        ("exp-framed", (0, 0, 0), 1e-12),
        ("vielbein", (0, 0, 0), 1e-12),
    ],
)
def test_covariance_defects(name, expected, tolerance):
    np.testing.assert_allclose(mean_defects(name), expected, atol=tolerance)


def test_covariance_defect_ignores_units():
    form = local_form(PARAMETRISATIONS["gram"].jacobian(G))
    assert covariance_defect(symmetric_square(G), G) == pytest.approx(0, abs=1e-15)
    assert covariance_defect(5 * form, G) == pytest.approx(float(covariance_defect(form, G)), rel=1e-13)
    assert covariance_defect(form, 3 * G) == pytest.approx(float(covariance_defect(form, G)), rel=1e-13)


def test_vielbein_local_form_is_covariant_and_divides_by_the_measure():
    form = local_form(PARAMETRISATIONS["vielbein"].jacobian(G, 0.4))
    np.testing.assert_allclose(form, symmetric_square(G) / 0.4, atol=1e-13)


def test_exp_framed_is_covariant_at_its_reference_only():
    framed = PARAMETRISATIONS["exp-framed"]
    np.testing.assert_allclose(local_form(framed.jacobian(G)), symmetric_square(G), atol=1e-13)
    assert covariance_defect(local_form(framed.jacobian(G, 1.0, G0)), G) > 1e-3


def test_kernel_velocity_is_the_double_integral():
    # Against the metric-NTK built entry by entry on a small set of points with a random symmetric kernel.
    rng = np.random.default_rng(2)
    points = 5
    metrics = jnp.asarray(np.stack([q @ np.diag([1.0, 2.0, 0.7]) @ q.T for q in rotations(points)]))
    jacobian = jax.vmap(PARAMETRISATIONS["exp"].jacobian)(metrics)
    kernel = rng.normal(size=(points, points))
    source = rng.normal(size=(points, 3, 3))
    expected = np.zeros((points, 3, 3))
    for x in range(points):
        for y in range(points):
            theta = kernel[x, y] * np.einsum("ija,kla->ijkl", jacobian[x], jacobian[y])
            expected[x] += np.einsum("ijkl,kl->ij", theta, source[y])

    def smooth(u):
        return jnp.asarray(kernel) @ u

    velocity = kernel_velocity(jacobian, smooth, jnp.asarray(source))
    np.testing.assert_allclose(velocity, expected, atol=1e-12)
    jitted = jax.jit(lambda j, s: kernel_velocity(j, smooth, s))(jacobian, jnp.asarray(source))
    np.testing.assert_allclose(jitted, velocity, atol=1e-13)


def test_kernel_velocity_on_a_grid_without_smoothing_is_the_local_form():
    metrics = jnp.asarray(np.stack([q @ np.diag([1.0, 2.0, 0.7]) @ q.T for q in rotations(6)])).reshape(2, 3, 3, 3)
    source = jnp.asarray(np.random.default_rng(3).normal(size=(2, 3, 3, 3)))
    p = PARAMETRISATIONS["vielbein"]
    jacobian = jax.vmap(jax.vmap(p.jacobian))(metrics)
    velocity = kernel_velocity(jacobian, lambda u: u, source)
    # sym(g⊗g) lowers both indices of the symmetric part with the current metric.
    symmetric = 0.5 * (source + jnp.swapaxes(source, -1, -2))
    np.testing.assert_allclose(velocity, metrics @ symmetric @ metrics, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_jit_agrees_with_eager(name):
    p = PARAMETRISATIONS[name]
    jitted = jax.jit(lambda g, m, g0: p.jacobian(g, m, g0))(G, 0.7, G0)
    np.testing.assert_allclose(jitted, p.jacobian(G, 0.7, G0), atol=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_local_form_is_differentiable_along_the_flow(name):
    # Implicit solvers differentiate the velocity; repeated eigenvalues must not turn that into NaN.
    form = jax.jit(jax.vmap(lambda g: local_form(PARAMETRISATIONS[name].jacobian(g))))
    derivative = jax.jvp(form, (METRICS,), (DIRECTION,))[1]
    step = 1e-5 * DIRECTION
    np.testing.assert_allclose(derivative, (form(METRICS + step) - form(METRICS - step)) / 2e-5, atol=1e-8)


@pytest.mark.parametrize("function", [symmetric_root, symmetric_log])
def test_matrix_functions_and_their_derivatives(function):
    inverse = {symmetric_root: lambda a: a @ a, symmetric_log: symmetric_exp}[function]
    mapped = jax.vmap(function)
    np.testing.assert_allclose(jax.vmap(inverse)(mapped(METRICS)), METRICS, atol=1e-14)
    derivative = jax.jvp(mapped, (METRICS,), (DIRECTION,))[1]
    step = 1e-5 * DIRECTION
    np.testing.assert_allclose(derivative, (mapped(METRICS + step) - mapped(METRICS - step)) / 2e-5, atol=1e-9)
    # A gradient is the transpose of the derivative.
    gradient = jax.grad(lambda g: jnp.sum(mapped(g) * DIRECTION))(METRICS)
    assert jnp.sum(gradient * DIRECTION) == pytest.approx(float(jnp.sum(derivative * DIRECTION)), rel=1e-12)


def test_symmetric_exponential():
    exponential = jax.jit(symmetric_exp)
    # d tr e^S = tr(e^S dS): the gradient of the trace is the exponential itself.
    gradient = jax.jit(jax.grad(lambda s: jnp.trace(symmetric_exp(s))))
    rotation = next(rotations(1))
    for size in (1e-8, 0.1, 3.0, 12.0):
        s = size * rotation @ np.diag([1.0, -0.3, -0.4]) @ rotation.T
        values, vectors = np.linalg.eigh(s)
        expected = (vectors * np.exp(values)) @ vectors.T
        np.testing.assert_allclose(exponential(jnp.asarray(s)), expected, atol=2e-14 * np.exp(size))
        np.testing.assert_allclose(gradient(jnp.asarray(s)), expected, atol=2e-14 * np.exp(size))


def test_orthonormal_basis():
    basis = symmetric_basis(4)
    np.testing.assert_allclose(np.einsum("aij,bij->ab", basis, basis), np.eye(10), atol=1e-15)


def test_refusals():
    with pytest.raises(MetricError, match="n x n"):
        PARAMETRISATIONS["gram"].jacobian(jnp.ones((2, 3)))
    with pytest.raises(CatalogueError, match="cholesky"):
        PARAMETRISATIONS["cholesk"]
