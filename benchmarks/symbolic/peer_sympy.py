"""sympy.diffgeom: components straight from a two-form field (settings: raw, simplify)."""

from protocol import Run


def main() -> None:
    """Christoffel, Riemann and Ricci by `metric_to_*`; the scalar by contraction, which diffgeom leaves to the user."""
    run = Run()
    import sympy
    from sympy.diffgeom import (
        CoordSystem,
        Manifold,
        Patch,
        TensorProduct,
        metric_to_Christoffel_2nd,
        metric_to_Ricci_components,
        metric_to_Riemann_components,
    )
    from sympy_side import answer, read

    data = read(run.case)
    chart = CoordSystem("chart", Patch("P", Manifold("M", run.case.dim)), data.coordinates)
    fields = dict(zip(data.coordinates, chart.base_scalars(), strict=True))
    forms, n = chart.base_oneforms(), run.case.dim
    entries = data.metric.xreplace(fields)
    simplified = run.setting == "simplify"
    scalar = None
    with run.timed():
        g = sum(entries[i, j] * TensorProduct(forms[i], forms[j]) for i in range(n) for j in range(n))
        if not run.case.ricci_only:
            christoffel = metric_to_Christoffel_2nd(g)
            riemann = metric_to_Riemann_components(g)
        ricci = metric_to_Ricci_components(g)
        if simplified:
            ricci = ricci.applyfunc(sympy.simplify)
        if not run.case.ricci_only:
            inverse = entries.inv()
            scalar = sum(inverse[i, j] * ricci[i, j] for i in range(n) for j in range(n))
            if simplified:
                christoffel, riemann = christoffel.applyfunc(sympy.simplify), riemann.applyfunc(sympy.simplify)
                scalar = sympy.simplify(scalar)
    coordinates = data.coordinates

    def plain(expression):
        """Scalar fields of the chart back to symbols, also where diffgeom left them inside a `Subs`."""
        expression = sympy.sympify(expression).replace(
            sympy.Subs,
            lambda e, old, new: e.xreplace({o: coordinates[int(f.args[1])] for o, f in zip(old, new, strict=True)}),
        )
        return expression.xreplace(dict(zip(chart.base_scalars(), coordinates, strict=True)))

    ricci = sympy.Matrix(n, n, lambda i, j: plain(ricci[i, j]))
    answer(run, "diffgeom", ricci, None if scalar is None else plain(scalar))


if __name__ == "__main__":
    main()
