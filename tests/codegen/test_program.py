"""Programs: what is generated is complete, ordered, standalone, the same every time, and refuses clashes of names."""

import inspect
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp

from geomflow.codegen.emit import names_in
from geomflow.codegen.jet_functions import jet_program, metric_arguments, scalar_arguments
from geomflow.codegen.program import Argument, Program
from geomflow.core.errors import GenerationError
from geomflow.symbolic.jets import JetFrame, pairs

X, Y, Z = sp.symbols("x y z")
POINT = Argument("point", (X, Y))


def ricci_program(n):
    frame = JetFrame(n)
    return jet_program("ricci", frame, [frame.ricci(i, j) for i, j in pairs(n)], doc="$R_{ij}$")


def value_source(program):
    """The function itself, without its derivatives."""
    return program.source.split("@pointwise")[1]


def test_value_and_shape():
    program = Program("f", [POINT, Argument("z", Z)], [sp.sin(X + Y) * Z, sp.cos(X + Y) - Z])
    x, z = np.random.default_rng(0).normal(size=(2, 4, 5)), np.ones((4, 5)) * 0.3
    expected = [np.sin(x[0] + x[1]) * 0.3, np.cos(x[0] + x[1]) - 0.3]
    np.testing.assert_allclose(program.compile()(jnp.asarray(x), jnp.asarray(z)), expected, rtol=1e-14)


def test_nested_arguments_are_read_along_leading_axes():
    a = [[sp.Symbol(f"a{i}{j}") for j in range(3)] for i in range(2)]
    program = Program("f", [Argument("a", tuple(map(tuple, a)))], [a[0][2] - 10 * a[1][0]])
    values = jnp.arange(6.0).reshape(2, 3)
    assert program.compile()(values)[0] == values[0, 2] - 10 * values[1, 0]


def test_constant_outputs_take_the_batch_shape():
    f = Program("f", [POINT], [X, sp.Rational(1, 2), sp.Integer(0)]).compile()
    assert f(jnp.ones((2, 4, 5))).shape == (3, 4, 5)
    only = Program("f", [POINT], [sp.Rational(1, 2), sp.Integer(1)]).compile()
    for like in (jnp.ones((2, 4, 5)), jnp.ones((2, 4, 5), int)):  # and half is not rounded down on integer points
        np.testing.assert_array_equal(only(like), np.stack([np.full((4, 5), 0.5), np.ones((4, 5))]))


def test_dead_stages_are_dropped():
    live, dead, via = sp.symbols("live dead via")
    stages = {dead: sp.exp(Y), via: X**2, live: via + 1}
    program = Program("f", [POINT], [live * 3], stages)
    names = {line.name for line in program.body.lines[0]}
    assert "dead" not in program.source
    assert {"live", "via"} <= names
    assert " y = " not in program.source.split("@pointwise")[1]
    assert program.compile()(jnp.asarray([2.0, 0.0]))[0] == 15


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("way", ["value", "forward", "backward"])
def test_every_line_uses_only_what_stands_above_it(n, way):
    program = ricci_program(n)
    body = program.body if way == "value" else program.rules[way]
    lines, outputs = body.lines
    known = {symbol.name for a in body.arguments for symbol, _ in a.leaves()}
    for line in lines:
        assert set(line.parts) == set(names_in(line.source)) <= known
        assert line.name not in known
        known.add(line.name)
    assert all(set(names_in(o)) <= known for o in outputs)


def test_operations_of_the_function_and_of_its_derivatives():
    """f = sin(x y) z: the product, the sine, the factor; what the derivatives need is counted with them."""
    program = Program("f", [POINT, Argument("z", Z)], [sp.sin(X * Y) * Z])
    assert program.operations == 3
    # sin, cos and x y; cos(x y)·z·(x ẏ + y ẋ) + sin(x y)·ż
    assert program.rules["forward"].operations == 3 + 2 + 3 + 2
    # sin(x y)·bar; cos(x y)·z·bar, times y and x
    assert program.rules["backward"].operations == 3 + 1 + 2 + 2
    assert Program("f", [POINT], [X], derivatives=False).rules == {}


def test_derivatives_do_not_take_the_names_of_arguments():
    """f = b sin a, where a or b is called what a cotangent or a tangent would be called."""
    for a, b in (("bar_0", "y"), ("bar", "bar_dot"), ("x", "x_dot")):
        symbols = sp.symbols([a, b])
        flat = [Argument("p", tuple(symbols))] if a == "bar_0" else [Argument(s.name, s) for s in symbols]
        f = Program("f", flat, [sp.sin(symbols[0]) * symbols[1]]).compile()
        value = f if len(flat) == 2 else lambda u, v, f=f: f(jnp.stack([u, v]))
        expected = [7 * np.cos(3) * 5, 7 * np.sin(3)]
        found = jax.grad(lambda u, v, value=value: 7 * value(u, v)[0], argnums=(0, 1))(3.0, 5.0)
        np.testing.assert_allclose(found, expected, rtol=1e-14)
        slope = jax.jvp(value, (3.0, 5.0), (0.5, -2.0))[1]
        np.testing.assert_allclose(slope, [5 * np.cos(3) / 2 - 2 * np.sin(3)], rtol=1e-14)


def test_a_shared_expression_of_a_stage_stands_below_the_stage():
    stage = sp.Symbol("s")
    program = Program("f", [POINT], [sp.sin(stage * X) + 1, sp.sin(stage * X) * Y], {stage: X + Y})
    assert value_source(program).count("jnp.sin") == 1
    x, y = 0.4, 0.9
    result = program.compile()(jnp.asarray([x, y]))
    np.testing.assert_allclose(result, [np.sin((x + y) * x) + 1, np.sin((x + y) * x) * y], rtol=1e-15)


def test_stages_may_be_declared_in_any_order():
    a, b = sp.symbols("a b")
    program = Program("f", [POINT], [b], {b: a + 1, a: X * Y})
    assert program.compile()(jnp.asarray([2.0, 3.0]))[0] == 7


def test_joint_cse_shares_work_between_stages_and_outputs():
    stage = sp.Symbol("s")
    heavy = sp.sin(X * Y + 1)
    program = Program("f", [POINT], [stage + heavy, heavy**2], {stage: 2 * heavy})
    assert value_source(program).count("jnp.sin") == 1
    assert program.operations <= 9


def test_cse_avoids_names_in_use():
    """A user's t0, with or without assumptions, as a symbol or as an argument, is not overwritten."""
    t0, t1 = sp.Symbol("t0", real=True), sp.Symbol("t1", positive=True)
    expr = sp.sin(t0 + t1) + sp.cos(t0 + t1) * t0
    for arguments in ([Argument("p", (t0, t1))], [Argument("t0", t0), Argument("t1", t1)]):
        f = Program("f", arguments, [expr, t1 + t0]).compile()
        values = jnp.asarray([0.4, 0.9])
        result = f(values) if len(arguments) == 1 else f(*values)
        np.testing.assert_allclose(result, [np.sin(1.3) + np.cos(1.3) * 0.4, 1.3], rtol=1e-15)


@pytest.mark.parametrize(
    ("arguments", "stages"),
    [
        ([Argument("y", (X,)), Argument("x", (Z,))], {}),  # x = y[0] would overwrite the argument x
        ([Argument("u", (X,)), Argument("v", (X,))], {}),
        ([Argument("u", (X,)), Argument("v", (sp.Symbol("x", real=True),))], {}),
        ([Argument("u", (X,)), Argument("u", (Z,))], {}),
        ([Argument("x", X)], {sp.Symbol("x", real=True): X + 1}),
    ],
    ids=["symbol-argument", "shared symbol", "assumptions", "arguments", "stage"],
)
def test_clashing_names_are_refused(arguments, stages):
    outputs = [*(s for a in arguments for s, _ in a.leaves()), *stages]
    with pytest.raises(GenerationError, match="called"):
        Program("f", arguments, [sum(outputs)], stages).compile()


def test_an_argument_may_not_hold_its_own_name():
    with pytest.raises(GenerationError, match="overwrite"):
        Argument("x", (X, Y))


def test_undefined_symbols_are_refused():
    with pytest.raises(GenerationError, match=r"depends on `z`.*point") as error:
        Program("f", [POINT], [X + Z]).compile()
    assert error.value.unknown == "z"
    with pytest.raises(GenerationError, match="depends on `z`"):
        Program("f", [POINT], [sp.Symbol("s")], {sp.Symbol("s"): Z}).compile()


def test_unknown_functions_are_refused_before_any_call():
    with pytest.raises(GenerationError, match="besselj"):
        Program("f", [POINT], [sp.besselj(1, X)]).compile()


def test_source_is_visible_and_traceable():
    f = ricci_program(2).compile()
    assert "def ricci(g, dg, ddg, keep):" in inspect.getsource(f)
    assert str(inspect.signature(f)) == "(g, dg, ddg)"
    assert "$R_{ij}$" in f.__doc__
    g = jnp.asarray([1.0, 0.1, 2.0])
    jets = jnp.ones((3, 2)) * 0.1, jnp.ones((3, 3)) * 0.2
    assert jax.jacfwd(jax.jit(f))(g, *jets).shape == (3, 3)


def test_metric_arguments_name_every_jet():
    g, dg, ddg = metric_arguments(JetFrame(3))
    assert {s.name: path for s, path in g.leaves()}["g_12"] == "g[4]"
    assert {s.name: path for s, path in dg.leaves()}["dg_02_1"] == "dg[2][1]"
    assert {s.name: path for s, path in ddg.leaves()}["ddg_01_22"] == "ddg[1][5]"
    assert [a.name for a in scalar_arguments(JetFrame(2), "f", 2)] == ["f", "df", "ddf"]
    assert [path for _, path in scalar_arguments(JetFrame(2), "f", 2)[2].leaves()] == ["ddf[0]", "ddf[1]", "ddf[2]"]


STANDALONE = """
import sys
import jax
namespace = {}
exec(sys.stdin.read(), namespace)
jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp
print(float(namespace["f"](jnp.asarray([0.3, 0.4]))[0]))
assert not {m.split(".")[0] for m in sys.modules} & {"geomflow", "sympy"}
"""


def test_module_is_standalone():
    program = Program("f", [POINT], [sp.erf(X) * sp.sqrt(Y) + sp.pi])
    run = subprocess.run(
        [sys.executable, "-I", "-c", STANDALONE],
        input=program.module,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert float(run.stdout) == pytest.approx(float(program.compile()(jnp.asarray([0.3, 0.4]))[0]), rel=1e-15)
    assert "jsp" not in Program("f", [POINT], [sp.sin(X)]).module


PRINT_SOURCES = """
from geomflow.flows.torus.generate import programs
print("".join(p.source for p in programs(3).values()))
"""


def test_source_does_not_depend_on_the_hash_seed():
    def source(seed):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        return subprocess.Popen([sys.executable, "-c", PRINT_SOURCES], env=environment, stdout=subprocess.PIPE)

    first, second = (run.communicate()[0] for run in [source("1"), source("2")])
    assert b"def perelman_velocity" in first
    assert first == second


def test_without_known_derivatives_the_function_is_left_to_jax():
    a = sp.Symbol("a")
    program = Program("f", [Argument("a", a), POINT], [sp.lowergamma(a, X) / sp.gamma(a) + Y])
    assert "Derivatives are left to JAX" in program.source
    f = program.compile()
    point = jnp.asarray([0.7, 0.2])
    slope = jax.grad(lambda b: f(b, point)[0])(1.5)
    step = 1e-5
    difference = (f(1.5 + step, point)[0] - f(1.5 - step, point)[0]) / (2 * step)
    assert slope == pytest.approx(float(difference), rel=1e-6)


def test_what_is_nested_too_deeply_is_refused_with_a_sentence():
    deep = X
    for _ in range(3000):
        deep = sp.sin(deep, evaluate=False)
    with pytest.raises(GenerationError, match="stages"):
        Program("f", [POINT], [deep]).compile()
