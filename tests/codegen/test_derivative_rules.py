"""Generated derivatives: against JAX's own of the same body, against SymPy's, and against each other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from geomflow.codegen import arcs, special
from geomflow.codegen.derivatives import backward, forward
from geomflow.codegen.emit import emit
from geomflow.codegen.functions import FUNCTIONS, REAL_LINEAR
from geomflow.codegen.graph import Graph
from geomflow.codegen.program import Argument, Program
from geomflow.codegen.reading import Reader
from geomflow.core.errors import GenerationError

X, Y, Z = VARIABLES = sp.symbols("x y z", real=True)
POINT = Argument("p", VARIABLES)
AT = np.array([0.37, 0.81, 0.56])
HALF = sp.Rational(1, 2)


def evaluated(graph, nodes, values):
    """The numbers of nodes, by NumPy through the emitted source."""
    lines, results = emit(graph, nodes)
    source = "\n".join([*(f"{line.name} = {line.source}" for line in lines), f"result = [{', '.join(results)}]"])
    namespace = {"jnp": jnp, "jsp": jax.scipy.special, **vars(arcs), **vars(special), **values}
    exec(source, namespace)
    return np.array([np.asarray(v) for v in namespace["result"]])


def rules(expressions, point=AT, seed=0):
    """J t and cᵀ J by the rules, and the values, for given t and c."""
    graph = Graph()
    reader = Reader(graph, {s: graph.symbol(s.name) for s in VARIABLES})
    outputs = [reader(sp.sympify(e)) for e in expressions]
    inputs = [reader(s) for s in VARIABLES]
    random = np.random.default_rng(seed)
    t, c = random.normal(size=3), random.normal(size=len(outputs))
    dots, bars = [graph.symbol(f"t{i}_") for i in range(3)], [graph.symbol(f"c{i}_") for i in range(len(outputs))]
    values = dict(zip((*"xyz", *(f"t{i}_" for i in range(3)), *(f"c{i}_" for i in range(len(c)))), (*point, *t, *c)))
    changes = forward(graph, outputs, dict(zip(inputs, dots)))
    pulled = backward(graph, outputs, bars, inputs)
    return evaluated(graph, changes, values), evaluated(graph, pulled, values), t, c


def jacobian(expressions, point=AT):
    at = {s: sp.Float(float(v), 30) for s, v in zip(VARIABLES, point)}
    rows = [[sp.diff(e, s).subs(at).doit() for s in VARIABLES] for e in map(sp.sympify, expressions)]
    return np.array([[float(sp.N(d, 25)) for d in row] for row in rows])


def check(expressions, point=AT, rel=1e-12):
    jt, jc, t, c = rules(expressions, point)
    matrix = jacobian(expressions, point)
    scale = np.abs(matrix).max() + 1
    np.testing.assert_allclose(jt, matrix @ t, rtol=rel, atol=rel * scale)
    np.testing.assert_allclose(jc, c @ matrix, rtol=rel, atol=rel * scale)
    np.testing.assert_allclose(c @ jt, jc @ t, rtol=rel, atol=rel * scale)  # adjoint to each other


ATOMS = st.sampled_from([*VARIABLES, sp.Integer(2), sp.Rational(-2, 3), sp.pi])
SAFE = [sp.sin, sp.cos, sp.exp, sp.atan, sp.tanh, sp.erf, sp.asinh, sp.besseli]


def grown(inner):
    positive = inner.map(lambda e: 1 + e**2)
    exponents = st.sampled_from([2, 3, -1, -2, HALF, -HALF, -3 * HALF, sp.Rational(1, 3)])
    return st.one_of(
        st.tuples(inner, inner).map(lambda p: p[0] + p[1]),
        st.tuples(inner, inner, inner).map(lambda p: p[0] * p[1] - 2 * p[2]),
        st.tuples(positive, exponents).map(lambda p: p[0] ** p[1]),
        st.tuples(positive, inner).map(lambda p: p[0] ** sp.sin(p[1])),
        st.tuples(st.sampled_from(SAFE), inner).map(
            lambda p: p[0](sp.cos(p[1])) if p[0] != sp.besseli else p[0](0, p[1])
        ),
        positive.map(sp.log),
        st.tuples(inner, inner, inner).map(lambda p: sp.Piecewise((p[0], p[1] > 0.111), (p[2], True))),
        st.tuples(inner, positive).map(lambda p: sp.atan2(*p)),
        st.tuples(inner, inner).map(lambda p: sp.Abs(p[0] - p[1] / 7)),
    )


EXPRESSIONS = st.recursive(ATOMS, grown, max_leaves=6)


@settings(max_examples=60, derandomize=True)
@given(st.lists(EXPRESSIONS, min_size=1, max_size=3))
def test_random_expressions_against_sympy(expressions):
    matrix = jacobian(expressions)
    if np.all(np.isfinite(matrix)) and np.abs(matrix).max() < 1e6:
        check(expressions, rel=1e-10)


@pytest.mark.parametrize(
    "expressions",
    [
        [sp.Integer(3), sp.pi, X, X, Y * Z],  # constants, an input twice, one that does not depend on all
        [X * Y * Z * sp.sin(X) * sp.cos(Y) * sp.exp(Z)],
        [(X * Y) ** -3 * sp.sqrt(X + Z), X ** sp.Rational(7, 2) / Y],
        [X**Y, 2**X, sp.Max(X, Y, Z), sp.Min(X * Y, Z), sp.Max(X, 0.9)],
        [sp.Heaviside(X - 0.1) * Y, sp.floor(3 * X) * Y, sp.ceiling(Y) + sp.sign(Z) * X],
    ],
    ids=str,
)
def test_chosen_expressions_against_sympy(expressions):
    try:
        check(expressions)
    except TypeError:  # SymPy differentiates floors and maxima to what has no number: by differences then
        jt, jc, t, c = rules(expressions)
        step = 1e-6
        f = Program("f", [POINT], expressions, derivatives=False).compile()
        by_steps = (f(jnp.asarray(AT + step * t)) - f(jnp.asarray(AT - step * t))) / (2 * step)
        np.testing.assert_allclose(jt, by_steps, rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(c @ jt, jc @ t, rtol=1e-13)


ONE = ("sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "log", "asin", "acos", "atan", "asinh", "atanh", "erf")
ONE = (*ONE, "erfc", "erfinv", "gamma", "loggamma", "digamma", "Ei", "Abs", "i0", "i1", "i0e", "i1e", "acosh")
ONE = (*ONE, "normal_cdf", "softplus", "erfi")
#: name -> further arguments before or after the one that moves
MORE = {"polygamma": (2, None), "gammainc": (1.3, None), "gammaincc": (1.3, None), "betainc": (1.3, 2.1, None)}
MORE |= {"BivariateNormalCDF": (None, 0.4, 0.3)}
MORE |= {"beta": (None, 1.7), "power": (None, 1.7), "atan2": (None, 0.3), "xlogy": (None, 0.4), "xlog1py": (None, 0.4)}


@pytest.mark.parametrize("name", [*ONE, *MORE])
def test_every_function_by_differences(name):
    graph = Graph()
    x, dot, bar = (graph.symbol(s) for s in ("x", "dot", "bar"))
    value = graph.call(name, *(x if a is None else graph.number(a) for a in MORE.get(name, (None,))))
    nodes = [*forward(graph, [value], {x: dot}), *backward(graph, [value], [bar], [x])]
    for at in (1.37, 2.2) if name == "acosh" else (0.37, 0.72):
        step = 1e-5
        shifts = [(k, evaluated(graph, [value], {"x": jnp.asarray(at + k * step)})[0]) for k in (-2, -1, 1, 2)]
        slope = sum({-2: 1, -1: -8, 1: 8, 2: -1}[k] * v for k, v in shifts) / (12 * step)
        found = evaluated(graph, nodes, {"x": jnp.asarray(at), "dot": 2.0, "bar": 3.0})
        np.testing.assert_allclose(found, [2 * slope, 3 * slope], rtol=1e-9)


def test_the_table_is_covered():
    """A new function must come into the tests above (steps, extrema and complex ones are tested with the reader)."""
    elsewhere = {"sign", "floor", "ceiling", "maximum", "minimum"} | (set(REAL_LINEAR) - {"Abs"})
    assert set(FUNCTIONS) == {*ONE, *MORE, *elsewhere}


def test_derivatives_at_the_edge():
    f = Program("f", [Argument("x", X), Argument("y", Y)], [X**Y, sp.besseli(1, X), sp.lowergamma(2.5, X), X**3])
    edge = (jnp.asarray(0.0), jnp.asarray(2.0))
    for derivative in (jax.jacfwd, jax.jacrev):
        by_x, by_y = derivative(f.compile(), (0, 1))(*edge)
        np.testing.assert_array_equal(by_x, [0, 0.5, 0, 0])
        np.testing.assert_array_equal(by_y, [0, 0, 0, 0])


def test_incomplete_functions_at_zero():
    """Their densities are x^(a-1) ..., which is 1 for a = 1, and not 0 log 0."""
    graph = Graph()
    a, x = graph.symbol("a"), graph.symbol("x")
    values = [graph.call("gammainc", a, x), graph.call("betainc", a, a, x)]
    slopes = forward(graph, values, {x: graph.one})
    np.testing.assert_allclose(evaluated(graph, slopes, {"a": jnp.asarray(1.0), "x": jnp.asarray(0.0)}), [1, 1])


def test_rules_against_jax_differentiating_the_same_body():
    expressions = [sp.sin(X * Y) / sp.sqrt(X + Z), sp.exp(-X * Y) * Z**-2 + X, sp.Integer(2), sp.log(X * Y * Z)]
    mine, plain = (Program("f", [POINT], expressions, derivatives=d).compile() for d in (True, False))
    p = jnp.asarray(np.random.default_rng(0).uniform(0.3, 1, (3, 50)))
    for derivative in (jax.jacfwd, jax.jacrev):
        ours, theirs = (jax.jit(jax.vmap(derivative(f), 1))(p) for f in (mine, plain))
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-13)


def test_an_unknown_derivative_is_named_only_where_it_is_needed():
    graph = Graph()
    a, x = graph.symbol("a"), graph.symbol("x")
    value = graph.call("gammainc", a, x)
    assert forward(graph, [value], {x: graph.one})
    assert backward(graph, [value], [graph.one], [x])
    for run in (lambda: forward(graph, [value], {a: graph.one}), lambda: backward(graph, [value], [graph.one], [a])):
        with pytest.raises(GenerationError, match="not known") as error:
            run()
        assert error.value.unknown == "gammainc"


def test_the_rules_cost_a_few_times_the_value():
    expressions = [sp.sin(X * Y) / sp.sqrt(X + Z), sp.exp(-X * Y) * Z**-2 + X, sp.log(X * Y * Z) ** 3]
    graph = Graph()
    reader = Reader(graph, {s: graph.symbol(s.name) for s in VARIABLES})
    outputs, inputs = [reader(e) for e in expressions], [reader(s) for s in VARIABLES]
    cost = graph.operations(outputs)
    dots, bars = [graph.symbol(f"d{i}") for i in range(3)], [graph.symbol(f"b{i}") for i in range(3)]
    assert graph.operations(forward(graph, outputs, dict(zip(inputs, dots)))) <= 4 * cost
    assert graph.operations(backward(graph, outputs, bars, inputs)) <= 4 * cost
    # a product of many factors is linear in their number
    many = [graph.symbol(f"u{i}") for i in range(60)]
    product = graph.multiply(*many)
    assert graph.operations(backward(graph, [product], [graph.one], many)) < 4 * 60
