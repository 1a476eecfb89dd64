"""Sharing: the same values with fewer operations, names kept, and no input that takes long."""

from fractions import Fraction

import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from geomflow.codegen.emit import emit
from geomflow.codegen.graph import Graph
from geomflow.codegen.program import Argument, Program
from geomflow.codegen.reading import Reader
from geomflow.codegen.sharing import reduced

A, B, C, D = VARIABLES = sp.symbols("a b c d")
AT = {"a": 0.7, "b": 1.3, "c": 2.1, "d": 0.4}


def read(expressions):
    graph = Graph()
    reader = Reader(graph, {s: graph.symbol(s.name) for s in VARIABLES})
    return graph, [reader(sp.sympify(e)) for e in expressions]


def values(graph, outputs):
    lines, results = emit(graph, outputs)
    namespace = {"jnp": np, **AT}
    exec("\n".join(f"{line.name} = {line.source}" for line in lines), namespace)
    return [eval(r, namespace) for r in results]


def shared(*expressions):
    graph, outputs = read(expressions)
    new, found = reduced(graph, outputs)
    np.testing.assert_allclose(values(new, found), values(graph, outputs), rtol=1e-12)
    assert new.operations(found) <= graph.operations(outputs)
    return new, found


FACTORS = st.lists(
    st.tuples(st.sampled_from(VARIABLES), st.sampled_from([1, 1, 2, 3, -1, -2, sp.Rational(-1, 2)])), max_size=4
)
TERMS = st.tuples(FACTORS, st.sampled_from([1, -1, 2, -3, sp.Rational(1, 2), 0.3]))
SUMS = st.lists(TERMS, min_size=1, max_size=6).map(
    lambda terms: sp.Add(*(a * sp.Mul(*(x**e for x, e in factors)) for factors, a in terms))
)


@settings(max_examples=40, derandomize=True)
@given(st.lists(st.one_of(SUMS, st.tuples(SUMS, SUMS).map(lambda p: p[0] * sp.sin(p[1]))), min_size=1, max_size=5))
def test_values_stay_and_operations_never_grow(expressions):
    shared(*expressions)


@pytest.mark.parametrize(
    ("expressions", "operations"),
    [
        ([A * B + A * C + A * D], 3),  # a (b + c + d)
        ([1 + A * (2 + A * (3 + 4 * A)).expand()], 6),  # Horner: three products and three sums
        ([A * B * C + D, A * B * D + C], 5),  # the pair a b
        ([(A + B + C) * D, (A + B - C) ** 2], 6),  # the pair a + b: 1, then 2 and 3
        ([2 * A + 2 * B + C, D * (A + B)], 4),  # the ratio of the coefficients is what counts
        ([A / D, B / D, C / D, 1 / D**2], 5),  # one reciprocal, three products, a square
        ([A / sp.sqrt(D), B / D, C / D ** sp.Rational(3, 2)], 7),  # 1/sqrt(d): two, products and powers of it
    ],
    ids=str,
)
def test_known_savings(expressions, operations):
    graph, outputs = shared(*expressions)
    assert graph.operations(outputs) <= operations


def test_one_division_for_many_outputs():
    graph, outputs = shared(*(x / (A + B) ** k for k in (1, 2, 3) for x in (A, C, D)))
    source = "\n".join(line.source for line in emit(graph, outputs)[0])
    assert source.count("/") == 1


def test_names_survive():
    graph, outputs = read([A * B / D + C, sp.sin(A + B) / D**2])
    nodes = {node: k for k, node in enumerate(graph.nodes)}
    symbols = {name: nodes["symbol", name] for name in "abcd"}
    total = graph.add(symbols["a"], symbols["b"])
    inverse = graph.power(symbols["d"], -1)
    graph.labels |= {total: "total", inverse: "inv_d"}
    new, found = reduced(graph, outputs)
    assert {line.name for line in emit(new, found)[0]} == {"inv_d", "total"}
    assert set(new.labels.values()) == {"inv_d", "total"}


def test_a_named_node_is_not_dissolved():
    """A product that has a name stays one, though a common factor could leave it."""
    graph, outputs = read([A * B + A * C + A * D])
    nodes = {node: k for k, node in enumerate(graph.nodes)}
    product = graph.multiply(nodes["symbol", "a"], nodes["symbol", "b"])
    graph.labels[product] = "ab"
    new, _ = reduced(graph, outputs)
    assert "ab" in new.labels.values()


def test_all_pairs_of_everything_end_quickly():
    """Every two of many sums share many pairs: the worst case of the search."""
    random = np.random.default_rng(0)
    graph = Graph()
    x = [graph.symbol(f"x{i}") for i in range(60)]
    outputs = [graph.linear((x[i], 1) for i in random.permutation(60)[:40]) for _ in range(50)]
    outputs += [graph.product((x[i], 1) for i in random.permutation(60)[:40]) for _ in range(50)]
    new, found = reduced(graph, outputs)  # two seconds; minutes where every choice looks at every pair
    assert new.operations(found) < 0.6 * graph.operations(outputs)
    at = {f"x{i}": v for i, v in enumerate(random.uniform(0.9, 1.1, 60))}
    AT.update(at)
    np.testing.assert_allclose(values(new, found), values(graph, outputs), rtol=1e-12)


def test_many_common_factors_are_no_trouble():
    """Pairs of terms with a factor of their own each: once quadratic, and as deep as there are pairs."""
    graph = Graph()
    x = [graph.symbol(f"x{i}") for i in range(2000)]
    terms = [graph.multiply(x[i], x[1000 + (i + k) % 1000]) for i in range(1000) for k in (0, 1)]
    output = graph.add(*terms)
    new, found = reduced(graph, [output])
    assert new.operations(found) <= 3000


def test_long_sums_are_cut():
    graph = Graph()
    output = graph.linear([(graph.symbol(f"y{i}"), 3 if i % 2 else -1) for i in range(500)], Fraction(1, 2))
    product = graph.product((graph.symbol(f"y{i}"), 2 if i % 2 else -1) for i in range(500))
    new, found = reduced(graph, [output, product])
    assert max(len(parts[-1]) for parts in new.nodes if parts[0] in ("sum", "product")) <= 48
    assert new.operations(found) <= graph.operations([output, product]) + 1
    AT.update({f"y{i}": 1 + 0.001 * i for i in range(500)})
    np.testing.assert_allclose(values(new, found), values(graph, [output, product]), rtol=1e-12)


def test_shared_programs_compute_the_same():
    x = sp.symbols("x:4")
    matrix = sp.Matrix(4, 4, lambda i, j: x[(i + j) % 4] + i * j + 5 * (i == j))
    inverse = matrix.adjugate() / matrix.det(method="berkowitz")
    f = Program(
        "f",
        [Argument("x", x[:0] + tuple(sp.symbols("u:4")))],
        [e.subs(dict(zip(x, sp.symbols("u:4")))) for e in inverse],
    )
    at = np.array([0.3, -0.2, 0.5, 0.1])
    numbers = np.array(matrix.subs(dict(zip(x, at))), float)
    np.testing.assert_allclose(
        np.reshape(f.compile()(jnp.asarray(at)), (4, 4)), np.linalg.inv(numbers), rtol=1e-11, atol=1e-14
    )
