r"""Structured derivatives: what a network feeds into its affine layers, and what it sends back through them.

A layer $z = s_wWh + s_bb$ has $\partial f_a/\partial W_{oi} = s_w\,\delta_{ao}h_i$ with the back-propagated signal
$\delta_{ao} = \partial f_a/\partial z_o$, hence it adds

$$\Theta_{ab}(x,x') \mathrel{+}= \big(\delta_a(x)\cdot\delta_b(x')\big)\,\big(s_w^2\,h(x)\cdot h(x') + s_b^2\big)$$

to the tangent kernel, a sum over all pairs of uses if the network uses the layer more than once. The signals take
$N$ numbers where the Jacobian takes $N^2$. Parameters outside such layers keep their Jacobian.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from geomflow.networks.mlp import Dense
from geomflow.networks.random_features import RandomFeatureNet

try:
    from jax.extend.core import get_opaque_trace_state
except ImportError:  # where it stood before
    from jax.core import get_opaque_trace_state


@dataclasses.dataclass(frozen=True)
class Affine:
    r"""How a node of a network is affine in its parameters: $z = s_w W h(x) + s_b b$.

    Args:
        weight, bias: the names of the fields W and b; None where there is no b.
        scales: $(s_w, s_b)$.
        inputs: h, as a function of the node and of what it is called with.
    """

    weight: str
    bias: str | None
    scales: tuple[float, float]
    inputs: Callable[[Any, Array], Array]


def affine(node: Any) -> Affine | None:
    r"""Return how a node is affine in its parameters: `Dense`, `eqx.nn.Linear`, random features; None for the rest."""
    call = type(node).__call__ if callable(node) else None  # a subclass that is called in another way may not be affine
    if call is Dense.__call__:
        kind = Affine("weight", "bias", node.scales, _as_called)
    elif call is eqx.nn.Linear.__call__:
        kind = Affine("weight", "bias" if node.use_bias else None, (1.0, 1.0), _as_called)
    elif call is RandomFeatureNet.__call__:
        kind = Affine("amplitudes", None, (1.0, 0.0), _features)
    else:
        return None
    # Stacks of layers (for vmap or scan) and parameters that stand elsewhere (`eqx.nn.Shared`) keep their Jacobian.
    names = [name for name in (kind.weight, kind.bias) if name is not None]
    ranks = [getattr(getattr(node, name), "ndim", 0) for name in names]
    single = ranks[0] in ((1, 2) if kind.weight == "amplitudes" else (2,)) and ranks[1:] in ([], [1])
    return kind if single and all(eqx.is_inexact_array(getattr(node, name)) for name in names) else None


class Signals(eqx.Module):
    r"""The derivatives of a network's A outputs at one point (or, under vmap, at many).

    Attributes:
        layers: for every affine layer, for every use of it: (h, δ), of shapes (in,) and (A, out).
        rest: Jacobians by the other trained parameters, shapes (A, p).
        scales: $(s_w^2, s_b^2)$ of every layer, 0 for what does not train.
    """

    layers: list[list[tuple[Array, Array]]]
    rest: list[Array]
    scales: tuple[tuple[float, float], ...] = eqx.field(static=True)

    def contract(self, other: Signals) -> Float[Array, "A A"]:
        r"""Return $\Theta_{ab}$ between the points of two signals."""
        terms = [
            (delta @ epsilon.T) * (of_weight * (h @ k) + of_bias)
            for ours, theirs, (of_weight, of_bias) in zip(self.layers, other.layers, self.scales, strict=True)
            for h, delta in ours
            for k, epsilon in theirs
        ]
        terms += [left @ right.T for left, right in zip(self.rest, other.rest, strict=True)]
        return sum(terms[1:], terms[0])

    def contract_traced(self, other: Signals) -> Float[Array, ""]:
        r"""Return $\sum_a\Theta_{aa}/A$, without the other entries."""
        terms = [
            jnp.vdot(delta, epsilon) * (of_weight * (h @ k) + of_bias)
            for ours, theirs, (of_weight, of_bias) in zip(self.layers, other.layers, self.scales, strict=True)
            for h, delta in ours
            for k, epsilon in theirs
        ]
        terms += [jnp.vdot(left, right) for left, right in zip(self.rest, other.rest, strict=True)]
        outputs = (self.rest or [delta for uses in self.layers for _, delta in uses])[0].shape[0]
        return sum(terms[1:], terms[0]) / outputs


class Tapped:
    r"""A network whose affine layers can be listened to.

    Args:
        network: any pytree that can be called with one point.
        trained: a filter from `geomflow.networks.trainable`.
        point: one point, or its shape.
        structured: False listens to nothing, and everything keeps its Jacobian.
    """

    def __init__(self, network: Any, trained: Any, point: Any, *, structured: bool = True):
        self.nodes, self.tree = jax.tree.flatten(network, is_leaf=_is_affine)
        self.flags = self.tree.flatten_up_to(trained)
        taps = [i for i, node in enumerate(self.nodes) if structured and _is_affine(node) and _trains(self, i)]
        self.shapes, deaf = _uses(self, taps, point)
        while deaf:  # what is called as itself from now on may read the parameters of another layer
            taps = [i for i in taps if i not in deaf]
            self.shapes, deaf = _uses(self, taps, point)
        self.taps = taps
        self.rest = [eqx.filter(node, self._outside(i)) for i, node in enumerate(self.nodes)]

    @property
    def scales(self) -> tuple[tuple[float, float], ...]:
        r"""$(s_w^2, s_b^2)$ of every layer that is listened to, 0 for what does not train."""
        return tuple(_squares(self.nodes[i], self.flags[i]) for i in self.taps)

    @property
    def unstructured(self) -> int:
        r"""How many trained parameters keep their Jacobian."""
        return sum(leaf.size for leaf in jax.tree.leaves(self.rest))

    def signals(self, x: Array) -> Signals:
        r"""Return the signals at one point, by one backward sweep for all outputs."""

        def output(shifts: Any, rest: Any) -> tuple[Array, Any]:
            nodes = [eqx.combine(part, node) for part, node in zip(rest, self.nodes, strict=True)]
            recorder = _Recorder({i: nodes[i] for i in self.taps}, shifts)
            return jnp.ravel(recorder.network(self, nodes)(x)), recorder.inputs

        shifts = [[jnp.zeros(shape.shape, shape.dtype) for shape in uses] for uses in self.shapes]
        (deltas, jacobians), inputs = jax.jacrev(output, argnums=(0, 1), has_aux=True)(shifts, self.rest)
        layers = [
            [(jnp.ravel(h), jnp.reshape(d, (d.shape[0], -1))) for h, d in zip(hs, ds, strict=True)]
            for hs, ds in zip(inputs, deltas, strict=True)
        ]
        rest = [jnp.reshape(j, (j.shape[0], -1)) for j in jax.tree.leaves(jacobians)]
        return Signals(layers, rest, self.scales)

    def _outside(self, i: int) -> Any:
        r"""Which leaves of a node train and are not listened to."""
        if i not in self.taps:
            return self.flags[i]
        kind = _kind(self.nodes[i])
        return eqx.tree_at(partial(_listened, kind), self.flags[i], replace_fn=lambda _: False)


class _Recorder:
    r"""One evaluation of a tapped network: adds a shift to the output of every use of a layer, and keeps its input."""

    def __init__(self, layers: dict[int, Any], shifts: Any = None):
        self.order = list(layers)
        self.tapped: dict[int, Any] = {}
        self.layers, self.shifts = layers, shifts
        self.inputs: list[list[Array]] = [[] for _ in layers]
        self.outputs: list[list[Array]] = [[] for _ in layers]
        self.deaf: set[int] = set()
        self.trace = _trace()

    def network(self, tapped: Tapped, nodes: list[Any]) -> Any:
        r"""Return the network of these nodes with its layers tapped."""
        self.tapped = {i: _with_tap(nodes[i], partial(self.use, i)) for i in self.layers}
        return jax.tree.unflatten(tapped.tree, [self.tapped.get(i, node) for i, node in enumerate(nodes)])

    def use(self, i: int, called: Any, x: Array, *arguments: Any, **options: Any) -> Array:
        r"""Call layer i, as itself and not through what stands in the tapped network."""
        k, node = self.order.index(i), self.layers[i]
        z = node(x, *arguments, **options)
        h = _kind(node).inputs(node, x)
        changed = not _same(called, self.tapped[i])  # the network gave it the parameters of another layer, say
        if _trace() != self.trace or h.ndim > 1 or changed:  # out of reach, or features of its own for every output
            self.deaf.add(i)
        use = len(self.inputs[k])
        self.inputs[k].append(h)
        self.outputs[k].append(z)
        return z if self.shifts is None else z + self.shifts[k][use]


def _uses(tapped: Tapped, taps: list[int], point: Any) -> tuple[list[list[Any]], set[int]]:
    r"""Return the shapes of the outputs of every use of the layers, and the layers that cannot be listened to.

    These are layers called inside a vmap, scan or jit of the network's own, and layers with which it does more than
    call them (transpose the weight, say): the tapped network holds decoys in place of their parameters, and meets one.
    """
    kinds = {i: _kind(tapped.nodes[i]) for i in taps}
    decoys = [_listened(kinds[i], tapped.nodes[i]) for i in taps]
    deaf: set[int] = set()

    def evaluate(decoys: Any, x: Any) -> Any:
        nodes = list(tapped.nodes)
        for i, decoy in zip(taps, decoys, strict=True):
            nodes[i] = eqx.tree_at(partial(_listened, kinds[i]), nodes[i], decoy)
        recorder = _Recorder({i: tapped.nodes[i] for i in taps})
        value = recorder.network(tapped, nodes)(x)
        deaf.update(recorder.deaf)
        return value, [[] if i in recorder.deaf else z for i, z in zip(taps, recorder.outputs, strict=True)]

    closed, (_, outputs) = jax.make_jaxpr(evaluate, return_shape=True)(decoys, point)
    read = {id(v) for v in closed.jaxpr.outvars} | {id(v) for equation in closed.jaxpr.eqns for v in equation.invars}
    owners = [i for i, decoy in zip(taps, decoys, strict=True) for _ in decoy]
    deaf.update(i for i, v in zip(owners, closed.jaxpr.invars, strict=False) if id(v) in read)
    return outputs, deaf


@cache
def _tapped_class(kind: type) -> type:
    class TappedLayer(kind):
        tap: Any = eqx.field(static=True, default=None)

        def __call__(self, x: Any, *arguments: Any, **options: Any) -> Any:
            return self.tap(self, x, *arguments, **options)

    return TappedLayer


def _with_tap(node: Any, tap: Callable[..., Array]) -> Any:
    # A subclass, so that a network which asks what its layers are gets the answer it got before.
    tapped = object.__new__(_tapped_class(type(node)))
    for field in dataclasses.fields(node):
        object.__setattr__(tapped, field.name, getattr(node, field.name))
    object.__setattr__(tapped, "tap", tap)
    return tapped


def _same(one: Any, other: Any) -> bool:
    r"""Whether two nodes hold the very same arrays."""
    (ours, structure), (theirs, its) = jax.tree.flatten(one), jax.tree.flatten(other)
    return structure == its and all(a is b for a, b in zip(ours, theirs, strict=True))


def _listened(kind: Affine, node: Any) -> tuple[Any, ...]:
    return tuple(getattr(node, name) for name in (kind.weight, kind.bias) if name is not None)


def _kind(node: Any) -> Affine:
    kind = affine(node)
    assert kind is not None  # only nodes that are affine are tapped
    return kind


def _is_affine(node: Any) -> bool:
    return affine(node) is not None


def _trains(tapped: Tapped, i: int) -> bool:
    return any(_listened(_kind(tapped.nodes[i]), tapped.flags[i]))


def _squares(node: Any, flags: Any) -> tuple[float, float]:
    kind = _kind(node)
    of_weight, of_bias = kind.scales
    bias = kind.bias is not None and getattr(flags, kind.bias)
    return of_weight**2 * getattr(flags, kind.weight), of_bias**2 * bias


def _trace() -> Any:
    r"""Return what identifies the innermost transformation (vmap, jit, ...) that is being traced."""
    return get_opaque_trace_state(convention="geomflow")


def _as_called(node: Any, x: Array) -> Array:
    return x


def _features(node: Any, x: Array) -> Array:
    return node.features(x)
