"""Empirical tangent kernels: every way agrees with the whole Jacobian, on networks of every make."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.core.errors import ArgumentError
from geomflow.kernels.fully_connected import FullyConnected
from geomflow.networks.cos_net import PeriodicCosNet
from geomflow.networks.empirical_ntk import METHODS, empirical_ntk, ntk_diagonal
from geomflow.networks.metric_network import MetricNetwork
from geomflow.networks.mlp import MLP, Separate
from geomflow.networks.ntk_operator import ntk_operator
from geomflow.networks.taps import Tapped
from geomflow.networks.trainable import trainable

KEY = jax.random.key(0)
X = jax.random.normal(jax.random.key(1), (4, 2))
Y = jax.random.normal(jax.random.key(2), (3, 2))


def slow(*arguments):
    return pytest.param(*arguments, marks=pytest.mark.slow)


def linear(inputs, outputs, seed):
    return eqx.nn.Linear(inputs, outputs, key=jax.random.key(seed))


class Shared(eqx.Module):
    """One layer three times, and a value of shape (2, 3)."""

    a: eqx.nn.Linear
    b: eqx.nn.Linear

    def __call__(self, x):
        h = jnp.tanh(self.b(jnp.tanh(self.a(x))))
        return jnp.outer(self.b(h)[:2], jnp.sin(self.b(h * h))[:3])


class Tied(eqx.Module):
    """A layer that is called, and read in another way."""

    a: eqx.nn.Linear

    def __call__(self, x):
        return self.a.weight.T @ jnp.tanh(self.a(x))


class Mapped(eqx.Module):
    """Layers inside a vmap, a scan and a jit, one in the open, and a parameter that is no layer's."""

    a: eqx.nn.Linear
    b: eqx.nn.Linear
    c: eqx.nn.Linear
    d: eqx.nn.Linear
    gain: jax.Array

    def __call__(self, x):
        h = jnp.sum(jnp.tanh(jax.vmap(self.a)(jnp.stack([x, 2 * x]))), axis=0)
        h, _ = jax.lax.scan(lambda h, _: (jnp.tanh(self.b(h)), None), h, None, length=2)
        return self.gain * self.d(eqx.filter_jit(lambda layer, h: jnp.tanh(layer(h)))(self.c, h))


class Asking(eqx.Module):
    """A network that asks what its layers are."""

    steps: list

    def __call__(self, x):
        for step in self.steps:
            x = step(x) if isinstance(step, eqx.nn.Linear) else step(3 * x)
        return x


# network, how many layers can be listened to, how many parameters keep their Jacobian
NETWORKS = {
    "mlp": (MLP(KEY, (2, 6, 5, 3), jnp.tanh, 1.2, (0.1, 0.2, 0.3)), 3, 0),
    "separate": (Separate.mlps(KEY, (2, 6, 2), jnp.tanh, 1.3, 0.2), 4, 0),
    "eqx.nn.MLP": (eqx.nn.MLP(2, 3, 6, 2, activation=jnp.tanh, key=KEY), 3, 0),
    "scalar value": (eqx.nn.MLP(2, "scalar", 6, 1, activation=jnp.tanh, key=KEY), 2, 0),
    "no bias": (eqx.nn.MLP(2, 3, 6, 1, activation=jnp.tanh, use_bias=False, key=KEY), 2, 0),
    "cos-net": (PeriodicCosNet.sample(KEY, 7, 2, 1.0), 1, 21),
    "cos-net of 3 outputs": (PeriodicCosNet.sample(KEY, 7, 2, 1.0, outputs=3), 1, 21),
    "cos-nets apart": (PeriodicCosNet.sample(KEY, 5, 2, 1.0, outputs=2, shared=False), 0, 40),
    "used thrice": (Shared(linear(2, 5, 1), linear(5, 5, 2)), 2, 0),
    "tied": (Tied(linear(2, 5, 1)), 0, 15),
    "mapped": (
        Mapped(linear(2, 3, 1), linear(3, 3, 2), linear(3, 4, 3), linear(4, 2, 4), jnp.array([1.5, 0.7])),
        1,
        39,
    ),
    "asking": (Asking([linear(2, 5, 1), jnp.sin, linear(5, 2, 2)]), 2, 0),
}


def exact(network, x, y, trained):
    """Θ by the whole Jacobian, written down anew."""
    weights, fixed = eqx.partition(network, trainable(network, trained))

    def jacobian(point):
        by_leaf = jax.jacrev(lambda weights: jnp.ravel(eqx.combine(weights, fixed)(point)))(weights)
        return jnp.concatenate([leaf.reshape(leaf.shape[0], -1) for leaf in jax.tree.leaves(by_leaf)], axis=1)

    @jax.jit
    def contracted(x, y):
        return jnp.einsum("nap,mbp->nmab", jax.vmap(jacobian)(x), jax.vmap(jacobian)(y))

    shape = network(x[0]).shape
    return contracted(x, y).reshape(len(x), len(y), *shape, *shape)


def assert_close(value, expected):
    np.testing.assert_allclose(value, expected, rtol=0, atol=1e-12 * float(jnp.max(jnp.abs(expected))))


SLOW = ("scalar value", "no bias", "cos-net", "separate")


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in NETWORKS])
def test_every_method_agrees_with_the_whole_jacobian(name):
    network, layers, rest = NETWORKS[name]
    expected = exact(network, X, Y, "all")
    for method in METHODS if name in ("mlp", "used thrice") else ("structured",):
        assert_close(empirical_ntk(network, X, Y, method=method), expected)
    tapped = Tapped(network, trainable(network), X[0])
    assert (len(tapped.taps), tapped.unstructured) == (layers, rest)


@pytest.mark.parametrize(
    ("name", "trained"),
    [("mlp", "weights"), ("mlp", "biases"), ("separate", "last-layer"), ("cos-net of 3 outputs", "last-layer")],
)
def test_frozen_parts_do_not_count(name, trained):
    network = NETWORKS[name][0]
    expected = exact(network, X, Y, trained)
    assert_close(empirical_ntk(network, X, Y, trained), expected)
    everything = exact(network, X, Y, "all")
    assert float(jnp.max(jnp.abs(expected - everything))) > 1e-3 * float(jnp.max(jnp.abs(everything)))


def test_weights_and_biases_chosen_layer_by_layer():
    network = NETWORKS["mlp"][0]
    chosen = ((False, True, False), (True, False, False))
    flags = jax.tree.leaves(trainable(network, chosen))
    assert flags == [False, True, True, False, False, False]
    assert_close(empirical_ntk(network, X, Y, chosen), exact(network, X, Y, chosen))


def test_symmetric_diagonal_and_traced_kernels_are_parts_of_the_full_one():
    network = NETWORKS["mlp"][0]
    full = exact(network, X, X, "all")
    assert_close(empirical_ntk(network, X), full)
    assert_close(ntk_diagonal(network, X), jnp.stack([full[i, i] for i in range(len(X))]))
    for method in ("structured", "vector-products"):
        assert_close(empirical_ntk(network, X, trace=True, method=method), jnp.einsum("nmaa->nm", full) / 3)


@pytest.mark.parametrize(("name", "block"), [("mlp", None), ("mlp", 3), slow("used thrice", None), ("used thrice", 1)])
def test_operator_is_the_dense_kernel(name, block):
    network = NETWORKS[name][0]
    operator = ntk_operator(network, X, block=block)
    v = jax.random.normal(KEY, (len(X), *network(X[0]).shape))
    full = exact(network, X, X, "all")
    axes = list(range(v.ndim - 1))
    # Θ has the axes (n, m, *out, *out); the second of each pair is summed over.
    expected = jnp.tensordot(full, v, axes=([1, *[2 + len(axes) + a for a in axes]], list(range(v.ndim))))
    assert_close(operator.apply(v), expected)
    if block is None:
        assert_close(operator.dense(), full)
        assert float(jnp.vdot(v, operator.apply(v))) > 0


def test_last_layer_of_a_mlp_has_the_features_as_kernel():
    network = NETWORKS["mlp"][0]

    def features(x):
        return jnp.tanh(network.layers[1](jnp.tanh(network.layers[0](x))))

    h, k = jax.vmap(features)(X), jax.vmap(features)(Y)
    expected = 1.2**2 * h @ k.T / 5 + 0.3**2
    assert_close(empirical_ntk(network, X, Y, "last-layer"), expected[..., None, None] * jnp.eye(3))


@pytest.mark.slow
def test_wide_network_has_the_kernel_of_the_limit():
    deviations = {"sigma_w": (1.1, 1.4, 0.9), "sigma_b": (0.3, 0.2, 0.4)}
    network = MLP(KEY, (2, 1024, 1024, 1), "erf", **deviations)
    for trained in ("all", "last-layer"):
        limit = FullyConnected(["erf", "erf"], **deviations, trained=trained).matrix(X, Y)
        found = empirical_ntk(network, X, Y, trained)[..., 0, 0]
        assert float(jnp.linalg.norm(found - limit) / jnp.linalg.norm(limit)) < 0.06


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda net: empirical_ntk(net, X[0]), "in rows"),
        (lambda net: empirical_ntk(net, X[:0]), "n at least 1"),
        (lambda net: empirical_ntk(net, X, jnp.ones((2, 3))), "Give both the same"),
        (lambda net: empirical_ntk(net, X, method="quick"), "`method` must be one of auto"),
        (lambda net: empirical_ntk(net, X, trained="last"), "must be one of all, last-layer"),
        (lambda net: empirical_ntk(net, X, trained=lambda leaf: leaf.ndim == 7), "chooses no parameter"),
        (lambda net: empirical_ntk(net, X, trained=((True,), (True,))), "two tuples of 3 booleans"),
        (lambda net: empirical_ntk(lambda x: (x, x), X), "must return one real array"),
        (lambda net: ntk_operator(net, X).apply(jnp.ones((4, 2))), "at every point"),
        (lambda net: ntk_operator(net, X, block=0), "`block` must be at least 1"),
        (lambda net: trainable(eqx.nn.Linear(2, 2, key=KEY), "last-layer"), "its last layer is not known"),
        (lambda net: MLP(KEY, (2,)), "`sizes` must be"),
        (lambda net: MLP(KEY, (2, 3, 3, 1), jnp.tanh, (1.0, 2.0)), "one for each layer"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(call, words):
    with pytest.raises(ArgumentError, match=words):
        call(NETWORKS["mlp"][0])


def test_filter_of_a_wrapper_trains_its_network_alone():
    class Wrapper(eqx.Module):
        trains_network_alone: ClassVar[bool] = True

        network: MLP
        start: MLP

    network = NETWORKS["mlp"][0]
    chosen = trainable(Wrapper(network, network), "all")
    assert all(jax.tree.leaves(chosen.network))
    assert not any(jax.tree.leaves(chosen.start))
    assert trainable(network, trainable(network, "biases")).layers[0].bias is True


# -- networks of a user's own make, which look like known ones --------------------------------------------------------


class UnitRows(eqx.nn.Linear):
    """A linear layer with normalised rows: not affine in its weight."""

    def __call__(self, x, *, key=None):
        return self.weight / jnp.linalg.norm(self.weight, axis=1, keepdims=True) @ x + self.bias


class Stack(eqx.Module):
    layers: list

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


class SquaredAmplitudes(eqx.Module):
    amplitudes: jax.Array
    directions: jax.Array

    def features(self, x):
        return jnp.tanh(self.directions @ x)

    def __call__(self, x):
        return jnp.stack([self.amplitudes**2 @ self.features(x), self.amplitudes @ self.features(x)])


class Borrowed(eqx.Module):
    """The second layer is called once more, with the weight of the third."""

    a: eqx.nn.Linear
    b: eqx.nn.Linear
    c: eqx.nn.Linear

    def __call__(self, x):
        h = jnp.tanh(self.b(jnp.tanh(self.a(x))))
        return self.c(h) + eqx.tree_at(lambda layer: layer.weight, self.b, self.c.weight)(h)


class Detuned(eqx.Module):
    """Random features called once more, with other phases."""

    net: PeriodicCosNet

    def __call__(self, x):
        return self.net(x) + eqx.tree_at(lambda net: net.phases, self.net, self.net.phases + 1.0)(x)


class Residual(eqx.Module):
    """A field called `network`, and parameters beside it."""

    network: MLP
    skip: eqx.nn.Linear

    def __call__(self, x):
        return self.network(x) + self.skip(x)


FOREIGN = {
    "unit rows": Stack([UnitRows(2, 4, key=KEY), jnp.tanh, linear(4, 2, 1), jnp.sin]),
    "squared amplitudes": SquaredAmplitudes(jnp.arange(1.0, 4.0), jax.random.normal(KEY, (3, 2))),
    "borrowed": Borrowed(linear(2, 4, 1), linear(4, 4, 2), linear(4, 4, 3)),
    "detuned": Detuned(PeriodicCosNet.sample(KEY, 5, 2, 0.8, outputs=2)),
    "residual": Residual(MLP(KEY, (2, 4, 3), jnp.tanh), linear(2, 3, 1)),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_networks_of_another_make_have_the_kernel_of_all_their_parameters(name):
    network = FOREIGN[name]
    weights, fixed = eqx.partition(network, eqx.is_inexact_array)

    @jax.jit
    @jax.vmap
    def jacobian(x):
        parts = jax.jacrev(lambda w: eqx.combine(w, fixed)(x))(weights)
        return jnp.concatenate([part.reshape(part.shape[0], -1) for part in jax.tree.leaves(parts)], axis=1)

    assert_close(empirical_ntk(network, X, Y), jnp.einsum("nap,mbp->nmab", jacobian(X), jacobian(Y)))


def test_words_on_networks_of_another_make():
    activations_last = FOREIGN["unit rows"]
    assert trainable(activations_last, "last-layer").layers[2].weight is True
    assert jax.tree.leaves(trainable(activations_last, "last-layer")).count(True) == 2
    no_bias = eqx.nn.MLP(2, 2, 4, 1, use_bias=False, use_final_bias=False, key=KEY)
    by_layer = trainable(no_bias, ((False, True), (True, True)))
    assert by_layer.layers[1].weight is True
    assert jax.tree.leaves(by_layer).count(True) == 1
    assert trainable(Separate((no_bias, no_bias)), "last-layer").networks[1].layers[1].weight is True
    residual = FOREIGN["residual"]
    assert jax.tree.leaves(trainable(residual, "biases")).count(True) == 3
    with pytest.raises(ArgumentError, match="its last layer is not known"):
        trainable(residual, "last-layer")


def test_a_function_of_a_leaf_reaches_what_trains_alone():
    network = NETWORKS["mlp"][0]
    metric = MetricNetwork(network, lambda x: jnp.eye(2))
    chosen = trainable(metric, lambda leaf: leaf.ndim == 2)
    assert [layer.weight for layer in chosen.network.layers] == [True] * 3
    assert not any(jax.tree.leaves(chosen.start))
