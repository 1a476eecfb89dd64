"""Identities on users' metrics and arrays: right ones pass wherever they are hard, wrong ones are caught and named."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.core.errors import ArgumentError, MetricError, PrecisionError
from geomflow.geometry import autodiff
from geomflow.geometry.autodiff import batched
from geomflow.geometry.conventions import (
    compare_christoffel,
    compare_first_derivatives,
    compare_ricci,
    compare_riemann,
)
from geomflow.geometry.identities import check_metric_identities, check_riemann

A = jnp.asarray([[-1.3, 0.2, 0.1], [0.2, 0.9, -0.1], [0.1, -0.1, 1.1]])  # Lorentzian
B = jnp.asarray([[0.1, 0.2, 0.0], [0.2, -0.1, 0.1], [0.0, 0.1, 0.2]])


class Waves(eqx.Module):
    """A general metric, s (A + B sin + cos cos) s: two of them compile once."""

    s: jax.Array

    def __call__(self, x):
        wave = A + B * jnp.sin(x[0] + 2 * x[1]) + 0.1 * jnp.outer(jnp.cos(x), jnp.cos(x))
        return self.s @ wave @ self.s.T


generic = Waves(jnp.eye(3))


def polar(x):
    """The flat plane: every component of the curvature is a cancellation."""
    return jnp.diag(jnp.stack([jnp.ones_like(x[0]), x[0] ** 2]))


def sphere(x):
    return jnp.diag(jnp.stack([jnp.ones_like(x[0]), jnp.sin(x[0]) ** 2]))


def null_schwarzschild(x):
    """Schwarzschild (M = 1) in ingoing null coordinates (v, r, θ): g_rr = 0, and regular at the horizon r = 2."""
    v, r, _ = x
    one, zero = jnp.ones_like(v), jnp.zeros_like(v)
    rows = [[-(1 - 2 / r), one, zero], [one, zero, zero], [zero, zero, r**2]]
    return jnp.stack([jnp.stack(row) for row in rows])


POINTS = jnp.asarray(np.random.default_rng(0).uniform(-2, 2, (12, 3)))
G = jax.vmap(generic)(POINTS)
RIEMANN = batched(autodiff.riemann, generic)(POINTS)
RICCI = jnp.einsum("pabad->pbd", RIEMANN)
LOW = jnp.einsum("pae,pebcd->pabcd", G, RIEMANN)
GAMMA, DG = (batched(f, generic)(POINTS) for f in (autodiff.christoffel, lambda m, x: autodiff.first_jet(m, x)[1]))


# -- metrics ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "points"),
    [
        (generic, POINTS),
        (polar, [[1e-6, 0.0], [1.0, 2.0], [1e6, 1.0]]),
        (sphere, [[1e-5, 0.3], [1.2, 0.4], [3.14159, 1.0]]),
        (null_schwarzschild, [[0.0, 2.0, 0.3], [1.0, 1e-3, 0.4], [5.0, 1e5, 0.1]]),
    ],
    ids=["waves", "polar", "sphere", "null-schwarzschild"],
)
def test_a_right_metric_passes(metric, points):
    """At poles, at horizons, at the centre and far away, in units that differ by 1e12."""
    report = check_metric_identities(metric, jnp.asarray(points))
    assert report.passed, str(report)
    assert report.points == len(points)
    assert len(report.findings) == (11 if jnp.asarray(points).shape[-1] > 2 else 10)
    assert "verified" in str(report)
    assert max(f.tolerance for f in report.findings[1:]) < 1e-10


def test_ill_conditioned_metrics_get_the_tolerance_they_need():
    """κ is about 1e9, and so is the loss of digits."""
    u = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    metric = Waves(jnp.asarray(u @ np.diag([1.0, 1.0, 3e-5]) @ u.T))
    report = check_metric_identities(metric, POINTS)
    assert report.passed, str(report)
    assert report.condition > 1e8
    g, riem = jax.vmap(metric)(POINTS), batched(autodiff.riemann, metric)(POINTS)
    arrays = check_riemann(riem, g)
    assert arrays.passed, str(arrays)
    assert max(f.defect for f in arrays.findings) > 1e-12  # more than a round metric is held to


@pytest.mark.slow
def test_a_right_metric_passes_in_four_dimensions():
    """S² x S² in units that differ: the Weyl tensor is not zero, and its trace is taken with the inverse metric."""

    def product(x):
        one, zero = jnp.ones_like(x[0]), jnp.zeros((2, 2))
        first, second = (jnp.diag(jnp.stack([one, jnp.sin(y) ** 2])) for y in (x[0], x[2]))
        return jnp.block([[9 * first, zero], [zero, second]])

    report = check_metric_identities(product, jnp.asarray([[0.4, 0.1, 1.1, 0.2], [1e-3, 0.3, 2.0, 0.1]]))
    assert report.passed, str(report)


@jax.custom_jvp
def wrong_sine(x):
    return jnp.sin(x)


@wrong_sine.defjvp
def wrong_rule(primals, tangents):
    return wrong_sine(primals[0]), 1.01 * jnp.cos(primals[0]) * tangents[0]


@jax.custom_jvp
def swirl(x):
    return jnp.sin(x[0]) * jnp.cos(x[1])


@swirl.defjvp
def swirl_rule(primals, tangents):
    (x,), (t,) = primals, tangents
    # the gradient is right in value at x_1 = 0, but it is not a gradient field
    return swirl(x), jnp.cos(x[0]) * jnp.cos(x[1]) * t[0] - (1 + 0.1 * x[1]) * jnp.sin(x[0]) * jnp.sin(x[1]) * t[1]


def test_a_wrong_derivative_rule_is_caught():
    def metric(x):
        return A[1:, 1:] + B[1:, 1:] * wrong_sine(x[0] + x[1])

    report = check_metric_identities(metric, POINTS[:, 1:])
    assert report.failed == ("∂g, against differences of g",)
    assert "custom derivative rule" in str(report)
    assert "refuted" in str(report)
    report = check_metric_identities(lambda x: A + B * swirl(x), POINTS)
    assert "∂_k ∂_l g = ∂_l ∂_k g" in report.failed
    assert "pair symmetry, R_abcd = R_cdab" in report.failed
    assert "second Bianchi, ∇_[e R_cd]ab = 0" in report.failed
    assert "contracted Bianchi, ∇^b G_bd = 0" in report.failed


def test_a_value_cut_out_of_the_graph_is_caught():
    def metric(x):
        return A[1:, 1:] + B[1:, 1:] * jax.lax.stop_gradient(jnp.sin(x[1])) * jnp.cos(x[0])

    report = check_metric_identities(metric, POINTS[:, 1:])
    assert "∂g, against differences of g" in report.failed


def test_bad_points_are_refused():
    with pytest.raises(ArgumentError, match="with a point in it"):
        check_metric_identities(sphere, jnp.zeros((0, 2)))
    with pytest.raises(PrecisionError):
        check_metric_identities(sphere, jnp.ones((1, 2), jnp.float32))


# -- curvature arrays -------------------------------------------------------------------------------------------------


def test_right_arrays_pass():
    report = check_riemann(RIEMANN, G, DG, RICCI)
    assert report.passed, str(report)
    assert len(report.findings) == 5
    assert check_riemann(RIEMANN.reshape(3, 4, 3, 3, 3, 3), G.reshape(3, 4, 3, 3)).passed
    assert check_riemann(RIEMANN[0], G[0]).passed


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (LOW, "all four indices down."),
        (jnp.moveaxis(RIEMANN, 1, 4), "its fourth index up, and its first and fourth index as one antisym"),
        (jnp.swapaxes(RIEMANN, 2, 3), "its first index up, and its first and third index as one antisymmetric"),
        (jnp.swapaxes(RIEMANN, 1, 2), "its second index up."),
        (jnp.einsum("pabcd->pcdab", RIEMANN), "its third index up."),
    ],
    ids=["down", "last", "b-c", "second", "pairs"],
)
def test_another_reading_is_named(array, words):
    report = check_riemann(array, G)
    assert not report.passed
    assert words in report.advice[0]


def test_wrong_values_are_caught_where_they_are():
    bad = RIEMANN.at[7, 0, 1, 2, 1].add(1e-9)
    report = check_riemann(bad, G)
    assert "antisymmetry, R_abcd = -R_abdc" in report.failed
    assert next(f for f in report.findings if not f.passed).where == (7.0,)
    assert "the values are wrong" in report.advice[0]
    assert check_riemann(bad, G, accuracy=1e-6).passed  # as good as claimed
    # each identity has something that only it forbids
    n = jnp.asarray(np.random.default_rng(1).normal(size=(12, 3, 3, 3, 3)))
    n = n - jnp.swapaxes(n, 3, 4)
    raised = lambda low: jnp.einsum("pae,pebcd->pabcd", jnp.linalg.inv(G), low)  # noqa: E731
    assert "antisymmetry, R_abcd = -R_bacd" in check_riemann(raised(n), G).failed
    report = check_riemann(raised(n - jnp.swapaxes(n, 1, 2)), G)
    assert set(report.failed) == {"pair symmetry, R_abcd = R_cdab", "first Bianchi, R_a[bcd] = 0"}
    nan = check_riemann(RIEMANN.at[3, 0, 0, 0, 0].set(jnp.nan), G)
    assert not nan.passed


def test_first_bianchi_alone():
    """A totally antisymmetric tensor has every other symmetry; it needs four dimensions."""
    levi_civita = np.zeros((4,) * 4)
    for p in np.ndindex(*(4,) * 4):
        if len(set(p)) == 4:
            levi_civita[p] = np.linalg.det(np.eye(4)[list(p)])
    report = check_riemann(jnp.asarray(levi_civita), jnp.eye(4))
    assert report.failed == ("first Bianchi, R_a[bcd] = 0",)


def test_the_contraction_is_checked_and_its_sign_named():
    assert check_riemann(RIEMANN, G, ricci=RICCI).passed
    report = check_riemann(RIEMANN, G, ricci=-RICCI)
    assert report.failed == ("contraction, Ric_bd = R^a_bad",)
    assert "R^a_bda" in report.advice[0]
    assert check_riemann(RIEMANN, G, ricci=0.5 * RICCI).advice == ()


def test_nearly_flat_arrays_are_judged_by_the_scale_of_their_terms():
    """Rounding of the flat plane is no curvature; without ∂g nothing says so."""
    points = jnp.asarray(np.random.default_rng(2).uniform(1, 3, (9, 2)))
    g, dg = jax.vmap(polar)(points), jax.vmap(jax.jacfwd(polar))(points)
    noise = 1e-16 * jnp.asarray(np.random.default_rng(3).normal(size=(9, 2, 2, 2, 2)))
    assert check_riemann(noise, g, dg).passed
    assert not check_riemann(noise, g).passed


def test_shapes_are_checked():
    with pytest.raises(ArgumentError, match="`riemann` must have shape \\(12, 3, 3, 3, 3\\)"):
        check_riemann(RICCI, G)
    with pytest.raises(ArgumentError, match="`dg`"):
        check_riemann(RIEMANN, G, dg=G)
    with pytest.raises(MetricError, match="singular"):
        check_riemann(RIEMANN, G.at[2].set(jnp.ones((3, 3))))


# -- conventions ------------------------------------------------------------------------------------------------------

INVERSE = jnp.linalg.inv(G)
SCALAR = jnp.einsum("pij,pij->p", INVERSE, RICCI)[:, None, None]


@pytest.mark.parametrize(
    ("compare", "values", "words"),
    [
        (compare_riemann, -RIEMANN, ("the opposite sign;", "the indices c and d exchanged")),
        (compare_riemann, jnp.swapaxes(RIEMANN, 2, 3), ("the indices b and c exchanged",)),
        (compare_riemann, jnp.moveaxis(RIEMANN, 1, 4), ("the index order [b, c, d, a]",)),
        (compare_riemann, LOW, ("R_abcd, all indices down in place",)),
        (compare_riemann, -LOW, ("the opposite sign and R_abcd, all indices down",)),
        (compare_riemann, RIEMANN / 2, ("the factor 1/2",)),
        (compare_ricci, -RICCI, ("have the opposite sign.",)),
        (compare_ricci, -2 * RICCI, ("have the factor -2",)),
        (compare_ricci, jnp.einsum("pij,pjk->pik", INVERSE, RICCI), ("Ric^b_d, one index up",)),
        (compare_ricci, jnp.einsum("pij,pjk->pki", INVERSE, RICCI), ("b and d exchanged and Ric^b_d",)),
        (compare_ricci, jnp.einsum("pij,pjk,pkl->pil", INVERSE, RICCI, INVERSE), ("Ric^bd, both",)),
        (compare_ricci, RICCI - SCALAR * G / 2, ("the Einstein tensor",)),
        (compare_ricci, RICCI - SCALAR * G / 3, ("the trace-free Ricci",)),
        (compare_ricci, RICCI - SCALAR * G / 4, ("the Schouten tensor",)),
        (compare_christoffel, jnp.moveaxis(GAMMA, 1, 3), ("k and j exchanged",)),
        (compare_christoffel, 2 * GAMMA, ("the factor 2",)),
        (compare_christoffel, jnp.einsum("pkl,plij->pkij", G, GAMMA), ("of the first kind",)),
        (compare_first_derivatives, jnp.moveaxis(DG, 3, 1), ("i and k exchanged",)),
        (compare_ricci, RICCI + 1e-9 * G, ("No usual change",)),
        (compare_riemann, RIEMANN + 1e-9, ("No usual change",)),
    ],
)
def test_conventions_are_named(compare, values, words):
    report = compare(values, generic, POINTS)
    assert not report.passed
    for word in words:
        assert word in report.advice[0]


@pytest.mark.parametrize(
    ("compare", "values"),
    [
        (compare_riemann, RIEMANN),
        (compare_ricci, RICCI),
        (compare_christoffel, GAMMA),
        (compare_first_derivatives, DG),
        (lambda v, m, x: compare_ricci(v, m, x, accuracy=1e-6), RICCI + 1e-8 * G),
    ],
)
def test_the_truth_passes(compare, values):
    report = compare(values, generic, POINTS)
    assert report.passed, str(report)
    assert report.advice == ()


def test_a_single_nan_is_no_agreement():
    report = compare_ricci(RICCI.at[4, 0, 1].set(jnp.nan), generic, POINTS)
    assert not report.passed
    assert report.findings[0].where == tuple(float(v) for v in POINTS[4])


def test_a_flat_metric_tells_nothing_and_says_so():
    points = jnp.asarray([[1.0, 2.0], [0.1, 0.3]])
    report = compare_ricci(jnp.zeros((2, 2, 2)), polar, points)
    assert report.passed
    assert "nothing can be said" in report.advice[0]
    assert not compare_ricci(jnp.ones((2, 2, 2)), polar, points).passed


def test_in_two_dimensions_ricci_is_named():
    """There is no Schouten tensor; the trace-free Ricci tensor vanishes."""
    points = jnp.asarray([[1.0, 2.0], [0.4, 0.3]])
    g = jax.vmap(sphere)(points)
    assert compare_ricci(g, sphere, points).passed
    assert "opposite sign" in compare_ricci(-g, sphere, points).advice[0]


def test_comparison_refuses_other_shapes():
    with pytest.raises(ArgumentError, match="must have shape \\(12, 3, 3\\)"):
        compare_ricci(RIEMANN, generic, POINTS)


def test_no_points_are_refused_with_a_sentence():
    def flat(x):
        return jnp.eye(2)

    with pytest.raises(ArgumentError, match="a point in it"):
        compare_ricci(np.zeros((0, 2, 2)), flat, np.zeros((0, 2)))
    with pytest.raises(ArgumentError, match="one point at least"):
        check_riemann(np.zeros((0, 2, 2, 2, 2)), np.zeros((0, 2, 2)))
