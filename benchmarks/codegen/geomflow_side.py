"""geomflow, behind one adapter (settings: default, wide, two): the only file here that imports geomflow.

wide: vectors of 512 bits, an option of `jax.jit` on a CPU. two: two processors as two devices, by `geomflow.batch`.
"""

import os
import sys

if sys.argv[2:] == ["two"]:
    os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=2"

from importlib.metadata import version

import jax
import numpy as np
from cases import COORDINATES, Case
from jax_side import peer
from protocol import Peer, serve
from roofline import count

from geomflow.batch import device_mesh, distribute, evaluate
from geomflow.codegen.jet_functions import jet_quantity
from geomflow.codegen.metric_functions import metric_program
from geomflow.codegen.program import Program
from geomflow.symbolic import Chart, Metric

WIDE = {"xla_cpu_prefer_vector_width": 512}


def program(case: Case) -> Program:
    """Ricci of jets, or of the coordinates through the jets: the exact form of Kerr's is 0 and needs no evaluation."""
    if not case.metric:
        return jet_quantity("ricci", case.dim)
    metric = Metric(Chart(" ".join(COORDINATES)), case.metric)
    return metric_program(metric, "ricci", form="jets", derivatives=False)


def _work(case: Case, compiled) -> dict[str, int]:
    """Operations and bytes per point of the generated body (of its transpose, for a gradient)."""
    body = compiled.__wrapped__
    n, p = case.dim, len(case.pairs)

    def columns(*c):
        keep = lambda *values: values  # noqa: E731
        if case.metric:
            return body(c, keep=keep)
        g, dg, ddg, w = c[:p], c[p : p + p * n], c[p + p * n : case.jets], c[case.jets :]
        jets = (g, [dg[q * n : q * n + n] for q in range(p)], [ddg[q * p : q * p + p] for q in range(p)])
        return body.__globals__["_ricci_backward"](*jets, w, keep=keep) if case.gradient else body(*jets, keep=keep)

    return count(columns, 4 if case.metric else case.jets + (p if case.gradient else 0))


def _sample(answer):
    """The first points as rows of all components."""
    parts = answer if isinstance(answer, tuple) else (answer,)
    return np.concatenate([np.asarray(a[..., :16]).reshape(-1, 16) for a in parts]).T


def generate(case: Case, setting: str) -> Peer:
    """The generated function of packed arrays under jit, or the pull-back of weights by its own rule."""
    tape = program(case)
    function = tape.compile()
    wanted = (lambda *a: jax.vjp(function, *a[:-1])[1](a[-1])) if case.gradient else function
    call = jax.jit(wanted, compiler_options=WIDE if setting == "wide" else None)
    if setting == "two":
        call = lambda *a: evaluate(wanted, *a)  # noqa: E731
    made = peer(call, "components", f"geomflow {version('geomflow')}")
    if setting == "two":
        prepare = made.prepare
        made.prepare = lambda *a: jax.block_until_ready(distribute(prepare(*a), device_mesh(), axis=-1))
    made.sample = _sample
    made.work = lambda: _work(case, function)
    return made


if __name__ == "__main__":
    serve(generate)
