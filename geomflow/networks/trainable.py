r"""Which parameters of a network train: filters for `eqx.partition`, in the words of `FullyConnected`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax

from geomflow.core.errors import ArgumentError

WORDS = ("all", "last-layer", "weights", "biases")
# Leaves of these names are biases; every other parameter is a weight.
_BIASES = ("bias", "phases")

Trained = str | Callable[[Any], bool] | Any


def trainable(network: Any, trained: Trained = "all") -> Any:
    r"""Return a pytree of booleans like the network: which of its leaves train.

    Args:
        network: any pytree of arrays that can be called; one with a field `network` (a metric made of a network, say)
            trains that part alone.
        trained: "all" parameters; "last-layer", weights and biases of the last of `layers`, or the `amplitudes` of a
            random-feature network; "weights" without biases and phases; "biases" (and phases) alone; a function from a
            leaf to a boolean; two tuples of booleans, for the weights and for the biases of each of `layers`; or a
            pytree of booleans like the network.

    Returns:
        The filter, to be given to `eqx.partition(network, filter)`; leaves that are no floating-point arrays are False.

    Raises:
        ArgumentError: another word, a network that does not say what its last layer is, or a filter that chooses
            nothing.

    Good values: "last-layer" for a kernel that is exactly constant in training.
    """
    if isinstance(trained, str):
        if trained not in WORDS:
            raise ArgumentError(f"Argument `trained` must be one of {', '.join(WORDS)}, but it was {trained!r}.")
        chosen = _by_word(network, trained)
    elif jax.tree.structure(trained) == jax.tree.structure(network):  # a network of booleans is callable itself
        chosen = jax.tree.map(lambda leaf, flag: eqx.is_inexact_array(leaf) and bool(flag), network, trained)
    elif callable(trained):
        chosen = jax.tree.map(lambda leaf: eqx.is_inexact_array(leaf) and bool(trained(leaf)), network)
    else:
        chosen = _by_layer(network, trained)
    if not any(jax.tree.leaves(chosen)):
        raise ArgumentError(f"The filter `trained={trained!r}` chooses no parameter of {type(network).__name__}.")
    return chosen


def _by_word(network: Any, word: str) -> Any:
    nothing = jax.tree.map(lambda leaf: False, network)
    if hasattr(network, "network"):
        return eqx.tree_at(lambda tree: tree.network, nothing, _by_word(network.network, word), is_leaf=_is_none)
    if word == "last-layer":
        return eqx.tree_at(_last_layer, nothing, jax.tree.map(eqx.is_inexact_array, _last_layer(network)))
    if word == "all":
        return jax.tree.map(eqx.is_inexact_array, network)

    def kind(path: Any, leaf: Any) -> bool:
        bias = getattr(path[-1], "name", None) in _BIASES if path else False
        return eqx.is_inexact_array(leaf) and bias == (word == "biases")

    return jax.tree_util.tree_map_with_path(kind, network)


def _last_layer(network: Any) -> Any:
    if hasattr(network, "amplitudes"):
        return network.amplitudes
    if hasattr(network, "networks"):
        return tuple(_last_layer(one) for one in network.networks)
    if hasattr(network, "layers"):
        for layer in reversed(network.layers):  # the last one that holds parameters, or was one before it was filtered
            if jax.tree.leaves(layer):
                return layer
    raise ArgumentError(
        f"{type(network).__name__} has neither `amplitudes` nor `layers`, so that its last layer is not known. "
        "Try `trained` as a function of a leaf, or as a pytree of booleans."
    )


def _by_layer(network: Any, trained: Any) -> Any:
    layers = getattr(getattr(network, "network", network), "layers", ())
    if not isinstance(trained, tuple) or [len(part) for part in trained] != [len(layers)] * 2:
        raise ArgumentError(
            "Argument `trained` must be a word, a function of a leaf, a pytree of booleans like the network, or two "
            f"tuples of {len(layers)} booleans, for weights and biases of its layers, but it was {trained!r}."
        )
    nothing = jax.tree.map(lambda leaf: False, network)

    def places(tree: Any) -> list[Any]:
        own = getattr(tree, "network", tree)
        return [layer.weight for layer in own.layers] + [layer.bias for layer in own.layers]

    return eqx.tree_at(places, nothing, [bool(flag) for part in trained for flag in part])


def _is_none(leaf: Any) -> bool:
    return leaf is None
