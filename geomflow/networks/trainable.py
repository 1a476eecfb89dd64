r"""Which parameters of a network train: filters for `eqx.partition`, in the words of `FullyConnected`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
from jax.tree_util import GetAttrKey, SequenceKey

from geomflow.core.errors import ArgumentError

WORDS = ("all", "last-layer", "weights", "biases")
# Leaves of these names are biases; every other parameter is a weight.
_BIASES = ("bias", "phases")

Trained = str | Callable[[Any], bool] | Any


def trainable(network: Any, trained: Trained = "all") -> Any:
    r"""Return a pytree of booleans like the network: which of its leaves train.

    Args:
        network: any pytree of arrays that can be called. A metric made of a network trains its field `network` alone,
            and so does every class that says `trains_network_alone = True`.
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
        chosen = _by_function(network, trained)
    else:
        chosen = _by_layer(network, trained)
    if not any(jax.tree.leaves(chosen)):
        raise ArgumentError(f"The filter `trained={trained!r}` chooses no parameter of {type(network).__name__}.")
    return chosen


def _by_function(network: Any, function: Callable[[Any], Any]) -> Any:
    inside = _inside(network)
    if inside is not None:
        return _only(network, _by_function(inside, function))
    return jax.tree.map(lambda leaf: eqx.is_inexact_array(leaf) and bool(function(leaf)), network)


def _by_word(network: Any, word: str) -> Any:
    inside = _inside(network)
    if inside is not None:
        return _only(network, _by_word(inside, word))
    last = _last_layers(network) if word == "last-layer" else ()

    def chosen(path: Any, leaf: Any) -> bool:
        bias = getattr(path[-1], "name", None) in _BIASES if path else False
        in_last = any(path[: len(layer)] == layer for layer in last)
        known = {"all": True, "last-layer": in_last, "weights": not bias, "biases": bias}
        return eqx.is_inexact_array(leaf) and known[word]

    return jax.tree_util.tree_map_with_path(chosen, network)


def _inside(network: Any) -> Any:
    r"""The network in the field `network` if it alone trains: it holds all parameters, or the class says so."""
    inside = getattr(network, "network", None)
    if inside is None or getattr(network, "trains_network_alone", False):
        return inside
    held = [len(jax.tree.leaves(eqx.filter(tree, eqx.is_inexact_array))) for tree in (network, inside)]
    return inside if held[0] == held[1] else None


def _only(network: Any, inside: Any) -> Any:
    nothing = jax.tree.map(lambda leaf: False, network)
    return eqx.tree_at(lambda tree: tree.network, nothing, inside, is_leaf=_is_none)


def _last_layers(network: Any) -> tuple[tuple[Any, ...], ...]:
    r"""Return where the last layer stands, or those of networks side by side: paths from the root of the pytree."""
    if hasattr(network, "amplitudes"):
        return ((GetAttrKey("amplitudes"),),)
    if hasattr(network, "networks"):
        own = [[(SequenceKey(k), *path) for path in _last_layers(one)] for k, one in enumerate(network.networks)]
        return tuple((GetAttrKey("networks"), *path) for paths in own for path in paths)
    layers = getattr(network, "layers", ())
    for k in reversed(range(len(layers) if isinstance(layers, list | tuple) else 0)):
        if any(map(eqx.is_inexact_array, jax.tree.leaves(layers[k]))):  # activations may be layers as well
            return ((GetAttrKey("layers"), SequenceKey(k)),)
    raise ArgumentError(
        f"{type(network).__name__} has neither `amplitudes` nor `layers`, so that its last layer is not known. "
        "Try `trained` as a function of a leaf, or as a pytree of booleans."
    )


def _by_layer(network: Any, trained: Any) -> Any:
    inside = _inside(network)
    layers = getattr(network if inside is None else inside, "layers", ())
    layers = layers if isinstance(layers, list | tuple) else ()
    if not isinstance(trained, tuple) or [len(part) for part in trained] != [len(layers)] * 2:
        raise ArgumentError(
            "Argument `trained` must be a word, a function of a leaf, a pytree of booleans like the network, or two "
            f"tuples of {len(layers)} booleans, for weights and biases of its layers, but it was {trained!r}."
        )
    root = (GetAttrKey("layers"),) if inside is None else (GetAttrKey("network"), GetAttrKey("layers"))
    flags = {
        (*root, SequenceKey(k), GetAttrKey(name)): bool(part[k])
        for name, part in zip(("weight", "bias"), trained, strict=True)
        for k in range(len(layers))
    }
    return jax.tree_util.tree_map_with_path(
        lambda path, leaf: eqx.is_inexact_array(leaf) and flags.get(path, False), network
    )


def _is_none(leaf: Any) -> bool:
    return leaf is None
