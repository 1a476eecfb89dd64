"""The shared graph: numbers fold and stay exact, like terms meet, sizes of 10⁵ operations are no trouble."""

import os
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from geomflow.codegen.emit import emit
from geomflow.codegen.graph import Graph
from geomflow.codegen.program import Argument, Program
from geomflow.codegen.reading import Reader
from geomflow.codegen.sharing import reduced


@pytest.fixture
def graph():
    return Graph()


def test_numbers_fold_exactly(graph):
    x = graph.symbol("x")
    assert graph.value(graph.add(graph.number(Fraction(1, 3)), graph.number(Fraction(1, 6)))) == Fraction(1, 2)
    assert graph.value(graph.power(graph.number(Fraction(9, 4)), Fraction(-3, 2))) == Fraction(8, 27)
    assert graph.value(graph.power(graph.number(2), Fraction(1, 2))) == 2**0.5
    assert graph.value(graph.power(graph.number(-4), Fraction(1, 2))) == pytest.approx(2j)
    third = graph.times(Fraction(1, 3), x)
    assert graph.nodes[graph.multiply(third, third)][2][0][1] == Fraction(1, 9)
    assert graph.multiply(third, graph.number(3)) == x
    assert graph.multiply(x, graph.zero) == graph.zero
    assert graph.value(graph.power(graph.zero, 2)) == 0
    assert graph.value(graph.power(graph.zero, -1)) == np.inf
    assert graph.value(graph.power(graph.number(1e200), 2)) == np.inf
    # a float is not taken for the whole number it equals
    assert graph.number(1.0) != graph.one
    assert graph.number(True) != graph.one


def test_like_terms_and_powers_are_collected(graph):
    x, y = graph.symbol("x"), graph.symbol("y")
    assert graph.linear([(x, 2), (y, 1), (graph.times(-2, x), 1)]) == y
    assert graph.linear([(x, 2), (x, -2)]) == graph.zero
    assert graph.add(x, y) == graph.add(y, x)
    assert graph.multiply(x, y) == graph.multiply(y, x)
    assert graph.multiply(graph.power(x, 3), graph.power(x, -2)) == x
    assert graph.multiply(x, graph.power(x, -1)) == graph.one
    root = graph.power(x, Fraction(1, 2))
    assert graph.multiply(root, root) == x
    assert graph.power(root, 4) == graph.power(x, 2)
    assert graph.power(graph.times(-1, x), 2) == graph.power(x, 2)
    assert graph.power(graph.times(-1, x), 3) == graph.times(-1, graph.power(x, 3))


def test_a_root_of_a_square_is_no_power_of_the_base(graph):
    x = graph.symbol("x")
    assert graph.power(graph.power(x, 2), Fraction(1, 2)) != x
    # nor does a sign leave a root
    assert graph.nodes[graph.power(graph.times(-1, x), Fraction(1, 2))][0] == "product"


def test_equal_branches_need_no_condition(graph):
    x = graph.symbol("x")
    assert graph.select(graph.compare("<", x, graph.zero), x, x) == x


def test_operations_of_known_expressions(graph):
    x, y = graph.symbol("x"), graph.symbol("y")
    counts = {
        graph.add(x, y): 1,
        graph.linear([(x, 2), (y, -2)], 1): 3,  # 2(x - y) + 1
        graph.power(x, 5): 3,  # two squarings and a product
        graph.power(x, -1): 1,
        graph.power(x, Fraction(3, 2)): 2,
        graph.call("sin", graph.multiply(x, y)): 2,
    }
    for node, operations in counts.items():
        assert graph.operations([node]) == operations
    assert graph.operations([graph.add(graph.multiply(x, y), x), graph.multiply(x, y)]) == 2


def chain(length):
    """x -> sin(x) + k/7, nested."""
    x = sp.Symbol("x")
    e = x
    for k in range(length // 2):
        e = sp.Add(sp.sin(e, evaluate=False), sp.Rational(k + 1, 7), evaluate=False)
    return e


def wide(length):
    """Sums of x_i x_j cos(x_k): every factor and many pairs in many places."""
    x = sp.symbols("x:400")
    terms = [x[i % 400] * x[(7 * i + 1) % 400] * sp.cos(x[i // 400]) * (i + 1) for i in range(length // 4)]
    return sp.Add(*terms, evaluate=False)


@pytest.mark.parametrize("length", [10_000, pytest.param(100_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("make", [chain, wide])
def test_long_expressions(make, length):
    """Read, shared, emitted and understood by Python, without an end of the stack."""
    expression = make(length)
    graph = Graph()
    atoms = expression.atoms(sp.Symbol) if make is wide else {sp.Symbol("x")}
    symbols = sorted(atoms, key=lambda s: s.name)
    node = Reader(graph, {s: graph.symbol(s.name) for s in symbols})(expression)
    assert graph.operations([node]) >= 0.9 * length
    new, outputs = reduced(graph, [node])
    assert new.operations(outputs) <= graph.operations([node])
    lines, results = emit(new, outputs)
    assert max(len(line.source) for line in lines) < 4000
    source = "\n".join([*(f"{line.name} = {line.source}" for line in lines), f"result = {results[0]}"])
    values = np.random.default_rng(1).normal(size=len(symbols))
    namespace = {"jnp": np, **{s.name: v for s, v in zip(symbols, values)}}
    exec(compile(source, "<long>", "exec"), namespace)
    if make is wide:
        x = {s.name: v for s, v in zip(symbols, values)}
        v = np.array([x[f"x{i}"] for i in range(400)])
        i = np.arange(length // 4)
        true = np.sum(v[i % 400] * v[(7 * i + 1) % 400] * np.cos(v[i // 400]) * (i + 1))
    else:
        true = values[0]
        for k in range(length // 2):
            true = np.sin(true) + (k + 1) / 7
    assert namespace["result"] == pytest.approx(true, rel=1e-9)


def test_a_deep_polynomial_is_no_trouble():
    x = sp.Symbol("x")
    f = Program("f", [Argument("x", x)], [sp.Add(*(x**k / 2**k for k in range(1500)))], derivatives=False)
    assert f.compile()(np.float64(1.0))[0] == pytest.approx(2, rel=1e-14)


ORDER = """
import sympy as sp
from geomflow.codegen.program import Argument, Program
x = sp.symbols("b a d c", real=True) + (sp.Symbol("e"),)
e = sp.Max(*x, 3) + sp.Min(*x) + sum(sp.sin(a * b) ** 2 / (a + b) for a in x for b in x if a != b)
e += sp.Piecewise((sp.log(x[0] - x[1]), x[0] > x[1]), (sp.prod(x), x[2] + x[3] > 0), (1, True))
print(Program("f", [Argument("p", tuple(x))], [e, *(e.diff(s) * s for s in x[:2])], derivatives=True).source)
"""


def test_source_does_not_depend_on_the_hash_seed():
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", ORDER], env={**os.environ, "PYTHONHASHSEED": seed}, stdout=subprocess.PIPE
        )
        for seed in ("1", "2")
    ]
    first, second = (run.communicate()[0] for run in runs)
    assert b"def _f_backward" in first
    assert first == second
