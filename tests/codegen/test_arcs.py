"""Arc functions as polynomials: two units in the last place, edges, derivatives, and their place in generated code."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import sympy as sp

from geomflow.codegen.arcs import arccos, arcsin, arctan, arctan2
from geomflow.codegen.program import Argument, Program

X, Y = sp.symbols("x y", real=True)
PAIRS = [
    (arcsin, jnp.arcsin, mpmath.asin),
    (arccos, jnp.arccos, mpmath.acos),
    (arctan, jnp.arctan, mpmath.atan),
    (arctan2, jnp.arctan2, mpmath.atan2),
]


def arguments(function):
    """Points all over the domain, near its edges, and where formulas change."""
    rng = np.random.default_rng(0)
    if function is arctan2:
        sizes = 10.0 ** np.concatenate([np.zeros(1500), rng.uniform(-18, 18, 500)])
        return [rng.normal(size=2000) * sizes, rng.normal(size=2000)]
    if function is arctan:
        return [rng.choice([-1, 1], 2000) * 10.0 ** rng.uniform(-30, 18, 2000)]
    near = 1 - 10.0 ** rng.uniform(-16, -1, 300)
    bend = np.sqrt(0.5) + rng.uniform(-1e-2, 1e-2, 300)
    tiny = 10.0 ** rng.uniform(-30, -1, 300)
    parts = [np.linspace(-1, 1, 1001), near, -near, bend, -bend, tiny, -tiny]
    return [np.concatenate(parts)]


@pytest.mark.parametrize(("function", "_", "exact"), PAIRS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_two_units_in_the_last_place(function, _, exact, dtype):
    at = [x.astype(dtype) for x in arguments(function)]
    found = np.asarray(jax.jit(function)(*at))
    assert found.dtype == dtype
    with mpmath.workdps(40):
        truth = [exact(*(mpmath.mpf(float(x)) for x in point)) for point in zip(*at)]
        unit = np.spacing(np.abs(np.array(truth, dtype=dtype)))
        error = [abs(float((mpmath.mpf(float(f)) - t) / mpmath.mpf(float(u)))) for f, t, u in zip(found, truth, unit)]
    assert max(error) <= 2.0


@pytest.mark.parametrize(("function", "usual", "_"), PAIRS)
def test_edges_are_the_usual_ones(function, usual, _):
    edges = np.array([0.0, -0.0, 1.0, -1.0, 2.0, -1.5, np.inf, -np.inf, np.nan, 5e-324, 3e-308, 1e200, -1e307])
    at = [edges]
    if function is arctan2:  # of subnormal numbers there are no quotients
        at = [z.ravel() for z in np.meshgrid(*[edges[(edges == 0) | ~(np.abs(edges) < 1e-300)]] * 2)]
    found, expected = np.asarray(jax.jit(function)(*at)), np.asarray(usual(*at))
    np.testing.assert_allclose(found, expected, rtol=4.5e-16, atol=3e-308)
    known = ~np.isnan(expected)
    assert np.array_equal(np.signbit(found[known]), np.signbit(expected[known]))


@pytest.mark.parametrize(("function", "usual", "_"), PAIRS)
def test_derivatives_and_kinds_of_arguments(function, usual, _):
    at = (0.3, -0.8) if function is arctan2 else (0.3,)
    both = tuple(range(len(at)))
    for rule in (jax.jacfwd, jax.jacrev, lambda f, n: jax.jacfwd(jax.jacrev(f, n), n)):
        pairs = zip(*(jax.tree.leaves(jax.jit(rule(f, both))(*at)) for f in (function, usual)), strict=True)
        assert all(abs(a - b) < 1e-14 for a, b in pairs)
    assert function(*(jnp.float32(x) for x in at)).dtype == jnp.float32
    assert function(*([jnp.int32(1)] * len(at))) == pytest.approx(float(usual(*([1.0] * len(at)))), rel=1e-15)
    if function is not arctan2:
        assert function(0.3 + 0.5j) == usual(0.3 + 0.5j)


def test_generated_code_calls_them_and_stands_alone(tmp_path):
    arguments = [Argument(s.name, s) for s in (X, Y)]
    program = Program("f", arguments, [sp.asin(X) * sp.acos(X), sp.atan(X) + sp.atan2(X, Y), sp.asinh(X)])
    made, at = program.compile(), (0.3, -0.8)
    assert "arctan2(x, y)" in program.source
    assert "jnp.arcsin(" not in program.source
    values = [np.arcsin(0.3) * np.arccos(0.3), np.arctan(0.3) + np.arctan2(0.3, -0.8), np.arcsinh(0.3)]
    np.testing.assert_allclose(made(*at), values, rtol=1e-15)
    module = tmp_path / "alone.py"
    script = 'import jax\njax.config.update("jax_enable_x64", True)\n'
    module.write_text(program.module + f"\n\n{script}print([float(v) for v in f{at}])\n", encoding="utf-8")
    assert "geomflow" not in program.module
    assert "bivariate" not in program.module  # only what is called is copied
    run = subprocess.run([sys.executable, str(module)], capture_output=True, text=True, check=True)
    np.testing.assert_allclose(eval(run.stdout), values, rtol=1e-15)
    assert "def _folded" not in Program("g", arguments, [sp.asinh(X)]).module
