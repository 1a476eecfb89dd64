"""`sympy.lambdify` (settings: rows, columns, numpy): as users write it, in its best layout, and on numpy."""

import numpy as np
import sympy
from cases import Case, data
from expressions import arguments, ricci
from protocol import Peer, serve

# what lambdify is told in its best setting; the default order walks every expression as a tree
LINEAR_CSE = {"cse": lambda e: sympy.cse(e, order="none", list=False)}


def on_numpy(case: Case) -> Peer:
    """Columns of numpy arrays, CSE."""
    function = sympy.lambdify(arguments(case), ricci(case), modules="numpy", cse=True)

    def call(*columns):
        return tuple(np.broadcast_to(y, columns[0].shape) for y in function(*columns))

    version = f"SymPy {sympy.__version__}, numpy {np.__version__}"
    return Peer(call, lambda case, points: data(case, "columns", points), version)


def generate(case: Case, setting: str) -> Peer:
    """The printed function, under jit (and vmap over rows)."""
    if setting == "numpy":
        return on_numpy(case)
    import jax
    import jax.numpy as jnp
    from jax_side import columns_gradient, peer, spread

    system = f"SymPy {sympy.__version__}"
    if setting == "columns":
        function = spread(sympy.lambdify(arguments(case), ricci(case), modules="jax", **LINEAR_CSE), 1)
        return peer(jax.jit(columns_gradient(case, function) if case.gradient else function), "columns", system)
    printed = sympy.lambdify([arguments(case)], ricci(case), modules="jax", cse=True)

    def point(x):
        return jnp.stack(list(map(jnp.asarray, printed(x))))

    if case.gradient:
        return peer(jax.jit(jax.vmap(jax.grad(lambda x, w: jnp.dot(w, point(x))))), "rows", system)
    return peer(jax.jit(jax.vmap(point)), "rows", system)


if __name__ == "__main__":
    serve(generate)
