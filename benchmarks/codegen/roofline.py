"""The machine's ceilings, measured through XLA in the same run, and what each generated function reaches of them.

    python benchmarks/codegen/roofline.py [--quick]

Memory: copy and triad, by numpy and by XLA. Arithmetic: dependent and independent chains of x*a + b on vectors in the
cache (the best arrangement counts), and the throughput of division, square root, sine, cosine, exponential and
logarithm. A function that reads and writes B bytes and does m additions and multiplications (and d divisions, ...) per
point takes at least max(B / bandwidth, m / arithmetic + d / division + ...) seconds: the fraction printed is that time
over the measured one. m is counted in the generated tape, whatever XLA repeats. On a GPU the arrays are larger.
"""

import argparse
import functools
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
if "BENCH_CORES" in os.environ and hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {int(c) for c in os.environ["BENCH_CORES"].split(",")})

import jax  # noqa: E402  (the processors are chosen before XLA counts them)
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

jax.config.update("jax_enable_x64", True)

FUNCTIONS = {
    "divide": lambda x: 1.5 / x + 0.1,
    "sqrt": lambda x: jnp.sqrt(x) + 0.1,
    "sin": lambda x: jnp.sin(x) + 0.7,
    "cos": lambda x: jnp.cos(x) + 0.7,
    "exp": lambda x: jnp.exp(x) * 0.2,
    "log": lambda x: jnp.log(x) + 1.2,
}


def on_gpu() -> bool:
    """Whether JAX computes on a GPU."""
    return jax.devices()[0].platform == "gpu"


def seconds(call, repeat: int) -> float:
    """Median seconds of a call: CPU seconds where one processor was pinned, wall seconds elsewhere."""
    alone = not on_gpu() and hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) == 1
    clock = time.process_time if alone else time.perf_counter
    jax.block_until_ready(call())
    times = []
    for _ in range(repeat):
        start = clock()
        jax.block_until_ready(call())
        times.append(clock() - start)
    return statistics.median(times)


def bandwidth(repeat: int, size: int) -> dict[str, float]:
    """Bytes per second of copy and triad (a = b + s c) of arrays of `size` numbers; XLA's answers are new memory or,
    "in place", that of an argument (no page is touched for the first time)."""
    b, c = (jnp.full(size, value) for value in (1.0, 2.0))
    kept = [b + 0.0]

    def in_place():
        kept[0] = again(kept[0], c)
        return kept[0]

    again = jax.jit(lambda a, c: a + 3.0 * c, donate_argnums=0)
    found = {
        "triad, XLA": 24 * size / seconds(functools.partial(jax.jit(lambda b, c: b + 3.0 * c), b, c), repeat),
        "triad in place, XLA": 24 * size / seconds(in_place, repeat),
        "copy, XLA": 16 * size / seconds(functools.partial(jax.jit(lambda b: -b), b), repeat),
    }
    if not on_gpu():
        x, y = np.full(size, 1.0), np.zeros(size)
        found["copy, numpy"] = 16 * size / seconds(lambda: np.copyto(y, x), repeat)
    return found


def _chain(independent: int, length: int, size: int, loops: int, step, width: int = 0):
    """`loops` passes of `length` steps on `independent` vectors; one vector in and out of every pass.

    `width` is the bits of a vector register XLA prefers on a CPU (0 its own choice).

    The factor and the summand are arguments, so that the compiler cannot fold a chain.
    """

    def run(x, a, b):
        def once(_, x):
            parts = [x + 0.01 * u for u in range(independent)]
            for _ in range(length):
                parts = [step(p, a, b) for p in parts]
            return sum(parts[1:], parts[0]) * (1.0 / independent)

        return jax.lax.fori_loop(0, loops, once, x)

    wanted = {"xla_cpu_prefer_vector_width": width} if width else None
    return functools.partial(
        jax.jit(run, compiler_options=wanted), jnp.linspace(0.5, 1.5, size), jnp.float64(0.9999), jnp.float64(0.0001)
    )


def arithmetic(repeat: int, quick: bool) -> dict[str, dict[str, float]]:
    """Operations per second: {"fma": {arrangement: rate}, "multiply": ..., "divide": {"": calls per second}, ...}."""
    size, loops, widths = (2**24, 2, (0,)) if on_gpu() else (2048, 400, (0, 512))
    # a fused multiply-add counts twice
    steps = {
        "fma": (lambda x, a, b: x * a + b, 2),
        "multiply": (lambda x, a, b: x * a, 1),
        "add": (lambda x, a, b: x + b, 1),
        "mixed": (lambda x, a, b: (x * x + b) * a, 3),
    }
    found: dict[str, dict[str, float]] = {}
    for kind, (step, count) in steps.items():
        arrangements = itertools.product((8,) if quick else (1, 2, 4, 8), (16,) if quick else (16, 64), widths)
        for independent, length, width in arrangements:
            work = count * independent * length * size * loops
            time_ = seconds(_chain(independent, length, size, loops, step, width), repeat)
            found.setdefault(kind, {})[f"{independent} x {length}" + f", {width} bits" * (width > 0)] = work / time_
    for name, step in FUNCTIONS.items():
        for width in widths:
            chain = _chain(4, 4, size, loops, lambda x, a, b, f=step: f(x), width)
            key = "4 x 4" + f", {width} bits" * (width > 0)
            found.setdefault(name, {})[key] = 4 * 4 * size * loops / seconds(chain, repeat)
    return found


def ceilings(quick: bool) -> dict:
    """Everything measured by this process on the processors it may use."""
    repeat = 3 if quick else 9
    # a triad of 2^21 numbers moves what 10^5 points of a 3- or 4-metric do, of 2^24 what 10^6 do
    sizes = {"1e8": 10**8} if on_gpu() else {"1e5": 2**21, "1e6": 2**24}
    memory, rates = {name: bandwidth(repeat, size) for name, size in sizes.items()}, arithmetic(repeat, quick)
    best = {kind: max(values.values()) for kind, values in rates.items()}
    return {
        "platform": jax.devices()[0].device_kind,
        "bytes_per_second": {name: max(values.values()) for name, values in memory.items()},
        "operations_per_second": max(best[k] for k in ("fma", "multiply", "add", "mixed")),
        "calls_per_second": {name: best[name] for name in FUNCTIONS},
        "memory": memory,
        "rates": rates,
    }


def count(function, columns: int) -> dict[str, int]:
    """Operations and bytes per point of a function of columns (after dead code is gone), read off its jaxpr."""
    arguments = [jax.ShapeDtypeStruct((8,), float)] * columns
    closed = jax.make_jaxpr(lambda *c: jax.tree.leaves(function(*c)))(*arguments)
    needed = {id(v) for v in closed.jaxpr.outvars if hasattr(v, "count")}
    work: dict[str, int] = {"outputs": len(closed.jaxpr.outvars)}
    for equation in reversed(_flat(closed.jaxpr)):
        if not any(id(v) in needed for v in equation.outvars):
            continue
        needed |= {id(v) for v in equation.invars if hasattr(v, "count")}
        for kind, number in _cost(equation).items():
            work[kind] = work.get(kind, 0) + number
    work["inputs"] = sum(id(v) in needed for v in closed.jaxpr.invars)
    work["bytes"] = 8 * (work["inputs"] + work["outputs"])
    return work


def _flat(jaxpr) -> list:
    """Equations in order; inner jaxprs must have been inlined (generated functions have none)."""
    inner = [e.primitive.name for e in jaxpr.eqns if any(hasattr(v, "jaxpr") for v in e.params.values())]
    if inner:
        raise ValueError(f"The function contains {inner[0]}; count the operations of its tape instead.")
    return list(jaxpr.eqns)


def _cost(equation) -> dict[str, int]:
    name = equation.primitive.name
    if not equation.outvars[0].aval.shape:
        return {}  # a constant
    if name in ("add", "sub", "mul", "add_any", "neg", "square"):
        return {"operations": 0 if name == "neg" else 1}  # a sign is absorbed by the next operation
    if name == "integer_pow":
        power = equation.params["y"]
        squarings = abs(power).bit_length() - 1 + bin(abs(power)).count("1") - 1
        return {"operations": squarings} | ({"divide": 1} if power < 0 else {})
    if name in ("div", "sqrt", "rsqrt", "sin", "cos", "exp", "log"):
        return {"rsqrt": 1} if name == "rsqrt" else {"divide" if name == "div" else name: 1}
    if name in ("broadcast_in_dim", "convert_element_type", "copy", "reshape", "zeros_like", "mul_by_zero"):
        return {}
    raise ValueError(f"The roofline does not know what `{name}` costs.")


def least_seconds(work: dict, ceiling: dict, points: int) -> tuple[float, str]:
    """The time per point no program on this machine can beat at so many points, and which ceiling sets it."""
    sizes = ceiling["bytes_per_second"]
    memory = work["bytes"] / sizes[min(sizes, key=lambda name: abs(np.log(float(name) / points)))]
    compute = work.get("operations", 0) / ceiling["operations_per_second"]
    calls = ceiling["calls_per_second"]
    compute += sum(work.get(name, 0) / calls[name] for name in calls)
    compute += work.get("rsqrt", 0) * (1 / calls["divide"] + 1 / calls["sqrt"])
    return max((memory, "memory"), (compute, "arithmetic"))


def measure(cores: str, quick: bool) -> dict:
    """The ceilings on the processors named ("" for the device), one process on each, all at once, their rates added."""
    command = [sys.executable, str(HERE / "roofline.py"), *(["--quick"] if quick else [])]
    environments = [os.environ | {"BENCH_CORES": c} for c in cores.split(",")] if cores else [os.environ]
    running = [subprocess.Popen(command, env=e, stdout=subprocess.PIPE, text=True) for e in environments]
    texts = [process.communicate()[0] for process in running]
    if any(process.returncode for process in running):
        raise SystemExit("roofline.py failed; run it alone to see why.")
    return functools.reduce(_added, (json.loads(text.strip().splitlines()[-1]) for text in texts))


def _added(one, other):
    if isinstance(one, dict):
        return {key: _added(value, other[key]) for key, value in one.items()}
    return one if isinstance(one, str) else one + other


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer arrangements and repeats")
    print(json.dumps(ceilings(parser.parse_args().quick)))
