"""What the peers built on SymPy share: reading a case into SymPy and evaluating an answer at the case's point."""

from types import SimpleNamespace

import mpmath
import sympy
from cases import Case
from protocol import Run


def read(case: Case) -> SimpleNamespace:
    """The case in SymPy: coordinates, constants, unknown functions applied to their arguments, metric."""
    coordinates = {name: sympy.Symbol(name) for name in case.coordinates}
    constants = {name: sympy.Symbol(name) for name in case.constants}
    functions = {f: sympy.Function(f)(*(coordinates[x] for x in args)) for f, args in case.functions.items()}
    names = coordinates | constants | functions
    metric = sympy.Matrix([[sympy.sympify(e, locals=names) for e in row] for row in case.metric])
    return SimpleNamespace(
        coordinates=list(coordinates.values()),
        constants=list(constants.values()),
        functions=list(functions.values()),
        metric=metric,
    )


def number(expression, case: Case) -> float:
    """Value at the case's point, unknown functions replaced by the case's probes; symbols are matched by name."""
    expression = sympy.sympify(expression)
    symbols = {str(s): s for s in expression.free_symbols}
    probes = {f: sympy.sympify(text, locals=symbols) for f, text in case.probes.items()}
    derivatives = {
        d: sympy.diff(probes[d.expr.func.__name__], *d.variables) for d in expression.atoms(sympy.Derivative)
    }
    expression = expression.xreplace(derivatives)
    applied = expression.atoms(sympy.core.function.AppliedUndef)
    expression = expression.xreplace({f: probes[f.func.__name__] for f in applied})
    values = {s: sympy.Rational(case.point[name]) for name, s in symbols.items()}
    with mpmath.workdps(40):
        exact = sympy.lambdify(list(values), expression, modules="mpmath", cse=True)
        return float(mpmath.re(exact(*(mpmath.mpf(v.p) / v.q for v in values.values()))))


def answer(run: Run, version: str, ricci, scalar) -> None:
    """Report SymPy expressions: `ricci` any nested sequence or matrix, `scalar` an expression or None."""
    n = run.case.dim
    rows = [[sympy.sympify(ricci[i, j]) for j in range(n)] for i in range(n)]
    coordinates = set(run.case.coordinates)
    run.answer(
        f"{version} on SymPy {sympy.__version__}",
        rows,
        None if scalar is None else sympy.sympify(scalar),
        lambda e: number(e, run.case),
        lambda e: e == 0,
        lambda e: not coordinates & {str(s) for s in e.free_symbols},
    )
