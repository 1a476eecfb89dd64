"""jit == eager for every numeric kernel, at more points than the 16384 beyond which one release of JAX was wrong.

(See DESIGN.md, section 6: jax 0.10.2 on CPU returns one wrong entry out of 16385, silently.)
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geomflow.flows.torus.generate import programs
from geomflow.geometry.packed import pack, unpack
from geomflow.geometry.schroedinger import lowest_eigenpair
from geomflow.geometry.torus import Torus
from geomflow.kernels.operator import symbol_program
from geomflow.metrics import METRICS
from geomflow.networks.metric_ntk import kernel_velocity

POINTS = 16385
PROGRAMS = [(dim, name) for dim in (2, 3) for name in programs(dim)]


def shape_of(symbols):
    return (len(symbols), *shape_of(symbols[0])) if isinstance(symbols, tuple) else ()


def random_arguments(program, dim, points):
    """Random jets of shape (*components, points); the argument `g` is positive definite."""
    rng = np.random.default_rng(0)
    arguments = [jnp.asarray(0.3 * rng.normal(size=(*shape_of(a.symbols), points))) for a in program.arguments]
    if program.arguments[0].name == "g":
        root = jnp.asarray(0.3 * rng.normal(size=(points, dim, dim))) + jnp.eye(dim)
        arguments[0] = pack(jnp.einsum("pij,pkj->pik", root, root) + 0.5 * jnp.eye(dim))
    return arguments


def assert_equal(value, expected, tolerance=1e-12):
    """Relative to the largest entry: single entries may cancel."""
    scale = float(jnp.max(jnp.abs(expected)))
    np.testing.assert_allclose(value, expected, rtol=tolerance, atol=tolerance * scale)


@pytest.mark.parametrize(("dim", "name"), PROGRAMS)
def test_generated_programs(dim, name):
    program = programs(dim)[name]
    function, arguments = program.compile(), random_arguments(program, dim, POINTS)
    eager = function(*arguments)
    assert eager.shape == (len(program.outputs), POINTS)
    assert bool(jnp.all(jnp.isfinite(eager)))
    assert_equal(jax.jit(function)(*arguments), eager)
    assert_equal(jax.jit(jax.vmap(function, in_axes=-1, out_axes=-1))(*arguments), eager)
    few = [a[..., :3] for a in arguments]
    loop = jnp.stack([function(*(a[..., p] for a in few)) for p in range(3)], axis=-1)
    assert_equal(loop, eager[:, :3])


@pytest.mark.parametrize("name", METRICS)
def test_metrics(name):
    metric = METRICS[name]
    function = metric.program().compile()
    points = jnp.asarray(np.random.default_rng(1).uniform(0, 2 * np.pi, (metric.dim, POINTS)))
    eager = function(points)
    assert_equal(jax.jit(function)(points), eager)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_kernel_symbol(dim):
    function = symbol_program(dim).compile()
    k = jnp.asarray(np.random.default_rng(2).integers(-9, 9, (dim, POINTS)), float)
    assert_equal(jax.jit(function)(k, jnp.asarray(0.3)), function(k, jnp.asarray(0.3)))


OPERATORS = {
    "gradient": lambda torus, f: torus.gradient(f),
    "divergence": lambda torus, f: torus.divergence(jnp.stack([f * (k + 1) for k in range(torus.dim)])),
    "first jets": lambda torus, f: torus.jets(f)[0],
    "second jets": lambda torus, f: torus.jets(f)[1],
    "laplacian": lambda torus, f: torus.flat_laplacian(f),
    "dealias": lambda torus, f: torus.dealias(f),
    "integrate": lambda torus, f: torus.integrate(f),
    "norm": lambda torus, f: torus.norm(f),
    "evaluate": lambda torus, f: torus.evaluate(f, torus.points[(slice(None), *[slice(0, 3)] * torus.dim)] + 0.1),
}


# both above 16384 points
@pytest.mark.parametrize("torus", [Torus(2, 130), pytest.param(Torus(3, 26), marks=pytest.mark.slow)], ids=["T2", "T3"])
@pytest.mark.parametrize("name", OPERATORS)
def test_torus_operators(torus, name):
    fields = jnp.asarray(np.random.default_rng(3).normal(size=(2, *torus.shape)))
    operator = lambda f: OPERATORS[name](torus, f)  # noqa: E731
    loop = jnp.stack([operator(f) for f in fields])
    assert_equal(jax.jit(jax.vmap(operator))(fields), loop)


@pytest.mark.parametrize("dim", [2, 3])
def test_packing(dim):
    packed = jnp.asarray(np.random.default_rng(4).normal(size=(dim * (dim + 1) // 2, POINTS)))
    np.testing.assert_array_equal(jax.jit(unpack)(packed), unpack(packed))
    np.testing.assert_array_equal(jax.jit(lambda p: pack(unpack(p)))(packed), packed)


def test_lowest_eigenpair():
    torus = Torus(2, 8)
    x, y = torus.points
    one = jnp.ones(torus.shape)
    potentials = jnp.stack([jnp.cos(x), jnp.sin(x - y)])
    conductivity, weight = jnp.stack([one, 0.2 * jnp.sin(x), 1 + 0.1 * jnp.cos(y)]), 1 + 0.3 * jnp.sin(y)
    jitted = [lowest_eigenpair(torus, conductivity, v, weight) for v in potentials]
    batched = jax.vmap(lambda v: lowest_eigenpair(torus, conductivity, v, weight))(potentials)
    for one_by_one, value, function in zip(jitted, batched.value, batched.function):
        assert float(one_by_one.value) == pytest.approx(float(value), rel=1e-11)
        assert_equal(function, one_by_one.function, 1e-10)


@pytest.mark.slow
def test_lowest_eigenpair_without_any_compilation():
    torus = Torus(1, 8)
    arguments = jnp.ones((1, 8)), 0.3 * jnp.cos(torus.points[0]), 1 + 0.3 * jnp.sin(torus.points[0])
    jitted = lowest_eigenpair(torus, *arguments)
    with jax.disable_jit():
        eager = lowest_eigenpair(torus, *arguments)
    assert float(jitted.value) == pytest.approx(float(eager.value), rel=1e-11)
    assert_equal(jitted.function, eager.function, 1e-10)


def test_kernel_velocity():
    """The contraction of the metric-NTK at more than 16384 points."""
    rng = np.random.default_rng(5)
    jacobian = jnp.asarray(rng.normal(size=(POINTS, 3, 3, 6)))
    source = jnp.asarray(rng.normal(size=(POINTS, 3, 3)))

    def smooth(u):
        return 0.5 * (u + jnp.roll(u, 1, axis=0))

    eager = kernel_velocity(jacobian, smooth, source)
    assert_equal(jax.jit(lambda j, s: kernel_velocity(j, smooth, s))(jacobian, source), eager)
    local = jax.jit(jax.vmap(lambda j, s: kernel_velocity(j, lambda u: u, s)))(jacobian, source)
    assert_equal(local, kernel_velocity(jacobian, lambda u: u, source))
