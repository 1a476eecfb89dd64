"""pytearcat: line element in, `factor`-ed components out (back end SymPy, or Giac where giacpy is installed)."""

import builtins
from importlib.metadata import version

from protocol import Run


def line_element(case) -> str:
    """ds² in pytearcat's notation."""
    x = case.coordinates
    terms = [
        f"{2 if i < j else 1}*({case.metric[i][j]})*d{x[i]}*d{x[j]}"
        for i in range(case.dim)
        for j in range(i, case.dim)
        if case.metric[i][j] != "0"
    ]
    return "ds2 = " + " + ".join(terms)


def main() -> None:
    """`pt.christoffel`, `pt.riemann`, `pt.ricci`, `pt.riccis` in their default index positions."""
    run = Run()
    builtins.display = lambda *_: None  # pytearcat counts on a notebook
    import pytearcat as pt
    import sympy
    from pytearcat.tensor.core.core import core_calc
    from sympy_side import answer

    case, n = run.case, run.case.dim
    pt.coords(",".join(case.coordinates))
    if case.constants:
        pt.con(*case.constants)
    for name, args in case.functions.items():
        pt.fun(name, ",".join(args))
    element = line_element(case)
    scalar = None
    with run.timed():
        pt.metric(element)
        if not case.ricci_only:
            pt.christoffel()
            pt.riemann()
        ricci = pt.ricci()
        if not case.ricci_only:
            scalar = pt.riccis()
    giac = core_calc == "gp"

    class Unknown:
        """An unknown function in Giac's notation: `u(x,y)` and, for a derivative, `diff(u,0)(x,y)`."""

        def __init__(self, name, places=()):
            self.name, self.places = name, places

        def __call__(self, *args):
            applied = sympy.Function(self.name)(*args)
            return sympy.Derivative(applied, *(args[k] for k in self.places)) if self.places else applied

    def diff(f, *by):
        """Giac's derivative of either kind."""
        return Unknown(f.name, (*f.places, *map(int, by))) if isinstance(f, Unknown) else sympy.Derivative(f, *by)

    names = {"diff": diff} | {f: Unknown(f) for f in case.functions}

    def plain(expression):
        """Giac's expressions by their text."""
        return sympy.sympify(str(expression), locals=names) if giac else expression

    rows = sympy.Matrix(n, n, lambda i, j: plain(ricci.tensor[0][i][j]))
    back_end = "Giac" if giac else "SymPy"
    answer(run, f"{version('pytearcat')} ({back_end})", rows, None if scalar is None else plain(scalar))


if __name__ == "__main__":
    main()
