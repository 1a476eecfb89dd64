"""sympy2jax (settings: default, best): one module of all components; after SymPy's CSE, with Python constants."""

from importlib.metadata import version

import jax
import jax.numpy as jnp
import sympy
from cases import Case
from expressions import arguments, ricci
from jax_side import peer
from protocol import Peer, serve
from sympy2jax import SymbolicModule


def generate(case: Case, setting: str) -> Peer:
    """Rows under vmap and jit."""
    names, outputs = [s.name for s in arguments(case)], ricci(case)
    if setting == "best":
        shared, values = sympy.cse(outputs, order="none", list=False)
        steps = [(symbol.name, SymbolicModule(expression, make_array=False)) for symbol, expression in shared]
        last = SymbolicModule(values, make_array=False)
    else:
        steps, last = [], SymbolicModule(outputs)

    def point(x):
        known = dict(zip(names, x))
        for name, module in steps:
            known[name] = module(**known)
        return jnp.stack([jnp.asarray(y, float) for y in last(**known)])

    function = jax.grad(lambda x, w: jnp.dot(w, point(x))) if case.gradient else point
    return peer(jax.jit(jax.vmap(function)), "rows", f"sympy2jax {version('sympy2jax')}")


if __name__ == "__main__":
    serve(generate)
