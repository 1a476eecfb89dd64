r"""The recursion of a fully connected network as one generated function of p = x·x/d, q = y·y/d, c = x·y/d."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import sympy as sp

from geomflow.codegen.derivatives import forward
from geomflow.codegen.graph import Graph, Node
from geomflow.codegen.program import Argument, Program
from geomflow.codegen.reading import Reader
from geomflow.core.errors import GenerationError
from geomflow.kernels.activation_dual import ActivationDual
from geomflow.kernels.angular import Angular
from geomflow.kernels.closed_form import ClosedForm
from geomflow.symbolic.kernels.duals.dual import THETA, C, P, Q


def recursion_program(
    name: str,
    rules: Sequence[ActivationDual],
    weights: Sequence[bool],
    biases: Sequence[bool],
    of: str,
    orders: Sequence[tuple[int, int, int]] = ((0, 0, 0),),
) -> Program:
    r"""Return the kernel F, or partial derivatives of it, as a program of p, q, c, σ_w and σ_b.

    Args:
        name: of the function.
        rules: the duals of the hidden layers.
        weights: which layers' weights are trained; not asked for where `of` is "nngp".
        biases: which layers' biases.
        of: "ntk" or "nngp".
        orders: (i, j, k) for each output: ∂_p^i ∂_q^j ∂_c^k F.

    Raises:
        GenerationError: a dual has no closed form, or a derivative that is not known.
    """
    count = len(rules) + 1
    sigmas = [tuple(sp.Symbol(f"{s}_{l}", nonnegative=True) for l in range(count)) for s in ("sigma_w", "sigma_b")]
    arguments = [Argument(s.name, s) for s in (P, Q, C)]
    arguments += [Argument("sigma_w", sigmas[0]), Argument("sigma_b", sigmas[1])]
    graph = Graph()
    variables = {s: graph.symbol(s.name) for a in arguments for s, _ in a.leaves()}
    reader = Reader(graph, dict(variables))

    def named(label: str, expr: sp.Expr) -> sp.Symbol:
        symbol = sp.Symbol(label, real=True)
        reader.known[symbol] = reader(expr)
        graph.labels.setdefault(reader.known[symbol], label)
        return symbol

    value = _recursion(rules, list(zip(*sigmas)), weights, biases, of == "ntk", named)
    found = partials(graph, reader.known[value], [variables[s] for s in (P, Q, C)], orders)
    kernel = "\\Theta" if of == "ntk" else "K"
    listed = ", ".join("".join(s * n for s, n in zip("pqc", order)) or "value" for order in orders)
    doc = (
        f"${kernel}(p, q, c)$ of an infinitely wide network with {count - 1} hidden layers, p = x·x/d, q = y·y/d, "
        f"c = x·y/d.\n\nComponents (derivatives): {listed}."
    )
    return Program(name, arguments, found, doc=doc, derivatives=tuple(orders) == ((0, 0, 0),), graph=graph)


def expressions(rule: ActivationDual) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
    r"""Return K, K' and K(p, p, p) of a dual in the symbols `P`, `Q`, `C`.

    Raises:
        GenerationError: it has no closed form.
    """
    if isinstance(rule, ClosedForm):
        return rule.kernel, rule.derivative, rule.on_diagonal[0]
    if isinstance(rule, Angular):
        r, n = sp.sqrt(P * Q), rule.degree
        s = sp.sqrt(P * Q - C**2)
        at = {sp.sin(THETA): s / r, sp.cos(THETA): C / r, THETA: sp.atan2(s, C)}
        k, slope = (sp.expand_trig(e).subs(at) for e in (rule.profile, rule.first))
        return r**n * k, r ** (n - 1) * slope, P**n * rule.profile.subs(THETA, 0)
    raise GenerationError(
        f"There is no closed form to generate code from in `{type(rule).__name__}`. Call the kernel itself instead.",
        unknown=type(rule).__name__,
    )


def _recursion(rules: Any, sigmas: Any, weights: Any, biases: Any, tangent: bool, named: Any) -> sp.Symbol:
    w, b = (s**2 for s in sigmas[0])
    p, q, c = named("p_1", w * P + b), named("q_1", w * Q + b), named("k_1", w * C + b)
    theta = int(weights[0]) * w * C + int(biases[0]) * b
    for layer, rule in enumerate(rules, 1):
        kernel, slope, diagonal = expressions(rule)
        at = {P: p, Q: q, C: c}
        w, b = (s**2 for s in sigmas[layer])
        k = named(f"e_{layer}", kernel.subs(at, simultaneous=True))
        if tangent:
            if any(weights[:layer]) or any(biases[:layer]):
                theta = w * theta * named(f"d_{layer}", slope.subs(at, simultaneous=True))
            theta = named(f"t_{layer + 1}", theta + int(weights[layer]) * w * k + int(biases[layer]) * b)
        p, q = (named(f"{s}_{layer + 1}", w * diagonal.subs(P, v) + b) for s, v in (("p", p), ("q", q)))
        c = named(f"k_{layer + 1}", w * k + b)
    return theta if tangent else c


def partials(
    graph: Graph, value: Node, variables: Sequence[Node], orders: Sequence[tuple[int, int, int]]
) -> list[Node]:
    r"""Return ∂_p^i ∂_q^j ∂_c^k of a node for each (i, j, k): one forward derivative for each order on the way.

    Args:
        graph: it grows.
        value: the node.
        variables: p, q and c.
        orders: the (i, j, k).
    """
    found = {(0, 0, 0): value}
    most = [range(max(order[axis] for order in orders) + 1) for axis in range(3)]
    for i, j, k in product(*most):
        if (i, j, k) in found or not any(i <= a and j <= b and k <= c for a, b, c in orders):
            continue
        # by p first, else by q, else by c: the derivatives by c, of which there are most, are shared
        axis = 0 if i else 1 if j else 2
        lower = found[i - (axis == 0), j - (axis == 1), k - (axis == 2)]
        (found[i, j, k],) = forward(graph, [lower], {variables[axis]: graph.one})
    return [found[order] for order in orders]
