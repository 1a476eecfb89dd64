r"""SymPy expressions read into a shared graph; what has no counterpart in JAX is an error here, not at call time."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any, cast

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.logic.boolalg import BooleanFalse, BooleanTrue

from geomflow.codegen.functions import FUNCTIONS, OWN
from geomflow.codegen.graph import Graph, Node
from geomflow.core.errors import GenerationError

_CONSTANTS = {sp.pi: "jnp.pi", sp.E: "jnp.e", sp.EulerGamma: "jnp.euler_gamma"}
_SIGNS = {
    "StrictLessThan": "<",
    "LessThan": "<=",
    "StrictGreaterThan": ">",
    "GreaterThan": ">=",
    "Equality": "==",
    "Unequality": "!=",
}
_WORDS = {"And": "and", "Or": "or", "Not": "not"}
_CONDITIONS = frozenset({*_SIGNS, *_WORDS})
#: Functions that are written by others, each as accurate as those (SymPy's own rewriting loses digits near zero).
_REWRITTEN: dict[str, Callable[..., Any]] = {
    "sec": lambda x: 1 / sp.cos(x),
    "csc": lambda x: 1 / sp.sin(x),
    "cot": lambda x: 1 / sp.tan(x),
    "sech": lambda x: 1 / sp.cosh(x),
    "csch": lambda x: 1 / sp.sinh(x),
    "coth": lambda x: 1 / sp.tanh(x),
    "asec": lambda x: sp.acos(1 / x),
    "acsc": lambda x: sp.asin(1 / x),
    "acot": lambda x: sp.atan(1 / x),
    "asech": lambda x: sp.acosh(1 / x),
    "acsch": lambda x: sp.asinh(1 / x),
    "acoth": lambda x: sp.atanh(1 / x),
    "factorial": lambda n: sp.gamma(n + 1),
    "binomial": lambda n, k: sp.gamma(n + 1) / (sp.gamma(k + 1) * sp.gamma(n - k + 1)),
}
#: SymPy's Max and Min are no functions to it.
_FUNCTION = (sp.Function, sp.Max, sp.Min)
_EXTREMA = {"Max": "maximum", "Min": "minimum"}
#: Functions that need more than a call or a rewriting.
_SPECIAL = ("Heaviside", "besseli", "polygamma", "lowergamma", "uppergamma", "betainc", "betainc_regularized")
#: Functions that are finite, with finite derivatives, at every real number. Behind the others a gradient can be NaN.
_TAME = (sp.sin, sp.cos, sp.atan, sp.asinh, sp.tanh, sp.erf, sp.erfc, sp.Abs, sp.sign, sp.floor, sp.ceiling, sp.Max)
_TAME = (*_TAME, sp.Min, sp.Heaviside, sp.re, sp.im, sp.conjugate, sp.Piecewise)
#: Where branches are tried. No round numbers: at those a function may be finite and its derivative not.
_ANCHORS = (0.937, 0.472, 1.913, -0.937, -0.472, -1.913, 0.113, -0.113, 9.71, -9.71)


class Reader:
    r"""Reads expressions into one graph.

    Args:
        graph: where the nodes are made.
        known: the node each SymPy symbol stands for.
    """

    def __init__(self, graph: Graph, known: Mapping[Any, Node]):
        self.graph, self.known = graph, dict(known)
        self._memo: dict[sp.Basic, Node] = {}

    def __call__(self, expression: Any) -> Node:
        r"""Return the node of an expression.

        Raises:
            GenerationError: a symbol that is not known, or an object with no counterpart in JAX.
        """
        expression = sp.sympify(expression)
        # an explicit stack: long sums of sums would end Python's own
        stack = [expression]
        while stack:
            e = stack[-1]
            if e in self._memo:
                stack.pop()
                continue
            missing = [part for part in _operands(e) if part not in self._memo]
            if missing:
                stack.extend(missing)
            else:
                self._memo[e] = self._read(e)
                stack.pop()
        return self._memo[expression]

    def _read(self, e: Any) -> Node:
        graph, memo = self.graph, self._memo
        if e in self.known:
            return self.known[e]
        if isinstance(e, sp.Symbol):
            raise GenerationError(f"`{e}` is neither an argument nor a stage of the function.", unknown=str(e))
        if e in _CONSTANTS:
            return graph.constant(_CONSTANTS[e])
        if e is sp.I:
            return graph.number(1j)
        if isinstance(e, (sp.Rational, sp.Float, sp.NumberSymbol)):
            return graph.number(_number(e))
        if isinstance(e, sp.Add):
            return graph.add(*(memo[a] for a in e.args))
        if isinstance(e, sp.Mul):
            return self._bessel_product(e) or graph.multiply(*(memo[a] for a in e.args))
        if isinstance(e, sp.Pow):
            return self._power(e)
        if isinstance(e, sp.Piecewise):
            return self._piecewise(e)
        if isinstance(e, (BooleanTrue, BooleanFalse)):
            return graph.number(bool(e))
        name = type(e).__name__
        if name in _SIGNS:
            return graph.compare(_SIGNS[name], *(memo[a] for a in e.args))
        if name in _WORDS:
            return graph.logic(_WORDS[name], *(memo[a] for a in e.args))
        if isinstance(e, _FUNCTION) and not isinstance(e, AppliedUndef):
            return self._function(e, name, [memo[a] for a in e.args])
        raise _unknown(e)

    def _power(self, e: sp.Pow) -> Node:
        base, exponent = self._memo[e.base], self.graph.value(self._memo[e.exp])
        if isinstance(exponent, (int, Fraction)):
            return self.graph.power(base, exponent)
        if isinstance(exponent, float) and exponent.is_integer():
            return self.graph.power(base, int(exponent))
        return self.graph.call("power", base, self._memo[e.exp])

    def _function(self, e: Any, name: str, arguments: list[Node]) -> Node:
        graph = self.graph
        if OWN.get(name, getattr(sp, name, None)) is not type(e):
            raise _unknown(e)
        if (
            name == "log"
            and len(e.args[0].args) == 2
            and e.args[0].args[0] == 1
            and isinstance(e.args[0].args[1], sp.exp)
        ):
            return graph.call("softplus", self(e.args[0].args[1].args[0]))  # which does not overflow
        if name in _REWRITTEN:
            return self(_REWRITTEN[name](*e.args))
        if name in _EXTREMA:
            return functools.reduce(lambda x, y: graph.call(_EXTREMA[name], x, y), arguments)
        if name == "Heaviside":
            x, at_zero = arguments
            zero = graph.select(graph.compare("==", x, graph.zero), at_zero, graph.one)
            return graph.select(graph.compare("<", x, graph.zero), graph.zero, zero)
        if name == "besseli" and graph.value(arguments[0]) in (0, 1):
            return graph.call(f"i{graph.value(arguments[0])}", arguments[1])
        if name == "polygamma" and arguments[0] == graph.zero:
            return graph.call("digamma", arguments[1])
        if name in ("lowergamma", "uppergamma"):
            order = graph.value(arguments[0])
            if order is not None and order <= 0:
                raise _unknown(e)  # JAX has the regularised functions of positive order
            share = graph.call("gammainc" if name == "lowergamma" else "gammaincc", *arguments)
            return graph.multiply(self(sp.gamma(e.args[0])), share)
        if name in ("betainc", "betainc_regularized"):
            a, b, lower, upper = arguments
            share = graph.call("betainc", a, b, upper)
            if lower != graph.zero:
                share = graph.linear([(share, 1), (graph.call("betainc", a, b, lower), -1)])
            return share if name == "betainc_regularized" else graph.multiply(share, graph.call("beta", a, b))
        if name not in FUNCTIONS:
            raise _unknown(e)
        return graph.call(name, *arguments)

    def _bessel_product(self, e: Any) -> Node | None:
        # I_n(z) = e^{|z|} · (e^{-|z|} I_n(z)), the exponents collected: e^{-z} I_0(z) and I_1(z)/I_0(z) do not overflow
        scaled: list[tuple[Any, int]] = []
        exponents: list[Any] = []
        rest: list[Node] = []
        for a in e.args:
            base, k = cast(Any, a).as_base_exp()
            if isinstance(base, sp.besseli) and base.args[0] in (0, 1) and k.is_Integer:
                scaled.append((base, int(k)))
                exponents.append(k * sp.Abs(base.args[1]))
            elif isinstance(a, sp.exp):
                exponents.append(a.args[0])
            else:
                rest.append(self._memo[a])
        if not scaled or len(exponents) < 2:
            return None
        calls = [(self.graph.call(f"i{f.args[0]}e", self._memo[f.args[1]]), k) for f, k in scaled]
        growth = self(sp.exp(sp.Add(*exponents)))
        return self.graph.product([*((x, 1) for x in rest), *calls, (growth, 1)])

    def _piecewise(self, e: Any) -> Node:
        graph = self.graph
        value = graph.number(float("nan"))
        conditions = [self(c) for _, c in e.args]
        for k in reversed(range(len(e.args))):
            branch: Any = e.args[k][0]
            if e.args[k][1] == True:  # noqa: E712  (SymPy's true)
                value = self._branch(branch, conditions[:k], None)
            else:
                value = graph.select(conditions[k], self._branch(branch, conditions[:k], conditions[k]), value)
        return value

    def _branch(self, branch: sp.Expr, before: list[Node], own: Node | None) -> Node:
        r"""Return a branch that is finite, with finite derivatives, also where it is not taken.

        There its variables are replaced by a point at which it is finite: a NaN behind `where` would come back in
        the gradient.
        """
        plain, graph = self(branch), self.graph
        if not _singular(branch) or not branch.free_symbols:
            return plain
        holds = [graph.logic("not", c) for c in before] + ([own] if own is not None else [])
        condition = holds[0] if len(holds) == 1 else graph.logic("and", *holds)
        symbols = sorted(branch.free_symbols, key=str)
        safe = {s: graph.select(condition, self(s), graph.number(x)) for s, x in zip(symbols, _anchor(branch, symbols))}
        return Reader(graph, self.known | safe)(branch)


def _operands(e: Any) -> Iterable[Any]:
    # The branches of a piecewise function are read one by one, with variables of their own.
    if isinstance(e, sp.Piecewise):
        return ()
    if isinstance(e, AppliedUndef) or not isinstance(e, (sp.Expr, sp.logic.boolalg.Boolean)):
        return ()
    if isinstance(e, (sp.Add, sp.Mul, sp.Pow, *_FUNCTION)) or type(e).__name__ in _CONDITIONS:
        return e.args
    return ()


def _number(e: Any) -> int | Fraction | float:
    return Fraction(int(e.p), int(e.q)) if isinstance(e, sp.Rational) else float(e)


def _singular(e: sp.Expr) -> bool:
    powers: set[Any] = e.atoms(sp.Pow)
    broken = any(not (p.exp.is_Integer and p.exp.is_nonnegative) for p in powers)
    return broken or any(not isinstance(f, _TAME) for f in e.atoms(sp.Function))


def _anchor(branch: sp.Expr, symbols: list[Any]) -> list[float]:
    # Values at which the branch is finite, and real if it is anywhere.
    for trial in itertools.chain(
        ([a] * len(symbols) for a in _ANCHORS), itertools.product(_ANCHORS, repeat=min(len(symbols), 3))
    ):
        values = [*trial, *trial[:1] * (len(symbols) - len(trial))]
        values = [v * (1 + 0.01 * k) for k, v in enumerate(values)]
        found = sp.N(branch.xreplace({s: sp.Float(v) for s, v in zip(symbols, values)}))
        if found.is_finite and (found.is_real or branch.has(sp.I)) and abs(complex(found)) < 1e8:
            return values
    raise GenerationError(
        f"No point was found at which the branch `{branch}` of a piecewise function is finite, so its gradient would "
        "be NaN where it is not taken. Write the branch so that it is finite at 1 or -1, or drop the other branches.",
        unknown="Piecewise",
    )


def _unknown(e: Any) -> GenerationError:
    name = type(e).__name__
    if isinstance(e, _FUNCTION):
        known = sorted(n for n in {*FUNCTIONS, *_REWRITTEN, *_EXTREMA, *_SPECIAL, "Piecewise"} if hasattr(sp, n))
        return GenerationError(
            f"The function `{name}` has no JAX counterpart in the generator. "
            f"Rewrite the expression with one of: {', '.join(known)}.",
            unknown=name,
        )
    return GenerationError(
        f"`{e}` ({name}) cannot be turned into JAX code. "
        "Carry out derivatives and integrals first; replace unknown functions by jets.",
        unknown=name,
    )
