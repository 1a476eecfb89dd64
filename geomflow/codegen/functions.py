r"""The functions a generated module may call: their names in SymPy and JAX, and their derivatives.

Derivatives are SymPy's own (`fdiff`) wherever SymPy knows the function; the others stand here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from geomflow.codegen.graph import Graph, Node
from geomflow.symbolic.kernels.duals.bivariate_normal import BivariateNormalCDF

#: A derivative by each argument, made in a graph from the arguments; None where none is known.
Partials = Callable[..., "list[Node | None]"]


@dataclass(frozen=True)
class Function:
    r"""A function of scalars: its source in a module, and its partial derivatives if SymPy has none."""

    source: str
    partials: Partials | None = None


def _i0e(graph: Graph, x: Node) -> list[Node | None]:
    decay = graph.multiply(graph.call("sign", x), graph.call("i0e", x))
    return [graph.linear([(graph.call("i1e", x), 1), (decay, -1)])]


def _i1e(graph: Graph, x: Node) -> list[Node | None]:
    decay = graph.multiply(graph.call("sign", x), graph.call("i1e", x))
    return [graph.linear([(graph.call("i0e", x), 1), (_i1_over(graph, "i1e", x), -1), (decay, -1)])]


def _i0(graph: Graph, x: Node) -> list[Node | None]:
    return [graph.call("i1", x)]


def _i1(graph: Graph, x: Node) -> list[Node | None]:
    return [graph.linear([(graph.call("i0", x), 1), (_i1_over(graph, "i1", x), -1)])]


def _i1_over(graph: Graph, name: str, x: Node) -> Node:
    # I_1(x)/x, which is 1/2 at 0
    at_zero = graph.compare("==", x, graph.zero)
    safe = graph.select(at_zero, graph.one, x)
    quotient = graph.multiply(graph.call(name, x), graph.power(safe, -1))
    return graph.select(at_zero, graph.number(Fraction(1, 2)), quotient)


def _gammainc(sign: int) -> Partials:
    def partials(graph: Graph, a: Node, x: Node) -> list[Node | None]:
        power = graph.call("xlogy", graph.linear([(a, 1)], -1), x)
        density = graph.call("exp", graph.linear([(power, 1), (x, -1), (graph.call("loggamma", a), -1)]))
        return [None, graph.times(sign, density)]

    return partials


def _betainc(graph: Graph, a: Node, b: Node, x: Node) -> list[Node | None]:
    left = graph.call("xlogy", graph.linear([(a, 1)], -1), x)
    right = graph.call("xlog1py", graph.linear([(b, 1)], -1), graph.times(-1, x))
    gammas = [(graph.call("loggamma", n), s) for n, s in ((graph.add(a, b), 1), (a, -1), (b, -1))]
    return [None, None, graph.call("exp", graph.linear([(left, 1), (right, 1), *gammas]))]


def _extremum(sign: str) -> Partials:
    def partials(graph: Graph, x: Node, y: Node) -> list[Node | None]:
        first = graph.select(graph.compare(sign, x, y), graph.one, graph.zero)
        return [first, graph.linear([(first, -1)], 1)]

    return partials


def _power(graph: Graph, x: Node, y: Node) -> list[Node | None]:
    by_base = graph.multiply(y, graph.call("power", x, graph.linear([(y, 1)], -1)))
    # x^y log x is 0 at x = 0
    safe = graph.select(graph.compare("==", x, graph.zero), graph.one, x) if graph.value(x) is None else x
    return [by_base, graph.multiply(graph.call("power", x, y), graph.call("log", safe))]


def _xlogy(graph: Graph, x: Node, y: Node) -> list[Node | None]:
    return [graph.call("log", y), graph.multiply(x, graph.power(y, -1))]


def _xlog1py(graph: Graph, x: Node, y: Node) -> list[Node | None]:
    shifted = graph.linear([(y, 1)], 1)
    return [graph.call("log", shifted), graph.multiply(x, graph.power(shifted, -1))]


def _steps(graph: Graph, *arguments: Node) -> list[Node | None]:
    return [graph.zero] * len(arguments)


def _unit(graph: Graph, x: Node) -> Node:
    return graph.one


def _conjugate_sign(graph: Graph, x: Node) -> Node:
    return graph.call("conjugate", graph.call("sign", x))


def _reciprocal(graph: Graph, x: Node) -> Node:
    return graph.power(x, -1)


#: Functions that no complex number times the change of x gives: name -> (P, m), the change is P(m ẋ), P one of re, im
#: and conjugate. For real x they are the usual derivatives.
REAL_LINEAR: dict[str, tuple[str, Callable[[Graph, Node], Node]]] = {
    "re": ("re", _unit),
    "im": ("im", _unit),
    "conjugate": ("conjugate", _unit),
    "Abs": ("re", _conjugate_sign),
    "arg": ("im", _reciprocal),
}


def _softplus(graph: Graph, x: Node) -> list[Node | None]:
    return [graph.linear([(graph.call("tanh", graph.times(Fraction(1, 2), x)), Fraction(1, 2))], Fraction(1, 2))]


def _bivariate_normal(graph: Graph, h: Node, k: Node, rho: Node) -> list[Node | None]:
    root = graph.power(graph.linear([(graph.multiply(rho, rho), -1)], 1), Fraction(-1, 2))

    def beyond(x: Node, y: Node) -> Node:
        return graph.multiply(graph.linear([(y, 1), (graph.multiply(rho, x), -1)]), root)

    by_h = graph.multiply(_density(graph, h), graph.call("normal_cdf", beyond(h, k)))
    by_k = graph.multiply(_density(graph, k), graph.call("normal_cdf", beyond(k, h)))
    return [by_h, by_k, graph.multiply(_density(graph, h), _density(graph, beyond(h, k)), root)]


def _erfi(graph: Graph, x: Node) -> list[Node | None]:
    root = graph.power(graph.constant("jnp.pi"), Fraction(-1, 2))
    return [graph.times(2, graph.multiply(graph.call("exp", graph.multiply(x, x)), root))]


def _normal(graph: Graph, x: Node) -> list[Node | None]:
    return [_density(graph, x)]


def _density(graph: Graph, x: Node) -> Node:
    power = graph.call("exp", graph.times(Fraction(-1, 2), graph.multiply(x, x)))
    return graph.multiply(power, graph.power(graph.times(2, graph.constant("jnp.pi")), Fraction(-1, 2)))


def _polygamma(graph: Graph, n: Node, x: Node) -> list[Node | None]:
    return [None, graph.call("polygamma", graph.linear([(n, 1)], 1), x)]


#: SymPy's class name (or our own name) -> the function in a module that imports `jax.numpy as jnp` and
#: `jax.scipy.special as jsp`.
FUNCTIONS: dict[str, Function] = {
    **{name: Function(f"jnp.{name}") for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "log")},
    **{f"a{name}": Function(f"arc{name}") for name in ("sin", "cos", "tan", "tan2")},
    **{f"a{name}": Function(f"jnp.arc{name}") for name in ("sinh", "cosh", "tanh")},
    "Abs": Function("jnp.abs"),
    "sign": Function("jnp.sign", _steps),
    "floor": Function("jnp.floor", _steps),
    "ceiling": Function("jnp.ceil", _steps),
    "maximum": Function("jnp.maximum", _extremum(">=")),
    "minimum": Function("jnp.minimum", _extremum("<=")),
    "power": Function("jnp.power", _power),
    "re": Function("jnp.real"),
    "im": Function("jnp.imag"),
    "conjugate": Function("jnp.conj"),
    "arg": Function("jnp.angle"),
    "erf": Function("jsp.erf"),
    "erfc": Function("jsp.erfc"),
    "erfinv": Function("jsp.erfinv"),
    "erfi": Function("erfi", _erfi),
    "gamma": Function("jsp.gamma"),
    "loggamma": Function("jsp.gammaln"),
    "digamma": Function("jsp.digamma", lambda graph, x: [graph.call("polygamma", graph.one, x)]),
    "polygamma": Function("jsp.polygamma", _polygamma),
    "gammainc": Function("jsp.gammainc", _gammainc(1)),
    "gammaincc": Function("jsp.gammaincc", _gammainc(-1)),
    "beta": Function("jsp.beta"),
    "betainc": Function("jsp.betainc", _betainc),
    "xlogy": Function("jsp.xlogy", _xlogy),
    "xlog1py": Function("jsp.xlog1py", _xlog1py),
    "Ei": Function("jsp.expi"),
    "i0": Function("jsp.i0", _i0),
    "i1": Function("jsp.i1", _i1),
    "i0e": Function("jsp.i0e", _i0e),
    "i1e": Function("jsp.i1e", _i1e),
    "normal_cdf": Function("jsp.ndtr", _normal),
    "softplus": Function("softplus", _softplus),
    "BivariateNormalCDF": Function("bivariate_normal_cdf", _bivariate_normal),
}

#: Functions that JAX lacks, or has slower ones of: name -> the module of `geomflow.codegen` that defines it.
SPECIAL: dict[str, str] = {
    **dict.fromkeys(("arcsin", "arccos", "arctan", "arctan2"), "arcs"),
    **dict.fromkeys(("softplus", "erfi", "bivariate_normal_cdf"), "special"),
}

#: Functions that are classes of geomflow and not of SymPy.
OWN: dict[str, type] = {"BivariateNormalCDF": BivariateNormalCDF}
