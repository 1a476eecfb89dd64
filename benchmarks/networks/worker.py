"""One system at one width: `python worker.py NAME WIDTH`; every line on stdin is answered by one timed call.

The network is the same everywhere: erf, three hidden layers, NTK parametrisation, sigma_w = 1, sigma_b = .1, ten
inputs, one output, weights from one seed, float64.
"""

import itertools
import json
import os
import resource
import sys
import time

if "BENCH_CORES" in os.environ and hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {int(c) for c in os.environ["BENCH_CORES"].split(",")})

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import erf

jax.config.update("jax_enable_x64", True)

POINTS, INPUTS, SIGMA_B = 32, 10, 0.1


def parameters(width: int) -> list:
    """Weights and biases of every layer."""
    rng = np.random.default_rng(0)
    sizes = (INPUTS, width, width, width, 1)
    return [(rng.standard_normal((n, m)), rng.standard_normal(n)) for m, n in itertools.pairwise(sizes)]


def points():
    """The points."""
    return jnp.asarray(np.random.default_rng(1).standard_normal((POINTS, INPUTS)))


def geomflow(width: int, method: str):
    """This library, by one of its methods."""
    import equinox as eqx

    from geomflow.networks.empirical_ntk import empirical_ntk
    from geomflow.networks.mlp import MLP

    network = MLP(jax.random.key(0), (INPUTS, width, width, width, 1), erf, 1.0, SIGMA_B)
    drawn = [jnp.asarray(array) for layer in parameters(width) for array in layer]
    places = lambda net: [array for layer in net.layers for array in (layer.weight, layer.bias)]  # noqa: E731
    network, x = eqx.tree_at(places, network, drawn), points()
    return lambda: empirical_ntk(network, x, method=method)[..., 0, 0]


def forward(weights: list, x):
    """The same network without a library."""
    for i, (w, b) in enumerate(weights):
        z = x @ w.T / np.sqrt(w.shape[1]) + SIGMA_B * b
        x = erf(z) if i < len(weights) - 1 else z
    return x


def plain(width: int, method: str):
    """Jacobian contraction as one writes it down in JAX."""
    weights, x = jax.tree.map(jnp.asarray, parameters(width)), points()

    @jax.jit
    def theta(weights, x):
        jacobian = jax.vmap(jax.jacrev(lambda w, p: forward(w, p[None])[0, 0]), in_axes=(None, 0))(weights, x)
        flat = [j.reshape(POINTS, -1) for j in jax.tree.leaves(jacobian)]
        return sum(j @ j.T for j in flat)

    return lambda: theta(weights, x)


def neural_tangents(width: int, method: str):
    """The archived library, by its own name of the method."""
    import neural_tangents as nt

    weights, x = jax.tree.map(jnp.asarray, parameters(width)), points()
    way = {
        "jacobian": nt.NtkImplementation.JACOBIAN_CONTRACTION,
        "vector-products": nt.NtkImplementation.NTK_VECTOR_PRODUCTS,
        "structured": nt.NtkImplementation.STRUCTURED_DERIVATIVES,
    }[method]
    kernel = nt.empirical_ntk_fn(lambda w, x: forward(w, x), trace_axes=(-1,), vmap_axes=0, implementation=way)
    theta = jax.jit(lambda x, weights: kernel(x, None, weights))
    return lambda: theta(x, weights)


SYSTEMS = {"geomflow": geomflow, "jax": plain, "neural-tangents": neural_tangents}


def main() -> None:
    """Make the network, call once, then answer."""
    (system, method), width = sys.argv[1].split(" ", 1), int(sys.argv[2])
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    call = SYSTEMS[system](width, method)
    start = time.perf_counter()
    value = np.asarray(jax.block_until_ready(call()))
    first = time.perf_counter() - start
    out.write(json.dumps({"first": first, "jax": jax.__version__, "sample": value[:2, :2].tolist()}) + "\n")
    for _ in sys.stdin:
        cpu, wall = time.process_time(), time.perf_counter()
        jax.block_until_ready(call())
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        out.write(json.dumps({"cpu": cpu, "wall": wall, "peak_gb": peak}) + "\n")


if __name__ == "__main__":
    main()
