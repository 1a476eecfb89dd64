r"""What a generated function runs on: evaluation point by point in chunks, and derivative rules. It needs JAX alone.

This file is copied into the modules that `geomflow generate` writes.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

#: Points at a time on a CPU: what is in between stays in its caches.
CHUNK = 1024


@dataclass(eq=False)
class Tape:
    r"""A straight-line program that acts on every point alike.

    Args:
        body: `body(*arguments, keep)` on nested lists of component arrays; returns one list of components per output.
        arguments: the component axes of each argument; the batch axes follow them.
        outputs: the component axes of each output.
        linear: the arguments from this one on are tangents or cotangents, in which the outputs are linear.
        forward: a body for the tangent: arguments, then all their tangents.
        backward: a body for its transpose: arguments, then the cotangents of the outputs.
        complex: whether the outputs can be complex where the arguments are real.
    """

    body: Callable[..., Any]
    arguments: tuple[tuple[int, ...], ...]
    outputs: tuple[tuple[int, ...], ...]
    linear: int | None = None
    forward: Callable[..., Any] | None = None
    backward: Callable[..., Any] | None = None
    complex: bool = False
    made: dict[Any, Any] = field(default_factory=dict)

    def tangent(self, moving: tuple[int, ...]) -> Tape:
        r"""The tape of the change of the outputs with some arguments; linear in their tangents, which come last."""
        if moving not in self.made:
            count = len(self.arguments)
            every = moving == tuple(range(count))
            body = self.forward if self.forward is not None and every else _tangent_body(self, moving)
            dots = tuple(self.arguments[i] for i in moving)
            tape = Tape(body, (*self.arguments, *dots), self.outputs, count, complex=self.complex)
            if self.backward is not None:
                chosen = _chosen_body(self.backward, moving)
                pulled = Tape(chosen, (*self.arguments, *self.outputs), dots, count, complex=self.complex)
                tape.made["transposed"], pulled.made["transposed"] = pulled, tape
            self.made[moving] = tape
        return self.made[moving]

    @property
    def transposed(self) -> Tape:
        r"""The tape of the transpose of a linear one: the fixed arguments, then the cotangents of the outputs."""
        if "transposed" not in self.made:
            fixed, moving = self.arguments[: self.linear], self.arguments[self.linear :]
            tape = Tape(_pulled_body(self), (*fixed, *self.outputs), moving, self.linear, complex=self.complex)
            tape.made["transposed"], self.made["transposed"] = self, tape
        return self.made["transposed"]

    @functools.cached_property
    def compiled(self) -> Callable[..., Any]:
        r"""What runs outside of `jit`."""
        return jax.jit(functools.partial(_pointwise.bind, tape=self))


def pointwise(
    arguments: tuple[tuple[int, ...], ...],
    components: int,
    forward: Callable[..., Any] | None = None,
    backward: Callable[..., Any] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    r"""Make a straight-line body a function of arrays `(*components, *batch)`, to `jit`, `vmap`, `jvp` and `grad`.

    On a CPU it runs in chunks of `CHUNK` points, each component a contiguous vector, also under `vmap`. Derivatives go
    by the bodies `forward` and `backward` where they are given, and point by point in any case.
    """

    def decorate(body: Callable[..., Any]) -> Callable[..., Any]:
        # numbers like 1j are what makes something complex of real arguments
        imaginary = any(isinstance(c, complex) for c in body.__code__.co_consts)
        tape = Tape(body, arguments, ((components,),), None, forward, backward, imaginary)
        parameters = inspect.signature(body).parameters
        signature = inspect.Signature([p for name, p in parameters.items() if name != "keep"])

        @functools.wraps(body)
        def function(*values: Any, **named: Any) -> Any:
            arrays = [jnp.asarray(v) for v in signature.bind(*values, **named).args]
            for array, shape in zip(arrays, arguments):
                if array.shape[: len(shape)] != shape:
                    raise TypeError(
                        f"{body.__name__}() takes arrays whose first axes are {arguments}, the batch axes after them, "
                        f"but was given the shapes {tuple(a.shape for a in arrays)}."
                    )
            dtype = jnp.result_type(*arrays)
            dtype = dtype if jnp.issubdtype(dtype, jnp.inexact) else jnp.result_type(float)
            (value,) = _bound(tape, [a.astype(dtype) for a in arrays])
            return value

        function.__signature__ = signature  # pyright: ignore[reportAttributeAccessIssue]
        function.arguments = arguments  # pyright: ignore[reportAttributeAccessIssue]
        return function

    return decorate


# --- evaluation --------------------------------------------------------------------------------------------------


def _batch(arrays: Sequence[Any], tape: Tape) -> tuple[int, ...]:
    shapes = [a.shape[len(shape) :] for a, shape in zip(arrays, tape.arguments)]
    return jnp.broadcast_shapes(*shapes)  # pyright: ignore[reportReturnType]


def _dtype(arrays: Sequence[Any], tape: Tape) -> Any:
    dtype = jnp.result_type(*arrays)
    if not tape.complex or jnp.issubdtype(dtype, jnp.complexfloating):
        return dtype
    point = [_nested(s, lambda _, a=a: jax.ShapeDtypeStruct((), a.dtype)) for a, s in zip(arrays, tape.arguments)]
    shapes = jax.eval_shape(functools.partial(tape.body, keep=_open), *point)
    return jnp.result_type(dtype, *jax.tree.leaves(shapes))


def _evaluated(*arrays: Any, tape: Tape, chunked: bool) -> list[Any]:
    batch, dtype = _batch(arrays, tape), _dtype(arrays, tape)
    count = math.prod(batch)
    if not chunked or count <= CHUNK:
        return _stacked(tape, _direct(tape, arrays, _keep if chunked else _open), batch, dtype)
    fixed = [math.prod(a.shape[len(shape) :]) == 1 for a, shape in zip(arrays, tape.arguments)]
    flat = [
        a.reshape(-1) if same else jnp.broadcast_to(_spread(a, len(shape), len(batch)), (*shape, *batch)).reshape(-1)
        for a, shape, same in zip(arrays, tape.arguments, fixed)
    ]

    def chunk(i: Any, wholes: list[Any]) -> list[Any]:
        # the last chunk overlaps the one before it, so that one computation serves all
        start = jnp.minimum(i * CHUNK, count - CHUNK)

        def vector(array: Any, same: bool, place: int) -> Any:
            return array[place] if same else jax.lax.dynamic_slice_in_dim(array, place * count + start, CHUNK)

        read = [
            _nested(shape, functools.partial(vector, a, same)) for shape, a, same in zip(tape.arguments, flat, fixed)
        ]
        # ones, but only the running loop knows it; not one number, for which XLA would multiply by its reciprocal
        one = jnp.where(jnp.arange(CHUNK) + i >= 0, 1.0, 2.0)
        values = tape.body(*read, keep=functools.partial(_keep, one=one))
        return [_written(whole, group, start, count) for whole, group in zip(wholes, values, strict=True)]

    # like an argument, so that under `shard_map` it differs from device to device as the values do
    empty = [jnp.zeros_like(arrays[0], dtype, math.prod(shape) * count) for shape in tape.outputs]
    wholes = jax.lax.fori_loop(0, -(-count // CHUNK), chunk, empty)
    return [whole.reshape(*shape, *batch) for whole, shape in zip(wholes, tape.outputs)]


def _written(whole: Any, group: Sequence[Any], start: Any, count: int) -> Any:
    # one component at a time, in place: a block of them would be copied
    for place, value in enumerate(group):
        vector = jnp.broadcast_to(jnp.asarray(value, whole.dtype), (CHUNK,))
        whole = jax.lax.dynamic_update_slice_in_dim(whole, vector, place * count + start, axis=0)
    return whole


def _direct(tape: Tape, arrays: Sequence[Any], keep: Callable[..., Any]) -> Any:
    most = max(a.ndim - len(shape) for a, shape in zip(arrays, tape.arguments))
    read = []
    for a, shape in zip(arrays, tape.arguments):
        spread = _spread(a, len(shape), most)
        flat = spread.reshape(math.prod(shape), *spread.shape[len(shape) :])
        read.append(_nested(shape, flat.__getitem__))
    return tape.body(*read, keep=keep)


def _spread(array: Any, rank: int, most: int) -> Any:
    # as many batch axes as the others have, the missing ones on the left of its own
    missing = most - (array.ndim - rank)
    return array.reshape(*array.shape[:rank], *(1,) * missing, *array.shape[rank:])


def _nested(shape: tuple[int, ...], read: Callable[[int], Any], first: int = 0) -> Any:
    if not shape:
        return read(first)
    inner = math.prod(shape[1:])
    return [_nested(shape[1:], read, first + i * inner) for i in range(shape[0])]


def _stacked(tape: Tape, values: Any, batch: tuple[int, ...], dtype: Any) -> list[Any]:
    outputs = []
    for group, shape in zip(values, tape.outputs, strict=True):
        spread = [jnp.broadcast_to(jnp.asarray(v, dtype), batch) for v in group]
        outputs.append(jnp.stack(spread).reshape(*shape, *batch) if spread else jnp.zeros((*shape, *batch), dtype))
    return outputs


def _keep(*values: Any, one: Any = None) -> tuple[Any, ...]:
    r"""Compute these once: XLA on a CPU would compute them again for each value that needs them.

    It takes divisions for too expensive to repeat, and does not see that these are by 1.
    """
    one = jax.lax.optimization_barrier(jnp.ones(())) if one is None else one
    # by a real number, complex or not: 1 + 0i would make a NaN of what is infinite
    return tuple(v / one.astype(jnp.finfo(v.dtype).dtype) if isinstance(v, jax.Array) else v for v in values)


def _open(*values: Any) -> tuple[Any, ...]:
    return values


# --- derivatives of bodies -----------------------------------------------------------------------------------------


def _tangent_body(tape: Tape, moving: tuple[int, ...]) -> Callable[..., Any]:
    def body(*values: Any, keep: Any) -> Any:
        fixed, dots = list(values[: len(tape.arguments)]), values[len(tape.arguments) :]

        def of(*moved: Any) -> Any:
            for place, value in zip(moving, moved, strict=True):
                fixed[place] = value
            return _arrays(tape.body(*fixed, keep=keep), fixed)

        # a component may be the same at all points where its tangent is not
        first = [jax.tree.map(_spread_like, fixed[i], dot) for i, dot in zip(moving, dots, strict=True)]
        second = [jax.tree.map(_spread_like, dot, fixed[i]) for i, dot in zip(moving, dots, strict=True)]
        return jax.jvp(of, tuple(first), tuple(second))[1]

    return body


def _pulled_body(tape: Tape) -> Callable[..., Any]:
    def body(*values: Any, keep: Any) -> Any:
        fixed, bars = values[: tape.linear], [jax.tree.leaves(bar) for bar in values[tape.linear :]]
        batch = jnp.broadcast_shapes(*(jnp.shape(v) for v in jax.tree.leaves(values)))
        first = jax.tree.leaves(fixed)[0]

        def of(*moved: Any) -> Any:
            values = _arrays(tape.body(*fixed, *moved, keep=keep), fixed)
            return jax.tree.map(lambda v: jnp.broadcast_to(v, batch), values)

        shapes = tape.arguments[tape.linear :]
        zeros = [_nested(shape, lambda _: jnp.zeros_like(first, shape=batch)) for shape in shapes]
        value, pull = jax.vjp(of, *zeros)
        spread = jax.tree.map(lambda bar, v: _cast(jnp.broadcast_to(bar, batch), v.dtype), bars, value)
        return [jax.tree.leaves(x) for x in pull(spread)]

    return body


def _spread_like(value: Any, other: Any) -> Any:
    return jnp.broadcast_to(value, jnp.broadcast_shapes(jnp.shape(value), jnp.shape(other)))


def _chosen_body(backward: Callable[..., Any], moving: tuple[int, ...]) -> Callable[..., Any]:
    def body(*values: Any, keep: Any) -> Any:
        found = backward(*values, keep=keep)
        return [found[i] for i in moving]

    return body


def _arrays(values: Any, like: Any) -> Any:
    # the constants among the outputs as well
    first = jax.tree.leaves(like)[0]
    return [
        [v if isinstance(v, jax.Array) else jnp.full_like(first, v, jnp.result_type(v, first)) for v in group]
        for group in values
    ]


# --- the primitive -----------------------------------------------------------------------------------------------

_pointwise = Primitive("pointwise")
_pointwise.multiple_results = True


def _bound(tape: Tape, arrays: Sequence[Any]) -> Any:
    # under `shard_map` what is the same on all devices is marked as differing if another argument does: the transpose
    # of the mark is the sum over devices
    axes = [_varying(jax.typeof(a)) for a in arrays]
    every = frozenset[Any]().union(*axes)
    marked = [
        jax.lax.pcast(a, tuple(sorted(every - own)), to="varying") if every - own else a for a, own in zip(arrays, axes)
    ]
    return _pointwise.bind(*marked, tape=tape)


def _varying(aval: Any) -> frozenset[Any]:
    # JAX 0.10 renamed it
    kind = getattr(aval, "manual_axis_type", None)
    return aval.vma if kind is None else kind.varying


@_pointwise.def_impl
def _impl(*arrays: Any, tape: Tape) -> Any:
    if jax.config.jax_disable_jit:  # pyright: ignore[reportAttributeAccessIssue]
        return _evaluated(*arrays, tape=tape, chunked=False)
    return tape.compiled(*arrays)


@_pointwise.def_abstract_eval
def _abstract(*arrays: Any, tape: Tape) -> Any:
    batch, dtype = _batch(arrays, tape), _dtype(arrays, tape)
    return [arrays[0].update(shape=(*shape, *batch), dtype=dtype, weak_type=False) for shape in tape.outputs]


def _batched(arrays: Sequence[Any], axes: Sequence[Any], *, tape: Tape) -> Any:
    # the new axis becomes the last: components stay contiguous
    moved = [jnp.moveaxis(a, axis, -1) if axis is not None else a[..., None] for a, axis in zip(arrays, axes)]
    outputs = _bound(tape, moved)
    return outputs, [o.ndim - 1 for o in outputs]


def _jvp(primals: Sequence[Any], tangents: Sequence[Any], *, tape: Tape) -> Any:
    outputs = _bound(tape, primals)
    moving = tuple(i for i, t in enumerate(tangents) if type(t) is not ad.Zero)
    fixed = len(primals) if tape.linear is None else tape.linear
    changes = []
    if any(i >= fixed for i in moving):
        changes.append(_bound(tape, [*primals[:fixed], *(ad.instantiate_zeros(t) for t in tangents[fixed:])]))
    moving = tuple(i for i in moving if i < fixed)
    if moving:
        changes.append(_bound(tape.tangent(moving), [*primals, *(tangents[i] for i in moving)]))
    return outputs, changes[0] if len(changes) == 1 else [a + b for a, b in zip(*changes)]


def _transposed(cotangents: Sequence[Any], *arrays: Any, tape: Tape) -> Any:
    bars = [ad.instantiate_zeros(c) for c in cotangents]
    wanted = tuple(i for i, a in enumerate(arrays) if ad.is_undefined_primal(a))
    if tape.linear is None:  # a function that is linear as it stands
        at = [jnp.zeros(a.aval.shape, a.aval.dtype) if i in wanted else a for i, a in enumerate(arrays)]
        found = dict(zip(wanted, _bound(tape.tangent(wanted).transposed, [*at, *bars])))
    else:
        found = dict(enumerate(_bound(tape.transposed, [*arrays[: tape.linear], *bars]), tape.linear))
    return [
        _summed(found[i], a.aval, len(shape)) if i in wanted else None
        for i, (a, shape) in enumerate(zip(arrays, tape.arguments))
    ]


def _summed(bar: Any, aval: Any, rank: int) -> Any:
    # over the batch axes along which the argument was the same
    extra = bar.ndim - len(aval.shape)
    bar = jnp.sum(bar, axis=tuple(range(rank, rank + extra))) if extra else bar
    alike = tuple(i for i in range(rank, bar.ndim) if bar.shape[i] != aval.shape[i])
    bar = jnp.sum(bar, axis=alike, keepdims=True) if alike else bar
    return _cast(bar, aval.dtype)


def _cast(bar: Any, dtype: Any) -> Any:
    # the cotangent of what is real is real
    return (bar if jnp.issubdtype(dtype, jnp.complexfloating) else jnp.real(bar)).astype(dtype)


batching.primitive_batchers[_pointwise] = _batched
ad.primitive_jvps[_pointwise] = _jvp
ad.primitive_transposes[_pointwise] = _transposed
for _platform, _chunked in ((None, False), ("cpu", True)):
    _rule = functools.partial(_evaluated, chunked=_chunked)
    mlir.register_lowering(_pointwise, mlir.lower_fun(_rule, multiple_results=True), platform=_platform)
