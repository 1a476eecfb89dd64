"""Training as gradient flow: θ-space tied to function space, exact solutions, ensembles, pieces, ends."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.compare.finite_width import constant_weight, draw_operator
from geomflow.core.checkpoint import Checkpoint
from geomflow.core.errors import ArgumentError, MetricError
from geomflow.flows import FixedMeasureFlow
from geomflow.flows.torus.network import descent_source
from geomflow.flows.training.gradient_flow import GradientFlow, train, train_many
from geomflow.flows.training.losses import GridFunctional, PointFunctional, SquaredError, torus_batch
from geomflow.flows.training.memorisation import MemorisationFlow
from geomflow.geometry.packed import pack
from geomflow.geometry.point_sets import PointSet
from geomflow.geometry.torus import Torus
from geomflow.metrics import METRICS
from geomflow.networks import PeriodicCosNet
from geomflow.networks.empirical_ntk import empirical_ntk
from geomflow.networks.linearised import Linearised
from geomflow.networks.metric_network import GridMetric, MetricNetwork
from geomflow.networks.mlp import MLP

GENERIC, SIGMA, WIDTH = METRICS["generic-t2"], 1.0, 24
TORUS = Torus(2, 8)
G, M = GENERIC.sample(TORUS)
TARGET = METRICS["nearly-flat-t2"].sample(TORUS)[0]
KEY, TIMES = jax.random.key(3), np.array([0.0, 0.01])
POINTS = jnp.asarray(np.random.default_rng(1).uniform(0, 6, (4, 2)))
NETWORK = PeriodicCosNet.sample(KEY, WIDTH, 2, SIGMA, outputs=3)
METRIC = MetricNetwork(NETWORK, GridMetric(TORUS, G))
SQUARED = SquaredError.on_torus(TORUS, TARGET)
# the rate at which the last layer keeps constants, on average
RATE = 1 / ((2 * np.pi) ** 2 * constant_weight(SIGMA, 2))


def measure(x):
    return 1 + 0.25 * jnp.cos(x[0]) + 0.15 * jnp.sin(x[0] - x[1])


@eqx.filter_jit
def metric_velocity(flow):
    """dg/dt at the points of the loss, by the chain rule in θ-space."""
    velocity = flow(0.0, flow.start)
    return jax.jvp(flow.values, (flow.start,), (velocity,))[1]


@eqx.filter_jit
def loss_rate(flow):
    """dL/dt by the chain rule, and |∇_θ L|²."""
    rate = jax.jvp(flow.value, (flow.start,), (flow(0.0, flow.start),))[1]
    return rate, sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(jax.grad(flow.value)(flow.start)))


# -- functionals ------------------------------------------------------------------------------------------------------


def test_the_gradient_of_the_discretised_f_is_the_derived_one():
    defects = []
    for size in (16, 32):
        torus = Torus(2, size)
        g, m = GENERIC.sample(torus)
        found = GridFunctional(torus, "perelman-f", -1.0, m).gradient(g)
        derived = -0.5 * pack(descent_source(torus, m, g))  # δ(-F)/δg = m (R^ij + ∇^i ∇^j f)
        defects.append(float(jnp.max(jnp.abs(found - derived))))
    assert defects[0] < 1e-3
    assert defects[1] < 1e-8


@pytest.mark.parametrize("name", ["perelman-f", pytest.param("ricci-squared", marks=pytest.mark.slow)])
def test_continuum_and_discretuum_agree_on_the_points_of_a_grid(name):
    torus = Torus(2, 24)
    g, m = GENERIC.sample(torus)
    cell = np.full(torus.size**2, torus.spacing**2)
    points = PointSet(torus.points.reshape(2, -1).T, cell)
    metric = MetricNetwork(MLP(KEY, (2, 2, 3), jnp.tanh), GENERIC.at)
    in_continuum, at_points = GridFunctional(torus, name, 3.0, m), PointFunctional(points, name, 3.0, measure)
    value = float(in_continuum(in_continuum.sample(metric)))
    assert value == pytest.approx(float(eqx.filter_jit(at_points)(metric)), rel=1e-6)
    if name == "perelman-f":
        assert value == pytest.approx(3 * float(FixedMeasureFlow(torus, measure=m).functional(g)), rel=1e-12)


def test_functionals_that_cannot_train_a_metric_are_refused():
    for name in ("perelman-w", "einstein-maxwell"):
        with pytest.raises(ArgumentError, match="cannot train"):
            GridFunctional(TORUS, name)
        with pytest.raises(ArgumentError, match="cannot train"):
            PointFunctional(torus_batch(KEY, 2, 4), name)


def test_a_network_that_is_not_periodic_is_refused_where_derivatives_are_spectral():
    metric = MetricNetwork(MLP(KEY, (2, 4, 3), jnp.tanh), GENERIC.at)
    climb = GridFunctional(TORUS, "perelman-f", -1.0)
    with pytest.raises(ArgumentError, match="needs a network of period 2π") as caught:
        train(GradientFlow(metric, climb), TIMES)
    assert caught.value.gap > 0.1


@pytest.mark.parametrize("start", [G.at[0].add(-3.0), G * jnp.nan], ids=["indefinite", "nan"])
def test_training_starts_at_a_metric_or_not_at_all(start):
    with pytest.raises(MetricError, match="must start at a metric"):
        train(GradientFlow(MetricNetwork(NETWORK, GridMetric(TORUS, start)), SQUARED), TIMES)


def test_targets_of_another_grid_are_refused():
    with pytest.raises(ArgumentError, match="at each of 64 points"):
        SquaredError.on_torus(TORUS, TARGET[:, :4])


# -- θ-space and function space ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("parametrisation", ["packed-orthonormal", pytest.param("exp", marks=pytest.mark.slow)])
def test_the_metric_moves_by_its_tangent_kernel_and_the_loss_falls_at_the_square_of_its_gradient(parametrisation):
    metric = MetricNetwork(NETWORK, GridMetric(TORUS, G), parametrisation)
    flow = GradientFlow(metric, GridFunctional(TORUS, "perelman-f", -1.0, M), rate=0.7)
    points = TORUS.points.reshape(2, -1).T
    kernel = empirical_ntk(metric, points)
    source = flow.loss.gradient(G)  # δL/δg_kl, packed
    full = source[np.array([[0, 1], [1, 2]])].reshape(2, 2, -1)
    moved = -0.7 * TORUS.spacing**2 * jnp.einsum("nmijkl,klm->ijn", kernel, full)
    np.testing.assert_allclose(metric_velocity(flow), pack(jnp.moveaxis(moved, -1, 0)), atol=1e-10)
    rate, squared = map(float, loss_rate(flow))
    in_functions = TORUS.spacing**2 * float(jnp.einsum("ijn,ijn->", full, moved))
    assert rate < -0.1
    assert rate == pytest.approx(-0.7 * squared, rel=1e-10)
    assert rate == pytest.approx(in_functions, rel=1e-10)


def test_the_last_layer_moves_the_metric_as_its_operator_on_the_torus_says():
    """Factor, sign and time of `MemorisationFlow` and `NetworkFlow`, at finite width and exactly."""
    operator = draw_operator(KEY, TORUS, SIGMA, WIDTH)  # the same draw as NETWORK
    flow = GradientFlow(METRIC, SQUARED, "last-layer", RATE)
    expected = MemorisationFlow(TORUS, target=TARGET, reference=G).driven_by(operator).velocity(G)
    # frequencies beyond the 2/3 rule are not in the operator: compare the modes that are
    velocity = TORUS.dealias(metric_velocity(flow).reshape(3, *TORUS.shape))
    np.testing.assert_allclose(velocity, expected, atol=1e-12)
    climbing = GradientFlow(METRIC, GridFunctional(TORUS, "perelman-f", -1.0, M), "last-layer", 2 * RATE)
    source = -2 * climbing.loss.gradient(G)
    found = TORUS.dealias(metric_velocity(climbing).reshape(3, *TORUS.shape))
    np.testing.assert_allclose(found, operator.apply(TORUS, source), atol=1e-11)


# -- trajectories -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def last_layer():
    return train(GradientFlow(METRIC, SQUARED, "last-layer", RATE), np.array([0.0, 0.5, 2.0]))


def test_the_last_layer_follows_the_matrix_exponential_and_its_kernel_stays(last_layer):
    points = TORUS.points.reshape(2, -1).T
    features = np.asarray(jax.vmap(NETWORK.features)(points))
    kernel = RATE * TORUS.spacing**2 * features @ features.T
    values, vectors = np.linalg.eigh(kernel)
    start, target = np.asarray(G).reshape(3, -1), np.asarray(TARGET).reshape(3, -1)
    for time, found in zip(last_layer.times, last_layer.metrics):
        decay = vectors @ (np.exp(-values * time)[:, None] * vectors.T)
        np.testing.assert_allclose(found, target + (start - target) @ decay, atol=1e-6)
    assert last_layer.completed
    kernels = last_layer.kernels(POINTS, "last-layer")
    np.testing.assert_array_equal(kernels[0], kernels[-1])
    assert np.ptp(last_layer.kernels(POINTS, "all"), axis=0).max() > 1e-3


def test_losses_and_metrics_are_those_of_the_trained_network(last_layer):
    moved = last_layer.metric()
    at = np.asarray(jax.vmap(moved)(TORUS.points.reshape(2, -1).T))
    np.testing.assert_allclose(pack(at), last_layer.metrics[-1], atol=1e-12)
    error = 0.5 * TORUS.spacing**2 * np.sum((at - np.asarray(SQUARED.target)) ** 2)
    assert last_layer.losses[-1] == pytest.approx(error, rel=1e-10)


def test_an_ensemble_is_its_members_and_pieces_are_the_whole(last_layer, tmp_path):
    networks = [NETWORK, PeriodicCosNet.sample(jax.random.key(9), WIDTH, 2, SIGMA, outputs=3)]
    both = jax.tree.map(lambda *leaves: jnp.stack(leaves), *networks)

    @eqx.filter_vmap
    def start(network):
        return GradientFlow(MetricNetwork(network, GridMetric(TORUS, G)), SQUARED, "last-layer", RATE)

    times = last_layer.times
    checkpoint = Checkpoint(tmp_path, {"run": 1})
    members = train_many(start(both), times, checkpoint=checkpoint)
    np.testing.assert_allclose(members[0].metrics, last_layer.metrics, atol=1e-6)
    assert float(np.max(np.abs(members[1].metrics[-1] - members[0].metrics[-1]))) > 1e-3
    assert [len(member.times) for member in members] == [3, 3]
    stamp = checkpoint.path("training-0").stat().st_mtime_ns
    again = train_many(start(both), times, checkpoint=Checkpoint(tmp_path, {"run": 1}))
    np.testing.assert_array_equal(again[1].metrics, members[1].metrics)
    assert checkpoint.path("training-0").stat().st_mtime_ns == stamp


@pytest.mark.slow
def test_a_linearised_network_keeps_its_kernel_in_training():
    linear = MetricNetwork(Linearised(NETWORK), GridMetric(TORUS, G))
    run = train(GradientFlow(linear, SQUARED, "all", RATE), np.array([0.0, 1.0]))
    assert run.losses[1] < 0.5 * run.losses[0]
    kernels = run.kernels(POINTS)
    np.testing.assert_allclose(kernels[1], kernels[0], atol=1e-13)
    np.testing.assert_allclose(kernels[0], empirical_ntk(NETWORK, POINTS), atol=1e-12)


def test_one_member_that_degenerates_ends_alone_and_keeps_what_it_had():
    """The target is indefinite: one member crosses the boundary of the space of metrics, the slow one does not."""
    target = TARGET.at[0].add(-3.0)

    @eqx.filter_vmap
    def start(rate):
        return GradientFlow(METRIC, SquaredError.on_torus(TORUS, target), "last-layer", rate)

    fast, slow = train_many(start(RATE * jnp.array([1.0, 0.01])), np.linspace(0, 2, 9))
    assert not fast.completed
    assert "positive definite" in fast.reason
    assert 1 < len(fast.times) == len(fast.metrics) == len(fast.losses) < 9
    assert np.all(np.isfinite(fast.metrics))
    assert np.all(fast.metrics[:, 0] * fast.metrics[:, 2] > fast.metrics[:, 1] ** 2)
    assert slow.completed
    assert len(slow.times) == 9


def test_batches_are_redrawn():
    metric = MetricNetwork(MLP(KEY, (2, 8, 3), jnp.tanh), GENERIC.at)

    def batch(index):
        return PointFunctional(torus_batch(jax.random.fold_in(KEY, index), 2, 6), "hilbert", -1.0)

    flow = GradientFlow(metric, batch(0), rate=0.1)
    times = np.array([0.0, 0.01, 0.02])
    run = train(flow, times, redraw=batch, rtol=1e-5, atol=1e-7)
    assert run.completed
    first, second = run.metric(1), run.metric(2)
    expected = [float(eqx.filter_jit(batch(i))(m)) for i, m in ((0, metric), (0, first), (1, second))]
    np.testing.assert_allclose(run.losses, expected, rtol=1e-9)
    assert run.losses[1] < run.losses[0]
    assert run.losses[2] < float(eqx.filter_jit(batch(1))(first))
