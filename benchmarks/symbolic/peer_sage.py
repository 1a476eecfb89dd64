"""SageManifolds (settings: default; none: no simplification; rational: `simplify_rational`; sympy: SymPy calculus)."""

import re

from protocol import Run


def main() -> None:
    """`M.metric()` with `christoffel_symbols`, `riemann`, `ricci`, `ricci_scalar`."""
    run = Run()
    from sage.all__sagemath_symbolics import SR, Integer, cos, exp, function, oo, pi, sin
    from sage.manifolds.manifold import Manifold
    from sage.version import version

    case, n = run.case, run.case.dim
    manifold = Manifold(n, "M")
    ranges = (f"{x}:({','.join(case.ranges[x])})" if x in case.ranges else x for x in case.coordinates)
    chart = manifold.chart(" ".join(ranges))
    coordinates = dict(zip(case.coordinates, chart[:], strict=True))
    names = {"sin": sin, "cos": cos, "exp": exp, "Integer": Integer, "pi": pi, "oo": oo} | coordinates
    names |= {c: SR.var(c, domain="real") for c in case.constants}
    unknown = {f: function(f) for f in case.functions}
    names |= {f: unknown[f](*(coordinates[x] for x in args)) for f, args in case.functions.items()}

    def read(text):
        return SR(eval(re.sub(r"(?<![\w.])(\d+)", r"Integer(\1)", text), {"__builtins__": {}}, names))

    entries = [[read(e) for e in row] for row in case.metric]
    if run.setting == "none":
        manifold.set_simplify_function(lambda e: e)
    elif run.setting == "rational":
        manifold.set_simplify_function(lambda e: e.simplify_rational())
    elif run.setting == "sympy":
        manifold.set_calculus_method("sympy")
    scalar = None
    with run.timed():
        g = manifold.metric("g")
        for i in range(n):
            for j in range(i, n):
                g[i, j] = entries[i][j]
        if not case.ricci_only:
            g.christoffel_symbols()
            g.riemann()
        ricci = g.ricci()[:]
        if not case.ricci_only:
            scalar = g.ricci_scalar().expr()
    ricci = [[SR(ricci[i, j].expr()) for j in range(n)] for i in range(n)]

    def number(e):
        for f, args in case.functions.items():
            e = e.substitute_function(unknown[f], read(case.probes[f]).function(*(coordinates[x] for x in args)))
        return float(e.subs({names[x]: read(value) for x, value in case.point.items()}))

    run.answer(
        f"Sage {version}",
        ricci,
        None if scalar is None else SR(scalar),
        number,
        lambda e: e.is_trivial_zero(),
        lambda e: not set(e.variables()) & set(coordinates.values()),
    )


if __name__ == "__main__":
    main()
