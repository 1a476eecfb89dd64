"""Generated functions under every transformation of JAX, against plain functions written by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp

from geomflow.codegen.program import Argument, Program
from geomflow.codegen.runtime import CHUNK

X, Y, A = sp.symbols("x y a")
ARGUMENTS = [Argument("p", (X, Y)), Argument("a", A)]
OUTPUTS = [sp.sin(X * A) + sp.sqrt(Y) / X, sp.exp(-X * Y) * A**2, sp.Integer(3), X]


def plain(p, a):
    x, y = p
    # NumPy where nothing is traced: it does not compile
    xp = np if isinstance(p, np.ndarray) else jnp
    rows = xp.sin(x * a) + xp.sqrt(y) / x, xp.exp(-x * y) * a**2, 3 + 0 * x, x + 0 * a
    return xp.stack(xp.broadcast_arrays(*rows))


@pytest.fixture(scope="module", params=[True, False], ids=["rules", "no rules"])
def f(request):
    return Program("f", ARGUMENTS, OUTPUTS, derivatives=request.param).compile()


def points(*batch, seed=0, dtype=float):
    return jnp.asarray(np.random.default_rng(seed).uniform(0.5, 2, batch), dtype)


def loss(function):
    return lambda p, a: jnp.sum(jnp.cos(function(p, a)))


def close(ours, theirs, tol=1e-13):
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=tol, atol=tol)


# --- values ------------------------------------------------------------------------------------------------------

BATCHES = [(), (1,), (0,), (CHUNK - 1,), (CHUNK,), (CHUNK + 1,), (3, CHUNK // 2), (2, 0, 3), (5, 1, CHUNK // 3)]


@pytest.mark.parametrize("batch", BATCHES, ids=str)
def test_every_batch(f, batch):
    p = np.array(points(2, *batch))
    for a in map(np.array, (points(), points(*batch), points(*batch[-1:]))):
        close(f(p, a), plain(p, a), 1e-15)
    # parameters with more axes than the points
    if batch and batch[0] in (1, 5):
        a = np.array(points(4, *batch))
        close(f(p, a), plain(p, a), 1e-15)


def test_chunks_are_the_whole_to_the_bit(f):
    p, a = points(2, 3 * CHUNK + 7), points(3 * CHUNK + 7)
    whole = f(p, a)
    for part in (slice(0, 40), slice(CHUNK - 3, CHUNK + 3), slice(3 * CHUNK - 9, None)):
        np.testing.assert_allclose(f(p[:, part], a[part]), whole[:, part], rtol=3e-16)


def test_jit_is_eager(f):
    for n in (7, 3 * CHUNK + 7):
        np.testing.assert_array_equal(jax.jit(f)(points(2, n), points(n)), f(points(2, n), points(n)))
    with jax.disable_jit():
        close(f(points(2, 7), points(7)), plain(points(2, 7), points(7)), 1e-15)
        close(jax.grad(loss(f), 1)(points(2, 7), points()), jax.grad(loss(plain), 1)(points(2, 7), points()))


def test_only_the_points_themselves_are_poisoned(f):
    p = np.array(points(2, 2 * CHUNK + 10))
    bad = [0, 17, CHUNK, 2 * CHUNK + 9]
    p[0, bad] = [np.nan, np.inf, -np.inf, 0]
    good = np.setdiff1d(np.arange(p.shape[1]), bad)
    for found in (f(jnp.asarray(p), points()), jax.vmap(jax.grad(loss(f)), (1, None), 1)(jnp.asarray(p), points())):
        assert np.all(np.isfinite(found[:, good]))
        assert not np.any(np.isfinite(found[:, bad]).all(axis=0))


def test_types():
    f = Program("f", ARGUMENTS, OUTPUTS).compile()
    single = points(2, 1100, dtype=jnp.float32)
    assert f(single, jnp.float32(1.5)).dtype == jnp.float32
    close(f(single, jnp.float32(1.5)), plain(single, jnp.float32(1.5)), 1e-6)
    assert f(single, 1.5).dtype == jnp.float32  # a Python number is no wider
    assert f(single, jnp.float64(1.5)).dtype == jnp.float64
    assert f(jnp.ones((2, 3), int), 2).dtype == jnp.float64
    close(f(jnp.ones((2, 3), int), 2), plain(jnp.ones((2, 3)), 2.0), 1e-15)
    assert f(single + 0.1j, 1.5).dtype == jnp.complex64
    close(f(points(2, 1100) + 0.1j, 1.5), plain(points(2, 1100) + 0.1j, 1.5), 1e-14)
    assert jax.grad(loss(f), 1)(single, jnp.float32(1.5)).dtype == jnp.float32


@pytest.mark.filterwarnings("error::DeprecationWarning")
def test_complex_derivatives():
    outputs = [X**2 * A + Y, sp.exp(X) * sp.I, sp.conjugate(X) * Y, sp.Abs(X), sp.re(X) * Y]

    def true(p, a):
        x, y = p
        return jnp.stack([x**2 * a + y, jnp.exp(x) * 1j, x.conj() * y, jnp.abs(x) + 0j, x.real * y])

    p, a = jnp.asarray([0.3 + 0.4j, 1 - 0.2j]), jnp.asarray(0.7 + 0.1j)
    t, c = (p * 1j + 0.2, a + 1), jnp.asarray([1, 2j, 1 + 1j, -0.5j, 3])
    for derivatives in (True, False):
        f = Program("f", ARGUMENTS, outputs, derivatives=derivatives).compile()
        both = [jax.jit(lambda g=g: (jax.jvp(g, (p, a), t), jax.vjp(g, p, a)[1](c)))() for g in (f, true)]
        close(*both, 1e-14)


def test_a_complex_value_of_real_arguments_has_real_gradients():
    f = Program("f", [Argument("x", X)], [sp.exp(sp.I * X) * X, X]).compile()
    true = lambda x: jnp.stack([jnp.exp(1j * x) * x, x + 0j])  # noqa: E731
    x = points(1100)
    close(f(x), true(x), 1e-14)
    real = lambda g: lambda x: jnp.sum(jnp.abs(g(x) + 1) ** 2)  # noqa: E731
    close(jax.grad(real(f))(x), jax.grad(real(true))(x), 1e-13)
    close(jax.jvp(f, (x,), (x,)), jax.jvp(true, (x,), (x,)), 1e-14)


# --- vmap --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axes", [(0, 0), (1, None), (None, 0), (2, 1), (-1, None)], ids=str)
def test_vmap_is_a_loop(f, axes):
    shapes = [(2, 5), (5,)] if axes[1] == 0 else [(2, 5), ()] if axes != (2, 1) else [(2, 5), (5,)]
    given = [np.array(points(*shape, seed=3)) for shape in shapes]
    stacked = [
        v if axis is None else np.stack([v * (1 + 0.1 * k) for k in range(4)], axis) for v, axis in zip(given, axes)
    ]
    each = [[v * (1 + 0.1 * k) if axis is not None else v for v, axis in zip(given, axes)] for k in range(4)]
    for out in (0, 1, -1):
        found = jax.vmap(f, axes, out)(*stacked)
        np.testing.assert_allclose(found, np.stack([f(*e) for e in each], out), rtol=3e-16)


def test_nested_vmaps(f):
    p, a = points(3, 2, 7), points(7)
    found = jax.vmap(jax.vmap(f, (1, 0)), (0, None))(p, a)
    assert found.shape == (3, 7, 4)
    np.testing.assert_allclose(found, np.moveaxis(plain(jnp.moveaxis(p, 1, 0), a), 0, -1), rtol=1e-15)
    large = points(40, 2, 30)
    found = jax.jit(jax.vmap(jax.vmap(f, (1, None)), (0, None)))(large, 1.3)
    np.testing.assert_allclose(found, np.moveaxis(plain(jnp.moveaxis(large, 1, 0), 1.3), 0, -1), rtol=1e-15)


# --- derivatives -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [3, 2 * CHUNK + 5])
def test_grad_of_a_batch(f, n):
    """The gradient of a parameter that all points share is summed over the batch."""
    p = points(2, n)
    for argnums, shape in ((0, ()), (1, ()), ((0, 1), (n,)), (1, (1,)), ((0, 1), (2, 1))):
        ours, theirs = (jax.jit(jax.grad(loss(g), argnums)) for g in (f, plain))
        close(ours(p, points(*shape)), theirs(p, points(*shape)), 1e-12)


def test_vmap_of_grad_and_grad_of_vmap(f):
    p, a = points(2, 1100), points()
    close(*(jax.jit(jax.vmap(jax.grad(loss(g), (0, 1)), (1, None)))(p, a) for g in (f, plain)))
    mapped = [lambda p, a, g=g: jnp.sum(jnp.cos(jax.vmap(g, (1, None), 1)(p, a))) for g in (f, plain)]
    close(*(jax.jit(jax.grad(g, (0, 1)))(p, a) for g in mapped), tol=1e-12)


def test_jvp_and_linearize(f):
    p, a = points(2, 1100), points()
    close(jax.jvp(f, (p, a), (p, a)), jax.jvp(plain, (p, a), (p, a)))
    for one in (lambda g: (lambda p: g(p, a), p), lambda g: (lambda a: g(p, a), a)):
        (ours, at), (theirs, _) = one(f), one(plain)
        close(jax.jvp(ours, (at,), (at,)), jax.jvp(theirs, (at,), (at,)))
    linear = jax.linearize(f, p, a)[1]
    close(linear(p, a), jax.jvp(plain, (p, a), (p, a))[1])
    bars = jnp.ones((4, 1100))
    close(jax.linear_transpose(linear, p, a)(bars), jax.vjp(plain, p, a)[1](bars), 1e-12)


def test_an_argument_that_does_not_move_does_no_harm(f):
    """At y = 0 the derivative by y is infinite, those by x and a are not."""
    split = Program("g", [Argument("x", X), Argument("y", Y)], [sp.sqrt(Y) + X**2])
    g = split.compile()
    assert jax.jvp(lambda x: g(x, jnp.asarray(0.0)), (jnp.asarray(3.0),), (jnp.asarray(1.0),))[1][0] == 6
    assert jax.grad(lambda x: g(x, jnp.asarray(0.0))[0])(3.0) == 6


MODES = {"forward": jax.jacfwd, "reverse": jax.jacrev}


@pytest.mark.parametrize("outer", MODES)
@pytest.mark.parametrize("inner", MODES)
def test_second_derivatives(f, outer, inner):
    ours, theirs = (jax.jit(MODES[outer](MODES[inner](g, (0, 1)), (0, 1)))(points(2), points()) for g in (f, plain))
    close(ours, theirs, 1e-12)


def test_second_derivatives_in_chunks(f):
    p, a = points(2, CHUNK + 40), points()
    summed = lambda g: lambda p, a: sum(jnp.sum(jnp.sin(d)) for d in jax.grad(loss(g), (0, 1))(p, a))  # noqa: E731
    close(*(jax.jit(jax.grad(summed(g), (0, 1)))(p, a) for g in (f, plain)), 1e-10)
    along = [jax.jit(lambda p, a, g=g: jax.jvp(jax.grad(loss(g), (0, 1)), (p, a), (p, a))) for g in (f, plain)]
    close(along[0](p, a), along[1](p, a), 1e-11)


def test_third_derivatives(f):
    third = [jax.jit(jax.jacfwd(jax.jacrev(jax.jacfwd(g, 1))))(points(2), points()) for g in (f, plain)]
    close(*third, 1e-11)


def test_the_transpose_of_a_linear_program():
    linear = Program("g", ARGUMENTS, [A * X - Y * A, 2 * X * A + Y * A]).compile()
    (found,) = jax.linear_transpose(lambda p: linear(p, jnp.asarray(1.3)), points(2, 5))(jnp.ones((2, 5)))
    np.testing.assert_allclose(found, np.outer([3 * 1.3, 0], np.ones(5)), rtol=1e-15)


# --- inside the other transformations ------------------------------------------------------------------------------


def test_inside_scan_cond_while_and_checkpoint(f):
    p, a = points(2, 1100), points()

    def run(g):
        def step(carry, _):
            value = g(carry, a)[jnp.asarray([0, 3])]
            changed = jax.lax.cond(jnp.sum(value) > 0, lambda v: 0.9 * v, lambda v: -v, value)
            return jnp.abs(changed) + 0.1, jnp.sum(changed)

        return lambda p: jnp.sum(jax.lax.scan(jax.checkpoint(step), p, None, length=3)[1])

    close(jax.jit(jax.value_and_grad(run(f)))(p), jax.jit(jax.value_and_grad(run(plain)))(p), 1e-11)
    loop = [jax.lax.fori_loop(0, 3, lambda _, q, g=g: jnp.abs(g(q, a)[:2]) + 0.2, p) for g in (f, plain)]
    close(*loop)


def test_donated_arguments(f):
    p = points(2, 3000)
    expected = np.array(plain(p, 1.3)[:2])
    run = jax.jit(lambda p, a: f(p, a)[:2], donate_argnums=0)
    np.testing.assert_allclose(run(p + 0, 1.3), expected, rtol=1e-15)


def test_empty_batches_have_derivatives(f):
    assert jax.grad(loss(f))(points(2, 0), points()).shape == (2, 0)
    assert jax.grad(loss(f), 1)(points(2, 0), points()) == 0


# --- arguments ---------------------------------------------------------------------------------------------------


def test_wrong_arguments_are_named(f):
    with pytest.raises(TypeError, match=r"f\(\) takes arrays whose first axes are .*\(3, 5\)"):
        f(jnp.ones((3, 5)), 1.0)
    with pytest.raises(TypeError, match="missing a required argument: 'a'"):
        f(jnp.ones((2, 5)))
    with pytest.raises(TypeError, match="too many positional arguments"):
        f(jnp.ones((2, 5)), 1.0, 2.0)
    with pytest.raises(ValueError, match="shapes"):
        f(jnp.ones((2, 5)), jnp.ones(4))
    with pytest.raises(TypeError, match="first axes"):
        f(1.0, 2.0)


def test_arguments_by_name_and_lists(f):
    np.testing.assert_array_equal(f(a=2.0, p=[1.0, 3.0]), f(jnp.asarray([1.0, 3.0]), 2.0))
