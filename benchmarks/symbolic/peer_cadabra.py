r"""Cadabra2: the rules of its relativity notebooks, evaluated into components (SymPy simplifies them inside)."""

import re
from importlib.metadata import version

from protocol import Run

_GREEK = re.compile(r"\b(theta|phi|psi)\b")
_FUNCTION = re.compile(r"\b(sin|cos|exp)\(")


def written(text: str) -> str:
    """A case's string in Cadabra's notation."""
    return _FUNCTION.sub(r"\\\1(", _GREEK.sub(r"\\\1", text))


def main() -> None:
    """Declare the chart, `complete` the inverse metric, `evaluate` Γ, Riemann, Ricci and the scalar."""
    run = Run()
    import cadabra2 as cdb
    from sympy_side import answer, sympy

    cdb.__cdbkernel__ = cdb.create_scope()
    case, ex, empty = run.case, cdb.Ex, cdb.Ex("")
    names = [written(x) for x in case.coordinates]
    listed = "{" + ", ".join(names) + "}"
    cdb.Coordinate(ex(listed), empty)
    indices = r"{\alpha, \beta, \gamma, \delta, \rho, \sigma, \lambda, \mu, \nu, \kappa}"
    cdb.Indices(ex(indices), ex(f"values={listed}, position=fixed"))
    cdb.PartialDerivative(ex(r"\partial{#}"), empty)
    cdb.Metric(ex(r"g_{\mu\nu}"), empty)
    cdb.InverseMetric(ex(r"g^{\mu\nu}"), empty)
    for f, args in case.functions.items():
        cdb.Depends(ex(f), ex("{" + ", ".join(map(written, args)) + "}"))
    entries = [
        f"g_{{{names[i]} {names[j]}}} = {written(case.metric[i][j])}"
        for i in range(case.dim)
        for j in range(case.dim)
        if case.metric[i][j] != "0"
    ]
    scalar = None
    with run.timed():
        metric = ex("{" + ", ".join(entries) + "}")
        cdb.complete(metric, ex(r"g^{\mu\nu}"))
        gamma = ex(
            r"\Gamma^{\mu}_{\nu\rho} = 1/2 g^{\mu\sigma} "
            r"(\partial_{\rho}{g_{\nu\sigma}} + \partial_{\nu}{g_{\rho\sigma}} - \partial_{\sigma}{g_{\nu\rho}})"
        )
        cdb.evaluate(gamma, metric, rhsonly=True)
        riemann = ex(
            r"R^{\rho}_{\sigma\mu\nu} = \partial_{\mu}{\Gamma^{\rho}_{\nu\sigma}}"
            r" - \partial_{\nu}{\Gamma^{\rho}_{\mu\sigma}} + \Gamma^{\rho}_{\mu\lambda} \Gamma^{\lambda}_{\nu\sigma}"
            r" - \Gamma^{\rho}_{\nu\lambda} \Gamma^{\lambda}_{\mu\sigma}"
        )
        cdb.substitute(riemann, gamma)
        cdb.evaluate(riemann, metric, rhsonly=True)
        ricci = ex(r"R_{\sigma\nu} = R^{\rho}_{\sigma\rho\nu}")
        cdb.substitute(ricci, riemann)
        cdb.evaluate(ricci, metric, rhsonly=True)
        if not case.ricci_only:
            scalar = ex(r"R = R_{\sigma\nu} g^{\sigma\nu}")
            cdb.substitute(scalar, ricci)
            cdb.evaluate(scalar, metric, rhsonly=True)
    components = sympy.zeros(case.dim, case.dim)
    for node in ricci[r"\equals"]:
        left, right = (child.ex() for child in node.children())
        pair = left.input_form().strip("{}").split(", ")
        if set(pair) <= set(names):
            components[names.index(pair[0]), names.index(pair[1])] = right._sympy_()
    if scalar is not None:
        scalar = next(list(node.children())[1].ex()._sympy_() for node in scalar[r"\equals"])
    answer(run, version("cadabra2"), components, scalar)


if __name__ == "__main__":
    main()
