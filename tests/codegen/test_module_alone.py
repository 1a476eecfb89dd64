"""The text of a module in an interpreter with neither geomflow nor SymPy: float32, derivatives, several devices."""

import os
import subprocess
import sys

import pytest
import sympy as sp

from geomflow.codegen.program import Argument, Program

X, Y, A = sp.symbols("x y a")
ARGUMENTS = [Argument("p", (X, Y)), Argument("a", A)]
OUTPUTS = [sp.erf(X * A) + sp.sqrt(Y) / X, sp.exp(-X * Y) * A**2 * 3000000000, sp.Integer(3), X]

SCRIPT = """
import sys
sys.modules.update(geomflow=None, sympy=None)  # any import of them fails
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P

space = {}
exec(compile(sys.stdin.read(), "module", "exec"), space)
f = space["f"]


def plain(p, a):
    x, y = p
    rows = jax.scipy.special.erf(x * a) + jnp.sqrt(y) / x, jnp.exp(-x * y) * a**2 * 3e9, 3 + 0 * x, x + 0 * a
    return jnp.stack(jnp.broadcast_arrays(*rows))


def loss(g):
    return lambda p, a: jnp.sum(jnp.cos(g(p, a) / jnp.asarray([1, 3e9, 1, 1]).reshape(4, *(1,) * (p.ndim - 1))))


def close(ours, theirs, tol):
    for u, v in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        assert u.dtype == v.dtype and u.shape == v.shape, (u.dtype, v.dtype)
        u, v = np.asarray(u), np.asarray(v)
        np.testing.assert_allclose(u, v, rtol=tol, atol=tol * np.abs(v).max(initial=1.0))


def everything(tol):
    p = jnp.asarray(np.random.default_rng(0).uniform(0.5, 2, (2, 8 * 200)))
    a = jnp.asarray(1.3)
    close(f(p, a), plain(p, a), tol)
    close(f(p, 2), plain(p, 2.0), tol)
    close(jax.jvp(f, (p, a), (p, a)), jax.jvp(plain, (p, a), (p, a)), 4 * tol)
    close(jax.grad(loss(f), (0, 1))(p, a), jax.grad(loss(plain), (0, 1))(p, a), 100 * tol)
    close(jax.vmap(f, (1, None))(p, a), jax.vmap(plain, (1, None))(p, a), tol)
    close(jax.vmap(jax.grad(loss(f), (0, 1)), (1, None))(p, a),
          jax.vmap(jax.grad(loss(plain), (0, 1)), (1, None))(p, a), 10 * tol)


assert f(jnp.ones((2, 3)), 1).dtype == jnp.float32
everything(1e-6)
jax.config.update("jax_enable_x64", True)
everything(1e-14)

assert jax.device_count() == 8
p = jnp.asarray(np.random.default_rng(0).uniform(0.5, 2, (2, 8 * 1500)))
a = jnp.asarray(1.3)
mesh = jax.make_mesh((8,), ("b",), axis_types=(AxisType.Auto,))
split = jax.device_put(p, NamedSharding(mesh, P(None, "b")))
spec = dict(mesh=mesh, in_specs=(P(None, "b"), P()))
found = jax.jit(jax.shard_map(f, **spec, out_specs=P(None, "b")))(split, a)
assert len(found.sharding.device_set) == 8 and found.sharding.shard_shape(found.shape) == (4, 1500)
np.testing.assert_array_equal(np.asarray(found), np.asarray(f(p, a)))
for g in (f, plain):
    total = jax.shard_map(lambda p, a: jax.lax.psum(loss(g)(p, a), "b"), **spec, out_specs=P())
    close(jax.jit(jax.grad(total, (0, 1)))(split, a), jax.grad(loss(plain), (0, 1))(p, a), 1e-12)
# the gradient inside: the shared parameter's is summed over the devices
inner = jax.shard_map(jax.grad(loss(f), (0, 1)), **spec, out_specs=(P(None, "b"), P()))
close(jax.jit(inner)(split, a), jax.grad(loss(plain), (0, 1))(p, a), 1e-12)
twice = jax.shard_map(lambda p, a: jax.jvp(jax.grad(loss(f)), (p, a), (p, a))[1], **spec, out_specs=P(None, "b"))
close(jax.jit(twice)(split, a), jax.jvp(jax.grad(loss(plain)), (p, a), (p, a))[1], 1e-11)
close(jax.jit(f)(split, a), plain(p, a), 1e-14)  # without shard_map: right, if not faster
assert not {m.split(".")[0] for m, module in sys.modules.items() if module} & {"geomflow", "sympy"}
print("done")
"""


def run(derivatives):
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=8", "JAX_PLATFORMS": "cpu"}
    program = Program("f", ARGUMENTS, OUTPUTS, derivatives=derivatives)
    process = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning", "-c", SCRIPT],
        input=program.module,
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert process.stdout == "done\n", process.stderr[-3000:]


def test_a_module_alone_on_eight_devices():
    run(derivatives=True)


@pytest.mark.slow
def test_a_module_without_rules_alone_on_eight_devices():
    run(derivatives=False)
