"""The first call of a generated function: generation and XLA's compilation, for every space of the catalogue.

    python benchmarks/codegen/first_call.py                 # Ricci of every space; a table of the slowest
    python benchmarks/codegen/first_call.py --quantity riemann
    python benchmarks/codegen/first_call.py --general 2 3 4 5 6   # general metrics from jets, value and gradient

The cache on disk is off. Seconds are CPU seconds of this process.
"""

import argparse
import os
import time

os.environ["GEOMFLOW_CACHE"] = "off"

import jax
import jax.numpy as jnp
import numpy as np

from geomflow.codegen.generated import generate
from geomflow.codegen.jet_functions import jet_quantity
from geomflow.metrics import SPACES

jax.config.update("jax_enable_x64", True)
POINTS = 2048  # more than a chunk: what is compiled is what large arrays use


def space_row(name: str, quantity: str) -> tuple[float, float, float]:
    """CPU seconds of the exact metric, the generation, and the first call."""
    times = [time.process_time()]
    metric = SPACES[name].metric
    times.append(time.process_time())
    generated = generate(metric, quantity)
    times.append(time.process_time())
    values = {
        argument: jnp.full((*shape, POINTS), 1.5)
        for argument, shape in zip(generated.arguments, generated.components.arguments[1:], strict=True)
    }
    points = jnp.asarray(np.random.default_rng(0).uniform(0.4, 0.9, (metric.dim, POINTS)))
    jax.block_until_ready(generated.components(points, *values.values()))
    times.append(time.process_time())
    return tuple(np.diff(times))


def general_row(dim: int) -> tuple[float, float, float]:
    """CPU seconds of the generation with derivatives, the first value, and the first gradient."""
    times = [time.process_time()]
    function = jet_quantity("ricci", dim).compile()
    times.append(time.process_time())
    rng = np.random.default_rng(0)
    jets = [jnp.asarray(rng.normal(size=(*shape, POINTS))) for shape in function.arguments]
    jax.block_until_ready(jax.jit(function)(*jets))
    times.append(time.process_time())
    jax.block_until_ready(jax.jit(jax.grad(lambda j: jnp.sum(function(*j))))(jets))
    times.append(time.process_time())
    return tuple(np.diff(times))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quantity", default="ricci")
    parser.add_argument("--general", type=int, nargs="*", default=[])
    asked = parser.parse_args()
    if asked.general:
        print("| general metric, n | generation with derivatives | value | gradient |\n| --- | --- | --- | --- |")
        for dim in asked.general:
            print(f"| {dim} | " + " | ".join(f"{s:.2f}" for s in general_row(dim)) + " |", flush=True)
        return
    rows = {name: space_row(name, asked.quantity) for name in SPACES}
    print(f"{asked.quantity} of {len(rows)} spaces, CPU seconds; the ten slowest:\n")
    print("| space | exact metric | generation | first call | together |\n| --- | --- | --- | --- | --- |")
    for name in sorted(rows, key=lambda n: -sum(rows[n]))[:10]:
        print(f"| {name} | " + " | ".join(f"{s:.2f}" for s in (*rows[name], sum(rows[name]))) + " |")


if __name__ == "__main__":
    main()
